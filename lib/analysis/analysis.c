/* The results handle of an analysis and its accessors. */
#include "analysis.h"

#include <math.h>
#include <string.h>

/* ---- life ---- */

typedef void *allocate_zeros(const qkv_allocator *allocator, size_t count, size_t size);

/* Of some pair groups among many, most of the room is never used. */
static allocate_zeros *allocation_for(const qkv_analysis_shape *shape)
{
    for (int32_t row = 0; row < qkv_layout_rows(shape->layout); row++)
        if (!shape->wanted[row])
            return qkv_allocate_sparse;
    return qkv_allocate_zeroed;
}

/* One block for all of them: malloc gives back what is free at its end beyond twice the largest
 * block it has seen, and fresh pages for results of many pair groups would cost a thirtieth of an
 * analysis. */
static bool allocate_histograms(qkvsim_analysis *analysis, size_t rows, allocate_zeros *allocate)
{
    const int64_t cells = (int64_t)rows * analysis->binning.count;
    int64_t placed = 0;
    for (int32_t metric = 0; metric < QKV_METRICS; metric++)
        analysis->count_cells += (analysis->metrics & qkv_metric_bit(metric)) != 0 ? cells : 0;
    analysis->counts =
        allocate(&analysis->allocator, (size_t)analysis->count_cells, sizeof *analysis->counts);
    for (int32_t metric = 0; metric < QKV_METRICS && analysis->counts != NULL; metric++)
        if ((analysis->metrics & qkv_metric_bit(metric)) != 0)
            analysis->histograms[metric] = analysis->counts + placed++ * cells;
    return analysis->counts != NULL;
}

/* Hands out so many bytes of a block; without one, only counts them. */
static void *take(char *block, size_t *taken, size_t count, size_t size)
{
    void *array = block != NULL ? block + *taken : NULL;
    *taken += count * size;
    return array;
}

/* Places every array of fixed size but the counts in a block; returns its bytes. */
static size_t place_arrays(qkvsim_analysis *analysis, char *block)
{
    const size_t rows = (size_t)qkv_layout_rows(analysis->layout);
    const size_t features = (size_t)analysis->layout->features;
    size_t taken = 0;
    analysis->splits = take(block, &taken, rows, sizeof *analysis->splits);
    for (int32_t metric = 0; metric < QKV_METRICS; metric++)
        if ((analysis->metrics & qkv_metric_bit(metric)) != 0) {
            analysis->moments[metric] =
                take(block, &taken, rows, sizeof *analysis->moments[metric]);
            analysis->undefined[metric] =
                take(block, &taken, features, sizeof *analysis->undefined[metric]);
        }
    analysis->offset_ratios = take(block, &taken, features, sizeof *analysis->offset_ratios);
    analysis->group_offset =
        take(block, &taken, (size_t)analysis->layout->groups, sizeof *analysis->group_offset);
    analysis->binning.edges =
        take(block, &taken, (size_t)analysis->binning.count + 1, sizeof *analysis->binning.edges);
    analysis->wanted = take(block, &taken, rows, sizeof *analysis->wanted);
    return taken;
}

static bool allocate_results(qkvsim_analysis *analysis, const qkv_analysis_shape *shape)
{
    const qkv_allocator *allocator = &analysis->allocator;
    const size_t rows = (size_t)qkv_layout_rows(shape->layout);
    allocate_zeros *allocate = allocation_for(shape);
    analysis->layout = qkv_layout_copy(allocator, shape->layout);
    if (analysis->layout == NULL)
        return false;
    analysis->arrays = allocate(allocator, place_arrays(analysis, NULL), 1);
    if (analysis->arrays == NULL || !allocate_histograms(analysis, rows, allocate))
        return false;
    place_arrays(analysis, analysis->arrays);
    memcpy(analysis->binning.edges, shape->binning->edges,
           (size_t)(analysis->binning.count + 1) * sizeof(double));
    memcpy(analysis->wanted, shape->wanted, rows * sizeof *analysis->wanted);
    return true;
}

