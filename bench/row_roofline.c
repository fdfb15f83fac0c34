/*
 * Rows roofline/N: the share of the machine's peak that analyze/N reaches. Counted are the
 * operations of the upper triangle's products, n d (d + 1), and none of the rest that an analysis
 * does; the time they would take at the peak stands against the time taken.
 */
#include "peak.h"
#include "rows.h"

bench_outcome run_roofline(bench_run *bench, const bench_row *row)
{
    if (bench->peak <= 0)
        bench->peak = peak_measure(bench->threads);
    const double d = (double)row->features;
    const double at_peak = (double)row->observations * d * (d + 1) / bench->peak;
    bench_outcome outcome = run_analyze(bench, row);
    timing_comparison *comparison = &outcome.comparison;
    comparison->reference = comparison->ours;
    comparison->ours.median = at_peak;
    for (int s = 0; s < comparison->stretches; s++)
        comparison->ours.stretch[s] = at_peak;
    return outcome;
}
