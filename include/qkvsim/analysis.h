/**
 * @file analysis.h
 * The lesson's analysis in one pass: histograms, moments and the offset split of every pair group.
 *
 *     qkvsim_analysis *analysis;
 *     if (qkvsim_analyze(context, &activations, 1, layout, NULL, &analysis) != QKVSIM_OK)
 *         puts(qkvsim_last_error(context));
 *     double share = qkvsim_analysis_offset(analysis, 0, QKVSIM_OFFSET_SHARE);
 *
 * No d x d matrix is built: each tile of the Gram matrix is consumed while it is in cache.
 */
#ifndef QKVSIM_ANALYSIS_H
#define QKVSIM_ANALYSIS_H

#include <qkvsim/context.h>
#include <qkvsim/histogram.h>
#include <qkvsim/layout.h>
#include <qkvsim/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero in any field is its default. */
typedef struct qkvsim_analysis_options {
    size_t struct_size;
    const qkvsim_selection *selection; /**< default: all observations */
    const qkvsim_bins *bins;           /**< default: 100 equal bins on [-1, 1] */
    const int32_t *pair_groups;        /**< the pair groups to compute; default: all */
    int32_t pair_group_count;
    int32_t metrics;   /**< sum of QKVSIM_COSINE, PEARSON, SPEARMAN; default: COSINE + PEARSON */
    int32_t precision; /**< QKVSIM_F32 or F64 arithmetic; default: F32 unless a part is F64 */
    int32_t nonfinite; /**< QKVSIM_NONFINITE_*; default: an error */
} qkvsim_analysis_options;

/** The results of one analysis. Immutable; free with qkvsim_analysis_free. */
typedef struct qkvsim_analysis qkvsim_analysis;

/**
 * Analyses one input.
 * @param parts    `part_count` views of the same n observations, d features in all
 * @param layout   labels the d features
 * @param options  NULL for all defaults
 * @param analysis receives the results
 * @return INVALID_ARGUMENT, NONFINITE, NO_MEMORY, TOO_LARGE, CANCELLED
 *
 * One observation is allowed: cosines are then all -1 or 1 and no Pearson value is defined. Bit for
 * bit the same results for any number of threads. Time O(n d^2), Spearman a second time; memory
 * O(n d + rows x bins), for Spearman also O(n) a thread. Ranks in F32 arithmetic are exact to 2^24
 * observations; more are TOO_LARGE.
 */
QKVSIM_API qkvsim_status qkvsim_analyze(qkvsim_context *context, const qkvsim_view *parts,
                                        int32_t part_count, const qkvsim_layout *layout,
                                        const qkvsim_analysis_options *options,
                                        qkvsim_analysis **analysis);

/** Frees the results; NULL is allowed. */
QKVSIM_API void qkvsim_analysis_free(qkvsim_analysis *analysis);

/* Accessors. What they return is owned by the handle. Where they take a pair group they also take the
 * row of a roll-up (see layout.h), whose values are those of its pair groups together. A pair group,
 * group, metric or statistic that does not exist or was not asked for gives NULL, 0 or NaN, and so
 * does a roll-up with a pair group that was not asked for. */

/** Observations used: those selected, less those dropped. */
QKVSIM_API int64_t qkvsim_analysis_observations(const qkvsim_analysis *analysis);

/** Row numbers of observations dropped for NaN or infinity, increasing; NULL if none. */
QKVSIM_API const int64_t *qkvsim_analysis_dropped(const qkvsim_analysis *analysis, int64_t *count);

QKVSIM_API int64_t qkvsim_analysis_features(const qkvsim_analysis *analysis);

/** Number of pair groups of the layout, computed or not. */
QKVSIM_API int32_t qkvsim_analysis_pair_groups(const qkvsim_analysis *analysis);

/** Number of roll-ups of the layout, computed or not: rows pair_groups, pair_groups + 1, ... */
QKVSIM_API int32_t qkvsim_analysis_rollups(const qkvsim_analysis *analysis);

/** A pair group's name: "Q-K". */
QKVSIM_API const char *qkvsim_analysis_name(const qkvsim_analysis *analysis, int32_t pair_group);

