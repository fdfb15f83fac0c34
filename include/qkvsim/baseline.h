/**
 * @file baseline.h
 * The random baseline: the same analysis of many permutations, beside the one observed.
 */
#ifndef QKVSIM_BASELINE_H
#define QKVSIM_BASELINE_H

#include <qkvsim/analysis.h>
#include <qkvsim/permutation.h>
#include <qkvsim/significance.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Zero in any field but permutations is its default. */
typedef struct qkvsim_baseline_options {
    size_t struct_size;
    int64_t permutations; /**< 1 .. 2^32 - 1 */
    uint64_t seed;
    qkvsim_scheme scheme;     /**< QKVSIM_SCHEME_*; default: ALL */
    qkvsim_exchange exchange; /**< default: OBSERVATIONS */
    /** See qkvsim_permutation: what is observed is then the input without its covariates, mean + e.
     * Corrected statistics know n and not the number of covariates. Default: none. */
    const qkvsim_view *covariates;
    /** h, 0 to `permutations`: they stop when of every statistic of every row h are at most and h
     * at least the observed value, so that no p would come out small (Besag & Clifford 1991).
     * Where the h-th came at permutation l, p_less or p_greater is h / l, and else (b + 1) / (m +
     * 1); p is twice the lesser of the two, up to 1. There are no P_MAX and P_MAX_ALL then, and
     * after an early stop no P_FITTED. Where permutations are enumerated it is ignored. Default,
     * 0: all are made */
    int64_t exceedances;
    /** Permutations first .. first + permutations - 1 alone: a piece, to be merged with others
     * (qkvsim_baseline_merge). Default: 0 */
    int64_t first;
    /** Of how many permutations in all this is a piece; whether all different ones are taken in
     * place of those that are drawn is decided by it. Where they are, a piece has those of its
     * numbers that there are, maybe none. Default: first + permutations */
    int64_t total;
} qkvsim_baseline_options;

/** The results of a baseline. Immutable; free with qkvsim_baseline_free. */
typedef struct qkvsim_baseline qkvsim_baseline;

/**
 * Analyses an input and permutations 0, 1, ... of it (see qkvsim_permute and
 * qkvsim_baseline_enumerated).
 * @param analysis_options as for qkvsim_analysis_run, NULL for all defaults
 * @param options          number of permutations, which has no default; seed, scheme
 * @param baseline         receives the results
 * @return as qkvsim_analysis_run; NONFINITE also where a scheme would carry a NaN or an infinity
 * into other features, whatever `nonfinite` says of features: GROUP within a wanted group, ALL from
 * any
 *
 * Time: permutations + 1 analyses; memory that of one, plus two copies of the input (one for
 * FEATURE, SHIFT, OBSERVATIONS, OBSERVATIONS_SHIFT and FLIP). The results keep 8 bytes for each
 * permutation, row, metric and statistic, and 80 bytes for each bin, row and metric, so that they
 * can be merged.
 */
QKVSIM_API qkvsim_status qkvsim_baseline_run(qkvsim_context *context, const qkvsim_input *input,
                                             const qkvsim_layout *layout,
                                             const qkvsim_analysis_options *analysis_options,
                                             const qkvsim_baseline_options *options,
                                             qkvsim_baseline **baseline);

/**
 * Puts pieces together: the permutations of all of them, as one run would have made them, to the
 * bit in every summary, adjusted p-values too.
 * @param pieces `count` baselines in any order, which stay as they are; their permutations follow
 *               each other without a gap, and may be divided in any way. What is merged may be a
 *               piece again.
 * @param merged receives the results
 * @return INVALID_ARGUMENT where pieces do not belong together (input, layout, bins, metrics,
 * arithmetic, seed, scheme, segments, ...), overlap, leave a gap or were to stop early, and the
 * message says which and in what; NO_MEMORY, CANCELLED
 *
 * All pieces must have observed the same to the bit: they need machines that round alike (the same
 * kernels, the same OpenBLAS for the same processor). Time O(permutations x rows x statistics),
 * with a logarithm for sorting; memory that of the merged baseline.
 */
QKVSIM_API qkvsim_status qkvsim_baseline_merge(qkvsim_context *context,
                                               const qkvsim_baseline *const *pieces, int64_t count,
                                               qkvsim_baseline **merged);

/** A baseline as bytes and back: see packed.h. */
QKVSIM_API int64_t qkvsim_baseline_packed_size(const qkvsim_baseline *baseline);
QKVSIM_API qkvsim_status qkvsim_baseline_pack(qkvsim_context *context,
                                              const qkvsim_baseline *baseline, void *buffer,
                                              int64_t size);
