/* Vectors of doubles as wide as the processor's. The three operations here are what the compiler
 * does not make well of plain C: widening loads and fused multiply-add, which only sums in double
 * may use. */
#ifndef QKV_VECTORS_H
#define QKV_VECTORS_H

#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
enum { DOUBLE_LANES = VECTOR_BYTES / 8 };

typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));

static inline doubles load_doubles_f64(const double *from)
{
    doubles values;
    memcpy(&values, from, sizeof values);
    return values;
}

static inline doubles load_doubles_f32(const float *from)
{
#if defined(__AVX512F__)
    return (doubles)_mm512_cvtps_pd(_mm256_loadu_ps(from));
#elif defined(__AVX2__)
    return (doubles)_mm256_cvtps_pd(_mm_loadu_ps(from));
#else
    return (doubles){ (double)from[0], (double)from[1] };
#endif
}

/* a b + c, rounded once where the processor can. */
static inline doubles multiply_add(doubles a, doubles b, doubles c)
{
#if defined(__AVX512F__)
    return (doubles)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    return (doubles)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}

#endif
