/*
 * Tables of what compares: contrasts of pair groups, and targets with non-targets.
 */
#include <inttypes.h>

#include "report_table.h"
#include "text.h"

static const struct table_column contrast_columns[] = {
    { "difference of", true, 9 }, { "observed", false, 4 }, { "estimate", false, 6 },
    { "se", false, 3 },           { "interval", true, 8 },  { "p", false, 7 }
};
enum { CONTRAST_COLUMNS = sizeof contrast_columns / sizeof contrast_columns[0] };

/* A line of a contrast's numbers, or with b < 0 of the selections' difference. */
static bool add_difference(struct table *table, const struct report *report, const char *name,
                           const qkvsim_intervals *intervals, int32_t a, int32_t b)
{
    static const int32_t numbers[] = { QKVSIM_SUMMARY_OBSERVED, QKVSIM_SUMMARY_ESTIMATE,
                                       QKVSIM_SUMMARY_SE };
    char(*row)[TABLE_CELL_SIZE] = table_add_row(table);
    if (row == NULL)
        return false;
    int32_t metric;
    int32_t statistic = table_statistic(report, &metric);
    snprintf(row[0], TABLE_CELL_SIZE, "%s", name);
    for (int i = 0; i < 3; i++)
        cell_number(row[i + 1], 4,
                    report_difference(intervals, a, b, metric, statistic, numbers[i]));
    cell_interval(row[4], report_difference(intervals, a, b, metric, statistic, QKVSIM_SUMMARY_LOW),
                  report_difference(intervals, a, b, metric, statistic, QKVSIM_SUMMARY_HIGH));
    cell_p(row[5], report_difference(intervals, a, b, metric, statistic, QKVSIM_SUMMARY_P));
    return true;
}

/* "jackknife of 20 blocks, 95 % intervals" */
static void method_of(const struct report *report, const qkvsim_intervals *intervals, char *text,
                      size_t size)
{
    const struct options *options = report->options;
    bool jackknife = options->interval == QKVSIM_METHOD_JACKKNIFE;
    snprintf(text, size, "%g %% intervals, %s of %" PRId64 " %s", 100 * options->level,
             options_interval_name(options->interval), qkvsim_intervals_replicates(intervals),
             jackknife ? "blocks" : "resamples");
}

bool print_contrasts(FILE *stream, const struct shown *shown)
{
    const struct report *report = shown->report;
    bool done = true;
    for (int c = 0; done && c < report->condition_count; c++) {
        const struct condition *condition = &report->conditions[c];
        struct table table = { .columns = contrast_columns, .column_count = CONTRAST_COLUMNS };
        char name[REPORT_STATISTIC_SIZE], method[96], title[256];
        for (int i = 0; done && i < report->options->contrast_count; i++) {
            const struct contrast *contrast = &report->contrasts[i];
            char names[TABLE_CELL_SIZE];
            snprintf(names, sizeof names, "%s - %s",
                     qkvsim_layout_row_name(report->layout, contrast->a),
                     qkvsim_layout_row_name(report->layout, contrast->b));
            done = add_difference(&table, report, names, condition->intervals, contrast->a,
                                  contrast->b);
        }
        method_of(report, condition->intervals, method, sizeof method);
        snprintf(title, sizeof title, "%s, %s of one less the other: %s", condition->name,
                 table_statistic_name(report, name), method);
        print_titled(stream, shown, title, &table);
    }
    return done;
}

bool print_selection_contrast(FILE *stream, const struct shown *shown)
{
    const struct report *report = shown->report;
    struct table table = { .columns = contrast_columns, .column_count = CONTRAST_COLUMNS };
    char name[REPORT_STATISTIC_SIZE], method[96], title[256];
    bool done = true;
    for (int32_t i = 0; done && i < shown->count; i++)
        done =
            add_difference(&table, report, qkvsim_layout_row_name(report->layout, shown->rows[i]),
                           report->selection_contrast, shown->rows[i], -1);
    method_of(report, report->selection_contrast, method, sizeof method);
    snprintf(title, sizeof title, "targets less non-targets, %s: %s",
             table_statistic_name(report, name), method);
    print_titled(stream, shown, title, &table);
    return done;
}

static bool add_distances(struct table *table, const struct report *report, int32_t row,
                          const struct report_word *metric, bool first)
{
    char(*cells)[TABLE_CELL_SIZE] = table_add_row(table);
    if (cells == NULL)
        return false;
    if (first)
        snprintf(cells[0], TABLE_CELL_SIZE, "%s", qkvsim_layout_row_name(report->layout, row));
    snprintf(cells[1], TABLE_CELL_SIZE, "%s", metric->key);
    const qkvsim_comparison *comparison = report->comparison;
    int32_t p_of_distance = table_adjusts(report) ? QKVSIM_SUMMARY_P_MAX : QKVSIM_SUMMARY_P;
    int32_t p = table_adjusts(report) ? QKVSIM_SUMMARY_P_MAX : QKVSIM_SUMMARY_P;
    for (int i = 0; i < REPORT_DISTANCES; i++) {
        int32_t distance = report_distances[i].number;
        cell_number(cells[2 + 2 * i], 3,
                    qkvsim_comparison_distance(comparison, row, metric->number, distance,
                                               QKVSIM_SUMMARY_MATCHED));
        cell_p(cells[3 + 2 * i], qkvsim_comparison_distance(comparison, row, metric->number,
                                                            distance, p_of_distance));
    }
    cell_p(cells[8],
           qkvsim_comparison_difference(comparison, row, metric->number, QKVSIM_STATISTIC_MEAN, p));
    cell_p(cells[9], qkvsim_comparison_difference(comparison, row, metric->number,
                                                  QKVSIM_STATISTIC_VARIANCE, p));
    return true;
}

bool print_comparison(FILE *stream, const struct shown *shown)
{
    static const struct table_column columns[] = {
        { "pairs of", true, 10 }, { "metric", true, 9 }, { "KS", false, 8 }, { "p", false, 7 },
        { "W1", false, 4 },       { "p", false, 3 },     { "JS", false, 6 }, { "p", false, 5 },
        { "p mean", false, 1 },   { "p var.", false, 2 }
    };
    const struct report *report = shown->report;
    const struct options *options = report->options;
    struct table table = { .columns = columns, .column_count = sizeof columns / sizeof columns[0] };
    bool done = true;
    for (int32_t i = 0; done && i < shown->count; i++) {
        bool first = true;
        for (int m = 0; done && m < REPORT_METRICS; m++)
            if (report_has_metric(report, report_metrics[m].number)) {
                done = add_distances(&table, report, shown->rows[i], &report_metrics[m], first);
                first = false;
            }
    }
    char line[256], adjustment[TABLE_ADJUSTMENT_SIZE];
    snprintf(line, sizeof line, "p: from %" PRId64 " relabellings (%s), seed %" PRIu64 "%s",
             options->compare, options_relabel_name(options->relabel), options->seed,
             table_adjustment(report, true, adjustment));
    fputs("\n", stream);
    table_print_text(stream, "targets against non-targets: distances at equal sizes", shown->width);
    table_print_text(stream, line, shown->width);
    table_print(&table, stream, shown->width);
    table_free(&table);
    return done;
}
