/* Every row at once: the same numbers as the accessors', which cannot say what was wrong. */
#include "whole_rows.h"

static qkvsim_status check_constant(qkvsim_context *context, const char *name, int32_t value,
                                    int32_t last)
{
    return value >= 1 && value <= last
               ? QKVSIM_OK
               : qkv_unknown(context, value, last, "%s is %d, expected 1 to %d", name, (int)value,
                             (int)last);
}

static qkvsim_status check_constants(qkvsim_context *context, const qkv_question *question)
{
    qkvsim_status status = QKVSIM_OK;
    if (question->distance != QKV_NOT_ASKED)
        status =
            check_constant(context, "distance", question->distance, QKVSIM_DISTANCE_JENSEN_SHANNON);
    else
        status =
            check_constant(context, "statistic", question->statistic, QKVSIM_STATISTIC_MEAN_SQUARE);
    if (status == QKVSIM_OK && question->summary != QKV_NOT_ASKED)
        status = check_constant(context, "summary", question->summary, QKVSIM_SUMMARY_P_LEAST);
    return status;
}

qkvsim_status qkv_check_metric(qkvsim_context *context, int32_t metric)
{
    return qkv_metric_index(metric) >= 0
               ? QKVSIM_OK
               : qkv_unknown(context, metric, QKV_METRICS_SUM,
                             "metric is %d, expected one of QKVSIM_METRIC_COSINE (1), PEARSON (2), "
                             "SPEARMAN (16)",
                             (int)metric);
}

qkvsim_status qkv_check_question(qkvsim_context *context, const qkv_question *question,
                                 const double *values)
{
    if (question->of == NULL || values == NULL)
        return qkv_invalid(context, "%s is NULL",
                           question->of == NULL ? "the result" : "the array");
    const qkvsim_status status = qkv_check_metric(context, question->metric);
    return status == QKVSIM_OK ? check_constants(context, question) : status;
}

qkvsim_status qkv_answer_rows(qkvsim_context *context, const qkv_question *question,
                              double (*answer)(const qkv_question *question, int32_t row),
                              const qkvsim_analysis *analysis, double *values, int64_t capacity)
{
    qkvsim_status status = qkv_check_question(context, question, values);
    if (status != QKVSIM_OK)
        return status;
    const int32_t rows = qkv_layout_rows(analysis->layout);
    status = qkv_check_capacity(context, "values", capacity, rows);
    for (int32_t row = 0; status == QKVSIM_OK && row < rows; row++)
        values[row] = answer(question, row);
    return status;
}

const double *qkv_histogram_summaries(const qkvsim_analysis *analysis, double *const *summaries,
                                      int32_t metric, int32_t summary, int32_t *rows, int64_t *bins)
{
    const bool exists =
        summaries != NULL && summary >= QKVSIM_SUMMARY_MEAN && summary <= QKVSIM_SUMMARY_MAXIMUM;
    const int64_t *histograms =
        qkvsim_analysis_histograms(exists ? analysis : NULL, metric, rows, bins);
    return histograms != NULL
               ? summaries[summary - QKVSIM_SUMMARY_MEAN] + (histograms - analysis->counts)
               : NULL;
}
