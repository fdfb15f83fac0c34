/*
 * Cells of a report's tables, and what is shown in them.
 */
#include "report_cells.h"

#include <inttypes.h>
#include <math.h>

#include "text.h"

enum { UNADJUSTED = 6 };

int32_t table_statistic(const struct report *report, int32_t *metric)
{
    int32_t statistic = report->options->statistic;
    *metric = report->options->statistic_metric;
    return statistic == QKVSIM_STATISTIC_MINIMUM || statistic == QKVSIM_STATISTIC_MAXIMUM
               ? QKVSIM_STATISTIC_MEAN
               : statistic;
}

int32_t table_tested_statistic(const struct report *report, int32_t *metric)
{
    int32_t statistic = table_statistic(report, metric);
    return statistic == QKVSIM_STATISTIC_OFFSET_SHARE ? QKVSIM_STATISTIC_OFFSET_SHARE_RAW
                                                      : statistic;
}

const char *table_statistic_name(const struct report *report, char name[REPORT_STATISTIC_SIZE])
{
    int32_t metric;
    int32_t statistic = table_statistic(report, &metric);
    return report_statistic_name(metric, statistic, name);
}

bool table_adjusts(const struct report *report)
{
    int32_t count = report->pair_group_count;
    bool picked = count < qkvsim_layout_pair_groups(report->layout);
    return count > UNADJUSTED || (picked && count > 1);
}

/* How many of the report's rows from one to before another have a p-value in the first condition,
 * or in the comparison. */
static int32_t count_tested(const struct report *report, bool comparison, int32_t from, int32_t to)
{
    int32_t metric, tested = 0;
    int32_t statistic = table_tested_statistic(report, &metric);
    for (int32_t i = from; i < to; i++) {
        int32_t row = report->rows[i];
        double p = comparison ? qkvsim_comparison_distance(report->comparison, row, metric,
                                                           QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV,
                                                           QKVSIM_SUMMARY_P)
                              : qkvsim_baseline_statistic(report->conditions[0].baseline, row,
                                                          metric, statistic, QKVSIM_SUMMARY_P);
        tested += !isnan(p);
    }
    return tested;
}

int32_t table_p(const struct report *report)
{
    return table_adjusts(report) ? report_adjusted_p(report) : QKVSIM_SUMMARY_P;
}

const char *table_adjustment(const struct report *report, bool comparison,
                             char text[TABLE_ADJUSTMENT_SIZE])
{
    int32_t pair_groups = report->pair_group_count;
    char rollups[TABLE_ADJUSTMENT_SIZE / 2] = "";
    if (report->row_count > pair_groups)
        snprintf(rollups, sizeof rollups, "; roll-ups: for %" PRId32,
                 count_tested(report, comparison, pair_groups, report->row_count));
    text[0] = '\0';
    if (table_adjusts(report))
        snprintf(text, TABLE_ADJUSTMENT_SIZE, ", adjusted for %" PRId32 " pair groups%s%s",
                 count_tested(report, comparison, 0, pair_groups), rollups,
                 report_adjusted_p(report) == QKVSIM_SUMMARY_P_BH ? " (false discovery rate)" : "");
    return text;
}

void cell_number(char *cell, int decimals, double value)
{
    bool rounds_to_zero = fabs(value) < 0.5 * pow(10, -decimals);
    if (isnan(value))
        snprintf(cell, TABLE_CELL_SIZE, "-");
    else
        snprintf(cell, TABLE_CELL_SIZE, "%.*f", decimals, rounds_to_zero ? 0 : value);
}

/* Four decimals tell shares and means apart; energies are sums over pairs, of any size. */
void cell_statistic(char *cell, int32_t statistic, double value)
{
    bool energy = statistic == QKVSIM_STATISTIC_OFFSET_ENERGY
                  || statistic == QKVSIM_STATISTIC_VARIANCE_ENERGY;
    if (energy && !isnan(value))
        snprintf(cell, TABLE_CELL_SIZE, "%.5g", value);
    else
        cell_number(cell, 4, value);
}

void cell_interval(char *cell, int32_t statistic, double estimate, double low, double high)
{
    char numbers[3][TABLE_CELL_SIZE / 4];
    const double values[3] = { estimate, low, high };
    for (int i = 0; i < 3; i++) {
        char number[TABLE_CELL_SIZE];
        cell_statistic(number, statistic, values[i]);
        snprintf(numbers[i], sizeof numbers[i], "%.*s", (int)sizeof numbers[i] - 1, number);
    }
    if (isnan(estimate))
        snprintf(cell, TABLE_CELL_SIZE, "-");
    else if (isnan(low) || isnan(high))
        snprintf(cell, TABLE_CELL_SIZE, "%s [-]", numbers[0]);
    else
        snprintf(cell, TABLE_CELL_SIZE, "%s [%s .. %s]", numbers[0], numbers[1], numbers[2]);
}

void cell_null(char *cell, int32_t statistic, double observed, double mean)
{
    char left[TABLE_CELL_SIZE], right[TABLE_CELL_SIZE];
    bool equal = fabs(observed - mean) <= 1e-9 * fmax(fabs(observed), fabs(mean));
    cell_statistic(left, statistic, observed);
    cell_statistic(right, statistic, mean);
    if (isnan(observed) || isnan(mean))
        snprintf(cell, TABLE_CELL_SIZE, "-");
    else
        snprintf(cell, TABLE_CELL_SIZE, "%.60s %c %.60s", left,
                 equal             ? '='
                 : observed > mean ? '>'
                                   : '<',
                 right);
}

/* A bound must not be rounded down. */
static double round_up(double value, int digits)
{
    double unit = pow(10, floor(log10(value)) + 1 - digits);
    return unit * ceil(value / unit - 1e-9);
}

static bool is_at(double value, double bound)
{
    return fabs(value - bound) < 1e-9 * bound;
}

/* A fit is never below a tenth of what permutations can count. */
static void append_fit(char *cell, const struct p_value *of)
{
    if (is_at(of->fitted, of->least / 10))
        text_append(cell, TABLE_CELL_SIZE, ", fit <= %.2g", round_up(of->fitted, 2));
    else if (of->fitted < of->least)
        text_append(cell, TABLE_CELL_SIZE, ", fit %.2g", of->fitted);
}

void cell_p(char *cell, const struct p_value *of)
{
    if (of->p < 1 && is_at(of->p, of->least)) {
        snprintf(cell, TABLE_CELL_SIZE, "<= %.2g", round_up(of->least, 2));
        append_fit(cell, of);
    } else if (of->p < 0.001) {
        snprintf(cell, TABLE_CELL_SIZE, "%.2g", of->p);
    } else {
        cell_number(cell, 3, of->p);
    }
}

void cell_p_of_t(char *cell, double p)
{
    if (p < 0.001)
        snprintf(cell, TABLE_CELL_SIZE, "< 0.001");
    else
        cell_number(cell, 3, p);
}

void print_titled(FILE *stream, const struct shown *shown, const char *title, struct table *table)
{
    fputc('\n', stream);
    table_print_text(stream, title, shown->width);
    table_print(table, stream, shown->width);
    table_free(table);
}

void print_warnings(FILE *stream, const struct warnings *warnings, int width)
{
    bool any = false;
    for (int i = 0; i < warnings->count; i++) {
        const struct warning *warning = &warnings->items[i];
        char line[WARNING_SIZE + 16];
        if (!warning->in_table)
            continue;
        if (!any)
            fputc('\n', stream);
        any = true;
        snprintf(line, sizeof line, "warning: %s", warning->text);
        table_print_text(stream, line, width);
    }
}
