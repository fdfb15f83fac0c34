/*
 * What all layers of a run share, read once and checked before the work begins.
 */
#include "study.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "commands.h"
#include "groups.h"
#include "segments.h"
#include "text.h"

static bool read_targets(struct study *study)
{
    int64_t observations = study->input.observations;
    if (!targets_read(&study->targets, study->options->targets, observations, true, study->failure))
        return false;
    if (study->options->command == COMMAND_ANALYZE && study->targets.count == observations)
        return fail(study->failure, "every observation is a target, none is left: %s",
                    study->options->targets);
    study->others = malloc((size_t)observations);
    if (study->others == NULL)
        return fail_no_memory(study->failure);
    for (int64_t i = 0; i < observations; i++)
        study->others[i] = !study->targets.mask[i];
    return true;
}

/* The mask's codes, or NULL where the layout has more groups than unambiguous products. */
static bool find_codes(struct study *study)
{
    size_t count = (size_t)qkvsim_layout_pair_groups(study->layout);
    study->codes = calloc(count, sizeof *study->codes);
    if (study->codes == NULL)
        return fail_no_memory(study->failure);
    qkvsim_status status =
        qkvsim_layout_mask_codes(study->context, study->layout, NULL, study->codes, (int64_t)count);
    if (status == QKVSIM_ERROR_AMBIGUOUS || status == QKVSIM_ERROR_TOO_LARGE) {
        free(study->codes);
        study->codes = NULL;
        return true;
    }
    return status == QKVSIM_OK
           || fail_library(study->failure, study->context, status, study->options->inputs[0]);
}

static bool find_contrasts(struct study *study)
{
    const struct options *options = study->options;
    study->contrasts = calloc((size_t)options->contrast_count + 1, sizeof *study->contrasts);
    bool done = study->contrasts != NULL || fail_no_memory(study->failure);
    for (int i = 0; done && i < options->contrast_count; i++)
        done = rows_find_contrast(&study->contrasts[i], &study->rows, study->layout,
                                  options->contrasts[i], study->failure);
    return done;
}

/* The rows' schemes keep all that is within a group: there must be a pair of two groups. */
static bool check_scheme(const struct study *study)
{
    const struct options *options = study->options;
    bool rows = options->scheme == QKVSIM_SCHEME_OBSERVATIONS
                || options->scheme == QKVSIM_SCHEME_OBSERVATIONS_SHIFT
                || options->scheme == QKVSIM_SCHEME_FLIP;
    if (options->permutations == 0 || !rows)
        return true;
    int32_t within = 0;
    for (int32_t i = 0; i < study->rows.pair_groups; i++)
        for (int32_t g = 0; g < qkvsim_layout_groups(study->layout); g++)
            within += study->rows.numbers[i] == qkvsim_layout_pair_group(study->layout, g, g);
    return within < study->rows.pair_groups
           || fail_usage(study->failure,
                         "--scheme %s changes nothing within a group, and of the %" PRId32
                         " pair groups none is of two",
                         options_scheme_name(options->scheme), study->rows.pair_groups);
}

static bool read_covariates(struct study *study)
{
    const struct part_source source = { .path = study->options->covariates };
    if (!input_open_parts(&study->covariates, &source, 1, study->failure))
        return false;
    return study->covariates.observations == study->shape[0]
           || fail(study->failure,
                   "covariates are one row for each observation: %s: %" PRId64 ", not %" PRId64,
                   source.path, study->covariates.observations, study->shape[0]);
}

static bool remember_shape(struct study *study)
{
    study->shape_count = study->input.part_count + 1;
    study->shape = calloc((size_t)study->shape_count, sizeof *study->shape);
    if (study->shape == NULL)
        return fail_no_memory(study->failure);
    study->shape[0] = study->input.observations;
    for (int32_t i = 0; i < study->input.part_count; i++)
        study->shape[i + 1] = study->input.parts[i].features;
    return true;
}

