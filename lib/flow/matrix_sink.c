/* Matrix out: each tile row by row through the conversion that all sinks share. */
#include "matrix_sink.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/transpose.h"
#include "tile_values.h"

enum { MIRRORED_ROWS = 16 }; /* together: a cache line */

static bool is_bounded(const qkv_matrix_sink *sink)
{
    return (sink->metric & (QKVSIM_METRIC_COSINE | QKVSIM_METRIC_PEARSON)) != 0;
}

/* ---- one row of a tile ---- */

/* A covariance or dot product from an entry of the Gram matrix of unit columns. */
static double unbounded_value(const qkv_matrix_sink *sink, const qkv_feature *a,
                              const qkv_feature *b, double gram)
{
    const double n = (double)sink->panels->observations;
    if (sink->metric == QKVSIM_METRIC_COVARIANCE)
        return gram * a->centred_norm * (b->centred_norm / (n - 1));
    return gram * a->centred_norm * b->centred_norm + n * a->mean * b->mean;
}

static void *entry(const qkv_matrix_sink *sink, int64_t i, int64_t j)
{
    const int64_t at = i * sink->matrix.leading_dimension + j;
    return (char *)sink->matrix.data + (size_t)at * qkv_real_size(sink->matrix.dtype);
}

static void write_run(const qkv_matrix_sink *sink, int64_t at, const double *values, int64_t count)
{
    if (sink->matrix.dtype == QKVSIM_DTYPE_F64) {
        memcpy((double *)sink->matrix.data + at, values, (size_t)count * sizeof *values);
    } else {
        float *to = (float *)sink->matrix.data + at;
        for (int64_t k = 0; k < count; k++)
            to[k] = (float)values[k];
    }
}

/* Where the matrix is of the type that tiles are in, similarities go there at once; all others
 * through double. */
static void write_row(const qkv_matrix_sink *sink, const qkv_tile *tile, const qkv_tile_row *row)
{
    const qkv_feature *features = sink->panels->statistics;
    const int64_t i = tile->row_start + row->row, j = tile->column_start + row->first;
    const int64_t count = row->end - row->first;
    if (is_bounded(sink) && sink->matrix.dtype == sink->panels->arithmetic) {
        qkv_tile_row_reals(sink->panels, tile, sink->metric, row, entry(sink, i, j));
        return;
    }
    double values[QKV_PANEL_WIDTH];
    qkv_tile_row_doubles(sink->panels, tile, sink->metric, row, values);
    for (int64_t k = 0; k < count && !is_bounded(sink); k++)
        values[k] = unbounded_value(sink, &features[i], &features[j + k], values[k]);
    write_run(sink, i * sink->matrix.leading_dimension + j, values, count);
}

/* ---- below the diagonal ---- */

/* Neighbouring rows of a matrix from column `column` on, which of row k begin at k where they are
 * on the diagonal. */
typedef struct strip {
    int64_t row, rows;
    int64_t column, columns;
    bool diagonal;
} strip;

static void mirror_block(const qkv_matrix_sink *sink, int64_t i, int64_t rows, int64_t j,
                         int64_t columns)
{
    const int64_t leading = sink->matrix.leading_dimension;
    qkv_transpose(entry(sink, i, j), leading, rows, columns, qkv_real_size(sink->matrix.dtype),
                  entry(sink, j, i), leading);
}

/* All rows together, so that a cache line below the diagonal is written at once, but for the corner
 * on the diagonal. */
static void mirror(const qkv_matrix_sink *sink, const strip *above)
{
    const int64_t corner = above->diagonal ? qkv_smaller(above->rows - 1, above->columns) : 0;
    for (int64_t k = 0; k < corner; k++)
        mirror_block(sink, above->row + k, 1, above->column + k, corner - k);
    mirror_block(sink, above->row, above->rows, above->column + corner, above->columns - corner);
}

/* ---- tiles ---- */

