/* Mean and sum of squared deviations of numbers that come one by one (Welford 1962). */
#ifndef QKV_WELFORD_H
#define QKV_WELFORD_H

#include <stdint.h>

/* Adds the count-th value to the mean and the squares of those before it; both are 0 before the
 * first. */
static inline void qkv_welford_add(double value, int64_t count, double *mean, double *squares)
{
    const double delta = value - *mean;
    *mean += delta / (double)count;
    *squares += delta * (value - *mean);
}

#endif
