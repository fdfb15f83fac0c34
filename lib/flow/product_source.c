/* The source of tiles that multiplies panels. */
#include "product_source.h"

#include "product.h"

enum { CACHE_LINE = 64 }; /* bytes */

/* Asks for a chunk of a panel in the second-level cache. */
static void fetch_panel(const qkv_panels *panels, int64_t panel, const qkv_chunk *part)
{
    const char *end = qkv_panel_row(panels, panel, part->end);
    for (const char *at = qkv_panel_row(panels, panel, part->start); at < end; at += CACHE_LINE)
        __builtin_prefetch(at, 0, 2);
}

/* Whether no tile of the run before this one has the panel. */
static bool is_first_use(const qkv_gram *gram, const qkv_tile_run *run, int64_t number,
                         int64_t panel)
{
    int64_t before = run->first;
    while (before < number && gram->tiles[before][0] != panel && gram->tiles[before][1] != panel)
        before++;
    return before == number;
}

static void fetch_chunk(const qkv_gram *gram, const qkv_tile_run *run, const qkv_chunk *part)
{
    for (int64_t t = run->first; t < run->first + run->count; t++) {
        const int64_t i = gram->tiles[t][0], j = gram->tiles[t][1];
        if (is_first_use(gram, run, t, i))
            fetch_panel(gram->panels, i, part);
        if (i != j && is_first_use(gram, run, t, j))
            fetch_panel(gram->panels, j, part);
    }
}

/* Chunk by chunk, so that what is fetched for one tile serves the others. */
static void multiply_run(const qkv_tile_source *source, qkvsim_context *context, int32_t worker,
                         const qkv_gram *gram, const qkv_tile_run *run)
{
    (void)source;
    const qkv_chunking all = qkv_divide_observations(gram->panels);
    const bool fetched = qkv_panels_stream(gram->panels);
    for (int64_t c = 0; c < all.chunks && !qkv_work_pulse(context, worker); c++) {
        const qkv_chunk part = qkv_chunk_at(&all, c);
        if (fetched)
            fetch_chunk(gram, run, &part);
        const int64_t beside = qkv_run_beside(gram, run);
        for (int64_t t = run->first; t < run->first + run->count; t += beside) {
            const qkv_panel_pair pair = { gram->tiles[t][0], gram->tiles[t][1], beside,
                                          gram->needed != NULL ? &gram->needed[t] : NULL };
            qkv_multiply_chunk(gram->panels, &pair, &part, qkv_run_tile(gram, run, t));
        }
    }
}

const qkv_tile_source qkv_product_source = { .make = multiply_run, .multiplies = true };
