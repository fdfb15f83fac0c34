/*
 * The report as a figure for a paper: a grid of histograms, pair groups by metrics.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "report.h"
#include "text.h"

enum {
    ROWS_MAX = 12,
    GAP_X = 30,
    TITLES = 15,
    HEADER = 12, /* of a panel: what stands above it */
    GAP_Y = 5,
    X_AXIS = 28
};

static const struct canvas_style condition_styles[REPORT_CONDITIONS_MAX] = {
    { 0.000, 0.447, 0.698, 1.2, { 0, 0 }, 0.16 }, { 0.835, 0.369, 0.000, 1.0, { 3.5, 1.4 }, 0 }
};
static const struct canvas_style band_styles[REPORT_CONDITIONS_MAX] = {
    { 0.30, 0.30, 0.30, 0.7, { 0, 0 }, 0.30 }, { 0.45, 0.45, 0.45, 0.9, { 0.9, 1.3 }, 0.30 }
};

struct figure {
    const struct report *report;
    cairo_t *cr;
    int32_t pair_groups[ROWS_MAX];
    int32_t rows;
    int32_t metrics[REPORT_METRICS]; /* indices into report_metrics */
    int columns;
    double panel_width;
    double panel_height;
    double top;                    /* of the first panel's header */
    double limits[REPORT_METRICS]; /* of the share axis, for each column */
    bool clipped;                  /* a baseline's peak lies beyond its axis */
    double *low;                   /* bins numbers each */
    double *high;
};

/* Whether a condition has a band: of its permutations, or, without them, of the subsets that match
 * the other selection's size, which the larger one has. */
static bool has_band(const struct report *report, const struct condition *condition)
{
    const struct condition *other = &report->conditions[condition == report->conditions];
    if (condition->baseline != NULL)
        return true;
    return report->comparison != NULL && report->options->permutations == 0
           && qkvsim_analysis_observations(condition->analysis)
                  > qkvsim_analysis_observations(other->analysis);
}

/* The shares of a band's histogram summary; false where the condition has none. */
static bool band_shares(const struct figure *figure, const struct condition *condition,
                        int32_t pair_group, int32_t metric, int32_t summary, double *shares)
{
    const struct report *report = figure->report;
    int64_t defined = qkvsim_analysis_defined(condition->analysis, pair_group, metric);
    if (!has_band(report, condition) || defined == 0)
        return false;
    const double *counts =
        condition->baseline != NULL
            ? qkvsim_baseline_histogram(condition->baseline, pair_group, metric, summary)
            : qkvsim_comparison_band(report->comparison, pair_group, metric, summary);
    for (int64_t i = 0; counts != NULL && i < report->options->bins; i++)
        shares[i] = counts[i] / (double)defined;
    return counts != NULL;
}

static double largest(const double *values, int64_t count)
{
    double result = 0;
    for (int64_t i = 0; i < count; i++)
        result = values[i] > result ? values[i] : result;
    return result;
}

/* One axis for all panels of a metric, so that they compare. The conditions set it; it is
 * widened for a baseline only where that costs them little. */
static double find_limit(struct figure *figure, int32_t metric)
{
    const struct report *report = figure->report;
    double observed = 0, permuted = 0;
    for (int32_t row = 0; row < figure->rows; row++)
        for (int c = 0; c < report->condition_count; c++) {
            const struct condition *condition = &report->conditions[c];
            int32_t pair_group = figure->pair_groups[row];
            report_shares(condition, pair_group, metric, figure->high);
            observed = fmax(observed, largest(figure->high, report->options->bins));
            if (band_shares(figure, condition, pair_group, metric, QKVSIM_SUMMARY_MAXIMUM,
                            figure->high))
                permuted = fmax(permuted, largest(figure->high, report->options->bins));
        }
    bool fits = permuted <= 1.3 * observed;
    figure->clipped = figure->clipped || !fits;
    double limit = 1.1 * (fits ? fmax(observed, permuted) : observed);
    return limit > 0 ? limit : 1;
}

