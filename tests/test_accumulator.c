/* accumulator.h: a stream in chunks of any size, in any order of merging, is the whole matrix. */
#include <qkvsim/accumulator.h>

#include "oracle.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

static qkvsim_accumulator *empty(int64_t features)
{
    qkvsim_accumulator *sum = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, features, NULL, &sum));
    return sum;
}

static void add_rows(qkvsim_accumulator *sum, const qkvsim_view *view, int64_t first, int64_t count)
{
    qkvsim_view rows = *view;
    rows.data = (const char *)view->data
                + first * view->observation_stride * (int64_t)dtype_size(view->dtype);
    rows.observations = count;
    assert_ok(context, qkvsim_accumulator_update(context, sum, INPUT(&rows, 1)));
}

/* Chunks of the given size; 0: of sizes from 1 to 50 at random. */
static qkvsim_accumulator *in_chunks(const qkvsim_view *view, int64_t size)
{
    random_source source = { 5 };
    qkvsim_accumulator *sum = empty(view->features);
    ck_assert_int_eq(qkvsim_accumulator_features(sum), view->features);
    for (int64_t first = 0; first < view->observations;) {
        int64_t count = size ? size : 1 + random_below(&source, 50);
        if (count > view->observations - first)
            count = view->observations - first;
        add_rows(sum, view, first, count);
        first += count;
        ck_assert_int_eq(qkvsim_accumulator_observations(sum), first);
    }
    return sum;
}

static double *similarity(const qkvsim_accumulator *sum, int64_t d, int32_t metric)
{
    double *values = malloc((size_t)(d * d) * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, d, QKVSIM_DTYPE_F64);
    assert_ok(context, qkvsim_accumulator_similarity(context, sum, metric, NULL, &matrix));
    return values;
}

/* Every metric, relative to the norms where the metric has a scale. */
static void assert_accurate(const qkvsim_accumulator *sum, const table *exact, double tolerance)
{
    const int64_t d = exact->d;
    for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_DOT; metric *= 2) {
        double *expected = oracle_similarity(exact, metric);
        double *values = similarity(sum, d, metric);
        for (int64_t i = 0; i < d * d; i++) {
            const double scale =
                metric <= QKVSIM_METRIC_PEARSON
                    ? 1
                    : sqrt(expected[i / d * (d + 1)]) * sqrt(expected[i % d * (d + 1)]);
            const double error = fabs(values[i] - expected[i]);
            if (isnan(values[i]) != isnan(expected[i]) || error > tolerance * scale)
                ck_abort_msg("metric %d, (%ld, %ld): %.17g and not %.17g", metric, (long)(i / d),
                             (long)(i % d), values[i], expected[i]);
            if (metric <= QKVSIM_METRIC_PEARSON && fabs(values[i]) > 1)
                ck_abort_msg("metric %d: %.17g is outside [-1, 1]", metric, values[i]);
        }
        free(expected);
        free(values);
    }
}

static const int64_t chunk_sizes[] = { 1, 2, 7, 64, 100, 1000, 0 };

START_TEST(chunks_of_any_size_are_the_whole)
{
    const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_F32, QKVSIM_DTYPE_F64 };
    const double tolerances[] = { 1e-6, 1e-6, 1e-12 };
    table data = table_with_offsets(1000, 30, 2, 1);
    for (int t = 0; t < 3; t++) {
        stored copy = store(&data, dtypes[t], ORDER_C);
        table exact = widen(&copy.view);
        qkvsim_accumulator *sum = in_chunks(&copy.view, chunk_sizes[_i]);
        assert_accurate(sum, &exact, tolerances[t]);
        qkvsim_accumulator_free(sum);
        table_free(&exact);
        stored_free(&copy);
    }
    table_free(&data);
}
END_TEST

