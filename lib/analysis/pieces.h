/* Pieces of one computation: whether they belong together, and the order in which they stand. */
#ifndef QKV_PIECES_H
#define QKV_PIECES_H

#include "analysis.h"

/* Something that all pieces must have alike; numbers of 64 bits. */
typedef struct qkv_trait {
    const char *name;
    uint64_t value;
} qkv_trait;

/* Repetitions first .. first + count - 1, and which piece has them. */
typedef struct qkv_range {
    int64_t first, count, piece;
} qkv_range;

/* Fails where there is none, or one is NULL. */
qkvsim_status qkv_check_pieces(qkvsim_context *context, const void *pieces, int64_t count,
                               const void *merged);

/* Fails where a piece's traits differ from piece 0's. */
qkvsim_status qkv_check_traits(qkvsim_context *context, int64_t piece, const qkv_trait *traits,
                               const qkv_trait *of_first, int32_t count);

/* Fails where two analyses are of other inputs, or were made in another way: all but the
 * results. */
qkvsim_status qkv_check_making(qkvsim_context *context, int64_t piece,
                               const qkvsim_analysis *analysis, const qkvsim_analysis *of_first);

/* The same, and the results are the same to the bit. */
qkvsim_status qkv_check_same_analysis(qkvsim_context *context, int64_t piece,
                                      const qkvsim_analysis *analysis,
                                      const qkvsim_analysis *of_first);

/* Fails where a piece was to stop early; `what` is said of its repetitions: "permutations". */
qkvsim_status qkv_check_whole(qkvsim_context *context, int64_t piece, int64_t exceedances,
                              const char *what);

/* The whole of which a piece was made, and whether that is all different repetitions there are. */
typedef struct qkv_whole {
    int64_t total;
    double all_different; /* with what is observed */
    bool enumerated;
} qkv_whole;

/* Fails where one piece takes all different ones and piece 0 does not: that depends on the whole,
 * which each must have been told. */
qkvsim_status qkv_check_enumerated(qkvsim_context *context, int64_t piece, const qkv_whole *whole,
                                   const qkv_whole *of_first, const char *what);

/* Sorts ranges by their first; fails where they overlap, or leave a gap. Empty ones come first.
 * `what` is said of them: "permutations". */
qkvsim_status qkv_order_ranges(qkvsim_context *context, const char *what, qkv_range *ranges,
                               int64_t count);

/* Where ordered ranges begin together. */
int64_t qkv_ranges_first(const qkv_range *ranges, int64_t count);

#endif
