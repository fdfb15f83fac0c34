/* Random words for one instruction set; the same words on each. */
#include "stream.h"
#include "vectors.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Lanes hold a word each in their low halves; what is in the high halves is not looked at. */
typedef uint64_t counters __attribute__((vector_size(VECTOR_BYTES)));
enum { WORD_LANES = VECTOR_BYTES / 8, ROUNDS = 10 };

static inline counters multiply_low_halves(counters a, uint32_t b)
{
    const counters factor = (counters){ 0 } + (uint64_t)b;
#if defined(__AVX512F__)
    return (counters)_mm512_mul_epu32((__m512i)a, (__m512i)factor);
#elif defined(__AVX2__)
    return (counters)_mm256_mul_epu32((__m256i)a, (__m256i)factor);
#elif defined(__SSE2__)
    return (counters)_mm_mul_epu32((__m128i)a, (__m128i)factor);
#else
    return (a & 0xffffffffu) * factor;
#endif
}

static inline void store_pairs(uint32_t *to, counters first, counters second)
{
    const counters pairs = (first & 0xffffffffu) | second << 32;
    memcpy(to, &pairs, sizeof pairs);
}

/* What each round mixes in, made once for many blocks. */
typedef struct round_keys {
    uint64_t first[ROUNDS], second[ROUNDS];
} round_keys;

static inline round_keys keys_of(const qkv_stream *stream)
{
    round_keys keys;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        keys.first[round] = stream->key[0] + round * 0x9E3779B9u;
        keys.second[round] = stream->key[1] + round * 0xBB67AE85u;
    }
    return keys;
}

/* The blocks counted in two vectors of counters, whose steps need not wait for each other; words 0
 * and 1 of each block go to `to`, words 2 and 3 behind those of the whole group. */
static inline void philox_blocks(const qkv_stream *stream, const round_keys *keys,
                                 const counters block[2], uint32_t *to)
{
    counters a[2], b[2], c[2], d[2];
    for (int v = 0; v < 2; v++) {
        a[v] = block[v];
        b[v] = (counters){ 0 } + (uint64_t)stream->item;
        c[v] = (counters){ 0 } + (uint64_t)stream->permutation;
        d[v] = (counters){ 0 } + (uint64_t)stream->purpose;
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int v = 0; v < 2; v++) {
            const counters p = multiply_low_halves(a[v], 0xD2511F53u);
            const counters q = multiply_low_halves(c[v], 0xCD9E8D57u);
            a[v] = q >> 32 ^ b[v] ^ keys->first[round];
            b[v] = q;
            c[v] = p >> 32 ^ d[v] ^ keys->second[round];
            d[v] = p;
        }
    for (int v = 0; v < 2; v++) {
        store_pairs(to + 2 * v * WORD_LANES, a[v], b[v]);
        store_pairs(to + QKV_GROUP_WORDS / 2 + 2 * v * WORD_LANES, c[v], d[v]);
    }
}

static void random_words(const qkv_stream *stream, uint32_t first, int64_t groups, uint32_t *words)
{
    const round_keys keys = keys_of(stream);
    counters lane = { 0 };
    for (int l = 0; l < WORD_LANES; l++)
        lane[l] = (uint64_t)l;
    for (int64_t group = 0; group < groups; group++)
        for (int l = 0; l < QKV_GROUP_BLOCKS; l += 2 * WORD_LANES) {
            const uint32_t block = (first + (uint32_t)group) * QKV_GROUP_BLOCKS + (uint32_t)l;
            const counters both[2] = { lane + (uint64_t)block,
                                       lane + (uint64_t)(block + WORD_LANES) };
            philox_blocks(stream, &keys, both, words + group * QKV_GROUP_WORDS + 2 * l);
        }
}
