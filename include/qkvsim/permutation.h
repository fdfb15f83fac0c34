/**
 * @file permutation.h
 * Random permutations of an input, the same on every machine and for any number of threads.
 *
 * Numbers come from the counter-based generator Philox 4x32-10 (Salmon et al. 2011): the
 * permutation numbered `index` of `seed` is a function of the two alone, and can be asked for by
 * itself.
 */
#ifndef QKVSIM_PERMUTATION_H
#define QKVSIM_PERMUTATION_H

#include <qkvsim/context.h>
#include <qkvsim/input.h>
#include <qkvsim/layout.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which values a permutation may exchange. docs/statistics.md says which null each stands for. */
typedef int32_t qkvsim_scheme;
enum {
    /** Every value with every other, over all observations and features: keeps nothing but the
     * overall distribution of the activations. */
    QKVSIM_SCHEME_ALL = 1,
    /** Each feature's values over the observations, independently of the other features: keeps
     * means and norms, and so the offset part of each cosine; breaks all co-variation. */
    QKVSIM_SCHEME_FEATURE = 2,
    /** Each feature rotated over the observations by a random lag of its own: as FEATURE, and keeps
     * how each feature depends on its own past. */
    QKVSIM_SCHEME_SHIFT = 3,
    /** Every value with every other of its group: keeps the distribution of each group. */
    QKVSIM_SCHEME_GROUP = 4,
    /** The observations of each group, all its features together: keeps everything within a group,
     * breaks all co-variation between groups. */
    QKVSIM_SCHEME_OBSERVATIONS = 5,
    /** Each group rotated over the observations by a random lag of its own, all its features
     * together: as OBSERVATIONS, and keeps how a group depends on its own past. */
    QKVSIM_SCHEME_OBSERVATIONS_SHIFT = 6,
    /** The centred observations of each group times a random sign, all its features together: keeps
     * each feature's mean and norm, and how large each observation is in each group; breaks all
     * co-variation between groups but for that of their sizes. Needs errors that are symmetric
     * about the mean. */
    QKVSIM_SCHEME_FLIP = 7
};

/** What changes places as one. */
typedef int32_t qkvsim_exchange;
enum {
    QKVSIM_EXCHANGE_OBSERVATIONS = 1, /**< each observation with each other */
    /** Whole segments with others: for documents whose observations are alike among themselves */
    QKVSIM_EXCHANGE_SEGMENTS = 2
};

/** One permutation. SHIFT and OBSERVATIONS_SHIFT rotate each run of equal numbers of the input's
 * segments, among the observations in use, in itself, by a lag of its own. */
typedef struct qkvsim_permutation {
    size_t struct_size;
    uint64_t seed;
    int64_t index;        /**< 0 .. 2^32 - 1 */
    qkvsim_scheme scheme; /**< QKVSIM_SCHEME_*; default: ALL */
    /** Default: OBSERVATIONS. With SEGMENTS, FEATURE and OBSERVATIONS exchange whole runs of equal
     * numbers with others that are as long (Winkler et al. 2014, whole blocks), and FLIP gives
     * each run one sign; the rest refuse it. */
    qkvsim_exchange exchange;
    /** Labels all features; GROUP, OBSERVATIONS, OBSERVATIONS_SHIFT and FLIP need it. */
    const qkvsim_layout *layout;
    /** Observations of the parts x any number less than the observations in use less 2, borrowed:
     * what may co-vary (a position, a token's identity) and is no part of the question. FEATURE,
     * OBSERVATIONS and FLIP then move residuals (Freedman & Lane 1983): a column x = Z g + e, with
     * an intercept in Z, is taken for its mean and e; e is permuted to P e, refitted to (I - Z Z+)
     * P e, and scaled to the norm of e, so that the feature's mean, norm and offset ratio stay.
     * Covariates that others make up are left out; a feature that covariates make up to rounding
     * is constant. The rest refuse it. Default: none. */
    const qkvsim_view *covariates;
    /** Not 0: `index` counts all permutations that are different (see qkvsim_baseline_enumerated),
     * 0 being the input itself, and seed is ignored. There must be more than `index` of them, and
     * at most 2^32; ALL and GROUP refuse it. The first group, or feature, stays as it is.
     * Permutation k has digit i of k, in the base of the L different permutations of one, for
     * group or feature i + 1: of rotations, the lags of its segments, the first one's the last
     * digit; else a number of an order. Of signs, bit i of k is that of observation or run i + 1,
     * group after group. */
    int32_t enumerated;
    int32_t reserved; /**< must be 0 */
} qkvsim_permutation;

