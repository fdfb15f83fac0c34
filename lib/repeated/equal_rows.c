/* Rows are hashed and sorted by their hashes; those that share one are compared. */
#include "equal_rows.h"

#include <stdlib.h>
#include <string.h>

typedef struct hashed {
    uint64_t hash;
    int64_t observation;
} hashed;

static const char *element_at(const qkvsim_view *view, int64_t row, int64_t column, size_t size)
{
    return (const char *)view->data
           + (row * view->observation_stride + column * view->feature_stride) * (int64_t)size;
}

/* Fowler, Noll and Vo, by elements in place of bytes, and mixed so that high bits count. */
static uint64_t hash_row(const qkv_input *input, int64_t row, uint64_t hash)
{
    for (int32_t p = 0; p < input->part_count; p++) {
        const qkvsim_view *view = &input->parts[p].view;
        const size_t size = qkv_element_size(view->dtype);
        for (int64_t j = 0; j < view->features; j++) {
            uint64_t bits = 0;
            memcpy(&bits, element_at(view, row, j, size), size);
            hash = (hash ^ bits) * 0x100000001b3u;
            hash ^= hash >> 29;
        }
    }
    return hash;
}

static bool rows_are_equal(const qkv_input *input, int64_t a, int64_t b)
{
    for (int32_t p = 0; p < input->part_count; p++) {
        const qkvsim_view *view = &input->parts[p].view;
        const size_t size = qkv_element_size(view->dtype);
        for (int64_t j = 0; j < view->features; j++)
            if (memcmp(element_at(view, a, j, size), element_at(view, b, j, size), size) != 0)
                return false;
    }
    return true;
}

static int compare_hashed(const void *a, const void *b)
{
    const hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->observation > y->observation) - (x->observation < y->observation);
}

/* Of those before k that share its hash, the first that is equal; else itself. */
static int64_t find_first(const qkv_input *input, const uint8_t *kinds, const hashed *sorted,
                          int64_t start, int64_t k)
{
    const int64_t own = sorted[k].observation;
    for (int64_t other = start; other < k; other++) {
        const int64_t before = sorted[other].observation;
        if ((kinds == NULL || kinds[before] == kinds[own])
            && rows_are_equal(input, qkv_input_row(input, before), qkv_input_row(input, own)))
            return before;
    }
    return own;
}

qkvsim_status qkv_find_equal_rows(qkvsim_context *context, const qkv_input *input,
                                  const uint8_t *kinds, int64_t *first, bool *any)
{
    const int64_t n = input->observations;
    hashed *sorted = qkv_allocate(&context->allocator, (size_t)n, sizeof *sorted);
    if (sorted == NULL)
        return qkv_no_memory(context, "the equal rows");
    for (int64_t k = 0; k < n; k++)
        sorted[k] =
            (hashed){ hash_row(input, qkv_input_row(input, k), kinds != NULL ? kinds[k] + 1u : 0),
                      k };
    qsort(sorted, (size_t)n, sizeof *sorted, compare_hashed);
    *any = false;
    for (int64_t k = 0, start = 0; k < n; k++) {
        if (sorted[k].hash != sorted[start].hash)
            start = k;
        const int64_t equal = find_first(input, kinds, sorted, start, k);
        *any |= equal != sorted[k].observation;
        first[sorted[k].observation] = qkv_input_row(input, equal);
    }
    qkv_release(&context->allocator, sorted);
    return QKVSIM_OK;
}
