/*
 * What docs/statistics.md promises of intervals and p-values, by simulation: how often intervals hold the
 * truth, how often tests reject where there is nothing, and where neither holds. The page's tables are what
 * this prints (tests/evidence.py). `test_evidence 10` runs ten times as many simulations, and is strict.
 */
#include "simulation.h"
#include "suite_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t scale;

enum { PAIR_GROUPS = 6, OF_VALUES = 4 };

/* Bounds of a percentage, wider where few simulations stand for it. */
static void assert_within(const char *what, span found, double least, double largest)
{
    const double slack = scale > 1 ? 0 : 5;
    ck_assert_msg(!(found.least < least - slack) && !(found.largest > largest + slack),
                  "%s: %.1f to %.1f %%, expected %g to %g", what, found.least, found.largest, least,
                  largest);
}

/* Every statistic that has intervals. */
typedef struct kind {
    int32_t metric, statistic;
} kind;

enum { KINDS = 9, SHARE = 0, CORRECTED = 5 };
static const kind kinds[KINDS] = {
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_ENERGY },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE_ENERGY },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE },
    { QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN_SQUARE },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE },
    { QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN },
    { QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_VARIANCE },
};

static qkvsim_layout *thirds_of(qkvsim_context *with, int64_t features)
{
    qkvsim_layout *layout = NULL;
    must(with, qkvsim_layout_thirds(with, features, &layout));
    return layout;
}

static double holds(double low, double high, double truth)
{
    return isnan(low) ? (double)NAN : low <= truth && truth <= high;
}

/* ---- coverage ---- */

/* Contrasts of shares: Q-Q less V-V, Q-V less V-V, Q-Q less Q-K. */
enum { CONTRASTS = 3, COVERED = KINDS * PAIR_GROUPS + CONTRASTS };
static const int32_t contrasts[CONTRASTS][2] = { { 0, 5 }, { 2, 5 }, { 0, 1 } };

typedef struct coverage {
    table (*draw)(const void *from, int64_t n, uint64_t seed);
    const void *from;
    int64_t n;
    double truth[KINDS * PAIR_GROUPS];
} coverage;

static void intervals_of(const coverage *of, const qkvsim_intervals *made, double *results)
{
    for (int c = 0; c < KINDS * PAIR_GROUPS; c++) {
        const kind *k = &kinds[c / PAIR_GROUPS];
        const int32_t row = c % PAIR_GROUPS;
        results[c] = holds(
            qkvsim_intervals_statistic(made, row, k->metric, k->statistic, QKVSIM_SUMMARY_LOW),
            qkvsim_intervals_statistic(made, row, k->metric, k->statistic, QKVSIM_SUMMARY_HIGH),
            of->truth[c]);
    }
    for (int c = 0; c < CONTRASTS; c++) {
        const int32_t a = contrasts[c][0], b = contrasts[c][1];
        const kind *k = &kinds[SHARE];
        results[KINDS * PAIR_GROUPS + c] = holds(
            qkvsim_intervals_contrast(made, a, b, k->metric, k->statistic, QKVSIM_SUMMARY_LOW),
            qkvsim_intervals_contrast(made, a, b, k->metric, k->statistic, QKVSIM_SUMMARY_HIGH),
            of->truth[a] - of->truth[b]);
    }
}

static void cover(qkvsim_context *with, int64_t number, const void *argument, double *results)
{
    const coverage *of = argument;
    table rows = of->draw(of->from, of->n, 1000 + (uint64_t)number);
    stored copy = store(&rows, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = thirds_of(with, rows.d);
    qkvsim_intervals *made = NULL;
    must(with, qkvsim_intervals_run(with, INPUT(&copy.view, 1), NULL, layout, NULL, NULL, &made));
    intervals_of(of, made, results);
    qkvsim_intervals_free(made);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&rows);
}

