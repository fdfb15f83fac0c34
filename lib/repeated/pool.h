/* The observations that repeated analyses are made of: those of one selection, or of two
 * together. */
#ifndef QKV_POOL_H
#define QKV_POOL_H

#include "analysis/session.h"

typedef struct qkv_pool {
    qkv_input inputs[2]; /* the selections, each by itself */
    int32_t selections;
    qkv_input all;      /* in row order; holds nothing of its own */
    int64_t *rows;      /* of two selections */
    uint8_t *selection; /* which one each observation is of, 0 or 1; NULL where there is one */
} qkv_pool;

/* Opens an input of any version and, if not NULL, a second one, with which it must share no
 * row. On failure nothing is held. */
qkvsim_status qkv_pool_open(qkvsim_context *context, const qkvsim_input *given,
                            const qkvsim_selection *second, qkv_pool *pool);
void qkv_pool_close(const qkvsim_context *context, qkv_pool *pool);

/* Gives the lists of dropped observations to the selections' analyses. */
void qkv_pool_hand_over(qkvsim_context *context, qkv_pool *pool, qkvsim_analysis *const analyses[]);

#endif
