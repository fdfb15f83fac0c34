/*
 * The stages of a comparison: one session, run on both selections, on subsets of the larger one and on
 * relabelled selections. Each of these is the same input with other rows, so nothing is copied.
 */
#include "comparison_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random/random.h"

/* ---- one selection, two selections ---- */

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

/* Writes the distances of two analysed selections, over the pairs that both define. */
static qkvsim_status measure(qkv_comparison_run *work, const qkv_selected *a, const qkv_selected *b,
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

static bool sizes_differ(const qkv_comparison_run *work)
{
    return work->sides[0].count != work->sides[1].count;
}

/* Distances at equal sizes: of the smaller selection and a random subset of the larger one. */
static qkvsim_status measure_matched(qkv_comparison_run *work, uint32_t purpose, uint32_t index,
                                     double *distances)
{
    if (!sizes_differ(work))
        return measure(work, &work->sides[0], &work->sides[1], distances);
    const qkv_selected *from = larger(work);
    qkv_selected *subset = &work->subset;
    subset->count = smaller(work)->count;
    qkv_draw_subset(from->count, subset->count, work->options->seed, index, purpose, subset->rows);
    for (int64_t k = 0; k < subset->count; k++)
        subset->rows[k] = from->rows[subset->rows[k]];
    const qkvsim_status status = analyse(work, subset, NULL, subset->analysis);
    return status == QKVSIM_OK ? measure(work, smaller(work), subset, distances) : status;
}

/* ---- the three stages ---- */

/* The most analyses that a stage may take; those that were not needed are passed over. */
enum { ANALYSES_OBSERVED = 9, ANALYSES_SUBSET = 3, ANALYSES_RELABELLED = 5 };

static qkvsim_status count_analyses(qkv_comparison_run *work, int64_t analyses)
{
    work->planned += analyses * qkv_session_work(&work->session);
    return qkv_work_at(work->context, work->planned) ? qkv_cancelled(work->context) : QKVSIM_OK;
}

static void begin(qkv_comparison_run *work)
{
    const int64_t analyses = ANALYSES_OBSERVED + ANALYSES_SUBSET * work->made->subsets
                             + ANALYSES_RELABELLED * work->made->permutations;
    qkv_session_begin(work->context, &work->session, analyses);
}

/* Deals rows of the pool to the two sides. Segments of unequal lengths may change the sides' sizes. */
static void split_rows(qkv_comparison_run *work, const int64_t *rows, const uint8_t *side_of)
{
    qkv_selected *sides = work->sides;
    sides[0].count = sides[1].count = 0;
    for (int64_t k = 0; k < work->pool->all.observations; k++) {
        qkv_selected *side = &sides[side_of[k]];
        side->rows[side->count++] = rows[k];
    }
}

static int compare_rows(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The same with equal rows for one and the same: however labels are dealt to these, the sides are
 * analysed alike, and ties are ties to the bit. */
static void split_equal_rows(qkv_comparison_run *work, const uint8_t *side_of)
{
    split_rows(work, work->equal_rows != NULL ? work->equal_rows : work->pool->rows, side_of);
    for (int s = 0; s < 2 && work->equal_rows != NULL; s++)
        qsort(work->sides[s].rows, (size_t)work->sides[s].count, sizeof *work->sides[s].rows,
              compare_rows);
}

/* Of the observed sides, the means are kept that relabellings may be without. */
static qkvsim_status analyse_sides(qkv_comparison_run *work)
{
    qkvsim_status status = QKVSIM_OK;
    for (int s = 0; s < 2 && status == QKVSIM_OK; s++) {
        status = analyse(work, &work->sides[s], NULL, work->sides[s].analysis);
        if (status == QKVSIM_OK && work->options->centred != 0 && !work->relabels)
            qkv_centring_take_means(&work->centring, s, &work->session.panels);
    }
    return status;
}

/* What is reported is an analysis of the rows as they stand; what is tested is made as relabellings
 * are. */
static qkvsim_status observe_equal_rows(qkv_comparison_run *work)
{
    split_equal_rows(work, work->pool->selection);
    work->sides[0].analysis = work->scratch[0];
    work->sides[1].analysis = work->scratch[1];
    return analyse_sides(work);
}

static qkvsim_status observe(qkv_comparison_run *work)
{
    qkvsim_comparison *made = work->made;
    split_rows(work, work->pool->rows, work->pool->selection);
    work->sides[0].analysis = made->sides[0];
    work->sides[1].analysis = made->sides[1];
    qkvsim_status status = analyse_sides(work);
    if (status == QKVSIM_OK)
        status = measure(work, &work->sides[0], &work->sides[1], made->values);
    if (status == QKVSIM_OK && work->equal_rows != NULL)
        status = observe_equal_rows(work);
    if (status == QKVSIM_OK)
        status = measure_matched(work, QKV_RANDOM_RELABELLED_SUBSET, UINT32_MAX, made->matched);
    return status == QKVSIM_OK ? count_analyses(work, ANALYSES_OBSERVED) : status;
}

/* Keeps the larger selection's statistics and histograms, at the smaller one's size, and the distances. */
static void keep_subset(qkv_comparison_run *work, int64_t k)
{
    qkvsim_comparison *made = work->made;
    const qkvsim_analysis *analysis =
        sizes_differ(work) ? work->subset.analysis : work->sides[1].analysis;
    qkv_replicates_put(&made->of_subsets[QKV_KEEP_STATISTICS], analysis, k);
    qkv_replicates_put_values(&made->of_subsets[QKV_KEEP_DISTANCES], work->drawn, k);
    qkv_count_sums_add(&made->subset_counts, analysis->counts);
}

static qkvsim_status draw_subsets(qkv_comparison_run *work)
{
    const qkvsim_comparison *made = work->made;
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < made->subsets && status == QKVSIM_OK; k++) {
        status = measure_matched(work, QKV_RANDOM_SUBSET, (uint32_t)(made->first_subset + k),
                                 work->drawn);
        if (status != QKVSIM_OK)
            return status;
        keep_subset(work, k);
        status = count_analyses(work, ANALYSES_SUBSET);
    }
    return status;
}

/* ---- what the relabellings are set against ---- */

static void begin_distances(qkvsim_comparison *made)
{
    for (int32_t test = 0; test < made->distances.tests; test++)
        for (int32_t row = 0; row < made->distances.rows; row++) {
            qkv_null *null = qkv_null_at(&made->distances, row, test);
            null->values =
                qkv_replicates_values(&made->of_relabelled[QKV_KEEP_DISTANCES], row, test);
            null->observed = made->matched[(int64_t)test * made->distances.rows + row];
            null->least_p = 1 / made->all_different;
        }
}

static void begin_differences(qkvsim_comparison *made)
{
    const double errors[2] = { qkv_value_error(made->sides[0]), qkv_value_error(made->sides[1]) };
    for (int32_t test = 0; test < made->differences.tests; test++)
        for (int32_t row = 0; row < made->differences.rows; row++) {
            const double first = qkv_statistic_value(made->sides[0], row, test);
            const double second = qkv_statistic_value(made->sides[1], row, test);
            qkv_null *null = qkv_null_at(&made->differences, row, test);
            null->values =
                qkv_replicates_values(&made->of_relabelled[QKV_KEEP_STATISTICS], row, test);
            null->observed = first - second;
            null->least_p = 1 / made->all_different;
            null->resolution = qkv_statistic_resolution(made->sides[0], row, test, errors[0])
                               + qkv_statistic_resolution(made->sides[1], row, test, errors[1]);
        }
}

void qkv_comparison_begin_nulls(qkvsim_comparison *made)
{
    begin_distances(made);
    begin_differences(made);
}

/* ---- relabellings ---- */

/* A relabelling whose energies are far smaller than the observed ones leaves more undecided. */
static void settle_ratios(qkv_comparison_run *work, int64_t k)
{
    qkvsim_comparison *made = work->made;
    const qkvsim_analysis *sides[2] = { work->sides[0].analysis, work->sides[1].analysis };
    const double errors[2] = { qkv_value_error(sides[0]), qkv_value_error(sides[1]) };
    for (int32_t test = 0; test < made->differences.tests; test++)
        for (int32_t row = 0; qkv_statistic_is_ratio(test) && row < made->differences.rows; row++)
            qkv_replicates_settle(&made->of_relabelled[QKV_KEEP_STATISTICS], row, test, k,
                                  qkv_null_at(&made->differences, row, test)->observed,
                                  qkv_statistic_resolution(sides[0], row, test, errors[0])
                                      + qkv_statistic_resolution(sides[1], row, test, errors[1]));
}

static qkvsim_status relabel_once(qkv_comparison_run *work, int64_t k)
{
    qkv_replicates *kept = work->made->of_relabelled;
    const int64_t number = work->made->first + k;
    if (work->made->enumerated)
        qkv_relabel_numbered(&work->relabeller, (uint64_t)number + 1, work->relabelled);
    else
        qkv_relabel(&work->relabeller, work->options->seed, (uint32_t)number, work->relabelled);
    split_equal_rows(work, work->relabelled);
    qkvsim_status status = analyse_sides(work);
    if (status == QKVSIM_OK)
        status = measure_matched(work, QKV_RANDOM_RELABELLED_SUBSET, (uint32_t)number, work->drawn);
    if (status != QKVSIM_OK)
        return status;
    qkv_replicates_put(&kept[QKV_KEEP_STATISTICS], work->sides[0].analysis, k);
    qkv_replicates_subtract(&kept[QKV_KEEP_STATISTICS], work->sides[1].analysis, k);
    settle_ratios(work, k);
    qkv_replicates_put_values(&kept[QKV_KEEP_DISTANCES], work->drawn, k);
    return count_analyses(work, ANALYSES_RELABELLED);
}

/* Both tables count every relabelling. */
static bool nulls_are_open(qkvsim_comparison *made, int64_t k)
{
    const bool distances = qkv_null_table_is_open(&made->distances, k);
    return qkv_null_table_is_open(&made->differences, k) || distances;
}

static qkvsim_status relabel(qkv_comparison_run *work)
{
    qkvsim_comparison *made = work->made;
    qkv_comparison_begin_nulls(made);
    work->sides[0].analysis = work->scratch[0];
    work->sides[1].analysis = work->scratch[1];
    work->relabels = true;
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < made->permutations && status == QKVSIM_OK; k++) {
        status = relabel_once(work, k);
        if (status == QKVSIM_OK && made->distances.exceedances > 0 && !nulls_are_open(made, k))
            made->permutations = k + 1;
    }
    if (status == QKVSIM_OK && made->permutations < made->distances.asked)
        status = count_analyses(work,
                                ANALYSES_RELABELLED * (made->distances.asked - made->permutations));
    return status;
}

