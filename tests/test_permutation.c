/* permutation.h: exactly permutations, equally likely, the same for any threads, order and
 * parts. */
#include <qkvsim/permutation.h>

#include "fixtures.h"
#include "suite_context.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdlib.h>

enum { SCHEMES = QKVSIM_SCHEME_OBSERVATIONS_SHIFT };

static qkvsim_permutation numbered(int32_t scheme, uint64_t seed, int64_t index)
{
    return (qkvsim_permutation){
        .struct_size = sizeof(qkvsim_permutation), .seed = seed, .index = index, .scheme = scheme
    };
}

static qkvsim_matrix matrix_of(void *data, int64_t rows, int64_t columns, int32_t dtype)
{
    return (qkvsim_matrix){ .struct_size = sizeof(qkvsim_matrix),
                            .data = data,
                            .rows = rows,
                            .columns = columns,
                            .leading_dimension = columns,
                            .dtype = dtype };
}

/* Up to three groups of unequal sizes, their columns scattered. */
static int32_t label_of(int64_t j, int64_t d)
{
    return (int32_t)(d < 3 ? j : j < 3 ? j : (j * j + j / 5) % 3);
}

static qkvsim_layout *scattered_groups(int64_t d)
{
    int32_t labels[1000];
    qkvsim_layout *layout = NULL;
    ck_assert(d <= 1000);
    for (int64_t j = 0; j < d; j++)
        labels[j] = label_of(j, d);
    assert_ok(context,
              qkvsim_layout_labels(context, labels, d, NULL, (int32_t)(d < 3 ? d : 3), &layout));
    return layout;
}

static qkvsim_layout *one_group(int64_t d)
{
    qkvsim_layout *layout = NULL;
    assert_ok(context, qkvsim_layout_widths(context, &d, NULL, 1, &layout));
    return layout;
}

/* Without a layout of the test's own, schemes that need one get scattered groups. */
static void permute_into(qkvsim_context *with, const qkvsim_input *read,
                         const qkvsim_permutation *permutation, const qkvsim_matrix *matrix)
{
    if (permutation->scheme < QKVSIM_SCHEME_GROUP || permutation->layout != NULL) {
        assert_ok(with, qkvsim_permute(with, read, permutation, matrix));
        return;
    }
    qkvsim_layout *layout = scattered_groups(matrix->columns);
    qkvsim_permutation complete = *permutation;
    complete.layout = layout;
    assert_ok(with, qkvsim_permute(with, read, &complete, matrix));
    qkvsim_layout_free(layout);
}

/* The permuted copy in double, which holds every type's values exactly. */
static table permuted(qkvsim_context *with, const qkvsim_input *read,
                      const qkvsim_permutation *permutation, int64_t n, int64_t d)
{
    table copy = table_new(n, d);
    const qkvsim_matrix matrix = matrix_of(copy.values, n, d, QKVSIM_DTYPE_F64);
    permute_into(with, read, permutation, &matrix);
    return copy;
}

/* n x d different whole numbers: 0, 1, 2, ... */
static table table_numbered(int64_t n, int64_t d)
{
    table data = table_new(n, d);
    for (int64_t i = 0; i < n * d; i++)
        data.values[i] = (double)i;
    return data;
}

static int compare_numbers(const void *one, const void *other)
{
    const double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void assert_same_values(const double *one, const double *other, int64_t count)
{
    const size_t size = (size_t)count * sizeof *one;
    double *a = malloc(size), *b = malloc(size);
    memcpy(a, one, size);
    memcpy(b, other, size);
    qsort(a, (size_t)count, sizeof *a, compare_numbers);
    qsort(b, (size_t)count, sizeof *b, compare_numbers);
    ck_assert(memcmp(a, b, size) == 0);
    free(a);
    free(b);
}

static void assert_same_columns(const table *one, const table *other)
{
    for (int64_t j = 0; j < one->d; j++) {
        table a = table_columns(one, &j, 1), b = table_columns(other, &j, 1);
        assert_same_values(a.values, b.values, one->n);
        table_free(&a);
        table_free(&b);
    }
}

static const int64_t shapes[][2] = { { 1, 1 },   { 1, 9 },     { 9, 1 },     { 2, 2 },
                                     { 17, 31 }, { 300, 200 }, { 1000, 700 } };

START_TEST(all_keeps_exactly_the_values_of_the_whole)
{
    table data = table_numbered(shapes[_i][0], shapes[_i][1]);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t p = 0; p < 3; p++) {
        const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_ALL, 5, p);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, data.n, data.d);
        assert_same_values(result.values, data.values, data.n * data.d);
        table_free(&result);
    }
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(feature_keeps_exactly_the_values_of_each_column)
{
    table data = table_numbered(shapes[_i][0], shapes[_i][1]);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t p = 0; p < 3; p++) {
        const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_FEATURE, 5, p);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, data.n, data.d);
        assert_same_columns(&result, &data);
        table_free(&result);
    }
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* The values of a group's columns, and how many they are. */
static int64_t values_of_group(const table *data, int32_t group, double *values)
{
    int64_t count = 0;
    for (int64_t j = 0; j < data->d; j++)
        for (int64_t i = 0; i < data->n && label_of(j, data->d) == group; i++)
            values[count++] = *table_at(data, i, j);
    return count;
}

START_TEST(group_keeps_exactly_the_values_of_each_group)
{
    table data = table_numbered(shapes[_i][0], shapes[_i][1]);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    double *before = malloc((size_t)(data.n * data.d) * sizeof *before);
    double *after = malloc((size_t)(data.n * data.d) * sizeof *after);
    for (int64_t p = 0; p < 3; p++) {
        const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_GROUP, 5, p);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, data.n, data.d);
        for (int32_t group = 0; group < 3; group++) {
            const int64_t count = values_of_group(&data, group, before);
            ck_assert_int_eq(values_of_group(&result, group, after), count);
            assert_same_values(after, before, count);
        }
        table_free(&result);
    }
    free(before);
    free(after);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Every group has signs of its own; of a feature about half the observations change theirs. */