/* A histogram's outline as steps, within the panel whose lower left corner is the origin. */
static void trace_steps(const struct figure *figure, const double *shares, double limit)
{
    int64_t bins = figure->report->options->bins;
    double step = figure->panel_width / (double)bins;
    for (int64_t i = 0; i < bins; i++) {
        /* A height far beyond the panel would leave the coordinates that cairo can hold. */
        double y = -figure->panel_height * fmin(shares[i] / limit, 2);
        cairo_line_to(figure->cr, (double)i * step, y);
        cairo_line_to(figure->cr, (double)(i + 1) * step, y);
    }
}

static void draw_condition(const struct figure *figure, int index, int32_t pair_group,
                           int32_t metric, double limit)
{
    const struct canvas_style *style = &condition_styles[index];
    report_shares(&figure->report->conditions[index], pair_group, metric, figure->high);
    if (style->fill > 0) {
        cairo_move_to(figure->cr, 0, 0);
        trace_steps(figure, figure->high, limit);
        cairo_line_to(figure->cr, figure->panel_width, 0);
        cairo_close_path(figure->cr);
        canvas_colour(figure->cr, style, style->fill);
        cairo_fill(figure->cr);
    }
    trace_steps(figure, figure->high, limit);
    canvas_stroke(figure->cr, style);
}

static void draw_band(const struct figure *figure, const struct canvas_style *style, double limit)
{
    int64_t bins = figure->report->options->bins;
    double step = figure->panel_width / (double)bins;
    trace_steps(figure, figure->high, limit);
    for (int64_t i = bins - 1; i >= 0; i--) {
        double y = -figure->panel_height * fmin(figure->low[i] / limit, 2);
        cairo_line_to(figure->cr, (double)(i + 1) * step, y);
        cairo_line_to(figure->cr, (double)i * step, y);
    }
    cairo_close_path(figure->cr);
    canvas_colour(figure->cr, style, style->fill);
    cairo_fill(figure->cr);
}

static void draw_condition_band(const struct figure *figure, int index, int32_t pair_group,
                                int32_t metric, double limit)
{
    const struct canvas_style *style = &band_styles[index];
    const struct condition *condition = &figure->report->conditions[index];
    if (!band_shares(figure, condition, pair_group, metric, QKVSIM_SUMMARY_MINIMUM, figure->low)
        || !band_shares(figure, condition, pair_group, metric, QKVSIM_SUMMARY_MAXIMUM,
                        figure->high))
        return;
    draw_band(figure, style, limit);
    band_shares(figure, condition, pair_group, metric, QKVSIM_SUMMARY_MEAN, figure->high);
    trace_steps(figure, figure->high, limit);
    canvas_stroke(figure->cr, style);
}

/* Says how high a baseline goes that the axis cuts off. */
static void label_peaks(const struct figure *figure, int32_t pair_group, int32_t metric,
                        double limit)
{
    double y = -figure->panel_height + 6;
    for (int c = 0; c < figure->report->condition_count; c++) {
        if (!band_shares(figure, &figure->report->conditions[c], pair_group, metric,
                         QKVSIM_SUMMARY_MEAN, figure->high))
            continue;
        double peak = largest(figure->high, figure->report->options->bins);
        if (peak <= limit)
            continue;
        int64_t bin = figure->report->options->bins - 1; /* the last that is cut off */
        while (figure->high[bin] <= limit)
            bin--;
        double x = figure->panel_width * ((double)bin + 1) / (double)figure->report->options->bins;
        bool right = x > 0.75 * figure->panel_width;
        char label[32];
        snprintf(label, sizeof label, "↑ %.0f %%", 100 * peak);
        canvas_font(figure->cr, 6, false);
        canvas_grey(figure->cr, 0.35);
        canvas_text(figure->cr, right ? x - 14 : x + 5, y, right ? 1 : 0, label);
        y += 8;
    }
}

static void draw_x_axis(const struct figure *figure, bool labels)
{
    for (int i = -2; i <= 2; i++) {
        double x = figure->panel_width * (i + 2) / 4;
        cairo_move_to(figure->cr, x, 0);
        cairo_line_to(figure->cr, x, 3);
        cairo_stroke(figure->cr);
        static const char *const names[] = { "−1", "−0.5", "0", "0.5", "1" };
        if (labels)
            canvas_text(figure->cr, x, 11, 0.5, names[i + 2]);
    }
}

