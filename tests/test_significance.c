/* significance.h: adjusted p-values straight from their definitions, the error rates they promise
 * on data without any effect, and what they find where there is one. */
#include <qkvsim/significance.h>

#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 6, OF_COSINE = 11, OF_PEARSON = 6, TESTS = OF_COSINE + OF_PEARSON, MOST = 60 };

static qkvsim_layout *layout;

static void set_up(void)
{
    make_context();
    assert_ok(context, qkvsim_layout_thirds(context, 9, &layout));
}

static void tear_down(void)
{
    qkvsim_layout_free(layout);
    free_context();
}

static void assert_close(double value, double expected, const char *what)
{
    if (isnan(value) != isnan(expected) || fabs(value - expected) > 1e-12)
        ck_abort_msg("%s is %.17g and not %.17g", what, value, expected);
}

/* ---- Benjamini and Hochberg ---- */

/* The definition: the least, over all p-values that are not smaller, of p * count / rank. */
static void adjust_by_hand(const double *p, int64_t count, double *adjusted)
{
    double defined = 0;
    for (int64_t k = 0; k < count; k++)
        defined += !isnan(p[k]);
    for (int64_t k = 0; k < count; k++) {
        adjusted[k] = isnan(p[k]) ? NAN : 1;
        for (int64_t other = 0; other < count && !isnan(p[k]); other++) {
            double rank = 0;
            for (int64_t j = 0; j < count; j++)
                rank += p[j] <= p[other];
            if (p[other] >= p[k])
                adjusted[k] = fmin(adjusted[k], p[other] * defined / rank);
        }
    }
}

START_TEST(bh_is_its_definition)
{
    random_source source = { (uint64_t)_i };
    double p[50] = { 0 }, adjusted[50], expected[50];
    const int64_t count = _i * 5;
    for (int64_t k = 0; k < count; k++) {
        p[k] = pow(random_uniform(&source), 1 + _i % 3);
        if (_i % 2)
            p[k] = ceil(p[k] * 20) / 20; /* ties */
        if (_i % 4 == 3 && k % 7 == 2)
            p[k] = NAN;
    }
    assert_ok(context, qkvsim_adjust_bh(context, p, count, adjusted));
    adjust_by_hand(p, count, expected);
    for (int64_t k = 0; k < count; k++)
        assert_close(adjusted[k], expected[k], "an adjusted p-value");
    assert_ok(context, qkvsim_adjust_bh(context, p, count, p));
    for (int64_t k = 0; k < count; k++)
        assert_close(p[k], expected[k], "a p-value adjusted in place");
}
END_TEST

START_TEST(bh_keeps_the_order_and_never_lowers_a_p_value)
{
    random_source source = { 3 };
    double p[40], adjusted[40];
    for (int k = 0; k < 40; k++)
        p[k] = random_uniform(&source);
    assert_ok(context, qkvsim_adjust_bh(context, p, 40, adjusted));
    for (int k = 0; k < 40; k++) {
        ck_assert(adjusted[k] >= p[k] && adjusted[k] <= 1);
        for (int j = 0; j < 40; j++)
            ck_assert(p[j] > p[k] || adjusted[j] <= adjusted[k]);
    }
}
END_TEST

