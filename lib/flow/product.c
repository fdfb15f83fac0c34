/*
 * Products of panels. How a value is computed depends neither on where its columns stand nor on
 * what is computed beside it: the same chunks, added up in the same order, for any tile.
 */
#include "product.h"

#include <math.h>

#include "base/blas.h"
#include "base/blas_names.h"

enum {
    DIAGONAL_ROWS = 48,   /* at a time in tiles of which the upper half is needed */
    CHUNKS_TOGETHER = 32, /* chunks added up before they are added to the tile */
    SHORTEST_DEPTH = 64,  /* of products, however many observations there are */
    TILE_BUFFERS = 3      /* of a tile in the making that has more than one group of chunks */
};

/* ---- one product of panels ---- */

static size_t margin_bytes(const qkv_panels *panels)
{
    return (size_t)panels->shape.margin * qkv_real_size(panels->arithmetic);
}

/* A chunk of observations of two panels. Both are taken with their padding, and the right one with
 * its margins: some of OpenBLAS's kernels round differently at the sides of a product, or in the
 * last columns of a width that is no multiple of theirs, and a value must not depend on where its
 * columns stand. */
typedef struct product {
    const char *left, *right;
    int64_t rows, columns;
    int64_t left_stride, right_stride, out_stride;
    int64_t depth;
    int64_t beside;           /* panels on the right side */
    bool upper;               /* only what stands above the diagonal is needed */
    const qkv_needed *needed; /* of others; NULL: all */
    bool add;                 /* to what is there */
    int32_t arithmetic;
} product;

/* A part of a product: rows of the left side by columns of the right. */
typedef struct block {
    int64_t first_row, rows;
    int64_t first_column, columns;
} block;

/* out = left' right within the block. */
static void multiply_block(const product *p, const block *part, char *out)
{
    const size_t size = qkv_real_size(p->arithmetic);
    const int m = (int)part->rows, n = (int)part->columns, k = (int)p->depth;
    const int lda = (int)p->left_stride, ldb = (int)p->right_stride, ldc = (int)p->out_stride;
    const void *left = p->left + (size_t)part->first_row * size;
    const void *right = p->right + (size_t)part->first_column * size;
    void *to = out + (size_t)(part->first_row * p->out_stride + part->first_column) * size;
    if (p->arithmetic == QKVSIM_DTYPE_F64)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, left, lda, right, ldb,
                    p->add ? 1 : 0, to, ldc);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, left, lda, right, ldb,
                    p->add ? 1 : 0, to, ldc);
}

/* A tile of the diagonal by rows, each piece from its own part of the diagonal on. What is left of
 * that is not needed, so it serves as the margin. */
static void multiply_upper(const product *p, char *out)
{
    for (int64_t first = 0; first < p->rows; first += DIAGONAL_ROWS) {
        const block piece = { first, qkv_smaller(p->rows - first, DIAGONAL_ROWS), first,
                              p->columns - first };
        multiply_block(p, &piece, out);
    }
}

/* Columns of a tile of the diagonal down to it. Where products are small anyway, the left half of
 * the columns ends at its own piece of the diagonal. */
static void multiply_upper_columns(const product *p, const qkv_product_shape *shape, int64_t first,
                                   int64_t count, char *out)
{
    const int64_t end = qkv_smaller(first + count, p->rows);
    const int64_t half = count == shape->columns ? count / 2 : 0;
    const block both = { 0, end - half, first, count };
    const block right = { end - half, half, first + half, half };
    multiply_block(p, &both, out);
    if (half > 0)
        multiply_block(p, &right, out);
}

/* What is needed of a tile, on the bounds by which panels are padded: values there do not depend on
 * what stands beside them. */
static void multiply_needed(const product *p, const qkv_product_shape *shape, char *out)
{
    const int64_t multiple = shape->multiple, margins = 2 * shape->margin;
    const int64_t row = p->needed->first_row / multiple * multiple;
    const int64_t column = p->needed->first_column / multiple * multiple;
    const int64_t end_row = qkv_round_up(p->needed->end_row, multiple);
    const int64_t end_column = qkv_round_up(p->needed->end_column, multiple);
    block part = { row, qkv_smaller(end_row, p->rows) - row, 0, p->columns };
    if (p->beside == 1) {
        part.first_column = column;
        part.columns = qkv_smaller(end_column + margins, p->columns) - column;
    }
    multiply_block(p, &part, out);
}

static void multiply(const product *p, const qkv_product_shape *shape, char *out)
{
    const int64_t together = shape->columns > 0 ? shape->columns : p->columns;
    if (p->upper && shape->columns == 0) {
        multiply_upper(p, out);
        return;
    }
    if (p->needed != NULL && shape->columns == 0) {
        multiply_needed(p, shape, out);
        return;
    }
    for (int64_t first = 0; first < p->columns; first += together) {
        const int64_t count = qkv_smaller(p->columns - first, together);
        const block all = { 0, p->rows, first, count };
        if (p->upper)
            multiply_upper_columns(p, shape, first, count, out);
        else
            multiply_block(p, &all, out);
    }
}

