/* Products of two panels, chunk by chunk of the observations, each on one thread of OpenBLAS. */
#ifndef QKV_PRODUCT_H
#define QKV_PRODUCT_H

#include "panels.h"

/* Sums over observations have two levels: chunks within groups, groups within the tile. A group has
 * few enough additions in a row to keep single precision within 1e-6; what is lost where groups are
 * added is kept, so that their number does not matter. */
typedef struct qkv_chunk {
    int64_t start, end;
    bool begins_group, ends_group;
    int64_t group; /* the first is added up in the tile itself */
    bool last;
} qkv_chunk;

/* How observations are divided. */
typedef struct qkv_chunking {
    int64_t observations;
    int64_t chunks;
} qkv_chunking;

/* How a product of panels is divided, and its c-th chunk. */
qkv_chunking qkv_divide_observations(const qkv_panels *panels);
qkv_chunk qkv_chunk_at(const qkv_chunking *all, int64_t c);

/* Whether panels stream from beyond the second-level cache, by products that do not pack them.
 * Those read a few cache lines of each row, which the processor foresees too late. */
bool qkv_panels_stream(const qkv_panels *panels);

/* Bytes that tiles beside each other take in the making: themselves and, where there is more than
 * one group of chunks, a group and what was lost. */
size_t qkv_tile_bytes(const qkv_panels *panels);

/* The values of a tile in the making: reals, leading dimension shape.leading. */
void *qkv_tile_values(const qkv_panels *panels, char *tile);

/* Panel i by panel j, or by `beside` panels from j on, which stand side by side and span as many
 * columns. */
typedef struct qkv_panel_pair {
    int64_t i, j, beside;
    const qkv_needed *needed; /* NULL: all; beside others, columns are not looked at */
} qkv_panel_pair;

/* Adds a chunk of the product of panels to a tile or to tiles beside each other, the chunks in
 * order. Where i = j, what stands above the diagonal; of others, at least what is needed. */
void qkv_multiply_chunk(const qkv_panels *panels, const qkv_panel_pair *pair, const qkv_chunk *part,
                        char *tile);

#endif
