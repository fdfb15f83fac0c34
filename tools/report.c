/*
 * What the table, the JSON, the CSV and the figure have in common.
 */
#include "report.h"

#include <math.h>

const struct report_word report_metrics[REPORT_METRICS] = { { QKVSIM_METRIC_COSINE, "cosine" },
                                                            { QKVSIM_METRIC_PEARSON, "pearson" },
                                                            { QKVSIM_METRIC_SPEARMAN,
                                                              "spearman" } };

const struct report_word report_statistics[REPORT_STATISTICS] = {
    { QKVSIM_STATISTIC_MEAN, "mean" },         { QKVSIM_STATISTIC_VARIANCE, "variance" },
    { QKVSIM_STATISTIC_SKEWNESS, "skewness" }, { QKVSIM_STATISTIC_KURTOSIS, "kurtosis" },
    { QKVSIM_STATISTIC_MINIMUM, "min" },       { QKVSIM_STATISTIC_MAXIMUM, "max" },
    { QKVSIM_STATISTIC_TAIL, "tail" },         { QKVSIM_STATISTIC_MEAN_SQUARE, "mean_square" }
};

const struct report_word report_offset_parts[REPORT_OFFSET_PARTS] = {
    { QKVSIM_STATISTIC_MEAN_VARIANCE_PART, "mean_variance_part" },
    { QKVSIM_STATISTIC_MEAN_OFFSET_PART, "mean_offset_part" },
    { QKVSIM_STATISTIC_OFFSET_SHARE, "offset_share" },
    { QKVSIM_STATISTIC_OFFSET_SHARE_RAW, "offset_share_raw" },
    { QKVSIM_STATISTIC_OFFSET_ENERGY, "offset_energy" },
    { QKVSIM_STATISTIC_VARIANCE_ENERGY, "variance_energy" },
    { QKVSIM_STATISTIC_OFFSET_ENERGY_RAW, "offset_energy_raw" },
    { QKVSIM_STATISTIC_VARIANCE_ENERGY_RAW, "variance_energy_raw" },
    { QKVSIM_STATISTIC_CROSS_ENERGY, "cross_energy" },
    { QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE, "mean_offset_square" },
    { QKVSIM_STATISTIC_NOISE_FRACTION, "noise_fraction" }
};

const struct report_word report_replicated[REPORT_REPLICATED] = {
    { QKVSIM_STATISTIC_MEAN, "mean" },
    { QKVSIM_STATISTIC_VARIANCE, "variance" },
    { QKVSIM_STATISTIC_SKEWNESS, "skewness" },
    { QKVSIM_STATISTIC_KURTOSIS, "kurtosis" },
    { QKVSIM_STATISTIC_TAIL, "tail" },
    { QKVSIM_STATISTIC_MEAN_SQUARE, "mean_square" },
    { QKVSIM_STATISTIC_OFFSET_SHARE, "offset_share" },
    { QKVSIM_STATISTIC_OFFSET_SHARE_RAW, "offset_share_raw" },
    { QKVSIM_STATISTIC_OFFSET_ENERGY, "offset_energy" },
    { QKVSIM_STATISTIC_VARIANCE_ENERGY, "variance_energy" },
    { QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE, "mean_offset_square" },
    { QKVSIM_STATISTIC_NOISE_FRACTION, "noise_fraction" }
};

const struct report_word report_p_values[REPORT_P_VALUES] = {
    { QKVSIM_SUMMARY_P, "p" },
    { QKVSIM_SUMMARY_P_LESS, "p_less" },
    { QKVSIM_SUMMARY_P_GREATER, "p_greater" },
    { QKVSIM_SUMMARY_P_BH, "p_bh" },
    { QKVSIM_SUMMARY_P_BH_ALL, "p_bh_all" },
    { QKVSIM_SUMMARY_P_MAX, "p_max" },
    { QKVSIM_SUMMARY_P_MAX_ALL, "p_max_all" },
    { QKVSIM_SUMMARY_P_FITTED, "p_fitted" },
    { QKVSIM_SUMMARY_P_LEAST, "p_least" }
};

