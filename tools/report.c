/*
 * What the table, the JSON, the CSV and the figure have in common.
 */
#include "report.h"

#include <math.h>

#include "options.h"

const struct report_word report_metrics[REPORT_METRICS] = { { QKVSIM_COSINE, "cosine" },
                                                            { QKVSIM_PEARSON, "pearson" } };

const struct report_word report_baseline_statistics[REPORT_BASELINE_STATISTICS] = {
    { QKVSIM_MEAN, "mean" },
    { QKVSIM_VARIANCE, "variance" },
    { QKVSIM_SKEWNESS, "skewness" },
    { QKVSIM_KURTOSIS, "kurtosis" },
    { QKVSIM_TAIL, "tail" }
};

void report_shares(const struct condition *condition, int32_t pair_group, int32_t metric,
                   double *shares)
{
    const int64_t *counts = qkvsim_analysis_histogram(condition->analysis, pair_group, metric);
    int64_t defined = qkvsim_analysis_defined(condition->analysis, pair_group, metric);
    int64_t bins = qkvsim_analysis_bins(condition->analysis);
    for (int64_t i = 0; i < bins; i++)
        shares[i] = counts != NULL && defined > 0 ? (double)counts[i] / (double)defined : 0;
}

double report_value(const struct condition *condition, int32_t row, int32_t metric,
                    int32_t statistic)
{
    if (statistic == OPTIONS_OFFSET_SHARE)
        return qkvsim_analysis_offset(condition->analysis, row, QKVSIM_OFFSET_SHARE);
    return qkvsim_analysis_statistic(condition->analysis, row, metric, statistic);
}

const char *report_statistic_name(const struct report *report, char name[REPORT_STATISTIC_SIZE])
{
    const char *metric = "";
    for (int i = 0; i < REPORT_METRICS; i++)
        if (report_metrics[i].number == report->statistic_metric)
            metric = report_metrics[i].key;
    if (report->statistic == OPTIONS_OFFSET_SHARE)
        snprintf(name, REPORT_STATISTIC_SIZE, "offset share");
    else
        snprintf(name, REPORT_STATISTIC_SIZE, "%s %s", metric,
                 options_statistic_name(report->statistic));
    return name;
}

/* Below every magnitude where there is none. */
static double sort_key(const struct report *report, int32_t pair_group)
{
    double value = report_value(&report->conditions[0], pair_group, report->statistic_metric,
                                report->statistic);
    return isnan(value) ? -1 : fabs(value);
}

int32_t report_choose(const struct report *report, int32_t limit, int32_t *chosen)
{
    int32_t total = report->pair_group_count;
    int32_t count = 0;
    for (int32_t i = 0; i < total; i++) {
        int32_t pair_group = report->pair_groups[i];
        if (total <= limit) {
            chosen[count++] = pair_group;
            continue;
        }
        /* Insertion into a short list kept in order; equals keep the pair groups' order. */
        double key = sort_key(report, pair_group);
        int32_t place = count;
        while (place > 0 && sort_key(report, chosen[place - 1]) < key)
            place--;
        if (place == limit)
            continue;
        if (count < limit)
            count++;
        for (int32_t k = count - 1; k > place; k--)
            chosen[k] = chosen[k - 1];
        chosen[place] = pair_group;
    }
    return count;
}