START_TEST(bh_refuses_what_is_no_p_value)
{
    const double bad[] = { -0.001, 1.5, INFINITY, -INFINITY };
    double p[3] = { 0.1, 0, 1 };
    void *adjusted = poisoned(3 * sizeof(double));
    for (int i = 0; i < 4; i++) {
        p[1] = bad[i];
        assert_status(context, qkvsim_adjust_bh(context, p, 3, adjusted),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has(context, "p-value 1");
    }
    p[1] = 0;
    assert_status(context, qkvsim_adjust_bh(context, p, -4, adjusted),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 4);
    assert_status(context, qkvsim_adjust_bh(context, NULL, 3, adjusted),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_adjust_bh(context, p, 3, NULL), QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_adjust_bh(NULL, p, 3, adjusted), QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_ok(context, qkvsim_adjust_bh(context, NULL, 0, NULL));
    assert_poisoned(adjusted, 3 * sizeof(double));
    free(adjusted);
}
END_TEST

static qkvsim_status adjust_three(qkvsim_context *with, void *argument)
{
    (void)argument;
    const double p[] = { 0.2, NAN, 0.01 };
    double adjusted[] = { 7, 7, 7 };
    const qkvsim_status status = qkvsim_adjust_bh(with, p, 3, adjusted);
    for (int k = 0; k < 3 && status != QKVSIM_OK; k++)
        ck_assert(adjusted[k] == 7);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    assert_survives_failing_allocations(adjust_three, NULL);
}
END_TEST

/* ---- the maximum statistic, in a baseline ---- */

/* Every value behind a baseline: of each row and test, those of the permutations, then the observed
 * one. */
typedef struct collection {
    int64_t m;
    double value[TESTS][ROWS][MOST + 1];
} collection;

static int32_t metric_of(int32_t test)
{
    return test < OF_COSINE ? QKVSIM_METRIC_COSINE : QKVSIM_METRIC_PEARSON;
}

static int32_t statistic_of(int32_t test)
{
    return kept_statistic(metric_of(test), test < OF_COSINE ? test : test - OF_COSINE);
}

static void collect(const qkvsim_analysis *analysis, int64_t k, collection *all)
{
    for (int32_t test = 0; test < TESTS; test++)
        for (int32_t row = 0; row < ROWS; row++)
            all->value[test][row][k] =
                qkvsim_analysis_statistic(analysis, row, metric_of(test), statistic_of(test));
}

static void collect_permutation(const stored *input, int64_t k, int32_t scheme, uint64_t seed,
                                collection *all)
{
    double memory[MOST * 9];
    const int64_t n = input->view.observations;
    const qkvsim_permutation permutation = {
        .struct_size = sizeof permutation, .seed = seed, .index = k, .scheme = scheme
    };
    const qkvsim_matrix matrix = { sizeof matrix, memory, n, 9, 9, QKVSIM_DTYPE_F64, 0 };
    const qkvsim_view view = { sizeof view, memory, n, 9, 9, 1, QKVSIM_DTYPE_F64, 0 };
    qkvsim_analysis *analysis;
    assert_ok(context, qkvsim_permute(context, INPUT(&input->view, 1), &permutation, &matrix));
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&view, 1), layout, NULL, &analysis));
    collect(analysis, k, all);
    qkvsim_analysis_free(analysis);
}

static qkvsim_baseline *run_to(const stored *input, int64_t m, int32_t scheme, uint64_t seed,
                               int64_t exceedances)
{
    const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                              .permutations = m,
                                              .seed = seed,
                                              .scheme = scheme,
                                              .exceedances = exceedances };
    qkvsim_baseline *baseline;
    assert_ok(context, qkvsim_baseline_run(context, INPUT(&input->view, 1), layout, NULL, &options,
                                           &baseline));
    return baseline;
}

static qkvsim_baseline *run(const stored *input, int64_t m, int32_t scheme, uint64_t seed)
{
    return run_to(input, m, scheme, seed, 0);
}

static double summary(const qkvsim_baseline *baseline, int32_t test, int32_t row, int32_t which)
{
    return qkvsim_baseline_statistic(baseline, row, metric_of(test), statistic_of(test), which);
}

/* |z| of each of the m + 1 values, infinite where one does not exist; false where the last, or all
 * others, do not exist, or all are equal. */
static bool studentise(const collection *all, int32_t test, int32_t row, double *z)
{
    const double *value = all->value[test][row];
    double mean = 0, squares = 0, count = 0, least = INFINITY, most = -INFINITY;
    for (int64_t k = 0; k <= all->m; k++)
        if (!isnan(value[k])) {
            count++;
            mean += value[k];
            least = fmin(least, value[k]);
            most = fmax(most, value[k]);
        }
    mean /= count;
    for (int64_t k = 0; k <= all->m; k++)
        squares += isnan(value[k]) ? 0 : (value[k] - mean) * (value[k] - mean) / count;
    for (int64_t k = 0; k <= all->m; k++)
        z[k] = isnan(value[k]) ? (double)INFINITY : fabs(value[k] - mean) / sqrt(squares);
    return !isnan(value[all->m]) && count > 1 && most - least > 1e-9 * fmax(1, fabs(most));
}

static double share_at_least(const double *values, int64_t m, double bound)
{
    double count = 0;
    for (int64_t k = 0; k <= m; k++)
        count += values[k] >= (1 - 1e-9) * bound;
    return count / (double)(m + 1);
}

