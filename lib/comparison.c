/*
 * Two selections against each other: one session, run on both, on subsets of the larger one and on
 * relabelled selections. Each of these is the same input with other rows, so nothing is copied.
 */
#include <qkvsim/comparison.h>

#include <math.h>
#include <string.h>

#include "analysis.h"
#include "distance.h"
#include "random.h"
#include "replicates.h"
#include "resample.h"
#include "running.h"
#include "significance.h"

enum { DISTANCE_TESTS = QKV_METRICS * QKV_DISTANCES };

struct qkvsim_comparison {
    qkv_allocator allocator;
    qkvsim_analysis *sides[2]; /* first and second */
    int64_t permutations, subsets;
    double *values;                 /* tests x rows: distances of all of both */
    double *matched;                /* the same at equal sizes */
    qkv_running matched_subsets;    /* the same over the subsets */
    qkv_running bands[QKV_METRICS]; /* rows x bins */
    qkv_null_table distances;       /* a test is a metric and a distance */
    qkv_null_table differences;     /* a test is a metric and a replicated statistic */
};

/* Rows of the input in use together, and what they came to. */
typedef struct selected {
    int64_t *rows;
    int64_t count;
    qkvsim_analysis *analysis;
} selected;

/* What one comparison works with. */
typedef struct comparing {
    qkvsim_context *context;
    const qkvsim_comparison_options *options;
    qkv_input both;  /* the rows of both selections, increasing */
    uint8_t *labels; /* of these rows: 1 is first, 0 second */
    uint8_t *relabelled;
    qkv_segments segments;
    qkv_session session;
    selected sides[2];
    selected subset;
    qkvsim_analysis *scratch[2]; /* of relabelled sides */
    qkvsim_analysis *common[2];  /* without what is undefined in the other */
    int8_t *kinds;               /* features */
    qkv_replicates differences;
    double *distances; /* tests x rows x permutations */
    double *drawn;     /* tests x rows: the distances of one draw */
    int64_t planned;   /* units of work that shall be done by now */
    qkvsim_comparison *made;
} comparing;

static int32_t distance_test(int32_t metric, int32_t distance)
{
    return metric * QKV_DISTANCES + (distance - QKVSIM_KOLMOGOROV_SMIRNOV);
}

static int64_t distance_cells(const comparing *work)
{
    return (int64_t)DISTANCE_TESTS * qkv_layout_rows(work->session.layout);
}

/* ---- one selection, two selections ---- */

