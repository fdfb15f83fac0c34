/*
 * The guard of OpenBLAS's thread count, of its buffers and of its end, the library's only global
 * state.
 *
 * The pthread build has one count for the process. The OpenMP build asks the OpenMP runtime, whose
 * count belongs to each thread; its runtime is reached through weak symbols, so that the library
 * needs none of its own. openblas_set_num_threads_local of newer versions also sets the process's
 * count in the pthread build, so it would not spare the guard.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, nanosleep, sched_getcpu */
#include "blas.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <qkvsim/common.h>

#include "blas_names.h"

enum {
    PARALLEL_OPENMP = 2,          /* openblas_get_parallel() */
    SECOND_LEVEL_CACHE = 2 << 20, /* bytes, of server processors */
    BUFFERS_HELD_MAX = 64,        /* at once: builds for few threads warn of more than 128 */
    COUNTERS = 16                 /* of products; processors that share one do not mind */
};

/* How long the end of the process waits for products, which take less than a millisecond: in
 * steps. */
enum { END_STEPS = 10000, END_STEP_NANOSECONDS = 100000 };

/* What a product asks the system for where no buffer of an earlier one is free: 128 MB and a page
 * in builds for any processor of x86-64 and ARM, less in some. */
static const size_t buffer_bytes = ((size_t)128 << 20) + 4096;

__attribute__((weak)) void omp_set_num_threads(int threads);
__attribute__((weak)) int omp_get_max_threads(void);

/* OpenBLAS's own, which builds with other names of symbols hide. */
__attribute__((weak)) void *blas_memory_alloc(int purpose);
__attribute__((weak)) void blas_memory_free(void *buffer);

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static int64_t calls_inside;
static int count_before;
static int32_t threads_inside; /* of all calls inside */
static int32_t buffers_ready;  /* threads that find a buffer */

/* Products that are being made, each counted where its processor counts. */
static struct {
    _Alignas(64) atomic_int products;
} counters[COUNTERS];
static atomic_bool process_ends;

static int count_is_per_thread(void)
{
    return openblas_get_parallel() == PARALLEL_OPENMP && omp_set_num_threads != NULL
           && omp_get_max_threads != NULL;
}

/* ---- a process that forks ---- */

/* Nobody is between enter and leave in the child but threads that it does not have. */
static void begin_child(void)
{
    pthread_mutex_init(&guard, NULL);
    for (int k = 0; k < COUNTERS; k++)
        atomic_store(&counters[k].products, 0);
    if (calls_inside == 0)
        return;
    if (!count_is_per_thread() && count_before != 1)
        openblas_set_num_threads(count_before);
    calls_inside = 0;
    threads_inside = 0;
    buffers_ready = 0; /* some are taken for good by threads that are no more */
}

static void lock_guard(void)
{
    pthread_mutex_lock(&guard);
}

static void unlock_guard(void)
{
    pthread_mutex_unlock(&guard);
}

static void watch_forks(void)
{
    pthread_atfork(lock_guard, unlock_guard, begin_child);
}

/* ---- the end of the process ---- */

/* A process may end while another of its threads is in a call. OpenBLAS then gives back the memory
 * that its products use: none may be under way, and none may begin. */
static void wait_for_the_end(void)
{
    for (;;)
        pause();
}

int32_t qkv_blas_begin_product(void)
{
    const int processor = sched_getcpu();
    const int32_t counter = processor < 0 ? 0 : processor % COUNTERS;
    atomic_fetch_add(&counters[counter].products, 1);
    if (atomic_load(&process_ends)) {
        atomic_fetch_sub(&counters[counter].products, 1);
        wait_for_the_end();
    }
    return counter;
}

void qkv_blas_end_product(int32_t counter)
{
    atomic_fetch_sub(&counters[counter].products, 1);
}

static bool is_still(void)
{
    for (int k = 0; k < COUNTERS; k++)
        if (atomic_load(&counters[k].products) > 0)
            return false;
    return true;
}

/* Runs before OpenBLAS's own end, as this library was loaded after it. The guard stays locked: the
 * others change no count and take no buffer any more. A signal's handler that ends the process may
 * have come within a product or behind the guard, so that this does not wait for ever. */
__attribute__((destructor)) static void end_products(void)
{
    const struct timespec step = { .tv_nsec = END_STEP_NANOSECONDS };
    bool locked = false;
    atomic_store(&process_ends, true);
    for (int k = 0; k < END_STEPS; k++) {
        locked = locked || pthread_mutex_trylock(&guard) == 0;
        if (locked && is_still())
            return;
        nanosleep(&step, NULL);
    }
}

/* ---- buffers ---- */

static bool can_map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory != MAP_FAILED && munmap(memory, bytes) == 0;
}

/* Where address space is short, OpenBLAS's own threads, which may just have been started, are let
 * take theirs first. */
static bool can_map_a_buffer(void)
{
    const struct timespec moment = { .tv_nsec = 10000000 };
    if (can_map(4 * buffer_bytes))
        return true;
    if (!can_map(buffer_bytes))
        return false;
    nanosleep(&moment, NULL);
    return can_map(buffer_bytes);
}

