/* Vectors as wide as the processor's, and the operations on them that the compiler does not make
 * well of plain C: minimum and maximum, widening loads, and the fused multiply-add, which only
 * guesses and sums in double may use. */
#ifndef QKV_VECTORS_H
#define QKV_VECTORS_H

#include <stdbool.h>
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

typedef float floats __attribute__((vector_size(VECTOR_BYTES)));
typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));

#if defined(__AVX512F__)
#define OPERATION(name, kind) _mm512_##name##_##kind
#define FARTHER(a, b, kind) _mm512_range_##kind(a, b, 11) /* the larger magnitude, sign cleared */
#define ANY_ABOVE(a, b, kind) (_mm512_cmp_##kind##_mask(a, b, _CMP_GT_OQ) != 0)
typedef __m512 register_ps;
typedef __m512d register_pd;
#elif defined(__AVX2__)
#define OPERATION(name, kind) _mm256_##name##_##kind
#define FARTHER(a, b, kind) _mm256_max_##kind(a, _mm256_max_##kind(b, -(b)))
#define ANY_ABOVE(a, b, kind) (_mm256_movemask_##kind(_mm256_cmp_##kind(a, b, _CMP_GT_OQ)) != 0)
typedef __m256 register_ps;
typedef __m256d register_pd;
#endif

/*
 * Lane by lane: the smaller, the larger, the larger magnitude, and a b + c, rounded once where the
 * processor can. any_above: whether a lane of a is above b's.
 */
#ifdef OPERATION
#define DEFINE_OPERATIONS(VECTOR, SUFFIX, KIND)                                                    \
    static inline VECTOR smaller_##SUFFIX(VECTOR a, VECTOR b)                                      \
    {                                                                                              \
        return (VECTOR)OPERATION(min, KIND)((register_##KIND)a, (register_##KIND)b);               \
    }                                                                                              \
    static inline VECTOR larger_##SUFFIX(VECTOR a, VECTOR b)                                       \
    {                                                                                              \
        return (VECTOR)OPERATION(max, KIND)((register_##KIND)a, (register_##KIND)b);               \
    }                                                                                              \
    static inline VECTOR farther_##SUFFIX(VECTOR a, VECTOR b)                                      \
    {                                                                                              \
        return (VECTOR)FARTHER((register_##KIND)a, (register_##KIND)b, KIND);                      \
    }                                                                                              \
    static inline bool any_above_##SUFFIX(VECTOR a, VECTOR b)                                      \
    {                                                                                              \
        return ANY_ABOVE((register_##KIND)a, (register_##KIND)b, KIND);                            \
    }                                                                                              \
    static inline VECTOR multiply_add_##SUFFIX(VECTOR a, VECTOR b, VECTOR c)                       \
    {                                                                                              \
        return (VECTOR)OPERATION(fmadd, KIND)((register_##KIND)a, (register_##KIND)b,              \
                                              (register_##KIND)c);                                 \
    }
#else
#define LANES_OF(vector) (sizeof(vector) / sizeof(vector)[0])
#define DEFINE_OPERATIONS(VECTOR, SUFFIX, KIND)                                                    \
    static inline VECTOR smaller_##SUFFIX(VECTOR a, VECTOR b)                                      \
    {                                                                                              \
        for (size_t lane = 0; lane < LANES_OF(a); lane++)                                          \
            a[lane] = a[lane] < b[lane] ? a[lane] : b[lane];                                       \
        return a;                                                                                  \
    }                                                                                              \
    static inline VECTOR larger_##SUFFIX(VECTOR a, VECTOR b)                                       \
    {                                                                                              \
        for (size_t lane = 0; lane < LANES_OF(a); lane++)                                          \
            a[lane] = a[lane] > b[lane] ? a[lane] : b[lane];                                       \
        return a;                                                                                  \
    }                                                                                              \
    static inline VECTOR farther_##SUFFIX(VECTOR a, VECTOR b)                                      \
    {                                                                                              \
        return larger_##SUFFIX(a, larger_##SUFFIX(b, -b));                                         \
    }                                                                                              \
    static inline bool any_above_##SUFFIX(VECTOR a, VECTOR b)                                      \
    {                                                                                              \
        bool above = false;                                                                        \
        for (size_t lane = 0; lane < LANES_OF(a); lane++)                                          \
            above |= a[lane] > b[lane];                                                            \
        return above;                                                                              \
    }                                                                                              \
    static inline VECTOR multiply_add_##SUFFIX(VECTOR a, VECTOR b, VECTOR c)                       \
    {                                                                                              \
        return a * b + c;                                                                          \
    }
#endif

DEFINE_OPERATIONS(floats, f32, ps)
DEFINE_OPERATIONS(doubles, f64, pd)

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

#endif
