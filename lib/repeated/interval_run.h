/* Intervals while they are made: the replicates of an analysis, which are kept, and what is made of
 * them later. */
#ifndef QKV_INTERVAL_RUN_H
#define QKV_INTERVAL_RUN_H

#include <qkvsim/interval.h>

#include "interval_once.h"
#include "pool.h"
#include "replicates.h"
#include "statistics/jackknife.h"

enum { QKV_SELECTIONS = 2, QKV_BLOCKS_LEAST = 8 };

struct qkvsim_intervals {
    qkv_allocator allocator;
    qkvsim_analysis *observed[QKV_SELECTIONS];
    qkv_replicates values[QKV_SELECTIONS];
    qkv_blocks blocks; /* jackknife, and what follows */
    qkv_block_shares shares[QKV_SELECTIONS];
    double t[QKV_SELECTIONS]; /* Student's of the level; NaN where a selection has too few blocks */
    int64_t first;            /* of the resamples */
    int64_t replicates;       /* made */
    int64_t total;            /* of the whole of which these are a part */
    uint64_t seed, segments;  /* of the segments: a fingerprint */
    int64_t block_length;
    double level;
    int32_t method;
    qkv_interval_once *statistics, *differences; /* bootstrap: one for each row of values */
};

/* Copies and checks options of any version, with their defaults for level and method. */
qkvsim_status qkv_read_interval_options(qkvsim_context *context,
                                        const qkvsim_interval_options *given,
                                        qkvsim_interval_options *options);

/* Student's t of a selection whose observations are in so many blocks; NaN where these are too
 * few. */
double qkv_student_of_blocks(double level, int64_t held);

/* Room for what is computed when it is first asked for; the last step of making intervals. */
qkvsim_status qkv_intervals_prepare(qkvsim_context *context, qkvsim_intervals *made);

/* Analyses the pool's selections and each replicate of them. `made` has its method and level; on
 * failure it is freed by the caller. */
qkvsim_status qkv_replicate(qkvsim_context *context, qkv_pool *pool, const qkvsim_layout *layout,
                            const qkvsim_analysis_options *analysis,
                            const qkvsim_interval_options *options, qkvsim_intervals *made);

#endif
