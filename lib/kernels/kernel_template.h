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

typedef REAL NAME(reals) __attribute__((vector_size(VECTOR_BYTES)));

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

/* ---- tally: similarities, bins and moments of a rectangle ---- */

/* Bins of values on [-1, 1] by single precision arithmetic; false where one lies so near to an edge
 * that it may have come to the wrong side. */
static bool NAME(guess_bins)(const qkv_binning *binning, const REAL *values, int64_t count,
                             int32_t *bins)
{
    const REAL half = (REAL)binning->count / 2;
    const REAL near = (REAL)binning->count * (REAL)0x1p-22;
    const int32_t last = (int32_t)binning->count - 1;
    REAL farthest = 0; /* from the middle of its bin */
    for (int64_t j = 0; j < count; j++) {
        const REAL position = values[j] * half + half;
        const int32_t bin = (int32_t)position;
        const REAL from_middle = position - (REAL)bin - (REAL)0.5;
        const REAL distance = from_middle < 0 ? -from_middle : from_middle;
        bins[j] = bin < last ? bin : last;
        farthest = distance > farthest ? distance : farthest;
    }
    return farthest < (REAL)0.5 - near;
}

static void NAME(find_bins)(const qkv_binning *binning, const REAL *values, int64_t count,
                            int32_t *bins)
{
    if (!binning->fast) {
        for (int64_t j = 0; j < count; j++)
            bins[j] = (int32_t)find_bin(binning, (double)values[j]);
        return;
    }
    for (int64_t start = 0; start < count; start += GUESSED_TOGETHER) {
        const int64_t end = start + GUESSED_TOGETHER < count ? start + GUESSED_TOGETHER : count;
        if (!NAME(guess_bins)(binning, values + start, end - start, bins + start))
            for (int64_t j = start; j < end; j++)
                bins[j] = (int32_t)settle_bin(binning, (double)values[j], bins[j]);
    }
}

/* Adds the powers of count values' distances from the shift; the buffer holds whole vectors, padded
 * with the shift. */
static void NAME(add_powers)(qkv_tally *tally, const REAL *values, int64_t count)
{
    doubles sums[4] = { { 0 } };
    const double shift = tally->shift;
    for (int64_t j = 0; j < count; j += DOUBLE_LANES) {
        const doubles v = NAME(load_doubles)(values + j) - shift;
        const doubles squared = v * v;
        sums[0] += v;
        sums[1] = multiply_add(v, v, sums[1]);
        sums[2] = multiply_add(squared, v, sums[2]);
        sums[3] = multiply_add(squared, squared, sums[3]);
    }
    for (int power = 0; power < 4; power++)
        for (int lane = 0; lane < DOUBLE_LANES; lane++)
            tally->power_sums[power] += sums[power][lane];
}

static void NAME(add_extremes)(qkv_tally *tally, const REAL *values, int64_t count)
{
    const REAL threshold = (REAL)0.9;
    REAL least = values[0], most = values[0];
    int32_t tail = 0;
    for (int64_t j = 0; j < count; j++) {
        const REAL v = values[j];
        const REAL magnitude = v < 0 ? -v : v;
        least = v < least ? v : least;
        most = v > most ? v : most;
        tail += magnitude >= threshold;
    }
    tally->minimum = (double)least < tally->minimum ? (double)least : tally->minimum;
    tally->maximum = (double)most > tally->maximum ? (double)most : tally->maximum;
    tally->tail += tail;
}

/* Values of several rows, so that short rows and sums over lanes cost little. */
typedef struct NAME(values) {
    REAL reals[BATCH + BATCH_MARGIN];
    int32_t bins[BATCH];
} NAME(values);

typedef struct NAME(batch) {
    NAME(values) pearson, cosine;
    int64_t count;
} NAME(batch);

static void NAME(tally_values)(qkv_tally *tally, const qkv_binning *binning, NAME(values) * values,
                               int64_t count, bool first)
{
    REAL *reals = values->reals;
    if (!tally->wanted)
        return;
    if (first) {
        tally->shift = (double)reals[0];
        tally->minimum = tally->maximum = (double)reals[0];
    }
    NAME(find_bins)(binning, reals, count, values->bins);
    NAME(add_extremes)(tally, reals, count);
    for (int64_t j = count; j % DOUBLE_LANES != 0; j++)
        reals[j] = (REAL)tally->shift;
    NAME(add_powers)(tally, reals, count);
}

