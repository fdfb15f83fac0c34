/* What follows from a statistic's bootstrap replicates. */
#ifndef QKV_BOOTSTRAP_H
#define QKV_BOOTSTRAP_H

#include "sample.h"

/* Standard deviation, divided by count - 1. */
double qkv_sample_sd(const qkv_sample *sample);

/* Quantile of a share in [0, 1], interpolated linearly between order statistics as numpy.quantile
 * does. Without memory of its own: O(64 count) time. */
double qkv_sample_quantile(const qkv_sample *sample, double share);

#endif
