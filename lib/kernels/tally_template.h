/*
 * The tally of a rectangle for one real type: similarities, bins, moments, extremes. Included by
 * kernel_template.h, with its NAME, REAL and LANES.
 *
 * Rows are converted one by one into a batch. A full batch is drained in two passes over what is
 * then in the first-level cache: one finds where each pair counts, the other counts and adds
 * powers, so that the scalar and the vector units work at the same time.
 */

typedef WORD NAME(words) __attribute__((vector_size(VECTOR_BYTES)));
typedef uint16_t NAME(cells) __attribute__((vector_size(LANES * sizeof(uint16_t))));

/* One metric's values, and their extremes by lane. */
typedef struct NAME(values) {
    _Alignas(64) REAL reals[BATCH + BATCH_MARGIN];
    NAME(reals) least, most;
} NAME(values);

typedef struct NAME(batch) {
    NAME(values) cosine, pearson;
    /* Where each pair counts: its joint cell, or its cosine's bin and its Pearson value's. */
    _Alignas(64) uint16_t cells[2][BATCH + BATCH_MARGIN];
    int64_t count;
} NAME(batch);

/* Sums of V, V^2 and V O, by lane. A row's sums are single, a rectangle's double. */
typedef struct NAME(split_sums) {
    doubles sum, energy, cross;
} NAME(split_sums);

static inline NAME(reals) NAME(filled)(REAL value)
{
    const NAME(reals) zero = { 0 };
    return zero + value;
}

/* ---- rows to values ---- */

/* One row of a rectangle, from its first pair on. */
typedef struct NAME(row) {
    const REAL *gram, *spread, *offset;
    REAL own_spread, own_offset;
    int64_t count;
} NAME(row);

/* What one vector of a row adds to. */
typedef struct NAME(row_state) {
    NAME(reals) sum, energy, cross;
    NAME(reals) least[2], most[2]; /* cosine, Pearson */
} NAME(row_state);

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

/* The next LANES pairs, of which `count` exist where `partial`: both metrics by the steps of
 * conversion.h, but that cosines are clamped later, where a batch needs it; and the split: V = (s_i
 * s_j) p_ij, O = o_i o_j. Whole vectors are read and written: what stands behind a row is
 * overwritten by the next. */
__attribute__((always_inline)) static inline void
NAME(convert)(const NAME(row) * row, int64_t j, const bool partial, const bool with_cosine,
              NAME(batch) * batch, NAME(row_state) * state)
{
    const NAME(words) mask = partial ? NAME(lanes_below)(row->count - j) : (NAME(words)){ 0 };
    NAME(reals) p = NAME(load_reals)(row->gram + j);
    p = NAME(larger)(NAME(smaller)(p, NAME(filled)(1)), NAME(filled)(-1));
    NAME(store_reals)(batch->pearson.reals + batch->count + j, p);
    state->least[1] =
        NAME(smaller)(state->least[1], partial ? NAME(chosen)(mask, p, state->least[1]) : p);
    state->most[1] =
        NAME(larger)(state->most[1], partial ? NAME(chosen)(mask, p, state->most[1]) : p);
    if (!with_cosine)
        return;
    NAME(reals) v = row->own_spread * NAME(load_reals)(row->spread + j) * p;
    const NAME(reals) o = row->own_offset * NAME(load_reals)(row->offset + j);
    const NAME(reals) c = v + o;
    NAME(store_reals)(batch->cosine.reals + batch->count + j, c);
    state->least[0] =
        NAME(smaller)(state->least[0], partial ? NAME(chosen)(mask, c, state->least[0]) : c);
    state->most[0] =
        NAME(larger)(state->most[0], partial ? NAME(chosen)(mask, c, state->most[0]) : c);
    if (partial)
        v = NAME(chosen)(mask, v, NAME(filled)(0));
    state->sum += v;
    state->energy += v * v;
    state->cross += v * o;
}

static inline doubles NAME(widened_sum)(NAME(reals) sum)
{
    doubles total = { 0 };
    REAL lanes[LANES];
    memcpy(lanes, &sum, sizeof lanes);
    for (int lane = 0; lane < LANES; lane += DOUBLE_LANES)
        total += NAME(load_doubles)(lanes + lane);
    return total;
}

