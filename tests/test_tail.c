/*
 * significance.h: p-values beyond what permutations can count, against nulls whose tails are known.
 * `test_tail 10` has more draws and more m, and prints docs/statistics.md's tables
 * (tests/evidence.py).
 */
#include <qkvsim/significance.h>

#include "simulation.h"
#include "suite_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1999, NULLS = 5 };

static int64_t scale;

/* Nulls with tails like a normal's, a product's, an exponential's, one that ends, and a heavy
 * one. */
static const char *const null_names[NULLS] = { "|normal|", "chi-square 1", "exponential",
                                               "beta(1, 4)", "|t 2|" };

static double draw(int null, random_source *source)
{
    const double normal = random_normal(source), u = 1 - random_uniform(source);
    switch (null) {
    case 0:
        return fabs(normal);
    case 1:
        return normal * normal;
    case 2:
        return -log(u);
    case 3:
        return 1 - pow(u, 0.25);
    default: /* P(|t| > y) = u */
        return sqrt(2 * (1 - u) * (1 - u) / (1 - (1 - u) * (1 - u)));
    }
}

static double survival(int null, double y)
{
    switch (null) {
    case 0:
        return erfc(y / sqrt(2));
    case 1:
        return erfc(sqrt(y / 2));
    case 2:
        return exp(-y);
    case 3:
        return y < 1 ? pow(1 - y, 4) : 0;
    default:
        return 1 - y / sqrt(2 + y * y);
    }
}

