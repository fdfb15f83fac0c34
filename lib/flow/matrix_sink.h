/* The sink that writes a similarity matrix into the caller's memory. */
#ifndef QKV_MATRIX_SINK_H
#define QKV_MATRIX_SINK_H

#include <qkvsim/similarity.h>

#include "gram.h"

typedef struct qkv_matrix_sink {
    qkv_sink sink;
    const qkv_panels *panels; /* in the caller's order */
    qkvsim_matrix matrix;
    int32_t metric;
    bool full;
} qkv_matrix_sink;

/* The sink's function is set; panels are prepared. */
qkv_matrix_sink qkv_matrix_sink_for(const qkv_panels *panels, int32_t metric, int32_t triangle,
                                    const qkvsim_matrix *matrix);

/* Writes what tiles leave out: the diagonal, which is exact, and NaN for undefined features. */
void qkv_matrix_sink_finish(const qkv_matrix_sink *sink);

/* Fails where a covariance or dot product may exceed the matrix's type. */
qkvsim_status qkv_matrix_sink_check(qkvsim_context *context, const qkv_matrix_sink *sink);

#endif
