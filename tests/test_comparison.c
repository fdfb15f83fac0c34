/* comparison.h: distances by their definitions, every summary recomputed from relabellings asked
 * for one by one, p-values that are uniform under the null, and planted differences that are
 * found. */
#include <qkvsim/comparison.h>

#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 40, D = 21, BINS = 20, ROWS = 6, TESTS = 9, MOST = 60 };

static qkvsim_layout *layout;
static table data;
static stored input;

static void set_up(void)
{
    make_context();
    data = table_with_offsets(N, D, 1, 1);
    input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    assert_ok(context, qkvsim_layout_thirds(context, D, &layout));
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
static const int32_t metrics[] = { QKVSIM_METRIC_COSINE, QKVSIM_METRIC_PEARSON,
                                   QKVSIM_METRIC_SPEARMAN };
static const qkvsim_analysis_options in_twenty = {
    .struct_size = sizeof in_twenty,
    .bins = &twenty,
    .metrics = QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON + QKVSIM_METRIC_SPEARMAN,
};

static const int64_t few_rows[] = { 31, 2, 5, 6, 20, 21, 22, 37, 8 };
static const int64_t some_rows[] = { 1, 3, 9, 10, 12, 25, 26, 34, 39 };
static const int64_t many_rows[] = { 0,  1,  3,  4,  7,  9,  10, 11, 12, 13, 14, 15, 16, 17,
                                     18, 23, 24, 25, 26, 27, 28, 29, 30, 32, 34, 35, 38, 39 };
static const qkvsim_selection few = { sizeof few, few_rows, NULL, 9 };
static const qkvsim_selection some = { sizeof some, some_rows, NULL, 9 };
static const qkvsim_selection many = { sizeof many, many_rows, NULL, 28 };

static qkvsim_comparison_options relabellings(int64_t permutations, int64_t subsets, uint64_t seed)
{
    return (qkvsim_comparison_options){ .struct_size = sizeof(qkvsim_comparison_options),
                                        .permutations = permutations,
                                        .subsets = subsets,
                                        .seed = seed };
}

static qkvsim_comparison *run(qkvsim_context *with, const qkvsim_input *read,
                              const qkvsim_selection *second,
                              const qkvsim_comparison_options *options)
{
    qkvsim_comparison *comparison = NULL;
    assert_ok(with,
              qkvsim_comparison_run(with, read, second, layout, &in_twenty, options, &comparison));
    return comparison;
}

static qkvsim_analysis *analyze(const stored *copy, const qkvsim_selection *selection)
{
    qkvsim_analysis *analysis = NULL;
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&copy->view, 1, .selection = selection),
                                           layout, &in_twenty, &analysis));
    return analysis;
}

static void assert_close(double value, double expected, double tolerance, const char *what)
{
    if (isnan(value) != isnan(expected)
        || fabs(value - expected) > tolerance * (1 + fabs(expected)))
        ck_abort_msg("%s is %.17g and not %.17g", what, value, expected);
}

/* ---- distances ---- */

/* From the definitions, with every share written out. */
static double distance_by_hand(const int64_t *a, const int64_t *b, const double *edges,
                               int64_t bins, int32_t which)
{
    double total_a = 0, total_b = 0, largest = 0, earth = 0, divergence = 0;
    for (int64_t k = 0; k < bins; k++) {
        total_a += (double)a[k];
        total_b += (double)b[k];
    }
    for (int64_t k = 0; k < bins; k++) {
        double below_a = 0, below_b = 0;
        for (int64_t j = 0; j <= k; j++) {
            below_a += (double)a[j] / total_a;
            below_b += (double)b[j] / total_b;
        }
        const double p = (double)a[k] / total_a, q = (double)b[k] / total_b;
        largest = fmax(largest, fabs(below_a - below_b));
        if (k + 1 < bins)
            earth += fabs(below_a - below_b)
                     * ((edges[k + 1] + edges[k + 2]) / 2 - (edges[k] + edges[k + 1]) / 2);
        divergence += (p > 0 ? p * log2(2 * p / (p + q)) : 0) / 2;
        divergence += (q > 0 ? q * log2(2 * q / (p + q)) : 0) / 2;
    }
    return which == QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV ? largest
           : which == QKVSIM_DISTANCE_WASSERSTEIN      ? earth
                                                       : sqrt(fmax(divergence, 0));
}

static double distance(const int64_t *a, const int64_t *b, const double *edges, int64_t bins,
                       int32_t which)
{
    double value = -1;
    assert_ok(context, qkvsim_histogram_distance(context, a, b, edges, bins, which, &value));
    return value;
}

START_TEST(distances_are_their_definitions_and_symmetric)
{
    random_source source = { 5 };
    for (int round = 0; round < 100; round++) {
        int64_t a[30], b[30];
        double edges[31] = { -1 };
        const int64_t bins = 1 + round % 30;
        for (int64_t k = 0; k < bins; k++) {
            a[k] = round % 3 ? random_below(&source, 1000) : random_below(&source, 2);
            b[k] = round % 5 ? random_below(&source, 10) : INT64_C(1) << (k + 20);
            edges[k + 1] = edges[k] + random_uniform(&source);
        }
        a[0]++;
        b[bins - 1]++;
        for (int32_t which = QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV;
             which <= QKVSIM_DISTANCE_JENSEN_SHANNON; which++) {
            const double value = distance(a, b, edges, bins, which);
            assert_close(value, distance_by_hand(a, b, edges, bins, which), 1e-12, "a distance");
            ck_assert(value == distance(b, a, edges, bins, which));
            ck_assert(distance(a, a, edges, bins, which) == 0);
            ck_assert(value >= 0);
            ck_assert(which == QKVSIM_DISTANCE_WASSERSTEIN || value <= 1);
        }
    }
}
END_TEST

START_TEST(distances_of_histograms_that_share_nothing)
{
    const double edges[] = { -1, 0, 0.5, 2 };
    const int64_t left[] = { 3, 0, 0 }, right[] = { 0, 0, 100 }, none[] = { 0, 0, 0 };
    ck_assert(distance(left, right, edges, 3, QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV) == 1);
    ck_assert(distance(left, right, edges, 3, QKVSIM_DISTANCE_JENSEN_SHANNON) == 1);
    ck_assert(distance(left, right, edges, 3, QKVSIM_DISTANCE_WASSERSTEIN) == 1.75);
    for (int32_t which = QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV;
         which <= QKVSIM_DISTANCE_JENSEN_SHANNON; which++) {
        ck_assert(isnan(distance(left, none, edges, 3, which)));
        ck_assert(isnan(distance(none, right, edges, 3, which)));
        ck_assert(isnan(distance(none, none, edges, 3, which)));
    }
}
END_TEST

static void assert_distance_refused(const int64_t *a, const int64_t *b, const double *edges,
                                    int64_t bins, int32_t which)
{
    double value = 7;
    assert_status(context, qkvsim_histogram_distance(context, a, b, edges, bins, which, &value),
                  refusal(context));
    ck_assert(value == 7);
}

