/* Validation of what the caller hands in: everything behind this file may trust its input. */
#include "input.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/structs.h"
#include "ranks.h"

enum { VALUES_AT_A_TIME = 1 << 16 }; /* read between two looks for a cancellation */

size_t qkv_element_size(int32_t dtype)
{
    switch (dtype) {
    case QKVSIM_DTYPE_F16:
    case QKVSIM_DTYPE_BF16:
        return 2;
    case QKVSIM_DTYPE_F32:
    case QKVSIM_DTYPE_I32:
        return 4;
    case QKVSIM_DTYPE_F64:
        return 8;
    default:
        return 0;
    }
}

/* Whether the farthest element in one direction is addressable. */
static bool span_fits(int64_t extent, int64_t stride, size_t size, int64_t *bytes)
{
    int64_t elements;
    return stride != INT64_MIN && qkv_multiply(extent - 1, llabs(stride), &elements)
           && qkv_multiply(elements, (int64_t)size, bytes);
}

static qkvsim_status check_strides(qkvsim_context *context, const char *what,
                                   const qkvsim_view *view)
{
    const size_t size = qkv_element_size(view->dtype);
    int64_t down, across, all;
    if ((view->observations > 1 && view->observation_stride == 0)
        || (view->features > 1 && view->feature_stride == 0))
        return qkv_invalid(
            context,
            "%s has observation_stride %lld and feature_stride %lld: a stride of 0 would "
            "repeat one element; a C-ordered array has strides %lld and 1",
            what, (long long)view->observation_stride, (long long)view->feature_stride,
            (long long)view->features);
    if (!qkv_multiply(view->observations, view->features, &all)
        || !span_fits(view->observations, view->observation_stride, size, &down)
        || !span_fits(view->features, view->feature_stride, size, &across)
        || down > PTRDIFF_MAX - across)
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                        "%s of %lld x %lld elements with strides %lld and %lld is larger than the "
                        "address space",
                        what, (long long)view->observations, (long long)view->features,
                        (long long)view->observation_stride, (long long)view->feature_stride);
    return QKVSIM_OK;
}

qkvsim_status qkv_check_view(qkvsim_context *context, const char *what, const qkvsim_view *given,
                             bool mask, qkvsim_view *view)
{
    if (given == NULL)
        return qkv_invalid(context, "%s is NULL", what);
    const qkvsim_status status = qkv_read_struct(context, &qkv_struct_view, given, view);
    if (status != QKVSIM_OK)
        return status;
    const size_t size = qkv_element_size(view->dtype);
    if (size == 0 || (view->dtype == QKVSIM_DTYPE_I32) != mask)
        return qkv_unknown(context, view->dtype, QKVSIM_DTYPE_I32, "%s has dtype %d, expected %s",
                           what, (int)view->dtype,
                           mask ? "QKVSIM_DTYPE_I32 (5)"
                                : "QKVSIM_DTYPE_F16 (1), BF16 (2), F32 (3) or F64 (4)");
    if (view->observations < 1 || view->features < 1)
        return qkv_invalid(
            context, "%s has %lld observations and %lld features: at least one of each is needed",
            what, (long long)view->observations, (long long)view->features);
    if (view->data == NULL)
        return qkv_invalid(context, "%s has no data: the pointer is NULL", what);
    if ((uintptr_t)view->data % size != 0)
        return qkv_invalid(context,
                           "%s has data at an address that is no multiple of its element size %zu",
                           what, size);
    return check_strides(context, what, view);
}