/* ---- what they say ---- */

static qkvsim_status summarise(qkvsim_context *context, qkvsim_comparison *made,
                               qkv_replicated kept, int32_t tests)
{
    qkv_running *summaries = &made->subset_summaries[kept];
    const int32_t rows = qkv_layout_rows(made->sides[0]->layout);
    const qkvsim_status status = qkv_running_open(context, (int64_t)tests * rows, summaries);
    for (int64_t cell = 0; cell < summaries->cells; cell++) {
        const double *values = qkv_replicates_values(
            &made->of_subsets[kept], (int32_t)(cell % rows), (int32_t)(cell / rows));
        qkv_running_fill(summaries, cell, values, values != NULL ? made->subsets : 0);
    }
    return status;
}

qkvsim_status qkv_comparison_summarise_subsets(qkvsim_context *context, qkvsim_comparison *made)
{
    const qkvsim_status status = summarise(context, made, QKV_KEEP_STATISTICS, QKV_STATISTIC_TESTS);
    return status == QKVSIM_OK ? summarise(context, made, QKV_KEEP_DISTANCES, QKV_DISTANCE_TESTS)
                               : status;
}

qkvsim_status qkv_comparison_finish(qkvsim_context *context, qkvsim_comparison *made)
{
    const int32_t pair_groups = qkv_pair_groups(made->sides[0]->layout->groups);
    qkvsim_status status = qkv_comparison_summarise_subsets(context, made);
    qkv_count_sums_finish(&made->subset_counts);
    made->distances.permutations = made->differences.permutations = made->permutations;
    if (status == QKVSIM_OK)
        status = qkv_null_table_finish(context, &made->distances, pair_groups);
    if (status == QKVSIM_OK)
        status = qkv_null_table_finish(context, &made->differences, pair_groups);
    return status;
}