static double quantile(int null, double p)
{
    double low = 0, high = 1e6;
    for (int step = 0; step < 200; step++) {
        const double middle = (low + high) / 2;
        if (survival(null, middle) > p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void draw_null(int null, uint64_t seed, int64_t m, double *values)
{
    random_source source = { seed };
    for (int64_t k = 0; k < m; k++)
        values[k] = draw(null, &source);
}

static double tail_p(const double *values, int64_t m, double observed)
{
    double p = -1;
    assert_ok(context, qkvsim_tail_p(context, values, m, observed, &p));
    ck_assert(isnan(p) || (p >= 0.1 / (double)(m + 1) * (1 - 1e-12) && p < 0.25));
    return p;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* p by its truth at a known p, of 999 values, where there is a fit: what 5 %, half and 95 % of the
 * draws are below. */
typedef struct errors {
    double low, median, high;
} errors;

static errors measure_errors(int null, double truth)
{
    enum { DRAWS_MOST = 2000, M = 999 };
    const int64_t draws = 200 * scale;
    const double observed = quantile(null, truth);
    double values[M], ratios[DRAWS_MOST];
    int64_t made = 0;
    for (int64_t d = 0; d < draws; d++) {
        draw_null(null, 100 + (uint64_t)d, M, values);
        const double p = tail_p(values, M, observed);
        if (!isnan(p))
            ratios[made++] = p / truth;
    }
    ck_assert_int_gt(made, draws * 9 / 10);
    qsort(ratios, (size_t)made, sizeof *ratios, compare_doubles);
    return (errors){ ratios[made / 20], ratios[made / 2], ratios[made * 19 / 20] };
}

/* A p that counting could just give, or a third of it, is within a factor of 5 of the truth, most
 * often above it, and seldom far below. */
START_TEST(p_is_near_the_truth)
{
    static const char *const columns[] = { "true p", "median of p / true p", "5 % are below",
                                           "95 % are below" };
    static const struct {
        double truth;
        const char *row;
    } cases[] = { { 1e-3, "0.001" }, { 3e-4, "0.0003" } };
    print_heading("errors of fits", columns, 4);
    for (int c = 0; c < 2; c++) {
        double all[3][NULLS];
        for (int null = 0; null < NULLS; null++) {
            const errors found = measure_errors(null, cases[c].truth);
            ck_assert_msg(found.median > 0.8 && found.median < 5.6 && found.low > 0.2,
                          "%s at %s: median %g, 5 %% %g", null_names[null], cases[c].row,
                          found.median, found.low);
            all[0][null] = found.median;
            all[1][null] = found.low;
            all[2][null] = found.high;
        }
        const span spans[] = { span_of(all[0], NULLS), span_of(all[1], NULLS),
                               span_of(all[2], NULLS) };
        print_decimal_spans(cases[c].row, spans, 3, 1);
    }
    printf("\n");
}
END_TEST

/* P(p <= alpha) under the null is the survival of the value whose p is alpha: one search a draw in
 * place of a million draws. */
static double exceedance(int null, const double *values, int64_t m, double alpha)
{
    double low = quantile(null, 0.02), high = quantile(null, 1e-9);
    for (int step = 0; step < 12; step++) {
        const double middle = (low + high) / 2, p = tail_p(values, m, middle);
        if (p <= alpha)
            high = middle;
        else
            low = middle;
    }
    return survival(null, high);
}

/* What is found at alpha, by alpha: a mean over the draws. */
static double relative_size(int null, int64_t m, double alpha)
{
    const int64_t draws = 100 * scale;
    double values[MOST], size = 0;
    for (int64_t d = 0; d < draws; d++) {
        draw_null(null, 5000 + (uint64_t)d, m, values);
        size += exceedance(null, values, m, alpha) / alpha / (double)draws;
    }
    return size;
}

START_TEST(p_holds_its_size_beyond_what_can_be_counted)
{
    static const int64_t counts[] = { 199, 499, 999, 1999 };
    static const char *const columns[] = { "m", "alpha = 1 / (m + 1)", "alpha = 0.11 / (m + 1)" };
    print_heading("sizes of fits", columns, 3);
    for (int k = 0; k<4; k += scale> 1 ? 1 : 2) {
        const int64_t m = counts[k];
        const double alphas[] = { 1 / (double)(m + 1), 0.11 / (double)(m + 1) };
        const double most[] = { 1.1, 1.6 };
        double sizes[2][NULLS];
        char row[16];
        for (int i = 0; i < 2 * NULLS; i++) {
            const double size = relative_size(i / 2, m, alphas[i % 2]);
            ck_assert_msg(size < most[i % 2], "%s, m %d: %g of alpha", null_names[i / 2], (int)m,
                          size);
            sizes[i % 2][i / 2] = size;
        }
        const span spans[] = { span_of(sizes[0], NULLS), span_of(sizes[1], NULLS) };
        snprintf(row, sizeof row, "%d", (int)m);
        print_decimal_spans(row, spans, 2, 1);
    }
    printf("\n");
}
END_TEST

START_TEST(p_falls_as_the_observed_value_grows_and_has_no_unit)
{
    double values[499], scaled[499], before[499];
    draw_null(0, 3, 499, values);
    memcpy(before, values, sizeof values);
    for (int k = 0; k < 499; k++)
        scaled[k] = values[k] * 0x1p-80;
    double last = 1;
    for (double observed = 2.5; observed < 20; observed *= 1.1) {
        const double p = tail_p(values, 499, observed);
        ck_assert(isnan(p) ? last == 1 : p <= last);
        ck_assert(isnan(p) || fabs(tail_p(scaled, 499, observed * 0x1p-80) / p - 1) < 1e-9);
        last = isnan(p) ? last : p;
    }
    ck_assert(last == 0.1 / 500);
    ck_assert(memcmp(values, before, sizeof values) == 0);
}
END_TEST

/* What is counted well needs no fit, and ties, two humps or equal values have none. */
START_TEST(there_is_no_p_where_no_fit_is_good)
{
    double values[999];
    draw_null(2, 4, 999, values);
    qsort(values, 999, sizeof *values, compare_doubles);
    ck_assert(isnan(tail_p(values, 999, values[989])));
    ck_assert(!isnan(tail_p(values, 999, values[990])));
    for (int k = 0; k < 999; k++)
        values[k] = ceil(values[k]);
    ck_assert(isnan(tail_p(values, 999, 30)));
    for (int k = 0; k < 999; k++)
        values[k] = 1;
    ck_assert(isnan(tail_p(values, 999, 2)));
    for (int k = 0; k < 999; k++)
        values[k] = k % 100 == 0 ? 100 + k / 1e3 : k / 1e3;
    ck_assert(isnan(tail_p(values, 999, 200)));
}
END_TEST

START_TEST(bad_values_are_refused)
{
    double values[300];
    void *p = poisoned(sizeof(double));
    draw_null(0, 5, 300, values);
    const int64_t counts[] = { 198, 0, -5 };
    for (int i = 0; i < 3; i++) {
        assert_status(context, qkvsim_tail_p(context, values, counts[i], 4, p),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has_number(context, counts[i]);
        assert_message_has_number(context, 199);
    }
    const double bad[] = { NAN, INFINITY, -INFINITY };
    for (int i = 0; i < 3; i++) {
        assert_status(context, qkvsim_tail_p(context, values, 300, bad[i], p),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        const double good = values[17];
        values[17] = bad[i];
        assert_status(context, qkvsim_tail_p(context, values, 300, 4, p),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has_number(context, 17);
        values[17] = good;
    }
    assert_status(context, qkvsim_tail_p(context, NULL, 300, 4, p), QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_tail_p(context, values, 300, 4, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_tail_p(NULL, values, 300, 4, p), QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_poisoned(p, sizeof(double));
    free(p);
}
END_TEST

static qkvsim_status fit_once(qkvsim_context *with, void *argument)
{
    double p = 7;
    const qkvsim_status status = qkvsim_tail_p(with, argument, 300, 5, &p);
    ck_assert((status == QKVSIM_OK) == (p != 7));
    return status;
}

START_TEST(any_allocation_may_fail)
{
    double values[300];
    draw_null(0, 6, 300, values);
    assert_survives_failing_allocations(fit_once, values);
}
END_TEST

/* ---- in a baseline and in a comparison ---- */

/* Two related groups: 299 permutations asked for one by one, and what is said of the mean of
 * Q-K. */
START_TEST(a_null_is_fitted_by_its_distance_from_the_centre)
{
    enum { M = 299, N = 30, D = 4 };
    table data = table_normal(N, D, 21);
    for (int64_t r = 0; r < N; r++)
        for (int64_t j = 2; j < 4; j++)
            *table_at(&data, r, j) += (0.1 + 0.3 * _i) * *table_at(&data, r, 0);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_widths(context, (int64_t[]){ 2, 2 }, NULL, 2, &layout));
    const qkvsim_baseline_options options = {
        .struct_size = sizeof options, .permutations = M, .seed = 2, .scheme = QKVSIM_SCHEME_FEATURE
    };
    qkvsim_baseline *baseline;
    assert_ok(context, qkvsim_baseline_run(context, INPUT(&input.view, 1), layout, NULL, &options,
                                           &baseline));
    double values[M], memory[N * D];
    const double observed = qkvsim_baseline_statistic(
        baseline, 1, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_OBSERVED);
    double centre = observed / (M + 1);
    for (int64_t k = 0; k < M; k++) {
        const qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                                 .seed = 2,
                                                 .index = k,
                                                 .scheme = QKVSIM_SCHEME_FEATURE };
        const qkvsim_matrix matrix = { sizeof matrix, memory, N, D, D, QKVSIM_DTYPE_F64, 0 };
        const qkvsim_view view = { sizeof view, memory, N, D, D, 1, QKVSIM_DTYPE_F64, 0 };
        qkvsim_analysis *analysis;
        assert_ok(context, qkvsim_permute(context, INPUT(&input.view, 1), &permutation, &matrix));
        assert_ok(context, qkvsim_analysis_run(context, INPUT(&view, 1), layout, NULL, &analysis));
        values[k] =
            qkvsim_analysis_statistic(analysis, 1, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN);
        centre += values[k] / (M + 1);
        qkvsim_analysis_free(analysis);
    }
    for (int k = 0; k < M; k++)
        values[k] = fabs(values[k] - centre);
    const double expected = tail_p(values, M, fabs(observed - centre));
    const double fitted = qkvsim_baseline_statistic(baseline, 1, QKVSIM_METRIC_PEARSON,
                                                    QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_P_FITTED);
    ck_assert_msg(isnan(fitted) == isnan(expected) && !(fabs(fitted / expected - 1) > 1e-6),
                  "fitted %g and not %g", fitted, expected);
    const double p = qkvsim_baseline_statistic(baseline, 1, QKVSIM_METRIC_PEARSON,
                                               QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_P);
    ck_assert(isnan(fitted) == (p > 10.5 / (M + 1)));
    ck_assert(_i < 4 || fitted < p);
    qkvsim_baseline_free(baseline);
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
}
END_TEST

/* Of 60 lags there is nothing beyond p = 1 / 60; of a distance the values themselves are fitted. */
START_TEST(a_comparison_has_fits_where_relabellings_are_many)
{
    table data = table_normal(60, 6, 8);
    for (int64_t r = 0; r < 20; r++)
        for (int64_t j = 1; j < 6; j++)
            *table_at(&data, r, j) += 1.5 * *table_at(&data, r, 0);
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout;
    uint8_t mask[60], rest[60];
    for (int r = 0; r < 60; r++)
        rest[r] = !(mask[r] = r < 20);
    const qkvsim_selection first = { sizeof first, NULL, mask, 60 };
    const qkvsim_selection second = { sizeof second, NULL, rest, 60 };
    assert_ok(context, qkvsim_layout_widths(context, (int64_t[]){ 6 }, NULL, 1, &layout));
    for (int32_t relabel = QKVSIM_RELABEL_LABELS; relabel <= QKVSIM_RELABEL_SHIFT; relabel++) {
        const qkvsim_comparison_options options = {
            .struct_size = sizeof options, .permutations = 299, .subsets = 1, .relabel = relabel
        };
        qkvsim_comparison *c;
        assert_ok(context,
                  qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = &first),
                                        &second, layout, NULL, &options, &c));
        const double fits[] = {
            qkvsim_comparison_difference(c, 0, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN,
                                         QKVSIM_SUMMARY_P_FITTED),
            qkvsim_comparison_distance(c, 0, QKVSIM_METRIC_PEARSON, QKVSIM_DISTANCE_WASSERSTEIN,
                                       QKVSIM_SUMMARY_P_FITTED),
        };
        for (int k = 0; k < 2; k++)
            ck_assert_msg(relabel == QKVSIM_RELABEL_LABELS ? fits[k] < 0.05 : isnan(fits[k]),
                          "relabel %d: fit %d is %g", (int)relabel, k, fits[k]);
        qkvsim_comparison_free(c);
    }
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
}
END_TEST

int main(int count, char **arguments)
{
    scale = count > 1 ? strtol(arguments[1], NULL, 10) : 1;
    Suite *suite = suite_create("tail");
    TCase *simulations = add_simulations(suite, make_context, free_context);
    tcase_add_test(simulations, p_is_near_the_truth);
    tcase_add_test(simulations, p_holds_its_size_beyond_what_can_be_counted);
    TCase *fit = add_case(suite, "fit", make_context, free_context);
    tcase_add_test(fit, p_falls_as_the_observed_value_grows_and_has_no_unit);
    tcase_add_test(fit, there_is_no_p_where_no_fit_is_good);
    tcase_add_test(fit, bad_values_are_refused);
    tcase_add_test(fit, any_allocation_may_fail);
    TCase *within = add_case(suite, "nulls", make_context, free_context);
    tcase_add_loop_test(within, a_null_is_fitted_by_its_distance_from_the_centre, 0, 5);
    tcase_add_test(within, a_comparison_has_fits_where_relabellings_are_many);
    return run_suite(suite);
}
