/*
 * The parts of a report's JSON that say how sure a result is.
 */
#include "report_json_inference.h"

#include <math.h>

static const struct report_word null_summaries[] = { { QKVSIM_SUMMARY_MEAN, "mean" },
                                                     { QKVSIM_SUMMARY_SD, "sd" },
                                                     { QKVSIM_SUMMARY_Z, "z" } };
static const struct report_word histogram_summaries[] = {
    { QKVSIM_SUMMARY_MEAN, "histogram_mean" },
    { QKVSIM_SUMMARY_SD, "histogram_sd" },
    { QKVSIM_SUMMARY_MINIMUM, "histogram_min" },
    { QKVSIM_SUMMARY_MAXIMUM, "histogram_max" }
};
static const struct report_word interval_numbers[] = { { QKVSIM_SUMMARY_OBSERVED, "difference" },
                                                       { QKVSIM_SUMMARY_ESTIMATE, "estimate" },
                                                       { QKVSIM_SUMMARY_SE, "se" },
                                                       { QKVSIM_SUMMARY_LOW, "low" },
                                                       { QKVSIM_SUMMARY_HIGH, "high" },
                                                       { QKVSIM_SUMMARY_P, "p" } };

#define COUNT(list) (sizeof list / sizeof list[0])

/* Summaries of a statistic's null, from a baseline or a comparison. */
typedef double read_null(const void *source, int32_t row, int32_t metric, int32_t statistic,
                         int32_t summary);

static double read_baseline(const void *source, int32_t row, int32_t metric, int32_t statistic,
                            int32_t summary)
{
    return qkvsim_baseline_statistic(source, row, metric, statistic, summary);
}

static double read_difference(const void *source, int32_t row, int32_t metric, int32_t statistic,
                              int32_t summary)
{
    return qkvsim_comparison_difference(source, row, metric, statistic, summary);
}

static json_t *null_object(read_null *read, const void *source, int32_t row, int32_t metric,
                           int32_t statistic)
{
    json_t *object = json_object();
    for (size_t i = 0; i < COUNT(null_summaries); i++)
        json_object_set_new(
            object, null_summaries[i].key,
            json_number(read(source, row, metric, statistic, null_summaries[i].number)));
    for (int i = 0; i < REPORT_P_VALUES; i++)
        json_object_set_new(
            object, report_p_values[i].key,
            json_number(read(source, row, metric, statistic, report_p_values[i].number)));
    return object;
}

/* Adds one object for each statistic that the metric has. */
static void add_null_objects(json_t *object, read_null *read, const void *source, int32_t row,
                             int32_t metric)
{
    for (int i = 0; i < REPORT_REPLICATED; i++)
        if (options_has_statistic(metric, report_replicated[i].number))
            json_object_set_new(
                object, report_replicated[i].key,
                null_object(read, source, row, metric, report_replicated[i].number));
}

json_t *json_baseline(const qkvsim_baseline *baseline, int32_t row, int32_t metric, int64_t bins)
{
    json_t *object = json_object();
    for (size_t i = 0; i < COUNT(histogram_summaries); i++)
        json_object_set_new(object, histogram_summaries[i].key,
                            json_numbers(qkvsim_baseline_histogram(baseline, row, metric,
                                                                   histogram_summaries[i].number),
                                         bins));
    add_null_objects(object, read_baseline, baseline, row, metric);
    return object;
}

static json_t *low_and_high(double low, double high)
{
    return isnan(low) ? json_null() : json_pack("[o, o]", json_number(low), json_number(high));
}

static void add_interval(json_t *object, const qkvsim_intervals *intervals, int32_t row,
                         int32_t metric, int first, int end)
{
    json_t *ends = json_object(), *estimates = json_object(), *errors = json_object();
    for (int i = first; i < end; i++) {
        const char *key = report_replicated[i].key;
        int32_t statistic = report_replicated[i].number;
        if (!options_has_statistic(metric, statistic))
            continue;
        double numbers[QKVSIM_SUMMARY_SE + 1];
        for (int32_t what = QKVSIM_SUMMARY_LOW; what <= QKVSIM_SUMMARY_SE; what++)
            numbers[what] = qkvsim_intervals_statistic(intervals, row, metric, statistic, what);
        json_object_set_new(
            ends, key, low_and_high(numbers[QKVSIM_SUMMARY_LOW], numbers[QKVSIM_SUMMARY_HIGH]));
        json_object_set_new(estimates, key, json_number(numbers[QKVSIM_SUMMARY_ESTIMATE]));
        json_object_set_new(errors, key, json_number(numbers[QKVSIM_SUMMARY_SE]));
    }
    json_object_set_new(object, "interval", ends);
    json_object_set_new(object, "interval_estimate", estimates);
    json_object_set_new(object, "interval_se", errors);
}

