/* Random draws of observations: labels permuted or rotated, subsets, blocks. Each is a function of
 * seed and index alone. There are at most QKV_DRAWN_MOST observations. Whole segments change places
 * in exchange.h; relabeller.h has every kind of relabelling, and counts them. */
#ifndef QKV_RESAMPLE_H
#define QKV_RESAMPLE_H

#include "flow/input.h"
#include "random.h"

/* Numbers below a bound are drawn from 32 bits. */
#define QKV_DRAWN_MOST ((int64_t)UINT32_MAX)

/* Runs of observations in use: run s is start[s] .. start[s + 1] - 1, and start[count] = n. */
typedef struct qkv_segments {
    int64_t count;
    int64_t *start;
} qkv_segments;

/*
 * Divides the observations in use where neighbours have different labels. `labels` has one number
 * for each row of the parts (a document, a window); NULL makes one segment. Fails where there are
 * more than QKV_DRAWN_MOST observations; on failure nothing is held.
 */
qkvsim_status qkv_segments_open(qkvsim_context *context, const int32_t *labels,
                                const qkv_input *input, qkv_segments *segments);
void qkv_segments_close(const qkvsim_context *context, qkv_segments *segments);

/* Values of `size` bytes, each segment's rotated by a lag of its own, each lag equally likely. The
 * lags are those of one item of a purpose, a QKV_RANDOM_* number. */
void qkv_rotate(const void *values, size_t size, const qkv_segments *segments, qkv_random lags,
                void *rotated);

/* The same with the lags that a number stands for, the first segment's its last digit: lag 0 ..
 * periods[s] - 1 of segment s. Without periods, a lag may be any below the length. */
void qkv_rotate_numbered(const void *values, size_t size, const qkv_segments *segments,
                         const int64_t *periods, uint64_t number, void *rotated);

/* The n labels in a random order. */
void qkv_permute_labels(const uint8_t *labels, int64_t n, uint64_t seed, uint32_t index,
                        uint8_t *permuted);

/* The labels of each segment rotated by a lag of its own. */
void qkv_rotate_labels(const uint8_t *labels, const qkv_segments *segments, uint64_t seed,
                       uint32_t index, uint8_t *rotated);

/* m of the numbers 0 .. n - 1, increasing, each subset equally likely. The purpose is a
 * QKV_RANDOM_* number: draws for two purposes are independent. */
void qkv_draw_subset(int64_t n, int64_t m, uint64_t seed, uint32_t index, uint32_t purpose,
                     int64_t *chosen);

/* How many different blocks qkv_draw_blocks draws from. */
int64_t qkv_count_blocks(const qkv_segments *segments, int64_t block_length);

/*
 * n observations in moving blocks (Kunsch 1989): runs of block_length neighbours of one segment, or
 * of all of a shorter segment, each equally likely, drawn with replacement and put one after the
 * other; the last is cut off at n.
 */
void qkv_draw_blocks(const qkv_segments *segments, int64_t n, int64_t block_length, uint64_t seed,
                     uint32_t index, int64_t *drawn);

#endif
