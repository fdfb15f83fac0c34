/* What an accumulator keeps. */
#ifndef QKV_ACCUMULATOR_H
#define QKV_ACCUMULATOR_H

#include <qkvsim/accumulator.h>

#include "analysis/session.h"
#include "flow/moments_source.h"
#include "running_feature.h"

/* Half of the least number of blocks is still enough for intervals. */
enum { QKV_STREAM_BLOCKS_LEAST = 16, QKV_STREAM_BLOCKS_MOST = 4096 };

/* The blocks of an accumulator that keeps them: each is an accumulator that keeps none. */
typedef struct qkv_stream_blocks {
    int64_t most;      /* that may be; 0: the accumulator keeps none */
    int64_t count;     /* that have begun */
    int64_t documents; /* of a full block */
    int64_t last;      /* documents of the last block */
    bool open;         /* `segment` is that of the last observation, and may go on */
    int32_t segment;
    qkvsim_accumulator **block; /* most; NULL where no room was needed yet */
} qkv_stream_blocks;

struct qkvsim_accumulator {
    qkv_allocator allocator;
    int64_t features;
    int64_t observations;
    int64_t first_row, end_row; /* of the upper triangle that is kept: all of them but in a part */
    qkv_running_feature *running; /* NULL where there are blocks, which have their own */
    double *squares;              /* the diagonal, of every row; NULL likewise */
    double *moments; /* sums of centred products, the triangle's rows one by one; NULL likewise */
    bool borrowed;   /* moments are the caller's bytes, which are not written to */
    bool cancel_empties;
    qkv_stream_blocks blocks;
};

/* ---- without blocks ---- */

qkvsim_status qkv_accumulator_open(qkvsim_context *context, int64_t features,
                                   qkvsim_accumulator **accumulator);

/* One that keeps rows first .. end - 1; and the same without its moments. */
qkvsim_status qkv_accumulator_open_rows(qkvsim_context *context, int64_t features, int64_t first,
                                        int64_t end, qkvsim_accumulator **accumulator);
qkvsim_status qkv_accumulator_open_features(qkvsim_context *context, int64_t features,
                                            int64_t first, int64_t end,
                                            qkvsim_accumulator **accumulator);
qkvsim_status qkv_accumulator_make_moments(qkvsim_context *context,
                                           qkvsim_accumulator *accumulator);

/* Fails where nothing can be added. */
qkvsim_status qkv_accumulator_check_writable(qkvsim_context *context,
                                             const qkvsim_accumulator *accumulator);

qkvsim_status qkv_accumulator_copy(qkvsim_context *context, const qkvsim_accumulator *from,
                                   qkvsim_accumulator **copy);

/* Whether one that is changed by a call that is then cancelled is to be empty, so that nothing has
 * to be kept for that case; and emptying it. */
bool qkv_accumulator_ends_empty(const qkvsim_accumulator *accumulator);
void qkv_accumulator_empty(qkvsim_accumulator *accumulator);

/* Where moment (i, j), j >= i, stands; how many there are. */
static inline int64_t qkv_moment_place(const qkvsim_accumulator *accumulator, int64_t i, int64_t j)
{
    const int64_t d = accumulator->features, first = accumulator->first_row;
    return qkv_packed(d, i, j) - qkv_packed(d, first, first);
}
static inline int64_t qkv_moment_count(const qkvsim_accumulator *accumulator)
{
    return qkv_moment_place(accumulator, accumulator->end_row, accumulator->end_row);
}
static inline bool qkv_accumulator_is_part(const qkvsim_accumulator *accumulator)
{
    return accumulator->end_row - accumulator->first_row < accumulator->features;
}

/* Adds an opened input; `pieces` is how many such calls one public call makes, in the first of
 * them, and 0 in the others. Unchanged on failure. */
qkvsim_status qkv_accumulator_add(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                  const qkv_input *input, int64_t pieces);

/* Fails where the sums of squares of all these together would be out of range. */
qkvsim_status qkv_accumulators_check(qkvsim_context *context,
                                     const qkvsim_accumulator *const *parts, int64_t count);

/* Adds what another holds, without a check; `to` may be empty, with anything in its memory. False
 * where the call is cancelled: of `to` nothing but its moments has changed. Without a context
 * nothing ends it. */
bool qkv_accumulator_join(qkvsim_context *context, qkvsim_accumulator *to,
                          const qkvsim_accumulator *from);

/* Fills panels' statistics and ratios from what was accumulated. */
void qkv_accumulator_describe(const qkvsim_accumulator *accumulator, qkv_panels *panels);

/* ---- with blocks or without ---- */

/* Reads an accumulator as an input of double columns; there are no parts. Fails where it is empty,
 * or one part of several. */
qkvsim_status qkv_accumulator_check(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                    qkv_input *input);

/* Fails for Spearman: ranks need all observations at once. */
qkvsim_status qkv_accumulator_check_metrics(qkvsim_context *context, int32_t metrics);

/* All observations together: the accumulator itself or, where there are blocks, what they come to:
 * *joint, which the caller frees; it is NULL otherwise. */
qkvsim_status qkv_accumulator_whole(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                    const qkvsim_accumulator **whole, qkvsim_accumulator **joint);

/* Analyses one that keeps no blocks, in a session that was opened with this source, into a handle
 * of the session's results. */
qkvsim_status qkv_accumulator_tally(qkvsim_context *context, qkv_session *session,
                                    qkv_moments_source *source,
                                    const qkvsim_accumulator *accumulator,
                                    qkvsim_analysis *analysis);

/* ---- blocks: accumulator_blocks.c ---- */

/* An empty accumulator with room for the first `reserved` blocks; more is made where it is
 * needed. */
qkvsim_status qkv_stream_blocks_open(qkvsim_context *context, int64_t features, int64_t most,
                                     int64_t reserved, qkvsim_accumulator **accumulator);
qkvsim_status qkv_stream_blocks_reserve(qkvsim_context *context, int64_t count,
                                        qkvsim_accumulator *accumulator);
void qkv_stream_blocks_close(qkvsim_accumulator *accumulator);

/* The update and the merge of accumulators that keep blocks. Unchanged on failure. */
qkvsim_status qkv_stream_blocks_add(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                    const qkv_input *input);
qkvsim_status qkv_stream_blocks_merge(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                      const qkvsim_accumulator *other);

#endif
