/*
 * The tally of a rectangle for one real type: similarities, bins, moments, extremes. Included by
 * kernel_template.h, with its NAME, REAL, WORD and LANES.
 *
 * One pass: a vector of pairs goes from Gram values to cells and powers without leaving the
 * registers. Counting is scalar work and runs a few vectors behind, on cells that stand in the
 * first-level cache by then, so that it fills what the vector units leave free.
 */

typedef WORD NAME(words) __attribute__((vector_size(VECTOR_BYTES)));

static inline NAME(reals) NAME(filled)(REAL value)
{
    const NAME(reals) zero = { 0 };
    return zero + value;
}

/* All ones in the lanes below count. */
static inline NAME(words) NAME(lanes_below)(int64_t count)
{
    NAME(words) lane;
    for (int l = 0; l < LANES; l++)
        lane[l] = l;
    return lane < (WORD)count;
}

static inline NAME(reals) NAME(chosen)(NAME(words) mask, NAME(reals) yes, NAME(reals) no)
{
    return (NAME(reals))(((NAME(words))yes & mask) | ((NAME(words))no & ~mask));
}

/* ---- a vector of pairs ---- */

/* One row of a rectangle, from its first pair on. */
typedef struct NAME(row) {
    const REAL *gram, *spread, *offset;
    REAL own_spread, own_offset;
    int64_t count;
} NAME(row);

/* LANES pairs. Where `partial`, only those of the mask exist, and the others are 0. */
typedef struct NAME(pairs) {
    NAME(reals) pearson, cosine;
    NAME(reals) spread;           /* s_i s_j */
    NAME(reals) variance, offset; /* V = s_i s_j p_ij, O = o_i o_j */
    NAME(words) mask;
    bool partial;
} NAME(pairs);

static inline NAME(reals)
    NAME(existing)(const NAME(pairs) * pairs, NAME(reals) values, NAME(reals) others)
{
    return pairs->partial ? NAME(chosen)(pairs->mask, values, others) : values;
}

static inline void NAME(split_cosine)(NAME(pairs) * pairs)
{
    pairs->variance = pairs->spread * pairs->pearson;
    pairs->cosine = pairs->variance + pairs->offset;
}

/* Both metrics by the steps of conversion.h, not yet clamped. Whole vectors are read. */
__attribute__((always_inline)) static inline NAME(pairs)
    NAME(convert)(const NAME(row) * row, int64_t j, const bool partial, const tally_mode mode)
{
    const NAME(reals) none = { 0 };
    NAME(pairs) pairs;
    pairs.partial = partial;
    if (partial)
        pairs.mask = NAME(lanes_below)(row->count - j);
    pairs.pearson = NAME(existing)(&pairs, NAME(load_reals)(row->gram + j), none);
    pairs.cosine = pairs.pearson;
    if (!mode.cosine)
        return pairs;
    pairs.spread = row->own_spread * NAME(load_reals)(row->spread + j);
    pairs.offset = row->own_offset * NAME(load_reals)(row->offset + j);
    if (partial) {
        pairs.spread = NAME(existing)(&pairs, pairs.spread, none);
        pairs.offset = NAME(existing)(&pairs, pairs.offset, none);
    }
    NAME(split_cosine)(&pairs);
    return pairs;
}

/* ---- sums, extremes, tail ---- */

/* What a rectangle's pairs come to, by lane. Sums of V, V^2 and V O are single over a few rows. */
typedef struct NAME(sums) {
    power_sums powers[METRICS];
    NAME(reals) least[METRICS], most[METRICS];
    int64_t tail[METRICS];
    NAME(reals) short_variance, short_energy, short_cross;
    doubles variance, energy, cross;
} NAME(sums);

__attribute__((always_inline)) static inline void NAME(clear_sums)(NAME(sums) * sums)
{
    *sums = (NAME(sums)){ .tail = { 0 } };
    for (int metric = 0; metric < METRICS; metric++) {
        sums->least[metric] = NAME(filled)(2);
        sums->most[metric] = NAME(filled)(-2);
    }
}

/* Clamps, as rounding may exceed 1. */
static inline void NAME(clamp_pairs)(NAME(pairs) * pairs, const tally_mode mode)
{
    const NAME(reals) one = NAME(filled)(1);
    pairs->pearson = NAME(larger)(NAME(smaller)(pairs->pearson, one), -one);
    if (!mode.cosine)
        return;
    NAME(split_cosine)(pairs);
    pairs->cosine = NAME(larger)(NAME(smaller)(pairs->cosine, one), -one);
}

