/*
 * The report as a figure for a paper: a grid of pair groups and metrics, in vectors or as PNG.
 *
 * Colours are Okabe & Ito's, which the colour-blind can tell apart; fill, dashes and widths
 * tell the curves apart in greyscale.
 */
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "text.h"

/* All lengths in points, 1/72 inch; a page as wide as two columns of a journal. */
enum {
    ROWS_MAX = 12,
    PAGE_WIDTH = 504,
    MARGIN = 8,
    LEFT = 46,
    RIGHT = 12,
    GAP_X = 30,
    TITLES = 15,
    HEADER = 12, /* of a panel: what stands above it */
    GAP_Y = 5,
    X_AXIS = 28,
    LINE = 10 /* of the caption and the legend */
};

struct style {
    double red, green, blue;
    double line;
    double dash[2]; /* both 0: solid */
    double fill;    /* opacity under the curve */
};

static const struct style condition_styles[REPORT_CONDITIONS_MAX] = {
    { 0.000, 0.447, 0.698, 1.2, { 0, 0 }, 0.16 }, { 0.835, 0.369, 0.000, 1.0, { 3.5, 1.4 }, 0 }
};
static const struct style baseline_styles[REPORT_CONDITIONS_MAX] = {
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
    double top; /* of the first panel's header */
    double page_height;
    double limits[REPORT_METRICS]; /* of the share axis, for each column */
    bool clipped;                  /* a baseline's peak lies beyond its axis */
    double *low;                   /* bins numbers each */
    double *high;
};

static void use_colour(const struct figure *figure, const struct style *style, double opacity)
{
    cairo_set_source_rgba(figure->cr, style->red, style->green, style->blue, opacity);
}

static void use_grey(const struct figure *figure, double level)
{
    cairo_set_source_rgb(figure->cr, level, level, level);
}

static void use_font(const struct figure *figure, double size, bool bold)
{
    cairo_select_font_face(figure->cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(figure->cr, size);
}

static double advance_of(const struct figure *figure, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(figure->cr, text, &extents);
    return extents.x_advance;
}

/* Text whose anchor is at its left (0), its middle (0.5) or its right (1). Returns its width. */
static double draw_text(const struct figure *figure, double x, double y, double anchor,
                        const char *text)
{
    double width = advance_of(figure, text);
    cairo_move_to(figure->cr, x - anchor * width, y);
    cairo_show_text(figure->cr, text);
    cairo_new_path(figure->cr);
    return width;
}

/* The shares of a baseline's histogram summary; false where the condition has none. */
static bool baseline_shares(const struct figure *figure, const struct condition *condition,
                            int32_t pair_group, int32_t metric, int32_t summary, double *shares)
{
    const double *counts =
        condition->baseline != NULL
            ? qkvsim_baseline_histogram(condition->baseline, pair_group, metric, summary)
            : NULL;
    int64_t defined = qkvsim_analysis_defined(condition->analysis, pair_group, metric);
    if (counts == NULL || defined == 0)
        return false;
    for (int64_t i = 0; i < figure->report->bins; i++)
        shares[i] = counts[i] / (double)defined;
    return true;
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
            observed = fmax(observed, largest(figure->high, report->bins));
            if (baseline_shares(figure, condition, pair_group, metric, QKVSIM_NULL_MAXIMUM,
                                figure->high))
                permuted = fmax(permuted, largest(figure->high, report->bins));
        }
    bool fits = permuted <= 1.3 * observed;
    figure->clipped = figure->clipped || !fits;
    double limit = 1.1 * (fits ? fmax(observed, permuted) : observed);
    return limit > 0 ? limit : 1;
}

/* The smallest step, of 1, 2 or 5 times a power of ten, that gives an axis at most five ticks. */
static double tick_step(double limit)
{
    double step = pow(10, floor(log10(limit)));
    static const double factors[] = { 0.2, 0.5, 1, 2 };
    for (int i = 0; i < 4; i++)
        if (limit / (step * factors[i]) < 5)
            return step * factors[i];
    return 5 * step;
}