START_TEST(bad_histograms_are_refused)
{
    const int64_t good[] = { 1, 2 }, negative[] = { 1, -8 };
    const int64_t huge[] = { INT64_MAX, 1 };
    const double edges[] = { -1, 0, 1 }, level[] = { -1, 0, 0 }, endless[] = { -1, 0, INFINITY },
                 none[] = { NAN, 0, 1 };
    double value = 7;
    assert_distance_refused(NULL, good, edges, 2, 1);
    assert_distance_refused(good, NULL, edges, 2, 1);
    assert_distance_refused(good, good, NULL, 2, 1);
    assert_distance_refused(good, good, level, 2, 1);
    assert_message_has_number(context, 2);
    assert_distance_refused(good, good, endless, 2, 1);
    assert_distance_refused(good, good, none, 2, 1);
    assert_distance_refused(good, negative, edges, 2, 1);
    assert_message_has_number(context, 8);
    assert_distance_refused(good, good, edges, 0, 1);
    assert_distance_refused(good, good, edges, -3, 1);
    assert_distance_refused(good, good, edges, QKVSIM_BINS_MAX + 1, 1);
    assert_message_has_number(context, QKVSIM_BINS_MAX + 1);
    assert_distance_refused(good, good, edges, 2, 0);
    assert_distance_refused(good, good, edges, 2, 4);
    assert_message_has_number(context, 4);
    assert_status(context, qkvsim_histogram_distance(context, good, huge, edges, 2, 1, &value),
                  QKVSIM_ERROR_TOO_LARGE);
    assert_status(context, qkvsim_histogram_distance(context, good, good, edges, 2, 1, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_histogram_distance(NULL, good, good, edges, 2, 1, &value),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
}
END_TEST

/* ---- the comparison, by hand ---- */

static double distance_of(const qkvsim_analysis *a, const qkvsim_analysis *b, int32_t row,
                          int32_t metric, int32_t which)
{
    return distance(qkvsim_analysis_histogram(a, row, metric),
                    qkvsim_analysis_histogram(b, row, metric), qkvsim_analysis_bin_edges(a),
                    qkvsim_analysis_bins(a), which);
}

START_TEST(the_selections_are_analysed_in_full_and_set_against_each_other)
{
    qkvsim_comparison *comparison =
        run(context, INPUT(&input.view, 1, .selection = &few), &many, NULL);
    qkvsim_analysis *one = analyze(&input, &few), *other = analyze(&input, &many);
    assert_same_analysis(qkvsim_comparison_first(comparison), one);
    assert_same_analysis(qkvsim_comparison_second(comparison), other);
    for (int32_t row = 0; row < ROWS; row++)
        for (int m = 0; m < 3; m++) {
            const int32_t metric = metrics[m];
            for (int32_t which = 1; which <= 3; which++)
                ck_assert(qkvsim_comparison_distance(comparison, row, metric, which,
                                                     QKVSIM_SUMMARY_OBSERVED)
                          == distance_of(one, other, row, metric, which));
            for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_TAIL; which++)
                ck_assert(qkvsim_comparison_difference(comparison, row, metric, which,
                                                       QKVSIM_SUMMARY_OBSERVED)
                          == qkvsim_analysis_statistic(one, row, metric, which)
                                 - qkvsim_analysis_statistic(other, row, metric, which));
        }
    qkvsim_analysis_free(one);
    qkvsim_analysis_free(other);
    qkvsim_comparison_free(comparison);
}
END_TEST

/* Two selections' rows in increasing order, with labels: 1 in the first. */
typedef struct labelled {
    int64_t n;
    int64_t rows[N];
    uint8_t labels[N];
    int32_t segments[N]; /* of these rows */
} labelled;

static bool contains(const qkvsim_selection *selection, int64_t row)
{
    for (int64_t k = 0; k < selection->count; k++)
        if (selection->observations[k] == row)
            return true;
    return false;
}

static labelled label(const qkvsim_selection *first, const qkvsim_selection *second,
                      const int32_t *segments)
{
    labelled both = { 0 };
    for (int64_t row = 0; row < N; row++)
        if (contains(first, row) || contains(second, row)) {
            both.segments[both.n] = segments ? segments[row] : 0;
            both.labels[both.n] = contains(first, row);
            both.rows[both.n++] = row;
        }
    return both;
}

/* The analyses of relabelling k of a comparison, each asked for by itself. */
static void analyze_relabelled(const labelled *both, const qkvsim_comparison_options *options,
                               const qkvsim_comparison *comparison, int64_t k,
                               qkvsim_analysis *sides[2])
{
    const int32_t enumerated = qkvsim_comparison_enumerated(comparison);
    const qkvsim_relabelling relabelling = {
        .struct_size = sizeof relabelling,
        .seed = options->seed,
        .index = k + enumerated,
        .relabel = options->relabel ? options->relabel : QKVSIM_RELABEL_LABELS,
        .segments = both->segments,
        .exchange = options->exchange,
        .enumerated = enumerated,
    };
    uint8_t labels[N];
    assert_ok(context, qkvsim_relabel(context, both->labels, both->n, &relabelling, labels));
    for (int s = 0; s < 2; s++) {
        int64_t rows[N], count = 0;
        for (int64_t i = 0; i < both->n; i++)
            if (labels[i] == 1 - s)
                rows[count++] = both->rows[i];
        const qkvsim_selection side = { sizeof side, rows, NULL, count };
        sides[s] = analyze(&input, &side);
    }
}

static double difference_by_hand(qkvsim_analysis *const sides[2], int32_t row, int32_t metric,
                                 int32_t statistic)
{
    return qkvsim_analysis_statistic(sides[0], row, metric, statistic)
           - qkvsim_analysis_statistic(sides[1], row, metric, statistic);
}

/* What does not exist might be as far as any. */
static double summary_by_hand(const double *values, int64_t m, double observed, int32_t summary)
{
    const double slack = 1e-9 * fabs(observed);
    double sum = 0, squares = 0, existing = 0, less = 1, greater = 1;
    for (int64_t k = 0; k < m; k++) {
        sum += isnan(values[k]) ? 0 : values[k];
        existing += !isnan(values[k]);
        less += !(values[k] > observed + slack);
        greater += !(values[k] < observed - slack);
    }
    const double mean = sum / existing;
    for (int64_t k = 0; k < m; k++)
        squares += isnan(values[k]) ? 0 : (values[k] - mean) * (values[k] - mean);
    return summary == QKVSIM_SUMMARY_MEAN     ? mean
           : summary == QKVSIM_SUMMARY_SD     ? sqrt(squares / existing)
           : summary == QKVSIM_SUMMARY_P_LESS ? less / (double)(m + 1)
                                              : greater / (double)(m + 1);
}

static const int32_t checked_summaries[] = { QKVSIM_SUMMARY_MEAN, QKVSIM_SUMMARY_SD,
                                             QKVSIM_SUMMARY_P_LESS, QKVSIM_SUMMARY_P_GREATER };
static const int32_t statistics[] = { QKVSIM_STATISTIC_MEAN,     QKVSIM_STATISTIC_VARIANCE,
                                      QKVSIM_STATISTIC_SKEWNESS, QKVSIM_STATISTIC_KURTOSIS,
                                      QKVSIM_STATISTIC_TAIL,     QKVSIM_STATISTIC_OFFSET_SHARE };

static void assert_differences_by_hand(const qkvsim_comparison *comparison,
                                       qkvsim_analysis *sides[MOST][2], int64_t m)
{
    for (int32_t k = 0; k < ROWS * 3 * 6; k++) {
        const int32_t row = k / 18, metric = metrics[k % 3];
        const int32_t statistic = statistics[k / 3 % 6];
        const double observed = qkvsim_comparison_difference(comparison, row, metric, statistic,
                                                             QKVSIM_SUMMARY_OBSERVED);
        double values[MOST];
        for (int64_t i = 0; i < m; i++)
            values[i] = difference_by_hand(sides[i], row, metric, statistic);
        for (int s = 0; s < 4; s++)
            assert_close(
                qkvsim_comparison_difference(comparison, row, metric, statistic,
                                             checked_summaries[s]),
                isnan(observed) ? NAN : summary_by_hand(values, m, observed, checked_summaries[s]),
                1e-9, "a summary of a difference");
    }
}

/* The share of m + 1 values, the last of them observed, that are at least as large as it. */
static double share_as_large(const double *values, int64_t m)
{
    double count = 0;
    for (int64_t k = 0; k <= m; k++)
        count += values[k] >= values[m] - 1e-9 * fabs(values[m]);
    return count / (double)(m + 1);
}

/* Large distances count, not small ones: the maximum is of z over the rows. */
static void assert_distance_maximum_by_hand(const qkvsim_comparison *comparison,
                                            double values[ROWS][MOST + 1], int64_t m,
                                            int32_t metric, int32_t which)
{
    double z[ROWS][MOST + 1], largest[MOST + 1];
    for (int32_t row = 0; row < ROWS; row++) {
        double sum = 0, squares = 0;
        for (int64_t k = 0; k <= m; k++)
            sum += values[row][k];
        const double mean = sum / (double)(m + 1);
        for (int64_t k = 0; k <= m; k++)
            squares += (values[row][k] - mean) * (values[row][k] - mean);
        for (int64_t k = 0; k <= m; k++) {
            z[row][k] = (values[row][k] - mean) / sqrt(squares / (double)(m + 1));
            largest[k] = row == 0 ? z[row][k] : fmax(largest[k], z[row][k]);
        }
    }
    for (int32_t row = 0; row < ROWS; row++) {
        const double greatest = largest[m];
        largest[m] = z[row][m];
        const double p =
            share_as_large(largest, m); /* the observed maximum is at least its own z */
        largest[m] = greatest;
        assert_close(
            qkvsim_comparison_distance(comparison, row, metric, which, QKVSIM_SUMMARY_P_MAX), p,
            1e-12, "p_max of a distance");
    }
}

static void assert_distance_bh_by_hand(const qkvsim_comparison *comparison)
{
    double p[TESTS * ROWS], adjusted[TESTS * ROWS];
    for (int32_t k = 0; k < TESTS * ROWS; k++)
        p[k] = qkvsim_comparison_distance(comparison, k % ROWS, metrics[k / ROWS % 3],
                                          1 + k / ROWS / 3, QKVSIM_SUMMARY_P);
    for (int32_t test = 0; test < TESTS; test++)
        assert_ok(context,
                  qkvsim_adjust_bh(context, p + test * ROWS, ROWS, adjusted + test * ROWS));
    for (int32_t k = 0; k < TESTS * ROWS; k++)
        ck_assert(qkvsim_comparison_distance(comparison, k % ROWS, metrics[k / ROWS % 3],
                                             1 + k / ROWS / 3, QKVSIM_SUMMARY_P_BH)
                  == adjusted[k]);
    assert_ok(context, qkvsim_adjust_bh(context, p, TESTS * ROWS, adjusted));
    for (int32_t k = 0; k < TESTS * ROWS; k++)
        ck_assert(qkvsim_comparison_distance(comparison, k % ROWS, metrics[k / ROWS % 3],
                                             1 + k / ROWS / 3, QKVSIM_SUMMARY_P_BH_ALL)
                  == adjusted[k]);
}

/* At equal sizes no subset is drawn: a relabelling's distance is that of its two selections. */
static void assert_distances_by_hand(const qkvsim_comparison *comparison,
                                     qkvsim_analysis *sides[MOST][2], int64_t m)
{
    for (int32_t test = 0; test < TESTS; test++) {
        const int32_t metric = metrics[test % 3], which = test / 3 + 1;
        double values[ROWS][MOST + 1];
        for (int32_t row = 0; row < ROWS; row++) {
            for (int64_t i = 0; i < m; i++)
                values[row][i] = distance_of(sides[i][0], sides[i][1], row, metric, which);
            values[row][m] =
                qkvsim_comparison_distance(comparison, row, metric, which, QKVSIM_SUMMARY_MATCHED);
            ck_assert(values[row][m]
                      == qkvsim_comparison_distance(comparison, row, metric, which,
                                                    QKVSIM_SUMMARY_OBSERVED));
            assert_close(
                qkvsim_comparison_distance(comparison, row, metric, which, QKVSIM_SUMMARY_P),
                share_as_large(values[row], m), 1e-12, "p of a distance");
        }
        assert_distance_maximum_by_hand(comparison, values, m, metric, which);
    }
    assert_distance_bh_by_hand(comparison);
}

static const int32_t documents[N] = { 4, 4, 4, 4, 4, 4, 4, 4, 4, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
                                      4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1 };

/* Without segments both selections together, 18 rows or 37, have fewer lags than are asked for. */
START_TEST(summaries_are_those_of_relabellings_asked_for_one_by_one)
{
    const int64_t differing[] = { 60, 59, 17, 36, 56, 55 };
    const qkvsim_selection *second = _i % 2 ? &many : &some;
    const int32_t *segments = _i >= 4 ? documents : NULL;
    qkvsim_comparison_options options = relabellings(MOST - _i, 1, 3);
    options.relabel = _i / 2 % 3 ? QKVSIM_RELABEL_SHIFT : _i % 2; /* the default, LABELS, SHIFT */
    qkvsim_comparison *comparison = run(
        context, INPUT(&input.view, 1, .selection = &few, .segments = segments), second, &options);
    qkvsim_analysis *sides[MOST][2];
    const labelled both = label(&few, second, segments);
    const int64_t made = qkvsim_comparison_permutations(comparison);
    ck_assert_int_eq(made, differing[_i]);
    ck_assert_int_eq(qkvsim_comparison_enumerated(comparison), made < options.permutations);
    for (int64_t k = 0; k < made; k++)
        analyze_relabelled(&both, &options, comparison, k, sides[k]);
    assert_differences_by_hand(comparison, sides, made);
    if (second == &some)
        assert_distances_by_hand(comparison, sides, made);
    for (int64_t k = 0; k < made; k++) {
        qkvsim_analysis_free(sides[k][0]);
        qkvsim_analysis_free(sides[k][1]);
    }
    qkvsim_comparison_free(comparison);
}
END_TEST

/* Ten rows against nine: a matched subset leaves one of the ten out, and all ten occur. */
START_TEST(matched_distances_are_those_of_subsets_without_one_row)
{
    const int64_t ten_rows[] = { 1, 3, 9, 10, 12, 25, 26, 34, 39, 19 };
    const qkvsim_selection ten = { sizeof ten, ten_rows, NULL, 10 };
    const qkvsim_comparison_options options = relabellings(0, 400, 5);
    qkvsim_comparison *comparison =
        run(context, INPUT(&input.view, 1, .selection = &ten), &few, &options);
    qkvsim_analysis *nine = analyze(&input, &few);
    double sum = 0, least = INFINITY, most = 0, found = 0;
    const double matched = qkvsim_comparison_distance(
        comparison, 1, QKVSIM_METRIC_PEARSON, QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_MATCHED);
    for (int64_t out = 0; out < 10; out++) {
        int64_t rows[9], count = 0;
        for (int64_t k = 0; k < 10; k++)
            if (k != out)
                rows[count++] = ten_rows[k];
        const qkvsim_selection subset = { sizeof subset, rows, NULL, 9 };
        qkvsim_analysis *analysis = analyze(&input, &subset);
        const double value =
            distance_of(analysis, nine, 1, QKVSIM_METRIC_PEARSON, QKVSIM_DISTANCE_WASSERSTEIN);
        found += value == matched;
        sum += value / 10;
        least = fmin(least, value);
        most = fmax(most, value);
        qkvsim_analysis_free(analysis);
    }
    ck_assert(found >= 1);
    const double sd =
        qkvsim_comparison_distance(comparison, 1, QKVSIM_METRIC_PEARSON,
                                   QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_MATCHED_SD);
    const double mean =
        qkvsim_comparison_distance(comparison, 1, QKVSIM_METRIC_PEARSON,
                                   QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_MATCHED_MEAN);
    ck_assert(fabs(mean - sum) < 5 * sd / sqrt(400));
    ck_assert(qkvsim_comparison_distance(comparison, 1, QKVSIM_METRIC_PEARSON,
                                         QKVSIM_DISTANCE_WASSERSTEIN,
                                         QKVSIM_SUMMARY_MATCHED_MINIMUM)
              == least);
    ck_assert(qkvsim_comparison_distance(comparison, 1, QKVSIM_METRIC_PEARSON,
                                         QKVSIM_DISTANCE_WASSERSTEIN,
                                         QKVSIM_SUMMARY_MATCHED_MAXIMUM)
              == most);
    qkvsim_analysis_free(nine);
    qkvsim_comparison_free(comparison);
}
END_TEST

/* Analyses of all the subsets of ten rows that leave one out. */
static void analyze_nines(const int64_t ten_rows[10], qkvsim_analysis *nines[10])
{
    for (int64_t out = 0; out < 10; out++) {
        int64_t rows[9], count = 0;
        for (int64_t k = 0; k < 10; k++)
            if (k != out)
                rows[count++] = ten_rows[k];
        const qkvsim_selection subset = { sizeof subset, rows, NULL, 9 };
        nines[out] = analyze(&input, &subset);
    }
}

/* Mean, standard deviation and extremes of a statistic over the subsets drawn. */
static void assert_matched_by_hand(const qkvsim_comparison *comparison,
                                   qkvsim_analysis *const drawn[], int64_t subsets, int32_t row,
                                   int32_t metric, int32_t statistic)
{
    double values[MOST], least = INFINITY, most = -INFINITY;
    for (int64_t k = 0; k < subsets; k++) {
        values[k] = qkvsim_analysis_statistic(drawn[k], row, metric, statistic);
        least = fmin(least, values[k]);
        most = fmax(most, values[k]);
    }
    const bool exists = isfinite(values[0]);
    const double expected[] = { NAN,
                                NAN,
                                summary_by_hand(values, subsets, 0, QKVSIM_SUMMARY_MEAN),
                                summary_by_hand(values, subsets, 0, QKVSIM_SUMMARY_SD),
                                least,
                                most };
    for (int32_t s = QKVSIM_SUMMARY_MEAN; s <= QKVSIM_SUMMARY_MAXIMUM; s++)
        assert_close(qkvsim_comparison_matched(comparison, row, metric, statistic, s),
                     exists ? expected[s] : NAN, s <= QKVSIM_SUMMARY_SD ? 1e-9 : 0,
                     "a summary of a statistic over matched subsets");
}

/* The subset drawn last is told by its mean: the sum over k subsets less that over k - 1. */
static qkvsim_analysis *last_drawn(double sum, double before, qkvsim_analysis *const nines[10])
{
    int found = 0;
    for (int i = 1; i < 10; i++)
        if (fabs(
                qkvsim_analysis_statistic(nines[i], 1, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN)
                - (sum - before))
            < fabs(qkvsim_analysis_statistic(nines[found], 1, QKVSIM_METRIC_PEARSON,
                                             QKVSIM_STATISTIC_MEAN)
                   - (sum - before)))
            found = i;
    assert_close(
        qkvsim_analysis_statistic(nines[found], 1, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN),
        sum - before, 1e-12, "the mean of the subset drawn last");
    return nines[found];
}

START_TEST(matched_statistics_are_those_of_subsets_analysed_one_by_one)
{
    enum { SUBSETS = 12 };
    const int64_t ten_rows[] = { 1, 3, 9, 10, 12, 25, 26, 34, 39, 19 };
    const qkvsim_selection ten = { sizeof ten, ten_rows, NULL, 10 };
    qkvsim_analysis *nines[10], *drawn[SUBSETS];
    analyze_nines(ten_rows, nines);
    double before = 0;
    for (int64_t k = 0; k < SUBSETS; k++) {
        const qkvsim_comparison_options options = relabellings(0, k + 1, 5);
        qkvsim_comparison *comparison =
            run(context, INPUT(&input.view, 1, .selection = _i ? &ten : &few), _i ? &few : &ten,
                &options);
        const double sum = (double)(k + 1)
                           * qkvsim_comparison_matched(comparison, 1, QKVSIM_METRIC_PEARSON,
                                                       QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_MEAN);
        drawn[k] = last_drawn(sum, before, nines);
        before = sum;
        for (int32_t cell = 0; cell < ROWS * 3 * 6; cell++)
            assert_matched_by_hand(comparison, drawn, k + 1, cell / 18, metrics[cell % 3],
                                   statistics[cell / 3 % 6]);
        qkvsim_comparison_free(comparison);
    }
    for (int i = 0; i < 10; i++)
        qkvsim_analysis_free(nines[i]);
}
END_TEST

START_TEST(matched_statistics_of_equal_sizes_are_those_of_the_second)
{
    const qkvsim_comparison_options options = relabellings(0, 7, 5);
    qkvsim_comparison *c = run(context, INPUT(&input.view, 1, .selection = &few), &some, &options);
    for (int32_t cell = 0; cell < ROWS * 3 * 6; cell++) {
        const int32_t row = cell / 18, metric = metrics[cell % 3];
        const int32_t statistic = statistics[cell / 3 % 6];
        const double value =
            qkvsim_analysis_statistic(qkvsim_comparison_second(c), row, metric, statistic);
        for (int32_t s = QKVSIM_SUMMARY_MEAN; s <= QKVSIM_SUMMARY_MAXIMUM; s++)
            assert_close(qkvsim_comparison_matched(c, row, metric, statistic, s),
                         s == QKVSIM_SUMMARY_SD && isfinite(value) ? 0 : value, 0,
                         "a statistic of the only subset");
    }
    qkvsim_comparison_free(c);
}
END_TEST

/* With a segment for each row but two, which are equal and of one selection each, the only
 * relabelling is the observed one. Statistics do not change, and the greater of two distances is
 * that of the better of two subsets. */
START_TEST(each_relabelling_draws_a_fresh_subset)
{
    int32_t apart[N];
    for (int32_t row = 0; row < N; row++)
        apart[row] = row - (row == 23);
    for (int64_t j = 0; j < D; j++)
        ((double *)input.memory)[23 * D + j] = ((double *)input.memory)[22 * D + j];
    int certain = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        qkvsim_comparison_options options = relabellings(40, 1, seed);
        options.relabel = QKVSIM_RELABEL_SHIFT;
        qkvsim_comparison *c = run(
            context, INPUT(&input.view, 1, .selection = &few, .segments = apart), &many, &options);
        ck_assert_int_eq(qkvsim_comparison_permutations(c), 1);
        ck_assert(qkvsim_comparison_difference(c, 3, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN,
                                               QKVSIM_SUMMARY_P)
                  == 1);
        const double p = qkvsim_comparison_distance(c, 3, QKVSIM_METRIC_PEARSON,
                                                    QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_P);
        ck_assert(p == 0.5 || p == 1);
        certain += p == 1;
        qkvsim_comparison_free(c);
    }
    ck_assert_msg(certain > 3 && certain < 17, "%d of 20", certain);
}
END_TEST

