/**
 * @file comparison.h
 * Two selections of the same input, targets and non-targets: how far apart their similarities are,
 * and whether labels dealt at random would put them as far apart.
 *
 *     qkvsim_comparison_options options = { .struct_size = sizeof options, .permutations = 999 };
 *     qkvsim_comparison *comparison;
 *     if (qkvsim_comparison_run(context, &input, &others, layout, NULL, &options, &comparison)
 *         != QKVSIM_OK)
 *         puts(qkvsim_context_error(context));
 *
 * A histogram over few observations is wide for that reason alone: a Pearson value of unrelated
 * features has the variance 1 / (n - 1). So distances are tested at equal sizes, on a random subset
 * of the larger selection (docs/statistics.md).
 */
#ifndef QKVSIM_COMPARISON_H
#define QKVSIM_COMPARISON_H

#include <qkvsim/analysis.h>
#include <qkvsim/permutation.h>
#include <qkvsim/significance.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero in any field is its default. */
typedef struct qkvsim_comparison_options {
    size_t struct_size;
    /** Relabellings, 0 .. 2^32 - 2; default: none, and no p-values. Where there are no more
     * different ones than that, each is taken once, and p-values are exact. */
    int64_t permutations;
    int64_t subsets; /**< matched subsets, up to 2^32 - 2; default: as many as permutations */
    uint64_t seed;
    qkvsim_relabel_scheme relabel; /**< QKVSIM_RELABEL_*; default: LABELS */
    /** 1: relabellings are of observations less the mean of the selection they are in as observed,
     * so that a difference of means alone, which makes relabelled selections co-vary, is not taken
     * for one of correlations. What is observed stays as it is: correlations have no means;
     * Spearman's ranks are of the centred values. Not with QKVSIM_METRIC_COSINE, which is about
     * means. Default: 0 */
    int32_t centred;
    /** QKVSIM_EXCHANGE_*: with SEGMENTS whole runs of equal numbers change selections, for
     * documents whose observations are alike among themselves; see qkvsim_relabelling. Default:
     * OBSERVATIONS */
    qkvsim_exchange exchange;
    int32_t reserved; /**< must be 0 */
    /** As in qkvsim_baseline_options: relabellings stop when of every difference so many lie on
     * either side, and of every distance so many are as large. */
    int64_t exceedances;
    /** Relabellings first .. first + permutations - 1 alone: a piece, to be merged with others
     * (qkvsim_comparison_merge). Default: 0 */
    int64_t first;
    /** Of how many relabellings in all this is a piece; whether all different ones are taken in
     * place of those that are drawn is decided by it. Where they are, a piece has those of its
     * numbers that there are, maybe none. Default: first + permutations */
    int64_t total;
    /** Matched subsets first_subset .. first_subset + subsets - 1 alone. Default: 0. Only with
     * subsets given: by default these begin at first */
    int64_t first_subset;
} qkvsim_comparison_options;

/** The results of a comparison. Immutable; free with qkvsim_comparison_free. */
typedef struct qkvsim_comparison qkvsim_comparison;

/**
 * Compares two selections of one input.
 * @param input            with the first selection
 * @param second           the other selection, which shares no observation with the first
 * @param analysis_options as for qkvsim_analysis_run; own edges must cover
 *                         [-1, 1], so that every value is in a bin
 * @param options          NULL for all defaults: descriptive distances only
 * @param comparison       receives the results
 * @return as qkvsim_analysis_run; INVALID_ARGUMENT also for centred relabellings of the cosine,
 * which is one of the default metrics
 *
 * Relabelling k is relabelling k of `seed` (qkvsim_relabel), or where all are taken the enumerated
 * one k + 1, of the labels 1 of first and 0 of second over the observations of both in increasing
 * order. Each relabelling costs two analyses, of the relabelled selections at their full sizes, and
 * where sizes differ a third, of a random subset of the relabelled larger one. Distances are taken
 * over the pairs that are defined in both selections: where a feature is undefined in one only, one
 * or two more analyses are needed. Memory: that of two analyses. The results keep, for each
 * relabelling and each subset, 8 bytes for each row, metric and statistic or distance, and 80 bytes
 * for each bin, row and metric, so that they can be merged.
 */