/* A histogram's outline as steps, within the panel whose lower left corner is the origin. */
static void trace_steps(const struct figure *figure, const double *shares, double limit)
{
    int64_t bins = figure->report->bins;
    double step = figure->panel_width / (double)bins;
    for (int64_t i = 0; i < bins; i++) {
        /* A height far beyond the panel would leave the coordinates that cairo can hold. */
        double y = -figure->panel_height * fmin(shares[i] / limit, 2);
        cairo_line_to(figure->cr, (double)i * step, y);
        cairo_line_to(figure->cr, (double)(i + 1) * step, y);
    }
}

static void stroke(const struct figure *figure, const struct style *style)
{
    cairo_set_line_width(figure->cr, style->line);
    cairo_set_dash(figure->cr, style->dash, style->dash[0] > 0 ? 2 : 0, 0);
    use_colour(figure, style, 1);
    cairo_stroke(figure->cr);
    cairo_set_dash(figure->cr, NULL, 0, 0);
}

static void draw_condition(const struct figure *figure, int index, int32_t pair_group,
                           int32_t metric, double limit)
{
    const struct style *style = &condition_styles[index];
    report_shares(&figure->report->conditions[index], pair_group, metric, figure->high);
    if (style->fill > 0) {
        cairo_move_to(figure->cr, 0, 0);
        trace_steps(figure, figure->high, limit);
        cairo_line_to(figure->cr, figure->panel_width, 0);
        cairo_close_path(figure->cr);
        use_colour(figure, style, style->fill);
        cairo_fill(figure->cr);
    }
    trace_steps(figure, figure->high, limit);
    stroke(figure, style);
}

static void draw_band(const struct figure *figure, const struct style *style, double limit)
{
    int64_t bins = figure->report->bins;
    double step = figure->panel_width / (double)bins;
    trace_steps(figure, figure->high, limit);
    for (int64_t i = bins - 1; i >= 0; i--) {
        double y = -figure->panel_height * fmin(figure->low[i] / limit, 2);
        cairo_line_to(figure->cr, (double)(i + 1) * step, y);
        cairo_line_to(figure->cr, (double)i * step, y);
    }
    cairo_close_path(figure->cr);
    use_colour(figure, style, style->fill);
    cairo_fill(figure->cr);
}

static void draw_baseline(const struct figure *figure, int index, int32_t pair_group,
                          int32_t metric, double limit)
{
    const struct style *style = &baseline_styles[index];
    const struct condition *condition = &figure->report->conditions[index];
    if (!baseline_shares(figure, condition, pair_group, metric, QKVSIM_NULL_MINIMUM, figure->low)
        || !baseline_shares(figure, condition, pair_group, metric, QKVSIM_NULL_MAXIMUM,
                            figure->high))
        return;
    draw_band(figure, style, limit);
    baseline_shares(figure, condition, pair_group, metric, QKVSIM_NULL_MEAN, figure->high);
    trace_steps(figure, figure->high, limit);
    stroke(figure, style);
}

/* Says how high a baseline goes that the axis cuts off. */
static void label_peaks(const struct figure *figure, int32_t pair_group, int32_t metric,
                        double limit)
{
    double y = -figure->panel_height + 6;
    for (int c = 0; c < figure->report->condition_count; c++) {
        if (!baseline_shares(figure, &figure->report->conditions[c], pair_group, metric,
                             QKVSIM_NULL_MEAN, figure->high))
            continue;
        double peak = largest(figure->high, figure->report->bins);
        if (peak <= limit)
            continue;
        int64_t bin = figure->report->bins - 1; /* the last that is cut off */
        while (figure->high[bin] <= limit)
            bin--;
        double x = figure->panel_width * ((double)bin + 1) / (double)figure->report->bins;
        bool right = x > 0.75 * figure->panel_width;
        char label[32];
        snprintf(label, sizeof label, "↑ %.0f %%", 100 * peak);
        use_font(figure, 6, false);
        use_grey(figure, 0.35);
        draw_text(figure, right ? x - 14 : x + 5, y, right ? 1 : 0, label);
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
            draw_text(figure, x, 11, 0.5, names[i + 2]);
    }
}

