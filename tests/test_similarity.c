/* similarity.h: the numerics contract of each metric against the oracle, and the laws of the
 * matrix. */
#include <qkvsim/similarity.h>

#include "oracle.h"
#include "suite_context.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static const int64_t odd_sizes[] = { 61, 64, 253, 1021, 4093 };

/* The library's d x d matrix as doubles; `dtype` is that of the output. */
static double *similarity(qkvsim_context *with, const qkvsim_view *view, int32_t metric,
                          int32_t dtype, int32_t precision)
{
    const int64_t d = view->features;
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    double *values = malloc((size_t)(d * d) * sizeof *values);
    float *narrow = malloc((size_t)(d * d) * sizeof *narrow);
    void *memory = dtype == QKVSIM_DTYPE_F64 ? (void *)values : (void *)narrow;
    const qkvsim_matrix matrix = square_matrix(memory, d, dtype);
    assert_ok(with, qkvsim_similarity(with, INPUT(view, 1, .arithmetic = precision), metric,
                                      &options, &matrix));
    for (int64_t i = 0; dtype == QKVSIM_DTYPE_F32 && i < d * d; i++)
        values[i] = narrow[i];
    free(narrow);
    return values;
}

/* The largest distance to the oracle; an undefined value must be undefined in both. */
static double largest_error(const double *values, const double *expected, int64_t d)
{
    double largest = 0;
    for (int64_t i = 0; i < d * d; i++) {
        if (isnan(values[i]) != isnan(expected[i]))
            ck_abort_msg("(%ld, %ld) is %g and not %g", (long)(i / d), (long)(i % d), values[i],
                         expected[i]);
        if (!isnan(values[i]))
            largest = fmax(largest, fabs(values[i] - expected[i]));
    }
    return largest;
}

static void assert_in_range(const double *values, int64_t d)
{
    for (int64_t i = 0; i < d * d; i++) {
        if (isnan(values[i]))
            continue;
        if (fabs(values[i]) > 1 || (i / d == i % d && values[i] != 1))
            ck_abort_msg("(%ld, %ld) is %.17g", (long)(i / d), (long)(i % d), values[i]);
    }
}

static void assert_symmetric(const double *values, int64_t d)
{
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < i; j++)
            if (memcmp(&values[i * d + j], &values[j * d + i], sizeof *values) != 0)
                ck_abort_msg("(%ld, %ld) is %.17g and the other way round %.17g", (long)i, (long)j,
                             values[i * d + j], values[j * d + i]);
}

/* The first `metrics` of cosine, Pearson and Spearman of a view, in both output types, against the
 * oracle on the very same bits. */
static void assert_metrics_of_view(const qkvsim_view *view, int metrics, int32_t precision,
                                   double tolerance)
{
    const table exact = widen(view);
    for (int m = 0; m < metrics; m++) {
        const int32_t metric = every_metric[m];
        double *expected = oracle_similarity(&exact, metric);
        const int32_t output = tolerance < 1e-7 ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32;
        for (int32_t dtype = output; dtype <= QKVSIM_DTYPE_F64; dtype++) {
            double *values = similarity(context, view, metric, dtype, precision);
            double error = largest_error(values, expected, exact.d);
            ck_assert_msg(error <= tolerance,
                          "n %ld, d %ld, dtype %d, metric %d: error %.3g > %.3g", (long)exact.n,
                          (long)exact.d, view->dtype, metric, error, tolerance);
            assert_in_range(values, exact.d);
            assert_symmetric(values, exact.d);
            free(values);
        }
        free(expected);
    }
    table_free((table *)&exact);
}

static void assert_accurate_view(const qkvsim_view *view, int32_t precision, double tolerance)
{
    assert_metrics_of_view(view, 3, precision, tolerance);
}

static void assert_metrics(table data, int metrics, int32_t dtype, double tolerance)
{
    stored copy = store(&data, dtype, ORDER_C);
    assert_metrics_of_view(&copy.view, metrics, 0, tolerance);
    stored_free(&copy);
    table_free(&data);
}

static void assert_accurate(table data, int32_t dtype, double tolerance)
{
    assert_metrics(data, 3, dtype, tolerance);
}