START_TEST(flip_keeps_means_and_norms_and_changes_signs_by_group)
{
    table data = table_normal(30, 9, 4);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_FLIP, 5, 1);
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, 30, 9);
    for (int64_t j = 0; j < 9; j++) {
        double mean[2] = { 0 }, squares[2] = { 0 };
        for (int64_t i = 0; i < 30; i++) {
            mean[0] += *table_at(&data, i, j) / 30;
            mean[1] += *table_at(&result, i, j) / 30;
        }
        for (int64_t i = 0; i < 30; i++) {
            squares[0] += pow(*table_at(&data, i, j) - mean[0], 2);
            squares[1] += pow(*table_at(&result, i, j) - mean[1], 2);
        }
        ck_assert_double_lt(fabs(mean[0] - mean[1]), 1e-14);
        ck_assert_double_lt(fabs(squares[0] - squares[1]), 1e-12);
        int64_t flipped = 0;
        for (int64_t i = 0; i < 30; i++) {
            const double c = *table_at(&data, i, j) - mean[0];
            const double made = *table_at(&result, i, j) - mean[0];
            flipped += made * c < 0;
        }
        ck_assert_int_ge(flipped, 5);
        ck_assert_int_le(flipped, 25);
    }
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* With one group, `group` is `all` with other numbers: values leave their columns. */
START_TEST(group_mixes_the_columns_of_a_group)
{
    table data = table_numbered(50, 40);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_GROUP, 5, 0);
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, 50, 40);
    int64_t stayed = 0;
    for (int64_t i = 0; i < 50; i++)
        for (int64_t j = 0; j < 40; j++)
            stayed += (int64_t)*table_at(&result, i, j) % 40 == j;
    ck_assert_int_lt(stayed, 2000 / 5); /* groups have 10 columns or more */
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Numbered data: value i d + j stood in row i of column j. */
static int64_t row_of(const table *result, int64_t i, int64_t j)
{
    return (int64_t)*table_at(result, i, j) / result->d;
}

static void assert_stays_in_column(const table *result, int64_t j)
{
    for (int64_t i = 0; i < result->n; i++)
        ck_assert_int_eq((int64_t)*table_at(result, i, j) % result->d, j);
}

/* The lag by which rows start .. end - 1 of a column are rotated; the test fails where they are
 * not. */
static int64_t lag_of(const table *result, int64_t j, int64_t start, int64_t end)
{
    const int64_t length = end - start;
    const int64_t lag = (start - row_of(result, start, j) + length) % length;
    for (int64_t i = 0; i < length; i++)
        ck_assert_int_eq(row_of(result, start + i, j), start + (i - lag + length) % length);
    return lag;
}

/* A rotation has every circular autocorrelation of the original. */
START_TEST(shift_rotates_each_column_by_a_lag_of_its_own)
{
    table data = table_numbered(shapes[_i][0], shapes[_i][1]);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_SHIFT, 6, 1);
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, data.n, data.d);
    int64_t same = 0;
    for (int64_t j = 0; j < data.d; j++) {
        assert_stays_in_column(&result, j);
        same += lag_of(&result, j, 0, data.n) == lag_of(&result, 0, 0, data.n);
    }
    if (data.n > 100)
        ck_assert_int_lt(same, 10);
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(rows_keeps_the_observations_of_each_group_whole)
{
    table data = table_numbered(shapes[_i][0], shapes[_i][1]);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_OBSERVATIONS, 6, 1);
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, data.n, data.d);
    assert_same_columns(&result, &data);
    for (int64_t j = 0; j < data.d; j++) {
        const int64_t first = label_of(j, data.d); /* a column of the same group */
        assert_stays_in_column(&result, j);
        for (int64_t i = 0; i < data.n; i++)
            ck_assert_int_eq(row_of(&result, i, j), row_of(&result, i, first));
    }
    for (int64_t other = 1; other < 3 && data.n > 100; other++) {
        int64_t same = 0;
        for (int64_t i = 0; i < data.n; i++)
            same += row_of(&result, i, 0) == row_of(&result, i, other);
        ck_assert_int_lt(same, 10); /* Poisson of mean 1 */
    }
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(rows_shift_rotates_each_group_by_a_lag_of_its_own)
{
    table data = table_numbered(300, 40);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    int64_t same = 0;
    for (int64_t p = 0; p < 40; p++) {
        const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 6, p);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, 300, 40);
        for (int64_t j = 0; j < 40; j++) {
            assert_stays_in_column(&result, j);
            ck_assert_int_eq(lag_of(&result, j, 0, 300), lag_of(&result, label_of(j, 40), 0, 300));
        }
        same += lag_of(&result, 0, 0, 300) == lag_of(&result, 1, 0, 300);
        same += lag_of(&result, 0, 0, 300) == lag_of(&result, 2, 0, 300);
        table_free(&result);
    }
    ck_assert_int_lt(same, 4);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Documents of 40, 1, 70 and 9 rows; the number of the first comes again in the last. Rows are
 * those in use: of each two neighbours the first. */
static void number_documents(int32_t documents[240])
{
    for (int64_t i = 0; i < 240; i++)
        documents[i] = i < 80 ? 3 : i < 82 ? -1 : i < 222 ? 0 : 3;
}

