/*
 * What the tables of a report share: cells, and which rows are shown.
 */
#ifndef TOOLS_REPORT_CELLS_H
#define TOOLS_REPORT_CELLS_H

#include "report.h"
#include "table.h"

/* The rows that tables show: roll-ups first, then pair groups. */
struct shown {
    const struct report *report;
    int32_t *rows;
    int32_t count;
    int width; /* of the terminal */
};

/* The statistic that intervals and contrasts are shown of: the chosen one, or the mean in place of
 * an extreme, which has no interval. Its metric is the chosen one. */
int32_t table_statistic(const struct report *report, int32_t *metric);
const char *table_statistic_name(const struct report *report, char name[REPORT_STATISTIC_SIZE]);

/* The statistic that permutations test: the same, but the raw offset share in place of the
 * corrected one, which does not exist where there is nothing but noise, as in many permutations of
 * every value. The null has the same n, so that its bias is on both sides. */
int32_t table_tested_statistic(const struct report *report, int32_t *metric);

/* Many pair groups, or several picked out of more, are tested at once: the p shown is then adjusted
 * for all of them. The text is "" or what is said of it: ", adjusted for 36 pair groups", of those
 * that the baseline, or the comparison, has a p of. */
enum { TABLE_ADJUSTMENT_SIZE = 128 };
bool table_adjusts(const struct report *report);
int32_t table_p(const struct report *report); /* the summary that is shown */
const char *table_adjustment(const struct report *report, bool comparison,
                             char text[TABLE_ADJUSTMENT_SIZE]);

/* A number with so many decimals, "-" where there is none. */
void cell_number(char *cell, int decimals, double value);

/* A statistic, or a difference of two. */
void cell_statistic(char *cell, int32_t statistic, double value);

/* "0.994 [0.991 .. 0.998]": an estimate and its interval, "0.994 [-]" where there is none. */
void cell_interval(char *cell, int32_t statistic, double estimate, double low, double high);

/* "0.994 > 0.040": what was observed and where the null has its mean. */
void cell_null(char *cell, int32_t statistic, double observed, double mean);

/* At the least that p could have been it is "<= 0.005", with the p by a fit to the null's tail
 * behind it where there is one: "<= 0.005, fit 0.0012", or at the least of a fit "<= 0.005, fit <=
 * 0.0005". That of a t of few degrees of freedom tells nothing below "< 0.001". */
struct p_value {
    double p, least, fitted;
};
void cell_p(char *cell, const struct p_value *of);
void cell_p_of_t(char *cell, double p);

/* Prints a line of text below a blank one, then a table, which it frees. */
void print_titled(FILE *stream, const struct shown *shown, const char *title, struct table *table);

/* Prints what a table's reader is warned of, below a blank line. */
void print_warnings(FILE *stream, const struct warnings *warnings, int width);

#endif
