/**
 * @file layout.h
 * A layout says which group (Q, K, V, or Q of head 3) each feature belongs to.
 *
 * g groups form g (g + 1) / 2 pair groups, numbered along the upper triangle: with groups Q, K, V
 * they are Q-Q, Q-K, Q-V, K-K, K-V, V-V. A roll-up is a named set of pair groups whose values are
 * also looked at together ("Q-Q within heads"). Pair groups and, behind them, roll-ups are the rows
 * of every result: roll-up r is row pair_groups + r.
 */
#ifndef QKVSIM_LAYOUT_H
#define QKVSIM_LAYOUT_H

#include <qkvsim/packed.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Immutable once made and given its roll-ups; may be shared by threads. Free with
 * qkvsim_layout_free.
 *
 * The functions that make one return INVALID_ARGUMENT, NO_MEMORY, or TOO_LARGE for more than 2^31 -
 * 1 features or 4,096 heads; there are 1 to 4,096 groups. Time and memory O(features + groups^2);
 * for each dash in a name of the caller's, up to O(groups^2) more time.
 */
typedef struct qkvsim_layout qkvsim_layout;

/**
 * Three equal contiguous groups Q, K, V, as in GPT-2's fused c_attn.
 * @param features all features, a multiple of 3
 */
QKVSIM_API qkvsim_status qkvsim_layout_thirds(qkvsim_context *context, int64_t features,
                                              qkvsim_layout **layout);

/**
 * Contiguous groups of given widths, as in grouped-query attention (Q=576, K=192, V=192).
 * @param widths  `groups` positive numbers of features
 * @param names   `groups` distinct non-empty names, copied; NULL: Q, K, V for three groups, else
 *                G0, G1, ...
 * @return INVALID_ARGUMENT also where names give two pair groups one name: of groups A, B-C, A-B
 * and C in this order, the first two and the last two are A-B-C
 */
QKVSIM_API qkvsim_status qkvsim_layout_widths(qkvsim_context *context, const int64_t *widths,
                                              const char *const *names, int32_t groups,
                                              qkvsim_layout **layout);

/** Where the heads of a layout stand. */
typedef int32_t qkvsim_heads;
enum {
    QKVSIM_HEADS_BLOCKED = 0,    /**< all heads of Q, then all of K, then all of V */
    QKVSIM_HEADS_INTERLEAVED = 1 /**< q, k, v of head 0, then q, k, v of head 1, ... */
};

/**
 * Heads: part i (Q, K or V) is `widths[i]` features wide and splits into `heads[i]` equal heads,
 * each a group of its own named after the part: Q0, Q1, ... Grouped-query sizes are allowed: with
 * heads 9, 3, 3 interleaved, the columns are three query heads, one key and one value head, then
 * the next three, and so on.
 * @param names `parts` names; NULL as in qkvsim_layout_widths
 *
 * The layout has roll-ups for each two parts A and B, in the order of the parts: "A-B" (all heads),
 * "A-B within heads" and "A-B across heads". Within heads are a head with itself and, for two
 * parts, each head with the one that serves it: head h of the part with more heads belongs to head
 * h * fewer / more of the other, as in grouped-query attention; where the larger number of heads is
 * no multiple of the smaller there is only "A-B". Roll-ups of fewer than two pair groups are left
 * out.
 * @return INVALID_ARGUMENT where a width is no multiple of its heads, interleaved head counts are
 * no multiples of the smallest, or two groups or rows would have one name (head 0 of L1 is group
 * L10, and of parts L1 and L10 two rows would be L10-L10)
 */
QKVSIM_API qkvsim_status qkvsim_layout_heads(qkvsim_context *context, const int64_t *widths,
                                             const int32_t *heads, const char *const *names,
                                             int32_t parts, qkvsim_heads order,
                                             qkvsim_layout **layout);

/**
 * Any assignment of features to groups.
 * @param labels `features` group numbers from 0 to groups - 1; every group has at least one feature
 * @param names  as in qkvsim_layout_widths
 */
QKVSIM_API qkvsim_status qkvsim_layout_labels(qkvsim_context *context, const int32_t *labels,
                                              int64_t features, const char *const *names,
                                              int32_t groups, qkvsim_layout **layout);

/**
 * Adds a roll-up, the next row of results made with this layout. Not while another thread uses it.
 * @param name        copied; not that of another row
 * @param pair_groups `count` different pair groups in any order, copied
 * @return INVALID_ARGUMENT, NO_MEMORY; the layout is unchanged on failure
 *
 * Time and memory O(pair groups).
 */
QKVSIM_API qkvsim_status qkvsim_layout_add_rollup(qkvsim_context *context, qkvsim_layout *layout,
                                                  const char *name, const int32_t *pair_groups,
                                                  int32_t count);

