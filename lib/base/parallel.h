/* A team of threads for one phase of a call. No thread outlives the phase, so none is left spinning
 * or waiting when a public call returns. */
#ifndef QKV_PARALLEL_H
#define QKV_PARALLEL_H

#include "context.h"

/* Does tasks until none is left; worker 0 is the calling thread. */
typedef void (*qkv_worker)(void *state, int32_t worker);

/* Workers worth starting for a number of tasks that cost about `operations` additions in all. */
int32_t qkv_worker_count(const qkvsim_context *context, int64_t tasks, double operations);

/* Runs body on up to `workers` threads at once. Where the system grants fewer, the rest do the
 * work: results never depend on the number. While the calling thread waits for the others, the
 * progress callback is called; with NULL for the context it is not. */
void qkv_parallel(qkvsim_context *context, int32_t workers, qkv_worker body, void *state);

/* Tasks in as many runs as there are workers. A worker does its own run and then helps with the
 * others': from call to call it mostly has the same tasks, whose memory its processor's caches
 * hold. */
enum { QKV_RUNS_MAX = 64 };

typedef struct qkv_task_runs {
    int64_t tasks;
    int32_t runs;
    atomic_llong taken[QKV_RUNS_MAX];
} qkv_task_runs;

void qkv_task_runs_begin(qkv_task_runs *runs, int64_t tasks, int32_t workers);

/* A worker's next task; -1 when none is left. */
int64_t qkv_next_task_of(qkv_task_runs *runs, int32_t worker);

/* Takes the next task number below `tasks`; -1 when none is left. */
static inline int64_t qkv_next_task(atomic_llong *next, int64_t tasks)
{
    const int64_t task = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
    return task < tasks ? task : -1;
}

#endif
