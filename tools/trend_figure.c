/*
 * Several layers as a figure for a paper: a grid of statistics by conditions, in each a line over
 * the layers for every pair group.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "options.h"
#include "text.h"
#include "trend.h"

enum { GAP_X = 34, HEADER = 14, GAP_Y = 8, PANEL_HEIGHT = 96, MARKER_LAYERS_MAX = 40 };

/* Lines differ in colour, in marker, and in dashes: solid within a group, dashed across two. */
static const struct canvas_style styles[TREND_ROWS_MAX] = {
    { 0.000, 0.447, 0.698, 1.3, { 0, 0 }, 0 },     { 0.835, 0.369, 0.000, 1.1, { 4, 1.6 }, 0 },
    { 0.000, 0.620, 0.451, 1.1, { 4, 1.6 }, 0 },   { 0.800, 0.475, 0.655, 1.3, { 0, 0 }, 0 },
    { 0.902, 0.624, 0.000, 1.1, { 4, 1.6 }, 0 },   { 0.100, 0.100, 0.100, 1.3, { 0, 0 }, 0 },
    { 0.337, 0.706, 0.914, 1.1, { 1.2, 1.4 }, 0 }, { 0.550, 0.550, 0.550, 1.1, { 1.2, 1.4 }, 0 }
};

struct figure {
    const struct trend *trend;
    double *places; /* of layers, from 0 to 1 */
    double beside;  /* from one row's marker to the next one's in the same layer */
    cairo_t *cr;
    double panel_width;
    double top;
    double x_axis; /* height of what stands below the last panels */
};

/* What one panel shows, and the range of its axis. */
struct panel {
    int condition;
    int line;
    double low;
    double high;
};

/* What stands for a layer: the intervals' estimate, or the statistic where there are none. */
static double value_of(const struct trend *trend, int layer, int condition, int line, int32_t row)
{
    double estimate = trend_number(trend, layer, condition, line, row, TREND_ESTIMATE);
    return isnan(estimate) ? trend_number(trend, layer, condition, line, row, TREND_VALUE)
                           : estimate;
}

/* The number in a layer's name, where the names of all layers differ in one alone; else -1. */
static int64_t number_of(const struct trend *trend, int layer)
{
    const char *const *names = trend->names;
    size_t same = strlen(names[0]);
    for (int i = 1; i < trend->layers; i++)
        while (strncmp(names[0], names[i], same) != 0)
            same--;
    while (same > 0 && strspn(names[0] + same - 1, "0123456789") > 0)
        same--;
    const char *digits = names[layer] + same, *first = names[0] + same;
    size_t count = strspn(digits, "0123456789");
    return count == 0 || count > 12
                   || strcmp(digits + count, first + strspn(first, "0123456789")) != 0
               ? -1
               : strtoll(digits, NULL, 10);
}

/* Layers stand where their numbers put them, or without numbers side by side. */
static void place_layers(struct figure *figure)
{
    const struct trend *trend = figure->trend;
    int last = trend->layers - 1;
    bool numbered = true;
    for (int i = 0; numbered && i <= last; i++) {
        int64_t number = number_of(trend, i);
        numbered = number >= 0 && (i == 0 || number > number_of(trend, i - 1));
    }
    for (int i = 0; i <= last; i++) {
        double done = last > 0 ? (double)i / last : 0;
        if (numbered && last > 0)
            done = (double)(number_of(trend, i) - number_of(trend, 0))
                   / (double)(number_of(trend, last) - number_of(trend, 0));
        figure->places[i] = (0.5 + last * done) / trend->layers;
    }
}

/* The least distance of two layers. */
static double narrowest_slot(const struct figure *figure)
{
    double slot = 1;
    for (int i = 1; i < figure->trend->layers; i++)
        slot = fmin(slot, figure->places[i] - figure->places[i - 1]);
    return slot * figure->panel_width;
}

static double x_of(const struct figure *figure, int layer)
{
    return figure->panel_width * figure->places[layer];
}

/* Where a row's marker stands: with intervals, beside those of the other rows. */
static double x_of_row(const struct figure *figure, int layer, int32_t row)
{
    return x_of(figure, layer) + figure->beside * (row - (figure->trend->row_count - 1) / 2.0);
}

static double y_of(const struct panel *panel, double value)
{
    return -PANEL_HEIGHT * (value - panel->low) / (panel->high - panel->low);
}

/* One axis for all conditions of a statistic, so that they compare, with all that is drawn; shares
 * have the whole one, and more where an interval reaches beyond. */
