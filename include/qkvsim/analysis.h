/**
 * @file analysis.h
 * The lesson's analysis in one pass: histograms, moments and the offset split of every pair group.
 *
 *     qkvsim_analysis *analysis;
 *     if (qkvsim_analyze(context, &input, layout, NULL, &analysis) != QKVSIM_OK)
 *         puts(qkvsim_last_error(context));
 *     double share = qkvsim_analysis_statistic(analysis, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE);
 *
 * No d x d matrix is built: each tile of the Gram matrix is consumed while it is in cache.
 */
#ifndef QKVSIM_ANALYSIS_H
#define QKVSIM_ANALYSIS_H

#include <qkvsim/context.h>
#include <qkvsim/histogram.h>
#include <qkvsim/input.h>
#include <qkvsim/layout.h>
#include <qkvsim/statistic.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero in any field is its default. */
typedef struct qkvsim_analysis_options {
    size_t struct_size;
    const qkvsim_bins *bins;    /**< default: 100 equal bins on [-1, 1] */
    const int32_t *pair_groups; /**< the pair groups to compute; default: all */
    int32_t pair_group_count;
    int32_t
        metrics; /**< sum of QKVSIM_METRIC_COSINE, PEARSON, SPEARMAN; default: COSINE + PEARSON */
} qkvsim_analysis_options;

/** The results of one analysis. Immutable; free with qkvsim_analysis_free. */
typedef struct qkvsim_analysis qkvsim_analysis;

/**
 * Analyses one input.
 * @param input    n observations of d features
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
QKVSIM_API qkvsim_status qkvsim_analyze(qkvsim_context *context, const qkvsim_input *input,
                                        const qkvsim_layout *layout,
                                        const qkvsim_analysis_options *options,
                                        qkvsim_analysis **analysis);

/** An analysis as bytes and back: see packed.h. */
QKVSIM_API int64_t qkvsim_analysis_packed_size(const qkvsim_analysis *analysis);
QKVSIM_API qkvsim_status qkvsim_analysis_pack(qkvsim_context *context,
                                              const qkvsim_analysis *analysis, void *buffer,
                                              int64_t size);
QKVSIM_API qkvsim_status qkvsim_analysis_unpack(qkvsim_context *context, const void *buffer,
                                                int64_t size, qkvsim_analysis **analysis);

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
                                           qkvsim_metric metric);

/** Columns whose values are undefined under a metric (constant ones under Pearson and Spearman,
 * all-zero ones under cosine), increasing; NULL if none. */
QKVSIM_API const int64_t *qkvsim_analysis_undefined_features(const qkvsim_analysis *analysis,
                                                             qkvsim_metric metric, int64_t *count);

/** Number of bins, and their count + 1 edges. */
QKVSIM_API int64_t qkvsim_analysis_bins(const qkvsim_analysis *analysis);
QKVSIM_API const double *qkvsim_analysis_bin_edges(const qkvsim_analysis *analysis);

/** Counts of a pair group's defined values, one for each bin. */
QKVSIM_API const int64_t *qkvsim_analysis_histogram(const qkvsim_analysis *analysis,
                                                    int32_t pair_group, qkvsim_metric metric);

/** One statistic; NaN where it does not exist (no defined pair, zero variance). */
QKVSIM_API double qkvsim_analysis_statistic(const qkvsim_analysis *analysis, int32_t pair_group,
                                            qkvsim_metric metric, qkvsim_statistic statistic);

/**
 * One statistic of every two groups, such as heads, as a matrix.
 * @param matrix receives groups x groups numbers, symmetric, row-major; NaN where the statistic does
 *               not exist
 */
QKVSIM_API void qkvsim_analysis_group_matrix(const qkvsim_analysis *analysis, qkvsim_metric metric,
                                             qkvsim_statistic statistic, double *matrix);

/** Offset ratio o of each feature, in the caller's order, in [-1, 1]; NaN for all-zero ones. */
QKVSIM_API const double *qkvsim_analysis_offset_ratios(const qkvsim_analysis *analysis);

/** Mean of o*^2, corrected (see statistic.h), over the features of a group whose cosines are defined;
 * NaN if none, or under three observations. */
QKVSIM_API double qkvsim_analysis_group_offset(const qkvsim_analysis *analysis, int32_t group);

#ifdef __cplusplus
}
#endif
#endif
