/*
 * Everything here works on the m values of the permutations and the observed one together, m + 1 in
 * all: under the null each of them is equally likely to be the observed one, which is what makes
 * the p-values exact (Phipson & Smyth 2010).
 */
#include "null.h"

#include "tail.h"
#include "welford.h"

static bool exists(const qkv_null *null, int64_t m)
{
    bool any = false;
    for (int64_t k = 0; k < m && null->values != NULL && !any; k++)
        any = !isnan(null->values[k]);
    return any && !isnan(null->observed);
}

qkv_description qkv_null_describe(const qkv_null *null, int64_t m, int64_t count)
{
    double mean = 0, squares = 0, least = INFINITY, most = -INFINITY;
    int64_t existing = 0;
    for (int64_t k = 0; k < count; k++) {
        const double value = qkv_null_value(null, m, k);
        if (isnan(value))
            continue;
        qkv_welford_add(value, ++existing, &mean, &squares);
        least = fmin(least, value);
        most = fmax(most, value);
    }
    const bool differ = most - least > null->resolution;
    return (qkv_description){ mean, differ ? sqrt(squares / (double)existing) : 0, least, most };
}

static void describe(qkv_null *null, int64_t m)
{
    const qkv_description permuted = qkv_null_describe(null, m, m);
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_MEAN) = permuted.centre;
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_SD) = permuted.sd;
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_MINIMUM) = permuted.least;
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_MAXIMUM) = permuted.most;
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_Z) =
        permuted.sd > 0 ? (null->observed - permuted.centre) / permuted.sd : (double)NAN;
}

/* Counts all m + 1 that are at least as extreme as the observed one, which is one of them. Those
 * that do not exist count, since they might be. */
static void count_extremes(qkv_null *null, int64_t m)
{
    const qkv_description all = qkv_null_describe(null, m, m + 1);
    const double centre = all.centre, distance = fabs(null->observed - centre);
    const double opposite = fmax(0, 2 * centre - null->observed); /* as far, beyond the centre */
    const double slack =
        all.sd > 0 ? fmax(qkv_null_rounding(distance), null->resolution) : (double)INFINITY;
    const double both = fmax(slack, null->resolution + null->growth * sqrt(opposite));
    int64_t two_sided = 0, less = 0, greater = 0;
    for (int64_t k = 0; k <= m; k++) {
        const double value = qkv_null_value(null, m, k);
        two_sided += !(fabs(value - centre) < distance - both);
        less += !(value > null->observed + slack);
        greater += !(value < null->observed - slack);
    }
    const double count = (double)(m + 1);
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_P) =
        qkv_null_bounded(null, (double)two_sided / count);
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_P_LESS) =
        qkv_null_bounded(null, (double)less / count);
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_P_GREATER) =
        qkv_null_bounded(null, (double)greater / count);
}

void qkv_null_summarise(qkv_null *null, int64_t m)
{
    for (int32_t s = 0; s < QKV_NULL_SUMMARIES; s++)
        null->summaries[s] = NAN;
    null->fitted = NAN;
    *qkv_null_summary_at(null, QKVSIM_SUMMARY_OBSERVED) = null->observed;
    if (!exists(null, m))
        return;
    describe(null, m);
    if (null->untested)
        *qkv_null_summary_at(null, QKVSIM_SUMMARY_Z) = NAN;
    else
        count_extremes(null, m);
}

/* ---- the tail ---- */

/* Whether counting leaves p in doubt, and more permutations would have settled it. */
static bool wants_fit(const qkv_null *null, int64_t m, int32_t tested)
{
    const double p = null->summaries[tested - 1];
    return m >= QKV_TAIL_VALUES_LEAST && null->least_p <= qkv_tail_floor(m)
           && p * (double)(m + 1) < QKV_TAIL_REACHED_MOST + 1.5
           && null->summaries[QKVSIM_SUMMARY_SD - 1] > 0;
}

/* Fits how far from the centre values lie, or where only large ones count, the values. One that
 * does not exist might lie anywhere. */
void qkv_null_fit_tail(qkv_null *null, int64_t m, bool upper, double *scratch)
{
    if (!wants_fit(null, m, upper ? QKVSIM_SUMMARY_P_GREATER : QKVSIM_SUMMARY_P))
        return;
    const double centre = upper ? 0 : qkv_null_describe(null, m, m + 1).centre;
    for (int64_t k = 0; k < m; k++) {
        scratch[k] = upper ? null->values[k] : fabs(null->values[k] - centre);
        if (isnan(scratch[k]))
            return;
    }
    null->fitted = qkv_tail_p(scratch, m, upper ? null->observed : fabs(null->observed - centre));
}
