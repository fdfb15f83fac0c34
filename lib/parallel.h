/* A team of threads for one phase of a call. No thread outlives the phase, so none is left spinning
 * or waiting when a public call returns. */
#ifndef QKV_PARALLEL_H
#define QKV_PARALLEL_H

#include "context.h"

#include <stdatomic.h>

/* Does tasks until none is left; worker 0 is the calling thread. */
typedef void (*qkv_worker)(void *state, int32_t worker);

/* Workers worth starting for a number of tasks that cost about `operations` additions in all. */
int32_t qkv_worker_count(const qkvsim_context *context, int64_t tasks, double operations);

/* Runs body on up to `workers` threads at once. Where the system grants fewer, the rest do the
 * work: results never depend on the number. */
void qkv_parallel(int32_t workers, qkv_worker body, void *state);

/* Takes the next task number below `tasks`; -1 when none is left. */
static inline int64_t qkv_next_task(atomic_llong *next, int64_t tasks)
{
    const int64_t task = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
    return task < tasks ? task : -1;
}

#endif