START_TEST(lags_stay_inside_segments_of_the_rows_in_use)
{
    const int64_t starts[] = { 0, 40, 41, 111, 120 };
    int32_t documents[240];
    uint8_t mask[240];
    number_documents(documents);
    for (int64_t i = 0; i < 240; i++)
        mask[i] = (uint8_t)(i % 2 == 0);
    const qkvsim_selection even = { .struct_size = sizeof even, .mask = mask, .count = 240 };
    table half = table_numbered(120, 9), data = table_new(240, 9);
    for (int64_t i = 0; i < 240 * 9; i++)
        data.values[i] = half.values[i / 18 * 9 + i % 9];
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_permutation permutation =
        numbered(_i == 0 ? QKVSIM_SCHEME_SHIFT : QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 2, 3);
    table result =
        permuted(context, INPUT(&copy.view, 1, .segments = documents, .selection = &even),
                 &permutation, 120, 9);
    int64_t same = 0;
    for (int64_t j = 0; j < 9; j++) {
        for (int s = 0; s < 4; s++)
            lag_of(&result, j, starts[s], starts[s + 1]);
        same += lag_of(&result, j, 0, 40) == lag_of(&result, j, 41, 111);
    }
    ck_assert_int_lt(same, _i == 0 ? 3 : 7);
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
    table_free(&half);
}
END_TEST

START_TEST(narrow_and_wide_values_are_kept_exactly)
{
    const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_BF16, QKVSIM_DTYPE_F32,
                               QKVSIM_DTYPE_F64 };
    table data = table_with_offsets(50, 40, 10, 3);
    for (int32_t scheme = QKVSIM_SCHEME_ALL; scheme <= QKVSIM_SCHEME_OBSERVATIONS_SHIFT; scheme++) {
        const qkvsim_permutation permutation = numbered(scheme, 1, 2);
        stored copy = store(&data, dtypes[_i], ORDER_C);
        table exact = widen(&copy.view);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, 50, 40);
        assert_same_values(result.values, exact.values, 2000);
        table_free(&exact);
        table_free(&result);
        stored_free(&copy);
    }
    table_free(&data);
}
END_TEST

START_TEST(float_and_double_outputs_hold_the_same_permutation)
{
    table data = table_normal(60, 50, 4);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float narrow[3000];
    const qkvsim_permutation permutation = numbered(1 + _i, 9, 3);
    table wide = permuted(context, INPUT(&copy.view, 1), &permutation, 60, 50);
    const qkvsim_matrix matrix = matrix_of(narrow, 60, 50, QKVSIM_DTYPE_F32);
    permute_into(context, INPUT(&copy.view, 1), &permutation, &matrix);
    for (int i = 0; i < 3000; i++)
        ck_assert(narrow[i] == wide.values[i]);
    table_free(&wide);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(nan_and_infinity_are_values_like_any_other)
{
    table data = table_numbered(30, 10);
    data.values[7] = INFINITY;
    data.values[299] = -INFINITY;
    data.values[100] = NAN;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation permutation = numbered(1 + _i, 2, 2);
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, 30, 10);
    int64_t nans = 0, infinities = 0;
    for (int i = 0; i < 300; i++) {
        nans += isnan(result.values[i]);
        infinities += isinf(result.values[i]) != 0;
    }
    ck_assert_int_eq(nans, 1);
    ck_assert_int_eq(infinities, 2);
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void assert_identical(table one, table other, const char *what)
{
    ck_assert_msg(memcmp(one.values, other.values, (size_t)(one.n * one.d) * sizeof(double)) == 0,
                  "%s changes the permutation", what);
    table_free(&one);
    table_free(&other);
}

START_TEST(threads_kernels_and_repetition_change_nothing)
{
    const int32_t threads[] = { 2, 3, 7 };
    const qkvsim_permutation permutation = numbered(1 + _i, 77, 12);
    table data = table_numbered(700, 500);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_PORTABLE);
    for (int t = 0; t < 3; t++) {
        qkvsim_context *many = context_with(threads[t], QKVSIM_KERNELS_AUTO);
        assert_identical(permuted(one, INPUT(&copy.view, 1), &permutation, 700, 500),
                         permuted(many, INPUT(&copy.view, 1), &permutation, 700, 500),
                         "a thread count");
        qkvsim_context_free(many);
    }
    qkvsim_context_free(one);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(memory_order_and_parts_change_nothing)
{
    const qkvsim_permutation permutation = numbered(1 + _i, 3, 0);
    table data = table_numbered(40, 30);
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int32_t order = ORDER_FORTRAN; order < ORDER_COUNT; order++) {
        stored copy = store(&data, QKVSIM_DTYPE_F32, order);
        assert_identical(permuted(context, INPUT(&plain.view, 1), &permutation, 40, 30),
                         permuted(context, INPUT(&copy.view, 1), &permutation, 40, 30), "an order");
        stored_free(&copy);
    }
    const qkvsim_view parts[] = { view_of_columns(&plain.view, 0, 7),
                                  view_of_columns(&plain.view, 7, 22),
                                  view_of_columns(&plain.view, 29, 1) };
    assert_identical(permuted(context, INPUT(&plain.view, 1), &permutation, 40, 30),
                     permuted(context, INPUT(parts, 3), &permutation, 40, 30),
                     "a split into parts");
    stored_free(&plain);
    table_free(&data);
}
END_TEST

