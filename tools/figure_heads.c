/*
 * The report of heads as a figure for a paper: the chosen statistic of every two groups as a matrix
 * in colours, for each condition, and for two of them their difference.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "colours.h"
#include "figure_differences.h"
#include "figure_rollups.h"
#include "report.h"
#include "text.h"

enum {
    GAP_X = 26,
    TITLE = 14,     /* above a matrix */
    LABELS = 22,    /* left of a matrix and below it */
    BAR = 8,        /* the colour bar's thickness */
    BAR_SPACE = 34, /* from a matrix' labels to the end of its colour bar's */
    SIDE_BY_SIDE_MAX = 20,
    PANELS_MAX = REPORT_CONDITIONS_MAX + 1
};

/* Values within this part of a scale from 0 on get a scale of their own. */
static const double NARROW = 0.4;

struct panel {
    char title[96];
    double *matrix; /* groups x groups */
    struct colour_scale scale;
    const struct condition *condition; /* NULL: the difference of the two */
};

struct figure {
    const struct report *report;
    cairo_t *cr;
    int32_t groups;
    bool *served; /* groups x groups: heads of two parts, of which one serves the other */
    struct panel panels[PANELS_MAX];
    int panel_count;
    int columns;
    double cell;
    int32_t metric;
    int32_t statistic;
};

static double largest(const struct figure *figure, const double *matrix)
{
    double result = 0;
    for (int32_t i = 0; i < figure->groups * figure->groups; i++)
        result = fmax(result, fabs(matrix[i])); /* NaN is passed over */
    return result;
}

static double smallest(const struct figure *figure, const double *matrix)
{
    double result = INFINITY;
    for (int32_t i = 0; i < figure->groups * figure->groups; i++)
        result = fmin(result, fabs(matrix[i]));
    return result;
}

/* A scale from 0 on, or where the values are close to each other and far from 0 (one colour in
 * all), from a tick below the least of them to one above the largest. */
static struct colour_scale scale_of_sizes(double least, double limit, bool share)
{
    double full = share ? 1 : limit, range = fmax(limit - least, 0.01 * full);
    double step = canvas_tick_step(range);
    if (!(limit - least < NARROW * full))
        return (struct colour_scale){ 0, full, share };
    double low = step * floor(least / step + 1e-9), high = step * ceil(limit / step - 1e-9);
    return (struct colour_scale){ low, high > low ? high : low + step, false };
}

/* Whether the statistic is one of either sign, or noise makes a corrected one negative. */
static bool has_sign(const struct figure *figure)
{
    int32_t statistic = figure->statistic;
    bool sign = statistic == QKVSIM_STATISTIC_MEAN || statistic == QKVSIM_STATISTIC_SKEWNESS
                || statistic == QKVSIM_STATISTIC_KURTOSIS || statistic == QKVSIM_STATISTIC_MINIMUM
                || statistic == QKVSIM_STATISTIC_MAXIMUM;
    for (int p = 0; p < figure->panel_count; p++)
        for (int32_t i = 0; i < figure->groups * figure->groups; i++)
            sign = sign || (figure->panels[p].condition != NULL && figure->panels[p].matrix[i] < 0);
    return sign;
}

/* Shares lie in [0, 1], with the middle where both parts are equal; what has a sign is centred on
 * 0; the rest begins there. All conditions have one scale. */
static struct colour_scale find_scale(const struct figure *figure, bool difference)
{
    int32_t statistic = figure->statistic;
    double least = INFINITY, limit = 0;
    for (int i = 0; i < figure->panel_count; i++)
        if ((figure->panels[i].condition == NULL) == difference) {
            least = fmin(least, smallest(figure, figure->panels[i].matrix));
            limit = fmax(limit, largest(figure, figure->panels[i].matrix));
        }
    limit = limit > 0 ? limit : 1;
    bool share = statistic == QKVSIM_STATISTIC_OFFSET_SHARE
                 || statistic == QKVSIM_STATISTIC_OFFSET_SHARE_RAW;
    if (!difference && !has_sign(figure))
        return scale_of_sizes(least, limit, share);
    return (struct colour_scale){ -limit, limit, true };
}

static double *new_matrix(const struct figure *figure)
{
    return calloc((size_t)figure->groups * (size_t)figure->groups, sizeof(double));
}

