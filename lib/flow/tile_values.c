/* One row of a tile through the conversion that all sinks share. */
#include "tile_values.h"

#include "kernels/conversion.h"

static void convert_f32(const qkv_panels *panels, const qkv_tile *tile, int32_t metric, int64_t r,
                        int64_t first, int64_t last, double *values)
{
    const float *gram = (const float *)tile->values + r * tile->leading;
    const float *s = panels->spread, *o = panels->offset;
    const float s_i = s[tile->row_start + r], o_i = o[tile->row_start + r];
    s += tile->column_start;
    o += tile->column_start;
    if (metric == QKVSIM_METRIC_COSINE)
        for (int64_t c = first; c < last; c++)
            values[c] = (double)cosine_f32(clamp_f32(gram[c]), s_i, s[c], o_i, o[c]);
    else if (metric == QKVSIM_METRIC_PEARSON)
        for (int64_t c = first; c < last; c++)
            values[c] = (double)clamp_f32(gram[c]);
    else
        for (int64_t c = first; c < last; c++)
            values[c] = (double)gram[c];
}

static void convert_f64(const qkv_panels *panels, const qkv_tile *tile, int32_t metric, int64_t r,
                        int64_t first, int64_t last, double *values)
{
    const double *gram = (const double *)tile->values + r * tile->leading;
    const double *s = panels->spread, *o = panels->offset;
    const double s_i = s[tile->row_start + r], o_i = o[tile->row_start + r];
    s += tile->column_start;
    o += tile->column_start;
    if (metric == QKVSIM_METRIC_COSINE)
        for (int64_t c = first; c < last; c++)
            values[c] = cosine_f64(clamp_f64(gram[c]), s_i, s[c], o_i, o[c]);
    else if (metric == QKVSIM_METRIC_PEARSON)
        for (int64_t c = first; c < last; c++)
            values[c] = clamp_f64(gram[c]);
    else
        for (int64_t c = first; c < last; c++)
            values[c] = gram[c];
}

void qkv_tile_row_values(const qkv_panels *panels, const qkv_tile *tile, int32_t metric, int64_t r,
                         int64_t first, int64_t last, double *values)
{
    if (panels->real == QKVSIM_DTYPE_F64)
        convert_f64(panels, tile, metric, r, first, last, values);
    else
        convert_f32(panels, tile, metric, r, first, last, values);
}
