/* Vectors of one type of number (both_reals.h), on whatever the processor has. */

typedef REAL NAME(reals) __attribute__((vector_size(VECTOR_BYTES)));
enum { NAME(LANES) = VECTOR_BYTES / sizeof(REAL) };

/* A lane's bits are all ones or all zeros, as comparisons make them. */
typedef __typeof__((NAME(reals)){ 0 } < (NAME(reals)){ 0 }) NAME(mask);

static inline NAME(reals) NAME(load_reals)(const REAL *from)
{
    NAME(reals) values;
    memcpy(&values, from, sizeof values);
    return values;
}

static inline void NAME(store_reals)(REAL *to, NAME(reals) values)
{
    memcpy(to, &values, sizeof values);
}

static inline NAME(reals) NAME(filled)(REAL value)
{
    const NAME(reals) zero = { 0 };
    return zero + value;
}

static inline NAME(reals) NAME(chosen)(NAME(mask) mask, NAME(reals) yes, NAME(reals) no)
{
    return (NAME(reals))(((NAME(mask))yes & mask) | ((NAME(mask))no & ~mask));
}

/* All ones in the lanes below count. */
static inline NAME(mask) NAME(lanes_below)(int64_t count)
{
    NAME(reals) lane;
    for (int l = 0; l < NAME(LANES); l++)
        lane[l] = (REAL)l;
    return lane < (REAL)count;
}

/*
 * Lane by lane: the smaller, the larger, the larger magnitude, and a b + c, rounded once where the
 * processor can. any_above: whether a lane of a or of b is above its most. at_least: how many lanes
 * of a are no less than b's (always inlined: gcovr cannot put together a function that stands at
 * another line in each instruction set's table). from_whole: a less the whole number next to it,
 * which the caller has.
 */
#ifdef INTRINSIC

#if IS_DOUBLE
#define KIND(operation, name) operation(name, pd)
#define NEITHER _kortestz_mask8_u8
typedef __typeof__(INTRINSIC(setzero, pd)()) NAME(registers);
#else
#define KIND(operation, name) operation(name, ps)
#define NEITHER _kortestz_mask16_u8
typedef __typeof__(INTRINSIC(setzero, ps)()) NAME(registers);
#endif

static inline NAME(reals) NAME(smaller)(NAME(reals) a, NAME(reals) b)
{
    return (NAME(reals))KIND(INTRINSIC, min)((NAME(registers))a, (NAME(registers))b);
}

static inline NAME(reals) NAME(larger)(NAME(reals) a, NAME(reals) b)
{
    return (NAME(reals))KIND(INTRINSIC, max)((NAME(registers))a, (NAME(registers))b);
}

static inline NAME(reals) NAME(multiply_add)(NAME(reals) a, NAME(reals) b, NAME(reals) c)
{
    return (NAME(reals))KIND(INTRINSIC, fmadd)((NAME(registers))a, (NAME(registers))b,
                                               (NAME(registers))c);
}

#if defined(__AVX512F__)
static inline NAME(reals) NAME(farther)(NAME(reals) a, NAME(reals) b)
{
    enum { MAGNITUDE_OF_LARGER = 11 }; /* the larger magnitude, sign cleared */
    return (NAME(reals))KIND(INTRINSIC, range)((NAME(registers))a, (NAME(registers))b,
                                               MAGNITUDE_OF_LARGER);
}

static inline bool NAME(any_above)(NAME(reals) a, NAME(reals) most, NAME(reals) b,
                                   NAME(reals) most_b)
{
    return NEITHER(KIND(MASKED, cmp)((NAME(registers))a, (NAME(registers))most, _CMP_GT_OQ),
                   KIND(MASKED, cmp)((NAME(registers))b, (NAME(registers))most_b, _CMP_GT_OQ))
           == 0;
}

__attribute__((always_inline)) static inline int NAME(at_least)(NAME(reals) a, NAME(reals) b)
{
    return __builtin_popcount(
        KIND(MASKED, cmp)((NAME(registers))a, (NAME(registers))b, _CMP_GE_OQ));
}