static bool add_condition(struct figure *figure, const struct condition *condition)
{
    char count[TEXT_COUNT_SIZE];
    struct panel *panel = &figure->panels[figure->panel_count++];
    panel->matrix = new_matrix(figure);
    if (panel->matrix == NULL)
        return false;
    panel->condition = condition;
    qkvsim_analysis_group_matrix(NULL, condition->analysis, figure->metric, figure->statistic,
                                 panel->matrix, figure->groups * figure->groups);
    snprintf(panel->title, sizeof panel->title, "%s (n = %s)", condition->name,
             text_count(qkvsim_analysis_observations(condition->analysis), count));
    return true;
}

static bool add_difference(struct figure *figure)
{
    struct panel *panel = &figure->panels[figure->panel_count++];
    panel->matrix = new_matrix(figure);
    if (panel->matrix == NULL)
        return false;
    const struct report *report = figure->report;
    for (int32_t i = 0; i < figure->groups; i++)
        for (int32_t k = 0; k < figure->groups; k++)
            panel->matrix[i * figure->groups + k] =
                difference_value(report, qkvsim_layout_pair_group(report->layout, i, k));
    snprintf(panel->title, sizeof panel->title, "%s − %s%s", report->conditions[0].name,
             report->conditions[1].name, difference_is_matched(report) ? " at equal size" : "");
    return true;
}

/* The pairs of the roll-ups "A-B within heads", A and B two parts. */
static bool find_served(struct figure *figure)
{
    const qkvsim_layout *layout = figure->report->layout;
    int32_t groups = figure->groups, pair_groups = qkvsim_layout_pair_groups(layout);
    figure->served = calloc((size_t)groups * (size_t)groups, sizeof *figure->served);
    bool *within = calloc((size_t)pair_groups, sizeof *within);
    bool done = figure->served != NULL && within != NULL;
    for (int32_t r = 0; done && r < qkvsim_layout_rollups(layout); r++) {
        const char *name = qkvsim_layout_row_name(layout, pair_groups + r);
        int32_t count;
        const int32_t *of = qkvsim_layout_rollup_pair_groups(layout, r, &count);
        for (int32_t k = 0; strstr(name, " within heads") != NULL && k < count; k++)
            within[of[k]] = true;
    }
    for (int32_t i = 0; done && i < groups; i++)
        for (int32_t k = 0; k < groups; k++)
            figure->served[i * groups + k] =
                i != k && within[qkvsim_layout_pair_group(layout, i, k)];
    free(within);
    return done;
}

static void draw_cell(const struct figure *figure, const struct panel *panel, int32_t i, int32_t k)
{
    cairo_t *cr = figure->cr;
    double value = panel->matrix[i * figure->groups + k], size = figure->cell;
    double x = k * size, y = i * size;
    struct colour colour = { 0.85, 0.85, 0.85 };
    if (!isnan(value))
        colour = colours_of(&panel->scale, value);
    cairo_set_source_rgb(cr, colour.red, colour.green, colour.blue);
    cairo_rectangle(cr, x, y, size + 0.2, size + 0.2); /* no seams between cells */
    cairo_fill(cr);
    canvas_grey(cr, colours_are_dark(colour) ? 1 : 0.1);
    if (size < 12 || isnan(value))
        return;
    char label[32];
    const struct colour_scale *scale = &panel->scale;
    double span =
        scale->low > 0 ? scale->high - scale->low : fmax(fabs(scale->low), fabs(scale->high));
    int decimals = span < 0.1 ? 3 : 2;
    snprintf(label, sizeof label, "%.*f", decimals, fabs(value));
    /* The zero before the point goes where cells are small, the sign is a true minus. */
    const char *shown = size < 20 && label[0] == '0' ? label + 1 : label;
    char text[40];
    bool negative = value < 0 && strspn(label, "0.") < strlen(label);
    snprintf(text, sizeof text, "%s%s", negative ? "−" : "", shown);
    double font = fmin(0.36 * size, 7);
    canvas_font(cr, font, false);
    canvas_font(cr, font * fmin(1, (size - 2) / canvas_text_width(cr, text)), false);
    canvas_text(cr, x + size / 2, y + size / 2 + fmin(0.13 * size, 2.5), 0.5, text);
}

/* Frames each pair of heads of which one serves the other. */
static void draw_frames(const struct figure *figure, const struct panel *panel)
{
    cairo_t *cr = figure->cr;
    double size = figure->cell;
    cairo_set_line_width(cr, fmin(0.9, size / 10));
    for (int32_t i = 0; i < figure->groups; i++)
        for (int32_t k = 0; k < figure->groups; k++) {
            double value = panel->matrix[i * figure->groups + k];
            if (!figure->served[i * figure->groups + k])
                continue;
            bool dark = !isnan(value) && colours_are_dark(colours_of(&panel->scale, value));
            canvas_grey(cr, dark ? 1 : 0);
            cairo_rectangle(cr, k * size + 0.9, i * size + 0.9, size - 1.8, size - 1.8);
            cairo_stroke(cr);
        }
}

