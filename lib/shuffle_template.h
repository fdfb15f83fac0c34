/*
 * Shuffles of words of one size; values are moved as bits. The including file defines WORD and
 * WORD_NAME(name).
 */

/* Fisher and Yates, in place. */
static void WORD_NAME(shuffle)(WORD *words, int64_t count, qkv_random *stream)
{
    for (int64_t last = count - 1; last > 0; last--) {
        const uint32_t other = qkv_random_below(stream, (uint32_t)last + 1);
        const WORD word = words[last];
        words[last] = words[other];
        words[other] = word;
    }
}

/* Deals the words of one chunk to their buckets; next[b] is where bucket b's next word goes. */
static void WORD_NAME(deal)(const shuffle_all *work, int64_t start, int64_t end, int64_t *next)
{
    const WORD *from = work->from;
    WORD *to = work->to;
    for (int64_t k = start; k < end; k += LABELS) {
        uint16_t labels[LABELS];
        const int64_t count = end - k < LABELS ? end - k : LABELS;
        draw_labels(work, k, labels);
        for (int64_t l = 0; l < count; l++)
            to[next[labels[l]]++] = from[k + l];
    }
}

/* Shuffles columns start .. end - 1 of row-major words: turned into rows of scratch, shuffled,
 * turned back. */
static void WORD_NAME(shuffle_columns)(const shuffle_features *work, int64_t start, int64_t end,
                                       void *scratch_memory)
{
    const WORD *from = work->from;
    WORD *to = work->to, *scratch = scratch_memory;
    const int64_t n = work->rows, d = work->columns;
    for (int64_t r = 0; r < n; r++)
        for (int64_t j = start; j < end; j++)
            scratch[(j - start) * n + r] = from[r * d + j];
    for (int64_t j = start; j < end; j++) {
        qkv_random stream =
            qkv_random_stream(work->seed, work->index, QKV_RANDOM_FEATURE, (uint32_t)j);
        WORD_NAME(shuffle)(scratch + (j - start) * n, n, &stream);
    }
    for (int64_t r = 0; r < n; r++)
        for (int64_t j = start; j < end; j++)
            to[r * d + j] = scratch[(j - start) * n + r];
}

#undef WORD
#undef WORD_NAME
