/* One row of a tile through the conversion that all sinks share. */
#include "tile_values.h"

#include <string.h>

#define TEMPLATE "flow/tile_values_template.h"
#include "kernels/both_reals.h"

void qkv_tile_row_reals(const qkv_panels *panels, const qkv_tile *tile, int32_t metric,
                        const qkv_tile_row *row, void *reals)
{
    if (panels->arithmetic == QKVSIM_DTYPE_F64)
        write_values_f64(panels, tile, metric, row, reals);
    else
        write_values_f32(panels, tile, metric, row, reals);
}

/* Double holds a float exactly. */
static void widen_values(const qkv_panels *panels, const qkv_tile *tile, int32_t metric,
                         const qkv_tile_row *row, double *values)
{
    float own[QKV_PANEL_WIDTH];
    write_values_f32(panels, tile, metric, row, own);
    for (int64_t k = 0; k < row->end - row->first; k++)
        values[k] = (double)own[k];
}

void qkv_tile_row_doubles(const qkv_panels *panels, const qkv_tile *tile, int32_t metric,
                          const qkv_tile_row *row, double *values)
{
    if (panels->arithmetic == QKVSIM_DTYPE_F64)
        write_values_f64(panels, tile, metric, row, values);
    else
        widen_values(panels, tile, metric, row, values);
}
