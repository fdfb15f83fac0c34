/* Building block: one similarity matrix, prepare + tiles + matrix sink. */
#include <qkvsim/similarity.h>

#include <string.h>

#include "base/structs.h"
#include "flow/matrix_sink.h"
#include "flow/prepare.h"
#include "flow/product_source.h"
#include "similarity.h"

qkvsim_status qkv_check_similarity(qkvsim_context *context, int32_t metric,
                                   const qkvsim_similarity_options *given,
                                   qkvsim_similarity_options *options)
{
    const qkvsim_status status =
        qkv_read_options(context, &qkv_struct_similarity_options, given, options);
    if (status != QKVSIM_OK)
        return status;
    if (metric != QKVSIM_METRIC_COSINE && metric != QKVSIM_METRIC_PEARSON
        && metric != QKVSIM_METRIC_COVARIANCE && metric != QKVSIM_METRIC_DOT
        && metric != QKVSIM_METRIC_SPEARMAN)
        return qkv_unknown(
            context, metric, QKV_METRICS_SUM,
            "metric is %d, expected one of QKVSIM_METRIC_COSINE (1), PEARSON (2), COVARIANCE "
            "(4), DOT (8), SPEARMAN (16)",
            (int)metric);
    if (options->triangle != QKVSIM_TRIANGLE_FULL && options->triangle != QKVSIM_TRIANGLE_UPPER)
        return qkv_unknown(
            context, options->triangle, QKVSIM_TRIANGLE_UPPER,
            "triangle is %d, expected QKVSIM_TRIANGLE_FULL (0) or QKVSIM_TRIANGLE_UPPER (1)",
            (int)options->triangle);
    return QKVSIM_OK;
}

qkvsim_status qkv_panels_open_unordered(qkvsim_context *context, const qkv_input *input,
                                        qkv_panels *panels)
{
    int64_t *order = qkv_allocate(&context->allocator, (size_t)input->features, sizeof *order);
    if (order == NULL)
        return qkv_no_memory(context, "the order of the features");
    for (int64_t j = 0; j < input->features; j++)
        order[j] = j;
    const qkv_placing all = { order, input->features, NULL, input->features };
    const qkvsim_status status = qkv_panels_open(context, input, &all, panels);
    qkv_release(&context->allocator, order);
    return status;
}

static qkvsim_status write_tiles(qkvsim_context *context, const qkv_panels *panels,
                                 const qkv_tile_source *source, qkv_matrix_sink *sink)
{
    qkv_gram gram;
    qkvsim_status status = qkv_gram_open(context, panels, source, NULL, NULL, &gram);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_begin(context, gram.tile_count);
    status = qkv_gram_for_each_tile(context, &gram, &sink->sink);
    if (status == QKVSIM_OK)
        qkv_matrix_sink_finish(sink);
    qkv_gram_close(context, &gram);
    return status;
}

static void copy_rows(const qkvsim_matrix *from, const qkvsim_matrix *to, bool full)
{
    const size_t size = qkv_real_size(to->dtype);
    for (int64_t i = 0; i < to->rows; i++) {
        const int64_t start = full ? 0 : i;
        memcpy((char *)to->data + (size_t)(i * to->leading_dimension + start) * size,
               (const char *)from->data + (size_t)(i * from->leading_dimension + start) * size,
               (size_t)(to->columns - start) * size);
    }
}

/* Where the call may be cancelled, the caller's matrix is written only when all is done. */
qkvsim_status qkv_write_similarity(qkvsim_context *context, const qkv_panels *panels,
                                   const qkv_tile_source *source, int32_t metric, int32_t triangle,
                                   const qkvsim_matrix *matrix)
{
    qkv_matrix_sink sink = qkv_matrix_sink_for(panels, metric, triangle, matrix);
    qkvsim_status status = qkv_matrix_sink_check(context, &sink);
    if (status != QKVSIM_OK)
        return status;
    if (context->progress == NULL)
        return write_tiles(context, panels, source, &sink);
    const int64_t d = matrix->columns;
    sink.matrix.leading_dimension = d;
    sink.matrix.data =
        qkv_allocate(&context->allocator, (size_t)(d * d), qkv_real_size(matrix->dtype));
    if (sink.matrix.data == NULL)
        return qkv_no_memory(context, "a copy of the matrix");
    status = write_tiles(context, panels, source, &sink);
    if (status == QKVSIM_OK)
        copy_rows(&sink.matrix, matrix, sink.full);
    qkv_release(&context->allocator, sink.matrix.data);
    return status;
}

qkvsim_status qkvsim_similarity(qkvsim_context *context, const qkvsim_input *given_input,
                                int32_t metric, const qkvsim_similarity_options *given,
                                const qkvsim_matrix *matrix)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_similarity_options options;
    qkv_input input;
    qkvsim_status status = qkv_check_similarity(context, metric, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_input_open(context, given_input, false, &input);
    if (status != QKVSIM_OK)
        return status;
    qkv_panels panels = { 0 };
    qkvsim_matrix out;
    input.ranked = metric == QKVSIM_METRIC_SPEARMAN;
    status = qkv_check_matrix(context, matrix, input.features, input.features, false, &out);
    if (status == QKVSIM_OK && input.ranked)
        status = qkv_check_ranks(context, &input);
    if (status == QKVSIM_OK)
        status = qkv_panels_open_unordered(context, &input, &panels);
    if (status == QKVSIM_OK)
        status = qkv_prepare(context, &input, NULL, &panels);
    if (status == QKVSIM_OK)
        status = qkv_write_similarity(context, &panels, &qkv_product_source,
                                      input.ranked ? QKVSIM_METRIC_PEARSON : metric,
                                      options.triangle, &out);
    qkv_panels_close(context, &panels);
    qkv_input_close(context, &input);
    return status;
}