/* Counts values from 0.9 up, where bins do not. */
__attribute__((always_inline)) static inline void
NAME(add_tail)(NAME(sums) * sums, const NAME(pairs) * pairs, const tally_mode mode)
{
    const NAME(reals) tail = NAME(filled)((REAL)0.9);
    if (mode.cosine)
        sums->tail[COSINE] += NAME(at_least)(NAME(farther)(pairs->cosine, pairs->cosine), tail);
    if (mode.pearson)
        sums->tail[PEARSON] += NAME(at_least)(NAME(farther)(pairs->pearson, pairs->pearson), tail);
}

__attribute__((always_inline)) static inline void
NAME(add_extremes)(NAME(sums) * sums, int metric, const NAME(pairs) * pairs, NAME(reals) values)
{
    NAME(reals) *least = &sums->least[metric], *most = &sums->most[metric];
    *least = NAME(smaller)(*least, NAME(existing)(pairs, values, *least));
    *most = NAME(larger)(*most, NAME(existing)(pairs, values, *most));
}

/* Adds the powers of values less the shift; `about_zero` where that is 0. */
__attribute__((always_inline)) static inline void NAME(add_powers)(power_sums *sums,
                                                                   const NAME(pairs) * pairs,
                                                                   NAME(reals) values, double shift,
                                                                   const bool about_zero)
{
    if (!about_zero)
        values = NAME(existing)(pairs, values, NAME(filled)((REAL)shift));
    for (int part = 0; part < LANES / DOUBLE_LANES; part++) {
        const doubles wide = NAME(widened)(values, part);
        power_sums_add(sums, about_zero ? wide : wide - shift);
    }
}

__attribute__((always_inline)) static inline void NAME(add_split)(NAME(sums) * sums,
                                                                  const NAME(pairs) * pairs)
{
    sums->short_variance += pairs->variance;
    sums->short_energy = NAME(multiply_add)(pairs->variance, pairs->variance, sums->short_energy);
    sums->short_cross = NAME(multiply_add)(pairs->variance, pairs->offset, sums->short_cross);
}

static inline void NAME(take_sum)(doubles *sum, NAME(reals) * short_sum)
{
    for (int part = 0; part < LANES / DOUBLE_LANES; part++)
        *sum += NAME(widened)(*short_sum, part);
    *short_sum = NAME(filled)(0);
}

__attribute__((always_inline)) static inline void NAME(take_short_sums)(NAME(sums) * sums)
{
    NAME(take_sum)(&sums->variance, &sums->short_variance);
    NAME(take_sum)(&sums->energy, &sums->short_energy);
    NAME(take_sum)(&sums->cross, &sums->short_cross);
}

static void NAME(take_metric)(const NAME(sums) * sums, int metric, qkv_tally *tally)
{
    tally->tail += sums->tail[metric];
    power_sums_into(&sums->powers[metric], tally->power_sums);
    for (int lane = 0; lane < LANES; lane++) {
        tally->minimum = fmin(tally->minimum, (double)sums->least[metric][lane]);
        tally->maximum = fmax(tally->maximum, (double)sums->most[metric][lane]);
    }
}

static void NAME(take_sums)(const NAME(sums) * sums, qkv_rectangle_tally *tally)
{
    if (tally->cosine.wanted)
        NAME(take_metric)(sums, COSINE, &tally->cosine);
    if (tally->pearson.wanted)
        NAME(take_metric)(sums, PEARSON, &tally->pearson);
    tally->variance_sum += sum_lanes(sums->variance);
    tally->variance_energy += sum_lanes(sums->energy);
    tally->cross += sum_lanes(sums->cross);
}

/* ---- cells: where each pair counts ---- */

/* Cells of the last vectors, the bits of reals: a cell is what their lowest 16 hold. */
typedef REAL NAME(kept_cells)[CELLS_KEPT][METRICS][LANES];

/* Where cells wait and where they are counted. Its address is not taken, so it stays in registers:
 * read from memory, it would wait for the counts before it. */
typedef struct NAME(cells) {
    NAME(kept_cells) * kept;
    uint64_t vectors; /* so far */
    uint16_t *joint;
    uint32_t *apart[METRICS];
} NAME(cells);

/* Constants of the way from a value to its cell by arithmetic in REAL: adding `magic` rounds to a
 * whole number, which the sum's lowest bits then hold. `dealt` also adds where the lane's table
 * begins. A value farther than `sure` from the middle of its bin may have come to the wrong side of
 * an edge: position and edge are off by at most 2.5 bins 2^-25 together. */
