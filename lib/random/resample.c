/* Random draws of observations: what relabellings, matched subsets and the bootstrap are made
 * of. */
#include "resample.h"

#include <string.h>

/* ---- segments ---- */

static bool segment_begins(const int32_t *labels, const qkv_input *input, int64_t k)
{
    return k == 0
           || (labels != NULL
               && labels[qkv_input_row(input, k)] != labels[qkv_input_row(input, k - 1)]);
}

void qkv_segments_close(const qkvsim_context *context, qkv_segments *segments)
{
    qkv_release(&context->allocator, segments->start);
    *segments = (qkv_segments){ 0 };
}

qkvsim_status qkv_segments_open(qkvsim_context *context, const int32_t *labels,
                                const qkv_input *input, qkv_segments *segments)
{
    const int64_t n = input->observations;
    int64_t count = 0;
    if (n > QKV_DRAWN_MOST)
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                        "%lld observations are more than the %lld that can be drawn from",
                        (long long)n, (long long)QKV_DRAWN_MOST);
    for (int64_t k = 0; k < n; k++)
        count += segment_begins(labels, input, k);
    int64_t *start = qkv_allocate(&context->allocator, (size_t)count + 1, sizeof *start);
    if (start == NULL)
        return qkv_no_memory(context, "the segments");
    *segments = (qkv_segments){ count, start };
    int64_t found = 0;
    for (int64_t k = 0; k < n; k++)
        if (segment_begins(labels, input, k) && found++ < count)
            start[found - 1] = k;
    start[count] = n;
    if (found == count)
        return QKVSIM_OK;
    qkv_segments_close(context, segments);
    return qkv_input_changed(context, "the segments");
}

/* The segment that holds an observation. */
static int64_t find_segment(const qkv_segments *segments, int64_t observation)
{
    int64_t first = 0, end = segments->count;
    while (end - first > 1) {
        const int64_t middle = first + (end - first) / 2;
        if (segments->start[middle] <= observation)
            first = middle;
        else
            end = middle;
    }
    return first;
}

static void rotate_segment(const void *values, size_t size, const qkv_segments *segments, int64_t s,
                           size_t lag, void *rotated)
{
    const size_t length = (size_t)(segments->start[s + 1] - segments->start[s]);
    const char *from = (const char *)values + (size_t)segments->start[s] * size;
    char *to = (char *)rotated + (size_t)segments->start[s] * size;
    memcpy(to + lag * size, from, (length - lag) * size);
    memcpy(to, from + (length - lag) * size, lag * size);
}

void qkv_rotate(const void *values, size_t size, const qkv_segments *segments, qkv_random lags,
                void *rotated)
{
    for (int64_t s = 0; s < segments->count; s++) {
        const int64_t length = segments->start[s + 1] - segments->start[s];
        const size_t lag = qkv_random_below(&lags, (uint32_t)length);
        rotate_segment(values, size, segments, s, lag, rotated);
    }
}

void qkv_rotate_numbered(const void *values, size_t size, const qkv_segments *segments,
                         const int64_t *periods, uint64_t number, void *rotated)
{
    for (int64_t s = 0; s < segments->count; s++) {
        const int64_t length = segments->start[s + 1] - segments->start[s];
        const uint64_t lags = (uint64_t)(periods != NULL ? periods[s] : length);
        rotate_segment(values, size, segments, s, (size_t)(number % lags), rotated);
        number /= lags;
    }
}

/* ---- labels ---- */

/* Fisher and Yates. */
void qkv_permute_labels(const uint8_t *labels, int64_t n, uint64_t seed, uint32_t index,
                        uint8_t *permuted)
{
    qkv_random stream = qkv_random_stream(seed, index, QKV_RANDOM_LABELS, 0);
    memcpy(permuted, labels, (size_t)n);
    for (int64_t last = n - 1; last > 0; last--) {
        const uint32_t other = qkv_random_below(&stream, (uint32_t)last + 1);
        const uint8_t label = permuted[last];
        permuted[last] = permuted[other];
        permuted[other] = label;
    }
}

void qkv_rotate_labels(const uint8_t *labels, const qkv_segments *segments, uint64_t seed,
                       uint32_t index, uint8_t *rotated)
{
    qkv_rotate(labels, 1, segments, qkv_random_stream(seed, index, QKV_RANDOM_LABEL_LAGS, 0),
               rotated);
}

/* ---- observations ---- */

/* Selection sampling (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 S). */
void qkv_draw_subset(int64_t n, int64_t m, uint64_t seed, uint32_t index, uint32_t purpose,
                     int64_t *chosen)
{
    qkv_random stream = qkv_random_stream(seed, index, purpose, 0);
    int64_t left = m;
    for (int64_t k = 0; left > 0; k++)
        if (qkv_random_below(&stream, (uint32_t)(n - k)) < left) {
            *chosen++ = k;
            left--;
        }
}

int64_t qkv_count_blocks(const qkv_segments *segments, int64_t block_length)
{
    int64_t blocks = 0;
    for (int64_t s = 0; s < segments->count; s++) {
        const int64_t length = segments->start[s + 1] - segments->start[s];
        blocks += length > block_length ? length - block_length + 1 : 1;
    }
    return blocks;
}

/* A block's first observation; *length is how many it has. Observations at which no block begins
 * are drawn and rejected. */
static int64_t draw_block(const qkv_segments *segments, int64_t block_length, qkv_random *stream,
                          int64_t *length)
{
    const uint32_t observations = (uint32_t)segments->start[segments->count];
    for (;;) {
        const int64_t first = qkv_random_below(stream, observations);
        const int64_t segment = find_segment(segments, first);
        const int64_t start = segments->start[segment], end = segments->start[segment + 1];
        *length = qkv_smaller(end - start, block_length);
        if (first + *length <= end)
            return first;
    }
}

void qkv_draw_blocks(const qkv_segments *segments, int64_t n, int64_t block_length, uint64_t seed,
                     uint32_t index, int64_t *drawn)
{
    qkv_random stream = qkv_random_stream(seed, index, QKV_RANDOM_BLOCKS, 0);
    for (int64_t made = 0; made < n;) {
        int64_t length;
        const int64_t first = draw_block(segments, block_length, &stream, &length);
        for (int64_t k = 0; k < length && made < n; k++)
            drawn[made++] = first + k;
    }
}
