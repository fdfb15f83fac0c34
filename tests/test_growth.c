/* Structs that grow: a program compiled against the first version's header works with this
 * library. */
#include "first_version.h"
#include "suite_context.h"

enum { N = 24, D = 6 };

static float values[N][D];
static double edges[5] = { -1, -0.5, 0, 0.5, 1 };
static float cells[N * D];
static int32_t segments[N];
static uint8_t labels[N], relabelled[N];
static int64_t rows[N / 2], others[N / 2];
static qkvsim_layout *layout;

/* Every struct of the first version, filled so that the call below that reads it succeeds. */
static first_view view, covariates;
static first_matrix matrix;
static first_selection selection, second;
static first_input input;
static first_bins bins;
static first_permutation permutation;
static first_relabelling relabelling;
static first_context_options context_options;
static first_analysis_options analysis_options;
static first_similarity_options similarity_options;
static first_pairs_options pairs_options;
static first_baseline_options baseline_options;
static first_comparison_options comparison_options;
static first_interval_options interval_options;
static first_accumulator_options accumulator_options;

static void fill_data(void)
{
    for (int i = 0; i < N; i++) {
        segments[i] = i / 6;
        labels[i] = i < N / 2;
        rows[i / 2] = i - i % 2;
        others[i / 2] = i - i % 2 + 1;
        for (int j = 0; j < D; j++)
            values[i][j] = (float)((i * 37 + j * 101 + i * i * (j + 1)) % 53) - 20;
    }
}

static void fill(void)
{
    make_context();
    fill_data();
    assert_ok(context, qkvsim_layout_thirds(context, D, &layout));
    view = (first_view){ sizeof view, values, N, D, D, 1, QKVSIM_DTYPE_F32, 0 };
    covariates = (first_view){ sizeof covariates, values, N, 1, D, 1, QKVSIM_DTYPE_F32, 0 };
    selection = (first_selection){ sizeof selection, rows, NULL, N / 2 };
    second = (first_selection){ sizeof second, others, NULL, N / 2 };
    input = (first_input){ sizeof input, &view, 1, NULL, segments, 0, 0 };
    bins = (first_bins){ sizeof bins, 4, 0, 0, edges };
    matrix = (first_matrix){ sizeof matrix, cells, N, D, D, QKVSIM_DTYPE_F32, 0 };
    permutation = (first_permutation){
        sizeof permutation, 1, 0, QKVSIM_SCHEME_FEATURE, 0, layout, NULL, 0, 0
    };
    relabelling =
        (first_relabelling){ sizeof relabelling, 1, 0, QKVSIM_RELABEL_SHIFT, 0, segments, 0, 0 };
    context_options =
        (first_context_options){ .struct_size = sizeof context_options, .threads = 1 };
    analysis_options =
        (first_analysis_options){ .struct_size = sizeof analysis_options, .bins = &bins };
    similarity_options = (first_similarity_options){ sizeof similarity_options, 0, 0 };
    pairs_options = (first_pairs_options){ .struct_size = sizeof pairs_options, .top = 3 };
    baseline_options = (first_baseline_options){ .struct_size = sizeof baseline_options,
                                                 .permutations = 2,
                                                 .scheme = QKVSIM_SCHEME_FEATURE,
                                                 .covariates = &covariates };
    comparison_options =
        (first_comparison_options){ .struct_size = sizeof comparison_options, .permutations = 2 };
    interval_options =
        (first_interval_options){ .struct_size = sizeof interval_options, .blocks = 8 };
    accumulator_options = (first_accumulator_options){ sizeof accumulator_options, 16 };
}

static void release(void)
{
    qkvsim_layout_free(layout);
    free_context();
}

/* ---- a call for each struct ---- */

static qkvsim_status create(void)
{
    qkvsim_context *made = NULL;
    const qkvsim_status status = qkvsim_context_create((const void *)&context_options, &made);
    qkvsim_context_free(made);
    return status;
}

static qkvsim_status analyze(void)
{
    qkvsim_analysis *made = NULL;
    const qkvsim_status status = qkvsim_analysis_run(context, (const void *)&input, layout,
                                                     (const void *)&analysis_options, &made);
    qkvsim_analysis_free(made);
    return status;
}

static qkvsim_status write_similarity(void)
{
    matrix.rows = D;
    return qkvsim_similarity(context, (const void *)&input, QKVSIM_METRIC_PEARSON,
                             (const void *)&similarity_options, (const void *)&matrix);
}

static qkvsim_status find_pairs(void)
{
    qkvsim_pairs *made = NULL;
    int64_t count;
    const qkvsim_status status = qkvsim_pairs_run(context, (const void *)&input, layout,
                                                  (const void *)&pairs_options, &made);
    const first_pair *list = (const void *)qkvsim_pairs_list(made, &count);
    for (int64_t k = 0; k < count; k++)
        ck_assert(list[k].i < list[k].j && list[k].j < D && list[k].reserved == 0);
    qkvsim_pairs_free(made);
    return status;
}

