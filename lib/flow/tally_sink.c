/*
 * The sink of the analysis. Counts are integers and may be added in any order; sums are kept for
 * each rectangle and added up at the end in the order of the tiles, so that no thread's timing
 * shows.
 */
#include "tally_sink.h"

#include <string.h>

enum { JOINT_PENDING_MAX = UINT16_MAX /* pairs in one of the tables */ };

/* ---- stretches ---- */

static void find_stretches(qkv_tally_sink *sink)
{
    const qkv_panels *panels = sink->gram->panels;
    int64_t panel = 0;
    for (int64_t position = 0; position < panels->placed; position++) {
        const int64_t column = panels->order[position];
        const int32_t group = sink->setting.layout->group_of[column];
        const int32_t kind = panels->special ? panels->statistics[column].kind : QKV_NORMAL;
        qkv_stretch *last = sink->stretches + sink->stretch_count - 1;
        if (sink->stretch_count > 0 && last->group == group && last->kind == kind)
            last->end = position + 1;
        else
            sink->stretches[sink->stretch_count++] =
                (qkv_stretch){ position, position + 1, group, kind };
        while (panel <= panels->panel_of[position])
            sink->panel_stretch[panel++] = sink->stretch_count - 1;
    }
}

/* ---- rectangles of a tile ---- */

typedef struct rectangle_place {
    int64_t row, rows; /* first position and number */
    int64_t column, columns;
    int32_t pair_group;
    bool strict_upper;
    bool normal; /* both kinds: Pearson is defined */
} rectangle_place;

typedef struct span {
    int64_t start, end;
} span;

static span intersect(const qkv_stretch *stretch, int64_t start, int64_t count)
{
    const int64_t end = start + count;
    return (span){ qkv_larger(stretch->start, start), qkv_smaller(stretch->end, end) };
}

/* Fills the place where two stretches meet in a tile; false where nothing is to be done there. */
static bool place_rectangle(const qkv_tally_sink *sink, const qkv_tile *tile, const qkv_stretch *a,
                            const qkv_stretch *b, rectangle_place *place)
{
    const span rows = intersect(a, tile->row_start, tile->rows);
    const span columns = intersect(b, tile->column_start, tile->columns);
    const bool same = tile->diagonal && a == b;
    const int32_t groups = sink->setting.layout->groups;
    *place = (rectangle_place){
        .row = rows.start,
        .rows = rows.end - rows.start,
        .column = columns.start,
        .columns = columns.end - columns.start,
        .pair_group = qkv_pair_group(groups, a->group, b->group),
        .strict_upper = same,
        .normal = a->kind == QKV_NORMAL && b->kind == QKV_NORMAL,
    };
    const bool defined = a->kind != QKV_UNDEFINED && b->kind != QKV_UNDEFINED;
    const bool counted = place->normal || (sink->setting.metrics & QKVSIM_METRIC_COSINE) != 0;
    return defined && counted && sink->setting.wanted[place->pair_group]
           && (!same || place->rows > 1);
}

typedef void (*place_function)(qkv_tally_sink *sink, int32_t worker, const qkv_tile *tile,
                               const rectangle_place *place, qkv_pair_result *result);

/* Visits a tile's rectangles in order; returns their number. visit NULL: counts only. */
static int64_t for_each_rectangle(qkv_tally_sink *sink, int32_t worker, const qkv_tile *tile,
                                  place_function visit)
{
    const qkv_panels *panels = sink->gram->panels;
    const qkv_stretch *end = sink->stretches + sink->stretch_count;
    const qkv_stretch *first_a =
        sink->stretches + sink->panel_stretch[panels->panel_of[tile->row_start]];
    const qkv_stretch *first_b =
        sink->stretches + sink->panel_stretch[panels->panel_of[tile->column_start]];
    int64_t count = 0;
    rectangle_place place;
    for (const qkv_stretch *a = first_a; a < end && a->start < tile->row_start + tile->rows; a++) {
        const qkv_stretch *from = tile->diagonal ? a : first_b;
        for (const qkv_stretch *b = from; b < end && b->start < tile->column_start + tile->columns;
             b++) {
            if (!place_rectangle(sink, tile, a, b, &place))
                continue;
            if (visit != NULL)
                visit(sink, worker, tile, &place,
                      &sink->results[sink->first_result[tile->number] + count]);
            count++;
        }
    }
    return count;
}

/* ---- counts ---- */

/* Adds one metric's counts to a histogram. Lanes are known to be few where they are added up, which
 * lets the compiler add many bins at once. */
