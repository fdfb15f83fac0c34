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
    case QKVSIM_DTYPE_F16:
        NAME(load_f16)(columns, rows, strip, column);
        return;
    case QKVSIM_DTYPE_BF16:
        NAME(load_bf16)(columns, rows, strip, column);
        return;
    case QKVSIM_DTYPE_F32:
        NAME(load_f32)(columns, rows, strip, column);
        return;
    default:
        NAME(load_f64)(columns, rows, strip, column);
    }
}

/* ---- prepare: means, norms, unit columns ---- */

/* The next DOUBLE_LANES values of a row, of which `count` exist where `partial`; zeros behind them. */
__attribute__((always_inline)) static inline doubles NAME(read_row)(const REAL *from, int64_t count,
                                                                    const bool partial)
{
    REAL some[DOUBLE_LANES] = { 0 };
    if (!partial || count >= DOUBLE_LANES)
        return NAME(load_doubles)(from);
    if (count > 0)
        memcpy(some, from, (size_t)count * sizeof *from);
    return NAME(load_doubles)(some);
}

__attribute__((always_inline)) static inline void NAME(write_row)(REAL *to, doubles values,
                                                                  int64_t count, const bool partial)
{
    REAL some[DOUBLE_LANES];
    if (!partial) {
        NAME(store_doubles)(to, values);
        return;
    }
    NAME(store_doubles)(some, values);
    memcpy(to, some, (size_t)count * sizeof *to);
}

static inline doubles NAME(centred)(doubles values, doubles mean_high, doubles mean_low)
{
#if IS_DOUBLE
    return (values - mean_high) - mean_low;
#else
    (void)mean_low;
    return values - mean_high;
#endif
}

/* Sums over the rows of some columns. */
typedef struct NAME(column_sums) {
    doubles centred[MEASURED_VECTORS];
    doubles squares[MEASURED_VECTORS];
} NAME(column_sums);

/* Columns of a strip that are measured together: their sums stay in registers. */
typedef struct NAME(column_block) {
    const qkv_strip *strip;
    int64_t start;
    doubles mean_high[MEASURED_VECTORS]; /* or what else is subtracted */
    doubles mean_low[MEASURED_VECTORS];
} NAME(column_block);

__attribute__((always_inline)) static inline doubles
NAME(read_block)(const NAME(column_block) * block, int64_t row, int vector, const bool partial)
{
    const int64_t column = block->start + vector * DOUBLE_LANES;
    return NAME(read_row)((const REAL *)block->strip->values + row * block->strip->leading + column,
                          block->strip->width - column, partial);
}

/* Long sums are taken in blocks of rows: their error grows with the block and the number of blocks.
 */
__attribute__((always_inline)) static inline NAME(column_sums)
    NAME(sum_block)(const NAME(column_block) * block, const bool partial)
{
    const int64_t count = block->strip->count;
    NAME(column_sums) total = { { { 0 } }, { { 0 } } };
    for (int64_t start = 0; start < count; start += SUMMED_ROWS) {
        const int64_t end = start + SUMMED_ROWS < count ? start + SUMMED_ROWS : count;
        NAME(column_sums) sums = { { { 0 } }, { { 0 } } };
        for (int64_t r = start; r < end; r++)
            for (int v = 0; v < MEASURED_VECTORS; v++) {
                const doubles c = NAME(centred)(NAME(read_block)(block, r, v, partial),
                                                block->mean_high[v], block->mean_low[v]);
                sums.centred[v] += c;
                sums.squares[v] += c * c;
            }
        for (int v = 0; v < MEASURED_VECTORS; v++) {
            total.centred[v] += sums.centred[v];
            total.squares[v] += sums.squares[v];
        }
    }
    return total;
}

/*
 * Sums are taken about the first row, which is as near to the mean as a value of the column can be
 * trusted to be. Squares about it exceed those about the mean by a factor of at most n + 1, for it is
 * one of the values: in double, single precision's columns can afford that, and double's are read
 * once more.
 */
