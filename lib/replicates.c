/* Values stand replicate by replicate, so that whoever summarises a statistic reads them in a row. */
#include "replicates.h"

#include <math.h>

int32_t qkv_statistic_test(int32_t metric, int32_t statistic)
{
    const int32_t first = qkv_metric_index(metric) * QKV_REPLICATED;
    if (metric == QKVSIM_COSINE && statistic == QKVSIM_STATISTIC_OFFSET_SHARE)
        return first + QKV_REPLICATED - 1;
    return first >= 0 && statistic >= QKVSIM_MEAN && statistic <= QKVSIM_TAIL
               ? first + statistic - QKVSIM_MEAN
               : -1;
}

double qkv_statistic_value(const qkvsim_analysis *analysis, int32_t row, int32_t test)
{
    const int32_t place = test % QKV_REPLICATED;
    const int32_t statistic =
        place < QKV_REPLICATED - 1 ? QKVSIM_MEAN + place : QKVSIM_STATISTIC_OFFSET_SHARE;
    return qkvsim_analysis_statistic(analysis, row, qkv_metric_bit(test / QKV_REPLICATED),
                                     statistic);
}

/* How many metrics in use come before one. */
static int32_t metrics_before(const qkv_replicates *replicates, int32_t metric)
{
    int32_t count = 0;
    for (int32_t index = 0; index < qkv_metric_index(metric); index++)
        count += (replicates->metrics & qkv_metric_bit(index)) != 0;
    return count;
}

static double *values_of(const qkv_replicates *replicates, int32_t row, int32_t test)
{
    const int32_t metric = qkv_metric_bit(test / QKV_REPLICATED);
    if (test < 0 || (replicates->metrics & metric) == 0 || row < 0 || row >= replicates->rows)
        return NULL;
    const int64_t cell = (int64_t)metrics_before(replicates, metric) * replicates->rows + row;
    return replicates->values + (cell * QKV_REPLICATED + test % QKV_REPLICATED) * replicates->count;
}

qkvsim_status qkv_replicates_open(qkvsim_context *context, const qkvsim_layout *layout,
                                  int32_t metrics, int64_t count, qkv_replicates *replicates)
{
    *replicates = (qkv_replicates){ .allocator = context->allocator,
                                    .rows = qkv_layout_rows(layout),
                                    .metrics = metrics,
                                    .count = count };
    const int64_t in_use =
        metrics_before(replicates, QKVSIM_SPEARMAN) + ((metrics & QKVSIM_SPEARMAN) != 0);
    const int64_t statistics = in_use * replicates->rows * QKV_REPLICATED;
    int64_t values = 0;
    if (qkv_multiply(statistics, count, &values))
        replicates->values =
            qkv_allocate(&context->allocator, (size_t)values, sizeof *replicates->values);
    if (replicates->values == NULL)
        return qkv_no_memory(context, "the statistics of the repeated analyses");
    for (int64_t k = 0; k < values; k++)
        replicates->values[k] = NAN;
    return QKVSIM_OK;
}

void qkv_replicates_close(qkv_replicates *replicates)
{
    qkv_release(&replicates->allocator, replicates->values);
    *replicates = (qkv_replicates){ 0 };
}

static void put(qkv_replicates *replicates, const qkvsim_analysis *analysis, int64_t k,
                bool subtract)
{
    for (int32_t test = 0; test < QKV_STATISTIC_TESTS; test++)
        for (int32_t row = 0; row < replicates->rows; row++) {
            double *values = values_of(replicates, row, test);
            if (values == NULL)
                continue;
            const double value = qkv_statistic_value(analysis, row, test);
            values[k] = subtract ? values[k] - value : value;
        }
}

void qkv_replicates_put(qkv_replicates *replicates, const qkvsim_analysis *analysis, int64_t k)
{
    put(replicates, analysis, k, false);
}

void qkv_replicates_subtract(qkv_replicates *replicates, const qkvsim_analysis *analysis, int64_t k)
{
    put(replicates, analysis, k, true);
}

const double *qkv_replicates_values(const qkv_replicates *replicates, int32_t row, int32_t test)
{
    return values_of(replicates, row, test);
}