/* Analyses rows; with kinds, features count as no more defined than these say. */
static qkvsim_status analyse(comparing *work, const selected *side, const int8_t *kinds,
                             qkvsim_analysis *analysis)
{
    qkv_input input = qkv_input_with_rows(&work->both, side->rows, side->count);
    input.kinds = kinds;
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
static qkvsim_status make_common(comparing *work, const selected *const sides[2],
                                 const qkvsim_analysis *analyses[2])
{
    if (same_undefined(analyses[0], analyses[1]))
        return QKVSIM_OK;
    memset(work->kinds, QKV_NORMAL, (size_t)work->both.features);
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
static qkvsim_status measure(comparing *work, const selected *a, const selected *b,
                             double *distances)
{
    const selected *const sides[2] = { a, b };
    const qkvsim_analysis *analyses[2] = { a->analysis, b->analysis };
    const qkvsim_status status = make_common(work, sides, analyses);
    if (status != QKVSIM_OK)
        return status;
    const qkv_binning *binning = &work->session.binning;
    const int32_t rows = qkv_layout_rows(work->session.layout);
    for (int32_t test = 0; test < DISTANCE_TESTS; test++)
        for (int32_t row = 0; row < rows; row++) {
            const int32_t metric = qkv_metric_bit(test / QKV_DISTANCES);
            const int64_t *one = qkvsim_analysis_histogram(analyses[0], row, metric);
            const int64_t *other = qkvsim_analysis_histogram(analyses[1], row, metric);
            distances[(int64_t)test * rows + row] =
                one == NULL ? NAN
                            : qkv_distance(one, other, binning->edges, binning->count,
                                           test % QKV_DISTANCES + QKVSIM_KOLMOGOROV_SMIRNOV);
        }
    return QKVSIM_OK;
}

static const selected *smaller(const comparing *work)
{
    return &work->sides[work->sides[0].count > work->sides[1].count];
}

static const selected *larger(const comparing *work)
{
    return &work->sides[work->sides[0].count <= work->sides[1].count];
}

static bool sizes_differ(const comparing *work)
{
    return work->sides[0].count != work->sides[1].count;
}

/* Distances at equal sizes: of the smaller selection and a random subset of the larger one. */
static qkvsim_status measure_matched(comparing *work, uint32_t purpose, uint32_t index,
                                     double *distances)
{
    if (!sizes_differ(work))
        return measure(work, &work->sides[0], &work->sides[1], distances);
    const selected *from = larger(work);
    selected *subset = &work->subset;
    qkv_draw_subset(from->count, subset->count, work->options->seed, index, purpose, subset->rows);
    for (int64_t k = 0; k < subset->count; k++)
        subset->rows[k] = from->rows[subset->rows[k]];
    const qkvsim_status status = analyse(work, subset, NULL, subset->analysis);
    return status == QKVSIM_OK ? measure(work, smaller(work), subset, distances) : status;
}

/* ---- the three stages ---- */

/* The most analyses that a stage may take; those that were not needed are passed over. */
enum { ANALYSES_OBSERVED = 7, ANALYSES_SUBSET = 3, ANALYSES_RELABELLED = 5 };

static qkvsim_status reach(comparing *work, int64_t analyses)
{
    work->planned += analyses * qkv_session_work(&work->session);
    return qkv_work_at(work->context, work->planned) ? qkv_cancelled(work->context) : QKVSIM_OK;
}

static void begin(comparing *work)
{
    const int64_t analyses = ANALYSES_OBSERVED + ANALYSES_SUBSET * work->made->subsets
                             + ANALYSES_RELABELLED * work->made->permutations;
    int64_t units;
    if (!qkv_multiply(qkv_session_work(&work->session), analyses, &units))
        units = INT64_MAX;
    qkv_work_begin(work->context, units);
}

/* Deals the rows to the two sides. */
static void split_rows(comparing *work, const uint8_t *labels)
{
    int64_t next[2] = { 0, 0 };
    for (int64_t k = 0; k < work->both.observations; k++) {
        const int side = labels[k] != 0 ? 0 : 1;
        work->sides[side].rows[next[side]++] = qkv_input_row(&work->both, k);
    }
}

static qkvsim_status analyse_sides(comparing *work)
{
    qkvsim_status status = QKVSIM_OK;
    for (int s = 0; s < 2 && status == QKVSIM_OK; s++)
        status = analyse(work, &work->sides[s], NULL, work->sides[s].analysis);
    return status;
}

static qkvsim_status observe(comparing *work)
{
    qkvsim_comparison *made = work->made;
    split_rows(work, work->labels);
    work->sides[0].analysis = made->sides[0];
    work->sides[1].analysis = made->sides[1];
    qkvsim_status status = analyse_sides(work);
    if (status == QKVSIM_OK)
        status = measure(work, &work->sides[0], &work->sides[1], made->values);
    if (status == QKVSIM_OK)
        status = measure_matched(work, QKV_RANDOM_RELABELLED_SUBSET, UINT32_MAX, made->matched);
    return status == QKVSIM_OK ? reach(work, ANALYSES_OBSERVED) : status;
}

/* Adds the histograms of the larger selection, at the smaller one's size, to the bands. */
static void add_band(comparing *work, int64_t k)
{
    const qkvsim_analysis *analysis =
        sizes_differ(work) ? work->subset.analysis : work->sides[1].analysis;
    for (int metric = 0; metric < QKV_METRICS; metric++)
        qkv_running_add_counts(&work->made->bands[metric], analysis->histograms[metric], k);
}

static qkvsim_status draw_subsets(comparing *work)
{
    qkvsim_comparison *made = work->made;
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < made->subsets && status == QKVSIM_OK; k++) {
        status = measure_matched(work, QKV_RANDOM_SUBSET, (uint32_t)k, work->drawn);
        if (status != QKVSIM_OK)
            return status;
        qkv_running_add(&made->matched_subsets, work->drawn, k);
        add_band(work, k);
        status = reach(work, ANALYSES_SUBSET);
    }
    qkv_running_finish(&made->matched_subsets, made->subsets);
    for (int metric = 0; metric < QKV_METRICS; metric++)
        qkv_running_finish(&made->bands[metric], made->subsets);
    return status;
}

static qkvsim_status relabel_once(comparing *work, int64_t k)
{
    if (work->options->relabel == QKVSIM_RELABEL_SHIFT)
        qkv_rotate_labels(work->labels, &work->segments, work->options->seed, (uint32_t)k,
                          work->relabelled);
    else
        qkv_permute_labels(work->labels, work->both.observations, work->options->seed, (uint32_t)k,
                           work->relabelled);
    split_rows(work, work->relabelled);
    qkvsim_status status = analyse_sides(work);
    if (status == QKVSIM_OK)
        status = measure_matched(work, QKV_RANDOM_RELABELLED_SUBSET, (uint32_t)k, work->drawn);
    if (status != QKVSIM_OK)
        return status;
    qkv_replicates_put(&work->differences, work->sides[0].analysis, k);
    qkv_replicates_subtract(&work->differences, work->sides[1].analysis, k);
    for (int64_t cell = 0; cell < distance_cells(work); cell++)
        work->distances[cell * work->made->permutations + k] = work->drawn[cell];
    return reach(work, ANALYSES_RELABELLED);
}

static qkvsim_status relabel(comparing *work)
{
    work->sides[0].analysis = work->scratch[0];
    work->sides[1].analysis = work->scratch[1];
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < work->made->permutations && status == QKVSIM_OK; k++)
        status = relabel_once(work, k);
    return status;
}

