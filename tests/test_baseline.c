/* baseline.h: every summary recomputed from permutations asked for one by one, p-values that are
 * uniform under the null, and what each scheme is known to give. */
#include <qkvsim/baseline.h>

#include "oracle.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

enum { BINS = 20, MOST = 400, SCHEMES = QKVSIM_SCHEME_FLIP };

static qkvsim_layout *layout;
static table data;
static stored input;

static void set_up(void)
{
    make_context();
    data = table_with_offsets(40, 21, 1, 1);
    input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    assert_ok(context, qkvsim_layout_thirds(context, 21, &layout));
    assert_ok(context,
              qkvsim_layout_add_rollup(context, layout, "within", (int32_t[]){ 0, 3, 5 }, 3));
}

static void tear_down(void)
{
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    free_context();
}

static const qkvsim_bins twenty = {
    .struct_size = sizeof(qkvsim_bins), .count = BINS, .low = -1, .high = 1
};

static qkvsim_baseline_options permutations(int64_t count, int32_t scheme, uint64_t seed)
{
    return (qkvsim_baseline_options){ .struct_size = sizeof(qkvsim_baseline_options),
                                      .permutations = count,
                                      .seed = seed,
                                      .scheme = scheme };
}

/* Q-Q, K-K, V-V and the roll-up of them, under a scheme that moves whole groups. */
static bool is_untested(int32_t scheme, int32_t pair_group)
{
    return scheme >= QKVSIM_SCHEME_OBSERVATIONS
           && (pair_group == 0 || pair_group == 3 || pair_group >= 5);
}

static qkvsim_baseline *run(qkvsim_context *with, const qkvsim_input *read,
                            const qkvsim_analysis_options *analysis_options,
                            const qkvsim_baseline_options *options)
{
    qkvsim_baseline *baseline = NULL;
    assert_ok(with, qkvsim_baseline_run(with, read, layout, analysis_options, options, &baseline));
    return baseline;
}

/* Permutation `index` of an input, asked for by itself and analysed by itself. */
static qkvsim_analysis *analyze_permutation(const stored *copy, const qkvsim_selection *selection,
                                            const int32_t *segments,
                                            const qkvsim_baseline_options *options, int64_t index)
{
    const bool wide = copy->view.dtype == QKVSIM_DTYPE_F64;
    const int64_t n = selection ? selection->count : copy->view.observations;
    const int64_t d = copy->view.features;
    const int32_t dtype = wide ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32;
    void *memory = malloc((size_t)(n * d) * sizeof(double));
    qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                       .seed = options->seed,
                                       .index = index,
                                       .scheme =
                                           options->scheme ? options->scheme : QKVSIM_SCHEME_ALL,
                                       .layout = layout,
                                       .exchange = options->exchange,
                                       .covariates = options->covariates };
    const qkvsim_matrix matrix = { sizeof matrix, memory, n, d, d, dtype, 0 };
    const qkvsim_view view = { sizeof view, memory, n, d, d, 1, dtype, 0 };
    qkvsim_analysis_options analysis_options = { .struct_size = sizeof analysis_options,
                                                 .bins = &twenty,
                                                 .metrics = METRICS_SUM };
    qkvsim_analysis *analysis = NULL;
    assert_ok(context,
              qkvsim_permute(context,
                             INPUT(&copy->view, 1, .selection = selection, .segments = segments),
                             &permutation, &matrix));
    assert_ok(context,
              qkvsim_analysis_run(context, INPUT(&view, 1), layout, &analysis_options, &analysis));
    free(memory);
    return analysis;
}

/* The definitions of the summaries, of m values and the one observed. Values count as equal where
 * they differ by no more than the slack. */
static double summary_by_hand(const double *values, int64_t m, double observed, int32_t summary,
                              double slack)
{
    double sum = 0, squares = 0, least = INFINITY, most = -INFINITY, existing = 0;
    int64_t far = 0, less = 0, greater = 0;
    for (int64_t p = 0; p < m; p++)
        if (!isnan(values[p])) {
            existing++;
            sum += values[p];
            least = fmin(least, values[p]);
            most = fmax(most, values[p]);
        }
    const double mean = sum / existing, centre = (sum + observed) / (existing + 1);
    if (existing == 0 || isnan(observed))
        return NAN;
    for (int64_t p = 0; p < m; p++) {
        const bool absent = isnan(values[p]);
        squares += absent ? 0 : (values[p] - mean) * (values[p] - mean);
        far += absent || fabs(values[p] - centre) >= fabs(observed - centre) - slack;
        less += absent || values[p] <= observed + slack;
        greater += absent || values[p] >= observed - slack;
    }
    const double sd = sqrt(squares / existing);
    switch (summary) {
    case QKVSIM_SUMMARY_MEAN:
        return mean;
    case QKVSIM_SUMMARY_SD:
        return most - least <= slack ? 0 : sd;
    case QKVSIM_SUMMARY_MINIMUM:
        return least;
    case QKVSIM_SUMMARY_MAXIMUM:
        return most;
    case QKVSIM_SUMMARY_Z:
        return most - least <= slack ? NAN : (observed - mean) / sd;
    case QKVSIM_SUMMARY_P:
        return (double)(far + 1) / (double)(m + 1);
    case QKVSIM_SUMMARY_P_LESS:
        return (double)(less + 1) / (double)(m + 1);
    default:
        return (double)(greater + 1) / (double)(m + 1);
    }
}

static void assert_close(double value, double expected, double tolerance, const char *what)
{
    if (isnan(value) != isnan(expected)
        || fabs(value - expected) > tolerance * (1 + fabs(expected)))
        ck_abort_msg("%s is %.17g and not %.17g", what, value, expected);
}

/* Whatever the library takes for equal, between exactly and what single precision may be off by.
 * What divides by energies is taken for the observed value where it is as near to it as its own
 * rounding. */
static void assert_summary(double value, const double *values, int64_t m, double observed,
                           int32_t summary, int32_t statistic)
{
    const bool ratio = statistic == QKVSIM_STATISTIC_OFFSET_SHARE
                       || statistic == QKVSIM_STATISTIC_OFFSET_SHARE_RAW
                       || statistic == QKVSIM_STATISTIC_NOISE_FRACTION;
    const double exact = summary_by_hand(values, m, observed, summary, 0);
    const double loose = summary_by_hand(values, m, observed, summary, 1e-4 * (1 + fabs(observed)));
    if (summary >= QKVSIM_SUMMARY_P)
        ck_assert_msg((isnan(value) && isnan(exact)) || (value >= exact && value <= loose),
                      "p is %g, not within %g and %g", value, exact, loose);
    else if (!(isnan(value) && isnan(loose)) && !(value == loose))
        assert_close(value, exact, ratio ? 1e-6 : 1e-9, "a summary");
}

static void assert_bins_by_hand(const qkvsim_baseline *baseline, qkvsim_analysis *const *all,
                                int64_t m, int32_t pair_group, int32_t metric)
{
    double values[MOST];
    for (int32_t summary = QKVSIM_SUMMARY_MEAN; summary <= QKVSIM_SUMMARY_MAXIMUM; summary++) {
        const double *bins = qkvsim_baseline_histogram(baseline, pair_group, metric, summary);
        for (int64_t b = 0; b < BINS; b++) {
            for (int64_t p = 0; p < m; p++)
                values[p] = (double)qkvsim_analysis_histogram(all[p], pair_group, metric)[b];
            assert_close(bins[b], summary_by_hand(values, m, 0, summary, 0), 1e-12,
                         "a bin's summary");
        }
    }
}