static void draw_y_axis(const struct figure *figure, double limit)
{
    double percent = 100 * limit, step = tick_step(percent);
    int decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0;
    for (int i = 0; i * step <= percent * (1 + 1e-9); i++) {
        double y = -figure->panel_height * i * step / percent;
        char label[32];
        snprintf(label, sizeof label, "%.*f", decimals, i * step);
        cairo_move_to(figure->cr, 0, y);
        cairo_line_to(figure->cr, -3, y);
        cairo_stroke(figure->cr);
        draw_text(figure, -5, y + 2.4, 1, label);
    }
}

static void draw_axes(const struct figure *figure, double limit, bool last_row)
{
    use_grey(figure, 0.15);
    use_font(figure, 6.5, false);
    cairo_set_line_width(figure->cr, 0.6);
    cairo_move_to(figure->cr, 0, -figure->panel_height);
    cairo_line_to(figure->cr, 0, 0);
    cairo_line_to(figure->cr, figure->panel_width, 0);
    cairo_stroke(figure->cr);
    draw_x_axis(figure, last_row);
    draw_y_axis(figure, limit);
}

/* The number that sums up a panel for each condition, in the condition's colour, at the right. */
static void draw_panel_numbers(const struct figure *figure, int32_t pair_group, int32_t metric)
{
    const struct report *report = figure->report;
    double x = figure->panel_width, y = -figure->panel_height - 3;
    use_font(figure, 6.5, false);
    for (int c = report->condition_count - 1; c >= 0; c--) {
        const qkvsim_analysis *analysis = report->conditions[c].analysis;
        double value =
            metric == QKVSIM_COSINE
                ? qkvsim_analysis_offset(analysis, pair_group, QKVSIM_OFFSET_SHARE)
                : sqrt(qkvsim_analysis_statistic(analysis, pair_group, metric, QKVSIM_VARIANCE));
        char text[32] = "–";
        if (!isnan(value))
            snprintf(text, sizeof text, "%.2f", value);
        use_colour(figure, &condition_styles[c], 1);
        x -= draw_text(figure, x, y, 1, text) + 5;
    }
    use_grey(figure, 0.35);
    draw_text(figure, x, y, 1, metric == QKVSIM_COSINE ? "offset share" : "sd");
}

static void draw_panel_header(const struct figure *figure, int32_t pair_group, int32_t metric)
{
    char count[TEXT_COUNT_SIZE], pairs[TEXT_COUNT_SIZE + 8];
    const char *name = qkvsim_layout_pair_group_name(figure->report->layout, pair_group);
    double y = -figure->panel_height - 3;
    use_font(figure, 7.5, true);
    use_grey(figure, 0);
    double width = draw_text(figure, 0, y, 0, name);
    use_font(figure, 6.5, false);
    use_grey(figure, 0.35);
    snprintf(pairs, sizeof pairs, "%s pairs",
             text_count(qkvsim_layout_pairs(figure->report->layout, pair_group), count));
    if (width + 6 + advance_of(figure, pairs) < figure->panel_width / 2)
        draw_text(figure, width + 6, y, 0, pairs);
    draw_panel_numbers(figure, pair_group, metric);
}

