/* pairs.h against the obvious way: the whole matrix, collected, sorted and cut. */
#include <qkvsim/pairs.h>

#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

static const struct maker {
    table (*make)(int64_t n, int64_t d, uint64_t seed);
} makers[] = { { table_normal }, { table_magnitudes }, { table_binary_duplicates },
               { table_sparse }, { table_one_hot },    { table_half_flipped },
               { table_mixed },  { table_twins } };
enum { MAKERS = sizeof makers / sizeof makers[0] };

static const int32_t metrics[] = { QKVSIM_METRIC_COSINE, QKVSIM_METRIC_PEARSON,
                                   QKVSIM_METRIC_SPEARMAN };

static qkvsim_layout *layout_in_turns(int64_t d, int32_t groups)
{
    int32_t *labels = malloc((size_t)d * sizeof *labels);
    for (int64_t j = 0; j < d; j++)
        labels[j] = (int32_t)(j % groups);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_labels(context, labels, d, NULL, groups, &layout));
    free(labels);
    return layout;
}

/* ---- the obvious way ---- */

static double strength(int32_t sign, double value)
{
    return sign == QKVSIM_SIGN_BOTH ? fabs(value) : sign == QKVSIM_SIGN_POSITIVE ? value : -value;
}

static int32_t sign_to_sort_by;

static int compare(const void *left, const void *right)
{
    const qkvsim_pair *a = left, *b = right;
    const double s = strength(sign_to_sort_by, a->value), t = strength(sign_to_sort_by, b->value);
    if (s != t)
        return s > t ? -1 : 1;
    if (a->i != b->i)
        return a->i < b->i ? -1 : 1;
    return (a->j > b->j) - (a->j < b->j);
}

static int64_t features_of(const qkvsim_input *read)
{
    int64_t features = 0;
    for (int64_t p = 0; p < read->part_count; p++)
        features += read->parts[p].features;
    return features;
}

static double *own_matrix(const qkvsim_input *read, const qkvsim_pairs_options *options)
{
    const int64_t d = features_of(read);
    double *values = malloc((size_t)(d * d) * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, d, QKVSIM_DTYPE_F64);
    const int32_t metric = options->metric != 0 ? options->metric : QKVSIM_METRIC_COSINE;
    assert_ok(context, qkvsim_similarity(context, read, metric, NULL, &matrix));
    return values;
}

static bool is_asked_for(const qkvsim_pairs_options *options, int32_t pair_group)
{
    for (int32_t k = 0; k < options->pair_group_count; k++)
        if (options->pair_groups[k] == pair_group)
            return true;
    return options->pair_groups == NULL;
}

/* The first `top` of all, or of each pair group; returns how many stay. */
static int64_t cut(qkvsim_pair *pairs, int64_t count, const qkvsim_pairs_options *options)
{
    int64_t taken[1024] = { 0 }, kept = 0;
    for (int64_t k = 0; k < count; k++)
        if (++taken[options->per_pair_group ? pairs[k].pair_group : 0] <= options->top)
            pairs[kept++] = pairs[k];
    return kept;
}

static int64_t pairs_of_matrix(const double *values, int64_t d, const qkvsim_layout *layout,
                               const qkvsim_pairs_options *options, qkvsim_pair **pairs)
{
    const int32_t *group_of = layout != NULL ? qkvsim_layout_group_of(layout) : NULL;
    int64_t count = 0;
    *pairs = malloc((size_t)(d * d) * sizeof **pairs);
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = i + 1; j < d; j++) {
            const double value = values[i * d + j];
            const int32_t pair_group =
                layout != NULL ? qkvsim_layout_pair_group(layout, group_of[i], group_of[j]) : 0;
            if (isnan(value) || !is_asked_for(options, pair_group)
                || (options->threshold != NULL
                    && !(strength(options->sign, value) >= *options->threshold)))
                continue;
            (*pairs)[count++] = (qkvsim_pair){ i, j, value, pair_group, 0 };
        }
    sign_to_sort_by = options->sign;
    qsort(*pairs, (size_t)count, sizeof **pairs, compare);
    return options->top > 0 ? cut(*pairs, count, options) : count;
}

static int64_t obvious_pairs(const qkvsim_input *read, const qkvsim_layout *layout,
                             const qkvsim_pairs_options *options, qkvsim_pair **pairs)
{
    double *values = own_matrix(read, options);
    const int64_t count = pairs_of_matrix(values, features_of(read), layout, options, pairs);
    free(values);
    return count;
}

