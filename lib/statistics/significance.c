/*
 * p-values and their adjustment. Everything here works on the m values of the permutations and the
 * observed one together, m + 1 in all: under the null each of them is equally likely to be the
 * observed one, which is what makes the p-values exact (Phipson & Smyth 2010).
 */
#include "significance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tail.h"
#include "welford.h"

/* Tolerance of "at least as far" for rounding. */
static const double as_far = 1 - 1e-9;

/* ---- Benjamini and Hochberg ---- */

typedef struct ranked {
    double p;
    int64_t at;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* From the largest down, each is the least of its own p * count / rank and of those above it. */
static void adjust_ranked(const ranked *tests, int64_t count, double *adjusted)
{
    double least = 1;
    for (int64_t k = count - 1; k >= 0; k--) {
        least = fmin(least, tests[k].p * ((double)count / (double)(k + 1)));
        adjusted[tests[k].at] = least;
    }
}

qkvsim_status qkvsim_adjust_bh(qkvsim_context *context, const double *p, int64_t count,
                               double *adjusted)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (count < 0)
        return qkv_invalid(context, "%lld p-values: expected 0 or more", (long long)count);
    if (count > 0 && (p == NULL || adjusted == NULL))
        return qkv_invalid(context, "%s is NULL", p == NULL ? "p" : "adjusted");
    for (int64_t k = 0; k < count; k++)
        if (p[k] < 0 || p[k] > 1)
            return qkv_invalid(context, "p-value %lld is %s, expected 0 to 1", (long long)k,
                               qkv_number(p[k]).text);
    ranked *tests = qkv_allocate(&context->allocator, (size_t)count, sizeof *tests);
    if (tests == NULL)
        return qkv_no_memory(context, "the order of the p-values");
    int64_t defined = 0;
    for (int64_t k = 0; k < count; k++)
        if (!isnan(p[k]))
            tests[defined++] = (ranked){ p[k], k };
        else
            adjusted[k] = NAN;
    qsort(tests, (size_t)defined, sizeof *tests, compare_ranked);
    adjust_ranked(tests, defined, adjusted);
    qkv_release(&context->allocator, tests);
    return QKVSIM_OK;
}

/* ---- the tail of a null ---- */

static qkvsim_status check_tail(qkvsim_context *context, const double *values, int64_t count,
                                double observed, const double *p)
{
    if (values == NULL || p == NULL)
        return qkv_invalid(context, "%s is NULL", values == NULL ? "values" : "p");
    if (count < QKV_TAIL_VALUES_LEAST)
        return qkv_invalid(context, "%lld values have no tail to fit: at least %d are needed",
                           (long long)count, QKV_TAIL_VALUES_LEAST);
    for (int64_t k = 0; k < count; k++)
        if (!isfinite(values[k]))
            return qkv_invalid(context, "value %lld is %s: expected a finite number", (long long)k,
                               qkv_number(values[k]).text);
    return isfinite(observed) ? QKVSIM_OK
                              : qkv_invalid(context, "observed is %s: expected a finite number",
                                            qkv_number(observed).text);
}

qkvsim_status qkvsim_tail_p(qkvsim_context *context, const double *values, int64_t count,
                            double observed, double *p)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    const qkvsim_status status = check_tail(context, values, count, observed, p);
    if (status != QKVSIM_OK)
        return status;
    double *sorted = qkv_allocate(&context->allocator, (size_t)count, sizeof *sorted);
    if (sorted == NULL)
        return qkv_no_memory(context, "the sorted values");
    int64_t reached = 0;
    for (int64_t k = 0; k < count; k++)
        reached += values[k] >= observed;
    memcpy(sorted, values, (size_t)count * sizeof *values);
    *p = reached <= QKV_TAIL_REACHED_MOST ? qkv_tail_p(sorted, count, observed) : (double)NAN;
    qkv_release(&context->allocator, sorted);
    return QKVSIM_OK;
}

/* ---- one null ---- */

static double *summary_of(qkv_null *null, int32_t summary)
{
    return &null->summaries[summary - 1];
}

/* All m + 1 values, the observed one last. */
static double value_at(const qkv_null *null, int64_t m, int64_t k)
{
    return k < m ? null->values[k] : null->observed;
}

static bool exists(const qkv_null *null, int64_t m)
{
    bool any = false;
    for (int64_t k = 0; k < m && null->values != NULL && !any; k++)
        any = !isnan(null->values[k]);
    return any && !isnan(null->observed);
}

/* Mean, standard deviation and extremes of those of the first `count` values that exist. */
typedef struct description {
    double centre, sd, least, most;
} description;