static void assert_max_by_hand(const qkvsim_baseline *baseline, const collection *all)
{
    double z[TESTS][ROWS][MOST + 1], least_p[MOST + 1];
    bool varies[TESTS][ROWS];
    for (int64_t k = 0; k <= all->m; k++)
        least_p[k] = 1;
    for (int32_t test = 0; test < TESTS; test++) {
        double largest[MOST + 1] = { 0 };
        for (int32_t row = 0; row < ROWS; row++) {
            varies[test][row] = studentise(all, test, row, z[test][row]);
            for (int64_t k = 0; k <= all->m && varies[test][row]; k++)
                largest[k] = fmax(largest[k], z[test][row][k]);
        }
        for (int64_t k = 0; k <= all->m; k++)
            least_p[k] = fmin(least_p[k], share_at_least(largest, all->m, largest[k]));
        for (int32_t row = 0; row < ROWS; row++) {
            const double p = summary(baseline, test, row, QKVSIM_SUMMARY_P_MAX);
            if (varies[test][row])
                assert_close(p, share_at_least(largest, all->m, z[test][row][all->m]), "p_max");
            else
                ck_assert(p == 1 || isnan(summary(baseline, test, row, QKVSIM_SUMMARY_P)));
        }
    }
    for (int32_t test = 0; test < TESTS; test++)
        for (int32_t row = 0; row < ROWS; row++) {
            const double own = summary(baseline, test, row, QKVSIM_SUMMARY_P_MAX);
            double count = 0;
            for (int64_t k = 0; k <= all->m; k++)
                count += least_p[k] <= own + 1e-12;
            assert_close(summary(baseline, test, row, QKVSIM_SUMMARY_P_MAX_ALL),
                         isnan(own) ? NAN : count / (double)(all->m + 1), "p_max_all");
        }
}

static void assert_bh_by_hand(const qkvsim_baseline *baseline)
{
    double p[TESTS * ROWS], within[ROWS], over_all[TESTS * ROWS];
    for (int32_t test = 0; test < TESTS; test++) {
        for (int32_t row = 0; row < ROWS; row++)
            p[test * ROWS + row] = summary(baseline, test, row, QKVSIM_SUMMARY_P);
        adjust_by_hand(p + test * ROWS, ROWS, within);
        for (int32_t row = 0; row < ROWS; row++)
            assert_close(summary(baseline, test, row, QKVSIM_SUMMARY_P_BH), within[row], "p_bh");
    }
    adjust_by_hand(p, TESTS * ROWS, over_all);
    for (int32_t k = 0; k < TESTS * ROWS; k++)
        assert_close(summary(baseline, k / ROWS, k % ROWS, QKVSIM_SUMMARY_P_BH_ALL), over_all[k],
                     "p_bh_all");
}

/* Data whose tails are empty in places and whose Q is constant in others, so that some statistics
 * are absent and some are equal in all permutations. */
START_TEST(adjusted_p_values_are_their_definitions)
{
    static collection all;
    table data =
        _i < 4 ? table_with_offsets(12 + _i, 9, 2, (uint64_t)_i) : table_normal(8, 9, (uint64_t)_i);
    if (_i % 4 == 3)
        for (int64_t j = 0; j < 3; j++)
            table_set_constant(&data, j, 2);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    all.m = _i == 0 ? 1 : MOST - 7 * _i;
    const int32_t scheme = 1 + _i % 2;
    qkvsim_baseline *baseline = run(&input, all.m, scheme, 5);
    for (int64_t k = 0; k < all.m; k++)
        collect_permutation(&input, k, scheme, 5, &all);
    collect(qkvsim_baseline_observed(baseline), all.m, &all);
    assert_max_by_hand(baseline, &all);
    assert_bh_by_hand(baseline);
    qkvsim_baseline_free(baseline);
    stored_free(&input);
    table_free(&data);
}
END_TEST

START_TEST(the_maximum_never_lowers_a_p_value)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        table data = table_with_offsets(10, 9, 1, seed);
        stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
        qkvsim_baseline *baseline = run(&input, 30, QKVSIM_SCHEME_FEATURE, seed);
        for (int32_t k = 0; k < TESTS * ROWS; k++) {
            const double p = summary(baseline, k / ROWS, k % ROWS, QKVSIM_SUMMARY_P);
            const double p_max = summary(baseline, k / ROWS, k % ROWS, QKVSIM_SUMMARY_P_MAX);
            const double all = summary(baseline, k / ROWS, k % ROWS, QKVSIM_SUMMARY_P_MAX_ALL);
            ck_assert_int_eq(isnan(p), isnan(p_max));
            ck_assert_int_eq(isnan(p), isnan(all));
            ck_assert(isnan(p) || (p_max >= p && all >= p_max && all <= 1));
        }
        qkvsim_baseline_free(baseline);
        stored_free(&input);
        table_free(&data);
    }
}
END_TEST

