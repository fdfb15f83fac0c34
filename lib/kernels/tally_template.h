/*
 * The tally of a rectangle (both_reals.h), in one pass: a vector of pairs goes from Gram values to
 * cells and powers without leaving the registers. Counting is scalar work and runs a few vectors
 * behind, so that it fills what the vector units leave free.
 */

/* NAME(LANES) pairs of a row, or what is left of it. */
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
    NAME(cells_room) room;
    NAME(kept_cells) *const kept = NAME(beside_counts)(&room, &scale, tally, mode);
    NAME(cells) cells = NAME(open_cells)(&scale, tally, kept);
    NAME(sums) sums;
    NAME(clear_sums)(&sums);
    const int64_t together =
        rectangle->columns <= SHORT_SUM / ROWS_TOGETHER * NAME(LANES) ? ROWS_TOGETHER : 1;
    for (int64_t i = 0; i < rectangle->rows; i++) {
        const NAME(row) row = NAME(row_of)(rectangle, i);
        int64_t j = 0;
        for (; j + NAME(LANES) <= row.count; j += NAME(LANES))
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
