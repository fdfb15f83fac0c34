/* Building blocks: histograms of a given matrix under a given mask, and the distance of two. */
#include <qkvsim/histogram.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/reals.h"
#include "flow/bins.h"
#include "flow/input.h"
#include "kernels/binning.h"
#include "statistics/distance.h"

typedef struct coded_row {
    int32_t code;
    int32_t row; /* of the histograms */
} coded_row;

typedef struct counting {
    qkvsim_view matrix;
    qkvsim_view mask; /* data NULL: none */
    int32_t arithmetic;
    qkv_binning binning;
    coded_row *rows; /* by code */
    int32_t code_count;
    int64_t *histograms;
    int64_t *outside; /* one for each code */
} counting;

static int compare_codes(const void *a, const void *b)
{
    const coded_row *x = a, *y = b;
    return (x->code > y->code) - (x->code < y->code);
}

static qkvsim_status sort_codes(qkvsim_context *context, const int32_t *codes, counting *work)
{
    for (int32_t k = 0; k < work->code_count; k++)
        work->rows[k] = (coded_row){ codes != NULL ? codes[k] : 0, k };
    qsort(work->rows, (size_t)work->code_count, sizeof *work->rows, compare_codes);
    for (int32_t k = 1; k < work->code_count; k++)
        if (work->rows[k].code == work->rows[k - 1].code)
            return qkv_invalid(context, "code %d is listed twice, as %d and %d",
                               (int)work->rows[k].code, (int)work->rows[k - 1].row,
                               (int)work->rows[k].row);
    return QKVSIM_OK;
}

/* The histogram a mask entry counts in; -1 for none. */
static int32_t row_of_code(const counting *work, int32_t code)
{
    const coded_row key = { code, 0 };
    const coded_row *found =
        bsearch(&key, work->rows, (size_t)work->code_count, sizeof key, compare_codes);
    return found != NULL ? found->row : -1;
}

static void count_one(counting *work, int32_t row, double value)
{
    const int64_t bin = find_bin(&work->binning, value);
    if (bin >= 0)
        work->histograms[row * work->binning.count + bin]++;
    else
        work->outside[row]++;
}

/* One row of the matrix, widened by the kernels' loader. */
static void count_row(const qkvsim_context *context, counting *work, int64_t r, void *reals)
{
    const qkvsim_view *m = &work->matrix;
    const qkv_columns columns = { m->data, m->observation_stride, m->feature_stride, m->features,
                                  m->dtype };
    const qkv_rows one = { &r, 1 };
    const qkv_strip strip = {
        .values = reals, .leading = m->features, .count = 1, .width = m->features
    };
    qkv_kernels_of(context, work->arithmetic)->load(&columns, &one, &strip, 0);
    const int32_t *codes = work->mask.data;
    int32_t last_code = 0, row = codes != NULL ? row_of_code(work, 0) : 0;
    for (int64_t c = 0; c < m->features; c++) {
        if (codes != NULL) {
            const int32_t code =
                codes[r * work->mask.observation_stride + c * work->mask.feature_stride];
            if (code != last_code)
                row = row_of_code(work, code);
            last_code = code;
        }
        if (row >= 0)
            count_one(work, row, qkv_real_at(reals, work->arithmetic, c));
    }
}

static qkvsim_status count_matrix(qkvsim_context *context, counting *work)
{
    void *reals = qkv_allocate(&context->allocator, (size_t)work->matrix.features,
                               qkv_real_size(work->arithmetic));
    if (reals == NULL)
        return qkv_no_memory(context, "a row of the matrix");
    qkv_work_open(context);
    qkv_work_begin(context, work->matrix.observations);
    bool cancelled = false;
    for (int64_t r = 0; r < work->matrix.observations && !cancelled; r++) {
        count_row(context, work, r, reals);
        cancelled = qkv_work_at(context, r + 1);
    }
    qkv_release(&context->allocator, reals);
    return cancelled ? qkv_cancelled(context) : QKVSIM_OK;
}

