/**
 * @file analysis.h
 * The analysis in one pass: histograms, moments and the offset split of every pair group.
 *
 *     qkvsim_analysis *analysis;
 *     if (qkvsim_analysis_run(context, &input, layout, NULL, &analysis) != QKVSIM_OK)
 *         puts(qkvsim_context_error(context));
 *     double share = qkvsim_analysis_statistic(analysis, 0, QKVSIM_METRIC_COSINE,
 *                                              QKVSIM_STATISTIC_OFFSET_SHARE);
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
QKVSIM_API qkvsim_status qkvsim_analysis_run(qkvsim_context *context, const qkvsim_input *input,
                                             const qkvsim_layout *layout,
                                             const qkvsim_analysis_options *options,
                                             qkvsim_analysis **analysis);

/**
 * Puts analyses of some pair groups each together: the analysis of all of them, roll-ups too, to
 * the bit.
 * @param pieces `count` analyses of one input in any order, which stay as they are; no pair group
 *               is in two. What is merged may be a piece again.
 * @param merged receives the results
 * @return INVALID_ARGUMENT where a pair group is in two pieces, or pieces do not belong together
 * (input, observations, layout, bins, metrics, arithmetic), and the message says in what they
 * differ; NO_MEMORY
 *
 * Pieces need machines that round alike, as for qkvsim_baseline_merge. Time O(rows x bins +
 * features x pieces), memory that of the merged analysis.
 */
QKVSIM_API qkvsim_status qkvsim_analysis_merge(qkvsim_context *context,
                                               const qkvsim_analysis *const *pieces, int64_t count,
                                               qkvsim_analysis **merged);

/** An analysis as bytes and back: see packed.h. */
QKVSIM_API int64_t qkvsim_analysis_packed_size(const qkvsim_analysis *analysis);
QKVSIM_API qkvsim_status qkvsim_analysis_pack(qkvsim_context *context,
                                              const qkvsim_analysis *analysis, void *buffer,
                                              int64_t size);
QKVSIM_API qkvsim_status qkvsim_analysis_unpack(qkvsim_context *context, const void *buffer,
                                                int64_t size, qkvsim_analysis **analysis);

/** Frees the results; NULL is allowed. */
QKVSIM_API void qkvsim_analysis_free(qkvsim_analysis *analysis);

/* Accessors. What they return is owned by the handle; each takes O(1) time, those of every row
 * O(rows). A row is a pair group or, behind all of them, a roll-up (see layout.h), whose values are
 * those of its pair groups together. A row, group, metric or statistic that does not exist or was
 * not asked for gives NULL, 0 or NaN, and so does a roll-up with a pair group that was not asked
 * for. */

/** Observations used: those selected, less those dropped. */
QKVSIM_API int64_t qkvsim_analysis_observations(const qkvsim_analysis *analysis);

/** Numbers of the observations dropped for NaN or infinity, increasing; NULL if none. */
QKVSIM_API const int64_t *qkvsim_analysis_dropped(const qkvsim_analysis *analysis, int64_t *count);

/** The layout, with its roll-ups, that the analysis was made with: groups, names and numbers of
 * rows. Owned by the analysis; NULL for NULL. */
QKVSIM_API const qkvsim_layout *qkvsim_analysis_layout(const qkvsim_analysis *analysis);

/** How it was made: the sum of its metrics, and QKVSIM_DTYPE_F32 or F64; 0 for NULL. */
QKVSIM_API int32_t qkvsim_analysis_metrics(const qkvsim_analysis *analysis);
QKVSIM_API qkvsim_dtype qkvsim_analysis_arithmetic(const qkvsim_analysis *analysis);

/** Pairs of a row whose value is defined, of qkvsim_layout_pairs. */
QKVSIM_API int64_t qkvsim_analysis_defined(const qkvsim_analysis *analysis, int32_t row,
                                           qkvsim_metric metric);