/* Independent features, 60 looks at each data set: at 10 % the family-wise error of p_max_all is at
 * most 10 %, while single p-values find something almost every time. A binomial of 400 draws at
 * 10 % is above 58 once in 1,000. The seeds are fixed. */
START_TEST(the_maximum_keeps_the_family_wise_error)
{
    enum { DRAWS = 400 };
    int plain = 0, within = 0, over_all = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
        table data = table_normal(8, 9, 7000 + (uint64_t)draw);
        stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
        qkvsim_baseline *baseline = run(&input, 39, QKVSIM_SCHEME_FEATURE, (uint64_t)draw);
        double least[3] = { 1, 1, 1 };
        for (int32_t k = 0; k < TESTS * ROWS; k++) {
            const int32_t test = k / ROWS, row = k % ROWS;
            least[0] = fmin(least[0], summary(baseline, test, row, QKVSIM_SUMMARY_P));
            least[2] = fmin(least[2], summary(baseline, test, row, QKVSIM_SUMMARY_P_MAX_ALL));
            if (test == OF_COSINE) /* the mean of Pearson */
                least[1] = fmin(least[1], summary(baseline, test, row, QKVSIM_SUMMARY_P_MAX));
        }
        plain += least[0] <= 0.1;
        within += least[1] <= 0.1;
        over_all += least[2] <= 0.1;
        qkvsim_baseline_free(baseline);
        stored_free(&input);
        table_free(&data);
    }
    ck_assert_int_gt(plain, DRAWS * 8 / 10);
    ck_assert_int_le(within, 58);
    ck_assert_int_le(over_all, 58);
    ck_assert_int_ge(within, 20); /* and uses what it is allowed */
}
END_TEST

/* Q holds three copies of a signal: Q-Q must stand out, and nothing else. */
START_TEST(a_planted_pair_group_survives_every_adjustment)
{
    table data = table_normal(40, 9, 11);
    random_source source = { 12 };
    for (int64_t r = 0; r < 40; r++)
        for (int64_t j = 1; j < 3; j++)
            *table_at(&data, r, j) = *table_at(&data, r, 0) + 0.3 * random_normal(&source);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_baseline *baseline = run(&input, 399, QKVSIM_SCHEME_FEATURE, 1);
    for (int32_t which = QKVSIM_SUMMARY_P_BH; which <= QKVSIM_SUMMARY_P_MAX_ALL; which++)
        for (int32_t row = 0; row < ROWS; row++) {
            const double p = summary(baseline, OF_COSINE, row, which);
            ck_assert_msg(row == 0 ? p <= 0.05 : p > 0.05, "summary %d, row %d: p %g", (int)which,
                          (int)row, p);
        }
    qkvsim_baseline_free(baseline);
    stored_free(&input);
    table_free(&data);
}
END_TEST

/* Columns of known offset ratio o and, within a group, known correlation: of Hadamard's matrix,
 * whose columns behind the first are orthogonal and centred. */
static table table_built(const double offset[3], const double correlation[3])
{
    table built = table_new(64, 9);
    for (int r = 0; r < 64; r++)
        for (int j = 0; j < 9; j++) {
            const int g = j / 3;
            const double own = __builtin_parity((unsigned)(r & (j + 1))) ? -1 : 1;
            const double common = __builtin_parity((unsigned)(r & (g + 20))) ? -1 : 1;
            const double moves = sqrt(1 - correlation[g]) * own + sqrt(correlation[g]) * common;
            *table_at(&built, r, j) = offset[g] + sqrt(1 - offset[g] * offset[g]) * moves;
        }
    return built;
}

