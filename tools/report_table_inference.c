/*
 * Tables of what compares: contrasts of pair groups, and targets with non-targets.
 */
#include "report_table_inference.h"

#include <inttypes.h>
#include <math.h>

#include "text.h"

static const struct table_column contrast_columns[] = { { "difference of", true, 9 },
                                                        { "observed", false, 4 },
                                                        { "estimate and interval", true, 8 },
                                                        { "se", false, 3 },
                                                        { "p", false, 7 } };
enum { CONTRAST_COLUMNS = sizeof contrast_columns / sizeof contrast_columns[0] };

static bool add_contrast(struct table *table, const struct report *report,
                         const qkvsim_intervals *intervals, const struct contrast *contrast)
{
    char(*cells)[TABLE_CELL_SIZE] = table_add_row(table);
    if (cells == NULL)
        return false;
    int32_t metric;
    int32_t statistic = table_statistic(report, &metric);
    double numbers[QKVSIM_SUMMARY_SE + 1];
    for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_SE; what++)
        numbers[what] =
            report_difference(intervals, contrast->a, contrast->b, metric, statistic, what);
    snprintf(cells[0], TABLE_CELL_SIZE, "%s - %s",
             qkvsim_layout_row_name(report->layout, contrast->a),
             qkvsim_layout_row_name(report->layout, contrast->b));
    cell_statistic(cells[1], statistic, numbers[QKVSIM_SUMMARY_OBSERVED]);
    cell_interval(cells[2], statistic, numbers[QKVSIM_SUMMARY_ESTIMATE],
                  numbers[QKVSIM_SUMMARY_LOW], numbers[QKVSIM_SUMMARY_HIGH]);
    cell_statistic(cells[3], statistic, numbers[QKVSIM_SUMMARY_SE]);
    cell_p_of_t(cells[4], numbers[QKVSIM_SUMMARY_P]);
    return true;
}

/* "95 % intervals, jackknife of 20 blocks" */
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
        for (int i = 0; done && i < report->options->contrast_count; i++)
            done = add_contrast(&table, report, condition->intervals, &report->contrasts[i]);
        method_of(report, condition->intervals, method, sizeof method);
        snprintf(title, sizeof title, "%s, %s of one less the other: %s", condition->name,
                 table_statistic_name(report, name), method);
        print_titled(stream, shown, title, &table);
    }
    return done;
}

/* What the selections' differences are shown of: the table's statistic, and those that the number
 * of observations does not bias. */
enum { DIFFERENCES_MAX = 5 };
struct compared {
    int32_t metric;
    int32_t statistic;
};

static int choose_compared(const struct report *report, struct compared compared[DIFFERENCES_MAX])
{
    static const struct compared corrected[] = {
        { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE },
        { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE },
        { QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN_SQUARE },
        { QKVSIM_METRIC_SPEARMAN, QKVSIM_STATISTIC_MEAN_SQUARE }
    };
    compared[0].statistic = table_statistic(report, &compared[0].metric);
    int count = 1;
    for (size_t i = 0; i < sizeof corrected / sizeof corrected[0]; i++) {
        bool chosen = corrected[i].metric == compared[0].metric
                      && corrected[i].statistic == compared[0].statistic;
        if (!chosen && report_has_metric(report, corrected[i].metric))
            compared[count++] = corrected[i];
    }
    return count;
}

enum { OF, STATISTIC, FIRST, SECOND, DIFFERENCE, RELABELLED, P, DIFFERENCE_COLUMNS };

/* The difference with its interval, as the jackknife has it; without one as it was observed. */
static void difference_cell(char *cell, const struct report *report, int32_t row,
                            const struct compared *of, double observed)
{
    double numbers[QKVSIM_SUMMARY_SE + 1];
    if (report->selection_contrast == NULL) {
        cell_statistic(cell, of->statistic, observed);
        return;
    }
    for (int32_t what = QKVSIM_SUMMARY_LOW; what <= QKVSIM_SUMMARY_SE; what++)
        numbers[what] =
            report_difference(report->selection_contrast, row, -1, of->metric, of->statistic, what);
    double estimate = numbers[QKVSIM_SUMMARY_ESTIMATE];
    cell_interval(cell, of->statistic, isnan(estimate) ? observed : estimate,
                  numbers[QKVSIM_SUMMARY_LOW], numbers[QKVSIM_SUMMARY_HIGH]);
}

