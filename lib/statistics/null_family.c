/*
 * Two adjustments: the share of false discoveries among those that are called one, and the chance
 * of any, by what the largest of all statistics comes to in each permutation (Westfall & Young
 * 1993).
 */
#include "null_family.h"

#include <stdlib.h>
#include <string.h>

#include "benjamini_hochberg.h"

typedef struct scratch {
    qkvsim_context *context;
    const qkv_null_family *of;
    int64_t count;   /* m + 1 */
    double *largest; /* of each of the m + 1: the largest z of the family in one test */
    double *sorted;  /* as many */
    double *least_p; /* of each of the m + 1: the least p of any test */
    double *p;       /* tests x rows, gathered */
} scratch;

static qkv_null *null_at(const scratch *all, int32_t test, int32_t row)
{
    return &all->of->nulls[(int64_t)test * all->of->leading + row];
}

static int32_t tested_p(const scratch *all)
{
    return all->of->upper ? QKVSIM_SUMMARY_P_GREATER : QKVSIM_SUMMARY_P;
}

/* Adjusts tests first .. first + tests - 1 as one. */
static qkvsim_status adjust_together(const scratch *all, int32_t first, int32_t tests,
                                     int32_t summary)
{
    const int32_t rows = all->of->rows;
    for (int32_t t = 0; t < tests; t++)
        for (int32_t row = 0; row < rows; row++)
            all->p[(int64_t)t * rows + row] =
                *qkv_null_summary_at(null_at(all, first + t, row), tested_p(all));
    const qkvsim_status status = qkv_adjust_bh(all->context, all->p, (int64_t)tests * rows, all->p);
    for (int32_t t = 0; t < tests && status == QKVSIM_OK; t++)
        for (int32_t row = 0; row < rows; row++)
            *qkv_null_summary_at(null_at(all, first + t, row), summary) =
                all->p[(int64_t)t * rows + row];
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

static qkv_description describe_family(const scratch *all, const qkv_null *null)
{
    return qkv_null_has_p(null) ? qkv_null_describe(null, all->count - 1, all->count)
                                : (qkv_description){ 0 };
}

/* How far a value lies out: |z|, or z where only large values count; one that does not exist,
 * farther than any. */
static double extremity(const scratch *all, const qkv_description *of, double value)
{
    const double z = (value - of->centre) / of->sd;
    if (isnan(z))
        return INFINITY;
    return all->of->upper ? z : fabs(z);
}

/* The share of the m + 1 whose largest z is at least z, but for rounding. */
static double share_as_large(const scratch *all, double z, double slack)
{
    const double bound = isinf(z) ? z : z - fmax(qkv_null_rounding(z), slack);
    const int64_t below = count_below(all->sorted, all->count, bound);
    return (double)(all->count - below) / (double)all->count;
}

/* Fills `largest`; false where no row varies, or of a cancelled call. */
static bool find_largest(const scratch *all, int32_t test)
{
    bool any = false;
    for (int32_t row = 0; row < all->of->rows; row++) {
        if (qkv_work_pulse(all->context, 0))
            return false;
        const qkv_null *null = null_at(all, test, row);
        const qkv_description of = describe_family(all, null);
        if (!(of.sd > 0))
            continue;
        for (int64_t k = 0; k < all->count; k++) {
            const double z = extremity(all, &of, qkv_null_value(null, all->count - 1, k));
            all->largest[k] = any ? fmax(all->largest[k], z) : z;
        }
        any = true;
    }
    return any;
}

static double maximum_p(const scratch *all, const qkv_null *null)
{
    const qkv_description of = describe_family(all, null);
    if (!(of.sd > 0))
        return 1;
    return qkv_null_bounded(
        null, share_as_large(all, extremity(all, &of, null->observed), null->resolution / of.sd));
}

/* P_MAX of one test's rows, and what the test adds to the least p of each of the m + 1. */
static void maximise_test(const scratch *all, int32_t test)
{
    const bool any = find_largest(all, test);
    if (any)
        sort(all->largest, all->count, all->sorted);
    for (int32_t row = 0; row < all->of->rows && !qkv_work_pulse(all->context, 0); row++) {
        qkv_null *null = null_at(all, test, row);
        if (qkv_null_has_p(null))
            *qkv_null_summary_at(null, QKVSIM_SUMMARY_P_MAX) = maximum_p(all, null);
    }
    for (int64_t k = 0; k < all->count && any; k++)
        all->least_p[k] = fmin(all->least_p[k], share_as_large(all, all->largest[k], 0));
}

static void maximise_family(const scratch *all)
{
    for (int64_t k = 0; k < all->count; k++)
        all->least_p[k] = 1;
    for (int32_t test = 0; test < all->of->tests; test++)
        maximise_test(all, test);
    sort(all->least_p, all->count, all->sorted);
    for (int32_t test = 0; test < all->of->tests; test++)
        for (int32_t row = 0; row < all->of->rows; row++) {
            qkv_null *null = null_at(all, test, row);
            if (!qkv_null_has_p(null))
                continue;
            const double own = *qkv_null_summary_at(null, QKVSIM_SUMMARY_P_MAX);
            const int64_t at_most = count_below(all->sorted, all->count, nextafter(own, 2));
            *qkv_null_summary_at(null, QKVSIM_SUMMARY_P_MAX_ALL) =
                qkv_null_bounded(null, (double)at_most / (double)all->count);
        }
}

static qkvsim_status adjust(const scratch *all)
{
    const int32_t tests = all->of->tests;
    qkvsim_status status = adjust_together(all, 0, tests, QKVSIM_SUMMARY_P_BH_ALL);
    for (int32_t test = 0; test < tests && status == QKVSIM_OK; test++)
        status = adjust_together(all, test, 1, QKVSIM_SUMMARY_P_BH);
    if (status == QKVSIM_OK && !all->of->stopped)
        maximise_family(all);
    return status == QKVSIM_OK && qkv_work_is_cancelled(all->context) ? qkv_cancelled(all->context)
                                                                      : status;
}

qkvsim_status qkv_null_family_adjust(qkvsim_context *context, const qkv_null_family *family)
{
    if (family->rows == 0 || family->permutations == 0)
        return QKVSIM_OK;
    const qkv_allocator *allocator = &context->allocator;
    scratch all = { .context = context, .of = family, .count = family->permutations + 1 };
    const size_t count = (size_t)all.count;
    all.largest = qkv_allocate(allocator, count, sizeof *all.largest);
    all.sorted = qkv_allocate(allocator, count, sizeof *all.sorted);
    all.least_p = qkv_allocate(allocator, count, sizeof *all.least_p);
    all.p = qkv_allocate(allocator, (size_t)family->tests * (size_t)family->rows, sizeof *all.p);
    const qkvsim_status status =
        all.largest != NULL && all.sorted != NULL && all.least_p != NULL && all.p != NULL
            ? adjust(&all)
            : qkv_no_memory(context, "the adjusted p-values");
    qkv_release(allocator, all.largest);
    qkv_release(allocator, all.sorted);
    qkv_release(allocator, all.least_p);
    qkv_release(allocator, all.p);
    return status;
}
