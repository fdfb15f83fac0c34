/* Nulls from the first permutation to the last: how many are needed, and what all of them come
 * to. */
#include "null_table.h"

#include <math.h>

#include "null_family.h"

qkvsim_status qkv_check_exceedances(qkvsim_context *context, int64_t exceedances,
                                    int64_t permutations)
{
    return exceedances >= 0 && exceedances <= permutations
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "exceedances is %lld, expected 0 to the number of permutations, %lld",
                             (long long)exceedances, (long long)permutations);
}

qkvsim_status qkv_null_table_open(qkvsim_context *context, int32_t rows, int32_t tests,
                                  int64_t permutations, qkv_null_table *table)
{
    *table = (qkv_null_table){ .allocator = context->allocator,
                               .rows = rows,
                               .tests = tests,
                               .permutations = permutations,
                               .asked = permutations };
    const size_t count = (size_t)rows * (size_t)tests;
    table->nulls = qkv_allocate(&context->allocator, count, sizeof *table->nulls);
    if (table->nulls == NULL)
        return qkv_no_memory(context, "the summaries of the permutations");
    for (size_t k = 0; k < count; k++)
        table->nulls[k] = (qkv_null){ .observed = NAN };
    return QKVSIM_OK;
}

void qkv_null_table_close(qkv_null_table *table)
{
    qkv_release(&table->allocator, table->nulls);
    *table = (qkv_null_table){ 0 };
}

/* ---- permutations that stop early ---- */

/* h permutations as extreme among the first `at` of them give h / at, and no more are needed.
 * Either is a p-value (Besag & Clifford 1991), whenever the other side or other tests stop. */
static double sequential_p(const qkv_null_table *table, int64_t count, int64_t at)
{
    return at > 0 ? (double)table->exceedances / (double)at
                  : (double)(count + 1) / (double)(table->permutations + 1);
}

/* The centre of permutations that stopped by what they were has no exact p: twice the lesser side
 * has. */
static void take_sequential_p(const qkv_null_table *table, qkv_null *null)
{
    if (isnan(*qkv_null_summary_at(null, QKVSIM_SUMMARY_P)))
        return;
    const double less = qkv_null_bounded(null, sequential_p(table, null->less, null->less_at));
    const double greater =
        qkv_null_bounded(null, sequential_p(table, null->greater, null->greater_at));
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_P) = fmin(1, 2 * fmin(less, greater));
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_P_LESS) = less;
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_P_GREATER) = greater;
    if (table->permutations < table->asked)
        null->fitted = NAN;
}

static void count_one(const qkv_null_table *table, int64_t k, bool counts, int64_t *count,
                      int64_t *at)
{
    *count += counts;
    if (counts && *count == table->exceedances)
        *at = k + 1;
}

bool qkv_null_table_is_open(qkv_null_table *table, int64_t k)
{
    bool open = false;
    for (int64_t i = 0; i < (int64_t)table->rows * table->tests; i++) {
        qkv_null *null = &table->nulls[i];
        if (null->values == NULL || isnan(null->observed) || null->untested)
            continue;
        const double slack = fmax(qkv_null_rounding(null->observed), null->resolution);
        const double value = null->values[k];
        count_one(table, k, !(value > null->observed + slack), &null->less, &null->less_at);
        count_one(table, k, !(value < null->observed - slack), &null->greater, &null->greater_at);
        open = open || null->greater_at == 0 || (!table->upper && null->less_at == 0);
    }
    return open;
}

/* ---- what they come to ---- */

static qkvsim_status adjust_rows(qkvsim_context *context, const qkv_null_table *table,
                                 int32_t first_row, int32_t rows)
{
    const qkv_null_family family = { .nulls = qkv_null_at(table, first_row, 0),
                                     .tests = table->tests,
                                     .rows = rows,
                                     .leading = table->rows,
                                     .permutations = table->permutations,
                                     .upper = table->upper,
                                     .stopped = table->exceedances > 0 };
    return qkv_null_family_adjust(context, &family);
}

qkvsim_status qkv_null_table_finish(qkvsim_context *context, qkv_null_table *table,
                                    int32_t pair_groups)
{
    const int64_t count = (int64_t)table->rows * table->tests, m = table->permutations;
    double *scratch = qkv_allocate(&context->allocator, (size_t)m, sizeof *scratch);
    if (scratch == NULL)
        return qkv_no_memory(context, "the tails of the nulls");
    for (int64_t k = 0; k < count && !qkv_work_pulse(context, 0); k++) {
        qkv_null_summarise(&table->nulls[k], m);
        qkv_null_fit_tail(&table->nulls[k], m, table->upper, scratch);
        if (table->exceedances > 0)
            take_sequential_p(table, &table->nulls[k]);
    }
    qkv_release(&context->allocator, scratch);
    qkvsim_status status = qkv_work_is_cancelled(context)
                               ? qkv_cancelled(context)
                               : adjust_rows(context, table, 0, pair_groups);
    if (status == QKVSIM_OK)
        status = adjust_rows(context, table, pair_groups, table->rows - pair_groups);
    for (int64_t k = 0; k < count; k++)
        table->nulls[k].values = NULL;
    return status;
}

/* Of p, which is twice the lesser side's where permutations stop early. */
static double least_of(const qkv_null_table *table, const qkv_null *null)
{
    if (isnan(null->summaries[QKVSIM_SUMMARY_P - 1]))
        return NAN;
    const double least = fmax(null->least_p, 1 / ((double)table->asked + 1));
    return table->exceedances > 0 && !table->upper ? fmin(1, 2 * least) : least;
}

double qkv_null_summary(const qkv_null_table *table, int32_t row, int32_t test, int32_t summary)
{
    const qkv_null *null = qkv_null_at(table, row, test);
    if (summary == QKVSIM_SUMMARY_P_FITTED)
        return null->fitted;
    if (summary == QKVSIM_SUMMARY_P_LEAST)
        return least_of(table, null);
    return summary >= QKVSIM_SUMMARY_OBSERVED && summary <= QKV_NULL_SUMMARIES
               ? null->summaries[summary - 1]
               : (double)NAN;
}
