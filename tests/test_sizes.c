/*
 * How often each scheme rejects where there is nothing to find: in the setting that it is for, where that is
 * 5 %, and in settings that it is not for. docs/statistics.md has what this prints (tests/evidence.py).
 * `test_sizes 10` runs ten times as many simulations, and is strict.
 */
#include "simulation.h"
#include "suite_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t scale;

/* ---- data without anything to find ---- */

enum { OWN = 5, FEATURES = 3 * OWN, MOST = 128, COMMON = 3 };

/* What a data set is made of; zero is none of it. */
typedef struct ingredients {
    int64_t n;
    double offsets, scales;    /* of features: means of that size, scales apart by that factor */
    double related;            /* loading of a group's features on a factor of their own */
    double phi, trend;         /* of all errors; slopes over the whole length */
    double norms;              /* sd of the logarithm of a size that a token has in all groups */
    double documents;          /* sd of a document's own means, of `run` rows */
    double selected;           /* what the first selection's means differ by */
    int run, repeats;          /* rows of a document; times that each row is there */
    bool binary, groups_alike; /* 0 and 1; the same offsets and scales for a group */
} ingredients;

static double next_error(random_source *source, double state, int64_t row, double phi)
{
    const double fresh = random_normal(source);
    return row == 0 ? fresh : phi * state + sqrt(1 - phi * phi) * fresh;
}

/* Errors of one row: of each feature, and of what its group shares. */
static void next_errors(random_source *source, const ingredients *of, int64_t row,
                        double state[FEATURES + COMMON])
{
    for (int s = 0; s < FEATURES + COMMON; s++)
        state[s] = next_error(source, state[s], row, of->phi);
}

typedef struct feature {
    double offset, scale, slope, document;
} feature;

static void draw_features(random_source *source, const ingredients *of, feature all[FEATURES])
{
    for (int j = 0; j < FEATURES; j++) {
        const int same = j - j % OWN;
        const double offset = of->offsets * random_normal(source);
        const double factor = exp(of->scales * random_normal(source));
        all[j].offset = of->groups_alike ? all[same].offset : offset;
        all[j].scale = of->groups_alike ? all[same].scale : factor;
        if (j == same) {
            all[j].offset = offset;
            all[j].scale = factor;
        }
        all[j].slope = of->trend * random_normal(source);
    }
}

static double value_of(const ingredients *of, const feature *f, const double *state, int j,
                       int64_t row, double size)
{
    double value = state[j] + of->related * state[FEATURES + j / OWN];
    value += f->slope * (double)row / (double)of->n + f->document;
    if (of->binary)
        value = value > 0.8;
    return f->offset + f->scale * size * value;
}

static table draw(const ingredients *of, uint64_t seed)
{
    random_source source = { seed };
    feature features[FEATURES] = { { 0 } };
    double state[FEATURES + COMMON] = { 0 };
    table made = table_new(of->n, FEATURES);
    const int repeats = of->repeats > 0 ? of->repeats : 1;
    draw_features(&source, of, features);
    for (int64_t row = 0; row < of->n; row++) {
        if (row % repeats == 0)
            next_errors(&source, of, row, state);
        const double size = exp(of->norms * random_normal(&source));
        for (int j = 0; j < FEATURES; j++) {
            if (of->run > 0 && row % of->run == 0)
                features[j].document = of->documents * random_normal(&source);
            *table_at(&made, row, j) = value_of(of, &features[j], state, j, row, size);
        }
    }
    return made;
}

/* ---- baselines ---- */

enum { SEEN = 5 };

/* Statistics of Q-K; the raw share, for the corrected one is absent in most permutations of every value. */
static const int32_t seen[SEEN][2] = {
    { QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN },
    { QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_VARIANCE },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE },
    { QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE_RAW },
};

static double rejects(double p)
{
    return isnan(p) ? (double)NAN : p < 0.05 + 1e-9;
}

/* `most` is the largest rate that is promised in per cent, or, negative, the least that is warned of. */
typedef struct setting {
    const char *row;
    ingredients data;
    double most;
    int32_t scheme;
    bool segments, exchange, covariates; /* documents as segments, exchanged; the position */
    bool relabel, centred, clusters;     /* a comparison; centred; targets in runs */
} setting;

static void number_rows(const setting *of, int32_t *segments, double *positions)
{
    for (int64_t row = 0; row < of->data.n; row++) {
        segments[row] = of->data.run > 0 ? (int32_t)(row / of->data.run) : 0;
        positions[row] = (double)row;
    }
}