START_TEST(seeds_and_indexes_give_different_permutations)
{
    table data = table_numbered(20, 20);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation different[] = { numbered(1 + _i, 0, 0),
                                             numbered(1 + _i, 0, 1),
                                             numbered(1 + _i, 1, 0),
                                             numbered(1 + _i, UINT64_C(1) << 32, 0),
                                             numbered(1 + _i, UINT64_C(1) << 63, 0),
                                             numbered(1 + _i, 0, INT64_C(4294967295)),
                                             numbered(1 + (_i + 1) % SCHEMES, 0, 0) };
    table results[7];
    for (int p = 0; p < 7; p++) {
        results[p] = permuted(context, INPUT(&copy.view, 1), &different[p], 20, 20);
        for (int q = 0; q < p; q++)
            ck_assert_msg(memcmp(results[p].values, results[q].values, 400 * sizeof(double)) != 0,
                          "permutations %d and %d are the same", p, q);
    }
    for (int p = 0; p < 7; p++)
        table_free(&results[p]);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(features_are_permuted_independently_of_each_other)
{
    table data = table_new(100, 60);
    for (int64_t i = 0; i < data.n; i++)
        for (int64_t j = 0; j < data.d; j++)
            *table_at(&data, i, j) = (double)i;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_FEATURE, 8, 0);
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, 100, 60);
    for (int64_t j = 1; j < 60; j++) {
        int64_t same = 0;
        for (int64_t i = 0; i < 100; i++)
            same += *table_at(&result, i, 0) == *table_at(&result, i, j);
        ck_assert_msg(same < 15, "columns 0 and %ld agree in %ld rows", (long)j, (long)same);
    }
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Word k of a column's stream in the order of lib/kernels/stream.h, from Random123 itself. */
static uint32_t philox_word(uint64_t seed, uint32_t index, uint32_t column, int64_t k)
{
    const int64_t block = k / 64 * 16 + k % 32 / 2, word = k % 64 / 32 * 2 + k % 2;
    const philox4x32_key_t key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
    const philox4x32_ctr_t counter = { { (uint32_t)block, column, index, 3 } };
    return philox4x32(counter, key).v[word];
}

/* Fisher and Yates, two numbers from a word; a rejected word would be redrawn, but none is here. */
static void shuffle_by_hand(double *values, int64_t n, uint64_t seed, uint32_t index,
                            uint32_t column)
{
    for (int64_t k = 0; k < n; k++) {
        const uint64_t bound = (uint64_t)(k / 2 * 2 + 1);
        const uint64_t first = philox_word(seed, index, column, k / 2) * bound;
        const uint64_t second = (first & 0xffffffffu) * (bound + 1);
        const uint64_t other = (k % 2 == 0 ? first : second) >> 32;
        ck_assert((second & 0xffffffffu) >= bound * (bound + 1));
        const double value = values[k];
        values[k] = values[other];
        values[other] = value;
    }
}

/* What makes a permutation the same on every machine. */
START_TEST(feature_is_fisher_yates_by_the_numbers_of_random123)
{
    const uint64_t seed = UINT64_C(0x123456789abcdef0);
    const qkvsim_context_options options = { .struct_size = sizeof options, .kernels = _i };
    qkvsim_context *with = NULL;
    if (qkvsim_context_create(&options, &with) != QKVSIM_OK)
        return; /* kernels that this processor lacks */
    table data = table_numbered(133, 7);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_FEATURE, seed, 77);
    table result = permuted(with, INPUT(&copy.view, 1), &permutation, 133, 7);
    for (int64_t j = 0; j < 7; j++) {
        table expected = table_columns(&data, &j, 1), column = table_columns(&result, &j, 1);
        shuffle_by_hand(expected.values, 133, seed, 77, (uint32_t)j);
        ck_assert_mem_eq(column.values, expected.values, 133 * sizeof(double));
        table_free(&expected);
        table_free(&column);
    }
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
    qkvsim_context_free(with);
}
END_TEST

/* Only the selected rows take part, and come out in increasing order of their numbers. */
START_TEST(a_selection_is_permuted_as_its_rows_alone)
{
    const int64_t listed[] = { 30, 2, 17, 5, 28 }, sorted[] = { 2, 5, 17, 28, 30 };
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = listed,
                                         .count = 5 };
    table data = table_numbered(31, 12), rows = table_rows(&data, sorted, 5);
    stored all = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           alone = store(&rows, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation plain = numbered(1 + _i, 4, 4);
    assert_identical(permuted(context, INPUT(&alone.view, 1), &plain, 5, 12),
                     permuted(context, INPUT(&all.view, 1, .selection = &selection), &plain, 5, 12),
                     "a selection");
    stored_free(&all);
    stored_free(&alone);
    table_free(&data);
    table_free(&rows);
}
END_TEST

/* The number of a permutation of 0 .. 3 among all 24 of them (Lehmer code). */
static int lehmer(const double *values)
{
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int smaller = 0;
        for (int j = i + 1; j < 4; j++)
            smaller += values[j] < values[i];
        code = code * (4 - i) + smaller;
    }
    return code;
}

static double chi_square(const int64_t *counts, int64_t cells, double expected)
{
    double sum = 0;
    for (int64_t c = 0; c < cells; c++)
        sum += ((double)counts[c] - expected) * ((double)counts[c] - expected) / expected;
    return sum;
}

/* Tables of four values that a scheme can put into each of 24 orders. */
static const struct {
    int32_t scheme;
    int64_t n, d;
} fours[] = { { QKVSIM_SCHEME_ALL, 2, 2 },
              { QKVSIM_SCHEME_FEATURE, 4, 1 },
              { QKVSIM_SCHEME_GROUP, 2, 2 },
              { QKVSIM_SCHEME_OBSERVATIONS, 4, 1 } };

static qkvsim_permutation of_four(int which, const qkvsim_layout *layout, uint64_t seed,
                                  int64_t index)
{
    qkvsim_permutation permutation = numbered(fours[which].scheme, seed, index);
    permutation.layout = layout;
    return permutation;
}

