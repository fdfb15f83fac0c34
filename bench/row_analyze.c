/*
 * Rows that set one analysis against one cblas_ssyrk of the same matrix: all of it, one metric,
 * other element types, many heads; the similarity matrix; and a chunk of a stream.
 */
#include "failure.h"
#include "rows.h"
#include "scene.h"

static bench_outcome compare_with_syrk(const bench_run *bench, bench_scene *scene,
                                       timing_call *call)
{
    scene_add_gram(scene);
    const bench_outcome outcome = rows_compare(bench, rows_side(bench, call, scene),
                                               rows_side(bench, scene_time_syrk, scene));
    scene_close(scene);
    return outcome;
}

bench_outcome run_analyze(bench_run *bench, const bench_row *row)
{
    for (int k = 0; k < bench->analyzed_count; k++)
        if (bench->analyzed[k].observations == row->observations)
            return (bench_outcome){ .comparison = bench->analyzed[k].comparison };
    bench_scene scene =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    const bench_outcome outcome = compare_with_syrk(bench, &scene, scene_time_analyze);
    bench->analyzed[bench->analyzed_count].observations = row->observations;
    bench->analyzed[bench->analyzed_count++].comparison = outcome.comparison;
    return outcome;
}

bench_outcome run_analyze_metric(bench_run *bench, const bench_row *row)
{
    bench_scene scene =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    scene.options.metrics = row->choice;
    return compare_with_syrk(bench, &scene, scene_time_analyze);
}

bench_outcome run_analyze_type(bench_run *bench, const bench_row *row)
{
    bench_scene scene = scene_open(row->observations, row->features, row->choice, bench->threads);
    return compare_with_syrk(bench, &scene, scene_time_analyze);
}

/* 13 heads each of Q, K and V, 64 features a head: 780 pair groups. */
bench_outcome run_heads(bench_run *bench, const bench_row *row)
{
    const int64_t widths[] = { 832, 832, 832 };
    const int32_t heads[] = { 13, 13, 13 };
    bench_scene scene =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    qkvsim_layout_free(scene.layout);
    check(scene.context, qkvsim_layout_heads(scene.context, widths, heads, NULL, 3,
                                             QKVSIM_HEADS_BLOCKED, &scene.layout));
    return compare_with_syrk(bench, &scene, scene_time_analyze);
}

/* Writes over what the scene keeps for OpenBLAS: the d x d matrix is as large. */
static double time_similarity(void *state)
{
    const bench_scene *scene = state;
    const qkvsim_view view = scene_view(scene);
    const qkvsim_input input = scene_input(scene, &view);
    const qkvsim_matrix matrix = { .struct_size = sizeof matrix,
                                   .data = scene->gram,
                                   .rows = scene->features,
                                   .columns = scene->features,
                                   .leading_dimension = scene->features,
                                   .dtype = QKVSIM_DTYPE_F32 };
    const double start = timing_now();
    check(scene->context,
          qkvsim_similarity(scene->context, &input, QKVSIM_METRIC_PEARSON, NULL, &matrix));
    return timing_now() - start;
}

bench_outcome run_similarity(bench_run *bench, const bench_row *row)
{
    bench_scene scene =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    return compare_with_syrk(bench, &scene, time_similarity);
}

typedef struct stream_call {
    bench_scene scene;
    qkvsim_accumulator *accumulator;
} stream_call;

static double time_update(void *state)
{
    const stream_call *call = state;
    const qkvsim_view view = scene_view(&call->scene);
    const qkvsim_input input = scene_input(&call->scene, &view);
    const double start = timing_now();
    check(call->scene.context,
          qkvsim_accumulator_update(call->scene.context, call->accumulator, &input));
    return timing_now() - start;
}

static double time_syrk_of_chunk(void *state)
{
    stream_call *call = state;
    return scene_time_syrk(&call->scene);
}

/* The same chunk again and again: what it holds does not change what it costs. */
bench_outcome run_stream(bench_run *bench, const bench_row *row)
{
    stream_call call = { .scene = scene_open(row->observations, row->features, QKVSIM_DTYPE_F32,
                                             bench->threads) };
    scene_add_gram(&call.scene);
    check(call.scene.context,
          qkvsim_accumulator_create(call.scene.context, row->features, NULL, &call.accumulator));
    const bench_outcome outcome = rows_compare(bench, rows_side(bench, time_update, &call),
                                               rows_side(bench, time_syrk_of_chunk, &call));
    qkvsim_accumulator_free(call.accumulator);
    scene_close(&call.scene);
    return outcome;
}