#define TEMPLATE "flow/group_template.h"
#include "kernels/both_reals.h"

/* ---- chunks of observations ---- */

static const double CHUNK_JITTER = 0.2; /* of a chunk's length */

/*
 * How deep products may be. Where one observation outweighs the others, sums stand near 1 from
 * there on, while the others add about 1 / n^2 each: from n = 4,000 on that is so little that most
 * of it is rounded away, as long as the product lasts.
 */
static int64_t deepest(int64_t n, int64_t depth)
{
    const int64_t bound = 340000 / n;
    return qkv_smaller(depth, qkv_larger(bound, SHORTEST_DEPTH));
}

/* So many chunks that the longest, by the golden ratio's 0.618 of the jitter longer than the
 * average, is within the depth. */
qkv_chunking qkv_divide_observations(const qkv_panels *panels)
{
    const int64_t n = panels->observations;
    const int64_t within = deepest(n, panels->shape.depth);
    const double longest = (double)(within - 1) / (1 + 0.62 * CHUNK_JITTER);
    return (qkv_chunking){
        .observations = n,
        .chunks = n <= within ? 1 : (int64_t)ceil((double)n / longest),
    };
}

/* Where the c-th chunk begins. Lengths vary with the multiples of the golden ratio: equal sums of
 * equal chunks would round alike at each addition and drift. */
static int64_t chunk_start(const qkv_chunking *all, int64_t c)
{
    if (c == 0 || c == all->chunks)
        return c == 0 ? 0 : all->observations;
    const double multiple = (double)c * 0.6180339887498949;
    const double jitter = CHUNK_JITTER * (multiple - floor(multiple) - 0.5);
    return (int64_t)((double)all->observations * (((double)c + jitter) / (double)all->chunks));
}

qkv_chunk qkv_chunk_at(const qkv_chunking *all, int64_t c)
{
    return (qkv_chunk){
        .start = chunk_start(all, c),
        .end = chunk_start(all, c + 1),
        .begins_group = c % CHUNKS_TOGETHER == 0,
        .ends_group = (c + 1) % CHUNKS_TOGETHER == 0 || c + 1 == all->chunks,
        .group = c / CHUNKS_TOGETHER,
        .last = c + 1 == all->chunks,
    };
}

bool qkv_panels_stream(const qkv_panels *panels)
{
    const double bytes = (double)panels->placed * (double)panels->observations
                         * (double)qkv_real_size(panels->arithmetic);
    return panels->shape.cache > 0 && bytes > (double)panels->shape.cache;
}

/* ---- a tile in the making ---- */

static size_t buffer_bytes(const qkv_panels *panels)
{
    const qkv_product_shape *shape = &panels->shape;
    return (size_t)(shape->panel * shape->leading + QKV_MARGIN) * qkv_real_size(panels->arithmetic);
}

size_t qkv_tile_bytes(const qkv_panels *panels)
{
    const bool one_group = qkv_divide_observations(panels).chunks <= CHUNKS_TOGETHER;
    return (one_group ? 1 : TILE_BUFFERS) * buffer_bytes(panels);
}

void *qkv_tile_values(const qkv_panels *panels, char *tile)
{
    return tile + margin_bytes(panels);
}

/* Adds a group that has ended to its tile; the last adds what was lost. */
static void add_group(const qkv_panels *panels, const qkv_chunk *part, int64_t count, void *tile)
{
    void *group = (char *)tile + buffer_bytes(panels), *lost = (char *)group + buffer_bytes(panels);
    const bool first = part->group == 1;
    if (panels->arithmetic == QKVSIM_DTYPE_F64) {
        add_group_f64(tile, group, lost, count, first);
        if (part->last)
            add_f64(tile, lost, count);
    } else {
        add_group_f32(tile, group, lost, count, first);
        if (part->last)
            add_f32(tile, lost, count);
    }
}

void qkv_multiply_chunk(const qkv_panels *panels, const qkv_panel_pair *pair, const qkv_chunk *part,
                        char *tile)
{
    const int64_t i = pair->i, j = pair->j;
    const product p = {
        .left = qkv_panel_row(panels, i, part->start),
        .right = (const char *)qkv_panel_row(panels, j, part->start) - margin_bytes(panels),
        .rows = qkv_panel_columns(panels, i),
        .columns = pair->beside * qkv_panel_span(panels, j),
        .left_stride = qkv_panel_stride(panels, i),
        .right_stride = qkv_panel_stride(panels, j),
        .out_stride = panels->shape.leading,
        .depth = part->end - part->start,
        .beside = pair->beside,
        .upper = i == j,
        .needed = pair->needed,
        .add = !part->begins_group,
        .arithmetic = panels->arithmetic,
    };
    const int32_t counter = qkv_blas_begin_product();
    multiply(&p, &panels->shape, part->group == 0 ? tile : tile + buffer_bytes(panels));
    qkv_blas_end_product(counter);
    if (part->ends_group && part->group > 0)
        add_group(panels, part, p.rows * p.out_stride, tile);
}
