/* Columns read from the parts of an input, a run of neighbours at a time, or from its source. */
#include "load.h"

enum { ROWS_AT_A_TIME = 1 << 15 }; /* loaded between two looks for a cancellation */

/* How many of the listed columns, from the first on, lie evenly apart in one part. */
static qkv_columns find_run(const qkv_input *input, const int64_t *columns, int64_t count)
{
    const qkv_part *part = qkv_input_part(input, columns[0]);
    const qkvsim_view *view = &part->view;
    const int64_t column = columns[0] - part->first_feature;
    int64_t run = 1;
    while (run < count && columns[run] == columns[0] + run && column + run < view->features)
        run++;
    return (qkv_columns){
        .first = (const char *)view->data
                 + column * view->feature_stride * (int64_t)qkv_element_size(view->dtype),
        .observation_stride = view->observation_stride,
        .feature_stride = view->feature_stride,
        .count = run,
        .dtype = view->dtype,
    };
}

/* Some of the rows of a run of columns, which become those of the strip's from `column` on. */
static void load_rows(const qkv_real_kernels *kernels, const qkv_input *input,
                      const qkv_columns *run, int64_t start, int64_t count, const qkv_strip *strip,
                      int64_t column)
{
    const bool listed = input->rows != NULL;
    const qkv_rows rows = { listed ? input->rows + start : NULL, count };
    const size_t skipped = (size_t)(start * strip->leading) * qkv_real_size(input->arithmetic);
    const qkv_strip part = { .values = (char *)strip->values + skipped,
                             .leading = strip->leading,
                             .count = count,
                             .width = strip->width };
    qkv_columns from = *run;
    if (!listed)
        from.first = (const char *)run->first
                     + start * run->observation_stride * (int64_t)qkv_element_size(run->dtype);
    kernels->load(&from, &rows, &part, column);
}

void qkv_load_columns(qkvsim_context *context, const qkv_input *input, int32_t reader,
                      const int64_t *columns, const qkv_strip *strip)
{
    if (input->source != NULL) {
        input->source->load(input->source, reader, columns, strip);
        return;
    }
    const qkv_real_kernels *kernels = qkv_kernels_of(context, input->arithmetic);
    const int64_t n = input->observations;
    for (int64_t column = 0; column < strip->width;) {
        const qkv_columns run = find_run(input, columns + column, strip->width - column);
        for (int64_t r = 0; r == 0 || (r < n && !qkv_work_pulse(context, reader));
             r += ROWS_AT_A_TIME)
            load_rows(kernels, input, &run, r, qkv_smaller(n - r, ROWS_AT_A_TIME), strip, column);
        column += run.count;
    }
}