/**
 * The same of every row.
 * @param context  takes the text of an error; NULL: none, so that threads may read one handle
 * @param counts   receives a number for each of the layout's rows
 * @param capacity how many numbers `counts` has room for
 * @return INVALID_ARGUMENT, with nothing written, where capacity is below qkvsim_layout_rows or the
 * metric is none; UNSUPPORTED where a newer library may know it
 */
QKVSIM_API qkvsim_status qkvsim_analysis_defined_counts(qkvsim_context *context,
                                                        const qkvsim_analysis *analysis,
                                                        qkvsim_metric metric, int64_t *counts,
                                                        int64_t capacity);

/** Columns whose values are undefined under a metric (constant ones under Pearson and Spearman,
 * all-zero ones under cosine), increasing; NULL if none. */
QKVSIM_API const int64_t *qkvsim_analysis_undefined_features(const qkvsim_analysis *analysis,
                                                             qkvsim_metric metric, int64_t *count);

/** Number of bins, and their count + 1 edges. */
QKVSIM_API int64_t qkvsim_analysis_bins(const qkvsim_analysis *analysis);
QKVSIM_API const double *qkvsim_analysis_bin_edges(const qkvsim_analysis *analysis);

/** Counts of a row's defined values, one for each bin. */
QKVSIM_API const int64_t *qkvsim_analysis_histogram(const qkvsim_analysis *analysis, int32_t row,
                                                    qkvsim_metric metric);

/** Every row's histogram: `rows` x `bins` counts, row-major, 0 in rows that were not asked for.
 * Owned by the analysis; NULL, 0 and 0 where the metric was not computed. rows and bins may be
 * NULL. */
QKVSIM_API const int64_t *qkvsim_analysis_histograms(const qkvsim_analysis *analysis,
                                                     qkvsim_metric metric, int32_t *rows,
                                                     int64_t *bins);

/** One statistic; NaN where it does not exist (no defined pair, zero variance). */
QKVSIM_API double qkvsim_analysis_statistic(const qkvsim_analysis *analysis, int32_t row,
                                            qkvsim_metric metric, qkvsim_statistic statistic);

/**
 * One statistic of every row, as qkvsim_analysis_statistic gives it.
 * @param context  takes the text of an error; NULL: none, so that threads may read one handle
 * @param values   receives a number for each of the layout's rows
 * @param capacity how many numbers `values` has room for
 * @return INVALID_ARGUMENT, with nothing written, where capacity is below qkvsim_layout_rows or the
 * constants are none; UNSUPPORTED where a newer library may know them
 */
QKVSIM_API qkvsim_status qkvsim_analysis_statistics(qkvsim_context *context,
                                                    const qkvsim_analysis *analysis,
                                                    qkvsim_metric metric,
                                                    qkvsim_statistic statistic, double *values,
                                                    int64_t capacity);

/**
 * One statistic of every two groups, such as heads, as a matrix.
 * @param matrix   receives groups x groups numbers, symmetric, row-major; NaN where the statistic
 *                 does not exist
 * @param capacity how many numbers `matrix` has room for
 * @return as qkvsim_analysis_statistics
 */
QKVSIM_API qkvsim_status qkvsim_analysis_group_matrix(qkvsim_context *context,
                                                      const qkvsim_analysis *analysis,
                                                      qkvsim_metric metric,
                                                      qkvsim_statistic statistic, double *matrix,
                                                      int64_t capacity);

/** Offset ratio o of each feature, in the caller's order, in [-1, 1]; NaN for all-zero ones. */
QKVSIM_API const double *qkvsim_analysis_offset_ratios(const qkvsim_analysis *analysis);

/** Mean of o*^2, corrected (see statistic.h), over the features of a group whose cosines are
 * defined; NaN if none, or under three observations. */
QKVSIM_API double qkvsim_analysis_group_offset(const qkvsim_analysis *analysis, int32_t group);

/** The same of every group: as many numbers as the layout has groups, owned by the analysis. */
QKVSIM_API const double *qkvsim_analysis_group_offsets(const qkvsim_analysis *analysis);

#ifdef __cplusplus
}
#endif
#endif
