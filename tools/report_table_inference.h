/*
 * Tables of what compares: contrasts of pair groups, and targets with non-targets.
 */
#ifndef TOOLS_REPORT_TABLE_INFERENCE_H
#define TOOLS_REPORT_TABLE_INFERENCE_H

#include "report_cells.h"

/* Tables of contrasts, of the selections' differences and of their distances; false without
 * memory. */
bool print_contrasts(FILE *stream, const struct shown *shown);
bool print_differences(FILE *stream, const struct shown *shown);
bool print_distances(FILE *stream, const struct shown *shown);

#endif
