/* Pairs of one type of number (both_reals.h), a vector at a time: from Gram values to
 * similarities. */

/* One row of a rectangle, from its first pair on. */
typedef struct NAME(row) {
    const REAL *gram, *spread, *offset;
    REAL own_spread, own_offset;
    int64_t count;
} NAME(row);

/* NAME(LANES) pairs. Where `partial`, only those of the mask exist, and the others are 0. */
typedef struct NAME(pairs) {
    NAME(reals) pearson, cosine;
    NAME(reals) spread;           /* s_i s_j */
    NAME(reals) variance, offset; /* V = s_i s_j p_ij, O = o_i o_j */
    NAME(mask) mask;
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

/* Both metrics by the steps of flow/tile_values_template.h, not yet clamped. Whole vectors are
 * read. */
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