static void find_range(const struct trend *trend, struct panel *panel)
{
    double low = INFINITY, high = -INFINITY;
    for (int layer = 0; layer < trend->layers; layer++)
        for (int c = 0; c < trend->shared.condition_count; c++)
            for (int32_t r = 0; r < trend->row_count; r++) {
                double value = value_of(trend, layer, c, panel->line, r);
                /* fmin and fmax pass over NaN. */
                low = fmin(fmin(low, value),
                           trend_number(trend, layer, c, panel->line, r, TREND_LOW));
                high = fmax(fmax(high, value),
                            trend_number(trend, layer, c, panel->line, r, TREND_HIGH));
            }
    int32_t statistic = trend->lines[panel->line].statistic;
    bool share = statistic == QKVSIM_STATISTIC_OFFSET_SHARE
                 || statistic == QKVSIM_STATISTIC_OFFSET_SHARE_RAW
                 || statistic == QKVSIM_STATISTIC_TAIL;
    bool from_zero = statistic == QKVSIM_STATISTIC_VARIANCE
                     || statistic == QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE
                     || statistic == QKVSIM_STATISTIC_MEAN_SQUARE
                     || statistic == QKVSIM_STATISTIC_NOISE_FRACTION;
    if (share || !(low <= high)) {
        low = fmin(low, 0); /* where there are no values they are infinite */
        high = fmax(high, 1);
        low = isfinite(low) ? low : 0;
        high = isfinite(high) ? high : 1;
    }
    if (from_zero)
        low = fmin(low, 0);
    double room = high > low ? 0.06 * (high - low) : fmax(0.1 * fabs(high), 1e-3);
    panel->low = low == 0 ? low : low - room;
    panel->high = share && high == 1 ? high : high + room;
}

static void draw_marker(cairo_t *cr, double x, double y, int32_t shape)
{
    double r = 1.9;
    if (shape % 4 == 0) {
        cairo_arc(cr, x, y, r, 0, 2 * acos(-1));
    } else if (shape % 4 == 1) {
        cairo_rectangle(cr, x - r * 0.85, y - r * 0.85, 1.7 * r, 1.7 * r);
    } else {
        double up = shape % 4 == 2 ? 1 : -1;
        cairo_move_to(cr, x, y - up * r * 1.2);
        cairo_line_to(cr, x + r * 1.1, y + up * r * 0.8);
        cairo_line_to(cr, x - r * 1.1, y + up * r * 0.8);
        cairo_close_path(cr);
    }
    cairo_fill(cr);
}

/* The interval of each layer, as a bar through its marker. */
static void draw_intervals(const struct figure *figure, const struct panel *panel, int32_t row)
{
    const struct trend *trend = figure->trend;
    struct canvas_style style = styles[row];
    style.line = 0.6;
    style.dash[0] = 0;
    for (int layer = 0; layer < trend->layers; layer++) {
        double ends[2];
        for (int i = 0; i < 2; i++)
            ends[i] = trend_number(trend, layer, panel->condition, panel->line, row,
                                   i == 0 ? TREND_LOW : TREND_HIGH);
        if (isnan(ends[0]) || isnan(ends[1]))
            continue;
        double x = x_of_row(figure, layer, row);
        cairo_move_to(figure->cr, x, y_of(panel, ends[0]));
        cairo_line_to(figure->cr, x, y_of(panel, ends[1]));
        canvas_stroke(figure->cr, &style);
    }
}

static void draw_line(const struct figure *figure, const struct panel *panel, int32_t row)
{
    const struct trend *trend = figure->trend;
    cairo_t *cr = figure->cr;
    bool joined = false;
    for (int layer = 0; layer < trend->layers; layer++) {
        double value = value_of(trend, layer, panel->condition, panel->line, row);
        if (isnan(value)) {
            joined = false;
            continue;
        }
        if (joined)
            cairo_line_to(cr, x_of_row(figure, layer, row), y_of(panel, value));
        else
            cairo_move_to(cr, x_of_row(figure, layer, row), y_of(panel, value));
        joined = true;
    }
    canvas_stroke(cr, &styles[row]);
    for (int layer = 0; trend->layers <= MARKER_LAYERS_MAX && layer < trend->layers; layer++) {
        double value = value_of(trend, layer, panel->condition, panel->line, row);
        if (!isnan(value))
            draw_marker(cr, x_of_row(figure, layer, row), y_of(panel, value), row);
    }
}