qkvsim_status qkv_check_matrix(qkvsim_context *context, const qkvsim_matrix *given, int64_t rows,
                               int64_t columns, bool mask, qkvsim_matrix *matrix)
{
    if (given == NULL)
        return qkv_invalid(context, "the output matrix is NULL");
    const qkvsim_status status = qkv_read_struct(context, &qkv_struct_matrix, given, matrix);
    if (status != QKVSIM_OK)
        return status;
    const bool type_fits =
        mask ? matrix->dtype == QKVSIM_DTYPE_I32
             : matrix->dtype == QKVSIM_DTYPE_F32 || matrix->dtype == QKVSIM_DTYPE_F64;
    if (!type_fits)
        return qkv_unknown(context, matrix->dtype, QKVSIM_DTYPE_I32,
                           "the output matrix has dtype %d, expected %s", (int)matrix->dtype,
                           mask ? "QKVSIM_DTYPE_I32 (5)" : "QKVSIM_DTYPE_F32 (3) or F64 (4)");
    if (matrix->rows != rows || matrix->columns != columns || matrix->leading_dimension < columns)
        return qkv_invalid(
            context,
            "the output matrix is %lld x %lld with leading dimension %lld, needed are "
            "%lld x %lld and at least %lld",
            (long long)matrix->rows, (long long)matrix->columns,
            (long long)matrix->leading_dimension, (long long)rows, (long long)columns,
            (long long)columns);
    const size_t size = qkv_element_size(matrix->dtype);
    int64_t elements, bytes;
    if (!qkv_multiply(rows, matrix->leading_dimension, &elements)
        || !qkv_multiply(elements, (int64_t)size, &bytes))
        return qkv_fail(
            context, QKVSIM_ERROR_TOO_LARGE,
            "the output matrix of %lld rows of %lld elements is larger than the address "
            "space",
            (long long)rows, (long long)matrix->leading_dimension);
    if (matrix->data == NULL || (uintptr_t)matrix->data % size != 0)
        return qkv_invalid(context, "the output matrix's data is %s",
                           matrix->data == NULL ? "NULL" : "not aligned to its element size");
    return QKVSIM_OK;
}

const qkv_part *qkv_input_part(const qkv_input *input, int64_t feature)
{
    int32_t p = input->part_count - 1;
    while (feature < input->parts[p].first_feature)
        p--;
    return &input->parts[p];
}

bool qkv_input_is_finite(const qkv_input *input, int64_t row, int64_t feature)
{
    const qkv_part *part = qkv_input_part(input, feature);
    const qkvsim_view *view = &part->view;
    const char *element =
        (const char *)view->data
        + (row * view->observation_stride + (feature - part->first_feature) * view->feature_stride)
              * (int64_t)qkv_element_size(view->dtype);
    uint16_t half;
    float single;
    double real;
    switch (view->dtype) {
    case QKVSIM_DTYPE_F16:
        memcpy(&half, element, sizeof half);
        return (half & 0x7c00u) != 0x7c00u;
    case QKVSIM_DTYPE_BF16:
        memcpy(&half, element, sizeof half);
        return (half & 0x7f80u) != 0x7f80u;
    case QKVSIM_DTYPE_F32:
        memcpy(&single, element, sizeof single);
        return isfinite(single);
    default:
        memcpy(&real, element, sizeof real);
        return isfinite(real);
    }
}

qkvsim_status qkv_input_changed(qkvsim_context *context, const char *what)
{
    return qkv_invalid(context, "%s changed while it was read", what);
}

/* ---- parts ---- */

/* The name is made where it is needed only: it would take a thirtieth of a small call. */
static qkvsim_status check_part(qkvsim_context *context, int32_t number, const qkvsim_view *given,
                                qkvsim_view *view)
{
    char what[32];
    if (qkv_check_view(NULL, "", given, false, view) == QKVSIM_OK)
        return QKVSIM_OK;
    snprintf(what, sizeof what, "part %d", (int)number);
    return qkv_check_view(context, what, given, false, view);
}

/* The caller's array is walked by its own struct_size, which a newer header may have raised. */
static qkvsim_status read_parts(qkvsim_context *context, const qkvsim_view *parts,
                                int32_t part_count, int32_t arithmetic, qkv_input *input)
{
    const char *given = (const char *)parts;
    const size_t size = qkv_declared_size(parts);
    input->part_count = part_count;
    input->arithmetic = arithmetic == QKVSIM_DTYPE_F64 ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32;
    for (int32_t p = 0; p < part_count; p++, given += size) {
        qkvsim_view *view = &input->parts[p].view;
        const qkvsim_status status =
            check_part(context, p, (const qkvsim_view *)(const void *)given, view);
        if (status != QKVSIM_OK)
            return status;
        if (view->struct_size != size)
            return qkv_invalid(context, "part %d has struct_size %zu but part 0 has %zu", (int)p,
                               view->struct_size, size);
        if (view->observations != input->parts[0].view.observations)
            return qkv_invalid(
                context,
                "part %d has %lld observations but part 0 has %lld: parts share their "
                "observations",
                (int)p, (long long)view->observations,
                (long long)input->parts[0].view.observations);
        if (view->dtype == QKVSIM_DTYPE_F64 && arithmetic == QKVSIM_DTYPE_F32)
            return qkv_invalid(
                context,
                "part %d is float64 but arithmetic in QKVSIM_DTYPE_F32 is asked for, which would "
                "round it",
                (int)p);
        if (view->dtype == QKVSIM_DTYPE_F64)
            input->arithmetic = QKVSIM_DTYPE_F64;
        input->parts[p].first_feature = input->features;
        if (view->features > INT32_MAX - input->features)
            return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "more than %d features in %d parts",
                            INT32_MAX, (int)part_count);
        input->features += view->features;
    }
    input->observations = input->parts[0].view.observations;
    return QKVSIM_OK;
}

