/*
 * Shards to sums: updates of some thousand rows each into an accumulator of the shard's own, which
 * is merged.
 */
#include "shard_sums.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shard_input.h"

/* Rows of one update: by the number of features alone, so that a shard gives the same bits
 * everywhere. As many as are fast (docs/performance.md): prepared, they stay near the processor. */
static int64_t rows_of_update(int64_t features)
{
    enum { LEAST = 2048, MOST = 4096, VALUES = 1 << 23 };
    const int64_t rows = VALUES / features;
    return rows < LEAST ? LEAST : rows > MOST ? MOST : rows;
}

/* What adds a shard. */
struct work {
    qkvsim_context *context;
    const struct options *options;
    const struct shard_input *shard;
    struct share kept; /* rows of the moments that the state has */
    bool *begun;       /* the state has something of the shard */
    struct failure *failure;
};

/* Some rows of a shard, of one condition. */
struct piece {
    int layer;
    const uint8_t *mask; /* of the whole shard; NULL: all rows */
    int64_t first;
    int64_t count;
};

static qkvsim_status add_rows(const struct work *work, const struct piece *piece,
                              qkvsim_view *parts, qkvsim_accumulator *accumulator)
{
    const struct input *input = &work->shard->inputs[piece->layer];
    for (int32_t i = 0; i < input->part_count; i++) {
        parts[i] = input->parts[i];
        parts[i].data =
            (const uint8_t *)parts[i].data
            + piece->first * parts[i].observation_stride * element_bytes(parts[i].dtype);
        parts[i].observations = piece->count;
    }
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .mask = piece->mask != NULL ? piece->mask + piece->first
                                                                     : NULL,
                                         .count = piece->count };
    const int32_t *segments = work->shard->segments;
    const qkvsim_input given = { .struct_size = sizeof given,
                                 .parts = parts,
                                 .part_count = input->part_count,
                                 .selection = piece->mask != NULL ? &selection : NULL,
                                 .segments = segments != NULL ? segments + piece->first : NULL,
                                 .arithmetic = work->options->precision,
                                 .nonfinite = work->options->nonfinite };
    return qkvsim_accumulator_update(work->context, accumulator, &given);
}

static bool rows_failed(const struct work *work, const struct piece *piece, qkvsim_status status)
{
    char place[PLACE_SIZE];
    const struct layers *layers = &work->shard->layers;
    snprintf(place, sizeof place, "%s%s%s", work->shard->path, layers->several ? ": layer " : "",
             layers->several ? layers->items[piece->layer].name : "");
    if (piece->first > 0)
        snprintf(place + strlen(place), sizeof place - strlen(place),
                 ": rows counted from %" PRId64 " on", piece->first);
    return fail_library(work->failure, work->context, status, place);
}

static bool update(const struct work *work, struct piece piece, qkvsim_accumulator *accumulator)
{
    const struct input *input = &work->shard->inputs[piece.layer];
    const int64_t step = rows_of_update(input->features), rows = input->observations;
    qkvsim_view *parts = calloc((size_t)input->part_count, sizeof *parts);
    qkvsim_status status = QKVSIM_OK;
    if (parts == NULL)
        return fail_no_memory(work->failure);
    for (; piece.first < rows && status == QKVSIM_OK; piece.first += step) {
        piece.count = rows - piece.first < step ? rows - piece.first : step;
        status = add_rows(work, &piece, parts, accumulator);
        if (status != QKVSIM_OK)
            rows_failed(work, &piece, status);
    }
    free(parts);
    return status == QKVSIM_OK;
}

/* An accumulator for one shard; without --segments a shard is one document, for which few blocks
 * do. */