static void add_counts(const qkv_binning *binning, const uint32_t *counts, int64_t *histogram)
{
    const int64_t bins = binning->count;
    if (!binning->fast) {
        for (int64_t bin = 0; bin < bins; bin++)
            histogram[bin] += counts[bin];
        return;
    }
    for (int64_t bin = 0; bin < bins; bin++) {
        uint32_t count = 0;
        for (int lane = 0; lane < QKV_SUBHISTOGRAMS; lane++)
            count += counts[lane * bins + bin];
        histogram[bin] += count;
    }
}

/* Adds each metric's counts to a pair group's histogram, and clears them. */
static void flush_single(qkv_tally_sink *sink, const qkv_rectangle_tally *tally, int32_t pair_group)
{
    const qkv_binning *binning = sink->setting.binning;
    const qkv_tally *metrics[2] = { &tally->cosine, &tally->pearson };
    pthread_mutex_t *stripe = &sink->stripes[pair_group % QKV_STRIPES];
    pthread_mutex_lock(stripe);
    for (int metric = 0; metric < 2; metric++)
        if (metrics[metric]->wanted)
            add_counts(binning, metrics[metric]->counts,
                       sink->histograms[metric] + pair_group * binning->count);
    pthread_mutex_unlock(stripe);
    for (int metric = 0; metric < 2; metric++)
        if (metrics[metric]->wanted)
            memset(metrics[metric]->counts, 0,
                   (size_t)sink->metric_counts * sizeof *metrics[metric]->counts);
}

/* Adds the margins of joint counts to the two histograms, and clears the counts. */
static void flush_joint(qkv_tally_sink *sink, qkv_worker_counts *counts)
{
    const int64_t bins = sink->setting.binning->count;
    uint32_t margins[2][QKV_JOINT_BINS_MAX] = { { 0 } };
    if (counts->pending == 0)
        return;
    sink->context->kernels->take_margins(counts->joint, bins, margins[0], margins[1]);
    pthread_mutex_t *stripe = &sink->stripes[counts->pair_group % QKV_STRIPES];
    pthread_mutex_lock(stripe);
    for (int metric = 0; metric < 2; metric++)
        for (int64_t bin = 0; bin < bins; bin++)
            sink->histograms[metric][counts->pair_group * bins + bin] += margins[metric][bin];
    pthread_mutex_unlock(stripe);
    counts->pending = 0;
}

/* The worker's joint tables, made ready for a rectangle of a pair group: each row deals its pairs
 * to the tables in turns. */
static uint16_t *joint_for(qkv_tally_sink *sink, qkv_worker_counts *counts,
                           const rectangle_place *place)
{
    const int64_t in_a_row = (place->columns + QKV_JOINT_TABLES - 1) / QKV_JOINT_TABLES;
    const int64_t pairs = place->rows * in_a_row;
    if (counts->pair_group != place->pair_group || counts->pending + pairs > JOINT_PENDING_MAX)
        flush_joint(sink, counts);
    counts->pair_group = place->pair_group;
    counts->pending += pairs;
    return counts->joint;
}

/* ---- one rectangle ---- */

static const void *real_at(const void *reals, int64_t index, int32_t arithmetic)
{
    return (const char *)reals + (size_t)index * qkv_real_size(arithmetic);
}

static qkv_rectangle describe_rectangle(const qkv_tally_sink *sink, const qkv_tile *tile,
                                        const rectangle_place *place)
{
    const qkv_panels *panels = sink->gram->panels;
    const int32_t arithmetic = panels->arithmetic;
    const int64_t inside =
        (place->row - tile->row_start) * tile->leading + (place->column - tile->column_start);
    return (qkv_rectangle){
        .gram = real_at(tile->values, inside, arithmetic),
        .leading = tile->leading,
        .rows = place->rows,
        .columns = place->columns,
        .strict_upper = place->strict_upper,
        .row_spread = real_at(panels->spread, place->row, arithmetic),
        .row_offset = real_at(panels->offset, place->row, arithmetic),
        .column_spread = real_at(panels->spread, place->column, arithmetic),
        .column_offset = real_at(panels->offset, place->column, arithmetic),
        .binning = sink->setting.binning,
    };
}

/* Joint counts cost one addition for both metrics but a table of bins x bins, which pays where a
 * rectangle has as many pairs. */
static bool counts_jointly(const qkv_tally_sink *sink, const rectangle_place *place)
{
    const qkv_binning *binning = sink->setting.binning;
    return sink->counts[0].joint != NULL && place->normal
           && place->rows * place->columns >= binning->count * binning->count;
}

