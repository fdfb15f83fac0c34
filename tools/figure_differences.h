/*
 * How two selections differ, as an estimation plot: of the roll-ups, and of the pair groups that
 * stand out.
 */
#ifndef TOOLS_FIGURE_DIFFERENCES_H
#define TOOLS_FIGURE_DIFFERENCES_H

#include "canvas.h"
#include "report.h"

/* The difference of the chosen statistic in a row, at sizes that let it be read: at full size of a
 * statistic that the number of observations does not bias; of others at equal size, if --compare
 * has subsets, and else as it is. */
double difference_value(const struct report *report, int32_t row);

/* Whether that is at equal size, with subsets of the larger selection. */
bool difference_is_matched(const struct report *report);

/* Height of the plot; 0 where there is one selection alone. */
double differences_height(const struct report *report);

/* Draws it from y on, over the page's width. */
void differences_draw(cairo_t *cr, const struct report *report, double y);

/* Says what is drawn, at the end of a caption. */
void differences_caption(const struct report *report, char *caption, size_t size);

#endif
