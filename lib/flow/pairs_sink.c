/*
 * The sink of the pairs. Most rows of a tile hold no pair that is strong enough, so each is first
 * compared with the bound as a whole, without a branch; only what passes is looked at one by one,
 * under the list's lock. With a top k the bound rises as the list fills.
 */
#include "pairs_sink.h"

#include <string.h>

#include "pair_order.h"
#include "tile_values.h"

/* ---- runs: stretches of a row in one pair group and of one kind ---- */

static void find_runs(qkv_pairs_sink *sink)
{
    const qkv_panels *panels = sink->panels;
    const int32_t *group_of = sink->setting.layout->group_of;
    for (int64_t position = panels->placed - 1; position >= 0; position--) {
        const int64_t column = panels->order[position];
        const int64_t next = position + 1 < panels->placed ? panels->order[position + 1] : -1;
        const bool goes_on = next >= 0 && group_of[next] == group_of[column]
                             && panels->statistics[next].kind == panels->statistics[column].kind;
        sink->run_end[position] = goes_on ? sink->run_end[position + 1] : position + 1;
    }
}

static bool is_defined(const qkv_pairs_sink *sink, int64_t column)
{
    const int8_t kind = sink->panels->statistics[column].kind;
    return kind == QKV_NORMAL
           || (kind == QKV_CONSTANT && sink->setting.metric == QKVSIM_METRIC_COSINE);
}

/* ---- keeping pairs ---- */

/* A value is strong enough from `high` on and down from `low`. */
typedef struct limits {
    double high, low;
} limits;

static limits limits_of(int32_t sign, double bound)
{
    return (limits){ .high = sign != QKVSIM_SIGN_NEGATIVE ? bound : INFINITY,
                     .low = sign != QKVSIM_SIGN_POSITIVE ? -bound : -INFINITY };
}

/* Cutting only when as many have come as stay costs each of them a few comparisons. */
static void cut_to_top(const qkv_pairs_sink *sink, qkv_pair_list *list)
{
    const qkv_pairs_setting *setting = &sink->setting;
    if (list->count <= setting->top)
        return;
    qkv_pairs_select(setting->sign, list->pairs, list->count, setting->top);
    list->count = setting->top;
    list->cut = true;
    list->weakest = qkv_pairs_weakest(setting->sign, list->pairs, list->count);
    atomic_store_explicit(&list->bound, qkv_strength(setting->sign, list->weakest.value),
                          memory_order_relaxed);
}

static void keep(const qkv_pairs_sink *sink, qkv_pair_list *list, const qkvsim_pair *pair)
{
    list->reached++;
    if (list->cut && !qkv_pair_precedes(sink->setting.sign, pair, &list->weakest))
        return;
    if (list->count < list->capacity)
        list->pairs[list->count++] = *pair;
    if (sink->setting.top > 0 && list->count == list->capacity)
        cut_to_top(sink, list);
}

static qkvsim_pair make_pair(int64_t row, int64_t column, double value, int32_t pair_group)
{
    return (qkvsim_pair){ .i = row < column ? row : column,
                          .j = row < column ? column : row,
                          .value = value,
                          .pair_group = pair_group };
}

/* ---- scanning ---- */

static int64_t count_beyond(const double *values, int64_t count, limits strong)
{
    int64_t found = 0;
    for (int64_t c = 0; c < count; c++)
        found += (values[c] >= strong.high) | (values[c] <= strong.low);
    return found;
}

/* Columns first .. last - 1 of a tile's row, a run. */
static void scan_run(const qkv_pairs_sink *sink, const qkv_tile *tile, int64_t r, int64_t first,
                     int64_t last)
{
    const qkvsim_layout *layout = sink->setting.layout;
    const int64_t *order = sink->panels->order;
    const int64_t row = order[tile->row_start + r], column = order[tile->column_start + first];
    const int32_t pair_group =
        qkv_pair_group(layout->groups, layout->group_of[row], layout->group_of[column]);
    if (!is_defined(sink, column) || !sink->setting.wanted[pair_group])
        return;
    double values[QKV_PANEL_WIDTH];
    qkv_tile_row_doubles(sink->panels, tile, sink->setting.metric,
                         &(qkv_tile_row){ r, first, last }, values);
    qkv_pair_list *list = &sink->lists[sink->setting.per_pair_group ? pair_group : 0];
    const limits strong =
        limits_of(sink->setting.sign, atomic_load_explicit(&list->bound, memory_order_relaxed));
    if (count_beyond(values, last - first, strong) == 0)
        return;
    pthread_mutex_lock(&list->mutex);
    for (int64_t c = first; c < last; c++) {
        const double value = values[c - first];
        if (value < strong.high && value > strong.low)
            continue;
        const qkvsim_pair pair = make_pair(row, order[tile->column_start + c], value, pair_group);
        keep(sink, list, &pair);
    }
    pthread_mutex_unlock(&list->mutex);
}

