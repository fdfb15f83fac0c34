/*
 * qkvsim_analyze against one cblas_ssyrk on the same matrix, in one process: alternating stretches of
 * calls with a pause between, so that no thread pool that spins after its work disturbs the other side.
 * Prints minimum and median of each and the ratio of the medians. Arguments: observations (default 1024)
 * and more of them; environment is not read.
 */
#define _POSIX_C_SOURCE 200809L
#include <qkvsim/qkvsim.h>

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { FEATURES = 2304, STRETCHES = 5, CALLS = 7, DROPPED = 2, KEPT = STRETCHES * (CALLS - DROPPED) };

typedef struct setting {
    int64_t observations;
    float *activations;
    float *gram;
    qkvsim_context *context;
    qkvsim_layout *layout;
} setting;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void run_ssyrk(const setting *s)
{
    cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, FEATURES, (int)s->observations, 1,
                s->activations, FEATURES, 0, s->gram, FEATURES);
}

static void run_analyze(const setting *s)
{
    const qkvsim_view view = { .struct_size = sizeof view, .data = s->activations,
                               .observations = s->observations, .features = FEATURES,
                               .observation_stride = FEATURES, .feature_stride = 1,
                               .dtype = QKVSIM_F32 };
    qkvsim_analysis *analysis = NULL;
    if (qkvsim_analyze(s->context, &view, 1, s->layout, NULL, &analysis) != QKVSIM_OK) {
        fprintf(stderr, "bench_analyze: %s\n", qkvsim_last_error(s->context));
        exit(1);
    }
    qkvsim_analysis_free(analysis);
}

static int compare_times(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One stretch of calls; the first ones are not kept. */
static void time_stretch(void (*run)(const setting *), const setting *s, double *kept)
{
    const struct timespec pause = { .tv_nsec = 60000000 };
    nanosleep(&pause, NULL);
    for (int call = 0; call < CALLS; call++) {
        const double start = now();
        run(s);
        if (call >= DROPPED)
            kept[call - DROPPED] = now() - start;
    }
}

static void bench(setting *s)
{
    double ssyrk[KEPT], analyze[KEPT];
    for (int stretch = 0; stretch < STRETCHES; stretch++) {
        time_stretch(run_ssyrk, s, ssyrk + stretch * (CALLS - DROPPED));
        time_stretch(run_analyze, s, analyze + stretch * (CALLS - DROPPED));
    }
    qsort(ssyrk, KEPT, sizeof *ssyrk, compare_times);
    qsort(analyze, KEPT, sizeof *analyze, compare_times);
    printf("analyze/%-5lld  ssyrk %7.2f ms (min %7.2f)  analyze %7.2f ms (min %7.2f)  ratio %.3f\n",
           (long long)s->observations, 1e3 * ssyrk[KEPT / 2], 1e3 * ssyrk[0],
           1e3 * analyze[KEPT / 2], 1e3 * analyze[0], analyze[KEPT / 2] / ssyrk[KEPT / 2]);
}

/* Normal enough: the sum of four uniforms, with an offset for each feature. */
static void fill(float *values, int64_t observations)
{
    uint64_t state = 1;
    for (int64_t k = 0; k < observations * FEATURES; k++) {
        float sum = (float)(k % FEATURES % 7) - 3;
        for (int draw = 0; draw < 4; draw++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            sum += (float)(state >> 40) * 0x1p-24f - 0.5f;
        }
        values[k] = sum;
    }
}

int main(int argc, char **argv)
{
    setting s = {0};
    if (qkvsim_context_create(NULL, &s.context) != QKVSIM_OK
        || qkvsim_layout_thirds(s.context, FEATURES, &s.layout) != QKVSIM_OK)
        return 1;
    printf("qkvsim %s, %s kernels, %d threads, %s\n", qkvsim_version(),
           qkvsim_context_kernels(s.context), (int)qkvsim_context_threads(s.context),
           qkvsim_blas_description());
    s.gram = malloc(sizeof(float) * FEATURES * FEATURES);
    for (int a = 1; a < argc || a == 1; a++) {
        s.observations = a < argc ? strtoll(argv[a], NULL, 10) : 1024;
        if (s.observations < 1)
            return 2;
        s.activations = malloc(sizeof(float) * FEATURES * (size_t)s.observations);
        if (s.gram == NULL || s.activations == NULL)
            return 1;
        fill(s.activations, s.observations);
        bench(&s);
        free(s.activations);
    }
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        printf("peak resident memory %.0f MB\n", (double)usage.ru_maxrss / 1024);
    free(s.gram);
    qkvsim_layout_free(s.layout);
    qkvsim_context_free(s.context);
    return 0;
}