/* White lines between parts. */
static void draw_lines(const struct figure *figure)
{
    cairo_t *cr = figure->cr;
    const qkvsim_layout *layout = figure->report->layout;
    double size = figure->cell, side = size * figure->groups;
    for (int32_t i = 1; i < figure->groups; i++) {
        const char *before = qkvsim_layout_group_name(layout, i - 1);
        const char *after = qkvsim_layout_group_name(layout, i);
        size_t letters = strcspn(before, "0123456789");
        if (strncmp(before, after, letters) == 0 && strcspn(after, "0123456789") == letters)
            continue;
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_set_line_width(cr, 1.6);
        canvas_line(cr, i * size, 0, i * size, side);
        canvas_line(cr, 0, i * size, side, i * size);
    }
}

static void draw_labels(const struct figure *figure)
{
    cairo_t *cr = figure->cr;
    double size = figure->cell, side = size * figure->groups;
    double font = fmin(fmax(0.62 * size, 3.2), 7);
    canvas_font(cr, font, false);
    canvas_grey(cr, 0.1);
    for (int32_t i = 0; i < figure->groups; i++) {
        const char *name = qkvsim_layout_group_name(figure->report->layout, i);
        double middle = (i + 0.5) * size;
        canvas_text(cr, -3, middle + 0.36 * font, 1, name);
        if (canvas_text_width(cr, name) < size - 1)
            canvas_text(cr, middle, side + 3 + font, 0.5, name);
        else
            canvas_turned_text(cr, middle + 0.36 * font, side + 3, 1, acos(-1) / 2, name);
    }
}

static void draw_bar(const struct figure *figure, const struct panel *panel)
{
    enum { STEPS = 120 };
    cairo_t *cr = figure->cr;
    double side = figure->cell * figure->groups, top = side + LABELS, length = fmin(side, 220);
    double left = (side - length) / 2;
    const struct colour_scale *scale = &panel->scale;
    for (int i = 0; i < STEPS; i++) {
        double value = scale->low + (scale->high - scale->low) * (i + 0.5) / STEPS;
        struct colour colour = colours_of(scale, value);
        cairo_set_source_rgb(cr, colour.red, colour.green, colour.blue);
        cairo_rectangle(cr, left + length * i / STEPS, top, length / STEPS + 0.3, BAR);
        cairo_fill(cr);
    }
    struct canvas_ticks ticks = canvas_ticks(scale->low, scale->high);
    canvas_grey(cr, 0.15);
    canvas_font(cr, 6.5, false);
    cairo_set_line_width(cr, 0.5);
    for (int k = 0; k < ticks.count; k++) {
        double x = left + length * (ticks.values[k] - scale->low) / (scale->high - scale->low);
        canvas_line(cr, x, top + BAR, x, top + BAR + 2.5);
        canvas_text(cr, x, top + BAR + 9.5, 0.5, ticks.labels[k]);
    }
    char name[REPORT_STATISTIC_SIZE], title[3 * REPORT_STATISTIC_SIZE], range[48] = "";
    if (scale->low > 0)
        snprintf(range, sizeof range, ", from %.*f to %.*f only", ticks.decimals, scale->low,
                 ticks.decimals, scale->high);
    snprintf(title, sizeof title, "%s%s%s", panel->condition == NULL ? "difference of " : "",
             report_chosen_name(figure->report, name), range);
    canvas_font(cr, 7, false);
    canvas_text(cr, side / 2, top + BAR + 18.5, 0.5, title);
}

static double panel_height(const struct figure *figure)
{
    return TITLE + figure->cell * figure->groups + LABELS + BAR_SPACE;
}

/* Where a panel, its labels included, has its left edge. */
static double left_of(const struct figure *figure, int number)
{
    double width = figure->cell * figure->groups + LABELS + GAP_X;
    double all = figure->columns * width - GAP_X;
    return (PAGE_WIDTH - all) / 2 + number % figure->columns * width;
}

static double top_of(const struct figure *figure, int number)
{
    return PAGE_MARGIN + number / figure->columns * panel_height(figure);
}

static void draw_panel(const struct figure *figure, int number)
{
    cairo_t *cr = figure->cr;
    const struct panel *panel = &figure->panels[number];
    cairo_save(cr);
    cairo_translate(cr, left_of(figure, number) + LABELS, top_of(figure, number) + TITLE);
    canvas_font(cr, 8.5, true);
    canvas_grey(cr, 0);
    canvas_text(cr, figure->cell * figure->groups / 2, -5, 0.5, panel->title);
    for (int32_t i = 0; i < figure->groups; i++)
        for (int32_t k = 0; k < figure->groups; k++)
            draw_cell(figure, panel, i, k);
    draw_lines(figure);
    draw_frames(figure, panel);
    draw_labels(figure);
    draw_bar(figure, panel);
    cairo_restore(cr);
}