static qkvsim_status permute(void)
{
    matrix.rows = input.selection == NULL ? N : N / 2;
    return qkvsim_permute(context, (const void *)&input, (const void *)&permutation,
                          (const void *)&matrix);
}

static qkvsim_status relabel(void)
{
    return qkvsim_relabel(context, labels, N, (const void *)&relabelling, relabelled);
}

static qkvsim_status run_baseline(void)
{
    qkvsim_baseline *made = NULL;
    const qkvsim_status status = qkvsim_baseline_run(context, (const void *)&input, layout, NULL,
                                                     (const void *)&baseline_options, &made);
    qkvsim_baseline_free(made);
    return status;
}

static qkvsim_status compare(void)
{
    qkvsim_comparison *made = NULL;
    input.selection = &selection;
    const qkvsim_status status =
        qkvsim_comparison_run(context, (const void *)&input, (const void *)&second, layout, NULL,
                              (const void *)&comparison_options, &made);
    qkvsim_comparison_free(made);
    return status;
}

static qkvsim_status run_intervals(void)
{
    qkvsim_intervals *made = NULL;
    const qkvsim_status status = qkvsim_intervals_run(context, (const void *)&input, NULL, layout,
                                                      NULL, (const void *)&interval_options, &made);
    qkvsim_intervals_free(made);
    return status;
}

static qkvsim_status accumulate(void)
{
    qkvsim_accumulator *made = NULL;
    const qkvsim_status status =
        qkvsim_accumulator_create(context, D, (const void *)&accumulator_options, &made);
    qkvsim_accumulator_free(made);
    return status;
}

typedef struct subject {
    const char *name;
    void *of;
    size_t size, now; /* in the first version, and today */
    int32_t *reserved;
    qkvsim_status (*call)(void);
} subject;

#define SUBJECT(name, of, reserved, call)                                                          \
    {                                                                                              \
        "qkvsim_" #name, &(of), sizeof(of), sizeof(qkvsim_##name), reserved, call                  \
    }

static const subject subjects[] = {
    SUBJECT(view, view, &view.reserved, analyze),
    SUBJECT(view, covariates, &covariates.reserved, run_baseline),
    SUBJECT(matrix, matrix, &matrix.reserved, permute),
    SUBJECT(matrix, matrix, &matrix.reserved, write_similarity),
    SUBJECT(selection, selection, NULL, compare),
    SUBJECT(selection, second, NULL, compare),
    SUBJECT(input, input, NULL, analyze),
    SUBJECT(bins, bins, NULL, analyze),
    SUBJECT(permutation, permutation, &permutation.reserved, permute),
    SUBJECT(relabelling, relabelling, &relabelling.reserved, relabel),
    SUBJECT(analysis_options, analysis_options, NULL, analyze),
    SUBJECT(similarity_options, similarity_options, &similarity_options.reserved, write_similarity),
    SUBJECT(pairs_options, pairs_options, NULL, find_pairs),
    SUBJECT(baseline_options, baseline_options, NULL, run_baseline),
    SUBJECT(comparison_options, comparison_options, &comparison_options.reserved, compare),
    SUBJECT(interval_options, interval_options, &interval_options.reserved, run_intervals),
    SUBJECT(accumulator_options, accumulator_options, NULL, accumulate),
};

enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

/* ---- laws ---- */

START_TEST(the_first_versions_structs_are_accepted)
{
    for (int k = 0; k < SUBJECTS; k++) {
        assert_ok(context, subjects[k].call());
        ck_assert_uint_le(subjects[k].size, subjects[k].now);
    }
    ck_assert_int_eq(create(), QKVSIM_OK);
    ck_assert_uint_eq(sizeof(first_pair), sizeof(qkvsim_pair));
}
END_TEST

