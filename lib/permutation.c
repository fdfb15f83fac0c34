/* Building blocks: a permuted copy of a given matrix, or of labels of observations. */
#include <qkvsim/permutation.h>

#include "base/parallel.h"
#include "base/structs.h"
#include "flow/load.h"
#include "random/permuter.h"
#include "random/relabeller.h"

typedef struct writing {
    const qkvsim_context *context;
    const qkv_permuter *permuter;
    const qkvsim_matrix *matrix;
    void *narrow; /* for each worker a strip of float, where the matrix is of double; else NULL */
    atomic_llong next;
} writing;

static void write_columns(const writing *work, int32_t worker, int64_t start)
{
    const qkvsim_matrix *matrix = work->matrix;
    const qkv_column_source *source = &work->permuter->source;
    const int64_t n = matrix->rows, rest = matrix->columns - start;
    const int64_t width = qkv_smaller(rest, QKV_STRIP_WIDTH);
    const qkv_strip out = { .values =
                                (char *)matrix->data + (size_t)start * qkv_real_size(matrix->dtype),
                            .leading = matrix->leading_dimension,
                            .count = n,
                            .width = width };
    int64_t columns[QKV_STRIP_WIDTH];
    for (int64_t k = 0; k < width; k++)
        columns[k] = start + k;
    if (work->narrow == NULL) {
        source->load(source, worker, columns, &out);
        return;
    }
    float *memory = (float *)work->narrow + worker * n * QKV_STRIP_WIDTH;
    const qkv_strip narrow = {
        .values = memory, .leading = QKV_STRIP_WIDTH, .count = n, .width = width
    };
    const qkv_columns loaded = { memory, QKV_STRIP_WIDTH, 1, width, QKVSIM_DTYPE_F32 };
    const qkv_rows rows = { NULL, n };
    source->load(source, worker, columns, &narrow);
    work->context->kernels->f64->load(&loaded, &rows, &out, 0);
}

static void write_worker(void *state, int32_t worker)
{
    writing *work = state;
    const int64_t strips = (work->matrix->columns + QKV_STRIP_WIDTH - 1) / QKV_STRIP_WIDTH;
    for (int64_t s; (s = qkv_next_task(&work->next, strips)) >= 0;)
        write_columns(work, worker, s * QKV_STRIP_WIDTH);
}

static qkvsim_status write_matrix(qkvsim_context *context, const qkv_permuter *permuter,
                                  const qkvsim_matrix *matrix)
{
    writing work = { .context = context, .permuter = permuter, .matrix = matrix };
    const int32_t workers = qkv_worker_count(context, matrix->columns / QKV_STRIP_WIDTH + 1,
                                             8.0 * (double)matrix->rows * (double)matrix->columns);
    if (permuter->arithmetic != matrix->dtype) {
        work.narrow = qkv_allocate(&context->allocator, (size_t)(workers * QKV_STRIP_WIDTH),
                                   (size_t)matrix->rows * sizeof(float));
        if (work.narrow == NULL)
            return qkv_no_memory(context, "the permuted values");
    }
    qkv_parallel(NULL, workers, write_worker, &work); /* what is written cannot be taken back */
    qkv_release(&context->allocator, work.narrow);
    return QKVSIM_OK;
}

/* Fails where there is no so-manieth of all different ones. */
static qkvsim_status check_number(qkvsim_context *context, int64_t index, double count,
                                  const char *what)
{
    if (count > QKV_NUMBERED_MOST)
        return qkv_invalid(context, "there are more than %.0f different %s: they have no numbers",
                           QKV_NUMBERED_MOST, what);
    return (double)index < count
               ? QKVSIM_OK
               : qkv_invalid(context, "index is %lld of %.0f different %s, which count from 0",
                             (long long)index, count, what);
}

