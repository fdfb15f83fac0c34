/*
 * The one tile loop: threads take tiles of the Gram matrix, OpenBLAS multiplies each on one thread,
 * the sink consumes it in cache. How a tile is computed does not depend on the thread that does it,
 * so results are the same for any number of threads.
 */
#include "gram.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "blas.h"
#include "parallel.h"

enum {
    BLOCK_PANELS = 8,      /* panels of a block of tiles stay in the last-level cache */
    DIAGONAL_COLUMNS = 96, /* at a time in tiles of which the upper half is needed */
    CHUNKS_TOGETHER = 16   /* chunks added up before they are added to the tile */
};

/* ---- the list of tiles ---- */

static const double CHUNK_JITTER = 0.2; /* of a chunk's length */

typedef bool (*wanted_function)(const void *state, int64_t panel_i, int64_t panel_j);

/* Appends a tile if it is wanted. Counts only where tiles is NULL. */
static int64_t add_tile(int64_t i, int64_t j, wanted_function wanted, const void *state,
                        int32_t (*tiles)[2], int64_t count)
{
    if (wanted != NULL && !wanted(state, i, j))
        return count;
    if (tiles != NULL) {
        tiles[count][0] = (int32_t)i;
        tiles[count][1] = (int32_t)j;
    }
    return count + 1;
}

/* Block by block, so that a block's panels are read from cache; the diagonal's tiles, half the work
 * of others, last, so that threads end together. */
static int64_t list_tiles(int64_t panels, wanted_function wanted, const void *state,
                          int32_t (*tiles)[2])
{
    int64_t count = 0;
    for (int64_t block_i = 0; block_i < panels; block_i += BLOCK_PANELS)
        for (int64_t block_j = block_i; block_j < panels; block_j += BLOCK_PANELS)
            for (int64_t i = block_i; i < panels && i < block_i + BLOCK_PANELS; i++)
                for (int64_t j = i + 1 > block_j ? i + 1 : block_j;
                     j < panels && j < block_j + BLOCK_PANELS; j++)
                    count = add_tile(i, j, wanted, state, tiles, count);
    for (int64_t i = 0; i < panels; i++)
        count = add_tile(i, i, wanted, state, tiles, count);
    return count;
}

qkvsim_status qkv_gram_open(qkvsim_context *context, const qkv_panels *panels,
                            const double *moments, wanted_function wanted, const void *state,
                            qkv_gram *gram)
{
    *gram = (qkv_gram){ .panels = panels, .moments = moments };
    gram->tile_count = list_tiles(panels->count, wanted, state, NULL);
    gram->tiles = qkv_allocate(&context->allocator, (size_t)gram->tile_count, sizeof *gram->tiles);
    if (gram->tiles == NULL)
        return qkv_no_memory(context, "the list of tiles");
    list_tiles(panels->count, wanted, state, gram->tiles);
    return QKVSIM_OK;
}

void qkv_gram_close(const qkvsim_context *context, qkv_gram *gram)
{
    qkv_release(&context->allocator, gram->tiles);
    *gram = (qkv_gram){ 0 };
}

qkv_tile qkv_gram_tile(const qkv_gram *gram, int64_t number)
{
    const qkv_panels *panels = gram->panels;
    const int64_t i = gram->tiles[number][0], j = gram->tiles[number][1];
    return (qkv_tile){
        .number = number,
        .row_start = i * panels->width,
        .column_start = j * panels->width,
        .rows = qkv_panel_width(panels, i),
        .columns = qkv_panel_width(panels, j),
        .diagonal = i == j,
        .leading = panels->shape.leading,
    };
}

/* ---- one tile by products of panels ---- */

static size_t margin_bytes(const qkv_panels *panels)
{
    return (size_t)panels->shape.margin * qkv_real_size(panels->real);
}

/* A chunk of observations of two panels. Both are taken with their padding, and the right one with
 * its margins: some of OpenBLAS's kernels round differently at the sides of a product, or in the last
 * columns of a width that is no multiple of theirs, and a value must not depend on where its columns
 * stand. */
typedef struct product {
    const char *left, *right;
    int64_t rows, columns;
    int64_t left_stride, right_stride, out_stride;
    int64_t depth;
    bool upper; /* only what stands above the diagonal is needed */
    bool add;   /* to what is there */
    int32_t real;
} product;