/* ---- what the relabellings say ---- */

static qkvsim_status finish_distances(comparing *work)
{
    qkv_null_table *table = &work->made->distances;
    for (int64_t cell = 0; cell < distance_cells(work); cell++) {
        qkv_null *null =
            qkv_null_at(table, (int32_t)(cell % table->rows), (int32_t)(cell / table->rows));
        null->values = work->distances + cell * table->permutations;
        null->observed = work->made->matched[cell];
    }
    return qkv_null_table_finish(work->context, table,
                                 qkv_pair_groups(work->session.layout->groups));
}

static qkvsim_status finish_differences(comparing *work)
{
    const qkvsim_comparison *made = work->made;
    qkv_null_table *table = &work->made->differences;
    for (int32_t test = 0; test < table->tests; test++)
        for (int32_t row = 0; row < table->rows; row++) {
            const int32_t metric = qkv_metric_bit(test / QKV_REPLICATED);
            const int32_t statistic = qkv_replicated(test % QKV_REPLICATED);
            qkv_null *null = qkv_null_at(table, row, test);
            null->values = qkv_replicates_values(&work->differences, row, metric, statistic);
            null->observed = qkvsim_analysis_statistic(made->sides[0], row, metric, statistic)
                             - qkvsim_analysis_statistic(made->sides[1], row, metric, statistic);
        }
    return qkv_null_table_finish(work->context, table,
                                 qkv_pair_groups(work->session.layout->groups));
}

/* ---- life ---- */

void qkvsim_comparison_free(qkvsim_comparison *comparison)
{
    if (comparison == NULL)
        return;
    const qkv_allocator allocator = comparison->allocator;
    for (int s = 0; s < 2; s++)
        qkvsim_analysis_free(comparison->sides[s]);
    qkv_release(&allocator, comparison->values);
    qkv_release(&allocator, comparison->matched);
    qkv_running_close(&comparison->matched_subsets);
    for (int metric = 0; metric < QKV_METRICS; metric++)
        qkv_running_close(&comparison->bands[metric]);
    qkv_null_table_close(&comparison->distances);
    qkv_null_table_close(&comparison->differences);
    qkv_release(&allocator, comparison);
}

