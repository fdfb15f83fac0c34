/*
 * The results of one layer, as the library gives them, and the report of them.
 */
#ifndef TOOLS_RESULTS_H
#define TOOLS_RESULTS_H

#include "report.h"
#include "study.h"

struct results {
    qkvsim_analysis *analyses[REPORT_CONDITIONS_MAX];
    qkvsim_baseline *baselines[REPORT_CONDITIONS_MAX];
    qkvsim_intervals *intervals[REPORT_CONDITIONS_MAX];
    qkvsim_comparison *comparison;
    qkvsim_comparison *matched; /* made for the figure alone */
    qkvsim_intervals *selection_contrast;
    struct warnings warnings;
    struct report report;
};

/* Computes the results of the study's open input, within one progress bar over all layers. Where
 * the study has a team, each process computes a part, and the first has the results. */
bool results_compute(struct results *results, struct study *study, struct progress *progress);

/* Makes the report of results that are there, of arrays, but for its warnings. */
void results_describe(struct results *results, const struct study *study);

/* Also for one zeroed and never computed. */
void results_free(struct results *results);

#endif
