/*
 * Several layers as a table: for each condition one line a layer, with the chosen statistic of each
 * pair group.
 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>

#include "report_cells.h"
#include "text.h"
#include "trend.h"

/* A value, or where intervals are shown the estimate of one and the interval. */
static void value_cell(char *cell, const struct trend *trend, int layer, int condition, int32_t row,
                       bool intervals)
{
    double numbers[TREND_NUMBERS];
    for (int i = 0; i < TREND_NUMBERS; i++)
        numbers[i] = trend_number(trend, layer, condition, 0, row, i);
    double estimate =
        isnan(numbers[TREND_ESTIMATE]) ? numbers[TREND_VALUE] : numbers[TREND_ESTIMATE];
    if (intervals)
        cell_interval(cell, trend->lines[0].statistic, estimate, numbers[TREND_LOW],
                      numbers[TREND_HIGH]);
    else
        cell_statistic(cell, trend->lines[0].statistic, numbers[TREND_VALUE]);
}

/* Intervals are shown where they have room: of a terminal too narrow values are all. */
static bool shows_intervals(const struct trend *trend, int width)
{
    enum { NAMES = 12, CELL = 26 };
    return trend->shared.options->interval != 0 && (width - NAMES) / CELL >= trend->row_count;
}

static bool add_row(struct table *table, const struct trend *trend, int layer, int condition,
                    int width)
{
    char(*row)[TABLE_CELL_SIZE] = table_add_row(table);
    if (row == NULL)
        return false;
    for (int32_t r = 0; r < trend->row_count; r++)
        value_cell(row[r + 1], trend, layer, condition, r, shows_intervals(trend, width));
    return true;
}

/* What the values leave of the width for the layers' names: 12 characters at the least. */
static int width_of_names(const struct table *table, int width)
{
    int left = (width < TABLE_CELL_SIZE ? width : TABLE_CELL_SIZE) - 1;
    for (int i = 1; i < table->column_count; i++) {
        int widest = text_width(table->columns[i].title);
        for (int row = 0; row < table->rows; row++) {
            int cell = text_width(table->cells[row * table->column_count + i]);
            widest = cell > widest ? cell : widest;
        }
        left -= widest + TABLE_GAP;
    }
    return left < 12 ? 12 : left;
}

/* Of a name that is too long the end is shown, in which names differ most. */
static void name_cell(char *cell, const char *name, int width)
{
    int excess = text_width(name) - width;
    if (excess <= 0) {
        snprintf(cell, TABLE_CELL_SIZE, "%s", name);
        return;
    }
    size_t bytes;
    for (excess += 3; excess > 0; name += bytes)
        excess -= text_character_width(name, &bytes);
    snprintf(cell, TABLE_CELL_SIZE, "...%s", name);
}

static bool print_condition(FILE *stream, const struct trend *trend, int condition, int width)
{
    struct table_column columns[TREND_ROWS_MAX + 1] = { { "layer", true, 100 } };
    for (int32_t r = 0; r < trend->row_count; r++)
        columns[r + 1] =
            (struct table_column){ qkvsim_layout_row_name(trend->shared.layout, trend->rows[r]),
                                   false, 50 - r };
    struct table table = { .columns = columns, .column_count = trend->row_count + 1 };
    bool done = true;
    for (int layer = 0; done && layer < trend->layers; layer++)
        done = add_row(&table, trend, layer, condition, width);
    char line[256], count[TEXT_COUNT_SIZE], name[REPORT_STATISTIC_SIZE];
    snprintf(line, sizeof line, "%s: %s observations; %s", trend->condition_names[condition],
             text_count(trend->observations[condition], count), trend_line_name(trend, 0, name));
    if (shows_intervals(trend, width))
        text_append(line, sizeof line, ": estimates with %g %% intervals by %s",
                    100 * trend->shared.options->level,
                    options_interval_name(trend->shared.options->interval));
    fputc('\n', stream);
    table_print_text(stream, line, width);
    int names = width_of_names(&table, width);
    for (int layer = 0; done && layer < trend->layers; layer++)
        name_cell(table.cells[layer * table.column_count], trend->names[layer], names);
    /* Without a bound: a terminal too narrow even so wraps the lines, and no value is lost. */
    if (done)
        table_print(&table, stream, INT_MAX);
    table_free(&table);
    return done;
}

bool trend_write_table(FILE *stream, const struct trend *trend, struct failure *failure)
{
    int width = table_terminal_width();
    const struct report *shared = &trend->shared;
    char line[512], observations[TEXT_COUNT_SIZE], features[TEXT_COUNT_SIZE];
    char name[REPORT_STATISTIC_SIZE];
    snprintf(line, sizeof line, "%d layer%s: %s observations x %s features, %s", trend->layers,
             trend->layers == 1 ? "" : "s", text_count(shared->observations, observations),
             text_count(shared->features, features), shared->dtype);
    table_print_text(stream, line, width);
    bool done = true;
    for (int c = 0; done && c < shared->condition_count; c++)
        done = print_condition(stream, trend, c, width);
    if (!done)
        return fail_no_memory(failure);
    line[0] = '\0';
    if (!trend->rolled_up && trend->row_count < shared->pair_group_count)
        snprintf(line, sizeof line,
                 "shown: %" PRId32 " of %" PRId32
                 " pair groups, those of largest %s in the first layer; ",
                 trend->row_count, shared->pair_group_count, trend_line_name(trend, 0, name));
    text_append(line, sizeof line,
                "all else is in --json and --csv, another statistic with --statistic");
    fputc('\n', stream);
    table_print_text(stream, line, width);
    print_warnings(stream, &trend->warnings, width);
    return true;
}
