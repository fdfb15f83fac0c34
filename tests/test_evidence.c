/*
 * What docs/statistics.md promises of intervals and p-values, by simulation: how often intervals
 * hold the truth, how often tests reject where there is nothing, and where neither holds. The
 * page's tables are what this prints (tests/evidence.py). `test_evidence 10` runs ten times as many
 * simulations, and is strict.
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

/* Contrasts of shares: Q-Q less V-V, Q-V less V-V, Q-Q less Q-K. And what the library does not
 * give: the share's t interval, on its own scale and as a logit; whether there is a logit; the
 * offset energy's t interval at any n. */
enum { CONTRASTS = 3, OTHERS = 4, SHARE_BY_LOGIT = 0, SHARE_BY_T, LOGIT_EXISTS, ENERGY_BY_T };
enum {
    OTHERS_FROM = KINDS * PAIR_GROUPS + CONTRASTS,
    COVERED = OTHERS_FROM + OTHERS * PAIR_GROUPS
};
static const int32_t contrasts[CONTRASTS][2] = { { 0, 5 }, { 2, 5 }, { 0, 1 } };

typedef struct coverage {
    table (*draw)(const void *from, int64_t n, uint64_t seed);
    const void *from;
    int64_t n;
    double truth[KINDS * PAIR_GROUPS];
} coverage;

/* The jackknife's t interval of replicates that each lack one of G blocks of equal length: the
 * textbook's. */
typedef struct t_interval {
    double low, high;
} t_interval;

static double logit(double share)
{
    return share > 0 && share < 1 ? log(share / (1 - share)) : NAN;
}

static double as_it_is(double value)
{
    return value;
}

static t_interval jackknife_by_hand(const double *replicates, int64_t blocks, double observed,
                                    double (*scale_of)(double))
{
    const double quantile = blocks == 8 ? 2.364624 : blocks == 16 ? 2.131450 : 2.093024;
    double mean = 0, squares = 0;
    for (int64_t j = 0; j < blocks; j++)
        mean += scale_of(replicates[j]) / (double)blocks;
    for (int64_t j = 0; j < blocks; j++)
        squares += pow(scale_of(replicates[j]) - mean, 2);
    const double estimate = (double)blocks * scale_of(observed) - (double)(blocks - 1) * mean;
    const double reach = quantile * sqrt(squares * (double)(blocks - 1) / (double)blocks);
    return (t_interval){ estimate - reach, estimate + reach };
}

/* Of one row; that of the mean, which the library has as well, is the same. */
static void other_intervals_of(const coverage *of, const qkvsim_intervals *made, int32_t row,
                               double results[OTHERS * PAIR_GROUPS])
{
    static const int32_t statistics[] = { QKVSIM_STATISTIC_OFFSET_SHARE,
                                          QKVSIM_STATISTIC_OFFSET_ENERGY, QKVSIM_STATISTIC_MEAN };
    const int64_t blocks = qkvsim_intervals_replicates(made);
    const double *values[3], truth = of->truth[row];
    double observed[3];
    for (int k = 0; k < 3; k++) {
        values[k] = qkvsim_intervals_values(made, row, QKVSIM_METRIC_COSINE, statistics[k]);
        observed[k] = qkvsim_analysis_statistic(qkvsim_intervals_observed(made), row,
                                                QKVSIM_METRIC_COSINE, statistics[k]);
    }
    const t_interval by_logit = jackknife_by_hand(values[0], blocks, observed[0], logit);
    const t_interval by_t = jackknife_by_hand(values[0], blocks, observed[0], as_it_is);
    const t_interval energy = jackknife_by_hand(values[1], blocks, observed[1], as_it_is);
    const t_interval known = jackknife_by_hand(values[2], blocks, observed[2], as_it_is);
    const double low = qkvsim_intervals_statistic(made, row, QKVSIM_METRIC_COSINE, statistics[2],
                                                  QKVSIM_SUMMARY_LOW);
    if (!(fabs(known.low - low) < 1e-4 * (known.high - known.low)))
        abort();
    results[SHARE_BY_LOGIT * PAIR_GROUPS + row] = holds(by_logit.low, by_logit.high, logit(truth));
    results[SHARE_BY_T * PAIR_GROUPS + row] = holds(by_t.low, by_t.high, truth);
    results[LOGIT_EXISTS * PAIR_GROUPS + row] = !isnan(by_logit.low);
    results[ENERGY_BY_T * PAIR_GROUPS + row] =
        holds(energy.low, energy.high, of->truth[PAIR_GROUPS + row]);
}

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
    for (int32_t row = 0; row < PAIR_GROUPS; row++)
        other_intervals_of(of, made, row, results + OTHERS_FROM);
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

