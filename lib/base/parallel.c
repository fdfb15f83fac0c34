/* Threads for one phase of a call: started, used and joined here. OpenBLAS is told to stay on one
 * thread in each of them. */
#define _GNU_SOURCE /* thread affinity, timed joins */
#include "parallel.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "blas.h"

enum { WORKERS_MAX = 1024, STACK_BYTES = 1 << 20, NANOSECONDS = 1000000000 };

/* Starting a thread costs about as much as this many additions. */
static const double operations_per_worker = 4e5;

/* Where threads may run, and where they begin. A new thread tends to begin on its parent's
 * processor, and after a rest the system may take 50 ms to move it: begun elsewhere, and free to
 * move at once, it works from the start. */
typedef struct placement {
    cpu_set_t allowed;
    cpu_set_t elsewhere;
    bool known;
} placement;

/* What the members share: little, so that a team needs little of its caller's stack. */
typedef struct team {
    qkv_worker body;
    void *state;
    placement place;
    atomic_int_fast32_t
        joined; /* members that have taken their number, the calling thread being 0 */
} team;

static placement find_placement(void)
{
    placement place = { .known = false };
    const int here = sched_getcpu();
    if (here < 0 || here >= CPU_SETSIZE
        || pthread_getaffinity_np(pthread_self(), sizeof place.allowed, &place.allowed) != 0)
        return place;
    place.elsewhere = place.allowed;
    CPU_CLR((size_t)here, &place.elsewhere);
    place.known = CPU_COUNT(&place.elsewhere) > 0;
    return place;
}

int32_t qkv_worker_count(const qkvsim_context *context, int64_t tasks, double operations)
{
    int64_t workers = context->threads < tasks ? context->threads : tasks;
    const double worthwhile = operations / operations_per_worker;
    if ((double)workers > worthwhile)
        workers = (int64_t)worthwhile;
    return workers < 1 ? 1 : (int32_t)workers;
}

static void run_body(const team *all, int32_t worker)
{
    const int32_t before = qkv_blas_enter_thread();
    all->body(all->state, worker);
    qkv_blas_leave_thread(before);
}

static void *run_member(void *argument)
{
    team *all = argument;
    if (all->place.known)
        pthread_setaffinity_np(pthread_self(), sizeof all->place.allowed, &all->place.allowed);
    run_body(all, (int32_t)atomic_fetch_add(&all->joined, 1) + 1);
    return NULL;
}

/* musl cannot say where a thread that is yet to start begins: there it begins beside its parent. */
static void begin_elsewhere(pthread_attr_t *attributes, const placement *place)
{
#ifdef QKV_HAVE_AFFINITY_OF_NEW_THREADS
    if (place->known)
        pthread_attr_setaffinity_np(attributes, sizeof place->elsewhere, &place->elsewhere);
#else
    (void)attributes, (void)place;
#endif
}

/* Starts a member away from this processor, and with a stack that does not depend on the process's
 * limit; or anyhow where that is refused. */
static bool start_member(team *all, pthread_t *thread)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
        begin_elsewhere(&attributes, &all->place);
        const bool started = pthread_create(thread, &attributes, run_member, all) == 0;
        pthread_attr_destroy(&attributes);
        if (started)
            return true;
    }
    return pthread_create(thread, NULL, run_member, all) == 0;
}

/* Waits for a member, whose last task may be long. */
static void join_member(qkvsim_context *context, pthread_t thread)
{
    struct timespec until;
    do {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += NANOSECONDS / 20;
        until.tv_sec += until.tv_nsec / NANOSECONDS;
        until.tv_nsec %= NANOSECONDS;
        qkv_work_pulse(context, 0);
    } while (pthread_timedjoin_np(thread, NULL, &until) == ETIMEDOUT);
}

void qkv_parallel(qkvsim_context *context, int32_t workers, qkv_worker body, void *state)
{
    pthread_t threads[WORKERS_MAX - 1];
    team all = { .body = body, .state = state };
    int32_t started = 0;
    if (workers > 1)
        all.place = find_placement();
    while (started < workers - 1 && started < WORKERS_MAX - 1
           && start_member(&all, &threads[started]))
        started++;
    run_body(&all, 0);
    for (int32_t k = 0; k < started; k++)
        if (context != NULL && context->progress != NULL)
            join_member(context, threads[k]);
        else
            pthread_join(threads[k], NULL);
}

void qkv_task_runs_begin(qkv_task_runs *runs, int64_t tasks, int32_t workers)
{
    runs->tasks = tasks;
    runs->runs = workers < QKV_RUNS_MAX ? workers : QKV_RUNS_MAX;
    for (int32_t r = 0; r < runs->runs; r++)
        atomic_init(&runs->taken[r], 0);
}

int64_t qkv_next_task_of(qkv_task_runs *runs, int32_t worker)
{
    for (int32_t k = 0; k < runs->runs; k++) {
        const int32_t run = (worker + k) % runs->runs;
        const int64_t start = runs->tasks * run / runs->runs;
        const int64_t end = runs->tasks * (run + 1) / runs->runs;
        const int64_t task = qkv_next_task(&runs->taken[run], end - start);
        if (task >= 0)
            return start + task;
    }
    return -1;
}