static qkvsim_status open_bands(comparing *work)
{
    const int64_t cells = qkv_layout_rows(work->session.layout) * work->session.binning.count;
    qkvsim_status status = QKVSIM_OK;
    for (int metric = 0; metric < QKV_METRICS && status == QKVSIM_OK; metric++)
        if ((work->session.metrics & qkv_metric_bit(metric)) != 0)
            status = qkv_running_open(work->context, cells, &work->made->bands[metric]);
    return status;
}

static qkvsim_status open_results(comparing *work)
{
    qkvsim_context *context = work->context;
    qkvsim_comparison *made = work->made;
    const int32_t rows = qkv_layout_rows(work->session.layout);
    const int64_t permutations = made->permutations;
    made->values = qkv_allocate(&made->allocator, (size_t)distance_cells(work), sizeof(double));
    made->matched = qkv_allocate(&made->allocator, (size_t)distance_cells(work), sizeof(double));
    if (made->values == NULL || made->matched == NULL)
        return qkv_no_memory(context, "the distances");
    qkvsim_status status = qkv_session_results(context, &work->session, &made->sides[0]);
    if (status == QKVSIM_OK)
        status = qkv_session_results(context, &work->session, &made->sides[1]);
    if (status == QKVSIM_OK)
        status = qkv_running_open(context, distance_cells(work), &made->matched_subsets);
    if (status == QKVSIM_OK)
        status = open_bands(work);
    if (status == QKVSIM_OK)
        status = qkv_null_table_open(context, rows, DISTANCE_TESTS, permutations, &made->distances);
    if (status == QKVSIM_OK)
        status = qkv_null_table_open(context, rows, QKV_METRICS * QKV_REPLICATED, permutations,
                                     &made->differences);
    made->distances.upper = true;
    return status;
}

static qkvsim_status open_scratch(comparing *work)
{
    qkvsim_context *context = work->context;
    const qkv_allocator *allocator = &context->allocator;
    const size_t cells = (size_t)distance_cells(work);
    work->kinds = qkv_allocate(allocator, (size_t)work->both.features, sizeof *work->kinds);
    work->drawn = qkv_allocate(allocator, cells, sizeof *work->drawn);
    work->distances =
        qkv_allocate(allocator, (size_t)work->made->permutations, cells * sizeof *work->distances);
    work->subset.count = smaller(work)->count;
    work->subset.rows =
        qkv_allocate(allocator, (size_t)work->subset.count, sizeof *work->subset.rows);
    if (work->kinds == NULL || work->drawn == NULL || work->distances == NULL
        || work->subset.rows == NULL)
        return qkv_no_memory(context, "the relabellings");
    qkvsim_analysis **const analyses[] = { &work->scratch[0], &work->scratch[1], &work->common[0],
                                           &work->common[1], &work->subset.analysis };
    qkvsim_status status = QKVSIM_OK;
    for (int k = 0; k < 5 && status == QKVSIM_OK; k++)
        status = qkv_session_results(context, &work->session, analyses[k]);
    if (status == QKVSIM_OK)
        status = qkv_replicates_open(context, work->session.layout, work->session.metrics,
                                     work->made->permutations, &work->differences);
    return status;
}

static void close_scratch(comparing *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    qkv_replicates_close(&work->differences);
    for (int s = 0; s < 2; s++) {
        qkvsim_analysis_free(work->scratch[s]);
        qkvsim_analysis_free(work->common[s]);
    }
    qkvsim_analysis_free(work->subset.analysis);
    qkv_release(allocator, work->subset.rows);
    qkv_release(allocator, work->kinds);
    qkv_release(allocator, work->drawn);
    qkv_release(allocator, work->distances);
}

/* ---- the run ---- */

static qkvsim_status run_stages(comparing *work)
{
    begin(work);
    qkvsim_status status = observe(work);
    if (status == QKVSIM_OK)
        status = draw_subsets(work);
    if (status == QKVSIM_OK)
        status = relabel(work);
    if (status == QKVSIM_OK)
        status = finish_distances(work);
    if (status == QKVSIM_OK)
        status = finish_differences(work);
    return status;
}