/* Of one side alone for a distance, of both for a difference, where relabellings stop early. */
START_TEST(the_least_p_is_said)
{
    for (int64_t exceedances = 0; exceedances <= 4; exceedances += 4) {
        qkvsim_comparison_options options = relabellings(39, 1, 6);
        options.exceedances = exceedances;
        qkvsim_comparison *c =
            run(context, INPUT(&input.view, 1, .selection = &few), &many, &options);
        const double difference = qkvsim_comparison_difference(
            c, 1, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_P_LEAST);
        const double distance =
            qkvsim_comparison_distance(c, 1, QKVSIM_METRIC_PEARSON, 1, QKVSIM_SUMMARY_P_LEAST);
        ck_assert(distance == 1.0 / 40 && difference == (exceedances > 0 ? 2 : 1) / 40.0);
        qkvsim_comparison_free(c);
    }
}
END_TEST

/* A single arrangement says nothing, whatever the subsets are. */
START_TEST(no_p_is_below_what_the_number_of_relabellings_allows)
{
    int32_t apart[N];
    for (int32_t row = 0; row < N; row++)
        apart[row] = row;
    qkvsim_comparison_options options = relabellings(40, 1, 6);
    options.relabel = QKVSIM_RELABEL_SHIFT;
    qkvsim_comparison *c =
        run(context, INPUT(&input.view, 1, .selection = &few, .segments = apart), &many, &options);
    for (int32_t row = 0; row < ROWS; row++)
        for (int32_t which = 1; which <= 3; which++) {
            ck_assert(
                qkvsim_comparison_distance(c, row, QKVSIM_METRIC_PEARSON, which, QKVSIM_SUMMARY_P)
                == 1);
            ck_assert(qkvsim_comparison_distance(c, row, QKVSIM_METRIC_PEARSON, which,
                                                 QKVSIM_SUMMARY_P_LEAST)
                      == 1);
        }
    qkvsim_comparison_free(c);
}
END_TEST

/* Six documents of binary rows, three with the same rows in one order or another, and three with
 * others. Of the 20 ways to take half of them, 2 part the kinds, and 18 are the same two selections
 * in other orders or swapped, whose similarities, many of them at edges of bins, differ by
 * rounding. */
START_TEST(equal_rows_in_another_order_are_ties_of_distances)
{
    enum { DOCUMENTS = 6, LENGTH = 8, ALL = DOCUMENTS * LENGTH };
    table kinds = table_binary_duplicates(2 * LENGTH, D, 5);
    table rows = table_new(ALL, D);
    int32_t segments[ALL];
    uint8_t mask[ALL], rest[ALL];
    for (int64_t r = 0; r < ALL; r++) {
        const int64_t document = r / LENGTH;
        const int64_t within = (document % 2 ? ALL - r - 1 : r + document) % LENGTH;
        segments[r] = (int32_t)document;
        mask[r] = document == 0 || document == 2 || document == 5;
        rest[r] = !mask[r];
        for (int64_t j = 0; j < D; j++)
            *table_at(&rows, r, j) = *table_at(&kinds, (document / 3) * LENGTH + within, j);
    }
    const qkvsim_selection first = { sizeof first, NULL, mask, ALL };
    const qkvsim_selection second = { sizeof second, NULL, rest, ALL };
    qkvsim_comparison_options options = relabellings(MOST, 1, 0);
    options.exchange = QKVSIM_EXCHANGE_SEGMENTS;
    stored copy = store(&rows, _i ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_comparison *c =
        run(context, INPUT(&copy.view, 1, .selection = &first, .segments = segments), &second,
            &options);
    ck_assert_int_eq(qkvsim_comparison_permutations(c), 19);
    for (int32_t k = 0; k < ROWS * TESTS; k++) {
        const double p = qkvsim_comparison_distance(c, k / TESTS, metrics[k % 3], k / 3 % 3 + 1,
                                                    QKVSIM_SUMMARY_P);
        ck_assert_msg(p == 1 || fabs(p - 0.9) < 1e-12, "row %d: p is %g", k / TESTS, p);
    }
    qkvsim_comparison_free(c);
    stored_free(&copy);
    table_free(&rows);
    table_free(&kinds);
}
END_TEST

/* Six documents of different lengths, two of them the targets: 15 ways to choose two of six. */
START_TEST(whole_documents_change_selections)
{
    const int32_t lengths[] = { 4, 9, 6, 3, 10, 8 };
    int32_t segments[N];
    uint8_t mask[N], rest[N];
    for (int32_t row = 0, d = 0, end = lengths[0]; row < N; row++) {
        if (row == end)
            end += lengths[++d];
        segments[row] = d;
        mask[row] = d == 1 || d == 3;
        rest[row] = !mask[row];
    }
    const qkvsim_selection first = { sizeof first, NULL, mask, N };
    const qkvsim_selection second = { sizeof second, NULL, rest, N };
    qkvsim_comparison_options options = relabellings(MOST, 1, 4);
    options.exchange = QKVSIM_EXCHANGE_SEGMENTS;
    qkvsim_comparison *c =
        run(context, INPUT(&input.view, 1, .selection = &first, .segments = segments), &second,
            &options);
    ck_assert_int_eq(qkvsim_comparison_permutations(c), 14);
    ck_assert_int_eq(qkvsim_comparison_enumerated(c), 1);
    labelled both = { .n = N };
    qkvsim_analysis *sides[MOST][2];
    for (int64_t row = 0; row < N; row++) {
        both.rows[row] = row;
        both.labels[row] = mask[row];
        both.segments[row] = segments[row];
    }
    for (int64_t k = 0; k < 14; k++)
        analyze_relabelled(&both, &options, c, k, sides[k]);
    assert_differences_by_hand(c, sides, 14);
    for (int64_t k = 0; k < 28; k++)
        qkvsim_analysis_free(sides[k / 2][k % 2]);
    qkvsim_comparison_free(c);
}
END_TEST

START_TEST(the_band_holds_the_pairs_of_subsets_of_the_larger_selection)
{
    const qkvsim_comparison_options options = relabellings(0, 30, 0);
    qkvsim_comparison *comparison =
        run(context, INPUT(&input.view, 1, .selection = _i ? &some : &many), &few, &options);
    for (int32_t row = 0; row < ROWS; row++) {
        const double *band[QKVSIM_SUMMARY_MAXIMUM + 1];
        const int64_t *counts = qkvsim_analysis_histogram(qkvsim_comparison_first(comparison), row,
                                                          QKVSIM_METRIC_PEARSON);
        double pairs = 0, spread = 0;
        for (int32_t s = QKVSIM_SUMMARY_MEAN; s <= QKVSIM_SUMMARY_MAXIMUM; s++)
            band[s] = qkvsim_comparison_band(comparison, row, QKVSIM_METRIC_PEARSON, s);
        for (int64_t b = 0; b < BINS; b++) {
            pairs += band[QKVSIM_SUMMARY_MEAN][b];
            spread += band[QKVSIM_SUMMARY_SD][b];
            ck_assert(band[QKVSIM_SUMMARY_MINIMUM][b] <= band[QKVSIM_SUMMARY_MEAN][b] + 1e-9);
            ck_assert(band[QKVSIM_SUMMARY_MAXIMUM][b] >= band[QKVSIM_SUMMARY_MEAN][b] - 1e-9);
            if (_i) /* equal sizes: the only subset is the selection */
                ck_assert(row == 0 || band[QKVSIM_SUMMARY_MEAN][b] >= 0);
        }
        assert_close(pairs,
                     (double)qkvsim_layout_pairs(
                         qkvsim_analysis_layout(qkvsim_comparison_first(comparison)), row),
                     1e-9, "the band's number of pairs");
        ck_assert((spread == 0) == (_i == 1));
        ck_assert_ptr_nonnull(counts);
    }
    qkvsim_comparison_free(comparison);
}
END_TEST

static void assert_mirrored(const qkvsim_comparison *one, const qkvsim_comparison *other)
{
    for (int32_t k = 0; k < ROWS * 3 * 6; k++) {
        const int32_t row = k / 18, metric = metrics[k % 3];
        const int32_t statistic = statistics[k / 3 % 6];
        for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_P_MAX_ALL; what++) {
            const bool negates = what == QKVSIM_SUMMARY_MEAN || what == QKVSIM_SUMMARY_Z
                                 || what == QKVSIM_SUMMARY_OBSERVED
                                 || what == QKVSIM_SUMMARY_MINIMUM
                                 || what == QKVSIM_SUMMARY_MAXIMUM;
            const int32_t mirror = what == QKVSIM_SUMMARY_MINIMUM     ? QKVSIM_SUMMARY_MAXIMUM
                                   : what == QKVSIM_SUMMARY_MAXIMUM   ? QKVSIM_SUMMARY_MINIMUM
                                   : what == QKVSIM_SUMMARY_P_LESS    ? QKVSIM_SUMMARY_P_GREATER
                                   : what == QKVSIM_SUMMARY_P_GREATER ? QKVSIM_SUMMARY_P_LESS
                                                                      : what;
            const double value = qkvsim_comparison_difference(one, row, metric, statistic, what);
            assert_close(qkvsim_comparison_difference(other, row, metric, statistic, mirror),
                         negates ? -value : value, 0, "a mirrored difference");
        }
        for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_MATCHED_MAXIMUM; what++)
            assert_close(qkvsim_comparison_distance(other, row, metric, k / 3 % 3 + 1, what),
                         qkvsim_comparison_distance(one, row, metric, k / 3 % 3 + 1, what), 0,
                         "a mirrored distance");
    }
}

