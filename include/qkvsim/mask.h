/**
 * @file mask.h
 * The mask: a d x d integer matrix that says to which pair group each pair of features belongs.
 *
 * Entry (i, j) is code[group of i] * code[group of j] above the diagonal and 0 on and below it.
 * With the codes Q = 1, K = 2, V = 3 the products are Q-Q 1, Q-K 2, Q-V 3, K-K 4, K-V 6, V-V 9. The
 * analysis does not need a mask; it is for programs that hold a similarity matrix.
 */
#ifndef QKVSIM_MASK_H
#define QKVSIM_MASK_H

#include <qkvsim/layout.h>
#include <qkvsim/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The code of each pair group.
 * @param codes      a positive code for each group, read during the call only; NULL: 1, 2, 3, ...
 * @param pair_codes receives one product for each pair group, in the layout's order
 * @param capacity   how many numbers `pair_codes` has room for; INVALID_ARGUMENT where these are
 *                   fewer
 * @return AMBIGUOUS where two pair groups have the same product (1 * 4 = 2 * 2), and the message
 *         names both; TOO_LARGE where a product exceeds int32; INVALID_ARGUMENT also for a code
 *         below 1; NO_MEMORY. On failure nothing is written
 *
 * Time O(p log p), memory O(p) for p pair groups.
 */
QKVSIM_API qkvsim_status qkvsim_layout_mask_codes(qkvsim_context *context,
                                                  const qkvsim_layout *layout, const int32_t *codes,
                                                  int32_t *pair_codes, int64_t capacity);

/**
 * Writes the mask.
 * @param codes as in qkvsim_layout_mask_codes
 * @param mask  QKVSIM_DTYPE_I32, features x features, in the caller's column order; every entry is
 * written
 * @return as qkvsim_layout_mask_codes; INVALID_ARGUMENT for a matrix of another shape or type
 *
 * Time O(d^2 + p log p), memory O(p) for p pair groups, besides the mask. On failure the mask is
 * untouched. qkvsim_layout_pairs tells how many pairs each pair group has.
 */
QKVSIM_API qkvsim_status qkvsim_layout_mask(qkvsim_context *context, const qkvsim_layout *layout,
                                            const int32_t *codes, const qkvsim_matrix *mask);

#ifdef __cplusplus
}
#endif
#endif