/* OpenBLAS keeps what it has mapped: as many buffers as are held at a time are there from then
 * on. */
static void map_buffers(int32_t count)
{
    void *held[BUFFERS_HELD_MAX];
    int32_t taken = 0;
    while (taken < count && taken < BUFFERS_HELD_MAX
           && (taken < buffers_ready || can_map_a_buffer()))
        held[taken++] = blas_memory_alloc(0);
    for (int32_t k = 0; k < taken; k++)
        blas_memory_free(held[k]);
    if (taken > buffers_ready)
        buffers_ready = taken;
}

/*
 * Sees to it that so many more threads find a buffer. OpenBLAS 0.3.21 asks the system for one again
 * and again, for ever, where there is no room for it. While others multiply, none may be kept from
 * them unless there is room for another. Returns for how many threads there are buffers.
 */
static int32_t reserve_buffers(int32_t threads)
{
    const int32_t all = threads_inside + threads;
    const size_t most = (size_t)(all + threads_inside) * buffer_bytes;
    size_t more = 0;
    const bool can_hold = blas_memory_alloc != NULL && blas_memory_free != NULL;
    if (can_hold && buffers_ready < all && (threads_inside == 0 || can_map(most)))
        map_buffers(all);
    /* Nothing but room can be seen to where buffers cannot be held, or not so many. */
    if (!can_hold || (buffers_ready >= BUFFERS_HELD_MAX && buffers_ready < all))
        while (buffers_ready < all && can_map(++more * buffer_bytes))
            buffers_ready++;
    const int32_t rest = buffers_ready - threads_inside;
    return rest < threads ? rest : threads;
}

/* ---- calls ---- */

static void begin_call(void)
{
    if (calls_inside++ > 0 || count_is_per_thread())
        return;
    count_before = openblas_get_num_threads();
    if (count_before != 1)
        openblas_set_num_threads(1);
}

static void end_call(void)
{
    if (--calls_inside == 0 && !count_is_per_thread() && count_before != 1)
        openblas_set_num_threads(count_before);
}

int32_t qkv_blas_enter(int32_t threads)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&guard);
    begin_call();
    const int32_t granted = reserve_buffers(threads);
    threads_inside += granted;
    if (granted == 0)
        end_call();
    pthread_mutex_unlock(&guard);
    return granted;
}

void qkv_blas_leave(int32_t threads)
{
    pthread_mutex_lock(&guard);
    threads_inside -= threads;
    end_call();
    pthread_mutex_unlock(&guard);
}

qkvsim_status qkv_blas_no_room(qkvsim_context *context)
{
    return qkv_fail(context, QKVSIM_ERROR_NO_MEMORY,
                    "out of memory for OpenBLAS, which needs %zu bytes of address space for each "
                    "thread that multiplies: raise the process's limit (ulimit -v)",
                    buffer_bytes);
}

int32_t qkv_blas_enter_thread(void)
{
    if (!count_is_per_thread())
        return 0;
    const int32_t before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
}

void qkv_blas_leave_thread(int32_t before)
{
    if (before > 0)
        omp_set_num_threads(before);
}

static bool core_is_among(const char *const *names)
{
    const char *core = openblas_get_corename();
    while (*names != NULL && strcmp(core, *names) != 0)
        names++;
    return *names != NULL;
}

/* The kernels for AVX-512 multiply without packing where rows x columns x depth is at most 100^3,
 * which is a tenth to a sixth faster than packed tiles of any size. */
static bool multiplies_small_products_fastest(void)
{
    static const char *const cores[] = { "SkylakeX", "Cooperlake", "SapphireRapids", NULL };
    return core_is_among(cores);
}

/* sgemm's kernel for AVX2 takes 12 rows by 16 columns, or 8 at the sides of the product, where it
 * adds in another order. */
static bool rounds_otherwise_at_the_sides(int32_t arithmetic)
{
    static const char *const cores[] = { "Haswell", "Zen", NULL };
    return arithmetic == QKVSIM_DTYPE_F32 && core_is_among(cores);
}

qkv_product_shape qkv_blas_product_shape(int32_t arithmetic)
{
    if (multiplies_small_products_fastest())
        return (qkv_product_shape){
            .panel = 192,
            .columns = 64,
            .depth = 81,
            .leading = 208,
            .multiple = 16,
            .cache = SECOND_LEVEL_CACHE,
            .together = arithmetic == QKVSIM_DTYPE_F64 ? 1 : 2,
            .beside = 1,
        };
    if (rounds_otherwise_at_the_sides(arithmetic))
        return (qkv_product_shape){
            .panel = 288, .depth = 96, .leading = 624, .multiple = 48, .margin = 8, .beside = 2
        };
    return (qkv_product_shape){
        .panel = 288, .depth = 96, .leading = 624, .multiple = 16, .beside = 2
    };
}

const char *qkvsim_blas_description(void)
{
    return openblas_get_config();
}
