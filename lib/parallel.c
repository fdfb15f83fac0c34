/* Threads for one phase of a call: started, used and joined here. OpenBLAS is told to stay on one
 * thread in each of them. */
#include "parallel.h"

#include <pthread.h>

#include "blas.h"

enum { WORKERS_MAX = 1024 };

/* Starting a thread costs about as much as this many additions. */
static const double operations_per_worker = 4e5;

typedef struct member {
    qkv_worker body;
    void *state;
    int32_t worker;
    pthread_t thread;
} member;

int32_t qkv_worker_count(const qkvsim_context *context, int64_t tasks, double operations)
{
    int64_t workers = context->threads < tasks ? context->threads : tasks;
    const double worthwhile = operations / operations_per_worker;
    if ((double)workers > worthwhile)
        workers = (int64_t)worthwhile;
    return workers < 1 ? 1 : (int32_t)workers;
}

static void *run_member(void *argument)
{
    const member *self = argument;
    const int32_t before = qkv_blas_enter_thread();
    self->body(self->state, self->worker);
    qkv_blas_leave_thread(before);
    return NULL;
}

void qkv_parallel(int32_t workers, qkv_worker body, void *state)
{
    member team[WORKERS_MAX];
    int32_t started = 1;
    for (int32_t w = 1; w < workers && w < WORKERS_MAX; w++) {
        team[w] = (member){ .body = body, .state = state, .worker = w };
        if (pthread_create(&team[w].thread, NULL, run_member, &team[w]) != 0)
            break;
        started++;
    }
    team[0] = (member){ .body = body, .state = state, .worker = 0 };
    run_member(&team[0]);
    for (int32_t w = 1; w < started; w++)
        pthread_join(team[w].thread, NULL);
}
