/*
 * The report as a table for the terminal: per condition, pair group and metric one line.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_cells.h"
#include "report_table_inference.h"
#include "text.h"

enum { SHOWN_ALL = 30, SHOWN_LARGEST = 20 };
/* The last three are of one statistic: INTERVAL with intervals, the others with a baseline. */
enum { NAME, PAIRS, METRIC, MEAN, SD, HISTOGRAM, OFFSET, INTERVAL, NULL_MEAN, P, COLUMNS };

/* What the lines of a condition need besides its results. */
struct lines {
    const struct report *report;
    const struct shown *shown;
    int histogram_width;
    double *shares; /* room for one histogram */
};

static void histogram_cell(char *cell, const struct lines *lines, const struct condition *condition,
                           int32_t pair_group, int32_t metric)
{
    char drawn[TABLE_CELL_SIZE];
    report_shares(condition, pair_group, metric, lines->shares);
    table_draw_histogram(drawn, lines->shares, (int)lines->report->options->bins,
                         lines->histogram_width);
    snprintf(cell, TABLE_CELL_SIZE, "|%.*s|", TABLE_CELL_SIZE - 3, drawn);
}

static void interval_cell(char *cell, const struct condition *condition, int32_t row,
                          int32_t metric, int32_t statistic)
{
    double numbers[QKVSIM_SUMMARY_SE + 1];
    for (int32_t what = QKVSIM_SUMMARY_LOW; what <= QKVSIM_SUMMARY_SE; what++)
        numbers[what] =
            qkvsim_intervals_statistic(condition->intervals, row, metric, statistic, what);
    double estimate = numbers[QKVSIM_SUMMARY_ESTIMATE];
    if (isnan(estimate))
        estimate = qkvsim_analysis_statistic(condition->analysis, row, metric, statistic);
    cell_interval(cell, statistic, estimate, numbers[QKVSIM_SUMMARY_LOW],
                  numbers[QKVSIM_SUMMARY_HIGH]);
}

/* The interval and the p-value of the table's statistic, in the line of its metric. */
static void inference_cells(char (*cells)[TABLE_CELL_SIZE], const struct report *report,
                            const struct condition *condition, int32_t row, int32_t metric)
{
    int32_t of;
    int32_t statistic = table_statistic(report, &of);
    if (metric != of)
        return;
    if (condition->intervals != NULL)
        interval_cell(cells[INTERVAL], condition, row, metric, statistic);
    const qkvsim_baseline *baseline = condition->baseline;
    if (baseline == NULL)
        return;
    int32_t tested = table_tested_statistic(report, &of);
    const int32_t shown = table_p(report);
    const struct p_value p = {
        qkvsim_baseline_statistic(baseline, row, metric, tested, shown),
        qkvsim_baseline_statistic(baseline, row, metric, tested, QKVSIM_SUMMARY_P_LEAST),
        shown == QKVSIM_SUMMARY_P
            ? qkvsim_baseline_statistic(baseline, row, metric, tested, QKVSIM_SUMMARY_P_FITTED)
            : (double)NAN
    };
    /* Where the scheme changes nothing, observed and mean differ by rounding alone. */
    double mean =
        isnan(p.p) ? (double)NAN
                   : qkvsim_baseline_statistic(baseline, row, metric, tested, QKVSIM_SUMMARY_MEAN);
    cell_null(cells[NULL_MEAN], tested,
              qkvsim_baseline_statistic(baseline, row, metric, tested, QKVSIM_SUMMARY_OBSERVED),
              mean);
    cell_p(cells[P], &p);
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
        int64_t pairs = qkvsim_layout_pairs(qkvsim_analysis_layout(analysis), pair_group);
        snprintf(row[NAME], TABLE_CELL_SIZE, "%s",
                 qkvsim_layout_row_name(qkvsim_analysis_layout(analysis), pair_group));
        snprintf(row[PAIRS], TABLE_CELL_SIZE, "%s", text_count(pairs, count));
    }
    snprintf(row[METRIC], TABLE_CELL_SIZE, "%s", metric->key);
    int32_t number = metric->number;
    cell_number(row[MEAN], 4,
                qkvsim_analysis_statistic(analysis, pair_group, number, QKVSIM_STATISTIC_MEAN));
    cell_number(
        row[SD], 4,
        sqrt(qkvsim_analysis_statistic(analysis, pair_group, number, QKVSIM_STATISTIC_VARIANCE)));
    histogram_cell(row[HISTOGRAM], lines, condition, pair_group, number);
    if (number == QKVSIM_METRIC_COSINE)
        cell_number(row[OFFSET], 3,
                    qkvsim_analysis_statistic(analysis, pair_group, QKVSIM_METRIC_COSINE,
                                              QKVSIM_STATISTIC_OFFSET_SHARE));
    inference_cells(row, lines->report, condition, pair_group, number);
    return true;
}

