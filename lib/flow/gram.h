/* Third stage of the flow: the one tile loop. A source gives tiles of the Gram matrix, a sink
 * consumes each while it is in cache. */
#ifndef QKV_GRAM_H
#define QKV_GRAM_H

#include "panels.h"

/* One tile of the upper triangle of panels: rows of panel I, columns of panel J >= I. */
typedef struct qkv_tile {
    int64_t number;
    int64_t row_start, column_start; /* positions */
    int64_t rows, columns;
    bool diagonal;      /* only entries above the diagonal are meaningful */
    const void *values; /* reals */
    int64_t leading;    /* reals from one row to the next */
} qkv_tile;

/* Which tiles there are, and what makes them. */
typedef struct qkv_gram {
    const qkv_panels *panels;
    const struct qkv_tile_source *source;
    int32_t (*tiles)[2]; /* panel pairs in the order they are worked on, square by square */
    qkv_needed *needed;  /* of each tile; NULL: all */
    int64_t tile_count;
} qkv_gram;

/* Tiles that follow each other in the list, and lie in one square or beside each other. */
typedef struct qkv_tile_run {
    int64_t first, count;
    char *tiles; /* in the making: qkv_run_tile */
} qkv_tile_run;

/* What makes tiles, run by run. make may be called by several workers at once, each for another
 * run. */
typedef struct qkv_tile_source {
    void (*make)(const struct qkv_tile_source *source, qkvsim_context *context, int32_t worker,
                 const qkv_gram *gram, const qkv_tile_run *run);
    bool multiplies; /* the panels' values, by OpenBLAS */
} qkv_tile_source;

/* What consumes tiles. consume may be called by several workers at once, each for another tile. */
typedef struct qkv_sink {
    void (*consume)(struct qkv_sink *sink, int32_t worker, const qkv_tile *tile);
} qkv_sink;

/* Whether a tile is needed, and what of it. */
typedef bool qkv_wanted(const void *state, int64_t panel_i, int64_t panel_j, qkv_needed *needed);

/* Lists the tiles; wanted: NULL for all of all. */
qkvsim_status qkv_gram_open(qkvsim_context *context, const qkv_panels *panels,
                            const qkv_tile_source *source, qkv_wanted *wanted, const void *state,
                            qkv_gram *gram);
void qkv_gram_close(const qkvsim_context *context, qkv_gram *gram);

/* Workers that qkv_gram_for_each_tile will use, for sinks that keep something for each. */
int32_t qkv_gram_workers(const qkvsim_context *context, const qkv_gram *gram);

/* Describes a tile without its values. */
qkv_tile qkv_gram_tile(const qkv_gram *gram, int64_t number);

/* Where a tile of a run is made (product.h), and how many of its tiles are made as one. */
char *qkv_run_tile(const qkv_gram *gram, const qkv_tile_run *run, int64_t number);
int64_t qkv_run_beside(const qkv_gram *gram, const qkv_tile_run *run);

/* Feeds every tile to the sink; progress goes from work_done up by tile_count. */
qkvsim_status qkv_gram_for_each_tile(qkvsim_context *context, const qkv_gram *gram, qkv_sink *sink);

#endif