static description describe_values(const qkv_null *null, int64_t m, int64_t count)
{
    double mean = 0, squares = 0, least = INFINITY, most = -INFINITY;
    int64_t existing = 0;
    for (int64_t k = 0; k < count; k++) {
        const double value = value_at(null, m, k);
        if (isnan(value))
            continue;
        qkv_welford_add(value, ++existing, &mean, &squares);
        least = fmin(least, value);
        most = fmax(most, value);
    }
    const bool differ = most - least > null->resolution;
    return (description){ mean, differ ? sqrt(squares / (double)existing) : 0, least, most };
}

static void describe(qkv_null *null, int64_t m)
{
    const description permuted = describe_values(null, m, m);
    *summary_of(null, QKVSIM_SUMMARY_MEAN) = permuted.centre;
    *summary_of(null, QKVSIM_SUMMARY_SD) = permuted.sd;
    *summary_of(null, QKVSIM_SUMMARY_MINIMUM) = permuted.least;
    *summary_of(null, QKVSIM_SUMMARY_MAXIMUM) = permuted.most;
    *summary_of(null, QKVSIM_SUMMARY_Z) =
        permuted.sd > 0 ? (null->observed - permuted.centre) / permuted.sd : (double)NAN;
}

/* No p is below what the number of different permutations allows. */
static double bounded(const qkv_null *null, double p)
{
    return fmax(p, null->least_p);
}

/* Counts all m + 1 that are at least as extreme as the observed one, which is one of them. Those that
 * do not exist count, since they might be. */
static void count_extremes(qkv_null *null, int64_t m)
{
    const description all = describe_values(null, m, m + 1);
    const double centre = all.centre, distance = fabs(null->observed - centre);
    const double opposite = fmax(0, 2 * centre - null->observed); /* as far, beyond the centre */
    const double slack =
        all.sd > 0 ? fmax((1 - as_far) * distance, null->resolution) : (double)INFINITY;
    const double both = fmax(slack, null->resolution + null->growth * sqrt(opposite));
    int64_t two_sided = 0, less = 0, greater = 0;
    for (int64_t k = 0; k <= m; k++) {
        const double value = value_at(null, m, k);
        two_sided += !(fabs(value - centre) < distance - both);
        less += !(value > null->observed + slack);
        greater += !(value < null->observed - slack);
    }
    const double count = (double)(m + 1);
    *summary_of(null, QKVSIM_SUMMARY_P) = bounded(null, (double)two_sided / count);
    *summary_of(null, QKVSIM_SUMMARY_P_LESS) = bounded(null, (double)less / count);
    *summary_of(null, QKVSIM_SUMMARY_P_GREATER) = bounded(null, (double)greater / count);
}

/* Whether counting leaves p in doubt, and more permutations would have settled it. */
static bool wants_fit(const qkv_null *null, int64_t m, int32_t tested)
{
    const double p = null->summaries[tested - 1];
    return m >= QKV_TAIL_VALUES_LEAST && null->least_p <= qkv_tail_floor(m)
           && p * (double)(m + 1) < QKV_TAIL_REACHED_MOST + 1.5
           && null->summaries[QKVSIM_SUMMARY_SD - 1] > 0;
}

/* Fits how far from the centre values lie, or where only large ones count, the values. One that does
 * not exist might lie anywhere. */
static void fit_tail(qkv_null *null, int64_t m, bool upper, double *scratch)
{
    if (!wants_fit(null, m, upper ? QKVSIM_SUMMARY_P_GREATER : QKVSIM_SUMMARY_P))
        return;
    const double centre = upper ? 0 : describe_values(null, m, m + 1).centre;
    for (int64_t k = 0; k < m; k++) {
        scratch[k] = upper ? null->values[k] : fabs(null->values[k] - centre);
        if (isnan(scratch[k]))
            return;
    }
    null->fitted = qkv_tail_p(scratch, m, upper ? null->observed : fabs(null->observed - centre));
}

/* ---- permutations that stop early ---- */

/* h permutations as extreme among the first `at` of them give h / at, and no more are needed. Either
 * is a p-value (Besag & Clifford 1991), whenever the other side or other tests stop. */
static double sequential_p(const qkv_null_table *table, int64_t count, int64_t at)
{
    return at > 0 ? (double)table->exceedances / (double)at
                  : (double)(count + 1) / (double)(table->permutations + 1);
}

