/* A chunk of observations added to what was accumulated: its products are a sink's tiles. */
#include "accumulator.h"

#include <string.h>

#include "base/structs.h"
#include "flow/prepare.h"
#include "flow/product_source.h"
#include "similarity.h"

/* A chunk's features as they are kept, and what its products are multiplied and shifted by. */
typedef struct chunk {
    qkv_running_feature *features;
    double *norms; /* of the centred columns */
    double *delta; /* chunk's mean less the old one; 0 for a first chunk */
    double weight; /* of delta delta' */
} chunk;

/* The sink: new moments = old ones + a chunk's products + the shift between the means. */
typedef struct accumulate_sink {
    qkv_sink sink;
    const qkv_real_kernels *kernels;
    const qkv_panels *panels;
    const chunk *chunk;
    const qkvsim_accumulator *to;
} accumulate_sink;

static void add_row(const accumulate_sink *sink, const qkv_tile *tile, int64_t r)
{
    const chunk *added = sink->chunk;
    const int64_t i = tile->row_start + r, first = tile->diagonal ? r : 0;
    const int64_t j = tile->column_start + first;
    const size_t at = (size_t)(r * tile->leading + first) * qkv_real_size(sink->panels->arithmetic);
    const qkv_moment_row row = {
        .to = sink->to->moments + qkv_moment_place(sink->to, i, j),
        .gram = (const char *)tile->values + at,
        .norms = added->norms + j,
        .deltas = added->delta + j,
        .norm = added->norms[i],
        .shift = added->weight * added->delta[i],
        .count = tile->columns - first,
    };
    sink->kernels->add_moments(&row);
}

/* The diagonal's value: unit columns have products of 1 with themselves. */
static double own_moment(const chunk *added, const qkvsim_accumulator *to, int64_t j)
{
    const double norm = added->norms[j], delta = added->delta[j];
    return to->squares[j] + norm * norm + added->weight * delta * delta;
}

static void consume(qkv_sink *base, int32_t worker, const qkv_tile *tile)
{
    const accumulate_sink *sink = (const accumulate_sink *)base;
    const qkvsim_accumulator *to = sink->to;
    (void)worker;
    for (int64_t r = 0; r < tile->rows; r++) {
        const int64_t i = tile->row_start + r;
        if (i < to->first_row || i >= to->end_row)
            continue;
        add_row(sink, tile, r);
        if (tile->diagonal)
            to->moments[qkv_moment_place(to, i, i)] = own_moment(sink->chunk, to, i);
    }
}

/* The tiles that a part has rows of. */
static bool has_rows(const void *state, int64_t panel_i, int64_t panel_j, qkv_needed *needed)
{
    const accumulate_sink *sink = state;
    const int64_t start = sink->panels->start[panel_i];
    const int64_t width = qkv_panel_width(sink->panels, panel_i);
    const int64_t first = sink->to->first_row - start, end = sink->to->end_row - start;
    *needed = (qkv_needed){ .first_row = (int32_t)(first > 0 ? first : 0),
                            .end_row = (int32_t)qkv_smaller(end, width),
                            .end_column = (int32_t)qkv_panel_width(sink->panels, panel_j) };
    return end > 0 && first < width;
}

static void describe_chunk(const qkv_panels *panels, const qkvsim_accumulator *old, chunk *added)
{
    for (int64_t j = 0; j < panels->features; j++) {
        const qkv_feature *feature = &panels->statistics[j];
        const bool nonfinite = feature->nonfinite || old->running[j].nonfinite;
        added->features[j] = (qkv_running_feature){
            .mean = nonfinite ? 0 : feature->mean,
            .mean_low = nonfinite ? 0 : feature->mean_low,
            .first = nonfinite ? 0 : feature->mean,
            .constant = !nonfinite && feature->kind != QKV_NORMAL,
            .nonfinite = nonfinite,
        };
        added->norms[j] = feature->centred_norm;
        added->delta[j] = old->observations == 0 || nonfinite
                              ? 0
                              : qkv_mean_difference(&old->running[j], &added->features[j]);
    }
    added->weight =
        old->observations > 0 ? qkv_cross_weight(old->observations, panels->observations) : 0;
}

static qkvsim_status check_range(qkvsim_context *context, const qkvsim_accumulator *old,
                                 const chunk *added)
{
    for (int64_t j = 0; j < old->features; j++) {
        const qkv_running_feature *feature = &added->features[j];
        const bool constant = old->observations == 0
                                  ? feature->constant
                                  : qkv_stays_constant(&old->running[j], feature);
        const double squares = own_moment(added, old, j);
        if (!feature->nonfinite && !qkv_squares_in_range(squares, constant))
            return qkv_squares_out_of_range(context, squares, j);
    }
    return QKVSIM_OK;
}

