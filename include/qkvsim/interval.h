/**
 * @file interval.h
 * Intervals for statistics, for contrasts of two pair groups and for differences between two
 * selections: what is left out or drawn is blocks of consecutive observations, since neighbouring
 * tokens are not independent. docs/statistics.md says when which method holds.
 *
 *     qkvsim_intervals *i;
 *     qkvsim_intervals_run(context, &input, NULL, layout, NULL, NULL, &i);
 *     double low = qkvsim_intervals_statistic(i, 0, QKVSIM_METRIC_COSINE,
 *                                             QKVSIM_STATISTIC_OFFSET_SHARE, QKVSIM_SUMMARY_LOW);
 */
#ifndef QKVSIM_INTERVAL_H
#define QKVSIM_INTERVAL_H

#include <qkvsim/analysis.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How intervals are made. */
typedef int32_t qkvsim_method;
enum {
    /** Delete-a-block jackknife for unequal blocks (Busing, Meijer & van der Leeden 1999): each of
     * G blocks is left out in turn. Bias-corrected estimate, t interval with G - 1 degrees of
     * freedom. */
    QKVSIM_METHOD_JACKKNIFE = 1,
    /** Moving-block bootstrap (Kunsch 1989): blocks are drawn with replacement until there are as
     * many observations as before. Basic interval [T + t - q_high, T + t - q_low] around the
     * observed value T, with t what T estimates in resamples: the uncorrected value. Repeated
     * observations widen a histogram over pairs: see docs/statistics.md. */
    QKVSIM_METHOD_BOOTSTRAP = 2
};

/** Zero in any field is its default. Blocks for the bootstrap, or resamples or block_length for the
 * jackknife, are an error. */
typedef struct qkvsim_interval_options {
    size_t struct_size;
    int64_t blocks; /**< jackknife: G, 8 .. observations in use; default: min(20, half of them) */
    int64_t resamples; /**< bootstrap: 20 .. 2^32 - 1; default: 1000 */
    /** bootstrap: 1 .. observations in use, so that there are 2 blocks to draw from; default: their
     * cube root. A shorter segment is one block. */
    int64_t block_length;
    double level;         /**< within (0, 1); default: 0.95 */
    uint64_t seed;        /**< bootstrap */
    qkvsim_method method; /**< QKVSIM_METHOD_JACKKNIFE (default) or QKVSIM_METHOD_BOOTSTRAP */
    int32_t reserved;     /**< must be 0 */
    /** bootstrap: resamples first .. first + resamples - 1 alone: a piece, to be merged with others
     * (qkvsim_intervals_merge). Default: 0 */
    int64_t first;
    /** bootstrap: of how many resamples in all, 20 or more, this is a piece; with first or total a
     * piece may be of 1 resample. Default: first + resamples */
    int64_t total;
} qkvsim_interval_options;

/** The results. Immutable; free with qkvsim_intervals_free. */
typedef struct qkvsim_intervals qkvsim_intervals;

/**
 * Analyses an input and its replicates.
 *
 * The observations in use are divided into blocks of consecutive ones, whose lengths differ by at
 * most one where there is one segment. A segment of l of the n observations has max(1, round(G l /
 * n)) blocks. With a second selection, blocks are of the observations of both in their order, and
 * leaving one out (or drawing one) concerns both. The jackknife then weighs a block by the share it
 * has of each selection's own observations, and G is, for the first selection, the blocks that have
 * any of it, for a difference the fewer of the two.
 *
 * Where there are not 8 blocks the default jackknife has no replicates, and no interval exists; the
 * observed analysis does.
 *
 * @param second           another selection, with which the input's own, which must then be given,
 *                         is compared; they share no observation. NULL: none
 * @param analysis_options as for qkvsim_analysis_run, NULL for all defaults
 * @param options          NULL for all defaults
 * @param intervals        receives the results
 * @return as qkvsim_analysis_run. INVALID_ARGUMENT also where blocks, resamples, block_length,
 * level or method are out of range, where a selection shares an observation with the second, or
 * where explicit blocks and short segments leave fewer than 8 blocks.
 *
 * A feature that is undefined in the observed data (QKVSIM_NONFINITE_UNDEFINED_FEATURE) stays so in
 * every replicate.
 *
 * Bit for bit the same results for any number of threads. Time: an analysis for each replicate, two
 * with a second selection; memory that of one analysis, plus 8 bytes for each replicate, row,
 * metric and statistic.
 */