QKVSIM_API qkvsim_status qkvsim_comparison_run(qkvsim_context *context, const qkvsim_input *input,
                                               const qkvsim_selection *second,
                                               const qkvsim_layout *layout,
                                               const qkvsim_analysis_options *analysis_options,
                                               const qkvsim_comparison_options *options,
                                               qkvsim_comparison **comparison);

/**
 * Puts pieces together: the relabellings and the matched subsets of all of them, as one run would
 * have made them, to the bit in every summary, adjusted p-values and those by a fit too.
 * @param pieces `count` comparisons in any order, which stay as they are; their relabellings follow
 *               each other without a gap, and so do their subsets. What is merged may be a piece
 *               again.
 * @param merged receives the results
 * @return INVALID_ARGUMENT where pieces do not belong together (input, selections, layout, bins,
 * metrics, arithmetic, seed, relabelling, segments, centring), overlap, leave a gap or were to stop
 * early, and the message says which and in what; NO_MEMORY, CANCELLED
 *
 * As for qkvsim_baseline_merge, all must have observed the same to the bit. Time O(permutations x
 * rows x statistics), with a logarithm for sorting; memory that of the merged comparison.
 */
QKVSIM_API qkvsim_status qkvsim_comparison_merge(qkvsim_context *context,
                                                 const qkvsim_comparison *const *pieces,
                                                 int64_t count, qkvsim_comparison **merged);

/** A comparison as bytes and back: see packed.h. */
QKVSIM_API int64_t qkvsim_comparison_packed_size(const qkvsim_comparison *comparison);
QKVSIM_API qkvsim_status qkvsim_comparison_pack(qkvsim_context *context,
                                                const qkvsim_comparison *comparison, void *buffer,
                                                int64_t size);
QKVSIM_API qkvsim_status qkvsim_comparison_unpack(qkvsim_context *context, const void *buffer,
                                                  int64_t size, qkvsim_comparison **comparison);

/** Frees the results and the two analyses in them; NULL is allowed. */
QKVSIM_API void qkvsim_comparison_free(qkvsim_comparison *comparison);

/* Accessors. All numbers are there when qkvsim_comparison_run returns: each takes O(1) time, those
 * of every row O(rows). */

/** The analyses of the two selections, owned by the comparison. */
QKVSIM_API const qkvsim_analysis *qkvsim_comparison_first(const qkvsim_comparison *comparison);
QKVSIM_API const qkvsim_analysis *qkvsim_comparison_second(const qkvsim_comparison *comparison);

/** Numbers of relabellings, fewer than asked for where there are no more different ones, and of
 * matched subsets. */
QKVSIM_API int64_t qkvsim_comparison_permutations(const qkvsim_comparison *comparison);
QKVSIM_API int64_t qkvsim_comparison_subsets(const qkvsim_comparison *comparison);

/** The numbers of the first of them. */
QKVSIM_API int64_t qkvsim_comparison_first_permutation(const qkvsim_comparison *comparison);
QKVSIM_API int64_t qkvsim_comparison_first_subset(const qkvsim_comparison *comparison);

/** Of how many relabellings in all they are a part. */
QKVSIM_API int64_t qkvsim_comparison_total(const qkvsim_comparison *comparison);

/** How it was made; 0 for NULL. */
QKVSIM_API uint64_t qkvsim_comparison_seed(const qkvsim_comparison *comparison);
QKVSIM_API qkvsim_relabel_scheme qkvsim_comparison_relabel(const qkvsim_comparison *comparison);
QKVSIM_API qkvsim_exchange qkvsim_comparison_exchange(const qkvsim_comparison *comparison);
QKVSIM_API int32_t qkvsim_comparison_centred(const qkvsim_comparison *comparison);
QKVSIM_API int64_t qkvsim_comparison_exceedances(const qkvsim_comparison *comparison);

/** 1 where the relabellings are all different ones there are besides the observed labels, each
 * taken once; 0 where they are drawn. */
QKVSIM_API int32_t qkvsim_comparison_enumerated(const qkvsim_comparison *comparison);

/**
 * One number of a distance; NaN where it does not exist.
 * @param row      a pair group, or behind them a roll-up
 * @param distance QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV, WASSERSTEIN or JENSEN_SHANNON
 * @param summary  QKVSIM_SUMMARY_OBSERVED, between all of both selections, which grows as their
 *                 sizes differ and is descriptive; MATCHED and MATCHED_*; P, P_LEAST, P_FITTED,
 *                 P_BH, P_BH_ALL, P_MAX and P_MAX_ALL, of (b + 1) / (m + 1): b relabellings have a
 *                 matched distance, to a fresh subset each, at least as large as MATCHED
 */