static void consume(qkv_sink *base, int32_t worker, const qkv_tile *tile)
{
    (void)worker;
    const qkv_pairs_sink *sink = (const qkv_pairs_sink *)base;
    for (int64_t r = 0; r < tile->rows; r++) {
        if (!is_defined(sink, sink->panels->order[tile->row_start + r]))
            continue;
        for (int64_t c = tile->diagonal ? r + 1 : 0, end; c < tile->columns; c = end) {
            end = sink->run_end[tile->column_start + c] - tile->column_start;
            end = qkv_smaller(end, tile->columns);
            scan_run(sink, tile, r, c, end);
        }
    }
}

/* ---- life ---- */

static void place_lists(qkv_pairs_sink *sink, const int64_t *capacity)
{
    qkvsim_pair *next = sink->block;
    for (int32_t k = 0; k < sink->list_count; k++) {
        sink->lists[k] = (qkv_pair_list){ .pairs = next, .capacity = capacity[k] };
        pthread_mutex_init(&sink->lists[k].mutex, NULL);
        atomic_init(&sink->lists[k].bound, sink->setting.threshold);
        next += capacity[k];
    }
}

qkvsim_status qkv_pairs_sink_open(qkvsim_context *context, const qkv_panels *panels,
                                  const qkv_pairs_setting *setting, const int64_t *capacity,
                                  qkv_pairs_sink *sink)
{
    const qkv_allocator *allocator = &context->allocator;
    *sink = (qkv_pairs_sink){
        .sink = { consume }, .context = context, .panels = panels, .setting = *setting
    };
    sink->list_count = setting->per_pair_group ? qkv_pair_groups(setting->layout->groups) : 1;
    for (int32_t k = 0; k < sink->list_count; k++)
        sink->block_capacity += capacity[k];
    sink->run_end = qkv_allocate(allocator, (size_t)panels->placed, sizeof *sink->run_end);
    sink->lists = qkv_allocate(allocator, (size_t)sink->list_count, sizeof *sink->lists);
    sink->block = qkv_allocate(allocator, (size_t)sink->block_capacity, sizeof *sink->block);
    if (sink->run_end == NULL || sink->lists == NULL || sink->block == NULL) {
        sink->list_count = 0;
        qkv_pairs_sink_close(sink);
        return qkv_no_memory(context, "the pairs");
    }
    find_runs(sink);
    place_lists(sink, capacity);
    return QKVSIM_OK;
}

void qkv_pairs_sink_close(qkv_pairs_sink *sink)
{
    const qkv_allocator *allocator = &sink->context->allocator;
    for (int32_t k = 0; k < sink->list_count; k++)
        pthread_mutex_destroy(&sink->lists[k].mutex);
    qkv_release(allocator, sink->run_end);
    qkv_release(allocator, sink->lists);
    qkv_release(allocator, sink->block);
    *sink = (qkv_pairs_sink){ 0 };
}

/* ---- results ---- */

int64_t qkv_pairs_sink_reached(const qkv_pairs_sink *sink)
{
    int64_t reached = 0;
    for (int32_t k = 0; k < sink->list_count; k++)
        reached += sink->lists[k].reached;
    return reached;
}

/* Moves what stays of the lists to the beginning of the block; returns its number. */
static int64_t close_ranks(qkv_pairs_sink *sink)
{
    int64_t count = 0;
    for (int32_t k = 0; k < sink->list_count; k++) {
        qkv_pair_list *list = &sink->lists[k];
        if (sink->setting.top > 0)
            cut_to_top(sink, list);
        memmove(sink->block + count, list->pairs, (size_t)list->count * sizeof *list->pairs);
        count += list->count;
    }
    return count;
}

qkvsim_status qkv_pairs_sink_take(qkvsim_context *context, qkv_pairs_sink *sink,
                                  qkvsim_pair **pairs, int64_t *count)
{
    *count = close_ranks(sink);
    if (*count == sink->block_capacity) {
        *pairs = sink->block;
        sink->block = NULL;
    } else {
        *pairs = qkv_allocate(&context->allocator, (size_t)*count, sizeof **pairs);
        if (*pairs == NULL)
            return qkv_no_memory(context, "the pairs");
        memcpy(*pairs, sink->block, (size_t)*count * sizeof **pairs);
    }
    qkv_pairs_sort(sink->setting.sign, *pairs, *count);
    return QKVSIM_OK;
}
