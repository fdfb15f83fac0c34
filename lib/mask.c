/* Building block: the mask matrix and the codes of its pair groups. */
#include <qkvsim/mask.h>

#include <stdlib.h>

#include "flow/input.h"
#include "layout/layout.h"

typedef struct coded_pair {
    int64_t product;
    int32_t pair_group;
} coded_pair;

static int compare_products(const void *a, const void *b)
{
    const coded_pair *x = a, *y = b;
    if (x->product != y->product)
        return x->product < y->product ? -1 : 1;
    return (x->pair_group > y->pair_group) - (x->pair_group < y->pair_group);
}

static int64_t group_code(const int32_t *codes, int32_t group)
{
    return codes != NULL ? codes[group] : group + 1;
}

/* All products in the layout's order; fails on a code below 1 or a product over int32. */
static qkvsim_status multiply_codes(qkvsim_context *context, const qkvsim_layout *layout,
                                    const int32_t *codes, coded_pair *pairs)
{
    int32_t p = 0;
    for (int32_t a = 0; a < layout->groups; a++) {
        if (group_code(codes, a) < 1)
            return qkv_invalid(context, "group %s has code %d: codes are at least 1",
                               layout->group_names[a], (int)codes[a]);
        for (int32_t b = a; b < layout->groups; b++, p++) {
            pairs[p] = (coded_pair){ group_code(codes, a) * group_code(codes, b), p };
            if (pairs[p].product > INT32_MAX)
                return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                                "the code of %s, %lld x %lld, exceeds %d",
                                layout->pair_group_names[p], (long long)group_code(codes, a),
                                (long long)group_code(codes, b), INT32_MAX);
        }
    }
    return QKVSIM_OK;
}

static qkvsim_status check_distinct(qkvsim_context *context, const qkvsim_layout *layout,
                                    coded_pair *pairs, int32_t count)
{
    qsort(pairs, (size_t)count, sizeof *pairs, compare_products);
    for (int32_t p = 1; p < count; p++)
        if (pairs[p].product == pairs[p - 1].product)
            return qkv_fail(
                context, QKVSIM_ERROR_AMBIGUOUS,
                "pair groups %s and %s both have the code %lld: choose group codes whose "
                "products differ, such as primes",
                layout->pair_group_names[pairs[p - 1].pair_group],
                layout->pair_group_names[pairs[p].pair_group], (long long)pairs[p].product);
    return QKVSIM_OK;
}

/* Checks the codes and, where asked, writes the products. */
static qkvsim_status resolve_codes(qkvsim_context *context, const qkvsim_layout *layout,
                                   const int32_t *codes, int32_t *pair_codes)
{
    const int32_t count = qkv_pair_groups(layout->groups);
    coded_pair *pairs = qkv_allocate(&context->allocator, (size_t)count, sizeof *pairs);
    if (pairs == NULL)
        return qkv_no_memory(context, "the codes of the pair groups");
    qkvsim_status status = multiply_codes(context, layout, codes, pairs);
    if (status == QKVSIM_OK)
        status = check_distinct(context, layout, pairs, count);
    for (int32_t p = 0; status == QKVSIM_OK && pair_codes != NULL && p < count; p++)
        pair_codes[pairs[p].pair_group] = (int32_t)pairs[p].product;
    qkv_release(&context->allocator, pairs);
    return status;
}

qkvsim_status qkvsim_layout_mask_codes(qkvsim_context *context, const qkvsim_layout *layout,
                                       const int32_t *codes, int32_t *pair_codes, int64_t capacity)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (layout == NULL || pair_codes == NULL)
        return qkv_invalid(context, "%s is NULL", layout == NULL ? "layout" : "pair_codes");
    const qkvsim_status status =
        qkv_check_capacity(context, "pair_codes", capacity, qkv_pair_groups(layout->groups));
    return status == QKVSIM_OK ? resolve_codes(context, layout, codes, pair_codes) : status;
}

qkvsim_status qkvsim_layout_mask(qkvsim_context *context, const qkvsim_layout *layout,
                                 const int32_t *codes, const qkvsim_matrix *mask)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (layout == NULL)
        return qkv_invalid(context, "layout is NULL");
    qkvsim_matrix out;
    const int64_t d = layout->features;
    qkvsim_status status = qkv_check_matrix(context, mask, d, d, true, &out);
    if (status == QKVSIM_OK)
        status = resolve_codes(context, layout, codes, NULL);
    if (status != QKVSIM_OK)
        return status;
    for (int64_t i = 0; i < d; i++) {
        int32_t *row = (int32_t *)out.data + i * out.leading_dimension;
        const int32_t code = (int32_t)group_code(codes, layout->group_of[i]);
        for (int64_t j = 0; j <= i; j++)
            row[j] = 0;
        for (int64_t j = i + 1; j < d; j++)
            row[j] = code * (int32_t)group_code(codes, layout->group_of[j]);
    }
    return QKVSIM_OK;
}