/* Columns: the statistics of all pair groups, then the contrasts; and of the other intervals. */
typedef struct covered {
    const char *row;
    span spans[KINDS + 1], others[OTHERS + 1];
} covered;

static covered measure(const coverage *of, const char *row)
{
    covered found = { .row = row };
    double percent[COVERED], *results = simulate_all(cover, of, 200 * scale, COVERED);
    share_of_ones(results, 200 * scale, COVERED, percent);
    free(results);
    for (int k = 0; k < KINDS; k++)
        found.spans[k + (k > SHARE)] = span_of(percent + k * PAIR_GROUPS, PAIR_GROUPS);
    found.spans[SHARE + 1] = span_of(percent + KINDS * PAIR_GROUPS, CONTRASTS);
    found.others[0] = found.spans[SHARE];
    for (int k = 0; k < OTHERS; k++)
        found.others[k + 1] = span_of(percent + OTHERS_FROM + k * PAIR_GROUPS, PAIR_GROUPS);
    print_spans(row, found.spans, KINDS + 1);
    return found;
}

static void print_others(const char *name, const covered *all, int count)
{
    static const char *const columns[] = { "data",
                                           "n",
                                           "share, Fieller",
                                           "share, logit",
                                           "share, t",
                                           "a logit exists",
                                           "offset energy, t" };
    print_heading(name, columns, 7);
    for (int c = 0; c < count; c++)
        print_spans(all[c].row, all[c].others, OTHERS + 1);
    printf("\n");
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

/* Strong co-variation and weak, independent observations and neighbours that resemble each
 * other. */
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
    enum { CASES = sizeof cases / sizeof cases[0] };
    covered found[CASES];
    print_coverage_heading("coverage");
    for (int c = 0; c < CASES; c++) {
        const world from = world_new(cases[c].loading, cases[c].phi);
        coverage of = { draw_world, &from, cases[c].n, { 0 } };
        for (int k = 0; k < KINDS * PAIR_GROUPS; k++)
            of.truth[k] = world_truth(&from, k % PAIR_GROUPS, kinds[k / PAIR_GROUPS].metric,
                                      kinds[k / PAIR_GROUPS].statistic);
        found[c] = measure(&of, cases[c].row);
        if (cases[c].promised)
            assert_covered(cases[c].row, cases[c].n, found[c].spans);
    }
    printf("\n");
    print_others("other intervals", found, CASES);
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
    must(context, qkvsim_analysis_run(context, INPUT(&copy.view, 1), layout, NULL, &whole));
    covered found[3];
    print_coverage_heading("coverage of real rows");
    for (int c = 0; c < 3; c++) {
        coverage of = { draw_real, &others, cases[c].n, { 0 } };
        for (int k = 0; k < KINDS * PAIR_GROUPS; k++)
            of.truth[k] =
                qkvsim_analysis_statistic(whole, k % PAIR_GROUPS, kinds[k / PAIR_GROUPS].metric,
                                          kinds[k / PAIR_GROUPS].statistic);
        found[c] = measure(&of, cases[c].row);
        assert_covered(cases[c].row, cases[c].n, found[c].spans);
    }
    printf("\n");
    print_others("other intervals of real rows", found, 3);
    qkvsim_analysis_free(whole);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&others);
}
END_TEST

/* Of Q-Q, Q-V and V-V: raw, corrected, and the jackknife's estimate. */
enum { SHARES = 3, SHARED = 3 * SHARES };

static void share(qkvsim_context *with, int64_t number, const void *argument, double *results)
{
    static const int32_t rows_shown[SHARES] = { 0, 2, 5 };
    const coverage *of = argument;
    table rows = of->draw(of->from, of->n, 9000 + (uint64_t)number);
    stored copy = store(&rows, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = thirds_of(with, rows.d);
    qkvsim_intervals *made = NULL;
    must(with, qkvsim_intervals_run(with, INPUT(&copy.view, 1), NULL, layout, NULL, NULL, &made));
    for (int k = 0; k < SHARES; k++) {
        const qkvsim_analysis *observed = qkvsim_intervals_observed(made);
        *results++ = qkvsim_analysis_statistic(observed, rows_shown[k], QKVSIM_METRIC_COSINE,
                                               QKVSIM_STATISTIC_OFFSET_SHARE_RAW);
        *results++ = qkvsim_analysis_statistic(observed, rows_shown[k], QKVSIM_METRIC_COSINE,
                                               QKVSIM_STATISTIC_OFFSET_SHARE);
        *results++ =
            qkvsim_intervals_statistic(made, rows_shown[k], QKVSIM_METRIC_COSINE,
                                       QKVSIM_STATISTIC_OFFSET_SHARE, QKVSIM_SUMMARY_ESTIMATE);
    }
    qkvsim_intervals_free(made);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&rows);
}