static void assert_statistics_by_hand(const qkvsim_baseline *baseline, qkvsim_analysis *const *all,
                                      int64_t m, int32_t pair_group, int32_t metric, bool untested)
{
    const qkvsim_analysis *observed = qkvsim_baseline_observed(baseline);
    double values[MOST];
    for (int s = 0; kept_statistic(metric, s) != 0; s++)
        for (int32_t summary = QKVSIM_SUMMARY_MEAN; summary <= QKVSIM_SUMMARY_P_GREATER;
             summary++) {
            const int32_t which = kept_statistic(metric, s);
            for (int64_t p = 0; p < m; p++)
                values[p] = qkvsim_analysis_statistic(all[p], pair_group, metric, which);
            const double own = qkvsim_analysis_statistic(observed, pair_group, metric, which);
            const double value =
                qkvsim_baseline_statistic(baseline, pair_group, metric, which, summary);
            if (untested && summary >= QKVSIM_SUMMARY_Z) {
                ck_assert(isnan(value));
                continue;
            }
            assert_summary(value, values, m, own, summary, which);
            if (summary >= QKVSIM_SUMMARY_P && !isnan(value))
                ck_assert(value >= 1.0 / (double)(m + 1) && value <= 1);
        }
}

static void assert_baseline_by_hand(const stored *copy, const qkvsim_selection *selection,
                                    const int32_t *segments, const qkvsim_baseline_options *options)
{
    qkvsim_analysis_options analysis_options = { .struct_size = sizeof analysis_options,
                                                 .bins = &twenty,
                                                 .metrics = METRICS_SUM };
    qkvsim_analysis *all[MOST];
    for (int64_t p = 0; p < options->permutations; p++)
        all[p] = analyze_permutation(copy, selection, segments, options, p);
    qkvsim_baseline *baseline =
        run(context, INPUT(&copy->view, 1, .selection = selection, .segments = segments),
            &analysis_options, options);
    ck_assert_int_eq(qkvsim_baseline_permutations(baseline), options->permutations);
    for (int32_t p = 0; p < 7; p++)
        for (int m = 0; m < 3; m++) {
            assert_bins_by_hand(baseline, all, options->permutations, p, every_metric[m]);
            assert_statistics_by_hand(baseline, all, options->permutations, p, every_metric[m],
                                      is_untested(options->scheme, p));
        }
    qkvsim_baseline_free(baseline);
    for (int64_t p = 0; p < options->permutations; p++)
        qkvsim_analysis_free(all[p]);
}

START_TEST(summaries_are_those_of_permutations_asked_for_one_by_one)
{
    const int64_t counts[] = { 1, 2, 19 };
    const qkvsim_baseline_options options = permutations(counts[_i / SCHEMES], 1 + _i % SCHEMES, 7);
    assert_baseline_by_hand(&input, NULL, NULL, &options);
}
END_TEST

START_TEST(summaries_hold_for_every_type_and_a_selection)
{
    const int64_t rows[] = { 39, 1, 5, 12, 13, 14, 20, 3, 8, 30, 31 };
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 11 };
    for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored copy = store(&data, dtype, ORDER_FORTRAN);
        const int32_t segments[40] = { [13] = 1, 1, 1, 1, 1, 1, 1, 1 };
        qkvsim_baseline_options options = permutations(9, 0, 8);
        for (options.scheme = 1; options.scheme <= SCHEMES; options.scheme++)
            assert_baseline_by_hand(&copy, &selection, segments, &options);
        stored_free(&copy);
    }
}
END_TEST

/* With covariates and whole segments, of a selection. */
START_TEST(summaries_hold_for_residuals_of_segments)
{
    const int32_t schemes[] = { QKVSIM_SCHEME_FEATURE, QKVSIM_SCHEME_OBSERVATIONS,
                                QKVSIM_SCHEME_FLIP };
    const int64_t rows[] = { 1, 2, 3, 10, 11, 18, 20, 21, 22, 30, 31, 38 };
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 12 };
    int32_t segments[40];
    float positions[40];
    for (int i = 0; i < 40; i++) {
        segments[i] = i / 10;
        positions[i] = (float)(i % 10);
    }
    const qkvsim_view view = { sizeof view, positions, 40, 1, 1, 1, QKVSIM_DTYPE_F32, 0 };
    qkvsim_baseline_options options = permutations(9, schemes[_i / 2], 8);
    options.covariates = &view;
    options.exchange = _i % 2 ? QKVSIM_EXCHANGE_SEGMENTS : QKVSIM_EXCHANGE_OBSERVATIONS;
    assert_baseline_by_hand(&input, &selection, segments, &options);
}
END_TEST

START_TEST(the_default_scheme_is_all)
{
    const qkvsim_baseline_options plain = permutations(6, 0, 9);
    assert_baseline_by_hand(&input, NULL, NULL, &plain);
}
END_TEST

START_TEST(the_observed_analysis_is_the_analysis)
{
    const qkvsim_baseline_options options = permutations(2, QKVSIM_SCHEME_ALL, 0);
    qkvsim_baseline *baseline = run(context, INPUT(&input.view, 1), NULL, &options);
    qkvsim_analysis *analysis;
    assert_ok(context,
              qkvsim_analysis_run(context, INPUT(&input.view, 1), layout, NULL, &analysis));
    assert_same_analysis(qkvsim_baseline_observed(baseline), analysis);
    qkvsim_analysis_free(analysis);
    qkvsim_baseline_free(baseline);
}
END_TEST

static void assert_same_baseline(const qkvsim_baseline *one, const qkvsim_baseline *other)
{
    assert_same_analysis(qkvsim_baseline_observed(one), qkvsim_baseline_observed(other));
    for (int32_t p = 0; p < 7; p++)
        for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_PEARSON; metric++)
            for (int32_t summary = QKVSIM_SUMMARY_MEAN; summary <= QKVSIM_SUMMARY_P_GREATER;
                 summary++) {
                if (summary <= QKVSIM_SUMMARY_MAXIMUM)
                    ck_assert_mem_eq(qkvsim_baseline_histogram(one, p, metric, summary),
                                     qkvsim_baseline_histogram(other, p, metric, summary),
                                     BINS * sizeof(double));
                for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_TAIL; which++)
                    assert_close(qkvsim_baseline_statistic(one, p, metric, which, summary),
                                 qkvsim_baseline_statistic(other, p, metric, which, summary), 0,
                                 "a summary");
            }
}

START_TEST(results_are_bit_identical_for_any_number_of_threads)
{
    const int32_t threads[] = { 2, 3, 7 };
    const qkvsim_baseline_options options = permutations(13, 1 + _i, 3);
    qkvsim_context *single = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_baseline *expected = run(single, INPUT(&input.view, 1), NULL, &options);
    for (int t = 0; t < 3; t++) {
        qkvsim_context *many = context_with(threads[t], QKVSIM_KERNELS_AUTO);
        qkvsim_baseline *baseline = run(many, INPUT(&input.view, 1), NULL, &options);
        assert_same_baseline(baseline, expected);
        qkvsim_baseline_free(baseline);
        qkvsim_context_free(many);
    }
    qkvsim_baseline_free(expected);
    qkvsim_context_free(single);
}
END_TEST

