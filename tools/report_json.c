/*
 * The report as JSON; its keys are fixed by the documentation of the program.
 */
#include <stdlib.h>

#include "json_document.h"
#include "report_json.h"
#include "report_json_inference.h"

static json_t *metric_object(const struct report *report, const struct condition *condition,
                             int32_t row, int32_t metric)
{
    const qkvsim_analysis *analysis = condition->analysis;
    json_t *object = json_object();
    int64_t defined = qkvsim_analysis_defined(analysis, row, metric);
    int64_t pairs = qkvsim_layout_pairs(qkvsim_analysis_layout(analysis), row);
    json_object_set_new(object, "defined", json_integer(defined));
    json_object_set_new(object, "undefined", json_integer(pairs - defined));
    for (int i = 0; i < REPORT_STATISTICS; i++)
        if (options_has_statistic(metric, report_statistics[i].number))
            json_object_set_new(object, report_statistics[i].key,
                                json_number(qkvsim_analysis_statistic(
                                    analysis, row, metric, report_statistics[i].number)));
    json_object_set_new(
        object, "histogram",
        json_integers(qkvsim_analysis_histogram(analysis, row, metric), report->options->bins));
    if (condition->intervals != NULL)
        json_add_intervals(object, condition->intervals, row, metric);
    return object;
}

static json_t *offset_object(const struct condition *condition, int32_t row)
{
    json_t *object = json_object();
    for (int i = 0; i < REPORT_OFFSET_PARTS; i++)
        json_object_set_new(
            object, report_offset_parts[i].key,
            json_number(qkvsim_analysis_statistic(condition->analysis, row, QKVSIM_METRIC_COSINE,
                                                  report_offset_parts[i].number)));
    if (condition->intervals != NULL)
        json_add_share_interval(object, condition->intervals, row);
    return object;
}

static json_t *row_object(const struct report *report, const struct condition *condition,
                          int32_t row)
{
    bool coded = report->codes != NULL && row < qkvsim_layout_pair_groups(report->layout);
    json_t *object = json_object(), *baseline = json_object();
    json_object_set_new(object, "name", json_string(qkvsim_layout_row_name(report->layout, row)));
    json_object_set_new(object, "code", coded ? json_integer(report->codes[row]) : json_null());
    json_object_set_new(object, "pairs", json_integer(qkvsim_layout_pairs(report->layout, row)));
    for (int i = 0; i < REPORT_METRICS; i++) {
        int32_t metric = report_metrics[i].number;
        if (!report_has_metric(report, metric))
            continue;
        json_object_set_new(object, report_metrics[i].key,
                            metric_object(report, condition, row, metric));
        if (condition->baseline != NULL)
            json_object_set_new(
                baseline, report_metrics[i].key,
                json_baseline(condition->baseline, row, metric, report->options->bins));
    }
    json_object_set_new(object, "offset", offset_object(condition, row));
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
                            json_number(qkvsim_analysis_group_offset(analysis, i)));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *undefined_features(const struct report *report, const qkvsim_analysis *analysis)
{
    json_t *object = json_object();
    for (int i = 0; i < REPORT_METRICS; i++) {
        int32_t metric = report_metrics[i].number;
        if (!report_has_metric(report, metric))
            continue;
        int64_t count = 0;
        const int64_t *columns = qkvsim_analysis_undefined_features(analysis, metric, &count);
        json_object_set_new(object, report_metrics[i].key, json_integers(columns, count));
    }
    return object;
}

static json_t *matrix_of(const qkvsim_analysis *analysis, int32_t metric, int32_t statistic,
                         double *matrix, int32_t groups)
{
    json_t *rows = json_array();
    qkvsim_analysis_group_matrix(NULL, analysis, metric, statistic, matrix,
                                 (int64_t)groups * groups);
    for (int32_t i = 0; i < groups; i++)
        json_array_append_new(rows, json_numbers(matrix + (ptrdiff_t)i * groups, groups));
    return rows;
}

/* For each metric and statistic a groups x groups matrix, in the order of "groups". */
static void add_matrices(json_t *object, const qkvsim_analysis *analysis, int32_t metric,
                         const struct report_word *statistics, int count, double *matrix,
                         int32_t groups)
{
    for (int i = 0; i < count; i++)
        if (options_has_statistic(metric, statistics[i].number))
            json_object_set_new(object, statistics[i].key,
                                matrix_of(analysis, metric, statistics[i].number, matrix, groups));
}