qkvsim_status qkv_analysis_open(qkvsim_context *context, const qkv_analysis_shape *shape,
                                qkvsim_analysis **analysis)
{
    qkvsim_analysis *made = qkv_allocate_handle(context, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the results");
    made->metrics = shape->metrics;
    made->binning.count = shape->binning->count;
    if (!allocate_results(made, shape)) {
        qkvsim_analysis_free(made);
        return qkv_no_memory(context, "the results");
    }
    *analysis = made;
    return QKVSIM_OK;
}

void qkvsim_analysis_free(qkvsim_analysis *analysis)
{
    if (analysis == NULL)
        return;
    const qkv_allocator allocator = analysis->allocator;
    qkvsim_layout_free(analysis->layout);
    qkv_release(&allocator, analysis->arrays);
    qkv_release(&allocator, analysis->dropped);
    qkv_release(&allocator, analysis->counts);
    qkv_release(&allocator, analysis);
}

/* ---- accessors ---- */

static bool has_row(const qkvsim_analysis *analysis, int32_t row)
{
    return analysis != NULL && row >= 0 && row < qkv_layout_rows(analysis->layout)
           && analysis->wanted[row];
}

/* The index of a metric that was computed; -1 otherwise. */
static int32_t computed_metric(const qkvsim_analysis *analysis, int32_t metric)
{
    const int32_t index = qkv_metric_index(metric);
    return index >= 0 && analysis != NULL && (analysis->metrics & metric) != 0 ? index : -1;
}

const qkv_moments *qkv_analysis_moments(const qkvsim_analysis *analysis, int32_t row,
                                        int32_t metric)
{
    const int32_t index = computed_metric(analysis, metric);
    return index >= 0 && has_row(analysis, row) ? &analysis->moments[index][row] : NULL;
}

int64_t qkvsim_analysis_observations(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->observations : 0;
}

static const int64_t *list_or_null(const int64_t *list, int64_t length, int64_t *count)
{
    if (count != NULL)
        *count = length;
    return length > 0 ? list : NULL;
}

const int64_t *qkvsim_analysis_dropped(const qkvsim_analysis *analysis, int64_t *count)
{
    return analysis != NULL ? list_or_null(analysis->dropped, analysis->dropped_count, count)
                            : list_or_null(NULL, 0, count);
}

const qkvsim_layout *qkvsim_analysis_layout(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->layout : NULL;
}

int32_t qkvsim_analysis_metrics(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->metrics : 0;
}

qkvsim_dtype qkvsim_analysis_arithmetic(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->arithmetic : 0;
}

int64_t qkvsim_analysis_defined(const qkvsim_analysis *analysis, int32_t row, int32_t metric)
{
    const qkv_moments *moments = qkv_analysis_moments(analysis, row, metric);
    return moments != NULL ? moments->count : 0;
}

const int64_t *qkvsim_analysis_undefined_features(const qkvsim_analysis *analysis, int32_t metric,
                                                  int64_t *count)
{
    const int32_t index = computed_metric(analysis, metric);
    return index >= 0
               ? list_or_null(analysis->undefined[index], analysis->undefined_count[index], count)
               : list_or_null(NULL, 0, count);
}

int64_t qkvsim_analysis_bins(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->binning.count : 0;
}

const double *qkvsim_analysis_bin_edges(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->binning.edges : NULL;
}

const int64_t *qkvsim_analysis_histogram(const qkvsim_analysis *analysis, int32_t row,
                                         int32_t metric)
{
    if (qkv_analysis_moments(analysis, row, metric) == NULL)
        return NULL;
    return analysis->histograms[qkv_metric_index(metric)] + row * analysis->binning.count;
}

const int64_t *qkvsim_analysis_histograms(const qkvsim_analysis *analysis, int32_t metric,
                                          int32_t *rows, int64_t *bins)
{
    const int32_t index = computed_metric(analysis, metric);
    if (rows != NULL)
        *rows = index >= 0 ? qkv_layout_rows(analysis->layout) : 0;
    if (bins != NULL)
        *bins = index >= 0 ? analysis->binning.count : 0;
    return index >= 0 ? analysis->histograms[index] : NULL;
}

const double *qkvsim_analysis_offset_ratios(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->offset_ratios : NULL;
}

const double *qkvsim_analysis_group_offsets(const qkvsim_analysis *analysis)
{
    return analysis != NULL ? analysis->group_offset : NULL;
}

double qkvsim_analysis_group_offset(const qkvsim_analysis *analysis, int32_t group)
{
    return analysis != NULL && group >= 0 && group < analysis->layout->groups
               ? analysis->group_offset[group]
               : NAN;
}
