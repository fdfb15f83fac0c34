/* The search for pairs, for whatever tiles can be made of: an input's columns or accumulated
 * moments. */
#ifndef QKV_PAIRS_H
#define QKV_PAIRS_H

#include <qkvsim/pairs.h>

#include "analysis/session.h"

/* Where a search gets its columns and tiles from. */
typedef struct qkv_pairs_origin {
    const qkv_tile_source *source;
    /* Fills the panels of a session that was opened with the source. */
    qkvsim_status (*fill)(qkvsim_context *context, const void *state, qkv_session *session);
    const void *state;
} qkv_pairs_origin;

/* Copies and checks all that needs neither input nor layout. */
qkvsim_status qkv_read_pairs_options(qkvsim_context *context, const qkvsim_pairs_options *given,
                                     qkvsim_pairs_options *options);

/* Searches an input of these columns; layout: NULL for one group of all. */
qkvsim_status qkv_search_pairs(qkvsim_context *context, const qkvsim_layout *layout,
                               const qkvsim_pairs_options *options, const qkv_input *input,
                               const qkv_pairs_origin *origin, qkvsim_pairs **pairs);

#endif
