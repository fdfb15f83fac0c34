/* The source of tiles that divides accumulated second moments by the features' norms. */
#ifndef QKV_MOMENTS_SOURCE_H
#define QKV_MOMENTS_SOURCE_H

#include "gram.h"

typedef struct qkv_moments_source {
    qkv_tile_source source;
    const double *moments; /* packed upper triangle in the caller's columns; the gram's panels have
                            * their statistics, and no values */
} qkv_moments_source;

qkv_moments_source qkv_moments_source_for(const double *moments);

/* Index of moment (i, j), i <= j, in a packed upper triangle. */
static inline int64_t qkv_packed(int64_t features, int64_t i, int64_t j)
{
    return i * features - i * (i - 1) / 2 + (j - i);
}

#endif
