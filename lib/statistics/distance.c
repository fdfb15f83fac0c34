/* Distances between histograms. All three are the same whichever of the two comes first. */
#include "distance.h"

#include <math.h>

#include "base/context.h"

typedef struct histogram_pair {
    const int64_t *a, *b;
    double total_a, total_b;
    int64_t bins;
} histogram_pair;

static double total(const int64_t *counts, int64_t bins)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < bins; k++)
        sum += counts[k];
    return (double)sum;
}

static double kolmogorov_smirnov(const histogram_pair *pair)
{
    int64_t a = 0, b = 0;
    double largest = 0;
    for (int64_t k = 0; k < pair->bins; k++) {
        a += pair->a[k];
        b += pair->b[k];
        largest = fmax(largest, fabs((double)a / pair->total_a - (double)b / pair->total_b));
    }
    return largest;
}

/* Between two bins' centres the cumulative shares are constant. */
static double wasserstein(const histogram_pair *pair, const double *edges)
{
    int64_t a = 0, b = 0;
    double sum = 0;
    for (int64_t k = 0; k + 1 < pair->bins; k++) {
        a += pair->a[k];
        b += pair->b[k];
        sum += fabs((double)a / pair->total_a - (double)b / pair->total_b)
               * ((edges[k + 2] - edges[k]) / 2);
    }
    return sum;
}

/* p log2(p / m), and its limit 0. */
static double relative_entropy(double p, double m)
{
    return p > 0 ? p * log2(p / m) : 0;
}

static double jensen_shannon(const histogram_pair *pair)
{
    double sum = 0;
    for (int64_t k = 0; k < pair->bins; k++) {
        const double p = (double)pair->a[k] / pair->total_a;
        const double q = (double)pair->b[k] / pair->total_b;
        const double m = (p + q) / 2;
        sum += relative_entropy(p, m) + relative_entropy(q, m);
    }
    return sqrt(fmin(fmax(sum / 2, 0), 1));
}

double qkv_distance(const int64_t *a, const int64_t *b, const double *edges, int64_t bins,
                    int32_t distance)
{
    const histogram_pair pair = { a, b, total(a, bins), total(b, bins), bins };
    if (pair.total_a == 0 || pair.total_b == 0)
        return NAN;
    switch (distance) {
    case QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV:
        return kolmogorov_smirnov(&pair);
    case QKVSIM_DISTANCE_WASSERSTEIN:
        return wasserstein(&pair, edges);
    default:
        return jensen_shannon(&pair);
    }
}

/* ---- the building block ---- */

static qkvsim_status check_histogram(qkvsim_context *context, const char *name,
                                     const int64_t *counts, int64_t bins)
{
    int64_t sum = 0;
    if (counts == NULL)
        return qkv_invalid(context, "histogram %s is NULL", name);
    for (int64_t k = 0; k < bins; k++)
        if (counts[k] < 0)
            return qkv_invalid(context, "bin %lld of histogram %s is %lld: counts are not negative",
                               (long long)k, name, (long long)counts[k]);
        else if (__builtin_add_overflow(sum, counts[k], &sum))
            return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                            "histogram %s counts more than 2^63 - 1 values", name);
    return QKVSIM_OK;
}

static qkvsim_status check_edges(qkvsim_context *context, const double *edges, int64_t bins)
{
    if (edges == NULL)
        return qkv_invalid(context, "edges is NULL");
    for (int64_t k = 0; k <= bins; k++)
        if (!isfinite(edges[k]) || (k > 0 && !(edges[k] > edges[k - 1])))
            return qkv_invalid(context, "edge %lld is %s: edges must be finite and increase",
                               (long long)k, qkv_number(edges[k]).text);
    return QKVSIM_OK;
}

qkvsim_status qkvsim_histogram_distance(qkvsim_context *context, const int64_t *a, const int64_t *b,
                                        const double *edges, int64_t bins, int32_t distance,
                                        double *value)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (bins < 1 || bins > QKVSIM_BINS_MAX)
        return qkv_invalid(context, "%lld bins: expected 1 to %d", (long long)bins,
                           QKVSIM_BINS_MAX);
    if (distance < QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV || distance > QKVSIM_DISTANCE_JENSEN_SHANNON)
        return qkv_unknown(
            context, distance, QKVSIM_DISTANCE_JENSEN_SHANNON,
            "distance is %d, expected QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV (1), WASSERSTEIN (2) or "
            "JENSEN_SHANNON (3)",
            (int)distance);
    if (value == NULL)
        return qkv_invalid(context, "value is NULL");
    qkvsim_status status = check_histogram(context, "a", a, bins);
    if (status == QKVSIM_OK)
        status = check_histogram(context, "b", b, bins);
    if (status == QKVSIM_OK)
        status = check_edges(context, edges, bins);
    if (status == QKVSIM_OK)
        *value = qkv_distance(a, b, edges, bins, distance);
    return status;
}