static void consume(qkv_sink *base, int32_t worker, const qkv_tile *tile)
{
    (void)worker;
    const qkv_matrix_sink *sink = (const qkv_matrix_sink *)base;
    for (int64_t r = 0; r < tile->rows; r++) {
        write_row(sink, tile, &(qkv_tile_row){ r, tile->diagonal ? r + 1 : 0, tile->columns });
        const int64_t rows = r % MIRRORED_ROWS + 1, above = r + 1 - rows;
        if (sink->full && (rows == MIRRORED_ROWS || r + 1 == tile->rows))
            mirror(sink, &(strip){ .row = tile->row_start + above,
                                   .rows = rows,
                                   .column = tile->column_start + (tile->diagonal ? above + 1 : 0),
                                   .columns = tile->columns - (tile->diagonal ? above + 1 : 0),
                                   .diagonal = tile->diagonal });
    }
}

qkv_matrix_sink qkv_matrix_sink_for(const qkv_panels *panels, int32_t metric, int32_t triangle,
                                    const qkvsim_matrix *matrix)
{
    return (qkv_matrix_sink){ .sink = { consume },
                              .panels = panels,
                              .matrix = *matrix,
                              .metric = metric,
                              .full = triangle == QKVSIM_TRIANGLE_FULL };
}

/* ---- what tiles leave out ---- */

static bool is_defined(const qkv_matrix_sink *sink, const qkv_feature *feature)
{
    switch (sink->metric) {
    case QKVSIM_METRIC_COSINE:
        return feature->kind != QKV_UNDEFINED;
    case QKVSIM_METRIC_PEARSON:
        return feature->kind == QKV_NORMAL;
    case QKVSIM_METRIC_COVARIANCE:
        return !feature->nonfinite && sink->panels->observations > 1;
    default:
        return !feature->nonfinite;
    }
}

/* NaN in column j above the diagonal and in row j beyond it; with the full matrix, everywhere. */
static void clear_feature(const qkv_matrix_sink *sink, int64_t j)
{
    const double undefined = NAN;
    const int64_t d = sink->panels->features, leading = sink->matrix.leading_dimension;
    for (int64_t k = 0; k < d; k++) {
        if (sink->full || k <= j)
            write_run(sink, k * leading + j, &undefined, 1);
        if (sink->full || k >= j)
            write_run(sink, j * leading + k, &undefined, 1);
    }
}

static double diagonal_value(const qkv_matrix_sink *sink, const qkv_feature *feature)
{
    return is_bounded(sink) ? 1 : unbounded_value(sink, feature, feature, 1);
}

void qkv_matrix_sink_finish(const qkv_matrix_sink *sink)
{
    for (int64_t j = 0; j < sink->panels->features; j++) {
        const qkv_feature *feature = &sink->panels->statistics[j];
        const double value = diagonal_value(sink, feature);
        if (is_defined(sink, feature))
            write_run(sink, j * (sink->matrix.leading_dimension + 1), &value, 1);
    }
    for (int64_t j = 0; j < sink->panels->features; j++)
        if (!is_defined(sink, &sink->panels->statistics[j]))
            clear_feature(sink, j);
}

qkvsim_status qkv_matrix_sink_check(qkvsim_context *context, const qkv_matrix_sink *sink)
{
    const double largest = sink->matrix.dtype == QKVSIM_DTYPE_F64 ? DBL_MAX : (double)FLT_MAX;
    for (int64_t j = 0; j < sink->panels->features; j++) {
        const qkv_feature *feature = &sink->panels->statistics[j];
        const double value = diagonal_value(sink, feature);
        if (is_defined(sink, feature) && value > largest)
            return qkv_fail(
                context, QKVSIM_ERROR_TOO_LARGE,
                "the %s of column %lld with itself is %s, beyond %s, the largest of the "
                "output's type: %s",
                sink->metric == QKVSIM_METRIC_DOT ? "dot product" : "covariance", (long long)j,
                qkv_number(value).text, qkv_number(largest).text,
                sink->matrix.dtype == QKVSIM_DTYPE_F32 ? "write to a QKVSIM_DTYPE_F64 matrix"
                                                       : "scale the input");
    }
    return QKVSIM_OK;
}
