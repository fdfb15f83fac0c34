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
static const double MATCHED_FILL = 0.28;

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

static int64_t size_of(const struct report *report, int condition)
{
    return qkvsim_analysis_observations(report->conditions[condition].analysis);
}

/* Of selections of unequal size the larger one is drawn at the smaller one's: fewer observations
 * alone make a wider histogram, which would pass for an effect. */
static bool is_matched(const struct report *report, int condition)
{
    return report->matched != NULL && size_of(report, condition) > size_of(report, !condition);
}

static bool any_matched(const struct report *report)
{
    return report->condition_count > 1 && (is_matched(report, 0) || is_matched(report, 1));
}

/* Whether a condition has a band: of its matched subsets, or of permutations at its own size. */
static bool has_band(const struct report *report, int condition)
{
    return is_matched(report, condition) || report->conditions[condition].baseline != NULL;
}

/* The shares of a band's histogram summary; false where the condition has none. */
static bool band_shares(const struct figure *figure, int condition, int32_t pair_group,
                        int32_t metric, int32_t summary, double *shares)
{
    const struct report *report = figure->report;
    const qkvsim_baseline *baseline = report->conditions[condition].baseline;
    bool matched = is_matched(report, condition);
    if (!has_band(report, condition))
        return false;
    const double *counts =
        matched ? qkvsim_comparison_band(report->matched, pair_group, metric, summary)
                : qkvsim_baseline_histogram(baseline, pair_group, metric, summary);
    const double *means =
        matched ? qkvsim_comparison_band(report->matched, pair_group, metric, QKVSIM_SUMMARY_MEAN)
                : qkvsim_baseline_histogram(baseline, pair_group, metric, QKVSIM_SUMMARY_MEAN);
    double total = 0;
    for (int64_t i = 0; means != NULL && i < report->options->bins; i++)
        total += means[i];
    for (int64_t i = 0; counts != NULL && i < report->options->bins; i++)
        shares[i] = total > 0 ? counts[i] / total : 0;
    return counts != NULL && total > 0;
}

/* A condition's own curve: its histogram, or the mean one of its matched subsets, where nothing may
 * be defined though all observations have values. */
static void own_shares(const struct figure *figure, int condition, int32_t pair_group,
                       int32_t metric, double *shares)
{
    if (!is_matched(figure->report, condition))
        report_shares(&figure->report->conditions[condition], pair_group, metric, shares);
    else if (!band_shares(figure, condition, pair_group, metric, QKVSIM_SUMMARY_MEAN, shares))
        for (int64_t i = 0; i < figure->report->options->bins; i++)
            shares[i] = 0;
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
            int32_t pair_group = figure->pair_groups[row];
            own_shares(figure, c, pair_group, metric, figure->high);
            observed = fmax(observed, largest(figure->high, report->options->bins));
            if (band_shares(figure, c, pair_group, metric, QKVSIM_SUMMARY_MAXIMUM, figure->high))
                permuted = fmax(permuted, largest(figure->high, report->options->bins));
        }
    bool fits = permuted <= 1.6 * observed;
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
    own_shares(figure, index, pair_group, metric, figure->high);
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

/* The band of permutations has its mean in it; that of matched subsets is the condition's own. */
static void draw_condition_band(const struct figure *figure, int index, int32_t pair_group,
                                int32_t metric, double limit)
{
    bool matched = is_matched(figure->report, index);
    struct canvas_style style = matched ? condition_styles[index] : band_styles[index];
    if (matched)
        style.fill = MATCHED_FILL;
    if (!band_shares(figure, index, pair_group, metric, QKVSIM_SUMMARY_MINIMUM, figure->low)
        || !band_shares(figure, index, pair_group, metric, QKVSIM_SUMMARY_MAXIMUM, figure->high))
        return;
    draw_band(figure, &style, limit);
    if (matched)
        return;
    band_shares(figure, index, pair_group, metric, QKVSIM_SUMMARY_MEAN, figure->high);
    trace_steps(figure, figure->high, limit);
    canvas_stroke(figure->cr, &style);
}

