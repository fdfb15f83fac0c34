/**
 * @file statistic.h
 * The two lists that every result is asked with: statistics of a row, and what is said of a number.
 */
#ifndef QKVSIM_STATISTIC_H
#define QKVSIM_STATISTIC_H

#include <qkvsim/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Statistics of a row's defined pairs, in double, from the values and not from the bins.
 *
 * Each cosine is exactly V + O: V = s_i s_j Pearson its variance part, O = o_i o_j its offset part,
 * with o the offset ratio and s^2 = 1 - o^2 (docs/numerics.md). Over n observations both parts'
 * energies are larger than those of all tokens would be, by the number of observations alone:
 * unrelated features have V of variance s_i^2 s_j^2 / (n - 1). Corrected statistics are free of it,
 * as HSIC_1 and debiased CKA are:
 *
 *     o*_i^2     = o_i^2 - s_i^2 / (n - 1)
 *     sum O*^2   = sum o*_i^2 o*_j^2
 *     sum V*^2   = ((n - 1) sum V^2 - sum s_i^2 s_j^2) / (n - 2)
 *     share      = sum O*^2 / (sum O*^2 + sum V*^2)
 *
 * Corrected statistics need three observations. Those marked * are corrected, and may be negative
 * where there is nothing but noise.
 */
typedef int32_t qkvsim_statistic;
enum {
    /* of every metric */
    QKVSIM_STATISTIC_MEAN = 1,
    QKVSIM_STATISTIC_VARIANCE = 2, /**< population variance m2, divided by the count */
    QKVSIM_STATISTIC_SKEWNESS = 3, /**< m3 / m2^1.5; absent for zero variance */
    QKVSIM_STATISTIC_KURTOSIS = 4, /**< excess kurtosis m4 / m2^2 - 3; absent for zero variance */
    QKVSIM_STATISTIC_TAIL = 5, /**< share of |value| >= 0.9 in the type of the values, 0.89999998 of
                                   float32; rounding decides where a value is 0.9 exactly */
    QKVSIM_STATISTIC_MINIMUM = 6,
    QKVSIM_STATISTIC_MAXIMUM = 7,
    /* of the cosine */
    /** * how much of the cosines' energy is offset: the headline. In [0, 1]: a share beyond, which
     * noise makes, is given as 0 or 1; absent where the corrected total is not positive. */
    QKVSIM_STATISTIC_OFFSET_SHARE = 8,
    QKVSIM_STATISTIC_OFFSET_SHARE_RAW = 9, /**< sum O^2 / (sum O^2 + sum V^2), biased by n alone */
    QKVSIM_STATISTIC_OFFSET_ENERGY = 10,   /**< * sum O*^2 */
    QKVSIM_STATISTIC_VARIANCE_ENERGY = 11, /**< * sum V*^2 */
    QKVSIM_STATISTIC_OFFSET_ENERGY_RAW = 12,   /**< sum O^2 */
    QKVSIM_STATISTIC_VARIANCE_ENERGY_RAW = 13, /**< sum V^2 */
    /** 2 sum O V: sum cosine^2 is the sum of this and the two raw energies. */
    QKVSIM_STATISTIC_CROSS_ENERGY = 14,
    QKVSIM_STATISTIC_MEAN_OFFSET_PART = 15,   /**< mean of O */
    QKVSIM_STATISTIC_MEAN_VARIANCE_PART = 16, /**< mean of V */
    /** * mean of (o*_i^2 + o*_j^2) / 2: how far the features' means are from 0. Of a group with
     * itself the mean of o*^2 over its features. */
    QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE = 17,
    /** sum s_i^2 s_j^2 / ((n - 1) sum V^2): how much of the co-variation is what unrelated features
     * show over as many observations. 0 to about 1; above 1 there is less than by chance. */
    QKVSIM_STATISTIC_NOISE_FRACTION = 18,
    /* of Pearson and Spearman */
    /** * mean of r^2, ((n - 1) mean r^2 - 1) / (n - 2): 0 for unrelated features at any n. */
    QKVSIM_STATISTIC_MEAN_SQUARE = 19
};

