/*
 * What the table, the JSON, the CSV and the figure have in common.
 */
#include "report.h"

#include <math.h>

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

/* Below every share where there is none. */
static double sort_key(const struct report *report, int32_t pair_group)
{
    double share =
        qkvsim_analysis_offset(report->conditions[0].analysis, pair_group, QKVSIM_OFFSET_SHARE);
    return isnan(share) ? -1 : share;
}

int32_t report_choose(const struct report *report, int32_t limit, int32_t *chosen)
{
    int32_t total = qkvsim_layout_pair_groups(report->layout);
    int32_t count = 0;
    for (int32_t pair_group = 0; pair_group < total; pair_group++) {
        if (total <= limit) {
            chosen[count++] = pair_group;
            continue;
        }
        /* Insertion into a short list kept in order; equal shares keep the pair groups' order. */
        double key = sort_key(report, pair_group);
        int32_t place = count;
        while (place > 0 && sort_key(report, chosen[place - 1]) < key)
            place--;
        if (place == limit)
            continue;
        if (count < limit)
            count++;
        for (int32_t i = count - 1; i > place; i--)
            chosen[i] = chosen[i - 1];
        chosen[place] = pair_group;
    }
    return count;
}

const char *report_choice(const struct report *report)
{
    return (report->metrics & QKVSIM_COSINE) != 0 ? "those of largest offset share" : "the first";
}
