/* Random words for one instruction set; the same words on each. */
#include "stream.h"
#include "vectors.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Lanes hold a word each in their low halves; what is in the high halves is not looked at. */
typedef uint64_t counters __attribute__((vector_size(VECTOR_BYTES)));
enum { WORD_LANES = VECTOR_BYTES / 8 };

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

/* The blocks counted in the counters; words 0 and 1 of each go to `to`, words 2 and 3 behind those of
 * the whole group. */
static inline void philox_blocks(const qkv_stream *stream, counters block, uint32_t *to)
{
    counters a = block, b = (counters){ 0 } + (uint64_t)stream->item;
    counters c = (counters){ 0 } + (uint64_t)stream->permutation;
    counters d = (counters){ 0 } + (uint64_t)stream->purpose;
    uint32_t key_0 = stream->key[0], key_1 = stream->key[1];
    for (int round = 0; round < 10; round++) {
        const counters p = multiply_low_halves(a, 0xD2511F53u);
        const counters q = multiply_low_halves(c, 0xCD9E8D57u);
        a = q >> 32 ^ b ^ (uint64_t)key_0;
        b = q;
        c = p >> 32 ^ d ^ (uint64_t)key_1;
        d = p;
        key_0 += 0x9E3779B9u;
        key_1 += 0xBB67AE85u;
    }
    store_pairs(to, a, b);
    store_pairs(to + QKV_GROUP_WORDS / 2, c, d);
}

static void random_words(const qkv_stream *stream, uint32_t first, int64_t groups, uint32_t *words)
{
    counters lane = { 0 };
    for (int l = 0; l < WORD_LANES; l++)
        lane[l] = (uint64_t)l;
    for (int64_t group = 0; group < groups; group++)
        for (int l = 0; l < QKV_GROUP_BLOCKS; l += WORD_LANES) {
            const uint32_t block = (first + (uint32_t)group) * QKV_GROUP_BLOCKS + (uint32_t)l;
            philox_blocks(stream, lane + (uint64_t)block, words + group * QKV_GROUP_WORDS + 2 * l);
        }
}