/* Columns: the statistics of all pair groups, then the contrasts. */
static void measure(const coverage *of, const char *row, span spans[KINDS + 1])
{
    double percent[COVERED];
    simulate(cover, of, 200 * scale, COVERED, percent);
    for (int k = 0; k < KINDS; k++)
        spans[k + (k > SHARE)] = span_of(percent + k * PAIR_GROUPS, PAIR_GROUPS);
    spans[SHARE + 1] = span_of(percent + KINDS * PAIR_GROUPS, CONTRASTS);
    print_spans(row, spans, KINDS + 1);
}

/* Of 16 observations with their 8 blocks intervals are a little short. */
static void assert_covered(const char *row, int64_t n, const span spans[KINDS + 1])
{
    for (int k = 0; k < KINDS + 1; k++)
        assert_within(row, spans[k], n < 32 ? 85 : 88, 100);
}

static void print_coverage_heading(const char *name)
{
    static const char *const columns[] = { "data",          "n",
                                           "offset share",  "its contrasts",
                                           "offset energy", "variance energy",
                                           "mean o^2",      "mean r^2",
                                           "mean cosine",   "variance of cosines",
                                           "mean r",        "variance of r" };
    print_heading(name, columns, 12);
}

static table draw_world(const void *from, int64_t n, uint64_t seed)
{
    return world_draw(from, n, seed);
}

/* Strong co-variation and weak, independent observations and neighbours that resemble each other. */
START_TEST(intervals_hold_the_truth_as_often_as_they_say)
{
    static const struct {
        double loading, phi;
        int64_t n;
        const char *row;
        bool promised;
    } cases[] = {
        { 0.5, 0, 16, "strong co-variation | 16", true },
        { 0.5, 0, 32, "strong co-variation | 32", true },
        { 0.5, 0, 100, "strong co-variation | 100", true },
        { 0.5, 0, 400, "strong co-variation | 400", true },
        { 0.15, 0, 16, "weak | 16", true },
        { 0.15, 0, 32, "weak | 32", true },
        { 0.15, 0, 100, "weak | 100", true },
        { 0.15, 0, 400, "weak | 400", true },
        { 0.5, 0.7, 32, "strong, AR .7 | 32", false },
        { 0.5, 0.7, 100, "strong, AR .7 | 100", false },
        { 0.5, 0.7, 400, "strong, AR .7 | 400", true },
        { 0.15, 0.7, 32, "weak, AR .7 | 32", false },
        { 0.15, 0.7, 100, "weak, AR .7 | 100", false },
        { 0.15, 0.7, 400, "weak, AR .7 | 400", true },
    };
    print_coverage_heading("coverage");
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const world from = world_new(cases[c].loading, cases[c].phi);
        coverage of = { draw_world, &from, cases[c].n, { 0 } };
        span spans[KINDS + 1];
        for (int k = 0; k < KINDS * PAIR_GROUPS; k++)
            of.truth[k] = world_truth(&from, k % PAIR_GROUPS, kinds[k / PAIR_GROUPS].metric,
                                      kinds[k / PAIR_GROUPS].statistic);
        measure(&of, cases[c].row, spans);
        if (cases[c].promised)
            assert_covered(cases[c].row, cases[c].n, spans);
    }
    printf("\n");
}
END_TEST

/* ---- the shipped capture ---- */

enum { REAL_GROUP = 32, REAL = 3 * REAL_GROUP };

/* Every non-target of the capture, and a third of features from each of Q, K and V. */
static table load_others(void)
{
    int64_t targets[1024], columns[REAL], rows[1024], n = 0;
    const int64_t count = load_target_rows(targets);
    for (int64_t j = 0; j < REAL_GROUP; j++) {
        columns[j] = 18 * j;
        columns[REAL_GROUP + j] = 576 + 6 * j;
        columns[2 * REAL_GROUP + j] = 768 + 6 * j;
    }
    for (int64_t row = 0, t = 0; row < 1024; row++)
        if (t < count && targets[t] == row)
            t++;
        else
            rows[n++] = row;
    stored capture = load_capture();
    table all = widen(&capture.view);
    table others = table_rows(&all, rows, n);
    table some = table_columns(&others, columns, REAL);
    table_free(&others);
    table_free(&all);
    stored_free(&capture);
    return some;
}