__attribute__((always_inline)) static inline void NAME(convert_row)(const NAME(row) * row,
                                                                    const bool with_cosine,
                                                                    NAME(batch) * batch,
                                                                    NAME(split_sums) * sums)
{
    NAME(row_state)
    state = { .least = { batch->cosine.least, batch->pearson.least },
              .most = { batch->cosine.most, batch->pearson.most } };
    int64_t j = 0;
    for (; j + LANES <= row->count; j += LANES)
        NAME(convert)(row, j, false, with_cosine, batch, &state);
    if (j < row->count)
        NAME(convert)(row, j, true, with_cosine, batch, &state);
    batch->count += row->count;
    batch->pearson.least = state.least[1];
    batch->pearson.most = state.most[1];
    if (!with_cosine)
        return;
    batch->cosine.least = state.least[0];
    batch->cosine.most = state.most[0];
    sums->sum += NAME(widened_sum)(state.sum);
    sums->energy += NAME(widened_sum)(state.energy);
    sums->cross += NAME(widened_sum)(state.cross);
}

/* ---- extremes and tail ---- */

/* Values behind the last become `filler`, to the end of those that are read together. */
static void NAME(pad)(REAL *values, int64_t count, REAL filler)
{
    for (int64_t j = count; j % READ_TOGETHER != 0; j++)
        values[j] = filler;
}

static int64_t NAME(count_tail)(const REAL *values, int64_t count, REAL threshold)
{
    int32_t tail = 0;
    for (int64_t j = 0; j < count; j++)
        tail += (values[j] < 0 ? -values[j] : values[j]) >= threshold;
    return tail;
}

static void NAME(clear_extremes)(NAME(values) * values)
{
    values->least = NAME(filled)(2);
    values->most = NAME(filled)(-2);
}

/* A batch's extremes and tail; its values are clamped where one exceeds the range. */
static void NAME(add_extremes)(qkv_tally *tally, NAME(values) * values, int64_t count)
{
    const REAL threshold = (REAL)0.9;
    const NAME(reals) magnitude = NAME(larger)(values->most, -values->least);
    if (NAME(any_above)(magnitude, NAME(filled)(1)))
        for (int64_t j = 0; j < count; j++)
            values->reals[j] = NAME(clamp)(values->reals[j]);
    for (int lane = 0; lane < LANES; lane++) {
        tally->minimum = fmin(tally->minimum, (double)values->least[lane]);
        tally->maximum = fmax(tally->maximum, (double)values->most[lane]);
    }
    if (NAME(any_above)(magnitude, NAME(filled)((REAL)0.899)))
        tally->tail += NAME(count_tail)(values->reals, count, threshold);
    NAME(clear_extremes)(values);
}

/* ---- first pass: where each pair counts ---- */

/* Constants of the way from a value to its bin by arithmetic in REAL: adding `magic` rounds to a
 * whole number, which the sum's lowest bits then hold. A value farther than `sure` from the middle
 * of its bin may have come to the wrong side of an edge: position and edge are off by at most 2.5
 * bins 2^-25 together. */
typedef struct NAME(scale) {
    NAME(reals) half, to_middle, magic, bins, sure;
} NAME(scale);

static inline NAME(scale) NAME(scale_of)(const qkv_binning *binning)
{
    const REAL bins = (REAL)binning->count;
    return (NAME(scale)){
        .half = NAME(filled)(bins / 2),
        .to_middle = NAME(filled)(bins / 2 - (REAL)0.5),
        .magic = NAME(filled)(IS_DOUBLE ? (REAL)0x1.8p52 : (REAL)0x1.8p23),
        .bins = NAME(filled)(bins),
        .sure = NAME(filled)((REAL)0.5 - bins * (REAL)0x1p-23),
    };
}

/* A vector's bins, as whole numbers and in the lowest bits of `bits`. */
typedef struct NAME(guess) {
    NAME(reals) whole, bits;
} NAME(guess);

static inline NAME(guess)
    NAME(guess_bins)(const NAME(scale) * scale, NAME(reals) values, NAME(reals) * farthest)
{
    const NAME(reals) position = NAME(multiply_add)(values, scale->half, scale->to_middle);
    const NAME(reals) bits = position + scale->magic;
    const NAME(reals) whole = bits - scale->magic;
    *farthest = NAME(farther)(*farthest, position - whole);
    return (NAME(guess)){ whole, bits };
}

static inline void NAME(store_cells)(uint16_t *to, NAME(reals) bits)
{
    const NAME(cells) cells = __builtin_convertvector((NAME(words))bits, NAME(cells));
    memcpy(to, &cells, sizeof cells);
}