static qkvsim_status add_products(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                  const qkv_panels *panels, const chunk *added, int64_t pieces)
{
    accumulate_sink sink = { .sink = { consume },
                             .kernels = qkv_kernels_of(context, panels->arithmetic),
                             .panels = panels,
                             .chunk = added,
                             .to = accumulator };
    qkv_gram gram;
    qkvsim_status status =
        qkv_gram_open(context, panels, &qkv_product_source,
                      qkv_accumulator_is_part(accumulator) ? has_rows : NULL, &sink, &gram);
    if (status != QKVSIM_OK)
        return status;
    if (pieces > 0)
        qkv_work_begin(context, pieces * gram.tile_count);
    status = qkv_gram_for_each_tile(context, &gram, &sink.sink);
    qkv_gram_close(context, &gram);
    return status;
}

/* Only a callback can end the work once products are added; where there is one, the moments are
 * kept for that case. */
static qkvsim_status add_panels(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                const qkv_panels *panels, int64_t pieces, chunk *added)
{
    describe_chunk(panels, accumulator, added);
    qkvsim_status status = check_range(context, accumulator, added);
    if (status != QKVSIM_OK)
        return status;
    const size_t size = (size_t)qkv_moment_count(accumulator);
    double *kept = NULL;
    if (context->progress != NULL && !qkv_accumulator_ends_empty(accumulator)) {
        kept = qkv_allocate(&accumulator->allocator, size, sizeof *kept);
        if (kept == NULL)
            return qkv_no_memory(context, "the moments of a chunk");
        if (!qkv_copy_watched(context, kept, accumulator->moments, size * sizeof *kept)) {
            qkv_release(&accumulator->allocator, kept);
            return qkv_cancelled(context);
        }
    }
    status = add_products(context, accumulator, panels, added, pieces);
    if (status != QKVSIM_OK && kept != NULL) {
        double *changed = accumulator->moments;
        accumulator->moments = kept;
        kept = changed;
    }
    qkv_release(&accumulator->allocator, kept);
    if (status != QKVSIM_OK)
        return status;
    for (int64_t j = 0; j < accumulator->features; j++)
        accumulator->squares[j] = own_moment(added, accumulator, j);
    qkv_merge_features(accumulator->running, added->features, accumulator->features,
                       accumulator->observations, panels->observations);
    accumulator->observations += panels->observations;
    return QKVSIM_OK;
}

qkvsim_status qkv_accumulator_add(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                  const qkv_input *input, int64_t pieces)
{
    if (input->observations == 0)
        return QKVSIM_OK;
    const qkv_allocator *allocator = &accumulator->allocator;
    const size_t features = (size_t)accumulator->features;
    chunk added = {
        .features = qkv_allocate(allocator, features, sizeof *added.features),
        .norms = qkv_allocate(allocator, features, sizeof *added.norms),
        .delta = qkv_allocate(allocator, features, sizeof *added.delta),
    };
    qkv_panels panels = { 0 };
    qkvsim_status status = added.features != NULL && added.norms != NULL && added.delta != NULL
                               ? qkv_panels_open_unordered(context, input, &panels)
                               : qkv_no_memory(context, "a chunk");
    if (status == QKVSIM_OK)
        status = qkv_prepare(context, input, NULL, &panels);
    if (status == QKVSIM_OK)
        status = add_panels(context, accumulator, &panels, pieces, &added);
    if (status == QKVSIM_ERROR_CANCELLED && qkv_accumulator_ends_empty(accumulator))
        qkv_accumulator_empty(accumulator);
    qkv_panels_close(context, &panels);
    qkv_release(allocator, added.features);
    qkv_release(allocator, added.norms);
    qkv_release(allocator, added.delta);
    return status;
}

static qkvsim_status add_input(qkvsim_context *context, qkvsim_accumulator *accumulator,
                               const qkv_input *input)
{
    if (input->features != accumulator->features)
        return qkv_invalid(context, "the input has %lld features but the accumulator %lld",
                           (long long)input->features, (long long)accumulator->features);
    const qkvsim_status status = qkv_accumulator_check_writable(context, accumulator);
    if (status != QKVSIM_OK)
        return status;
    return accumulator->blocks.most > 0 ? qkv_stream_blocks_add(context, accumulator, input)
                                        : qkv_accumulator_add(context, accumulator, input, 1);
}

qkvsim_status qkvsim_accumulator_update(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                        const qkvsim_input *given)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (accumulator == NULL)
        return qkv_invalid(context, "accumulator is NULL");
    qkv_input input;
    qkvsim_status status = qkv_input_open(context, given, true, &input);
    if (status != QKVSIM_OK)
        return status;
    status = add_input(context, accumulator, &input);
    qkv_input_close(context, &input);
    return status;
}