static void draw_y_axis(const struct figure *figure, double limit)
{
    double percent = 100 * limit;
    struct canvas_ticks ticks = canvas_ticks(0, percent);
    for (int k = 0; k < ticks.count; k++) {
        double y = -figure->panel_height * ticks.values[k] / percent;
        canvas_line(figure->cr, 0, y, -3, y);
        canvas_text(figure->cr, -5, y + 2.4, 1, ticks.labels[k]);
    }
}

static void draw_axes(const struct figure *figure, double limit, bool last_row)
{
    canvas_grey(figure->cr, 0.15);
    canvas_font(figure->cr, 6.5, false);
    cairo_set_line_width(figure->cr, 0.6);
    cairo_move_to(figure->cr, 0, -figure->panel_height);
    cairo_line_to(figure->cr, 0, 0);
    cairo_line_to(figure->cr, figure->panel_width, 0);
    cairo_stroke(figure->cr);
    draw_x_axis(figure, last_row);
    draw_y_axis(figure, limit);
}

/* The number that sums up a panel for each condition, in the condition's colour, at the right.
 * Returns where they begin. */
static double draw_panel_numbers(const struct figure *figure, int32_t pair_group, int32_t metric)
{
    const struct report *report = figure->report;
    double x = figure->panel_width, y = -figure->panel_height - 3;
    canvas_font(figure->cr, 6.5, false);
    for (int c = report->condition_count - 1; c >= 0; c--) {
        const qkvsim_analysis *analysis = report->conditions[c].analysis;
        double value = metric == QKVSIM_METRIC_COSINE
                           ? qkvsim_analysis_statistic(analysis, pair_group, QKVSIM_METRIC_COSINE,
                                                       QKVSIM_STATISTIC_OFFSET_SHARE)
                           : sqrt(qkvsim_analysis_statistic(analysis, pair_group, metric,
                                                            QKVSIM_STATISTIC_VARIANCE));
        char text[32] = "–";
        if (!isnan(value))
            snprintf(text, sizeof text, "%.2f", value);
        canvas_colour(figure->cr, &condition_styles[c], 1);
        x -= canvas_text(figure->cr, x, y, 1, text) + 5;
    }
    canvas_grey(figure->cr, 0.35);
    return x
           - canvas_text(figure->cr, x, y, 1,
                         metric == QKVSIM_METRIC_COSINE ? "offset share" : "sd");
}

static void draw_panel_header(const struct figure *figure, int32_t pair_group, int32_t metric)
{
    char count[TEXT_COUNT_SIZE], pairs[TEXT_COUNT_SIZE + 8];
    const char *name = qkvsim_layout_row_name(figure->report->layout, pair_group);
    double y = -figure->panel_height - 3;
    double numbers = draw_panel_numbers(figure, pair_group, metric);
    canvas_font(figure->cr, 7.5, true);
    canvas_grey(figure->cr, 0);
    double width = canvas_text(figure->cr, 0, y, 0, name);
    canvas_font(figure->cr, 6.5, false);
    canvas_grey(figure->cr, 0.35);
    int64_t number = qkvsim_layout_pairs(figure->report->layout, pair_group);
    snprintf(pairs, sizeof pairs, "%s pair%s", text_count(number, count), number == 1 ? "" : "s");
    if (width + 6 + canvas_text_width(figure->cr, pairs) + 6 <= numbers)
        canvas_text(figure->cr, width + 6, y, 0, pairs);
}

static void draw_panel(const struct figure *figure, int32_t row, int column)
{
    int32_t pair_group = figure->pair_groups[row];
    int32_t metric = report_metrics[figure->metrics[column]].number;
    double limit = figure->limits[column];
    double row_height = HEADER + figure->panel_height + GAP_Y;
    cairo_save(figure->cr);
    cairo_translate(figure->cr, PAGE_LEFT + column * (figure->panel_width + GAP_X),
                    figure->top + (row + 1) * row_height - GAP_Y);
    cairo_save(figure->cr);
    cairo_rectangle(figure->cr, 0, -figure->panel_height, figure->panel_width,
                    figure->panel_height + 0.5);
    cairo_clip(figure->cr);
    for (int c = figure->report->condition_count - 1; c >= 0; c--)
        draw_condition_band(figure, c, pair_group, metric, limit);
    for (int c = 0; c < figure->report->condition_count; c++)
        draw_condition(figure, c, pair_group, metric, limit);
    cairo_restore(figure->cr);
    label_peaks(figure, pair_group, metric, limit);
    draw_axes(figure, limit, row == figure->rows - 1);
    draw_panel_header(figure, pair_group, metric);
    cairo_restore(figure->cr);
}