__attribute__((always_inline)) static inline void
NAME(measure_block)(const qkv_strip *strip, int64_t start, const bool partial, qkv_scaling *scaling,
                    double *squares)
{
    NAME(column_block) block = { .strip = strip, .start = start };
    for (int v = 0; v < MEASURED_VECTORS; v++) {
        block.mean_high[v] = NAME(read_block)(&block, 0, v, partial);
        block.mean_low[v] = (doubles){ 0 };
    }
    NAME(column_sums) sums = NAME(sum_block)(&block, partial);
    for (int v = 0; v < MEASURED_VECTORS; v++) {
        const doubles first = block.mean_high[v];
        const doubles from_first = sums.centred[v] / (double)strip->count;
        block.mean_high[v] = first + from_first;
        block.mean_low[v] = from_first - (block.mean_high[v] - first);
        sums.squares[v] -= sums.centred[v] * from_first;
    }
#if IS_DOUBLE
    sums = NAME(sum_block)(&block, partial);
#endif
    memcpy(scaling->mean_high + start, block.mean_high, sizeof block.mean_high);
    memcpy(scaling->mean_low + start, block.mean_low, sizeof block.mean_low);
    memcpy(squares + start, sums.squares, sizeof sums.squares);
}

static void NAME(measure)(const qkv_strip *strip, qkv_scaling *scaling, double *squares)
{
    enum { COLUMNS = MEASURED_VECTORS * DOUBLE_LANES };
    int64_t start = 0;
    for (; start + COLUMNS <= strip->width; start += COLUMNS)
        NAME(measure_block)(strip, start, false, scaling, squares);
    if (start < strip->width)
        NAME(measure_block)(strip, start, true, scaling, squares);
}

__attribute__((always_inline)) static inline doubles NAME(unit)(const REAL *row,
                                                                const qkv_scaling *scaling,
                                                                int64_t j, int64_t count,
                                                                const bool partial)
{
    return NAME(centred)(NAME(read_row)(row, count, partial),
                         load_doubles_f64(scaling->mean_high + j),
                         load_doubles_f64(scaling->mean_low + j))
           * load_doubles_f64(scaling->inverse_norm + j);
}

/* Two rows of a strip, where they go, and the angle they are rotated by. The last row may be alone. */
typedef struct NAME(row_pair) {
    const REAL *upper, *lower;
    REAL *to_upper, *to_lower;
    double cosine, sine;
} NAME(row_pair);

__attribute__((always_inline)) static inline void NAME(rotate)(const NAME(row_pair) * pair,
                                                               const qkv_scaling *scaling,
                                                               int64_t j, int64_t count,
                                                               const bool partial)
{
    doubles a = NAME(unit)(pair->upper + j, scaling, j, count, partial);
    if (pair->lower != NULL) {
        const doubles b = NAME(unit)(pair->lower + j, scaling, j, count, partial);
        NAME(write_row)(pair->to_lower + j, pair->cosine * b - pair->sine * a, count, partial);
        a = pair->cosine * a + pair->sine * b;
    }
    NAME(write_row)(pair->to_upper + j, a, count, partial);
}

static NAME(row_pair) NAME(take_pair)(const qkv_strip *from, const qkv_strip *to, int64_t r,
                                      double cosine, double sine)
{
    const REAL *upper = (const REAL *)from->values + r * from->leading;
    REAL *to_upper = (REAL *)to->values + r * to->leading;
    const bool alone = r + 1 == from->count;
    return (NAME(row_pair)){ .upper = upper,
                             .lower = alone ? NULL : upper + from->leading,
                             .to_upper = to_upper,
                             .to_lower = alone ? NULL : to_upper + to->leading,
                             .cosine = cosine,
                             .sine = sine };
}

/* Rows r and r + 1 become cos a r + sin a (r + 1) and cos a (r + 1) - sin a r, with an angle of its
 * own for each pair. */
static void NAME(normalise)(const qkv_strip *from, const qkv_scaling *scaling, const qkv_strip *to)
{
    const int64_t whole = from->width / DOUBLE_LANES * DOUBLE_LANES;
    double cosine = 1, sine = 0;
    for (int64_t r = 0; r < from->count; r += 2) {
        const double c = cosine * GOLDEN_COSINE - sine * GOLDEN_SINE;
        const double s = sine * GOLDEN_COSINE + cosine * GOLDEN_SINE;
        const double to_unit =
            1.5 - 0.5 * (c * c + s * s); /* a Newton step: rounding does not add up */
        cosine = c * to_unit;
        sine = s * to_unit;
        const NAME(row_pair) pair = NAME(take_pair)(from, to, r, cosine, sine);
        for (int64_t j = 0; j < whole; j += DOUBLE_LANES)
            NAME(rotate)(&pair, scaling, j, DOUBLE_LANES, false);
        if (whole < from->width)
            NAME(rotate)(&pair, scaling, whole, from->width - whole, true);
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
