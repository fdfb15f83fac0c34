/*
 * Columns of values that were dealt between them. A band of neighbouring columns is filled row by
 * row, as prepare wants it, from what the dealer shuffled: every order of the values is equally
 * likely, so that any fixed order of the places will do.
 */
#include "bands.h"

#include <string.h>

enum { BAND_COLUMNS = 16 };

/* Columns of a section with neighbouring places; so that a strip's edge is a band's, bands begin at
 * multiples of their width where the section does not. */
typedef struct qkv_band {
    int64_t first, width; /* places */
} qkv_band;

static qkv_band band_of(const qkv_permuter *permuter, int64_t column)
{
    const int64_t place = qkv_place_of(permuter, column), aligned = place - place % BAND_COLUMNS;
    const qkv_section *section =
        &permuter->dealer.sections[permuter->place != NULL ? qkv_group_of(permuter, column) : 0];
    const int64_t first = section->start / permuter->rows;
    const int64_t end = first + section->count / permuter->rows;
    const int64_t from = aligned > first ? aligned : first;
    return (qkv_band){ from, qkv_smaller(aligned + BAND_COLUMNS, end) - from };
}

/* Copies so many bytes of each row. */
static void copy_rows(const char *from, size_t from_stride, char *to, size_t to_stride,
                      int64_t rows, size_t bytes)
{
    enum { MOST = BAND_COLUMNS * sizeof(uint32_t) };
    for (int64_t r = 0; r < rows; r++, from += from_stride, to += to_stride)
        if (bytes == MOST)
            memcpy(to, from, MOST); /* inline */
        else
            memcpy(to, from, bytes);
}

/* Reads a band for those of its columns that the strip takes, `skipped` from the band's first on. */
static void read_band(const qkv_permuter *permuter, int32_t reader, const qkv_band *band,
                      int64_t skipped, const qkv_strip *strip)
{
    const size_t size = permuter->size, row_bytes = (size_t)band->width * size;
    const size_t stride = (size_t)strip->leading * size, bytes = (size_t)strip->width * size;
    double row[BAND_COLUMNS]; /* one that lies in two buckets */
    for (int64_t r = 0; r < strip->count;) {
        const int64_t start = band->first * permuter->rows + r * band->width;
        const qkv_dealt dealt = qkv_dealer_see(&permuter->dealer, reader, start);
        const int64_t whole = dealt.count / band->width;
        const int64_t rows = whole == 0 ? 1 : qkv_smaller(whole, strip->count - r);
        if (whole == 0)
            qkv_dealer_read(&permuter->dealer, reader, start, band->width, row);
        copy_rows((const char *)(whole == 0 ? row : dealt.values) + (size_t)skipped * size,
                  row_bytes, (char *)strip->values + (size_t)r * stride, stride, rows, bytes);
        r += rows;
    }
}

/* How many of the columns, from the first on, have neighbouring places in the band. */
static int64_t find_run(const qkv_permuter *permuter, const qkv_band *band, const int64_t *columns,
                        int64_t count)
{
    const int64_t place = qkv_place_of(permuter, columns[0]);
    const int64_t rest = band->first + band->width - place;
    int64_t run = 1;
    while (run < count && run < rest && qkv_place_of(permuter, columns[run]) == place + run)
        run++;
    return run;
}

void qkv_load_bands(const qkv_permuter *permuter, int32_t reader, const int64_t *columns,
                    const qkv_strip *strip)
{
    for (int64_t k = 0; k < strip->width;) {
        const qkv_band band = band_of(permuter, columns[k]);
        const qkv_strip run = { (char *)strip->values + (size_t)k * permuter->size, strip->leading,
                                strip->count,
                                find_run(permuter, &band, columns + k, strip->width - k) };
        read_band(permuter, reader, &band, qkv_place_of(permuter, columns[k]) - band.first, &run);
        k += run.width;
    }
}