QKVSIM_API qkvsim_status qkvsim_intervals_run(qkvsim_context *context, const qkvsim_input *input,
                                              const qkvsim_selection *second,
                                              const qkvsim_layout *layout,
                                              const qkvsim_analysis_options *analysis_options,
                                              const qkvsim_interval_options *options,
                                              qkvsim_intervals **intervals);

/**
 * Puts pieces of a bootstrap together: the resamples of all of them, as one run would have made
 * them, to the bit.
 * @param pieces `count` intervals in any order, which stay as they are; their resamples follow each
 *               other without a gap. What is merged may be a piece again.
 * @param merged receives the results
 * @return INVALID_ARGUMENT where pieces do not belong together, overlap, leave a gap or are of the
 * jackknife, and the message says which and in what; NO_MEMORY
 *
 * As for qkvsim_baseline_merge, all must have observed the same to the bit. Time and memory in
 * proportion to the merged results.
 */
QKVSIM_API qkvsim_status qkvsim_intervals_merge(qkvsim_context *context,
                                                const qkvsim_intervals *const *pieces,
                                                int64_t count, qkvsim_intervals **merged);

/** Intervals as bytes and back: see packed.h. */
QKVSIM_API int64_t qkvsim_intervals_packed_size(const qkvsim_intervals *intervals);
QKVSIM_API qkvsim_status qkvsim_intervals_pack(qkvsim_context *context,
                                               const qkvsim_intervals *intervals, void *buffer,
                                               int64_t size);
QKVSIM_API qkvsim_status qkvsim_intervals_unpack(qkvsim_context *context, const void *buffer,
                                                 int64_t size, qkvsim_intervals **intervals);

/** Number of the first resample, and of how many in all they are a part; 0 for the jackknife. */
QKVSIM_API int64_t qkvsim_intervals_first(const qkvsim_intervals *intervals);
QKVSIM_API int64_t qkvsim_intervals_total(const qkvsim_intervals *intervals);

/** Frees the results and the observed analyses in them; NULL is allowed. */
QKVSIM_API void qkvsim_intervals_free(qkvsim_intervals *intervals);

/** The analysis of the input's own selection, and that of the second one (NULL if there is none);
 * owned by the intervals. */
QKVSIM_API const qkvsim_analysis *qkvsim_intervals_observed(const qkvsim_intervals *intervals);
QKVSIM_API const qkvsim_analysis *
qkvsim_intervals_observed_second(const qkvsim_intervals *intervals);

/** How they were made: QKVSIM_METHOD_*, level and, of the bootstrap, seed; 0 for NULL. */
QKVSIM_API qkvsim_method qkvsim_intervals_method(const qkvsim_intervals *intervals);
QKVSIM_API double qkvsim_intervals_level(const qkvsim_intervals *intervals);
QKVSIM_API uint64_t qkvsim_intervals_seed(const qkvsim_intervals *intervals);

/** Blocks left out in turn, or resamples; 0 where there were too few observations. */
QKVSIM_API int64_t qkvsim_intervals_replicates(const qkvsim_intervals *intervals);

/** Observations of a block: of the longest one (jackknife), of each (bootstrap); 0 where there are
 * no replicates. */
QKVSIM_API int64_t qkvsim_intervals_block_length(const qkvsim_intervals *intervals);

/** A statistic's value in each replicate, as many as qkvsim_intervals_replicates says, NaN where it
 * is absent; of the analysis' own selection. Owned by the intervals; NULL where there is no such
 * row, metric or replicated statistic (see qkvsim_intervals_statistic), or no replicate. */
QKVSIM_API const double *qkvsim_intervals_values(const qkvsim_intervals *intervals, int32_t row,
                                                 qkvsim_metric metric, qkvsim_statistic statistic);