QKVSIM_API qkvsim_status qkvsim_baseline_unpack(qkvsim_context *context, const void *buffer,
                                                int64_t size, qkvsim_baseline **baseline);

/** Frees the results and the observed analysis in them; NULL is allowed. */
QKVSIM_API void qkvsim_baseline_free(qkvsim_baseline *baseline);

/* Accessors. All numbers are there when the call that makes a baseline returns: each takes O(1)
 * time, those of every row O(rows). */

/** The analysis of the input itself, owned by the baseline. */
QKVSIM_API const qkvsim_analysis *qkvsim_baseline_observed(const qkvsim_baseline *baseline);

/** How many permutations the results are of: as many as were asked for, or all different ones. */
QKVSIM_API int64_t qkvsim_baseline_permutations(const qkvsim_baseline *baseline);

/** The number of the first of them, and of how many in all they are a part. */
QKVSIM_API int64_t qkvsim_baseline_first(const qkvsim_baseline *baseline);
QKVSIM_API int64_t qkvsim_baseline_total(const qkvsim_baseline *baseline);

/**
 * 1 where the permutations are all different ones, each once; else 0. They are where, with the
 * input itself, there are at least two and no more than the number asked for and one: permutation k
 * is then number k + 1 of qkvsim_permutation's `enumerated`, and every p is exact.
 *
 * Permutations are different where similarities can tell, so that over n observations in one
 * segment g groups have n^(g - 1) under OBSERVATIONS_SHIFT and n!^(g - 1) under OBSERVATIONS, 2^(n
 * g - 1) under FLIP, d features n^(d - 1) under SHIFT and n!^(d - 1) under FEATURE. A pair group
 * shows only those of its own groups: no p is below 1 / their number, whatever the number of
 * permutations.
 */
QKVSIM_API int32_t qkvsim_baseline_enumerated(const qkvsim_baseline *baseline);

/** How it was made; 0 for NULL. */
QKVSIM_API uint64_t qkvsim_baseline_seed(const qkvsim_baseline *baseline);
QKVSIM_API qkvsim_scheme qkvsim_baseline_scheme(const qkvsim_baseline *baseline);
QKVSIM_API qkvsim_exchange qkvsim_baseline_exchange(const qkvsim_baseline *baseline);
QKVSIM_API int64_t qkvsim_baseline_exceedances(const qkvsim_baseline *baseline);

/** How many independent covariates were taken out, besides the mean: 0 without any. */
QKVSIM_API int64_t qkvsim_baseline_covariates(const qkvsim_baseline *baseline);

/** Mean, SD, MINIMUM or MAXIMUM of each bin's count over the permutations: `bins` numbers, owned by
 * the baseline; NULL where there is no such row, metric or summary. */
QKVSIM_API const double *qkvsim_baseline_histogram(const qkvsim_baseline *baseline, int32_t row,
                                                   qkvsim_metric metric, qkvsim_summary summary);

/** The same of every row: `rows` x `bins` numbers, row-major; NULL, 0 and 0 where there is none. */
QKVSIM_API const double *qkvsim_baseline_histograms(const qkvsim_baseline *baseline,
                                                    qkvsim_metric metric, qkvsim_summary summary,
                                                    int32_t *rows, int64_t *bins);

/** A summary of QKVSIM_STATISTIC_MEAN, VARIANCE, SKEWNESS, KURTOSIS, TAIL or, for the cosine,
 * QKVSIM_STATISTIC_OFFSET_SHARE; NaN where it does not exist, which includes a statistic that is
 * absent in the observed data or in any permutation. Under QKVSIM_SCHEME_OBSERVATIONS,
 * OBSERVATIONS_SHIFT and FLIP, which change nothing within a group, z and every p of a pair group
 * of one group with itself, and of a roll-up of such alone, are absent. */
QKVSIM_API double qkvsim_baseline_statistic(const qkvsim_baseline *baseline, int32_t row,
                                            qkvsim_metric metric, qkvsim_statistic statistic,
                                            qkvsim_summary summary);

/** The same of every row.
 * @param values   receives a number for each of the layout's rows
 * @param capacity how many numbers `values` has room for
 * @return as qkvsim_analysis_statistics */
QKVSIM_API qkvsim_status qkvsim_baseline_statistics(
    qkvsim_context *context, const qkvsim_baseline *baseline, qkvsim_metric metric,
    qkvsim_statistic statistic, qkvsim_summary summary, double *values, int64_t capacity);

#ifdef __cplusplus
}
#endif
#endif
