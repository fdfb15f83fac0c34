/* Columns of one type of number (both_reals.h): their means and norms, and what makes unit columns
 * of them. Sums over neighbouring values are written out in vectors. */

/* The next DOUBLE_LANES values of a row, of which `count` exist where `partial`; zeros behind
 * them. */
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
    const int64_t count = block->strip->count, summed = rows_summed(count);
    NAME(column_sums) total = { { { 0 } }, { { 0 } } };
    for (int64_t start = 0; start < count && !qkv_strip_ended(block->strip); start += summed) {
        const int64_t end = start + summed < count ? start + summed : count;
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

/* Moves the means by those of the values about them, and the squares with them. */
static inline void NAME(move_means)(NAME(column_block) * block, NAME(column_sums) * sums)
{
    for (int v = 0; v < MEASURED_VECTORS; v++) {
        const doubles before = block->mean_high[v];
        const doubles by = sums->centred[v] / (double)block->strip->count;
        const doubles whole = by + block->mean_low[v];
        block->mean_high[v] = before + whole;
        block->mean_low[v] = whole - (block->mean_high[v] - before);
        sums->squares[v] -= sums->centred[v] * by;
    }
}

/* Whether the first row is so far from the mean of any column that little is left of the squares'
 * digits. */
static inline bool NAME(any_first_is_far)(const NAME(column_sums) * about_first,
                                          const NAME(column_sums) * about_mean)
{
    doubles lost = { 0 };
    for (int v = 0; v < MEASURED_VECTORS; v++)
        lost = larger_f64(lost, about_first->squares[v] - FIRST_IS_FAR * about_mean->squares[v]);
    return any_positive(lost);
}

/* Columns whose first row is far have their sums taken once more, about the mean. Each column for
 * itself: what comes of it does not depend on its neighbours. */
__attribute__((noinline)) static void NAME(measure_far)(NAME(column_block) * block, bool partial,
                                                        const NAME(column_sums) * about_first,
                                                        NAME(column_sums) * sums)
{
    NAME(column_block) again = *block;
    NAME(column_sums)
    about_mean = partial ? NAME(sum_block)(block, true) : NAME(sum_block)(block, false);
    NAME(move_means)(&again, &about_mean);
    for (int v = 0; v < MEASURED_VECTORS; v++)
        for (int lane = 0; lane < DOUBLE_LANES; lane++)
            if (about_first->squares[v][lane] > FIRST_IS_FAR * sums->squares[v][lane]) {
                block->mean_high[v][lane] = again.mean_high[v][lane];
                block->mean_low[v][lane] = again.mean_low[v][lane];
                sums->squares[v][lane] = about_mean.squares[v][lane];
            }
}

/*
 * Sums are taken about the first row, which is as near to the mean as a value of the column can be
 * trusted to be. Squares about it exceed those about the mean by a factor of at most n + 1, for it
 * is one of the values: single precision's columns can afford that in double as long as it is
 * small. Double's are read once more, about the mean, which then is moved by what was rounded off:
 * where the first row is far from the others, each of the first sums' terms was rounded to the last
 * bit of that distance, and the same way.
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
    const NAME(column_sums) about_first = sums;
    NAME(move_means)(&block, &sums);
    if (IS_DOUBLE) {
        sums = NAME(sum_block)(&block, partial);
        NAME(move_means)(&block, &sums);
    } else if (NAME(any_first_is_far)(&about_first, &sums)) {
        NAME(measure_far)(&block, partial, &about_first, &sums);
    }
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

/* Neighbouring rows of a strip and where they go; the last block may have fewer than
 * ROTATED_ROWS. */
typedef struct NAME(row_block) {
    const REAL *from;
    REAL *to;
    int64_t from_leading, to_leading;
    int64_t count;
    const rotations *turned;
} NAME(row_block);

/* Stage by stage, rows 1, 2 and 4 apart: a row and the one apart from it become cos a row + sin a
 * other and cos a other - sin a row, but for cos a, by which all rows are multiplied at once. */
__attribute__((always_inline)) static inline void NAME(rotate_rows)(const NAME(row_block) * block,
                                                                    doubles *rows, const bool whole)
{
#pragma GCC unroll 3
    for (int stage = 0; stage < ROTATION_STAGES; stage++) {
        const double tangent = block->turned->tangent[stage];
        const int apart = 1 << stage;
#pragma GCC unroll 8
        for (int r = 0; r < ROTATED_ROWS; r++) {
            if ((r & apart) != 0)
                continue;
            const doubles row = rows[r], other = rows[r + apart];
            if (whole || r + apart < block->count) {
                rows[r] = row + tangent * other;
                rows[r + apart] = other - tangent * row;
            } else {
                rows[r] = row * block->turned->secant[stage]; /* which stays as it is */
            }
        }
    }
}

/* Columns from the j-th on, DOUBLE_LANES or, where `partial`, `count` of them. */
__attribute__((always_inline)) static inline void
NAME(rotate_columns)(const NAME(row_block) * block, const qkv_scaling *scaling, int64_t j,
                     int64_t count, const bool partial, const bool whole)
{
    const doubles high = load_doubles_f64(scaling->mean_high + j);
    const doubles low = load_doubles_f64(scaling->mean_low + j);
    const doubles scale = block->turned->scale * load_doubles_f64(scaling->inverse_norm + j);
    doubles rows[ROTATED_ROWS] = { { 0 } };
#pragma GCC unroll 8
    for (int r = 0; r < ROTATED_ROWS; r++)
        if (whole || r < block->count) {
            const REAL *from = block->from + r * block->from_leading + j;
            rows[r] = NAME(centred)(NAME(read_row)(from, count, partial), high, low) * scale;
        }
    NAME(rotate_rows)(block, rows, whole);
#pragma GCC unroll 8
    for (int r = 0; r < ROTATED_ROWS; r++)
        if (whole || r < block->count)
            NAME(write_row)(block->to + r * block->to_leading + j, rows[r], count, partial);
}

__attribute__((always_inline)) static inline void NAME(rotate_block)(const NAME(row_block) * block,
                                                                     const qkv_scaling *scaling,
                                                                     int64_t width,
                                                                     const bool whole)
{
    const int64_t even = width / DOUBLE_LANES * DOUBLE_LANES;
    for (int64_t j = 0; j < even; j += DOUBLE_LANES)
        NAME(rotate_columns)(block, scaling, j, DOUBLE_LANES, false, whole);
    if (even < width)
        NAME(rotate_columns)(block, scaling, even, width - even, true, whole);
}

static void NAME(normalise)(const qkv_strip *from, const qkv_scaling *scaling, const qkv_strip *to)
{
    rotations turned = { .cosine = { 1, 1, 1 } };
    for (int64_t r = 0; r < from->count && !qkv_strip_ended_at(from, r); r += ROTATED_ROWS) {
        turn_rotations(&turned);
        const NAME(row_block) block = { .from = (const REAL *)from->values + r * from->leading,
                                        .to = (REAL *)to->values + r * to->leading,
                                        .from_leading = from->leading,
                                        .to_leading = to->leading,
                                        .count = from->count - r,
                                        .turned = &turned };
        if (block.count >= ROTATED_ROWS)
            NAME(rotate_block)(&block, scaling, from->width, true);
        else
            NAME(rotate_block)(&block, scaling, from->width, false);
    }
}
