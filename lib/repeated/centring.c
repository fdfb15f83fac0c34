/*
 * A source that reads columns from the parts and takes from each value the mean of the feature over
 * the selection that the row was in before labels were exchanged. Nothing is copied.
 */
#include "centring.h"

#include "base/reals.h"
#include "flow/load.h"

/* What prepare reads in place of the parts. */
static void load_centred(const qkv_column_source *source, int32_t reader, const int64_t *columns,
                         const qkv_strip *strip)
{
    const qkv_centring *centring = (const qkv_centring *)(const void *)source;
    const qkv_input *input = &centring->input;
    qkv_load_columns(centring->context, input, reader, columns, strip);
    for (int64_t r = 0; r < input->observations; r++) {
        const double *means = centring->means[centring->selection[qkv_input_row(input, r)]];
        for (int64_t j = 0; j < strip->width; j++) {
            const int64_t at = r * strip->leading + j;
            const double value = qkv_real_at(strip->values, input->arithmetic, at);
            qkv_put_real(strip->values, input->arithmetic, at, value - means[columns[j]]);
        }
    }
}

qkvsim_status qkv_centring_open(qkvsim_context *context, const qkv_pool *pool,
                                qkv_centring *centring)
{
    const qkv_allocator *allocator = &context->allocator;
    const size_t features = (size_t)pool->all.features;
    *centring = (qkv_centring){ .source = { load_centred }, .context = context };
    centring->selection =
        qkv_allocate_zeroed(allocator, (size_t)pool->all.parts[0].view.observations, 1);
    bool complete = centring->selection != NULL;
    for (int s = 0; s < 2; s++) {
        centring->means[s] = qkv_allocate(allocator, features, sizeof *centring->means[s]);
        complete = complete && centring->means[s] != NULL;
    }
    if (!complete) {
        qkv_centring_close(context, centring);
        return qkv_no_memory(context, "the means of the selections");
    }
    for (int64_t k = 0; k < pool->all.observations; k++)
        centring->selection[pool->rows[k]] = pool->selection[k];
    return QKVSIM_OK;
}

void qkv_centring_close(const qkvsim_context *context, qkv_centring *centring)
{
    qkv_release(&context->allocator, centring->selection);
    for (int s = 0; s < 2; s++)
        qkv_release(&context->allocator, centring->means[s]);
    *centring = (qkv_centring){ 0 };
}

void qkv_centring_take_means(qkv_centring *centring, int s, const qkv_panels *panels)
{
    for (int64_t j = 0; j < panels->features; j++)
        centring->means[s][j] = panels->statistics[j].mean;
}

qkv_input qkv_centring_output(qkv_centring *centring, const qkv_input *input)
{
    qkv_input output = *input;
    centring->input = *input;
    output.source = &centring->source;
    return output;
}
