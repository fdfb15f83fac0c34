/* Values stand replicate by replicate, so that whoever summarises a statistic reads them in a row. */
#include "replicates.h"

#include <math.h>

int32_t qkv_replicated(int32_t k)
{
    return k < QKVSIM_TAIL ? QKVSIM_MEAN + k : QKVSIM_STATISTIC_OFFSET_SHARE;
}

/* The place of a statistic among the replicated ones; -1 where it is none of a metric's. */
static int32_t place_of(int32_t metric, int32_t statistic)
{
    if (statistic == QKVSIM_STATISTIC_OFFSET_SHARE)
        return metric == QKVSIM_COSINE ? QKV_REPLICATED - 1 : -1;
    return statistic >= QKVSIM_MEAN && statistic <= QKVSIM_TAIL ? statistic - QKVSIM_MEAN : -1;
}

/* How many metrics in use come before one. */
static int32_t metrics_before(const qkv_replicates *replicates, int32_t metric)
{
    int32_t count = 0;
    for (int32_t index = 0; index < qkv_metric_index(metric); index++)
        count += (replicates->metrics & qkv_metric_bit(index)) != 0;
    return count;
}

static double *values_of(const qkv_replicates *replicates, int32_t row, int32_t metric,
                         int32_t statistic)
{
    const int32_t place = place_of(metric, statistic);
    if (place < 0 || qkv_metric_index(metric) < 0 || (replicates->metrics & metric) == 0 || row < 0
        || row >= replicates->rows)
        return NULL;
    const int64_t cell = (int64_t)metrics_before(replicates, metric) * replicates->rows + row;
    return replicates->values + (cell * QKV_REPLICATED + place) * replicates->count;
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
    for (int32_t index = 0; index < QKV_METRICS; index++)
        for (int32_t row = 0; row < replicates->rows; row++)
            for (int32_t s = 0; s < QKV_REPLICATED; s++) {
                const int32_t metric = qkv_metric_bit(index), statistic = qkv_replicated(s);
                double *values = values_of(replicates, row, metric, statistic);
                if (values == NULL)
                    continue;
                const double value = qkvsim_analysis_statistic(analysis, row, metric, statistic);
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

const double *qkv_replicates_values(const qkv_replicates *replicates, int32_t row, int32_t metric,
                                    int32_t statistic)
{
    return values_of(replicates, row, metric, statistic);
}
