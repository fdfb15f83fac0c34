/*
 * Input that looks like activations: features with offsets and scales of their own, correlated
 * through a few factors that they share.
 */
#ifndef BENCH_ACTIVATIONS_H
#define BENCH_ACTIVATIONS_H

#include <stdint.h>

/* Fills row-major observations x features values; the same for the same sizes. */
void activations_fill(float *values, int64_t observations, int64_t features);

/* Copies in another type. Halves are cut off, not rounded: any halves will do. */
void activations_to_double(const float *values, int64_t count, double *doubles);
void activations_to_half(const float *values, int64_t count, uint16_t *halves);

#endif