static void print_undefined(FILE *stream, const struct report *report,
                            const struct condition *condition, int width)
{
    for (int m = 0; m < REPORT_METRICS; m++) {
        int64_t count = 0;
        int32_t metric = report_metrics[m].number;
        if (report_has_metric(report, metric))
            qkvsim_analysis_undefined_features(condition->analysis, metric, &count);
        char line[128];
        snprintf(line, sizeof line, "%" PRId64 " %s no %s", count,
                 count == 1 ? "feature has" : "features have", report_metrics[m].key);
        if (count > 0)
            table_print_text(stream, line, width);
    }
}

static void condition_title(const struct condition *condition, char *title, size_t size)
{
    char count[TEXT_COUNT_SIZE];
    int64_t dropped = 0;
    qkvsim_analysis_dropped(condition->analysis, &dropped);
    int64_t observations = qkvsim_analysis_observations(condition->analysis);
    snprintf(title, size, "%s: %s observation%s", condition->name, text_count(observations, count),
             observations == 1 ? "" : "s");
    if (dropped > 0)
        text_append(title, size, ", %s dropped for NaN or infinity", text_count(dropped, count));
}

static bool print_condition(FILE *stream, const struct lines *lines,
                            const struct condition *condition)
{
    struct table_column columns[COLUMNS] = { { "pairs of", true, 12 }, { "pairs", false, 4 },
                                             { "metric", true, 11 },   { "mean", false, 10 },
                                             { "sd", false, 6 },       { "-1 .. 1", true, 5 },
                                             { "offset", false, 8 },   { "interval", true, 8 },
                                             { "null", true, 7 },      { "p", false, 9 } };
    const struct report *report = lines->report;
    int32_t metric;
    bool share = table_statistic(report, &metric) == QKVSIM_STATISTIC_OFFSET_SHARE;
    if (condition->intervals == NULL)
        columns[INTERVAL].importance = 0;
    else if (share)
        columns[INTERVAL].title =
            "offset share"; /* the estimate makes the observed one superfluous */
    if (!report_has_metric(report, QKVSIM_METRIC_COSINE) || (share && condition->intervals != NULL))
        columns[OFFSET].importance = 0;
    if (condition->baseline == NULL)
        columns[NULL_MEAN].importance = columns[P].importance = 0;
    struct table table = { .columns = columns, .column_count = COLUMNS };
    bool done = true;
    for (int32_t i = 0; done && i < lines->shown->count; i++) {
        bool first = true;
        for (int m = 0; done && m < REPORT_METRICS; m++)
            if (report_has_metric(report, report_metrics[m].number)) {
                done = add_line(&table, lines, condition, lines->shown->rows[i], &report_metrics[m],
                                first);
                first = false;
            }
    }
    char title[256];
    condition_title(condition, title, sizeof title);
    print_titled(stream, lines->shown, title, &table);
    print_undefined(stream, report, condition, lines->shown->width);
    return done;
}