static table draw_real(const void *from, int64_t n, uint64_t seed)
{
    const table *all = from;
    int64_t rows[1024];
    choose_rows(all->n, n, seed, rows, NULL);
    return table_rows(all, rows, n);
}

/* Rows drawn from the capture, for which the whole of it is the truth. */
START_TEST(intervals_hold_the_truth_of_real_rows)
{
    static const struct {
        int64_t n;
        const char *row;
    } cases[] = { { 16, "rows of the capture | 16" },
                  { 32, "rows of the capture | 32" },
                  { 100, "rows of the capture | 100" } };
    table others = load_others();
    stored copy = store(&others, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = thirds_of(context, REAL);
    qkvsim_analysis *whole = NULL;
    must(context, qkvsim_analyze(context, INPUT(&copy.view, 1), layout, NULL, &whole));
    print_coverage_heading("coverage of real rows");
    for (int c = 0; c < 3; c++) {
        coverage of = { draw_real, &others, cases[c].n, { 0 } };
        span spans[KINDS + 1];
        for (int k = 0; k < KINDS * PAIR_GROUPS; k++)
            of.truth[k] =
                qkvsim_analysis_statistic(whole, k % PAIR_GROUPS, kinds[k / PAIR_GROUPS].metric,
                                          kinds[k / PAIR_GROUPS].statistic);
        measure(&of, cases[c].row, spans);
        assert_covered(cases[c].row, cases[c].n, spans);
    }
    printf("\n");
    qkvsim_analysis_free(whole);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&others);
}
END_TEST

/* ---- pseudo-targets ---- */

enum {
    DISTANCES = 3,
    P_KINDS = 11,
    PSEUDO = (CORRECTED + 2 * P_KINDS + 2 * DISTANCES) * PAIR_GROUPS
};

typedef struct pseudo_targets {
    const stored *data;
    int64_t n, targets;
} pseudo_targets;

static void differ(const qkvsim_intervals *made, double *results)
{
    for (int c = 0; c < CORRECTED * PAIR_GROUPS; c++) {
        const kind *k = &kinds[c / PAIR_GROUPS];
        const int32_t row = c % PAIR_GROUPS;
        results[c] = 1
                     - holds(qkvsim_intervals_difference(made, row, k->metric, k->statistic,
                                                         QKVSIM_SUMMARY_LOW),
                             qkvsim_intervals_difference(made, row, k->metric, k->statistic,
                                                         QKVSIM_SUMMARY_HIGH),
                             0);
    }
}

static double rejects(double p)
{
    return isnan(p) ? (double)NAN : p < 0.05 + 1e-9;
}

static void reject(const qkvsim_comparison *made, double *results)
{
    for (int32_t metric = 1; metric <= 2; metric++)
        for (int k = 0; k < P_KINDS; k++)
            for (int32_t row = 0; row < PAIR_GROUPS; row++) {
                const int32_t statistic = kept_statistic(metric, k);
                const double p =
                    qkvsim_comparison_difference(made, row, metric, statistic, QKVSIM_SUMMARY_P);
                *results++ = statistic == QKVSIM_STATISTIC_TAIL ? (double)NAN : rejects(p);
            }
    for (int32_t metric = 1; metric <= 2; metric++)
        for (int32_t distance = 1; distance <= DISTANCES; distance++)
            for (int32_t row = 0; row < PAIR_GROUPS; row++)
                *results++ = rejects(
                    qkvsim_comparison_distance(made, row, metric, distance, QKVSIM_SUMMARY_P));
}

