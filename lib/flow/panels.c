/* Panels: where each column and observation stands, and the room for them. */
#include "panels.h"

#include <string.h>

int64_t qkv_panel_columns(const qkv_panels *panels, int64_t p)
{
    return qkv_round_up(qkv_panel_width(panels, p), panels->shape.multiple);
}

int64_t qkv_panel_span(const qkv_panels *panels, int64_t p)
{
    return qkv_panel_columns(panels, p) + 2 * panels->shape.margin;
}

/* The first of the panels that panel p stands beside. */
static int64_t first_beside(const qkv_panels *panels, int64_t p)
{
    return p / panels->shape.beside * panels->shape.beside;
}

int64_t qkv_panel_stride(const qkv_panels *panels, int64_t p)
{
    const int64_t first = first_beside(panels, p);
    const int64_t end = qkv_smaller(first + panels->shape.beside, panels->count);
    return panels->columns_before[end] - panels->columns_before[first];
}

void *qkv_panel_row(const qkv_panels *panels, int64_t p, int64_t observation)
{
    const int64_t before = panels->columns_before[first_beside(panels, p)];
    const int64_t at = before * panels->observations + observation * qkv_panel_stride(panels, p)
                       + (panels->columns_before[p] - before) + panels->shape.margin;
    return (char *)panels->values + (size_t)at * qkv_real_size(panels->arithmetic);
}

/* As few panels as the widest allows, all about as wide where all features are placed. */
static void divide_into_panels(qkv_panels *panels, int64_t features)
{
    const int64_t widest = panels->shape.panel;
    panels->count = (features + widest - 1) / widest;
    const int64_t even = (features + panels->count - 1) / panels->count;
    panels->width = qkv_round_up(even, panels->shape.multiple);
    panels->count = (features + panels->width - 1) / panels->width;
}

static void fill_panels(const qkv_placing *placing, qkv_panels *panels)
{
    int64_t p = -1;
    for (int64_t k = 0; k < placing->placed; k++) {
        const int64_t place = placing->place != NULL ? placing->place[k] : k;
        while (p < place / panels->width)
            panels->start[++p] = k;
        panels->panel_of[k] = (int32_t)p;
    }
    while (p < panels->count)
        panels->start[++p] = placing->placed;
    panels->columns_before[0] = 0;
    for (p = 0; p < panels->count; p++)
        panels->columns_before[p + 1] =
            panels->columns_before[p]
            + (qkv_panel_width(panels, p) > 0 ? qkv_panel_span(panels, p) : 0);
}

/* One block, largest elements first: of few columns, allocations are what an analysis costs. */
static qkvsim_status place_features(qkvsim_context *context, const qkv_placing *placing,
                                    qkv_panels *panels)
{
    const size_t placed = (size_t)placing->placed;
    divide_into_panels(panels, placing->of);
    const size_t ends = (size_t)panels->count + 1;
    panels->initial = qkv_allocate(&context->allocator, 1,
                                   (2 * placed + 2 * ends) * sizeof *panels->initial
                                       + placed * sizeof *panels->panel_of);
    if (panels->initial == NULL)
        return qkv_no_memory(context, "the order of the features");
    panels->order = panels->initial + placed;
    panels->start = panels->order + placed;
    panels->columns_before = panels->start + ends;
    panels->panel_of = (int32_t *)(void *)(panels->columns_before + ends);
    memcpy(panels->initial, placing->order, placed * sizeof *panels->initial);
    memcpy(panels->order, placing->order, placed * sizeof *panels->order);
    fill_panels(placing, panels);
    return QKVSIM_OK;
}

static qkvsim_status allocate_values(qkvsim_context *context, const qkv_input *input,
                                     qkv_panels *panels)
{
    const qkv_allocator *allocator = &context->allocator;
    const size_t size = qkv_real_size(panels->arithmetic),
                 ratios = (size_t)panels->placed + QKV_MARGIN;
    const int64_t depth = input->parts != NULL ? panels->observations : 0;
    int64_t reals;
    if (!qkv_multiply(panels->columns_before[panels->count], depth, &reals))
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "%lld x %lld values do not fit in memory",
                        (long long)panels->observations, (long long)panels->placed);
    panels->statistics =
        qkv_allocate_zeroed(allocator, (size_t)input->features, sizeof *panels->statistics);
    panels->values = qkv_borrow(context, QKV_WORKSPACE_PANELS, (size_t)reals, size);
    panels->spread = qkv_allocate_zeroed(allocator, ratios, size);
    panels->offset = qkv_allocate_zeroed(allocator, ratios, size);
    const bool twins = qkv_twins_open(allocator, panels->placed, &panels->twins);
    return twins && panels->statistics != NULL && panels->values != NULL && panels->spread != NULL
                   && panels->offset != NULL
               ? QKVSIM_OK
               : qkv_no_memory(context, "the prepared columns");
}

qkvsim_status qkv_panels_open(qkvsim_context *context, const qkv_input *input,
                              const qkv_placing *placing, qkv_panels *panels)
{
    *panels = (qkv_panels){ .arithmetic = input->arithmetic,
                            .observations = input->observations,
                            .features = input->features,
                            .placed = placing->placed,
                            .shape = qkv_blas_product_shape(input->arithmetic) };
    qkvsim_status status = place_features(context, placing, panels);
    if (status == QKVSIM_OK)
        status = allocate_values(context, input, panels);
    if (status != QKVSIM_OK)
        qkv_panels_close(context, panels);
    return status;
}

void qkv_panels_close(const qkvsim_context *context, qkv_panels *panels)
{
    qkv_release(&context->allocator, panels->initial);
    qkv_release(&context->allocator, panels->statistics);
    qkv_release(&context->allocator, panels->spread);
    qkv_release(&context->allocator, panels->offset);
    qkv_twins_close(&context->allocator, &panels->twins);
    *panels = (qkv_panels){ 0 };
}