static void draw_panel(const struct figure *figure, int32_t row, int column)
{
    int32_t pair_group = figure->pair_groups[row];
    int32_t metric = report_metrics[figure->metrics[column]].number;
    double limit = figure->limits[column];
    double row_height = HEADER + figure->panel_height + GAP_Y;
    cairo_save(figure->cr);
    cairo_translate(figure->cr, LEFT + column * (figure->panel_width + GAP_X),
                    figure->top + (row + 1) * row_height - GAP_Y);
    cairo_save(figure->cr);
    cairo_rectangle(figure->cr, 0, -figure->panel_height, figure->panel_width,
                    figure->panel_height + 0.5);
    cairo_clip(figure->cr);
    for (int c = figure->report->condition_count - 1; c >= 0; c--)
        draw_baseline(figure, c, pair_group, metric, limit);
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
    static const char *const titles[] = { "Cosine similarity", "Pearson correlation" };
    static const char *const axes[] = { "cosine", "Pearson r" };
    double row_height = HEADER + figure->panel_height + GAP_Y;
    double bottom = figure->top + figure->rows * row_height - GAP_Y;
    for (int column = 0; column < figure->columns; column++) {
        double middle = LEFT + column * (figure->panel_width + GAP_X) + figure->panel_width / 2;
        use_grey(figure, 0);
        use_font(figure, 8.5, true);
        draw_text(figure, middle, figure->top - 5, 0.5, titles[figure->metrics[column]]);
        use_font(figure, 7, false);
        draw_text(figure, middle, bottom + 21, 0.5, axes[figure->metrics[column]]);
    }
    cairo_save(figure->cr);
    cairo_translate(figure->cr, MARGIN + 14, (figure->top + bottom) / 2);
    cairo_rotate(figure->cr, -acos(-1) / 2);
    draw_text(figure, 0, 0, 0.5, "share of pairs per bin (%)");
    cairo_restore(figure->cr);
}

static void draw_legend_sample(const struct figure *figure, double x, double y,
                               const struct style *style, bool band)
{
    if (style->fill > 0) {
        cairo_rectangle(figure->cr, x, band ? y - 3 : y, 18, band ? 6 : 3);
        use_colour(figure, style, style->fill);
        cairo_fill(figure->cr);
    }
    cairo_move_to(figure->cr, x, y);
    cairo_line_to(figure->cr, x + 18, y);
    stroke(figure, style);
}

/* Draws the legend from the top margin on, as many entries a line as fit; returns its height. */
static double draw_legend(const struct figure *figure)
{
    const struct report *report = figure->report;
    double x = LEFT, y = MARGIN + 6;
    use_font(figure, 7, false);
    for (int i = 0; i < 2 * report->condition_count; i++) {
        bool band = i >= report->condition_count;
        int c = band ? i - report->condition_count : i;
        const struct condition *condition = &report->conditions[c];
        char count[TEXT_COUNT_SIZE], label[96];
        text_count(qkvsim_analysis_observations(condition->analysis), count);
        if (band && condition->baseline == NULL)
            continue;
        if (band)
            snprintf(label, sizeof label, "%s, permuted", condition->name);
        else
            snprintf(label, sizeof label, "%s (n = %s)", condition->name, count);
        double width = 22 + advance_of(figure, label) + 14;
        if (x + width - 14 > PAGE_WIDTH - RIGHT) {
            x = LEFT;
            y += LINE + 2;
        }
        draw_legend_sample(figure, x, y - 2.4, band ? &baseline_styles[c] : &condition_styles[c],
                           band);
        use_grey(figure, 0);
        draw_text(figure, x + 22, y, 0, label);
        x += width;
    }
    return y + 6 - MARGIN;
}