/**
 * One number of a statistic's interval.
 *
 * Intervals exist where simulations show that they hold (docs/statistics.md): of MEAN, VARIANCE,
 * OFFSET_SHARE (contrasts: from 32 observations), OFFSET_ENERGY (from 100 observations),
 * VARIANCE_ENERGY, MEAN_OFFSET_SQUARE and MEAN_SQUARE. They never leave the range where the
 * statistic lies. That of the offset share is Fieller's (1954), of the ratio of the jackknifed
 * energies: all of [0, 1] where these are noise.
 *
 * @param row       a pair group or a roll-up
 * @param summary   QKVSIM_SUMMARY_OBSERVED, LOW, HIGH, ESTIMATE, SE; of contrasts also P
 * @return NaN where it does not exist: no such row, metric or statistic, or none with intervals; a
 * statistic that is absent in the observed data or in any replicate. OBSERVED exists wherever the
 * analysis has it.
 *
 * With a second selection this is of the first one, by blocks of both; by the jackknife NaN where
 * fewer than 8 of them have observations of it.
 *
 * Time: by the jackknife O(replicates) each time. By the bootstrap 64 passes over the replicates
 * for each of two quantiles (0.2 ms of 1,000), when the first of LOW, HIGH, ESTIMATE and SE is
 * asked; the interval is then kept, and each further number of it O(1), whichever thread asks.
 * OBSERVED is O(1).
 */
QKVSIM_API double qkvsim_intervals_statistic(const qkvsim_intervals *intervals, int32_t row,
                                             qkvsim_metric metric, qkvsim_statistic statistic,
                                             qkvsim_summary summary);

/** The same of every row.
 * @param values   receives a number for each of the layout's rows
 * @param capacity how many numbers `values` has room for
 * @return as qkvsim_analysis_statistics */
QKVSIM_API qkvsim_status qkvsim_intervals_statistics(
    qkvsim_context *context, const qkvsim_intervals *intervals, qkvsim_metric metric,
    qkvsim_statistic statistic, qkvsim_summary summary, double *values, int64_t capacity);

/** The same of T(row_a) - T(row_b), recomputed in each replicate: "Q-Q is more offset-coded than
 * V-V". NaN where either statistic has no interval. P, by the jackknife only, is of the estimate
 * against 0, two-sided, by Student's t: as good as the interval is, so no more than "below 0.001".
 * Time as qkvsim_intervals_statistic, but that of two rows nothing is kept. */
QKVSIM_API double qkvsim_intervals_contrast(const qkvsim_intervals *intervals, int32_t row_a,
                                            int32_t row_b, qkvsim_metric metric,
                                            qkvsim_statistic statistic, qkvsim_summary summary);

/**
 * The same of T(the analysis' selection) - T(the second), each corrected by itself: of corrected
 * statistics only (OFFSET_SHARE, OFFSET_ENERGY, VARIANCE_ENERGY, MEAN_OFFSET_SQUARE, MEAN_SQUARE),
 * since any other differs by the number of observations alone. That of the shares combines the
 * interval of each (Zou & Donner 2008). There is no P: a relabelling has it
 * (qkvsim_comparison_run). NaN where there is no second selection, where the observations of either
 * lie in fewer than 8 blocks (jackknife), or where a replicate leaves either without the statistic.
 * Time as qkvsim_intervals_statistic.
 */
QKVSIM_API double qkvsim_intervals_difference(const qkvsim_intervals *intervals, int32_t row,
                                              qkvsim_metric metric, qkvsim_statistic statistic,
                                              qkvsim_summary summary);

/** The same of every row.
 * @param values   receives a number for each of the layout's rows
 * @param capacity how many numbers `values` has room for
 * @return as qkvsim_analysis_statistics */
QKVSIM_API qkvsim_status qkvsim_intervals_differences(
    qkvsim_context *context, const qkvsim_intervals *intervals, qkvsim_metric metric,
    qkvsim_statistic statistic, qkvsim_summary summary, double *values, int64_t capacity);

#ifdef __cplusplus
}
#endif
#endif
