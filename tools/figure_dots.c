/*
 * Dots with intervals on one axis.
 */
#include "figure_dots.h"

#include <math.h>

struct dots dots_begin(cairo_t *cr, double width)
{
    return (struct dots){ .cr = cr, .width = width, .low = INFINITY, .high = -INFINITY };
}

void dots_include(struct dots *dots, const struct dot *dot)
{
    /* fmin and fmax pass over NaN. */
    dots->low = fmin(dots->low, fmin(dot->value, dot->low));
    dots->high = fmax(dots->high, fmax(dot->value, dot->high));
}

void dots_settle(struct dots *dots)
{
    if (!(dots->low <= dots->high))
        dots->low = dots->high = 0;
    double room = dots->high > dots->low ? 0.04 * (dots->high - dots->low)
                                         : fmax(0.1 * fabs(dots->high), 1e-3);
    dots->low -= room;
    dots->high += room;
}

double dots_x(const struct dots *dots, double value)
{
    return dots->width * (value - dots->low) / (dots->high - dots->low);
}

void dots_draw_axis(const struct dots *dots, int32_t rows, const char *name)
{
    cairo_t *cr = dots->cr;
    double bottom = rows * DOTS_ROW;
    struct canvas_ticks ticks = canvas_ticks(dots->low, dots->high);
    canvas_font(cr, 6.5, false);
    cairo_set_line_width(cr, 0.5);
    for (int k = 0; k < ticks.count; k++) {
        double x = dots_x(dots, ticks.values[k]);
        canvas_grey(cr, 0.9);
        canvas_line(cr, x, 0, x, bottom);
        canvas_grey(cr, 0.15);
        canvas_line(cr, x, bottom, x, bottom + 3);
        canvas_text(cr, x, bottom + 10, 0.5, ticks.labels[k]);
    }
    canvas_line(cr, 0, bottom, dots->width, bottom);
    canvas_font(cr, 7, false);
    canvas_text(cr, dots->width / 2, bottom + 20, 0.5, name);
}

void dots_draw_name(const struct dots *dots, int32_t row, const char *name)
{
    canvas_font(dots->cr, 6.5, false);
    canvas_grey(dots->cr, 0.1);
    canvas_text(dots->cr, -5, (row + 0.5) * DOTS_ROW + 2.4, 1, name);
}

void dots_draw_mark(cairo_t *cr, double x, double y, const struct dot *dot,
                    const struct canvas_style *style)
{
    if (dot->square)
        cairo_rectangle(cr, x - 1.8, y - 1.8, 3.6, 3.6);
    else
        cairo_arc(cr, x, y, 2, 0, 2 * acos(-1));
    if (dot->open) {
        canvas_grey(cr, 1);
        cairo_fill_preserve(cr);
        canvas_stroke(cr, style);
        return;
    }
    canvas_colour(cr, style, 1);
    cairo_fill(cr);
}

void dots_draw(const struct dots *dots, int32_t row, double shift, const struct dot *dot,
               const struct canvas_style *style)
{
    double y = (row + 0.5) * DOTS_ROW + shift;
    if (!isnan(dot->low) && !isnan(dot->high)) {
        cairo_move_to(dots->cr, dots_x(dots, dot->low), y);
        cairo_line_to(dots->cr, dots_x(dots, dot->high), y);
        canvas_stroke(dots->cr, style);
    }
    if (!isnan(dot->value))
        dots_draw_mark(dots->cr, dots_x(dots, dot->value), y, dot, style);
}