/* Cells of pairs start .. end - 1; false where one is not sure. */
__attribute__((always_inline)) static inline bool NAME(guess_cells)(const NAME(scale) * scale,
                                                                    NAME(batch) * batch,
                                                                    int64_t start, int64_t end,
                                                                    const tally_mode mode)
{
    NAME(reals) farthest = { 0 };
    for (int64_t j = start; j < end; j += LANES) {
        NAME(guess) cosine = { { 0 }, { 0 } }, pearson = { { 0 }, { 0 } };
        if (mode.cosine)
            cosine = NAME(guess_bins)(scale, NAME(load_reals)(batch->cosine.reals + j), &farthest);
        if (mode.pearson)
            pearson =
                NAME(guess_bins)(scale, NAME(load_reals)(batch->pearson.reals + j), &farthest);
        if (mode.joint)
            cosine.bits = NAME(multiply_add)(cosine.whole, scale->bins, pearson.bits);
        if (mode.cosine)
            NAME(store_cells)(batch->cells[0] + j, cosine.bits);
        if (mode.pearson && !mode.joint)
            NAME(store_cells)(batch->cells[1] + j, pearson.bits);
    }
    return !NAME(any_above)(farthest, scale->sure);
}

/* The same one by one and exactly, for a vector's pairs. */
static void NAME(settle_cells)(const qkv_binning *binning, NAME(batch) * batch, int64_t start,
                               const tally_mode mode)
{
    for (int64_t j = start; j < start + LANES; j++) {
        const int64_t cosine = mode.cosine ? find_bin(binning, (double)batch->cosine.reals[j]) : 0;
        const int64_t pearson =
            mode.pearson ? find_bin(binning, (double)batch->pearson.reals[j]) : 0;
        batch->cells[0][j] = (uint16_t)(mode.joint ? cosine * binning->count + pearson : cosine);
        batch->cells[1][j] = (uint16_t)pearson;
    }
}

__attribute__((always_inline)) static inline void
NAME(find_cells)(const qkv_binning *binning, NAME(batch) * batch, const tally_mode mode)
{
    const NAME(scale) scale = NAME(scale_of)(binning);
    for (int64_t start = 0; start < batch->count; start += GUESSED_TOGETHER) {
        const int64_t rest = batch->count - start;
        const int64_t end = start + (rest < GUESSED_TOGETHER ? rest : GUESSED_TOGETHER);
        if (NAME(guess_cells)(&scale, batch, start, end, mode))
            continue;
        for (int64_t j = start; j < end; j += LANES)
            if (!NAME(guess_cells)(&scale, batch, j, j + LANES, mode))
                NAME(settle_cells)(binning, batch, j, mode);
    }
}

/* ---- second pass: powers and counts ---- */

/* Adds the powers of READ_TOGETHER values less the shift; with `about_zero` the shift is 0. */
static inline void NAME(add_powers)(power_sums *sums, const REAL *values, double shift,
                                    const bool about_zero)
{
    for (int64_t j = 0; j < READ_TOGETHER; j += DOUBLE_LANES) {
        const doubles v = NAME(load_doubles)(values + j);
        power_sums_add(sums, about_zero ? v : v - shift);
    }
}

/* Pairs j .. j + count - 1 of a batch, whose values are padded with 0. */
__attribute__((always_inline)) static inline void
NAME(count_and_add)(const NAME(batch) * batch, int64_t j, int64_t count, int64_t bins,
                    const qkv_rectangle_tally *tally, power_sums sums[2], const tally_mode mode)
{
    if (mode.joint)
        count_joint_cells(tally->joint, QKV_JOINT_TABLES, bins * bins, batch->cells[0] + j, count);
    if (mode.cosine && !mode.joint)
        count_cells(tally->cosine.counts, QKV_SUBHISTOGRAMS, bins, batch->cells[0] + j, count);
    if (mode.pearson && !mode.joint)
        count_cells(tally->pearson.counts, QKV_SUBHISTOGRAMS, bins, batch->cells[1] + j, count);
    if (mode.cosine)
        NAME(add_powers)(&sums[0], batch->cosine.reals + j, 0, true);
    if (mode.pearson)
        NAME(add_powers)(&sums[1], batch->pearson.reals + j, 0, true);
}

__attribute__((always_inline)) static inline void NAME(tally_batch)(NAME(batch) * batch,
                                                                    const qkv_binning *binning,
                                                                    qkv_rectangle_tally *tally,
                                                                    const tally_mode mode)
{
    power_sums sums[2] = { { { { 0 } } }, { { { 0 } } } };
    const int64_t whole = batch->count / READ_TOGETHER * READ_TOGETHER;
    NAME(find_cells)(binning, batch, mode);
    NAME(pad)(batch->cosine.reals, batch->count, (REAL)0);
    NAME(pad)(batch->pearson.reals, batch->count, (REAL)0);
    for (int64_t j = 0; j < whole; j += READ_TOGETHER)
        NAME(count_and_add)(batch, j, READ_TOGETHER, binning->count, tally, sums, mode);
    if (whole < batch->count)
        NAME(count_and_add)
    (batch, whole, batch->count - whole, binning->count, tally, sums, mode);
    power_sums_into(&sums[0], tally->cosine.power_sums);
    power_sums_into(&sums[1], tally->pearson.power_sums);
}

