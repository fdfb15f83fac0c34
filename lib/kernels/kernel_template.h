/*
 * The inner loops for one real type on one instruction set. The including file defines REAL, SUFFIX,
 * and IS_DOUBLE; the compiler's flags decide the instruction set.
 *
 * Loops over LANES neighbouring values are written out with vector types, so that sums have the same
 * order on every machine.
 */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(name, SUFFIX)

enum { NAME(LANES) = 64 / sizeof(REAL) };
#define LANES NAME(LANES)

/* ---- load: any element type, any strides ---- */

#define DEFINE_LOAD(SOURCE, NAME_, WIDEN)                                                            \
    static void NAME(NAME_)(const qkv_columns *columns, const qkv_rows *rows,                        \
                            const qkv_strip *strip, int64_t column)                                  \
    {                                                                                                \
        const SOURCE *first = columns->first;                                                        \
        const int64_t across = columns->feature_stride, down = columns->observation_stride;          \
        const int64_t width = columns->count;                                                        \
        for (int64_t block = 0; block < rows->count; block += LOAD_ROWS) {                           \
            const int64_t end = block + LOAD_ROWS < rows->count ? block + LOAD_ROWS : rows->count;   \
            if (across == 1) {                                                                       \
                for (int64_t r = block; r < end; r++) {                                              \
                    const SOURCE *from = first + (rows->rows ? rows->rows[r] : r) * down;            \
                    REAL *to = (REAL *)strip->values + r * strip->leading + column;                  \
                    for (int64_t j = 0; j < width; j++)                                              \
                        to[j] = (REAL)WIDEN(from[j]);                                                \
                }                                                                                    \
                continue;                                                                            \
            }                                                                                        \
            for (int64_t j = 0; j < width; j++) {                                                    \
                const SOURCE *from = first + j * across;                                             \
                REAL *to = (REAL *)strip->values + column + j;                                       \
                for (int64_t r = block; r < end; r++)                                                \
                    to[r * strip->leading] =                                                         \
                        (REAL)WIDEN(from[(rows->rows ? rows->rows[r] : r) * down]);                  \
            }                                                                                        \
        }                                                                                            \
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

static void NAME(sums_from_first)(const qkv_strip *strip, double *sums)
{
    const REAL *first = strip->values;
    double total[QKV_STRIP_WIDTH] = {0};
    for (int64_t r = 1; r < strip->count; r++) {
        const REAL *row = first + r * strip->leading;
        for (int64_t j = 0; j < strip->width; j++)
            total[j] += (double)row[j] - (double)first[j];
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
    double total[QKV_STRIP_WIDTH] = {0};
    for (int64_t r = 0; r < strip->count; r++) {
        const REAL *row = (const REAL *)strip->values + r * strip->leading;
        for (int64_t j = 0; j < strip->width; j++) {
            const double c = NAME(centred)(row[j], scaling->mean_high[j], scaling->mean_low[j]);
            total[j] += c * c;
        }
    }
    memcpy(squares, total, sizeof total);
}

/* Rows r and r + 1 become cos a r + sin a (r + 1) and cos a (r + 1) - sin a r, with an angle of its own
 * for each pair. */
static void NAME(normalise)(const qkv_strip *strip, const qkv_scaling *scaling)
{
    double cosine = 1, sine = 0;
    int64_t r = 0;
    for (; r + 1 < strip->count; r += 2) {
        const double turned = cosine * GOLDEN_COSINE - sine * GOLDEN_SINE;
        sine = sine * GOLDEN_COSINE + cosine * GOLDEN_SINE;
        cosine = turned;
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

/* Bins of a row's values. Within `near` of an edge single precision cannot tell: such rows are settled
 * value by value. */
static void NAME(find_bins)(const qkv_binning *binning, const REAL *values, int64_t count,
                            int32_t *bins)
{
    if (!binning->fast) {
        for (int64_t j = 0; j < count; j++)
            bins[j] = (int32_t)find_bin(binning, (double)values[j]);
        return;
    }
    const REAL half = (REAL)binning->count / 2;
    const REAL near = (REAL)binning->count * (REAL)0x1p-22;
    const int32_t last = (int32_t)binning->count - 1;
    int32_t unsure = 0;
    for (int64_t j = 0; j < count; j++) {
        const REAL position = values[j] * half + half;
        const int32_t bin = (int32_t)position;
        const REAL within = position - (REAL)bin;
        bins[j] = bin < last ? bin : last;
        unsure |= (within < near) | (within > 1 - near);
    }
    if (unsure)
        for (int64_t j = 0; j < count; j++)
            bins[j] = (int32_t)settle_bin(binning, (double)values[j], bins[j]);
}

static void NAME(count_bins)(uint32_t *counts, int64_t bin_count, int32_t *bins, int64_t count,
                             bool all_inside)
{
    if (!all_inside) {
        for (int64_t j = 0; j < count; j++)
            if (bins[j] >= 0)
                counts[bins[j]]++;
        return;
    }
    int64_t j = 0;
    for (; j + QKV_SUBHISTOGRAMS <= count; j += QKV_SUBHISTOGRAMS)
        for (int64_t lane = 0; lane < QKV_SUBHISTOGRAMS; lane++)
            counts[lane * bin_count + bins[j + lane]]++;
    for (; j < count; j++)
        counts[bins[j]]++;
}

/* Sums that stay in registers over one row, LANES apart. */
typedef double NAME(doubles) __attribute__((vector_size(64)));
typedef REAL NAME(reals) __attribute__((vector_size(64)));

/* Adds count values to a tally's power sums; the buffer holds whole groups of 8, padded with the
 * shift. */
static void NAME(add_powers)(qkv_tally *tally, const REAL *values, int64_t count)
{
    typedef REAL eight __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL))));
    NAME(doubles) sums[4] = {{0}};
    const double shift = tally->shift;
    for (int64_t j = 0; j < count; j += 8) {
        const NAME(doubles) v =
            __builtin_convertvector(*(const eight *)(values + j), NAME(doubles)) - shift;
        const NAME(doubles) squared = v * v;
        sums[0] += v;
        sums[1] += squared;
        sums[2] += squared * v;
        sums[3] += squared * squared;
    }
    for (int power = 0; power < 4; power++) {
        const NAME(doubles) s = sums[power];
        tally->power_sums[power] += ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    }
}

