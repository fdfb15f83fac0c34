/* Results in whole arrays: every row at once is what the accessors say of each, and how they were
 * made. */
#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

enum { N = 40, D = 12, ROWS = 6 + 1, MOST = 8 };

static stored copy;
static qkvsim_layout *layout;
static int64_t evens[N / 2], odds[N / 2];
static qkvsim_selection first, second;
static qkvsim_baseline *baseline;
static qkvsim_comparison *comparison;
static qkvsim_intervals *intervals;

static void make_results(void)
{
    const int32_t whole[] = { 0, 1, 2, 3, 4, 5 };
    make_context();
    table data = table_normal(N, D, 5);
    copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    table_free(&data);
    for (int64_t k = 0; k < N / 2; k++) {
        evens[k] = 2 * k;
        odds[k] = 2 * k + 1;
    }
    first = (qkvsim_selection){ sizeof first, evens, NULL, N / 2 };
    second = (qkvsim_selection){ sizeof second, odds, NULL, N / 2 };
    assert_ok(context, qkvsim_layout_thirds(context, D, &layout));
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "all", whole, 6));
    const qkvsim_input *input = INPUT(&copy.view, 1, .selection = &first);
    assert_ok(context, qkvsim_baseline_run(context, input, layout, NULL,
                                           &(qkvsim_baseline_options){
                                               .struct_size = sizeof(qkvsim_baseline_options),
                                               .permutations = 19,
                                               .seed = 77,
                                               .scheme = QKVSIM_SCHEME_FEATURE },
                                           &baseline));
    assert_ok(context, qkvsim_comparison_run(context, input, &second, layout, NULL,
                                             &(qkvsim_comparison_options){
                                                 .struct_size = sizeof(qkvsim_comparison_options),
                                                 .permutations = 19,
                                                 .seed = 78 },
                                             &comparison));
    assert_ok(context, qkvsim_intervals_run(
                           context, input, &second, layout, NULL,
                           &(qkvsim_interval_options){
                               .struct_size = sizeof(qkvsim_interval_options), .level = 0.9 },
                           &intervals));
}

static void free_results(void)
{
    qkvsim_baseline_free(baseline);
    qkvsim_comparison_free(comparison);
    qkvsim_intervals_free(intervals);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    free_context();
}

/* ---- one kind of answer: all rows, one row ---- */

typedef qkvsim_status (*whole_call)(qkvsim_context *context, int32_t metric, int32_t which,
                                    int32_t summary, double *values, int64_t capacity);
typedef double (*single_call)(int32_t row, int32_t metric, int32_t which, int32_t summary);

static qkvsim_status all_statistics(qkvsim_context *with, int32_t metric, int32_t which,
                                    int32_t summary, double *values, int64_t capacity)
{
    (void)summary;
    return qkvsim_analysis_statistics(with, qkvsim_baseline_observed(baseline), metric, which,
                                      values, capacity);
}

static double one_statistic(int32_t row, int32_t metric, int32_t which, int32_t summary)
{
    (void)summary;
    return qkvsim_analysis_statistic(qkvsim_baseline_observed(baseline), row, metric, which);
}

#define PAIR(all, one, whole, single, of)                                                          \
    static qkvsim_status all(qkvsim_context *with, int32_t metric, int32_t which, int32_t summary, \
                             double *values, int64_t capacity)                                     \
    {                                                                                              \
        return whole(with, of, metric, which, summary, values, capacity);                          \
    }                                                                                              \
    static double one(int32_t row, int32_t metric, int32_t which, int32_t summary)                 \
    {                                                                                              \
        return single(of, row, metric, which, summary);                                            \
    }

PAIR(all_nulls, one_null, qkvsim_baseline_statistics, qkvsim_baseline_statistic, baseline)
PAIR(all_distances, one_distance, qkvsim_comparison_distances, qkvsim_comparison_distance,
     comparison)
PAIR(all_differences, one_difference, qkvsim_comparison_differences, qkvsim_comparison_difference,
     comparison)
PAIR(all_matched, one_matched, qkvsim_comparison_matched_statistics, qkvsim_comparison_matched,
     comparison)
PAIR(all_intervals, one_interval, qkvsim_intervals_statistics, qkvsim_intervals_statistic,
     intervals)
PAIR(all_interval_differences, one_interval_difference, qkvsim_intervals_differences,
     qkvsim_intervals_difference, intervals)