/** All pairs i < j of a pair group, and those whose value is defined. */
QKVSIM_API int64_t qkvsim_analysis_pairs(const qkvsim_analysis *analysis, int32_t pair_group);
QKVSIM_API int64_t qkvsim_analysis_defined(const qkvsim_analysis *analysis, int32_t pair_group,
                                           int32_t metric);

/** Columns whose values are undefined under a metric (constant ones under Pearson and Spearman,
 * all-zero ones under cosine), increasing; NULL if none. */
QKVSIM_API const int64_t *qkvsim_analysis_undefined_features(const qkvsim_analysis *analysis,
                                                             int32_t metric, int64_t *count);

/** Number of bins, and their count + 1 edges. */
QKVSIM_API int64_t qkvsim_analysis_bins(const qkvsim_analysis *analysis);
QKVSIM_API const double *qkvsim_analysis_bin_edges(const qkvsim_analysis *analysis);

/** Counts of a pair group's defined values, one for each bin. */
QKVSIM_API const int64_t *qkvsim_analysis_histogram(const qkvsim_analysis *analysis,
                                                    int32_t pair_group, int32_t metric);

/** Statistics of a pair group's defined values: from the values, not from the bins, in double. */
enum {
    QKVSIM_MEAN = 1,
    QKVSIM_VARIANCE = 2, /**< population variance m2, divided by the count */
    QKVSIM_SKEWNESS = 3, /**< m3 / m2^1.5; absent for zero variance */
    QKVSIM_KURTOSIS = 4, /**< excess kurtosis m4 / m2^2 - 3; absent for zero variance */
    QKVSIM_TAIL = 5,     /**< share of |value| >= 0.9, in the type of the values */
    QKVSIM_MINIMUM = 6,
    QKVSIM_MAXIMUM = 7,
    QKVSIM_STATISTIC_OFFSET_SHARE = 8 /**< of the cosine only: QKVSIM_OFFSET_SHARE below */
};

/** One statistic; NaN where it does not exist (no defined pair, zero variance). */
QKVSIM_API double qkvsim_analysis_statistic(const qkvsim_analysis *analysis, int32_t pair_group,
                                            int32_t metric, int32_t statistic);

/**
 * One statistic of every two groups, such as heads, as a matrix.
 * @param matrix receives groups x groups numbers, symmetric, row-major; NaN where the statistic does
 *               not exist
 */
QKVSIM_API void qkvsim_analysis_group_matrix(const qkvsim_analysis *analysis, int32_t metric,
                                             int32_t statistic, double *matrix);

/**
 * The offset split. Each cosine is exactly V + O, V = s_i s_j Pearson the variance part and
 * O = o_i o_j the offset part (a constant feature has s = 0, o = +-1).
 */
enum {
    QKVSIM_OFFSET_SHARE = 1,           /**< sum O^2 / (sum O^2 + sum V^2), in [0, 1] */
    QKVSIM_OFFSET_MEAN_OFFSET = 2,     /**< mean of O */
    QKVSIM_OFFSET_MEAN_VARIANCE = 3,   /**< mean of V */
    QKVSIM_OFFSET_ENERGY = 4,          /**< sum O^2 */
    QKVSIM_OFFSET_VARIANCE_ENERGY = 5, /**< sum V^2 */
    QKVSIM_OFFSET_CROSS_ENERGY = 6 /**< 2 sum O V: sum cosine^2 is the sum of the three energies */
};

/** One number of a pair group's offset split, over the pairs whose cosine is defined; NaN if none,
 * or if the cosine was not asked for. */
QKVSIM_API double qkvsim_analysis_offset(const qkvsim_analysis *analysis, int32_t pair_group,
                                         int32_t part);

/** Offset ratio o of each feature, in the caller's order, in [-1, 1]; NaN for all-zero ones. */
QKVSIM_API const double *qkvsim_analysis_offset_ratios(const qkvsim_analysis *analysis);

/** Mean of o^2 over the features of a group whose cosines are defined; NaN if none. */
QKVSIM_API double qkvsim_analysis_group_offset(const qkvsim_analysis *analysis, int32_t group);

#ifdef __cplusplus
}
#endif
#endif
