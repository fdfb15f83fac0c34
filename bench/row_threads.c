/*
 * Row threads/N: the time of one thread over that of two.
 */
#include "rows.h"
#include "scene.h"

bench_outcome run_threads(bench_run *bench, const bench_row *row)
{
    bench_scene one = scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, 1);
    bench_scene two = scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, 2);
    const bench_outcome outcome = rows_compare(bench, rows_side(bench, scene_time_analyze, &one),
                                               rows_side(bench, scene_time_analyze, &two));
    scene_close(&one);
    scene_close(&two);
    return outcome;
}