static void draw_titles(const struct figure *figure)
{
    static const char *const titles[] = { "Cosine similarity", "Pearson correlation",
                                          "Rank correlation" };
    static const char *const axes[] = { "cosine", "Pearson r", "Spearman ρ" };
    double row_height = HEADER + figure->panel_height + GAP_Y;
    double bottom = figure->top + figure->rows * row_height - GAP_Y;
    for (int column = 0; column < figure->columns; column++) {
        double middle =
            PAGE_LEFT + column * (figure->panel_width + GAP_X) + figure->panel_width / 2;
        canvas_grey(figure->cr, 0);
        canvas_font(figure->cr, 8.5, true);
        canvas_text(figure->cr, middle, figure->top - 5, 0.5, titles[figure->metrics[column]]);
        canvas_font(figure->cr, 7, false);
        canvas_text(figure->cr, middle, bottom + 21, 0.5, axes[figure->metrics[column]]);
    }
    canvas_turned_text(figure->cr, PAGE_MARGIN + 14, (figure->top + bottom) / 2, 0.5, acos(-1) / 2,
                       "share of pairs per bin (%)");
}

static void draw_legend_sample(const struct figure *figure, double x, double y,
                               const struct canvas_style *style, bool band)
{
    if (style->fill > 0) {
        cairo_rectangle(figure->cr, x, band ? y - 3 : y, 18, band ? 6 : 3);
        canvas_colour(figure->cr, style, style->fill);
        cairo_fill(figure->cr);
    }
    cairo_move_to(figure->cr, x, y);
    cairo_line_to(figure->cr, x + 18, y);
    canvas_stroke(figure->cr, style);
}

/* Draws the legend from the top margin on, as many entries a line as fit; returns its height. */
static double draw_legend(const struct figure *figure)
{
    const struct report *report = figure->report;
    double x = PAGE_LEFT, y = PAGE_MARGIN + 6;
    canvas_font(figure->cr, 7, false);
    for (int i = 0; i < 2 * report->condition_count; i++) {
        bool band = i >= report->condition_count;
        int c = band ? i - report->condition_count : i;
        const struct condition *condition = &report->conditions[c];
        char count[TEXT_COUNT_SIZE], label[96];
        text_count(qkvsim_analysis_observations(condition->analysis), count);
        if (band && !has_band(report, condition))
            continue;
        if (band)
            snprintf(label, sizeof label, "%s, %s", condition->name,
                     condition->baseline != NULL ? "permuted" : "subsets of equal size");
        else
            snprintf(label, sizeof label, "%s (n = %s)", condition->name, count);
        double width = 22 + canvas_text_width(figure->cr, label) + 14;
        if (x + width - 14 > PAGE_WIDTH - PAGE_RIGHT) {
            x = PAGE_LEFT;
            y += PAGE_LINE + 2;
        }
        draw_legend_sample(figure, x, y - 2.4, band ? &band_styles[c] : &condition_styles[c], band);
        canvas_grey(figure->cr, 0);
        canvas_text(figure->cr, x + 22, y, 0, label);
        x += width;
    }
    return y + 6 - PAGE_MARGIN;
}

