/*
 * A few numbers of each layer.
 */
#include "trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static void add_line(struct trend *trend, int32_t metric, int32_t statistic)
{
    if (!report_has_metric(&trend->shared, metric) || trend->line_count == TREND_LINES_MAX)
        return;
    for (int i = 0; i < trend->line_count; i++)
        if (trend->lines[i].metric == metric && trend->lines[i].statistic == statistic)
            return;
    trend->lines[trend->line_count++] = (struct trend_line){ metric, statistic };
}

/* The roll-ups of all heads of two parts where there are any, else the pair groups that are
 * chosen. */
static void choose_rows(struct trend *trend, const struct report *report)
{
    for (int32_t i = report->pair_group_count; i < report->row_count; i++) {
        const char *name = qkvsim_layout_row_name(report->layout, report->rows[i]);
        if (strstr(name, " heads") == NULL && trend->row_count < TREND_ROWS_MAX)
            trend->rows[trend->row_count++] = report->rows[i];
    }
    trend->rolled_up = trend->row_count > 0;
    if (!trend->rolled_up)
        trend->row_count = report_choose(report, TREND_ROWS_MAX, trend->rows);
}

static void begin(struct trend *trend, const struct report *report)
{
    *trend = (struct trend){ .shared = *report };
    for (int c = 0; c < report->condition_count; c++) {
        trend->condition_names[c] = report->conditions[c].name;
        trend->observations[c] = qkvsim_analysis_observations(report->conditions[c].analysis);
        trend->shared.conditions[c] = (struct condition){ 0 };
    }
    trend->shared.warnings = NULL;
    trend->shared.input = NULL;
    add_line(trend, report->options->statistic_metric, report->options->statistic);
    add_line(trend, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE);
    add_line(trend, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE);
    add_line(trend, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN_SQUARE);
    add_line(trend, QKVSIM_METRIC_SPEARMAN, QKVSIM_STATISTIC_MEAN_SQUARE);
    choose_rows(trend, report);
}

static size_t numbers_of_layer(const struct trend *trend)
{
    return (size_t)trend->shared.condition_count * (size_t)trend->line_count
           * (size_t)trend->row_count * TREND_NUMBERS;
}

static bool grow(struct trend *trend, struct failure *failure)
{
    if (trend->layers < trend->capacity)
        return true;
    int capacity = trend->capacity == 0 ? 32 : 2 * trend->capacity;
    void *names = realloc(trend->names, (size_t)capacity * sizeof *trend->names);
    if (names == NULL)
        return fail_no_memory(failure);
    trend->names = names;
    void *values =
        realloc(trend->values, (size_t)capacity * numbers_of_layer(trend) * sizeof *trend->values);
    if (values == NULL)
        return fail_no_memory(failure);
    trend->values = values;
    trend->capacity = capacity;
    return true;
}

/* Keeps the numbers of one statistic of a row. */
static void keep(double *numbers, const struct condition *condition, int32_t row,
                 const struct trend_line *line)
{
    static const int32_t what[TREND_NUMBERS] = { [TREND_ESTIMATE] = QKVSIM_SUMMARY_ESTIMATE,
                                                 [TREND_LOW] = QKVSIM_SUMMARY_LOW,
                                                 [TREND_HIGH] = QKVSIM_SUMMARY_HIGH };
    numbers[TREND_VALUE] =
        qkvsim_analysis_statistic(condition->analysis, row, line->metric, line->statistic);
    for (int i = TREND_ESTIMATE; i <= TREND_HIGH; i++)
        numbers[i] = condition->intervals != NULL ? qkvsim_intervals_statistic(
                         condition->intervals, row, line->metric, line->statistic, what[i])
                                                  : (double)NAN;
}

/* What earlier layers have been warned of is not said again. */
static void keep_warnings(struct trend *trend, const struct report *report)
{
    struct warnings *kept = &trend->warnings;
    int earlier = kept->count;
    for (int i = 0; i < report->warnings->count; i++) {
        const struct warning *warning = &report->warnings->items[i];
        bool known = kept->count == WARNINGS_MAX;
        for (int k = 0; k < earlier; k++)
            known = known || strcmp(kept->items[k].code, warning->code) == 0;
        if (known)
            continue;
        char name[128];
        struct warning *added = &kept->items[kept->count++];
        *added = *warning;
        text_make_safe(report->layer, name, sizeof name);
        snprintf(added->text, sizeof added->text, "layer %s: %.250s", name, warning->text);
    }
}

bool trend_add(struct trend *trend, const struct report *report, int number,
               struct failure *failure)
{
    if (number == 0)
        begin(trend, report);
    if (!grow(trend, failure))
        return false;
    double *numbers = trend->values + (size_t)trend->layers * numbers_of_layer(trend);
    for (int c = 0; c < report->condition_count; c++)
        for (int i = 0; i < trend->line_count; i++)
            for (int32_t r = 0; r < trend->row_count; r++, numbers += TREND_NUMBERS)
                keep(numbers, &report->conditions[c], trend->rows[r], &trend->lines[i]);
    keep_warnings(trend, report);
    trend->names[trend->layers++] = report->layer;
    return true;
}

void trend_free(struct trend *trend)
{
    free(trend->names);
    free(trend->values);
    *trend = (struct trend){ 0 };
}

double trend_number(const struct trend *trend, int layer, int condition, int line, int32_t row,
                    int which)
{
    int block = (layer * trend->shared.condition_count + condition) * trend->line_count + line;
    size_t cell = (size_t)block * (size_t)trend->row_count + (size_t)row;
    return trend->values[cell * TREND_NUMBERS + (size_t)which];
}

const char *trend_line_name(const struct trend *trend, int line, char name[REPORT_STATISTIC_SIZE])
{
    return report_statistic_name(trend->lines[line].metric, trend->lines[line].statistic, name);
}