/* Says how high a baseline goes that the axis cuts off. */
static void label_peaks(const struct figure *figure, int32_t pair_group, int32_t metric,
                        double limit)
{
    double y = -figure->panel_height + 6;
    for (int c = 0; c < figure->report->condition_count; c++) {
        if (is_matched(figure->report, c)
            || !band_shares(figure, c, pair_group, metric, QKVSIM_SUMMARY_MEAN, figure->high))
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

/* The number that sums up a panel for each condition, of all its observations and corrected for
 * their number, in the condition's colour, at the right. Returns where they begin. */
static double draw_panel_numbers(const struct figure *figure, int32_t pair_group, int32_t metric)
{
    const struct report *report = figure->report;
    bool cosine = metric == QKVSIM_METRIC_COSINE;
    double x = figure->panel_width, y = -figure->panel_height - 3;
    canvas_font(figure->cr, 6.5, false);
    for (int c = report->condition_count - 1; c >= 0; c--) {
        double value = qkvsim_analysis_statistic(report->conditions[c].analysis, pair_group, metric,
                                                 cosine ? QKVSIM_STATISTIC_OFFSET_SHARE
                                                        : QKVSIM_STATISTIC_MEAN_SQUARE);
        char text[32] = "–";
        if (!isnan(value))
            snprintf(text, sizeof text, "%s%.3f", value <= -0.0005 ? "−" : "", fabs(value));
        canvas_colour(figure->cr, &condition_styles[c], 1);
        x -= canvas_text(figure->cr, x, y, 1, text) + 5;
    }
    canvas_grey(figure->cr, 0.35);
    static const char *const names[] = { "offset share", "mean r²", "mean ρ²" };
    return x
           - canvas_text(figure->cr, x, y, 1,
                         names[cosine                            ? 0
                               : metric == QKVSIM_METRIC_PEARSON ? 1
                                                                 : 2]);
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

/* What a curve or a band is of. */
static void legend_label(const struct report *report, int condition, bool band, char *label,
                         size_t size)
{
    char count[TEXT_COUNT_SIZE];
    const char *name = report->conditions[condition].name;
    bool matched = is_matched(report, condition);
    text_count(size_of(report, matched ? !condition : condition), count);
    snprintf(label, size, "%s%s%s%s%s", name,
             band      ? ", permuted"
             : matched ? ", subsets"
                       : "",
             band ? "" : " (n = ", band ? "" : count, band ? "" : ")");
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
        char label[96];
        if (band && (!has_band(report, c) || is_matched(report, c)))
            continue;
        legend_label(report, c, band, label, sizeof label);
        double width = 22 + canvas_text_width(figure->cr, label) + 14;
        if (x + width - 14 > PAGE_WIDTH - PAGE_RIGHT) {
            x = PAGE_LEFT;
            y += PAGE_LINE + 2;
        }
        struct canvas_style style = band ? band_styles[c] : condition_styles[c];
        if (is_matched(report, c))
            style.fill = MATCHED_FILL;
        draw_legend_sample(figure, x, y - 2.4, &style, band || is_matched(report, c));
        canvas_grey(figure->cr, 0);
        canvas_text(figure->cr, x + 22, y, 0, label);
        x += width;
    }
    return y + 6 - PAGE_MARGIN;
}

static void caption_bands(const struct figure *figure, char *caption, size_t size)
{
    const struct report *report = figure->report;
    char count[TEXT_COUNT_SIZE];
    bool matched = any_matched(report);
    int larger = matched && is_matched(report, 1) ? 1 : 0;
    if (matched) {
        text_append(caption, size,
                    " The %s are drawn at the size of the %s, as fewer observations ",
                    report->conditions[larger].name, report->conditions[!larger].name);
        text_append(caption, size,
                    "alone make a wider histogram: mean and range of %s random subsets.",
                    text_count(qkvsim_comparison_subsets(report->matched), count));
    }
    if (report->options->permutations > 0)
        text_append(caption, size,
                    " Grey: %s permutations of %s (scheme %s, seed %" PRIu64 "), mean and range%s.",
                    text_count(report->options->permutations, count),
                    matched ? report->conditions[!larger].name : "each condition",
                    options_scheme_name(report->options->scheme), report->options->seed,
                    figure->clipped ? "; ↑ is a mean’s peak beyond the axis" : "");
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
                    report->conditions[c].name, text_count(size_of(report, c), count),
                    c + 1 == report->condition_count ? "." : "");
    caption_bands(figure, caption, size);
    if ((report->options->metrics & QKVSIM_METRIC_COSINE) != 0)
        text_append(caption, size, "%s", report_offset_share);
    if ((report->options->metrics & ~QKVSIM_METRIC_COSINE) != 0)
        text_append(caption, size,
                    " Mean r²: of the correlations, corrected likewise: 0 for unrelated features.");
    if (any_matched(report))
        text_append(caption, size, " Numbers are of all observations of a selection.");
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
    char caption[2048];
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