/* One metric where bins are the caller's or very many, and where only powers are taken. */
static void NAME(tally_slowly)(qkv_tally *tally, const qkv_binning *binning, REAL *values,
                               int64_t count)
{
    power_sums sums = { { { 0 } } };
    NAME(pad)(values, count, (REAL)tally->shift);
    for (int64_t j = 0; j < count; j += READ_TOGETHER)
        NAME(add_powers)(&sums, values + j, tally->shift, false);
    power_sums_into(&sums, tally->power_sums);
    for (int64_t j = 0; tally->counts != NULL && j < count; j++) {
        const int64_t bin = find_bin(binning, (double)values[j]);
        if (bin >= 0)
            tally->counts[bin]++;
    }
}

static void NAME(drain)(NAME(batch) * batch, const qkv_binning *binning, qkv_rectangle_tally *tally)
{
    const int64_t count = batch->count;
    const bool cosine = tally->cosine.wanted, pearson = tally->pearson.wanted;
    if (count == 0)
        return;
    if (cosine)
        NAME(add_extremes)(&tally->cosine, &batch->cosine, count);
    if (pearson)
        NAME(add_extremes)(&tally->pearson, &batch->pearson, count);
    if (!binning->fast || !is_counted(tally)) {
        if (cosine)
            NAME(tally_slowly)(&tally->cosine, binning, batch->cosine.reals, count);
        if (pearson)
            NAME(tally_slowly)(&tally->pearson, binning, batch->pearson.reals, count);
    } else if (tally->joint != NULL) {
        NAME(tally_batch)(batch, binning, tally, (tally_mode){ true, true, true });
    } else if (cosine && pearson) {
        NAME(tally_batch)(batch, binning, tally, (tally_mode){ true, true, false });
    } else if (cosine) {
        NAME(tally_batch)(batch, binning, tally, (tally_mode){ true, false, false });
    } else {
        NAME(tally_batch)(batch, binning, tally, (tally_mode){ false, true, false });
    }
    tally->pairs += count;
    batch->count = 0;
}

/* ---- a rectangle ---- */

static void NAME(tally_rows)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    NAME(batch) batch;
    NAME(split_sums) sums = { { 0 }, { 0 }, { 0 } };
    batch.count = 0;
    NAME(clear_extremes)(&batch.cosine);
    NAME(clear_extremes)(&batch.pearson);
    for (int64_t i = 0; i < rectangle->rows; i++) {
        const int64_t start = rectangle->strict_upper ? i + 1 : 0;
        const NAME(row) row = {
            .gram = (const REAL *)rectangle->gram + i * rectangle->leading + start,
            .spread = (const REAL *)rectangle->column_spread + start,
            .offset = (const REAL *)rectangle->column_offset + start,
            .own_spread = ((const REAL *)rectangle->row_spread)[i],
            .own_offset = ((const REAL *)rectangle->row_offset)[i],
            .count = rectangle->columns - start,
        };
        if (batch.count + row.count > BATCH)
            NAME(drain)(&batch, rectangle->binning, tally);
        if (tally->cosine.wanted)
            NAME(convert_row)(&row, true, &batch, &sums);
        else
            NAME(convert_row)(&row, false, &batch, &sums);
    }
    NAME(drain)(&batch, rectangle->binning, tally);
    tally->variance_sum += sum_lanes(sums.sum);
    tally->variance_energy += sum_lanes(sums.energy);
    tally->cross += sum_lanes(sums.cross);
}

/* Powers are first taken about 0. Where values lie so close together, so far from 0, that central
 * moments would cancel, they are taken once more about the mean. */
static void NAME(tally_rectangle)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally)
{
    clear_tally(&tally->cosine);
    clear_tally(&tally->pearson);
    NAME(tally_rows)(rectangle, tally);
    clamp_extremes(&tally->cosine);
    clamp_extremes(&tally->pearson);
    qkv_rectangle_tally again = { .cosine = about_mean(&tally->cosine, tally->pairs),
                                  .pearson = about_mean(&tally->pearson, tally->pairs) };
    if (!again.cosine.wanted && !again.pearson.wanted)
        return;
    NAME(tally_rows)(rectangle, &again);
    take_powers(&tally->cosine, &again.cosine);
    take_powers(&tally->pearson, &again.pearson);
}