/* Those of the offset split stand with it. */
void json_add_intervals(json_t *object, const qkvsim_intervals *intervals, int32_t row,
                        int32_t metric)
{
    add_interval(object, intervals, row, metric, 0, REPORT_OF_VALUES);
}

void json_add_share_interval(json_t *object, const qkvsim_intervals *intervals, int32_t row)
{
    add_interval(object, intervals, row, QKVSIM_METRIC_COSINE, REPORT_OF_VALUES, REPORT_REPLICATED);
}

json_t *json_interval_method(const struct report *report, const qkvsim_intervals *intervals)
{
    const struct options *options = report->options;
    json_t *object = json_object();
    json_object_set_new(object, "method", json_string(options_interval_name(options->interval)));
    json_object_set_new(object, "level", json_real(options->level));
    json_object_set_new(object, "replicates", json_integer(qkvsim_intervals_replicates(intervals)));
    json_object_set_new(object, "block_length",
                        json_integer(qkvsim_intervals_block_length(intervals)));
    if (options->interval == QKVSIM_METHOD_BOOTSTRAP)
        json_object_set_new(object, "seed", json_unsigned(options->seed));
    return object;
}

/* A contrast of two rows, or with b < 0 the two selections' difference in row a. */
static void add_contrast(json_t *object, const struct report *report,
                         const qkvsim_intervals *intervals, int32_t a, int32_t b)
{
    for (int m = 0; m < REPORT_METRICS; m++) {
        int32_t metric = report_metrics[m].number;
        if (!report_has_metric(report, metric))
            continue;
        json_t *statistics = json_object();
        for (int i = 0; i < REPORT_REPLICATED; i++) {
            int32_t statistic = report_replicated[i].number;
            if (!options_has_statistic(metric, statistic))
                continue;
            json_t *numbers = json_object();
            for (size_t k = 0; k < COUNT(interval_numbers); k++) {
                int32_t what = interval_numbers[k].number;
                json_object_set_new(
                    numbers, interval_numbers[k].key,
                    json_number(report_difference(intervals, a, b, metric, statistic, what)));
            }
            json_object_set_new(statistics, report_replicated[i].key, numbers);
        }
        json_object_set_new(object, report_metrics[m].key, statistics);
    }
}

json_t *json_contrasts(const struct report *report, const qkvsim_intervals *intervals)
{
    json_t *array = json_array();
    for (int i = 0; i < report->options->contrast_count; i++) {
        const struct contrast *contrast = &report->contrasts[i];
        json_t *object = json_object();
        json_object_set_new(object, "a",
                            json_string(qkvsim_layout_row_name(report->layout, contrast->a)));
        json_object_set_new(object, "b",
                            json_string(qkvsim_layout_row_name(report->layout, contrast->b)));
        add_contrast(object, report, intervals, contrast->a, contrast->b);
        json_array_append_new(array, object);
    }
    return array;
}

/* Adds "pair_groups" and "rollups", each row an object with its name and what `fill` puts there. */
typedef void fill_row(json_t *object, const struct report *report, int32_t row);

static void add_rows(json_t *root, const struct report *report, fill_row *fill)
{
    json_t *pair_groups = json_array(), *rollups = json_array();
    for (int32_t i = 0; i < report->row_count; i++) {
        int32_t row = report->rows[i];
        json_t *object = json_object();
        json_object_set_new(object, "name",
                            json_string(qkvsim_layout_row_name(report->layout, row)));
        fill(object, report, row);
        json_array_append_new(i < report->pair_group_count ? pair_groups : rollups, object);
    }
    json_object_set_new(root, "pair_groups", pair_groups);
    json_object_set_new(root, "rollups", rollups);
}

static void fill_selection_contrast(json_t *object, const struct report *report, int32_t row)
{
    add_contrast(object, report, report->selection_contrast, row, -1);
}

json_t *json_selection_contrast(const struct report *report)
{
    json_t *object = json_interval_method(report, report->selection_contrast);
    add_rows(object, report, fill_selection_contrast);
    return object;
}

