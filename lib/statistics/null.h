/* A null: what permutations say of one observed statistic, in summaries and p-values of its own. */
#ifndef QKV_NULL_H
#define QKV_NULL_H

#include <qkvsim/statistic.h>

#include <math.h>

#include "base/context.h"

enum { QKV_NULL_SUMMARIES = QKVSIM_SUMMARY_P_MAX_ALL }; /* from QKVSIM_SUMMARY_OBSERVED on */

/* One statistic of one row: its m permuted values (NULL: there is no such statistic; NaN: none in
 * this permutation), the observed one, and what is said of them, summary s at s - 1. */
typedef struct qkv_null {
    const double *values;
    double observed;
    bool untested;     /* the permutations cannot change it: neither z nor p */
    double resolution; /* values that differ by less are equal but for rounding */
    double growth;     /* beside it, a permuted value t is off by up to growth sqrt(t) */
    double least_p;    /* 1 / number of different permutations: no p is below it */
    double summaries[QKV_NULL_SUMMARIES];
    double fitted; /* QKVSIM_SUMMARY_P_FITTED */
    /* With exceedances: of the permutations made, those at most and at least the observed value,
     * and how many had been made when there were so many; 0: there are not. */
    int64_t less, greater, less_at, greater_at;
} qkv_null;

/* Mean, standard deviation and extremes of values that exist. */
typedef struct qkv_description {
    double centre, sd, least, most;
} qkv_description;

/* Fills the summaries that a null has by itself, of m permutations. */
void qkv_null_summarise(qkv_null *null, int64_t m);

/* Fills the fitted p where counting leaves p in doubt; upper: only large values speak against the
 * null. The scratch has room for m values. */
void qkv_null_fit_tail(qkv_null *null, int64_t m, bool upper, double *scratch);

/* Of the first `count` of all m + 1 values. */
qkv_description qkv_null_describe(const qkv_null *null, int64_t m, int64_t count);

static inline double *qkv_null_summary_at(qkv_null *null, int32_t summary)
{
    return &null->summaries[summary - 1];
}

/* All m + 1 values, the observed one last. */
static inline double qkv_null_value(const qkv_null *null, int64_t m, int64_t k)
{
    return k < m ? null->values[k] : null->observed;
}

static inline bool qkv_null_has_p(const qkv_null *null)
{
    return !isnan(null->summaries[QKVSIM_SUMMARY_P - 1]);
}

/* No p is below what the number of different permutations allows. */
static inline double qkv_null_bounded(const qkv_null *null, double p)
{
    return fmax(p, null->least_p);
}

/* By how much a value may be nearer than a distance and still count as at least as far:
 * rounding. */
static inline double qkv_null_rounding(double distance)
{
    return 1e-9 * fabs(distance);
}

#endif