static inline NAME(reals) NAME(from_whole)(NAME(reals) a, NAME(reals) whole)
{
    (void)whole;
    return (NAME(reals))KIND(INTRINSIC, reduce)((NAME(registers))a, 0);
}
#else
static inline NAME(registers) NAME(magnitude)(NAME(reals) a)
{
    return KIND(INTRINSIC, andnot)((NAME(registers))NAME(filled)((REAL)-0.0), (NAME(registers))a);
}

static inline NAME(reals) NAME(farther)(NAME(reals) a, NAME(reals) b)
{
    return (NAME(reals))KIND(INTRINSIC, max)(NAME(magnitude)(a), NAME(magnitude)(b));
}

static inline bool NAME(any_above)(NAME(reals) a, NAME(reals) most, NAME(reals) b,
                                   NAME(reals) most_b)
{
    const NAME(registers) one =
        KIND(INTRINSIC, cmp)((NAME(registers))a, (NAME(registers))most, _CMP_GT_OQ);
    const NAME(registers) other =
        KIND(INTRINSIC, cmp)((NAME(registers))b, (NAME(registers))most_b, _CMP_GT_OQ);
    return KIND(INTRINSIC, movemask)(KIND(INTRINSIC, or)(one, other)) != 0;
}

__attribute__((always_inline)) static inline int NAME(at_least)(NAME(reals) a, NAME(reals) b)
{
    return __builtin_popcount((unsigned)KIND(INTRINSIC, movemask)(
        KIND(INTRINSIC, cmp)((NAME(registers))a, (NAME(registers))b, _CMP_GE_OQ)));
}

static inline NAME(reals) NAME(from_whole)(NAME(reals) a, NAME(reals) whole)
{
    return a - whole;
}
#endif

#undef KIND
#undef NEITHER

#else

static inline NAME(reals) NAME(smaller)(NAME(reals) a, NAME(reals) b)
{
    for (int lane = 0; lane < NAME(LANES); lane++)
        a[lane] = a[lane] < b[lane] ? a[lane] : b[lane];
    return a;
}

static inline NAME(reals) NAME(larger)(NAME(reals) a, NAME(reals) b)
{
    for (int lane = 0; lane < NAME(LANES); lane++)
        a[lane] = a[lane] > b[lane] ? a[lane] : b[lane];
    return a;
}

static inline NAME(reals) NAME(farther)(NAME(reals) a, NAME(reals) b)
{
    return NAME(larger)(NAME(larger)(a, -a), NAME(larger)(b, -b));
}

static inline bool NAME(any_above)(NAME(reals) a, NAME(reals) most, NAME(reals) b,
                                   NAME(reals) most_b)
{
    uint64_t halves[2];
    const NAME(mask) above = (a > most) | (b > most_b);
    memcpy(halves, &above, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

__attribute__((always_inline)) static inline int NAME(at_least)(NAME(reals) a, NAME(reals) b)
{
    int count = 0;
    for (int lane = 0; lane < NAME(LANES); lane++)
        count += a[lane] >= b[lane];
    return count;
}

static inline NAME(reals) NAME(from_whole)(NAME(reals) a, NAME(reals) whole)
{
    return a - whole;
}

static inline NAME(reals) NAME(multiply_add)(NAME(reals) a, NAME(reals) b, NAME(reals) c)
{
    return a * b + c;
}

#endif

/* The part-th of a vector's DOUBLE_LANES values, widened; DOUBLE_LANES values from memory and to
 * it. */
#if IS_DOUBLE

static inline doubles NAME(widened)(NAME(reals) values, int part)
{
    (void)part;
    return values;
}

static inline doubles NAME(load_doubles)(const REAL *from)
{
    return NAME(load_reals)(from);
}

static inline void NAME(store_doubles)(REAL *to, doubles values)
{
    NAME(store_reals)(to, values);
}

#else

static inline doubles NAME(widened)(NAME(reals) values, int part)
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

static inline doubles NAME(load_doubles)(const REAL *from)
{
#if defined(__AVX512F__)
    return (doubles)_mm512_cvtps_pd(_mm256_loadu_ps(from));
#elif defined(__AVX2__)
    return (doubles)_mm256_cvtps_pd(_mm_loadu_ps(from));
#else
    return (doubles){ (double)from[0], (double)from[1] };
#endif
}

static inline void NAME(store_doubles)(REAL *to, doubles values)
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
