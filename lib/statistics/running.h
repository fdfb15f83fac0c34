/* Mean, standard deviation and extremes of many numbers over repeated analyses, none of them kept. */
#ifndef QKV_RUNNING_H
#define QKV_RUNNING_H

#include <qkvsim/significance.h>

#include "base/context.h"

enum { QKV_RUNNING_SUMMARIES = 4 }; /* QKVSIM_SUMMARY_MEAN .. QKVSIM_SUMMARY_MAXIMUM */

typedef struct qkv_running {
    qkv_allocator allocator;
    int64_t cells;
    double *summaries[QKV_RUNNING_SUMMARIES]; /* cells each */
} qkv_running;

/* On failure nothing is held. */
qkvsim_status qkv_running_open(qkvsim_context *context, int64_t cells, qkv_running *running);
void qkv_running_close(qkv_running *running);

/* Adds value k = 0, 1, ... of every cell. */
void qkv_running_add(qkv_running *running, const double *values, int64_t k);
void qkv_running_add_counts(qkv_running *running, const int64_t *counts, int64_t k);

/* After `count` values of each cell: turns sums of squares into standard deviations. A cell that had a
 * value that does not exist has no summaries. */
void qkv_running_finish(qkv_running *running, int64_t count);

#endif