/**
 * Writes a permuted copy of an input.
 * @param input  observations of d features; its nonfinite is not used: NaN is a value like any
 *               other
 * @param matrix selected observations (in increasing order) x d; QKVSIM_DTYPE_F32, or F64 for any
 * input. An input with an F64 part needs an F64 matrix: the multiset of values is kept exactly.
 * @return INVALID_ARGUMENT, which includes segments no two of which are as long; NONFINITE for
 * covariates; TOO_LARGE for more values than can be permuted; NO_MEMORY; CANCELLED. On failure the
 * matrix is untouched
 *
 * Each of the scheme's permutations is equally likely, lags from 0 to the run's length less 1:
 * numbers below a bound are drawn without bias (Lemire 2019), and where values change columns they
 * are dealt to buckets that are then shuffled (Rao 1961, Sandelius 1962). Time and memory O(n d),
 * with c covariates time O(n (c + 1) (d + c)).
 */
QKVSIM_API qkvsim_status qkvsim_permute(qkvsim_context *context, const qkvsim_input *input,
                                        const qkvsim_permutation *permutation,
                                        const qkvsim_matrix *matrix);

/** How labels of observations are exchanged. */
typedef int32_t qkvsim_relabel_scheme;
enum {
    /** Every label with every other, for observations that are exchangeable. Labels in clusters, or
     * neighbouring observations that resemble each other, need SHIFT. */
    QKVSIM_RELABEL_LABELS = 1,
    /** The sequence of labels rotated by a random lag: keeps the labels' spacing and the
     * observations' dependence on their neighbours. */
    QKVSIM_RELABEL_SHIFT = 2
};

/** One relabelling. */
typedef struct qkvsim_relabelling {
    size_t struct_size;
    uint64_t seed;
    int64_t index;                 /**< 0 .. 2^32 - 1 */
    qkvsim_relabel_scheme relabel; /**< QKVSIM_RELABEL_*; default: LABELS */
    /** Default: OBSERVATIONS. With LABELS and SEGMENTS, whole runs of equal numbers change labels:
     * where each has one label throughout, labels are dealt anew to the runs, whatever their
     * lengths; else the labels of runs of equal length change places. SHIFT refuses it. */
    qkvsim_exchange exchange;
    /** A number for each observation (its document, its window), borrowed. With SHIFT, each run of
     * equal numbers is rotated in itself, by a lag of its own. Default: one run. LABELS has no use
     * for it but with EXCHANGE_SEGMENTS. */
    const int32_t *segments;
    /** Not 0: `index` counts the relabellings that look different, 0 being the labels themselves,
     * and seed is ignored. There must be more than `index` of them, and at most 2^32. */
    int32_t enumerated;
    int32_t reserved; /**< must be 0 */
} qkvsim_relabelling;

/**
 * Writes a permuted copy of the labels of observations (target, not target).
 * @param labels       `observations` bytes of any values
 * @param observations 1 .. 2^32 - 1
 * @param relabelled   receives as many; must not overlap `labels`
 * @return INVALID_ARGUMENT, which includes segments that leave one relabelling only; TOO_LARGE, or
 * NO_MEMORY
 *
 * Each order, or each lag from 0 to the length less 1, is equally likely. Time and memory
 * O(observations), with `enumerated` O(observations^2).
 */
QKVSIM_API qkvsim_status qkvsim_relabel(qkvsim_context *context, const uint8_t *labels,
                                        int64_t observations, const qkvsim_relabelling *relabelling,
                                        uint8_t *relabelled);

#ifdef __cplusplus
}
#endif
#endif