/* Constant columns: under `feature` every permutation is the input itself, so nothing varies. */
START_TEST(z_is_absent_and_p_is_1_where_no_permutation_differs)
{
    table same = table_new(10, 21);
    for (int64_t j = 0; j < 21; j++)
        table_set_constant(&same, j, j % 2 ? 3 : -0.1);
    stored copy = store(&same, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_baseline_options options = permutations(9, QKVSIM_SCHEME_FEATURE, 0);
    qkvsim_baseline *baseline = run(context, INPUT(&copy.view, 1), NULL, &options);
    const int32_t which[] = { QKVSIM_STATISTIC_MEAN, QKVSIM_STATISTIC_VARIANCE,
                              QKVSIM_STATISTIC_TAIL };
    for (int i = 0; i < 3; i++) {
        ck_assert(qkvsim_baseline_statistic(baseline, 0, QKVSIM_METRIC_COSINE, which[i],
                                            QKVSIM_SUMMARY_SD)
                  == 0);
        ck_assert(isnan(qkvsim_baseline_statistic(baseline, 0, QKVSIM_METRIC_COSINE, which[i],
                                                  QKVSIM_SUMMARY_Z)));
        for (int32_t p = QKVSIM_SUMMARY_P; p <= QKVSIM_SUMMARY_P_GREATER; p++)
            ck_assert(qkvsim_baseline_statistic(baseline, 0, QKVSIM_METRIC_COSINE, which[i], p)
                      == 1);
    }
    for (int32_t summary = QKVSIM_SUMMARY_MEAN; summary <= QKVSIM_SUMMARY_P_GREATER; summary++)
        ck_assert(isnan(qkvsim_baseline_statistic(baseline, 0, QKVSIM_METRIC_PEARSON,
                                                  QKVSIM_STATISTIC_MEAN, summary)));
    qkvsim_baseline_free(baseline);
    stored_free(&copy);
    table_free(&same);
}
END_TEST

START_TEST(accessors_answer_nothing_where_there_is_nothing)
{
    const qkvsim_baseline_options options = permutations(3, QKVSIM_SCHEME_ALL, 0);
    qkvsim_baseline *b = run(context, INPUT(&input.view, 1), NULL, &options);
    const int32_t none[] = { -1, 7, INT32_MAX };
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(
            qkvsim_baseline_histogram(b, none[i], QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN));
        ck_assert(isnan(qkvsim_baseline_statistic(b, none[i], QKVSIM_METRIC_COSINE,
                                                  QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_MEAN)));
    }
    ck_assert_ptr_null(qkvsim_baseline_histogram(b, 0, 3, QKVSIM_SUMMARY_MEAN));
    ck_assert_ptr_null(qkvsim_baseline_histogram(b, 0, QKVSIM_METRIC_COSINE, 0));
    ck_assert_ptr_null(qkvsim_baseline_histogram(b, 0, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_Z));
    ck_assert_ptr_null(qkvsim_baseline_histogram(b, 0, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_P));
    const int32_t statistics[] = { 0, QKVSIM_STATISTIC_MINIMUM, QKVSIM_STATISTIC_MAXIMUM, -1 },
                  summaries[] = { 0, QKVSIM_SUMMARY_LOW, -1 };
    for (int i = 0; i < 4; i++)
        ck_assert(isnan(qkvsim_baseline_statistic(b, 0, QKVSIM_METRIC_COSINE, statistics[i],
                                                  QKVSIM_SUMMARY_MEAN)));
    for (int i = 0; i < 3; i++)
        ck_assert(isnan(qkvsim_baseline_statistic(b, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN,
                                                  summaries[i])));
    qkvsim_baseline_free(b);
    qkvsim_baseline_free(NULL);
    ck_assert_ptr_null(qkvsim_baseline_observed(NULL));
    ck_assert_int_eq(qkvsim_baseline_permutations(NULL), 0);
    ck_assert_ptr_null(
        qkvsim_baseline_histogram(NULL, 0, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN));
    ck_assert(isnan(qkvsim_baseline_statistic(NULL, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN,
                                              QKVSIM_SUMMARY_MEAN)));
}
END_TEST

START_TEST(a_metric_and_pair_groups_not_asked_for_are_absent)
{
    const int32_t chosen[] = { 2 };
    qkvsim_analysis_options some = { .struct_size = sizeof some,
                                     .pair_groups = chosen,
                                     .pair_group_count = 1,
                                     .metrics = QKVSIM_METRIC_PEARSON };
    const qkvsim_baseline_options options = permutations(5, QKVSIM_SCHEME_ALL, 0);
    qkvsim_baseline *b = run(context, INPUT(&input.view, 1), &some, &options);
    ck_assert_ptr_nonnull(
        qkvsim_baseline_histogram(b, 2, QKVSIM_METRIC_PEARSON, QKVSIM_SUMMARY_MEAN));
    ck_assert_ptr_null(qkvsim_baseline_histogram(b, 2, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN));
    ck_assert_ptr_null(qkvsim_baseline_histogram(b, 0, QKVSIM_METRIC_PEARSON, QKVSIM_SUMMARY_MEAN));
    ck_assert(isnan(qkvsim_baseline_statistic(b, 0, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN,
                                              QKVSIM_SUMMARY_P)));
    ck_assert(isfinite(qkvsim_baseline_statistic(b, 2, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN,
                                                 QKVSIM_SUMMARY_P)));
    qkvsim_baseline_free(b);
}
END_TEST

/* The mean over permutations of the mean square of all Pearson values, in units of its own standard
 * error away from what is expected. */
static double distance_from_expected_square(const stored *copy, int32_t scheme, double expected)
{
    const int64_t m = 300;
    const qkvsim_baseline_options options = permutations(m, scheme, 17);
    double sum = 0, squares = 0;
    for (int64_t p = 0; p < m; p++) {
        qkvsim_analysis *analysis = analyze_permutation(copy, NULL, NULL, &options, p);
        double pairs = 0, total = 0;
        for (int32_t g = 0; g < 6; g++) {
            const double count =
                (double)qkvsim_analysis_defined(analysis, g, QKVSIM_METRIC_PEARSON);
            const double mean = qkvsim_analysis_statistic(analysis, g, QKVSIM_METRIC_PEARSON,
                                                          QKVSIM_STATISTIC_MEAN);
            total += count
                     * (mean * mean
                        + qkvsim_analysis_statistic(analysis, g, QKVSIM_METRIC_PEARSON,
                                                    QKVSIM_STATISTIC_VARIANCE));
            pairs += count;
        }
        sum += total / pairs;
        squares += total / pairs * (total / pairs);
        qkvsim_analysis_free(analysis);
    }
    const double mean = sum / (double)m;
    const double error = sqrt((squares / (double)m - mean * mean) / (double)m);
    return fabs(mean - expected) / error;
}

START_TEST(feature_gives_each_pearson_value_the_variance_1_over_n_minus_1)
{
    ck_assert_double_lt(distance_from_expected_square(&input, QKVSIM_SCHEME_FEATURE, 1.0 / 39), 5);
    ck_assert_double_gt(distance_from_expected_square(&input, QKVSIM_SCHEME_FEATURE, 1.0 / 36), 5);
}
END_TEST

START_TEST(feature_keeps_the_offset_part_of_every_cosine)
{
    const qkvsim_baseline_options options = permutations(4, QKVSIM_SCHEME_FEATURE, 1);
    qkvsim_analysis *plain;
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&input.view, 1), layout, NULL, &plain));
    for (int64_t p = 0; p < 4; p++) {
        qkvsim_analysis *analysis = analyze_permutation(&input, NULL, NULL, &options, p);
        for (int32_t g = 0; g < 6; g++)
            assert_close(qkvsim_analysis_statistic(analysis, g, QKVSIM_METRIC_COSINE,
                                                   QKVSIM_STATISTIC_OFFSET_ENERGY_RAW),
                         qkvsim_analysis_statistic(plain, g, QKVSIM_METRIC_COSINE,
                                                   QKVSIM_STATISTIC_OFFSET_ENERGY_RAW),
                         1e-9, "offset energy");
        qkvsim_analysis_free(analysis);
    }
    qkvsim_analysis_free(plain);
}
END_TEST