/* ---- selection ---- */

static int compare_rows(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static qkvsim_status select_listed(qkvsim_context *context, const qkvsim_selection *selection,
                                   qkv_input *input)
{
    for (int64_t k = 0; k < selection->count; k++) {
        const int64_t row = selection->observations[k];
        if (row < 0 || row >= input->observations)
            return qkv_invalid(
                context, "the selection's entry %lld is row %lld, but there are rows 0 to %lld",
                (long long)k, (long long)row, (long long)input->observations - 1);
        input->rows[k] = row;
    }
    qsort(input->rows, (size_t)selection->count, sizeof *input->rows, compare_rows);
    for (int64_t k = 1; k < selection->count; k++)
        if (input->rows[k] == input->rows[k - 1])
            return qkv_invalid(context, "the selection has row %lld more than once",
                               (long long)input->rows[k]);
    input->observations = selection->count;
    return QKVSIM_OK;
}

static qkvsim_status select_masked(qkvsim_context *context, const qkvsim_selection *selection,
                                   bool may_be_empty, qkv_input *input)
{
    if (selection->count != input->observations)
        return qkv_invalid(context, "the selection's mask has %lld entries for %lld observations",
                           (long long)selection->count, (long long)input->observations);
    int64_t selected = 0;
    for (int64_t row = 0; row < selection->count; row++)
        if (selection->mask[row] != 0)
            input->rows[selected++] = row;
    if (selected == 0 && !may_be_empty)
        return qkv_invalid(context, "the selection's mask selects none of %lld observations",
                           (long long)selection->count);
    input->observations = selected;
    return QKVSIM_OK;
}

static qkvsim_status select_rows(qkvsim_context *context, const qkvsim_selection *given,
                                 bool may_be_empty, qkv_input *input)
{
    qkvsim_selection selection;
    const qkvsim_status status = qkv_read_struct(context, &qkv_struct_selection, given, &selection);
    if (status != QKVSIM_OK)
        return status;
    if ((selection.observations == NULL) == (selection.mask == NULL))
        return qkv_invalid(context, "a selection needs either observations or mask, and has %s",
                           selection.observations == NULL ? "neither" : "both");
    if (selection.count < (may_be_empty ? 0 : 1))
        return qkv_invalid(context, "the selection has %lld entries", (long long)selection.count);
    if (selection.count > input->observations)
        return qkv_invalid(context, "the selection has %lld entries for %lld observations",
                           (long long)selection.count, (long long)input->observations);
    input->rows =
        qkv_allocate(&context->allocator, (size_t)selection.count + 1, sizeof *input->rows);
    if (input->rows == NULL)
        return qkv_no_memory(context, "the selected rows");
    return selection.observations != NULL ? select_listed(context, &selection, input)
                                          : select_masked(context, &selection, may_be_empty, input);
}

/* ---- dropped observations ---- */

static bool row_is_finite(const qkv_input *input, int64_t row)
{
    for (int64_t feature = 0; feature < input->features; feature++)
        if (!qkv_input_is_finite(input, row, feature))
            return false;
    return true;
}

static qkvsim_status drop_nonfinite_rows(qkvsim_context *context, bool may_be_empty,
                                         qkv_input *input)
{
    const size_t count = (size_t)input->observations;
    int64_t *kept = qkv_allocate(&context->allocator, count, sizeof *kept);
    input->dropped = qkv_allocate(&context->allocator, count, sizeof *input->dropped);
    if (kept == NULL || input->dropped == NULL) {
        qkv_release(&context->allocator, kept);
        return qkv_no_memory(context, "the dropped rows");
    }
    const int64_t rows_at_a_time = 1 + VALUES_AT_A_TIME / input->features;
    int64_t kept_count = 0;
    for (int64_t k = 0; k < input->observations; k++) {
        if (k % rows_at_a_time == 0 && qkv_work_pulse(context, 0))
            break;
        const int64_t row = qkv_input_row(input, k);
        if (row_is_finite(input, row))
            kept[kept_count++] = row;
        else
            input->dropped[input->dropped_count++] = row;
    }
    qkv_release(&context->allocator, input->rows);
    input->rows = kept;
    input->observations = kept_count;
    if (qkv_work_is_cancelled(context))
        return qkv_cancelled(context);
    if (kept_count == 0 && !may_be_empty)
        return qkv_fail(context, QKVSIM_ERROR_NONFINITE,
                        "each of the %zu observations has a NaN or an infinity: none is left",
                        count);
    return QKVSIM_OK;
}

qkvsim_status qkv_read_input(qkvsim_context *context, const qkvsim_input *given,
                             qkvsim_input *input)
{
    return given != NULL ? qkv_read_struct(context, &qkv_struct_input, given, input)
                         : qkv_invalid(context, "input is NULL");
}

static qkvsim_status check_input(qkvsim_context *context, const qkvsim_input *given)
{
    if (given->arithmetic != 0 && given->arithmetic != QKVSIM_DTYPE_F32
        && given->arithmetic != QKVSIM_DTYPE_F64)
        return qkv_unknown(
            context, given->arithmetic, QKVSIM_DTYPE_I32,
            "arithmetic is %d, expected 0, QKVSIM_DTYPE_F32 (3) or QKVSIM_DTYPE_F64 (4)",
            (int)given->arithmetic);
    if (given->nonfinite < QKVSIM_NONFINITE_ERROR
        || given->nonfinite > QKVSIM_NONFINITE_UNDEFINED_FEATURE)
        return qkv_unknown(context, given->nonfinite, QKVSIM_NONFINITE_UNDEFINED_FEATURE,
                           "nonfinite is %d, expected a QKVSIM_NONFINITE_* value of 0 to 2",
                           (int)given->nonfinite);
    if (given->parts == NULL)
        return qkv_invalid(context, "parts is NULL");
    if (given->part_count < 1 || given->part_count > INT32_MAX)
        return qkv_invalid(context, "part_count is %lld, expected 1 to %d",
                           (long long)given->part_count, INT32_MAX);
    return QKVSIM_OK;
}

static qkvsim_status fill(qkvsim_context *context, const qkvsim_input *given, bool may_be_empty,
                          qkv_input *input)
{
    qkvsim_status status = check_input(context, given);
    if (status != QKVSIM_OK)
        return status;
    input->parts =
        qkv_allocate(&context->allocator, (size_t)given->part_count, sizeof *input->parts);
    if (input->parts == NULL)
        return qkv_no_memory(context, "the parts");
    status =
        read_parts(context, given->parts, (int32_t)given->part_count, given->arithmetic, input);
    if (status == QKVSIM_OK && given->selection != NULL)
        status = select_rows(context, given->selection, may_be_empty, input);
    if (status == QKVSIM_OK && given->nonfinite == QKVSIM_NONFINITE_DROP_OBSERVATION
        && input->observations > 0)
        status = drop_nonfinite_rows(context, may_be_empty, input);
    return status;
}

qkvsim_status qkv_input_open(qkvsim_context *context, const qkvsim_input *given, bool may_be_empty,
                             qkv_input *input)
{
    qkvsim_input read;
    qkvsim_status status = qkv_read_input(context, given, &read);
    if (status != QKVSIM_OK)
        return status;
    *input = (qkv_input){ .nonfinite = read.nonfinite, .segments = read.segments };
    qkv_work_open(context);
    status = fill(context, &read, may_be_empty, input);
    if (status != QKVSIM_OK)
        qkv_input_close(context, input);
    return status;
}

void qkv_input_close(const qkvsim_context *context, qkv_input *input)
{
    qkv_release(&context->allocator, input->parts);
    qkv_release(&context->allocator, input->rows);
    qkv_release(&context->allocator, input->dropped);
    *input = (qkv_input){ 0 };
}

qkv_input qkv_input_with_rows(const qkv_input *input, int64_t *rows, int64_t count)
{
    qkv_input other = *input;
    other.rows = rows;
    other.observations = count;
    other.dropped = NULL;
    other.dropped_count = 0;
    return other;
}

qkvsim_status qkv_check_ranks(qkvsim_context *context, const qkv_input *input)
{
    if (input->arithmetic == QKVSIM_DTYPE_F64 || input->observations <= QKV_RANKS_MAX_F32)
        return QKVSIM_OK;
    return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                    "the ranks of %lld observations are not exact in single precision, which holds "
                    "those of %d: ask for arithmetic in QKVSIM_DTYPE_F64",
                    (long long)input->observations, QKV_RANKS_MAX_F32);
}
