/* A plan for the blocks of a stream: which block everything is in once a call is done. */
#ifndef QKV_BLOCK_PLAN_H
#define QKV_BLOCK_PLAN_H

#include "accumulator.h"

/* Observations that are to be joined: a block there is, or new ones. */
typedef struct qkv_piece {
    int64_t block;
    const qkvsim_accumulator *held;
    int64_t first, count; /* new ones: of the input's observations */
} qkv_piece;

typedef struct qkv_block_plan {
    qkv_stream_blocks blocks; /* as they will be */
    qkv_piece *pieces;        /* by block */
    int64_t count;
} qkv_block_plan;

/* Does what is planned, of pieces that all hold something by now. Fails where sums would be out of
 * range, memory is short, or the call is cancelled; the accumulator is unchanged then. */
qkvsim_status qkv_block_plan_carry_out(qkvsim_context *context, const qkv_block_plan *made,
                                       qkvsim_accumulator *accumulator);

#endif
