/*
 * Rows permutation-SCHEME/N: one permutation inside a baseline of 100, against one analysis.
 *
 * A baseline analyses the input itself first. One permutation is therefore what a baseline takes
 * longer than an analysis, divided by 100; the summary at the end is in it.
 */
#include "failure.h"
#include "rows.h"
#include "scene.h"

enum { PERMUTATIONS = 100 };

typedef struct baseline_call {
    bench_scene scene;
    int32_t scheme;
} baseline_call;

static double time_baseline(void *state)
{
    const baseline_call *call = state;
    const bench_scene *scene = &call->scene;
    const qkvsim_view view = scene_view(scene);
    const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                              .permutations = PERMUTATIONS,
                                              .scheme = call->scheme };
    qkvsim_baseline *baseline = NULL;
    const double start = timing_now();
    check(scene->context, qkvsim_baseline_run(scene->context, &view, 1, scene->layout,
                                              &scene->options, &options, &baseline));
    qkvsim_baseline_free(baseline);
    return timing_now() - start;
}

static double one_permutation(double baseline, double analysis)
{
    return (baseline - analysis) / PERMUTATIONS;
}

bench_outcome run_permutation(bench_run *bench, const bench_row *row)
{
    baseline_call call = { .scene = { .observations = row->observations,
                                      .features = row->features,
                                      .dtype = QKVSIM_F32,
                                      .threads = bench->threads },
                           .scheme = row->choice };
    scene_open(&call.scene);
    const timing_side ours = rows_long_side(time_baseline, &call);
    const timing_side reference = rows_side(bench, scene_time_analyze, &call.scene);
    bench_outcome outcome = { .comparison =
                                  timing_compare(&ours, &reference, rows_stretches(bench)) };
    timing *permutation = &outcome.comparison.ours;
    const timing *analysis = &outcome.comparison.reference;
    permutation->minimum = one_permutation(permutation->minimum, analysis->minimum);
    permutation->median = one_permutation(permutation->median, analysis->median);
    for (int s = 0; s < outcome.comparison.stretches; s++)
        permutation->stretch[s] = one_permutation(permutation->stretch[s], analysis->stretch[s]);
    scene_close(&call.scene);
    return outcome;
}
