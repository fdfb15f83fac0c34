/*
 * The tally of a rectangle (both_reals.h): a vector of pairs goes from Gram values to cells without
 * leaving the registers, and to sums as well where these fit them. Counting is scalar work and runs
 * a few vectors behind, so that it fills what the vector units leave free.
 */

/* Similarities of a piece of a row, written where they are added up behind the counting. */
typedef REAL NAME(piece)[METRICS][SHORT_SUM * NAME(LANES)];

/* NAME(LANES) pairs of a row, or what is left of it, the at-th of their piece. */
__attribute__((always_inline)) static inline void
NAME(tally_vector)(const NAME(row) * row, int64_t j, const bool partial, const NAME(scale) * scale,
                   qkv_rectangle_tally *tally, NAME(sums) * sums, NAME(cells) * cells,
                   NAME(piece) * piece, int64_t at, const tally_mode mode)
{
    NAME(pairs) pairs = NAME(convert)(row, j, partial, mode);
    const NAME(mask) *mask = partial ? &pairs.mask : NULL;
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
    if (mode.cosine)
        NAME(add_split)(&sums->split, &pairs);
    if (is_added_apart(mode)) {
        NAME(store_reals)((*piece)[COSINE] + at, pairs.cosine);
        NAME(store_reals)((*piece)[PEARSON] + at, pairs.pearson);
        return;
    }
    if (mode.cosine)
        NAME(add_values)(&sums->values[COSINE], pairs.cosine, mask);
    if (mode.pearson)
        NAME(add_values)(&sums->values[PEARSON], pairs.pearson, mask);
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

/* So many pairs of a row at a time that short sums hold them, in equal pieces. */
static inline int64_t NAME(piece_of)(int64_t columns)
{
    const int64_t vectors = (columns + NAME(LANES) - 1) / NAME(LANES);
    const int64_t pieces = (vectors + SHORT_SUM - 1) / SHORT_SUM;
    return (vectors + pieces - 1) / pieces * NAME(LANES);
}

__attribute__((always_inline)) static inline void
NAME(tally_piece)(const NAME(row) * row, int64_t start, int64_t end, const NAME(scale) * scale,
                  qkv_rectangle_tally *tally, NAME(sums) * sums, NAME(cells) * cells,
                  NAME(piece) * piece, const tally_mode mode)
{
    int64_t j = start;
    for (; j + NAME(LANES) <= end; j += NAME(LANES))
        NAME(tally_vector)(row, j, false, scale, tally, sums, cells, piece, j - start, mode);
    if (j < end)
        NAME(tally_vector)(row, j, true, scale, tally, sums, cells, piece, j - start, mode);
    for (int metric = 0; is_added_apart(mode) && metric < METRICS; metric++)
        NAME(add_written)(&sums->values[metric], (*piece)[metric], end - start);
}

__attribute__((always_inline)) static inline void
NAME(tally_rows)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally, const tally_mode mode)
{
    const NAME(scale) scale = NAME(scale_of)(rectangle->binning, mode);
    NAME(cells_room) cells_room;
    NAME(kept_cells) *const kept = NAME(beside_counts)(&cells_room, &scale, tally, mode);
    NAME(cells) cells = NAME(open_cells)(&scale, tally, kept);
    _Alignas(64) NAME(piece) piece;
    NAME(sums) sums;
    NAME(clear_sums)(&sums, tally);
    const int64_t step = NAME(piece_of)(rectangle->columns), vectors = step / NAME(LANES);
    int64_t room = SHORT_SUM; /* vectors that short sums still take */
    for (int64_t i = 0; i < rectangle->rows; i++) {
        const NAME(row) row = NAME(row_of)(rectangle, i);
        for (int64_t j = 0, end; j < row.count; j = end) {
            end = j + step < row.count ? j + step : row.count;
            NAME(tally_piece)(&row, j, end, &scale, tally, &sums, &cells, &piece, mode);
            room -= vectors;
            if (room < vectors) {
                NAME(take_short_sums)(&sums, mode);
                room = SHORT_SUM;
            }
        }
        tally->pairs += row.count;
    }
    NAME(take_short_sums)(&sums, mode);
    for (uint64_t behind = CELLS_BEHIND; mode.guessed && behind > 0; behind--)
        NAME(count)(&cells, behind, mode);
    const NAME(sums) total = sums; /* so that sums stays in registers */
    NAME(take_sums)(&total, tally);
}

