/*
 * The report as a table for the terminal: per condition, pair group and metric one line.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "table.h"
#include "text.h"

enum { SHOWN_ALL = 30, SHOWN_LARGEST = 20 };
enum { NAME, PAIRS, METRIC, MEAN, SD, HISTOGRAM, OFFSET, P_MEAN, P_VARIANCE, COLUMNS };

/* What an analysis needs for its lines besides the report. */
struct lines {
    const struct report *report;
    int histogram_width;
    double *shares; /* room for one histogram */
};

static void number_cell(char *cell, int decimals, double value)
{
    bool rounds_to_zero = fabs(value) < 0.5 * pow(10, -decimals);
    if (isnan(value))
        snprintf(cell, TABLE_CELL_SIZE, "-");
    else
        snprintf(cell, TABLE_CELL_SIZE, "%.*f", decimals, rounds_to_zero ? 0 : value);
}

static void histogram_cell(char *cell, const struct lines *lines, const struct condition *condition,
                           int32_t pair_group, int32_t metric)
{
    char drawn[TABLE_CELL_SIZE];
    report_shares(condition, pair_group, metric, lines->shares);
    table_draw_histogram(drawn, lines->shares, (int)lines->report->bins, lines->histogram_width);
    snprintf(cell, TABLE_CELL_SIZE, "|%.*s|", TABLE_CELL_SIZE - 3, drawn);
}

static void p_cell(char *cell, const struct condition *condition, int32_t pair_group,
                   int32_t metric, int32_t statistic)
{
    double p = qkvsim_baseline_statistic(condition->baseline, pair_group, metric, statistic,
                                         QKVSIM_NULL_P);
    if (p < 0.001)
        snprintf(cell, TABLE_CELL_SIZE, "%.1e", p);
    else
        number_cell(cell, 3, p);
}

static bool add_line(struct table *table, const struct lines *lines,
                     const struct condition *condition, int32_t pair_group,
                     const struct report_word *metric, bool first)
{
    const qkvsim_analysis *analysis = condition->analysis;
    char(*row)[TABLE_CELL_SIZE] = table_add_row(table);
    if (row == NULL)
        return false;
    if (first) {
        char count[TEXT_COUNT_SIZE];
        int64_t pairs = qkvsim_analysis_pairs(analysis, pair_group);
        snprintf(row[NAME], TABLE_CELL_SIZE, "%s", qkvsim_analysis_name(analysis, pair_group));
        snprintf(row[PAIRS], TABLE_CELL_SIZE, "%s", text_count(pairs, count));
    }
    snprintf(row[METRIC], TABLE_CELL_SIZE, "%s", metric->key);
    int32_t number = metric->number;
    number_cell(row[MEAN], 4, qkvsim_analysis_statistic(analysis, pair_group, number, QKVSIM_MEAN));
    number_cell(row[SD], 4,
                sqrt(qkvsim_analysis_statistic(analysis, pair_group, number, QKVSIM_VARIANCE)));
    histogram_cell(row[HISTOGRAM], lines, condition, pair_group, number);
    if (number == QKVSIM_COSINE)
        number_cell(row[OFFSET], 3,
                    qkvsim_analysis_offset(analysis, pair_group, QKVSIM_OFFSET_SHARE));
    if (condition->baseline != NULL) {
        p_cell(row[P_MEAN], condition, pair_group, number, QKVSIM_MEAN);
        p_cell(row[P_VARIANCE], condition, pair_group, number, QKVSIM_VARIANCE);
    }
    return true;
}

static void print_undefined(FILE *stream, const struct lines *lines,
                            const struct condition *condition, int width)
{
    for (int m = 0; m < REPORT_METRICS; m++) {
        int64_t count = 0;
        int32_t metric = report_metrics[m].number;
        if ((lines->report->metrics & metric) != 0)
            qkvsim_analysis_undefined_features(condition->analysis, metric, &count);
        char line[128];
        snprintf(line, sizeof line, "%" PRId64 " %s no %s", count,
                 count == 1 ? "feature has" : "features have", report_metrics[m].key);
        if (count > 0)
            table_print_line(stream, line, width);
    }
}

