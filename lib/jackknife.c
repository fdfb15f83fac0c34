/* F. M. T. A. Busing, E. Meijer & R. van der Leeden, Delete-m jackknife for unequal m, Statistics
 * and Computing 9 (1999) 3-8. */
#include "jackknife.h"

#include <math.h>

/* ---- blocks ---- */

static int64_t segment_length(const qkv_segments *segments, int64_t s)
{
    return segments->start[s + 1] - segments->start[s];
}

/* At most the segment's length, since blocks are at most the observations. */
static int64_t blocks_of_segment(const qkv_segments *segments, int64_t s, int64_t blocks)
{
    const double n = (double)segments->start[segments->count];
    const double share = (double)blocks * ((double)segment_length(segments, s) / n);
    return share < 1.5 ? 1 : llround(share);
}

/* Where the j-th of `blocks` parts of a length begins, without the product that could overflow. */
static int64_t even_start(int64_t length, int64_t blocks, int64_t j)
{
    const int64_t rest = length % blocks;
    return length / blocks * j + (j < rest ? j : rest);
}

qkvsim_status qkv_blocks_open(qkvsim_context *context, const qkv_segments *segments, int64_t blocks,
                              qkv_blocks *divided)
{
    *divided = (qkv_blocks){ 0 };
    for (int64_t s = 0; s < segments->count; s++)
        divided->count += blocks_of_segment(segments, s, blocks);
    divided->start = qkv_allocate(&context->allocator, (size_t)divided->count + 1, sizeof(int64_t));
    if (divided->start == NULL)
        return qkv_no_memory(context, "the blocks");
    int64_t *start = divided->start;
    for (int64_t s = 0; s < segments->count; s++) {
        const int64_t own = blocks_of_segment(segments, s, blocks);
        for (int64_t j = 0; j < own; j++)
            *start++ = segments->start[s] + even_start(segment_length(segments, s), own, j);
    }
    *start = segments->start[segments->count];
    return QKVSIM_OK;
}

void qkv_blocks_close(const qkv_allocator *allocator, qkv_blocks *blocks)
{
    qkv_release(allocator, blocks->start);
    *blocks = (qkv_blocks){ 0 };
}

static int64_t block_length(const qkv_blocks *blocks, int64_t j)
{
    return blocks->start[j + 1] - blocks->start[j];
}

int64_t qkv_blocks_longest(const qkv_blocks *blocks)
{
    int64_t longest = 0;
    for (int64_t j = 0; j < blocks->count; j++)
        longest = block_length(blocks, j) > longest ? block_length(blocks, j) : longest;
    return longest;
}

/* ---- estimate ---- */

/* Their notation: theta(j) is the value without block j of m_j observations, h_j = n / m_j, g
 * blocks. Both sums are taken of theta(j) - theta, which does not cancel. */
qkv_jackknife_estimate qkv_jackknife(const qkv_sample *sample, const qkv_blocks *blocks)
{
    const double g = (double)blocks->count, n = (double)blocks->start[blocks->count];
    double shift = 0, variance = 0;
    for (int64_t j = 0; j < blocks->count; j++)
        shift += (1 - (double)block_length(blocks, j) / n)
                 * (qkv_sample_value(sample, j) - sample->observed);
    /* theta_J = g theta - sum (1 - m_j / n) theta(j) = theta - shift, as sum (1 - m_j / n) = g - 1.
     * The pseudo-value h_j theta - (h_j - 1) theta(j) is theta - (h_j - 1) (theta(j) - theta). */
    for (int64_t j = 0; j < blocks->count; j++) {
        const double h = n / (double)block_length(blocks, j);
        const double deviation = shift - (h - 1) * (qkv_sample_value(sample, j) - sample->observed);
        variance += deviation * deviation / (h - 1);
    }
    return (qkv_jackknife_estimate){ sample->observed - shift, sqrt(variance / g) };
}