START_TEST(a_byte_less_than_the_first_version_is_refused)
{
    for (int k = 0; k < SUBJECTS; k++) {
        const size_t shorter = subjects[k].size - 1;
        memcpy(subjects[k].of, &shorter, sizeof shorter);
        assert_status(context, subjects[k].call(), QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has(context, subjects[k].name);
        assert_message_has_number(context, (int64_t)shorter);
        assert_message_has_number(context, (int64_t)subjects[k].size);
        memcpy(subjects[k].of, &subjects[k].size, sizeof subjects[k].size);
    }
    context_options.struct_size--;
    ck_assert_int_eq(create(), QKVSIM_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(reserved_fields_must_be_zero)
{
    for (int k = 0; k < SUBJECTS; k++) {
        if (subjects[k].reserved == NULL)
            continue;
        *subjects[k].reserved = 77;
        assert_status(context, subjects[k].call(), QKVSIM_ERROR_UNSUPPORTED);
        assert_message_has(context, subjects[k].name);
        assert_message_has(context, "has reserved 77");
        *subjects[k].reserved = 0;
    }
}
END_TEST

/* Two headers that put their fields in other places would not be told apart by sizes. */
#define SAME_PLACE(name, field)                                                                    \
    ck_assert_uint_eq(offsetof(first_##name, field), offsetof(qkvsim_##name, field))

START_TEST(fields_stand_where_the_first_version_had_them)
{
    SAME_PLACE(view, data);
    SAME_PLACE(view, feature_stride);
    SAME_PLACE(view, dtype);
    SAME_PLACE(matrix, leading_dimension);
    SAME_PLACE(matrix, dtype);
    SAME_PLACE(selection, mask);
    SAME_PLACE(selection, count);
    SAME_PLACE(input, selection);
    SAME_PLACE(input, segments);
    SAME_PLACE(input, nonfinite);
    SAME_PLACE(bins, low);
    SAME_PLACE(bins, edges);
    SAME_PLACE(permutation, index);
    SAME_PLACE(permutation, exchange);
    SAME_PLACE(permutation, layout);
    SAME_PLACE(permutation, covariates);
    SAME_PLACE(permutation, enumerated);
    SAME_PLACE(relabelling, exchange);
    SAME_PLACE(relabelling, segments);
    SAME_PLACE(relabelling, enumerated);
    SAME_PLACE(context_options, release);
    SAME_PLACE(context_options, progress_user);
    SAME_PLACE(context_options, threads);
    SAME_PLACE(context_options, kernels);
    SAME_PLACE(context_options, error);
    SAME_PLACE(context_options, error_size);
    SAME_PLACE(analysis_options, pair_group_count);
    SAME_PLACE(analysis_options, metrics);
    SAME_PLACE(similarity_options, triangle);
    SAME_PLACE(pairs_options, metric);
    SAME_PLACE(pairs_options, per_pair_group);
    SAME_PLACE(pairs_options, threshold);
    SAME_PLACE(pairs_options, limit);
    SAME_PLACE(pair, value);
    SAME_PLACE(pair, pair_group);
    SAME_PLACE(baseline_options, scheme);
    SAME_PLACE(baseline_options, exchange);
    SAME_PLACE(baseline_options, covariates);
    SAME_PLACE(baseline_options, exceedances);
    SAME_PLACE(comparison_options, seed);
    SAME_PLACE(comparison_options, centred);
    SAME_PLACE(comparison_options, exchange);
    SAME_PLACE(comparison_options, exceedances);
    SAME_PLACE(comparison_options, first);
    SAME_PLACE(comparison_options, first_subset);
    SAME_PLACE(interval_options, block_length);
    SAME_PLACE(interval_options, level);
    SAME_PLACE(interval_options, method);
    SAME_PLACE(interval_options, reserved);
    SAME_PLACE(baseline_options, total);
    SAME_PLACE(interval_options, first);
    SAME_PLACE(accumulator_options, blocks);
}
END_TEST

START_TEST(constants_of_a_newer_library_are_unsupported)
{
    int32_t *const constants[] = { &view.dtype,
                                   &input.nonfinite,
                                   &input.arithmetic,
                                   &analysis_options.metrics,
                                   &pairs_options.metric,
                                   &pairs_options.sign,
                                   &permutation.scheme,
                                   &permutation.exchange,
                                   &relabelling.relabel,
                                   &relabelling.exchange,
                                   &similarity_options.triangle,
                                   &baseline_options.scheme,
                                   &baseline_options.exchange,
                                   &comparison_options.relabel,
                                   &comparison_options.exchange,
                                   &interval_options.method };
    qkvsim_status (*const calls[])(
        void) = { analyze,      analyze, analyze, analyze,      find_pairs,       find_pairs,
                  permute,      permute, relabel, relabel,      write_similarity, run_baseline,
                  run_baseline, compare, compare, run_intervals };
    for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++) {
        const int32_t known = *constants[k];
        *constants[k] = 64;
        assert_status(context, calls[k](), QKVSIM_ERROR_UNSUPPORTED);
        assert_message_has_number(context, 64);
        assert_message_has(context, "a newer library may know it");
        *constants[k] = -64;
        assert_status(context, calls[k](), QKVSIM_ERROR_INVALID_ARGUMENT);
        *constants[k] = known;
    }
    char text[512] = "";
    context_options.kernels = 64;
    context_options.error = text;
    context_options.error_size = sizeof text;
    ck_assert_int_eq(create(), QKVSIM_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(text, "a newer library may know it"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("growth");
    TCase *structs = add_case(suite, "structs of the first version", fill, release);
    tcase_add_test(structs, the_first_versions_structs_are_accepted);
    tcase_add_test(structs, a_byte_less_than_the_first_version_is_refused);
    tcase_add_test(structs, reserved_fields_must_be_zero);
    if (sizeof(void *) == 8)
        tcase_add_test(structs, fields_stand_where_the_first_version_had_them);
    tcase_add_test(structs, constants_of_a_newer_library_are_unsupported);
    return run_suite(suite);
}
