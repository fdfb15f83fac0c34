/* Values stand replicate by replicate, so that whoever summarises a statistic reads them in a
 * row. */
#include "replicates.h"

#include <math.h>
#include <string.h>

static int32_t test_count(qkv_replicated kept)
{
    return kept == QKV_KEEP_STATISTICS ? QKV_STATISTIC_TESTS : QKV_DISTANCE_TESTS;
}

static bool is_in_use(int32_t metrics, qkv_replicated kept, int32_t test)
{
    if (test < 0 || test >= test_count(kept))
        return false;
    const int32_t metric =
        kept == QKV_KEEP_STATISTICS ? qkv_tests[test].metric : test / QKV_DISTANCES;
    return (metrics & qkv_metric_bit(metric)) != 0;
}

/* How many tests of metrics in use come before one. */
static int64_t tests_before(int32_t metrics, qkv_replicated kept, int32_t test)
{
    int64_t count = 0;
    for (int32_t k = 0; k < test; k++)
        count += is_in_use(metrics, kept, k);
    return count;
}

int64_t qkv_replicates_cell(const qkv_replicates *replicates, int32_t row, int32_t test)
{
    const int32_t metrics = replicates->metrics;
    if (!is_in_use(metrics, replicates->kept, test) || row < 0 || row >= replicates->rows)
        return -1;
    return tests_before(metrics, replicates->kept, test) * replicates->rows + row;
}

static double *values_of(const qkv_replicates *replicates, int32_t row, int32_t test)
{
    const int64_t cell = qkv_replicates_cell(replicates, row, test);
    return cell >= 0 ? replicates->values + cell * replicates->count : NULL;
}

int64_t qkv_replicated_cells(const qkvsim_layout *layout, int32_t metrics, qkv_replicated kept)
{
    return tests_before(metrics, kept, test_count(kept)) * qkv_layout_rows(layout);
}

qkvsim_status qkv_replicates_open(qkvsim_context *context, const qkvsim_layout *layout,
                                  int32_t metrics, qkv_replicated kept, int64_t count,
                                  qkv_replicates *replicates)
{
    *replicates = (qkv_replicates){ .allocator = context->allocator,
                                    .kept = kept,
                                    .rows = qkv_layout_rows(layout),
                                    .metrics = metrics,
                                    .count = count };
    int64_t values = 0;
    if (qkv_multiply(qkv_replicates_cells(replicates), count, &values))
        replicates->values =
            qkv_allocate(&context->allocator, (size_t)values, sizeof *replicates->values);
    if (replicates->values == NULL)
        return qkv_no_memory(context, "the statistics of the repeated analyses");
    for (int64_t k = 0; k < values; k++)
        replicates->values[k] = NAN;
    return QKVSIM_OK;
}

int64_t qkv_replicates_cells(const qkv_replicates *replicates)
{
    return tests_before(replicates->metrics, replicates->kept, test_count(replicates->kept))
           * replicates->rows;
}

void qkv_replicates_copy(qkv_replicates *replicates, int64_t at, const qkv_replicates *other,
                         int64_t count)
{
    for (int64_t cell = 0; cell < qkv_replicates_cells(replicates); cell++)
        memcpy(replicates->values + cell * replicates->count + at,
               other->values + cell * other->count, (size_t)count * sizeof(double));
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

void qkv_replicates_put_values(qkv_replicates *replicates, const double *values, int64_t k)
{
    for (int32_t test = 0; test < test_count(replicates->kept); test++)
        for (int32_t row = 0; row < replicates->rows; row++) {
            double *to = values_of(replicates, row, test);
            if (to != NULL)
                to[k] = values[(int64_t)test * replicates->rows + row];
        }
}

void qkv_replicates_settle(qkv_replicates *replicates, int32_t row, int32_t test, int64_t k,
                           double observed, double error)
{
    double *values = values_of(replicates, row, test);
    if (values != NULL && fabs(values[k] - observed) < error)
        values[k] = observed;
}

const double *qkv_replicates_values(const qkv_replicates *replicates, int32_t row, int32_t test)
{
    return values_of(replicates, row, test);
}
