/*
 * What a row works on.
 */
#include "scene.h"

#include <stdlib.h>

#include "../lib/base/blas_names.h"
#include "activations.h"
#include "failure.h"

static void fill_activations(bench_scene *scene)
{
    const int64_t count = scene->observations * scene->features;
    float *floats = allocate(count, sizeof *floats);
    activations_fill(floats, scene->observations, scene->features);
    scene->activations = scene->operand = floats;
    if (scene->dtype == QKVSIM_DTYPE_F64) {
        scene->activations = scene->operand = allocate(count, sizeof(double));
        activations_to_double(floats, count, scene->activations);
        free(floats);
    } else if (scene->dtype == QKVSIM_DTYPE_F16) {
        scene->activations = allocate(count, sizeof(uint16_t));
        activations_to_half(floats, count, scene->activations);
    }
}

static int32_t kernels_used = QKVSIM_KERNELS_AUTO;

void scene_use_kernels(int32_t kernels)
{
    kernels_used = kernels;
}

bench_scene scene_open(int64_t observations, int64_t features, int32_t dtype, int32_t threads)
{
    bench_scene scene = { .observations = observations, .features = features, .dtype = dtype };
    fill_activations(&scene);
    const qkvsim_context_options options = { .struct_size = sizeof options,
                                             .threads = threads,
                                             .kernels = kernels_used };
    check(NULL, qkvsim_context_create(&options, &scene.context));
    if (features % 3 == 0)
        check(scene.context, qkvsim_layout_thirds(scene.context, features, &scene.layout));
    qkvsim_struct_init(&scene.options, sizeof scene.options);
    openblas_set_num_threads(threads);
    return scene;
}

void scene_add_gram(bench_scene *scene)
{
    const size_t size = scene->dtype == QKVSIM_DTYPE_F64 ? sizeof(double) : sizeof(float);
    scene->gram = allocate(scene->features * scene->features, size);
}

void scene_close(bench_scene *scene)
{
    qkvsim_layout_free(scene->layout);
    qkvsim_context_free(scene->context);
    free(scene->gram);
    if (scene->operand != scene->activations)
        free(scene->operand);
    free(scene->activations);
}

qkvsim_view scene_view(const bench_scene *scene)
{
    return (qkvsim_view){ .struct_size = sizeof(qkvsim_view),
                          .data = scene->activations,
                          .observations = scene->observations,
                          .features = scene->features,
                          .observation_stride = scene->features,
                          .feature_stride = 1,
                          .dtype = scene->dtype };
}

qkvsim_input scene_input(const bench_scene *scene, const qkvsim_view *view)
{
    return (qkvsim_input){ .struct_size = sizeof(qkvsim_input),
                           .parts = view,
                           .part_count = 1,
                           .selection = scene->selection };
}

double scene_time_analyze(void *state)
{
    const bench_scene *scene = state;
    const qkvsim_view view = scene_view(scene);
    const qkvsim_input input = scene_input(scene, &view);
    qkvsim_analysis *analysis = NULL;
    const double start = timing_now();
    check(scene->context,
          qkvsim_analysis_run(scene->context, &input, scene->layout, &scene->options, &analysis));
    qkvsim_analysis_free(analysis);
    return timing_now() - start;
}

double scene_time_syrk(void *state)
{
    const bench_scene *scene = state;
    const int d = (int)scene->features, n = (int)scene->observations;
    const double start = timing_now();
    if (scene->dtype == QKVSIM_DTYPE_F64)
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, d, n, 1, scene->operand, d, 0,
                    scene->gram, d);
    else
        cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, d, n, 1, scene->operand, d, 0,
                    scene->gram, d);
    return timing_now() - start;
}