/* ---- room for the results ---- */

/* What is kept of one kind, of which there are so many tests. */
static qkvsim_status open_kept(qkvsim_context *context, qkvsim_comparison *made,
                               qkv_replicated kept, int32_t tests, qkv_null_table *table)
{
    const qkvsim_layout *layout = made->sides[0]->layout;
    const int32_t metrics = made->sides[0]->metrics, rows = qkv_layout_rows(layout);
    qkvsim_status status = qkv_replicates_open(context, layout, metrics, kept, made->permutations,
                                               &made->of_relabelled[kept]);
    if (status == QKVSIM_OK)
        status = qkv_replicates_open(context, layout, metrics, kept, made->subsets,
                                     &made->of_subsets[kept]);
    if (status == QKVSIM_OK)
        status = qkv_null_table_open(context, rows, tests, made->permutations, table);
    return status;
}

qkvsim_status qkv_comparison_open_values(qkvsim_context *context, qkvsim_comparison *made)
{
    const size_t cells = (size_t)qkv_layout_rows(made->sides[0]->layout) * QKV_DISTANCE_TESTS;
    made->values = qkv_allocate(&made->allocator, cells, sizeof *made->values);
    made->matched = qkv_allocate(&made->allocator, cells, sizeof *made->matched);
    if (made->values == NULL || made->matched == NULL)
        return qkv_no_memory(context, "the distances");
    qkvsim_status status =
        qkv_count_sums_open(context, made->sides[0]->count_cells, &made->subset_counts);
    if (status == QKVSIM_OK)
        status =
            open_kept(context, made, QKV_KEEP_STATISTICS, QKV_STATISTIC_TESTS, &made->differences);
    if (status == QKVSIM_OK)
        status = open_kept(context, made, QKV_KEEP_DISTANCES, QKV_DISTANCE_TESTS, &made->distances);
    made->distances.upper = true;
    return status;
}

