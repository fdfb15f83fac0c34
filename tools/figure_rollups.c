/*
 * Roll-ups of heads as dots, with intervals where there are any.
 */
#include "figure_rollups.h"

#include <math.h>

enum { ROW = 10, TITLE = 14, AXIS = 26, NAMES = 78, LEGEND = 12 };

static const struct canvas_style styles[REPORT_CONDITIONS_MAX] = {
    { 0.000, 0.447, 0.698, 0.9, { 0, 0 }, 0 }, { 0.835, 0.369, 0.000, 0.9, { 0, 0 }, 0 }
};

struct drawing {
    cairo_t *cr;
    const struct report *report;
    double width; /* of the axis */
    double low;
    double high;
};

/* A roll-up's number: an end of its interval, or what stands within: the interval's estimate, or the
 * statistic itself where there is no interval. */
static double number_of(const struct report *report, int condition, int32_t i, int32_t what)
{
    int32_t row = report->rows[report->pair_group_count + i];
    int32_t metric = report->options->statistic_metric, statistic = report->options->statistic;
    const struct condition *of = &report->conditions[condition];
    double value = NAN;
    if (of->intervals != NULL)
        value = qkvsim_intervals_statistic(of->intervals, row, metric, statistic, what);
    if (isnan(value) && what == QKVSIM_SUMMARY_ESTIMATE)
        return qkvsim_analysis_statistic(of->analysis, row, metric, statistic);
    return value;
}

static int32_t count_of(const struct report *report)
{
    return report->row_count - report->pair_group_count;
}

static void find_range(struct drawing *drawing)
{
    const struct report *report = drawing->report;
    static const int32_t numbers[] = { QKVSIM_SUMMARY_ESTIMATE, QKVSIM_SUMMARY_LOW,
                                       QKVSIM_SUMMARY_HIGH };
    double low = INFINITY, high = -INFINITY;
    for (int32_t i = 0; i < count_of(report); i++)
        for (int c = 0; c < report->condition_count; c++)
            for (int k = 0; k < 3; k++) {
                low = fmin(low, number_of(report, c, i, numbers[k]));
                high = fmax(high, number_of(report, c, i, numbers[k]));
            }
    if (!(low <= high))
        low = high = 0;
    double room = high > low ? 0.04 * (high - low) : fmax(0.1 * fabs(high), 1e-3);
    drawing->low = low - room;
    drawing->high = high + room;
}

static double x_of(const struct drawing *drawing, double value)
{
    return drawing->width * (value - drawing->low) / (drawing->high - drawing->low);
}

static void draw_axis(const struct drawing *drawing, double bottom)
{
    cairo_t *cr = drawing->cr;
    struct canvas_ticks ticks = canvas_ticks(drawing->low, drawing->high);
    char name[REPORT_STATISTIC_SIZE];
    canvas_font(cr, 6.5, false);
    cairo_set_line_width(cr, 0.5);
    for (int k = 0; k < ticks.count; k++) {
        double x = x_of(drawing, ticks.values[k]);
        canvas_grey(cr, 0.9);
        canvas_line(cr, x, 0, x, bottom);
        canvas_grey(cr, 0.15);
        canvas_line(cr, x, bottom, x, bottom + 3);
        canvas_text(cr, x, bottom + 10, 0.5, ticks.labels[k]);
    }
    canvas_line(cr, 0, bottom, drawing->width, bottom);
    canvas_font(cr, 7, false);
    canvas_text(cr, drawing->width / 2, bottom + 20, 0.5,
                report_chosen_name(drawing->report, name));
}

static void draw_dot(const struct drawing *drawing, int condition, int32_t i, double y)
{
    cairo_t *cr = drawing->cr;
    double value = number_of(drawing->report, condition, i, QKVSIM_SUMMARY_ESTIMATE);
    double low = number_of(drawing->report, condition, i, QKVSIM_SUMMARY_LOW);
    double high = number_of(drawing->report, condition, i, QKVSIM_SUMMARY_HIGH);
    if (!isnan(low) && !isnan(high)) {
        cairo_move_to(cr, x_of(drawing, low), y);
        cairo_line_to(cr, x_of(drawing, high), y);
        canvas_stroke(cr, &styles[condition]);
    }
    if (isnan(value))
        return;
    canvas_colour(cr, &styles[condition], 1);
    if (condition == 0)
        cairo_arc(cr, x_of(drawing, value), y, 2, 0, 2 * acos(-1));
    else
        cairo_rectangle(cr, x_of(drawing, value) - 1.8, y - 1.8, 3.6, 3.6);
    cairo_fill(cr);
}

static void draw_legend(const struct drawing *drawing, double y)
{
    cairo_t *cr = drawing->cr;
    double x = 0;
    canvas_font(cr, 7, false);
    for (int c = 0; c < drawing->report->condition_count; c++) {
        canvas_colour(cr, &styles[c], 1);
        if (c == 0)
            cairo_arc(cr, x + 3, y - 2.4, 2, 0, 2 * acos(-1));
        else
            cairo_rectangle(cr, x + 1.2, y - 4.2, 3.6, 3.6);
        cairo_fill(cr);
        canvas_grey(cr, 0);
        x += 8 + canvas_text(cr, x + 8, y, 0, drawing->report->conditions[c].name) + 12;
    }
}

double rollups_height(const struct report *report)
{
    int32_t count = count_of(report);
    bool legend = report->condition_count > 1;
    return count == 0 ? 0 : TITLE + count * ROW + AXIS + (legend ? LEGEND : 0);
}

void rollups_draw(cairo_t *cr, const struct report *report, double x, double y, double width)
{
    int32_t count = count_of(report);
    struct drawing drawing = { .cr = cr, .report = report, .width = width - NAMES };
    find_range(&drawing);
    cairo_save(cr);
    cairo_translate(cr, x + NAMES, y + TITLE);
    canvas_font(cr, 8.5, true);
    canvas_grey(cr, 0);
    canvas_text(cr, drawing.width / 2, -5, 0.5, "Heads together");
    draw_axis(&drawing, count * ROW);
    for (int32_t i = 0; i < count; i++) {
        double middle = (i + 0.5) * ROW;
        canvas_font(cr, 6.5, false);
        canvas_grey(cr, 0.1);
        canvas_text(
            cr, -5, middle + 2.4, 1,
            qkvsim_layout_row_name(report->layout, report->rows[report->pair_group_count + i]));
        for (int c = report->condition_count - 1; c >= 0; c--)
            draw_dot(&drawing, c, i, middle + (c - (report->condition_count - 1) / 2.0) * 3);
    }
    if (report->condition_count > 1)
        draw_legend(&drawing, count * ROW + AXIS + 4);
    cairo_restore(cr);
}
