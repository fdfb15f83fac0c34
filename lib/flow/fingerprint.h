/* A checksum of an input, by which the pieces of a computation tell that they are of the same. */
#ifndef QKV_FINGERPRINT_H
#define QKV_FINGERPRINT_H

#include "panels.h"

/*
 * Of the numbers of the observations in use and of the values of up to eight of them, in all
 * features: little beside an analysis, and the same whatever is computed of the input, on every
 * machine.
 */
uint64_t qkv_input_fingerprint(qkvsim_context *context, const qkv_input *input);

/* Asks for these values, of parts in mapped files of which little else may be read. */
void qkv_expect_fingerprint(const qkv_input *input);

/* Of the segments of the observations in use; 0 where there are none. */
uint64_t qkv_segments_fingerprint(const qkv_input *input);

/* Of accumulated moments, which are the input of an analysis too. */
uint64_t qkv_statistics_fingerprint(const qkv_feature *statistics, int64_t features, int64_t n);

#endif
