/* The observations of two selections, each less its own selection's mean: what relabellings of
 * correlations are made of. */
#ifndef QKV_CENTRING_H
#define QKV_CENTRING_H

#include "pool.h"

typedef struct qkv_centring {
    qkv_column_source source; /* the centred columns, made as they are read */
    qkvsim_context *context;
    qkv_input input;    /* what is read next, not yet centred */
    uint8_t *selection; /* of each row of the parts, 0 or 1 */
    double *means[2];   /* features */
} qkv_centring;

/* Room for a pool of two selections. On failure nothing is held. */
qkvsim_status qkv_centring_open(qkvsim_context *context, const qkv_pool *pool,
                                qkv_centring *centring);
void qkv_centring_close(const qkvsim_context *context, qkv_centring *centring);

/* Keeps the means of selection s, which has just been prepared. */
void qkv_centring_take_means(qkv_centring *centring, int s, const qkv_panels *panels);

/* Rows of the pool as an input that is centred; one at a time. Not to be closed. */
qkv_input qkv_centring_output(qkv_centring *centring, const qkv_input *input);

#endif