START_TEST(offsets_of_1e4_deviations_are_carried)
{
    table data = table_with_offsets(5000, 12, 1e4, 2);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    table exact = widen(&copy.view);
    qkvsim_accumulator *sum = in_chunks(&copy.view, chunk_sizes[_i]);
    assert_accurate(sum, &exact, 1e-6);
    qkvsim_accumulator_free(sum);
    table_free(&exact);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(a_long_stream_is_within_1e_6)
{
    table data = table_with_offsets(300000, 5, 1e4, 3);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    table exact = widen(&copy.view);
    qkvsim_accumulator *sum = in_chunks(&copy.view, 1000);
    assert_accurate(sum, &exact, 1e-6);
    qkvsim_accumulator_free(sum);
    table_free(&exact);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Squares about the first row are n times those about the mean, and lose as many digits. */
START_TEST(a_long_chunk_whose_first_row_is_far_is_within_1e_6)
{
    const int64_t n = 6000000;
    const float first[2] = { 1000.7F, 2000.1F }, later = 1500.3F;
    float *values = calloc((size_t)(2 * n), sizeof *values);
    memcpy(values, first, sizeof first);
    values[n + 1] = later;
    const qkvsim_view view = { sizeof view, values, n, 2, 2, 1, QKVSIM_DTYPE_F32, 0 };
    qkvsim_accumulator *sum = in_chunks(&view, n);
    double *pearson = similarity(sum, 2, QKVSIM_METRIC_PEARSON);
    const double a = first[0], b = first[1], c = later, share = 1 / (double)n;
    const double expected =
        (a * b - a * (b + c) * share)
        / sqrt((a * a - a * a * share) * (b * b + c * c - (b + c) * (b + c) * share));
    ck_assert_double_eq_tol(pearson[1], expected, 1e-6);
    free(pearson);
    free(values);
    qkvsim_accumulator_free(sum);
}
END_TEST

/* Pearson's values of such a stream are those of what is left when the offsets are taken away,
 * which is exact. */
static void assert_pearson_of(const qkvsim_accumulator *sum, const table *data)
{
    double *expected = oracle_similarity(data, QKVSIM_METRIC_PEARSON);
    double *values = similarity(sum, data->d, QKVSIM_METRIC_PEARSON);
    for (int64_t k = 0; k < data->d * data->d; k++)
        ck_assert_double_eq_tol(values[k], expected[k], 1e-13);
    free(expected);
    free(values);
}

/* Values have 6 binary digits below the point, and means many more. */
START_TEST(offsets_of_1e14_are_carried_from_chunk_to_chunk)
{
    table data = table_normal(700, 8, 32), raised = table_new(700, 8);
    for (int64_t i = 0; i < data.n; i++)
        for (int64_t j = 0; j < data.d; j++) {
            const double offset = 1e14 * (double)(j % 4);
            *table_at(&raised, i, j) = *table_at(&data, i, j) + offset;
            *table_at(&data, i, j) = *table_at(&raised, i, j) - offset;
        }
    stored copy = store(&raised, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, chunk_sizes[_i]);
    assert_pearson_of(sum, &data);
    qkvsim_accumulator *first = empty(data.d), *second = empty(data.d);
    add_rows(first, &copy.view, 0, 301);
    add_rows(second, &copy.view, 301, 399);
    assert_ok(context, qkvsim_accumulator_merge(context, first, second));
    assert_pearson_of(first, &data);
    qkvsim_accumulator_free(first);
    qkvsim_accumulator_free(second);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&raised);
    table_free(&data);
}
END_TEST

/* sqrt(n) times such a mean is beyond double. */
START_TEST(a_huge_constant_is_as_in_the_whole)
{
    table data = table_normal(17, 3, 33);
    table_set_constant(&data, 0, 1e308);
    table_set_constant(&data, 2, -1e-308);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, chunk_sizes[_i]);
    double *values = similarity(sum, 3, QKVSIM_METRIC_COSINE);
    double *expected = oracle_similarity(&data, QKVSIM_METRIC_COSINE);
    for (int k = 0; k < 9; k++)
        ck_assert_double_eq_tol(values[k], expected[k], 1e-13);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 3, &layout));
    qkvsim_analysis *analysis = NULL;
    assert_ok(context, qkvsim_accumulator_analysis(context, sum, layout, NULL, &analysis));
    ck_assert_double_eq_tol(
        qkvsim_analysis_statistic(analysis, 1, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN),
        expected[1], 1e-13);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    free(values);
    free(expected);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(equal_columns_have_the_value_1_exactly)
{
    table data = table_twins(300, 60, 35);
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored copy = store(&data, dtype, ORDER_C);
        table exact = widen(&copy.view);
        qkvsim_accumulator *sum = in_chunks(&copy.view, chunk_sizes[_i]);
        double *expected = oracle_similarity(&exact, QKVSIM_METRIC_PEARSON);
        for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_PEARSON; metric++) {
            double *values = similarity(sum, data.d, metric);
            for (int64_t k = 0; k < data.d * data.d; k++)
                if (fabs(expected[k]) > 1 - 1e-14)
                    ck_assert_double_eq(values[k], expected[k] > 0 ? 1 : -1);
            free(values);
        }
        free(expected);
        qkvsim_accumulator_free(sum);
        table_free(&exact);
        stored_free(&copy);
    }
    table_free(&data);
}
END_TEST

START_TEST(adversarial_columns_are_the_whole_too)
{
    table data[] = { table_binary_duplicates(1021, 24, 4),
                     table_sparse(1021, 24, 5),
                     table_one_hot(253, 24, 6),
                     table_half_flipped(1021, 24, 7),
                     table_magnitudes(253, 20, 8),
                     table_mixed(400, 24, 9) };
    for (int i = 0; i < 6; i++) {
        stored copy = store(&data[i], QKVSIM_DTYPE_F32, ORDER_C);
        table exact = widen(&copy.view);
        qkvsim_accumulator *sum = in_chunks(&copy.view, chunk_sizes[_i]);
        assert_accurate(sum, &exact, 1e-6);
        qkvsim_accumulator_free(sum);
        table_free(&exact);
        stored_free(&copy);
        table_free(&data[i]);
    }
}
END_TEST