/* The centre of permutations that stopped by what they were has no exact p: twice the lesser side has. */
static void take_sequential_p(const qkv_null_table *table, qkv_null *null)
{
    if (isnan(*summary_of(null, QKVSIM_SUMMARY_P)))
        return;
    const double less = bounded(null, sequential_p(table, null->less, null->less_at));
    const double greater = bounded(null, sequential_p(table, null->greater, null->greater_at));
    *summary_of(null, QKVSIM_SUMMARY_P) = fmin(1, 2 * fmin(less, greater));
    *summary_of(null, QKVSIM_SUMMARY_P_LESS) = less;
    *summary_of(null, QKVSIM_SUMMARY_P_GREATER) = greater;
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
        const double slack = fmax((1 - as_far) * fabs(null->observed), null->resolution);
        const double value = null->values[k];
        count_one(table, k, !(value > null->observed + slack), &null->less, &null->less_at);
        count_one(table, k, !(value < null->observed - slack), &null->greater, &null->greater_at);
        open = open || null->greater_at == 0 || (!table->upper && null->less_at == 0);
    }
    return open;
}

static void summarise(qkv_null *null, int64_t m)
{
    for (int32_t s = 0; s < QKV_NULL_SUMMARIES; s++)
        null->summaries[s] = NAN;
    null->fitted = NAN;
    *summary_of(null, QKVSIM_SUMMARY_OBSERVED) = null->observed;
    if (!exists(null, m))
        return;
    describe(null, m);
    if (null->untested)
        *summary_of(null, QKVSIM_SUMMARY_Z) = NAN;
    else
        count_extremes(null, m);
}

/* ---- a family: rows that are looked at together ---- */

typedef struct family {
    qkvsim_context *context;
    qkv_null_table *table;
    int32_t first_row, rows;
    int64_t count;   /* m + 1 */
    double *largest; /* of each of the m + 1: the largest z of the family in one test */
    double *sorted;  /* scratch of as many */
    double *least_p; /* of each of the m + 1: the least p of any test */
    double *p;       /* tests x rows, gathered */
} family;

static qkv_null *null_at(const family *all, int32_t test, int32_t row)
{
    return qkv_null_at(all->table, all->first_row + row, test);
}

static bool has_p(const qkv_null *null)
{
    return !isnan(null->summaries[QKVSIM_SUMMARY_P - 1]);
}

static int32_t tested_p(const family *all)
{
    return all->table->upper ? QKVSIM_SUMMARY_P_GREATER : QKVSIM_SUMMARY_P;
}

/* Adjusts tests first .. first + tests - 1 as one. */
static qkvsim_status adjust_family(qkvsim_context *context, const family *all, int32_t first,
                                   int32_t tests, int32_t summary)
{
    const int64_t count = (int64_t)tests * all->rows;
    for (int64_t k = 0; k < count; k++)
        all->p[k] =
            *summary_of(null_at(all, first + (int32_t)(k / all->rows), (int32_t)(k % all->rows)),
                        tested_p(all));
    const qkvsim_status status = qkvsim_adjust_bh(context, all->p, count, all->p);
    for (int64_t k = 0; k < count && status == QKVSIM_OK; k++)
        *summary_of(null_at(all, first + (int32_t)(k / all->rows), (int32_t)(k % all->rows)),
                    summary) = all->p[k];
    return status;
}