static qkvsim_status check_mask(qkvsim_context *context, const qkvsim_view *mask,
                                const int32_t *codes, int32_t code_count, counting *work)
{
    work->code_count = mask != NULL ? code_count : 1;
    if (mask == NULL)
        return QKVSIM_OK;
    if (codes == NULL || code_count < 1)
        return qkv_invalid(context, "with a mask, codes must list at least one code (%d given)",
                           (int)code_count);
    const qkvsim_status status = qkv_check_view(context, "the mask", mask, true, &work->mask);
    if (status == QKVSIM_OK
        && (work->mask.observations != work->matrix.observations
            || work->mask.features != work->matrix.features))
        return qkv_invalid(context, "the mask is %lld x %lld but the matrix is %lld x %lld",
                           (long long)work->mask.observations, (long long)work->mask.features,
                           (long long)work->matrix.observations, (long long)work->matrix.features);
    return status;
}

static qkvsim_status open_tables(qkvsim_context *context, const int32_t *codes,
                                 const qkvsim_bins *bins, counting *work)
{
    work->arithmetic = work->matrix.dtype == QKVSIM_DTYPE_F64 ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32;
    const qkvsim_status status = qkv_binning_open(context, bins, work->arithmetic, &work->binning);
    if (status != QKVSIM_OK)
        return status;
    const qkv_allocator *allocator = &context->allocator;
    const size_t count = (size_t)work->code_count;
    work->rows = qkv_allocate(allocator, count, sizeof *work->rows);
    work->histograms = qkv_allocate_zeroed(allocator, count * (size_t)work->binning.count,
                                           sizeof *work->histograms);
    work->outside = qkv_allocate_zeroed(allocator, count, sizeof *work->outside);
    if (work->rows == NULL || work->histograms == NULL || work->outside == NULL)
        return qkv_no_memory(context, "the histograms");
    return sort_codes(context, work->mask.data != NULL ? codes : NULL, work);
}

static void close_tables(const qkvsim_context *context, counting *work)
{
    qkv_binning_close(&context->allocator, &work->binning);
    qkv_release(&context->allocator, work->rows);
    qkv_release(&context->allocator, work->histograms);
    qkv_release(&context->allocator, work->outside);
}

qkvsim_status qkvsim_histogram(qkvsim_context *context, const qkvsim_view *matrix,
                               const qkvsim_view *mask, const int32_t *codes, int32_t code_count,
                               const qkvsim_bins *bins, int64_t *histograms, int64_t capacity,
                               int64_t *outside)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    counting work = { 0 };
    if (histograms == NULL)
        return qkv_invalid(context, "histograms is NULL");
    qkvsim_status status = qkv_check_view(context, "the matrix", matrix, false, &work.matrix);
    if (status == QKVSIM_OK)
        status = check_mask(context, mask, codes, code_count, &work);
    if (status == QKVSIM_OK)
        status = open_tables(context, codes, bins, &work);
    if (status == QKVSIM_OK)
        status = qkv_check_capacity(context, "histograms", capacity,
                                    work.code_count * work.binning.count);
    if (status == QKVSIM_OK)
        status = count_matrix(context, &work);
    if (status == QKVSIM_OK) {
        const size_t count = (size_t)work.code_count;
        memcpy(histograms, work.histograms,
               count * (size_t)work.binning.count * sizeof *histograms);
        if (outside != NULL)
            memcpy(outside, work.outside, count * sizeof *outside);
    }
    close_tables(context, &work);
    return status;
}

qkvsim_status qkvsim_bin_edges(qkvsim_context *context, const qkvsim_bins *bins, int32_t dtype,
                               double *edges, int64_t capacity)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (edges == NULL)
        return qkv_invalid(context, "edges is NULL");
    if (dtype != QKVSIM_DTYPE_F32 && dtype != QKVSIM_DTYPE_F64)
        return qkv_unknown(context, dtype, QKVSIM_DTYPE_I32,
                           "dtype is %d, expected QKVSIM_DTYPE_F32 (3) or F64 (4)", (int)dtype);
    qkv_binning binning;
    qkvsim_status status = qkv_binning_open(context, bins, dtype, &binning);
    if (status != QKVSIM_OK)
        return status;
    status = qkv_check_capacity(context, "edges", capacity, binning.count + 1);
    if (status == QKVSIM_OK)
        memcpy(edges, binning.edges, (size_t)(binning.count + 1) * sizeof *edges);
    qkv_binning_close(&context->allocator, &binning);
    return status;
}

/* ---- distances ---- */

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
