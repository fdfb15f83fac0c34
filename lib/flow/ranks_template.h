/* Ranks of columns of one type of number (kernels/both_reals.h). */

typedef struct NAME(entry) {
    WORD key;
    WORD row;
} NAME(entry);

/* How often each byte of the keys has each value. */
typedef struct NAME(counts) {
    WORD of[sizeof(WORD)][DIGITS];
} NAME(counts);

/* The bits of a number as an integer that grows with it: those of negative ones flipped. */
static WORD NAME(key_of)(REAL value)
{
    const WORD sign = (WORD)1 << (8 * sizeof(WORD) - 1);
    WORD bits;
    value += 0; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

static size_t NAME(digit)(WORD key, size_t byte)
{
    return (size_t)(key >> (8 * byte) & (DIGITS - 1));
}

/* Fills the entries of a column and counts their digits; false where a value is not finite, or the
 * call is cancelled. */
static bool NAME(read)(const pulse *own, const REAL *values, int64_t n, NAME(entry) * entries,
                       NAME(counts) * counts)
{
    bool finite = true;
    memset(counts, 0, sizeof *counts);
    for (int64_t r = 0, end; r < n; r = end) {
        if ((end = next_rows(own, r, n)) == r)
            return false;
        for (int64_t k = r; k < end; k++) {
            const WORD key = NAME(key_of)(values[k]);
            finite = finite && isfinite(values[k]);
            entries[k] = (NAME(entry)){ key, (WORD)k };
            for (size_t byte = 0; byte < sizeof(WORD); byte++)
                counts->of[byte][NAME(digit)(key, byte)]++;
        }
    }
    return finite;
}

/* Deals entries out by one digit, keeping the order of those that share it; false where the call is
 * cancelled, and not all are. */
static bool NAME(deal)(const pulse *own, const NAME(entry) * from, int64_t n, size_t byte,
                       WORD *counts, NAME(entry) * to)
{
    WORD start = 0;
    for (int d = 0; d < DIGITS; d++) {
        const WORD count = counts[d];
        counts[d] = start;
        start += count;
    }
    for (int64_t r = 0, end; r < n; r = end) {
        if ((end = next_rows(own, r, n)) == r)
            return false;
        for (int64_t k = r; k < end; k++)
            to[counts[NAME(digit)(from[k].key, byte)]++] = from[k];
    }
    return true;
}

/* Returns where the sorted entries are; NULL where the call is cancelled. */
static const NAME(entry)
    * NAME(sort)(const pulse *own, NAME(entry) * entries, NAME(entry) * other, int64_t n,
                 NAME(counts) * counts)
{
    for (size_t byte = 0; byte < sizeof(WORD); byte++) {
        if (counts->of[byte][NAME(digit)(entries[0].key, byte)] == (WORD)n)
            continue;
        if (!NAME(deal)(own, entries, n, byte, counts->of[byte], other))
            return NULL;
        NAME(entry) *const swapped = entries;
        entries = other;
        other = swapped;
    }
    return entries;
}

/* Ranks start + 1 .. end of equal keys share the mean (start + end + 1) / 2. */
static void NAME(write)(const pulse *own, const NAME(entry) * sorted, int64_t n, REAL *values)
{
    int64_t looked_until = 0;
    for (int64_t start = 0, end; start < n; start = end) {
        if (start >= looked_until && (looked_until = next_rows(own, start, n)) == start)
            return;
        for (end = start + 1; end < n && sorted[end].key == sorted[start].key;)
            end++;
        const REAL rank = (REAL)(start + end - n) / 2;
        for (int64_t k = start; k < end; k++)
            values[sorted[k].row] = rank;
    }
}

static void NAME(rank_column)(const pulse *own, REAL *values, int64_t n, NAME(entry) * entries)
{
    NAME(counts) counts;
    const NAME(entry) *sorted = NULL;
    if (NAME(read)(own, values, n, entries, &counts))
        sorted = NAME(sort)(own, entries, entries + n, n, &counts);
    if (sorted != NULL)
        NAME(write)(own, sorted, n, values);
}

/* Columns that stand side by side, a row apart by `leading`, one after another; false where the
 * call is cancelled. */
static bool NAME(gather)(const pulse *own, const REAL *values, int64_t leading, int64_t n,
                         int64_t width, REAL *columns)
{
    for (int64_t r = 0, end; r < n; r = end) {
        if ((end = next_rows(own, r, n)) == r)
            return false;
        for (int64_t k = r; k < end; k++)
            for (int64_t j = 0; j < width; j++)
                columns[j * n + k] = values[k * leading + j];
    }
    return true;
}

/* And back. */
static void NAME(scatter)(const pulse *own, const REAL *columns, int64_t n, int64_t width,
                          REAL *values, int64_t leading)
{
    for (int64_t r = 0, end; r < n; r = end) {
        if ((end = next_rows(own, r, n)) == r)
            return;
        for (int64_t k = r; k < end; k++)
            for (int64_t j = 0; j < width; j++)
                values[k * leading + j] = columns[j * n + k];
    }
}

/* Columns are ranked a few at a time in memory of their own: in the strip, each value of a column
 * lies in another cache line. */
static void NAME(rank_strip)(const pulse *own, const qkv_strip *strip, void *scratch)
{
    const int64_t n = strip->count;
    NAME(entry) *const entries = scratch;
    REAL *const columns = (REAL *)(void *)(entries + 2 * n);
    for (int64_t first = 0; first < strip->width && !qkv_work_is_cancelled(own->context);
         first += TOGETHER) {
        const int64_t rest = strip->width - first, width = qkv_smaller(rest, TOGETHER);
        REAL *const values = (REAL *)strip->values + first;
        if (!NAME(gather)(own, values, strip->leading, n, width, columns))
            return;
        for (int64_t j = 0; j < width && !qkv_work_is_cancelled(own->context); j++)
            NAME(rank_column)(own, columns + j * n, n, entries);
        NAME(scatter)(own, columns, n, width, values, strip->leading);
    }
}
