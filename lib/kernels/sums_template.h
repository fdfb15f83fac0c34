/* What the similarities of pairs add up to, in lanes (both_reals.h): powers, extremes, the offset
 * split and the tail. Sums are in REAL over SHORT_SUM vectors, and then in double. */

/* Extremes of values, their sum, and powers of values less a shift, times POWERS_SCALE so that
 * fourth powers of the least values stay in range. In float the sum is that of the values, exact
 * but for the last bits of `lost`: it begins at FIRST_SUM, so far above what it will hold that what
 * an addition rounds off is found by two more (Dekker's Fast2Sum). In double it is the first power:
 * a mean of values would be off by more than those of them that lie within its last bits. */
typedef struct NAME(values_sums) {
    NAME(reals) minus_shift; /* times POWERS_SCALE */
    NAME(reals) sum, lost, squares, cubes, fourths;
    NAME(reals) least, most;
} NAME(values_sums);

/* Of V, V^2 and V O. */
typedef struct NAME(split_sums) {
    NAME(reals) variance, energy, cross;
} NAME(split_sums);

/* What a rectangle's pairs come to, by lane. */
typedef struct NAME(sums) {
    NAME(values_sums) values[METRICS];
    NAME(split_sums) split;
    int64_t tail[METRICS];
    doubles powers[METRICS][4];
    doubles variance, energy, cross;
} NAME(sums);

__attribute__((always_inline)) static inline void NAME(clear_short_sums)(NAME(sums) * sums)
{
    const NAME(reals) none = { 0 };
    for (int metric = 0; metric < METRICS; metric++) {
        NAME(values_sums) *of = &sums->values[metric];
        of->sum = NAME(filled)((REAL)(IS_DOUBLE ? 0 : FIRST_SUM));
        of->lost = of->squares = of->cubes = of->fourths = none;
    }
    sums->split = (NAME(split_sums)){ none, none, none };
}