/* The standard error of a mean over m permutations is their standard deviation over sqrt(m). */
static void assert_centred(const qkvsim_baseline *baseline, int32_t metric)
{
    const double m = (double)qkvsim_baseline_permutations(baseline);
    for (int32_t p = 0;
         p < qkvsim_layout_pair_groups(qkvsim_analysis_layout(qkvsim_baseline_observed(baseline)));
         p++) {
        const double mean = qkvsim_baseline_statistic(baseline, p, metric, QKVSIM_STATISTIC_MEAN,
                                                      QKVSIM_SUMMARY_MEAN);
        const double sd = qkvsim_baseline_statistic(baseline, p, metric, QKVSIM_STATISTIC_MEAN,
                                                    QKVSIM_SUMMARY_SD);
        ck_assert_msg(fabs(mean) < 5 * sd / sqrt(m), "pair group %d, metric %d: mean %g, sd %g", p,
                      metric, mean, sd);
    }
}

START_TEST(all_is_centred_at_0)
{
    const qkvsim_baseline_options options = permutations(400, QKVSIM_SCHEME_ALL, 2);
    qkvsim_baseline *baseline = run(context, INPUT(&input.view, 1), NULL, &options);
    assert_centred(baseline, QKVSIM_METRIC_PEARSON);
    qkvsim_baseline_free(baseline);
}
END_TEST

/* On the real targets: shuffled values are centred, and the smile is gone. */
START_TEST(on_the_capture_all_is_centred_at_0_and_the_observed_smile_is_not)
{
    int64_t rows[1024];
    stored copy = load_capture();
    const qkvsim_selection targets = { .struct_size = sizeof targets,
                                       .observations = rows,
                                       .count = load_target_rows(rows) };
    qkvsim_layout *capture;
    assert_ok(context,
              qkvsim_layout_widths(context, (int64_t[]){ 576, 192, 192 }, NULL, 3, &capture));
    qkvsim_analysis_options chosen = { .struct_size = sizeof chosen, .bins = &twenty };
    const qkvsim_baseline_options options = permutations(19, QKVSIM_SCHEME_ALL, 0);
    qkvsim_baseline *baseline;
    assert_ok(context, qkvsim_baseline_run(context, INPUT(&copy.view, 1, .selection = &targets),
                                           capture, &chosen, &options, &baseline));
    assert_centred(baseline, QKVSIM_METRIC_PEARSON);
    for (int32_t p = 0; p < 6; p++) {
        const double *most =
            qkvsim_baseline_histogram(baseline, p, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MAXIMUM);
        const double pairs = (double)qkvsim_layout_pairs(
            qkvsim_analysis_layout(qkvsim_baseline_observed(baseline)), p);
        ck_assert_double_lt((most[0] + most[19]) / pairs, 0.001);
        ck_assert(qkvsim_baseline_statistic(baseline, p, QKVSIM_METRIC_COSINE,
                                            QKVSIM_STATISTIC_TAIL, QKVSIM_SUMMARY_P)
                  == 1.0 / 20);
    }
    qkvsim_baseline_free(baseline);
    qkvsim_layout_free(capture);
    stored_free(&copy);
}
END_TEST

/* Groups of seven features that share half of their variance, the groups unrelated. */
static table unrelated_groups(int64_t n, uint64_t seed)
{
    random_source source = { seed };
    table made = table_new(n, 21);
    for (int64_t i = 0; i < n; i++)
        for (int32_t group = 0; group < 3; group++) {
            const double shared = random_normal(&source);
            for (int64_t j = 7 * group; j < 7 * group + 7; j++)
                *table_at(&made, i, j) = shared + random_normal(&source);
        }
    return made;
}

/* How often Q-K's mean Pearson value has p <= 0.05 though Q and K are unrelated. */
static int64_t count_rejections(int32_t scheme, int64_t draws)
{
    int64_t rejections = 0;
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    for (int64_t draw = 0; draw < draws; draw++) {
        table fresh = unrelated_groups(30, 300 + (uint64_t)draw);
        stored copy = store(&fresh, QKVSIM_DTYPE_F32, ORDER_C);
        const qkvsim_baseline_options options = permutations(39, scheme, (uint64_t)draw);
        qkvsim_baseline *baseline = run(one, INPUT(&copy.view, 1), NULL, &options);
        rejections += qkvsim_baseline_statistic(baseline, 1, QKVSIM_METRIC_PEARSON,
                                                QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_P)
                      <= 0.05;
        qkvsim_baseline_free(baseline);
        stored_free(&copy);
        table_free(&fresh);
    }
    qkvsim_context_free(one);
    return rejections;
}

/* Binomial of 300 draws at 0.05: mean 15, standard deviation 3.8. The other schemes test that no
 * two features are related, and features of Q are. */
START_TEST(rows_rejects_unrelated_groups_of_related_features_as_seldom_as_it_should)
{
    ck_assert_int_le(count_rejections(QKVSIM_SCHEME_OBSERVATIONS, 300), 15 + 4 * 4);
    ck_assert_int_le(count_rejections(QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 300), 15 + 4 * 4);
    ck_assert_int_ge(count_rejections(QKVSIM_SCHEME_FEATURE, 300), 120);
}
END_TEST

/* Data drawn anew each time under the null of the scheme, m = 99: the rank of the observed one is
 * uniform. (Not for rows-shift, which has but 9 values here.) Of 10 cells 9 are free; 34 is passed
 * by chance once in 10,000. The seed is fixed. */
START_TEST(p_values_are_uniform_under_the_null)
{
    enum { DRAWS = 1000 };
    const int32_t summaries[] = { QKVSIM_SUMMARY_P, QKVSIM_SUMMARY_P_LESS,
                                  QKVSIM_SUMMARY_P_GREATER };
    const int32_t statistics[] = { QKVSIM_STATISTIC_MEAN, QKVSIM_STATISTIC_VARIANCE };
    const int32_t queries_with_keys[] = { 1 };
    const qkvsim_analysis_options what = { .struct_size = sizeof what,
                                           .pair_groups = queries_with_keys,
                                           .pair_group_count = 1,
                                           .metrics = QKVSIM_METRIC_PEARSON };
    int64_t counts[6][10] = { { 0 } };
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    for (int draw = 0; draw < DRAWS; draw++) {
        const uint64_t seed = 7000 + (uint64_t)draw;
        table fresh = 1 + _i == QKVSIM_SCHEME_OBSERVATIONS ? unrelated_groups(9, seed)
                                                           : table_normal(9, 21, seed);
        stored copy = store(&fresh, QKVSIM_DTYPE_F32, ORDER_C);
        const qkvsim_baseline_options options = permutations(99, 1 + _i, (uint64_t)draw);
        qkvsim_baseline *baseline = run(one, INPUT(&copy.view, 1), &what, &options);
        for (int s = 0; s < 6; s++) {
            const double p = qkvsim_baseline_statistic(baseline, 1, QKVSIM_METRIC_PEARSON,
                                                       statistics[s / 3], summaries[s % 3]);
            counts[s][(int)ceil(10 * p - 1e-9) - 1]++;
        }
        qkvsim_baseline_free(baseline);
        stored_free(&copy);
        table_free(&fresh);
    }
    qkvsim_context_free(one);
    for (int s = 0; s < 6; s++) {
        double distance = 0;
        for (int c = 0; c < 10; c++)
            distance += pow((double)counts[s][c] - DRAWS / 10.0, 2) / (DRAWS / 10.0);
        ck_assert_msg(distance < 34, "p-value %d: chi-square %g", s, distance);
    }
}
END_TEST

/* ---- p-values that are as small as they can be, and no smaller ---- */