/**
 * What is said of a number: a statistic, a difference of statistics, a distance.
 *
 * The p-values of m permutations (or relabellings) count the observed data as one of m + 1 that are
 * equally likely under the null (Phipson & Smyth 2010); they are never 0. Values count as equal
 * where they differ by less than the arithmetic can tell (docs/statistics.md, "Ties").
 *
 * The adjusted ones are those of the two-sided p (of a distance: of its upper-tailed p) within a
 * family of rows: all pair groups of the layout are one family, its roll-ups another. P_BH and
 * P_MAX adjust within each statistic of each metric, P_BH_ALL and P_MAX_ALL over all of them
 * together. docs/statistics.md says when to use which.
 */
typedef int32_t qkvsim_summary;
enum {
    QKVSIM_SUMMARY_OBSERVED = 1, /**< the number itself */
    QKVSIM_SUMMARY_MEAN = 2,     /**< over permutations, as the next four */
    QKVSIM_SUMMARY_SD = 3,       /**< divided by m; 0 where all are equal but for rounding */
    QKVSIM_SUMMARY_MINIMUM = 4,
    QKVSIM_SUMMARY_MAXIMUM = 5,
    QKVSIM_SUMMARY_Z = 6, /**< (observed - mean) / sd; absent where sd is 0 */
    /** Permutations: (b + 1) / (m + 1), two-sided: b permutations lie at least as far as the
     * observed value from the mean of all m + 1. Of a distance one-sided: b are at least as large.
     * Contrasts: of the estimate against 0, by Student's t. */
    QKVSIM_SUMMARY_P = 7,
    QKVSIM_SUMMARY_P_LESS = 8,    /**< one-sided: b permutations are at most the observed value */
    QKVSIM_SUMMARY_P_GREATER = 9, /**< one-sided: b permutations are at least the observed value */
    QKVSIM_SUMMARY_P_BH = 10,     /**< false discovery rate: see qkvsim_adjust_bh */
    QKVSIM_SUMMARY_P_BH_ALL = 11,
    /** Family-wise error rate (Westfall & Young 1993): the share of the m + 1 in which the largest
     * |z| of the family is at least the observed |z| of this row. z is taken from the mean and
     * standard deviation of all m + 1; a statistic that is equal in all of them has p = 1 and is
     * left out of the maximum. */
    QKVSIM_SUMMARY_P_MAX = 12,
    /** The share of the m + 1 in which the least P_MAX of any statistic is at most this one's.
     * Statistics have tails of their own, which few permutations tell apart: make 999 or more. */
    QKVSIM_SUMMARY_P_MAX_ALL = 13,
    QKVSIM_SUMMARY_LOW = 14, /**< the interval's ends, within the statistic's range */
    QKVSIM_SUMMARY_HIGH = 15,
    QKVSIM_SUMMARY_ESTIMATE = 16, /**< jackknife: bias-corrected; bootstrap: the observed value */
    QKVSIM_SUMMARY_SE = 17,       /**< standard error of the estimate */
    /** "Matched" is the larger selection at the smaller one's size: of a random subset of it
     * without replacement. Of a distance MATCHED is that of one subset, the value that is
     * tested. */
    QKVSIM_SUMMARY_MATCHED = 18,
    QKVSIM_SUMMARY_MATCHED_MEAN = 19, /**< over all matched subsets, as the next three */
    QKVSIM_SUMMARY_MATCHED_SD = 20,   /**< divided by their number */
    QKVSIM_SUMMARY_MATCHED_MINIMUM = 21,
    QKVSIM_SUMMARY_MATCHED_MAXIMUM = 22,
    /** P by a fit to the tail of the null, see qkvsim_tail_p, where counting leaves it in doubt: of
     * m permutations, 199 or more, no more than 9 lie as far as the observed value. Never below a
     * tenth of 1 / (m + 1), which may be read as "at most". Absent where no fit describes the
     * tail, and where there are not ten times as many different permutations as were made. Not
     * adjusted, and no adjusted p is made of it. */
    QKVSIM_SUMMARY_P_FITTED = 23,
    /** The least that P could have been: 1 / (m + 1), or 1 / the number of different permutations
     * as far as the row shows them, where that is more; with exceedances twice that (of a distance
     * once). A P that is no larger says "at most", and of a row whose P_LEAST is above 0.05 no P
     * says anything. */
    QKVSIM_SUMMARY_P_LEAST = 24
};

#ifdef __cplusplus
}
#endif
#endif