static bool add_difference(struct table *table, const struct report *report, int32_t row,
                           const struct compared *of, bool first)
{
    char(*cells)[TABLE_CELL_SIZE] = table_add_row(table);
    if (cells == NULL)
        return false;
    char name[REPORT_STATISTIC_SIZE];
    double values[2];
    if (first)
        snprintf(cells[OF], TABLE_CELL_SIZE, "%s", qkvsim_layout_row_name(report->layout, row));
    snprintf(cells[STATISTIC], TABLE_CELL_SIZE, "%s",
             report_statistic_name(of->metric, of->statistic, name));
    for (int i = 0; i < 2; i++) {
        values[i] = qkvsim_analysis_statistic(report->conditions[i].analysis, row, of->metric,
                                              of->statistic);
        cell_statistic(cells[FIRST + i], of->statistic, values[i]);
    }
    difference_cell(cells[DIFFERENCE], report, row, of, values[0] - values[1]);
    const qkvsim_comparison *comparison = report->comparison;
    if (comparison == NULL)
        return true;
    double mean = qkvsim_comparison_difference(comparison, row, of->metric, of->statistic,
                                               QKVSIM_SUMMARY_MEAN);
    cell_null(cells[RELABELLED], of->statistic, values[0] - values[1], mean);
    const int32_t shown = table_p(report);
    const struct p_value p = {
        qkvsim_comparison_difference(comparison, row, of->metric, of->statistic, shown),
        qkvsim_comparison_difference(comparison, row, of->metric, of->statistic,
                                     QKVSIM_SUMMARY_P_LEAST),
        shown == QKVSIM_SUMMARY_P ? qkvsim_comparison_difference(
            comparison, row, of->metric, of->statistic, QKVSIM_SUMMARY_P_FITTED)
                                  : (double)NAN
    };
    cell_p(cells[P], &p);
    return true;
}

static void print_difference_titles(FILE *stream, const struct shown *shown)
{
    const struct report *report = shown->report;
    char line[256], method[96], adjustment[TABLE_ADJUSTMENT_SIZE];
    snprintf(line, sizeof line, "%s less %s", report->conditions[0].name,
             report->conditions[1].name);
    if (report->selection_contrast != NULL) {
        method_of(report, report->selection_contrast, method, sizeof method);
        text_append(line, sizeof line, ": %s", method);
    }
    fputc('\n', stream);
    table_print_text(stream, line, shown->width);
    if (report->comparison == NULL)
        return;
    snprintf(line, sizeof line,
             "p: of the observed difference, beside its mean over relabellings, two-sided%s",
             table_adjustment(report, true, adjustment));
    table_print_text(stream, line, shown->width);
}

bool print_differences(FILE *stream, const struct shown *shown)
{
    const struct report *report = shown->report;
    struct table_column columns[DIFFERENCE_COLUMNS] = { { "pairs of", true, 10 },
                                                        { "statistic", true, 9 },
                                                        { report->conditions[0].name, false, 4 },
                                                        { report->conditions[1].name, false, 4 },
                                                        { "difference", true, 8 },
                                                        { "relabelled", true, 5 },
                                                        { "p", false, 7 } };
    if (report->comparison == NULL)
        columns[RELABELLED].importance = columns[P].importance = 0;
    struct table table = { .columns = columns, .column_count = DIFFERENCE_COLUMNS };
    struct compared compared[DIFFERENCES_MAX];
    int count = choose_compared(report, compared);
    bool done = true;
    for (int32_t i = 0; done && i < shown->count; i++)
        for (int k = 0; done && k < count; k++)
            done = add_difference(&table, report, shown->rows[i], &compared[k], k == 0);
    print_difference_titles(stream, shown);
    table_print(&table, stream, shown->width);
    table_free(&table);
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
    for (int i = 0; i < REPORT_DISTANCES; i++) {
        int32_t distance = report_distances[i].number;
        cell_number(cells[2 + 2 * i], 3,
                    qkvsim_comparison_distance(comparison, row, metric->number, distance,
                                               QKVSIM_SUMMARY_MATCHED));
        const struct p_value p = { qkvsim_comparison_distance(comparison, row, metric->number,
                                                              distance, table_p(report)),
                                   qkvsim_comparison_distance(comparison, row, metric->number,
                                                              distance, QKVSIM_SUMMARY_P_LEAST),
                                   NAN };
        cell_p(cells[3 + 2 * i], &p);
    }
    return true;
}

bool print_distances(FILE *stream, const struct shown *shown)
{
    static const struct table_column columns[] = { { "pairs of", true, 10 }, { "metric", true, 9 },
                                                   { "KS", false, 8 },       { "p", false, 7 },
                                                   { "W1", false, 4 },       { "p", false, 3 },
                                                   { "JS", false, 6 },       { "p", false, 5 } };
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
    snprintf(line, sizeof line,
             "p: from %" PRId64 " relabellings (%s%s), seed %" PRIu64 ", of a distance as large%s",
             qkvsim_comparison_permutations(report->comparison),
             options_relabel_name(options->relabel), options->centred ? ", centred" : "",
             options->seed, table_adjustment(report, true, adjustment));
    fputs("\n", stream);
    table_print_text(stream, "targets against non-targets: distances at equal sizes", shown->width);
    table_print_text(stream, line, shown->width);
    table_print(&table, stream, shown->width);
    table_free(&table);
    return done;
}