static json_t *head_matrices(const struct report *report, const qkvsim_analysis *analysis)
{
    int32_t groups = qkvsim_layout_groups(report->layout);
    double *matrix = calloc((size_t)groups * (size_t)groups, sizeof *matrix);
    if (matrix == NULL) {
        json_no_memory();
        return json_null();
    }
    json_t *object = json_object();
    for (int m = 0; m < REPORT_METRICS; m++) {
        int32_t metric = report_metrics[m].number;
        if (!report_has_metric(report, metric))
            continue;
        json_t *statistics = json_object();
        add_matrices(statistics, analysis, metric, report_statistics, REPORT_STATISTICS, matrix,
                     groups);
        add_matrices(statistics, analysis, metric, report_offset_parts, REPORT_OFFSET_PARTS, matrix,
                     groups);
        json_object_set_new(object, report_metrics[m].key, statistics);
    }
    free(matrix);
    return object;
}

static void add_rows(json_t *object, const struct report *report, const struct condition *condition)
{
    json_t *pair_groups = json_array(), *rollups = json_array();
    for (int32_t i = 0; i < report->row_count; i++)
        json_array_append_new(i < report->pair_group_count ? pair_groups : rollups,
                              row_object(report, condition, report->rows[i]));
    json_object_set_new(object, "pair_groups", pair_groups);
    json_object_set_new(object, "rollups", rollups);
}

static json_t *baseline_method(const struct options *options, const qkvsim_baseline *baseline)
{
    json_t *object = json_object();
    json_object_set_new(object, "scheme", json_string(options_scheme_name(options->scheme)));
    json_object_set_new(object, "permutations",
                        json_integer(qkvsim_baseline_permutations(baseline)));
    json_object_set_new(object, "enumerated", json_boolean(qkvsim_baseline_enumerated(baseline)));
    json_object_set_new(object, "exchange", json_string(options_exchange_name(options->exchange)));
    json_object_set_new(object, "covariates", json_integer(qkvsim_baseline_covariates(baseline)));
    json_object_set_new(object, "exceedances", json_integer(options->exceedances));
    json_object_set_new(object, "seed", json_unsigned(options->seed));
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
    json_object_set_new(object, "dropped_observations", json_integers(dropped, count));
    json_object_set_new(object, "undefined_features", undefined_features(report, analysis));
    json_object_set_new(object, "groups", condition_groups(report, analysis));
    add_rows(object, report, condition);
    if (report->options->heads != NULL)
        json_object_set_new(object, "head_matrices", head_matrices(report, analysis));
    if (condition->baseline != NULL)
        json_object_set_new(object, "baseline",
                            baseline_method(report->options, condition->baseline));
    if (condition->intervals != NULL) {
        json_object_set_new(object, "interval", json_interval_method(report, condition->intervals));
        json_object_set_new(object, "contrasts", json_contrasts(report, condition->intervals));
    }
    return object;
}

static json_t *warnings_array(const struct warnings *warnings)
{
    json_t *array = json_array();
    for (int i = 0; i < warnings->count; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "code", json_string(warnings->items[i].code));
        json_object_set_new(object, "text", json_string(warnings->items[i].text));
        json_array_append_new(array, object);
    }
    return array;
}

json_t *json_layer(const struct report *report)
{
    json_t *root = json_object();
    json_object_set_new(root, "name", json_string(report->layer));
    json_object_set_new(root, "input",
                        json_input(report->observations, report->sources, report->input));
    json_object_set_new(root, "groups", json_groups(report->layout));
    json_t *bins = json_object();
    json_object_set_new(bins, "count", json_integer(report->options->bins));
    json_object_set_new(bins, "low", json_integer(-1));
    json_object_set_new(bins, "high", json_integer(1));
    json_object_set_new(root, "bins", bins);
    json_t *conditions = json_array();
    for (int i = 0; i < report->condition_count; i++)
        json_array_append_new(conditions, condition_object(report, &report->conditions[i]));
    json_object_set_new(root, "conditions", conditions);
    if (report->comparison != NULL)
        json_object_set_new(root, "comparison", json_comparison(report));
    if (report->selection_contrast != NULL)
        json_object_set_new(root, "selection_contrast", json_selection_contrast(report));
    json_object_set_new(root, "warnings", warnings_array(report->warnings));
    return root;
}

bool report_add_json(FILE *stream, const struct report *report, int number, struct failure *failure)
{
    if (!json_document_next(stream, report->options, number, failure))
        return false;
    json_begin();
    json_t *layer = json_layer(report);
    bool done = json_whole(failure) && json_print(stream, layer, failure);
    json_decref(layer);
    return done;
}