/* 23 degrees of freedom: 64 is passed by chance once in 100,000. The seed is fixed. */
START_TEST(every_permutation_of_four_values_is_equally_likely)
{
    const int64_t permutations = 12000;
    int64_t counts[24] = { 0 };
    table data = table_numbered(fours[_i].n, fours[_i].d);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = one_group(data.d);
    for (int64_t p = 0; p < permutations; p++) {
        const qkvsim_permutation permutation = of_four(_i, layout, 2026, p);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, data.n, data.d);
        counts[lehmer(result.values)]++;
        table_free(&result);
    }
    ck_assert_double_lt(chi_square(counts, 24, (double)permutations / 24), 64);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Over seeds instead of indexes: a seed must not select among few permutations either. */
START_TEST(every_permutation_is_equally_likely_over_seeds)
{
    const int64_t seeds = 12000;
    int64_t counts[24] = { 0 };
    table data = table_numbered(fours[_i].n, fours[_i].d);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = one_group(data.d);
    for (int64_t s = 0; s < seeds; s++) {
        const qkvsim_permutation permutation = of_four(_i, layout, (uint64_t)s << (s % 2 * 32), 0);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, data.n, data.d);
        counts[lehmer(result.values)]++;
        table_free(&result);
    }
    ck_assert_double_lt(chi_square(counts, 24, (double)seeds / 24), 64);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Two columns of three, each a group of its own: the 36 joint permutations are equally likely (35
 * degrees of freedom). */
START_TEST(joint_permutations_of_two_features_are_equally_likely)
{
    const int32_t schemes[] = { QKVSIM_SCHEME_FEATURE, QKVSIM_SCHEME_GROUP,
                                QKVSIM_SCHEME_OBSERVATIONS };
    const int64_t permutations = 18000;
    int64_t counts[36] = { 0 };
    table data = table_numbered(3, 2);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t p = 0; p < permutations; p++) {
        const qkvsim_permutation permutation = numbered(schemes[_i], 11, p);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, 3, 2);
        int code = 0;
        for (int64_t j = 0; j < 2; j++) {
            double first = *table_at(&result, 0, j), second = *table_at(&result, 1, j);
            double third = *table_at(&result, 2, j);
            int rank = (second < first) + (third < first);
            code = code * 6 + 2 * rank + (third < second);
        }
        counts[code]++;
        table_free(&result);
    }
    ck_assert_double_lt(chi_square(counts, 36, (double)permutations / 36), 85);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Two columns of five, each a group of its own: 24 degrees of freedom, 66 is passed once in
 * 100,000. */
START_TEST(joint_lags_are_equally_likely)
{
    const int32_t scheme = _i == 0 ? QKVSIM_SCHEME_SHIFT : QKVSIM_SCHEME_OBSERVATIONS_SHIFT;
    const int64_t permutations = 12500;
    int64_t counts[25] = { 0 };
    table data = table_numbered(5, 2);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t p = 0; p < permutations; p++) {
        const qkvsim_permutation permutation = numbered(scheme, 21, p);
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, 5, 2);
        counts[lag_of(&result, 0, 0, 5) * 5 + lag_of(&result, 1, 0, 5)]++;
        table_free(&result);
    }
    ck_assert_double_lt(chi_square(counts, 25, (double)permutations / 25), 66);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- all different ones ---- */

/* Permutations of 6 observations of 3 features in 2 groups, and how many are different. */
typedef struct few {
    int32_t scheme, exchange;
    int32_t segments[6];
    int64_t count;
} few;

static const few all_few[] = {
    { QKVSIM_SCHEME_SHIFT, 0, { 0 }, 36 },
    { QKVSIM_SCHEME_SHIFT, 0, { 1, 1, 2, 2, 2, 2 }, 64 },
    { QKVSIM_SCHEME_OBSERVATIONS, 0, { 0 }, 720 },
    { QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 0, { 0 }, 6 },
    { QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 0, { 1, 1, 1, 1, 2, 2 }, 8 },
    { QKVSIM_SCHEME_OBSERVATIONS, QKVSIM_EXCHANGE_SEGMENTS, { 1, 1, 2, 2, 3, 3 }, 6 },
    { QKVSIM_SCHEME_OBSERVATIONS, QKVSIM_EXCHANGE_SEGMENTS, { 1, 2, 2, 3, 5, 5 }, 4 },
    { QKVSIM_SCHEME_FEATURE, QKVSIM_EXCHANGE_SEGMENTS, { 1, 1, 2, 2, 3, 3 }, 36 },
    { QKVSIM_SCHEME_FLIP, QKVSIM_EXCHANGE_SEGMENTS, { 1, 2, 2, 3, 3, 3 }, 32 },
};
enum { FEW = sizeof all_few / sizeof all_few[0] };

static qkvsim_permutation of_few(const few *which, const qkvsim_layout *layout, int64_t index,
                                 int32_t enumerated)
{
    qkvsim_permutation permutation = numbered(which->scheme, 5, index);
    permutation.layout = layout;
    permutation.exchange = which->exchange;
    permutation.enumerated = enumerated;
    return permutation;
}

/* Puts the rows in the order of the first column. */
static void sort_rows(table *data)
{
    table sorted = table_new(data->n, data->d);
    for (int64_t i = 0; i < data->n; i++)
        memcpy(table_at(&sorted, (int64_t)*table_at(data, i, 0) / data->d, 0), table_at(data, i, 0),
               (size_t)data->d * sizeof(double));
    memcpy(data->values, sorted.values, (size_t)(data->n * data->d) * sizeof(double));
    table_free(&sorted);
}

/* The place of a table in a list; -1 where it is not there. */
static int64_t find_table(const table *list, int64_t count, const table *data)
{
    for (int64_t k = 0; k < count; k++)
        if (memcmp(list[k].values, data->values, (size_t)(data->n * data->d) * sizeof(double)) == 0)
            return k;
    return -1;
}

