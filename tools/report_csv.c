/*
 * The report as CSV, quoted as in RFC 4180: one line for each condition, row and metric; then one
 * for each contrast, and where the selections are compared, for their difference in each row.
 */
#include <inttypes.h>
#include <math.h>

#include "csv.h"
#include "report.h"

/* What one line is about. */
struct line {
    const struct report *report;
    const struct condition *condition; /* NULL: the first condition less the second */
    int32_t row;
    int32_t other; /* the row to be subtracted, of a contrast; else -1 */
    const struct report_word *metric;
};

static const struct report_word null_summaries[] = { { QKVSIM_SUMMARY_MEAN, "baseline_mean" },
                                                     { QKVSIM_SUMMARY_SD, "baseline_sd" },
                                                     { QKVSIM_SUMMARY_Z, "z" } };
static const struct report_word interval_numbers[] = { { QKVSIM_SUMMARY_LOW, "low" },
                                                       { QKVSIM_SUMMARY_HIGH, "high" },
                                                       { QKVSIM_SUMMARY_ESTIMATE, "estimate" },
                                                       { QKVSIM_SUMMARY_SE, "se" },
                                                       { QKVSIM_SUMMARY_P, "interval_p" } };
static const struct report_word matched_summaries[] = { { QKVSIM_SUMMARY_MEAN, "matched_mean" },
                                                        { QKVSIM_SUMMARY_SD, "matched_sd" },
                                                        { QKVSIM_SUMMARY_MINIMUM, "matched_min" },
                                                        { QKVSIM_SUMMARY_MAXIMUM, "matched_max" } };
static const struct report_word distance_numbers[] = {
    { QKVSIM_SUMMARY_OBSERVED, "value" },
    { QKVSIM_SUMMARY_MATCHED, "matched_value" },
    { QKVSIM_SUMMARY_MATCHED_MEAN, "matched_mean" },
    { QKVSIM_SUMMARY_MATCHED_SD, "matched_sd" },
    { QKVSIM_SUMMARY_MATCHED_MINIMUM, "matched_min" },
    { QKVSIM_SUMMARY_MATCHED_MAXIMUM, "matched_max" },
    { QKVSIM_SUMMARY_P, "p" },
    { QKVSIM_SUMMARY_P_BH, "p_bh" },
    { QKVSIM_SUMMARY_P_BH_ALL, "p_bh_all" },
    { QKVSIM_SUMMARY_P_MAX, "p_max" },
    { QKVSIM_SUMMARY_P_MAX_ALL, "p_max_all" },
    { QKVSIM_SUMMARY_P_FITTED, "p_fitted" }
};

enum {
    NULL_SUMMARIES = sizeof null_summaries / sizeof null_summaries[0],
    INTERVAL_NUMBERS = sizeof interval_numbers / sizeof interval_numbers[0],
    MATCHED_SUMMARIES = sizeof matched_summaries / sizeof matched_summaries[0],
    DISTANCE_NUMBERS = sizeof distance_numbers / sizeof distance_numbers[0]
};

/* Every field but the first of a line brings its comma along; what does not exist is empty. */
static void number_field(FILE *stream, double value)
{
    if (isfinite(value))
        fprintf(stream, ",%.17g", value);
    else
        fputc(',', stream);
}

static void integer_field(FILE *stream, int64_t value)
{
    fprintf(stream, ",%" PRId64, value);
}

static bool has_nulls(const struct report *report)
{
    return report->options->permutations > 0 || report->options->compare > 0;
}

