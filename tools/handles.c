/*
 * A result of the library whatever its kind.
 */
#include "handles.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int64_t handle_size(const struct handle *handle)
{
    switch (handle->kind) {
    case QKVSIM_KIND_LAYOUT:
        return qkvsim_layout_packed_size(handle->result);
    case QKVSIM_KIND_ANALYSIS:
        return qkvsim_analysis_packed_size(handle->result);
    case QKVSIM_KIND_BASELINE:
        return qkvsim_baseline_packed_size(handle->result);
    case QKVSIM_KIND_COMPARISON:
        return qkvsim_comparison_packed_size(handle->result);
    default:
        return qkvsim_intervals_packed_size(handle->result);
    }
}

static qkvsim_status pack(qkvsim_context *context, const struct handle *handle, void *bytes,
                          int64_t size)
{
    switch (handle->kind) {
    case QKVSIM_KIND_LAYOUT:
        return qkvsim_layout_pack(context, handle->result, bytes, size);
    case QKVSIM_KIND_ANALYSIS:
        return qkvsim_analysis_pack(context, handle->result, bytes, size);
    case QKVSIM_KIND_BASELINE:
        return qkvsim_baseline_pack(context, handle->result, bytes, size);
    case QKVSIM_KIND_COMPARISON:
        return qkvsim_comparison_pack(context, handle->result, bytes, size);
    default:
        return qkvsim_intervals_pack(context, handle->result, bytes, size);
    }
}

void *handle_pack(qkvsim_context *context, const struct handle *handle, int64_t *size,
                  struct failure *failure)
{
    *size = handle_size(handle);
    void *bytes = malloc((size_t)*size);
    if (bytes == NULL) {
        fail_no_memory(failure);
        return NULL;
    }
    const qkvsim_status status = pack(context, handle, bytes, *size);
    if (status == QKVSIM_OK)
        return bytes;
    fail_library(failure, context, status, NULL);
    free(bytes);
    return NULL;
}

bool handle_write(FILE *stream, qkvsim_context *context, const struct handle *handle,
                  struct failure *failure)
{
    int64_t size;
    void *bytes = handle_pack(context, handle, &size, failure);
    const bool written = bytes != NULL && fwrite(bytes, 1, (size_t)size, stream) == (size_t)size;
    free(bytes);
    return written;
}

static qkvsim_status unpack(struct handle *handle, qkvsim_context *context, const void *bytes,
                            int64_t size)
{
    switch (handle->kind) {
    case QKVSIM_KIND_LAYOUT:
        return qkvsim_layout_unpack(context, bytes, size, &handle->layout);
    case QKVSIM_KIND_ANALYSIS:
        return qkvsim_analysis_unpack(context, bytes, size, &handle->analysis);
    case QKVSIM_KIND_BASELINE:
        return qkvsim_baseline_unpack(context, bytes, size, &handle->baseline);
    case QKVSIM_KIND_COMPARISON:
        return qkvsim_comparison_unpack(context, bytes, size, &handle->comparison);
    case QKVSIM_KIND_INTERVALS:
        return qkvsim_intervals_unpack(context, bytes, size, &handle->intervals);
    default:
        return QKVSIM_ERROR_UNSUPPORTED;
    }
}

bool handle_unpack(struct handle *handle, qkvsim_context *context, const void *bytes, int64_t size,
                   struct failure *failure)
{
    *handle = (struct handle){ 0 };
    qkvsim_status status = qkvsim_packed_kind(context, bytes, size, &handle->kind, NULL);
    if (status == QKVSIM_OK)
        status = unpack(handle, context, bytes, size);
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}

bool handle_read(struct handle *handle, qkvsim_context *context, const struct container *container,
                 int64_t number, qkvsim_kind kind, struct failure *failure)
{
    int64_t size;
    *handle = (struct handle){ 0 };
    if (number < 0 || number >= container->count)
        return container_fail(container, "a result is missing", failure);
    const void *bytes = container_result(container, number, &size);
    qkvsim_status status = qkvsim_packed_kind(context, bytes, size, &handle->kind, NULL);
    if (status == QKVSIM_OK && kind != 0 && handle->kind != kind)
        return container_fail(container, "a result is of another kind", failure);
    if (status == QKVSIM_OK)
        status = unpack(handle, context, bytes, size);
    return status == QKVSIM_OK || fail_library(failure, context, status, container->path);
}