START_TEST(swapping_the_selections_negates_the_differences)
{
    qkvsim_comparison_options options = relabellings(25, 7, 2);
    options.relabel = _i / 2 ? QKVSIM_RELABEL_SHIFT : QKVSIM_RELABEL_LABELS;
    const qkvsim_selection *second = _i % 2 ? &many : &some;
    qkvsim_comparison *one =
        run(context, INPUT(&input.view, 1, .selection = &few), second, &options);
    qkvsim_comparison *other =
        run(context, INPUT(&input.view, 1, .selection = second), &few, &options);
    assert_mirrored(one, other);
    qkvsim_comparison_free(one);
    qkvsim_comparison_free(other);
}
END_TEST

static void assert_same_comparison(const qkvsim_comparison *one, const qkvsim_comparison *other)
{
    assert_same_analysis(qkvsim_comparison_first(one), qkvsim_comparison_first(other));
    assert_same_analysis(qkvsim_comparison_second(one), qkvsim_comparison_second(other));
    for (int32_t row = 0; row < ROWS; row++)
        for (int m = 0; m < 3; m++) {
            const int32_t metric = metrics[m];
            for (int32_t s = QKVSIM_SUMMARY_MEAN; s <= QKVSIM_SUMMARY_MAXIMUM; s++)
                ck_assert_mem_eq(qkvsim_comparison_band(one, row, metric, s),
                                 qkvsim_comparison_band(other, row, metric, s),
                                 BINS * sizeof(double));
            for (int32_t k = 0; k < 6 * QKVSIM_SUMMARY_P; k++)
                assert_close(
                    qkvsim_comparison_matched(one, row, metric, statistics[k % 6], k / 6 + 1),
                    qkvsim_comparison_matched(other, row, metric, statistics[k % 6], k / 6 + 1), 0,
                    "a statistic over matched subsets");
            for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_MATCHED_MAXIMUM;
                 what++) {
                for (int s = 0; s < 6; s++)
                    assert_close(
                        qkvsim_comparison_difference(one, row, metric, statistics[s], what),
                        qkvsim_comparison_difference(other, row, metric, statistics[s], what), 0,
                        "a difference");
                for (int32_t which = 1; which <= 3; which++)
                    assert_close(qkvsim_comparison_distance(one, row, metric, which, what),
                                 qkvsim_comparison_distance(other, row, metric, which, what), 0,
                                 "a distance");
            }
        }
}

/* Sparse columns are constant in some selections and not in others, which takes the further way. */
START_TEST(results_are_bit_identical_for_any_number_of_threads)
{
    const int32_t threads[] = { 2, 3, 7 };
    const qkvsim_comparison_options options = relabellings(11, 5, 3);
    table sparse = table_sparse(N, D, 1);
    stored copy = store(_i ? &sparse : &data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_context *single = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_comparison *expected =
        run(single, INPUT(&copy.view, 1, .selection = &few), &many, &options);
    for (int t = 0; t < 3; t++) {
        qkvsim_context *team = context_with(threads[t], QKVSIM_KERNELS_AUTO);
        qkvsim_comparison *comparison =
            run(team, INPUT(&copy.view, 1, .selection = &few), &many, &options);
        assert_same_comparison(comparison, expected);
        qkvsim_comparison_free(comparison);
        qkvsim_context_free(team);
    }
    qkvsim_comparison_free(expected);
    qkvsim_context_free(single);
    stored_free(&copy);
    table_free(&sparse);
}
END_TEST

START_TEST(without_relabellings_there_are_distances_and_no_p_values)
{
    const qkvsim_comparison_options options = relabellings(0, 4, 0);
    qkvsim_comparison *plain = run(context, INPUT(&input.view, 1, .selection = &few), &many, NULL);
    qkvsim_comparison *banded =
        run(context, INPUT(&input.view, 1, .selection = &few), &many, &options);
    ck_assert_int_eq(qkvsim_comparison_permutations(plain), 0);
    ck_assert_int_eq(qkvsim_comparison_subsets(plain), 0);
    ck_assert_int_eq(qkvsim_comparison_subsets(banded), 4);
    ck_assert_ptr_null(qkvsim_comparison_band(plain, 0, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN));
    ck_assert(
        isnan(qkvsim_comparison_matched(plain, 0, QKVSIM_METRIC_COSINE, 1, QKVSIM_SUMMARY_MEAN)));
    ck_assert(isfinite(
        qkvsim_comparison_matched(banded, 0, QKVSIM_METRIC_COSINE, 1, QKVSIM_SUMMARY_MEAN)));
    ck_assert_ptr_nonnull(
        qkvsim_comparison_band(banded, 0, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN));
    for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_MATCHED_MAXIMUM; what++) {
        const double a = qkvsim_comparison_distance(plain, 0, QKVSIM_METRIC_COSINE, 1, what);
        const double b = qkvsim_comparison_distance(banded, 0, QKVSIM_METRIC_COSINE, 1, what);
        const bool is_one = what == QKVSIM_SUMMARY_OBSERVED || what == QKVSIM_SUMMARY_MATCHED;
        ck_assert_int_eq(isnan(a), !is_one);
        ck_assert_int_eq(isnan(b), !is_one && what < QKVSIM_SUMMARY_MATCHED);
    }
    for (int32_t what = QKVSIM_SUMMARY_MEAN; what <= QKVSIM_SUMMARY_P_MAX_ALL; what++)
        ck_assert(isnan(qkvsim_comparison_difference(banded, 0, QKVSIM_METRIC_COSINE,
                                                     QKVSIM_STATISTIC_MEAN, what)));
    qkvsim_comparison_free(plain);
    qkvsim_comparison_free(banded);
}
END_TEST

START_TEST(subsets_are_as_many_as_permutations_by_default)
{
    const qkvsim_comparison_options options = relabellings(6, 0, 0);
    qkvsim_comparison *comparison =
        run(context, INPUT(&input.view, 1, .selection = &few), &many, &options);
    ck_assert_int_eq(qkvsim_comparison_permutations(comparison), 6);
    ck_assert_int_eq(qkvsim_comparison_subsets(comparison), 6);
    qkvsim_comparison_free(comparison);
}
END_TEST

/* Three values always have the kurtosis -1.5, so that its difference is 0 but for rounding. */
START_TEST(a_difference_that_is_always_0_says_nothing)
{
    const qkvsim_comparison_options options = relabellings(30, 1, 0);
    qkvsim_layout *narrow;
    qkvsim_comparison *c;
    assert_ok(context, qkvsim_layout_widths(context, (int64_t[]){ 3, 18 }, NULL, 2, &narrow));
    assert_ok(context, qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = &few),
                                             &many, narrow, &in_twenty, &options, &c));
    for (int m = 0; m < 3; m++) {
        for (int32_t what = QKVSIM_SUMMARY_P; what <= QKVSIM_SUMMARY_P_MAX_ALL; what++)
            ck_assert(
                qkvsim_comparison_difference(c, 0, metrics[m], QKVSIM_STATISTIC_KURTOSIS, what)
                == 1);
        ck_assert(isnan(qkvsim_comparison_difference(c, 0, metrics[m], QKVSIM_STATISTIC_KURTOSIS,
                                                     QKVSIM_SUMMARY_Z)));
    }
    qkvsim_comparison_free(c);
    qkvsim_layout_free(narrow);
}
END_TEST

/* A roll-up's distance is that of its pair groups' histograms added up. */
START_TEST(rollups_are_compared_like_pair_groups)
{
    const int32_t within[] = { 0, 3, 5 };
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "within", within, 3));
    const qkvsim_comparison_options options = relabellings(19, 3, 0);
    qkvsim_comparison *c = run(context, INPUT(&input.view, 1, .selection = &few), &many, &options);
    int64_t sums[2][BINS] = { { 0 } };
    for (int k = 0; k < 3; k++)
        for (int64_t b = 0; b < BINS; b++) {
            sums[0][b] += qkvsim_analysis_histogram(qkvsim_comparison_first(c), within[k],
                                                    QKVSIM_METRIC_PEARSON)[b];
            sums[1][b] += qkvsim_analysis_histogram(qkvsim_comparison_second(c), within[k],
                                                    QKVSIM_METRIC_PEARSON)[b];
        }
    for (int32_t which = 1; which <= 3; which++) {
        ck_assert(qkvsim_comparison_distance(c, ROWS, QKVSIM_METRIC_PEARSON, which,
                                             QKVSIM_SUMMARY_OBSERVED)
                  == distance(sums[0], sums[1],
                              qkvsim_analysis_bin_edges(qkvsim_comparison_first(c)), BINS, which));
        const double p =
            qkvsim_comparison_distance(c, ROWS, QKVSIM_METRIC_PEARSON, which, QKVSIM_SUMMARY_P);
        ck_assert(
            qkvsim_comparison_distance(c, ROWS, QKVSIM_METRIC_PEARSON, which, QKVSIM_SUMMARY_P_BH)
            == p);
        ck_assert(
            qkvsim_comparison_distance(c, ROWS, QKVSIM_METRIC_PEARSON, which, QKVSIM_SUMMARY_P_MAX)
            == p);
    }
    ck_assert_ptr_nonnull(
        qkvsim_comparison_band(c, ROWS, QKVSIM_METRIC_COSINE, QKVSIM_SUMMARY_MEAN));
    ck_assert(isnan(qkvsim_comparison_distance(c, ROWS + 1, QKVSIM_METRIC_PEARSON, 1, 1)));
    qkvsim_comparison_free(c);
}
END_TEST