static void write_header(FILE *stream, const struct report *report)
{
    fputs(report->layer != NULL ? "layer," : "", stream);
    fputs("condition,observations,kind,pair_group,code,pairs,metric,defined,undefined", stream);
    for (int i = 0; i < REPORT_STATISTICS; i++)
        fprintf(stream, ",%s", report_statistics[i].key);
    for (int i = 0; i < REPORT_OFFSET_PARTS; i++)
        fprintf(stream, ",%s", report_offset_parts[i].key);
    for (int i = 0; has_nulls(report) && i < REPORT_REPLICATED; i++) {
        for (int k = 0; k < NULL_SUMMARIES; k++)
            fprintf(stream, ",%s_%s", report_replicated[i].key, null_summaries[k].key);
        for (int k = 0; k < REPORT_P_VALUES; k++)
            fprintf(stream, ",%s_%s", report_replicated[i].key, report_p_values[k].key);
    }
    for (int i = 0; report->options->interval != 0 && i < REPORT_REPLICATED; i++)
        for (int k = 0; k < INTERVAL_NUMBERS; k++)
            fprintf(stream, ",%s_%s", report_replicated[i].key, interval_numbers[k].key);
    for (int i = 0; report->options->compare > 0 && i < REPORT_DISTANCES; i++)
        for (int k = 0; k < DISTANCE_NUMBERS; k++)
            fprintf(stream, ",%s_%s", report_distances[i].key, distance_numbers[k].key);
    for (int i = 0; report->options->compare > 0 && i < REPORT_REPLICATED; i++)
        for (int k = 0; k < MATCHED_SUMMARIES; k++)
            fprintf(stream, ",%s_%s", report_replicated[i].key, matched_summaries[k].key);
    fputs("\n", stream);
}

/* A statistic's value, or its difference. */
static double value_of(const struct line *line, int32_t statistic)
{
    const struct condition *conditions = line->report->conditions;
    const qkvsim_analysis *first =
        line->condition != NULL ? line->condition->analysis : conditions[0].analysis;
    int32_t metric = line->metric->number;
    double value = qkvsim_analysis_statistic(first, line->row, metric, statistic);
    if (line->condition == NULL)
        value -= qkvsim_analysis_statistic(conditions[1].analysis, line->row, metric, statistic);
    else if (line->other >= 0)
        value -= qkvsim_analysis_statistic(first, line->other, metric, statistic);
    return value;
}

static double null_of(const struct line *line, int32_t statistic, int32_t summary)
{
    int32_t metric = line->metric->number;
    if (line->condition == NULL)
        return qkvsim_comparison_difference(line->report->comparison, line->row, metric, statistic,
                                            summary);
    return line->other >= 0 ? (double)NAN
                            : qkvsim_baseline_statistic(line->condition->baseline, line->row,
                                                        metric, statistic, summary);
}

static double interval_of(const struct line *line, int32_t statistic, int32_t what)
{
    int32_t metric = line->metric->number;
    if (line->condition == NULL)
        return qkvsim_intervals_difference(line->report->selection_contrast, line->row, metric,
                                           statistic, what);
    return line->other >= 0 ? qkvsim_intervals_contrast(line->condition->intervals, line->row,
                                                        line->other, metric, statistic, what)
                            : qkvsim_intervals_statistic(line->condition->intervals, line->row,
                                                         metric, statistic, what);
}

static double distance_of(const struct line *line, int32_t distance, int32_t what)
{
    return line->condition != NULL
               ? (double)NAN
               : qkvsim_comparison_distance(line->report->comparison, line->row,
                                            line->metric->number, distance, what);
}

static double matched_of(const struct line *line, int32_t statistic, int32_t summary)
{
    return line->condition != NULL
               ? (double)NAN
               : qkvsim_comparison_matched(line->report->comparison, line->row,
                                           line->metric->number, statistic, summary);
}

