/**
 * @file accumulator.h
 * Results from a stream: observations arrive in chunks, in any number, and are not kept.
 *
 * An accumulator holds the number of observations, the means and the centred second moments in
 * double. A chunk or another accumulator is added by M = M_a + M_b + (n_a n_b / n) delta delta'
 * (Chan, Golub & LeVeque 1979), delta the difference of the means.
 */
#ifndef QKVSIM_ACCUMULATOR_H
#define QKVSIM_ACCUMULATOR_H

#include <qkvsim/interval.h>
#include <qkvsim/pairs.h>
#include <qkvsim/similarity.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Free with qkvsim_accumulator_free. One thread at a time. */
typedef struct qkvsim_accumulator qkvsim_accumulator;

/** Zero in any field is its default. */
typedef struct qkvsim_accumulator_options {
    size_t struct_size;
    /**
     * Blocks that are kept apart, for qkvsim_accumulator_intervals: at most so many, 16 to 4096;
     * default: none.
     *
     * A block is one document at first. A document is the observations of one
     * qkvsim_accumulator_update or, where the input has segments, a run of equal numbers, which may
     * go on in the next update. When there would be more blocks, neighbours are put together two by
     * two, and a block takes twice as many documents from then on: of any stream that has as many
     * documents, half of so many blocks or more are left. All observations of the parts count,
     * whatever is selected of them, so that accumulators of several selections of one stream have
     * the same blocks.
     */
    int64_t blocks;
    /**
     * Of the pairs of features (i, j), i <= j, those with i from first_row on, `rows` of them: a
     * part, without blocks, of an accumulator that is larger than a process can hold. Parts that
     * were given the same chunks are put together by qkvsim_accumulator_join. Row i has features -
     * i pairs. Default: all rows
     */
    int64_t first_row;
    int64_t rows;
    /**
     * Not 0: an update or a merge that the progress callback cancels leaves the accumulator empty,
     * in place of as it was, and needs no copy of the moments for it. Not with blocks.
     */
    int32_t cancel_empties;
    int32_t reserved; /**< must be 0 */
} qkvsim_accumulator_options;

/** Makes an empty accumulator for 1 to 2^31 - 1 features. Memory 4 features^2 bytes (of a part, 8
 * for each pair of its rows) or, with blocks, as much for each of them, which is reserved at once
 * and refused, with its number of bytes, where it cannot be had. options: NULL for all defaults.
 * Returns INVALID_ARGUMENT, TOO_LARGE, NO_MEMORY, CANCELLED. */
QKVSIM_API qkvsim_status qkvsim_accumulator_create(qkvsim_context *context, int64_t features,
                                                   const qkvsim_accumulator_options *options,
                                                   qkvsim_accumulator **accumulator);

/** Frees an accumulator; NULL is allowed. */
QKVSIM_API void qkvsim_accumulator_free(qkvsim_accumulator *accumulator);

/** Features that each observation has; 0 for NULL. Time O(1), as of the next five. */
QKVSIM_API int64_t qkvsim_accumulator_features(const qkvsim_accumulator *accumulator);

/** The rows that it keeps: all features, but in a part. */
QKVSIM_API int64_t qkvsim_accumulator_first_row(const qkvsim_accumulator *accumulator);
QKVSIM_API int64_t qkvsim_accumulator_rows(const qkvsim_accumulator *accumulator);

/** Observations added so far; 0 for NULL. */
QKVSIM_API int64_t qkvsim_accumulator_observations(const qkvsim_accumulator *accumulator);

/** Blocks that have begun so far, and the observations in one of them; 0 where there are none. */
QKVSIM_API int64_t qkvsim_accumulator_blocks(const qkvsim_accumulator *accumulator);
QKVSIM_API int64_t qkvsim_accumulator_block_observations(const qkvsim_accumulator *accumulator,
                                                         int64_t block);