static void permute(qkvsim_context *with, int64_t number, const void *argument, double *results)
{
    const setting *of = argument;
    int32_t segments[MOST];
    double positions[MOST];
    const qkvsim_view position = { .struct_size = sizeof position,
                                   .data = positions,
                                   .observations = of->data.n,
                                   .features = 1,
                                   .observation_stride = 1,
                                   .feature_stride = 1,
                                   .dtype = QKVSIM_DTYPE_F64 };
    table rows = draw(&of->data, 1000000 + (uint64_t)number);
    stored copy = store(&rows, QKVSIM_DTYPE_F32, ORDER_C);
    number_rows(of, segments, positions);
    const qkvsim_input input = *INPUT(&copy.view, 1, .segments = of->segments ? segments : NULL);
    const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                              .permutations = 19,
                                              .seed = (uint64_t)number,
                                              .scheme = of->scheme,
                                              .exchange =
                                                  of->exchange ? QKVSIM_EXCHANGE_SEGMENTS : 0,
                                              .covariates = of->covariates ? &position : NULL };
    qkvsim_layout *layout = NULL;
    qkvsim_baseline *made = NULL;
    must(with, qkvsim_layout_thirds(with, FEATURES, &layout));
    must(with, qkvsim_baseline_run(with, &input, layout, NULL, &options, &made));
    for (int s = 0; s < SEEN; s++)
        results[s] =
            rejects(qkvsim_baseline_statistic(made, 1, seen[s][0], seen[s][1], QKVSIM_SUMMARY_P));
    qkvsim_baseline_free(made);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&rows);
}

/* ---- comparisons ---- */

typedef struct targets {
    int64_t rows[2][MOST];
    qkvsim_selection selection[2];
} targets;

/* A third of the rows at random, or every third document or run of ten. */
static void select_targets(const setting *of, uint64_t seed, targets *made)
{
    const int64_t n = of->data.n, run = of->data.run > 0 ? of->data.run : 10;
    int64_t count[2] = { 0 };
    if (!of->clusters) {
        count[0] = n / 3;
        count[1] = n - n / 3;
        choose_rows(n, n / 3, seed, made->rows[0], made->rows[1]);
    }
    for (int64_t row = 0; row < n && of->clusters; row++) {
        const bool first = row / run % 3 == 0;
        made->rows[!first][count[!first]++] = row;
    }
    for (int s = 0; s < 2; s++)
        made->selection[s] = (qkvsim_selection){ .struct_size = sizeof made->selection[s],
                                                 .observations = made->rows[s],
                                                 .count = count[s] };
}

static void shift_targets(const setting *of, const targets *which, table *rows)
{
    for (int64_t k = 0; k < which->selection[0].count; k++)
        for (int64_t j = 0; j < FEATURES; j++)
            *table_at(rows, which->rows[0][k], j) += of->data.selected * (j % 2 ? 1 : -1);
}

static void relabel(qkvsim_context *with, int64_t number, const void *argument, double *results)
{
    const setting *of = argument;
    int32_t segments[MOST];
    double positions[MOST];
    targets which;
    table rows = draw(&of->data, 1000000 + (uint64_t)number);
    select_targets(of, 5000 + (uint64_t)number, &which);
    shift_targets(of, &which, &rows);
    number_rows(of, segments, positions);
    stored copy = store(&rows, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_analysis_options analysis = { .struct_size = sizeof analysis,
                                               .metrics = of->centred
                                                              ? QKVSIM_METRIC_PEARSON
                                                              : QKVSIM_METRIC_PEARSON
                                                                    | QKVSIM_METRIC_COSINE };
    const qkvsim_input input = *INPUT(&copy.view, 1, .selection = &which.selection[0],
                                      .segments = of->segments ? segments : NULL);
    const qkvsim_comparison_options options = { .struct_size = sizeof options,
                                                .permutations = 19,
                                                .subsets = 1,
                                                .seed = (uint64_t)number,
                                                .relabel = of->scheme,
                                                .exchange =
                                                    of->exchange ? QKVSIM_EXCHANGE_SEGMENTS : 0,
                                                .centred = of->centred };
    qkvsim_layout *layout = NULL;
    qkvsim_comparison *made = NULL;
    must(with, qkvsim_layout_thirds(with, FEATURES, &layout));
    must(with,
         qkvsim_compare(with, &input, &which.selection[1], layout, &analysis, &options, &made));
    for (int s = 0; s < SEEN; s++)
        results[s] = rejects(
            qkvsim_comparison_difference(made, 1, seen[s][0], seen[s][1], QKVSIM_SUMMARY_P));
    qkvsim_comparison_free(made);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&rows);
}

