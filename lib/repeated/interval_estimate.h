/* One interval from the replicates of what it is of. */
#ifndef QKV_INTERVAL_ESTIMATE_H
#define QKV_INTERVAL_ESTIMATE_H

#include "interval_once.h"
#include "interval_run.h"

/* A statistic of a row in one selection: what an interval is of. */
typedef struct qkv_subject {
    int32_t selection, row, metric, statistic;
} qkv_subject;

/* NaN where there is no such statistic. */
double qkv_subject_observed(const qkvsim_intervals *intervals, const qkv_subject *of);

/* Of a statistic, of two rows of one selection, of a row in two selections. NaN where no interval
 * holds. */
qkv_interval qkv_interval_of_statistic(const qkvsim_intervals *intervals, const qkv_subject *of);
qkv_interval qkv_interval_of_contrast(const qkvsim_intervals *intervals, const qkv_subject of[2]);
qkv_interval qkv_interval_of_difference(const qkvsim_intervals *intervals, const qkv_subject of[2]);

#endif
