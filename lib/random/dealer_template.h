/* Dealing of words of one size (kernels/both_reals.h); values are moved as bits. */

/* Deals values to piles, three by the bits of each random word. Values `ahead` are asked for: what
 * is written between hides from the processor that they are read in order. */
static void NAME(deal)(const WORD *values, int64_t count, int64_t ahead, const uint32_t *random,
                       qkv_piles piles)
{
    WORD *to = piles.values;
    for (; count >= LABELS_A_WORD; count -= LABELS_A_WORD, values += LABELS_A_WORD) {
        const uint32_t word = *random++;
        __builtin_prefetch(values + ahead);
        to[next_place(&piles, word)] = values[0];
        to[next_place(&piles, word >> LABEL_BITS)] = values[1];
        to[next_place(&piles, word >> 2 * LABEL_BITS)] = values[2];
    }
    for (int64_t k = 0; k < count; k++)
        to[next_place(&piles, *random >> k * LABEL_BITS)] = values[k];
}
