/*
 * The report as JSON; its keys are fixed by the documentation of the program.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "report.h"

/* JSON has no NaN: what does not exist is null. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *integers(const int64_t *values, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; values != NULL && i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

static json_t *numbers(const double *values, int64_t count)
{
    if (values == NULL)
        return json_null();
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, number(values[i]));
    return array;
}

static json_t *metric_object(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric)
{
    static const struct report_word statistics[] = {
        { QKVSIM_MEAN, "mean" },         { QKVSIM_VARIANCE, "variance" },
        { QKVSIM_SKEWNESS, "skewness" }, { QKVSIM_KURTOSIS, "kurtosis" },
        { QKVSIM_MINIMUM, "min" },       { QKVSIM_MAXIMUM, "max" },
        { QKVSIM_TAIL, "tail" }
    };
    json_t *object = json_object();
    int64_t defined = qkvsim_analysis_defined(analysis, pair_group, metric);
    int64_t pairs = qkvsim_analysis_pairs(analysis, pair_group);
    json_object_set_new(object, "defined", json_integer(defined));
    json_object_set_new(object, "undefined", json_integer(pairs - defined));
    for (size_t i = 0; i < sizeof statistics / sizeof statistics[0]; i++)
        json_object_set_new(
            object, statistics[i].key,
            number(qkvsim_analysis_statistic(analysis, pair_group, metric, statistics[i].number)));
    json_object_set_new(object, "histogram",
                        integers(qkvsim_analysis_histogram(analysis, pair_group, metric),
                                 qkvsim_analysis_bins(analysis)));
    return object;
}

static json_t *offset_object(const qkvsim_analysis *analysis, int32_t pair_group)
{
    static const struct report_word parts[] = {
        { QKVSIM_OFFSET_MEAN_VARIANCE, "mean_variance_part" },
        { QKVSIM_OFFSET_MEAN_OFFSET, "mean_offset_part" },
        { QKVSIM_OFFSET_SHARE, "offset_share" },
        { QKVSIM_OFFSET_ENERGY, "offset_energy" },
        { QKVSIM_OFFSET_VARIANCE_ENERGY, "variance_energy" },
        { QKVSIM_OFFSET_CROSS_ENERGY, "cross_energy" }
    };
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        json_object_set_new(object, parts[i].key,
                            number(qkvsim_analysis_offset(analysis, pair_group, parts[i].number)));
    return object;
}

static json_t *null_object(const qkvsim_baseline *baseline, int32_t pair_group, int32_t metric,
                           int32_t statistic)
{
    static const struct report_word summaries[] = {
        { QKVSIM_NULL_MEAN, "mean" },     { QKVSIM_NULL_SD, "sd" },
        { QKVSIM_NULL_Z, "z" },           { QKVSIM_NULL_P, "p" },
        { QKVSIM_NULL_P_LESS, "p_less" }, { QKVSIM_NULL_P_GREATER, "p_greater" }
    };
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof summaries / sizeof summaries[0]; i++)
        json_object_set_new(object, summaries[i].key,
                            number(qkvsim_baseline_statistic(baseline, pair_group, metric,
                                                             statistic, summaries[i].number)));
    return object;
}

static json_t *metric_baseline_object(const qkvsim_baseline *baseline, int32_t pair_group,
                                      int32_t metric, int64_t bins)
{
    static const struct report_word summaries[] = { { QKVSIM_NULL_MEAN, "histogram_mean" },
                                                    { QKVSIM_NULL_SD, "histogram_sd" },
                                                    { QKVSIM_NULL_MINIMUM, "histogram_min" },
                                                    { QKVSIM_NULL_MAXIMUM, "histogram_max" } };
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof summaries / sizeof summaries[0]; i++)
        json_object_set_new(
            object, summaries[i].key,
            numbers(qkvsim_baseline_histogram(baseline, pair_group, metric, summaries[i].number),
                    bins));
    for (int i = 0; i < REPORT_BASELINE_STATISTICS; i++)
        json_object_set_new(
            object, report_baseline_statistics[i].key,
            null_object(baseline, pair_group, metric, report_baseline_statistics[i].number));
    return object;
}

static json_t *pair_group_object(const struct report *report, const struct condition *condition,
                                 int32_t pair_group)
{
    const qkvsim_analysis *analysis = condition->analysis;
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(qkvsim_analysis_name(analysis, pair_group)));
    json_object_set_new(object, "code",
                        report->codes != NULL ? json_integer(report->codes[pair_group])
                                              : json_null());
    json_object_set_new(object, "pairs", json_integer(qkvsim_analysis_pairs(analysis, pair_group)));
    json_t *baseline = json_object();
    for (int i = 0; i < REPORT_METRICS; i++) {
        int32_t metric = report_metrics[i].number;
        if ((report->metrics & metric) == 0)
            continue;
        json_object_set_new(object, report_metrics[i].key,
                            metric_object(analysis, pair_group, metric));
        if (condition->baseline != NULL)
            json_object_set_new(
                baseline, report_metrics[i].key,
                metric_baseline_object(condition->baseline, pair_group, metric, report->bins));
    }
    json_object_set_new(object, "offset", offset_object(analysis, pair_group));
    if (condition->baseline != NULL)
        json_object_set(object, "baseline", baseline);
    json_decref(baseline);
    return object;
}

/* Of each group: how much of its features' energy is offset. */
static json_t *condition_groups(const struct report *report, const qkvsim_analysis *analysis)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < qkvsim_layout_groups(report->layout); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "name",
                            json_string(qkvsim_layout_group_name(report->layout, i)));
        json_object_set_new(object, "mean_squared_offset_ratio",
                            number(qkvsim_analysis_group_offset(analysis, i)));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *undefined_features(const struct report *report, const qkvsim_analysis *analysis)
{
    json_t *object = json_object();
    for (int i = 0; i < REPORT_METRICS; i++) {
        int32_t metric = report_metrics[i].number;
        if ((report->metrics & metric) == 0)
            continue;
        int64_t count = 0;
        const int64_t *columns = qkvsim_analysis_undefined_features(analysis, metric, &count);
        json_object_set_new(object, report_metrics[i].key, integers(columns, count));
    }
    return object;
}