/* ---- the table ---- */

static void report(const setting *all, size_t count, const char *name)
{
    static const char *const columns[] = { "scheme",          "data without an effect",
                                           "mean r",          "variance of r",
                                           "mean cosine",     "variance of cosines",
                                           "raw offset share" };
    print_heading(name, columns, 7);
    for (size_t k = 0; k < count; k++) {
        double percent[SEEN];
        span spans[SEEN];
        const double slack = scale > 1 ? 0 : 3;
        simulate(all[k].relabel ? relabel : permute, &all[k], 300 * scale, SEEN, percent);
        for (int s = 0; s < SEEN; s++)
            spans[s] = span_of(percent + s, 1);
        print_spans(all[k].row, spans, SEEN);
        const span found = span_of(percent, SEEN);
        if (all[k].most > 0)
            ck_assert_msg(found.largest <= all[k].most + slack, "%s: %g %%", all[k].row,
                          found.largest);
        else
            ck_assert_msg(found.largest >= -all[k].most - 2 * slack, "%s: %g %%", all[k].row,
                          found.largest);
    }
    printf("\n");
}

/* Exact ones are within 3 standard errors of 5 %; rotations join an end to a beginning, and residuals add
 * up to 0. */
START_TEST(schemes_hold_their_size_where_they_are_valid)
{
    static const setting settings[] = {
        { .row = "all | independent values of one distribution",
          .data = { .n = 32 },
          .most = 6.5,
          .scheme = QKVSIM_SCHEME_ALL },
        { .row = "group | independent values, one distribution a group",
          .data = { .n = 32, .offsets = 1, .scales = 0.5, .groups_alike = true },
          .most = 6.5,
          .scheme = QKVSIM_SCHEME_GROUP },
        { .row = "feature | independent features, each with its own mean and scale",
          .data = { .n = 32, .offsets = 1, .scales = 0.5 },
          .most = 6.5,
          .scheme = QKVSIM_SCHEME_FEATURE },
        { .row = "feature | the same, 0 and 1, n = 12",
          .data = { .n = 12, .binary = true },
          .most = 6.5,
          .scheme = QKVSIM_SCHEME_FEATURE },
        { .row = "shift | independent features, AR .7, n = 100",
          .data = { .n = 100, .offsets = 1, .phi = 0.7 },
          .most = 8,
          .scheme = QKVSIM_SCHEME_SHIFT },
        { .row = "observations | groups unrelated, related within",
          .data = { .n = 32, .offsets = 1, .related = 1 },
          .most = 6.5,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS },
        { .row = "observations | the same, 0 and 1, n = 12",
          .data = { .n = 12, .related = 1, .binary = true },
          .most = 6.5,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS },
        { .row = "observations-shift | the same, AR .7, n = 100",
          .data = { .n = 100, .offsets = 1, .related = 1, .phi = 0.7 },
          .most = 8,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS_SHIFT },
        { .row = "flip | groups unrelated but for the norm of a token",
          .data = { .n = 50, .offsets = 1, .related = 1, .norms = 0.7 },
          .most = 8,
          .scheme = QKVSIM_SCHEME_FLIP },
        { .row = "observations, exchange segments | ten documents with means of their own",
          .data = { .n = 60, .related = 1, .documents = 1, .run = 6 },
          .most = 6.5,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS,
          .segments = true,
          .exchange = true },
        { .row = "observations, covariate position | a linear trend",
          .data = { .n = 50, .related = 1, .trend = 4 },
          .most = 7,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS,
          .covariates = true },
        { .row = "flip, covariate position | a linear trend",
          .data = { .n = 50, .related = 1, .trend = 4 },
          .most = 8,
          .scheme = QKVSIM_SCHEME_FLIP,
          .covariates = true },
        { .row = "labels | one kind of observation",
          .data = { .n = 60, .offsets = 1, .related = 1 },
          .most = 6.5,
          .scheme = QKVSIM_RELABEL_LABELS,
          .relabel = true },
        { .row = "labels | the same, 0 and 1, n = 15",
          .data = { .n = 15, .related = 1, .binary = true },
          .most = 6.5,
          .scheme = QKVSIM_RELABEL_LABELS,
          .relabel = true },
        { .row = "label-shift | clustered targets, AR .7, n = 120",
          .data = { .n = 120, .offsets = 1, .related = 1, .phi = 0.7 },
          .most = 8,
          .scheme = QKVSIM_RELABEL_SHIFT,
          .relabel = true,
          .clusters = true },
        { .row = "labels, exchange segments | documents with means of their own",
          .data = { .n = 120, .related = 1, .documents = 1, .run = 8 },
          .most = 6.5,
          .scheme = QKVSIM_RELABEL_LABELS,
          .relabel = true,
          .segments = true,
          .exchange = true,
          .clusters = true },
        { .row = "labels, centred | selections that differ in means",
          .data = { .n = 60, .offsets = 1, .related = 1, .selected = 2 },
          .most = 8,
          .scheme = QKVSIM_RELABEL_LABELS,
          .relabel = true,
          .centred = true },
    };
    report(settings, sizeof settings / sizeof settings[0], "sizes");
}
END_TEST

