/*
 * In place of the figures in a program that is built without cairo: no path is a figure's, so that
 * --figure is refused before anything is read and nothing below is ever asked to draw.
 */
#include "figures.h"

bool figures_are_built(void)
{
    return false;
}

const struct figure_format *figure_format(const char *path)
{
    (void)path;
    return NULL;
}

static bool draw_nothing(struct failure *failure)
{
    return fail(failure, "this qkvsim is built without figures");
}

bool figure_write_histograms(FILE *stream, const struct report *report,
                             const struct figure_format *format, struct failure *failure)
{
    (void)stream, (void)report, (void)format;
    return draw_nothing(failure);
}

bool figure_write_heads(FILE *stream, const struct report *report,
                        const struct figure_format *format, struct failure *failure)
{
    (void)stream, (void)report, (void)format;
    return draw_nothing(failure);
}

bool trend_write_figure(FILE *stream, const struct trend *trend, const struct figure_format *format,
                        struct failure *failure)
{
    (void)stream, (void)trend, (void)format;
    return draw_nothing(failure);
}
