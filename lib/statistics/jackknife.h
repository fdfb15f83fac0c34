/* The delete-a-block jackknife: which observations are left out, and what follows from the values
 * without them. */
#ifndef QKV_JACKKNIFE_H
#define QKV_JACKKNIFE_H

#include "random/resample.h"
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

/* What part of a selection's observations lies in each block. */
typedef struct qkv_block_shares {
    int64_t held;  /* blocks that have any */
    double *share; /* 0 where a block has none */
} qkv_block_shares;

/* Counts one selection's observations; `selections` says of which one each is, NULL: of this one.
 * On failure nothing is held. */
qkvsim_status qkv_block_shares_open(qkvsim_context *context, const qkv_blocks *blocks,
                                    const uint8_t *selections, uint8_t selection,
                                    qkv_block_shares *shares);
void qkv_block_shares_close(const qkv_allocator *allocator, qkv_block_shares *shares);

typedef struct qkv_jackknife_estimate {
    double estimate; /* bias-corrected */
    double se;
} qkv_jackknife_estimate;

/* A sample whose k-th value lacks block k, with the shares that its selection has of the blocks, of
 * which it needs two. */
typedef struct qkv_jackknife_term {
    double weight;
    const qkv_sample *sample;
    const qkv_block_shares *shares;
} qkv_jackknife_term;

enum { QKV_JACKKNIFE_TERMS = 4 };

/* Of the weighted sum of up to QKV_JACKKNIFE_TERMS terms. */
qkv_jackknife_estimate qkv_jackknife(const qkv_jackknife_term *terms, int32_t count);

#endif
