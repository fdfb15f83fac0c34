/*
 * Tables for people: columns as wide as their content, and never wider together than the terminal.
 */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

enum { TABLE_CELL_SIZE = 160, TABLE_COLUMNS_MAX = 12, TABLE_GAP = 2 };

struct table_column {
    const char *title;
    bool left; /* text is flush left, numbers flush right */
    /* The least important columns go first where the terminal is narrow; 0: always left out. */
    int importance;
};

struct table {
    const struct table_column *columns;
    int column_count;
    char (*cells)[TABLE_CELL_SIZE]; /* rows x column_count, row-major; owned */
    int rows;
    int capacity;
};

/* Columns of the terminal on standard output; without a bound where it is none: a file or a pipe
 * has room for all. */
int table_terminal_width(void);

/* Adds an empty row and returns its first cell, or NULL without memory. */
char (*table_add_row(struct table *table))[TABLE_CELL_SIZE];

/* Prints titles and rows, in at most `width` columns. */
void table_print(const struct table *table, FILE *stream, int width);

void table_free(struct table *table);

/* Prints text in lines of at most `width` columns, broken at spaces, or within a word that is
 * longer. */
void table_print_text(FILE *stream, const char *text, int width);

/* Draws values as `width` block characters, the largest one full, into a cell. */
void table_draw_histogram(char cell[TABLE_CELL_SIZE], const double *values, int count, int width);

#endif
