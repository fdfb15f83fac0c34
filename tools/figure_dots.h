/*
 * Dots with intervals on one axis: what estimates are drawn as.
 */
#ifndef TOOLS_FIGURE_DOTS_H
#define TOOLS_FIGURE_DOTS_H

#include "canvas.h"

enum { DOTS_ROW = 10, DOTS_TITLE = 14, DOTS_AXIS = 26 };

/* The axis goes from 0 to `width`; rows follow each other down from 0. */
struct dots {
    cairo_t *cr;
    double width;
    double low;
    double high;
};

/* An estimate; low and high are NaN where it has no interval. */
struct dot {
    double value, low, high;
    bool square; /* else round */
    bool open;   /* else filled */
};

/* An axis that holds nothing yet, then what is to be on it, then some room at both ends. */
struct dots dots_begin(cairo_t *cr, double width);
void dots_include(struct dots *dots, const struct dot *dot);
void dots_settle(struct dots *dots);

double dots_x(const struct dots *dots, double value);

/* The axis below so many rows, with lines through them at its ticks, and what it measures. */
void dots_draw_axis(const struct dots *dots, int32_t rows, const char *name);

/* A row's name, left of the axis; and a dot in it, `shift` points below its middle. */
void dots_draw_name(const struct dots *dots, int32_t row, const char *name);
void dots_draw(const struct dots *dots, int32_t row, double shift, const struct dot *dot,
               const struct canvas_style *style);

/* A dot alone, such as a legend's. */
void dots_draw_mark(cairo_t *cr, double x, double y, const struct dot *dot,
                    const struct canvas_style *style);

#endif