/* ---- pairs that only one selection defines ---- */

/* The comparison of the same data without one column. */
static qkvsim_comparison *compare_without(const table *with, int64_t column,
                                          const qkvsim_comparison_options *options)
{
    int64_t columns[D - 1];
    int32_t labels[D - 1];
    for (int64_t j = 0, k = 0; j < D; j++)
        if (j != column) {
            labels[k] = (int32_t)(j / (D / 3));
            columns[k++] = j;
        }
    table without = table_columns(with, columns, D - 1);
    stored copy = store(&without, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *shorter;
    qkvsim_comparison *comparison;
    assert_ok(context, qkvsim_layout_labels(context, labels, D - 1, NULL, 3, &shorter));
    assert_ok(context, qkvsim_comparison_run(context, INPUT(&copy.view, 1, .selection = &few),
                                             &many, shorter, &in_twenty, options, &comparison));
    qkvsim_layout_free(shorter);
    stored_free(&copy);
    table_free(&without);
    return comparison;
}

/* A column that is constant (not 0) in the first selection has no Pearson value there, and keeps
 * its cosines; an all-zero one has neither. Whichever of the two selections it is. */
START_TEST(distances_leave_out_what_either_selection_does_not_define)
{
    const qkvsim_selection *at = _i / 2 ? &many : &few;
    const double constant = _i % 2 ? 0 : 3;
    for (int64_t k = 0; k < at->count; k++)
        *table_at(&data, at->observations[k], 8) = constant;
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    const qkvsim_comparison_options options = relabellings(3, 4, 1);
    qkvsim_comparison *comparison =
        run(context, INPUT(&copy.view, 1, .selection = &few), &many, &options);
    qkvsim_comparison *without = compare_without(&data, 8, &options);
    qkvsim_analysis *one = analyze(&copy, &few), *other = analyze(&copy, &many);
    assert_same_analysis(qkvsim_comparison_first(comparison), one);
    assert_same_analysis(qkvsim_comparison_second(comparison), other);
    for (int32_t row = 0; row < ROWS; row++)
        for (int32_t which = 1; which <= 3; which++)
            for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_MATCHED_MAXIMUM;
                 what++) {
                if (what >= QKVSIM_SUMMARY_P && what <= QKVSIM_SUMMARY_P_MAX_ALL)
                    continue;
                assert_close(
                    qkvsim_comparison_distance(comparison, row, QKVSIM_METRIC_PEARSON, which, what),
                    qkvsim_comparison_distance(without, row, QKVSIM_METRIC_PEARSON, which, what),
                    1e-12, "a distance of common pairs");
                assert_close(
                    qkvsim_comparison_distance(comparison, row, QKVSIM_METRIC_SPEARMAN, which,
                                               what),
                    qkvsim_comparison_distance(without, row, QKVSIM_METRIC_SPEARMAN, which, what),
                    1e-12, "a distance of common ranks");
                if (constant == 0)
                    assert_close(
                        qkvsim_comparison_distance(comparison, row, QKVSIM_METRIC_COSINE, which,
                                                   what),
                        qkvsim_comparison_distance(without, row, QKVSIM_METRIC_COSINE, which, what),
                        1e-12, "a distance of common cosines");
                else if (what == QKVSIM_SUMMARY_OBSERVED)
                    ck_assert(qkvsim_comparison_distance(comparison, row, QKVSIM_METRIC_COSINE,
                                                         which, what)
                              == distance_of(one, other, row, QKVSIM_METRIC_COSINE, which));
            }
    qkvsim_analysis_free(one);
    qkvsim_analysis_free(other);
    qkvsim_comparison_free(comparison);
    qkvsim_comparison_free(without);
    stored_free(&copy);
}
END_TEST

START_TEST(a_metrics_distances_do_not_depend_on_the_others_asked_for)
{
    for (int64_t k = 0; k < few.count; k++)
        *table_at(&data, few.observations[k], 8) = _i % 2 ? 0 : 3;
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    const qkvsim_comparison_options options = relabellings(4, 3, 2);
    qkvsim_comparison *every =
        run(context, INPUT(&copy.view, 1, .selection = &few), &many, &options);
    for (int m = 0; m < 3; m++) {
        qkvsim_analysis_options single = in_twenty;
        single.metrics = metrics[m];
        qkvsim_comparison *one;
        assert_ok(context, qkvsim_comparison_run(context, INPUT(&copy.view, 1, .selection = &few),
                                                 &many, layout, &single, &options, &one));
        for (int32_t row = 0; row < ROWS; row++)
            for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_P_MAX; what++)
                if (what != QKVSIM_SUMMARY_P_BH_ALL)
                    assert_close(qkvsim_comparison_distance(one, row, metrics[m], 2, what),
                                 qkvsim_comparison_distance(every, row, metrics[m], 2, what), 1e-12,
                                 "a distance of a metric alone");
        qkvsim_comparison_free(one);
    }
    qkvsim_comparison_free(every);
    stored_free(&copy);
}
END_TEST

/* ---- what is found, and what is not ---- */

/* Independent features: 8 observations give a much wider bell than 192, and the distance says so.
 * At equal sizes it is as large as those of relabelled selections. */
START_TEST(unequal_sizes_alone_change_a_histogram_and_matched_ones_do_not)
{
    enum { WIDE = 90, LONG = 200 };
    table noise = table_normal(LONG, WIDE, 3);
    stored copy = store(&noise, QKVSIM_DTYPE_F32, ORDER_C);
    uint8_t mask[LONG] = { 0 }, rest[LONG];
    for (int64_t k = 0; k < 8; k++)
        mask[25 * k + 3] = 1;
    for (int64_t k = 0; k < LONG; k++)
        rest[k] = !mask[k];
    const qkvsim_selection first = { sizeof first, NULL, mask, LONG };
    const qkvsim_selection second = { sizeof second, NULL, rest, LONG };
    const qkvsim_comparison_options options = relabellings(99, 0, 1);
    qkvsim_layout *wide;
    qkvsim_comparison *c;
    assert_ok(context, qkvsim_layout_thirds(context, WIDE, &wide));
    assert_ok(context, qkvsim_comparison_run(context, INPUT(&copy.view, 1, .selection = &first),
                                             &second, wide, &in_twenty, &options, &c));
    for (int32_t row = 0; row < ROWS; row++) {
        const double value = qkvsim_comparison_distance(
            c, row, QKVSIM_METRIC_PEARSON, QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_OBSERVED);
        const double matched =
            qkvsim_comparison_distance(c, row, QKVSIM_METRIC_PEARSON, QKVSIM_DISTANCE_WASSERSTEIN,
                                       QKVSIM_SUMMARY_MATCHED_MEAN);
        ck_assert_double_gt(value, 0.2);
        ck_assert_double_lt(matched, value / 3);
        ck_assert_double_gt(qkvsim_comparison_distance(c, row, QKVSIM_METRIC_PEARSON,
                                                       QKVSIM_DISTANCE_WASSERSTEIN,
                                                       QKVSIM_SUMMARY_P),
                            0.05);
    }
    qkvsim_comparison_free(c);
    qkvsim_layout_free(wide);
    stored_free(&copy);
    table_free(&noise);
}
END_TEST

/* In the 20 targets the features of Q share a factor and those of K have an offset; V is the same
 * everywhere. */
static table table_planted(const uint8_t *mask)
{
    table planted = table_normal(80, D, 21);
    random_source source = { 22 };
    for (int64_t r = 0; r < 80; r++) {
        const double common = random_normal(&source);
        for (int64_t j = 0; j < D / 3 && mask[r]; j++) {
            *table_at(&planted, r, j) = 0.6 * *table_at(&planted, r, j) + 0.8 * common;
            *table_at(&planted, r, j + D / 3) += 2;
        }
    }
    return planted;
}

START_TEST(planted_differences_are_found_and_others_are_not)
{
    uint8_t mask[80] = { 0 }, rest[80];
    for (int64_t k = 0; k < 20; k++)
        mask[(7 * k + k / 16) % 80] = 1;
    for (int64_t k = 0; k < 80; k++)
        rest[k] = !mask[k];
    table planted = table_planted(mask);
    stored copy = store(&planted, QKVSIM_DTYPE_F64, ORDER_C);
    const qkvsim_selection first = { sizeof first, NULL, mask, 80 };
    const qkvsim_selection second = { sizeof second, NULL, rest, 80 };
    const qkvsim_comparison_options options = relabellings(399, 0, 4);
    qkvsim_comparison *c =
        run(context, INPUT(&copy.view, 1, .selection = &first), &second, &options);
    const int32_t qq = 0, kk = 3, vv = 5;
    const struct {
        int32_t row, metric, statistic;
        bool planted;
    } differences[] = {
        { qq, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN, true },
        { kk, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN, true },
        { kk, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE_RAW, true },
        { vv, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN, false },
        { vv, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN, false },
        { vv, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE_RAW, false },
    };
    for (int k = 0; k < 6; k++)
        for (int32_t what = QKVSIM_SUMMARY_P; what <= QKVSIM_SUMMARY_P_MAX_ALL; what++) {
            const double p = qkvsim_comparison_difference(
                c, differences[k].row, differences[k].metric, differences[k].statistic, what);
            if (what != QKVSIM_SUMMARY_P_LESS)
                ck_assert_msg(differences[k].planted ? p <= 0.05 : p > 0.05,
                              "difference %d, p-value %d: %g", k, (int)what, p);
        }
    for (int32_t what = QKVSIM_SUMMARY_P; what <= QKVSIM_SUMMARY_P_MAX_ALL; what++)
        for (int32_t which = 1; which <= 3; which++) {
            if (what == QKVSIM_SUMMARY_P_LESS || what == QKVSIM_SUMMARY_P_GREATER)
                continue;
            ck_assert(qkvsim_comparison_distance(c, qq, QKVSIM_METRIC_PEARSON, which, what)
                      <= 0.05);
            ck_assert(qkvsim_comparison_distance(c, vv, QKVSIM_METRIC_PEARSON, which, what) > 0.05);
            if (what <= QKVSIM_SUMMARY_P_BH_ALL || which == QKVSIM_DISTANCE_WASSERSTEIN)
                ck_assert(qkvsim_comparison_distance(c, kk, QKVSIM_METRIC_COSINE, which, what)
                          <= 0.05);
        }
    ck_assert_double_gt(qkvsim_analysis_statistic(qkvsim_comparison_first(c), kk,
                                                  QKVSIM_METRIC_COSINE,
                                                  QKVSIM_STATISTIC_OFFSET_SHARE_RAW),
                        0.9);
    ck_assert_double_gt(qkvsim_comparison_difference(c, kk, QKVSIM_METRIC_COSINE,
                                                     QKVSIM_STATISTIC_OFFSET_SHARE_RAW,
                                                     QKVSIM_SUMMARY_OBSERVED),
                        0.5);
    qkvsim_comparison_free(c);
    stored_free(&copy);
    table_free(&planted);
}
END_TEST

/* The least P_MAX_ALL of any row and statistic. */
static double least_difference_p(const qkvsim_comparison *comparison, int32_t rows)
{
    double least = 1;
    for (int32_t row = 0; row < rows; row++)
        for (int s = 0; s < 6; s++)
            least =
                fmin(least, qkvsim_comparison_difference(comparison, row, QKVSIM_METRIC_PEARSON,
                                                         statistics[s], QKVSIM_SUMMARY_P_MAX_ALL));
    return least;
}

static double least_distance_p(const qkvsim_comparison *comparison, int32_t rows)
{
    double least = 1;
    for (int32_t row = 0; row < rows; row++)
        for (int32_t which = 1; which <= 3; which++)
            least = fmin(least, qkvsim_comparison_distance(comparison, row, QKVSIM_METRIC_PEARSON,
                                                           which, QKVSIM_SUMMARY_P_MAX_ALL));
    return least;
}

/* Data drawn anew each time, m = 99: the rank of the observed value is uniform. Of 10 cells 9 are
 * free; 34 is passed by chance once in 10,000. Adjusted over everything, at most 10 % of the draws
 * have a p below 0.1; 130 of 1,000 is passed once in 1,000. The seeds are fixed. */
