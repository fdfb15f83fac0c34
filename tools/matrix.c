/*
 * qkvsim matrix: one similarity matrix of all features, or of the target observations, as .npy; of
 * arrays or of one layer of a state.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "layers.h"
#include "npy.h"
#include "output.h"
#include "parse_options.h"
#include "progress.h"
#include "state_study.h"
#include "targets.h"

/* Memory for the matrix, f64 where the arithmetic is. */
static bool allocate(qkvsim_matrix *matrix, const struct options *options,
                     const struct input *input, struct failure *failure)
{
    bool wide = options->precision == QKVSIM_DTYPE_F64;
    for (int32_t i = 0; options->precision == 0 && i < input->part_count; i++)
        wide = wide || input->part_types[i]->dtype == QKVSIM_DTYPE_F64;
    int64_t features = input->features;
    size_t elements, bytes;
    if (__builtin_mul_overflow((size_t)features, (size_t)features, &elements)
        || __builtin_mul_overflow(elements, wide ? 8u : 4u, &bytes))
        return fail(failure, "matrix does not fit the address space: %" PRId64 " features",
                    features);
    *matrix = (qkvsim_matrix){ .struct_size = sizeof *matrix,
                               .data = malloc(bytes),
                               .rows = features,
                               .columns = features,
                               .leading_dimension = features,
                               .dtype = wide ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32 };
    if (matrix->data == NULL)
        return fail(failure, "out of memory: a matrix of %zu bytes", bytes);
    return true;
}

/* ---- of arrays ---- */

/* Without patterns, and with one file or --parts, there is one layer. */
static bool open_input(struct input *input, const struct layers *layers, struct failure *failure)
{
    const struct layer *layer = &layers->items[0];
    return input_open_parts(input, layer->sources, layer->source_count, failure);
}

static bool compute(qkvsim_context *context, const struct options *options,
                    const struct layers *layers, const struct input *input,
                    const struct targets *targets, const qkvsim_matrix *matrix,
                    struct failure *failure)
{
    qkvsim_selection selection = { .struct_size = sizeof selection,
                                   .mask = targets->mask,
                                   .count = targets->observations };
    qkvsim_input given = { .struct_size = sizeof given,
                           .parts = input->parts,
                           .part_count = input->part_count,
                           .selection = options->targets != NULL ? &selection : NULL,
                           .arithmetic = options->precision,
                           .nonfinite = options->nonfinite };
    struct progress progress;
    progress_begin(&progress, context, "matrix", options);
    qkvsim_status status = qkvsim_similarity(context, &given, options->metric, NULL, matrix);
    progress_end(&progress, context, status == QKVSIM_OK);
    char files[PLACE_SIZE];
    layer_files(&layers->items[0], true, files, sizeof files);
    return status == QKVSIM_OK || fail_library(failure, context, status, files);
}

static bool write_of_arrays(qkvsim_context *context, const struct options *options,
                            struct failure *failure)
{
    struct layers layers = { 0 };
    struct input input = { 0 };
    struct targets targets = { 0 };
    qkvsim_matrix matrix = { 0 };
    bool done = layers_find(&layers, options, failure) && open_input(&input, &layers, failure)
                && (options->targets == NULL
                    || targets_read(&targets, options->targets, input.observations, true, failure))
                && allocate(&matrix, options, &input, failure)
                && compute(context, options, &layers, &input, &targets, &matrix, failure)
                && output_write(options->output, npy_write, &matrix, failure);
    free(matrix.data);
    targets_free(&targets);
    input_close(&input);
    layers_free(&layers);
    return done;
}

/* ---- of a state ---- */

/* The layer that is asked for; of a state of one there is nothing to ask. */
static bool find_layer(const struct state *state, const struct options *options, int64_t *layer,
                       struct failure *failure)
{
    const char *path = options->inputs[0], *first = state_layer_name(state, 0);
    const char *last = state_layer_name(state, state->layers - 1);
    *layer = 0;
    if (options->layer == NULL && state->layers > 1)
        return fail_usage(
            failure, "matrix is of one layer: --layer NAME, of the %" PRId64 " from %s to %s: %s",
            state->layers, first, last, path);
    if (options->layer == NULL)
        return true;
    for (int64_t i = 0; first != NULL && i < state->layers; i++)
        if (strcmp(state_layer_name(state, i), options->layer) == 0) {
            *layer = i;
            return true;
        }
    return first != NULL
               ? fail_usage(failure,
                            "no such layer: --layer %s (the %" PRId64 " are from %s to %s): %s",
                            options->layer, state->layers, first, last, path)
               : fail_usage(failure, "--layer %s: the state has one layer without a name: %s",
                            options->layer, path);
}

static bool compute_of_state(qkvsim_context *context, const struct options *options,
                             const qkvsim_accumulator *accumulator, const qkvsim_matrix *matrix,
                             struct failure *failure)
{
    struct progress progress;
    progress_begin(&progress, context, "matrix", options);
    const qkvsim_status status =
        qkvsim_accumulator_similarity(context, accumulator, options->metric, NULL, matrix);
    progress_end(&progress, context, status == QKVSIM_OK);
    return status == QKVSIM_OK || fail_library(failure, context, status, options->inputs[0]);
}

static bool write_of_state(qkvsim_context *context, const struct options *options,
                           struct failure *failure)
{
    struct state state = { 0 };
    struct input input = { 0 };
    qkvsim_matrix matrix = { 0 };
    int64_t layer = 0, condition = 0;
    if (!options_check_given(options, MATRIX_STATE, "a state", failure))
        return false;
    if (options->metric == QKVSIM_METRIC_SPEARMAN)
        return fail_usage(failure, "--metric spearman is for arrays: a state has no ranks: %s",
                          options->inputs[0]);
    struct progress unseen;
    progress_begin_unseen(&unseen, context);
    bool done = state_open(&state, context, options->inputs[0], failure);
    progress_end(&unseen, context, done);
    done = done && find_layer(&state, options, &layer, failure)
           && state_find_condition(&state, options, &condition, failure)
           && state_describe_layer(&state, layer, &input, failure)
           && allocate(&matrix, options, &input, failure)
           && compute_of_state(context, options, state_accumulator(&state, layer, condition),
                               &matrix, failure)
           && output_write(options->output, npy_write, &matrix, failure);
    free(matrix.data);
    input_close(&input);
    state_free(&state);
    return done;
}

static bool check_of_state(const struct options *options, struct failure *failure)
{
    return (options->layer == NULL && options->condition == CONDITION_DEFAULT)
           || fail_usage(failure, "--layer and --condition are of a state, --targets of arrays: %s",
                         options->inputs[0]);
}

bool command_matrix(const struct options *options, struct failure *failure)
{
    qkvsim_context *context = NULL;
    bool of_state = false;
    for (int i = 0; i < options->input_count; i++)
        of_state = of_state || container_is(options->inputs[i]);
    bool done =
        output_check(options->output, failure) && command_make_context(options, &context, failure)
        && (of_state
                ? write_of_state(context, options, failure)
                : check_of_state(options, failure) && write_of_arrays(context, options, failure));
    qkvsim_context_free(context);
    return done;
}
