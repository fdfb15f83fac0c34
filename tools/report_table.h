/*
 * What the tables of a report share: cells, and which rows are shown.
 */
#ifndef TOOLS_REPORT_TABLE_H
#define TOOLS_REPORT_TABLE_H

#include "report.h"
#include "table.h"

/* The rows that tables show: roll-ups first, then pair groups. */
struct shown {
    const struct report *report;
    int32_t *rows;
    int32_t count;
    int width; /* of the terminal */
};

/* The statistic that intervals and contrasts are shown of: the chosen one, or the mean in place of an
 * extreme, which has no interval. Its metric is the chosen one. */
int32_t table_statistic(const struct report *report, int32_t *metric);
const char *table_statistic_name(const struct report *report, char name[REPORT_STATISTIC_SIZE]);

/* Many pair groups, or several picked out of more, are tested at once: the p shown is then adjusted
 * for all of them. The text is "" or what is said of it: ", adjusted for 36 pair groups", of those
 * that the baseline, or the comparison, has a p of. */
enum { TABLE_ADJUSTMENT_SIZE = 96 };
bool table_adjusts(const struct report *report);
const char *table_adjustment(const struct report *report, bool comparison,
                             char text[TABLE_ADJUSTMENT_SIZE]);

/* A number with so many decimals, "-" where there is none; a p-value; an interval. */
void cell_number(char *cell, int decimals, double value);
void cell_p(char *cell, double p);
void cell_interval(char *cell, double low, double high);

/* Prints a line of text below a blank one, then a table, which it frees. */
void print_titled(FILE *stream, const struct shown *shown, const char *title, struct table *table);

/* Tables of contrasts, of the selections' difference and of their distances; false without memory. */
bool print_contrasts(FILE *stream, const struct shown *shown);
bool print_selection_contrast(FILE *stream, const struct shown *shown);
bool print_comparison(FILE *stream, const struct shown *shown);

#endif
