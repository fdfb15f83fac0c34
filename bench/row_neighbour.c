/*
 * Row neighbour/N: a cblas_ssyrk called at once after an analysis returns, over one among its like. A
 * library that left a thread spinning, or OpenBLAS set to one thread, would show here.
 */
#include "rows.h"
#include "scene.h"

static double time_syrk_after_analyze(void *scene)
{
    scene_time_analyze(scene);
    return scene_time_syrk(scene);
}

bench_outcome run_neighbour(bench_run *bench, const bench_row *row)
{
    bench_scene scene = { .observations = row->observations,
                          .features = row->features,
                          .dtype = QKVSIM_F32,
                          .threads = bench->threads };
    scene_open(&scene);
    scene_add_gram(&scene);
    const timing_side ours = rows_side(bench, time_syrk_after_analyze, &scene);
    const timing_side reference = rows_side(bench, scene_time_syrk, &scene);
    const bench_outcome outcome = { .comparison =
                                        timing_compare(&ours, &reference, rows_stretches(bench)) };
    scene_close(&scene);
    return outcome;
}
