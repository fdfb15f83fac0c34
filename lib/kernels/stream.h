/* Streams of random numbers: Philox 4x32-10 (Salmon et al. 2011), many blocks at a time. */
#ifndef QKV_STREAM_H
#define QKV_STREAM_H

#include <stdint.h>

/* What a stream is of: the generator's key, and its counter but for the number of the block. */
typedef struct qkv_stream {
    uint32_t key[2];
    uint32_t item; /* a chunk, a bucket, a column: counter word 1 */
    uint32_t permutation;
    uint32_t purpose; /* counter word 3 */
} qkv_stream;

/*
 * Words come in groups of 16 blocks: words 0 and 1 of each block, and then words 2 and 3 of each.
 * This order costs vectors of any width nothing.
 */
enum { QKV_GROUP_BLOCKS = 16, QKV_GROUP_WORDS = 64 };

#endif