/* But for the order of rows, every permutation is one of those that are numbered. */
START_TEST(numbers_count_every_different_permutation_once)
{
    const few *which = &all_few[_i];
    table data = table_numbered(6, 3), all[720];
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = NULL;
    assert_ok(context, qkvsim_layout_labels(context, (int32_t[]){ 0, 1, 1 }, 3, NULL, 2, &layout));
    for (int64_t k = 0; k < which->count; k++) {
        const qkvsim_permutation permutation = of_few(which, layout, k, 1);
        all[k] = permuted(context, INPUT(&copy.view, 1, .segments = which->segments), &permutation,
                          6, 3);
        ck_assert_int_eq(find_table(all, k, &all[k]), -1);
    }
    for (int64_t i = 0; i < 18; i++)
        ck_assert(fabs(all[0].values[i] - data.values[i]) < 1e-5);
    int64_t found = 0, hit[720] = { 0 };
    for (int64_t p = 0; p < 12 * which->count; p++) {
        const qkvsim_permutation permutation = of_few(which, layout, p, 0);
        table one = permuted(context, INPUT(&copy.view, 1, .segments = which->segments),
                             &permutation, 6, 3);
        sort_rows(&one);
        for (int64_t k = 0; which->exchange == 0 && k < which->count && p == 0; k++)
            sort_rows(&all[k]);
        const int64_t place = find_table(all, which->count, &one);
        if (which->exchange == 0 || place >= 0)
            found += hit[place]++ == 0;
        table_free(&one);
    }
    ck_assert(which->exchange != 0 || found >= which->count * 99 / 100);
    for (int64_t k = 0; k < which->count; k++)
        table_free(&all[k]);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* From which sixteenth to which: 225 degrees of freedom, standard deviation 21. */
static double exchange_chi_square(const double *values, int64_t count)
{
    int64_t counts[256] = { 0 };
    for (int64_t to = 0; to < count; to++)
        counts[16 * to / count * 16 + (int64_t)values[to] * 16 / count]++;
    return chi_square(counts, 256, (double)count / 256);
}

START_TEST(a_large_shuffle_moves_values_from_everywhere_to_everywhere)
{
    const int64_t n = 1024, d = 512;
    table data = table_numbered(n, d);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = one_group(d);
    for (int64_t p = 0; p < 4; p++) {
        qkvsim_permutation permutation =
            numbered(_i == 0 ? QKVSIM_SCHEME_ALL : QKVSIM_SCHEME_GROUP, 1, p);
        permutation.layout = layout;
        table result = permuted(context, INPUT(&copy.view, 1), &permutation, n, d);
        double distance = exchange_chi_square(result.values, n * d);
        ck_assert_msg(distance > 225 - 5 * 21 && distance < 225 + 6 * 21, "chi-square %g",
                      distance);
        int64_t fixed = 0, neighbours = 0;
        for (int64_t i = 0; i < n * d; i++) {
            fixed += result.values[i] == (double)i;
            neighbours += i > 0 && result.values[i] == result.values[i - 1] + 1;
        }
        ck_assert_int_le(fixed, 9); /* Poisson of mean 1 */
        ck_assert_int_le(neighbours, 9);
        table_free(&result);
    }
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* From which sixteenths the values come that stand `lag` apart: 225 degrees of freedom. */
static double pairs_chi_square(const double *values, int64_t count, int64_t lag)
{
    int64_t counts[256] = { 0 };
    for (int64_t to = 0; to + lag < count; to++)
        counts[(int64_t)values[to] * 16 / count * 16 + (int64_t)values[to + lag] * 16 / count]++;
    return chi_square(counts, 256, (double)(count - lag) / 256);
}

/* Dealing must not show: neither in what stands together afterwards, within a bucket or in two of
 * them, nor in where values go that stood together, in one chunk or in two. */
START_TEST(a_large_shuffle_leaves_no_pairs_together)
{
    const int64_t n = 1024, d = 512, lags[] = { 1, 3, 16, 256, 1024, 2048, 65536, 262144 };
    table data = table_numbered(n, d), where = table_new(n, d);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = one_group(d);
    qkvsim_permutation permutation =
        numbered(_i == 0 ? QKVSIM_SCHEME_ALL : QKVSIM_SCHEME_GROUP, 2, 1);
    permutation.layout = layout;
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, n, d);
    /* Both by column, which is the order that is dealt and read. */
    table by_column = table_new(n, d);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++) {
            const int64_t from = (int64_t)*table_at(&result, i, j), to = j * n + i;
            by_column.values[to] = (double)(from % d * n + from / d);
            where.values[from % d * n + from / d] = (double)to;
        }
    for (int l = 0; l < 8; l++) {
        const double together = pairs_chi_square(by_column.values, n * d, lags[l]);
        const double apart = pairs_chi_square(where.values, n * d, lags[l]);
        ck_assert_msg(together > 225 - 5 * 21 && together < 225 + 6 * 21, "chi-square %g",
                      together);
        ck_assert_msg(apart > 225 - 5 * 21 && apart < 225 + 6 * 21, "chi-square %g", apart);
    }
    table_free(&by_column);
    table_free(&result);
    table_free(&where);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(a_long_column_moves_values_from_everywhere_to_everywhere)
{
    const int64_t n = 262144;
    table data = table_numbered(n, 1);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation permutation = numbered(QKVSIM_SCHEME_FEATURE, 1, 0);
    table result = permuted(context, INPUT(&copy.view, 1), &permutation, n, 1);
    double distance = exchange_chi_square(result.values, n);
    ck_assert_msg(distance > 225 - 5 * 21 && distance < 225 + 6 * 21, "chi-square %g", distance);
    table_free(&result);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(padding_behind_the_columns_is_left_alone)
{
    table data = table_numbered(8, 5);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    float *memory = poisoned(8 * 9 * sizeof *memory);
    qkvsim_matrix matrix = matrix_of(memory, 8, 5, QKVSIM_DTYPE_F32);
    matrix.leading_dimension = 9;
    const qkvsim_permutation permutation = numbered(1 + _i, 0, 0);
    permute_into(context, INPUT(&copy.view, 1), &permutation, &matrix);
    double values[40];
    for (int64_t i = 0; i < 8; i++) {
        assert_poisoned(memory + 9 * i + 5, 4 * sizeof *memory);
        for (int64_t j = 0; j < 5; j++)
            values[5 * i + j] = memory[9 * i + j];
    }
    assert_same_values(values, data.values, 40);
    free(memory);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void assert_refused(const qkvsim_input *read, const qkvsim_permutation *permutation,
                           int64_t rows, int64_t columns, int32_t dtype)
{
    void *memory = poisoned(4096);
    const qkvsim_matrix matrix = matrix_of(memory, rows, columns, dtype);
    assert_status(context, qkvsim_permute(context, read, permutation, &matrix), refusal(context));
    assert_poisoned(memory, 4096);
    free(memory);
}

/* 0 is the default, as in a baseline. */
START_TEST(the_default_scheme_exchanges_all)
{
    table data = table_numbered(8, 5);
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_permutation all = numbered(QKVSIM_SCHEME_ALL, 3, 2), none = numbered(0, 3, 2);
    float one[40], other[40];
    const qkvsim_matrix a = matrix_of(one, 8, 5, QKVSIM_DTYPE_F32);
    const qkvsim_matrix b = matrix_of(other, 8, 5, QKVSIM_DTYPE_F32);
    assert_ok(context, qkvsim_permute(context, INPUT(&input.view, 1), &all, &a));
    assert_ok(context, qkvsim_permute(context, INPUT(&input.view, 1), &none, &b));
    ck_assert_mem_eq(one, other, sizeof one);
    stored_free(&input);
    table_free(&data);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    table data = table_numbered(8, 5);
    stored single = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           wide = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    const qkvsim_permutation good = numbered(QKVSIM_SCHEME_ALL, 0, 0);
    const int32_t schemes[] = { 8, -1, 99 };
    const int64_t indexes[] = { -1, INT64_C(4294967296) };
    for (int i = 0; i < 3; i++) {
        const qkvsim_permutation bad = numbered(schemes[i], 0, 0);
        assert_refused(INPUT(&single.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
    }
    assert_message_has_number(context, 99);
    for (int i = 0; i < 2; i++) {
        const qkvsim_permutation bad = numbered(QKVSIM_SCHEME_ALL, 0, indexes[i]);
        assert_refused(INPUT(&single.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
        assert_message_has_number(context, indexes[i]);
    }
    for (int32_t scheme = QKVSIM_SCHEME_GROUP; scheme <= QKVSIM_SCHEME_FLIP; scheme++) {
        qkvsim_layout *other = scattered_groups(6);
        qkvsim_permutation bad = numbered(scheme, 0, 0);
        assert_refused(INPUT(&single.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
        assert_message_has_number(context, scheme);
        bad.layout = other;
        assert_refused(INPUT(&single.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
        assert_message_has_number(context, 5);
        assert_message_has_number(context, 6);
        qkvsim_layout_free(other);
    }
    assert_refused(INPUT(&single.view, 1), &good, 7, 5, QKVSIM_DTYPE_F32);
    assert_message_has_number(context, 7);
    assert_refused(INPUT(&single.view, 1), &good, 8, 4, QKVSIM_DTYPE_F32);
    assert_refused(INPUT(&wide.view, 1), &good, 8, 5, QKVSIM_DTYPE_F32);
    assert_refused(INPUT(&single.view, 1), &good, 8, 5, QKVSIM_DTYPE_F16);
    assert_refused(INPUT(&single.view, 1), NULL, 8, 5, QKVSIM_DTYPE_F32);
    assert_refused(INPUT(NULL, 1), &good, 8, 5, QKVSIM_DTYPE_F32);
    ck_assert_int_eq(qkvsim_permute(NULL, INPUT(&single.view, 1), &good, NULL),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_permute(context, INPUT(&single.view, 1), &good, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    stored_free(&single);
    stored_free(&wide);
    table_free(&data);
}
END_TEST

START_TEST(permutations_are_held_to_their_size)
{
    struct {
        qkvsim_permutation value;
        unsigned char tail[8];
    } newer = { .value = numbered(QKVSIM_SCHEME_ALL, 0, 0) };
    table data = table_numbered(8, 5);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const size_t sizes[] = { 0, 1, sizeof(size_t) - 1 };
    for (int i = 0; i < 3; i++) {
        qkvsim_permutation bad = numbered(QKVSIM_SCHEME_ALL, 0, 0);
        bad.struct_size = sizes[i];
        assert_refused(INPUT(&copy.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
    }
    newer.value.struct_size = sizeof newer;
    table result = permuted(context, INPUT(&copy.view, 1), &newer.value, 8, 5);
    table_free(&result);
    newer.tail[2] = 1;
    assert_refused(INPUT(&copy.view, 1), &newer.value, 8, 5, QKVSIM_DTYPE_F32);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(exchange_and_numbers_are_checked)
{
    table data = table_numbered(8, 5);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const int32_t unequal[8] = { 1, 1, 1, 2, 2, 2, 2, 2 };
    qkvsim_permutation bad = numbered(QKVSIM_SCHEME_FEATURE, 0, 0);
    bad.exchange = 3;
    assert_refused(INPUT(&copy.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
    assert_message_has_number(context, 3);
    bad.exchange = QKVSIM_EXCHANGE_SEGMENTS;
    assert_refused(INPUT(&copy.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
    assert_message_has(context, "segments is NULL");
    assert_refused(INPUT(&copy.view, 1, .segments = unequal), &bad, 8, 5, QKVSIM_DTYPE_F32);
    assert_message_has(context, "2 segments of 8 observations");
    assert_message_has(context, "leaves 1 permutation");
    bad.scheme = QKVSIM_SCHEME_SHIFT;
    assert_refused(INPUT(&copy.view, 1, .segments = unequal), &bad, 8, 5, QKVSIM_DTYPE_F32);
    bad = numbered(QKVSIM_SCHEME_SHIFT, 0, 4096);
    bad.enumerated = 1;
    assert_refused(INPUT(&copy.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
    assert_message_has(context, "4096 of 4096 different permutations");
    bad.scheme = QKVSIM_SCHEME_ALL;
    assert_refused(INPUT(&copy.view, 1), &bad, 8, 5, QKVSIM_DTYPE_F32);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static qkvsim_status run_permute(qkvsim_context *with, void *scheme)
{
    enum { ROWS = 300, COLUMNS = 300 };
    static float values[ROWS * COLUMNS];
    const qkvsim_view view = {
        sizeof view, values, ROWS, COLUMNS, COLUMNS, 1, QKVSIM_DTYPE_F32, 0
    };
    const int64_t rows[] = { 1, 2, 3, 7, 299 };
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .observations = rows,
                                         .count = 5 };
    static const int32_t segments[ROWS] = { 0, 0, 1, 1 };
    qkvsim_layout *layout = scattered_groups(COLUMNS);
    qkvsim_permutation permutation = numbered(*(int32_t *)scheme, 1, 1);
    permutation.layout = layout;
    float *copy = poisoned(5 * COLUMNS * sizeof *copy);
    const qkvsim_matrix matrix = matrix_of(copy, 5, COLUMNS, QKVSIM_DTYPE_F32);
    qkvsim_status status =
        qkvsim_permute(with, INPUT(&view, 1, .selection = &selection, .segments = segments),
                       &permutation, &matrix);
    if (status != QKVSIM_OK)
        assert_poisoned(copy, 5 * COLUMNS * sizeof *copy);
    free(copy);
    qkvsim_layout_free(layout);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    int32_t scheme = 1 + _i;
    assert_survives_failing_allocations(run_permute, &scheme);
}
END_TEST

static void add_laws(Suite *suite)
{
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    tcase_add_loop_test(laws, all_keeps_exactly_the_values_of_the_whole, 0, 7);
    tcase_add_loop_test(laws, feature_keeps_exactly_the_values_of_each_column, 0, 7);
    tcase_add_loop_test(laws, group_keeps_exactly_the_values_of_each_group, 0, 7);
    tcase_add_test(laws, flip_keeps_means_and_norms_and_changes_signs_by_group);
    tcase_add_test(laws, group_mixes_the_columns_of_a_group);
    tcase_add_loop_test(laws, shift_rotates_each_column_by_a_lag_of_its_own, 0, 7);
    tcase_add_loop_test(laws, rows_keeps_the_observations_of_each_group_whole, 0, 7);
    tcase_add_test(laws, rows_shift_rotates_each_group_by_a_lag_of_its_own);
    tcase_add_loop_test(laws, lags_stay_inside_segments_of_the_rows_in_use, 0, 2);
    tcase_add_loop_test(laws, narrow_and_wide_values_are_kept_exactly, 0, 4);
    tcase_add_loop_test(laws, float_and_double_outputs_hold_the_same_permutation, 0, SCHEMES + 1);
    tcase_add_loop_test(laws, nan_and_infinity_are_values_like_any_other, 0, SCHEMES);
    tcase_add_loop_test(add_thread_case(suite, make_context, free_context),
                        threads_kernels_and_repetition_change_nothing, 0, SCHEMES + 1);
    tcase_add_loop_test(laws, memory_order_and_parts_change_nothing, 0, SCHEMES + 1);
    tcase_add_loop_test(laws, seeds_and_indexes_give_different_permutations, 0, SCHEMES + 1);
    tcase_add_test(laws, features_are_permuted_independently_of_each_other);
    tcase_add_loop_test(laws, feature_is_fisher_yates_by_the_numbers_of_random123,
                        QKVSIM_KERNELS_AUTO, QKVSIM_KERNELS_AVX512 + 1);
    tcase_add_loop_test(laws, a_selection_is_permuted_as_its_rows_alone, 0, SCHEMES + 1);
    tcase_add_loop_test(laws, padding_behind_the_columns_is_left_alone, 0, SCHEMES);
}

int main(void)
{
    Suite *suite = suite_create("permutation");
    add_laws(suite);
    TCase *uniform = add_case(suite, "equally likely", make_context, free_context);
    tcase_add_loop_test(uniform, every_permutation_of_four_values_is_equally_likely, 0, 4);
    tcase_add_loop_test(uniform, every_permutation_is_equally_likely_over_seeds, 0, 4);
    tcase_add_loop_test(uniform, joint_permutations_of_two_features_are_equally_likely, 0, 3);
    tcase_add_loop_test(uniform, joint_lags_are_equally_likely, 0, 2);
    tcase_add_loop_test(uniform, a_large_shuffle_moves_values_from_everywhere_to_everywhere, 0, 2);
    tcase_add_loop_test(uniform, a_large_shuffle_leaves_no_pairs_together, 0, 2);
    tcase_add_test(uniform, a_long_column_moves_values_from_everywhere_to_everywhere);
    tcase_add_loop_test(uniform, numbers_count_every_different_permutation_once, 0, FEW);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, exchange_and_numbers_are_checked);
    tcase_add_test(bad, the_default_scheme_exchanges_all);
    tcase_add_test(bad, bad_arguments_are_refused);
    tcase_add_test(bad, permutations_are_held_to_their_size);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, SCHEMES + 1);
    return run_suite(suite);
}
