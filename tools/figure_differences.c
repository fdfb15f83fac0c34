/*
 * An estimation plot of the differences of two selections.
 */
#include "figure_differences.h"

#include <math.h>
#include <stdlib.h>

#include "figure_dots.h"
#include "text.h"

enum { NAMES = 78, GAP = 20, PLOT_ROWS_MAX = 24, STANDING_OUT = 16, PERMUTATIONS_MIN = 19 };

static const struct canvas_style style = { 0.1, 0.1, 0.1, 0.8, { 0, 0 }, 0 };

/* One row of a plot. */
struct entry {
    int32_t row;
    struct dot dot;
};

struct plot {
    struct entry entries[PLOT_ROWS_MAX];
    int32_t count;
};

/* Whether the number of observations leaves a statistic's expectation as it is. */
static bool is_unbiased(int32_t statistic)
{
    return statistic == QKVSIM_STATISTIC_MEAN || report_is_corrected(statistic);
}

static int64_t size_of(const struct report *report, int condition)
{
    return qkvsim_analysis_observations(report->conditions[condition].analysis);
}

static bool sizes_differ(const struct report *report)
{
    return report->condition_count > 1 && size_of(report, 0) != size_of(report, 1);
}

/* Whether the chosen statistic is one that subsets and replicates have. */
static bool is_replicated(const struct report *report)
{
    bool replicated = false;
    for (int i = 0; i < REPORT_REPLICATED; i++)
        replicated = replicated || report_replicated[i].number == report->options->statistic;
    return replicated;
}

bool difference_is_matched(const struct report *report)
{
    return report->comparison != NULL && sizes_differ(report) && is_replicated(report)
           && !is_unbiased(report->options->statistic);
}

double difference_value(const struct report *report, int32_t row)
{
    int32_t metric = report->options->statistic_metric, statistic = report->options->statistic;
    double values[REPORT_CONDITIONS_MAX];
    for (int c = 0; c < REPORT_CONDITIONS_MAX; c++)
        values[c] =
            qkvsim_analysis_statistic(report->conditions[c].analysis, row, metric, statistic);
    if (difference_is_matched(report))
        values[size_of(report, 1) > size_of(report, 0)] = qkvsim_comparison_matched(
            report->comparison, row, metric, statistic, QKVSIM_SUMMARY_MEAN);
    return values[0] - values[1];
}

/* Intervals are of differences at full size, and so of what n does not bias. */
static bool has_intervals(const struct report *report)
{
    bool any = false;
    for (int32_t i = 0; report->selection_contrast != NULL && !any && i < report->row_count; i++)
        any = !isnan(report_difference(report->selection_contrast, report->rows[i], -1,
                                       report->options->statistic_metric,
                                       report->options->statistic, QKVSIM_SUMMARY_LOW));
    return any && (is_unbiased(report->options->statistic) || !sizes_differ(report));
}

static bool has_marks(const struct report *report)
{
    return report->comparison != NULL && is_replicated(report)
           && qkvsim_comparison_permutations(report->comparison) >= PERMUTATIONS_MIN;
}

static struct dot dot_of(const struct report *report, int32_t row)
{
    int32_t metric = report->options->statistic_metric, statistic = report->options->statistic;
    struct dot dot = { .value = NAN, .low = NAN, .high = NAN };
    if (has_intervals(report)) {
        double *const numbers[] = { &dot.value, &dot.low, &dot.high };
        static const int32_t what[] = { QKVSIM_SUMMARY_ESTIMATE, QKVSIM_SUMMARY_LOW,
                                        QKVSIM_SUMMARY_HIGH };
        for (int i = 0; i < 3; i++)
            *numbers[i] =
                report_difference(report->selection_contrast, row, -1, metric, statistic, what[i]);
    }
    if (isnan(dot.value))
        dot.value = difference_value(report, row);
    if (has_marks(report))
        dot.open = !(qkvsim_comparison_difference(report->comparison, row, metric, statistic,
                                                  report_adjusted_p(report))
                     <= 0.05);
    return dot;
}

/* Keeps the largest in magnitude, in any order. */
static void add(struct plot *plot, int32_t limit, const struct entry *entry)
{
    if (isnan(entry->dot.value))
        return;
    if (plot->count < limit) {
        plot->entries[plot->count++] = *entry;
        return;
    }
    int32_t least = 0;
    for (int32_t i = 1; i < plot->count; i++)
        if (fabs(plot->entries[i].dot.value) < fabs(plot->entries[least].dot.value))
            least = i;
    if (fabs(entry->dot.value) > fabs(plot->entries[least].dot.value))
        plot->entries[least] = *entry;
}

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int by_value = (a->dot.value < b->dot.value) - (a->dot.value > b->dot.value);
    return by_value != 0 ? by_value : (a->row > b->row) - (a->row < b->row);
}

