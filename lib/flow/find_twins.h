/* Finds twins among prepared columns, and sets their values in tiles. */
#ifndef QKV_FIND_TWINS_H
#define QKV_FIND_TWINS_H

#include "panels.h"

/* Finds the twins among prepared columns. Time O(columns), and O(observations) for each column that
 * looks like another's twin in a few observations. Fails where the call is cancelled. */
qkvsim_status qkv_find_twins(qkvsim_context *context, qkv_panels *panels);

/* Writes the values that twins have with each other, 1 or -1, to a tile of the Gram matrix: rows
 * and columns from these positions on, and of each row what is right of the diagonal. */
typedef struct qkv_twin_tile {
    void *values; /* reals */
    int64_t leading;
    int64_t row_start, rows;
    int64_t column_start, columns;
} qkv_twin_tile;

void qkv_set_twins(const qkv_panels *panels, const qkv_twin_tile *tile);

#endif