static void assert_pairs(const qkvsim_pairs *found, const qkvsim_pair *expected, int64_t count)
{
    int64_t found_count;
    const qkvsim_pair *list = qkvsim_pairs_list(found, &found_count);
    ck_assert_int_eq(found_count, count);
    ck_assert(count > 0 || list == NULL);
    for (int64_t k = 0; k < count; k++) {
        const qkvsim_pair *a = &list[k], *b = &expected[k];
        if (a->i != b->i || a->j != b->j || a->pair_group != b->pair_group
            || memcmp(&a->value, &b->value, sizeof a->value) != 0)
            ck_abort_msg("pair %ld is (%ld, %ld) of %d with %.17g and not (%ld, %ld) of %d with "
                         "%.17g",
                         (long)k, (long)a->i, (long)a->j, a->pair_group, a->value, (long)b->i,
                         (long)b->j, b->pair_group, b->value);
    }
}

static qkvsim_pairs *find(qkvsim_context *with, const qkvsim_input *read,
                          const qkvsim_layout *layout, const qkvsim_pairs_options *options)
{
    qkvsim_pairs *pairs;
    assert_ok(with, qkvsim_pairs_run(with, read, layout, options, &pairs));
    return pairs;
}

/* Finds both ways; returns how many pairs there are. */
static int64_t check_pairs(const qkvsim_input *read, const qkvsim_layout *layout,
                           const qkvsim_pairs_options *options)
{
    qkvsim_pair *expected;
    const int64_t count = obvious_pairs(read, layout, options, &expected);
    qkvsim_pairs *pairs = find(context, read, layout, options);
    assert_pairs(pairs, expected, count);
    ck_assert_int_eq(qkvsim_pairs_metric(pairs),
                     options->metric != 0 ? options->metric : QKVSIM_METRIC_COSINE);
    if (read->part_count == 1 && read->arithmetic == 0)
        ck_assert_int_eq(qkvsim_pairs_arithmetic(pairs), read->parts[0].dtype == QKVSIM_DTYPE_F64
                                                             ? QKVSIM_DTYPE_F64
                                                             : QKVSIM_DTYPE_F32);
    qkvsim_pairs_free(pairs);
    free(expected);
    return count;
}

static const qkvsim_pairs_options defaults = { .struct_size = sizeof defaults };

/* ---- what is found ---- */

/* Of every pair, sorted once, those that are over a threshold or the top come first. */
static void check_first(const stored *copy, const qkvsim_layout *layout,
                        const qkvsim_pairs_options *options, const qkvsim_pair *sorted,
                        int64_t count)
{
    int64_t first = 0;
    while (first < count
           && (options->threshold != NULL
                   ? strength(options->sign, sorted[first].value) >= *options->threshold
                   : first < options->top))
        first++;
    qkvsim_pairs *pairs = find(context, INPUT(&copy->view, 1), layout, options);
    assert_pairs(pairs, sorted, first);
    qkvsim_pairs_free(pairs);
}