static void draw_y_axis(const struct figure *figure, const struct panel *panel)
{
    cairo_t *cr = figure->cr;
    struct canvas_ticks ticks = canvas_ticks(panel->low, panel->high);
    canvas_font(cr, 6.5, false);
    for (int k = 0; k < ticks.count; k++) {
        double y = y_of(panel, ticks.values[k]);
        canvas_grey(cr, 0.9);
        canvas_line(cr, 0, y, figure->panel_width, y);
        canvas_grey(cr, 0.15);
        canvas_line(cr, 0, y, -3, y);
        canvas_text(cr, -5, y + 2.4, 1, ticks.labels[k]);
    }
}

/* A layer's name without its file's suffix. */
static void label_of(const struct trend *trend, int layer, char *label, size_t size)
{
    const char *name = trend->names[layer], *dot = strrchr(name, '.');
    bool file = dot != NULL && dot != name
                && (strcmp(dot, ".npy") == 0 || strcmp(dot, ".safetensors") == 0);
    char stem[256];
    snprintf(stem, sizeof stem, "%.*s", file ? (int)(dot - name) : (int)strlen(name), name);
    text_make_safe(stem, label, size);
}

enum { LABEL_SIZE = 40 };

static double widest_label(const struct figure *figure)
{
    double widest = 0;
    canvas_font(figure->cr, 6.5, false);
    for (int layer = 0; layer < figure->trend->layers; layer++) {
        char label[LABEL_SIZE];
        label_of(figure->trend, layer, label, sizeof label);
        widest = fmax(widest, canvas_text_width(figure->cr, label));
    }
    return widest;
}

/* From one label to the next, at least, and whether the labels are turned to fit. */
static double label_width(const struct figure *figure, bool *turned)
{
    double widest = widest_label(figure) + 4;
    *turned = widest > 34;
    return *turned ? 9 : widest;
}

static void draw_x_axis(const struct figure *figure, bool labels)
{
    bool turned;
    double width = label_width(figure, &turned), next = -width;
    cairo_t *cr = figure->cr;
    canvas_font(cr, 6.5, false);
    canvas_grey(cr, 0.15);
    for (int layer = 0; layer < figure->trend->layers; layer++) {
        double x = x_of(figure, layer);
        char label[LABEL_SIZE];
        if (x < next)
            continue;
        next = x + width - 1e-6;
        canvas_line(cr, x, 0, x, 3);
        label_of(figure->trend, layer, label, sizeof label);
        if (labels && turned)
            canvas_turned_text(cr, x + 3, 9, 1, acos(-1) / 4, label);
        else if (labels)
            canvas_text(cr, x, 11, 0.5, label);
    }
}

static void draw_panel(const struct figure *figure, struct panel *panel)
{
    const struct trend *trend = figure->trend;
    cairo_t *cr = figure->cr;
    find_range(trend, panel);
    cairo_save(cr);
    cairo_translate(cr, PAGE_LEFT + panel->condition * (figure->panel_width + GAP_X),
                    figure->top + (panel->line + 1) * (HEADER + PANEL_HEIGHT + GAP_Y) - GAP_Y);
    cairo_set_line_width(cr, 0.5);
    draw_y_axis(figure, panel);
    canvas_grey(cr, 0.15);
    canvas_line(cr, 0, -PANEL_HEIGHT, 0, 0);
    canvas_line(cr, 0, 0, figure->panel_width, 0);
    draw_x_axis(figure, panel->line == trend->line_count - 1);
    for (int32_t r = 0; r < trend->row_count; r++) {
        draw_intervals(figure, panel, r);
        draw_line(figure, panel, r);
    }
    char name[REPORT_STATISTIC_SIZE];
    trend_line_name(trend, panel->line, name);
    if (name[0] >= 'a' && name[0] <= 'z')
        name[0] = (char)(name[0] - 'a' + 'A');
    canvas_font(cr, 7.5, true);
    canvas_grey(cr, 0);
    canvas_text(cr, 0, -PANEL_HEIGHT - 4, 0, name);
    cairo_restore(cr);
}

/* Draws the legend from the top margin on; returns its height. */
static double draw_legend(const struct figure *figure)
{
    const struct trend *trend = figure->trend;
    cairo_t *cr = figure->cr;
    double x = PAGE_LEFT, y = PAGE_MARGIN + 6;
    canvas_font(cr, 7, false);
    for (int32_t r = 0; r < trend->row_count; r++) {
        const char *label = qkvsim_layout_row_name(trend->shared.layout, trend->rows[r]);
        double width = 24 + canvas_text_width(cr, label) + 14;
        if (x + width - 14 > PAGE_WIDTH - PAGE_RIGHT) {
            x = PAGE_LEFT;
            y += PAGE_LINE + 2;
        }
        cairo_move_to(cr, x, y - 2.4);
        cairo_line_to(cr, x + 20, y - 2.4);
        canvas_stroke(cr, &styles[r]);
        draw_marker(cr, x + 10, y - 2.4, r);
        canvas_grey(cr, 0);
        canvas_text(cr, x + 24, y, 0, label);
        x += width;
    }
    return y + 6 - PAGE_MARGIN;
}