static void tally_place(qkv_tally_sink *sink, int32_t worker, const qkv_tile *tile,
                        const rectangle_place *place, qkv_pair_result *result)
{
    qkv_worker_counts *counts = &sink->counts[worker];
    const bool jointly = counts_jointly(sink, place);
    qkv_rectangle_tally tally = {
        .cosine = { .wanted = (sink->setting.metrics & QKVSIM_METRIC_COSINE) != 0,
                    .counts = counts->single },
        .pearson = { .wanted =
                         (sink->setting.metrics & QKVSIM_METRIC_PEARSON) != 0 && place->normal,
                     .counts = counts->single + sink->metric_counts + 1 },
    };
    if (jointly)
        tally.joint = joint_for(sink, counts, place);
    const qkv_rectangle rectangle = describe_rectangle(sink, tile, place);
    qkv_kernels_of(sink->context, sink->gram->panels->arithmetic)->tally(&rectangle, &tally);
    if (!jointly)
        flush_single(sink, &tally, place->pair_group);
    *result = (qkv_pair_result){ .pair_group = place->pair_group,
                                 .variance_sum = tally.variance_sum,
                                 .variance_energy = tally.variance_energy,
                                 .cross = tally.cross };
    if (tally.cosine.wanted)
        result->cosine = qkv_moments_of_tally(&tally.cosine, tally.pairs);
    if (tally.pearson.wanted)
        result->pearson = qkv_moments_of_tally(&tally.pearson, tally.pairs);
}

static void consume(qkv_sink *base, int32_t worker, const qkv_tile *tile)
{
    for_each_rectangle((qkv_tally_sink *)base, worker, tile, tally_place);
}

/* ---- life ---- */

/* Whether a rectangle may be large enough to be counted jointly. */
static bool needs_joint_tables(const qkv_tally_sink *sink)
{
    const qkv_binning *binning = sink->setting.binning;
    const qkvsim_layout *layout = sink->setting.layout;
    int64_t widest = 0;
    for (int32_t g = 0; g < layout->groups; g++)
        widest = layout->group_features[g] > widest ? layout->group_features[g] : widest;
    if (widest > sink->gram->panels->width)
        widest = sink->gram->panels->width;
    return binning->fast && binning->count <= QKV_JOINT_BINS_MAX && widest >= binning->count
           && sink->setting.metrics == QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON;
}

/* Both kinds of counts of all workers stand in one block, which is the context's: each use leaves
 * zeros, and clearing it anew would take a tenth of a small call. */
static bool borrow_counts(qkvsim_context *context, qkv_tally_sink *sink)
{
    const qkv_binning *binning = sink->setting.binning;
    const size_t table = (size_t)binning->count * (size_t)binning->count;
    const bool joint = needs_joint_tables(sink);
    sink->metric_counts = (binning->fast ? QKV_SUBHISTOGRAMS : 1) * binning->count;
    const size_t single = 2 * ((size_t)sink->metric_counts + 1);
    const size_t cells = joint ? QKV_JOINT_TABLES * table + QKV_JOINT_BINS_MAX : 0;
    const size_t words = (single + cells / 2 + 16) / 16 * 16; /* of 32 bits, whole cache lines */
    uint32_t *blocks =
        qkv_borrow(context, QKV_WORKSPACE_COUNTS, (size_t)sink->workers * words, sizeof *blocks);
    if (blocks == NULL)
        return false;
    for (int32_t w = 0; w < sink->workers; w++) {
        uint32_t *block = blocks + (size_t)w * words;
        sink->counts[w] = (qkv_worker_counts){ .joint = joint ? (void *)(block + single) : NULL,
                                               .single = block };
    }
    return true;
}

/* One allocation for all: of a small call each is a hundredth. */
static qkvsim_status allocate_tables(qkvsim_context *context, qkv_tally_sink *sink)
{
    /* A group has at most one stretch for each kind, and each panel may begin another. */
    const size_t stretches = 3 * (size_t)sink->setting.layout->groups;
    const size_t panels = (size_t)sink->gram->panels->count;
    const size_t tiles = (size_t)sink->gram->tile_count + 1;
    sink->workers = qkv_gram_workers(context, sink->gram);
    const size_t counts = (size_t)sink->workers * sizeof *sink->counts;
    sink->counts = qkv_allocate(
        &context->allocator,
        counts + stretches * sizeof *sink->stretches + (panels + tiles) * sizeof(int64_t), 1);
    if (sink->counts == NULL || !borrow_counts(context, sink))
        return qkv_no_memory(context, "the tallies");
    sink->stretches = (qkv_stretch *)(void *)(sink->counts + sink->workers);
    sink->panel_stretch = (int64_t *)(void *)(sink->stretches + stretches);
    sink->first_result = sink->panel_stretch + panels;
    return QKVSIM_OK;
}