static json_t *distance_object(const qkvsim_comparison *comparison, int32_t row, int32_t metric,
                               int32_t distance)
{
    static const struct report_word numbers[] = { { QKVSIM_SUMMARY_OBSERVED, "value" },
                                                  { QKVSIM_SUMMARY_P, "p" },
                                                  { QKVSIM_SUMMARY_MATCHED, "matched_value" },
                                                  { QKVSIM_SUMMARY_MATCHED_MEAN, "matched_mean" },
                                                  { QKVSIM_SUMMARY_MATCHED_SD, "matched_sd" },
                                                  { QKVSIM_SUMMARY_MATCHED_MINIMUM, "matched_min" },
                                                  { QKVSIM_SUMMARY_MATCHED_MAXIMUM, "matched_max" },
                                                  { QKVSIM_SUMMARY_P_BH, "p_bh" },
                                                  { QKVSIM_SUMMARY_P_BH_ALL, "p_bh_all" },
                                                  { QKVSIM_SUMMARY_P_MAX, "p_max" },
                                                  { QKVSIM_SUMMARY_P_MAX_ALL, "p_max_all" },
                                                  { QKVSIM_SUMMARY_P_FITTED, "p_fitted" },
                                                  { QKVSIM_SUMMARY_P_LEAST, "p_least" } };
    json_t *object = json_object();
    for (size_t i = 0; i < COUNT(numbers); i++)
        json_object_set_new(object, numbers[i].key,
                            json_number(qkvsim_comparison_distance(comparison, row, metric,
                                                                   distance, numbers[i].number)));
    return object;
}

/* A statistic of the larger selection over its matched subsets. */
static json_t *matched_object(const qkvsim_comparison *comparison, int32_t row, int32_t metric,
                              int32_t statistic)
{
    static const struct report_word summaries[] = { { QKVSIM_SUMMARY_MEAN, "mean" },
                                                    { QKVSIM_SUMMARY_SD, "sd" },
                                                    { QKVSIM_SUMMARY_MINIMUM, "min" },
                                                    { QKVSIM_SUMMARY_MAXIMUM, "max" } };
    json_t *object = json_object();
    for (size_t i = 0; i < COUNT(summaries); i++)
        json_object_set_new(object, summaries[i].key,
                            json_number(qkvsim_comparison_matched(comparison, row, metric,
                                                                  statistic, summaries[i].number)));
    return object;
}

static json_t *differences_object(const qkvsim_comparison *comparison, int32_t row, int32_t metric)
{
    json_t *object = json_object();
    add_null_objects(object, read_difference, comparison, row, metric);
    for (int i = 0; i < REPORT_REPLICATED; i++) {
        int32_t statistic = report_replicated[i].number;
        json_t *difference = json_object_get(object, report_replicated[i].key);
        if (!options_has_statistic(metric, statistic))
            continue;
        json_object_set_new(difference, "value",
                            json_number(qkvsim_comparison_difference(
                                comparison, row, metric, statistic, QKVSIM_SUMMARY_OBSERVED)));
        json_object_set_new(difference, "matched",
                            matched_object(comparison, row, metric, statistic));
    }
    return object;
}

/* The band of the larger selection's matched subsets. */
static json_t *band_object(const struct report *report, int32_t row, int32_t metric)
{
    json_t *object = json_object();
    for (size_t i = 0; i < COUNT(histogram_summaries); i++)
        json_object_set_new(object, histogram_summaries[i].key,
                            json_numbers(qkvsim_comparison_band(report->comparison, row, metric,
                                                                histogram_summaries[i].number),
                                         report->options->bins));
    return object;
}

static void fill_comparison(json_t *object, const struct report *report, int32_t row)
{
    for (int m = 0; m < REPORT_METRICS; m++) {
        int32_t metric = report_metrics[m].number;
        if (!report_has_metric(report, metric))
            continue;
        json_t *distances = json_object();
        for (int i = 0; i < REPORT_DISTANCES; i++)
            json_object_set_new(
                distances, report_distances[i].key,
                distance_object(report->comparison, row, metric, report_distances[i].number));
        json_object_set_new(distances, "differences",
                            differences_object(report->comparison, row, metric));
        json_object_set_new(distances, "band", band_object(report, row, metric));
        json_object_set_new(object, report_metrics[m].key, distances);
    }
}

json_t *json_comparison(const struct report *report)
{
    const qkvsim_comparison *comparison = report->comparison;
    json_t *object = json_object();
    json_object_set_new(object, "permutations",
                        json_integer(qkvsim_comparison_permutations(comparison)));
    json_object_set_new(object, "enumerated",
                        json_boolean(qkvsim_comparison_enumerated(comparison)));
    json_object_set_new(object, "subsets", json_integer(qkvsim_comparison_subsets(comparison)));
    json_object_set_new(object, "seed", json_unsigned(report->options->seed));
    json_object_set_new(object, "relabel",
                        json_string(options_relabel_name(report->options->relabel)));
    json_object_set_new(object, "exceedances", json_integer(report->options->exceedances));
    json_object_set_new(object, "centred", json_boolean(report->options->centred));
    add_rows(object, report, fill_comparison);
    return object;
}
