/*
 * Row pair-group/N: the pair group Q-K alone, against the whole analysis times its share of the
 * pairs.
 */
#include "rows.h"
#include "scene.h"

static double share_of_pairs(const qkvsim_layout *layout, int32_t pair_group)
{
    int64_t all = 0;
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(layout); p++)
        all += qkvsim_layout_pairs(layout, p);
    return (double)qkvsim_layout_pairs(layout, pair_group) / (double)all;
}

bench_outcome run_pair_group(bench_run *bench, const bench_row *row)
{
    bench_scene whole =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    const int32_t pair_group = qkvsim_layout_pair_group(whole.layout, 0, 1);
    bench_scene one = whole;
    one.options.pair_groups = &pair_group;
    one.options.pair_group_count = 1;
    bench_outcome outcome = rows_compare(bench, rows_side(bench, scene_time_analyze, &one),
                                         rows_side(bench, scene_time_analyze, &whole));
    timing_scale(&outcome.comparison.reference, share_of_pairs(whole.layout, pair_group));
    scene_close(&whole);
    return outcome;
}