typedef struct NAME(scale) {
    const qkv_binning *binning;
    int64_t size, unused; /* of a table, and a cell behind all tables */
    NAME(reals) half, to_middle, magic, dealt, bins, sure;
    bool tail_in_bins;
} NAME(scale);

static NAME(scale) NAME(scale_of)(const qkv_binning *binning, const tally_mode mode)
{
    const int64_t tables = mode.joint ? QKV_JOINT_TABLES : QKV_SUBHISTOGRAMS;
    const REAL bins = (REAL)binning->count;
    NAME(scale)
    scale = {
        .binning = binning,
        .size = mode.joint ? binning->count * binning->count : binning->count,
        .half = NAME(filled)(bins / 2),
        .to_middle = NAME(filled)(bins / 2 - (REAL)0.5),
        .magic = NAME(filled)(IS_DOUBLE ? (REAL)0x1.8p52 : (REAL)0x1.8p23),
        .bins = NAME(filled)(bins),
        .sure = NAME(filled)((REAL)0.5 - bins * (REAL)0x1p-23),
        .tail_in_bins = mode.guessed && binning->tail_end > 0,
    };
    scale.unused = tables * scale.size;
    for (int lane = 0; lane < LANES; lane++)
        scale.dealt[lane] = scale.magic[lane] + (REAL)(lane % tables * scale.size);
    return scale;
}

/* A vector's bins: with where the tables begin in the lowest bits, and as whole numbers; and how far
 * values are from the middles. */
typedef struct NAME(guess) {
    NAME(reals) bits, whole, aside;
} NAME(guess);

__attribute__((always_inline)) static inline NAME(guess)
    NAME(guess_bins)(const NAME(scale) * scale, NAME(reals) values, NAME(reals) magic)
{
    const NAME(reals) position = NAME(multiply_add)(values, scale->half, scale->to_middle);
    const NAME(reals) bits = position + magic;
    const NAME(reals) whole = bits - magic;
    return (NAME(guess)){ bits, whole, NAME(from_whole)(position, whole) };
}

/* Bins, and how many of the tail's values are in none of its bins. */
typedef struct NAME(settled) {
    NAME(reals) whole;
    int64_t tail;
} NAME(settled);

/* The same bins exactly, one by one from the guess. */
__attribute__((noinline, cold)) static NAME(settled)
    NAME(settle_each)(const qkv_binning *binning, NAME(reals) values, NAME(reals) whole)
{
    NAME(settled) settled = { .tail = 0 };
    for (int lane = 0; lane < LANES; lane++) {
        const int64_t guess = (int64_t)whole[lane];
        const int64_t within = guess < 0 ? 0 : guess < binning->count ? guess : binning->count - 1;
        settled.whole[lane] = (REAL)settle_bin(binning, (double)values[lane], within);
        settled.tail += binning->tail_end > 0 && values[lane] == (REAL)-0.9;
    }
    return settled;
}

__attribute__((always_inline)) static inline void NAME(settle)(const NAME(scale) * scale,
                                                               NAME(reals) values,
                                                               NAME(reals) magic,
                                                               NAME(guess) * guess, int64_t *tail)
{
    const NAME(settled) settled = NAME(settle_each)(scale->binning, values, guess->bits - magic);
    guess->whole = settled.whole;
    guess->bits = settled.whole + magic;
    *tail += settled.tail;
}

/* Pairs that do not exist count in the unused cell. */
static inline void NAME(store_cells)(const NAME(scale) * scale, const NAME(pairs) * pairs,
                                     NAME(reals) bits, REAL *to)
{
    NAME(store_reals)(to, NAME(existing)(pairs, bits, scale->magic + (REAL)scale->unused));
}