/* out = left' right for columns first .. first + count - 1 of the right side. */
static void multiply_columns(const product *p, int64_t first, int64_t count, char *out)
{
    const int64_t last = first + count;
    const int m = (int)(p->upper && last < p->rows ? last : p->rows), n = (int)count;
    const int k = (int)p->depth, lda = (int)p->left_stride, ldb = (int)p->right_stride;
    const int ldc = (int)p->out_stride;
    const size_t shift = (size_t)first * qkv_real_size(p->real);
    const void *left = p->left, *right = p->right + shift;
    void *to = out + shift;
    if (p->real == QKVSIM_F64)
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, left, lda, right, ldb,
                    p->add ? 1 : 0, to, ldc);
    else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, left, lda, right, ldb,
                    p->add ? 1 : 0, to, ldc);
}

/* How many columns to multiply at a time. Tiles of the diagonal are cut where the margins allow. */
static int64_t columns_together(const product *p, const qkv_product_shape *shape)
{
    const int64_t together = shape->columns > 0 ? shape->columns : p->columns;
    return p->upper && shape->margin == 0 && together > DIAGONAL_COLUMNS ? DIAGONAL_COLUMNS
                                                                         : together;
}

static void multiply(const product *p, const qkv_product_shape *shape, char *out)
{
    const int64_t together = columns_together(p, shape);
    for (int64_t first = 0; first < p->columns; first += together) {
        const int64_t rest = p->columns - first;
        multiply_columns(p, first, rest < together ? rest : together, out);
    }
}

static void add_reals(void *to, const void *from, int64_t count, int32_t real)
{
    if (real == QKVSIM_F64) {
        double *sum = to;
        const double *term = from;
        for (int64_t k = 0; k < count; k++)
            sum[k] += term[k];
    } else {
        float *sum = to;
        const float *term = from;
        for (int64_t k = 0; k < count; k++)
            sum[k] += term[k];
    }
}

/* Where the c-th of a number of chunks of n observations begins. Lengths vary with the multiples of
 * the golden ratio: equal sums of equal chunks would round alike at each addition and drift. */
static int64_t chunk_start(int64_t n, int64_t chunks, int64_t c)
{
    if (c == 0 || c == chunks)
        return c == 0 ? 0 : n;
    const double multiple = (double)c * 0.6180339887498949;
    const double jitter = CHUNK_JITTER * (multiple - floor(multiple) - 0.5);
    return (int64_t)((double)n * (((double)c + jitter) / (double)chunks));
}

/* So many that the longest, by the golden ratio's 0.618 of the jitter longer than the average, is
 * within the depth. */
static int64_t count_chunks(int64_t n, int64_t depth)
{
    const double longest = (double)(depth - 1) / (1 + 0.62 * CHUNK_JITTER);
    return n <= depth ? 1 : (int64_t)ceil((double)n / longest);
}

/* Sums over observations in two levels: chunks within `partial`, groups of chunks within out. Few
 * enough additions in a row keep single precision within 1e-6 for 65,536 observations and more. */
static void multiply_panels(const qkv_gram *gram, const qkv_tile *tile, char *partial, char *out)
{
    const qkv_panels *panels = gram->panels;
    const qkv_product_shape *shape = &panels->shape;
    const int64_t i = gram->tiles[tile->number][0], j = gram->tiles[tile->number][1];
    const int64_t n = panels->observations;
    const int64_t chunks = count_chunks(n, shape->depth);
    product p = { .rows = qkv_panel_columns(panels, i),
                  .columns = qkv_panel_stride(panels, j),
                  .left_stride = qkv_panel_stride(panels, i),
                  .right_stride = qkv_panel_stride(panels, j),
                  .out_stride = shape->leading,
                  .upper = tile->diagonal,
                  .real = panels->real };
    for (int64_t c = 0; c < chunks; c++) {
        const int64_t start = chunk_start(n, chunks, c);
        char *target = c < CHUNKS_TOGETHER ? out : partial;
        p.left = qkv_panel_row(panels, i, start);
        p.right = (const char *)qkv_panel_row(panels, j, start) - margin_bytes(panels);
        p.depth = chunk_start(n, chunks, c + 1) - start;
        p.add = c % CHUNKS_TOGETHER != 0;
        multiply(&p, shape, target);
        const bool group_ends = (c + 1) % CHUNKS_TOGETHER == 0 || c + 1 == chunks;
        if (group_ends && target == partial)
            add_reals(out, partial, p.rows * shape->leading, panels->real);
    }
}