/**
 * Adds the observations of a chunk.
 * @param input as many features as the accumulator has. A feature left undefined by one chunk stays
 *              undefined. A chunk of which no observation is selected, or all are dropped, adds
 *              none; with blocks its documents count all the same.
 * @return as qkvsim_similarity; TOO_LARGE also where the sum of squares of a feature that varies is
 * outside the range of double (values around 1e154, or all below 1e-154); the accumulator is
 * unchanged on failure, but where it is cancelled and was made with cancel_empties
 *
 * Time O(n d^2), memory O(n d); with a progress callback, which may cancel, also as much as the
 * moments of one that is not empty and has no cancel_empties, and with blocks of each one that the
 * chunk touches, of all of them where they are put together. Chunks of 1,000 to 4,000 observations
 * are the fastest.
 */
QKVSIM_API qkvsim_status qkvsim_accumulator_update(qkvsim_context *context,
                                                   qkvsim_accumulator *accumulator,
                                                   const qkvsim_input *input);

/** An accumulator as bytes and back: see packed.h. Its size grows with features^2. */
QKVSIM_API int64_t qkvsim_accumulator_packed_size(const qkvsim_accumulator *accumulator);
QKVSIM_API qkvsim_status qkvsim_accumulator_pack(qkvsim_context *context,
                                                 const qkvsim_accumulator *accumulator,
                                                 void *buffer, int64_t size);
QKVSIM_API qkvsim_status qkvsim_accumulator_unpack(qkvsim_context *context, const void *buffer,
                                                   int64_t size, qkvsim_accumulator **accumulator);

/**
 * As qkvsim_accumulator_unpack, but the moments stay where they are: of a file that is mapped, in
 * the file.
 * @param buffer must stay as it is until the accumulator is freed
 * @return as qkvsim_accumulator_unpack
 *
 * The accumulator can be read, packed, joined and merged into others; adding to it is
 * INVALID_ARGUMENT. Memory O(features). One with blocks is unpacked as ever, and so is a buffer
 * whose address is no multiple of 8, or any where the most significant byte stands first.
 */
QKVSIM_API qkvsim_status qkvsim_accumulator_unpack_in_place(qkvsim_context *context,
                                                            const void *buffer, int64_t size,
                                                            qkvsim_accumulator **accumulator);

/** Adds what another accumulator of as many features holds, which stays as it is and must not be
 * the accumulator itself. The same accumulators merged in the same order give the same bits, packed
 * and unpacked in between or not; in another order the last ones may differ. Accumulators of a
 * chunk each (with blocks: of a document each, added at once) give, merged into an empty one in
 * their order, the bits of the stream of them. Both keep blocks or neither does: the other's
 * blocks come behind, fill up the last one where they fit, and are then put together as in a
 * stream, until there are no more than the accumulator may have. Returns INVALID_ARGUMENT (another
 * number of features, rows that the other lacks, blocks in one only), TOO_LARGE as
 * qkvsim_accumulator_update, with blocks NO_MEMORY, and CANCELLED; the accumulator is unchanged on
 * failure, but where it is cancelled and was made with cancel_empties. Time O(d^2), with blocks
 * O(blocks d^2). With a progress callback, which may cancel, memory as of an update; where it
 * cannot be had the merge goes to its end. */
QKVSIM_API qkvsim_status qkvsim_accumulator_merge(qkvsim_context *context,
                                                  qkvsim_accumulator *accumulator,
                                                  const qkvsim_accumulator *other);

/**
 * Puts the parts of an accumulator together (`rows` of its options): what one accumulator of all
 * rows would have, to the bit.
 * @param parts  `count` of them in the order of their rows, without a gap, of the same
 *               observations; they stay as they are
 * @param joined receives the accumulator
 * @return INVALID_ARGUMENT where parts do not belong together, and the message says which and in
 * what; NO_MEMORY, CANCELLED
 *
 * An update of a part prepares all features and multiplies for its rows alone: time O(n d) and its
 * share of O(n d^2). Parts are packed, and merged with what has all their rows; analyses, matrices
 * and pairs are of what is joined. Time and memory O(d^2).
 */
QKVSIM_API qkvsim_status qkvsim_accumulator_join(qkvsim_context *context,
                                                 const qkvsim_accumulator *const *parts,
                                                 int64_t count, qkvsim_accumulator **joined);

