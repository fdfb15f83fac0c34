/* Shuffles of words of one size (kernels/both_reals.h); values are moved as bits. */

/* Exchanges value k .. end - 1 each with one of those up to it; a word serves two values. */
static void NAME(exchange_pairs)(WORD *values, int64_t k, int64_t end, const uint32_t *words,
                                 qkv_random *again)
{
    for (; k < end; k += 2) {
        uint32_t one, other;
        qkv_random_pair(*words++, again, (uint32_t)k + 1, &one, &other);
        const WORD value = values[k];
        values[k] = values[one];
        values[one] = value;
        if (k + 1 < end) {
            const WORD next = values[k + 1];
            values[k + 1] = values[other];
            values[other] = next;
        }
    }
}

static void NAME(exchange_singly)(WORD *values, int64_t k, int64_t end, const uint32_t *words,
                                  qkv_random *again)
{
    for (; k < end; k++) {
        const uint32_t other = qkv_random_below_from(*words++, again, (uint32_t)k + 1);
        const WORD value = values[k];
        values[k] = values[other];
        values[other] = value;
    }
}

static void NAME(shuffle)(const qkv_kernels *kernels, const qkv_stream *stream, WORD *values,
                          int64_t count)
{
    qkv_random again = qkv_random_again(stream);
    uint32_t words[BATCH_WORDS], group = 0;
    for (int64_t k = 0, end; k < count; k = end, group += BATCH_WORDS / QKV_GROUP_WORDS) {
        const bool paired = k < PAIRED;
        const int64_t most = k + (paired ? 2 * BATCH_WORDS : BATCH_WORDS);
        end = qkv_smaller(most, count);
        const int64_t needed = paired ? (end - k + 1) / 2 : end - k;
        kernels->random_words(stream, group, (needed + QKV_GROUP_WORDS - 1) / QKV_GROUP_WORDS,
                              words);
        (paired ? NAME(exchange_pairs) : NAME(exchange_singly))(values, k, end, words, &again);
    }
}