static void write_caption(const struct figure *figure, char *caption, size_t size)
{
    const struct report *report = figure->report;
    char name[256], count[TEXT_COUNT_SIZE];
    text_make_safe(report->input_name, name, sizeof name);
    snprintf(caption, size,
             "Similarity of features over observations in %s: share of the pairs of each "
             "pair group in %s equal bins on [−1, 1].",
             name, text_count(report->options->bins, count));
    for (int c = 0; c < report->condition_count; c++)
        text_append(caption, size, "%s%s, n = %s%s", c == 0 ? " Observations: " : "; ",
                    report->conditions[c].name,
                    text_count(qkvsim_analysis_observations(report->conditions[c].analysis), count),
                    c + 1 == report->condition_count ? "." : "");
    if (report->options->permutations > 0)
        text_append(caption, size,
                    " Grey: %s permutations of each condition (scheme %s, seed %" PRIu64
                    "), mean and range%s.",
                    text_count(report->options->permutations, count),
                    options_scheme_name(report->options->scheme), report->options->seed,
                    figure->clipped ? "; ↑ is a mean’s peak beyond the axis" : "");
    else if (report->comparison != NULL)
        text_append(caption, size,
                    " Grey: %s subsets of the larger selection, of the smaller one’s size, mean "
                    "and range: fewer observations alone make a wider histogram.",
                    text_count(report->options->compare, count));
    if ((report->options->metrics & QKVSIM_METRIC_COSINE) != 0)
        text_append(caption, size, "%s", report_offset_share);
    if ((report->options->metrics & ~QKVSIM_METRIC_COSINE) != 0)
        text_append(caption, size, " sd: standard deviation over pairs.");
    char statistic[REPORT_STATISTIC_SIZE];
    if (figure->rows < report->pair_group_count)
        text_append(caption, size,
                    " Shown: %" PRId32 " of %" PRId32 " pair groups, those of largest %s.",
                    figure->rows, report->pair_group_count, report_chosen_name(report, statistic));
}

static double draw_page(cairo_t *cr, void *content)
{
    struct figure *figure = content;
    figure->cr = cr;
    figure->top = PAGE_MARGIN + draw_legend(figure) + TITLES;
    draw_titles(figure);
    for (int32_t row = 0; row < figure->rows; row++)
        for (int column = 0; column < figure->columns; column++)
            draw_panel(figure, row, column);
    double grid = figure->rows * (HEADER + figure->panel_height + GAP_Y) - GAP_Y;
    double top = figure->top + grid + X_AXIS + PAGE_LINE;
    char caption[1280];
    write_caption(figure, caption, sizeof caption);
    return top + canvas_paragraph(cr, top, caption) - PAGE_LINE + PAGE_MARGIN;
}

static int compare_numbers(const void *left, const void *right)
{
    const int32_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Where the columns' axes are nearly as high, they get the same. */
static void level_limits(struct figure *figure)
{
    double highest = figure->limits[0], lowest = figure->limits[0];
    for (int i = 1; i < figure->columns; i++) {
        highest = fmax(highest, figure->limits[i]);
        lowest = fmin(lowest, figure->limits[i]);
    }
    for (int i = 0; highest < 1.5 * lowest && i < figure->columns; i++)
        figure->limits[i] = highest;
}

static bool prepare(struct figure *figure, const struct report *report, struct failure *failure)
{
    *figure = (struct figure){ .report = report };
    figure->low = calloc((size_t)report->options->bins, sizeof *figure->low);
    figure->high = calloc((size_t)report->options->bins, sizeof *figure->high);
    if (figure->low == NULL || figure->high == NULL)
        return fail_no_memory(failure);
    figure->rows = report_choose(report, ROWS_MAX, figure->pair_groups);
    qsort(figure->pair_groups, (size_t)figure->rows, sizeof *figure->pair_groups, compare_numbers);
    for (int i = 0; i < REPORT_METRICS; i++)
        if ((report->options->metrics & report_metrics[i].number) != 0) {
            figure->limits[figure->columns] = find_limit(figure, report_metrics[i].number);
            figure->metrics[figure->columns++] = i;
        }
    level_limits(figure);
    double width = PAGE_WIDTH - PAGE_LEFT - PAGE_RIGHT - (figure->columns - 1) * GAP_X;
    figure->panel_width = width / figure->columns;
    figure->panel_height = figure->rows <= 3 ? 92 : figure->rows <= 6 ? 62 : 38;
    return true;
}

bool figure_write_histograms(FILE *stream, const struct report *report,
                             const struct figure_format *format, struct failure *failure)
{
    struct figure figure;
    bool done = prepare(&figure, report, failure)
                && canvas_write(stream, format, draw_page, &figure, failure);
    free(figure.low);
    free(figure.high);
    return done;
}
