/* Mean, standard deviation and extremes of many numbers over repeated analyses. */
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

/* Fills a cell's summaries from its values in their order. A cell that has a value that does not
 * exist, or none, has no summaries. */
void qkv_running_fill(qkv_running *running, int64_t cell, const double *values, int64_t count);

#endif
