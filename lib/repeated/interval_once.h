/* Intervals that are computed when they are first asked for, and not again: those of the bootstrap,
 * whose quantiles take many passes over the replicates. Threads may ask one handle at once. */
#ifndef QKV_INTERVAL_ONCE_H
#define QKV_INTERVAL_ONCE_H

#include <stdatomic.h>

#include "base/context.h"

typedef struct qkv_interval {
    double estimate, se, low, high, p;
} qkv_interval;

typedef struct qkv_interval_once {
    atomic_int state; /* 0: never asked for */
    qkv_interval made;
} qkv_interval_once;

/* `count` of them, none asked for yet; NULL where memory is short. */
qkv_interval_once *qkv_intervals_once_open(const qkv_allocator *allocator, int64_t count);

/* Whether it is there, and if so, what it is. NULL is never there. */
bool qkv_interval_recall(qkv_interval_once *once, qkv_interval *made);

/* Keeps it, unless another thread is doing so. NULL keeps nothing. */
void qkv_interval_keep(qkv_interval_once *once, const qkv_interval *made);

#endif