/* "replicates: 20 blocks", or where the conditions differ, each one's. */
static void print_replicates(FILE *stream, const struct report *report, int width)
{
    const char *unit =
        report->options->interval == QKVSIM_METHOD_JACKKNIFE ? "blocks" : "resamples";
    const struct condition *conditions = report->conditions;
    char line[160];
    int64_t first = qkvsim_intervals_replicates(conditions[0].intervals), last = first;
    if (report->condition_count == 2)
        last = qkvsim_intervals_replicates(conditions[1].intervals);
    if (first == last)
        snprintf(line, sizeof line, "replicates: %" PRId64 " %s", first, unit);
    else
        snprintf(line, sizeof line, "replicates: %" PRId64 " %s for %s, %" PRId64 " for %s", first,
                 unit, conditions[0].name, last, conditions[1].name);
    table_print_text(stream, line, width);
}

/* "baseline of 99 permutations for each condition", or where a condition has no more different ones
 * than asked for, how many each has. */
static void permutations_of(const struct report *report, char *line, size_t size)
{
    bool all = false;
    for (int c = 0; c < report->condition_count; c++)
        all = all || qkvsim_baseline_enumerated(report->conditions[c].baseline) != 0;
    snprintf(line, size, "baseline of ");
    for (int c = 0; all && c < report->condition_count; c++) {
        const qkvsim_baseline *baseline = report->conditions[c].baseline;
        bool every = qkvsim_baseline_enumerated(baseline) != 0;
        text_append(line, size, "%s%s%" PRId64 " permutations for %s", c > 0 ? ", " : "",
                    every ? "all the other " : "", qkvsim_baseline_permutations(baseline),
                    report->conditions[c].name);
    }
    if (!all)
        text_append(line, size, "%" PRId64 " permutations for each condition",
                    report->options->permutations);
}

/* What the columns "null" and "p" are of. */
static void print_baseline(FILE *stream, const struct report *report, int width)
{
    const struct options *options = report->options;
    char line[256], name[REPORT_STATISTIC_SIZE], adjustment[TABLE_ADJUSTMENT_SIZE];
    int32_t metric;
    int32_t tested = table_tested_statistic(report, &metric);
    report_statistic_name(metric, tested, name);
    permutations_of(report, line, sizeof line);
    text_append(line, sizeof line, ", scheme %s%s", options_scheme_name(options->scheme),
                options->exchange == QKVSIM_EXCHANGE_SEGMENTS ? " by segments" : "");
    if (options->covariates != NULL)
        text_append(line, sizeof line, ", covariates: %" PRId64,
                    qkvsim_baseline_covariates(report->conditions[0].baseline));
    text_append(line, sizeof line, ", seed %" PRIu64, options->seed);
    table_print_text(stream, line, width);
    snprintf(line, sizeof line, "p: of the %s, two-sided%s", name,
             table_adjustment(report, false, adjustment));
    table_print_text(stream, line, width);
    snprintf(line, sizeof line, "null: the %s, above (>) or below (<) the permutations' mean%s",
             name, tested == QKVSIM_STATISTIC_OFFSET_SHARE_RAW ? "; n biases both alike" : "");
    table_print_text(stream, line, width);
}

static void print_method(FILE *stream, const struct report *report, int width)
{
    const struct options *options = report->options;
    char line[256], name[REPORT_STATISTIC_SIZE];
    if (options->permutations > 0)
        print_baseline(stream, report, width);
    if (options->interval != 0) {
        snprintf(line, sizeof line, "interval: %g %% for the %s, %s", 100 * options->level,
                 table_statistic_name(report, name),
                 options->interval == QKVSIM_METHOD_JACKKNIFE
                     ? "jackknife, behind the estimate that it corrects for bias"
                     : "bootstrap");
        table_print_text(stream, line, width);
        print_replicates(stream, report, width);
    }
}

