/* Building blocks: a permuted copy of a given matrix, or of labels of observations. */
#include <qkvsim/permutation.h>

#include <string.h>

#include "permuter.h"
#include "prepare.h"
#include "resample.h"

static void write_matrix(const qkv_permuter *permuter, const qkvsim_matrix *matrix)
{
    const size_t size = qkv_real_size(permuter->real);
    for (int64_t r = 0; r < permuter->rows; r++) {
        const char *from =
            (const char *)permuter->permuted + (size_t)(r * permuter->columns) * size;
        char *to = (char *)matrix->data
                   + (size_t)(r * matrix->leading_dimension) * qkv_real_size(matrix->dtype);
        if (matrix->dtype == permuter->real)
            memcpy(to, from, (size_t)permuter->columns * size);
        else
            for (int64_t j = 0; j < permuter->columns; j++)
                ((double *)(void *)to)[j] = (double)((const float *)(const void *)from)[j];
    }
}

static qkvsim_status permute_input(qkvsim_context *context, const qkv_input *input,
                                   const qkvsim_permutation *permutation,
                                   const qkvsim_matrix *matrix)
{
    qkvsim_matrix out;
    qkvsim_status status =
        qkv_check_matrix(context, matrix, input->observations, input->features, false, &out);
    if (status != QKVSIM_OK)
        return status;
    if (out.dtype == QKVSIM_F32 && input->real == QKVSIM_F64)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                        "the input has a float64 part but the output matrix is QKVSIM_F32, which "
                        "would round it");
    qkv_permuter permuter;
    status = qkv_permuter_open(context, input, permutation->scheme, &permuter);
    if (status != QKVSIM_OK)
        return status;
    qkv_permute_values(&permuter, permutation->seed, (uint32_t)permutation->index);
    write_matrix(&permuter, &out);
    qkv_permuter_close(context, &permuter);
    return QKVSIM_OK;
}

qkvsim_status qkvsim_permute(qkvsim_context *context, const qkvsim_view *parts, int32_t part_count,
                             const qkvsim_permutation *given, const qkvsim_matrix *matrix)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (given == NULL)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT, "permutation is NULL");
    qkvsim_permutation permutation;
    qkvsim_status status = qkv_read_struct(context, "qkvsim_permutation", given, &permutation,
                                           sizeof permutation, sizeof permutation);
    if (status != QKVSIM_OK)
        return status;
    if (permutation.index < 0 || permutation.index > UINT32_MAX)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT, "index is %lld, expected 0 to %lld",
                        (long long)permutation.index, (long long)UINT32_MAX);
    const qkv_input_options reading = { .selection = permutation.selection };
    qkv_input input;
    status = qkv_input_open(context, parts, part_count, &reading, &input);
    if (status != QKVSIM_OK)
        return status;
    status = permute_input(context, &input, &permutation, matrix);
    qkv_input_close(context, &input);
    return status;
}

/* ---- labels ---- */

static qkvsim_status check_relabelling(qkvsim_context *context, int64_t observations,
                                       const qkvsim_relabelling *relabelling)
{
    if (relabelling->relabel != QKVSIM_RELABEL_LABELS
        && relabelling->relabel != QKVSIM_RELABEL_SHIFT)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                        "relabel is %d, expected QKVSIM_RELABEL_LABELS (1) or SHIFT (2)",
                        (int)relabelling->relabel);
    if (relabelling->index < 0 || relabelling->index > UINT32_MAX)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT, "index is %lld, expected 0 to %lld",
                        (long long)relabelling->index, (long long)UINT32_MAX);
    if (observations < 1)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT,
                        "%lld observations: at least one label is needed", (long long)observations);
    return QKVSIM_OK;
}

qkvsim_status qkvsim_relabel(qkvsim_context *context, const uint8_t *labels, int64_t observations,
                             const qkvsim_relabelling *given, uint8_t *relabelled)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (labels == NULL || given == NULL || relabelled == NULL)
        return qkv_fail(context, QKVSIM_ERROR_INVALID_ARGUMENT, "%s is NULL",
                        labels == NULL  ? "labels"
                        : given == NULL ? "relabelling"
                                        : "relabelled");
    qkvsim_relabelling relabelling;
    qkvsim_status status = qkv_read_struct(context, "qkvsim_relabelling", given, &relabelling,
                                           sizeof relabelling, sizeof relabelling);
    if (status == QKVSIM_OK)
        status = check_relabelling(context, observations, &relabelling);
    if (status != QKVSIM_OK)
        return status;
    const qkv_input all = { .observations = observations };
    const uint32_t index = (uint32_t)relabelling.index;
    qkv_segments segments;
    status = qkv_segments_open(context, relabelling.segments, &all, &segments);
    if (status != QKVSIM_OK)
        return status;
    if (relabelling.relabel == QKVSIM_RELABEL_LABELS)
        qkv_permute_labels(labels, observations, relabelling.seed, index, relabelled);
    else
        qkv_rotate_labels(labels, &segments, relabelling.seed, index, relabelled);
    qkv_segments_close(context, &segments);
    return QKVSIM_OK;
}
