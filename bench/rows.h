/*
 * The rows of the table: what each measures, against what, and how far it may be from it.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "timing.h"

enum { ROWS_ANALYZED_MAX = 5 };

/* What all rows share. An analyze row is measured once, also where roofline/N asks for it. */
typedef struct bench_run {
    int32_t threads;
    int32_t kernels; /* QKVSIM_KERNELS_* */
    bool quick;
    double peak; /* operations a second; 0: not measured yet */
    struct {
        int64_t observations;
        timing_comparison comparison;
    } analyzed[ROWS_ANALYZED_MAX];
    int analyzed_count;
} bench_run;

typedef struct bench_outcome {
    timing_comparison comparison;
    double peak_rss_mb; /* 0: not asked for */
} bench_outcome;

typedef enum bound { BOUND_NONE, BOUND_AT_MOST, BOUND_AT_LEAST } bound;

typedef struct bench_row bench_row;
struct bench_row {
    const char *name;
    int64_t observations;
    int64_t features;
    bench_outcome (*run)(bench_run *bench, const bench_row *row);
    const char *reference;
    bound bound;
    double targets[2]; /* of the ratio: with OpenBLAS's kernels for AVX2, and with others */
    int32_t choice;    /* what is special: an element type, a metric, a scheme, ... */
};

extern const bench_row rows[];
extern const int row_count;

/* The row of that name, NULL if there is none. */
const bench_row *rows_find(const char *name);

/* The one for the kernels that OpenBLAS has chosen. */
double rows_target(const bench_row *row);

/* The usual side of a comparison: stretches of a few calls. */
timing_side rows_side(const bench_run *bench, timing_call *call, void *state);

/* A side whose calls take seconds: every call is a stretch of its own. */
timing_side rows_long_side(timing_call *call, void *state);

bench_outcome rows_compare(const bench_run *bench, timing_side ours, timing_side reference);

/* What rows run, in the row_* files. */
bench_outcome run_analyze(bench_run *bench, const bench_row *row);
bench_outcome run_analyze_metric(bench_run *bench, const bench_row *row);
bench_outcome run_analyze_type(bench_run *bench, const bench_row *row);
bench_outcome run_baseline(bench_run *bench, const bench_row *row);
bench_outcome run_call(bench_run *bench, const bench_row *row);
bench_outcome run_heads(bench_run *bench, const bench_row *row);
bench_outcome run_intervals(bench_run *bench, const bench_row *row);
bench_outcome run_neighbour(bench_run *bench, const bench_row *row);
bench_outcome run_pair_group(bench_run *bench, const bench_row *row);
bench_outcome run_permutation(bench_run *bench, const bench_row *row);
bench_outcome run_relabelling(bench_run *bench, const bench_row *row);
bench_outcome run_roofline(bench_run *bench, const bench_row *row);
bench_outcome run_similarity(bench_run *bench, const bench_row *row);
bench_outcome run_stream(bench_run *bench, const bench_row *row);
bench_outcome run_threads(bench_run *bench, const bench_row *row);
bench_outcome run_wide(bench_run *bench, const bench_row *row);

#endif