START_TEST(planted_offsets_and_correlations_come_out_as_built)
{
    const double offset[] = { 0.8, 0, 0.6 }, correlation[] = { 0.5, 0.5, 0 };
    table data = table_built(offset, correlation);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    const int32_t rows[] = { 0, 3, 5 }, mean = OF_COSINE;
    qkvsim_baseline *feature = run(&input, 199, QKVSIM_SCHEME_FEATURE, 3);
    qkvsim_baseline *all = run(&input, 199, QKVSIM_SCHEME_ALL, 3);
    const qkvsim_analysis *observed = qkvsim_baseline_observed(feature);
    const double share[] = { 0.64 * 0.64 / (0.64 * 0.64 + 0.18 * 0.18), 0, 1 };
    for (int g = 0; g < 3; g++) {
        assert_close(qkvsim_analysis_statistic(observed, rows[g], QKVSIM_METRIC_PEARSON,
                                               QKVSIM_STATISTIC_MEAN),
                     correlation[g], "a planted correlation");
        assert_close(qkvsim_analysis_statistic(observed, rows[g], QKVSIM_METRIC_COSINE,
                                               QKVSIM_STATISTIC_OFFSET_SHARE_RAW),
                     share[g], "a planted offset share");
        const double p = summary(feature, mean, rows[g], QKVSIM_SUMMARY_P_MAX_ALL);
        ck_assert_msg(correlation[g] > 0 ? p <= 0.05 : p > 0.05, "group %d: p %g", g, p);
    }
    /* Given the offsets, the correlation within Q takes from their share; and offsets as a whole
     * are K's lack and V's all. */
    const int32_t own = 6; /* the raw share */
    ck_assert(summary(feature, own, rows[0], QKVSIM_SUMMARY_P_LESS) == 0.005);
    ck_assert(summary(all, own, rows[1], QKVSIM_SUMMARY_P_LESS) == 0.005);
    ck_assert(summary(all, own, rows[2], QKVSIM_SUMMARY_P_GREATER) == 0.005);
    qkvsim_baseline_free(feature);
    qkvsim_baseline_free(all);
    stored_free(&input);
    table_free(&data);
}
END_TEST

/* One roll-up: p-values of pair groups are as without it, and its own have nothing to be adjusted
 * for within a statistic. */
START_TEST(rollups_are_a_family_of_their_own)
{
    table data = table_with_offsets(12, 9, 1, 4);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_baseline *plain = run(&input, 50, QKVSIM_SCHEME_FEATURE, 2);
    const int32_t within[] = { 0, 3, 5 };
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "within", within, 3));
    qkvsim_baseline *rolled = run(&input, 50, QKVSIM_SCHEME_FEATURE, 2);
    for (int32_t test = 0; test < TESTS; test++)
        for (int32_t which = QKVSIM_SUMMARY_P; which <= QKVSIM_SUMMARY_P_MAX_ALL; which++) {
            for (int32_t row = 0; row < ROWS; row++)
                assert_close(summary(rolled, test, row, which), summary(plain, test, row, which),
                             "a pair group's p-value");
            const double p = summary(rolled, test, ROWS, QKVSIM_SUMMARY_P);
            const double adjusted = summary(rolled, test, ROWS, which);
            if (which == QKVSIM_SUMMARY_P_BH || which == QKVSIM_SUMMARY_P_MAX)
                assert_close(adjusted, p, "a roll-up's p-value");
            else if (which == QKVSIM_SUMMARY_P_BH_ALL || which == QKVSIM_SUMMARY_P_MAX_ALL)
                ck_assert(isnan(p) ? isnan(adjusted) : adjusted >= p);
        }
    qkvsim_baseline_free(plain);
    qkvsim_baseline_free(rolled);
    stored_free(&input);
    table_free(&data);
}
END_TEST

/* ---- permutations that stop early ---- */

/* The p of one side by its definition; *needed grows to the permutations that it needs. */
static double sequential_by_hand(const double *values, int64_t m, int64_t h, double sign,
                                 int64_t *needed)
{
    int64_t count = 0;
    for (int64_t k = 0; k < m; k++) {
        count += !(sign * (values[k] - values[m]) < -1e-9 * fabs(values[m]));
        if (count == h) {
            *needed = k + 1 > *needed ? k + 1 : *needed;
            return (double)h / (double)(k + 1);
        }
    }
    *needed = m;
    return (double)(count + 1) / (double)(m + 1);
}