static void draw_titles(const struct figure *figure)
{
    const struct trend *trend = figure->trend;
    double bottom = figure->top + trend->line_count * (HEADER + PANEL_HEIGHT + GAP_Y) - GAP_Y;
    for (int c = 0; c < trend->shared.condition_count; c++) {
        char title[96], count[TEXT_COUNT_SIZE];
        double middle = PAGE_LEFT + c * (figure->panel_width + GAP_X) + figure->panel_width / 2;
        snprintf(title, sizeof title, "%s (n = %s)", trend->condition_names[c],
                 text_count(trend->observations[c], count));
        canvas_font(figure->cr, 8.5, true);
        canvas_grey(figure->cr, 0);
        canvas_text(figure->cr, middle, figure->top - 2, 0.5, title);
        canvas_font(figure->cr, 7, false);
        canvas_text(figure->cr, middle, bottom + figure->x_axis - 2, 0.5, "layer");
    }
}

static void write_caption(const struct trend *trend, char *caption, size_t size)
{
    char name[REPORT_STATISTIC_SIZE];
    snprintf(caption, size,
             "Statistics over pairs of features, by layer (%d layers) and pair group.",
             trend->layers);
    bool squares = false;
    for (int i = 0; i < trend->line_count; i++) {
        if (trend->lines[i].statistic == QKVSIM_STATISTIC_OFFSET_SHARE)
            text_append(caption, size, "%s", report_offset_share);
        squares = squares || trend->lines[i].statistic == QKVSIM_STATISTIC_MEAN_SQUARE
                  || trend->lines[i].statistic == QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE;
    }
    if (squares)
        text_append(
            caption, size,
            " Mean squares: of the features’ offset ratios (how far means are from 0) and of "
            "correlations, corrected likewise.");
    const struct options *options = trend->shared.options;
    if (options->interval != 0)
        text_append(caption, size,
                    " Bars: %g %% intervals by %s%s; those of one layer stand side by side.",
                    100 * options->level, options_interval_name(options->interval),
                    options->interval == QKVSIM_METHOD_JACKKNIFE
                        ? ", around the estimates that it corrects for bias"
                        : "");
    if (!trend->rolled_up && trend->row_count < trend->shared.pair_group_count)
        text_append(caption, size,
                    " Shown: %" PRId32 " of %" PRId32
                    " pair groups, those of largest %s in the first layer.",
                    trend->row_count, trend->shared.pair_group_count,
                    trend_line_name(trend, 0, name));
}

static double draw_page(cairo_t *cr, void *content)
{
    struct figure *figure = content;
    const struct trend *trend = figure->trend;
    figure->cr = cr;
    int conditions = trend->shared.condition_count;
    figure->panel_width =
        (double)(PAGE_WIDTH - PAGE_LEFT - PAGE_RIGHT - (conditions - 1) * GAP_X) / conditions;
    if (trend->shared.options->interval != 0)
        figure->beside = fmin(3, 0.7 * narrowest_slot(figure) / trend->row_count);
    bool turned;
    label_width(figure, &turned);
    figure->x_axis = turned ? 22 + 0.71 * widest_label(figure) : 24;
    figure->top = PAGE_MARGIN + draw_legend(figure) + 14;
    draw_titles(figure);
    for (int line = 0; line < trend->line_count; line++)
        for (int c = 0; c < conditions; c++)
            draw_panel(figure, &(struct panel){ .condition = c, .line = line });
    double bottom = figure->top + trend->line_count * (HEADER + PANEL_HEIGHT + GAP_Y) - GAP_Y;
    double caption_top = bottom + figure->x_axis + 2 + PAGE_LINE;
    char caption[2048];
    write_caption(trend, caption, sizeof caption);
    return caption_top + canvas_paragraph(cr, caption_top, caption) - PAGE_LINE + PAGE_MARGIN;
}

bool trend_write_figure(FILE *stream, const struct trend *trend, const struct figure_format *format,
                        struct failure *failure)
{
    struct figure figure = { .trend = trend };
    figure.places = calloc((size_t)trend->layers, sizeof *figure.places);
    if (figure.places == NULL)
        return fail_no_memory(failure);
    place_layers(&figure);
    bool done = canvas_write(stream, format, draw_page, &figure, failure);
    free(figure.places);
    return done;
}
