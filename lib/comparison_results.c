/* What a comparison found: the handle and its accessors. */
#include <math.h>

#include "analysis/whole_rows.h"
#include "repeated/comparison_values.h"
#include "statistics/distance.h"

void qkvsim_comparison_free(qkvsim_comparison *comparison)
{
    if (comparison == NULL)
        return;
    const qkv_allocator allocator = comparison->allocator;
    for (int s = 0; s < 2; s++)
        qkvsim_analysis_free(comparison->sides[s]);
    qkv_release(&allocator, comparison->values);
    qkv_release(&allocator, comparison->matched);
    for (int kept = 0; kept < 2; kept++) {
        qkv_replicates_close(&comparison->of_relabelled[kept]);
        qkv_replicates_close(&comparison->of_subsets[kept]);
        qkv_running_close(&comparison->subset_summaries[kept]);
    }
    qkv_count_sums_close(&comparison->subset_counts);
    qkv_null_table_close(&comparison->distances);
    qkv_null_table_close(&comparison->differences);
    qkv_release(&allocator, comparison);
}

/* ---- how it was made ---- */

const qkvsim_analysis *qkvsim_comparison_first(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->sides[0] : NULL;
}

const qkvsim_analysis *qkvsim_comparison_second(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->sides[1] : NULL;
}

int64_t qkvsim_comparison_permutations(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->permutations : 0;
}

int32_t qkvsim_comparison_enumerated(const qkvsim_comparison *comparison)
{
    return comparison != NULL && comparison->enumerated;
}

uint64_t qkvsim_comparison_seed(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->seed : 0;
}

qkvsim_relabel_scheme qkvsim_comparison_relabel(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->relabel : 0;
}

qkvsim_exchange qkvsim_comparison_exchange(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->exchange : 0;
}

int32_t qkvsim_comparison_centred(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->centred : 0;
}

int64_t qkvsim_comparison_subsets(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->subsets : 0;
}

int64_t qkvsim_comparison_first_permutation(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->first : 0;
}

int64_t qkvsim_comparison_total(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->total : 0;
}

int64_t qkvsim_comparison_exceedances(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->distances.exceedances : 0;
}

int64_t qkvsim_comparison_first_subset(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->first_subset : 0;
}

/* ---- numbers ---- */

static int32_t distance_test(int32_t metric, int32_t distance)
{
    return metric * QKV_DISTANCES + (distance - QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV);
}

static bool has_row(const qkvsim_comparison *comparison, int32_t row, int32_t metric)
{
    return comparison != NULL
           && qkvsim_analysis_histogram(comparison->sides[0], row, metric) != NULL;
}

double qkvsim_comparison_distance(const qkvsim_comparison *comparison, int32_t row, int32_t metric,
                                  int32_t distance, int32_t summary)
{
    if (!has_row(comparison, row, metric) || distance < QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV
        || distance > QKVSIM_DISTANCE_JENSEN_SHANNON)
        return NAN;
    const int32_t test = distance_test(qkv_metric_index(metric), distance);
    const int64_t cell = (int64_t)test * comparison->distances.rows + row;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return comparison->values[cell];
    if (summary == QKVSIM_SUMMARY_MATCHED)
        return comparison->matched[cell];
    if (summary == QKVSIM_SUMMARY_P || summary == QKVSIM_SUMMARY_P_FITTED
        || summary == QKVSIM_SUMMARY_P_LEAST
        || (summary >= QKVSIM_SUMMARY_P_BH && summary <= QKVSIM_SUMMARY_P_MAX_ALL))
        return qkv_null_summary(&comparison->distances, row, test,
                                summary == QKVSIM_SUMMARY_P ? QKVSIM_SUMMARY_P_GREATER : summary);
    return comparison->subsets > 0 && summary >= QKVSIM_SUMMARY_MATCHED_MEAN
                   && summary <= QKVSIM_SUMMARY_MATCHED_MAXIMUM
               ? comparison->subset_summaries[QKV_KEEP_DISTANCES]
                     .summaries[summary - QKVSIM_SUMMARY_MATCHED_MEAN][cell]
               : NAN;
}