START_TEST(sequential_p_values_are_their_definitions)
{
    static collection all;
    const int64_t h = 1 + _i;
    table data = table_normal(10 + _i, 9, 40 + (uint64_t)_i);
    if (_i % 2) /* K and V are related: there the permutations run to their end */
        for (int64_t k = 0; k < data.n; k++)
            *table_at(&data, k, 7) = *table_at(&data, k, 3);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    all.m = MOST;
    qkvsim_baseline *baseline = run_to(&input, MOST, QKVSIM_SCHEME_FEATURE, 9, h);
    for (int64_t k = 0; k < MOST; k++)
        collect_permutation(&input, k, QKVSIM_SCHEME_FEATURE, 9, &all);
    collect(qkvsim_baseline_observed(baseline), MOST, &all);
    int64_t needed = 0;
    for (int32_t test = 0; test < TESTS; test++)
        for (int32_t row = 0; row < ROWS; row++) {
            const double *values = all.value[test][row];
            if (isnan(values[MOST]))
                continue;
            const double less = sequential_by_hand(values, MOST, h, -1, &needed);
            const double greater = sequential_by_hand(values, MOST, h, 1, &needed);
            assert_close(summary(baseline, test, row, QKVSIM_SUMMARY_P_LESS), less, "p_less");
            assert_close(summary(baseline, test, row, QKVSIM_SUMMARY_P_GREATER), greater,
                         "p_greater");
            assert_close(summary(baseline, test, row, QKVSIM_SUMMARY_P),
                         fmin(1, 2 * fmin(less, greater)), "p");
            ck_assert(isnan(summary(baseline, test, row, QKVSIM_SUMMARY_P_MAX)));
            ck_assert(isnan(summary(baseline, test, row, QKVSIM_SUMMARY_P_MAX_ALL)));
        }
    assert_bh_by_hand(baseline);
    ck_assert_int_eq(qkvsim_baseline_permutations(baseline), needed);
    qkvsim_baseline *as_many = run(&input, needed, QKVSIM_SCHEME_FEATURE, 9);
    for (int32_t test = 0; test < TESTS; test++)
        for (int32_t which = QKVSIM_SUMMARY_OBSERVED; which <= QKVSIM_SUMMARY_Z; which++)
            assert_close(summary(baseline, test, 1, which), summary(as_many, test, 1, which),
                         "a summary of the permutations made");
    qkvsim_baseline_free(as_many);
    qkvsim_baseline_free(baseline);
    stored_free(&input);
    table_free(&data);
}
END_TEST

/* Groups that are unrelated, 1,000 times: at every level, no p is at most alpha more often than
 * alpha and three standard errors. And half of the permutations are saved. */
START_TEST(sequential_p_values_hold_their_size_and_save_permutations)
{
    enum { DRAWS = 1000, M = 99 };
    const double alphas[] = { 0.02, 0.05, 0.1, 0.2, 0.5 };
    const int32_t sides[] = { QKVSIM_SUMMARY_P, QKVSIM_SUMMARY_P_LESS, QKVSIM_SUMMARY_P_GREATER };
    int found[3][5] = { { 0 } };
    int64_t made = 0;
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *small;
    const int32_t across = 1;
    const qkvsim_analysis_options pearson = { .struct_size = sizeof pearson,
                                              .metrics = QKVSIM_METRIC_PEARSON,
                                              .pair_groups = &across,
                                              .pair_group_count = 1 };
    assert_ok(one, qkvsim_layout_widths(one, (int64_t[]){ 2, 2 }, NULL, 2, &small));
    for (uint64_t d = 0; d < DRAWS; d++) {
        table data = table_normal(12, 4, 600 + d);
        stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
        const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                                  .permutations = M,
                                                  .seed = d,
                                                  .scheme = QKVSIM_SCHEME_OBSERVATIONS,
                                                  .exceedances = 4 };
        qkvsim_baseline *baseline;
        assert_ok(one, qkvsim_baseline_run(one, INPUT(&input.view, 1), small, &pearson, &options,
                                           &baseline));
        made += qkvsim_baseline_permutations(baseline);
        for (int k = 0; k < 15; k++)
            found[k / 5][k % 5] += qkvsim_baseline_statistic(baseline, 1, QKVSIM_METRIC_PEARSON,
                                                             QKVSIM_STATISTIC_MEAN, sides[k / 5])
                                   <= alphas[k % 5] + 1e-12;
        qkvsim_baseline_free(baseline);
        stored_free(&input);
        table_free(&data);
    }
    qkvsim_layout_free(small);
    qkvsim_context_free(one);
    for (int k = 0; k < 15; k++) {
        const double alpha = alphas[k % 5], most = DRAWS * alpha + 3 * sqrt(DRAWS * alpha);
        ck_assert_msg(found[k / 5][k % 5] < most, "side %d: %d of %d at %g", k / 5,
                      found[k / 5][k % 5], DRAWS, alpha);
    }
    printf("at most 0.05 of %d: p %d, p_less %d, p_greater %d, with %.0f %% of the permutations\n",
           DRAWS, found[0][1], found[1][1], found[2][1], 100.0 * (double)made / (DRAWS * M));
    fflush(stdout);
    ck_assert_int_gt(found[0][1], DRAWS / 40);
    ck_assert_msg(made < DRAWS * M * 2 / 3, "%d permutations", (int)made);
}
END_TEST

