/*
 * The one tile loop: threads take tiles of the Gram matrix, OpenBLAS multiplies each on one thread,
 * the sink consumes it in cache. How a tile is computed depends neither on the thread that does it
 * nor on the tiles that are computed beside it, so results are the same for any number of threads.
 */
#include "gram.h"

#include "base/blas.h"
#include "base/parallel.h"
#include "find_twins.h"
#include "product.h"

enum { BLOCK_PANELS = 8 }; /* panels of a block of tiles stay in the last-level cache */

/* ---- the list of tiles ---- */

typedef struct tile_list {
    int64_t panels;
    int64_t together; /* panels on a side of a square */
    qkv_wanted *wanted;
    const void *state;
    int32_t (*tiles)[2]; /* NULL: tiles are only counted */
    qkv_needed *needed;  /* NULL: it is not kept */
    int64_t count;
} tile_list;

static void add_tile(tile_list *list, int64_t i, int64_t j)
{
    qkv_needed needed = { 0 };
    if (list->wanted != NULL && !list->wanted(list->state, i, j, &needed))
        return;
    if (list->needed != NULL)
        list->needed[list->count] = needed;
    if (list->tiles != NULL) {
        list->tiles[list->count][0] = (int32_t)i;
        list->tiles[list->count][1] = (int32_t)j;
    }
    list->count++;
}

/* The square whose first panels are first_i and first_j. The diagonal's tiles, half the work of
 * others, come last. */
static void add_square(tile_list *list, int64_t first_i, int64_t first_j)
{
    const int64_t end_i = qkv_smaller(first_i + list->together, list->panels);
    const int64_t end_j = qkv_smaller(first_j + list->together, list->panels);
    const bool diagonal = first_i == first_j;
    for (int64_t i = first_i; i < end_i; i++)
        for (int64_t j = diagonal ? i + 1 : first_j; j < end_j; j++)
            add_tile(list, i, j);
    for (int64_t i = first_i; diagonal && i < end_i; i++)
        add_tile(list, i, i);
}

/* Block by block, so that a block's panels are read from cache; the diagonal's squares last, so
 * that threads end together. */
static void add_tiles(tile_list *list)
{
    const int64_t panels = list->panels, side = list->together;
    for (int64_t block_i = 0; block_i < panels; block_i += BLOCK_PANELS)
        for (int64_t block_j = block_i; block_j < panels; block_j += BLOCK_PANELS)
            for (int64_t i = block_i; i < qkv_smaller(block_i + BLOCK_PANELS, panels); i += side)
                for (int64_t j = i < block_j ? block_j : i + side;
                     j < qkv_smaller(block_j + BLOCK_PANELS, panels); j += side)
                    add_square(list, i, j);
    for (int64_t i = 0; i < panels; i += side)
        add_square(list, i, i);
}

qkvsim_status qkv_gram_open(qkvsim_context *context, const qkv_panels *panels,
                            const qkv_tile_source *source, qkv_wanted *wanted, const void *state,
                            qkv_gram *gram)
{
    tile_list list = { .panels = panels->count,
                       .together = qkv_larger(panels->shape.together, panels->shape.beside),
                       .wanted = wanted,
                       .state = state };
    *gram = (qkv_gram){ .panels = panels, .source = source };
    add_tiles(&list);
    gram->tile_count = list.count;
    gram->tiles = qkv_allocate(&context->allocator, (size_t)list.count, sizeof *gram->tiles);
    if (wanted != NULL)
        gram->needed = qkv_allocate(&context->allocator, (size_t)list.count, sizeof *gram->needed);
    if (gram->tiles == NULL || (wanted != NULL && gram->needed == NULL)) {
        qkv_gram_close(context, gram);
        return qkv_no_memory(context, "the list of tiles");
    }
    list.tiles = gram->tiles;
    list.needed = gram->needed;
    list.count = 0;
    add_tiles(&list);
    return QKVSIM_OK;
}

void qkv_gram_close(const qkvsim_context *context, qkv_gram *gram)
{
    qkv_release(&context->allocator, gram->tiles);
    qkv_release(&context->allocator, gram->needed);
    *gram = (qkv_gram){ 0 };
}

qkv_tile qkv_gram_tile(const qkv_gram *gram, int64_t number)
{
    const qkv_panels *panels = gram->panels;
    const int64_t i = gram->tiles[number][0], j = gram->tiles[number][1];
    return (qkv_tile){
        .number = number,
        .row_start = panels->start[i],
        .column_start = panels->start[j],
        .rows = qkv_panel_width(panels, i),
        .columns = qkv_panel_width(panels, j),
        .diagonal = i == j,
        .leading = panels->shape.leading,
    };
}

char *qkv_run_tile(const qkv_gram *gram, const qkv_tile_run *run, int64_t number)
{
    const qkv_panels *panels = gram->panels;
    const int64_t span = qkv_panel_span(panels, gram->tiles[run->first][1]);
    const size_t apart = panels->shape.beside > 1 ? (size_t)span * qkv_real_size(panels->arithmetic)
                                                  : qkv_tile_bytes(panels);
    return run->tiles + (size_t)(number - run->first) * apart;
}

int64_t qkv_run_beside(const qkv_gram *gram, const qkv_tile_run *run)
{
    return gram->panels->shape.beside > 1 ? run->count : 1;
}

/* ---- the loop ---- */

typedef struct tile_loop {
    qkvsim_context *context;
    const qkv_gram *gram;
    qkv_sink *sink;
    int32_t workers;
    int64_t longest_run;
    char *buffers; /* of a run for each worker */
    size_t worker_bytes;
    int64_t work_before;
    atomic_llong next;
    atomic_llong finished;
} tile_loop;

