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
 * the expected share of false discoveries below q for independent and for positively dependent
 * tests.
 * @param p        `count` p-values in [0, 1]; NaN is a test that does not exist and is not counted
 * @param count    0 or more
 * @param adjusted receives `count` numbers, NaN where p is; may be p itself
 * @return INVALID_ARGUMENT for a p-value outside [0, 1] or a negative count; NO_MEMORY
 *
 * Time O(count log count), memory O(count). The same as scipy.stats.false_discovery_control.
 */
QKVSIM_API qkvsim_status qkvsim_adjust_bh(qkvsim_context *context, const double *p, int64_t count,
                                          double *adjusted);

/**
 * The upper-tailed p of an observed value that few or none of a null's values reach, by a
 * generalised Pareto fit to the largest of them (Knijnenburg et al. 2009): the 250 largest, or a
 * quarter, and ten fewer at a time, to 30, until Anderson and Darling's test does not reject the
 * fit at 5 % (Choulakian & Stephens 2001).
 *
 * It errs on the side of a larger p: the shape is a standard error above the fitted one, and no p
 * is below 0.1 / (count + 1), a tenth of what counting can come to. docs/statistics.md has its
 * accuracy.
 * @param values   `count` finite values under the null, in any order
 * @param count    199 or more
 * @param observed finite
 * @param p        receives p; NaN where no fit is good, and where ten values or more are as large
 *                 as observed, so that (b + 1) / (count + 1) is as good
 * @return INVALID_ARGUMENT for fewer values, or one that is not finite; NO_MEMORY
 *
 * Time O(count log count), and up to 23 fits of 9,000 logarithms each; memory O(count).
 */
QKVSIM_API qkvsim_status qkvsim_tail_p(qkvsim_context *context, const double *values, int64_t count,
                                       double observed, double *p);

#ifdef __cplusplus
}
#endif
#endif