static qkvsim_status make_permutation(qkvsim_context *context, qkv_permuter *permuter,
                                      const qkvsim_permutation *permutation)
{
    if (permutation->enumerated == 0)
        return qkv_permute_values(context, permuter, permutation->seed,
                                  (uint32_t)permutation->index);
    const qkvsim_status status =
        check_number(context, permutation->index, qkv_permuter_count(permuter), "permutations");
    return status == QKVSIM_OK
               ? qkv_permute_numbered(context, permuter, (uint32_t)permutation->index)
               : status;
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
    if (out.dtype == QKVSIM_DTYPE_F32 && input->arithmetic == QKVSIM_DTYPE_F64)
        return qkv_invalid(
            context,
            "the input has a float64 part but the output matrix is QKVSIM_DTYPE_F32, which "
            "would round it");
    qkv_permuter permuter;
    const qkv_permuter_options options = { permutation->scheme, permutation->layout,
                                           permutation->exchange, permutation->covariates };
    status = qkv_permuter_open(context, input, &options, &permuter);
    if (status != QKVSIM_OK)
        return status;
    status = make_permutation(context, &permuter, permutation);
    if (status == QKVSIM_OK)
        status = write_matrix(context, &permuter, &out);
    qkv_permuter_close(context, &permuter);
    return status;
}

qkvsim_status qkvsim_permute(qkvsim_context *context, const qkvsim_input *given_input,
                             const qkvsim_permutation *given, const qkvsim_matrix *matrix)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (given == NULL)
        return qkv_invalid(context, "permutation is NULL");
    qkvsim_permutation permutation;
    qkvsim_status status = qkv_read_struct(context, &qkv_struct_permutation, given, &permutation);
    if (status != QKVSIM_OK)
        return status;
    if (permutation.scheme == 0)
        permutation.scheme = QKVSIM_SCHEME_ALL;
    if (permutation.index < 0 || permutation.index > UINT32_MAX)
        return qkv_invalid(context, "index is %lld, expected 0 to %lld",
                           (long long)permutation.index, (long long)UINT32_MAX);
    qkv_input input;
    status = qkv_input_open(context, given_input, false, &input);
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
    if (relabelling->index < 0 || relabelling->index > UINT32_MAX)
        return qkv_invalid(context, "index is %lld, expected 0 to %lld",
                           (long long)relabelling->index, (long long)UINT32_MAX);
    if (observations < 1)
        return qkv_invalid(context, "%lld observations: at least one label is needed",
                           (long long)observations);
    return QKVSIM_OK;
}

static qkvsim_status write_labels(qkvsim_context *context, const qkvsim_relabelling *relabelling,
                                  qkv_relabeller *relabeller, uint8_t *relabelled)
{
    if (relabelling->enumerated == 0) {
        qkv_relabel(relabeller, relabelling->seed, (uint32_t)relabelling->index, relabelled);
        return QKVSIM_OK;
    }
    const qkvsim_status status =
        check_number(context, relabelling->index, relabeller->count, "relabellings");
    if (status == QKVSIM_OK)
        qkv_relabel_numbered(relabeller, (uint64_t)relabelling->index, relabelled);
    return status;
}

qkvsim_status qkvsim_relabel(qkvsim_context *context, const uint8_t *labels, int64_t observations,
                             const qkvsim_relabelling *given, uint8_t *relabelled)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (labels == NULL || given == NULL || relabelled == NULL)
        return qkv_invalid(context, "%s is NULL",
                           labels == NULL  ? "labels"
                           : given == NULL ? "relabelling"
                                           : "relabelled");
    qkvsim_relabelling relabelling;
    qkvsim_status status = qkv_read_struct(context, &qkv_struct_relabelling, given, &relabelling);
    if (status == QKVSIM_OK)
        status = check_relabelling(context, observations, &relabelling);
    if (status != QKVSIM_OK)
        return status;
    const qkv_input all = { .observations = observations };
    const int32_t how = relabelling.relabel != 0 ? relabelling.relabel : QKVSIM_RELABEL_LABELS;
    const qkv_relabeller_options options = { how, relabelling.exchange, relabelling.segments };
    qkv_relabeller relabeller;
    status = qkv_relabeller_open(context, labels, &all, &options, &relabeller);
    if (status != QKVSIM_OK)
        return status;
    status = write_labels(context, &relabelling, &relabeller, relabelled);
    qkv_relabeller_close(context, &relabeller);
    return status;
}
