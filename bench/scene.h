/*
 * What a row works on: one input with its context and layout, and the same matrix for OpenBLAS.
 */
#ifndef BENCH_SCENE_H
#define BENCH_SCENE_H

#include <qkvsim/qkvsim.h>

#include "timing.h"

typedef struct bench_scene {
    int64_t observations;
    int64_t features;
    int32_t dtype;
    void *activations; /* what the library reads */
    void *operand;     /* what OpenBLAS reads: the activations themselves, halves as floats */
    void *gram;        /* what OpenBLAS writes; NULL before scene_add_gram */
    qkvsim_context *context;
    qkvsim_layout *layout;             /* Q, K, V in thirds unless replaced */
    const qkvsim_selection *selection; /* NULL: all observations */
    qkvsim_analysis_options options;
} bench_scene;

/* Which QKVSIM_KERNELS_* the contexts of all scenes have from now on. */
void scene_use_kernels(int32_t kernels);

/* Fills the input, makes context and layout, and gives OpenBLAS as many threads. */
bench_scene scene_open(int64_t observations, int64_t features, int32_t dtype, int32_t threads);

/* Makes room for the d x d result of OpenBLAS. */
void scene_add_gram(bench_scene *scene);

void scene_close(bench_scene *scene);

qkvsim_view scene_view(const bench_scene *scene);

/* The input of a scene's view, which must live as long. */
qkvsim_input scene_input(const bench_scene *scene, const qkvsim_view *view);

/* timing_call functions on a scene: one qkvsim_analysis_run with its release; one cblas_ssyrk (or
 * dsyrk), the least that any program built on OpenBLAS must do. */
double scene_time_analyze(void *scene);
double scene_time_syrk(void *scene);

#endif
