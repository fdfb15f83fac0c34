/**
 * @file significance.h
 * Many tests at once: what is said of m permutations' values, and p-values adjusted for their number.
 */
#ifndef QKVSIM_SIGNIFICANCE_H
#define QKVSIM_SIGNIFICANCE_H

#include <qkvsim/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What is said of m permutations' values and the observed one.
 *
 * The adjusted p-values are those of the two-sided p (of a distance: of its upper-tailed p) within a
 * family of rows: all pair groups of the layout are one family, its roll-ups another. P_BH and P_MAX
 * adjust within each statistic of each metric, P_BH_ALL and P_MAX_ALL over all of them together.
 * docs/statistics.md says when to use which.
 */
enum {
    QKVSIM_NULL_MEAN = 1,
    QKVSIM_NULL_SD = 2, /**< divided by m; 0 where all are equal but for 1e-10 of their size */
    QKVSIM_NULL_MINIMUM = 3,
    QKVSIM_NULL_MAXIMUM = 4,
    QKVSIM_NULL_Z = 5, /**< (observed - mean) / sd; absent where sd is 0 */
    /** (b + 1) / (m + 1), two-sided: b permutations lie at least as far as the observed value from
     * the mean of all m + 1 (Phipson & Smyth 2010). "As far" allows 1e-9 of the distance for
     * rounding. */
    QKVSIM_NULL_P = 6,
    QKVSIM_NULL_P_LESS = 7,    /**< one-sided: b permutations are at most the observed value */
    QKVSIM_NULL_P_GREATER = 8, /**< one-sided: b permutations are at least the observed value */
    QKVSIM_NULL_P_BH = 9,      /**< false discovery rate: see qkvsim_adjust_bh */
    QKVSIM_NULL_P_BH_ALL = 10,
    /** Family-wise error rate (Westfall & Young 1993): the share of the m + 1 in which the largest
     * |z| of the family is at least the observed |z| of this row. z is taken from the mean and
     * standard deviation of all m + 1; a statistic that is equal in all of them has p = 1 and is left
     * out of the maximum. */
    QKVSIM_NULL_P_MAX = 11,
    /** The share of the m + 1 in which the least P_MAX of any statistic is at most this one's. */
    QKVSIM_NULL_P_MAX_ALL = 12
};

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
