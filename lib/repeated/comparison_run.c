/* The stages of a comparison: one session, run on both selections, on subsets of the larger one and
 * on relabelled selections. */
#include "comparison_run.h"

#include <stdlib.h>

#include "random/random.h"

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

/* Deals rows of the pool to the two sides. Segments of unequal lengths may change the sides'
 * sizes. */
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
        status = qkv_analyse_selected(work, &work->sides[s]);
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
        status = qkv_measure(work, &work->sides[0], &work->sides[1], made->values);
    if (status == QKVSIM_OK && work->equal_rows != NULL)
        status = observe_equal_rows(work);
    if (status == QKVSIM_OK)
        status = qkv_measure_matched(work, QKV_RANDOM_RELABELLED_SUBSET, UINT32_MAX, made->matched);
    return status == QKVSIM_OK ? count_analyses(work, ANALYSES_OBSERVED) : status;
}

/* Keeps the larger selection's statistics and histograms, at the smaller one's size, and the
 * distances. */
static void keep_subset(qkv_comparison_run *work, int64_t k)
{
    qkvsim_comparison *made = work->made;
    const qkvsim_analysis *analysis =
        qkv_sizes_differ(work) ? work->subset.analysis : work->sides[1].analysis;
    qkv_replicates_put(&made->of_subsets[QKV_KEEP_STATISTICS], analysis, k);
    qkv_replicates_put_values(&made->of_subsets[QKV_KEEP_DISTANCES], work->drawn, k);
    qkv_count_sums_add(&made->subset_counts, analysis->counts);
}

static qkvsim_status draw_subsets(qkv_comparison_run *work)
{
    const qkvsim_comparison *made = work->made;
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < made->subsets && status == QKVSIM_OK; k++) {
        status = qkv_measure_matched(work, QKV_RANDOM_SUBSET, (uint32_t)(made->first_subset + k),
                                     work->drawn);
        if (status != QKVSIM_OK)
            return status;
        keep_subset(work, k);
        status = count_analyses(work, ANALYSES_SUBSET);
    }
    return status;
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
        status =
            qkv_measure_matched(work, QKV_RANDOM_RELABELLED_SUBSET, (uint32_t)number, work->drawn);
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

/* ---- the run ---- */

/* Once they are centred, rows are equal within a selection only. */
static qkvsim_status open_equal_rows(qkv_comparison_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    const qkv_pool *pool = work->pool;
    const uint8_t *kinds = work->options->centred != 0 ? pool->selection : NULL;
    bool any = false;
    work->equal_rows =
        qkv_allocate(allocator, (size_t)pool->all.observations, sizeof *work->equal_rows);
    if (work->equal_rows == NULL)
        return qkv_no_memory(work->context, "the equal rows");
    const qkvsim_status status =
        qkv_find_equal_rows(work->context, &pool->all, kinds, work->equal_rows, &any);
    if (!any) {
        qkv_release(allocator, work->equal_rows);
        work->equal_rows = NULL;
    }
    return status;
}

static qkvsim_status open_rows(qkv_comparison_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    const size_t rows = (size_t)work->pool->all.observations;
    work->relabelled = qkv_allocate(allocator, rows, sizeof *work->relabelled);
    work->sides[0].rows = qkv_allocate(allocator, rows, sizeof(int64_t));
    work->sides[1].rows = qkv_allocate(allocator, rows, sizeof(int64_t));
    work->subset.rows = qkv_allocate(allocator, rows / 2, sizeof(int64_t));
    return work->relabelled != NULL && work->sides[0].rows != NULL && work->sides[1].rows != NULL
                   && work->subset.rows != NULL
               ? QKVSIM_OK
               : qkv_no_memory(work->context, "the selected rows");
}

static qkvsim_status open_analyses(qkv_comparison_run *work)
{
    qkvsim_context *context = work->context;
    const qkv_allocator *allocator = &context->allocator;
    const size_t cells = (size_t)qkv_layout_rows(work->session.layout) * QKV_DISTANCE_TESTS;
    work->kinds = qkv_allocate(allocator, (size_t)work->pool->all.features, sizeof *work->kinds);
    work->drawn = qkv_allocate(allocator, cells, sizeof *work->drawn);
    if (work->kinds == NULL || work->drawn == NULL)
        return qkv_no_memory(context, "the relabellings");
    qkvsim_analysis **const analyses[] = { &work->scratch[0], &work->scratch[1], &work->common[0],
                                           &work->common[1], &work->subset.analysis };
    qkvsim_status status = QKVSIM_OK;
    for (int k = 0; k < 5 && status == QKVSIM_OK; k++)
        status = qkv_session_results(context, &work->session, analyses[k]);
    return status;
}

qkvsim_status qkv_comparison_run_open(qkv_comparison_run *work)
{
    const qkv_input *all = &work->pool->all;
    const qkv_relabeller_options how = { work->options->relabel, work->options->exchange,
                                         all->segments };
    qkvsim_status status = open_rows(work);
    if (status == QKVSIM_OK)
        status = open_analyses(work);
    if (status == QKVSIM_OK)
        status =
            qkv_relabeller_open(work->context, work->pool->selection, all, &how, &work->relabeller);
    if (status == QKVSIM_OK && work->options->centred != 0)
        status = qkv_centring_open(work->context, work->pool, &work->centring);
    if (status == QKVSIM_OK && work->options->permutations > 0)
        status = open_equal_rows(work);
    return status;
}

void qkv_comparison_run_close(qkv_comparison_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    qkv_relabeller_close(work->context, &work->relabeller);
    qkv_centring_close(work->context, &work->centring);
    for (int s = 0; s < 2; s++) {
        qkvsim_analysis_free(work->scratch[s]);
        qkvsim_analysis_free(work->common[s]);
        qkv_release(allocator, work->sides[s].rows);
    }
    qkvsim_analysis_free(work->subset.analysis);
    qkv_release(allocator, work->subset.rows);
    qkv_release(allocator, work->equal_rows);
    qkv_release(allocator, work->relabelled);
    qkv_release(allocator, work->kinds);
    qkv_release(allocator, work->drawn);
}

qkvsim_status qkv_run_comparison(qkv_comparison_run *work)
{
    begin(work);
    qkvsim_status status = observe(work);
    if (status == QKVSIM_OK)
        status = draw_subsets(work);
    if (status == QKVSIM_OK)
        status = relabel(work);
    return status == QKVSIM_OK ? qkv_comparison_finish(work->context, work->made) : status;
}
