/* The source of tiles that divides accumulated second moments by the features' norms. */
#include "moments_source.h"

#include <math.h>

#include "product.h"

static const double NEARLY_ONE = 1 - 0x1p-48;

/* 1 or -1 where the moment of two features is the same multiple of one's own as the other's is of
 * it: norms are rounded, and give twins a value beside it. */
static double whole_if_twins(const double *moments, int64_t features, int64_t i, int64_t j,
                             double moment, double value)
{
    const double of_i = moment / moments[qkv_packed(features, i, i)];
    const double of_j = moment / moments[qkv_packed(features, j, j)];
    return of_i * of_j == 1 ? copysign(1, value) : value;
}

/* The norms are multiplied first, so that (i, j) and (j, i) round alike. */
static void divide_tile(const double *moments, const qkv_gram *gram, int64_t number, char *made)
{
    const qkv_panels *panels = gram->panels;
    const int64_t features = panels->features;
    const qkv_tile tile = qkv_gram_tile(gram, number);
    double *out = qkv_tile_values(panels, made);
    for (int64_t r = 0; r < tile.rows; r++) {
        const int64_t i = panels->order[tile.row_start + r];
        const qkv_feature *row = &panels->statistics[i];
        for (int64_t c = tile.diagonal ? r + 1 : 0; c < tile.columns; c++) {
            const int64_t j = panels->order[tile.column_start + c];
            const qkv_feature *column = &panels->statistics[j];
            const double moment =
                moments[i < j ? qkv_packed(features, i, j) : qkv_packed(features, j, i)];
            const bool normal = row->kind == QKV_NORMAL && column->kind == QKV_NORMAL;
            const double value = normal ? moment / (row->centred_norm * column->centred_norm) : 0;
            out[r * tile.leading + c] = fabs(value) > NEARLY_ONE
                                            ? whole_if_twins(moments, features, i, j, moment, value)
                                            : value;
        }
    }
}

static void divide_run(const qkv_tile_source *base, qkvsim_context *context, int32_t worker,
                       const qkv_gram *gram, const qkv_tile_run *run)
{
    const qkv_moments_source *source = (const qkv_moments_source *)base;
    for (int64_t t = run->first; t < run->first + run->count; t++)
        divide_tile(source->moments, gram, t, qkv_run_tile(gram, run, t));
    (void)context;
    (void)worker;
}

qkv_moments_source qkv_moments_source_for(const double *moments)
{
    return (qkv_moments_source){ .source = { .make = divide_run }, .moments = moments };
}