START_TEST(p_values_are_uniform_where_selections_do_not_differ)
{
    enum { DRAWS = 1000, N1 = 5, N2 = 8 };
    const int32_t summaries[] = { QKVSIM_SUMMARY_P, QKVSIM_SUMMARY_P_LESS,
                                  QKVSIM_SUMMARY_P_GREATER };
    const int64_t a[N1] = { 0, 4, 5, 7, 12 };
    const int64_t b[N2] = { 1, 2, 3, 6, 8, 9, 10, 11 };
    const qkvsim_selection first = { sizeof first, a, NULL, N1 };
    const qkvsim_selection second = { sizeof second, b, NULL, N2 };
    qkvsim_analysis_options fine = { .struct_size = sizeof fine, .metrics = QKVSIM_METRIC_PEARSON };
    int64_t counts[4][10] = { { 0 } }, found[2] = { 0 };
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *small;
    assert_ok(one, qkvsim_layout_widths(one, (int64_t[]){ 4, 4 }, NULL, 2, &small));
    for (int draw = 0; draw < DRAWS; draw++) {
        table fresh = table_with_offsets(N1 + N2, 8, 1, 3000 + (uint64_t)draw);
        stored copy = store(&fresh, QKVSIM_DTYPE_F32, ORDER_C);
        qkvsim_comparison_options options = relabellings(99, 1, (uint64_t)draw);
        qkvsim_comparison *c;
        assert_ok(one, qkvsim_comparison_run(one, INPUT(&copy.view, 1, .selection = &first),
                                             &second, small, &fine, &options, &c));
        for (int s = 0; s < 4; s++) {
            const double p =
                s < 3 ? qkvsim_comparison_difference(c, 1, QKVSIM_METRIC_PEARSON,
                                                     QKVSIM_STATISTIC_MEAN, summaries[s])
                      : qkvsim_comparison_distance(c, 1, QKVSIM_METRIC_PEARSON,
                                                   QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_P);
            counts[s][(int)ceil(10 * p - 1e-9) - 1]++;
        }
        found[0] += least_difference_p(c, 3) <= 0.1;
        found[1] += least_distance_p(c, 3) <= 0.1;
        qkvsim_comparison_free(c);
        stored_free(&copy);
        table_free(&fresh);
    }
    qkvsim_layout_free(small);
    qkvsim_context_free(one);
    for (int s = 0; s < 4; s++) {
        double chi_square = 0;
        for (int c = 0; c < 10; c++)
            chi_square += pow((double)counts[s][c] - DRAWS / 10.0, 2) / (DRAWS / 10.0);
        ck_assert_msg(chi_square < 34, "p-value %d: chi-square %g", s, chi_square);
    }
    for (int k = 0; k < 2; k++)
        ck_assert_msg(found[k] <= 130 && found[k] >= 40, "family %d: %d of %d are significant", k,
                      (int)found[k], DRAWS);
}
END_TEST

/* Rows that resemble their neighbours, and targets that are neighbours: the selections do not
 * differ, but labels that are dealt freely are spread as targets are not. */
START_TEST(clustered_targets_need_label_shift)
{
    enum { DRAWS = 300, LONG = 120, CLUSTER = 20 };
    uint8_t mask[LONG] = { 0 }, rest[LONG];
    for (int64_t r = 0; r < LONG; r++) {
        mask[r] = r >= 50 && r < 50 + CLUSTER;
        rest[r] = !mask[r];
    }
    const qkvsim_selection first = { sizeof first, NULL, mask, LONG };
    const qkvsim_selection second = { sizeof second, NULL, rest, LONG };
    int found[3] = { 0 };
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *small;
    assert_ok(one, qkvsim_layout_widths(one, (int64_t[]){ 3, 3 }, NULL, 2, &small));
    for (int draw = 0; draw < DRAWS; draw++) {
        table rows = table_normal(LONG, 6, 9000 + (uint64_t)draw);
        for (int64_t r = 1; r < LONG; r++)
            for (int64_t j = 0; j < 6; j++)
                *table_at(&rows, r, j) =
                    0.9 * *table_at(&rows, r - 1, j) + 0.44 * *table_at(&rows, r, j);
        stored copy = store(&rows, QKVSIM_DTYPE_F32, ORDER_C);
        for (int32_t kind = QKVSIM_RELABEL_LABELS; kind <= QKVSIM_RELABEL_SHIFT; kind++) {
            qkvsim_comparison_options options = relabellings(39, 1, (uint64_t)draw);
            options.relabel = kind;
            qkvsim_comparison *c;
            assert_ok(one, qkvsim_comparison_run(one, INPUT(&copy.view, 1, .selection = &first),
                                                 &second, small, NULL, &options, &c));
            found[kind] += qkvsim_comparison_difference(c, 1, QKVSIM_METRIC_COSINE,
                                                        QKVSIM_STATISTIC_VARIANCE, QKVSIM_SUMMARY_P)
                           <= 0.05;
            qkvsim_comparison_free(c);
        }
        stored_free(&copy);
        table_free(&rows);
    }
    qkvsim_layout_free(small);
    qkvsim_context_free(one);
    ck_assert_msg(found[1] > DRAWS / 4, "labels: %d of %d", found[1], DRAWS);
    ck_assert_msg(found[2] < DRAWS / 10, "label-shift: %d of %d", found[2], DRAWS);
}
END_TEST

/* ---- relabellings that stop early ---- */

/* h / l, where the h-th value at least as large is the l-th; else all are counted. */
static double sequential_by_hand(const double *values, int64_t m, double observed, double sign,
                                 int64_t h)
{
    int64_t count = 0;
    for (int64_t k = 0; k < m; k++) {
        count += !(sign * (values[k] - observed) < -1e-9 * fabs(observed));
        if (count == h)
            return (double)h / (double)(k + 1);
    }
    return (double)(count + 1) / (double)(m + 1);
}

START_TEST(relabellings_stop_where_no_p_would_be_small)
{
    qkvsim_comparison_options options = relabellings(MOST, 1, 17);
    options.exceedances = 2 + _i;
    qkvsim_comparison *c = run(context, INPUT(&input.view, 1, .selection = &few), &some, &options);
    const int64_t made = qkvsim_comparison_permutations(c);
    const labelled both = label(&few, &some, NULL);
    double differences[MOST], distances[MOST];
    for (int64_t k = 0; k < made; k++) {
        qkvsim_analysis *sides[2];
        analyze_relabelled(&both, &options, c, k, sides);
        differences[k] =
            difference_by_hand(sides, 2, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_VARIANCE);
        distances[k] =
            distance_of(sides[0], sides[1], 2, QKVSIM_METRIC_PEARSON, QKVSIM_DISTANCE_WASSERSTEIN);
        qkvsim_analysis_free(sides[0]);
        qkvsim_analysis_free(sides[1]);
    }
    const double observed = qkvsim_comparison_difference(
        c, 2, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_VARIANCE, QKVSIM_SUMMARY_OBSERVED);
    const double less = sequential_by_hand(differences, made, observed, -1, options.exceedances);
    const double greater = sequential_by_hand(differences, made, observed, 1, options.exceedances);
    assert_close(qkvsim_comparison_difference(c, 2, QKVSIM_METRIC_PEARSON,
                                              QKVSIM_STATISTIC_VARIANCE, QKVSIM_SUMMARY_P),
                 fmin(1, 2 * fmin(less, greater)), 1e-12, "p of a difference");
    assert_close(qkvsim_comparison_distance(c, 2, QKVSIM_METRIC_PEARSON,
                                            QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_P),
                 sequential_by_hand(distances, made,
                                    qkvsim_comparison_distance(c, 2, QKVSIM_METRIC_PEARSON,
                                                               QKVSIM_DISTANCE_WASSERSTEIN,
                                                               QKVSIM_SUMMARY_MATCHED),
                                    1, options.exceedances),
                 1e-12, "p of a distance");
    ck_assert(isnan(qkvsim_comparison_distance(c, 2, QKVSIM_METRIC_PEARSON,
                                               QKVSIM_DISTANCE_WASSERSTEIN, QKVSIM_SUMMARY_P_MAX)));
    qkvsim_comparison_free(c);
}
END_TEST

/* ---- centred relabellings ---- */

enum { CORRELATIONS = QKVSIM_METRIC_PEARSON + QKVSIM_METRIC_SPEARMAN };

/* Each value less the mean over the rows of its own selection. */
static table centre_selections(const table *raw, const qkvsim_selection *const sides[2])
{
    table centred = table_new(raw->n, raw->d);
    for (int s = 0; s < 2; s++)
        for (int64_t j = 0; j < raw->d; j++) {
            double sum = 0;
            for (int64_t k = 0; k < sides[s]->count; k++)
                sum += *table_at(raw, sides[s]->observations[k], j);
            for (int64_t k = 0; k < sides[s]->count; k++)
                *table_at(&centred, sides[s]->observations[k], j) =
                    *table_at(raw, sides[s]->observations[k], j) - sum / (double)sides[s]->count;
        }
    return centred;
}

static qkvsim_comparison *compare_correlations(const table *rows, int32_t dtype,
                                               const qkvsim_selection *second,
                                               const qkvsim_comparison_options *options)
{
    stored copy = store(rows, dtype, ORDER_REVERSED_BOTH);
    qkvsim_analysis_options how = in_twenty;
    how.metrics = CORRELATIONS;
    qkvsim_comparison *comparison = NULL;
    assert_ok(context, qkvsim_comparison_run(
                           context, INPUT(&copy.view, 1, .selection = &few, .segments = documents),
                           second, layout, &how, options, &comparison));
    stored_free(&copy);
    return comparison;
}

static void assert_same_nulls(const qkvsim_comparison *one, const qkvsim_comparison *other,
                              int32_t metric, double tolerance)
{
    for (int32_t row = 0; row < ROWS; row++) {
        for (int32_t s = QKVSIM_STATISTIC_MEAN; s <= QKVSIM_STATISTIC_MEAN_SQUARE; s++)
            for (int32_t what = QKVSIM_SUMMARY_OBSERVED; what <= QKVSIM_SUMMARY_P_MAX_ALL; what++)
                assert_close(qkvsim_comparison_difference(one, row, metric, s, what),
                             qkvsim_comparison_difference(other, row, metric, s, what), tolerance,
                             "a summary of centred relabellings");
        for (int32_t which = 1; which <= 3; which++)
            assert_close(qkvsim_comparison_distance(one, row, metric, which, QKVSIM_SUMMARY_P),
                         qkvsim_comparison_distance(other, row, metric, which, QKVSIM_SUMMARY_P),
                         tolerance, "p of a distance of centred relabellings");
    }
}

/* The observed correlations have no means either way. In single precision values are rounded once
 * more, and ranks may change where two values are neighbours. */
START_TEST(centred_relabellings_are_those_of_centred_observations)
{
    const qkvsim_selection *const sides[2] = { &few, _i % 2 ? &many : &some };
    table centred = centre_selections(&data, sides);
    qkvsim_comparison_options options = relabellings(39, 3, 11);
    options.relabel = 1 + _i / 2 % 2;
    qkvsim_comparison *plain = compare_correlations(&centred, QKVSIM_DTYPE_F64, sides[1], &options);
    options.centred = 1;
    const int32_t dtype = _i / 4 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64;
    qkvsim_comparison *own = compare_correlations(&data, dtype, sides[1], &options);
    for (int m = 0; m < 2; m++)
        if (dtype == QKVSIM_DTYPE_F64)
            assert_same_nulls(own, plain, metrics[1 + m], 1e-9);
    for (int32_t row = 0; row < ROWS; row++)
        assert_close(qkvsim_comparison_difference(own, row, QKVSIM_METRIC_PEARSON,
                                                  QKVSIM_STATISTIC_VARIANCE, QKVSIM_SUMMARY_SD),
                     qkvsim_comparison_difference(plain, row, QKVSIM_METRIC_PEARSON,
                                                  QKVSIM_STATISTIC_VARIANCE, QKVSIM_SUMMARY_SD),
                     1e-6, "sd of centred relabellings");
    qkvsim_comparison_free(plain);
    qkvsim_comparison_free(own);
    table_free(&centred);
}
END_TEST

