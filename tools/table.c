/*
 * Tables for people, in at most as many columns as the terminal has.
 */
#include "table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

int table_terminal_width(void)
{
    struct winsize size;
    bool terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return terminal ? size.ws_col : INT_MAX;
}

char (*table_add_row(struct table *table))[TABLE_CELL_SIZE]
{
    if (table->rows == table->capacity) {
        int capacity = table->capacity == 0 ? 16 : 2 * table->capacity;
        size_t cells = (size_t)capacity * (size_t)table->column_count;
        void *grown = realloc(table->cells, cells * sizeof *table->cells);
        if (grown == NULL)
            return NULL;
        table->cells = grown;
        table->capacity = capacity;
    }
    char(*row)[TABLE_CELL_SIZE] = table->cells + table->rows * table->column_count;
    memset(row, 0, (size_t)table->column_count * sizeof *row);
    table->rows++;
    return row;
}

/* Leaves out the least important columns (width 0) until the rest fit. */
static void fit_columns(const struct table *table, int *widths, int available)
{
    for (;;) {
        int total = -TABLE_GAP, shown = 0, least = -1;
        for (int i = 0; i < table->column_count; i++) {
            if (widths[i] == 0)
                continue;
            total += widths[i] + TABLE_GAP;
            shown++;
            if (least < 0 || table->columns[i].importance < table->columns[least].importance)
                least = i;
        }
        if (total <= available || shown <= 1)
            return;
        widths[least] = 0;
    }
}

/* The bytes of text that take at most so many columns. */
static size_t bytes_that_fit(const char *text, int width)
{
    size_t bytes = 0, length;
    for (int shown = 0; text[bytes] != '\0'; bytes += length) {
        shown += text_character_width(text + bytes, &length);
        if (shown > width)
            break;
    }
    return bytes;
}

static void append(char *line, size_t size, const char *text, int spaces)
{
    size_t used = strlen(line);
    for (; spaces > 0 && used + 1 < size; spaces--)
        line[used++] = ' ';
    line[used] = '\0';
    snprintf(line + used, size - used, "%s", text);
}

static void print_row(const struct table *table, FILE *stream, const int *widths,
                      const char (*row)[TABLE_CELL_SIZE], int available)
{
    char line[TABLE_COLUMNS_MAX * (TABLE_CELL_SIZE + TABLE_GAP)] = "";
    int owed = 0; /* spaces that stand before the next text, so that no line ends in any */
    for (int i = 0; i < table->column_count; i++) {
        if (widths[i] == 0)
            continue;
        const char *text = row != NULL ? row[i] : table->columns[i].title;
        int padding = widths[i] - text_width(text);
        bool left = table->columns[i].left;
        if (text[0] != '\0')
            append(line, sizeof line, text, owed + (left ? 0 : padding));
        owed = TABLE_GAP + (text[0] == '\0' ? owed + widths[i] : left ? padding : 0);
    }
    fprintf(stream, "%.*s\n", (int)bytes_that_fit(line, available), line);
}

void table_print(const struct table *table, FILE *stream, int width)
{
    int widths[TABLE_COLUMNS_MAX];
    for (int i = 0; i < table->column_count; i++) {
        widths[i] = text_width(table->columns[i].title);
        for (int row = 0; row < table->rows; row++) {
            int cell = text_width(table->cells[row * table->column_count + i]);
            widths[i] = cell > widths[i] ? cell : widths[i];
        }
        if (table->columns[i].importance == 0)
            widths[i] = 0;
    }
    fit_columns(table, widths, width);
    print_row(table, stream, widths, NULL, width);
    for (int row = 0; row < table->rows; row++)
        print_row(table, stream, widths,
                  (const char(*)[TABLE_CELL_SIZE])table->cells + row * table->column_count, width);
}

void table_free(struct table *table)
{
    free(table->cells);
    table->cells = NULL;
    table->rows = table->capacity = 0;
}

/* The bytes of the first line of text: up to the last space that fits, if there is one. */
static size_t first_line(const char *text, int width)
{
    size_t bytes = bytes_that_fit(text, width);
    if (text[bytes] == '\0')
        return bytes;
    for (size_t space = bytes; space > 0; space--)
        if (text[space] == ' ')
            return space;
    return bytes;
}

void table_print_text(FILE *stream, const char *text, int width)
{
    do {
        size_t bytes = first_line(text, width);
        fprintf(stream, "%.*s\n", (int)bytes, text);
        text += bytes + strspn(text + bytes, " ");
    } while (*text != '\0');
}

void table_draw_histogram(char cell[TABLE_CELL_SIZE], const double *values, int count, int width)
{
    static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    double heights[TABLE_CELL_SIZE] = { 0 };
    double largest = 0;
    /* A bin that straddles two characters is shared between them by its overlap. */
    for (int i = 0; i < count; i++) {
        double from = (double)i * width / count, to = (double)(i + 1) * width / count;
        for (int k = (int)from; k < width && k < to; k++) {
            double overlap = (to < k + 1 ? to : k + 1) - (from > k ? from : k);
            heights[k] += values[i] * overlap / (to - from);
        }
    }
    for (int k = 0; k < width; k++)
        largest = heights[k] > largest ? heights[k] : largest;
    cell[0] = '\0';
    for (int k = 0; k < width; k++) {
        int level = largest > 0 ? (int)(8 * heights[k] / largest + 0.5) : 0;
        if (level == 0 && heights[k] > 0)
            level = 1;
        strcat(cell, blocks[level]);
    }
}