/* ---- the maximum statistic ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sort(const double *values, int64_t count, double *sorted)
{
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_doubles);
}

/* How many of increasing values are below a bound. */
static int64_t count_below(const double *sorted, int64_t count, double bound)
{
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sorted[middle] < bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static description describe_family(const family *all, const qkv_null *null)
{
    return has_p(null) ? describe_values(null, all->count - 1, all->count) : (description){ 0 };
}

/* How far a value lies out: |z|, or z where only large values count; one that does not exist, farther
 * than any. */
static double extremity(const family *all, const description *of, double value)
{
    const double z = (value - of->centre) / of->sd;
    if (isnan(z))
        return INFINITY;
    return all->table->upper ? z : fabs(z);
}

/* The share of the m + 1 whose largest z is at least z, but for rounding. */
static double share_as_large(const family *all, double z, double slack)
{
    const double bound = isinf(z) ? z : z - fmax((1 - as_far) * fabs(z), slack);
    const int64_t below = count_below(all->sorted, all->count, bound);
    return (double)(all->count - below) / (double)all->count;
}

/* Fills `largest`; false where no row varies, or of a cancelled call. */
static bool find_largest(const family *all, int32_t test)
{
    bool any = false;
    for (int32_t row = 0; row < all->rows; row++) {
        if (qkv_work_pulse(all->context, 0))
            return false;
        const qkv_null *null = null_at(all, test, row);
        const description of = describe_family(all, null);
        if (!(of.sd > 0))
            continue;
        for (int64_t k = 0; k < all->count; k++) {
            const double z = extremity(all, &of, value_at(null, all->count - 1, k));
            all->largest[k] = any ? fmax(all->largest[k], z) : z;
        }
        any = true;
    }
    return any;
}

static double maximum_p(const family *all, const qkv_null *null)
{
    const description of = describe_family(all, null);
    if (!(of.sd > 0))
        return 1;
    return bounded(
        null, share_as_large(all, extremity(all, &of, null->observed), null->resolution / of.sd));
}

/* P_MAX of one test's rows, and what the test adds to the least p of each of the m + 1. */
static void maximise_test(const family *all, int32_t test)
{
    const bool any = find_largest(all, test);
    if (any)
        sort(all->largest, all->count, all->sorted);
    for (int32_t row = 0; row < all->rows && !qkv_work_pulse(all->context, 0); row++) {
        qkv_null *null = null_at(all, test, row);
        if (has_p(null))
            *summary_of(null, QKVSIM_SUMMARY_P_MAX) = maximum_p(all, null);
    }
    for (int64_t k = 0; k < all->count && any; k++)
        all->least_p[k] = fmin(all->least_p[k], share_as_large(all, all->largest[k], 0));
}

static void maximise_family(const family *all)
{
    for (int64_t k = 0; k < all->count; k++)
        all->least_p[k] = 1;
    for (int32_t test = 0; test < all->table->tests; test++)
        maximise_test(all, test);
    sort(all->least_p, all->count, all->sorted);
    for (int32_t test = 0; test < all->table->tests; test++)
        for (int32_t row = 0; row < all->rows; row++) {
            qkv_null *null = null_at(all, test, row);
            if (!has_p(null))
                continue;
            const double own = *summary_of(null, QKVSIM_SUMMARY_P_MAX);
            const int64_t at_most = count_below(all->sorted, all->count, nextafter(own, 2));
            *summary_of(null, QKVSIM_SUMMARY_P_MAX_ALL) =
                bounded(null, (double)at_most / (double)all->count);
        }
}

static qkvsim_status finish_family(qkvsim_context *context, const family *all)
{
    const int32_t tests = all->table->tests;
    qkvsim_status status = adjust_family(context, all, 0, tests, QKVSIM_SUMMARY_P_BH_ALL);
    for (int32_t test = 0; test < tests && status == QKVSIM_OK; test++)
        status = adjust_family(context, all, test, 1, QKVSIM_SUMMARY_P_BH);
    if (status == QKVSIM_OK && all->table->exceedances == 0)
        maximise_family(all);
    return status == QKVSIM_OK && qkv_work_is_cancelled(context) ? qkv_cancelled(context) : status;
}

static qkvsim_status adjust_rows(qkvsim_context *context, qkv_null_table *table, int32_t first_row,
                                 int32_t rows)
{
    if (rows == 0 || table->permutations == 0)
        return QKVSIM_OK;
    const qkv_allocator *allocator = &context->allocator;
    family all = { .context = context,
                   .table = table,
                   .first_row = first_row,
                   .rows = rows,
                   .count = table->permutations + 1 };
    const size_t count = (size_t)all.count;
    all.largest = qkv_allocate(allocator, count, sizeof *all.largest);
    all.sorted = qkv_allocate(allocator, count, sizeof *all.sorted);
    all.least_p = qkv_allocate(allocator, count, sizeof *all.least_p);
    all.p = qkv_allocate(allocator, (size_t)table->tests * (size_t)rows, sizeof *all.p);
    qkvsim_status status;
    if (all.largest != NULL && all.sorted != NULL && all.least_p != NULL && all.p != NULL)
        status = finish_family(context, &all);
    else
        status = qkv_no_memory(context, "the adjusted p-values");
    qkv_release(allocator, all.largest);
    qkv_release(allocator, all.sorted);
    qkv_release(allocator, all.least_p);
    qkv_release(allocator, all.p);
    return status;
}

/* ---- the table ---- */

qkvsim_status qkv_check_exceedances(qkvsim_context *context, int64_t exceedances,
                                    int64_t permutations)
{
    return exceedances >= 0 && exceedances <= permutations
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "exceedances is %lld, expected 0 to the number of permutations, %lld",
                             (long long)exceedances, (long long)permutations);
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

qkvsim_status qkv_null_table_finish(qkvsim_context *context, qkv_null_table *table,
                                    int32_t pair_groups)
{
    const int64_t count = (int64_t)table->rows * table->tests, m = table->permutations;
    double *scratch = qkv_allocate(&context->allocator, (size_t)m, sizeof *scratch);
    if (scratch == NULL)
        return qkv_no_memory(context, "the tails of the nulls");
    for (int64_t k = 0; k < count && !qkv_work_pulse(context, 0); k++) {
        summarise(&table->nulls[k], m);
        fit_tail(&table->nulls[k], m, table->upper, scratch);
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
