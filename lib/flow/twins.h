/* Columns that are equal, or each other's opposite, once they are centred and scaled to unit length: their
 * Pearson value is 1 or -1, and no sum over observations need tell. */
#ifndef QKV_TWINS_H
#define QKV_TWINS_H

#include <stdint.h>

#include "base/context.h"

struct qkv_panels;

typedef struct qkv_twins {
    int64_t count;     /* columns that have a twin; where 0, nothing else is filled in */
    int32_t *class_of; /* by position: which twins the column is one of; -1: none */
    int32_t *first;    /* by class: where its columns begin among the members, and the end */
    int32_t *members;  /* positions, class by class, increasing */
    int8_t *turned;    /* by position: the sign of its first value that is not 0 */
    uint64_t *hash;    /* by position; the block that holds the others too */
    int32_t *table;    /* of positions by their hash */
    int64_t table_size;
} qkv_twins;

/* Room for the twins among so many columns; on failure close it all the same. */
bool qkv_twins_open(const qkv_allocator *allocator, int64_t placed, qkv_twins *twins);
void qkv_twins_close(const qkv_allocator *allocator, qkv_twins *twins);

/* Finds the twins among prepared columns. Time O(columns), and O(observations) for each column that
 * looks like another's twin in a few observations. */
void qkv_find_twins(struct qkv_panels *panels);

/* Writes the values that twins have with each other, 1 or -1, to a tile of the Gram matrix: rows and
 * columns from these positions on, and of each row what is right of the diagonal. */
typedef struct qkv_twin_tile {
    void *values; /* reals */
    int64_t leading;
    int64_t row_start, rows;
    int64_t column_start, columns;
} qkv_twin_tile;

void qkv_set_twins(const struct qkv_panels *panels, const qkv_twin_tile *tile);

#endif
