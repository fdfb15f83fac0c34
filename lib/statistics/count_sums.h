/* Mean, standard deviation and extremes of counts over repeated analyses, from exact sums: the same
 * to the bit however the analyses are divided into pieces, and in whatever order these are put
 * together. */
#ifndef QKV_COUNT_SUMS_H
#define QKV_COUNT_SUMS_H

#include "base/unpacking.h"
#include "running.h"

/* Unsigned, of 128 bits. */
typedef struct qkv_wide {
    uint64_t low, high;
} qkv_wide;

typedef struct qkv_count_sum {
    qkv_wide sum, squares;
    int64_t least, most;
} qkv_count_sum;

typedef struct qkv_count_sums {
    int64_t analyses;
    qkv_count_sum *sums; /* a cell each */
    qkv_running summaries;
} qkv_count_sums;

/* On failure nothing is held. */
qkvsim_status qkv_count_sums_open(qkvsim_context *context, int64_t cells, qkv_count_sums *counts);
void qkv_count_sums_close(qkv_count_sums *counts);

/* Adds one analysis' counts, or another's sums. */
void qkv_count_sums_add(qkv_count_sums *counts, const int64_t *values);
void qkv_count_sums_merge(qkv_count_sums *counts, const qkv_count_sums *other);

/* Fills the summaries. */
void qkv_count_sums_finish(qkv_count_sums *counts);

/* Two sections of a packed result. Cells whose row is not wanted are zeros: `bins` cells are a row,
 * and after `rows` of them the next metric follows. */
void qkv_pack_count_sums(qkv_packer *packer, const qkv_count_sums *counts, const bool *wanted,
                         int32_t rows, int64_t bins);
qkvsim_status qkv_unpack_count_sums(qkv_unpacker *unpacker, qkv_count_sums *counts);

#endif
