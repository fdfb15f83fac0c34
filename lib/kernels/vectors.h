/* Vectors as wide as the processor's, and the operations on them that the compiler does not make
 * well of plain C: minimum and maximum, widening loads, and the fused multiply-add, which only
 * guesses and sums in double may use. */
#ifndef QKV_VECTORS_H
#define QKV_VECTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#define INTRINSIC(name, kind) _mm512_##name##_##kind
#define MASKED(name, kind) _mm512_##name##_##kind##_mask
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
#define INTRINSIC(name, kind) _mm256_##name##_##kind
#else
enum { VECTOR_BYTES = 16 };
#endif
enum { DOUBLE_LANES = VECTOR_BYTES / 8 };

typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));

#define TEMPLATE "vectors_template.h"
#include "both_reals.h"

#endif