static void print_heading(FILE *stream, const struct report *report, int width)
{
    enum { GROUPS_SHOWN = 12 };
    char line[1024], observations[TEXT_COUNT_SIZE], features[TEXT_COUNT_SIZE];
    char name[256];
    text_make_safe(report->input_name, name, sizeof name);
    snprintf(line, sizeof line, "%s: %s observations x %s features, %s", name,
             text_count(report->observations, observations), text_count(report->features, features),
             report->dtype);
    table_print_text(stream, line, width);
    int32_t groups = qkvsim_layout_groups(report->layout);
    snprintf(line, sizeof line, "groups");
    for (int32_t i = 0; i < groups && i < GROUPS_SHOWN; i++)
        text_append(line, sizeof line, " %s=%" PRId64, qkvsim_layout_group_name(report->layout, i),
                    qkvsim_layout_group_features(report->layout, i));
    if (groups > GROUPS_SHOWN)
        text_append(line, sizeof line, " ... (%" PRId32 ")", groups);
    table_print_text(stream, line, width);
    print_method(stream, report, width);
}

/* What the other columns leave of the width, or of 110 characters, from 12 to 40. */
static int histogram_width(const struct shown *shown)
{
    const struct report *report = shown->report;
    size_t longest = strlen("pairs of");
    for (int32_t i = 0; i < shown->count; i++) {
        size_t length = strlen(qkvsim_layout_row_name(report->layout, shown->rows[i]));
        longest = length > longest ? length : longest;
    }
    int others = (int)(longest < 100 ? longest : 100) + 49;
    others += report->options->permutations > 0 ? 27 : 0;
    others += report->options->interval != 0 ? 20 : 0;
    int left = (shown->width < 110 ? shown->width : 110) - others;
    return left < 12 ? 12 : left > 40 ? 40 : left;
}

/* All roll-ups, then the pair groups that are chosen. */
static bool choose_rows(struct shown *shown, const struct report *report)
{
    int32_t pair_groups = report->pair_group_count;
    int32_t rollups = report->row_count - pair_groups;
    shown->rows = calloc((size_t)rollups + SHOWN_ALL, sizeof *shown->rows);
    if (shown->rows == NULL)
        return false;
    for (int32_t i = 0; i < rollups; i++)
        shown->rows[i] = report->rows[pair_groups + i];
    int32_t limit = pair_groups <= SHOWN_ALL ? SHOWN_ALL : SHOWN_LARGEST;
    shown->count = rollups + report_choose(report, limit, shown->rows + rollups);
    return true;
}

static void print_choice(FILE *stream, const struct shown *shown)
{
    const struct report *report = shown->report;
    int32_t count = shown->count - (report->row_count - report->pair_group_count);
    char line[160], name[REPORT_STATISTIC_SIZE];
    if (count == report->pair_group_count)
        return;
    snprintf(line, sizeof line,
             "shown: %" PRId32 " of %" PRId32
             " pair groups, those of largest %s; the rest are in --json and --csv",
             count, report->pair_group_count, report_chosen_name(report, name));
    fputc('\n', stream);
    table_print_text(stream, line, shown->width);
}

static bool print_tables(FILE *stream, const struct lines *lines)
{
    const struct report *report = lines->report;
    const struct shown *shown = lines->shown;
    /* What compares the conditions shows roll-ups alone, where there are any. */
    struct shown few = *shown;
    if (report->row_count > report->pair_group_count)
        few.count = report->row_count - report->pair_group_count;
    bool done = true;
    for (int i = 0; done && i < report->condition_count; i++)
        done = print_condition(stream, lines, &report->conditions[i]);
    return done && (report->options->contrast_count == 0 || print_contrasts(stream, shown))
           && (report->comparison == NULL || print_distances(stream, &few))
           && ((report->comparison == NULL && report->selection_contrast == NULL)
               || print_differences(stream, &few));
}

bool report_write_table(FILE *stream, const struct report *report, struct failure *failure)
{
    struct shown shown = { .report = report, .width = table_terminal_width() };
    struct lines lines = { .report = report, .shown = &shown };
    lines.shares = calloc((size_t)report->options->bins, sizeof *lines.shares);
    bool done = lines.shares != NULL && choose_rows(&shown, report);
    if (done) {
        lines.histogram_width = histogram_width(&shown);
        print_heading(stream, report, shown.width);
        done = print_tables(stream, &lines);
        print_choice(stream, &shown);
        print_warnings(stream, report->warnings, shown.width);
    }
    free(lines.shares);
    free(shown.rows);
    return done || fail_no_memory(failure);
}
