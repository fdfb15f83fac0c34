/* Random numbers as a function of where they are used: Philox 4x32-10 (Random123), no state. */
#ifndef QKV_RANDOM_H
#define QKV_RANDOM_H

#include <stdint.h>

#include <Random123/philox.h>

/* What a stream of numbers is for; part of the counter, so that no two uses share numbers. */
enum {
    QKV_RANDOM_BUCKETS = 1,
    QKV_RANDOM_WITHIN_BUCKET = 2,
    QKV_RANDOM_FEATURE = 3,
    QKV_RANDOM_LABELS = 4,
    QKV_RANDOM_LABEL_LAGS = 5,
    QKV_RANDOM_SUBSET = 6,
    QKV_RANDOM_RELABELLED_SUBSET = 7,
    QKV_RANDOM_BLOCKS = 8
};

typedef struct qkv_random {
    philox4x32_key_t key;
    philox4x32_ctr_t counter; /* block, item, permutation, purpose */
    philox4x32_ctr_t block;
    int left; /* unused numbers of the block */
} qkv_random;

/* The stream of one item (a bucket, a column) of one permutation of a seed. */
static inline qkv_random qkv_random_stream(uint64_t seed, uint32_t permutation, uint32_t purpose,
                                           uint32_t item)
{
    qkv_random stream = { .left = 0 };
    stream.key.v[0] = (uint32_t)seed;
    stream.key.v[1] = (uint32_t)(seed >> 32);
    stream.counter.v[0] = 0;
    stream.counter.v[1] = item;
    stream.counter.v[2] = permutation;
    stream.counter.v[3] = purpose;
    return stream;
}

/* The stream's n-th block of four numbers. */
static inline philox4x32_ctr_t qkv_random_block(const qkv_random *stream, uint32_t n)
{
    philox4x32_ctr_t counter = stream->counter;
    counter.v[0] = n;
    return philox4x32(counter, stream->key);
}

static inline uint32_t qkv_random_next(qkv_random *stream)
{
    if (stream->left == 0) {
        stream->block = philox4x32(stream->counter, stream->key);
        stream->counter.v[0]++;
        stream->left = 4;
    }
    return stream->block.v[--stream->left];
}

/* A number below bound, each equally likely (Lemire 2019, Fast random integer generation in an
 * interval). */
static inline uint32_t qkv_random_below(qkv_random *stream, uint32_t bound)
{
    uint64_t product = (uint64_t)qkv_random_next(stream) * bound;
    if ((uint32_t)product < bound) {
        const uint32_t rejected = (0u - bound) % bound;
        while ((uint32_t)product < rejected)
            product = (uint64_t)qkv_random_next(stream) * bound;
    }
    return (uint32_t)(product >> 32);
}

#endif
