/* The oracle: definitions of the statistics written out in plain loops and long double. */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static long double column_mean(const table *data, int64_t column)
{
    long double sum = 0;
    for (int64_t i = 0; i < data->n; i++)
        sum += *table_at(data, i, column);
    return sum / data->n;
}

static bool column_is_constant(const table *data, int64_t column)
{
    for (int64_t i = 1; i < data->n; i++)
        if (*table_at(data, i, column) != *table_at(data, 0, column))
            return false;
    return true;
}

/* Pearson's centred columns; the other metrics use the columns as they are. */
static bool metric_is_centred(int32_t metric)
{
    return metric == QKVSIM_METRIC_PEARSON || metric == QKVSIM_METRIC_COVARIANCE;
}

/* A constant column is centred to exactly zero, whatever the rounding of its mean. */
static long double shift_of(const table *data, int64_t column, int32_t metric)
{
    if (!metric_is_centred(metric))
        return 0;
    if (column_is_constant(data, column))
        return *table_at(data, 0, column);
    return column_mean(data, column);
}

static double finish(long double product, long double norm_i, long double norm_j, int64_t n,
                     int32_t metric)
{
    if (metric == QKVSIM_METRIC_DOT)
        return (double)product;
    if (metric == QKVSIM_METRIC_COVARIANCE)
        return n > 1 ? (double)(product / (n - 1)) : NAN;
    if (norm_i == 0 || norm_j == 0)
        return NAN;
    return (double)(product / (norm_i * norm_j));
}

typedef struct placed {
    double value;
    int64_t row;
} placed;

static int compare_values(const void *a, const void *b)
{
    const double x = ((const placed *)a)->value, y = ((const placed *)b)->value;
    return (x > y) - (x < y);
}

/* Each value's rank in its column, counted: those below it, and half of those equal to it. */
static table ranks_of(const table *data)
{
    table ranks = table_new(data->n, data->d);
    placed *sorted = malloc((size_t)data->n * sizeof *sorted);
    for (int64_t j = 0; j < data->d; j++) {
        for (int64_t i = 0; i < data->n; i++)
            sorted[i] = (placed){ *table_at(data, i, j), i };
        qsort(sorted, (size_t)data->n, sizeof *sorted, compare_values);
        for (int64_t first = 0, end; first < data->n; first = end) {
            for (end = first; end < data->n && sorted[end].value == sorted[first].value;)
                end++;
            for (int64_t k = first; k < end; k++)
                *table_at(&ranks, sorted[k].row, j) = 1 + 0.5 * (double)(first + end - 1);
        }
    }
    free(sorted);
    return ranks;
}

static double *oracle_spearman(const table *data)
{
    table ranks = ranks_of(data);
    double *matrix = oracle_similarity(&ranks, QKVSIM_METRIC_PEARSON);
    table_free(&ranks);
    return matrix;
}

/* Its columns one after another, each less its shift. */
static long double *shifted_columns(const table *data, int32_t metric)
{
    long double *columns = malloc((size_t)(data->n * data->d) * sizeof *columns);
    for (int64_t j = 0; j < data->d; j++) {
        const long double shift = shift_of(data, j, metric);
        for (int64_t i = 0; i < data->n; i++)
            columns[j * data->n + i] = *table_at(data, i, j) - shift;
    }
    return columns;
}

/* In four sums, which a processor adds to side by side. */
static long double dot(const long double *a, const long double *b, int64_t n)
{
    long double sum[4] = { 0 };
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum[0] += a[i] * b[i];
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

double *oracle_similarity(const table *data, int32_t metric)
{
    if (metric == QKVSIM_METRIC_SPEARMAN)
        return oracle_spearman(data);
    const int64_t n = data->n, d = data->d;
    double *matrix = malloc((size_t)(d * d) * sizeof *matrix);
    long double *columns = shifted_columns(data, metric);
    long double *norm = malloc((size_t)d * sizeof *norm);
    for (int64_t i = 0; i < d; i++)
        norm[i] = sqrtl(dot(columns + i * n, columns + i * n, n));
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = i; j < d; j++) {
            const long double product = dot(columns + i * n, columns + j * n, n);
            matrix[i * d + j] = finish(product, norm[i], norm[j], n, metric);
            matrix[j * d + i] = matrix[i * d + j];
        }
    free(columns);
    free(norm);
    return matrix;
}

double oracle_offset_ratio(const table *data, int64_t column)
{
    long double squares = 0;
    for (int64_t i = 0; i < data->n; i++)
        squares += (long double)*table_at(data, i, column) * *table_at(data, i, column);
    const long double norm = sqrtl(squares);
    if (norm == 0)
        return NAN;
    return (double)(sqrtl(data->n) * column_mean(data, column) / norm);
}

