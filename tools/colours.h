/*
 * Colour maps of matrices: diverging from a middle, or growing from nothing.
 */
#ifndef TOOLS_COLOURS_H
#define TOOLS_COLOURS_H

#include <stdbool.h>

/* The range of values that a map stands for. */
struct colour_scale {
    double low;
    double high;
    bool diverging; /* from the middle of the range, which is white; else from low, which is */
};

struct colour {
    double red, green, blue;
};

/* The colour of a value; those outside the range have its ends' colours. */
struct colour colours_of(const struct colour_scale *scale, double value);

/* Whether text on a colour must be white to be read. */
bool colours_are_dark(struct colour colour);

#endif