static bool print_condition(FILE *stream, const struct lines *lines,
                            const struct condition *condition, const int32_t *chosen,
                            int32_t chosen_count, int width)
{
    static const struct table_column columns[COLUMNS] = {
        { "pairs of", true, 10 }, { "pairs", false, 3 },  { "metric", true, 9 },
        { "mean", false, 8 },     { "sd", false, 7 },     { "-1 .. 1", true, 6 },
        { "offset", false, 5 },   { "p mean", false, 1 }, { "p var.", false, 2 }
    };
    const struct report *report = lines->report;
    int shown = condition->baseline != NULL ? COLUMNS : P_MEAN;
    struct table table = { .columns = columns, .column_count = shown };
    bool done = true;
    for (int32_t i = 0; done && i < chosen_count; i++) {
        bool first = true;
        for (int m = 0; done && m < REPORT_METRICS; m++)
            if ((report->metrics & report_metrics[m].number) != 0) {
                done = add_line(&table, lines, condition, chosen[i], &report_metrics[m], first);
                first = false;
            }
    }
    if (done) {
        char line[256], count[TEXT_COUNT_SIZE];
        int64_t dropped = 0;
        qkvsim_analysis_dropped(condition->analysis, &dropped);
        int64_t observations = qkvsim_analysis_observations(condition->analysis);
        int length = snprintf(line, sizeof line, "%s: %s observation%s", condition->name,
                              text_count(observations, count), observations == 1 ? "" : "s");
        if (dropped > 0)
            snprintf(line + length, sizeof line - (size_t)length,
                     ", %s dropped for NaN or infinity", text_count(dropped, count));
        fputc('\n', stream);
        table_print_line(stream, line, width);
        table_print(&table, stream, width);
        print_undefined(stream, lines, condition, width);
    }
    table_free(&table);
    return done;
}

static void print_heading(FILE *stream, const struct report *report, int width)
{
    enum { GROUPS_SHOWN = 12 };
    char line[1024], observations[TEXT_COUNT_SIZE], features[TEXT_COUNT_SIZE];
    char name[256];
    text_make_safe(text_file_name(report->input_name), name, sizeof name);
    snprintf(line, sizeof line, "%s: %s observations x %s features, %s", name,
             text_count(report->observations, observations), text_count(report->features, features),
             report->dtype);
    table_print_line(stream, line, width);
    int32_t groups = qkvsim_layout_groups(report->layout);
    int length = snprintf(line, sizeof line, "groups");
    for (int32_t i = 0; i < groups && i < GROUPS_SHOWN; i++) {
        int left = (int)sizeof line - length;
        int added = snprintf(line + length, (size_t)left, " %s=%" PRId64,
                             qkvsim_layout_group_name(report->layout, i),
                             qkvsim_layout_group_features(report->layout, i));
        length += added < left ? added : left - 1;
    }
    if (groups > GROUPS_SHOWN)
        snprintf(line + length, sizeof line - (size_t)length, " ... (%" PRId32 ")", groups);
    table_print_line(stream, line, width);
    if (report->permutations > 0) {
        snprintf(line, sizeof line,
                 "baseline of %" PRId64 " permutations for each condition, scheme %s, seed %" PRId64
                 "; p is two-sided",
                 report->permutations, report->scheme, report->seed);
        table_print_line(stream, line, width);
    }
}

/* What the other columns leave of the width, from 12 to 40 characters. */
static int histogram_width(const struct report *report, int width)
{
    size_t longest = strlen("pairs of");
    for (int32_t i = 0; i < report->pair_group_count; i++) {
        size_t length =
            strlen(qkvsim_layout_pair_group_name(report->layout, report->pair_groups[i]));
        longest = length > longest ? length : longest;
    }
    int others = (int)(longest < 100 ? longest : 100) + (report->permutations > 0 ? 65 : 49);
    int left = width - others;
    return left < 12 ? 12 : left > 40 ? 40 : left;
}

bool report_write_table(FILE *stream, const struct report *report, struct failure *failure)
{
    int width = table_terminal_width();
    int32_t total = report->pair_group_count;
    struct lines lines = { .report = report, .histogram_width = histogram_width(report, width) };
    int32_t chosen[SHOWN_ALL];
    int32_t count = report_choose(report, total <= SHOWN_ALL ? SHOWN_ALL : SHOWN_LARGEST, chosen);
    lines.shares = calloc((size_t)report->bins, sizeof *lines.shares);
    if (lines.shares == NULL)
        return fail_no_memory(failure);
    print_heading(stream, report, width);
    bool done = true;
    for (int i = 0; done && i < report->condition_count; i++)
        done = print_condition(stream, &lines, &report->conditions[i], chosen, count, width);
    if (done && count < total) {
        char line[160], name[REPORT_STATISTIC_SIZE];
        snprintf(line, sizeof line,
                 "shown: %" PRId32 " of %" PRId32
                 " pair groups, those of largest %s; the rest are in --json and --csv",
                 count, total, report_statistic_name(report, name));
        fputc('\n', stream);
        table_print_line(stream, line, width);
    }
    free(lines.shares);
    return done || fail_no_memory(failure);
}
