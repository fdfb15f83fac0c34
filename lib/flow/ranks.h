/* Columns to ranks, for Spearman: a step of prepare between load and scale. */
#ifndef QKV_RANKS_H
#define QKV_RANKS_H

#include "base/context.h"

/* Observations whose ranks are exact in float: centred ranks are halves of integers below this. */
enum { QKV_RANKS_MAX_F32 = 1 << 24 };

/* Bytes of scratch for columns of n values. */
size_t qkv_rank_scratch(int64_t n, int32_t arithmetic);

/*
 * Replaces each column's values by their ranks less the middle one, (n + 1) / 2; equal values share
 * the mean of their ranks, and -0 equals 0. A column with a NaN or an infinity stays as it is, for
 * prepare to find. Time O(n) a column. Once the call is cancelled, values are left as they come.
 */
void qkv_rank_strip(qkvsim_context *context, int32_t worker, const qkv_strip *strip,
                    int32_t arithmetic, void *scratch);

#endif
