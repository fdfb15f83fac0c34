/*
 * Ranks of columns of one type of number. The including file defines REAL, KEY (an unsigned integer
 * as wide) and REAL_NAME(name).
 */

typedef struct REAL_NAME(entry) {
    KEY key;
    KEY row;
} REAL_NAME(entry);

/* How often each byte of the keys has each value. */
typedef struct REAL_NAME(counts) {
    KEY of[sizeof(KEY)][DIGITS];
} REAL_NAME(counts);

/* The bits of a number as an integer that grows with it: those of negative ones flipped. */
static KEY REAL_NAME(key_of)(REAL value)
{
    const KEY sign = (KEY)1 << (8 * sizeof(KEY) - 1);
    KEY bits;
    value += 0; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

static size_t REAL_NAME(digit)(KEY key, size_t byte)
{
    return (size_t)(key >> (8 * byte) & (DIGITS - 1));
}

/* Fills the entries of a column and counts their digits; false where a value is not finite. */
static bool REAL_NAME(read)(const REAL *values, int64_t n, REAL_NAME(entry) * entries,
                            REAL_NAME(counts) * counts)
{
    bool finite = true;
    memset(counts, 0, sizeof *counts);
    for (int64_t r = 0; r < n; r++) {
        const KEY key = REAL_NAME(key_of)(values[r]);
        finite = finite && isfinite(values[r]);
        entries[r] = (REAL_NAME(entry)){ key, (KEY)r };
        for (size_t byte = 0; byte < sizeof(KEY); byte++)
            counts->of[byte][REAL_NAME(digit)(key, byte)]++;
    }
    return finite;
}

/* Deals entries out by one digit, keeping the order of those that share it. */
static void REAL_NAME(deal)(const REAL_NAME(entry) * from, int64_t n, size_t byte, KEY *counts,
                            REAL_NAME(entry) * to)
{
    KEY start = 0;
    for (int d = 0; d < DIGITS; d++) {
        const KEY count = counts[d];
        counts[d] = start;
        start += count;
    }
    for (int64_t k = 0; k < n; k++)
        to[counts[REAL_NAME(digit)(from[k].key, byte)]++] = from[k];
}

/* Returns where the sorted entries are. */
static const REAL_NAME(entry)
    * REAL_NAME(sort)(const pulse *own, REAL_NAME(entry) * entries, REAL_NAME(entry) * other,
                      int64_t n, REAL_NAME(counts) * counts)
{
    for (size_t byte = 0; byte < sizeof(KEY) && !qkv_work_pulse(own->context, own->worker);
         byte++) {
        if (counts->of[byte][REAL_NAME(digit)(entries[0].key, byte)] == (KEY)n)
            continue;
        REAL_NAME(deal)(entries, n, byte, counts->of[byte], other);
        REAL_NAME(entry) *const swapped = entries;
        entries = other;
        other = swapped;
    }
    return entries;
}

/* Ranks start + 1 .. end of equal keys share the mean (start + end + 1) / 2. */
static void REAL_NAME(write)(const REAL_NAME(entry) * sorted, int64_t n, REAL *values)
{
    for (int64_t start = 0, end; start < n; start = end) {
        for (end = start + 1; end < n && sorted[end].key == sorted[start].key;)
            end++;
        const REAL rank = (REAL)(start + end - n) / 2;
        for (int64_t k = start; k < end; k++)
            values[sorted[k].row] = rank;
    }
}

static void REAL_NAME(rank_column)(const pulse *own, REAL *values, int64_t n,
                                   REAL_NAME(entry) * entries)
{
    REAL_NAME(counts) counts;
    if (REAL_NAME(read)(values, n, entries, &counts))
        REAL_NAME(write)(REAL_NAME(sort)(own, entries, entries + n, n, &counts), n, values);
}

/* Columns are ranked a few at a time in memory of their own: in the strip, each value of a column
 * lies in another cache line. */
static void REAL_NAME(rank_strip)(const pulse *own, const qkv_strip *strip, void *scratch)
{
    const int64_t n = strip->count;
    REAL_NAME(entry) *const entries = scratch;
    REAL *const columns = (REAL *)(void *)(entries + 2 * n);
    for (int64_t first = 0; first < strip->width && !qkv_work_is_cancelled(own->context);
         first += TOGETHER) {
        const int64_t rest = strip->width - first, width = qkv_smaller(rest, TOGETHER);
        REAL *const values = (REAL *)strip->values + first;
        for (int64_t r = 0; r < n; r++)
            for (int64_t j = 0; j < width; j++)
                columns[j * n + r] = values[r * strip->leading + j];
        for (int64_t j = 0; j < width && !qkv_work_is_cancelled(own->context); j++)
            REAL_NAME(rank_column)(own, columns + j * n, n, entries);
        for (int64_t r = 0; r < n; r++)
            for (int64_t j = 0; j < width; j++)
                values[r * strip->leading + j] = columns[j * n + r];
    }
}
