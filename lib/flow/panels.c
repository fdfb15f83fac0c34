/* Panels: where each column and observation stands, and the room for them. */
#include "panels.h"

#include <string.h>

static int64_t round_up(int64_t value, int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

int64_t qkv_panel_columns(const qkv_panels *panels, int64_t p)
{
    return p < panels->count - 1 ? panels->width
                                 : round_up(qkv_panel_width(panels, p), panels->shape.multiple);
}

int64_t qkv_panel_stride(const qkv_panels *panels, int64_t p)
{
    return qkv_panel_columns(panels, p) + 2 * panels->shape.margin;
}

void *qkv_panel_row(const qkv_panels *panels, int64_t p, int64_t observation)
{
    const int64_t margin = panels->shape.margin;
    const int64_t panel = p * (panels->width + 2 * margin) * panels->observations;
    const int64_t at = panel + observation * qkv_panel_stride(panels, p) + margin;
    return (char *)panels->values + (size_t)at * qkv_real_size(panels->real);
}

/* As few panels as the widest allows, all about as wide. */
static void divide_into_panels(qkv_panels *panels)
{
    const int64_t widest = panels->shape.panel;
    panels->count = (panels->placed + widest - 1) / widest;
    const int64_t even = (panels->placed + panels->count - 1) / panels->count;
    panels->width = round_up(even, panels->shape.multiple);
    panels->count = (panels->placed + panels->width - 1) / panels->width;
}

qkvsim_status qkv_panels_open(qkvsim_context *context, const qkv_input *input, const int64_t *order,
                              int64_t placed, qkv_panels *panels)
{
    const qkv_allocator *allocator = &context->allocator;
    *panels = (qkv_panels){ .real = input->real,
                            .observations = input->observations,
                            .features = input->features,
                            .placed = placed,
                            .shape = qkv_blas_product_shape(input->real) };
    divide_into_panels(panels);
    int64_t reals;
    const int64_t columns = (panels->count - 1) * qkv_panel_stride(panels, 0)
                            + qkv_panel_stride(panels, panels->count - 1);
    if (!qkv_multiply(columns, input->parts != NULL ? panels->observations : 0, &reals))
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "%lld x %lld values do not fit in memory",
                        (long long)panels->observations, (long long)placed);
    const size_t size = qkv_real_size(panels->real);
    panels->initial = qkv_allocate(allocator, (size_t)placed, sizeof *panels->initial);
    panels->order = qkv_allocate(allocator, (size_t)placed, sizeof *panels->order);
    panels->statistics =
        qkv_allocate_zeroed(allocator, (size_t)input->features, sizeof *panels->statistics);
    panels->values = qkv_borrow(context, QKV_WORKSPACE_PANELS, (size_t)reals, size);
    panels->spread = qkv_allocate_zeroed(allocator, (size_t)placed + QKV_MARGIN, size);
    panels->offset = qkv_allocate_zeroed(allocator, (size_t)placed + QKV_MARGIN, size);
    const bool twins = qkv_twins_open(allocator, placed, &panels->twins);
    if (!twins || panels->initial == NULL || panels->order == NULL || panels->statistics == NULL
        || panels->values == NULL || panels->spread == NULL || panels->offset == NULL) {
        qkv_panels_close(context, panels);
        return qkv_no_memory(context, "the prepared columns");
    }
    memcpy(panels->initial, order, (size_t)placed * sizeof *order);
    memcpy(panels->order, order, (size_t)placed * sizeof *order);
    return QKVSIM_OK;
}

void qkv_panels_close(const qkvsim_context *context, qkv_panels *panels)
{
    qkv_release(&context->allocator, panels->initial);
    qkv_release(&context->allocator, panels->order);
    qkv_release(&context->allocator, panels->statistics);
    qkv_release(&context->allocator, panels->spread);
    qkv_release(&context->allocator, panels->offset);
    qkv_twins_close(&context->allocator, &panels->twins);
    *panels = (qkv_panels){ 0 };
}
