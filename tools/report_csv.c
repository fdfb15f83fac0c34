/*
 * The report as CSV, quoted as in RFC 4180: one row for each condition, pair group and metric.
 */
#include <inttypes.h>
#include <math.h>

#include "report.h"

/* Every field but the first of a row brings its comma along; what does not exist is empty. */
static void number_field(FILE *stream, double value)
{
    if (isfinite(value))
        fprintf(stream, ",%.17g", value);
    else
        fputc(',', stream);
}

static void quoted(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void text_field(FILE *stream, const char *text)
{
    fputc(',', stream);
    quoted(stream, text);
}

static const struct report_word statistics[] = {
    { QKVSIM_MEAN, "mean" },         { QKVSIM_VARIANCE, "variance" },
    { QKVSIM_SKEWNESS, "skewness" }, { QKVSIM_KURTOSIS, "kurtosis" },
    { QKVSIM_MINIMUM, "min" },       { QKVSIM_MAXIMUM, "max" },
    { QKVSIM_TAIL, "tail" }
};

static const struct report_word offset_parts[] = {
    { QKVSIM_OFFSET_MEAN_VARIANCE, "mean_variance_part" },
    { QKVSIM_OFFSET_MEAN_OFFSET, "mean_offset_part" },
    { QKVSIM_OFFSET_SHARE, "offset_share" },
    { QKVSIM_OFFSET_CROSS_ENERGY, "cross_energy" }
};

static const struct report_word summaries[] = { { QKVSIM_NULL_MEAN, "baseline_mean" },
                                                { QKVSIM_NULL_SD, "baseline_sd" },
                                                { QKVSIM_NULL_Z, "z" },
                                                { QKVSIM_NULL_P, "p" } };

enum {
    STATISTICS = sizeof statistics / sizeof statistics[0],
    OFFSET_PARTS = sizeof offset_parts / sizeof offset_parts[0],
    SUMMARIES = sizeof summaries / sizeof summaries[0]
};

static void write_header(FILE *stream, bool layers, bool baseline)
{
    fputs(layers ? "layer," : "", stream);
    fputs("condition,observations,pair_group,code,pairs,metric,defined,undefined", stream);
    for (int i = 0; i < STATISTICS; i++)
        fprintf(stream, ",%s", statistics[i].key);
    for (int i = 0; i < OFFSET_PARTS; i++)
        fprintf(stream, ",%s", offset_parts[i].key);
    for (int i = 0; baseline && i < REPORT_BASELINE_STATISTICS; i++)
        for (int k = 0; k < SUMMARIES; k++)
            fprintf(stream, ",%s_%s", report_baseline_statistics[i].key, summaries[k].key);
    fputs("\n", stream);
}

static void write_row(FILE *stream, const struct report *report, const struct condition *condition,
                      int32_t pair_group, const struct report_word *metric)
{
    const qkvsim_analysis *analysis = condition->analysis;
    int64_t pairs = qkvsim_analysis_pairs(analysis, pair_group);
    int64_t defined = qkvsim_analysis_defined(analysis, pair_group, metric->number);
    if (report->layer != NULL) {
        quoted(stream, report->layer);
        fputc(',', stream);
    }
    fprintf(stream, "%s,%" PRId64, condition->name, qkvsim_analysis_observations(analysis));
    text_field(stream, qkvsim_analysis_name(analysis, pair_group));
    number_field(stream, report->codes != NULL ? (double)report->codes[pair_group] : (double)NAN);
    fprintf(stream, ",%" PRId64 ",%s,%" PRId64 ",%" PRId64, pairs, metric->key, defined,
            pairs - defined);
    for (int i = 0; i < STATISTICS; i++)
        number_field(stream, qkvsim_analysis_statistic(analysis, pair_group, metric->number,
                                                       statistics[i].number));
    for (int i = 0; i < OFFSET_PARTS; i++)
        number_field(stream, qkvsim_analysis_offset(analysis, pair_group, offset_parts[i].number));
    for (int i = 0; condition->baseline != NULL && i < REPORT_BASELINE_STATISTICS; i++)
        for (int k = 0; k < SUMMARIES; k++)
            number_field(stream, qkvsim_baseline_statistic(
                                     condition->baseline, pair_group, metric->number,
                                     report_baseline_statistics[i].number, summaries[k].number));
    fputs("\n", stream);
}

void report_add_csv(FILE *stream, const struct report *report, int number)
{
    if (number == 0)
        write_header(stream, report->layer != NULL, report->permutations > 0);
    for (int c = 0; c < report->condition_count; c++)
        for (int32_t p = 0; p < report->pair_group_count; p++)
            for (int m = 0; m < REPORT_METRICS; m++)
                if ((report->metrics & report_metrics[m].number) != 0)
                    write_row(stream, report, &report->conditions[c], report->pair_groups[p],
                              &report_metrics[m]);
}