static void NAME(drain)(NAME(batch) * batch, const qkv_binning *binning, qkv_rectangle_tally *tally)
{
    const bool first = tally->pairs == 0;
    if (batch->count == 0)
        return;
    NAME(tally_values)(&tally->cosine, binning, &batch->cosine, batch->count, first);
    NAME(tally_values)(&tally->pearson, binning, &batch->pearson, batch->count, first);
    if (tally->joint != NULL) {
        count_jointly(tally->joint, binning->count, batch->cosine.bins, batch->pearson.bins,
                      batch->count);
    } else {
        if (tally->cosine.wanted)
            count_bins(tally->cosine.counts, binning, batch->cosine.bins, batch->count);
        if (tally->pearson.wanted)
            count_bins(tally->pearson.counts, binning, batch->pearson.bins, batch->count);
    }
    tally->pairs += batch->count;
    batch->count = 0;
}

/* Sums of V, V^2 and V O of a rectangle, by lane. */
typedef struct NAME(split_sums) {
    double sum[LANES], energy[LANES], cross[LANES];
} NAME(split_sums);

/* Cosines of a row by the steps of conversion.h, and the split's sums: V = (s_i s_j) p_ij, O = o_i
 * o_j. A row's sums are single, a rectangle's double. */
static void NAME(add_cosines)(const REAL *pearson, const REAL *spread, const REAL *offset, REAL s_i,
                              REAL o_i, int64_t count, REAL *cosine, NAME(split_sums) * sums)
{
    NAME(reals) sum = { 0 }, energy = { 0 }, cross = { 0 };
    int64_t j = 0;
    for (; j + LANES <= count; j += LANES) {
        const NAME(reals) v = s_i * NAME(load_reals)(spread + j) * NAME(load_reals)(pearson + j);
        const NAME(reals) o = o_i * NAME(load_reals)(offset + j);
        sum += v;
        energy += v * v;
        cross += v * o;
        NAME(store_reals)(cosine + j, v + o);
    }
    for (; j < count; j++) {
        const REAL v = s_i * spread[j] * pearson[j];
        const REAL o = o_i * offset[j];
        sum[j % LANES] += v;
        energy[j % LANES] += v * v;
        cross[j % LANES] += v * o;
        cosine[j] = v + o;
    }
    for (j = 0; j < count; j++)
        cosine[j] = NAME(clamp)(cosine[j]);
    for (int lane = 0; lane < LANES; lane++) {
        sums->sum[lane] += (double)sum[lane];
        sums->energy[lane] += (double)energy[lane];
        sums->cross[lane] += (double)cross[lane];
    }
}

static void NAME(tally_rectangle)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    NAME(batch) batch;
    NAME(split_sums) sums = { { 0 }, { 0 }, { 0 } };
    batch.count = 0;
    for (int64_t i = 0; i < rectangle->rows; i++) {
        const int64_t start = rectangle->strict_upper ? i + 1 : 0;
        const int64_t count = rectangle->columns - start;
        const REAL *gram = (const REAL *)rectangle->gram + i * rectangle->leading + start;
        if (batch.count + count > BATCH)
            NAME(drain)(&batch, rectangle->binning, tally);
        REAL *pearson = batch.pearson.reals + batch.count;
        for (int64_t j = 0; j < count; j++)
            pearson[j] = NAME(clamp)(gram[j]);
        if (tally->cosine.wanted)
            NAME(add_cosines)
        (pearson, (const REAL *)rectangle->column_spread + start,
         (const REAL *)rectangle->column_offset + start, ((const REAL *)rectangle->row_spread)[i],
         ((const REAL *)rectangle->row_offset)[i], count, batch.cosine.reals + batch.count, &sums);
        batch.count += count;
    }
    NAME(drain)(&batch, rectangle->binning, tally);
    for (int lane = 0; lane < LANES; lane++) {
        tally->variance_sum += sums.sum[lane];
        tally->variance_energy += sums.energy[lane];
        tally->cross += sums.cross[lane];
    }
}

#undef DEFINE_LOAD
#undef LANES
#undef NAME
#undef JOIN
#undef JOIN_
#undef REAL
#undef SUFFIX
#undef IS_DOUBLE