void handle_free(struct handle *handle)
{
    switch (handle->kind) {
    case QKVSIM_KIND_LAYOUT:
        qkvsim_layout_free(handle->result);
        break;
    case QKVSIM_KIND_ANALYSIS:
        qkvsim_analysis_free(handle->result);
        break;
    case QKVSIM_KIND_BASELINE:
        qkvsim_baseline_free(handle->result);
        break;
    case QKVSIM_KIND_COMPARISON:
        qkvsim_comparison_free(handle->result);
        break;
    default:
        qkvsim_intervals_free(handle->result);
    }
    *handle = (struct handle){ 0 };
}

/* ---- merging ---- */

static bool are_same(qkvsim_context *context, const struct handle *a, const struct handle *b,
                     struct failure *failure)
{
    int64_t a_size = 0, b_size = 0;
    void *a_bytes = handle_pack(context, a, &a_size, failure);
    void *b_bytes = a_bytes != NULL ? handle_pack(context, b, &b_size, failure) : NULL;
    const bool packable = a_bytes != NULL && b_bytes != NULL;
    const bool same = packable && a_size == b_size && memcmp(a_bytes, b_bytes, (size_t)a_size) == 0;
    free(a_bytes);
    free(b_bytes);
    if (!packable || same)
        return packable;
    return fail(
        failure,
        "what each piece computes whole differs in its bits: other values or options, or other "
        "kernels or another OpenBLAS");
}

static bool all_are_same(qkvsim_context *context, const struct handle *pieces, int64_t count,
                         struct failure *failure)
{
    bool done = true;
    for (int64_t k = 1; done && k < count; k++)
        done = are_same(context, &pieces[0], &pieces[k], failure);
    return done;
}

/* The results of the pieces, as merging wants them; NULL without memory. */
static const void **list_results(const struct handle *pieces, int64_t count)
{
    const void **results = malloc((size_t)count * sizeof *results);
    for (int64_t k = 0; results != NULL && k < count; k++)
        results[k] = pieces[k].result;
    return results;
}

static qkvsim_status merge(struct handle *merged, qkvsim_context *context,
                           const void *const *results, int64_t count)
{
    switch (merged->kind) {
    case QKVSIM_KIND_BASELINE:
        return qkvsim_baseline_merge(context, (const qkvsim_baseline *const *)results, count,
                                     &merged->baseline);
    case QKVSIM_KIND_COMPARISON:
        return qkvsim_comparison_merge(context, (const qkvsim_comparison *const *)results, count,
                                       &merged->comparison);
    default:
        return qkvsim_intervals_merge(context, (const qkvsim_intervals *const *)results, count,
                                      &merged->intervals);
    }
}

static bool has_pieces(const struct handle *handle)
{
    return handle->kind == QKVSIM_KIND_BASELINE || handle->kind == QKVSIM_KIND_COMPARISON
           || (handle->kind == QKVSIM_KIND_INTERVALS
               && qkvsim_intervals_method(handle->result) == QKVSIM_METHOD_BOOTSTRAP);
}

bool handle_merge(struct handle *merged, qkvsim_context *context, const struct handle *pieces,
                  int64_t count, struct failure *failure)
{
    *merged = (struct handle){ .kind = pieces[0].kind };
    for (int64_t k = 1; k < count; k++)
        if (pieces[k].kind != pieces[0].kind)
            return fail(failure, "pieces hold results of different kinds: number %" PRId64, k);
    if (!has_pieces(&pieces[0]))
        return all_are_same(context, pieces, count, failure);
    const void **results = list_results(pieces, count);
    if (results == NULL)
        return fail_no_memory(failure);
    const qkvsim_status status = merge(merged, context, results, count);
    free(results);
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}

bool handle_join(struct handle *merged, qkvsim_context *context, const struct handle *first,
                 const struct handle *second, struct failure *failure)
{
    const qkvsim_analysis *const pieces[] = { first->result, second->result };
    qkvsim_analysis *joined = NULL;
    const qkvsim_status status = qkvsim_analysis_merge(context, pieces, 2, &joined);
    *merged = (struct handle){ .kind = QKVSIM_KIND_ANALYSIS, .result = joined };
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}