START_TEST(over_a_threshold_is_what_the_matrix_has)
{
    const double thresholds[] = { 0, 0.05, 0.3, 0.9, 1, -0.2, -1 };
    table data = makers[_i].make(61, 310, 1);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(310, 4);
    for (int m = 0; m < 3; m++)
        for (int32_t sign = QKVSIM_SIGN_BOTH; sign <= QKVSIM_SIGN_NEGATIVE; sign++) {
            qkvsim_pairs_options options = defaults;
            qkvsim_pair *sorted;
            options.metric = metrics[m];
            options.sign = sign;
            const int64_t count = obvious_pairs(INPUT(&copy.view, 1), layout, &options, &sorted);
            for (int t = 0; t < (sign == QKVSIM_SIGN_BOTH ? 5 : 7); t++) {
                options.threshold = &thresholds[t];
                check_first(&copy, layout, &options, sorted, count);
            }
            free(sorted);
        }
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(the_top_are_the_first_of_all_sorted)
{
    const int64_t tops[] = { 1, 2, 25, 1000, 47894, 47895 };
    table data = makers[_i].make(64, 310, 2);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(310, 4);
    for (int m = 0; m < 3; m++)
        for (int32_t sign = QKVSIM_SIGN_BOTH; sign <= QKVSIM_SIGN_NEGATIVE; sign++) {
            qkvsim_pairs_options options = defaults;
            qkvsim_pair *sorted;
            options.metric = metrics[m];
            options.sign = sign;
            const int64_t count = obvious_pairs(INPUT(&copy.view, 1), layout, &options, &sorted);
            for (int t = 0; t < 6; t++) {
                options.top = tops[t];
                check_first(&copy, layout, &options, sorted, count);
            }
            free(sorted);
        }
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Three features of group 2 of 30 make three pairs: fewer than five. */
START_TEST(each_pair_group_has_its_own_top)
{
    table data = makers[_i].make(40, 303, 3);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    int32_t labels[303];
    for (int j = 0; j < 303; j++)
        labels[j] = j % 101 == 7 ? 2 : j % 2;
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_labels(context, labels, 303, NULL, 3, &layout));
    qkvsim_pairs_options options = defaults;
    options.per_pair_group = 1;
    for (options.top = 1; options.top <= 625; options.top *= 5)
        for (options.sign = QKVSIM_SIGN_BOTH; options.sign <= QKVSIM_SIGN_NEGATIVE; options.sign++)
            check_pairs(INPUT(&copy.view, 1), layout, &options);
    const double threshold = 0.2;
    options.threshold = &threshold;
    options.sign = QKVSIM_SIGN_POSITIVE;
    options.top = 40;
    check_pairs(INPUT(&copy.view, 1), layout, &options);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(with_both_it_is_the_top_of_those_over_the_threshold)
{
    const double thresholds[] = { 0.1, 0.99 };
    table data = table_with_offsets(50, 120, 1, 4);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.threshold = &thresholds[_i];
    options.top = 300;
    const int64_t count = check_pairs(INPUT(&copy.view, 1), NULL, &options);
    ck_assert(_i == 0 ? count == 300 : count < 300);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(chosen_pair_groups_are_as_among_all)
{
    const int32_t chosen[][2] = { { 1, 1 }, { 5, 2 }, { 0, 9 } };
    const double threshold = 0.1;
    table data = table_mixed(50, 700, 5);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(700, 4);
    qkvsim_pairs_options options = defaults;
    options.pair_groups = chosen[_i];
    options.pair_group_count = 2;
    options.threshold = &threshold;
    ck_assert_int_gt(check_pairs(INPUT(&copy.view, 1), layout, &options), 0);
    options.threshold = NULL;
    options.top = 500;
    check_pairs(INPUT(&copy.view, 1), layout, &options);
    options.per_pair_group = 1;
    check_pairs(INPUT(&copy.view, 1), layout, &options);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(a_threshold_is_reached_where_it_is_equalled)
{
    table data = table_normal(30, 40, 6);
    stored copy = store(&data, _i == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.top = 100;
    qkvsim_pairs *all = find(context, INPUT(&copy.view, 1), NULL, &options);
    const qkvsim_pair *list = qkvsim_pairs_list(all, NULL);
    options.top = 0;
    for (int64_t k = 0; k < 100; k += 7) {
        double threshold = fabs(list[k].value);
        options.threshold = &threshold;
        ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), k + 1);
        threshold = nextafter(threshold, 2);
        ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), k);
    }
    qkvsim_pairs_free(all);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Of 25 columns that were equal, a threshold of 1 found 21 pairs. */
START_TEST(a_threshold_of_1_finds_every_pair_of_equal_columns)
{
    const double threshold = 1;
    table data = table_with_offsets(500, 400, 2, 9);
    for (int64_t k = 0; k < 25; k++)
        for (int64_t i = 0; i < data.n; i++)
            *table_at(&data, i, 399 - 16 * k) = (k % 5 == 0 ? -1 : 1) * *table_at(&data, i, 0);
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored copy = store(&data, dtype, ORDER_C);
        qkvsim_pairs_options options = { .struct_size = sizeof options,
                                         .metric = metrics[_i],
                                         .threshold = &threshold };
        qkvsim_pairs *found;
        int64_t count;
        assert_ok(context, qkvsim_pairs_run(context, INPUT(&copy.view, 1), NULL, &options, &found));
        const qkvsim_pair *list = qkvsim_pairs_list(found, &count);
        ck_assert_int_eq(count, 26 * 25 / 2);
        for (int64_t k = 0; k < count; k++)
            ck_assert(fabs(list[k].value) == 1);
        qkvsim_pairs_free(found);
        stored_free(&copy);
    }
    table_free(&data);
}
END_TEST

/* Equal columns make every value 1: the order is that of i and then j, for the first ones too. */
START_TEST(ties_stand_by_i_and_then_j)
{
    enum { D = 400 };
    const double threshold = 1;
    table data = table_new(8, D);
    for (int64_t k = 0; k < 8 * D; k++)
        data.values[k] = k / D < 3;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(D, 3);
    qkvsim_pairs_options options = defaults;
    options.metric = QKVSIM_METRIC_PEARSON;
    options.threshold = &threshold;
    qkvsim_pairs *pairs = find(context, INPUT(&copy.view, 1), layout, &options);
    int64_t count, k = 0;
    const qkvsim_pair *list = qkvsim_pairs_list(pairs, &count);
    ck_assert_int_eq(count, D * (D - 1) / 2);
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = i + 1; j < D; j++, k++)
            if (list[k].i != i || list[k].j != j || list[k].value != 1)
                ck_abort_msg("pair %ld is (%ld, %ld)", (long)k, (long)list[k].i, (long)list[k].j);
    qkvsim_pairs_free(pairs);
    options.top = 1234;
    check_pairs(INPUT(&copy.view, 1), layout, &options);
    options.per_pair_group = 1;
    check_pairs(INPUT(&copy.view, 1), layout, &options);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(undefined_pairs_are_never_found)
{
    const double least = -1;
    table data = table_normal(20, 9, 7);
    table_set_constant(&data, 2, 3);
    table_set_constant(&data, 5, 0);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.sign = QKVSIM_SIGN_NEGATIVE;
    options.threshold = &least;
    ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), 8 * 7 / 2);
    for (int m = 1; m < 3; m++) {
        options.metric = metrics[m];
        ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), 7 * 6 / 2);
    }
    options.threshold = NULL;
    options.top = 36;
    ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), 7 * 6 / 2);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(one_observation_has_cosines_and_no_pearson_values)
{
    table data = table_normal(1, 10, 8);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.top = 45;
    ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), 45);
    options.metric = QKVSIM_METRIC_PEARSON;
    ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), 0);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(one_feature_has_no_pairs)
{
    const double threshold = 0;
    table data = table_normal(10, 1, 9);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.threshold = &threshold;
    ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), 0);
    options.threshold = NULL;
    options.top = 1;
    qkvsim_pairs *pairs;
    assert_status(context, qkvsim_pairs_run(context, INPUT(&copy.view, 1), NULL, &options, &pairs),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(selected_observations_and_nonfinite_ones_are_as_in_the_matrix)
{
    const int64_t rows[] = { 3, 4, 7, 8, 9, 15, 20, 22, 28, 29 };
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 10 };
    table data = table_normal(30, 50, 10);
    *table_at(&data, 15, 6) = NAN;
    *table_at(&data, 2, 9) = INFINITY;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.top = 200;
    qkvsim_input read = *INPUT(&copy.view, 1, .selection = &selection);
    qkvsim_pairs *pairs = POISON_HANDLE;
    assert_status(context, qkvsim_pairs_run(context, &read, NULL, &options, &pairs),
                  QKVSIM_ERROR_NONFINITE);
    assert_message_has_number(context, 15);
    assert_message_has_number(context, 6);
    ck_assert_ptr_eq(pairs, POISON_HANDLE);
    read.nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION;
    check_pairs(&read, NULL, &options);
    pairs = find(context, &read, NULL, &options);
    ck_assert_int_eq(qkvsim_pairs_observations(pairs), 9);
    qkvsim_pairs_free(pairs);
    read.nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE;
    check_pairs(&read, NULL, &options);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(double_arithmetic_can_be_asked_for)
{
    const double threshold = 0.3;
    table data = table_normal(50, 90, 11);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.threshold = &threshold;
    qkvsim_pairs *pairs =
        find(context, INPUT(&copy.view, 1, .arithmetic = QKVSIM_DTYPE_F64), NULL, &options);
    const double value = qkvsim_pairs_list(pairs, NULL)[0].value;
    ck_assert_double_ne((double)(float)value, value);
    qkvsim_pairs_free(pairs);
    check_pairs(INPUT(&copy.view, 1, .arithmetic = QKVSIM_DTYPE_F64), NULL, &options);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- what changes nothing ---- */

static void assert_same_pairs(const qkvsim_pairs *one, const qkvsim_pairs *other)
{
    int64_t count;
    const qkvsim_pair *list = qkvsim_pairs_list(other, &count);
    assert_pairs(one, list, count);
}

/* A threshold on ranks, a threshold that needs a second pass, and both kinds of top. */
static const double low_threshold = 0.001, high_threshold = 0.25;
static const qkvsim_pairs_options questions[] = {
    { .struct_size = sizeof questions[0],
      .threshold = &high_threshold,
      .metric = QKVSIM_METRIC_SPEARMAN },
    { .struct_size = sizeof questions[0], .threshold = &low_threshold },
    { .struct_size = sizeof questions[0], .top = 5000 },
    { .struct_size = sizeof questions[0], .top = 100, .per_pair_group = 1 }
};

START_TEST(results_are_bit_identical_for_any_number_of_threads)
{
    table data = (_i < 4 ? table_normal : table_binary_duplicates)(20, 900, 12);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(900, 5);
    const qkvsim_pairs_options *options = &questions[_i % 4];
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_pairs *expected = find(one, INPUT(&copy.view, 1), layout, options);
    for (int32_t threads = 2; threads <= 9; threads++) {
        qkvsim_context *many = context_with(threads, QKVSIM_KERNELS_AUTO);
        qkvsim_pairs *pairs = find(many, INPUT(&copy.view, 1), layout, options);
        assert_same_pairs(pairs, expected);
        qkvsim_pairs_free(pairs);
        qkvsim_context_free(many);
    }
    qkvsim_pairs_free(expected);
    qkvsim_context_free(one);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(every_order_in_memory_gives_identical_results)
{
    table data = table_mixed(60, 150, 13);
    qkvsim_layout *layout = layout_in_turns(150, 3);
    for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored plain = store(&data, dtype, ORDER_C);
        qkvsim_pairs *expected = find(context, INPUT(&plain.view, 1), layout, &questions[_i]);
        for (int32_t order = ORDER_FORTRAN; order < ORDER_COUNT; order++) {
            stored copy = store(&data, dtype, order);
            qkvsim_pairs *pairs = find(context, INPUT(&copy.view, 1), layout, &questions[_i]);
            assert_same_pairs(pairs, expected);
            qkvsim_pairs_free(pairs);
            stored_free(&copy);
        }
        qkvsim_pairs_free(expected);
        stored_free(&plain);
    }
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

START_TEST(one_fused_view_and_its_three_parts_are_identical)
{
    table data = table_with_offsets(100, 411, 2, 14);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_view parts[] = { view_of_columns(&copy.view, 0, 100),
                                  view_of_columns(&copy.view, 100, 174),
                                  view_of_columns(&copy.view, 274, 137) };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 411, &layout));
    qkvsim_pairs *fused = find(context, INPUT(&copy.view, 1), layout, &questions[_i]), *apart;
    assert_ok(context, qkvsim_pairs_run(context, INPUT(parts, 3), layout, &questions[_i], &apart));
    assert_same_pairs(fused, apart);
    qkvsim_pairs_free(fused);
    qkvsim_pairs_free(apart);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Each pair's columns and value, looked up in the other order of columns. */
START_TEST(features_in_another_order_give_the_same_pairs_there)
{
    enum { D = 300 };
    int64_t order[D];
    for (int64_t j = 0; j < D; j++)
        order[j] = (j * 77 + 5) % D;
    table data = table_with_offsets(100, D, 2, 15), turned = table_columns(&data, order, D);
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           moved = store(&turned, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_pairs_options options = { .struct_size = sizeof options, .top = 3000 };
    qkvsim_pairs *one = find(context, INPUT(&plain.view, 1), NULL, &options);
    qkvsim_pairs *other = find(context, INPUT(&moved.view, 1), NULL, &options);
    int64_t count;
    const qkvsim_pair *list = qkvsim_pairs_list(other, &count);
    qkvsim_pair *back = malloc((size_t)count * sizeof *back);
    for (int64_t k = 0; k < count; k++) {
        const int64_t i = order[list[k].i], j = order[list[k].j];
        back[k] = (qkvsim_pair){ i < j ? i : j, i < j ? j : i, list[k].value, 0, 0 };
    }
    sign_to_sort_by = QKVSIM_SIGN_BOTH;
    qsort(back, (size_t)count, sizeof *back, compare);
    assert_pairs(one, back, count);
    free(back);
    qkvsim_pairs_free(one);
    qkvsim_pairs_free(other);
    stored_free(&plain);
    stored_free(&moved);
    table_free(&data);
    table_free(&turned);
}
END_TEST

/* A context that has searched something larger has its memory full of that. */
START_TEST(a_used_context_finds_the_same)
{
    table large = table_one_hot(80, 900, 16), data = table_mixed(30, 200, 17);
    stored other = store(&large, QKVSIM_DTYPE_F64, ORDER_C),
           copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_pairs_options options = { .struct_size = sizeof options, .top = 900 };
    qkvsim_pairs *fresh = find(context, INPUT(&copy.view, 1), NULL, &options);
    qkvsim_pairs_free(find(context, INPUT(&other.view, 1), NULL, &options));
    qkvsim_pairs *used = find(context, INPUT(&copy.view, 1), NULL, &options);
    assert_same_pairs(used, fresh);
    qkvsim_pairs_free(fresh);
    qkvsim_pairs_free(used);
    stored_free(&other);
    stored_free(&copy);
    table_free(&large);
    table_free(&data);
}
END_TEST

/* ---- limits ---- */

/* 79,800 pairs are more than a first pass has room for. */
START_TEST(more_pairs_than_there_is_room_for_at_first_are_all_found)
{
    const double threshold = 0;
    table data = _i == 0 ? table_normal(10, 400, 18) : table_binary_duplicates(10, 400, 18);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.threshold = &threshold;
    if (_i == 0)
        ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), 79800);
    else
        ck_assert_int_gt(check_pairs(INPUT(&copy.view, 1), NULL, &options), 65536);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* As many as there is room for, and one more. */
START_TEST(a_result_that_just_fits_is_whole)
{
    enum { ROOM = 65536 };
    double threshold = 0;
    table data = table_normal(10, 400, 25);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.threshold = &threshold;
    qkvsim_pairs *all = find(context, INPUT(&copy.view, 1), NULL, &options);
    for (int64_t count = ROOM - 1; count <= ROOM + 1; count++) {
        threshold = fabs(qkvsim_pairs_list(all, NULL)[count - 1].value);
        ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), count);
    }
    qkvsim_pairs_free(all);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(over_the_limit_is_an_error_that_says_how_many)
{
    const double thresholds[] = { 0.001, 0.2, 0.6 };
    table data = table_normal(20, 500, 19);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs_options options = defaults;
    options.threshold = &thresholds[_i];
    const int64_t count = check_pairs(INPUT(&copy.view, 1), NULL, &options);
    options.limit = count;
    ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), count);
    const int64_t limits[] = { 1, count / 2, count - 1 };
    for (int k = 0; k < 3; k++) {
        options.limit = limits[k];
        qkvsim_pairs *pairs = POISON_HANDLE;
        assert_status(context,
                      qkvsim_pairs_run(context, INPUT(&copy.view, 1), NULL, &options, &pairs),
                      QKVSIM_ERROR_TOO_LARGE);
        assert_message_has_number(context, count);
        assert_message_has_number(context, limits[k]);
        ck_assert_ptr_eq(pairs, POISON_HANDLE);
    }
    options.top = count;
    ck_assert_int_eq(check_pairs(INPUT(&copy.view, 1), NULL, &options), count);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* d x d floats would be 64 MB. */
