/*
 * The most single-precision operations a second that this machine does: every thread runs a loop of
 * multiply-adds on registers, in vectors of the processor's width, all at once.
 */
#include "peak.h"

#include <pthread.h>
#include <stdlib.h>

#include "failure.h"
#include "timing.h"

#define FMA_LOOP_NAME run_baseline
#define FMA_LOOP_BYTES 16
#define FMA_LOOP_TARGET
#include "fma_loop.h"

#if defined(__x86_64__)
#define FMA_LOOP_NAME run_avx2
#define FMA_LOOP_BYTES 32
#define FMA_LOOP_TARGET __attribute__((target("avx2,fma")))
#include "fma_loop.h"

#define FMA_LOOP_NAME run_avx512
#define FMA_LOOP_BYTES 64
#define FMA_LOOP_TARGET __attribute__((target("avx512f,fma")))
#include "fma_loop.h"
#endif

enum { CHAINS = 12, ROUNDS = 8000000, ATTEMPTS = 7 };

typedef struct fma_loop {
    float (*run)(int64_t rounds);
    int bytes;
} fma_loop;

static fma_loop choose_loop(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (fma_loop){ run_avx512, 64 };
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (fma_loop){ run_avx2, 32 };
#endif
    return (fma_loop){ run_baseline, 16 };
}

typedef struct peak_worker {
    pthread_t thread;
    pthread_barrier_t *barrier;
    fma_loop loop;
    double start, end;
    volatile float kept; /* so that the loop has a use */
} peak_worker;

static void *run_worker(void *state)
{
    peak_worker *worker = state;
    pthread_barrier_wait(worker->barrier);
    worker->start = timing_now();
    worker->kept = worker->loop.run(ROUNDS);
    worker->end = timing_now();
    return NULL;
}

/* Seconds from the first thread's start to the last one's end. */
static double time_attempt(peak_worker *workers, int32_t threads, fma_loop loop)
{
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int32_t t = 0; t < threads; t++) {
        workers[t].barrier = &barrier;
        workers[t].loop = loop;
        if (pthread_create(&workers[t].thread, NULL, run_worker, &workers[t]) != 0)
            fail(EXIT_FAILED, "cannot start thread %d of %d", (int)t + 1, (int)threads);
    }
    double start = 0, end = 0;
    for (int32_t t = 0; t < threads; t++) {
        pthread_join(workers[t].thread, NULL);
        start = t == 0 || workers[t].start < start ? workers[t].start : start;
        end = workers[t].end > end ? workers[t].end : end;
    }
    pthread_barrier_destroy(&barrier);
    return end - start;
}

double peak_measure(int32_t threads)
{
    const fma_loop loop = choose_loop();
    peak_worker *workers = allocate(threads, sizeof *workers);
    double best = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const double seconds = time_attempt(workers, threads, loop);
        best = attempt == 0 || seconds < best ? seconds : best;
    }
    free(workers);
    const double lanes = loop.bytes / (double)sizeof(float);
    return 2.0 * CHAINS * ROUNDS * lanes * threads / best;
}
