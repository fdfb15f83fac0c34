/*
 * The inner loops for one real type on one instruction set. The including file defines REAL,
 * SUFFIX, and IS_DOUBLE; the compiler's flags decide the instruction set.
 *
 * Sums over neighbouring values are written out with vector types of the processor's width;
 * everything else is a plain loop that the compiler vectorises.
 */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(name, SUFFIX)

enum { NAME(LANES) = VECTOR_BYTES / sizeof(REAL) };
#define LANES NAME(LANES)

typedef REALS NAME(reals);

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

/* ---- load: any element type, any strides ---- */

#define DEFINE_LOAD(SOURCE, NAME_, WIDEN)                                                          \
    static void NAME(NAME_)(const qkv_columns *columns, const qkv_rows *rows,                      \
                            const qkv_strip *strip, int64_t column)                                \
    {                                                                                              \
        const SOURCE *first = columns->first;                                                      \
        const int64_t across = columns->feature_stride, down = columns->observation_stride;        \
        const int64_t width = columns->count;                                                      \
        for (int64_t block = 0; block < rows->count; block += LOAD_ROWS) {                         \
            const int64_t end = block + LOAD_ROWS < rows->count ? block + LOAD_ROWS : rows->count; \
            if (across == 1) {                                                                     \
                for (int64_t r = block; r < end; r++) {                                            \
                    const SOURCE *from = first + (rows->rows ? rows->rows[r] : r) * down;          \
                    REAL *to = (REAL *)strip->values + r * strip->leading + column;                \
                    for (int64_t j = 0; j < width; j++)                                            \
                        to[j] = (REAL)WIDEN(from[j]);                                              \
                }                                                                                  \
                continue;                                                                          \
            }                                                                                      \
            for (int64_t j = 0; j < width; j++) {                                                  \
                const SOURCE *from = first + j * across;                                           \
                REAL *to = (REAL *)strip->values + column + j;                                     \
                for (int64_t r = block; r < end; r++)                                              \
                    to[r * strip->leading] =                                                       \
                        (REAL)WIDEN(from[(rows->rows ? rows->rows[r] : r) * down]);                \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_LOAD(uint16_t, load_f16, widen_f16)
DEFINE_LOAD(uint16_t, load_bf16, widen_bf16)
DEFINE_LOAD(float, load_f32, )
DEFINE_LOAD(double, load_f64, )

static void NAME(load)(const qkv_columns *columns, const qkv_rows *rows, const qkv_strip *strip,
                       int64_t column)
{
    switch (columns->dtype) {
    case QKVSIM_F16:
        NAME(load_f16)(columns, rows, strip, column);
        return;
    case QKVSIM_BF16:
        NAME(load_bf16)(columns, rows, strip, column);
        return;
    case QKVSIM_F32:
        NAME(load_f32)(columns, rows, strip, column);
        return;
    default:
        NAME(load_f64)(columns, rows, strip, column);
    }
}

/* ---- prepare: means, norms, unit columns ---- */

/* Long sums are taken in blocks of rows: their error grows with the block and the number of blocks.
 */
static void NAME(sums_from_first)(const qkv_strip *strip, double *sums)
{
    const REAL *first = strip->values;
    double total[QKV_STRIP_WIDTH] = { 0 };
    for (int64_t block = 0; block < strip->count; block += SUMMED_ROWS) {
        const int64_t end = block + SUMMED_ROWS < strip->count ? block + SUMMED_ROWS : strip->count;
        double partial[QKV_STRIP_WIDTH] = { 0 };
        for (int64_t r = block; r < end; r++) {
            const REAL *row = first + r * strip->leading;
            for (int64_t j = 0; j < strip->width; j++)
                partial[j] += (double)row[j] - (double)first[j];
        }
        for (int64_t j = 0; j < strip->width; j++)
            total[j] += partial[j];
    }
    memcpy(sums, total, sizeof total);
}

static inline double NAME(centred)(REAL value, double mean_high, double mean_low)
{
#if IS_DOUBLE
    return (value - mean_high) - mean_low;
#else
    (void)mean_low;
    return (double)value - mean_high;
#endif
}

static void NAME(centred_squares)(const qkv_strip *strip, const qkv_scaling *scaling,
                                  double *squares)
{
    double total[QKV_STRIP_WIDTH] = { 0 };
    for (int64_t block = 0; block < strip->count; block += SUMMED_ROWS) {
        const int64_t end = block + SUMMED_ROWS < strip->count ? block + SUMMED_ROWS : strip->count;
        double partial[QKV_STRIP_WIDTH] = { 0 };
        for (int64_t r = block; r < end; r++) {
            const REAL *row = (const REAL *)strip->values + r * strip->leading;
            for (int64_t j = 0; j < strip->width; j++) {
                const double c = NAME(centred)(row[j], scaling->mean_high[j], scaling->mean_low[j]);
                partial[j] += c * c;
            }
        }
        for (int64_t j = 0; j < strip->width; j++)
            total[j] += partial[j];
    }
    memcpy(squares, total, sizeof total);
}

/* Rows r and r + 1 become cos a r + sin a (r + 1) and cos a (r + 1) - sin a r, with an angle of its
 * own for each pair. */
static void NAME(normalise)(const qkv_strip *strip, const qkv_scaling *scaling)
{
    double cosine = 1, sine = 0;
    int64_t r = 0;
    for (; r + 1 < strip->count; r += 2) {
        const double c = cosine * GOLDEN_COSINE - sine * GOLDEN_SINE;
        const double s = sine * GOLDEN_COSINE + cosine * GOLDEN_SINE;
        const double to_unit =
            1.5 - 0.5 * (c * c + s * s); /* a Newton step: rounding does not add up */
        cosine = c * to_unit;
        sine = s * to_unit;
        REAL *upper = (REAL *)strip->values + r * strip->leading;
        REAL *lower = upper + strip->leading;
        for (int64_t j = 0; j < strip->width; j++) {
            const double scale = scaling->inverse_norm[j];
            const double a =
                NAME(centred)(upper[j], scaling->mean_high[j], scaling->mean_low[j]) * scale;
            const double b =
                NAME(centred)(lower[j], scaling->mean_high[j], scaling->mean_low[j]) * scale;
            upper[j] = (REAL)(cosine * a + sine * b);
            lower[j] = (REAL)(cosine * b - sine * a);
        }
    }
    for (; r < strip->count; r++) {
        REAL *row = (REAL *)strip->values + r * strip->leading;
        for (int64_t j = 0; j < strip->width; j++)
            row[j] = (REAL)(NAME(centred)(row[j], scaling->mean_high[j], scaling->mean_low[j])
                            * scaling->inverse_norm[j]);
    }
}

#include "tally_template.h"

#undef DEFINE_LOAD
#undef LANES
#undef NAME
#undef JOIN
#undef JOIN_
#undef REAL
#undef REALS
#undef WORD
#undef SUFFIX
#undef IS_DOUBLE