START_TEST(f32_is_within_1e_6_on_random_data)
{
    const int64_t shapes[][2] = { { 2, 5 },    { 3, 7 },     { 17, 130 },  { 61, 200 },
                                  { 64, 193 }, { 253, 385 }, { 1021, 97 }, { 4093, 40 } };
    assert_accurate(table_with_offsets(shapes[_i][0], shapes[_i][1], 3, 100 + (uint64_t)_i),
                    QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_is_within_1e_6_for_65536_observations)
{
    assert_accurate(table_with_offsets(65536, 9, _i == 0 ? 0 : 1e4, 5), QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_is_within_1e_6_with_offsets_to_1e4_deviations)
{
    const double offsets[] = { 10, 100, 1e3, 1e4 };
    for (int i = 0; i < 4; i++)
        assert_accurate(table_with_offsets(odd_sizes[_i], 60, offsets[i], 7 + (uint64_t)i),
                        QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_is_within_1e_6_on_duplicate_binary_columns)
{
    assert_accurate(table_binary_duplicates(odd_sizes[_i], 48, 3), QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_is_within_1e_6_on_sparse_columns)
{
    assert_accurate(table_sparse(odd_sizes[_i], 48, 4), QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_is_within_1e_6_on_one_hot_columns)
{
    assert_accurate(table_one_hot(odd_sizes[_i], 48, 5), QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_is_within_1e_6_on_half_flipped_duplicates)
{
    assert_accurate(table_half_flipped(odd_sizes[_i], 48, 6), QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

/* One column far from the others in every row but one, where all the variance is. */
START_TEST(f32_is_within_1e_6_where_one_row_has_all_the_variance)
{
    table data = table_with_offsets(odd_sizes[_i], 30, 1e4, 8);
    for (int64_t j = 0; j < data.d; j += 2) {
        table_set_constant(&data, j, 1e4);
        *table_at(&data, j % data.n, j) = 1e4 + 0.5 * (double)(j + 1);
    }
    assert_accurate(data, QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

/* Sums are taken about the first row: here that is as far from the mean as a row can be. Sums over
 * rows stand near 1 from then on, and what the others add is little and much the same. */
START_TEST(f32_is_within_1e_6_where_one_row_is_far_from_all_others)
{
    static const int64_t lengths[] = { 1000, 4093, 9001, 65536 };
    static const double distances[] = { 1e4, 5e4, 1e6 };
    const int64_t n = lengths[_i / 6];
    table data = table_with_offsets(n, 12, 3, 10);
    for (int64_t j = 0; j < data.d; j++)
        *table_at(&data, _i % 2 * (n / 3), j) =
            (j % 2 == 0 ? 1 : -100) * distances[_i / 2 % 3] + 100 * (double)j;
    const bool ranked = _i / 2 % 3 == 0; /* the ranks of all distances are the same */
    assert_metrics(data, ranked ? 3 : 2, QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

/* A few rows outweigh all others in each column, which has them to itself, and what the others hold
 * is nothing, noise or a constant; of four columns, two are equal, one is the opposite and one
 * nearly equal. Sums over rows stand near 1 from the massive ones on, and what is added then is
 * rounded away unless terms differ: three such rows of 3,614 were off by 2.1e-6. */
static table table_with_massive_rows(int64_t n, int64_t d, int64_t few, uint64_t seed)
{
    static const double noises[] = { 0, 1e-4, 3e-4, 1e-3 };
    random_source source = { seed };
    table data = table_new(n, d);
    for (int64_t j = 0; j < d; j++) {
        const double noise = noises[j / 4 % 4],
                     shift = j / 16 % 3 == 2 ? random_normal(&source) : 0;
        for (int64_t i = 0; i < n && j % 4 == 0; i++)
            *table_at(&data, i, j) = shift + noise * random_normal(&source);
        for (int64_t i = 0; i < n && j % 4 != 0; i++) {
            const double near = j % 4 == 3 ? 1e-4 * noise * random_normal(&source) : 0;
            *table_at(&data, i, j) = (j % 4 == 2 ? -1 : 1) * *table_at(&data, i, j - j % 4) + near;
        }
        for (int64_t k = 0; k < few && j % 4 == 3; k++) {
            const int64_t row = k == 0 ? random_below(&source, 16) : random_below(&source, n);
            const double massive = (k % 3 == 1 ? -1 : 1) * exp(random_normal(&source) / 2);
            for (int64_t c = 0; c < 4; c++)
                *table_at(&data, row, j - c) =
                    (c == 1 ? -1 : 1) * massive * (c == 0 ? 1 + 1e-3 * random_normal(&source) : 1);
        }
    }
    return data;
}

START_TEST(f32_is_within_1e_6_where_a_few_rows_are_massive)
{
    static const int64_t lengths[] = { 90, 300, 1000, 1777, 2500, 3614, 4093, 9001 };
    static const int64_t few[] = { 1, 2, 3, 5, 30 };
    assert_accurate(table_with_massive_rows(lengths[_i / 5], 48, few[_i % 5], 900 + (uint64_t)_i),
                    QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_is_within_1e_6_where_a_few_rows_of_very_many_are_massive)
{
    const int64_t few = 1 + 2 * (_i / 2); /* to ranks a few rows are nothing */
    assert_metrics(table_with_massive_rows(_i % 2 == 0 ? 65536 : 200000, 12, few, 950),
                   few == 1 ? 3 : 2, QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

/* Two equal columns, which were off by 2.1e-6, and one that is nearly theirs. */
START_TEST(f32_is_within_1e_6_where_three_rows_are_all_there_is)
{
    table data = table_new(3614, 3);
    for (int64_t j = 0; j < 3; j++) {
        *table_at(&data, 1, j) = 1864.8981 + 0.001 * (double)(j / 2);
        *table_at(&data, 2404, j) = -635.8595;
        *table_at(&data, 2459, j) = -357.5209;
    }
    assert_accurate(data, QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_magnitudes_of_1e30_and_1e_30_are_right)
{
    assert_accurate(table_magnitudes(odd_sizes[_i], 40, 9), QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(f32_extremes_of_the_exponent_are_right)
{
    static const double scales[] = { 3e38 / 16, 1e-38, 1e-41, 1, FLT_MIN };
    table data = table_normal(253, 20, 10);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] = fmax(-10, fmin(10, data.values[i])) * scales[i % data.d % 5];
    assert_accurate(data, QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

/* The oracle squares in long double, whose exponent has room for these; double has none. */
START_TEST(f64_extremes_of_the_exponent_are_right)
{
    static const double scales[] = { 1e300, 1e-300, 1e-160, 1, 1e160 };
    table data = table_normal(253, 20, 11);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] *= scales[i % data.d % 5];
    assert_accurate(data, QKVSIM_DTYPE_F64, 1e-13);
}
END_TEST

START_TEST(f64_is_within_1e_13_without_offsets)
{
    const int64_t shapes[][2] = { { 2, 5 },     { 3, 7 },     { 61, 200 },
                                  { 253, 193 }, { 1021, 97 }, { 65536, 8 } };
    assert_accurate(table_with_offsets(shapes[_i][0], shapes[_i][1], 0, 20 + (uint64_t)_i),
                    QKVSIM_DTYPE_F64, 1e-13);
}
END_TEST

/* Means are taken about the first row. The oracle's are too, but in long double. */
START_TEST(f64_is_within_1e_13_where_the_first_row_is_far)
{
    static const int64_t lengths[] = { 61, 5000, 65536, 500000 };
    table data = table_normal(lengths[_i], 5, 25);
    table_set_constant(&data, 0, 0.1);
    table_set_constant(&data, 1, 1);
    table_set_constant(&data, 2, 1e-3);
    for (int64_t j = 0; j < data.d; j++)
        *table_at(&data, 0, j) = j == 1 ? 1 : 1000 + (double)j;
    assert_accurate(data, QKVSIM_DTYPE_F64, 1e-13);
}
END_TEST

START_TEST(f64_is_within_1e_13_on_adversarial_columns)
{
    assert_accurate(table_binary_duplicates(odd_sizes[_i], 32, 21), QKVSIM_DTYPE_F64, 1e-13);
    assert_accurate(table_sparse(odd_sizes[_i], 32, 22), QKVSIM_DTYPE_F64, 1e-13);
    assert_accurate(table_one_hot(odd_sizes[_i], 32, 23), QKVSIM_DTYPE_F64, 1e-13);
    assert_accurate(table_half_flipped(odd_sizes[_i], 32, 24), QKVSIM_DTYPE_F64, 1e-13);
}
END_TEST

/* An error of half an ulp in each centred value is offset x epsilon standard deviations. */
START_TEST(f64_with_offsets_is_what_its_bits_can_carry)
{
    const double offsets[] = { 1, 100, 1e4, 1e6 };
    for (int i = 0; i < 4; i++)
        assert_accurate(table_with_offsets(odd_sizes[_i], 24, offsets[i], 30 + (uint64_t)i),
                        QKVSIM_DTYPE_F64, 1e-13 + 2 * DBL_EPSILON * offsets[i]);
}
END_TEST

START_TEST(f16_and_bf16_are_widened_and_then_as_f32)
{
    assert_accurate(table_with_offsets(253, 60, 3, 40),
                    _i == 0 ? QKVSIM_DTYPE_F16 : QKVSIM_DTYPE_BF16, 1e-6);
    assert_accurate(table_with_offsets(1021, 20, 100, 41),
                    _i == 0 ? QKVSIM_DTYPE_F16 : QKVSIM_DTYPE_BF16, 1e-6);
    assert_accurate(table_sparse(1021, 20, 42), _i == 0 ? QKVSIM_DTYPE_F16 : QKVSIM_DTYPE_BF16,
                    1e-6);
}
END_TEST

START_TEST(f64_arithmetic_on_narrow_input_is_within_1e_13)
{
    const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_BF16, QKVSIM_DTYPE_F32 };
    table data = table_with_offsets(253, 40, 1, 43);
    stored copy = store(&data, dtypes[_i], ORDER_C);
    assert_accurate_view(&copy.view, QKVSIM_DTYPE_F64, 1e-13);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(f32_arithmetic_on_f64_input_is_refused)
{
    table data = table_normal(10, 3, 44);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    double *values = poisoned(9 * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, 3, QKVSIM_DTYPE_F64);
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    assert_status(context,
                  qkvsim_similarity(context, INPUT(&copy.view, 1, .arithmetic = QKVSIM_DTYPE_F32),
                                    QKVSIM_METRIC_COSINE, &options, &matrix),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_poisoned(values, 9 * sizeof *values);
    free(values);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Covariance and dot products, with an error relative to the norms of the two columns. */
static void assert_products_accurate(const table *data, int32_t dtype, double tolerance)
{
    stored copy = store(data, dtype, ORDER_C);
    const table exact = widen(&copy.view);
    const int32_t metrics[] = { QKVSIM_METRIC_COVARIANCE, QKVSIM_METRIC_DOT };
    for (int m = 0; m < 2; m++) {
        double *expected = oracle_similarity(&exact, metrics[m]);
        double *values = similarity(context, &copy.view, metrics[m], QKVSIM_DTYPE_F64, 0);
        for (int64_t i = 0; i < exact.d; i++)
            for (int64_t j = 0; j < exact.d; j++) {
                double scale =
                    sqrt(expected[i * (exact.d + 1)]) * sqrt(expected[j * (exact.d + 1)]);
                double error = fabs(values[i * exact.d + j] - expected[i * exact.d + j]);
                if (error > tolerance * scale)
                    ck_abort_msg("metric %d, (%ld, %ld): %.9g and not %.9g", metrics[m], (long)i,
                                 (long)j, values[i * exact.d + j], expected[i * exact.d + j]);
            }
        assert_symmetric(values, exact.d);
        free(values);
        free(expected);
    }
    table_free((table *)&exact);
    stored_free(&copy);
}

START_TEST(covariance_and_dot_are_the_products_by_definition)
{
    table plain = table_with_offsets(253, 50, 3, 50);
    table scaled = table_magnitudes(61, 20, 51);
    assert_products_accurate(&plain, QKVSIM_DTYPE_F32, 1e-6);
    assert_products_accurate(&scaled, QKVSIM_DTYPE_F32, 1e-6);
    assert_products_accurate(&plain, QKVSIM_DTYPE_F64, 1e-13);
    table_free(&plain);
    table_free(&scaled);
}
END_TEST

START_TEST(covariance_of_one_observation_is_undefined_and_its_cosines_are_not)
{
    table data = table_normal(1, 6, 52);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    double *covariance =
        similarity(context, &copy.view, QKVSIM_METRIC_COVARIANCE, QKVSIM_DTYPE_F32, 0);
    double *pearson = similarity(context, &copy.view, QKVSIM_METRIC_PEARSON, QKVSIM_DTYPE_F32, 0);
    double *cosine = similarity(context, &copy.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
    for (int64_t i = 0; i < 36; i++) {
        ck_assert(isnan(covariance[i]));
        ck_assert(isnan(pearson[i]));
        double sign = data.values[i / 6] * data.values[i % 6] > 0 ? 1 : -1;
        ck_assert(cosine[i] == sign);
    }
    free(covariance);
    free(pearson);
    free(cosine);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(constant_and_zero_features_are_undefined_exactly_where_the_definition_says)
{
    assert_accurate(table_mixed(61, 40, 53), QKVSIM_DTYPE_F32, 1e-6);
    assert_accurate(table_mixed(1000, 40, 54), QKVSIM_DTYPE_F64, 1e-13);
    assert_accurate(table_mixed(77, 40, 55), QKVSIM_DTYPE_F16, 1e-6);
}
END_TEST

/* One ulp in one row: tiny, and not constant. */
START_TEST(a_feature_one_ulp_from_constant_is_defined)
{
    table data = table_normal(1021, 4, 56);
    table_set_constant(&data, 1, 0.1f);
    *table_at(&data, 700, 1) = nextafterf(0.1f, 1);
    assert_accurate(data, QKVSIM_DTYPE_F32, 1e-6);
}
END_TEST

START_TEST(one_feature_alone_is_itself)
{
    table data = table_normal(20, 1, 57);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    double *cosine = similarity(context, &copy.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
    double *pearson = similarity(context, &copy.view, QKVSIM_METRIC_PEARSON, QKVSIM_DTYPE_F64, 0);
    ck_assert(cosine[0] == 1 && pearson[0] == 1);
    free(cosine);
    free(pearson);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void assert_identical(double *one, double *other, int64_t d, const char *what)
{
    ck_assert_msg(memcmp(one, other, (size_t)(d * d) * sizeof *one) == 0, "%s: not bit-identical",
                  what);
    free(one);
    free(other);
}

START_TEST(results_are_bit_identical_for_any_number_of_threads)
{
    const int32_t threads[] = { 2, 3, 7 };
    const int32_t dtype = _i % 2 == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64;
    const int32_t metric = every_metric[_i / 2];
    table data = table_with_offsets(301, 700, 2, 60);
    stored copy = store(&data, dtype, ORDER_C);
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    for (int i = 0; i < 3; i++) {
        qkvsim_context *many = context_with(threads[i], QKVSIM_KERNELS_AUTO);
        assert_identical(similarity(one, &copy.view, metric, dtype, 0),
                         similarity(many, &copy.view, metric, dtype, 0), data.d, "threads");
        qkvsim_context_free(many);
    }
    qkvsim_context_free(one);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(scaling_by_powers_of_two_changes_nothing)
{
    table data = table_with_offsets(253, 60, 2, 61);
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t i = 0; i < data.n; i++)
        for (int64_t j = 0; j < data.d; j++)
            *table_at(&data, i, j) = ldexp(*table_at(&data, i, j), (int)(j % 41) - 20);
    stored scaled = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int m = 0; m < 3; m++)
        assert_identical(similarity(context, &plain.view, every_metric[m], QKVSIM_DTYPE_F32, 0),
                         similarity(context, &scaled.view, every_metric[m], QKVSIM_DTYPE_F32, 0),
                         data.d, "scaling");
    stored_free(&plain);
    stored_free(&scaled);
    table_free(&data);
}
END_TEST

START_TEST(a_negative_scale_turns_the_sign_exactly)
{
    table data = table_with_offsets(100, 30, 2, 62);
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t i = 0; i < data.n; i++)
        *table_at(&data, i, 4) *= -1;
    stored turned = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    double *before = similarity(context, &plain.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
    double *after = similarity(context, &turned.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
    for (int64_t j = 0; j < data.d; j++)
        ck_assert(after[4 * data.d + j] == (j == 4 ? 1 : -before[4 * data.d + j]));
    free(before);
    free(after);
    stored_free(&plain);
    stored_free(&turned);
    table_free(&data);
}
END_TEST

/* Multiples of 1/64 below 2^10, shifted by powers of two: every sum is exact in float32. */
START_TEST(pearson_is_invariant_under_shifts)
{
    table data = table_with_offsets(253, 40, 2, 63);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] = rint(64 * data.values[i]) / 64;
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] += ldexp(1, (int)(i % data.d % 10));
    stored shifted = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    double *before = similarity(context, &plain.view, QKVSIM_METRIC_PEARSON, QKVSIM_DTYPE_F32, 0);
    double *after = similarity(context, &shifted.view, QKVSIM_METRIC_PEARSON, QKVSIM_DTYPE_F32, 0);
    ck_assert_double_le(largest_error(after, before, data.d), 2e-6);
    free(before);
    free(after);
    stored_free(&plain);
    stored_free(&shifted);
    table_free(&data);
}
END_TEST

/* Multiples of 1/16 below 2^7, so that there are ties and cubes are exact; every other column
 * falls. */
START_TEST(spearman_depends_on_the_order_of_the_values_only)
{
    const int32_t dtype = _i == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64;
    table data = table_with_offsets(253, 40, 2, 66);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] = rint(16 * data.values[i]) / 16;
    stored plain = store(&data, dtype, ORDER_C);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] *= data.values[i] * (i % data.d % 2 == 0 ? data.values[i] : 0)
                          + (i % data.d % 2 == 0 ? 1 : -0.125);
    stored mapped = store(&data, dtype, ORDER_C);
    double *before = similarity(context, &plain.view, QKVSIM_METRIC_SPEARMAN, QKVSIM_DTYPE_F64, 0);
    double *after = similarity(context, &mapped.view, QKVSIM_METRIC_SPEARMAN, QKVSIM_DTYPE_F64, 0);
    for (int64_t i = 0; i < data.d; i++)
        for (int64_t j = 0; j < data.d; j++) {
            const double sign = (i + j) % 2 == 0 ? 1 : -1;
            ck_assert(after[i * data.d + j] == sign * before[i * data.d + j]);
        }
    free(before);
    free(after);
    stored_free(&plain);
    stored_free(&mapped);
    table_free(&data);
}
END_TEST

/* Five values, two of them equal: ranks 1, 2.5, 2.5, 4, 5 against 5, 4, 3, 1, 2, by hand. */
START_TEST(spearman_of_equal_values_uses_their_mean_rank)
{
    const double columns[2][5] = { { -0.0, 1, 1, 30, 1e6 }, { 9, 8, 7, 0, 5 } };
    table data = table_new(5, 2);
    for (int64_t i = 0; i < 10; i++)
        *table_at(&data, i % 5, i / 5) = columns[i / 5][i % 5];
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored copy = store(&data, dtype, ORDER_C);
        double *values =
            similarity(context, &copy.view, QKVSIM_METRIC_SPEARMAN, QKVSIM_DTYPE_F64, 0);
        ck_assert_double_eq_tol(values[1], -8.5 / sqrt(95),
                                (dtype == QKVSIM_DTYPE_F64 ? 1e-15 : 1e-7));
        free(values);
        stored_free(&copy);
    }
    table_free(&data);
}
END_TEST

START_TEST(spearman_holds_0_and_minus_0_equal)
{
    table data = table_normal(60, 4, 67);
    for (int64_t i = 0; i < 60; i++) {
        *table_at(&data, i, 0) = i % 3 == 0 ? -0.0 : 0.0;
        *table_at(&data, i, 1) = i % 3 == 1 ? *table_at(&data, i, 1) : i % 3 == 0 ? -0.0 : 0.0;
        *table_at(&data, i, 2) = *table_at(&data, i, 1) + 0.0;
    }
    stored copy = store(&data, _i == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64, ORDER_C);
    double *values = similarity(context, &copy.view, QKVSIM_METRIC_SPEARMAN, QKVSIM_DTYPE_F64, 0);
    ck_assert(isnan(values[0]) && isnan(values[1]));
    ck_assert(values[4 + 3] == values[8 + 3]);
    ck_assert_double_eq_tol(values[4 + 2], 1, 1e-6);
    free(values);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(features_in_another_order_give_the_same_values_there)
{
    enum { D = 50 };
    int64_t order[D];
    for (int64_t j = 0; j < D; j++)
        order[j] = (17 * j + 3) % D;
    table data = table_with_offsets(253, D, 2, 64);
    table turned = table_columns(&data, order, D);
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           moved = store(&turned, QKVSIM_DTYPE_F32, ORDER_C);
    double *before = similarity(context, &plain.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
    double *after = similarity(context, &moved.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < D; j++)
            ck_assert_double_eq_tol(after[i * D + j], before[order[i] * D + order[j]], 1e-6);
    free(before);
    free(after);
    stored_free(&plain);
    stored_free(&moved);
    table_free(&data);
    table_free(&turned);
}
END_TEST

/* The many are more than the second-level cache holds, the few are not. */
START_TEST(a_few_features_have_alone_the_values_that_they_have_among_many)
{
    enum { MANY = 1000, FEW = 91 };
    const int32_t threads[] = { 1, 2, 7 };
    const int32_t dtype = _i == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64;
    int64_t chosen[FEW];
    for (int64_t j = 0; j < FEW; j++)
        chosen[j] = 11 * j;
    table data = table_with_offsets(1500, MANY, 2, 66);
    table some = table_columns(&data, chosen, FEW);
    stored all = store(&data, dtype, ORDER_C), alone = store(&some, dtype, ORDER_C);
    double *expected = similarity(context, &alone.view, QKVSIM_METRIC_PEARSON, dtype, 0);
    for (int t = 0; t < 3; t++) {
        qkvsim_context *with = context_with(threads[t], QKVSIM_KERNELS_AUTO);
        double *values = similarity(with, &all.view, QKVSIM_METRIC_PEARSON, dtype, 0);
        for (int64_t i = 0; i < FEW; i++)
            for (int64_t j = 0; j < FEW; j++)
                ck_assert(values[chosen[i] * MANY + chosen[j]] == expected[i * FEW + j]);
        free(values);
        qkvsim_context_free(with);
    }
    free(expected);
    stored_free(&all);
    stored_free(&alone);
    table_free(&data);
    table_free(&some);
}
END_TEST

START_TEST(kernels_agree_within_the_contract)
{
    table data = table_with_offsets(253, 130, 2, 65);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    double *portable = NULL;
    for (int32_t kernels = QKVSIM_KERNELS_PORTABLE; kernels <= QKVSIM_KERNELS_AVX512; kernels++) {
        qkvsim_context_options options = { .struct_size = sizeof options, .kernels = kernels };
        qkvsim_context *with;
        if (qkvsim_context_create(&options, &with) != QKVSIM_OK)
            continue;
        double *values = similarity(with, &copy.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
        if (portable)
            ck_assert_double_le(largest_error(values, portable, data.d), 1e-6);
        free(portable);
        portable = values;
        qkvsim_context_free(with);
    }
    free(portable);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(the_upper_triangle_leaves_the_rest_and_the_padding_alone)
{
    const int64_t d = 210, leading = 217;
    table data = table_with_offsets(64, d, 2, 66);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float *upper = poisoned((size_t)(d * leading) * sizeof *upper);
    double *full = similarity(context, &copy.view, QKVSIM_METRIC_COSINE, QKVSIM_DTYPE_F32, 0);
    qkvsim_matrix matrix = square_matrix(upper, d, QKVSIM_DTYPE_F32);
    matrix.leading_dimension = leading;
    qkvsim_similarity_options options = { .struct_size = sizeof options,
                                          .triangle = QKVSIM_TRIANGLE_UPPER };
    assert_ok(context, qkvsim_similarity(context, INPUT(&copy.view, 1), QKVSIM_METRIC_COSINE,
                                         &options, &matrix));
    for (int64_t i = 0; i < d; i++) {
        assert_poisoned(upper + i * leading, (size_t)i * sizeof *upper);
        assert_poisoned(upper + i * leading + d, (size_t)(leading - d) * sizeof *upper);
        for (int64_t j = i; j < d; j++)
            if (upper[i * leading + j] != full[i * d + j])
                ck_abort_msg("(%ld, %ld) differs from the full matrix", (long)i, (long)j);
    }
    free(upper);
    free(full);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Three parts of 40 features, the second of them float16, with one bad value; the call must
 * fail. */
static void assert_nonfinite_named(double value, int64_t row, int64_t column)
{
    const int64_t n = 333, d = 120;
    table data = table_normal(n, d, 70);
    *table_at(&data, row, column) = value;
    stored single = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           half = store(&data, QKVSIM_DTYPE_F16, ORDER_C);
    const qkvsim_view parts[] = { view_of_columns(&single.view, 0, 40),
                                  view_of_columns(&half.view, 40, 40),
                                  view_of_columns(&single.view, 80, 40) };
    float *values = poisoned((size_t)(d * d) * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, d, QKVSIM_DTYPE_F32);
    for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_SPEARMAN; metric *= 2) {
        assert_status(context, qkvsim_similarity(context, INPUT(parts, 3), metric, NULL, &matrix),
                      QKVSIM_ERROR_NONFINITE);
        assert_message_has_number(context, row);
        assert_message_has_number(context, column);
        assert_message_has_number(context, column / 40);
        assert_message_has(context, "part");
        assert_poisoned(values, (size_t)(d * d) * sizeof *values);
    }
    free(values);
    stored_free(&single);
    stored_free(&half);
    table_free(&data);
}

START_TEST(nan_and_infinity_name_part_row_and_column)
{
    const double bad[] = { NAN, INFINITY, -INFINITY };
    assert_nonfinite_named(bad[_i], 0, 0);
    assert_nonfinite_named(bad[_i], 166, 59);
    assert_nonfinite_named(bad[_i], 332, 119);
}
END_TEST

START_TEST(nan_in_rows_not_selected_does_not_matter)
{
    table data = table_normal(60, 12, 71);
    uint8_t mask[60];
    for (int64_t i = 0; i < 60; i++) {
        mask[i] = i % 3 != 0;
        if (!mask[i])
            *table_at(&data, i, i % 12) = NAN;
    }
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float values[144];
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .mask = mask,
                                         .count = 60 };
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    const qkvsim_matrix matrix = square_matrix(values, 12, QKVSIM_DTYPE_F32);
    assert_ok(context, qkvsim_similarity(context, INPUT(&copy.view, 1, .selection = &selection),
                                         QKVSIM_METRIC_COSINE, &options, &matrix));
    for (int i = 0; i < 144; i++)
        ck_assert(isfinite(values[i]));
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* The row in a message is the caller's, not its place among those selected. */
START_TEST(nan_in_a_selected_row_is_named_by_the_callers_number)
{
    table data = table_normal(60, 12, 72);
    *table_at(&data, 47, 9) = NAN;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const int64_t rows[] = { 50, 47, 12 };
    float values[144];
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 3 };
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    const qkvsim_matrix matrix = square_matrix(values, 12, QKVSIM_DTYPE_F32);
    assert_status(context,
                  qkvsim_similarity(context, INPUT(&copy.view, 1, .selection = &selection),
                                    QKVSIM_METRIC_COSINE, &options, &matrix),
                  QKVSIM_ERROR_NONFINITE);
    assert_message_has_number(context, 47);
    assert_message_has_number(context, 9);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Data with NaN and infinity in two rows and three columns, under one of the two lenient rules. */
static double *lenient(const table *data, int32_t nonfinite, int32_t metric)
{
    stored copy = store(data, QKVSIM_DTYPE_F32, ORDER_C);
    double *values = malloc((size_t)(data->d * data->d) * sizeof *values);
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    const qkvsim_matrix matrix = square_matrix(values, data->d, QKVSIM_DTYPE_F64);
    assert_ok(context, qkvsim_similarity(context, INPUT(&copy.view, 1, .nonfinite = nonfinite),
                                         metric, &options, &matrix));
    stored_free(&copy);
    return values;
}

static table table_with_holes(void)
{
    table data = table_normal(40, 10, 73);
    *table_at(&data, 0, 0) = NAN;
    *table_at(&data, 0, 4) = INFINITY;
    *table_at(&data, 39, 9) = -INFINITY;
    return data;
}

START_TEST(dropped_observations_are_as_if_never_there)
{
    int64_t kept[38];
    for (int64_t i = 0; i < 38; i++)
        kept[i] = i + 1;
    table data = table_with_holes(), rest = table_rows(&data, kept, 38);
    for (int m = 0; m < 3; m++)
        assert_identical(lenient(&data, QKVSIM_NONFINITE_DROP_OBSERVATION, every_metric[m]),
                         lenient(&rest, QKVSIM_NONFINITE_ERROR, every_metric[m]), 10, "dropped");
    table_free(&data);
    table_free(&rest);
}
END_TEST

START_TEST(undefined_features_are_nan_and_the_others_as_alone)
{
    const int64_t others[] = { 1, 2, 3, 5, 6, 7, 8 };
    table data = table_with_holes(), rest = table_columns(&data, others, 7);
    double *values = lenient(&data, QKVSIM_NONFINITE_UNDEFINED_FEATURE, every_metric[_i]);
    double *alone = lenient(&rest, QKVSIM_NONFINITE_ERROR, every_metric[_i]);
    for (int64_t i = 0; i < 10; i++) {
        ck_assert(isnan(values[i]) && isnan(values[40 + i]) && isnan(values[10 * i + 9]));
        ck_assert(isnan(values[10 * i]) && isnan(values[90 + i]));
    }
    for (int64_t i = 0; i < 7; i++)
        for (int64_t j = 0; j < 7; j++)
            ck_assert_double_eq_tol(values[others[i] * 10 + others[j]], alone[i * 7 + j], 1e-6);
    free(values);
    free(alone);
    table_free(&data);
    table_free(&rest);
}
END_TEST

START_TEST(all_observations_dropped_is_an_error)
{
    table data = table_normal(5, 5, 74);
    for (int64_t i = 0; i < 5; i++)
        *table_at(&data, i, i) = NAN;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float *values = poisoned(25 * sizeof *values);
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    const qkvsim_matrix matrix = square_matrix(values, 5, QKVSIM_DTYPE_F32);
    assert_status(context,
                  qkvsim_similarity(
                      context, INPUT(&copy.view, 1, .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION),
                      QKVSIM_METRIC_COSINE, &options, &matrix),
                  QKVSIM_ERROR_NONFINITE);
    assert_poisoned(values, 25 * sizeof *values);
    free(values);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(products_past_the_output_type_are_too_large)
{
    table data = table_normal(64, 6, 75);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] *= 1e25;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float *values = poisoned(36 * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, 6, QKVSIM_DTYPE_F32);
    assert_status(
        context, qkvsim_similarity(context, INPUT(&copy.view, 1), QKVSIM_METRIC_DOT, NULL, &matrix),
        QKVSIM_ERROR_TOO_LARGE);
    assert_status(
        context,
        qkvsim_similarity(context, INPUT(&copy.view, 1), QKVSIM_METRIC_COVARIANCE, NULL, &matrix),
        QKVSIM_ERROR_TOO_LARGE);
    assert_poisoned(values, 36 * sizeof *values);
    double *wide = similarity(context, &copy.view, QKVSIM_METRIC_DOT, QKVSIM_DTYPE_F64, 0);
    ck_assert(isfinite(wide[0]) && wide[0] > 1e50);
    free(wide);
    free(values);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Centred ranks are halves of integers: float holds those of 2^24 observations and no more. */
START_TEST(ranks_that_single_precision_cannot_hold_are_refused)
{
    const int64_t n = ((int64_t)1 << 24) + 1;
    uint16_t *values = calloc((size_t)n, sizeof *values);
    float entry = 7;
    const qkvsim_view view = { sizeof view, values, n, 1, 1, 1, QKVSIM_DTYPE_F16, 0 };
    const qkvsim_matrix matrix = square_matrix(&entry, 1, QKVSIM_DTYPE_F32);
    assert_status(
        context, qkvsim_similarity(context, INPUT(&view, 1), QKVSIM_METRIC_SPEARMAN, NULL, &matrix),
        QKVSIM_ERROR_TOO_LARGE);
    assert_message_has_number(context, n);
    assert_message_has(context, "QKVSIM_DTYPE_F64");
    ck_assert(entry == 7);
    free(values);
}
END_TEST

START_TEST(unknown_metrics_and_options_are_refused)
{
    table data = table_normal(9, 4, 76);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float *values = poisoned(16 * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, 4, QKVSIM_DTYPE_F32);
    const int32_t metrics[] = { 0, 3, 5, 17, 32, -1 };
    for (int i = 0; i < 6; i++)
        assert_status(context,
                      qkvsim_similarity(context, INPUT(&copy.view, 1), metrics[i], NULL, &matrix),
                      refusal(context));
    const qkvsim_similarity_options bad[] = { { .struct_size = sizeof bad[0], .triangle = 2 },
                                              { .struct_size = sizeof bad[0], .triangle = -1 },
                                              { .struct_size = sizeof bad[0], .reserved = 1 },
                                              { .struct_size = 0 },
                                              { .struct_size = sizeof(size_t) - 1 } };
    for (int i = 0; i < 5; i++)
        assert_status(context,
                      qkvsim_similarity(context, INPUT(&copy.view, 1), QKVSIM_METRIC_COSINE,
                                        &bad[i], &matrix),
                      refusal(context));
    ck_assert_int_eq(
        qkvsim_similarity(NULL, INPUT(&copy.view, 1), QKVSIM_METRIC_COSINE, NULL, &matrix),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(
        context, qkvsim_similarity(context, INPUT(&copy.view, 1), QKVSIM_METRIC_COSINE, NULL, NULL),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_poisoned(values, 16 * sizeof *values);
    free(values);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(options_from_a_newer_header_are_read_where_the_rest_is_zero)
{
    struct {
        qkvsim_similarity_options value;
        unsigned char tail[16];
    } newer = { .value = { .struct_size = sizeof newer } };
    table data = table_normal(9, 4, 77);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float values[16];
    const qkvsim_matrix matrix = square_matrix(values, 4, QKVSIM_DTYPE_F32);
    assert_ok(context, qkvsim_similarity(context, INPUT(&copy.view, 1), QKVSIM_METRIC_COSINE,
                                         &newer.value, &matrix));
    newer.tail[3] = 9;
    assert_status(context,
                  qkvsim_similarity(context, INPUT(&copy.view, 1), QKVSIM_METRIC_COSINE,
                                    &newer.value, &matrix),
                  refusal(context));
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* What an operation that may be interrupted works on. */
typedef struct interruptible {
    qkvsim_view view;
    int32_t metric;
    int32_t nonfinite;
} interruptible;

static qkvsim_status run_similarity(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    const int64_t d = job->view.features;
    const size_t size = (size_t)(d * d) * sizeof(float);
    int64_t rows[50];
    for (int64_t i = 0; i < 50; i++)
        rows[i] = i;
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 50 };
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    float *values = poisoned(size);
    const qkvsim_matrix matrix = square_matrix(values, d, QKVSIM_DTYPE_F32);
    qkvsim_status status = qkvsim_similarity(
        with, INPUT(&job->view, 1, .selection = &selection, .nonfinite = job->nonfinite),
        job->metric, &options, &matrix);
    if (status != QKVSIM_OK)
        assert_poisoned(values, size);
    free(values);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    table data = table_mixed(60, 400, 80);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const interruptible jobs[] = { { copy.view, QKVSIM_METRIC_COSINE, QKVSIM_NONFINITE_ERROR },
                                   { copy.view, QKVSIM_METRIC_DOT,
                                     QKVSIM_NONFINITE_DROP_OBSERVATION },
                                   { copy.view, QKVSIM_METRIC_SPEARMAN, QKVSIM_NONFINITE_ERROR } };
    assert_survives_failing_allocations(run_similarity, (void *)&jobs[_i]);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(it_can_be_cancelled_at_every_report)
{
    table data = table_mixed(60, 700, 81);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const interruptible job = { copy.view, QKVSIM_METRIC_PEARSON, QKVSIM_NONFINITE_ERROR };
    assert_cancels_everywhere(run_similarity, (void *)&job);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* 1 or -1 where one column is a power of two times the other, or its opposite; else 0. */
static double twin_sign(const table *data, int64_t i, int64_t j)
{
    const double factor = *table_at(data, 0, j) / *table_at(data, 0, i);
    int exponent;
    if (fabs(frexp(factor, &exponent)) != 0.5)
        return 0;
    for (int64_t r = 0; r < data->n; r++)
        if (*table_at(data, r, j) != factor * *table_at(data, r, i))
            return 0;
    return factor > 0 ? 1 : -1;
}

START_TEST(equal_columns_have_the_value_1_exactly_and_opposite_ones_minus_1)
{
    static const int64_t lengths[] = { 2, 3, 7, 61, 253, 1021, 4093 };
    const int32_t dtype = _i % 2 == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64;
    table data = table_twins(lengths[_i / 2], 400, (uint64_t)_i);
    stored copy = store(&data, dtype, ORDER_C);
    table exact = widen(&copy.view);
    double *values[3];
    for (int m = 0; m < 3; m++)
        values[m] = similarity(context, &copy.view, every_metric[m], dtype, 0);
    for (int64_t i = 0; i < exact.d; i++)
        for (int64_t j = i; j < exact.d; j++) {
            const double sign = twin_sign(&exact, i, j);
            for (int m = 0; m < 3 && sign != 0; m++)
                if (values[m][i * exact.d + j] != sign || values[m][j * exact.d + i] != sign)
                    ck_abort_msg("metric %d, (%ld, %ld) is %.17g", every_metric[m], (long)i,
                                 (long)j, values[m][i * exact.d + j]);
        }
    for (int m = 0; m < 3; m++)
        free(values[m]);
    table_free(&exact);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Columns that agree in most rows, and in all that are looked at first, are not twins: columns of
 * zeros but for one row of their own each, and columns that differ in one row only. */
START_TEST(columns_that_are_nearly_equal_are_not_taken_for_equal)
{
    assert_accurate(table_one_hot(300, 400, 91), QKVSIM_DTYPE_F32, 1e-6);
    assert_accurate(table_one_hot(300, 400, 92), QKVSIM_DTYPE_F64, 1e-13);
    table data = table_twins(100, 200, 93);
    for (int64_t j = 0; j < data.d; j++)
        *table_at(&data, 50 + j % 3, j) *= 1.5;
    assert_accurate(data, QKVSIM_DTYPE_F64, 1e-13);
}
END_TEST

static void add_contract(Suite *suite)
{
    TCase *contract = add_case(suite, "numerics contract", make_context, free_context);
    tcase_add_loop_test(contract, f32_is_within_1e_6_on_random_data, 0, 8);
    tcase_add_loop_test(contract, f32_is_within_1e_6_for_65536_observations, 0, 2);
    tcase_add_loop_test(contract, f32_is_within_1e_6_with_offsets_to_1e4_deviations, 0, 5);
    tcase_add_loop_test(contract, f32_is_within_1e_6_on_duplicate_binary_columns, 0, 5);
    tcase_add_loop_test(contract, f32_is_within_1e_6_on_sparse_columns, 0, 5);
    tcase_add_loop_test(contract, f32_is_within_1e_6_on_one_hot_columns, 0, 5);
    tcase_add_loop_test(contract, f32_is_within_1e_6_on_half_flipped_duplicates, 0, 5);
    tcase_add_loop_test(contract, f32_is_within_1e_6_where_one_row_has_all_the_variance, 0, 5);
    tcase_add_loop_test(contract, f32_is_within_1e_6_where_one_row_is_far_from_all_others, 0, 24);
    tcase_add_loop_test(contract, f32_is_within_1e_6_where_a_few_rows_are_massive, 0, 40);
    tcase_add_loop_test(contract, f32_is_within_1e_6_where_a_few_rows_of_very_many_are_massive, 0,
                        6);
    tcase_add_test(contract, f32_is_within_1e_6_where_three_rows_are_all_there_is);
    tcase_add_loop_test(contract, f32_magnitudes_of_1e30_and_1e_30_are_right, 0, 5);
    tcase_add_test(contract, f32_extremes_of_the_exponent_are_right);
    tcase_add_test(contract, f64_extremes_of_the_exponent_are_right);
    tcase_add_loop_test(contract, f64_is_within_1e_13_without_offsets, 0, 6);
    tcase_add_loop_test(contract, f64_is_within_1e_13_where_the_first_row_is_far, 0, 4);
    tcase_add_loop_test(contract, f64_is_within_1e_13_on_adversarial_columns, 0, 5);
    tcase_add_loop_test(contract, f64_with_offsets_is_what_its_bits_can_carry, 0, 5);
    tcase_add_loop_test(contract, f16_and_bf16_are_widened_and_then_as_f32, 0, 2);
    tcase_add_loop_test(contract, f64_arithmetic_on_narrow_input_is_within_1e_13, 0, 3);
    tcase_add_loop_test(contract, equal_columns_have_the_value_1_exactly_and_opposite_ones_minus_1,
                        0, 14);
    tcase_add_test(contract, columns_that_are_nearly_equal_are_not_taken_for_equal);
    tcase_add_test(contract, covariance_and_dot_are_the_products_by_definition);
    tcase_add_test(contract, covariance_of_one_observation_is_undefined_and_its_cosines_are_not);
    tcase_add_test(contract,
                   constant_and_zero_features_are_undefined_exactly_where_the_definition_says);
    tcase_add_test(contract, a_feature_one_ulp_from_constant_is_defined);
    tcase_add_test(contract, one_feature_alone_is_itself);
}

static void add_laws(Suite *suite)
{
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    tcase_add_loop_test(add_thread_case(suite, make_context, free_context),
                        results_are_bit_identical_for_any_number_of_threads, 0, 6);
    tcase_add_test(laws, scaling_by_powers_of_two_changes_nothing);
    tcase_add_test(laws, a_negative_scale_turns_the_sign_exactly);
    tcase_add_test(laws, pearson_is_invariant_under_shifts);
    tcase_add_loop_test(laws, spearman_depends_on_the_order_of_the_values_only, 0, 2);
    tcase_add_test(laws, spearman_of_equal_values_uses_their_mean_rank);
    tcase_add_loop_test(laws, spearman_holds_0_and_minus_0_equal, 0, 2);
    tcase_add_test(laws, features_in_another_order_give_the_same_values_there);
    tcase_add_loop_test(laws, a_few_features_have_alone_the_values_that_they_have_among_many, 0, 2);
    tcase_add_test(laws, kernels_agree_within_the_contract);
    tcase_add_test(laws, the_upper_triangle_leaves_the_rest_and_the_padding_alone);
}

static void add_bad_input(Suite *suite)
{
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_loop_test(bad, nan_and_infinity_name_part_row_and_column, 0, 3);
    tcase_add_test(bad, nan_in_rows_not_selected_does_not_matter);
    tcase_add_test(bad, nan_in_a_selected_row_is_named_by_the_callers_number);
    tcase_add_test(bad, dropped_observations_are_as_if_never_there);
    tcase_add_loop_test(bad, undefined_features_are_nan_and_the_others_as_alone, 0, 3);
    tcase_add_test(bad, all_observations_dropped_is_an_error);
    tcase_add_test(bad, products_past_the_output_type_are_too_large);
    tcase_add_test(bad, f32_arithmetic_on_f64_input_is_refused);
    tcase_add_test(bad, ranks_that_single_precision_cannot_hold_are_refused);
    tcase_add_test(bad, unknown_metrics_and_options_are_refused);
    tcase_add_test(bad, options_from_a_newer_header_are_read_where_the_rest_is_zero);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 3);
    tcase_add_test(bad, it_can_be_cancelled_at_every_report);
}

int main(void)
{
    Suite *suite = suite_create("similarity");
    add_contract(suite);
    add_laws(suite);
    add_bad_input(suite);
    return run_suite(suite);
}
