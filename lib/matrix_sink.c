/* Matrix out: the conversion of each Gram value, written at the features' own rows and columns. */
#include "matrix_sink.h"

#include <float.h>
#include <math.h>

#include "kernels/conversion.h"

static void write_entry(const qkv_matrix_sink *sink, int64_t i, int64_t j, double value)
{
    const int64_t at = i * sink->matrix.leading_dimension + j;
    if (sink->matrix.dtype == QKVSIM_F64)
        ((double *)sink->matrix.data)[at] = value;
    else
        ((float *)sink->matrix.data)[at] = (float)value;
}

/* A value of features a and b, in double whatever the arithmetic; NaN where undefined. `gram` is their
 * entry of the Gram matrix of unit columns. */
static double entry_value(const qkv_matrix_sink *sink, const qkv_feature *a, const qkv_feature *b,
                          double gram)
{
    const double n = (double)sink->panels->observations;
    const bool has_nonfinite = a->nonfinite || b->nonfinite;
    switch (sink->metric) {
    case QKVSIM_COVARIANCE:
        return has_nonfinite || n < 2 ? NAN : gram * a->centred_norm * (b->centred_norm / (n - 1));
    default:
        return has_nonfinite ? NAN
                             : gram * a->centred_norm * b->centred_norm + n * a->mean * b->mean;
    }
}

/* Cosine or Pearson, by the conversion that all sinks share. */
static double similarity_value(const qkv_matrix_sink *sink, int64_t row, int64_t column,
                               const qkv_feature *a, const qkv_feature *b, double gram)
{
    const qkv_panels *panels = sink->panels;
    const int least = a->kind > b->kind ? a->kind : b->kind;
    if (least == QKV_UNDEFINED || (least == QKV_CONSTANT && sink->metric == QKVSIM_PEARSON))
        return NAN;
    if (panels->real == QKVSIM_F64) {
        const double *s = panels->spread, *o = panels->offset;
        const double pearson = clamp_f64(gram);
        return sink->metric == QKVSIM_PEARSON
                   ? pearson
                   : cosine_f64(pearson, s[row], s[column], o[row], o[column]);
    }
    const float *s = panels->spread, *o = panels->offset;
    const float pearson = clamp_f32((float)gram);
    return (double)(sink->metric == QKVSIM_PEARSON
                        ? pearson
                        : cosine_f32(pearson, s[row], s[column], o[row], o[column]));
}

static double tile_value(const qkv_tile *tile, int32_t real, int64_t r, int64_t c)
{
    const int64_t at = r * QKV_PANEL_WIDTH + c;
    return real == QKVSIM_F64 ? ((const double *)tile->values)[at]
                              : (double)((const float *)tile->values)[at];
}

static void consume(qkv_sink *base, int32_t worker, const qkv_tile *tile)
{
    (void)worker;
    const qkv_matrix_sink *sink = (const qkv_matrix_sink *)base;
    const qkv_panels *panels = sink->panels;
    const bool is_similarity = (sink->metric & (QKVSIM_COSINE | QKVSIM_PEARSON)) != 0;
    for (int64_t r = 0; r < tile->rows; r++) {
        const int64_t row = tile->row_start + r;
        const qkv_feature *a = &panels->statistics[panels->order[row]];
        for (int64_t c = tile->diagonal ? r + 1 : 0; c < tile->columns; c++) {
            const int64_t column = tile->column_start + c;
            const qkv_feature *b = &panels->statistics[panels->order[column]];
            const double gram = tile_value(tile, panels->real, r, c);
            const double value = is_similarity ? similarity_value(sink, row, column, a, b, gram)
                                               : entry_value(sink, a, b, gram);
            write_entry(sink, panels->order[row], panels->order[column], value);
            if (sink->full)
                write_entry(sink, panels->order[column], panels->order[row], value);
        }
    }
}

qkv_matrix_sink qkv_matrix_sink_for(const qkv_panels *panels, int32_t metric, int32_t triangle,
                                    const qkvsim_matrix *matrix)
{
    return (qkv_matrix_sink){ .sink = { consume }, .panels = panels, .matrix = *matrix,
                              .metric = metric, .full = triangle == QKVSIM_FULL };
}

void qkv_matrix_sink_diagonal(const qkv_matrix_sink *sink)
{
    const qkv_panels *panels = sink->panels;
    for (int64_t j = 0; j < panels->features; j++) {
        const qkv_feature *feature = &panels->statistics[j];
        const int limit = sink->metric == QKVSIM_PEARSON ? QKV_NORMAL : QKV_CONSTANT;
        if ((sink->metric & (QKVSIM_COSINE | QKVSIM_PEARSON)) != 0)
            write_entry(sink, j, j, feature->kind <= limit ? 1 : NAN);
        else
            write_entry(sink, j, j, entry_value(sink, feature, feature, 1));
    }
}

qkvsim_status qkv_matrix_sink_check(qkvsim_context *context, const qkv_matrix_sink *sink)
{
    if ((sink->metric & (QKVSIM_COSINE | QKVSIM_PEARSON)) != 0)
        return QKVSIM_OK;
    const double largest = sink->matrix.dtype == QKVSIM_F64 ? DBL_MAX : (double)FLT_MAX;
    for (int64_t j = 0; j < sink->panels->features; j++) {
        const qkv_feature *feature = &sink->panels->statistics[j];
        const double value = entry_value(sink, feature, feature, 1);
        if (value > largest)
            return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                            "the %s of column %lld with itself is %g, beyond %g, the largest of the "
                            "output's type: %s",
                            sink->metric == QKVSIM_DOT ? "dot product" : "covariance",
                            (long long)j, value, largest,
                            sink->matrix.dtype == QKVSIM_F32 ? "write to a QKVSIM_F64 matrix"
                                                             : "scale the input");
    }
    return QKVSIM_OK;
}
