/*
 * Shuffles sections of values, each within itself, in two steps that both stay in cache (Rao 1961,
 * Sandelius 1962). Dealing gives each value a random bucket of its section: chunk after chunk is
 * dealt to piles, one for each bucket, and these are put one behind the other. Reading collects a
 * bucket from the chunks and shuffles it. Every order of the values between and within buckets is
 * equally likely, and so is every order of a section.
 */
#ifndef QKV_DEALER_H
#define QKV_DEALER_H

#include "base/context.h"

typedef struct qkv_section {
    int64_t start, count; /* values */
    int64_t first_bucket, buckets;
    int64_t first_chunk, chunks;
    int64_t chunk_values; /* of all but the last */
} qkv_section;

/* One pile for each bucket of the section that is dealt. */
typedef struct qkv_piles {
    uint32_t mask; /* takes a pile's number from random bits */
    uint32_t *sizes;
    void *values;
} qkv_piles;

/* What one worker keeps: the piles it deals to, and the bucket it read last. */
typedef struct qkv_hand {
    qkv_piles piles;
    int64_t bucket; /* -1: none */
    void *values;
} qkv_hand;

typedef struct qkv_dealer {
    const qkv_kernels *kernels;
    size_t size; /* of a value: 4 or 8 bytes */
    int64_t count;
    int64_t section_count, bucket_count, chunk_count;
    qkv_section *sections;
    int32_t *bucket_section; /* buckets */
    int32_t *chunk_section;  /* chunks */
    int64_t *bucket_start;   /* buckets + 1: in the shuffled sections */
    uint32_t **places;       /* chunks: where each bucket's values begin in it, and the last end */
    uint32_t *place_memory;
    void *dealt; /* chunks, each sorted by bucket */
    qkv_hand *hands;
    int32_t hand_count;
    int64_t hand_values; /* room in each hand */
    uint64_t seed;
    uint32_t index;
} qkv_dealer;

/* Plans sections of the given numbers of values, to be read about `together` at a time. On failure
 * nothing is held. */
qkvsim_status qkv_dealer_open(qkvsim_context *context, const int64_t *section_counts,
                              int64_t sections, int64_t together, size_t size, qkv_dealer *dealer);
void qkv_dealer_close(const qkvsim_context *context, qkv_dealer *dealer);

/* Deals the values, section after section, for permutation `index` of `seed`. */
qkvsim_status qkv_dealer_deal(qkvsim_context *context, qkv_dealer *dealer, const void *values,
                              uint64_t seed, uint32_t index);

/* Values that stand one behind the other. */
typedef struct qkv_dealt {
    const void *values;
    int64_t count;
} qkv_dealt;

/* The shuffled values from `start` on, up to the end of a bucket, for one of context->threads
 * readers. They stay until it reads again. */
qkv_dealt qkv_dealer_see(const qkv_dealer *dealer, int32_t reader, int64_t start);

/* Reads `count` of the shuffled values from `start` on. */
void qkv_dealer_read(const qkv_dealer *dealer, int32_t reader, int64_t start, int64_t count,
                     void *values);

#endif
