/* The offsets of features, groups and pair groups, for an analysis. */
#ifndef QKV_OFFSET_SPLIT_H
#define QKV_OFFSET_SPLIT_H

#include "analysis.h"
#include "flow/tally_sink.h"

/* Sums over one group's features, and over the products of every two of them. */
typedef struct qkv_factor {
    double sum, pairs;
} qkv_factor;

/* What factors: offset ratios o, o^2, o*^2 (statistic.c) and s^2. */
typedef struct qkv_offset_sums {
    int64_t count;
    qkv_factor offset, squared, corrected, spread;
} qkv_offset_sums;

/* Fills offset ratios, the groups' offsets and the pair groups' splits, from prepared panels and
 * what the tiles came to. `sums` is room for each group. */
void qkv_fill_offsets(const qkv_panels *panels, const qkv_pair_result *results,
                      qkv_offset_sums *sums, qkvsim_analysis *analysis);

#endif