/* Layers are compared with each other: same tokens, same groups. */
static bool check_shape(const struct study *study, const struct input *input, int layer)
{
    const struct layer *items = study->layers.items;
    if (input->observations != study->shape[0])
        return fail(study->failure,
                    "layers differ in observations: %s has %" PRId64 ", %s has %" PRId64,
                    items[layer].name, input->observations, items[0].name, study->shape[0]);
    for (int32_t i = 0; i < input->part_count; i++)
        if (input->parts[i].features != study->shape[i + 1])
            return fail(study->failure,
                        "layers differ in features: part %" PRId32 " of %s has %" PRId64
                        ", that of %s has %" PRId64,
                        i + 1, items[layer].name, input->parts[i].features, items[0].name,
                        study->shape[i + 1]);
    return true;
}

/* A pipe can be read only once: its shape is checked when its turn comes. */
static bool can_be_read_again(const struct layer *layer)
{
    struct stat status;
    for (int32_t i = 0; i < layer->source_count; i++)
        if (stat(layer->sources[i].path, &status) == 0 && !S_ISREG(status.st_mode))
            return false;
    return true;
}

static bool check_shapes(struct study *study)
{
    bool done = true;
    for (int i = 1; done && i < study->layers.count; i++) {
        const struct layer *layer = &study->layers.items[i];
        struct input input;
        if (!can_be_read_again(layer))
            continue;
        done = input_open_parts(&input, layer->sources, layer->source_count, study->failure)
               && check_shape(study, &input, i);
        input_close(&input);
    }
    return done;
}

static bool open_layer(struct study *study, int layer)
{
    const struct layer *item = &study->layers.items[layer];
    study->current = layer;
    layer_files(item, false, study->files, sizeof study->files);
    return input_open_parts(&study->input, item->sources, item->source_count, study->failure);
}

bool study_turn_to(struct study *study, int layer)
{
    if (layer == study->current)
        return true;
    input_close(&study->input);
    if (study->stored != NULL) {
        study->current = layer;
        layer_files(&study->layers.items[layer], false, study->files, sizeof study->files);
        return study->stored->describe(study, layer);
    }
    return open_layer(study, layer) && check_shape(study, &study->input, layer);
}

const char *study_place(const struct study *study, char place[PLACE_SIZE])
{
    const struct layer *layer = &study->layers.items[study->current];
    bool many = study->layers.several && layer->sources[0].tensor != NULL;
    layer_files(layer, true, place, PLACE_SIZE);
    if (many)
        text_append(place, PLACE_SIZE, ": layer %s", layer->name);
    return place;
}

bool study_find_rows(struct study *study)
{
    return (study->rows.numbers != NULL
            || rows_find(&study->rows, study->context, study->layout, study->options->pair_groups,
                         study->failure))
           && check_scheme(study) && find_contrasts(study) && find_codes(study);
}

bool study_open(struct study *study, const struct options *options, struct failure *failure)
{
    *study = (struct study){
        .options = options, .failure = failure, .team = options->team, .current = -1
    };
    return layers_find(&study->layers, options, failure)
           && command_make_context(options, &study->context, failure) && open_layer(study, 0)
           && remember_shape(study)
           && groups_make_layout(study->context, options, &study->input, &study->layout, failure)
           && study_find_rows(study) && (options->targets == NULL || read_targets(study))
           && (options->segments == NULL
               || segments_read(&study->segments, options->segments, study->shape[0], failure))
           && (options->covariates == NULL || read_covariates(study)) && check_shapes(study);
}

void study_close(struct study *study)
{
    free(study->shape);
    free(study->codes);
    free(study->others);
    free(study->segments);
    input_close(&study->covariates);
    free(study->contrasts);
    rows_free(&study->rows);
    targets_free(&study->targets);
    qkvsim_layout_free(study->layout);
    input_close(&study->input);
    layers_free(&study->layers);
    qkvsim_context_free(study->context);
    *study = (struct study){ 0 };
}

qkvsim_input study_input(const struct study *study, const qkvsim_selection *selection)
{
    return (qkvsim_input){ .struct_size = sizeof(qkvsim_input),
                           .parts = study->input.parts,
                           .part_count = study->input.part_count,
                           .selection = selection,
                           .segments = study->segments,
                           .arithmetic = study->options->precision,
                           .nonfinite = study->options->nonfinite };
}