/* With the session open: makes the results. */
static qkvsim_status run_session(comparing *work, qkvsim_comparison **comparison)
{
    qkvsim_context *context = work->context;
    work->made = qkv_allocate_zeroed(&context->allocator, 1, sizeof *work->made);
    if (work->made == NULL)
        return qkv_no_memory(context, "the comparison's results");
    work->made->allocator = context->allocator;
    work->made->permutations = work->options->permutations;
    work->made->subsets = work->options->subsets;
    qkvsim_status status = open_results(work);
    if (status == QKVSIM_OK)
        status = open_scratch(work);
    if (status == QKVSIM_OK)
        status = run_stages(work);
    close_scratch(work);
    if (status == QKVSIM_OK)
        *comparison = work->made;
    else
        qkvsim_comparison_free(work->made);
    return status;
}

/* ---- both selections ---- */

static qkvsim_status check_disjoint(qkvsim_context *context, const int64_t *a, int64_t a_count,
                                    const int64_t *b, int64_t b_count)
{
    for (int64_t i = 0, j = 0; i < a_count && j < b_count;) {
        if (a[i] == b[j])
            return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                            "row %lld is in both selections: they must not overlap",
                            (long long)a[i]);
        if (a[i] < b[j])
            i++;
        else
            j++;
    }
    return QKVSIM_OK;
}

/* Merges the rows of both; rows are disjoint and increasing. */
static void merge_rows(const qkv_input *first, const qkv_input *second, int64_t *rows,
                       uint8_t *labels)
{
    const int64_t count = first->observations + second->observations;
    for (int64_t k = 0, i = 0, j = 0; k < count; k++) {
        labels[k] = j == second->observations
                    || (i < first->observations && first->rows[i] < second->rows[j]);
        rows[k] = labels[k] ? first->rows[i++] : second->rows[j++];
    }
}

/* Room for the rows of both and of each; the parts stay the first input's. */
static qkvsim_status open_rows(comparing *work, const qkv_input inputs[2])
{
    const qkv_allocator *allocator = &work->context->allocator;
    const int64_t count = inputs[0].observations + inputs[1].observations;
    int64_t *rows = qkv_allocate(allocator, (size_t)count, sizeof *rows);
    work->labels = qkv_allocate(allocator, (size_t)count, sizeof *work->labels);
    work->relabelled = qkv_allocate(allocator, (size_t)count, sizeof *work->relabelled);
    work->both = qkv_input_with_rows(&inputs[0], rows, count);
    bool complete = rows != NULL && work->labels != NULL && work->relabelled != NULL;
    for (int s = 0; s < 2; s++) {
        selected *side = &work->sides[s];
        side->count = inputs[s].observations;
        side->rows = qkv_allocate(allocator, (size_t)side->count, sizeof *side->rows);
        complete = complete && side->rows != NULL;
    }
    if (!complete)
        return qkv_no_memory(work->context, "the selected rows");
    merge_rows(&inputs[0], &inputs[1], rows, work->labels);
    split_rows(work, work->labels);
    return qkv_segments_open(work->context, work->options->segments, &work->both, &work->segments);
}

static void close_rows(comparing *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    qkv_segments_close(work->context, &work->segments);
    qkv_release(allocator, work->both.rows);
    qkv_release(allocator, work->labels);
    qkv_release(allocator, work->relabelled);
    qkv_release(allocator, work->sides[0].rows);
    qkv_release(allocator, work->sides[1].rows);
}

/* Values below the first edge or above the last would be in no bin, and a share of nothing. */
static qkvsim_status check_coverage(qkvsim_context *context, const qkv_binning *binning)
{
    const double low = binning->edges[0], high = binning->edges[binning->count];
    return low <= -1 && high >= 1
               ? QKVSIM_OK
               : qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                          "bins from %g to %g: to compare histograms they must cover -1 to 1", low,
                          high);
}

static qkvsim_status run_rows(comparing *work, const qkvsim_layout *layout,
                              const qkvsim_analysis_options *analysis,
                              qkvsim_comparison **comparison)
{
    const selected *most = larger(work);
    const qkv_input largest = qkv_input_with_rows(&work->both, most->rows, most->count);
    qkvsim_status status =
        qkv_session_open(work->context, layout, analysis, &largest, NULL, &work->session);
    if (status != QKVSIM_OK)
        return status;
    status = check_coverage(work->context, &work->session.binning);
    if (status == QKVSIM_OK)
        status = run_session(work, comparison);
    qkv_session_close(work->context, &work->session);
    return status;
}