/* 20 observations of two groups of two features: 20 of their lags can be told apart. */
static const float lagged[20 * 4] = {
    1.05311573f,    1.77649128f,   0.79443562f,    2.37705517f,   -2.5532918f,   -0.137965068f,
    -2.66240597f,   -0.17285499f,  1.01371944f,    1.35214186f,   1.13196886f,   1.87643707f,
    0.653788388f,   1.49711788f,   0.609273314f,   1.70807278f,   0.289957583f,  0.551267147f,
    0.319596201f,   0.112129033f,  0.178737685f,   -1.07385874f,  0.416330874f,  -0.767666936f,
    -0.846628964f,  0.379584253f,  -0.918624878f,  0.374953359f,  -0.580195189f, 1.27155137f,
    -1.03059006f,   0.814665794f,  1.29238665f,    1.79878628f,   1.17493057f,   1.98656631f,
    -0.0260738377f, 1.38370979f,   -0.166946217f,  1.47131658f,   -0.905843139f, -0.816314757f,
    -0.615512908f,  -0.787586033f, 0.0813030526f,  0.28143084f,   0.253643572f,  0.715792894f,
    -1.59898829f,   -1.73072422f,  -1.9727968f,    -1.50750172f,  0.355078399f,  -0.862188101f,
    -0.210326985f,  -0.732695282f, 1.2083571f,     0.394546211f,  1.2692554f,    0.231545761f,
    0.307184607f,   0.208442628f,  -0.0160093047f, 0.189893305f,  0.89547509f,   -0.153046146f,
    0.772403479f,   -0.123759665f, 1.08563101f,    -0.525914311f, 0.813290477f,  -0.36225611f,
    -0.224997714f,  -0.680505216f, -0.535752773f,  -0.771775782f, 0.597661853f,  0.0358842462f,
    0.480065465f,   0.416250497f
};

static qkvsim_layout *widths(const int64_t *features, int32_t groups)
{
    qkvsim_layout *made = NULL;
    assert_ok(context, qkvsim_layout_widths(context, features, NULL, groups, &made));
    return made;
}

