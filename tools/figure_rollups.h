/*
 * Roll-ups of heads as dots with intervals: what stands beside or below the matrices of a figure.
 */
#ifndef TOOLS_FIGURE_ROLLUPS_H
#define TOOLS_FIGURE_ROLLUPS_H

#include "canvas.h"
#include "report.h"

/* Height of the drawing of a report's roll-ups; 0 where it has none. */
double rollups_height(const struct report *report);

/* Draws the chosen statistic of each roll-up, for each condition, from x and y on. */
void rollups_draw(cairo_t *cr, const struct report *report, double x, double y, double width);

#endif
