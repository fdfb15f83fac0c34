/*
 * Row call/2: what a call costs that has next to nothing to do, in microseconds. The context is
 * reused; of so little work the library starts no thread.
 */
#include "failure.h"
#include "rows.h"
#include "scene.h"

enum { CALLS_TOGETHER = 2000 };

/* Seconds a call, of many in a row: the clock is too coarse for one. */
static double time_calls(void *scene)
{
    const double start = timing_now();
    for (int call = 0; call < CALLS_TOGETHER; call++)
        scene_time_analyze(scene);
    return (timing_now() - start) / CALLS_TOGETHER;
}

static double one_microsecond(void *unused)
{
    (void)unused;
    return 1e-6;
}

bench_outcome run_call(bench_run *bench, const bench_row *row)
{
    const int64_t widths[] = { 1, 1 };
    bench_scene scene =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    check(scene.context, qkvsim_layout_widths(scene.context, widths, NULL, 2, &scene.layout));
    const bench_outcome outcome = rows_compare(bench, rows_side(bench, time_calls, &scene),
                                               rows_side(bench, one_microsecond, NULL));
    scene_close(&scene);
    return outcome;
}