START_TEST(merging_in_any_order_is_the_whole)
{
    table data = table_with_offsets(900, 20, 10, 10);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *parts[4] = { empty(20), empty(20), empty(20), empty(20) };
    add_rows(parts[0], &copy.view, 0, 1);
    add_rows(parts[1], &copy.view, 1, 699);
    add_rows(parts[2], &copy.view, 700, 200);
    assert_ok(context, qkvsim_accumulator_merge(context, parts[1], parts[2]));
    assert_ok(context, qkvsim_accumulator_merge(context, parts[3], parts[1]));
    assert_ok(context, qkvsim_accumulator_merge(context, parts[3], parts[0]));
    ck_assert_int_eq(qkvsim_accumulator_observations(parts[3]), 900);
    ck_assert_int_eq(qkvsim_accumulator_observations(parts[2]), 200);
    assert_accurate(parts[3], &data, 1e-12);
    for (int i = 0; i < 4; i++)
        qkvsim_accumulator_free(parts[i]);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Packed, they are the same bytes. */
static void assert_same_bytes(const qkvsim_accumulator *a, const qkvsim_accumulator *b)
{
    const int64_t size = qkvsim_accumulator_packed_size(a);
    unsigned char *bytes[] = { malloc((size_t)size), malloc((size_t)size) };
    ck_assert_int_eq(size, qkvsim_accumulator_packed_size(b));
    assert_ok(context, qkvsim_accumulator_pack(context, a, bytes[0], size));
    assert_ok(context, qkvsim_accumulator_pack(context, b, bytes[1], size));
    ck_assert_mem_eq(bytes[0], bytes[1], (size_t)size);
    free(bytes[0]);
    free(bytes[1]);
}

START_TEST(accumulators_of_a_chunk_each_merge_to_the_stream_of_chunks_to_the_bit)
{
    const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_F32, QKVSIM_DTYPE_F64 };
    table data = table_with_offsets(400, 150, 10, 3);
    for (int t = 0; t < 3; t++) {
        stored copy = store(&data, dtypes[t], ORDER_C);
        qkvsim_accumulator *stream = in_chunks(&copy.view, 64), *merged = empty(data.d);
        for (int64_t first = 0; first < data.n; first += 64) {
            qkvsim_accumulator *chunk = empty(data.d);
            add_rows(chunk, &copy.view, first, data.n - first < 64 ? data.n - first : 64);
            assert_ok(context, qkvsim_accumulator_merge(context, merged, chunk));
            qkvsim_accumulator_free(chunk);
        }
        assert_same_bytes(stream, merged);
        qkvsim_accumulator_free(stream);
        qkvsim_accumulator_free(merged);
        stored_free(&copy);
    }
    table_free(&data);
}
END_TEST

START_TEST(merging_nothing_changes_nothing)
{
    table data = table_normal(50, 6, 11);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, 50), *nothing = empty(6);
    double *before = similarity(sum, 6, QKVSIM_METRIC_COVARIANCE);
    assert_ok(context, qkvsim_accumulator_merge(context, sum, nothing));
    double *after = similarity(sum, 6, QKVSIM_METRIC_COVARIANCE);
    ck_assert_mem_eq(before, after, 36 * sizeof *before);
    ck_assert_int_eq(qkvsim_accumulator_observations(nothing), 0);
    free(before);
    free(after);
    qkvsim_accumulator_free(sum);
    qkvsim_accumulator_free(nothing);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* It would have to change and to stay as it is at once. */