/* Rounding may exceed 1, and values there are unsure as well. */
__attribute__((always_inline)) static inline void
NAME(find_cells)(const NAME(scale) * scale, NAME(pairs) * pairs, NAME(sums) * sums,
                 NAME(cells) * cells, const tally_mode mode)
{
    REAL(*slot)[LANES] = (*cells->kept)[cells->vectors % CELLS_KEPT];
    const NAME(reals) magic = mode.joint ? scale->magic : scale->dealt;
    NAME(guess) pearson = NAME(guess_bins)(scale, pairs->pearson, scale->dealt);
    NAME(guess) cosine = mode.cosine ? NAME(guess_bins)(scale, pairs->cosine, magic) : pearson;
    const NAME(reals) farthest =
        NAME(farther)(cosine.aside, mode.pearson ? pearson.aside : cosine.aside);
    /* Pairs that do not exist are 0, where an edge may be. */
    const NAME(reals) aside = NAME(existing)(pairs, farthest, NAME(filled)(0));
    const NAME(reals) size = NAME(farther)(pairs->pearson, pairs->cosine);
    if (NAME(any_above)(aside, scale->sure, size, NAME(filled)(1))) {
        NAME(clamp_pairs)(pairs, mode);
        if (mode.cosine)
            NAME(settle)(scale, pairs->cosine, magic, &cosine, &sums->tail[COSINE]);
        if (mode.pearson)
            NAME(settle)(scale, pairs->pearson, scale->dealt, &pearson, &sums->tail[PEARSON]);
    }
    if (mode.joint)
        cosine.bits = NAME(multiply_add)(cosine.whole, scale->bins, pearson.bits);
    if (mode.cosine)
        NAME(store_cells)(scale, pairs, cosine.bits, slot[COSINE]);
    if (mode.pearson && !mode.joint)
        NAME(store_cells)(scale, pairs, pearson.bits, slot[PEARSON]);
}

#define COUNT_CELLS(counts, cells)                                                                 \
    for (int lane = 0; lane < LANES; lane++) {                                                     \
        WORD bits;                                                                                 \
        memcpy(&bits, &(cells)[lane], sizeof bits);                                                \
        (counts)[(uint16_t)bits]++;                                                                \
    }

/* Counts the vector that came `behind` vectors before the next. */
__attribute__((always_inline)) static inline void
NAME(count)(const NAME(cells) * cells, uint64_t behind, const tally_mode mode)
{
    REAL(*const slot)[LANES] = (*cells->kept)[(cells->vectors - behind) % CELLS_KEPT];
    if (mode.joint)
        COUNT_CELLS(cells->joint, slot[COSINE])
    if (mode.cosine && !mode.joint)
        COUNT_CELLS(cells->apart[COSINE], slot[COSINE])
    if (mode.pearson && !mode.joint)
        COUNT_CELLS(cells->apart[PEARSON], slot[PEARSON])
}

/* All cells are unused at first. */
__attribute__((always_inline)) static inline NAME(cells)
    NAME(open_cells)(const NAME(scale) * scale, const qkv_rectangle_tally *tally,
                     NAME(kept_cells) * kept)
{
    for (int k = 0; k < CELLS_KEPT * METRICS; k++)
        NAME(store_reals)((*kept)[k / METRICS][k % METRICS], scale->magic + (REAL)scale->unused);
    return (NAME(cells)){ .kept = kept,
                          .joint = tally->joint,
                          .apart = { tally->cosine.counts, tally->pearson.counts } };
}

/* Bins of one metric where they are the caller's or very many. */
static void NAME(count_slowly)(qkv_tally *tally, const qkv_binning *binning, NAME(reals) values,
                               int64_t count)
{
    for (int64_t lane = 0; tally->counts != NULL && lane < count && lane < LANES; lane++) {
        const int64_t bin = find_bin(binning, (double)values[lane]);
        if (bin >= 0)
            tally->counts[bin]++;
    }
}

/* ---- a rectangle ---- */

/* LANES pairs of a row, or what is left of it. */
__attribute__((always_inline)) static inline void
NAME(tally_vector)(const NAME(row) * row, int64_t j, const bool partial, const NAME(scale) * scale,
                   qkv_rectangle_tally *tally, NAME(sums) * sums, NAME(cells) * cells,
                   const tally_mode mode)
{
    NAME(pairs) pairs = NAME(convert)(row, j, partial, mode);
    if (mode.guessed) {
        NAME(find_cells)(scale, &pairs, sums, cells, mode);
        NAME(count)(cells, CELLS_BEHIND, mode);
        cells->vectors++;
    } else {
        NAME(clamp_pairs)(&pairs, mode);
        if (mode.cosine)
            NAME(count_slowly)(&tally->cosine, scale->binning, pairs.cosine, row->count - j);
        if (mode.pearson)
            NAME(count_slowly)(&tally->pearson, scale->binning, pairs.pearson, row->count - j);
    }
    if (!scale->tail_in_bins)
        NAME(add_tail)(sums, &pairs, mode);
    if (mode.cosine) {
        NAME(add_extremes)(sums, COSINE, &pairs, pairs.cosine);
        NAME(add_split)(sums, &pairs);
        NAME(add_powers)
        (&sums->powers[COSINE], &pairs, pairs.cosine, tally->cosine.shift, mode.guessed);
    }
    if (mode.pearson) {
        NAME(add_extremes)(sums, PEARSON, &pairs, pairs.pearson);
        NAME(add_powers)
        (&sums->powers[PEARSON], &pairs, pairs.pearson, tally->pearson.shift, mode.guessed);
    }
}

