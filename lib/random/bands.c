/*
 * Columns of values that were dealt between them. A band of neighbouring columns is filled row by
 * row, as prepare wants it, from what the dealer shuffled: every order of the values is equally
 * likely, so that any fixed order of the places will do.
 */
#include "bands.h"

#include <string.h>

enum { BAND_COLUMNS = 16 };

/* ---- where columns stand ---- */

static void place_by_group(const qkvsim_layout *layout, int64_t *place)
{
    int64_t next = 0;
    for (int32_t g = 0; g < layout->groups; g++)
        for (int64_t j = 0; j < layout->features; j++)
            if (layout->group_of[j] == g)
                place[j] = next++;
}

static qkvsim_status open_dealer(qkvsim_context *context, int64_t columns, qkv_bands *bands)
{
    const qkvsim_layout *layout = bands->layout;
    const int32_t sections = layout != NULL ? layout->groups : 1;
    int64_t *counts = qkv_allocate(&context->allocator, (size_t)sections, sizeof *counts);
    if (counts == NULL)
        return qkv_no_memory(context, "the shuffled values");
    for (int32_t s = 0; s < sections; s++)
        counts[s] = bands->rows * (layout != NULL ? layout->group_features[s] : columns);
    const qkvsim_status status = qkv_dealer_open(
        context, counts, sections, QKV_STRIP_WIDTH * bands->rows, bands->size, &bands->dealer);
    qkv_release(&context->allocator, counts);
    return status;
}

qkvsim_status qkv_bands_open(qkvsim_context *context, int64_t rows, int64_t columns, size_t size,
                             const qkvsim_layout *layout, qkv_bands *bands)
{
    *bands = (qkv_bands){ .rows = rows, .size = size, .layout = layout };
    if (layout != NULL) {
        bands->place = qkv_allocate(&context->allocator, (size_t)columns, sizeof *bands->place);
        if (bands->place == NULL)
            return qkv_no_memory(context, "the order of the features");
        place_by_group(layout, bands->place);
    }
    const qkvsim_status status = open_dealer(context, columns, bands);
    if (status != QKVSIM_OK)
        qkv_bands_close(context, bands);
    return status;
}

void qkv_bands_close(const qkvsim_context *context, qkv_bands *bands)
{
    qkv_release(&context->allocator, bands->place);
    qkv_dealer_close(context, &bands->dealer);
    *bands = (qkv_bands){ 0 };
}

/* ---- reading ---- */

/* Columns of a section with neighbouring places. A band begins at a multiple of its width, as
 * strips do, or where the section begins. */
typedef struct qkv_band {
    int64_t first, width; /* places */
} qkv_band;

static qkv_band band_of(const qkv_bands *bands, int64_t column)
{
    const int64_t place = qkv_place_of(bands, column), aligned = place - place % BAND_COLUMNS;
    const qkv_section *section =
        &bands->dealer.sections[bands->layout != NULL ? bands->layout->group_of[column] : 0];
    const int64_t first = section->start / bands->rows;
    const int64_t end = first + section->count / bands->rows;
    const int64_t from = qkv_larger(aligned, first);
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

/* Reads a band for those of its columns that the strip takes, `skipped` from the band's first
 * on. */
static void read_band(const qkv_bands *bands, int32_t reader, const qkv_band *band, int64_t skipped,
                      const qkv_strip *strip)
{
    const size_t size = bands->size, row_bytes = (size_t)band->width * size;
    const size_t stride = (size_t)strip->leading * size, bytes = (size_t)strip->width * size;
    double row[BAND_COLUMNS]; /* one that lies in two buckets */
    for (int64_t r = 0; r < strip->count;) {
        const int64_t start = band->first * bands->rows + r * band->width;
        const qkv_dealt dealt = qkv_dealer_see(&bands->dealer, reader, start);
        const int64_t whole = dealt.count / band->width;
        const int64_t rows = whole == 0 ? 1 : qkv_smaller(whole, strip->count - r);
        if (whole == 0)
            qkv_dealer_read(&bands->dealer, reader, start, band->width, row);
        copy_rows((const char *)(whole == 0 ? row : dealt.values) + (size_t)skipped * size,
                  row_bytes, (char *)strip->values + (size_t)r * stride, stride, rows, bytes);
        r += rows;
    }
}

/* How many of the columns, from the first on, have neighbouring places in the band. */
static int64_t find_run(const qkv_bands *bands, const qkv_band *band, const int64_t *columns,
                        int64_t count)
{
    const int64_t place = qkv_place_of(bands, columns[0]);
    const int64_t rest = band->first + band->width - place;
    int64_t run = 1;
    while (run < count && run < rest && qkv_place_of(bands, columns[run]) == place + run)
        run++;
    return run;
}

void qkv_load_bands(const qkv_bands *bands, int32_t reader, const int64_t *columns,
                    const qkv_strip *strip)
{
    for (int64_t k = 0; k < strip->width;) {
        const qkv_band band = band_of(bands, columns[k]);
        const qkv_strip run = { .values = (char *)strip->values + (size_t)k * bands->size,
                                .leading = strip->leading,
                                .count = strip->count,
                                .width = find_run(bands, &band, columns + k, strip->width - k) };
        read_band(bands, reader, &band, qkv_place_of(bands, columns[k]) - band.first, &run);
        k += run.width;
    }
}