QKVSIM_API double qkvsim_comparison_distance(const qkvsim_comparison *comparison, int32_t row,
                                             qkvsim_metric metric, qkvsim_distance distance,
                                             qkvsim_summary summary);

/** The same of every row.
 * @param values   receives a number for each of the layout's rows
 * @param capacity how many numbers `values` has room for
 * @return as qkvsim_analysis_statistics */
QKVSIM_API qkvsim_status qkvsim_comparison_distances(qkvsim_context *context,
                                                     const qkvsim_comparison *comparison,
                                                     qkvsim_metric metric, qkvsim_distance distance,
                                                     qkvsim_summary summary, double *values,
                                                     int64_t capacity);

/**
 * One number of the difference of a statistic, T(first) - T(second), both at their full sizes; NaN
 * where it does not exist. Where sizes differ a statistic's bias differs too: see
 * qkvsim_comparison_matched.
 * @param statistic QKVSIM_STATISTIC_MEAN .. QKVSIM_STATISTIC_TAIL or, of the cosine,
 *                  QKVSIM_STATISTIC_OFFSET_SHARE
 * @param summary   QKVSIM_SUMMARY_OBSERVED .. P_MAX_ALL, P_FITTED, P_LEAST
 */
QKVSIM_API double qkvsim_comparison_difference(const qkvsim_comparison *comparison, int32_t row,
                                               qkvsim_metric metric, qkvsim_statistic statistic,
                                               qkvsim_summary summary);

/** The same of every row.
 * @param values   receives a number for each of the layout's rows
 * @param capacity how many numbers `values` has room for
 * @return as qkvsim_analysis_statistics */
QKVSIM_API qkvsim_status qkvsim_comparison_differences(
    qkvsim_context *context, const qkvsim_comparison *comparison, qkvsim_metric metric,
    qkvsim_statistic statistic, qkvsim_summary summary, double *values, int64_t capacity);

/**
 * A statistic of the larger selection at the smaller one's size, over the matched subsets: set the
 * smaller selection's own value against it. Of selections of equal size every subset is the second.
 * NaN where there is no such row, metric, statistic or summary, no subset was asked for, or the
 * statistic does not exist in one of them.
 * @param statistic QKVSIM_STATISTIC_MEAN .. QKVSIM_STATISTIC_TAIL or, of the cosine,
 *                  QKVSIM_STATISTIC_OFFSET_SHARE
 * @param summary   QKVSIM_SUMMARY_MEAN, SD (divided by the number of subsets), MINIMUM or MAXIMUM
 */
QKVSIM_API double qkvsim_comparison_matched(const qkvsim_comparison *comparison, int32_t row,
                                            qkvsim_metric metric, qkvsim_statistic statistic,
                                            qkvsim_summary summary);

/** The same of every row.
 * @param values   receives a number for each of the layout's rows
 * @param capacity how many numbers `values` has room for
 * @return as qkvsim_analysis_statistics */
QKVSIM_API qkvsim_status qkvsim_comparison_matched_statistics(
    qkvsim_context *context, const qkvsim_comparison *comparison, qkvsim_metric metric,
    qkvsim_statistic statistic, qkvsim_summary summary, double *values, int64_t capacity);

/** The matched subsets' band: QKVSIM_SUMMARY_MEAN, SD, MINIMUM or MAXIMUM of each bin's count over
 * them, `bins` numbers owned by the comparison; NULL where there is no such row, metric or
 * summary, or no subset was asked for. */
QKVSIM_API const double *qkvsim_comparison_band(const qkvsim_comparison *comparison, int32_t row,
                                                qkvsim_metric metric, qkvsim_summary summary);

/** The same of every row: `rows` x `bins` numbers, row-major; NULL, 0 and 0 where there is none. */
QKVSIM_API const double *qkvsim_comparison_bands(const qkvsim_comparison *comparison,
                                                 qkvsim_metric metric, qkvsim_summary summary,
                                                 int32_t *rows, int64_t *bins);

#ifdef __cplusplus
}
#endif
#endif