static inline NAME(row) NAME(row_of)(const qkv_rectangle *rectangle, int64_t i)
{
    const int64_t start = rectangle->strict_upper ? i + 1 : 0;
    return (NAME(row)){
        .gram = (const REAL *)rectangle->gram + i * rectangle->leading + start,
        .spread = (const REAL *)rectangle->column_spread + start,
        .offset = (const REAL *)rectangle->column_offset + start,
        .own_spread = ((const REAL *)rectangle->row_spread)[i],
        .own_offset = ((const REAL *)rectangle->row_offset)[i],
        .count = rectangle->columns - start,
    };
}

__attribute__((always_inline)) static inline void
NAME(tally_rows)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally, const tally_mode mode)
{
    const NAME(scale) scale = NAME(scale_of)(rectangle->binning, mode);
    _Alignas(64) NAME(kept_cells) kept;
    NAME(cells) cells = NAME(open_cells)(&scale, tally, &kept);
    NAME(sums) sums;
    NAME(clear_sums)(&sums);
    const int64_t together =
        rectangle->columns <= SHORT_SUM / ROWS_TOGETHER * LANES ? ROWS_TOGETHER : 1;
    for (int64_t i = 0; i < rectangle->rows; i++) {
        const NAME(row) row = NAME(row_of)(rectangle, i);
        int64_t j = 0;
        for (; j + LANES <= row.count; j += LANES)
            NAME(tally_vector)(&row, j, false, &scale, tally, &sums, &cells, mode);
        if (j < row.count)
            NAME(tally_vector)(&row, j, true, &scale, tally, &sums, &cells, mode);
        if (mode.cosine && (((i + 1) & (together - 1)) == 0 || i + 1 == rectangle->rows))
            NAME(take_short_sums)(&sums);
        tally->pairs += row.count;
    }
    for (uint64_t behind = CELLS_BEHIND; mode.guessed && behind > 0; behind--)
        NAME(count)(&cells, behind, mode);
    const NAME(sums) total = sums; /* so that sums stays in registers */
    NAME(take_sums)(&total, tally);
}

#define DEFINE_TALLY(NAME_, ...)                                                                   \
    static void NAME(NAME_)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)            \
    {                                                                                              \
        NAME(tally_rows)(rectangle, tally, (tally_mode){ __VA_ARGS__ });                           \
    }

DEFINE_TALLY(tally_jointly, .cosine = true, .pearson = true, .joint = true, .guessed = true)
DEFINE_TALLY(tally_apart, .cosine = true, .pearson = true, .guessed = true)
DEFINE_TALLY(tally_cosine, .cosine = true, .guessed = true)
DEFINE_TALLY(tally_pearson, .pearson = true, .guessed = true)
DEFINE_TALLY(tally_slowly, .cosine = tally->cosine.wanted, .pearson = tally->pearson.wanted)

static void NAME(tally_once)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    const bool cosine = tally->cosine.wanted, pearson = tally->pearson.wanted;
    if (!rectangle->binning->fast || !is_counted(tally))
        NAME(tally_slowly)(rectangle, tally);
    else if (tally->joint != NULL)
        NAME(tally_jointly)(rectangle, tally);
    else if (cosine && pearson)
        NAME(tally_apart)(rectangle, tally);
    else if (cosine)
        NAME(tally_cosine)(rectangle, tally);
    else
        NAME(tally_pearson)(rectangle, tally);
}

/* Powers are first taken about 0. Where values lie so close together, so far from 0, that central
 * moments would cancel, they are taken once more about the mean. */
static void NAME(tally_rectangle)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    clear_tally(&tally->cosine);
    clear_tally(&tally->pearson);
    NAME(tally_once)(rectangle, tally);
    qkv_rectangle_tally again = { .cosine = about_mean(&tally->cosine, tally->pairs),
                                  .pearson = about_mean(&tally->pearson, tally->pairs) };
    if (!again.cosine.wanted && !again.pearson.wanted)
        return;
    NAME(tally_once)(rectangle, &again);
    take_powers(&tally->cosine, &again.cosine);
    take_powers(&tally->pearson, &again.pearson);
}

#undef DEFINE_TALLY
#undef COUNT_CELLS
