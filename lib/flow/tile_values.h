/* From a tile's Gram values to similarities, for the sinks that look at single values. */
#ifndef QKV_TILE_VALUES_H
#define QKV_TILE_VALUES_H

#include "gram.h"

/* Columns first .. last - 1 of a tile's row as cosines or Pearson values, to values[first] ..; of any
 * other metric, the Gram values as they are. Double holds a float exactly. */
void qkv_tile_row_values(const qkv_panels *panels, const qkv_tile *tile, int32_t metric, int64_t r,
                         int64_t first, int64_t last, double *values);

#endif