/* The rows of a report from one to before another: sorted, the largest difference on top. */
static struct plot plot_of(const struct report *report, int32_t from, int32_t to, int32_t limit)
{
    struct plot plot = { .count = 0 };
    for (int32_t i = from; i < to; i++) {
        struct entry entry = { report->rows[i], dot_of(report, report->rows[i]) };
        add(&plot, limit, &entry);
    }
    qsort(plot.entries, (size_t)plot.count, sizeof plot.entries[0], compare_entries);
    return plot;
}

static struct plot plot_of_rollups(const struct report *report)
{
    return plot_of(report, report->pair_group_count, report->row_count, PLOT_ROWS_MAX);
}

static struct plot plot_of_pair_groups(const struct report *report)
{
    return plot_of(report, 0, report->pair_group_count, STANDING_OUT);
}

double differences_height(const struct report *report)
{
    if (report->condition_count < 2)
        return 0;
    int32_t rollups = plot_of_rollups(report).count, cells = plot_of_pair_groups(report).count;
    int32_t rows = rollups > cells ? rollups : cells;
    return rows == 0 ? 0 : DOTS_TITLE + rows * DOTS_ROW + DOTS_AXIS;
}

static void draw_plot(struct dots *dots, const struct report *report, const struct plot *plot,
                      double x, double y, const char *title)
{
    cairo_t *cr = dots->cr;
    char name[REPORT_STATISTIC_SIZE], axis[96];
    snprintf(axis, sizeof axis, "%s: %s − %s", report_chosen_name(report, name),
             report->conditions[0].name, report->conditions[1].name);
    cairo_save(cr);
    cairo_translate(cr, x + NAMES, y + DOTS_TITLE);
    canvas_font(cr, 8.5, true);
    canvas_grey(cr, 0);
    canvas_text(cr, dots->width / 2, -5, 0.5, title);
    dots_draw_axis(dots, plot->count, axis);
    cairo_set_line_width(cr, 0.8);
    canvas_grey(cr, 0.35);
    canvas_line(cr, dots_x(dots, 0), 0, dots_x(dots, 0), plot->count * DOTS_ROW);
    for (int32_t i = 0; i < plot->count; i++) {
        dots_draw_name(dots, i, qkvsim_layout_row_name(report->layout, plot->entries[i].row));
        dots_draw(dots, i, 0, &plot->entries[i].dot, &style);
    }
    cairo_restore(cr);
}

/* Both plots have one axis, so that they compare, and 0 on it. */
void differences_draw(cairo_t *cr, const struct report *report, double y)
{
    struct plot plots[2] = { plot_of_rollups(report), plot_of_pair_groups(report) };
    bool both = plots[0].count > 0 && plots[1].count > 0;
    double side = both ? (PAGE_WIDTH - 3.0 * PAGE_RIGHT - GAP) / 2 : PAGE_WIDTH - 3.0 * PAGE_RIGHT;
    struct dots dots = dots_begin(cr, side - NAMES);
    dots_include(&dots, &(struct dot){ 0, 0, 0, false, false });
    for (int p = 0; p < 2; p++)
        for (int32_t i = 0; i < plots[p].count; i++)
            dots_include(&dots, &plots[p].entries[i].dot);
    dots_settle(&dots);
    if (plots[0].count > 0)
        draw_plot(&dots, report, &plots[0], PAGE_RIGHT, y, "Differences, heads together");
    if (plots[1].count > 0)
        draw_plot(&dots, report, &plots[1], PAGE_RIGHT + (both ? side + GAP : 0), y,
                  plots[1].count < report->pair_group_count ? "The largest of single pairs of heads"
                                                            : "Differences of pairs of heads");
}

void differences_caption(const struct report *report, char *caption, size_t size)
{
    const struct options *options = report->options;
    char count[TEXT_COUNT_SIZE];
    if (report->condition_count < 2)
        return;
    if (difference_is_matched(report))
        text_append(caption, size,
                    " Differences: at equal size, with the mean over %s random subsets of the "
                    "larger selection, as the statistic depends on n.",
                    text_count(qkvsim_comparison_subsets(report->comparison), count));
    else if (sizes_differ(report) && !is_unbiased(options->statistic))
        text_append(caption, size,
                    " Differences: of selections of different size, which alone can make one.");
    if (has_intervals(report))
        text_append(caption, size, " Bars: %g %% intervals of the differences by %s.",
                    100 * options->level, options_interval_name(options->interval));
    if (plot_of_pair_groups(report).count < report->pair_group_count)
        text_append(caption, size,
                    " Single pairs of heads are the largest of %s: chosen for their size, they "
                    "are likely to be smaller in other data.",
                    text_count(report->pair_group_count, count));
    if (has_marks(report))
        text_append(caption, size,
                    " Filled: p\u00A0≤\u00A00.05 against %s relabellings (%s), adjusted for all "
                    "pair groups by the max-statistic; open: not.",
                    text_count(qkvsim_comparison_permutations(report->comparison), count),
                    options_relabel_name(options->relabel));
}