static bool make_own(const struct work *work, qkvsim_accumulator **own)
{
    enum { FEWEST = 16 };
    const struct options *options = work->options;
    const bool one_document = options->blocks > 0 && options->segments == NULL;
    const int64_t blocks = one_document ? FEWEST : options->blocks;
    const qkvsim_accumulator_options accumulator = { .struct_size = sizeof accumulator,
                                                     .blocks = blocks,
                                                     .first_row = work->kept.first,
                                                     .rows = work->kept.count,
                                                     .cancel_empties = blocks == 0 };
    const qkvsim_status status =
        qkvsim_accumulator_create(work->context, work->shard->inputs->features, &accumulator, own);
    return status == QKVSIM_OK || fail_library(work->failure, work->context, status, NULL);
}

static bool merge(const struct work *work, qkvsim_accumulator *accumulator,
                  const qkvsim_accumulator *own)
{
    const qkvsim_status status = qkvsim_accumulator_merge(work->context, accumulator, own);
    return status == QKVSIM_OK
           || fail_library(work->failure, work->context, status, work->shard->path);
}

/* By an accumulator of its own, so that the state has all of it or nothing. */
static bool add_by_merging(const struct work *work, const struct piece *piece,
                           qkvsim_accumulator *accumulator)
{
    qkvsim_accumulator *own = NULL;
    const bool done =
        make_own(work, &own) && update(work, *piece, own) && merge(work, accumulator, own);
    qkvsim_accumulator_free(own);
    *work->begun |= done;
    return done;
}

/* An update without blocks is the merge of its sums, to the bit, and so is what comes into an empty
 * accumulator. */
static bool add_condition(const struct work *work, const struct piece *piece,
                          qkvsim_accumulator *accumulator)
{
    const struct input *input = &work->shard->inputs[piece->layer];
    const bool at_once = input->observations <= rows_of_update(input->features);
    const bool empty = qkvsim_accumulator_observations(accumulator) == 0
                       && qkvsim_accumulator_blocks(accumulator) == 0;
    if (!empty && (!at_once || work->options->blocks > 0))
        return add_by_merging(work, piece, accumulator);
    const bool done = update(work, *piece, accumulator);
    *work->begun |= done || !at_once;
    return done;
}

static bool add_layers(const struct work *work, const struct state *state)
{
    const uint8_t *const masks[] = { work->shard->targets.mask, work->shard->others };
    bool done = true;
    for (int64_t layer = 0; done && layer < state->layers; layer++)
        for (int64_t c = 0; done && c < state->conditions; c++) {
            const struct piece piece = { .layer = (int)layer,
                                         .mask = state->conditions == 2 ? masks[c] : NULL };
            done = add_condition(work, &piece, state_accumulator(state, layer, c));
        }
    return done;
}

static bool add(struct state *state, struct work *work, struct shard_input *shard)
{
    struct failure *failure = work->failure;
    if (state->table == NULL
        && !state_begin(state, work->context, work->options, &shard->layers, shard->inputs,
                        failure))
        return false;
    work->kept = state->rows;
    return state_check_shard(state, &shard->layers, shard->inputs, shard->path, failure)
           && shard_input_read(shard, work->options, failure)
           && state_check_new(state, &shard->shard, NULL, failure) && add_layers(work, state)
           && state_note_shard(state, &shard->shard, NULL, failure);
}

bool shard_sums_begin(struct state *state, qkvsim_context *context, const struct options *options,
                      const char *path, struct failure *failure)
{
    struct shard_input shard;
    if (!shard_input_open(&shard, options, path, failure))
        return false;
    const bool done = state_begin(state, context, options, &shard.layers, shard.inputs, failure);
    shard_input_close(&shard);
    return done;
}

bool shard_sums_add(struct state *state, qkvsim_context *context, const struct options *options,
                    const char *path, bool *begun, struct failure *failure)
{
    struct shard_input shard;
    struct work work = {
        .context = context, .options = options, .shard = &shard, .begun = begun, .failure = failure
    };
    *begun = false;
    if (!shard_input_open(&shard, options, path, failure))
        return false;
    const bool done = add(state, &work, &shard);
    shard_input_close(&shard);
    return done;
}
