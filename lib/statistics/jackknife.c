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

/* ---- shares ---- */

qkvsim_status qkv_block_shares_open(qkvsim_context *context, const qkv_blocks *blocks,
                                    const uint8_t *selections, uint8_t selection,
                                    qkv_block_shares *shares)
{
    *shares = (qkv_block_shares){ 0 };
    shares->share = qkv_allocate_zeroed(&context->allocator, (size_t)blocks->count, sizeof(double));
    if (shares->share == NULL)
        return qkv_no_memory(context, "the shares of the blocks");
    double n = 0;
    for (int64_t j = 0; j < blocks->count; j++) {
        for (int64_t i = blocks->start[j]; i < blocks->start[j + 1]; i++)
            shares->share[j] += selections == NULL || selections[i] == selection;
        shares->held += shares->share[j] > 0;
        n += shares->share[j];
    }
    for (int64_t j = 0; j < blocks->count; j++)
        shares->share[j] /= n;
    return QKVSIM_OK;
}

void qkv_block_shares_close(const qkv_allocator *allocator, qkv_block_shares *shares)
{
    qkv_release(allocator, shares->share);
    *shares = (qkv_block_shares){ 0 };
}

/* ---- estimate ---- */

/* What leaving block j out says of a selection. In their notation theta(j) is the value without
 * block j of m_j observations, h_j = n / m_j, g blocks, and
 *     theta_J = g theta - sum (1 - m_j / n) theta(j) = theta + sum contribution,
 * as sum (1 - m_j / n) = g - 1. The sum is of theta - theta(j), which does not cancel, and a block
 * that has nothing of the selection adds nothing. */
static double contribution(const qkv_sample *sample, const qkv_block_shares *shares, int64_t j)
{
    if (shares->share[j] == 0)
        return 0;
    return (1 - shares->share[j]) * (sample->observed - qkv_sample_value(sample, j));
}

static double sum_of_contributions(const qkv_sample *sample, const qkv_block_shares *shares)
{
    double sum = 0;
    for (int64_t j = 0; j < sample->count; j++)
        sum += contribution(sample, shares, j);
    return sum;
}

/* The variance of one selection is the sum of squares of
 *     (pseudo-value - theta_J) / sqrt(g (h_j - 1)),  pseudo-value h_j theta - (h_j - 1) theta(j),
 * that is, with w = m_j / n = 1 / h_j, of (contribution - w sum) / sqrt(g w (1 - w)). */
static double deviation(const qkv_sample *sample, const qkv_block_shares *shares, double sum,
                        int64_t j)
{
    const double w = shares->share[j];
    if (w == 0)
        return 0;
    return (contribution(sample, shares, j) - w * sum) / sqrt((double)shares->held * w * (1 - w));
}

/* Terms lose what they have in a block together, so their deviations are added before they are
 * squared: the variance of the sum has the variances of all and, where they share blocks, the
 * covariances. */
qkv_jackknife_estimate qkv_jackknife(const qkv_jackknife_term *terms, int32_t count)
{
    double sums[QKV_JACKKNIFE_TERMS], estimate = 0, variance = 0;
    for (int32_t k = 0; k < count; k++) {
        sums[k] = sum_of_contributions(terms[k].sample, terms[k].shares);
        estimate += terms[k].weight * (terms[k].sample->observed + sums[k]);
    }
    for (int64_t j = 0; j < terms[0].sample->count; j++) {
        double sum = 0;
        for (int32_t k = 0; k < count; k++)
            sum += terms[k].weight * deviation(terms[k].sample, terms[k].shares, sums[k], j);
        variance += sum * sum;
    }
    return (qkv_jackknife_estimate){ estimate, sqrt(variance) };
}