/* 5 lags of two groups: all 4 are taken, in order, and nothing is stopped. */
START_TEST(permutations_that_are_enumerated_do_not_stop)
{
    table data = table_normal(5, 9, 3);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_baseline *plain = run(&input, MOST, QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 0);
    qkvsim_baseline *stopping = run_to(&input, MOST, QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 0, 1);
    ck_assert_int_eq(qkvsim_baseline_enumerated(plain), 1);
    ck_assert_int_eq(qkvsim_baseline_permutations(stopping), qkvsim_baseline_permutations(plain));
    for (int32_t which = QKVSIM_SUMMARY_OBSERVED; which <= QKVSIM_SUMMARY_P_MAX_ALL; which++)
        assert_close(summary(stopping, OF_COSINE, 1, which), summary(plain, OF_COSINE, 1, which),
                     "a summary of all permutations");
    ck_assert(summary(plain, OF_COSINE, 1, QKVSIM_SUMMARY_P_LEAST) == 1.0 / 5);
    ck_assert(summary(stopping, OF_COSINE, 1, QKVSIM_SUMMARY_P_LEAST) == 1.0 / 5);
    qkvsim_baseline_free(plain);
    qkvsim_baseline_free(stopping);
    stored_free(&input);
    table_free(&data);
}
END_TEST

START_TEST(bad_exceedances_are_refused)
{
    table data = table_normal(5, 9, 3);
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    const int64_t bad[] = { -1, 21, INT64_MAX };
    for (int i = 0; i < 3; i++) {
        const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                                  .permutations = 20,
                                                  .exceedances = bad[i] };
        qkvsim_baseline *baseline = POISON_HANDLE;
        assert_status(
            context,
            qkvsim_baseline_run(context, INPUT(&input.view, 1), layout, NULL, &options, &baseline),
            QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has_number(context, bad[i]);
        assert_message_has_number(context, 20);
        ck_assert_ptr_eq(baseline, POISON_HANDLE);
    }
    stored_free(&input);
    table_free(&data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("significance");
    TCase *bh = add_case(suite, "Benjamini and Hochberg", set_up, tear_down);
    tcase_add_loop_test(bh, bh_is_its_definition, 0, 10);
    tcase_add_test(bh, bh_keeps_the_order_and_never_lowers_a_p_value);
    tcase_add_test(bh, bh_refuses_what_is_no_p_value);
    tcase_add_test(bh, any_allocation_may_fail);
    TCase *maximum = add_case(suite, "maximum statistic", set_up, tear_down);
    tcase_add_loop_test(maximum, adjusted_p_values_are_their_definitions, 0, 8);
    tcase_add_test(maximum, planted_offsets_and_correlations_come_out_as_built);
    tcase_add_test(maximum, rollups_are_a_family_of_their_own);
    tcase_add_test(maximum, the_maximum_never_lowers_a_p_value);
    tcase_add_test(maximum, the_maximum_keeps_the_family_wise_error);
    tcase_add_test(maximum, a_planted_pair_group_survives_every_adjustment);
    TCase *stops = add_case(suite, "early stops", set_up, tear_down);
    tcase_add_loop_test(stops, sequential_p_values_are_their_definitions, 0, 4);
    tcase_add_test(stops, sequential_p_values_hold_their_size_and_save_permutations);
    tcase_add_test(stops, permutations_that_are_enumerated_do_not_stop);
    tcase_add_test(stops, bad_exceedances_are_refused);
    return run_suite(suite);
}