/* A baseline of every metric, of a table in single or double precision. */
static qkvsim_baseline *run_table(const table *from, int32_t precision, const qkvsim_layout *with,
                                  const qkvsim_baseline_options *options)
{
    const qkvsim_analysis_options what = { .struct_size = sizeof what,
                                           .bins = &twenty,
                                           .metrics = METRICS_SUM };
    stored copy = store(from, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_baseline *baseline = NULL;
    assert_ok(context, qkvsim_baseline_run(context, INPUT(&copy.view, 1, .arithmetic = precision),
                                           with, &what, options, &baseline));
    stored_free(&copy);
    return baseline;
}

/* No p of a row is below a bound. */
static void assert_no_p_below(const qkvsim_baseline *baseline, int32_t row, double least)
{
    for (int m = 0; m < 3; m++)
        for (int s = 0; kept_statistic(every_metric[m], s) != 0; s++)
            for (int32_t which = QKVSIM_SUMMARY_P; which <= QKVSIM_SUMMARY_P_GREATER; which++) {
                const double p = qkvsim_baseline_statistic(
                    baseline, row, every_metric[m], kept_statistic(every_metric[m], s), which);
                ck_assert_msg(!(p < least), "p is %.17g, below %.17g", p, least);
            }
}

static table lagged_table(void)
{
    table made = table_new(20, 4);
    for (int64_t i = 0; i < 80; i++)
        made.values[i] = lagged[i];
    return made;
}

START_TEST(all_different_permutations_are_taken_once_where_they_are_no_more_than_asked_for)
{
    const int64_t asked[] = { 1999, 19, 18 }, taken[] = { 19, 19, 18 };
    table made = lagged_table();
    qkvsim_layout *two = widths((int64_t[]){ 2, 2 }, 2);
    for (int32_t precision = QKVSIM_DTYPE_F32; precision <= QKVSIM_DTYPE_F64; precision++)
        for (int i = 0; i < 3; i++) {
            const qkvsim_baseline_options options =
                permutations(asked[i], QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 1);
            qkvsim_baseline *baseline = run_table(&made, precision, two, &options);
            ck_assert_int_eq(qkvsim_baseline_permutations(baseline), taken[i]);
            ck_assert_int_eq(qkvsim_baseline_enumerated(baseline), i < 2);
            assert_no_p_below(baseline, 1, 1.0 / 20);
            qkvsim_baseline_free(baseline);
        }
    ck_assert_int_eq(qkvsim_baseline_enumerated(NULL), 0);
    qkvsim_layout_free(two);
    table_free(&made);
}
END_TEST

/* Three groups have 400 relative lags, and two of them 20: a sample of all 400 has each lag of two
 * many times. */
START_TEST(no_p_is_below_what_the_lags_of_its_own_groups_allow)
{
    table made = lagged_table();
    qkvsim_layout *three = widths((int64_t[]){ 1, 1, 2 }, 3);
    assert_ok(context, qkvsim_layout_add_rollup(context, three, "some", (int32_t[]){ 0, 1 }, 2));
    for (int32_t precision = QKVSIM_DTYPE_F32; precision <= QKVSIM_DTYPE_F64; precision++) {
        const qkvsim_baseline_options options =
            permutations(300, QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 1);
        qkvsim_baseline *baseline = run_table(&made, precision, three, &options);
        ck_assert_int_eq(qkvsim_baseline_enumerated(baseline), 0);
        for (int32_t row = 0; row < 7; row++) {
            const double least =
                qkvsim_baseline_statistic(baseline, row, QKVSIM_METRIC_PEARSON,
                                          QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_P_LEAST);
            assert_no_p_below(baseline, row, 1.0 / 20);
            if (row == 0 || row == 3 || row == 5)
                ck_assert(isnan(least));
            else
                ck_assert(least == 1.0 / 20);
        }
        qkvsim_baseline_free(baseline);
    }
    qkvsim_layout_free(three);
    table_free(&made);
}
END_TEST

/* Enumerated permutations asked for one by one, every scheme that can be: p is the share of all of
 * them with the input. */
START_TEST(enumerated_p_values_are_shares_of_all_permutations)
{
    const int32_t schemes[] = { QKVSIM_SCHEME_FEATURE, QKVSIM_SCHEME_SHIFT,
                                QKVSIM_SCHEME_OBSERVATIONS, QKVSIM_SCHEME_OBSERVATIONS_SHIFT };
    const double counts[] = { 24 * 24, 4 * 4, 24, 4 };
    const int32_t scheme = schemes[_i];
    table made = table_normal(4, 3, 3);
    stored copy = store(&made, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *two = widths((int64_t[]){ 2, 1 }, 2), *outer = layout;
    const qkvsim_baseline_options options = permutations(1000, scheme, 1);
    qkvsim_baseline *baseline = run_table(&made, QKVSIM_DTYPE_F64, two, &options);
    const double observed = qkvsim_baseline_statistic(
        baseline, 1, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_OBSERVED);
    double as_large = 0;
    ck_assert(qkvsim_baseline_permutations(baseline) + 1 == (int64_t)counts[_i]);
    layout = two;
    for (int64_t k = 0; k < (int64_t)counts[_i]; k++) {
        double values[12];
        const qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                                 .index = k,
                                                 .scheme = scheme,
                                                 .layout = two,
                                                 .enumerated = 1 };
        const qkvsim_matrix matrix = { sizeof matrix, values, 4, 3, 3, QKVSIM_DTYPE_F64, 0 };
        assert_ok(context, qkvsim_permute(context, INPUT(&copy.view, 1), &permutation, &matrix));
        const table one = { 4, 3, values };
        double *pearson = oracle_similarity(&one, QKVSIM_METRIC_PEARSON);
        as_large += (pearson[2] + pearson[5]) / 2 >= observed - 1e-6;
        free(pearson);
    }
    assert_close(qkvsim_baseline_statistic(baseline, 1, QKVSIM_METRIC_PEARSON,
                                           QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_P_GREATER),
                 as_large / counts[_i], 1e-15, "p");
    layout = outer;
    qkvsim_baseline_free(baseline);
    qkvsim_layout_free(two);
    stored_free(&copy);
    table_free(&made);
}
END_TEST

/* Data of few different values, so that many permutations are equal. */
static table tied_table(int kind, int64_t n, int64_t d)
{
    table made = kind == 0   ? table_one_hot(n, d, 5)
                 : kind == 1 ? table_binary_duplicates(n, d, 6)
                 : kind == 2 ? table_sparse(n, d, 7)
                             : table_with_offsets(n, d, 3, 8);
    for (int64_t i = 0; kind == 3 && i < n; i++) /* equal columns */
        for (int64_t j = 1; j < d; j++)
            *table_at(&made, i, j) = *table_at(&made, i, 0);
    return made;
}

/* What double precision says of the same permutations, where equal is equal to a part in 1e10. */
static void assert_ties_count(const qkvsim_baseline *single, const qkvsim_baseline *wide)
{
    for (int32_t row = 0; row < 3; row++)
        for (int m = 0; m < 3; m++)
            for (int s = 0; kept_statistic(every_metric[m], s) != 0; s++)
                for (int32_t which = QKVSIM_SUMMARY_P; which <= QKVSIM_SUMMARY_P_GREATER; which++) {
                    const int32_t statistic = kept_statistic(every_metric[m], s);
                    const double p =
                        qkvsim_baseline_statistic(single, row, every_metric[m], statistic, which);
                    const double exact =
                        qkvsim_baseline_statistic(wide, row, every_metric[m], statistic, which);
                    ck_assert_msg(isnan(p) == isnan(exact) && !(p < exact),
                                  "row %d metric %d statistic %d summary %d: p %g below %g", row,
                                  every_metric[m], statistic, which, p, exact);
                }
}

START_TEST(ties_are_ties_in_single_precision)
{
    const int32_t scheme = 1 + _i % SCHEMES;
    table made = tied_table(_i / SCHEMES, 12, 6);
    qkvsim_layout *two = widths((int64_t[]){ 3, 3 }, 2);
    for (uint64_t seed = 0; seed < 4; seed++) {
        const qkvsim_baseline_options options = permutations(199, scheme, seed);
        qkvsim_baseline *single = run_table(&made, QKVSIM_DTYPE_F32, two, &options);
        qkvsim_baseline *wide = run_table(&made, QKVSIM_DTYPE_F64, two, &options);
        assert_ties_count(single, wide);
        qkvsim_baseline_free(single);
        qkvsim_baseline_free(wide);
    }
    qkvsim_layout_free(two);
    table_free(&made);
}
END_TEST

/* A single one in each row. */
static table table_of_tokens(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table made = table_new(n, d);
    for (int64_t i = 0; i < n; i++) {
        const int64_t token = random_below(&source, d);
        for (int64_t j = 0; j < d; j++)
            *table_at(&made, i, j) = j == token;
    }
    return made;
}

static table table_of_bits(int64_t n, int64_t d, uint64_t seed)
{
    random_source source = { seed };
    table made = table_new(n, d);
    for (int64_t k = 0; k < n * d; k++)
        made.values[k] = random_uniform(&source) < 0.4;
    return made;
}

static void assert_no_smaller(qkvsim_baseline *const made[2], int32_t row, int32_t metric,
                              int32_t statistic)
{
    for (int32_t summary = QKVSIM_SUMMARY_P; summary <= QKVSIM_SUMMARY_P_GREATER; summary++) {
        double p[2];
        for (int k = 0; k < 2; k++)
            p[k] = qkvsim_baseline_statistic(made[k], row, metric, statistic, summary);
        ck_assert_msg(!(p[0] < p[1]), "row %d, statistic %d, summary %d: %g below %g", (int)row,
                      (int)statistic, (int)summary, p[0], p[1]);
    }
}

/* Of tokens, and of 0 and 1. A variance of 0 is known to the square of a rounding, and one as far
 * on the other side of the centre is not; shares divide by energies that may be small. */
START_TEST(single_precision_makes_no_p_smaller)
{
    const int32_t scheme = 1 + _i;
    qkvsim_layout *two = widths((int64_t[]){ 3, 3 }, 2);
    for (uint64_t seed = 430; seed < 470; seed++) {
        table made = seed % 2 == 0 ? table_of_tokens(12, 6, seed) : table_of_bits(12, 6, seed);
        const qkvsim_baseline_options options = permutations(39, scheme, seed);
        qkvsim_baseline *both[2];
        for (int k = 0; k < 2; k++)
            both[k] = run_table(&made, k == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64, two, &options);
        for (int32_t row = 0; row < 3; row++) {
            assert_no_smaller(both, row, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE);
            assert_no_smaller(both, row, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE);
            assert_no_smaller(both, row, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE_RAW);
            assert_no_smaller(both, row, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_NOISE_FRACTION);
        }
        qkvsim_baseline_free(both[0]);
        qkvsim_baseline_free(both[1]);
        table_free(&made);
    }
    qkvsim_layout_free(two);
}
END_TEST

/* ---- sizes: how often p <= 0.05 where two groups of three features have nothing to do with each
 * other but for what each kind of data says ---- */

enum data_kind {
    SHARED_NORM,  /* each row of both groups times a size of its own */
    SHARED_TREND, /* both groups follow the position */
    DOCUMENTS     /* ten documents of six rows, each with a mean of its own in each group */
};

static table drawn_kind(enum data_kind kind, int64_t n, uint64_t seed)
{
    random_source source = { seed };
    table made = table_new(n, 6);
    double means[6] = { 0 };
    for (int64_t i = 0; i < n; i++) {
        const double size = kind == SHARED_NORM ? exp(random_normal(&source)) : 1;
        const double trend = kind == SHARED_TREND ? 3.0 * (double)i / (double)n : 0;
        double shared[2] = { random_normal(&source), random_normal(&source) };
        for (int64_t j = 0; j < 6; j++) {
            if (kind == DOCUMENTS && i % 6 == 0)
                means[j] = j % 3 == 0 ? 2 * random_normal(&source) : means[j - 1];
            *table_at(&made, i, j) =
                2 + means[j] + trend + size * (shared[j / 3] + random_normal(&source));
        }
    }
    return made;
}

/* Of `draws` data sets, those in which a statistic of the pairs between the groups is rejected. */
typedef struct size_of {
    enum data_kind kind;
    int32_t metric, statistic;
    const int32_t *segments;
    qkvsim_baseline_options options;
} size_of;

static int64_t count_false(const size_of *size, int64_t draws, int64_t n)
{
    int64_t rejections = 0;
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *two = widths((int64_t[]){ 3, 3 }, 2);
    const int32_t between[] = { 1 };
    const qkvsim_analysis_options what = { .struct_size = sizeof what,
                                           .bins = &twenty,
                                           .pair_groups = between,
                                           .pair_group_count = 1,
                                           .metrics = size->metric };
    for (int64_t draw = 0; draw < draws; draw++) {
        table fresh = drawn_kind(size->kind, n, 9000 + (uint64_t)draw);
        stored copy = store(&fresh, QKVSIM_DTYPE_F32, ORDER_C);
        qkvsim_baseline_options options = size->options;
        qkvsim_baseline *baseline = NULL;
        options.seed = (uint64_t)draw;
        assert_ok(one, qkvsim_baseline_run(one, INPUT(&copy.view, 1, .segments = size->segments),
                                           two, &what, &options, &baseline));
        rejections +=
            qkvsim_baseline_statistic(baseline, 1, size->metric, size->statistic, QKVSIM_SUMMARY_P)
            <= 0.05;
        qkvsim_baseline_free(baseline);
        stored_free(&copy);
        table_free(&fresh);
    }
    qkvsim_layout_free(two);
    qkvsim_context_free(one);
    return rejections;
}

/* Binomial of 200 draws at 0.05: mean 10, standard deviation 3.1. */
static void assert_size(size_of size, int64_t n)
{
    const int32_t tests[][2] = { { QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN },
                                 { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE },
                                 { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE } };
    for (int t = 0; t < 3; t++) {
        size.metric = tests[t][0];
        size.statistic = tests[t][1];
        const int64_t rejections = count_false(&size, 200, n);
        ck_assert_msg(rejections <= 22, "test %d: %d of 200", t, (int)rejections);
    }
}

static void assert_too_often(size_of size, int64_t n)
{
    size.metric = QKVSIM_METRIC_PEARSON;
    size.statistic = QKVSIM_STATISTIC_MEAN;
    ck_assert_int_ge(count_false(&size, 200, n), 50);
}

START_TEST(flip_holds_its_size_where_observations_share_a_norm)
{
    size_of size = { .kind = SHARED_NORM,
                     .options = permutations(99, QKVSIM_SCHEME_OBSERVATIONS, 0) };
    assert_too_often(size, 50);
    size.options.scheme = QKVSIM_SCHEME_FLIP;
    assert_size(size, 50);
}
END_TEST

START_TEST(covariates_take_out_a_common_trend)
{
    double position[50];
    for (int i = 0; i < 50; i++)
        position[i] = 1e3 + i;
    const qkvsim_view view = { sizeof view, position, 50, 1, 1, 1, QKVSIM_DTYPE_F64, 0 };
    size_of size = { .kind = SHARED_TREND,
                     .options = permutations(99, QKVSIM_SCHEME_OBSERVATIONS, 0) };
    assert_too_often(size, 50);
    size.options.covariates = &view;
    assert_size(size, 50);
    size.options.scheme = QKVSIM_SCHEME_FLIP;
    assert_size(size, 50);
}
END_TEST

START_TEST(segments_hold_their_size_where_documents_have_means)
{
    int32_t segments[60];
    for (int i = 0; i < 60; i++)
        segments[i] = i / 6;
    size_of size = { .kind = DOCUMENTS,
                     .options = permutations(99, QKVSIM_SCHEME_OBSERVATIONS, 0) };
    assert_too_often(size, 60);
    size.segments = segments;
    size.options.exchange = QKVSIM_EXCHANGE_SEGMENTS;
    assert_size(size, 60);
    size.options.scheme = QKVSIM_SCHEME_FLIP;
    assert_size(size, 60);
}
END_TEST

/* Least squares by the normal equations of an intercept and one covariate. */
static void take_out_by_hand(table *from, const double *covariate)
{
    const double n = (double)from->n;
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < from->n; i++)
        mean += covariate[i] / n;
    for (int64_t i = 0; i < from->n; i++)
        squares += (covariate[i] - mean) * (covariate[i] - mean);
    for (int64_t j = 0; j < from->d; j++) {
        double slope = 0;
        for (int64_t i = 0; i < from->n; i++)
            slope += *table_at(from, i, j) * (covariate[i] - mean) / squares;
        for (int64_t i = 0; i < from->n; i++)
            *table_at(from, i, j) -= slope * (covariate[i] - mean);
    }
}

