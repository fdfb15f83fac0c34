/*
 * What all figures are drawn with.
 */
#include "canvas.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "text.h"

void canvas_grey(cairo_t *cr, double level)
{
    cairo_set_source_rgb(cr, level, level, level);
}

void canvas_colour(cairo_t *cr, const struct canvas_style *style, double opacity)
{
    cairo_set_source_rgba(cr, style->red, style->green, style->blue, opacity);
}

void canvas_font(cairo_t *cr, double size, bool bold)
{
    cairo_select_font_face(cr, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
}

double canvas_text_width(cairo_t *cr, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

double canvas_text(cairo_t *cr, double x, double y, double anchor, const char *text)
{
    double width = canvas_text_width(cr, text);
    cairo_move_to(cr, x - anchor * width, y);
    cairo_show_text(cr, text);
    cairo_new_path(cr);
    return width;
}

void canvas_turned_text(cairo_t *cr, double x, double y, double anchor, double angle,
                        const char *text)
{
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, -angle);
    canvas_text(cr, 0, 0, anchor, text);
    cairo_restore(cr);
}

double canvas_paragraph(cairo_t *cr, double y, const char *text)
{
    char line[2048] = "";
    double top = y;
    canvas_font(cr, 7, false);
    canvas_grey(cr, 0.2);
    for (const char *word = text; *word != '\0';) {
        size_t length = strcspn(word, " "), used = strlen(line);
        snprintf(line + used, sizeof line - used, "%s%.*s", used > 0 ? " " : "", (int)length, word);
        if (used > 0 && canvas_text_width(cr, line) > PAGE_WIDTH - PAGE_LEFT - PAGE_RIGHT) {
            line[used] = '\0';
            canvas_text(cr, PAGE_LEFT, y, 0, line);
            y += PAGE_LINE;
            snprintf(line, sizeof line, "%.*s", (int)length, word);
        }
        word += length + strspn(word + length, " ");
    }
    canvas_text(cr, PAGE_LEFT, y, 0, line);
    return y + PAGE_LINE - top;
}

void canvas_stroke(cairo_t *cr, const struct canvas_style *style)
{
    cairo_set_line_width(cr, style->line);
    cairo_set_dash(cr, style->dash, style->dash[0] > 0 ? 2 : 0, 0);
    canvas_colour(cr, style, 1);
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
}

void canvas_line(cairo_t *cr, double x1, double y1, double x2, double y2)
{
    cairo_move_to(cr, x1, y1);
    cairo_line_to(cr, x2, y2);
    cairo_stroke(cr);
}

double canvas_tick_step(double length)
{
    double step = pow(10, floor(log10(length)));
    static const double factors[] = { 0.2, 0.5, 1, 2 };
    for (int i = 0; i < 4; i++)
        if (length / (step * factors[i]) < 5)
            return step * factors[i];
    return 5 * step;
}

struct canvas_ticks canvas_ticks(double low, double high)
{
    double step = canvas_tick_step(high - low), first = ceil(low / step - 1e-9);
    struct canvas_ticks ticks = { .decimals = step < 1 ? (int)ceil(-log10(step) - 1e-9) : 0 };
    for (int k = 0; k < CANVAS_TICKS_MAX && step * (first + k) <= high + 1e-9 * step; k++) {
        ticks.values[k] = step * (first + k);
        snprintf(ticks.labels[k], CANVAS_LABEL_SIZE, "%s%.*f", ticks.values[k] < 0 ? "−" : "",
                 ticks.decimals, fabs(ticks.values[k]));
        ticks.count++;
    }
    return ticks;
}

/* How a file comes to be: the surface for a page, and what is left to do once it is drawn. */
struct figure_format {
    bool dated; /* says when it was made */
    cairo_surface_t *(*create)(cairo_write_func_t write, void *stream, double height);
    cairo_status_t (*finish)(cairo_surface_t *surface, cairo_write_func_t write, void *stream);
};

static cairo_status_t write_bytes(void *stream, const unsigned char *bytes, unsigned int length)
{
    return fwrite(bytes, 1, length, stream) == length ? CAIRO_STATUS_SUCCESS
                                                      : CAIRO_STATUS_WRITE_ERROR;
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

bool figures_are_built(void)
{
    return true;
}

const struct figure_format *figure_format(const char *path)
{
    static const struct {
        const char *suffix;
        struct figure_format format;
    } formats[] = { { ".svg", { false, create_svg, finish_vectors } },
                    { ".pdf", { true, create_pdf, finish_vectors } },
                    { ".png", { false, create_png, finish_png } } };
    const char *suffix = strrchr(path, '.');
    for (size_t i = 0; suffix != NULL && i < sizeof formats / sizeof formats[0]; i++)
        if (strcasecmp(suffix, formats[i].suffix) == 0)
            return &formats[i].format;
    return NULL;
}

static double draw(cairo_surface_t *surface, canvas_page *page, void *content,
                   cairo_status_t *status)
{
    cairo_t *cr = cairo_create(surface);
    /* Lines must break alike on the scratch surface and on the real one, whatever its scale. */
    cairo_font_options_t *exact = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(exact, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(exact, CAIRO_HINT_STYLE_NONE);
    cairo_set_font_options(cr, exact);
    cairo_font_options_destroy(exact);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    double height = page(cr, content);
    *status = cairo_status(cr);
    cairo_destroy(cr);
    return height;
}

/* A date for files that are to come out alike: reproducible-builds.org/specs/source-date-epoch. */
static bool set_date(cairo_surface_t *surface, struct failure *failure)
{
    const int64_t last = 253402300799; /* of the year 9999, for years have four digits */
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    int64_t seconds;
    if (epoch == NULL)
        return true;
    if (!text_to_integer(epoch, 0, last, &seconds))
        return fail(failure, "SOURCE_DATE_EPOCH wants seconds, a whole number up to %lld: %s",
                    (long long)last, epoch);
    char date[32];
    const time_t time = (time_t)seconds;
    struct tm parts;
    gmtime_r(&time, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, date);
    return true;
}

bool canvas_write(FILE *stream, const struct figure_format *format, canvas_page *page,
                  void *content, struct failure *failure)
{
    cairo_rectangle_t nothing = { 0, 0, 0, 0 };
    cairo_surface_t *scratch = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &nothing);
    cairo_status_t status;
    double height = draw(scratch, page, content, &status);
    cairo_surface_destroy(scratch);
    cairo_surface_t *surface = format->create(write_bytes, stream, height);
    if (format->dated && !set_date(surface, failure)) {
        cairo_surface_destroy(surface);
        return false;
    }
    draw(surface, page, content, &status);
    if (status == CAIRO_STATUS_SUCCESS)
        status = format->finish(surface, write_bytes, stream);
    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS && status != CAIRO_STATUS_WRITE_ERROR)
        return fail(failure, "cannot draw the figure: %s", cairo_status_to_string(status));
    return status == CAIRO_STATUS_SUCCESS;
}