static void hand_over_dropped(qkv_input *input, qkvsim_analysis *analysis)
{
    analysis->dropped = input->dropped;
    analysis->dropped_count = input->dropped_count;
    input->dropped = NULL;
}

static qkvsim_status run_inputs(comparing *work, const qkvsim_layout *layout,
                                const qkvsim_analysis_options *analysis, qkv_input inputs[2],
                                qkvsim_comparison **comparison)
{
    qkvsim_status status = check_disjoint(work->context, inputs[0].rows, inputs[0].observations,
                                          inputs[1].rows, inputs[1].observations);
    if (status == QKVSIM_OK)
        status = check_disjoint(work->context, inputs[0].dropped, inputs[0].dropped_count,
                                inputs[1].dropped, inputs[1].dropped_count);
    if (status != QKVSIM_OK)
        return status;
    qkvsim_comparison *made = NULL;
    status = open_rows(work, inputs);
    if (status == QKVSIM_OK)
        status = run_rows(work, layout, analysis, &made);
    close_rows(work);
    if (status != QKVSIM_OK)
        return status;
    for (int s = 0; s < 2; s++)
        hand_over_dropped(&inputs[s], made->sides[s]);
    *comparison = made;
    return QKVSIM_OK;
}

/* ---- the public call ---- */

static qkvsim_status check_number(qkvsim_context *context, int64_t number, const char *what)
{
    return number >= 0 && number < UINT32_MAX
               ? QKVSIM_OK
               : qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT, "%lld %s: expected 0 to %lld",
                          (long long)number, what, (long long)UINT32_MAX - 1);
}

static qkvsim_status read_options(qkvsim_context *context, const qkvsim_comparison_options *given,
                                  qkvsim_comparison_options *options)
{
    *options = (qkvsim_comparison_options){ 0 };
    qkvsim_status status = given == NULL
                               ? QKVSIM_OK
                               : qkv_read_struct(context, "qkvsim_comparison_options", given,
                                                 options, sizeof *options, sizeof(size_t));
    if (status == QKVSIM_OK)
        status = check_number(context, options->permutations, "relabellings");
    if (status == QKVSIM_OK)
        status = check_number(context, options->subsets, "matched subsets");
    if (status != QKVSIM_OK)
        return status;
    if (options->relabel == 0)
        options->relabel = QKVSIM_RELABEL_LABELS;
    if (options->relabel != QKVSIM_RELABEL_LABELS && options->relabel != QKVSIM_RELABEL_SHIFT)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                        "relabel is %d, expected QKVSIM_RELABEL_LABELS (1) or SHIFT (2)",
                        (int)options->relabel);
    if (options->subsets == 0)
        options->subsets = options->permutations;
    return QKVSIM_OK;
}

static qkvsim_status check_arguments(qkvsim_context *context,
                                     const qkvsim_analysis_options *analysis,
                                     const qkvsim_selection *first, const qkvsim_selection *second,
                                     qkvsim_comparison **comparison)
{
    if (comparison == NULL)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT, "comparison is NULL");
    if (first == NULL || second == NULL)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                        "the %s selection is NULL: a comparison needs two",
                        first == NULL ? "first" : "second");
    if (analysis->selection != NULL)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                        "the analysis options have a selection: a comparison is given its two "
                        "selections apart");
    return QKVSIM_OK;
}

