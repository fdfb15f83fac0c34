/* From room for the values of every relabelling and subset to the summaries of them. */
#include "comparison_values.h"

#include "analysis/statistic.h"

/* ---- room ---- */

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
