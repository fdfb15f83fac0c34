/* Columns that exchange values between them: the schemes `all` and `group`. */
#ifndef QKV_BANDS_H
#define QKV_BANDS_H

#include "dealer.h"
#include "flow/input.h"
#include "layout/layout.h"

typedef struct qkv_bands {
    int64_t rows;
    size_t size;                 /* of a value */
    const qkvsim_layout *layout; /* values stay within its groups; NULL: they go to any column */
    int64_t *place;              /* of each column where those of a group stand together */
    qkv_dealer dealer;           /* one section of all values, or one for each group */
} qkv_bands;

/* On failure nothing is held. The layout must live as long. */
qkvsim_status qkv_bands_open(qkvsim_context *context, int64_t rows, int64_t columns, size_t size,
                             const qkvsim_layout *layout, qkv_bands *bands);
void qkv_bands_close(const qkvsim_context *context, qkv_bands *bands);

/* Where a column's values stand among those that are dealt, in columns. */
static inline int64_t qkv_place_of(const qkv_bands *bands, int64_t column)
{
    return bands->place != NULL ? bands->place[column] : column;
}

/* Loads columns of the permutation that was dealt last, as qkv_column_source.load. Those whose
 * neighbours are not in the strip cost as much as all of their band. */
void qkv_load_bands(const qkv_bands *bands, int32_t reader, const int64_t *columns,
                    const qkv_strip *strip);

#endif