static const struct kind {
    whole_call all;
    single_call one;
    int32_t last; /* statistic or distance */
    bool summarised;
} kinds[] = {
    { all_statistics, one_statistic, QKVSIM_STATISTIC_MEAN_SQUARE, false },
    { all_nulls, one_null, QKVSIM_STATISTIC_MEAN_SQUARE, true },
    { all_distances, one_distance, QKVSIM_DISTANCE_JENSEN_SHANNON, true },
    { all_differences, one_difference, QKVSIM_STATISTIC_MEAN_SQUARE, true },
    { all_matched, one_matched, QKVSIM_STATISTIC_MEAN_SQUARE, true },
    { all_intervals, one_interval, QKVSIM_STATISTIC_MEAN_SQUARE, true },
    { all_interval_differences, one_interval_difference, QKVSIM_STATISTIC_MEAN_SQUARE, true },
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

START_TEST(whole_arrays_are_what_each_row_says)
{
    for (int k = 0; k < KINDS; k++)
        for (int m = 0; m < 3; m++)
            for (int32_t which = 1; which <= kinds[k].last; which++)
                for (int32_t summary = 1; summary <= QKVSIM_SUMMARY_P_LEAST; summary++) {
                    double values[MOST], expected[MOST];
                    memset(values, 0x5a, sizeof values);
                    memset(expected, 0x5a, sizeof expected);
                    for (int32_t row = 0; row < ROWS; row++)
                        expected[row] = kinds[k].one(row, every_metric[m], which, summary);
                    assert_ok(context,
                              kinds[k].all(context, every_metric[m], which, summary, values, MOST));
                    for (int32_t row = 0; row < MOST; row++)
                        ck_assert(values[row] == expected[row]
                                  || (isnan(values[row]) && isnan(expected[row])));
                }
}
END_TEST

static void assert_refused(const struct kind *kind, int32_t metric, int32_t which, int32_t summary,
                           int64_t capacity)
{
    double *values = poisoned(MOST * sizeof *values);
    assert_status(context, kind->all(context, metric, which, summary, values, capacity),
                  refusal(context));
    ck_assert_int_ne(kind->all(NULL, metric, which, summary, values, capacity), QKVSIM_OK);
    assert_poisoned(values, MOST * sizeof *values);
    free(values);
}

START_TEST(too_little_room_and_unknown_constants_write_nothing)
{
    const int32_t mean = QKVSIM_STATISTIC_MEAN, low = QKVSIM_SUMMARY_LOW;
    const int32_t cosine = QKVSIM_METRIC_COSINE;
    for (int k = 0; k < KINDS; k++) {
        assert_refused(&kinds[k], cosine, mean, low, ROWS - 1);
        assert_message_has_number(context, ROWS - 1);
        assert_message_has_number(context, ROWS);
        assert_refused(&kinds[k], cosine, mean, low, -1);
        assert_refused(&kinds[k], 3, mean, low, ROWS);
        assert_refused(&kinds[k], cosine, 0, low, ROWS);
        assert_refused(&kinds[k], cosine, 99, low, ROWS);
        assert_message_has(context, "is 99");
        assert_message_has(context, "newer library");
        if (kinds[k].summarised)
            assert_refused(&kinds[k], cosine, mean, 98, ROWS);
        assert_status(context, kinds[k].all(context, cosine, mean, low, NULL, ROWS),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    }
    double values[ROWS];
    assert_status(context, qkvsim_analysis_statistics(context, NULL, cosine, mean, values, ROWS),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(matrices_say_how_much_room_they_need)
{
    const qkvsim_analysis *analysis = qkvsim_baseline_observed(baseline);
    double *matrix = poisoned(9 * sizeof *matrix);
    assert_status(context,
                  qkvsim_analysis_group_matrix(context, analysis, QKVSIM_METRIC_COSINE,
                                               QKVSIM_STATISTIC_MEAN, matrix, 8),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 8);
    assert_message_has_number(context, 9);
    assert_poisoned(matrix, 9 * sizeof *matrix);
    free(matrix);
}
END_TEST

START_TEST(counts_of_all_rows_are_what_each_row_says)
{
    const qkvsim_analysis *analysis = qkvsim_baseline_observed(baseline);
    int64_t pairs[MOST], defined[MOST];
    assert_ok(context, qkvsim_layout_pair_counts(context, layout, pairs, ROWS));
    assert_ok(NULL,
              qkvsim_analysis_defined_counts(NULL, analysis, QKVSIM_METRIC_PEARSON, defined, ROWS));
    for (int32_t row = 0; row < ROWS; row++) {
        ck_assert_int_gt(pairs[row], 0);
        ck_assert_int_eq(pairs[row], qkvsim_layout_pairs(layout, row));
        ck_assert_int_eq(defined[row],
                         qkvsim_analysis_defined(analysis, row, QKVSIM_METRIC_PEARSON));
    }
}
END_TEST

START_TEST(counts_say_how_much_room_they_need)
{
    const qkvsim_analysis *analysis = qkvsim_baseline_observed(baseline);
    const int32_t cosine = QKVSIM_METRIC_COSINE;
    int64_t *counts = poisoned(ROWS * sizeof *counts);
    assert_status(context, qkvsim_layout_pair_counts(context, layout, counts, ROWS - 1),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, ROWS);
    assert_status(context,
                  qkvsim_analysis_defined_counts(context, analysis, cosine, counts, ROWS - 1),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, ROWS);
    assert_status(context, qkvsim_analysis_defined_counts(context, analysis, 3, counts, ROWS),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_poisoned(counts, ROWS * sizeof *counts);
    free(counts);
}
END_TEST

START_TEST(edges_codes_and_histograms_say_how_much_room_they_need)
{
    double *edges = poisoned(101 * sizeof *edges);
    int32_t *codes = poisoned(6 * sizeof *codes);
    int64_t *histogram = poisoned(100 * sizeof *histogram);
    assert_status(context, qkvsim_bin_edges(context, NULL, QKVSIM_DTYPE_F32, edges, 100),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 101);
    assert_status(context, qkvsim_layout_mask_codes(context, layout, NULL, codes, 5),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 6);
    assert_status(context,
                  qkvsim_histogram(context, &copy.view, NULL, NULL, 1, NULL, histogram, 99, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 99);
    assert_poisoned(edges, 101 * sizeof *edges);
    assert_poisoned(codes, 6 * sizeof *codes);
    assert_poisoned(histogram, 100 * sizeof *histogram);
    free(edges);
    free(codes);
    free(histogram);
}
END_TEST

START_TEST(histograms_of_all_rows_stand_one_after_the_other)
{
    const qkvsim_analysis *analysis = qkvsim_baseline_observed(baseline);
    int32_t rows;
    int64_t bins;
    const int64_t *counts =
        qkvsim_analysis_histograms(analysis, QKVSIM_METRIC_PEARSON, &rows, &bins);
    ck_assert_int_eq(rows, ROWS);
    ck_assert_int_eq(bins, 100);
    for (int32_t row = 0; row < ROWS; row++) {
        ck_assert_ptr_eq(counts + row * bins,
                         qkvsim_analysis_histogram(analysis, row, QKVSIM_METRIC_PEARSON));
        ck_assert_ptr_eq(
            qkvsim_baseline_histograms(baseline, QKVSIM_METRIC_PEARSON, QKVSIM_SUMMARY_SD, &rows,
                                       &bins)
                + row * bins,
            qkvsim_baseline_histogram(baseline, row, QKVSIM_METRIC_PEARSON, QKVSIM_SUMMARY_SD));
        ck_assert_ptr_eq(
            qkvsim_comparison_bands(comparison, QKVSIM_METRIC_PEARSON, QKVSIM_SUMMARY_MAXIMUM, NULL,
                                    NULL)
                + row * bins,
            qkvsim_comparison_band(comparison, row, QKVSIM_METRIC_PEARSON, QKVSIM_SUMMARY_MAXIMUM));
    }
    ck_assert_ptr_null(qkvsim_analysis_histograms(analysis, QKVSIM_METRIC_SPEARMAN, &rows, &bins));
    ck_assert_int_eq(rows, 0);
    ck_assert_int_eq(bins, 0);
    ck_assert_ptr_null(
        qkvsim_baseline_histograms(NULL, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN, NULL, NULL));
    ck_assert_ptr_null(
        qkvsim_baseline_histograms(baseline, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_Z, NULL, NULL));
    ck_assert_ptr_null(
        qkvsim_comparison_bands(NULL, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN, NULL, NULL));
}
END_TEST

START_TEST(rows_that_were_not_asked_for_have_empty_histograms)
{
    const int32_t wanted[] = { 1 };
    const qkvsim_analysis_options options = { .struct_size = sizeof options,
                                              .pair_groups = wanted,
                                              .pair_group_count = 1 };
    qkvsim_analysis *some;
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&copy.view, 1), layout, &options, &some));
    const int64_t *counts = qkvsim_analysis_histograms(some, QKVSIM_METRIC_COSINE, NULL, NULL);
    for (int32_t row = 0; row < ROWS; row++) {
        int64_t sum = 0;
        for (int k = 0; k < 100; k++)
            sum += counts[row * 100 + k];
        ck_assert_int_eq(sum, row == 1 ? qkvsim_layout_pairs(layout, 1) : 0);
    }
    qkvsim_analysis_free(some);
}
END_TEST

START_TEST(handles_say_how_they_were_made)
{
    const qkvsim_analysis *analysis = qkvsim_baseline_observed(baseline);
    ck_assert_int_eq(qkvsim_layout_rows(qkvsim_analysis_layout(analysis)), ROWS);
    ck_assert_int_eq(qkvsim_layout_rows(NULL), 0);
    ck_assert_int_eq(qkvsim_analysis_metrics(analysis),
                     QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON);
    ck_assert_int_eq(qkvsim_analysis_arithmetic(analysis), QKVSIM_DTYPE_F32);
    ck_assert_uint_eq(qkvsim_baseline_seed(baseline), 77);
    ck_assert_int_eq(qkvsim_baseline_scheme(baseline), QKVSIM_SCHEME_FEATURE);
    ck_assert_int_eq(qkvsim_baseline_exchange(baseline), QKVSIM_EXCHANGE_OBSERVATIONS);
    ck_assert_uint_eq(qkvsim_comparison_seed(comparison), 78);
    ck_assert_int_eq(qkvsim_comparison_relabel(comparison), QKVSIM_RELABEL_LABELS);
    ck_assert_int_eq(qkvsim_comparison_exchange(comparison), QKVSIM_EXCHANGE_OBSERVATIONS);
    ck_assert_int_eq(qkvsim_comparison_centred(comparison), 0);
    ck_assert_int_eq(qkvsim_intervals_method(intervals), QKVSIM_METHOD_JACKKNIFE);
    ck_assert(qkvsim_intervals_level(intervals) == 0.9);
    ck_assert_uint_eq(qkvsim_intervals_seed(intervals), 0);
    ck_assert_int_eq(qkvsim_baseline_total(baseline), qkvsim_baseline_permutations(baseline));
    ck_assert_int_eq(qkvsim_comparison_total(comparison),
                     qkvsim_comparison_permutations(comparison));
    ck_assert_int_eq(qkvsim_intervals_total(intervals), 0);
    ck_assert_int_eq(qkvsim_baseline_exceedances(baseline), 0);
    ck_assert_int_eq(qkvsim_comparison_exceedances(comparison), 0);
    ck_assert_int_eq(qkvsim_baseline_total(NULL) + qkvsim_baseline_exceedances(NULL), 0);
    ck_assert_int_eq(qkvsim_comparison_total(NULL) + qkvsim_comparison_exceedances(NULL), 0);
    ck_assert_int_eq(qkvsim_intervals_total(NULL) + qkvsim_accumulator_features(NULL), 0);
    ck_assert_int_eq(qkvsim_pairs_metric(NULL) + qkvsim_pairs_arithmetic(NULL), 0);
    ck_assert_ptr_null(qkvsim_analysis_group_offsets(NULL));
    const double *offsets = qkvsim_analysis_group_offsets(analysis);
    for (int32_t g = 0; g < qkvsim_layout_groups(qkvsim_analysis_layout(analysis)); g++)
        ck_assert(offsets[g] == qkvsim_analysis_group_offset(analysis, g));
    ck_assert_ptr_null(qkvsim_analysis_layout(NULL));
    ck_assert_int_eq(qkvsim_analysis_metrics(NULL) + qkvsim_analysis_arithmetic(NULL), 0);
    ck_assert_int_eq(qkvsim_baseline_scheme(NULL) + qkvsim_baseline_exchange(NULL), 0);
    ck_assert_int_eq(qkvsim_comparison_relabel(NULL) + qkvsim_comparison_centred(NULL), 0);
    ck_assert(qkvsim_intervals_level(NULL) == 0 && qkvsim_intervals_method(NULL) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rows");
    TCase *rows = add_case(suite, "whole arrays", make_results, free_results);
    tcase_add_test(rows, whole_arrays_are_what_each_row_says);
    tcase_add_test(rows, too_little_room_and_unknown_constants_write_nothing);
    tcase_add_test(rows, matrices_say_how_much_room_they_need);
    tcase_add_test(rows, counts_of_all_rows_are_what_each_row_says);
    tcase_add_test(rows, counts_say_how_much_room_they_need);
    tcase_add_test(rows, edges_codes_and_histograms_say_how_much_room_they_need);
    tcase_add_test(rows, histograms_of_all_rows_stand_one_after_the_other);
    tcase_add_test(rows, rows_that_were_not_asked_for_have_empty_histograms);
    tcase_add_test(rows, handles_say_how_they_were_made);
    return run_suite(suite);
}
