/*
 * The parts of a report's JSON that say how sure a result is: baselines, intervals, comparison.
 */
#ifndef TOOLS_REPORT_JSON_INFERENCE_H
#define TOOLS_REPORT_JSON_INFERENCE_H

#include "json.h"
#include "report.h"

/* A row's baseline of one metric. */
json_t *json_baseline(const qkvsim_baseline *baseline, int32_t row, int32_t metric, int64_t bins);

/* Adds "interval", "interval_estimate" and "interval_se" of a metric's statistics, or of the offset
 * share alone, to an object. */
void json_add_intervals(json_t *object, const qkvsim_intervals *intervals, int32_t row,
                        int32_t metric);
void json_add_share_interval(json_t *object, const qkvsim_intervals *intervals, int32_t row);

/* How a condition's intervals were made, and its contrasts. */
json_t *json_interval_method(const struct report *report, const qkvsim_intervals *intervals);
json_t *json_contrasts(const struct report *report, const qkvsim_intervals *intervals);

/* Targets against non-targets. */
json_t *json_selection_contrast(const struct report *report);
json_t *json_comparison(const struct report *report);

#endif
