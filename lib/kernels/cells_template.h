/* Where each pair counts (both_reals.h): bins of similarities by arithmetic, settled exactly where
 * that may be wrong, and counted some vectors later, when cells stand in the first-level cache. */

/* Cells of the last vectors, the bits of reals: a cell is what their lowest 16 hold. */
typedef REAL NAME(kept_cells)[CELLS_KEPT][METRICS][NAME(LANES)];

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
    for (int lane = 0; lane < NAME(LANES); lane++)
        scale.dealt[lane] = scale.magic[lane] + (REAL)(lane % tables * scale.size);
    return scale;
}

/* A vector's bins: with where the tables begin in the lowest bits, and as whole numbers; and how
 * far values are from the middles. */
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
    for (int lane = 0; lane < NAME(LANES); lane++) {
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
    REAL(*slot)[NAME(LANES)] = (*cells->kept)[cells->vectors % CELLS_KEPT];
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

static inline uint16_t NAME(cell)(const REAL *slot)
{
    WORD bits;
    memcpy(&bits, slot, sizeof bits);
    return (uint16_t)bits;
}

__attribute__((always_inline)) static inline void NAME(count_apart)(uint32_t *counts,
                                                                    const REAL *slots)
{
    for (int lane = 0; lane < NAME(LANES); lane++)
        counts[NAME(cell)(&slots[lane])]++;
}

/* Counts the vector that came `behind` vectors before the next. */
__attribute__((always_inline)) static inline void
NAME(count)(const NAME(cells) * cells, uint64_t behind, const tally_mode mode)
{
    REAL(*const slot)[NAME(LANES)] = (*cells->kept)[(cells->vectors - behind) % CELLS_KEPT];
    for (int lane = 0; mode.joint && lane < NAME(LANES); lane++)
        cells->joint[NAME(cell)(&slot[COSINE][lane])]++;
    if (mode.cosine && !mode.joint)
        NAME(count_apart)(cells->apart[COSINE], slot[COSINE]);
    if (mode.pearson && !mode.joint)
        NAME(count_apart)(cells->apart[PEARSON], slot[PEARSON]);
}

/* Room for kept cells at any place of a page. */
typedef struct NAME(cells_room) {
    _Alignas(64) unsigned char bytes[PAGE + sizeof(NAME(kept_cells))];
} NAME(cells_room);

/* Where of a page the tables end. A load waits for a store before it whose address has the same low
 * 12 bits, and kept cells are read between counts: in a place of the stack that hot counts share,
 * a rectangle takes three times as long. */
static inline NAME(kept_cells)
    * NAME(beside_counts)(NAME(cells_room) * room, const NAME(scale) * scale,
                          const qkv_rectangle_tally *tally, const tally_mode mode)
{
    const uintptr_t single =
        (uintptr_t)(mode.pearson ? tally->pearson.counts : tally->cosine.counts);
    const uintptr_t cells = (uintptr_t)scale->unused + 1;
    const uintptr_t end = mode.joint ? (uintptr_t)tally->joint + cells * sizeof *tally->joint
                                     : single + cells * sizeof *tally->cosine.counts;
    const uintptr_t ahead = (end - (uintptr_t)room->bytes + 63) / 64 * 64 % PAGE;
    return (NAME(kept_cells) *)(void *)(room->bytes + ahead);
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
    for (int64_t lane = 0; tally->counts != NULL && lane < count && lane < NAME(LANES); lane++) {
        const int64_t bin = find_bin(binning, (double)values[lane]);
        if (bin >= 0)
            tally->counts[bin]++;
    }
}
