/* What the similarities of pairs add up to, in lanes (both_reals.h): powers, extremes, the offset
 * split and the tail. */

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
    for (int part = 0; part < NAME(LANES) / DOUBLE_LANES; part++) {
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
    for (int part = 0; part < NAME(LANES) / DOUBLE_LANES; part++)
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
    for (int lane = 0; lane < NAME(LANES); lane++) {
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