static qkvsim_status allocate_results(qkvsim_context *context, qkv_tally_sink *sink)
{
    int64_t total = 0;
    for (int64_t t = 0; t < sink->gram->tile_count; t++) {
        const qkv_tile tile = qkv_gram_tile(sink->gram, t);
        sink->first_result[t] = total;
        total += for_each_rectangle(sink, 0, &tile, NULL);
    }
    sink->first_result[sink->gram->tile_count] = total;
    sink->results = qkv_allocate(&context->allocator, (size_t)total, sizeof *sink->results);
    return sink->results != NULL ? QKVSIM_OK : qkv_no_memory(context, "the tallies");
}

qkvsim_status qkv_tally_sink_open(qkvsim_context *context, const qkv_gram *gram,
                                  const qkv_tally_setting *setting, int64_t *const histograms[2],
                                  qkv_tally_sink *sink)
{
    *sink = (qkv_tally_sink){
        .sink = { consume }, .context = context, .gram = gram, .setting = *setting
    };
    const size_t pair_groups = (size_t)qkv_pair_groups(setting->layout->groups);
    for (int metric = 0; metric < 2; metric++) {
        sink->histograms[metric] = histograms[metric];
        if (histograms[metric] != NULL)
            memset(histograms[metric], 0,
                   pair_groups * (size_t)setting->binning->count * sizeof *histograms[metric]);
    }
    for (int s = 0; s < QKV_STRIPES; s++)
        sink->stripes[s] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    qkvsim_status status = allocate_tables(context, sink);
    if (status == QKVSIM_OK) {
        find_stretches(sink);
        status = allocate_results(context, sink);
    }
    if (status != QKVSIM_OK)
        qkv_tally_sink_close(sink);
    return status;
}

/* What a cancelled call has pending, and what kernels may write to beside the counts. */
static void leave_zeros(qkv_tally_sink *sink, qkv_worker_counts *counts)
{
    const int64_t bins = sink->setting.binning->count;
    flush_joint(sink, counts);
    counts->single[sink->metric_counts] = counts->single[2 * sink->metric_counts + 1] = 0;
    if (counts->joint != NULL)
        memset(counts->joint + QKV_JOINT_TABLES * bins * bins, 0,
               QKV_JOINT_BINS_MAX * sizeof *counts->joint);
}

void qkv_tally_sink_close(qkv_tally_sink *sink)
{
    const qkv_allocator *allocator = &sink->context->allocator;
    for (int32_t w = 0; w < sink->workers && sink->results != NULL; w++)
        leave_zeros(sink, &sink->counts[w]);
    qkv_release(allocator, sink->results);
    qkv_release(allocator, sink->counts);
    *sink = (qkv_tally_sink){ 0 };
}

/* Values in the tail's bins, which kernels leave out. */
static int64_t count_tail(const qkv_binning *binning, const int64_t *histogram)
{
    int64_t tail = 0;
    for (int64_t bin = 0; bin < binning->tail_end; bin++)
        tail += histogram[bin];
    for (int64_t bin = binning->tail_start; bin < binning->count; bin++)
        tail += histogram[bin];
    return tail;
}

static void add_tails(const qkv_tally_sink *sink, qkv_pair_result *result)
{
    const qkv_binning *binning = sink->setting.binning;
    qkv_moments *moments[2] = { &result->cosine, &result->pearson };
    for (int metric = 0; metric < 2; metric++)
        if (sink->histograms[metric] != NULL)
            moments[metric]->tail +=
                count_tail(binning, sink->histograms[metric] + result->pair_group * binning->count);
}

void qkv_tally_sink_results(qkv_tally_sink *sink, qkv_pair_result *pair_groups)
{
    for (int32_t w = 0; w < sink->workers; w++)
        flush_joint(sink, &sink->counts[w]);
    const int32_t count = qkv_pair_groups(sink->setting.layout->groups);
    for (int32_t p = 0; p < count; p++)
        pair_groups[p] = (qkv_pair_result){ .pair_group = p };
    const int64_t results = sink->first_result[sink->gram->tile_count];
    for (int64_t k = 0; k < results; k++) {
        const qkv_pair_result *from = &sink->results[k];
        qkv_pair_result *to = &pair_groups[from->pair_group];
        qkv_moments_merge(&to->cosine, &from->cosine);
        qkv_moments_merge(&to->pearson, &from->pearson);
        to->variance_sum += from->variance_sum;
        to->variance_energy += from->variance_energy;
        to->cross += from->cross;
    }
    for (int32_t p = 0; p < count; p++) {
        add_tails(sink, &pair_groups[p]);
        /* Roll-ups of results that were packed do not have it. */
        pair_groups[p].cosine.mean_low = pair_groups[p].pearson.mean_low = 0;
    }
}
