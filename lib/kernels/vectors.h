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
#define ABOVE(a, b, kind) _mm512_cmp_##kind##_mask(a, b, _CMP_GT_OQ)
#define EITHER_ps(one, other) (_kortestz_mask16_u8(one, other) == 0)
#define EITHER_pd(one, other) (_kortestz_mask8_u8(one, other) == 0)
#define AT_LEAST(a, b, kind) _mm512_cmp_##kind##_mask(a, b, _CMP_GE_OQ)
#define FROM_WHOLE(a, whole, kind) _mm512_reduce_##kind(a, 0)
typedef __m512 register_ps;
typedef __m512d register_pd;
#elif defined(__AVX2__)
#define OPERATION(name, kind) _mm256_##name##_##kind
#define MAGNITUDE(a, kind) _mm256_andnot_##kind(_mm256_set1_##kind(-0.0), a)
#define FARTHER(a, b, kind) _mm256_max_##kind(MAGNITUDE(a, kind), MAGNITUDE(b, kind))
#define ABOVE(a, b, kind) _mm256_cmp_##kind(a, b, _CMP_GT_OQ)
#define EITHER_ps(one, other) (_mm256_movemask_ps(_mm256_or_ps(one, other)) != 0)
#define EITHER_pd(one, other) (_mm256_movemask_pd(_mm256_or_pd(one, other)) != 0)
#define AT_LEAST(a, b, kind) _mm256_movemask_##kind(_mm256_cmp_##kind(a, b, _CMP_GE_OQ))
#define FROM_WHOLE(a, whole, kind) _mm256_sub_##kind(a, whole)
typedef __m256 register_ps;
typedef __m256d register_pd;
#endif

/*
 * Lane by lane: the smaller, the larger, the larger magnitude, and a b + c, rounded once where the
 * processor can. any_above: whether a lane of a or of b is above its most. at_least: how many lanes of
 * a are no less than b's. from_whole: a less the whole number next to it, which the caller has.
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
    static inline bool any_above_##SUFFIX(VECTOR a, VECTOR most, VECTOR b, VECTOR most_b)          \
    {                                                                                              \
        return EITHER_##KIND(ABOVE((register_##KIND)a, (register_##KIND)most, KIND),               \
                             ABOVE((register_##KIND)b, (register_##KIND)most_b, KIND));            \
    }                                                                                              \
    static inline int at_least_##SUFFIX(VECTOR a, VECTOR b)                                        \
    {                                                                                              \
        return __builtin_popcount(                                                                 \
            (unsigned)AT_LEAST((register_##KIND)a, (register_##KIND)b, KIND));                     \
    }                                                                                              \
    static inline VECTOR from_whole_##SUFFIX(VECTOR a, VECTOR whole)                               \
    {                                                                                              \
        (void)whole;                                                                               \
        return (VECTOR)FROM_WHOLE((register_##KIND)a, (register_##KIND)whole, KIND);               \
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
        return larger_##SUFFIX(larger_##SUFFIX(a, -a), larger_##SUFFIX(b, -b));                    \
    }                                                                                              \
    static inline bool any_above_##SUFFIX(VECTOR a, VECTOR most, VECTOR b, VECTOR most_b)          \
    {                                                                                              \
        uint64_t halves[2];                                                                        \
        const __auto_type above = (a > most) | (b > most_b);                                       \
        memcpy(halves, &above, sizeof halves);                                                     \
        return (halves[0] | halves[1]) != 0;                                                       \
    }                                                                                              \
    static inline int at_least_##SUFFIX(VECTOR a, VECTOR b)                                        \
    {                                                                                              \
        int count = 0;                                                                             \
        for (size_t lane = 0; lane < LANES_OF(a); lane++)                                          \
            count += a[lane] >= b[lane];                                                           \
        return count;                                                                              \
    }                                                                                              \
    static inline VECTOR from_whole_##SUFFIX(VECTOR a, VECTOR whole)                               \
    {                                                                                              \
        return a - whole;                                                                          \
    }                                                                                              \
    static inline VECTOR multiply_add_##SUFFIX(VECTOR a, VECTOR b, VECTOR c)                       \
    {                                                                                              \
        return a * b + c;                                                                          \
    }
#endif

DEFINE_OPERATIONS(floats, f32, ps)
DEFINE_OPERATIONS(doubles, f64, pd)

/* The part-th of a vector's DOUBLE_LANES values, widened. */
static inline doubles widened_f64(doubles values, int part)
{
    (void)part;
    return values;
}

static inline doubles widened_f32(floats values, int part)
{
#if defined(__AVX512F__)
    const __m512 all = (__m512)values;
    const __m256 half = part == 0 ? _mm512_castps512_ps256(all) : _mm512_extractf32x8_ps(all, 1);
    return (doubles)_mm512_cvtps_pd(half);
#elif defined(__AVX2__)
    const __m256 all = (__m256)values;
    const __m128 half = part == 0 ? _mm256_castps256_ps128(all) : _mm256_extractf128_ps(all, 1);
    return (doubles)_mm256_cvtps_pd(half);
#else
    return (doubles){ (double)values[2 * part], (double)values[2 * part + 1] };
#endif
}

/* DOUBLE_LANES values from memory and to it. */
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

static inline void store_doubles_f64(double *to, doubles values)
{
    memcpy(to, &values, sizeof values);
}

static inline void store_doubles_f32(float *to, doubles values)
{
#if defined(__AVX512F__)
    _mm256_storeu_ps(to, _mm512_cvtpd_ps((__m512d)values));
#elif defined(__AVX2__)
    _mm_storeu_ps(to, _mm256_cvtpd_ps((__m256d)values));
#else
    to[0] = (float)values[0];
    to[1] = (float)values[1];
#endif
}

#endif