/* Three covariates of which one is made of the others and the intercept. */
START_TEST(what_is_observed_is_the_input_without_its_covariates)
{
    double covariates[40 * 3], first[40];
    for (int i = 0; i < 40; i++) {
        first[i] = covariates[3 * i] = i * i;
        covariates[3 * i + 1] = 7;
        covariates[3 * i + 2] = 3 - 2.0 * i * i;
    }
    const qkvsim_view view = { sizeof view, covariates, 40, 3, 3, 1, QKVSIM_DTYPE_F64, 0 };
    qkvsim_baseline_options options = permutations(3, QKVSIM_SCHEME_OBSERVATIONS, 1);
    options.covariates = &view;
    table left = table_with_offsets(40, 21, 1, 1);
    stored before = store(&left, QKVSIM_DTYPE_F64, ORDER_C);
    take_out_by_hand(&left, first);
    qkvsim_baseline *baseline = run(context, INPUT(&before.view, 1), NULL, &options);
    double *expected = oracle_similarity(&left, QKVSIM_METRIC_COSINE), mean = 0;
    for (int64_t i = 0; i < 7; i++)
        for (int64_t j = 7; j < 14; j++)
            mean += expected[21 * i + j] / 49;
    assert_close(qkvsim_analysis_statistic(qkvsim_baseline_observed(baseline), 1,
                                           QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN),
                 mean, 1e-12, "mean cosine");
    ck_assert_int_eq(qkvsim_baseline_covariates(baseline), 1);
    ck_assert_int_eq(qkvsim_baseline_covariates(NULL), 0);
    free(expected);
    qkvsim_baseline_free(baseline);
    stored_free(&before);
    table_free(&left);
}
END_TEST

static void assert_refused(const qkvsim_baseline_options *options)
{
    qkvsim_baseline *baseline = POISON_HANDLE;
    assert_status(
        context,
        qkvsim_baseline_run(context, INPUT(&input.view, 1), layout, NULL, options, &baseline),
        refusal(context));
    ck_assert_ptr_eq(baseline, POISON_HANDLE);
}

START_TEST(bad_options_are_refused)
{
    const int64_t counts[] = { 0, -5, INT64_C(4294967296), INT64_MAX, INT64_MIN };
    for (int i = 0; i < 5; i++) {
        const qkvsim_baseline_options bad = permutations(counts[i], QKVSIM_SCHEME_ALL, 0);
        assert_refused(&bad);
        assert_message_has_number(context, counts[i]);
    }
    const int32_t schemes[] = { -1, 8, 99 };
    for (int i = 0; i < 3; i++) {
        const qkvsim_baseline_options bad = permutations(2, schemes[i], 0);
        assert_refused(&bad);
        assert_message_has_number(context, schemes[i]);
    }
    const size_t sizes[] = { 0, 1, sizeof(size_t) - 1 };
    for (int i = 0; i < 3; i++) {
        qkvsim_baseline_options bad = permutations(2, QKVSIM_SCHEME_ALL, 0);
        bad.struct_size = sizes[i];
        assert_refused(&bad);
    }
    assert_refused(NULL);
}
END_TEST

START_TEST(covariates_that_do_not_fit_are_refused)
{
    double values[40 * 38] = { [3 * 38 + 5] = NAN };
    qkvsim_view view = { sizeof view, values, 39, 2, 38, 1, QKVSIM_DTYPE_F64, 0 };
    qkvsim_baseline_options bad = permutations(2, QKVSIM_SCHEME_FEATURE, 0);
    bad.covariates = &view;
    assert_refused(&bad);
    assert_message_has_number(context, 39);
    assert_message_has_number(context, 40);
    view.observations = 40;
    view.features = 38;
    assert_refused(&bad);
    assert_message_has(context, "38 covariates for 40 observations");
    bad.scheme = QKVSIM_SCHEME_SHIFT;
    assert_refused(&bad);
    assert_message_has(context, "there are covariates");
    bad.scheme = QKVSIM_SCHEME_FEATURE;
    view.features = 6;
    qkvsim_baseline *baseline = POISON_HANDLE;
    assert_status(
        context, qkvsim_baseline_run(context, INPUT(&input.view, 1), layout, NULL, &bad, &baseline),
        QKVSIM_ERROR_NONFINITE);
    assert_message_has(context, "covariate 5 is not finite in row 3");
    ck_assert_ptr_eq(baseline, POISON_HANDLE);
}
END_TEST

START_TEST(options_from_a_newer_header_are_read_where_the_rest_is_zero)
{
    struct {
        qkvsim_baseline_options value;
        unsigned char tail[8];
    } newer = { .value = permutations(2, QKVSIM_SCHEME_ALL, 0) };
    newer.value.struct_size = sizeof newer;
    qkvsim_baseline_free(run(context, INPUT(&input.view, 1), NULL, &newer.value));
    newer.tail[0] = 1;
    assert_refused(&newer.value);
}
END_TEST