/**
 * The pair groups of one of several pieces of an analysis: of qkvsim_analysis_run with these as its
 * options' pair_groups, for qkvsim_analysis_merge.
 * @param piece       0 to pieces - 1
 * @param pieces      1 to as many as there are pair groups
 * @param pair_groups receives the numbers of the piece's pair groups, increasing
 * @param capacity    how many numbers `pair_groups` has room for; qkvsim_layout_pair_groups is
 *                    always enough
 * @param count       receives how many they are, at least 1
 * @return INVALID_ARGUMENT, with nothing written
 *
 * Each pair group is in one piece. A piece has an equal share of the pairs, to within the pairs of
 * the largest pair group: eight pair groups a piece and more divide evenly. Its pair groups share
 * groups, about the square root of as many, whose features are all that it prepares. Pieces are a
 * matter of the numbers of features of the groups in their order, the same everywhere. Time O(pair
 * groups).
 *
 *     int32_t numbers[528], count; // of 32 groups
 *     qkvsim_layout_piece_pair_groups(context, layout, rank, ranks, numbers, 528, &count);
 */
QKVSIM_API qkvsim_status qkvsim_layout_piece_pair_groups(qkvsim_context *context,
                                                         const qkvsim_layout *layout, int32_t piece,
                                                         int32_t pieces, int32_t *pair_groups,
                                                         int32_t capacity, int32_t *count);

/** A layout as bytes and back: see packed.h. */
QKVSIM_API int64_t qkvsim_layout_packed_size(const qkvsim_layout *layout);
QKVSIM_API qkvsim_status qkvsim_layout_pack(qkvsim_context *context, const qkvsim_layout *layout,
                                            void *buffer, int64_t size);
QKVSIM_API qkvsim_status qkvsim_layout_unpack(qkvsim_context *context, const void *buffer,
                                              int64_t size, qkvsim_layout **layout);

/** Frees a layout; NULL is allowed. */
QKVSIM_API void qkvsim_layout_free(qkvsim_layout *layout);

/* Accessors. Each takes O(1) time, a row's pairs O(groups). */

/** Number of features, of groups, of pair groups; 0 for NULL. */
QKVSIM_API int64_t qkvsim_layout_features(const qkvsim_layout *layout);
QKVSIM_API int32_t qkvsim_layout_groups(const qkvsim_layout *layout);
QKVSIM_API int32_t qkvsim_layout_pair_groups(const qkvsim_layout *layout);

/** A group's name, owned by the layout; NULL where there is no such group. */
QKVSIM_API const char *qkvsim_layout_group_name(const qkvsim_layout *layout, int32_t group);

/** A group's number of features; 0 where there is no such group. */
QKVSIM_API int64_t qkvsim_layout_group_features(const qkvsim_layout *layout, int32_t group);

/** The group of each feature, in the caller's column order: `features` numbers, owned by the
 * layout. */
QKVSIM_API const int32_t *qkvsim_layout_group_of(const qkvsim_layout *layout);

/** The pair group of two groups, in either order; -1 where there is no such group. */
QKVSIM_API int32_t qkvsim_layout_pair_group(const qkvsim_layout *layout, int32_t group_a,
                                            int32_t group_b);

/** Number of roll-ups, and of rows, which are the pair groups and behind them the roll-ups; 0 for
 * NULL. */
QKVSIM_API int32_t qkvsim_layout_rollups(const qkvsim_layout *layout);
QKVSIM_API int32_t qkvsim_layout_rows(const qkvsim_layout *layout);

/** The `count` pair groups of a roll-up, increasing, owned by the layout; NULL and 0 where there is
 * no such roll-up. */
QKVSIM_API const int32_t *qkvsim_layout_rollup_pair_groups(const qkvsim_layout *layout,
                                                           int32_t rollup, int32_t *count);

/** The name of a row, a pair group's "Q-K" or a roll-up's, owned by the layout; NULL where there is
 * no such row. */
QKVSIM_API const char *qkvsim_layout_row_name(const qkvsim_layout *layout, int32_t row);

/** A row's number of feature pairs i < j; 0 where there is no such row. */
QKVSIM_API int64_t qkvsim_layout_pairs(const qkvsim_layout *layout, int32_t row);

/**
 * The same of every row.
 * @param context  takes the text of an error; NULL: none, so that threads may read one layout
 * @param counts   receives a number for each row
 * @param capacity how many numbers `counts` has room for
 * @return INVALID_ARGUMENT, with nothing written, where capacity is below qkvsim_layout_rows
 *
 * Time O(rows x groups).
 */
QKVSIM_API qkvsim_status qkvsim_layout_pair_counts(qkvsim_context *context,
                                                   const qkvsim_layout *layout, int64_t *counts,
                                                   int64_t capacity);

#ifdef __cplusplus
}
#endif
#endif
