/*
 * Colour maps: ColorBrewer's RdBu, which the colour-blind can read (Brewer 1994), and its red half.
 */
#include "colours.h"

#include <math.h>
#include <stdint.h>

enum { ANCHORS = 11 };

/* From blue over white to red. */
static const uint32_t anchors[ANCHORS] = { 0x053061, 0x2166ac, 0x4393c3, 0x92c5de,
                                           0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582,
                                           0xd6604d, 0xb2182b, 0x67001f };

static double channel(int anchor, int shift)
{
    return (double)(anchors[anchor] >> shift & 0xFF) / 255;
}

static double between(int anchor, double part, int shift)
{
    int next = anchor + 1 < ANCHORS ? anchor + 1 : anchor;
    return (1 - part) * channel(anchor, shift) + part * channel(next, shift);
}

struct colour colours_of(const struct colour_scale *scale, double value)
{
    double share = (value - scale->low) / (scale->high - scale->low);
    share = fmin(fmax(share, 0), 1);
    double place = (ANCHORS - 1) * (scale->diverging ? share : 0.5 + share / 2);
    int anchor = (int)place;
    double part = place - anchor;
    return (struct colour){ between(anchor, part, 16), between(anchor, part, 8),
                            between(anchor, part, 0) };
}

bool colours_are_dark(struct colour colour)
{
    return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue < 0.5;
}