START_TEST(merging_with_itself_is_refused)
{
    qkvsim_accumulator *sum = empty(6);
    assert_status(context, qkvsim_accumulator_merge(context, sum, sum),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    qkvsim_accumulator_free(sum);
}
END_TEST

/* Constant within every chunk is not constant; constant over all chunks is, exactly. */
START_TEST(constant_features_are_found_over_all_chunks)
{
    table data = table_normal(60, 5, 13);
    for (int64_t i = 0; i < 60; i++) {
        *table_at(&data, i, 1) = 0.1;
        *table_at(&data, i, 2) = i < 30 ? 0.1 : 0.3;
        *table_at(&data, i, 3) = 0;
        *table_at(&data, i, 4) = i < 30 ? 0 : 1;
    }
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    table exact = widen(&copy.view);
    for (int64_t size = 1; size <= 30; size++)
        if (30 % size == 0) {
            qkvsim_accumulator *sum = in_chunks(&copy.view, size);
            assert_accurate(sum, &exact, 1e-6);
            qkvsim_accumulator_free(sum);
        }
    table_free(&exact);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(merged_halves_that_are_constant_at_different_values_are_not_constant)
{
    table data = table_normal(60, 3, 14);
    for (int64_t i = 0; i < 60; i++)
        *table_at(&data, i, 1) = i < 30 ? 0.1 : 0.3;
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *one = empty(3), *other = empty(3);
    add_rows(one, &copy.view, 0, 30);
    add_rows(other, &copy.view, 30, 30);
    assert_ok(context, qkvsim_accumulator_merge(context, one, other));
    assert_accurate(one, &data, 1e-12);
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(other);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static qkvsim_analysis *analyze(const qkvsim_accumulator *sum, const qkvsim_layout *layout,
                                const qkvsim_analysis_options *options)
{
    qkvsim_analysis *analysis = NULL;
    assert_ok(context, qkvsim_accumulator_analysis(context, sum, layout, options, &analysis));
    return analysis;
}

static void assert_histogram_is_that_of_own_matrix(const table *data, int64_t chunk)
{
    const int64_t d = data->d;
    stored copy = store(data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, chunk);
    int32_t *labels = malloc((size_t)d * sizeof *labels);
    for (int64_t j = 0; j < d; j++)
        labels[j] = (int32_t)(j % 3);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_labels(context, labels, d, NULL, 3, &layout));
    qkvsim_analysis *analysis = analyze(sum, layout, NULL);
    double *values = malloc((size_t)(d * d) * sizeof *values);
    for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_PEARSON; metric++) {
        double *matrix = similarity(sum, d, metric);
        for (int32_t a = 0; a < 3; a++)
            for (int32_t b = a; b < 3; b++) {
                const int32_t p = qkvsim_layout_pair_group(layout, a, b);
                int64_t expected[100];
                int64_t count = oracle_collect(matrix, d, labels, a, b, values);
                oracle_histogram(values, count, qkvsim_analysis_bin_edges(analysis), 100, expected);
                ck_assert_int_eq(qkvsim_analysis_defined(analysis, p, metric), count);
                ck_assert_mem_eq(qkvsim_analysis_histogram(analysis, p, metric), expected,
                                 sizeof expected);
            }
        free(matrix);
    }
    free(values);
    free(labels);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
}

START_TEST(its_histogram_equals_numpy_on_its_own_matrix)
{
    table data = table_mixed(300, 250, 15);
    assert_histogram_is_that_of_own_matrix(&data, 77);
    table_free(&data);
}
END_TEST

/* Of a few small integers, many similarities are those of the edges but for rounding. */
START_TEST(its_histogram_equals_numpy_where_values_meet_the_edges)
{
    random_source source = { 15 };
    for (int64_t n = 3; n <= 10; n++) {
        table data = table_new(n, 60);
        for (int64_t k = 0; k < n * 60; k++)
            data.values[k] = (double)random_below(&source, 4);
        assert_histogram_is_that_of_own_matrix(&data, 2);
        table_free(&data);
    }
}
END_TEST

START_TEST(its_analysis_is_that_of_the_whole)
{
    table data = table_mixed(500, 60, 16);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, 33);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 60, &layout));
    qkvsim_analysis *streamed = analyze(sum, layout, NULL), *whole = NULL;
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&copy.view, 1), layout, NULL, &whole));
    ck_assert_int_eq(qkvsim_analysis_observations(streamed), 500);
    for (int32_t p = 0; p < 6; p++) {
        for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_PEARSON; metric++) {
            ck_assert_int_eq(qkvsim_analysis_defined(streamed, p, metric),
                             qkvsim_analysis_defined(whole, p, metric));
            for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_MAXIMUM; which++)
                ck_assert_double_eq_tol(qkvsim_analysis_statistic(streamed, p, metric, which),
                                        qkvsim_analysis_statistic(whole, p, metric, which), 1e-9);
        }
        for (int32_t part = QKVSIM_STATISTIC_OFFSET_SHARE; part <= QKVSIM_STATISTIC_NOISE_FRACTION;
             part++)
            ck_assert_double_eq_tol(
                qkvsim_analysis_statistic(streamed, p, QKVSIM_METRIC_COSINE, part),
                qkvsim_analysis_statistic(whole, p, QKVSIM_METRIC_COSINE, part), 1e-8);
    }
    qkvsim_analysis_free(streamed);
    qkvsim_analysis_free(whole);
    qkvsim_layout_free(layout);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(results_are_bit_identical_for_any_number_of_threads)
{
    const int32_t threads[] = { 1, 2, 3, 7 };
    double *expected = NULL;
    table data = table_with_offsets(300, 450, 2, 17);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int t = 0; t < 4; t++) {
        qkvsim_context *kept = context;
        context = context_with(threads[t], QKVSIM_KERNELS_AUTO);
        qkvsim_accumulator *sum = in_chunks(&copy.view, 100);
        double *values = similarity(sum, 450, QKVSIM_METRIC_COSINE);
        if (expected)
            ck_assert(memcmp(values, expected, 450 * 450 * sizeof *values) == 0);
        free(expected);
        expected = values;
        qkvsim_accumulator_free(sum);
        qkvsim_context_free(context);
        context = kept;
    }
    free(expected);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(selections_parts_and_orders_are_as_for_a_matrix)
{
    const int64_t rows[] = { 39, 0, 7, 21, 22 }, sorted[] = { 0, 7, 21, 22, 39 };
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 5 };
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    table data = table_with_offsets(40, 12, 2, 18), chosen = table_rows(&data, sorted, 5);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_REVERSED_BOTH),
           alone = store(&chosen, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_view parts[] = { view_of_columns(&copy.view, 0, 5),
                                  view_of_columns(&copy.view, 5, 7) };
    qkvsim_accumulator *one = empty(12), *other = empty(12);
    assert_ok(context,
              qkvsim_accumulator_update(context, one, INPUT(parts, 2, .selection = &selection)));
    add_rows(other, &alone.view, 0, 5);
    ck_assert_int_eq(qkvsim_accumulator_observations(one), 5);
    double *a = similarity(one, 12, QKVSIM_METRIC_COSINE),
           *b = similarity(other, 12, QKVSIM_METRIC_COSINE);
    ck_assert_mem_eq(a, b, 144 * sizeof *a);
    free(a);
    free(b);
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(other);
    stored_free(&copy);
    stored_free(&alone);
    table_free(&data);
    table_free(&chosen);
}
END_TEST

