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

#include <qkvsim/analysis.h>
#include <qkvsim/similarity.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Free with qkvsim_accumulator_free. One thread at a time. */
typedef struct qkvsim_accumulator qkvsim_accumulator;

/** Makes an empty accumulator for 1 to 2^31 - 1 features. Memory 4 features^2 bytes.
 * Returns INVALID_ARGUMENT, NO_MEMORY. */
QKVSIM_API qkvsim_status qkvsim_accumulator_create(qkvsim_context *context, int64_t features,
                                                   qkvsim_accumulator **accumulator);

/** Frees an accumulator; NULL is allowed. */
QKVSIM_API void qkvsim_accumulator_free(qkvsim_accumulator *accumulator);

/** Observations added so far; 0 for NULL. */
QKVSIM_API int64_t qkvsim_accumulator_observations(const qkvsim_accumulator *accumulator);

/**
 * Adds the observations of a chunk.
 * @param input as many features as the accumulator has. A feature left undefined by one chunk stays
 *              undefined. A chunk whose observations are all dropped adds nothing.
 * @return as qkvsim_similarity; TOO_LARGE also where the sum of squares of a feature that varies is
 * outside the range of double (values around 1e154, or all below 1e-154); the accumulator is unchanged
 * on failure
 *
 * Time O(n d^2), memory O(n d). Chunks of 1,000 observations and more are fast.
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

/** Adds what another accumulator of as many features holds, which stays as it is; the accumulator
 * itself is no other. The same accumulators merged in the same order give the same bits, packed and
 * unpacked in between or not; in another order the last ones may differ. Returns INVALID_ARGUMENT (another number of features), TOO_LARGE as
 * qkvsim_accumulator_update. Time O(d^2). */
QKVSIM_API qkvsim_status qkvsim_accumulator_merge(qkvsim_context *context,
                                                  qkvsim_accumulator *accumulator,
                                                  const qkvsim_accumulator *other);

/** As qkvsim_analyze, of all observations added. Values are in double. There is no QKVSIM_METRIC_SPEARMAN: ranks need all observations at
 * once. Time O(d^2). */
QKVSIM_API qkvsim_status qkvsim_accumulator_analyze(qkvsim_context *context,
                                                    const qkvsim_accumulator *accumulator,
                                                    const qkvsim_layout *layout,
                                                    const qkvsim_analysis_options *options,
                                                    qkvsim_analysis **analysis);

/** As qkvsim_similarity, of all observations added, but for QKVSIM_METRIC_SPEARMAN. Time O(d^2). */
QKVSIM_API qkvsim_status qkvsim_accumulator_similarity(qkvsim_context *context,
                                                       const qkvsim_accumulator *accumulator,
                                                       qkvsim_metric metric,
                                                       const qkvsim_similarity_options *options,
                                                       const qkvsim_matrix *matrix);

#ifdef __cplusplus
}
#endif
#endif