static void pretend(qkvsim_context *with, int64_t number, const void *argument, double *results)
{
    const pseudo_targets *of = argument;
    int64_t rows[2][1024];
    choose_rows(of->n, of->targets, 3000 + (uint64_t)number, rows[0], rows[1]);
    const qkvsim_selection first = { sizeof first, .observations = rows[0], .count = of->targets };
    const qkvsim_selection second = { sizeof second, .observations = rows[1],
                                      .count = of->n - of->targets };
    const qkvsim_input input = *INPUT(&of->data->view, 1, .selection = &first);
    const qkvsim_comparison_options relabellings = { .struct_size = sizeof relabellings,
                                                     .permutations = 19,
                                                     .subsets = 1,
                                                     .seed = (uint64_t)number };
    qkvsim_layout *layout = thirds_of(with, of->data->view.features);
    qkvsim_intervals *jackknife = NULL;
    qkvsim_comparison *comparison = NULL;
    must(with, qkvsim_intervals_run(with, &input, &second, layout, NULL, NULL, &jackknife));
    must(with, qkvsim_compare(with, &input, &second, layout, NULL, &relabellings, &comparison));
    differ(jackknife, results);
    reject(comparison, results + CORRECTED * PAIR_GROUPS);
    qkvsim_intervals_free(jackknife);
    qkvsim_comparison_free(comparison);
    qkvsim_layout_free(layout);
}

/* Of intervals each statistic, of p-values all statistics together, and all distances. A tail of few pairs has
 * too few values for a p to be below 0.05 as often as that. */
static void report_pseudo_targets(const char *row, const double *percent)
{
    span spans[CORRECTED + 2];
    for (int k = 0; k < CORRECTED; k++)
        spans[k] = span_of(percent + k * PAIR_GROUPS, PAIR_GROUPS);
    const double *p = percent + CORRECTED * PAIR_GROUPS;
    spans[CORRECTED] = span_of(p, 2 * P_KINDS * PAIR_GROUPS);
    spans[CORRECTED + 1] = span_of(p + 2 * P_KINDS * PAIR_GROUPS, 2 * DISTANCES * PAIR_GROUPS);
    print_spans(row, spans, CORRECTED + 2);
    for (int k = 0; k < CORRECTED; k++)
        assert_within(row, spans[k], 0, 9);
    assert_within(row, spans[CORRECTED], 2, 9);
    assert_within(row, spans[CORRECTED + 1], 2, 9);
}

/* Non-targets of the capture taken for targets against the rest of them: there is nothing to find. */
START_TEST(pseudo_targets_differ_in_about_5_per_cent)
{
    static const char *const columns[] = {
        "targets",  "offset share", "offset energy",      "variance energy",
        "mean o^2", "mean r^2",     "p of any statistic", "p of any distance"
    };
    static const struct {
        int64_t targets;
        const char *row;
    } cases[] = { { 32, "32 of 992" }, { 100, "100 of 992" } };
    table others = load_others();
    stored copy = store(&others, QKVSIM_DTYPE_F32, ORDER_C);
    print_heading("pseudo-targets", columns, 8);
    for (int c = 0; c < 2; c++) {
        const pseudo_targets of = { &copy, others.n, cases[c].targets };
        double percent[PSEUDO];
        simulate(pretend, &of, 100 * scale, PSEUDO, percent);
        report_pseudo_targets(cases[c].row, percent);
    }
    printf("\n");
    stored_free(&copy);
    table_free(&others);
}
END_TEST

static Suite *evidence_suite(void)
{
    Suite *suite = suite_create("evidence");
    TCase *intervals = add_case(suite, "intervals", make_context, free_context);
    tcase_set_timeout(intervals, 1200);
    tcase_add_test(intervals, intervals_hold_the_truth_as_often_as_they_say);
    tcase_add_test(intervals, intervals_hold_the_truth_of_real_rows);
    tcase_add_test(intervals, pseudo_targets_differ_in_about_5_per_cent);
    return suite;
}

int main(int count, char **arguments)
{
    scale = count > 1 ? strtol(arguments[1], NULL, 10) : 1;
    return run_suite(evidence_suite());
}
