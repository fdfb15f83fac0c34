/* The delete-a-block jackknife: which observations are left out, and what follows from the values
 * without them. */
#ifndef QKV_JACKKNIFE_H
#define QKV_JACKKNIFE_H

#include "resample.h"
#include "sample.h"

/* Blocks of consecutive observations in use: block j is start[j] .. start[j + 1] - 1. */
typedef struct qkv_blocks {
    int64_t count;
    int64_t *start; /* count + 1 */
} qkv_blocks;

/* Divides each segment into as many blocks as its share of `blocks`, at least one; the lengths
 * within a segment differ by at most one. On failure nothing is held. */
qkvsim_status qkv_blocks_open(qkvsim_context *context, const qkv_segments *segments, int64_t blocks,
                              qkv_blocks *divided);
void qkv_blocks_close(const qkv_allocator *allocator, qkv_blocks *blocks);

int64_t qkv_blocks_longest(const qkv_blocks *blocks);

/* Bias-corrected estimate and standard error of a sample whose k-th value lacks block k. */
typedef struct qkv_jackknife_estimate {
    double estimate;
    double se;
} qkv_jackknife_estimate;

qkv_jackknife_estimate qkv_jackknife(const qkv_sample *sample, const qkv_blocks *blocks);

#endif