static bool in_one_square(const qkv_gram *gram, int64_t a, int64_t b)
{
    const int64_t side = gram->panels->shape.together;
    return gram->tiles[a][0] / side == gram->tiles[b][0] / side
           && gram->tiles[a][1] / side == gram->tiles[b][1] / side;
}

static bool needs_all_columns(const qkv_gram *gram, int64_t tile)
{
    const int64_t width = qkv_panel_width(gram->panels, gram->tiles[tile][1]);
    return gram->needed == NULL
           || (gram->needed[tile].first_column == 0 && gram->needed[tile].end_column == width);
}

static bool needs_same_rows(const qkv_gram *gram, int64_t a, int64_t b)
{
    return gram->needed == NULL
           || (gram->needed[a].first_row == gram->needed[b].first_row
               && gram->needed[a].end_row == gram->needed[b].end_row);
}

/* Whether two tiles can be made as one: panels beside each other, each needed to its last column.
 * OpenBLAS packs columns in equal halves, which end where the panels do if these are alike. */
static bool are_beside(const qkv_gram *gram, int64_t a, int64_t b)
{
    const qkv_panels *panels = gram->panels;
    const int64_t i = gram->tiles[a][0], j = gram->tiles[a][1];
    return gram->tiles[b][0] == i && gram->tiles[b][1] == j + 1 && i < j
           && j % panels->shape.beside == 0
           && qkv_panel_span(panels, j) == qkv_panel_span(panels, j + 1)
           && needs_all_columns(gram, a) && needs_all_columns(gram, b)
           && needs_same_rows(gram, a, b);
}

static bool belong_together(const qkv_gram *gram, int64_t a, int64_t b)
{
    return gram->panels->shape.beside > 1 ? are_beside(gram, a, b) : in_one_square(gram, a, b);
}

/* The tiles to be done together from the first on; 0 behind the last. The end of the list, as many
 * tiles as others may have in hand, is done tile by tile, so that threads end together. */
static int64_t count_run(const tile_loop *loop, int64_t first)
{
    const int64_t tiles = loop->gram->tile_count;
    const int64_t end = tiles - (loop->workers - 1) * loop->longest_run;
    int64_t count = first < tiles ? 1 : 0;
    while (count < loop->longest_run && first + count < end
           && belong_together(loop->gram, first, first + count))
        count++;
    return count;
}

/* Takes the next tiles from the list; false when none is left. */
static bool take_run(tile_loop *loop, qkv_tile_run *run)
{
    long long first = atomic_load_explicit(&loop->next, memory_order_relaxed);
    do
        run->count = count_run(loop, first);
    while (!atomic_compare_exchange_weak(&loop->next, &first, first + run->count));
    run->first = first;
    return run->count > 0;
}

static void consume_tile(tile_loop *loop, int32_t worker, int64_t number, void *values)
{
    qkv_tile tile = qkv_gram_tile(loop->gram, number);
    const qkv_twin_tile twins = { values,    tile.leading,      tile.row_start,
                                  tile.rows, tile.column_start, tile.columns };
    qkv_set_twins(loop->gram->panels, &twins);
    tile.values = values;
    loop->sink->consume(loop->sink, worker, &tile);
    const int64_t finished = atomic_fetch_add(&loop->finished, 1) + 1;
    if (worker == 0)
        qkv_work_at(loop->context, loop->work_before + finished);
}

static void tile_worker(void *state, int32_t worker)
{
    tile_loop *loop = state;
    const qkv_gram *gram = loop->gram;
    qkv_tile_run run = { .tiles = loop->buffers + (size_t)worker * loop->worker_bytes };
    while (!qkv_work_pulse(loop->context, worker) && take_run(loop, &run)) {
        gram->source->make(gram->source, loop->context, worker, gram, &run);
        for (int64_t t = run.first;
             t < run.first + run.count && !qkv_work_is_cancelled(loop->context); t++)
            consume_tile(loop, worker, t,
                         qkv_tile_values(gram->panels, qkv_run_tile(gram, &run, t)));
    }
}

int32_t qkv_gram_workers(const qkvsim_context *context, const qkv_gram *gram)
{
    const double placed = (double)gram->panels->placed;
    const double depth = gram->source->multiplies ? (double)gram->panels->observations : 1;
    return qkv_worker_count(context, gram->tile_count, placed * placed * (depth / 16 + 4));
}

qkvsim_status qkv_gram_for_each_tile(qkvsim_context *context, const qkv_gram *gram, qkv_sink *sink)
{
    const qkv_product_shape *shape = &gram->panels->shape;
    const bool multiplies = gram->source->multiplies;
    const int64_t together = multiplies && qkv_panels_stream(gram->panels) ? shape->together : 1;
    tile_loop loop = { .context = context,
                       .gram = gram,
                       .sink = sink,
                       .workers = qkv_gram_workers(context, gram),
                       .longest_run =
                           multiplies && shape->beside > 1 ? shape->beside : together * together,
                       .work_before = context->work_done };
    loop.worker_bytes = (size_t)(together * together) * qkv_tile_bytes(gram->panels);
    loop.buffers =
        qkv_borrow(context, QKV_WORKSPACE_TILES, (size_t)loop.workers, loop.worker_bytes);
    if (loop.buffers == NULL)
        return qkv_no_memory(context, "the tiles");
    if (multiplies)
        loop.workers = qkv_blas_enter(loop.workers);
    if (loop.workers == 0)
        return qkv_blas_no_room(context);
    qkv_parallel(context, loop.workers, tile_worker, &loop);
    if (multiplies)
        qkv_blas_leave(loop.workers);
    if (qkv_work_is_cancelled(context) || qkv_work_at(context, loop.work_before + gram->tile_count))
        return qkv_cancelled(context);
    return QKVSIM_OK;
}
