/* From a tile's Gram values to similarities, for the sinks that look at single values. */
#ifndef QKV_TILE_VALUES_H
#define QKV_TILE_VALUES_H

#include "gram.h"

/* Columns first .. end - 1 of a tile's row. */
typedef struct qkv_tile_row {
    int64_t row, first, end;
} qkv_tile_row;

/* These as cosines or Pearson values; of any other metric, the Gram values as they are. In the
 * panels' arithmetic, or widened to double, which is exact. */
void qkv_tile_row_reals(const qkv_panels *panels, const qkv_tile *tile, int32_t metric,
                        const qkv_tile_row *row, void *reals);
void qkv_tile_row_doubles(const qkv_panels *panels, const qkv_tile *tile, int32_t metric,
                          const qkv_tile_row *row, double *values);

#endif