static void write_caption(const struct figure *figure, char *caption, size_t size)
{
    const struct report *report = figure->report;
    char name[256], count[TEXT_COUNT_SIZE];
    text_make_safe(text_file_name(report->input_name), name, sizeof name);
    int used =
        snprintf(caption, size,
                 "Similarity of features over observations in %s: share of the pairs of each "
                 "pair group in %s equal bins on [−1, 1].",
                 name, text_count(report->bins, count));
    for (int c = 0; c < report->condition_count; c++)
        used += snprintf(
            caption + used, size - (size_t)used, "%s%s, n = %s%s",
            c == 0 ? " Observations: " : "; ", report->conditions[c].name,
            text_count(qkvsim_analysis_observations(report->conditions[c].analysis), count),
            c + 1 == report->condition_count ? "." : "");
    if (report->permutations > 0)
        used += snprintf(caption + used, size - (size_t)used,
                         " Grey: %s permutations of each condition (scheme %s, seed %" PRId64
                         "), mean and range%s.",
                         text_count(report->permutations, count), report->scheme, report->seed,
                         figure->clipped ? "; ↑ is a mean’s peak beyond the axis" : "");
    if ((report->metrics & QKVSIM_COSINE) != 0)
        used += snprintf(caption + used, size - (size_t)used,
                         " Offset share: ΣO² / (ΣO² + ΣV²), where each cosine is an offset part O, "
                         "from the features’ means, plus a variance part V.");
    if ((report->metrics & QKVSIM_PEARSON) != 0)
        used +=
            snprintf(caption + used, size - (size_t)used, " sd: standard deviation over pairs.");
    if (figure->rows < qkvsim_layout_pair_groups(report->layout))
        snprintf(caption + used, size - (size_t)used,
                 " Shown: %" PRId32 " of %" PRId32 " pair groups, %s.", figure->rows,
                 qkvsim_layout_pair_groups(report->layout), report_choice(report));
}

/* Draws the caption from y on, broken into lines; returns its height. */
static double draw_caption(const struct figure *figure, double y)
{
    char caption[1280], line[1280] = "";
    write_caption(figure, caption, sizeof caption);
    use_font(figure, 7, false);
    use_grey(figure, 0.2);
    double top = y;
    for (const char *word = caption; *word != '\0';) {
        size_t length = strcspn(word, " "), used = strlen(line);
        snprintf(line + used, sizeof line - used, "%s%.*s", used > 0 ? " " : "", (int)length, word);
        if (used > 0 && advance_of(figure, line) > PAGE_WIDTH - LEFT - RIGHT) {
            line[used] = '\0';
            draw_text(figure, LEFT, y, 0, line);
            y += LINE;
            snprintf(line, sizeof line, "%.*s", (int)length, word);
        }
        word += length + strspn(word + length, " ");
    }
    draw_text(figure, LEFT, y, 0, line);
    return y + LINE - top;
}

static void draw_page(struct figure *figure)
{
    cairo_set_source_rgb(figure->cr, 1, 1, 1);
    cairo_paint(figure->cr);
    figure->top = MARGIN + draw_legend(figure) + TITLES;
    draw_titles(figure);
    for (int32_t row = 0; row < figure->rows; row++)
        for (int column = 0; column < figure->columns; column++)
            draw_panel(figure, row, column);
    double grid = figure->rows * (HEADER + figure->panel_height + GAP_Y) - GAP_Y;
    double caption = figure->top + grid + X_AXIS + LINE;
    figure->page_height = caption + draw_caption(figure, caption) - LINE + MARGIN;
}