static json_t *condition_object(const struct report *report, const struct condition *condition)
{
    const qkvsim_analysis *analysis = condition->analysis;
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(condition->name));
    json_object_set_new(object, "observations",
                        json_integer(qkvsim_analysis_observations(analysis)));
    int64_t count = 0;
    const int64_t *dropped = qkvsim_analysis_dropped(analysis, &count);
    json_object_set_new(object, "dropped_observations", integers(dropped, count));
    json_object_set_new(object, "undefined_features", undefined_features(report, analysis));
    json_object_set_new(object, "groups", condition_groups(report, analysis));
    json_t *pair_groups = json_array();
    for (int32_t i = 0; i < report->pair_group_count; i++)
        json_array_append_new(pair_groups,
                              pair_group_object(report, condition, report->pair_groups[i]));
    json_object_set_new(object, "pair_groups", pair_groups);
    if (condition->baseline != NULL) {
        json_t *baseline = json_object();
        json_object_set_new(baseline, "scheme", json_string(report->scheme));
        json_object_set_new(baseline, "permutations", json_integer(report->permutations));
        json_object_set_new(baseline, "seed", json_integer(report->seed));
        json_object_set_new(object, "baseline", baseline);
    }
    return object;
}

static json_t *layout_groups(const qkvsim_layout *layout)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < qkvsim_layout_groups(layout); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "name", json_string(qkvsim_layout_group_name(layout, i)));
        json_object_set_new(object, "features",
                            json_integer(qkvsim_layout_group_features(layout, i)));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *report_object(const struct report *report)
{
    json_t *root = json_object();
    if (report->layer != NULL)
        json_object_set_new(root, "name", json_string(report->layer));
    else
        json_object_set_new(root, "qkvsim", json_string(qkvsim_version()));
    json_t *input = json_object();
    json_object_set_new(input, "observations", json_integer(report->observations));
    json_object_set_new(input, "features", json_integer(report->features));
    json_object_set_new(root, "input", input);
    json_object_set_new(root, "groups", layout_groups(report->layout));
    json_t *bins = json_object();
    json_object_set_new(bins, "count", json_integer(report->bins));
    json_object_set_new(bins, "low", json_integer(-1));
    json_object_set_new(bins, "high", json_integer(1));
    json_object_set_new(root, "bins", bins);
    json_t *conditions = json_array();
    for (int i = 0; i < report->condition_count; i++)
        json_array_append_new(conditions, condition_object(report, &report->conditions[i]));
    json_object_set_new(root, "conditions", conditions);
    return root;
}

/* jansson passes a failed allocation's NULL along and leaves the value out; counting allocations is
 * what tells a whole report from one with holes. */
static bool out_of_memory;

static void *counted_malloc(size_t size)
{
    void *memory = malloc(size);
    out_of_memory = out_of_memory || memory == NULL;
    return memory;
}

bool report_add_json(FILE *stream, const struct report *report, int number, struct failure *failure)
{
    out_of_memory = false;
    json_set_alloc_funcs(counted_malloc, free);
    json_t *root = report_object(report);
    bool done = !out_of_memory;
    if (!done)
        fail_no_memory(failure);
    if (done && report->layer != NULL && number == 0)
        fprintf(stream, "{\n\"qkvsim\": \"%s\",\n\"layers\": [\n", qkvsim_version());
    if (done && number > 0)
        fputs(",\n", stream);
    done = done && json_dumpf(root, stream, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) == 0
           && (report->layer != NULL || fputc('\n', stream) != EOF);
    json_decref(root);
    return done;
}

void report_end_json(FILE *stream)
{
    fputs("\n]\n}\n", stream);
}
