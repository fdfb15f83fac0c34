/* Building block: a permuted copy of a given matrix. */
#include <qkvsim/permutation.h>

#include <string.h>

#include "permuter.h"
#include "prepare.h"

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