/* ---- one tile from accumulated moments ---- */

static void divide_moments(const qkv_gram *gram, const qkv_tile *tile, double *out)
{
    const qkv_panels *panels = gram->panels;
    for (int64_t r = 0; r < tile->rows; r++) {
        const int64_t i = panels->order[tile->row_start + r];
        const qkv_feature *row = &panels->statistics[i];
        for (int64_t c = tile->diagonal ? r + 1 : 0; c < tile->columns; c++) {
            const int64_t j = panels->order[tile->column_start + c];
            const qkv_feature *column = &panels->statistics[j];
            const double moment = gram->moments[i < j ? qkv_packed(panels->features, i, j)
                                                      : qkv_packed(panels->features, j, i)];
            const bool normal = row->kind == QKV_NORMAL && column->kind == QKV_NORMAL;
            out[r * tile->leading + c] =
                normal ? moment / row->centred_norm / column->centred_norm : 0;
        }
    }
}

/* ---- the loop ---- */

typedef struct tile_loop {
    qkvsim_context *context;
    const qkv_gram *gram;
    qkv_sink *sink;
    char *buffers; /* two tiles for each worker */
    int64_t work_before;
    atomic_llong next;
    atomic_llong finished;
    atomic_bool cancelled;
} tile_loop;

static size_t buffer_bytes(const qkv_gram *gram)
{
    const qkv_product_shape *shape = &gram->panels->shape;
    return (size_t)(shape->panel * shape->leading + QKV_MARGIN) * qkv_real_size(gram->panels->real);
}

static void tile_worker(void *state, int32_t worker)
{
    tile_loop *loop = state;
    const qkv_gram *gram = loop->gram;
    char *out = loop->buffers + 2 * (size_t)worker * buffer_bytes(gram);
    int64_t number;
    while (!atomic_load_explicit(&loop->cancelled, memory_order_relaxed)
           && (number = qkv_next_task(&loop->next, gram->tile_count)) >= 0) {
        qkv_tile tile = qkv_gram_tile(gram, number);
        char *values = out + margin_bytes(gram->panels);
        tile.values = values;
        if (gram->moments != NULL)
            divide_moments(gram, &tile, (double *)(void *)values);
        else
            multiply_panels(gram, &tile, out + buffer_bytes(gram), out);
        loop->sink->consume(loop->sink, worker, &tile);
        const int64_t finished = atomic_fetch_add(&loop->finished, 1) + 1;
        if (worker == 0 && qkv_work_at(loop->context, loop->work_before + finished))
            atomic_store(&loop->cancelled, true);
    }
}

int32_t qkv_gram_workers(const qkvsim_context *context, const qkv_gram *gram)
{
    const double placed = (double)gram->panels->placed;
    const double depth = gram->moments != NULL ? 1 : (double)gram->panels->observations;
    return qkv_worker_count(context, gram->tile_count, placed * placed * (depth / 16 + 4));
}

qkvsim_status qkv_gram_for_each_tile(qkvsim_context *context, const qkv_gram *gram, qkv_sink *sink)
{
    const int32_t workers = qkv_gram_workers(context, gram);
    tile_loop loop = {
        .context = context, .gram = gram, .sink = sink, .work_before = context->work_done
    };
    loop.buffers =
        qkv_borrow(context, QKV_WORKSPACE_TILES, 2 * (size_t)workers, buffer_bytes(gram));
    if (loop.buffers == NULL)
        return qkv_no_memory(context, "the tiles");
    qkv_blas_enter();
    qkv_parallel(workers, tile_worker, &loop);
    qkv_blas_leave();
    if (atomic_load(&loop.cancelled) || qkv_work_at(context, loop.work_before + gram->tile_count))
        return qkv_cancelled(context);
    return QKVSIM_OK;
}