/* Roll-ups stand in the place after the last matrix where one is free and high enough, else below
 * all. Returns where the drawings end. */
static double draw_rollups(const struct figure *figure)
{
    int number = figure->panel_count;
    double height = rollups_height(figure->report);
    bool beside = number % figure->columns != 0 && height <= panel_height(figure);
    double end = top_of(figure, number + figure->columns - 1);
    if (height == 0)
        return end;
    if (beside) {
        rollups_draw(figure->cr, figure->report, left_of(figure, number), top_of(figure, number),
                     figure->cell * figure->groups + LABELS);
        return end;
    }
    rollups_draw(figure->cr, figure->report, PAGE_LEFT, end + PAGE_LINE,
                 PAGE_WIDTH - PAGE_LEFT - PAGE_RIGHT);
    return end + PAGE_LINE + height;
}

static void write_caption(const struct figure *figure, char *caption, size_t size)
{
    const struct report *report = figure->report;
    const struct options *options = report->options;
    char input[256], name[REPORT_STATISTIC_SIZE];
    text_make_safe(report->input_name, input, sizeof input);
    snprintf(caption, size, "%c%s of the pairs of features of every two heads in %s.",
             report_chosen_name(report, name)[0] - 'a' + 'A', name + 1, input);
    if (figure->statistic == QKVSIM_STATISTIC_OFFSET_SHARE)
        text_append(caption, size, "%s", report_offset_share);
    bool served = false;
    for (int32_t i = 0; i < figure->groups * figure->groups; i++)
        served = served || figure->served[i];
    if (served)
        text_append(caption, size, " Framed: query, key and value heads that serve each other.");
    if (options->interval != 0 && rollups_height(report) > 0)
        text_append(caption, size, " Heads together: %g %% intervals by %s%s.",
                    100 * options->level, options_interval_name(options->interval),
                    options->interval == QKVSIM_METHOD_JACKKNIFE
                        ? " and what they correct each value to"
                        : "");
    differences_caption(report, caption, size);
}

static double draw_page(cairo_t *cr, void *content)
{
    struct figure *figure = content;
    figure->cr = cr;
    for (int i = 0; i < figure->panel_count; i++)
        draw_panel(figure, i);
    double top = draw_rollups(figure) + PAGE_LINE;
    double differences = differences_height(figure->report);
    if (differences > 0) {
        differences_draw(cr, figure->report, top);
        top += differences + PAGE_LINE;
    }
    char caption[2048];
    write_caption(figure, caption, sizeof caption);
    return top + canvas_paragraph(cr, top, caption) - PAGE_LINE + PAGE_MARGIN;
}

/* One matrix has a page's width, up to large cells; two stand side by side while that is
 * legible. */
static void arrange(struct figure *figure)
{
    figure->columns = figure->panel_count > 1 && figure->groups <= SIDE_BY_SIDE_MAX ? 2 : 1;
    double width = PAGE_WIDTH - 2 * PAGE_RIGHT - (figure->columns - 1) * GAP_X;
    double side = width / figure->columns - LABELS;
    figure->cell = fmin(fmin(side, 430) / figure->groups, 34);
}

static bool prepare(struct figure *figure, const struct report *report)
{
    *figure = (struct figure){ .report = report,
                               .groups = qkvsim_layout_groups(report->layout),
                               .metric = report->options->statistic_metric,
                               .statistic = report->options->statistic };
    bool done = find_served(figure);
    for (int i = 0; done && i < report->condition_count; i++)
        done = add_condition(figure, &report->conditions[i]);
    done = done && (report->condition_count < 2 || add_difference(figure));
    for (int i = 0; done && i < figure->panel_count; i++)
        figure->panels[i].scale = find_scale(figure, figure->panels[i].condition == NULL);
    arrange(figure);
    return done;
}

bool figure_write_heads(FILE *stream, const struct report *report,
                        const struct figure_format *format, struct failure *failure)
{
    struct figure figure;
    bool done = prepare(&figure, report);
    if (!done)
        fail_no_memory(failure);
    done = done && canvas_write(stream, format, draw_page, &figure, failure);
    for (int i = 0; i < figure.panel_count; i++)
        free(figure.panels[i].matrix);
    free(figure.served);
    return done;
}