/* ---- the run ---- */

static qkvsim_status open_scratch(qkv_comparison_run *work)
{
    qkvsim_context *context = work->context;
    const qkv_allocator *allocator = &context->allocator;
    const size_t cells = (size_t)qkv_layout_rows(work->session.layout) * QKV_DISTANCE_TESTS;
    work->kinds = qkv_allocate(allocator, (size_t)work->pool->all.features, sizeof *work->kinds);
    work->drawn = qkv_allocate(allocator, cells, sizeof *work->drawn);
    work->subset.rows = qkv_allocate(allocator, (size_t)work->pool->all.observations / 2,
                                     sizeof *work->subset.rows);
    if (work->kinds == NULL || work->drawn == NULL || work->subset.rows == NULL)
        return qkv_no_memory(context, "the relabellings");
    qkvsim_analysis **const analyses[] = { &work->scratch[0], &work->scratch[1], &work->common[0],
                                           &work->common[1], &work->subset.analysis };
    qkvsim_status status = QKVSIM_OK;
    for (int k = 0; k < 5 && status == QKVSIM_OK; k++)
        status = qkv_session_results(context, &work->session, analyses[k]);
    return status;
}

static void close_scratch(qkv_comparison_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    for (int s = 0; s < 2; s++) {
        qkvsim_analysis_free(work->scratch[s]);
        qkvsim_analysis_free(work->common[s]);
    }
    qkvsim_analysis_free(work->subset.analysis);
    qkv_release(allocator, work->subset.rows);
    qkv_release(allocator, work->kinds);
    qkv_release(allocator, work->drawn);
}

static qkvsim_status run_stages(qkv_comparison_run *work)
{
    begin(work);
    qkvsim_status status = observe(work);
    if (status == QKVSIM_OK)
        status = draw_subsets(work);
    if (status == QKVSIM_OK)
        status = relabel(work);
    return status == QKVSIM_OK ? qkv_comparison_finish(work->context, work->made) : status;
}

qkvsim_status qkv_run_comparison(qkv_comparison_run *work)
{
    qkvsim_status status = open_scratch(work);
    if (status == QKVSIM_OK)
        status = run_stages(work);
    close_scratch(work);
    return status;
}