static int compare_numbers(const void *left, const void *right)
{
    const int32_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Where the two columns' axes are nearly as high, they get the same. */
static void level_limits(struct figure *figure)
{
    double *limits = figure->limits;
    double higher = fmax(limits[0], limits[1]);
    if (figure->columns == 2 && higher < 1.5 * fmin(limits[0], limits[1]))
        limits[0] = limits[1] = higher;
}

static bool prepare(struct figure *figure, const struct report *report, struct failure *failure)
{
    *figure = (struct figure){ .report = report };
    figure->low = calloc((size_t)report->bins, sizeof *figure->low);
    figure->high = calloc((size_t)report->bins, sizeof *figure->high);
    if (figure->low == NULL || figure->high == NULL)
        return fail_no_memory(failure);
    figure->rows = report_choose(report, ROWS_MAX, figure->pair_groups);
    qsort(figure->pair_groups, (size_t)figure->rows, sizeof *figure->pair_groups, compare_numbers);
    for (int i = 0; i < REPORT_METRICS; i++)
        if ((report->metrics & report_metrics[i].number) != 0) {
            figure->limits[figure->columns] = find_limit(figure, report_metrics[i].number);
            figure->metrics[figure->columns++] = i;
        }
    level_limits(figure);
    double width = PAGE_WIDTH - LEFT - RIGHT - (figure->columns - 1) * GAP_X;
    figure->panel_width = width / figure->columns;
    figure->panel_height = figure->rows <= 3 ? 92 : figure->rows <= 6 ? 62 : 38;
    return true;
}

/* How a file comes to be: the surface for a page, and what is left to do once it is drawn. */
struct format {
    cairo_surface_t *(*create)(cairo_write_func_t write, void *stream, double height);
    cairo_status_t (*finish)(cairo_surface_t *surface, cairo_write_func_t write, void *stream);
};

static cairo_status_t write_bytes(void *stream, const unsigned char *bytes, unsigned int length)
{
    return fwrite(bytes, 1, length, stream) == length ? CAIRO_STATUS_SUCCESS
                                                      : CAIRO_STATUS_WRITE_ERROR;
}

/* Draws on a surface of one format. A first drawing, on a surface of no size, finds the height. */
static bool write_figure(FILE *stream, const struct report *report, const struct format *format,
                         struct failure *failure)
{
    struct figure figure;
    bool done = prepare(&figure, report, failure);
    cairo_status_t status = CAIRO_STATUS_SUCCESS;
    if (done) {
        cairo_rectangle_t nothing = { 0, 0, 0, 0 };
        cairo_surface_t *scratch =
            cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &nothing);
        figure.cr = cairo_create(scratch);
        draw_page(&figure);
        cairo_destroy(figure.cr);
        cairo_surface_destroy(scratch);
        cairo_surface_t *surface = format->create(write_bytes, stream, figure.page_height);
        figure.cr = cairo_create(surface);
        draw_page(&figure);
        status = cairo_status(figure.cr);
        cairo_destroy(figure.cr);
        if (status == CAIRO_STATUS_SUCCESS)
            status = format->finish(surface, write_bytes, stream);
        cairo_surface_destroy(surface);
    }
    free(figure.low);
    free(figure.high);
    if (status != CAIRO_STATUS_SUCCESS && status != CAIRO_STATUS_WRITE_ERROR)
        return fail(failure, "cannot draw the figure: %s", cairo_status_to_string(status));
    return done && status == CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *create_svg(cairo_write_func_t write, void *stream, double height)
{
    return cairo_svg_surface_create_for_stream(write, stream, PAGE_WIDTH, height);
}

static cairo_surface_t *create_pdf(cairo_write_func_t write, void *stream, double height)
{
    return cairo_pdf_surface_create_for_stream(write, stream, PAGE_WIDTH, height);
}

static cairo_status_t finish_vectors(cairo_surface_t *surface, cairo_write_func_t write,
                                     void *stream)
{
    (void)write;
    (void)stream;
    cairo_surface_finish(surface);
    return cairo_surface_status(surface);
}

/* 300 dots an inch, as journals ask. */
static cairo_surface_t *create_png(cairo_write_func_t write, void *stream, double height)
{
    (void)write;
    (void)stream;
    double scale = 300.0 / 72;
    cairo_surface_t *surface = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (int)(PAGE_WIDTH * scale), (int)(height * scale));
    cairo_surface_set_device_scale(surface, scale, scale);
    return surface;
}

static cairo_status_t finish_png(cairo_surface_t *surface, cairo_write_func_t write, void *stream)
{
    return cairo_surface_write_to_png_stream(surface, write, stream);
}

bool report_write_svg(FILE *stream, const void *content, struct failure *failure)
{
    static const struct format svg = { create_svg, finish_vectors };
    return write_figure(stream, content, &svg, failure);
}

bool report_write_pdf(FILE *stream, const void *content, struct failure *failure)
{
    static const struct format pdf = { create_pdf, finish_vectors };
    return write_figure(stream, content, &pdf, failure);
}

bool report_write_png(FILE *stream, const void *content, struct failure *failure)
{
    static const struct format png = { create_png, finish_png };
    return write_figure(stream, content, &png, failure);
}
