/* Central moments of a set of values, merged set by set in double (Pebay 2008). */
#ifndef QKV_MOMENTS_H
#define QKV_MOMENTS_H

#include "kernels/kernels.h"

/* m2, m3, m4 are sums of powers of the distance from the mean. */
typedef struct qkv_moments {
    int64_t count;
    int64_t tail;
    double mean, m2, m3, m4;
    double minimum, maximum;
    double mean_low; /* what `mean` rounds off: sets of values close together differ by as little */
} qkv_moments;

/* Moments of a tally's values; the tally has at least one. */
qkv_moments qkv_moments_of_tally(const qkv_tally *tally, int64_t count);

/* Adds other to moments; either may be empty (count 0). */
void qkv_moments_merge(qkv_moments *moments, const qkv_moments *other);

/* A QKVSIM_STATISTIC_MEAN .. QKVSIM_STATISTIC_MAXIMUM statistic; NaN where it does not exist. */
double qkv_moments_statistic(const qkv_moments *moments, int32_t statistic);

#endif
