/*
 * qkvsim matrix: one similarity matrix of all features, or of the target observations, as .npy.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "commands.h"
#include "layers.h"
#include "npy.h"
#include "output.h"
#include "progress.h"
#include "targets.h"

/* Memory for the matrix, f64 where the arithmetic is. */
static bool allocate(qkvsim_matrix *matrix, const struct options *options,
                     const struct input *input, struct failure *failure)
{
    bool wide = options->precision == QKVSIM_DTYPE_F64;
    for (int32_t i = 0; options->precision == 0 && i < input->part_count; i++)
        wide = wide || input->parts[i].dtype == QKVSIM_DTYPE_F64;
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
    char files[512];
    layer_files(&layers->items[0], true, files, sizeof files);
    return status == QKVSIM_OK || fail_library(failure, context, status, files);
}

bool command_matrix(const struct options *options, struct failure *failure)
{
    qkvsim_context *context = NULL;
    struct layers layers = { 0 };
    struct input input = { 0 };
    struct targets targets = { 0 };
    qkvsim_matrix matrix = { 0 };
    bool done = output_check(options->output, failure)
                && command_make_context(options, &context, failure)
                && layers_find(&layers, options, failure) && open_input(&input, &layers, failure)
                && (options->targets == NULL
                    || targets_read(&targets, options->targets, input.observations, true, failure))
                && allocate(&matrix, options, &input, failure)
                && compute(context, options, &layers, &input, &targets, &matrix, failure)
                && output_write(options->output, npy_write, &matrix, failure);
    free(matrix.data);
    targets_free(&targets);
    input_close(&input);
    layers_free(&layers);
    qkvsim_context_free(context);
    return done;
}