/** As qkvsim_analysis_run, of all observations added. Values are in double. There is no
 * QKVSIM_METRIC_SPEARMAN: ranks need all observations at once. Nor is there an analysis of an empty
 * accumulator, or of a part: INVALID_ARGUMENT, here and below. Time O(d^2), memory O(d + rows x
 * bins); where there are blocks, which are first added up, time O(blocks d^2) and 4 d^2 bytes more,
 * as also in the next three. */
QKVSIM_API qkvsim_status qkvsim_accumulator_analysis(qkvsim_context *context,
                                                     const qkvsim_accumulator *accumulator,
                                                     const qkvsim_layout *layout,
                                                     const qkvsim_analysis_options *options,
                                                     qkvsim_analysis **analysis);

/** As qkvsim_pairs_run, of all observations added, but for QKVSIM_METRIC_SPEARMAN; each value is
 * that of qkvsim_accumulator_similarity in double, to the bit. Time O(d^2), memory O(d +
 * result). */
QKVSIM_API qkvsim_status qkvsim_accumulator_pairs(qkvsim_context *context,
                                                  const qkvsim_accumulator *accumulator,
                                                  const qkvsim_layout *layout,
                                                  const qkvsim_pairs_options *options,
                                                  qkvsim_pairs **pairs);

/** As qkvsim_similarity, of all observations added, but for QKVSIM_METRIC_SPEARMAN. Time O(d^2),
 * memory O(d); a copy of the matrix as there. */
QKVSIM_API qkvsim_status qkvsim_accumulator_similarity(qkvsim_context *context,
                                                       const qkvsim_accumulator *accumulator,
                                                       qkvsim_metric metric,
                                                       const qkvsim_similarity_options *options,
                                                       const qkvsim_matrix *matrix);

/**
 * The similarity of all observations of one accumulator less that of another's, entry by entry:
 * contrastive covariances, say, of one condition and another.
 *
 * The difference is taken in double and rounded once. NaN where either is undefined; the diagonal
 * of cosine and Pearson is 0.
 * @param less   of as many features
 * @return as qkvsim_accumulator_similarity; INVALID_ARGUMENT also where `less` is empty or has
 * another number of features; TOO_LARGE also where a difference exceeds the output type. Time
 * O(d^2), memory 16 d^2 bytes, with a progress callback 24 d^2. On failure the matrix is untouched.
 */
QKVSIM_API qkvsim_status qkvsim_accumulator_difference(
    qkvsim_context *context, const qkvsim_accumulator *accumulator, const qkvsim_accumulator *less,
    qkvsim_metric metric, const qkvsim_similarity_options *options, const qkvsim_matrix *matrix);

/**
 * As qkvsim_intervals_run by the jackknife, of the observations that were added, leaving out the
 * accumulator's blocks in turn. To rounding the numbers are those of all observations with the same
 * blocks.
 *
 * With a second accumulator, differences are of the first less the second. Where both have as many
 * blocks, the k-th of each are left out together: so they should be where both are of the same
 * documents, and may be where they are of others. Otherwise the two are taken to be of different
 * documents, and each block is left out alone.
 *
 * @param accumulator made with blocks; where there are not 8 of them there is no interval
 * @param second      another one of as many features, or NULL
 * @param options     level; the blocks are the accumulator's, so that other numbers must be 0, and
 *                    there is no bootstrap. NULL for all defaults
 * @return as qkvsim_accumulator_analysis; INVALID_ARGUMENT also where an accumulator keeps no
 * blocks.
 *
 * Time: an analysis of moments for each block, O(blocks d^2); memory 4 d^2 bytes about log2 of the
 * blocks times.
 */
QKVSIM_API qkvsim_status
qkvsim_accumulator_intervals(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                             const qkvsim_accumulator *second, const qkvsim_layout *layout,
                             const qkvsim_analysis_options *analysis_options,
                             const qkvsim_interval_options *options, qkvsim_intervals **intervals);

#ifdef __cplusplus
}
#endif
#endif