START_TEST(schemes_reject_too_often_where_the_page_says_so)
{
    static const setting settings[] = {
        { .row = "shift | AR .95, n = 32",
          .data = { .n = 32, .phi = 0.95 },
          .most = -10,
          .scheme = QKVSIM_SCHEME_SHIFT },
        { .row = "shift | AR .95, n = 100",
          .data = { .n = 100, .phi = 0.95 },
          .most = -7,
          .scheme = QKVSIM_SCHEME_SHIFT },
        { .row = "observations-shift | AR .95, n = 100",
          .data = { .n = 100, .related = 1, .phi = 0.95 },
          .most = -6,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS_SHIFT },
        { .row = "observations-shift in segments | AR .7, ten segments of 12",
          .data = { .n = 120, .related = 1, .phi = 0.7, .run = 12 },
          .most = -5,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS_SHIFT,
          .segments = true },
        { .row = "shift | a linear trend, n = 100",
          .data = { .n = 100, .trend = 4 },
          .most = -50,
          .scheme = QKVSIM_SCHEME_SHIFT },
        { .row = "observations-shift | a linear trend, n = 100",
          .data = { .n = 100, .related = 1, .trend = 4 },
          .most = -50,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS_SHIFT },
        { .row = "feature | features related within groups",
          .data = { .n = 32, .related = 1 },
          .most = -30,
          .scheme = QKVSIM_SCHEME_FEATURE },
        { .row = "feature | each row twice",
          .data = { .n = 64, .repeats = 2 },
          .most = -30,
          .scheme = QKVSIM_SCHEME_FEATURE },
        { .row = "observations | each row twice",
          .data = { .n = 64, .related = 1, .repeats = 2 },
          .most = -15,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS },
        { .row = "observations | AR .7, n = 100",
          .data = { .n = 100, .related = 1, .phi = 0.7 },
          .most = -15,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS },
        { .row = "observations | the norm of a token in all groups",
          .data = { .n = 50, .offsets = 1, .related = 1, .norms = 0.7 },
          .most = -30,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS },
        { .row = "observations | documents with means of their own",
          .data = { .n = 60, .related = 1, .documents = 1, .run = 6 },
          .most = -30,
          .scheme = QKVSIM_SCHEME_OBSERVATIONS },
        { .row = "labels | clustered targets, AR .7, n = 120",
          .data = { .n = 120, .offsets = 1, .related = 1, .phi = 0.7 },
          .most = -10,
          .scheme = QKVSIM_RELABEL_LABELS,
          .relabel = true,
          .clusters = true },
        { .row = "labels | documents with means of their own",
          .data = { .n = 120, .related = 1, .documents = 1, .run = 8 },
          .most = -10,
          .scheme = QKVSIM_RELABEL_LABELS,
          .relabel = true,
          .clusters = true },
    };
    report(settings, sizeof settings / sizeof settings[0], "limits");
}
END_TEST

static Suite *sizes_suite(void)
{
    Suite *suite = suite_create("sizes");
    TCase *sizes = add_case(suite, "sizes", make_context, free_context);
    tcase_set_timeout(sizes, 1200);
    tcase_add_test(sizes, schemes_hold_their_size_where_they_are_valid);
    tcase_add_test(sizes, schemes_reject_too_often_where_the_page_says_so);
    return suite;
}

int main(int count, char **arguments)
{
    scale = count > 1 ? strtol(arguments[1], NULL, 10) : 1;
    return run_suite(sizes_suite());
}
