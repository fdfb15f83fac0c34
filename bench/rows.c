/*
 * The rows of the table.
 */
#include "rows.h"

#include <string.h>

#include <qkvsim/qkvsim.h>

#include "../lib/base/blas_names.h"

#define SSYRK "cblas_ssyrk"

/* clang-format off */
const bench_row rows[] = {
    { "analyze/64", 64, 2304, run_analyze, SSYRK, BOUND_AT_MOST, { 1.35, 1.15 }, 0 },
    { "analyze/128", 128, 2304, run_analyze, SSYRK, BOUND_AT_MOST, { 1.20, 1.10 }, 0 },
    { "analyze/256", 256, 2304, run_analyze, SSYRK, BOUND_AT_MOST, { 1.15, 1.00 }, 0 },
    { "analyze/1024", 1024, 2304, run_analyze, SSYRK, BOUND_AT_MOST, { 1.10, 1.00 }, 0 },
    { "analyze/4096", 4096, 2304, run_analyze, SSYRK, BOUND_AT_MOST, { 1.05, 1.05 }, 0 },
    { "pearson/128", 128, 2304, run_analyze_metric, SSYRK, BOUND_AT_MOST, { 1.10, 0.95 }, QKVSIM_METRIC_PEARSON },
    { "cosine/128", 128, 2304, run_analyze_metric, SSYRK, BOUND_AT_MOST, { 1.10, 0.95 }, QKVSIM_METRIC_COSINE },
    { "analyze-f16/1024", 1024, 2304, run_analyze_type, SSYRK, BOUND_AT_MOST, { 1.10, 1.00 }, QKVSIM_DTYPE_F16 },
    { "analyze-f64/1024", 1024, 2304, run_analyze_type, "cblas_dsyrk", BOUND_AT_MOST, { 1.10, 1.00 },
      QKVSIM_DTYPE_F64 },
    { "heads/256", 256, 2496, run_heads, SSYRK, BOUND_AT_MOST, { 1.25, 1.10 }, 0 },
    { "permutation-all/1024", 1024, 2304, run_permutation, "analyze", BOUND_AT_MOST, { 1.15, 1.15 },
      QKVSIM_SCHEME_ALL },
    { "permutation-all/128", 128, 2304, run_permutation, "analyze", BOUND_AT_MOST, { 1.30, 1.30 },
      QKVSIM_SCHEME_ALL },
    { "permutation-feature/1024", 1024, 2304, run_permutation, "analyze", BOUND_AT_MOST, { 1.15, 1.15 },
      QKVSIM_SCHEME_FEATURE },
    { "permutation-feature/128", 128, 2304, run_permutation, "analyze", BOUND_AT_MOST, { 1.30, 1.30 },
      QKVSIM_SCHEME_FEATURE },
    { "threads/1024", 1024, 2304, run_threads, "two threads", BOUND_AT_LEAST, { 1.9, 1.9 }, 0 },
    { "wide/27648", 1024, 27648, run_wide, "d = 2304, scaled", BOUND_AT_MOST, { 1.05, 1.05 }, 0 },
    { "wide-piece/200000", 256, 200000, run_wide, "d = 27648, scaled", BOUND_AT_MOST, { 1.10, 1.10 }, 1 },
    { "pair-group/1024", 1024, 2304, run_pair_group, "all, by share", BOUND_AT_MOST, { 1.20, 1.15 }, 0 },
    { "neighbour/1024", 1024, 2304, run_neighbour, "ssyrk alone", BOUND_AT_MOST, { 1.05, 1.05 }, 0 },
    { "call/2", 2, 2, run_call, "1 microsecond", BOUND_AT_MOST, { 5, 5 }, 0 },
    { "baseline-all/1024", 1024, 960, run_baseline, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 },
      QKVSIM_SCHEME_ALL },
    { "baseline-feature/1024", 1024, 960, run_baseline, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 },
      QKVSIM_SCHEME_FEATURE },
    { "baseline-shift/1024", 1024, 960, run_baseline, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 },
      QKVSIM_SCHEME_SHIFT },
    { "baseline-group/1024", 1024, 960, run_baseline, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 },
      QKVSIM_SCHEME_GROUP },
    { "jackknife/1024", 1024, 960, run_intervals, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 },
      QKVSIM_METHOD_JACKKNIFE },
    { "bootstrap/1024", 1024, 960, run_intervals, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 },
      QKVSIM_METHOD_BOOTSTRAP },
    { "relabel-half/1024", 1024, 960, run_relabelling, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 }, 512 },
    { "relabel-32/1024", 1024, 960, run_relabelling, "analyses, as many", BOUND_AT_MOST, { 1.2, 1.2 }, 32 },
    { "similarity/1024", 1024, 2304, run_similarity, SSYRK, BOUND_AT_MOST, { 1.15, 1.10 }, 0 },
    { "stream/256", 256, 2304, run_stream, SSYRK, BOUND_AT_MOST, { 1.33, 1.33 }, 0 },
    { "stream/1024", 1024, 2304, run_stream, SSYRK, BOUND_AT_MOST, { 1.18, 1.18 }, 0 },
    { "stream/4096", 4096, 2304, run_stream, SSYRK, BOUND_AT_MOST, { 1.18, 1.18 }, 0 },
    { "roofline/64", 64, 2304, run_roofline, "analyze/64", BOUND_NONE, { 0, 0 }, 0 },
    { "roofline/128", 128, 2304, run_roofline, "analyze/128", BOUND_NONE, { 0, 0 }, 0 },
    { "roofline/256", 256, 2304, run_roofline, "analyze/256", BOUND_NONE, { 0, 0 }, 0 },
    { "roofline/1024", 1024, 2304, run_roofline, "analyze/1024", BOUND_NONE, { 0, 0 }, 0 },
    { "roofline/4096", 4096, 2304, run_roofline, "analyze/4096", BOUND_NONE, { 0, 0 }, 0 },
};
/* clang-format on */

const int row_count = sizeof rows / sizeof rows[0];

const bench_row *rows_find(const char *name)
{
    for (int r = 0; r < row_count; r++)
        if (strcmp(rows[r].name, name) == 0)
            return &rows[r];
    return NULL;
}

double rows_target(const bench_row *row)
{
    const char *core = openblas_get_corename();
    const bool avx2 = strcmp(core, "Haswell") == 0 || strcmp(core, "Zen") == 0;
    return row->targets[avx2 ? 0 : 1];
}

timing_side rows_side(const bench_run *bench, timing_call *call, void *state)
{
    return (timing_side){
        .call = call,
        .state = state,
        .calls = bench->quick ? 3 : 7,
        .dropped = bench->quick ? 1 : 2,
    };
}

timing_side rows_long_side(timing_call *call, void *state)
{
    return (timing_side){ .call = call, .state = state, .calls = 1 };
}

/* 5 stretches of 7 calls, the first 2 dropped, make 25. */
bench_outcome rows_compare(const bench_run *bench, timing_side ours, timing_side reference)
{
    const int stretches = bench->quick ? 2 : 5;
    return (bench_outcome){ .comparison = timing_compare(&ours, &reference, stretches) };
}