/* Of those that exist. */
static void average(const double *results, int64_t count, span means[SHARED])
{
    for (int k = 0; k < SHARED; k++) {
        double sum = 0, existing = 0;
        for (int64_t draw = 0; draw < count; draw++) {
            const double found = results[draw * SHARED + k];
            sum += isnan(found) ? 0 : found;
            existing += !isnan(found);
        }
        means[k] = (span){ sum / existing, sum / existing };
    }
}

/* The mean over random rows beside the share of all of them. Of V, whose tokens are of unequal
 * size, the corrected one keeps part of the raw one's bias. */
START_TEST(the_corrected_share_depends_less_on_n_than_the_raw_one)
{
    static const struct {
        int64_t n;
        const char *row;
    } cases[] = { { 992, "992" }, { 100, "100" }, { 32, "32" }, { 16, "16" } };
    static const char *const columns[] = { "n",         "Q-Q, raw",  "corrected", "estimate",
                                           "Q-V, raw",  "corrected", "estimate",  "V-V, raw",
                                           "corrected", "estimate" };
    table others = load_others();
    span whole[SHARED], means[SHARED];
    print_heading("shares", columns, 1 + SHARED);
    for (int c = 0; c < 4; c++) {
        const coverage of = { draw_real, &others, cases[c].n, { 0 } };
        const int64_t count = c == 0 ? 1 : 100 * scale;
        double *results = simulate_all(share, &of, count, SHARED);
        average(results, count, c == 0 ? whole : means);
        print_decimal_spans(cases[c].row, c == 0 ? whole : means, SHARED, 2);
        for (int k = 0; k < SHARED && c > 0; k += 3)
            ck_assert_msg(fabs(means[k + 1].least - whole[k + 1].least) < 0.1
                              && means[k].least < whole[k].least - 0.01
                              && fabs(means[k + 1].least - whole[k + 1].least)
                                     < 0.9 * fabs(means[k].least - whole[k].least),
                          "n %s: %g and %g, not %g and %g", cases[c].row, means[k].least,
                          means[k + 1].least, whole[k].least, whole[k + 1].least);
        free(results);
    }
    printf("\n");
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

static void take_p_values(const qkvsim_comparison *made, double *results)
{
    for (int32_t metric = 1; metric <= 2; metric++)
        for (int k = 0; k < P_KINDS; k++)
            for (int32_t row = 0; row < PAIR_GROUPS; row++) {
                const int32_t statistic = kept_statistic(metric, k);
                const double p =
                    qkvsim_comparison_difference(made, row, metric, statistic, QKVSIM_SUMMARY_P);
                *results++ = statistic == QKVSIM_STATISTIC_TAIL ? (double)NAN : p;
            }
    for (int32_t metric = 1; metric <= 2; metric++)
        for (int32_t distance = 1; distance <= DISTANCES; distance++)
            for (int32_t row = 0; row < PAIR_GROUPS; row++)
                *results++ =
                    qkvsim_comparison_distance(made, row, metric, distance, QKVSIM_SUMMARY_P);
}

static int64_t relabellings_made(void)
{
    return scale > 1 ? 99 : 19;
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
                                                     .permutations = relabellings_made(),
                                                     .subsets = 1,
                                                     .seed = (uint64_t)number };
    qkvsim_layout *layout = thirds_of(with, of->data->view.features);
    qkvsim_intervals *jackknife = NULL;
    qkvsim_comparison *comparison = NULL;
    must(with, qkvsim_intervals_run(with, &input, &second, layout, NULL, NULL, &jackknife));
    must(with,
         qkvsim_comparison_run(with, &input, &second, layout, NULL, &relabellings, &comparison));
    differ(jackknife, results);
    take_p_values(comparison, results + CORRECTED * PAIR_GROUPS);
    qkvsim_intervals_free(jackknife);
    qkvsim_comparison_free(comparison);
    qkvsim_layout_free(layout);
}

