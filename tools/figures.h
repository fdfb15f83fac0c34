/*
 * The figures as commands ask for them. no_figures.c stands in for all that draws where the program
 * is built without cairo.
 */
#ifndef TOOLS_FIGURES_H
#define TOOLS_FIGURES_H

#include <stdio.h>

#include "failure.h"

struct report;
struct trend;

bool figures_are_built(void);

/* A file format by its path's suffix: .svg, .pdf, or .png with 300 dots an inch. NULL for
 * another. */
struct figure_format;
const struct figure_format *figure_format(const char *path);

/* Writers; the stream's own failures are the caller's to find. */
bool figure_write_histograms(FILE *stream, const struct report *report,
                             const struct figure_format *format, struct failure *failure);
bool figure_write_heads(FILE *stream, const struct report *report,
                        const struct figure_format *format, struct failure *failure);
bool trend_write_figure(FILE *stream, const struct trend *trend, const struct figure_format *format,
                        struct failure *failure);

#endif
