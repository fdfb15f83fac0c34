/*
 * Rows of what repeats the analysis, with all its statistics. permutation-SCHEME/N: one permutation
 * of a baseline against one analysis. The others (baselines, relabellings, jackknife, bootstrap),
 * on an input as large as examples/data's capture: one repetition against the bare analyses that it
 * makes. A run's first analyses, of the input itself, and its summary at the end are in the time.
 */
#include <stdlib.h>

#include "failure.h"
#include "rows.h"
#include "scene.h"

typedef struct repeated_call {
    bench_scene scene;
    int64_t repetitions;
    int32_t choice; /* a scheme, a method, or how many observations are targets */
    /* Of a comparison; the masks are the selections'. */
    qkvsim_selection targets;
    qkvsim_selection others;
} repeated_call;

static repeated_call open_call(const bench_run *bench, const bench_row *row)
{
    repeated_call call = { .repetitions = bench->quick ? 20 : 100, .choice = row->choice };
    call.scene = scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    return call;
}

/* In groups as wide as the capture's. */
static repeated_call open_capture(const bench_run *bench, const bench_row *row)
{
    const int64_t widths[] = { 576, 192, 192 };
    repeated_call call = open_call(bench, row);
    qkvsim_layout_free(call.scene.layout);
    check(call.scene.context,
          qkvsim_layout_widths(call.scene.context, widths, NULL, 3, &call.scene.layout));
    return call;
}

static bench_outcome compare_repetition(const bench_run *bench, repeated_call *call,
                                        timing_call *repeated, timing_call *bare, void *state)
{
    bench_outcome outcome =
        rows_compare(bench, rows_long_side(repeated, call), rows_side(bench, bare, state));
    timing_scale(&outcome.comparison.ours, 1.0 / (double)call->repetitions);
    scene_close(&call->scene);
    return outcome;
}

/* ---- baselines ---- */

static double time_baseline(void *state)
{
    const repeated_call *call = state;
    const bench_scene *scene = &call->scene;
    const qkvsim_view view = scene_view(scene);
    const qkvsim_input input = scene_input(scene, &view);
    const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                              .permutations = call->repetitions,
                                              .scheme = call->choice };
    qkvsim_baseline *baseline = NULL;
    const double start = timing_now();
    check(scene->context, qkvsim_baseline_run(scene->context, &input, scene->layout,
                                              &scene->options, &options, &baseline));
    qkvsim_baseline_free(baseline);
    return timing_now() - start;
}

bench_outcome run_baseline(bench_run *bench, const bench_row *row)
{
    repeated_call call = open_capture(bench, row);
    return compare_repetition(bench, &call, time_baseline, scene_time_analyze, &call.scene);
}

static double one_permutation(const repeated_call *call, double baseline, double analysis)
{
    return (baseline - analysis) / (double)call->repetitions;
}

/* A baseline analyses the input itself first: its permutations are what it takes longer than
 * that. */
bench_outcome run_permutation(bench_run *bench, const bench_row *row)
{
    repeated_call call = open_call(bench, row);
    bench_outcome outcome = rows_compare(bench, rows_long_side(time_baseline, &call),
                                         rows_side(bench, scene_time_analyze, &call.scene));
    timing *ours = &outcome.comparison.ours;
    const timing *analysis = &outcome.comparison.reference;
    ours->minimum = one_permutation(&call, ours->minimum, analysis->minimum);
    ours->median = one_permutation(&call, ours->median, analysis->median);
    for (int s = 0; s < outcome.comparison.stretches; s++)
        ours->stretch[s] = one_permutation(&call, ours->stretch[s], analysis->stretch[s]);
    scene_close(&call.scene);
    return outcome;
}

/* ---- jackknife and bootstrap ---- */

static double time_intervals(void *state)
{
    const repeated_call *call = state;
    const bench_scene *scene = &call->scene;
    const qkvsim_view view = scene_view(scene);
    const qkvsim_input input = scene_input(scene, &view);
    qkvsim_interval_options options = { .struct_size = sizeof options, .method = call->choice };
    if (call->choice == QKVSIM_METHOD_JACKKNIFE)
        options.blocks = call->repetitions;
    else
        options.resamples = call->repetitions;
    qkvsim_intervals *intervals = NULL;
    const double start = timing_now();
    check(scene->context, qkvsim_intervals_run(scene->context, &input, NULL, scene->layout,
                                               &scene->options, &options, &intervals));
    qkvsim_intervals_free(intervals);
    return timing_now() - start;
}

bench_outcome run_intervals(bench_run *bench, const bench_row *row)
{
    repeated_call call = open_capture(bench, row);
    return compare_repetition(bench, &call, time_intervals, scene_time_analyze, &call.scene);
}

/* ---- relabellings ---- */

static double time_comparison(void *state)
{
    const repeated_call *call = state;
    const bench_scene *scene = &call->scene;
    const qkvsim_view view = scene_view(scene);
    qkvsim_input input = scene_input(scene, &view);
    input.selection = &call->targets;
    const qkvsim_comparison_options options = { .struct_size = sizeof options,
                                                .permutations = call->repetitions };
    qkvsim_comparison *comparison = NULL;
    const double start = timing_now();
    check(scene->context,
          qkvsim_comparison_run(scene->context, &input, &call->others, scene->layout,
                                &scene->options, &options, &comparison));
    qkvsim_comparison_free(comparison);
    return timing_now() - start;
}

static double time_selected(const bench_scene *scene, const qkvsim_selection *selection)
{
    bench_scene selected = *scene;
    selected.selection = selection;
    return scene_time_analyze(&selected);
}

/* What one relabelling and one matched subset make: both selections and, where their sizes differ,
 * the larger one twice more at the smaller one's size. */
static double time_both_selections(void *state)
{
    const repeated_call *call = state;
    double seconds =
        time_selected(&call->scene, &call->targets) + time_selected(&call->scene, &call->others);
    if (2 * (int64_t)call->choice != call->scene.observations)
        for (int subset = 0; subset < 2; subset++)
            seconds += time_selected(&call->scene, &call->targets);
    return seconds;
}

bench_outcome run_relabelling(bench_run *bench, const bench_row *row)
{
    const int64_t n = row->observations, every = n / row->choice;
    repeated_call call = open_capture(bench, row);
    uint8_t *targets = allocate(n, 1), *others = allocate(n, 1);
    for (int64_t r = 0; r < n; r++) {
        targets[r] = r % every == 0;
        others[r] = !targets[r];
    }
    call.targets =
        (qkvsim_selection){ .struct_size = sizeof call.targets, .mask = targets, .count = n };
    call.others =
        (qkvsim_selection){ .struct_size = sizeof call.others, .mask = others, .count = n };
    const bench_outcome outcome =
        compare_repetition(bench, &call, time_comparison, time_both_selections, &call);
    free(targets);
    free(others);
    return outcome;
}