static void NAME(tally_jointly)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    NAME(tally_rows)
    (rectangle, tally,
     (tally_mode){ .cosine = true, .pearson = true, .joint = true, .guessed = true });
}

static void NAME(tally_apart)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    NAME(tally_rows)
    (rectangle, tally, (tally_mode){ .cosine = true, .pearson = true, .guessed = true });
}

static void NAME(tally_cosine)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    NAME(tally_rows)(rectangle, tally, (tally_mode){ .cosine = true, .guessed = true });
}

static void NAME(tally_pearson)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    NAME(tally_rows)(rectangle, tally, (tally_mode){ .pearson = true, .guessed = true });
}

static void NAME(tally_slowly)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    NAME(tally_rows)
    (rectangle, tally,
     (tally_mode){ .cosine = tally->cosine.wanted, .pearson = tally->pearson.wanted });
}

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

/* Of so many vectors that were added up; rounded, so that REAL holds it. */
static double NAME(mean)(NAME(reals) sum, int64_t vectors)
{
    double all = 0;
    for (int lane = 0; lane < NAME(LANES); lane++)
        all += (double)sum[lane];
    return vectors > 0 ? (double)(REAL)(all / (double)(vectors * NAME(LANES))) : 0;
}

/* What powers are first taken about: the means of some vectors of pairs all over the rectangle, so
 * that central moments neither cancel nor lose what single precision rounds off. */
static void NAME(find_shifts)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    const tally_mode mode = { .cosine = tally->cosine.wanted };
    NAME(reals) cosine = { 0 }, pearson = { 0 };
    int64_t vectors = 0;
    for (int64_t k = 0; k < SAMPLED_ROWS; k++) {
        const NAME(row) row = NAME(row_of)(rectangle, k * rectangle->rows / SAMPLED_ROWS);
        const int64_t places = row.count / NAME(LANES);
        if (places == 0)
            continue;
        const NAME(pairs) pairs = NAME(convert)(&row, k * 7 % places * NAME(LANES), false, mode);
        cosine += pairs.cosine;
        pearson += pairs.pearson;
        vectors++;
    }
    tally->cosine.shift = NAME(mean)(cosine, vectors);
    tally->pearson.shift = NAME(mean)(pearson, vectors);
}

/* A tally of nothing but powers about another's mean, wanted where that is farther from the shift
 * than half a standard deviation: central moments would lose digits. */
static qkv_tally NAME(about_mean)(const qkv_tally *tally, int64_t pairs)
{
    const double mean = tally->power_sums[0] / (double)pairs;
    const double variance = tally->power_sums[1] / (double)pairs - mean * mean;
    return (qkv_tally){ .wanted = tally->wanted && 4 * mean * mean > variance,
                        .shift = (double)(REAL)(tally->shift + mean) };
}

/* Where the mean turns out to be far from what powers are about, they are taken once more. */
static void NAME(tally_rectangle)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    clear_tally(&tally->cosine);
    clear_tally(&tally->pearson);
    NAME(find_shifts)(rectangle, tally);
    NAME(tally_once)(rectangle, tally);
    qkv_rectangle_tally again = { .cosine = NAME(about_mean)(&tally->cosine, tally->pairs),
                                  .pearson = NAME(about_mean)(&tally->pearson, tally->pairs) };
    if (!again.cosine.wanted && !again.pearson.wanted)
        return;
    NAME(tally_once)(rectangle, &again);
    take_powers(&tally->cosine, &again.cosine);
    take_powers(&tally->pearson, &again.pearson);
}
