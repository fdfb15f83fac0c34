/*
 * Roll-ups of heads as dots, with intervals where there are any.
 */
#include "figure_rollups.h"

#include <math.h>

#include "figure_dots.h"

enum { NAMES = 78, LEGEND = 12 };

static const struct canvas_style styles[REPORT_CONDITIONS_MAX] = {
    { 0.000, 0.447, 0.698, 0.9, { 0, 0 }, 0 }, { 0.835, 0.369, 0.000, 0.9, { 0, 0 }, 0 }
};

/* A roll-up's statistic: the interval's estimate with its ends, or the statistic itself where there
 * is no interval. */
static struct dot dot_of(const struct report *report, int condition, int32_t i)
{
    int32_t row = report->rows[report->pair_group_count + i];
    int32_t metric = report->options->statistic_metric, statistic = report->options->statistic;
    const struct condition *of = &report->conditions[condition];
    struct dot dot = { .value = NAN, .low = NAN, .high = NAN, .square = condition != 0 };
    if (of->intervals != NULL) {
        dot.value = qkvsim_intervals_statistic(of->intervals, row, metric, statistic,
                                               QKVSIM_SUMMARY_ESTIMATE);
        dot.low =
            qkvsim_intervals_statistic(of->intervals, row, metric, statistic, QKVSIM_SUMMARY_LOW);
        dot.high =
            qkvsim_intervals_statistic(of->intervals, row, metric, statistic, QKVSIM_SUMMARY_HIGH);
    }
    if (isnan(dot.value))
        dot.value = qkvsim_analysis_statistic(of->analysis, row, metric, statistic);
    return dot;
}

static int32_t count_of(const struct report *report)
{
    return report->row_count - report->pair_group_count;
}

static void draw_legend(cairo_t *cr, const struct report *report, double y)
{
    double x = 0;
    canvas_font(cr, 7, false);
    for (int c = 0; c < report->condition_count; c++) {
        dots_draw_mark(cr, x + 3, y - 2.4, &(struct dot){ .square = c != 0 }, &styles[c]);
        canvas_grey(cr, 0);
        x += 8 + canvas_text(cr, x + 8, y, 0, report->conditions[c].name) + 12;
    }
}

double rollups_height(const struct report *report)
{
    int32_t count = count_of(report);
    bool legend = report->condition_count > 1;
    return count == 0 ? 0 : DOTS_TITLE + count * DOTS_ROW + DOTS_AXIS + (legend ? LEGEND : 0);
}

void rollups_draw(cairo_t *cr, const struct report *report, double x, double y, double width)
{
    int32_t count = count_of(report);
    struct dots dots = dots_begin(cr, width - NAMES);
    char name[REPORT_STATISTIC_SIZE];
    for (int32_t i = 0; i < count; i++)
        for (int c = 0; c < report->condition_count; c++) {
            struct dot dot = dot_of(report, c, i);
            dots_include(&dots, &dot);
        }
    dots_settle(&dots);
    cairo_save(cr);
    cairo_translate(cr, x + NAMES, y + DOTS_TITLE);
    canvas_font(cr, 8.5, true);
    canvas_grey(cr, 0);
    canvas_text(cr, dots.width / 2, -5, 0.5, "Heads together");
    dots_draw_axis(&dots, count, report_chosen_name(report, name));
    for (int32_t i = 0; i < count; i++) {
        int32_t row = report->rows[report->pair_group_count + i];
        dots_draw_name(&dots, i, qkvsim_layout_row_name(report->layout, row));
        for (int c = report->condition_count - 1; c >= 0; c--) {
            struct dot dot = dot_of(report, c, i);
            dots_draw(&dots, i, (c - (report->condition_count - 1) / 2.0) * 3, &dot, &styles[c]);
        }
    }
    if (report->condition_count > 1)
        draw_legend(cr, report, count * DOTS_ROW + DOTS_AXIS + 4);
    cairo_restore(cr);
}
