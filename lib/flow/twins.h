/* Columns that are equal, or each other's opposite, once they are centred and scaled to unit
 * length: their Pearson value is 1 or -1, and no sum over observations need tell. */
#ifndef QKV_TWINS_H
#define QKV_TWINS_H

#include <stdint.h>

#include "base/context.h"

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

#endif
