/*
 * What all figures are drawn with: text, strokes, axes' steps and pages in three file formats.
 *
 * Colours are Okabe & Ito's, which the colour-blind can tell apart; fill, dashes and widths tell
 * curves apart in greyscale. All lengths are points, 1/72 inch.
 */
#ifndef TOOLS_CANVAS_H
#define TOOLS_CANVAS_H

#include <cairo.h>
#include <stdio.h>

#include "figures.h"

/* A page is as wide as two columns of a journal. */
enum { PAGE_WIDTH = 504, PAGE_MARGIN = 8, PAGE_LEFT = 46, PAGE_RIGHT = 12, PAGE_LINE = 10 };

struct canvas_style {
    double red, green, blue;
    double line;
    double dash[2]; /* both 0: solid */
    double fill;    /* opacity under the curve */
};

/* Black to white, 0 to 1. */
void canvas_grey(cairo_t *cr, double level);
void canvas_colour(cairo_t *cr, const struct canvas_style *style, double opacity);
void canvas_font(cairo_t *cr, double size, bool bold);

double canvas_text_width(cairo_t *cr, const char *text);

/* Text whose anchor is at its left (0), its middle (0.5) or its right (1). Returns its width. */
double canvas_text(cairo_t *cr, double x, double y, double anchor, const char *text);

/* The same, turned: read from below (a quarter turn to the left) or at another angle, in
 * radians. */
void canvas_turned_text(cairo_t *cr, double x, double y, double anchor, double angle,
                        const char *text);

/* Text broken into lines between the page's margins, from y on; returns its height. */
double canvas_paragraph(cairo_t *cr, double y, const char *text);

/* Strokes the path with a style's line, dashes and colour. */
void canvas_stroke(cairo_t *cr, const struct canvas_style *style);

void canvas_line(cairo_t *cr, double x1, double y1, double x2, double y2);

/* The smallest step, of 1, 2 or 5 times a power of ten, that gives an axis of this length at most
 * five ticks. */
double canvas_tick_step(double length);

/* The ticks of an axis, with labels of so many decimals and a true minus. */
enum { CANVAS_TICKS_MAX = 8, CANVAS_LABEL_SIZE = 32 };
struct canvas_ticks {
    int count, decimals;
    double values[CANVAS_TICKS_MAX];
    char labels[CANVAS_TICKS_MAX][CANVAS_LABEL_SIZE];
};
struct canvas_ticks canvas_ticks(double low, double high);

/* Draws a page and returns its height; called twice, first to find the height. */
typedef double canvas_page(cairo_t *cr, void *content);

/* Writes a page as a file; false with a failure, or with none where the stream failed. */
bool canvas_write(FILE *stream, const struct figure_format *format, canvas_page *page,
                  void *content, struct failure *failure);

#endif
