/**
 * @file similarity.h
 * The similarity of every feature with every other, as a matrix in the caller's memory.
 *
 * For features x_i, x_j over n observations, with means m and centred columns c = x - m:
 *
 *     Pearson     <c_i, c_j> / (|c_i| |c_j|)
 *     cosine      <x_i, x_j> / (|x_i| |x_j|)
 *     covariance  <c_i, c_j> / (n - 1)
 *     dot         <x_i, x_j>
 *     Spearman    Pearson of the ranks, equal values sharing the mean of theirs
 *
 * The first four come from one Gram matrix of the centred columns scaled to unit length, which does
 * not cancel where offsets are large: cosine = s_i s_j Pearson + o_i o_j, s = |c| / |x|, o =
 * sqrt(n) m / |x|.
 */
#ifndef QKVSIM_SIMILARITY_H
#define QKVSIM_SIMILARITY_H

#include <qkvsim/context.h>
#include <qkvsim/input.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which entries of a matrix are written. */
typedef int32_t qkvsim_triangle;
enum {
    QKVSIM_TRIANGLE_FULL = 0, /**< every entry is written */
    QKVSIM_TRIANGLE_UPPER = 1 /**< the diagonal and above; entries below it are left as they were */
};

/** Zero in any field is its default. */
typedef struct qkvsim_similarity_options {
    size_t struct_size;
    qkvsim_triangle triangle; /**< QKVSIM_TRIANGLE_FULL or QKVSIM_TRIANGLE_UPPER */
    int32_t reserved;         /**< must be 0 */
} qkvsim_similarity_options;

/**
 * Computes one similarity matrix.
 * @param input   observations of d features
 * @param metric  one of QKVSIM_METRIC_COSINE, PEARSON, COVARIANCE, DOT, SPEARMAN
 * @param options NULL for all defaults
 * @param matrix  d x d, QKVSIM_DTYPE_F32 or F64, in the caller's column order. An undefined value
 * (a constant feature under Pearson or Spearman, an all-zero one under cosine, a covariance of one
 * observation) is NaN. Cosine, Pearson and Spearman lie in [-1, 1] and are 1 on the diagonal where
 * defined.
 * @return INVALID_ARGUMENT, NONFINITE, NO_MEMORY, CANCELLED; TOO_LARGE where a covariance or dot
 *         product may exceed the output type, or F32 arithmetic cannot hold the ranks of more than
 *         2^24 observations
 *
 * Error of cosine, Pearson and Spearman: at most 1e-6 for F32 arithmetic and up to 65,536
 * observations, 1e-13 for F64 where means are small (docs/numerics.md). Time O(n d^2), memory
 * O(n d) besides the matrix; with a progress callback, which may cancel, also a copy
 * of the matrix, so that a cancelled call leaves it untouched.
 */
QKVSIM_API qkvsim_status qkvsim_similarity(qkvsim_context *context, const qkvsim_input *input,
                                           qkvsim_metric metric,
                                           const qkvsim_similarity_options *options,
                                           const qkvsim_matrix *matrix);

#ifdef __cplusplus
}
#endif
#endif
