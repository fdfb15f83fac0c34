/*
 * Row neighbour/N: a cblas_ssyrk called at once after an analysis returns, over one among its like.
 * A library that left a thread spinning, or OpenBLAS set to one thread, would show here.
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
    bench_scene scene =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    scene_add_gram(&scene);
    const bench_outcome outcome =
        rows_compare(bench, rows_side(bench, time_syrk_after_analyze, &scene),
                     rows_side(bench, scene_time_syrk, &scene));
    scene_close(&scene);
    return outcome;
}
