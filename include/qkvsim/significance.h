/**
 * @file significance.h
 * Many tests at once: p-values adjusted for their number.
 */
#ifndef QKVSIM_SIGNIFICANCE_H
#define QKVSIM_SIGNIFICANCE_H

#include <qkvsim/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Adjusts p-values by Benjamini & Hochberg (1995): calling significant all that are at most q keeps
 * the expected share of false discoveries below q for independent and for positively dependent tests.
 * @param p        `count` p-values in [0, 1]; NaN is a test that does not exist and is not counted
 * @param count    0 or more
 * @param adjusted receives `count` numbers, NaN where p is; may be p itself
 * @return INVALID_ARGUMENT for a p-value outside [0, 1] or a negative count; NO_MEMORY
 *
 * Time O(count log count), memory O(count). The same as scipy.stats.false_discovery_control.
 */
QKVSIM_API qkvsim_status qkvsim_adjust_bh(qkvsim_context *context, const double *p, int64_t count,
                                          double *adjusted);

#ifdef __cplusplus
}
#endif
#endif