START_TEST(centring_leaves_what_is_observed_as_it_is)
{
    qkvsim_comparison_options options = relabellings(3, 5, 2);
    qkvsim_comparison *plain = compare_correlations(&data, QKVSIM_DTYPE_F32, &many, &options);
    options.centred = 1;
    qkvsim_comparison *own = compare_correlations(&data, QKVSIM_DTYPE_F32, &many, &options);
    assert_same_analysis(qkvsim_comparison_first(own), qkvsim_comparison_first(plain));
    assert_same_analysis(qkvsim_comparison_second(own), qkvsim_comparison_second(plain));
    for (int32_t row = 0; row < ROWS; row++)
        for (int32_t what = QKVSIM_SUMMARY_MATCHED; what <= QKVSIM_SUMMARY_MATCHED_MAXIMUM; what++)
            ck_assert(qkvsim_comparison_distance(own, row, QKVSIM_METRIC_PEARSON, 2, what)
                      == qkvsim_comparison_distance(plain, row, QKVSIM_METRIC_PEARSON, 2, what));
    qkvsim_comparison_free(plain);
    qkvsim_comparison_free(own);
}
END_TEST

/* Rows of one kind in both selections but for the means, which are two standard deviations apart.
 * Dealt as they are, features co-vary with their means in every relabelling, and a variance of the
 * sides' own never looks large beside it. Of 500 draws fewer than 10 are at 5 % once in 5,000, more
 * than 41 once in 700. The seeds are fixed. */
START_TEST(centred_relabellings_hold_their_size_where_means_differ)
{
    enum { DRAWS = 500, N1 = 20, N2 = 30 };
    uint8_t mask[N1 + N2], rest[N1 + N2];
    for (int r = 0; r < N1 + N2; r++)
        rest[r] = !(mask[r] = r < N1);
    const qkvsim_selection first = { sizeof first, NULL, mask, N1 + N2 };
    const qkvsim_selection second = { sizeof second, NULL, rest, N1 + N2 };
    const qkvsim_analysis_options pearson = { .struct_size = sizeof pearson,
                                              .metrics = QKVSIM_METRIC_PEARSON };
    int found[2] = { 0 };
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *small;
    assert_ok(one, qkvsim_layout_widths(one, (int64_t[]){ 4, 4 }, NULL, 2, &small));
    for (int draw = 0; draw < DRAWS; draw++) {
        table rows = table_normal(N1 + N2, 8, 7000 + (uint64_t)draw);
        for (int64_t r = 0; r < N1 * 8; r++)
            rows.values[r] += r % 8 % 3 == 0 ? 2 : -2;
        stored copy = store(&rows, QKVSIM_DTYPE_F32, ORDER_C);
        for (int32_t centred = 0; centred < 2; centred++) {
            qkvsim_comparison_options options = relabellings(99, 1, (uint64_t)draw);
            options.centred = centred;
            qkvsim_comparison *c;
            assert_ok(one, qkvsim_comparison_run(one, INPUT(&copy.view, 1, .selection = &first),
                                                 &second, small, &pearson, &options, &c));
            found[centred] +=
                qkvsim_comparison_difference(c, 1, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_VARIANCE,
                                             QKVSIM_SUMMARY_P)
                <= 0.05;
            qkvsim_comparison_free(c);
        }
        stored_free(&copy);
        table_free(&rows);
    }
    qkvsim_layout_free(small);
    qkvsim_context_free(one);
    printf("selections that differ in means: %d of %d at 5 %%, centred %d\n", found[0], DRAWS,
           found[1]);
    fflush(stdout);
    ck_assert_msg(found[0] < 10, "plain: %d of %d", found[0], DRAWS);
    ck_assert_msg(found[1] >= 10 && found[1] <= 41, "centred: %d of %d", found[1], DRAWS);
}
END_TEST

START_TEST(parts_and_strides_compare_like_one_array)
{
    const qkvsim_comparison_options options = relabellings(5, 3, 1);
    qkvsim_comparison *fused =
                          run(context, INPUT(&input.view, 1, .selection = &few), &many, &options),
                      *apart;
    const qkvsim_view parts[] = { view_of_columns(&input.view, 0, 7),
                                  view_of_columns(&input.view, 7, 13),
                                  view_of_columns(&input.view, 20, 1) };
    assert_ok(context, qkvsim_comparison_run(context, INPUT(parts, 3, .selection = &few), &many,
                                             layout, &in_twenty, &options, &apart));
    assert_same_comparison(fused, apart);
    qkvsim_comparison_free(apart);
    for (int32_t order = 0; order < ORDER_COUNT; order++) {
        stored copy = store(&data, QKVSIM_DTYPE_F64, order);
        qkvsim_comparison *other =
            run(context, INPUT(&copy.view, 1, .selection = &few), &many, &options);
        assert_same_comparison(fused, other);
        qkvsim_comparison_free(other);
        stored_free(&copy);
    }
    qkvsim_comparison_free(fused);
}
END_TEST

START_TEST(accessors_answer_nothing_where_there_is_nothing)
{
    const qkvsim_comparison_options options = relabellings(3, 2, 0);
    qkvsim_comparison *c = run(context, INPUT(&input.view, 1, .selection = &few), &many, &options);
    const int32_t none[] = { -1, ROWS, INT32_MAX, INT32_MIN };
    for (int i = 0; i < 4; i++) {
        ck_assert(isnan(qkvsim_comparison_distance(c, none[i], 1, 1, 1)));
        ck_assert(isnan(qkvsim_comparison_difference(c, none[i], 1, 1, 1)));
        ck_assert(isnan(qkvsim_comparison_matched(c, none[i], 1, 1, 1)));
        ck_assert_ptr_null(qkvsim_comparison_band(c, none[i], 1, 1));
    }
    const int32_t bad[] = { -1, 0, 14, INT32_MAX };
    for (int i = 0; i < 4; i++) {
        ck_assert(isnan(qkvsim_comparison_distance(c, 0, bad[i], 1, 1)));
        ck_assert(isnan(qkvsim_comparison_distance(c, 0, 1, bad[i], 1)));
        ck_assert(isnan(qkvsim_comparison_distance(c, 0, 1, 1, bad[i])));
        ck_assert(isnan(qkvsim_comparison_difference(c, 0, bad[i], 1, 1)));
        ck_assert(isnan(qkvsim_comparison_difference(c, 0, 1, bad[i], 1)));
        ck_assert(isnan(qkvsim_comparison_difference(c, 0, 1, 1, bad[i])));
        ck_assert(isnan(qkvsim_comparison_matched(c, 0, bad[i], 1, 1)));
        ck_assert(isnan(qkvsim_comparison_matched(c, 0, 1, bad[i], 1)));
        ck_assert(isnan(qkvsim_comparison_matched(c, 0, 1, 1, bad[i])));
        ck_assert_ptr_null(qkvsim_comparison_band(c, 0, bad[i], 1));
        ck_assert_ptr_null(qkvsim_comparison_band(c, 0, 1, bad[i]));
    }
    ck_assert(isnan(
        qkvsim_comparison_difference(c, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MINIMUM, 1)));
    ck_assert(isnan(qkvsim_comparison_difference(c, 0, QKVSIM_METRIC_PEARSON,
                                                 QKVSIM_STATISTIC_OFFSET_SHARE, 1)));
    ck_assert(
        isnan(qkvsim_comparison_matched(c, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MINIMUM, 1)));
    ck_assert(isnan(
        qkvsim_comparison_matched(c, 0, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_OFFSET_SHARE, 1)));
    ck_assert(isnan(qkvsim_comparison_matched(c, 0, 1, 1, QKVSIM_SUMMARY_Z)));
    qkvsim_comparison_free(c);
    qkvsim_comparison_free(NULL);
    ck_assert_ptr_null(qkvsim_comparison_first(NULL));
    ck_assert_ptr_null(qkvsim_comparison_second(NULL));
    ck_assert_int_eq(qkvsim_comparison_permutations(NULL), 0);
    ck_assert_int_eq(qkvsim_comparison_subsets(NULL), 0);
    ck_assert(isnan(qkvsim_comparison_distance(NULL, 0, 1, 1, 1)));
    ck_assert(isnan(qkvsim_comparison_difference(NULL, 0, 1, 1, 1)));
    ck_assert(isnan(qkvsim_comparison_matched(NULL, 0, 1, 1, 1)));
    ck_assert_ptr_null(qkvsim_comparison_band(NULL, 0, 1, 1));
}
END_TEST

START_TEST(a_metric_and_pair_groups_not_asked_for_are_absent)
{
    const int32_t chosen[] = { 2 };
    qkvsim_analysis_options part = { .struct_size = sizeof part,
                                     .pair_groups = chosen,
                                     .pair_group_count = 1,
                                     .metrics = QKVSIM_METRIC_PEARSON };
    const qkvsim_comparison_options options = relabellings(5, 0, 0);
    qkvsim_comparison *c;
    assert_ok(context, qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = &few),
                                             &many, layout, &part, &options, &c));
    for (int32_t row = 0; row < ROWS; row++) {
        ck_assert(isnan(qkvsim_comparison_distance(c, row, QKVSIM_METRIC_COSINE, 1, 1)));
        ck_assert_int_eq(isnan(qkvsim_comparison_distance(c, row, QKVSIM_METRIC_PEARSON, 1, 7)),
                         row != 2);
        ck_assert_int_eq(isnan(qkvsim_comparison_difference(c, row, QKVSIM_METRIC_PEARSON, 1,
                                                            QKVSIM_SUMMARY_P_BH)),
                         row != 2);
    }
    ck_assert(qkvsim_comparison_difference(c, 2, QKVSIM_METRIC_PEARSON, 1, QKVSIM_SUMMARY_P_BH)
              == qkvsim_comparison_difference(c, 2, QKVSIM_METRIC_PEARSON, 1, QKVSIM_SUMMARY_P));
    qkvsim_comparison_free(c);
}
END_TEST

/* One observation against many: no Pearson value, cosines of 1 and -1. */
START_TEST(one_observation_can_be_compared)
{
    const int64_t row = 31;
    const qkvsim_selection single = { sizeof single, &row, NULL, 1 };
    const qkvsim_comparison_options options = relabellings(9, 0, 0);
    qkvsim_comparison *c =
        run(context, INPUT(&input.view, 1, .selection = &single), &many, &options);
    ck_assert(
        isnan(qkvsim_comparison_distance(c, 0, QKVSIM_METRIC_PEARSON, 1, QKVSIM_SUMMARY_OBSERVED)));
    ck_assert(isnan(qkvsim_comparison_distance(c, 0, QKVSIM_METRIC_PEARSON, 1, QKVSIM_SUMMARY_P)));
    ck_assert(
        isfinite(qkvsim_comparison_distance(c, 0, QKVSIM_METRIC_COSINE, 1, QKVSIM_SUMMARY_P)));
    qkvsim_comparison_free(c);
}
END_TEST

/* ---- bad input ---- */

static void assert_refused(const qkvsim_analysis_options *analysis, const qkvsim_selection *first,
                           const qkvsim_selection *second, const qkvsim_comparison_options *options)
{
    qkvsim_comparison *comparison = POISON_HANDLE;
    assert_status(context,
                  qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = first), second,
                                        layout, analysis, options, &comparison),
                  refusal(context));
    ck_assert_ptr_eq(comparison, POISON_HANDLE);
}

START_TEST(bad_selections_are_refused)
{
    const int64_t overlapping_rows[] = { 0, 38, 37, 1 }, beyond_rows[] = { 3, 40 };
    const qkvsim_selection overlapping = { sizeof overlapping, overlapping_rows, NULL, 4 };
    const qkvsim_selection beyond = { sizeof beyond, beyond_rows, NULL, 2 };
    const qkvsim_selection empty = { sizeof empty, beyond_rows, NULL, 0 };
    assert_refused(NULL, &few, &overlapping, NULL);
    assert_message_has_number(context, 37);
    assert_refused(NULL, &overlapping, &few, NULL);
    assert_message_has_number(context, 37);
    assert_refused(NULL, &few, &beyond, NULL);
    assert_message_has_number(context, 40);
    assert_refused(NULL, &few, &empty, NULL);
    assert_refused(NULL, &empty, &few, NULL);
    assert_refused(NULL, NULL, &few, NULL);
    assert_message_has(context, "first");
    assert_refused(NULL, &few, NULL, NULL);
    assert_message_has(context, "second");
}
END_TEST

