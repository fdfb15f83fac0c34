/* The exact shuffle that every scheme is made of. */
#ifndef QKV_SHUFFLE_H
#define QKV_SHUFFLE_H

#include "kernels/kernels.h"

/* Puts `count` values of `size` bytes, 4 or 8, into a random order, each order equally likely; up
 * to 2^32 - 1 of them. */
void qkv_shuffle(const qkv_kernels *kernels, const qkv_stream *stream, void *values, int64_t count,
                 size_t size);

#endif