const struct report_word report_distances[REPORT_DISTANCES] = {
    { QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV, "kolmogorov_smirnov" },
    { QKVSIM_DISTANCE_WASSERSTEIN, "wasserstein" },
    { QKVSIM_DISTANCE_JENSEN_SHANNON, "jensen_shannon" }
};

const char report_offset_share[] =
    " Offset share: ΣO² / (ΣO² + ΣV²), where each cosine is an offset part O, from the features’ "
    "means, plus a variance part V; corrected for the number of observations.";

bool report_has_metric(const struct report *report, int32_t metric)
{
    return (report->options->metrics & metric) != 0;
}

bool report_is_corrected(int32_t statistic)
{
    return statistic == QKVSIM_STATISTIC_OFFSET_SHARE || statistic == QKVSIM_STATISTIC_OFFSET_ENERGY
           || statistic == QKVSIM_STATISTIC_VARIANCE_ENERGY
           || statistic == QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE
           || statistic == QKVSIM_STATISTIC_MEAN_SQUARE;
}

int32_t report_adjusted_p(const struct report *report)
{
    return report->options->exceedances > 0 ? QKVSIM_SUMMARY_P_BH : QKVSIM_SUMMARY_P_MAX;
}

double report_difference(const qkvsim_intervals *intervals, int32_t a, int32_t b, int32_t metric,
                         int32_t statistic, int32_t what)
{
    return b < 0 ? qkvsim_intervals_difference(intervals, a, metric, statistic, what)
                 : qkvsim_intervals_contrast(intervals, a, b, metric, statistic, what);
}

void report_shares(const struct condition *condition, int32_t pair_group, int32_t metric,
                   double *shares)
{
    const int64_t *counts = qkvsim_analysis_histogram(condition->analysis, pair_group, metric);
    int64_t defined = qkvsim_analysis_defined(condition->analysis, pair_group, metric);
    int64_t bins = qkvsim_analysis_bins(condition->analysis);
    for (int64_t i = 0; i < bins; i++)
        shares[i] = counts != NULL && defined > 0 ? (double)counts[i] / (double)defined : 0;
}

/* Statistics whose names need no metric, and those that read better than their keys. */
static const char *name_of(int32_t statistic)
{
    switch (statistic) {
    case QKVSIM_STATISTIC_OFFSET_SHARE:
        return "offset share";
    case QKVSIM_STATISTIC_OFFSET_SHARE_RAW:
        return "raw offset share";
    case QKVSIM_STATISTIC_OFFSET_ENERGY:
        return "offset energy";
    case QKVSIM_STATISTIC_VARIANCE_ENERGY:
        return "variance energy";
    case QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE:
        return "mean squared offset";
    case QKVSIM_STATISTIC_NOISE_FRACTION:
        return "noise fraction";
    default:
        return NULL;
    }
}

const char *report_statistic_name(int32_t metric, int32_t statistic,
                                  char name[REPORT_STATISTIC_SIZE])
{
    const char *own = name_of(statistic);
    bool square = statistic == QKVSIM_STATISTIC_MEAN_SQUARE;
    if (own != NULL)
        snprintf(name, REPORT_STATISTIC_SIZE, "%s", own);
    else
        snprintf(name, REPORT_STATISTIC_SIZE, "%s %s", options_metric_name(metric),
                 square ? "mean square" : options_statistic_name(statistic));
    return name;
}

const char *report_chosen_name(const struct report *report, char name[REPORT_STATISTIC_SIZE])
{
    return report_statistic_name(report->options->statistic_metric, report->options->statistic,
                                 name);
}

/* Below every magnitude where there is none. */
static double sort_key(const struct report *report, int32_t pair_group)
{
    double value =
        qkvsim_analysis_statistic(report->conditions[0].analysis, pair_group,
                                  report->options->statistic_metric, report->options->statistic);
    return isnan(value) ? -1 : fabs(value);
}

int32_t report_choose(const struct report *report, int32_t limit, int32_t *chosen)
{
    int32_t total = report->pair_group_count;
    int32_t count = 0;
    for (int32_t i = 0; i < total; i++) {
        int32_t pair_group = report->rows[i];
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