oracle_summary oracle_summarise(const double *values, int64_t count, bool single)
{
    oracle_summary summary = { .count = count,
                               .mean = NAN,
                               .variance = NAN,
                               .skewness = NAN,
                               .kurtosis = NAN,
                               .tail = NAN,
                               .minimum = NAN,
                               .maximum = NAN };
    if (count == 0)
        return summary;
    const double threshold = single ? (double)0.9f : 0.9;
    long double sum = 0, m2 = 0, m3 = 0, m4 = 0;
    int64_t tail = 0;
    summary.minimum = summary.maximum = values[0];
    for (int64_t i = 0; i < count; i++) {
        sum += values[i];
        tail += fabs(values[i]) >= threshold;
        summary.minimum = fmin(summary.minimum, values[i]);
        summary.maximum = fmax(summary.maximum, values[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        long double distance = values[i] - sum / count;
        m2 += distance * distance / count;
        m3 += distance * distance * distance / count;
        m4 += distance * distance * distance * distance / count;
    }
    summary.mean = (double)(sum / count);
    summary.variance = (double)m2;
    summary.tail = (double)tail / (double)count;
    if (summary.minimum != summary.maximum) {
        summary.skewness = (double)(m3 / powl(m2, 1.5L));
        summary.kurtosis = (double)(m4 / (m2 * m2) - 3);
    }
    return summary;
}

static bool pair_belongs(int32_t label_i, int32_t label_j, int32_t group_a, int32_t group_b)
{
    return (label_i == group_a && label_j == group_b) || (label_i == group_b && label_j == group_a);
}

int64_t oracle_collect(const double *matrix, int64_t d, const int32_t *labels, int32_t group_a,
                       int32_t group_b, double *values)
{
    int64_t count = 0;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = i + 1; j < d; j++)
            if (pair_belongs(labels[i], labels[j], group_a, group_b) && !isnan(matrix[i * d + j]))
                values[count++] = matrix[i * d + j];
    return count;
}

oracle_split oracle_offset(const table *data, const int32_t *labels, int32_t group_a,
                           int32_t group_b)
{
    const int64_t d = data->d;
    double *cosine = oracle_similarity(data, QKVSIM_METRIC_COSINE);
    double *ratio = malloc((size_t)d * sizeof *ratio);
    for (int64_t i = 0; i < d; i++)
        ratio[i] = oracle_offset_ratio(data, i);
    const long double n = (long double)data->n, noise = 1 / (n - 1);
    int64_t count = 0;
    long double offset = 0, variance = 0, offset2 = 0, variance2 = 0, cross = 0;
    long double corrected = 0, spread2 = 0, squares = 0;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = i + 1; j < d; j++) {
            if (!pair_belongs(labels[i], labels[j], group_a, group_b) || isnan(cosine[i * d + j]))
                continue;
            const long double o = (long double)ratio[i] * ratio[j];
            const long double v = cosine[i * d + j] - o;
            const long double si = 1 - (long double)ratio[i] * ratio[i];
            const long double sj = 1 - (long double)ratio[j] * ratio[j];
            const long double oi = 1 - si - si * noise, oj = 1 - sj - sj * noise;
            count++;
            offset += o;
            variance += v;
            offset2 += o * o;
            variance2 += v * v;
            cross += 2 * o * v;
            corrected += oi * oj;
            spread2 += si * sj;
            squares += (oi + oj) / 2;
        }
    free(cosine);
    free(ratio);
    if (count == 0)
        return (oracle_split){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
    const long double energy = ((n - 1) * variance2 - spread2) / (n - 2);
    const double share = (double)(corrected / (corrected + energy));
    return (oracle_split){ .share = corrected + energy > 0 ? fmin(1, fmax(0, share)) : NAN,
                           .energy = (double)corrected,
                           .variance_energy = (double)energy,
                           .raw_share = (double)(offset2 / (offset2 + variance2)),
                           .raw_energy = (double)offset2,
                           .raw_variance_energy = (double)variance2,
                           .mean_offset = (double)(offset / count),
                           .mean_variance = (double)(variance / count),
                           .cross_energy = (double)cross,
                           .mean_offset_square = (double)(squares / count),
                           .noise_fraction = (double)(spread2 / ((n - 1) * variance2)) };
}

void oracle_edges(int64_t count, double low, double high, bool single, double *edges)
{
    const double step = (high - low) / (double)count;
    for (int64_t i = 0; i <= count; i++) {
        edges[i] = (double)i * step + low;
        if (i == count)
            edges[i] = high;
        if (single)
            edges[i] = (float)edges[i];
    }
}

int64_t oracle_histogram(const double *values, int64_t value_count, const double *edges,
                         int64_t count, int64_t *histogram)
{
    int64_t outside = 0;
    memset(histogram, 0, (size_t)count * sizeof *histogram);
    for (int64_t k = 0; k < value_count; k++) {
        if (!(values[k] >= edges[0] && values[k] <= edges[count])) {
            outside++;
            continue;
        }
        int64_t bin = 0;
        while (bin < count - 1 && values[k] >= edges[bin + 1])
            bin++;
        histogram[bin]++;
    }
    return outside;
}