enum {
    OF_STATISTICS = CORRECTED * PAIR_GROUPS,
    P_STATISTICS = 2 * P_KINDS * PAIR_GROUPS,
    OF_DISTANCES = OF_STATISTICS + P_STATISTICS,
    P_DISTANCES = 2 * DISTANCES * PAIR_GROUPS
};

/* Of intervals each statistic, of p-values all statistics together, and all distances. A tail of
 * few pairs has too few values for a p to be below 0.05 as often as that. */
static void report_pseudo_targets(const char *row, const double *results, int64_t count)
{
    span spans[CORRECTED + 2];
    double ones[PSEUDO], small[PSEUDO];
    share_of_ones(results, count, PSEUDO, ones);
    share_at_most(results, count, PSEUDO, 0.05, small);
    for (int k = 0; k < CORRECTED; k++)
        spans[k] = span_of(ones + k * PAIR_GROUPS, PAIR_GROUPS);
    spans[CORRECTED] = span_of(small + OF_STATISTICS, P_STATISTICS);
    spans[CORRECTED + 1] = span_of(small + OF_DISTANCES, P_DISTANCES);
    print_spans(row, spans, CORRECTED + 2);
    for (int k = 0; k < CORRECTED; k++)
        assert_within(row, spans[k], 0, 9);
    assert_within(row, spans[CORRECTED], 2, 9);
    assert_within(row, spans[CORRECTED + 1], 2, 9);
}

/* At every level: 2.2 / sqrt(count) is passed once in 8,000, and there are 168 columns in a
 * case. */
static void report_uniformity(const char *row, const double *results, int64_t count, int first,
                              int columns)
{
    const uniformity found =
        uniformity_of(results, count, PSEUDO, first, columns, relabellings_made());
    print_levels(row, &found);
    ck_assert_msg(found.distance.largest <= 220 / sqrt((double)count), "%s: %g %% from uniform",
                  row, found.distance.largest);
}

/* Non-targets of the capture taken for targets against the rest of them: there is nothing to
 * find. */
START_TEST(pseudo_targets_differ_in_about_5_per_cent)
{
    static const char *const columns[] = {
        "targets",  "offset share", "offset energy",      "variance energy",
        "mean o^2", "mean r^2",     "p of any statistic", "p of any distance"
    };
    static const struct {
        int64_t targets;
        const char *row, *statistics, *distances;
    } cases[] = { { 32, "32 of 992", "32 of 992 | a statistic", "32 of 992 | a distance" },
                  { 100, "100 of 992", "100 of 992 | a statistic", "100 of 992 | a distance" } };
    const int64_t count = 100 * scale;
    double *results[2];
    table others = load_others();
    stored copy = store(&others, QKVSIM_DTYPE_F32, ORDER_C);
    print_heading("pseudo-targets", columns, 8);
    for (int c = 0; c < 2; c++) {
        const pseudo_targets of = { &copy, others.n, cases[c].targets };
        results[c] = simulate_all(pretend, &of, count, PSEUDO);
        report_pseudo_targets(cases[c].row, results[c], count);
    }
    printf("\n");
    print_levels_heading("pseudo-targets by level", "targets", "p of");
    for (int c = 0; c < 2; c++) {
        report_uniformity(cases[c].statistics, results[c], count, OF_STATISTICS, P_STATISTICS);
        report_uniformity(cases[c].distances, results[c], count, OF_DISTANCES, P_DISTANCES);
        free(results[c]);
    }
    printf("\n");
    stored_free(&copy);
    table_free(&others);
}
END_TEST

static Suite *evidence_suite(void)
{
    Suite *suite = suite_create("evidence");
    TCase *intervals = add_simulations(suite, make_context, free_context);
    tcase_add_test(intervals, intervals_hold_the_truth_as_often_as_they_say);
    tcase_add_test(intervals, intervals_hold_the_truth_of_real_rows);
    tcase_add_test(intervals, the_corrected_share_depends_less_on_n_than_the_raw_one);
    tcase_add_test(intervals, pseudo_targets_differ_in_about_5_per_cent);
    return suite;
}

int main(int count, char **arguments)
{
    scale = count > 1 ? strtol(arguments[1], NULL, 10) : 1;
    return run_suite(evidence_suite());
}