qkvsim_status qkvsim_compare(qkvsim_context *context, const qkvsim_view *parts, int32_t part_count,
                             const qkvsim_layout *layout,
                             const qkvsim_analysis_options *analysis_options,
                             const qkvsim_selection *first, const qkvsim_selection *second,
                             const qkvsim_comparison_options *given, qkvsim_comparison **comparison)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_comparison_options options;
    qkvsim_analysis_options analysis;
    qkvsim_status status = read_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, analysis_options, &analysis);
    if (status == QKVSIM_OK)
        status = check_arguments(context, &analysis, first, second, comparison);
    if (status != QKVSIM_OK)
        return status;
    const qkv_input_options reading[2] = { { first, analysis.precision, analysis.nonfinite },
                                           { second, analysis.precision, analysis.nonfinite } };
    qkv_input inputs[2];
    status = qkv_input_open(context, parts, part_count, &reading[0], &inputs[0]);
    if (status != QKVSIM_OK)
        return status;
    status = qkv_input_open(context, parts, part_count, &reading[1], &inputs[1]);
    if (status == QKVSIM_OK) {
        comparing work = { .context = context, .options = &options };
        status = run_inputs(&work, layout, &analysis, inputs, comparison);
        qkv_input_close(context, &inputs[1]);
    }
    qkv_input_close(context, &inputs[0]);
    return status;
}

/* ---- accessors ---- */

const qkvsim_analysis *qkvsim_comparison_first(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->sides[0] : NULL;
}

const qkvsim_analysis *qkvsim_comparison_second(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->sides[1] : NULL;
}

int64_t qkvsim_comparison_permutations(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->permutations : 0;
}

int64_t qkvsim_comparison_subsets(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->subsets : 0;
}

static bool has_row(const qkvsim_comparison *comparison, int32_t row, int32_t metric)
{
    return comparison != NULL
           && qkvsim_analysis_histogram(comparison->sides[0], row, metric) != NULL;
}

/* The summary of a null in which each p-value of a distance stands. */
static int32_t summary_of_distance(int32_t what)
{
    return what == QKVSIM_DISTANCE_P ? QKVSIM_NULL_P_GREATER
                                     : what - QKVSIM_DISTANCE_P_BH + QKVSIM_NULL_P_BH;
}

double qkvsim_comparison_distance(const qkvsim_comparison *comparison, int32_t row, int32_t metric,
                                  int32_t distance, int32_t what)
{
    if (!has_row(comparison, row, metric) || distance < QKVSIM_KOLMOGOROV_SMIRNOV
        || distance > QKVSIM_JENSEN_SHANNON || what < QKVSIM_DISTANCE_VALUE
        || what > QKVSIM_DISTANCE_P_MAX_ALL)
        return NAN;
    const int32_t test = distance_test(qkv_metric_index(metric), distance);
    const int64_t cell = (int64_t)test * comparison->distances.rows + row;
    if (what == QKVSIM_DISTANCE_VALUE)
        return comparison->values[cell];
    if (what == QKVSIM_DISTANCE_MATCHED)
        return comparison->matched[cell];
    if (what >= QKVSIM_DISTANCE_P)
        return qkv_null_at(&comparison->distances, row, test)
            ->summaries[summary_of_distance(what) - 1];
    return comparison->subsets > 0
               ? comparison->matched_subsets.summaries[what - QKVSIM_DISTANCE_MATCHED_MEAN][cell]
               : NAN;
}

double qkvsim_comparison_difference(const qkvsim_comparison *comparison, int32_t row,
                                    int32_t metric, int32_t statistic, int32_t what)
{
    if (!has_row(comparison, row, metric) || what < QKVSIM_NULL_MEAN || what > QKVSIM_NULL_OBSERVED)
        return NAN;
    for (int32_t k = 0; k < QKV_REPLICATED; k++)
        if (qkv_replicated(k) == statistic) {
            const qkv_null *null = qkv_null_at(&comparison->differences, row,
                                               qkv_metric_index(metric) * QKV_REPLICATED + k);
            return what == QKVSIM_NULL_OBSERVED ? null->observed : null->summaries[what - 1];
        }
    return NAN;
}

const double *qkvsim_comparison_band(const qkvsim_comparison *comparison, int32_t row,
                                     int32_t metric, int32_t summary)
{
    if (!has_row(comparison, row, metric) || comparison->subsets == 0 || summary < QKVSIM_NULL_MEAN
        || summary > QKVSIM_NULL_MAXIMUM)
        return NULL;
    return comparison->bands[qkv_metric_index(metric)].summaries[summary - 1]
           + row * comparison->sides[0]->binning.count;
}
