/*
 * The guard of OpenBLAS's thread count, the library's only global state.
 *
 * The pthread build has one count for the process. The OpenMP build asks the OpenMP runtime, whose
 * count belongs to each thread; its runtime is reached through weak symbols, so that the library
 * needs none of its own. openblas_set_num_threads_local of newer versions also sets the process's
 * count in the pthread build, so it would not spare the guard.
 */
#include "blas.h"

#include <cblas.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <qkvsim/common.h>

enum {
    PARALLEL_OPENMP = 2,         /* openblas_get_parallel() */
    SECOND_LEVEL_CACHE = 2 << 20 /* bytes, of Intel's server processors */
};

__attribute__((weak)) void omp_set_num_threads(int threads);
__attribute__((weak)) int omp_get_max_threads(void);

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static int64_t calls_inside;
static int count_before;

static int count_is_per_thread(void)
{
    return openblas_get_parallel() == PARALLEL_OPENMP && omp_set_num_threads != NULL
           && omp_get_max_threads != NULL;
}

void qkv_blas_enter(void)
{
    if (count_is_per_thread())
        return;
    pthread_mutex_lock(&guard);
    if (calls_inside++ == 0) {
        count_before = openblas_get_num_threads();
        if (count_before != 1)
            openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&guard);
}

void qkv_blas_leave(void)
{
    if (count_is_per_thread())
        return;
    pthread_mutex_lock(&guard);
    if (--calls_inside == 0 && count_before != 1)
        openblas_set_num_threads(count_before);
    pthread_mutex_unlock(&guard);
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

/* The kernels for AVX-512 multiply without packing where rows x columns x depth is at most 100^3. On
 * Intel's processors that is a sixth faster than packed tiles of any size. */
static bool multiplies_small_products_fastest(void)
{
    static const char *const cores[] = { "SkylakeX", "Cooperlake", "SapphireRapids", NULL };
#if defined(__x86_64__)
    __builtin_cpu_init();
    return core_is_among(cores) && __builtin_cpu_is("intel");
#else
    (void)cores;
    return false;
#endif
}

/* sgemm's kernel for AVX2 takes 12 rows by 16 columns, or 8 at the sides of the product, where it
 * adds in another order. */
static bool rounds_otherwise_at_the_sides(int32_t real)
{
    static const char *const cores[] = { "Haswell", "Zen", NULL };
    return real == QKVSIM_F32 && core_is_among(cores);
}

qkv_product_shape qkv_blas_product_shape(int32_t real)
{
    if (multiplies_small_products_fastest())
        return (qkv_product_shape){
            .panel = 192,
            .columns = 64,
            .depth = 81,
            .leading = 208,
            .multiple = 16,
            .cache = SECOND_LEVEL_CACHE,
            .together = real == QKVSIM_F64 ? 1 : 2,
        };
    if (rounds_otherwise_at_the_sides(real))
        return (qkv_product_shape){
            .panel = 288, .depth = 96, .leading = 320, .multiple = 48, .margin = 8, .together = 1
        };
    return (qkv_product_shape){
        .panel = 288, .depth = 96, .leading = 320, .multiple = 16, .together = 1
    };
}

const char *qkvsim_blas_description(void)
{
    return openblas_get_config();
}