double qkvsim_comparison_difference(const qkvsim_comparison *comparison, int32_t row,
                                    int32_t metric, int32_t statistic, int32_t summary)
{
    const int32_t test = qkv_statistic_test(metric, statistic);
    if (!has_row(comparison, row, metric) || test < 0)
        return NAN;
    return qkv_null_summary(&comparison->differences, row, test, summary);
}

double qkvsim_comparison_matched(const qkvsim_comparison *comparison, int32_t row, int32_t metric,
                                 int32_t statistic, int32_t summary)
{
    const int32_t test = qkv_statistic_test(metric, statistic);
    if (!has_row(comparison, row, metric) || test < 0 || comparison->subsets == 0
        || summary < QKVSIM_SUMMARY_MEAN || summary > QKVSIM_SUMMARY_MAXIMUM)
        return NAN;
    const qkv_running *summaries = &comparison->subset_summaries[QKV_KEEP_STATISTICS];
    const double *values = summaries->summaries[summary - QKVSIM_SUMMARY_MEAN];
    return values[(int64_t)test * comparison->differences.rows + row];
}

const double *qkvsim_comparison_band(const qkvsim_comparison *comparison, int32_t row,
                                     int32_t metric, int32_t summary)
{
    const qkvsim_analysis *first = qkvsim_comparison_first(comparison);
    const int64_t *histogram = qkvsim_analysis_histogram(first, row, metric);
    if (histogram == NULL || comparison->subsets == 0 || summary < QKVSIM_SUMMARY_MEAN
        || summary > QKVSIM_SUMMARY_MAXIMUM)
        return NULL;
    return comparison->subset_counts.summaries.summaries[summary - QKVSIM_SUMMARY_MEAN]
           + (histogram - first->counts);
}

static double distance_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_comparison_distance(question->of, row, question->metric, question->distance,
                                      question->summary);
}

qkvsim_status qkvsim_comparison_distances(qkvsim_context *context,
                                          const qkvsim_comparison *comparison, int32_t metric,
                                          int32_t distance, int32_t summary, double *values,
                                          int64_t capacity)
{
    const qkv_question question = { comparison, metric, QKV_NOT_ASKED, distance, summary };
    return qkv_answer_rows(context, &question, distance_of_row, qkvsim_comparison_first(comparison),
                           values, capacity);
}

static double difference_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_comparison_difference(question->of, row, question->metric, question->statistic,
                                        question->summary);
}

qkvsim_status qkvsim_comparison_differences(qkvsim_context *context,
                                            const qkvsim_comparison *comparison, int32_t metric,
                                            int32_t statistic, int32_t summary, double *values,
                                            int64_t capacity)
{
    const qkv_question question = { comparison, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, difference_of_row,
                           qkvsim_comparison_first(comparison), values, capacity);
}

static double matched_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_comparison_matched(question->of, row, question->metric, question->statistic,
                                     question->summary);
}

qkvsim_status qkvsim_comparison_matched_statistics(qkvsim_context *context,
                                                   const qkvsim_comparison *comparison,
                                                   int32_t metric, int32_t statistic,
                                                   int32_t summary, double *values,
                                                   int64_t capacity)
{
    const qkv_question question = { comparison, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, matched_of_row, qkvsim_comparison_first(comparison),
                           values, capacity);
}

const double *qkvsim_comparison_bands(const qkvsim_comparison *comparison, int32_t metric,
                                      int32_t summary, int32_t *rows, int64_t *bins)
{
    const bool exists = comparison != NULL && comparison->subsets > 0;
    return qkv_histogram_summaries(qkvsim_comparison_first(comparison),
                                   exists ? comparison->subset_counts.summaries.summaries : NULL,
                                   metric, summary, rows, bins);
}