static void NAME(add_extremes)(qkv_tally *tally, const REAL *values, int64_t count)
{
    const REAL threshold = (REAL)0.9;
    REAL least = values[0], most = values[0];
    int32_t tail = 0;
    for (int64_t j = 0; j < count; j++) {
        const REAL v = values[j];
        least = v < least ? v : least;
        most = v > most ? v : most;
        tail += (v >= threshold) | (v <= -threshold);
    }
    tally->minimum = (double)least < tally->minimum ? (double)least : tally->minimum;
    tally->maximum = (double)most > tally->maximum ? (double)most : tally->maximum;
    tally->tail += tail;
}

static void NAME(tally_row)(qkv_tally *tally, const qkv_binning *binning, REAL *values,
                            int64_t count, bool first)
{
    int32_t bins[QKV_PANEL_WIDTH];
    if (tally->counts == NULL)
        return;
    if (first) {
        tally->shift = (double)values[0];
        tally->minimum = tally->maximum = (double)values[0];
    }
    NAME(find_bins)(binning, values, count, bins);
    NAME(count_bins)(tally->counts, binning->count, bins, count, binning->fast);
    NAME(add_extremes)(tally, values, count);
    for (int64_t j = count; j % 8 != 0; j++)
        values[j] = (REAL)tally->shift;
    NAME(add_powers)(tally, values, count);
}

/* The offset split of a row: V = s_i t_j with t_j = s_j p_ij, O = o_i o_j. */
static void NAME(add_offset_split)(qkv_rectangle_tally *tally, const REAL *scaled,
                                   const REAL *column_offset, int64_t count, double s_i, double o_i)
{
    REAL sum[LANES] = {0}, energy[LANES] = {0}, cross[LANES] = {0};
    int64_t j = 0;
    for (; j + LANES <= count; j += LANES)
        for (int64_t lane = 0; lane < LANES; lane++) {
            const REAL t = scaled[j + lane];
            sum[lane] += t;
            energy[lane] += t * t;
            cross[lane] += t * column_offset[j + lane];
        }
    for (; j < count; j++) {
        const REAL t = scaled[j];
        sum[j % LANES] += t;
        energy[j % LANES] += t * t;
        cross[j % LANES] += t * column_offset[j];
    }
    double total[3] = {0};
    for (int64_t lane = 0; lane < LANES; lane++) {
        total[0] += (double)sum[lane];
        total[1] += (double)energy[lane];
        total[2] += (double)cross[lane];
    }
    tally->variance_sum += s_i * total[0];
    tally->variance_energy += s_i * s_i * total[1];
    tally->cross += s_i * o_i * total[2];
}

static void NAME(tally_rectangle)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    REAL pearson[QKV_PANEL_WIDTH + 8], cosine[QKV_PANEL_WIDTH + 8], scaled[QKV_PANEL_WIDTH];
    const bool wants_cosine = tally->cosine.counts != NULL;
    const bool wants_pearson = tally->pearson.counts != NULL;
    for (int64_t i = 0; i < rectangle->rows; i++) {
        const int64_t start = rectangle->strict_upper ? i + 1 : 0;
        const int64_t count = rectangle->columns - start;
        if (count <= 0)
            break;
        const REAL *gram = (const REAL *)rectangle->gram + i * rectangle->leading + start;
        const REAL *column_spread = (const REAL *)rectangle->column_spread + start;
        const REAL *column_offset = (const REAL *)rectangle->column_offset + start;
        const REAL s_i = ((const REAL *)rectangle->row_spread)[i];
        const REAL o_i = ((const REAL *)rectangle->row_offset)[i];
        for (int64_t j = 0; j < count; j++)
            pearson[j] = NAME(clamp)(gram[j]);
        if (wants_cosine) {
            for (int64_t j = 0; j < count; j++) {
                scaled[j] = column_spread[j] * pearson[j];
                cosine[j] = NAME(clamp)(s_i * scaled[j] + o_i * column_offset[j]);
            }
            NAME(add_offset_split)(tally, scaled, column_offset, count, (double)s_i, (double)o_i);
            NAME(tally_row)(&tally->cosine, rectangle->binning, cosine, count, tally->pairs == 0);
        }
        if (wants_pearson)
            NAME(tally_row)(&tally->pearson, rectangle->binning, pearson, count, tally->pairs == 0);
        tally->pairs += count;
    }
}

static const qkv_real_kernels NAME(real_kernels) = {
    .load = NAME(load),
    .sums_from_first = NAME(sums_from_first),
    .centred_squares = NAME(centred_squares),
    .normalise = NAME(normalise),
    .tally = NAME(tally_rectangle),
};

#undef DEFINE_LOAD
#undef LANES
#undef NAME
#undef JOIN
#undef JOIN_
#undef REAL
#undef SUFFIX
#undef IS_DOUBLE
