/* The statistics of repeated analyses, all kept: what nulls and intervals are made of. */
#ifndef QKV_REPLICATES_H
#define QKV_REPLICATES_H

#include "analysis/statistic.h"

typedef struct qkv_replicates {
    qkv_allocator allocator;
    int32_t rows;
    int32_t metrics; /* a sum of metrics */
    int64_t count;
    double *values; /* test of a metric in use, row, replicate */
} qkv_replicates;

/* Room for `count` analyses with the rows of a layout, all NaN. On failure nothing is held. */
qkvsim_status qkv_replicates_open(qkvsim_context *context, const qkvsim_layout *layout,
                                  int32_t metrics, int64_t count, qkv_replicates *replicates);
void qkv_replicates_close(qkv_replicates *replicates);

/* How many rows of values there are. */
int64_t qkv_replicates_cells(const qkv_replicates *replicates);

/* Copies another's first `count` values of each test and row to `at` and behind. */
void qkv_replicates_copy(qkv_replicates *replicates, int64_t at, const qkv_replicates *other,
                         int64_t count);

/* Keeps every statistic of the k-th analysis. */
void qkv_replicates_put(qkv_replicates *replicates, const qkvsim_analysis *analysis, int64_t k);

/* Takes the statistics of another analysis off those kept at k. */
void qkv_replicates_subtract(qkv_replicates *replicates, const qkvsim_analysis *analysis,
                             int64_t k);

/* The `count` values of a test in order, NaN where it had none. NULL where there is no such row or
 * test. */
const double *qkv_replicates_values(const qkv_replicates *replicates, int32_t row, int32_t test);

#endif
