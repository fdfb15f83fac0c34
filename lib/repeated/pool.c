/* Both selections are opened as inputs, and merged by their rows. */
#include "pool.h"

/* Both lists increase. */
static qkvsim_status check_disjoint(qkvsim_context *context, const int64_t *a, int64_t a_count,
                                    const int64_t *b, int64_t b_count)
{
    for (int64_t i = 0, j = 0; i < a_count && j < b_count;) {
        if (a[i] == b[j])
            return qkv_invalid(context, "row %lld is in both selections: they must not overlap",
                               (long long)a[i]);
        if (a[i] < b[j])
            i++;
        else
            j++;
    }
    return QKVSIM_OK;
}

static qkvsim_status merge(qkvsim_context *context, qkv_pool *pool)
{
    const qkv_input *first = &pool->inputs[0], *second = &pool->inputs[1];
    const int64_t count = first->observations + second->observations;
    pool->rows = qkv_allocate(&context->allocator, (size_t)count, sizeof *pool->rows);
    pool->selection = qkv_allocate(&context->allocator, (size_t)count, sizeof *pool->selection);
    if (pool->rows == NULL || pool->selection == NULL)
        return qkv_no_memory(context, "the rows of both selections");
    for (int64_t k = 0, i = 0, j = 0; k < count; k++) {
        pool->selection[k] = i == first->observations
                             || (j < second->observations && second->rows[j] < first->rows[i]);
        pool->rows[k] = pool->selection[k] ? second->rows[j++] : first->rows[i++];
    }
    pool->all = qkv_input_with_rows(first, pool->rows, count);
    return QKVSIM_OK;
}

static qkvsim_status open_selection(qkvsim_context *context, const qkvsim_input *given,
                                    qkv_pool *pool)
{
    const qkvsim_status status =
        qkv_input_open(context, given, false, &pool->inputs[pool->selections]);
    pool->selections += status == QKVSIM_OK;
    return status;
}

qkvsim_status qkv_pool_open(qkvsim_context *context, const qkvsim_input *given,
                            const qkvsim_selection *second, qkv_pool *pool)
{
    const qkv_input *a = &pool->inputs[0], *b = &pool->inputs[1];
    qkvsim_input read;
    qkvsim_status status = qkv_read_input(context, given, &read);
    if (status != QKVSIM_OK)
        return status;
    if (second != NULL && read.selection == NULL)
        return qkv_invalid(
            context,
            "a second selection is given, but the input has no first one to compare with it");
    *pool = (qkv_pool){ 0 };
    status = open_selection(context, &read, pool);
    if (status != QKVSIM_OK)
        return status;
    pool->all = *a;
    if (second == NULL)
        return QKVSIM_OK;
    read.selection = second;
    status = open_selection(context, &read, pool);
    if (status == QKVSIM_OK)
        status = check_disjoint(context, a->rows, a->observations, b->rows, b->observations);
    if (status == QKVSIM_OK)
        status =
            check_disjoint(context, a->dropped, a->dropped_count, b->dropped, b->dropped_count);
    if (status == QKVSIM_OK)
        status = merge(context, pool);
    if (status != QKVSIM_OK)
        qkv_pool_close(context, pool);
    return status;
}

void qkv_pool_close(const qkvsim_context *context, qkv_pool *pool)
{
    for (int32_t s = 0; s < pool->selections; s++)
        qkv_input_close(context, &pool->inputs[s]);
    qkv_release(&context->allocator, pool->rows);
    qkv_release(&context->allocator, pool->selection);
}

void qkv_pool_hand_over(qkvsim_context *context, qkv_pool *pool, qkvsim_analysis *const analyses[])
{
    for (int32_t s = 0; s < pool->selections; s++)
        qkv_hand_over_input(context, &pool->inputs[s], analyses[s]);
}