START_TEST(a_failed_update_changes_nothing)
{
    table data = table_normal(50, 8, 19), broken = table_normal(50, 8, 20);
    *table_at(&broken, 37, 6) = NAN;
    stored good = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           bad = store(&broken, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&good.view, 50);
    double *before = similarity(sum, 8, QKVSIM_METRIC_COVARIANCE);
    assert_status(context, qkvsim_accumulator_update(context, sum, INPUT(&bad.view, 1)),
                  QKVSIM_ERROR_NONFINITE);
    assert_message_has_number(context, 37);
    assert_message_has_number(context, 6);
    qkvsim_view narrower = view_of_columns(&good.view, 0, 5);
    assert_status(context, qkvsim_accumulator_update(context, sum, INPUT(&narrower, 1)),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 8);
    assert_message_has_number(context, 5);
    ck_assert_int_eq(qkvsim_accumulator_observations(sum), 50);
    double *after = similarity(sum, 8, QKVSIM_METRIC_COVARIANCE);
    ck_assert_mem_eq(before, after, 64 * sizeof *before);
    free(before);
    free(after);
    qkvsim_accumulator_free(sum);
    stored_free(&good);
    stored_free(&bad);
    table_free(&data);
    table_free(&broken);
}
END_TEST

START_TEST(a_feature_left_undefined_by_one_chunk_stays_undefined)
{
    table data = table_normal(60, 6, 21);
    *table_at(&data, 30, 4) = INFINITY;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    qkvsim_accumulator *sum = empty(6), *all = empty(6);
    for (int64_t first = 0; first < 60; first += 20) {
        qkvsim_view chunk = copy.view;
        chunk.data = (const float *)copy.view.data + 6 * first;
        chunk.observations = 20;
        assert_ok(context, qkvsim_accumulator_update(
                               context, sum,
                               INPUT(&chunk, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE)));
    }
    assert_ok(context, qkvsim_accumulator_merge(context, all, sum));
    double *values = similarity(all, 6, QKVSIM_METRIC_PEARSON);
    for (int64_t i = 0; i < 6; i++)
        for (int64_t j = 0; j < 6; j++)
            ck_assert(isnan(values[6 * i + j]) == (i == 4 || j == 4));
    free(values);
    qkvsim_accumulator_free(sum);
    qkvsim_accumulator_free(all);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(dropped_observations_are_not_counted)
{
    table data = table_normal(30, 6, 22);
    *table_at(&data, 3, 4) = NAN;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    qkvsim_accumulator *sum = empty(6);
    assert_ok(context, qkvsim_accumulator_update(
                           context, sum,
                           INPUT(&copy.view, 1, .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION)));
    ck_assert_int_eq(qkvsim_accumulator_observations(sum), 29);
    double *values = similarity(sum, 6, QKVSIM_METRIC_PEARSON);
    for (int i = 0; i < 36; i++)
        ck_assert(isfinite(values[i]));
    free(values);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* A document may be nothing but NaN; the others count all the same. */
START_TEST(a_chunk_that_is_dropped_whole_adds_nothing)
{
    table data = table_normal(30, 6, 34);
    for (int64_t i = 10; i < 20; i++)
        *table_at(&data, i, i % 6) = NAN;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    qkvsim_accumulator *sum = empty(6);
    for (int64_t first = 0; first < 30; first += 5) {
        qkvsim_view chunk = copy.view;
        chunk.data = (const float *)copy.view.data + 6 * first;
        chunk.observations = 5;
        assert_ok(context, qkvsim_accumulator_update(
                               context, sum,
                               INPUT(&chunk, 1, .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION)));
        ck_assert_int_eq(qkvsim_accumulator_observations(sum), first < 10   ? first + 5
                                                               : first < 20 ? 10
                                                                            : first - 5);
    }
    const int64_t rows[] = { 10, 19 };
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 2 };
    assert_ok(context,
              qkvsim_accumulator_update(context, sum,
                                        INPUT(&copy.view, 1, .selection = &selection,
                                              .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION)));
    ck_assert_int_eq(qkvsim_accumulator_observations(sum), 20);
    const qkvsim_view narrower = view_of_columns(&copy.view, 0, 5);
    assert_status(
        context,
        qkvsim_accumulator_update(
            context, sum, INPUT(&narrower, 1, .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION)),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Values of 1e-160 have squares of 1e-320, which double holds to three digits. */
START_TEST(squares_that_double_cannot_hold_are_refused)
{
    const double scales[] = { 1e-160, 1e-170, 1e160 };
    table data = table_normal(12, 3, 29);
    for (int64_t r = 0; r < 12; r++)
        *table_at(&data, r, 1) *= scales[_i];
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = empty(3);
    assert_status(context, qkvsim_accumulator_update(context, sum, INPUT(&copy.view, 1)),
                  QKVSIM_ERROR_TOO_LARGE);
    assert_message_has(context, "column 1");
    ck_assert_int_eq(qkvsim_accumulator_observations(sum), 0);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Of single observations only their difference has a square. */
START_TEST(differences_that_double_cannot_square_are_refused)
{
    const double scales[] = { 1e-170, 1e160 };
    const double values[2] = { scales[_i], -scales[_i] };
    const qkvsim_view first = { sizeof first, &values[0], 1, 1, 1, 1, QKVSIM_DTYPE_F64, 0 };
    const qkvsim_view second = { sizeof second, &values[1], 1, 1, 1, 1, QKVSIM_DTYPE_F64, 0 };
    qkvsim_accumulator *one = in_chunks(&first, 1), *other = in_chunks(&second, 1);
    assert_status(context, qkvsim_accumulator_merge(context, one, other), QKVSIM_ERROR_TOO_LARGE);
    assert_status(context, qkvsim_accumulator_update(context, one, INPUT(&second, 1)),
                  QKVSIM_ERROR_TOO_LARGE);
    ck_assert_int_eq(qkvsim_accumulator_observations(one), 1);
    assert_ok(context, qkvsim_accumulator_update(context, one, INPUT(&first, 1)));
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(other);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    table data = table_normal(10, 6, 23);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, 10), *other = empty(7), *handle = POISON_HANDLE;
    const int64_t features[] = { 0, -1, INT64_MIN };
    for (int i = 0; i < 3; i++)
        assert_status(context, qkvsim_accumulator_create(context, features[i], NULL, &handle),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    qkvsim_status status = qkvsim_accumulator_create(context, INT64_MAX, NULL, &handle);
    ck_assert(status == QKVSIM_ERROR_TOO_LARGE || status == QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(handle, POISON_HANDLE);
    ck_assert_int_eq(qkvsim_accumulator_create(NULL, 6, NULL, &handle),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_create(context, 6, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_update(context, NULL, INPUT(&copy.view, 1)),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_update(context, sum, INPUT(NULL, 1)),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_merge(context, sum, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_merge(context, NULL, sum),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_merge(context, sum, other),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 6);
    assert_message_has_number(context, 7);
    qkvsim_accumulator_free(NULL);
    ck_assert_int_eq(qkvsim_accumulator_observations(NULL), 0);
    qkvsim_accumulator_free(sum);
    qkvsim_accumulator_free(other);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(an_empty_accumulator_has_no_results)
{
    qkvsim_accumulator *sum = empty(6);
    qkvsim_layout *layout;
    qkvsim_analysis *analysis = POISON_HANDLE;
    double *values = poisoned(36 * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, 6, QKVSIM_DTYPE_F64);
    assert_ok(context, qkvsim_layout_thirds(context, 6, &layout));
    assert_status(context, qkvsim_accumulator_analysis(context, sum, layout, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_accumulator_similarity(context, sum, QKVSIM_METRIC_COSINE, NULL, &matrix),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    const qkvsim_pairs_options top = { .struct_size = sizeof top, .top = 1 };
    qkvsim_pairs *pairs = POISON_HANDLE;
    assert_status(context, qkvsim_accumulator_pairs(context, sum, layout, &top, &pairs),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(pairs, POISON_HANDLE);
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    assert_poisoned(values, 36 * sizeof *values);
    free(values);
    qkvsim_layout_free(layout);
    qkvsim_accumulator_free(sum);
}
END_TEST

START_TEST(bad_searches_for_pairs_are_refused)
{
    const qkvsim_pairs_options top = { .struct_size = sizeof top, .top = 1 };
    const qkvsim_pairs_options none = { .struct_size = sizeof none };
    const qkvsim_pairs_options many = { .struct_size = sizeof many, .top = 16 };
    const qkvsim_pairs_options ranks = { .struct_size = sizeof ranks,
                                         .top = 1,
                                         .metric = QKVSIM_METRIC_SPEARMAN };
    table data = table_normal(10, 6, 25);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, 10);
    qkvsim_layout *wider = NULL;
    qkvsim_pairs *pairs = POISON_HANDLE;
    assert_ok(context, qkvsim_layout_thirds(context, 9, &wider));
    const struct {
        const qkvsim_accumulator *sum;
        const qkvsim_layout *layout;
        const qkvsim_pairs_options *options;
        const char *says;
    } wrong[] = { { NULL, NULL, &top, "the accumulator is NULL" },
                  { sum, NULL, NULL, "a threshold or top is needed" },
                  { sum, NULL, &none, "threshold is NULL and top is 0" },
                  { sum, NULL, &many, "top is 16, but there are 15 pairs" },
                  { sum, NULL, &ranks, "QKVSIM_METRIC_SPEARMAN" },
                  { sum, wider, &top, "6 features but the layout labels 9" } };
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        assert_status(context,
                      qkvsim_accumulator_pairs(context, wrong[k].sum, wrong[k].layout,
                                               wrong[k].options, &pairs),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has(context, wrong[k].says);
    }
    assert_status(context, qkvsim_accumulator_pairs(context, sum, NULL, &top, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_accumulator_pairs(NULL, sum, NULL, &top, &pairs),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(pairs, POISON_HANDLE);
    qkvsim_layout_free(wider);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(spearman_is_refused_with_its_reason)
{
    const qkvsim_analysis_options ranks = { .struct_size = sizeof ranks, .metrics = METRICS_SUM };
    table data = table_normal(10, 6, 25);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, 10);
    qkvsim_layout *layout;
    qkvsim_analysis *analysis = POISON_HANDLE;
    double *values = poisoned(36 * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, 6, QKVSIM_DTYPE_F64);
    assert_ok(context, qkvsim_layout_thirds(context, 6, &layout));
    assert_status(context, qkvsim_accumulator_analysis(context, sum, layout, &ranks, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "QKVSIM_METRIC_SPEARMAN");
    assert_status(
        context, qkvsim_accumulator_similarity(context, sum, QKVSIM_METRIC_SPEARMAN, NULL, &matrix),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "accumulator");
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    assert_poisoned(values, 36 * sizeof *values);
    free(values);
    qkvsim_layout_free(layout);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(another_number_of_features_is_refused_for_results)
{
    table data = table_normal(10, 6, 24);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_accumulator *sum = in_chunks(&copy.view, 10);
    qkvsim_layout *layout, *wider;
    qkvsim_analysis *analysis = POISON_HANDLE;
    assert_ok(context, qkvsim_layout_thirds(context, 6, &layout));
    assert_ok(context, qkvsim_layout_thirds(context, 9, &wider));
    assert_status(context, qkvsim_accumulator_analysis(context, sum, wider, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 9);
    assert_status(context, qkvsim_accumulator_analysis(context, sum, NULL, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_analysis(context, NULL, layout, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_analysis(context, sum, layout, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    qkvsim_layout_free(layout);
    qkvsim_layout_free(wider);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Each call on its own, so that any of its allocations may fail with the handles intact. */
typedef struct interruptible {
    qkvsim_accumulator *sum;
    stored chunk;
    qkvsim_layout *layout;
} interruptible;

enum { WIDTH = 300 };

static qkvsim_status run_create(qkvsim_context *with, void *unused)
{
    (void)unused;
    qkvsim_accumulator *sum = POISON_HANDLE;
    qkvsim_status status = qkvsim_accumulator_create(with, WIDTH, NULL, &sum);
    if (status == QKVSIM_OK)
        qkvsim_accumulator_free(sum);
    else
        ck_assert_ptr_eq(sum, POISON_HANDLE);
    return status;
}

/* On failure every number of the accumulator is as it was. */
static qkvsim_status run_update(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    const int64_t observations = qkvsim_accumulator_observations(job->sum);
    double *before = similarity(job->sum, WIDTH, QKVSIM_METRIC_COVARIANCE);
    qkvsim_status status = qkvsim_accumulator_update(with, job->sum, INPUT(&job->chunk.view, 1));
    double *after = similarity(job->sum, WIDTH, QKVSIM_METRIC_COVARIANCE);
    if (status != QKVSIM_OK) {
        ck_assert_int_eq(qkvsim_accumulator_observations(job->sum), observations);
        ck_assert(memcmp(before, after, WIDTH * WIDTH * sizeof *before) == 0);
    }
    free(before);
    free(after);
    return status;
}

static qkvsim_status run_analyze(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    qkvsim_analysis *analysis = POISON_HANDLE;
    qkvsim_status status =
        qkvsim_accumulator_analysis(with, job->sum, job->layout, NULL, &analysis);
    if (status == QKVSIM_OK)
        qkvsim_analysis_free(analysis);
    else
        ck_assert_ptr_eq(analysis, POISON_HANDLE);
    return status;
}

static qkvsim_status run_similarity(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    const size_t size = WIDTH * WIDTH * sizeof(float);
    float *values = poisoned(size);
    const qkvsim_matrix matrix = square_matrix(values, WIDTH, QKVSIM_DTYPE_F32);
    qkvsim_status status =
        qkvsim_accumulator_similarity(with, job->sum, QKVSIM_METRIC_PEARSON, NULL, &matrix);
    if (status != QKVSIM_OK)
        assert_poisoned(values, size);
    free(values);
    return status;
}

static qkvsim_status run_pairs(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    const double threshold = 0;
    const qkvsim_pairs_options options = { .struct_size = sizeof options, .threshold = &threshold };
    qkvsim_pairs *pairs = POISON_HANDLE;
    qkvsim_status status = qkvsim_accumulator_pairs(with, job->sum, job->layout, &options, &pairs);
    if (status == QKVSIM_OK)
        qkvsim_pairs_free(pairs);
    else
        ck_assert_ptr_eq(pairs, POISON_HANDLE);
    return status;
}

static void interruptible_init(interruptible *job)
{
    table data = table_mixed(40, WIDTH, 30);
    job->chunk = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    job->sum = in_chunks(&job->chunk.view, 40);
    assert_ok(context, qkvsim_layout_thirds(context, WIDTH, &job->layout));
    table_free(&data);
}

static void interruptible_free(interruptible *job)
{
    qkvsim_accumulator_free(job->sum);
    qkvsim_layout_free(job->layout);
    stored_free(&job->chunk);
}

static const operation operations[] = { run_create, run_update, run_analyze, run_similarity,
                                        run_pairs };

START_TEST(any_allocation_may_fail)
{
    interruptible job;
    interruptible_init(&job);
    assert_survives_failing_allocations(operations[_i], &job);
    interruptible_free(&job);
}
END_TEST

START_TEST(it_can_be_cancelled_at_every_report)
{
    interruptible job;
    interruptible_init(&job);
    assert_cancels_everywhere(operations[_i], &job);
    interruptible_free(&job);
}
END_TEST

static void add_laws(Suite *suite)
{
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    tcase_add_loop_test(laws, chunks_of_any_size_are_the_whole, 0, 7);
    tcase_add_loop_test(laws, offsets_of_1e4_deviations_are_carried, 2, 7);
    tcase_add_test(laws, a_long_stream_is_within_1e_6);
    tcase_add_test(laws, a_long_chunk_whose_first_row_is_far_is_within_1e_6);
    tcase_add_loop_test(laws, offsets_of_1e14_are_carried_from_chunk_to_chunk, 0, 7);
    tcase_add_loop_test(laws, a_huge_constant_is_as_in_the_whole, 0, 7);
    tcase_add_loop_test(laws, equal_columns_have_the_value_1_exactly, 0, 7);
    tcase_add_loop_test(laws, adversarial_columns_are_the_whole_too, 0, 7);
    tcase_add_test(laws, merging_in_any_order_is_the_whole);
    tcase_add_test(laws, accumulators_of_a_chunk_each_merge_to_the_stream_of_chunks_to_the_bit);
    tcase_add_test(laws, merging_nothing_changes_nothing);
    tcase_add_test(laws, constant_features_are_found_over_all_chunks);
    tcase_add_test(laws, merged_halves_that_are_constant_at_different_values_are_not_constant);
    tcase_add_test(laws, its_histogram_equals_numpy_on_its_own_matrix);
    tcase_add_test(laws, its_histogram_equals_numpy_where_values_meet_the_edges);
    tcase_add_test(laws, its_analysis_is_that_of_the_whole);
    tcase_add_test(add_thread_case(suite, make_context, free_context),
                   results_are_bit_identical_for_any_number_of_threads);
    tcase_add_test(laws, selections_parts_and_orders_are_as_for_a_matrix);
    tcase_add_test(laws, a_feature_left_undefined_by_one_chunk_stays_undefined);
    tcase_add_test(laws, dropped_observations_are_not_counted);
    tcase_add_test(laws, a_chunk_that_is_dropped_whole_adds_nothing);
}

int main(void)
{
    Suite *suite = suite_create("accumulator");
    add_laws(suite);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, a_failed_update_changes_nothing);
    tcase_add_loop_test(bad, squares_that_double_cannot_hold_are_refused, 0, 3);
    tcase_add_loop_test(bad, differences_that_double_cannot_square_are_refused, 0, 2);
    tcase_add_test(bad, merging_with_itself_is_refused);
    tcase_add_test(bad, bad_arguments_are_refused);
    tcase_add_test(bad, an_empty_accumulator_has_no_results);
    tcase_add_test(bad, bad_searches_for_pairs_are_refused);
    tcase_add_test(bad, spearman_is_refused_with_its_reason);
    tcase_add_test(bad, another_number_of_features_is_refused_for_results);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 5);
    tcase_add_loop_test(bad, it_can_be_cancelled_at_every_report, 1, 5);
    return run_suite(suite);
}
