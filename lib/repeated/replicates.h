/* The statistics of repeated analyses, or the distances of repeated pairs of them, all kept: what
 * nulls and intervals are made of. */
#ifndef QKV_REPLICATES_H
#define QKV_REPLICATES_H

#include "analysis/statistic.h"
#include "statistics/distance.h"

enum { QKV_DISTANCE_TESTS = QKV_METRICS * QKV_DISTANCES };

/* What is kept, and the tests it has: qkv_tests, or a metric's index times QKV_DISTANCES and a
 * distance. */
typedef enum qkv_replicated { QKV_KEEP_STATISTICS, QKV_KEEP_DISTANCES } qkv_replicated;

typedef struct qkv_replicates {
    qkv_allocator allocator;
    qkv_replicated kept;
    int32_t rows;
    int32_t metrics; /* a sum of metrics */
    int64_t count;
    double *values; /* test of a metric in use, row, replicate */
} qkv_replicates;

/* Room for `count` analyses with the rows of a layout, all NaN. On failure nothing is held. */
qkvsim_status qkv_replicates_open(qkvsim_context *context, const qkvsim_layout *layout,
                                  int32_t metrics, qkv_replicated kept, int64_t count,
                                  qkv_replicates *replicates);
void qkv_replicates_close(qkv_replicates *replicates);

/* How many rows of values there are, or would be; and which of them is that of a test, -1: none. */
int64_t qkv_replicates_cells(const qkv_replicates *replicates);
int64_t qkv_replicated_cells(const qkvsim_layout *layout, int32_t metrics, qkv_replicated kept);
int64_t qkv_replicates_cell(const qkv_replicates *replicates, int32_t row, int32_t test);

/* Copies another's first `count` values of each test and row to `at` and behind. */
void qkv_replicates_copy(qkv_replicates *replicates, int64_t at, const qkv_replicates *other,
                         int64_t count);

/* Keeps every statistic of the k-th analysis. */
void qkv_replicates_put(qkv_replicates *replicates, const qkvsim_analysis *analysis, int64_t k);

/* Takes the statistics of another analysis off those kept at k. */
void qkv_replicates_subtract(qkv_replicates *replicates, const qkvsim_analysis *analysis,
                             int64_t k);

/* Keeps the k-th number of every test and row: an array of all tests x rows. */
void qkv_replicates_put_values(qkv_replicates *replicates, const double *values, int64_t k);

/* Takes the k-th value for the observed one where they differ by less than `error`. */
void qkv_replicates_settle(qkv_replicates *replicates, int32_t row, int32_t test, int64_t k,
                           double observed, double error);

/* The `count` values of a test in order, NaN where it had none. NULL where there is no such row or
 * test. */
const double *qkv_replicates_values(const qkv_replicates *replicates, int32_t row, int32_t test);

#endif