/* The fields that say what a line is about. */
static void write_subject(FILE *stream, const struct line *line)
{
    const struct report *report = line->report;
    const qkvsim_layout *layout = report->layout;
    bool plain = line->condition != NULL && line->other < 0;
    bool rollup = line->row >= qkvsim_layout_pair_groups(layout);
    if (report->layer != NULL) {
        csv_quoted(stream, report->layer);
        fputc(',', stream);
    }
    if (line->condition != NULL) {
        fputs(line->condition->name, stream);
        integer_field(stream, qkvsim_analysis_observations(line->condition->analysis));
    } else {
        fprintf(stream, "%s - %s,", report->conditions[0].name, report->conditions[1].name);
    }
    fprintf(stream, ",%s,", line->other >= 0 ? "contrast" : rollup ? "rollup" : "pair_group");
    char name[512];
    snprintf(name, sizeof name, "%s%s%s", qkvsim_layout_row_name(layout, line->row),
             line->other >= 0 ? " - " : "",
             line->other >= 0 ? qkvsim_layout_row_name(layout, line->other) : "");
    csv_quoted(stream, name);
    bool coded = line->other < 0 && !rollup && report->codes != NULL;
    number_field(stream, coded ? (double)report->codes[line->row] : (double)NAN);
    if (line->other < 0)
        integer_field(stream, qkvsim_layout_pairs(layout, line->row));
    else
        fputc(',', stream);
    fprintf(stream, ",%s", line->metric->key);
    if (plain) {
        int64_t defined =
            qkvsim_analysis_defined(line->condition->analysis, line->row, line->metric->number);
        integer_field(stream, defined);
        integer_field(stream, qkvsim_layout_pairs(layout, line->row) - defined);
    } else {
        fputs(",,", stream);
    }
}

static void write_line(FILE *stream, const struct line *line)
{
    const struct options *options = line->report->options;
    write_subject(stream, line);
    for (int i = 0; i < REPORT_STATISTICS; i++)
        number_field(stream, value_of(line, report_statistics[i].number));
    for (int i = 0; i < REPORT_OFFSET_PARTS; i++)
        number_field(stream, value_of(line, report_offset_parts[i].number));
    for (int i = 0; has_nulls(line->report) && i < REPORT_REPLICATED; i++) {
        for (int k = 0; k < NULL_SUMMARIES; k++)
            number_field(stream,
                         null_of(line, report_replicated[i].number, null_summaries[k].number));
        for (int k = 0; k < REPORT_P_VALUES; k++)
            number_field(stream,
                         null_of(line, report_replicated[i].number, report_p_values[k].number));
    }
    for (int i = 0; options->interval != 0 && i < REPORT_REPLICATED; i++)
        for (int k = 0; k < INTERVAL_NUMBERS; k++)
            number_field(
                stream, interval_of(line, report_replicated[i].number, interval_numbers[k].number));
    for (int i = 0; options->compare > 0 && i < REPORT_DISTANCES; i++)
        for (int k = 0; k < DISTANCE_NUMBERS; k++)
            number_field(stream,
                         distance_of(line, report_distances[i].number, distance_numbers[k].number));
    for (int i = 0; options->compare > 0 && i < REPORT_REPLICATED; i++)
        for (int k = 0; k < MATCHED_SUMMARIES; k++)
            number_field(
                stream, matched_of(line, report_replicated[i].number, matched_summaries[k].number));
    fputs("\n", stream);
}

/* One line for each metric in use. */
static void write_lines(FILE *stream, const struct report *report,
                        const struct condition *condition, int32_t row, int32_t other)
{
    for (int m = 0; m < REPORT_METRICS; m++)
        if (report_has_metric(report, report_metrics[m].number))
            write_line(stream, &(struct line){ report, condition, row, other, &report_metrics[m] });
}

void report_add_csv(FILE *stream, const struct report *report, int number)
{
    if (number == 0)
        write_header(stream, report);
    for (int c = 0; c < report->condition_count; c++) {
        const struct condition *condition = &report->conditions[c];
        for (int32_t i = 0; i < report->row_count; i++)
            write_lines(stream, report, condition, report->rows[i], -1);
        for (int i = 0; i < report->options->contrast_count; i++)
            write_lines(stream, report, condition, report->contrasts[i].a, report->contrasts[i].b);
    }
    bool differences = report->comparison != NULL || report->selection_contrast != NULL;
    for (int32_t i = 0; differences && i < report->row_count; i++)
        write_lines(stream, report, NULL, report->rows[i], -1);
}
