/**
 * @file pairs.h
 * The strongest pairs of features by themselves: all over a threshold, or the top k.
 *
 *     qkvsim_pairs_options options = { .struct_size = sizeof options, .top = 20 };
 *     qkvsim_pairs *pairs;
 *     if (qkvsim_pairs_run(context, &input, NULL, &options, &pairs) != QKVSIM_OK)
 *         puts(qkvsim_context_error(context));
 *     int64_t count;
 *     const qkvsim_pair *list = qkvsim_pairs_list(pairs, &count);
 *
 * No d x d matrix is built: memory is that of the prepared columns and of the result.
 */
#ifndef QKVSIM_PAIRS_H
#define QKVSIM_PAIRS_H

#include <qkvsim/context.h>
#include <qkvsim/input.h>
#include <qkvsim/layout.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One pair of features, columns i < j of the caller's. Its size is fixed. */
typedef struct qkvsim_pair {
    int64_t i;
    int64_t j;
    double value; /**< that of qkvsim_similarity, to the bit */
    int32_t pair_group;
    int32_t reserved; /**< 0 */
} qkvsim_pair;

/** What makes a pair strong. */
typedef int32_t qkvsim_sign;
enum {
    QKVSIM_SIGN_BOTH = 0,     /**< |value| */
    QKVSIM_SIGN_POSITIVE = 1, /**< value */
    QKVSIM_SIGN_NEGATIVE = 2  /**< -value */
};

/** Pairs a threshold may give where no limit is set. */
enum { QKVSIM_PAIRS_LIMIT = 10000000 };

/** Zero in any field is its default. At least one of threshold and top is given; with both, the
 * result is the top k of the pairs over the threshold. */
typedef struct qkvsim_pairs_options {
    size_t struct_size;
    const int32_t *pair_groups; /**< the pair groups to search; default: all */
    int32_t pair_group_count;
    qkvsim_metric metric;    /**< QKVSIM_METRIC_COSINE (default), PEARSON or SPEARMAN */
    qkvsim_sign sign;        /**< QKVSIM_SIGN_* */
    int32_t per_pair_group;  /**< 1: the top k of each pair group, fewer where it has fewer */
    const double *threshold; /**< the least strength; -1 to 1, for |value| from 0; default: none */
    int64_t top;   /**< k, the number of strongest pairs; default: all over the threshold */
    int64_t limit; /**< most pairs a threshold without top may give; default: QKVSIM_PAIRS_LIMIT */
} qkvsim_pairs_options;

/** Pairs found. Immutable; free with qkvsim_pairs_free. */
typedef struct qkvsim_pairs qkvsim_pairs;

/**
 * Finds the pairs of one metric that reach a threshold, or the k strongest.
 * @param input   n observations of d features
 * @param layout  labels the d features; NULL: one group of all
 * @param options a threshold, top, or both
 * @param pairs   receives the result
 * @return INVALID_ARGUMENT (a threshold that is NaN or out of range, neither threshold nor top, top
 *         over the number of pairs), NONFINITE, NO_MEMORY, CANCELLED; TOO_LARGE where a threshold
 *         gives more pairs than the limit, and the message says how many, or there are more ranks
 *         than F32 arithmetic holds, as for qkvsim_analysis_run
 *
 * A threshold is reached where it is equalled. Pairs whose value is undefined are never found: with
 * few defined ones, top may give fewer than k. The same result, in the same order, for any number
 * of threads. Time O(n d^2), that of an analysis, besides sorting the result; memory O(n d +
 * result). A threshold that gives more pairs than fit the memory of the prepared columns takes a
 * second pass.
 */
QKVSIM_API qkvsim_status qkvsim_pairs_run(qkvsim_context *context, const qkvsim_input *input,
                                          const qkvsim_layout *layout,
                                          const qkvsim_pairs_options *options,
                                          qkvsim_pairs **pairs);

/** Frees the result; NULL is allowed. */
QKVSIM_API void qkvsim_pairs_free(qkvsim_pairs *pairs);

/** The `count` pairs found, strongest first, equally strong ones by i and then j; owned by the
 * handle. NULL and 0 if none. Time O(1). */
QKVSIM_API const qkvsim_pair *qkvsim_pairs_list(const qkvsim_pairs *pairs, int64_t *count);

/** Observations used: those selected, less those dropped. */
QKVSIM_API int64_t qkvsim_pairs_observations(const qkvsim_pairs *pairs);

/** How they were found: the metric, and QKVSIM_DTYPE_F32 or F64; 0 for NULL. */
QKVSIM_API qkvsim_metric qkvsim_pairs_metric(const qkvsim_pairs *pairs);
QKVSIM_API qkvsim_dtype qkvsim_pairs_arithmetic(const qkvsim_pairs *pairs);

#ifdef __cplusplus
}
#endif
#endif