START_TEST(memory_follows_the_result)
{
    table data = table_normal(16, 4000, 20);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    allocator counter;
    allocator_init(&counter);
    qkvsim_context_options sized = allocator_options(&counter);
    sized.threads = 2;
    qkvsim_context *with = NULL;
    ck_assert_int_eq(qkvsim_context_create(&sized, &with), QKVSIM_OK);
    const double threshold = 0.95;
    qkvsim_pairs_options options = defaults;
    if (_i == 0)
        options.top = 1000;
    else
        options.threshold = &threshold;
    qkvsim_pairs *pairs = find(with, INPUT(&copy.view, 1), NULL, &options);
    ck_assert_int_lt((int64_t)counter.peak_bytes, 6000000);
    qkvsim_context_free(with);
    int64_t count;
    qkvsim_pairs_list(pairs, &count);
    ck_assert_int_le((int64_t)counter.live_bytes, (int64_t)sizeof(qkvsim_pair) * count + 1000);
    qkvsim_pairs_free(pairs);
    ck_assert_int_eq(counter.live, 0);
    ck_assert_int_eq(counter.foreign_calls, 0);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- what is refused ---- */

static void assert_refused(const qkvsim_view *view, const qkvsim_layout *layout,
                           const qkvsim_pairs_options *options, const char *says)
{
    qkvsim_pairs *pairs = POISON_HANDLE;
    assert_status(context, qkvsim_pairs_run(context, INPUT(view, 1), layout, options, &pairs),
                  refusal(context));
    assert_message_has(context, says);
    ck_assert_ptr_eq(pairs, POISON_HANDLE);
}

START_TEST(bad_options_are_refused)
{
    const double half = 0.5, bad[] = { NAN, 1.5, -1.25, INFINITY, -0.5, 1.0000001 };
    const char *const said[] = { "nan", "1.5,", "-1.25,", "inf", "-0.5,", "1.0000001," };
    const int32_t pair_groups[] = { 0, 6 };
    table data = table_normal(20, 30, 21);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(30, 3);
    assert_refused(&copy.view, layout, NULL, "NULL");
    assert_refused(&copy.view, layout, &defaults, "top is 0");
    for (int k = 0; k < 6; k++) {
        const qkvsim_pairs_options options = { .struct_size = sizeof options,
                                               .threshold = &bad[k] };
        assert_refused(&copy.view, layout, &options, said[k]);
    }
#define REFUSED(says, ...)                                                                         \
    do {                                                                                           \
        const qkvsim_pairs_options options = { .struct_size = sizeof options, __VA_ARGS__ };       \
        assert_refused(&copy.view, layout, &options, says);                                        \
    } while (0)
    REFUSED("-3", .top = -3);
    REFUSED("there are 435 pairs", .top = 436);
    REFUSED("top is 101, but there are 100 pairs", .top = 101, .per_pair_group = 1);
    REFUSED("there are 45 pairs", .top = 46, .pair_groups = pair_groups, .pair_group_count = 1);
    REFUSED("pair_groups[1] is 6", .top = 1, .pair_groups = pair_groups, .pair_group_count = 2);
    REFUSED("pair_group_count is 2", .top = 1, .pair_group_count = 2);
    REFUSED("per_pair_group is 2", .top = 1, .per_pair_group = 2);
    REFUSED("per_pair_group is 1 but top is 0", .threshold = &half, .per_pair_group = 1);
    REFUSED("limit is -1", .threshold = &half, .limit = -1);
    REFUSED("sign is 3", .top = 1, .sign = 3);
    REFUSED("sign is -1", .top = 1, .sign = -1);
    REFUSED("metric is 4", .top = 1, .metric = QKVSIM_METRIC_COVARIANCE);
    REFUSED("metric is 3", .top = 1, .metric = QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON);
#undef REFUSED
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(options_from_a_newer_header_are_read_where_the_rest_is_zero)
{
    struct {
        qkvsim_pairs_options known;
        int64_t later;
    } newer = { .known = { .struct_size = sizeof newer, .top = 9 } };
    table data = table_normal(20, 30, 22);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_pairs *pairs = find(context, INPUT(&copy.view, 1), NULL, &newer.known);
    int64_t count;
    qkvsim_pairs_list(pairs, &count);
    ck_assert_int_eq(count, 9);
    qkvsim_pairs_free(pairs);
    newer.later = 1;
    assert_refused(&copy.view, NULL, &newer.known, "newer library");
    newer.known.struct_size = 4;
    assert_refused(&copy.view, NULL, &newer.known, "struct_size 4");
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(null_and_mismatched_arguments_are_refused)
{
    const qkvsim_pairs_options options = { .struct_size = sizeof options, .top = 3 };
    table data = table_normal(20, 30, 23);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(31, 3);
    qkvsim_pairs *pairs = POISON_HANDLE;
    ck_assert_int_eq(qkvsim_pairs_run(NULL, INPUT(&copy.view, 1), NULL, &options, &pairs),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_pairs_run(context, INPUT(NULL, 1), NULL, &options, &pairs),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_pairs_run(context, INPUT(&copy.view, 0), NULL, &options, &pairs),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_pairs_run(context, INPUT(&copy.view, 1), NULL, &options, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_refused(&copy.view, layout, &options, "31");
    ck_assert_ptr_eq(pairs, POISON_HANDLE);
    int64_t count = 7;
    ck_assert_ptr_null(qkvsim_pairs_list(NULL, &count));
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(qkvsim_pairs_observations(NULL), 0);
    qkvsim_pairs_free(NULL);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- interruptions ---- */

typedef struct interruptible {
    qkvsim_view view;
    const qkvsim_layout *layout;
    const qkvsim_pairs_options *options;
} interruptible;

static qkvsim_status run_find(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    qkvsim_pairs *pairs = POISON_HANDLE;
    const qkvsim_status status =
        qkvsim_pairs_run(with, INPUT(&job->view, 1), job->layout, job->options, &pairs);
    if (status == QKVSIM_OK)
        qkvsim_pairs_free(pairs);
    else
        ck_assert_ptr_eq(pairs, POISON_HANDLE);
    return status;
}

static void interrupt(int question, void (*check)(operation run, void *argument))
{
    table data = table_mixed(10, 660, 24);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(660, 3);
    interruptible job = { copy.view, question % 2 ? layout : NULL, &questions[question] };
    check(run_find, &job);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}

START_TEST(any_allocation_may_fail)
{
    interrupt(_i, assert_survives_failing_allocations);
}
END_TEST

START_TEST(it_can_be_cancelled_at_every_report)
{
    interrupt(_i, assert_cancels_everywhere);
}
END_TEST

/* ---- of a stream ---- */

static qkvsim_accumulator *stream_of(const stored *copy, int64_t blocks)
{
    const qkvsim_accumulator_options options = { .struct_size = sizeof options, .blocks = blocks };
    qkvsim_accumulator *sum = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, copy->view.features, &options, &sum));
    for (int64_t first = 0; first < copy->view.observations; first += 10) {
        qkvsim_view rows = copy->view;
        rows.data = (const float *)rows.data + first * rows.observation_stride;
        rows.observations = 10;
        assert_ok(context, qkvsim_accumulator_update(context, sum, INPUT(&rows, 1)));
    }
    return sum;
}

static void check_stream(const qkvsim_accumulator *sum, const qkvsim_layout *layout,
                         const qkvsim_pairs_options *options)
{
    const int64_t d = qkvsim_accumulator_features(sum);
    double *values = malloc((size_t)(d * d) * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, d, QKVSIM_DTYPE_F64);
    assert_ok(context, qkvsim_accumulator_similarity(context, sum, options->metric, NULL, &matrix));
    qkvsim_pair *expected;
    qkvsim_pairs *found = NULL;
    const int64_t count = pairs_of_matrix(values, d, layout, options, &expected);
    assert_ok(context, qkvsim_accumulator_pairs(context, sum, layout, options, &found));
    ck_assert_int_gt(count, 0);
    assert_pairs(found, expected, count);
    ck_assert_int_eq(qkvsim_pairs_observations(found), qkvsim_accumulator_observations(sum));
    ck_assert_int_eq(qkvsim_pairs_arithmetic(found), QKVSIM_DTYPE_F64);
    qkvsim_pairs_free(found);
    free(expected);
    free(values);
}

/* Mixed columns: constant, equal, opposite and zero ones too, wider than a panel. */
START_TEST(a_stream_has_the_pairs_of_its_own_matrix)
{
    const double threshold = 0.2, least = 0;
    const int32_t some[] = { 4, 1 };
    table data = table_mixed(60, 420, 16);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = NULL;
    assert_ok(context, qkvsim_layout_thirds(context, 420, &layout));
    qkvsim_accumulator *sum = stream_of(&copy, _i == 0 ? 0 : 16);
    for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_PEARSON; metric++) {
        qkvsim_pairs_options options = defaults;
        options.metric = metric;
        options.threshold = &threshold;
        check_stream(sum, NULL, &options);
        options.sign = QKVSIM_SIGN_NEGATIVE;
        options.pair_groups = some;
        options.pair_group_count = 2;
        check_stream(sum, layout, &options);
        options.threshold = &least; /* which more pairs reach than there is room for at first */
        options.sign = QKVSIM_SIGN_BOTH;
        options.pair_group_count = 0;
        options.pair_groups = NULL;
        check_stream(sum, layout, &options);
        options.threshold = NULL;
        options.top = 9;
        options.per_pair_group = 1;
        check_stream(sum, layout, &options);
    }
    qkvsim_accumulator_free(sum);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pairs");
    TCase *tests = add_case(suite, "pairs", make_context, free_context);
    tcase_add_loop_test(tests, over_a_threshold_is_what_the_matrix_has, 0, MAKERS);
    tcase_add_loop_test(tests, the_top_are_the_first_of_all_sorted, 0, MAKERS);
    tcase_add_loop_test(tests, each_pair_group_has_its_own_top, 0, MAKERS);
    tcase_add_loop_test(tests, with_both_it_is_the_top_of_those_over_the_threshold, 0, 2);
    tcase_add_loop_test(tests, chosen_pair_groups_are_as_among_all, 0, 3);
    tcase_add_loop_test(tests, a_threshold_of_1_finds_every_pair_of_equal_columns, 0, 3);
    tcase_add_loop_test(tests, a_threshold_is_reached_where_it_is_equalled, 0, 2);
    tcase_add_test(tests, ties_stand_by_i_and_then_j);
    tcase_add_test(tests, undefined_pairs_are_never_found);
    tcase_add_test(tests, one_observation_has_cosines_and_no_pearson_values);
    tcase_add_test(tests, one_feature_has_no_pairs);
    tcase_add_test(tests, selected_observations_and_nonfinite_ones_are_as_in_the_matrix);
    tcase_add_test(tests, double_arithmetic_can_be_asked_for);
    tcase_add_loop_test(add_thread_case(suite, make_context, free_context),
                        results_are_bit_identical_for_any_number_of_threads, 0, 8);
    tcase_add_loop_test(tests, every_order_in_memory_gives_identical_results, 0, 4);
    tcase_add_loop_test(tests, one_fused_view_and_its_three_parts_are_identical, 0, 4);
    tcase_add_test(tests, features_in_another_order_give_the_same_pairs_there);
    tcase_add_test(tests, a_used_context_finds_the_same);
    tcase_add_loop_test(tests, more_pairs_than_there_is_room_for_at_first_are_all_found, 0, 2);
    tcase_add_test(tests, a_result_that_just_fits_is_whole);
    tcase_add_loop_test(tests, over_the_limit_is_an_error_that_says_how_many, 0, 3);
    tcase_add_loop_test(tests, memory_follows_the_result, 0, 2);
    tcase_add_test(tests, bad_options_are_refused);
    tcase_add_test(tests, options_from_a_newer_header_are_read_where_the_rest_is_zero);
    tcase_add_test(tests, null_and_mismatched_arguments_are_refused);
    tcase_add_loop_test(tests, any_allocation_may_fail, 0, 4);
    tcase_add_loop_test(tests, it_can_be_cancelled_at_every_report, 0, 4);
    TCase *streams = add_case(suite, "streams", make_context, free_context);
    tcase_add_loop_test(streams, a_stream_has_the_pairs_of_its_own_matrix, 0, 2);
    return run_suite(suite);
}
