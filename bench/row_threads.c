/*
 * Row threads/N: the time of one thread over that of two.
 */
#include "rows.h"
#include "scene.h"

bench_outcome run_threads(bench_run *bench, const bench_row *row)
{
    bench_scene scenes[2];
    timing_side sides[2];
    for (int32_t k = 0; k < 2; k++) {
        scenes[k] = (bench_scene){ .observations = row->observations,
                                   .features = row->features,
                                   .dtype = QKVSIM_F32,
                                   .threads = k + 1 };
        scene_open(&scenes[k]);
        sides[k] = rows_side(bench, scene_time_analyze, &scenes[k]);
    }
    const bench_outcome outcome = { .comparison = timing_compare(&sides[0], &sides[1],
                                                                 rows_stretches(bench)) };
    scene_close(&scenes[0]);
    scene_close(&scenes[1]);
    return outcome;
}
