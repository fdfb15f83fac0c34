/* Every selection is the same input with other rows, so nothing is copied. */
#include "comparison_measure.h"

#include <math.h>
#include <string.h>

#include "random/random.h"
#include "statistics/distance.h"

/* Analyses rows; with kinds, features count as no more defined than these say. */
static qkvsim_status analyse(qkv_comparison_run *work, const qkv_selected *side,
                             const int8_t *kinds, qkvsim_analysis *analysis)
{
    qkv_input input = qkv_input_with_rows(&work->pool->all, side->rows, side->count);
    input.kinds = kinds;
    if (work->relabels && work->options->centred != 0)
        input = qkv_centring_output(&work->centring, &input);
    return qkv_session_run(work->context, &work->session, &input, analysis);
}

qkvsim_status qkv_analyse_selected(qkv_comparison_run *work, const qkv_selected *side)
{
    return analyse(work, side, NULL, side->analysis);
}

/* The least kind whose features are undefined under a metric. */
static int8_t undefined_kind(int32_t metric)
{
    return metric == 0 ? QKV_UNDEFINED : QKV_CONSTANT;
}

static bool same_undefined(const qkvsim_analysis *a, const qkvsim_analysis *b)
{
    for (int32_t metric = 0; metric < QKV_METRICS; metric++) {
        const int64_t count = a->undefined_count[metric];
        if (count != b->undefined_count[metric]
            || (count > 0
                && memcmp(a->undefined[metric], b->undefined[metric], (size_t)count * sizeof count)
                       != 0))
            return false;
    }
    return true;
}

static void mark_kinds(const qkvsim_analysis *analysis, int8_t *kinds)
{
    for (int32_t metric = 0; metric < QKV_METRICS; metric++)
        for (int64_t k = 0; k < analysis->undefined_count[metric]; k++) {
            int8_t *kind = &kinds[analysis->undefined[metric][k]];
            if (*kind < undefined_kind(metric))
                *kind = undefined_kind(metric);
        }
}

/* Whether an analysis defines a feature that the kinds do not. */
static bool defines_more(const qkvsim_analysis *analysis, const int8_t *kinds)
{
    for (int32_t metric = 0; metric < QKV_METRICS; metric++) {
        int64_t undefined = 0;
        for (int64_t j = 0; j < analysis->layout->features; j++)
            undefined += kinds[j] >= undefined_kind(metric);
        if (analysis->undefined[metric] != NULL && undefined > analysis->undefined_count[metric])
            return true;
    }
    return false;
}

/* Replaces two analyses by such of the same rows that have no pair which the other has not. */
static qkvsim_status make_common(qkv_comparison_run *work, const qkv_selected *const sides[2],
                                 const qkvsim_analysis *analyses[2])
{
    if (same_undefined(analyses[0], analyses[1]))
        return QKVSIM_OK;
    memset(work->kinds, QKV_NORMAL, (size_t)work->pool->all.features);
    mark_kinds(analyses[0], work->kinds);
    mark_kinds(analyses[1], work->kinds);
    qkvsim_status status = QKVSIM_OK;
    for (int s = 0; s < 2 && status == QKVSIM_OK; s++)
        if (defines_more(analyses[s], work->kinds)) {
            status = analyse(work, sides[s], work->kinds, work->common[s]);
            analyses[s] = work->common[s];
        }
    return status;
}

qkvsim_status qkv_measure(qkv_comparison_run *work, const qkv_selected *a, const qkv_selected *b,
                          double *distances)
{
    const qkv_selected *const sides[2] = { a, b };
    const qkvsim_analysis *analyses[2] = { a->analysis, b->analysis };
    const qkvsim_status status = make_common(work, sides, analyses);
    if (status != QKVSIM_OK)
        return status;
    const qkv_binning *binning = &work->session.binning;
    const int32_t rows = qkv_layout_rows(work->session.layout);
    for (int32_t test = 0; test < QKV_DISTANCE_TESTS; test++)
        for (int32_t row = 0; row < rows; row++) {
            const int32_t metric = qkv_metric_bit(test / QKV_DISTANCES);
            const int64_t *one = qkvsim_analysis_histogram(analyses[0], row, metric);
            const int64_t *other = qkvsim_analysis_histogram(analyses[1], row, metric);
            distances[(int64_t)test * rows + row] =
                one == NULL
                    ? NAN
                    : qkv_distance(one, other, binning->edges, binning->count,
                                   test % QKV_DISTANCES + QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV);
        }
    return QKVSIM_OK;
}

static const qkv_selected *smaller(const qkv_comparison_run *work)
{
    return &work->sides[work->sides[0].count > work->sides[1].count];
}

static const qkv_selected *larger(const qkv_comparison_run *work)
{
    return &work->sides[work->sides[0].count <= work->sides[1].count];
}

bool qkv_sizes_differ(const qkv_comparison_run *work)
{
    return work->sides[0].count != work->sides[1].count;
}

qkvsim_status qkv_measure_matched(qkv_comparison_run *work, uint32_t purpose, uint32_t index,
                                  double *distances)
{
    if (!qkv_sizes_differ(work))
        return qkv_measure(work, &work->sides[0], &work->sides[1], distances);
    const qkv_selected *from = larger(work);
    qkv_selected *subset = &work->subset;
    subset->count = smaller(work)->count;
    qkv_draw_subset(from->count, subset->count, work->options->seed, index, purpose, subset->rows);
    for (int64_t k = 0; k < subset->count; k++)
        subset->rows[k] = from->rows[subset->rows[k]];
    const qkvsim_status status = qkv_analyse_selected(work, subset);
    return status == QKVSIM_OK ? qkv_measure(work, smaller(work), subset, distances) : status;
}
