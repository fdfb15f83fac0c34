/* What the similarity of a matrix and that of an accumulator share. */
#ifndef QKV_SIMILARITY_H
#define QKV_SIMILARITY_H

#include <qkvsim/similarity.h>

#include "flow/gram.h"

/* Copies and checks options and metric. */
qkvsim_status qkv_check_similarity(qkvsim_context *context, int32_t metric,
                                   const qkvsim_similarity_options *given,
                                   qkvsim_similarity_options *options);

/* Panels of all features in the caller's order. */
qkvsim_status qkv_panels_open_unordered(qkvsim_context *context, const qkv_input *input,
                                        qkv_panels *panels);

/* Tiles of a source into a checked matrix. */
qkvsim_status qkv_write_similarity(qkvsim_context *context, const qkv_panels *panels,
                                   const qkv_tile_source *source, int32_t metric, int32_t triangle,
                                   const qkvsim_matrix *matrix);

#endif