__attribute__((always_inline)) static inline void NAME(clear_sums)(NAME(sums) * sums,
                                                                   const qkv_rectangle_tally *tally)
{
    *sums = (NAME(sums)){ .tail = { 0 } };
    NAME(clear_short_sums)(sums);
    const double shifts[METRICS] = { tally->cosine.shift, tally->pearson.shift };
    for (int metric = 0; metric < METRICS; metric++) {
        sums->values[metric].minus_shift = NAME(filled)((REAL)(-POWERS_SCALE * shifts[metric]));
        sums->values[metric].least = NAME(filled)(2);
        sums->values[metric].most = NAME(filled)(-2);
    }
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

/* Values, and these less the shift. */
__attribute__((always_inline)) static inline void
NAME(add_first_powers)(NAME(values_sums) * sums, NAME(reals) values, NAME(reals) v)
{
    const NAME(reals) before = sums->sum;
    if (IS_DOUBLE) {
        sums->sum += v;
        return;
    }
    sums->sum = before + values;
    sums->lost += values - (sums->sum - before);
}

/* Those of a mask, or all. */
__attribute__((always_inline)) static inline void
NAME(add_values)(NAME(values_sums) * sums, NAME(reals) values, const NAME(mask) * mask)
{
    const NAME(reals) none = { 0 }, scale = NAME(filled)((REAL)POWERS_SCALE);
    NAME(reals) v = NAME(multiply_add)(values, scale, sums->minus_shift);
    NAME(reals) least = values, most = values;
    if (mask != NULL) {
        values = NAME(chosen)(*mask, values, none);
        v = NAME(chosen)(*mask, v, none);
        least = NAME(chosen)(*mask, values, sums->least);
        most = NAME(chosen)(*mask, values, sums->most);
    }
    const NAME(reals) squared = v * v;
    NAME(add_first_powers)(sums, values, v);
    sums->squares += squared;
    sums->cubes = NAME(multiply_add)(squared, v, sums->cubes);
    sums->fourths = NAME(multiply_add)(squared, squared, sums->fourths);
    sums->least = NAME(smaller)(sums->least, least);
    sums->most = NAME(larger)(sums->most, most);
}

/* Values that were written. */
__attribute__((always_inline)) static inline void
NAME(add_written)(NAME(values_sums) * sums, const REAL *values, int64_t count)
{
    NAME(values_sums) own = *sums; /* so that they stay in registers */
    int64_t k = 0;
    for (; k + NAME(LANES) <= count; k += NAME(LANES))
        NAME(add_values)(&own, NAME(load_reals)(values + k), NULL);
    if (k < count) {
        const NAME(mask) mask = NAME(lanes_below)(count - k);
        NAME(add_values)(&own, NAME(load_reals)(values + k), &mask);
    }
    *sums = own;
}

__attribute__((always_inline)) static inline void NAME(add_split)(NAME(split_sums) * sums,
                                                                  const NAME(pairs) * pairs)
{
    sums->variance += pairs->variance;
    sums->energy = NAME(multiply_add)(pairs->variance, pairs->variance, sums->energy);
    sums->cross = NAME(multiply_add)(pairs->variance, pairs->offset, sums->cross);
}

__attribute__((always_inline)) static inline void NAME(widen_into)(doubles *sum,
                                                                   NAME(reals) short_sum)
{
    for (int part = 0; part < NAME(LANES) / DOUBLE_LANES; part++)
        *sum += NAME(widened)(short_sum, part);
}

__attribute__((always_inline)) static inline void NAME(widen_powers)(const NAME(values_sums) * sums,
                                                                     doubles powers[4])
{
    NAME(widen_into)(&powers[0], sums->sum - (REAL)(IS_DOUBLE ? 0 : FIRST_SUM));
    NAME(widen_into)(&powers[0], sums->lost);
    NAME(widen_into)(&powers[1], sums->squares);
    NAME(widen_into)(&powers[2], sums->cubes);
    NAME(widen_into)(&powers[3], sums->fourths);
}

__attribute__((always_inline)) static inline void NAME(take_short_sums)(NAME(sums) * sums,
                                                                        const tally_mode mode)
{
    if (mode.pearson)
        NAME(widen_powers)(&sums->values[PEARSON], sums->powers[PEARSON]);
    if (mode.cosine) {
        NAME(widen_powers)(&sums->values[COSINE], sums->powers[COSINE]);
        NAME(widen_into)(&sums->variance, sums->split.variance);
        NAME(widen_into)(&sums->energy, sums->split.energy);
        NAME(widen_into)(&sums->cross, sums->split.cross);
    }
    NAME(clear_short_sums)(sums);
}

/* The first power about the shift, as the others are. */
static void NAME(take_metric)(const NAME(sums) * sums, int metric, int64_t pairs, qkv_tally *tally)
{
    const NAME(values_sums) *values = &sums->values[metric];
    const doubles *powers = sums->powers[metric];
    double scale = 1;
    tally->tail += sums->tail[metric];
    tally->power_sums[0] += IS_DOUBLE ? sum_lanes(powers[0]) / POWERS_SCALE
                                      : sum_lanes(powers[0]) - (double)pairs * tally->shift;
    for (int power = 1; power < 4; power++) {
        scale *= POWERS_SCALE;
        tally->power_sums[power] += sum_lanes(powers[power]) / (POWERS_SCALE * scale);
    }
    for (int lane = 0; lane < NAME(LANES); lane++) {
        tally->minimum = fmin(tally->minimum, (double)values->least[lane]);
        tally->maximum = fmax(tally->maximum, (double)values->most[lane]);
    }
}

static void NAME(take_sums)(const NAME(sums) * sums, qkv_rectangle_tally *tally)
{
    if (tally->cosine.wanted)
        NAME(take_metric)(sums, COSINE, tally->pairs, &tally->cosine);
    if (tally->pearson.wanted)
        NAME(take_metric)(sums, PEARSON, tally->pairs, &tally->pearson);
    tally->variance_sum += sum_lanes(sums->variance);
    tally->variance_energy += sum_lanes(sums->energy);
    tally->cross += sum_lanes(sums->cross);
}
