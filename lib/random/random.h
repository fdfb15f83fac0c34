/* Random numbers as a function of where they are used: Philox 4x32-10 (Random123), no state. */
#ifndef QKV_RANDOM_H
#define QKV_RANDOM_H

#include <stdint.h>

#include <Random123/philox.h>

#include "kernels/stream.h"

/* What a stream of numbers is for; part of the counter, so that no two uses share numbers. */
enum {
    QKV_RANDOM_BUCKETS = 1,
    QKV_RANDOM_WITHIN_BUCKET = 2,
    QKV_RANDOM_FEATURE = 3,
    QKV_RANDOM_LABELS = 4,
    QKV_RANDOM_LABEL_LAGS = 5,
    QKV_RANDOM_SUBSET = 6,
    QKV_RANDOM_RELABELLED_SUBSET = 7,
    QKV_RANDOM_BLOCKS = 8,
    QKV_RANDOM_FEATURE_LAGS = 9,
    QKV_RANDOM_ROWS = 10,
    QKV_RANDOM_ROWS_LAGS = 11,
    QKV_RANDOM_LABEL_SEGMENTS = 12,
    QKV_RANDOM_FEATURE_SEGMENTS = 13,
    QKV_RANDOM_ROWS_SEGMENTS = 14,
    QKV_RANDOM_SIGNS = 15
};

/* Added to a purpose: the numbers that stand for rejected ones. */
#define QKV_RANDOM_AGAIN 0x80000000u

/* The stream of one item (a bucket, a column) of one permutation of a seed. */
static inline qkv_stream qkv_stream_of(uint64_t seed, uint32_t permutation, uint32_t purpose,
                                       uint32_t item)
{
    return (qkv_stream){ .key = { (uint32_t)seed, (uint32_t)(seed >> 32) },
                         .item = item,
                         .permutation = permutation,
                         .purpose = purpose };
}

/* A stream read number by number. */
typedef struct qkv_random {
    philox4x32_key_t key;
    philox4x32_ctr_t counter; /* block, item, permutation, purpose */
    philox4x32_ctr_t block;
    int left; /* unused numbers of the block */
} qkv_random;

static inline qkv_random qkv_random_stream(uint64_t seed, uint32_t permutation, uint32_t purpose,
                                           uint32_t item)
{
    return (qkv_random){ .key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } },
                         .counter = { { 0, item, permutation, purpose } } };
}

/* Where the numbers of a stream that are rejected are drawn again. */
static inline qkv_random qkv_random_again(const qkv_stream *stream)
{
    return (qkv_random){ .key = { { stream->key[0], stream->key[1] } },
                         .counter = { { 0, stream->item, stream->permutation,
                                        stream->purpose | QKV_RANDOM_AGAIN } } };
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
 * interval). `word` is the number to begin with. */
static inline uint32_t qkv_random_below_from(uint32_t word, qkv_random *again, uint32_t bound)
{
    uint64_t product = (uint64_t)word * bound;
    if ((uint32_t)product < bound) {
        const uint32_t rejected = (0u - bound) % bound;
        while ((uint32_t)product < rejected)
            product = (uint64_t)qkv_random_next(again) * bound;
    }
    return (uint32_t)(product >> 32);
}

static inline uint32_t qkv_random_below(qkv_random *stream, uint32_t bound)
{
    return qkv_random_below_from(qkv_random_next(stream), stream, bound);
}

/* Two independent numbers, below bound and below bound + 1, from one word (Brackett-Rozinsky and
 * Lemire 2024, Batched ranged random integer generation). bound is below 2^16. */
static inline void qkv_random_pair(uint32_t word, qkv_random *again, uint32_t bound, uint32_t *one,
                                   uint32_t *other)
{
    const uint32_t bounds = bound * (bound + 1);
    uint64_t first = (uint64_t)word * bound;
    uint64_t second = (uint64_t)(uint32_t)first * (bound + 1);
    if ((uint32_t)second < bounds) {
        const uint32_t rejected = (0u - bounds) % bounds;
        while ((uint32_t)second < rejected) {
            first = (uint64_t)qkv_random_next(again) * bound;
            second = (uint64_t)(uint32_t)first * (bound + 1);
        }
    }
    *one = (uint32_t)(first >> 32);
    *other = (uint32_t)(second >> 32);
}

#endif