START_TEST(null_arguments_and_bad_data_are_refused)
{
    const qkvsim_baseline_options options = permutations(2, QKVSIM_SCHEME_ALL, 0);
    qkvsim_baseline *baseline = POISON_HANDLE;
    ck_assert_int_eq(
        qkvsim_baseline_run(NULL, INPUT(&input.view, 1), layout, NULL, &options, &baseline),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_baseline_run(context, INPUT(NULL, 1), layout, NULL, &options, &baseline),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(
        context,
        qkvsim_baseline_run(context, INPUT(&input.view, 1), NULL, NULL, &options, &baseline),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_baseline_run(context, INPUT(&input.view, 1), layout, NULL, &options, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ((float *)input.memory)[21 * 33 + 17] = NAN;
    assert_status(
        context,
        qkvsim_baseline_run(context, INPUT(&input.view, 1), layout, NULL, &options, &baseline),
        QKVSIM_ERROR_NONFINITE);
    assert_message_has_number(context, 33);
    assert_message_has_number(context, 17);
    ck_assert_ptr_eq(baseline, POISON_HANDLE);
}
END_TEST

START_TEST(schemes_that_mix_features_refuse_one_that_is_not_finite)
{
    qkvsim_analysis_options undefined = { .struct_size = sizeof undefined };
    ((float *)input.memory)[21 * 33 + 17] = NAN;
    for (int32_t scheme = 1; scheme <= SCHEMES; scheme++) {
        const qkvsim_baseline_options options = permutations(2, scheme, 0);
        const bool mixes = scheme == QKVSIM_SCHEME_ALL || scheme == QKVSIM_SCHEME_GROUP;
        qkvsim_baseline *baseline = NULL;
        const qkvsim_status status = qkvsim_baseline_run(
            context, INPUT(&input.view, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE), layout,
            &undefined, &options, &baseline);
        ck_assert_int_eq(status, mixes ? QKVSIM_ERROR_NONFINITE : QKVSIM_OK);
        if (mixes)
            assert_message_has_number(context, 17);
        qkvsim_baseline_free(baseline);
    }
}
END_TEST

START_TEST(a_nan_in_no_wanted_group_is_refused_where_it_could_come_into_one)
{
    const int32_t first_group = 0;
    qkvsim_analysis_options options = { .struct_size = sizeof options,
                                        .pair_groups = &first_group,
                                        .pair_group_count = 1 };
    ((float *)input.memory)[21 * 33 + 17] = NAN;
    for (int32_t scheme = 1; scheme <= SCHEMES; scheme++) {
        const qkvsim_baseline_options some = permutations(2, scheme, 0);
        qkvsim_baseline *baseline = NULL;
        const qkvsim_status status = qkvsim_baseline_run(
            context, INPUT(&input.view, 1, .nonfinite = _i), layout, &options, &some, &baseline);
        ck_assert_int_eq(status, scheme == QKVSIM_SCHEME_ALL ? QKVSIM_ERROR_NONFINITE : QKVSIM_OK);
        if (scheme == QKVSIM_SCHEME_ALL)
            assert_message_has_number(context, 17);
        qkvsim_baseline_free(baseline);
    }
}
END_TEST

static const qkvsim_analysis_options every = { .struct_size = sizeof every,
                                               .metrics = METRICS_SUM };

static qkvsim_status run_baseline(qkvsim_context *with, void *argument)
{
    const qkvsim_baseline_options *options = argument;
    qkvsim_baseline *baseline = POISON_HANDLE;
    qkvsim_status status =
        qkvsim_baseline_run(with, INPUT(&input.view, 1), layout, &every, options, &baseline);
    if (status == QKVSIM_OK)
        qkvsim_baseline_free(baseline);
    else
        ck_assert_ptr_eq(baseline, POISON_HANDLE);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    qkvsim_baseline_options options = permutations(3, 1 + _i, 0);
    assert_survives_failing_allocations(run_baseline, &options);
}
END_TEST

START_TEST(it_can_be_cancelled_at_every_report)
{
    qkvsim_baseline_options options = permutations(3, 1 + _i, 0);
    assert_cancels_everywhere(run_baseline, &options);
}
END_TEST

static void add_laws(Suite *suite)
{
    TCase *laws = add_case(suite, "laws", set_up, tear_down);
    tcase_add_loop_test(laws, summaries_are_those_of_permutations_asked_for_one_by_one, 0,
                        3 * SCHEMES);
    tcase_add_test(laws, summaries_hold_for_every_type_and_a_selection);
    tcase_add_loop_test(laws, summaries_hold_for_residuals_of_segments, 0, 6);
    tcase_add_test(laws, the_default_scheme_is_all);
    tcase_add_test(laws, the_observed_analysis_is_the_analysis);
    tcase_add_loop_test(add_thread_case(suite, set_up, tear_down),
                        results_are_bit_identical_for_any_number_of_threads, 0, SCHEMES);
    tcase_add_test(laws, z_is_absent_and_p_is_1_where_no_permutation_differs);
    tcase_add_test(laws, accessors_answer_nothing_where_there_is_nothing);
    tcase_add_test(laws, a_metric_and_pair_groups_not_asked_for_are_absent);
    tcase_add_test(laws, feature_gives_each_pearson_value_the_variance_1_over_n_minus_1);
    tcase_add_test(laws, feature_keeps_the_offset_part_of_every_cosine);
    tcase_add_test(laws, all_is_centred_at_0);
    tcase_add_test(laws, on_the_capture_all_is_centred_at_0_and_the_observed_smile_is_not);
    tcase_add_test(laws,
                   all_different_permutations_are_taken_once_where_they_are_no_more_than_asked_for);
    tcase_add_test(laws, no_p_is_below_what_the_lags_of_its_own_groups_allow);
    tcase_add_loop_test(laws, enumerated_p_values_are_shares_of_all_permutations, 0, 4);
    tcase_add_loop_test(laws, ties_are_ties_in_single_precision, 0, 4 * SCHEMES);
    tcase_add_loop_test(laws, single_precision_makes_no_p_smaller, 0, SCHEMES);
    tcase_add_test(laws, what_is_observed_is_the_input_without_its_covariates);
    TCase *sizes = add_simulations(suite, set_up, tear_down);
    tcase_add_loop_test(sizes, p_values_are_uniform_under_the_null, 0, QKVSIM_SCHEME_OBSERVATIONS);
    tcase_add_test(sizes, flip_holds_its_size_where_observations_share_a_norm);
    tcase_add_test(sizes, covariates_take_out_a_common_trend);
    tcase_add_test(sizes, segments_hold_their_size_where_documents_have_means);
    tcase_add_test(sizes, rows_rejects_unrelated_groups_of_related_features_as_seldom_as_it_should);
}

int main(void)
{
    Suite *suite = suite_create("baseline");
    add_laws(suite);
    TCase *bad = add_case(suite, "bad input", set_up, tear_down);
    tcase_add_test(bad, bad_options_are_refused);
    tcase_add_test(bad, covariates_that_do_not_fit_are_refused);
    tcase_add_test(bad, options_from_a_newer_header_are_read_where_the_rest_is_zero);
    tcase_add_test(bad, null_arguments_and_bad_data_are_refused);
    tcase_add_test(bad, schemes_that_mix_features_refuse_one_that_is_not_finite);
    tcase_add_loop_test(bad, a_nan_in_no_wanted_group_is_refused_where_it_could_come_into_one,
                        QKVSIM_NONFINITE_ERROR, 1);
    tcase_add_loop_test(bad, a_nan_in_no_wanted_group_is_refused_where_it_could_come_into_one,
                        QKVSIM_NONFINITE_UNDEFINED_FEATURE, QKVSIM_NONFINITE_UNDEFINED_FEATURE + 1);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, SCHEMES);
    tcase_add_loop_test(bad, it_can_be_cancelled_at_every_report, 0, SCHEMES);
    return run_suite(suite);
}