START_TEST(bad_options_are_refused)
{
    const int64_t counts[] = { -1, INT64_C(4294967295), INT64_MAX, INT64_MIN };
    for (int i = 0; i < 4; i++) {
        qkvsim_comparison_options bad = relabellings(counts[i], 1, 0);
        assert_refused(NULL, &few, &many, &bad);
        assert_message_has_number(context, counts[i]);
        bad = relabellings(1, counts[i], 0);
        assert_refused(NULL, &few, &many, &bad);
        assert_message_has_number(context, counts[i]);
    }
    const int32_t kinds[] = { -1, 3, INT32_MAX };
    const int64_t exceedances[] = { -1, 8, INT64_MAX };
    for (int i = 0; i < 3; i++) {
        qkvsim_comparison_options bad = relabellings(7, 1, 0);
        bad.exceedances = exceedances[i];
        assert_refused(NULL, &few, &many, &bad);
        assert_message_has_number(context, exceedances[i]);
        assert_message_has_number(context, 7);
    }
    for (int i = 0; i < 3; i++) {
        qkvsim_comparison_options bad = relabellings(1, 1, 0);
        bad.relabel = kinds[i];
        assert_refused(NULL, &few, &many, &bad);
        assert_message_has_number(context, kinds[i]);
    }
    qkvsim_comparison_options bad = relabellings(1, 1, 0);
    bad.struct_size = 3;
    assert_refused(NULL, &few, &many, &bad);
    struct {
        qkvsim_comparison_options value;
        unsigned char tail[8];
    } newer = { .value = relabellings(1, 1, 0), .tail = { 0, 1 } };
    newer.value.struct_size = sizeof newer;
    assert_refused(NULL, &few, &many, &newer.value);
}
END_TEST

START_TEST(centred_relabellings_of_the_cosine_are_refused)
{
    const int32_t refused[] = { 0, QKVSIM_METRIC_COSINE, METRICS_SUM };
    qkvsim_comparison_options options = relabellings(3, 3, 0);
    options.centred = 1;
    for (int i = 0; i < 3; i++) {
        const qkvsim_analysis_options how = { .struct_size = sizeof how, .metrics = refused[i] };
        assert_refused(&how, &few, &many, &options);
        assert_message_has_number(context, refused[i]);
    }
    const qkvsim_analysis_options how = { .struct_size = sizeof how, .metrics = CORRELATIONS };
    for (options.centred = -1; options.centred < 3; options.centred += 3) {
        assert_refused(&how, &few, &many, &options);
        assert_message_has_number(context, options.centred);
    }
}
END_TEST

START_TEST(bins_that_do_not_cover_all_values_are_refused)
{
    const double edges[] = { -1, 0, 0.875 };
    const qkvsim_bins narrow[] = { { sizeof(qkvsim_bins), 10, -0.5, 1, NULL },
                                   { sizeof(qkvsim_bins), 10, -1, 0.5, NULL },
                                   { sizeof(qkvsim_bins), 2, 0, 0, edges } };
    const char *said[] = { "-0.5", "0.5", "0.875" };
    for (int i = 0; i < 3; i++) {
        const qkvsim_analysis_options bad = { .struct_size = sizeof bad, .bins = &narrow[i] };
        assert_refused(&bad, &few, &many, NULL);
        assert_message_has(context, said[i]);
    }
    const qkvsim_bins wide = { sizeof wide, 10, -2, 3, NULL };
    const qkvsim_analysis_options good = { .struct_size = sizeof good, .bins = &wide };
    qkvsim_comparison *comparison;
    assert_ok(context, qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = &few),
                                             &many, layout, &good, NULL, &comparison));
    qkvsim_comparison_free(comparison);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    qkvsim_comparison *comparison = POISON_HANDLE;
    ck_assert_int_eq(qkvsim_comparison_run(NULL, INPUT(&input.view, 1, .selection = &few), &many,
                                           layout, NULL, NULL, &comparison),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_comparison_run(context, INPUT(NULL, 1, .selection = &few), &many, layout,
                                        NULL, NULL, &comparison),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = &few), &many,
                                        NULL, NULL, NULL, &comparison),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = &few), &many,
                                        layout, NULL, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(comparison, POISON_HANDLE);
}
END_TEST

/* A NaN in row 5, column 3: in the first selection. */
START_TEST(nan_and_infinity_are_treated_as_asked_for)
{
    ((double *)input.memory)[5 * D + 3] = _i ? NAN : INFINITY;
    qkvsim_comparison *c = POISON_HANDLE;
    const qkvsim_comparison_options options = relabellings(5, 2, 0);
    qkvsim_input read = *INPUT(&input.view, 1, .selection = &few);
    assert_status(context,
                  qkvsim_comparison_run(context, &read, &many, layout, &in_twenty, &options, &c),
                  QKVSIM_ERROR_NONFINITE);
    assert_message_has_number(context, 5);
    ck_assert_ptr_eq(c, POISON_HANDLE);
    read.nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION;
    assert_ok(context,
              qkvsim_comparison_run(context, &read, &many, layout, &in_twenty, &options, &c));
    int64_t count = 0;
    ck_assert_int_eq(qkvsim_analysis_dropped(qkvsim_comparison_first(c), &count)[0], 5);
    ck_assert_int_eq(qkvsim_analysis_observations(qkvsim_comparison_first(c)), 8);
    qkvsim_comparison_free(c);
    read.nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE;
    assert_ok(context,
              qkvsim_comparison_run(context, &read, &many, layout, &in_twenty, &options, &c));
    qkvsim_comparison *without = compare_without(&data, 3, &options);
    for (int32_t row = 0; row < ROWS; row++)
        for (int32_t which = 1; which <= 3; which++)
            assert_close(qkvsim_comparison_distance(c, row, QKVSIM_METRIC_COSINE, which,
                                                    QKVSIM_SUMMARY_OBSERVED),
                         qkvsim_comparison_distance(without, row, QKVSIM_METRIC_COSINE, which,
                                                    QKVSIM_SUMMARY_OBSERVED),
                         1e-12, "a distance without the feature");
    qkvsim_comparison_free(c);
    qkvsim_comparison_free(without);
}
END_TEST

typedef struct comparison_case {
    const stored *copy;
    const qkvsim_selection *second;
    qkvsim_comparison_options options;
} comparison_case;

static qkvsim_status compare_case(qkvsim_context *with, void *argument)
{
    const comparison_case *given = argument;
    qkvsim_comparison *comparison = POISON_HANDLE;
    qkvsim_analysis_options how = in_twenty;
    how.metrics = given->options.centred ? CORRELATIONS : METRICS_SUM;
    const qkvsim_status status =
        qkvsim_comparison_run(with, INPUT(&given->copy->view, 1, .selection = &few), given->second,
                              layout, &how, &given->options, &comparison);
    if (status == QKVSIM_OK)
        qkvsim_comparison_free(comparison);
    else
        ck_assert_ptr_eq(comparison, POISON_HANDLE);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    table sparse = table_sparse(N, D, 1);
    stored copy = store(_i ? &sparse : &data, QKVSIM_DTYPE_F32, ORDER_C);
    comparison_case given = { &copy, _i ? &many : &some, relabellings(2, 2, 0) };
    given.options.relabel = 1 + _i % 2;
    given.options.centred = _i == 2;
    assert_survives_failing_allocations(compare_case, &given);
    stored_free(&copy);
    table_free(&sparse);
}
END_TEST

START_TEST(it_can_be_cancelled_at_every_report)
{
    table sparse = table_sparse(N, D, 1);
    stored copy = store(_i ? &sparse : &data, QKVSIM_DTYPE_F32, ORDER_C);
    comparison_case given = { &copy, &many, relabellings(3, 2, 0) };
    assert_cancels_everywhere(compare_case, &given);
    stored_free(&copy);
    table_free(&sparse);
}
END_TEST

static void add_distances(Suite *suite)
{
    TCase *distances = add_case(suite, "distances", set_up, tear_down);
    tcase_add_test(distances, distances_are_their_definitions_and_symmetric);
    tcase_add_test(distances, distances_of_histograms_that_share_nothing);
    tcase_add_test(distances, bad_histograms_are_refused);
}

static void add_laws(Suite *suite)
{
    TCase *laws = add_case(suite, "laws", set_up, tear_down);
    tcase_add_test(laws, the_selections_are_analysed_in_full_and_set_against_each_other);
    tcase_add_loop_test(laws, summaries_are_those_of_relabellings_asked_for_one_by_one, 0, 6);
    tcase_add_test(laws, matched_distances_are_those_of_subsets_without_one_row);
    tcase_add_loop_test(laws, matched_statistics_are_those_of_subsets_analysed_one_by_one, 0, 2);
    tcase_add_test(laws, matched_statistics_of_equal_sizes_are_those_of_the_second);
    tcase_add_test(laws, each_relabelling_draws_a_fresh_subset);
    tcase_add_test(laws, no_p_is_below_what_the_number_of_relabellings_allows);
    tcase_add_test(laws, the_least_p_is_said);
    tcase_add_test(laws, whole_documents_change_selections);
    tcase_add_loop_test(laws, equal_rows_in_another_order_are_ties_of_distances, 0, 2);
    tcase_add_loop_test(laws, the_band_holds_the_pairs_of_subsets_of_the_larger_selection, 0, 2);
    tcase_add_loop_test(laws, swapping_the_selections_negates_the_differences, 0, 4);
    tcase_add_loop_test(add_thread_case(suite, set_up, tear_down),
                        results_are_bit_identical_for_any_number_of_threads, 0, 2);
    tcase_add_test(laws, without_relabellings_there_are_distances_and_no_p_values);
    tcase_add_test(laws, subsets_are_as_many_as_permutations_by_default);
    tcase_add_test(laws, a_difference_that_is_always_0_says_nothing);
    tcase_add_test(laws, rollups_are_compared_like_pair_groups);
    tcase_add_loop_test(laws, distances_leave_out_what_either_selection_does_not_define, 0, 4);
    tcase_add_loop_test(laws, a_metrics_distances_do_not_depend_on_the_others_asked_for, 0, 2);
    tcase_add_test(laws, unequal_sizes_alone_change_a_histogram_and_matched_ones_do_not);
    tcase_add_test(laws, planted_differences_are_found_and_others_are_not);
    tcase_add_loop_test(laws, relabellings_stop_where_no_p_would_be_small, 0, 3);
    tcase_add_loop_test(laws, centred_relabellings_are_those_of_centred_observations, 0, 8);
    tcase_add_test(laws, centring_leaves_what_is_observed_as_it_is);
    tcase_add_test(laws, parts_and_strides_compare_like_one_array);
    tcase_add_test(laws, accessors_answer_nothing_where_there_is_nothing);
    tcase_add_test(laws, a_metric_and_pair_groups_not_asked_for_are_absent);
    tcase_add_test(laws, one_observation_can_be_compared);
    TCase *sizes = add_simulations(suite, set_up, tear_down);
    tcase_add_test(sizes, p_values_are_uniform_where_selections_do_not_differ);
    tcase_add_test(sizes, clustered_targets_need_label_shift);
    tcase_add_test(sizes, centred_relabellings_hold_their_size_where_means_differ);
}

int main(void)
{
    Suite *suite = suite_create("comparison");
    add_distances(suite);
    add_laws(suite);
    TCase *bad = add_case(suite, "bad input", set_up, tear_down);
    tcase_add_test(bad, bad_selections_are_refused);
    tcase_add_test(bad, bad_options_are_refused);
    tcase_add_test(bad, centred_relabellings_of_the_cosine_are_refused);
    tcase_add_test(bad, bins_that_do_not_cover_all_values_are_refused);
    tcase_add_test(bad, null_arguments_are_refused);
    tcase_add_loop_test(bad, nan_and_infinity_are_treated_as_asked_for, 0, 2);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 3);
    tcase_add_loop_test(bad, it_can_be_cancelled_at_every_report, 0, 2);
    return run_suite(suite);
}
