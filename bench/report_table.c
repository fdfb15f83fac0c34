/*
 * What was measured, as a table.
 */
#include <stdio.h>

#include "report.h"

void report_print_machine(const bench_report *report)
{
    printf("%s, %d thread%s\n", report->cpu, (int)report->threads, report->threads == 1 ? "" : "s");
    printf("%s; qkvsim %s kernels\n\n", report->blas, report->kernels);
    printf("%-25s %6s %6s %10s %10s  %-17s %10s %10s %7s  %-15s %s\n", "row", "n", "d", "ms", "min",
           "reference", "ms", "min", "ratio", "spread", "target");
    fflush(stdout);
}

static bool is_met(const bench_row *row, double ratio)
{
    return row->bound == BOUND_NONE
           || (row->bound == BOUND_AT_MOST ? ratio <= rows_target(row) : ratio >= rows_target(row));
}

void report_print_row(const bench_row *row, const bench_outcome *outcome)
{
    static const char *const signs[] = { "", "<=", ">=" };
    const timing_comparison *comparison = &outcome->comparison;
    const double ratio = timing_ratio(comparison);
    double low, high;
    timing_spread(comparison, &low, &high);
    char spread[32], target[32] = "";
    snprintf(spread, sizeof spread, "%.3f .. %.3f", low, high);
    if (row->bound != BOUND_NONE)
        snprintf(target, sizeof target, "%s %.2f%s", signs[row->bound], rows_target(row),
                 is_met(row, ratio) ? "" : ", missed");
    printf("%-25s %6lld %6lld %10.3f %10.3f  %-17s %10.3f %10.3f %7.3f  %-15s %s\n", row->name,
           (long long)row->observations, (long long)row->features, 1e3 * comparison->ours.median,
           1e3 * comparison->ours.minimum, row->reference, 1e3 * comparison->reference.median,
           1e3 * comparison->reference.minimum, ratio, spread, target);
    fflush(stdout);
}

void report_print_notes(const bench_report *report, const bench_run *bench)
{
    printf("\nms: median of one call, min: least; ratio: of the medians; spread: of the ratio, "
           "over the stretches "
           "of calls\n");
    if (bench->quick)
        printf("--quick: too few calls to judge by\n");
    if (bench->peak > 0)
        printf("roofline: time at the measured peak of %.1f GFLOP/s over the time taken\n",
               1e-9 * bench->peak);
    for (int r = 0; r < row_count; r++)
        if (report->measured[r] && report->outcomes[r].peak_rss_mb > 0)
            printf("peak resident memory of %s: %.0f MB\n", rows[r].name,
                   report->outcomes[r].peak_rss_mb);
}
