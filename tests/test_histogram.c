/* histogram.h: numpy.histogram's rules for equal bins and own edges, masks, types, bad bins. */
#include <qkvsim/histogram.h>

#include "oracle.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

static qkvsim_bins equal_bins(int64_t count, double low, double high)
{
    return (qkvsim_bins){
        .struct_size = sizeof(qkvsim_bins), .count = count, .low = low, .high = high
    };
}

static qkvsim_bins own_bins(int64_t count, const double *edges)
{
    return (qkvsim_bins){ .struct_size = sizeof(qkvsim_bins), .count = count, .edges = edges };
}

/* One row of values of a type, as the library sees it and exactly as it holds them. */
typedef struct value_row {
    stored copy;
    table exact;
} value_row;

static value_row row_of(const double *values, int64_t count, int32_t dtype)
{
    const table data = { 1, count, (double *)values };
    value_row row = { .copy = store(&data, dtype, ORDER_C) };
    row.exact = widen(&row.copy.view);
    return row;
}

static void row_free(value_row *row)
{
    stored_free(&row->copy);
    table_free(&row->exact);
}

/* All values in one histogram, against the oracle's count between the given edges. */
static void assert_counts(const double *values, int64_t count, int32_t dtype,
                          const qkvsim_bins *bins, const double *edges)
{
    value_row row = row_of(values, count, dtype);
    int64_t *histogram = malloc((size_t)bins->count * sizeof *histogram);
    int64_t *expected = malloc((size_t)bins->count * sizeof *expected);
    int64_t outside = -1;
    assert_ok(context, qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, bins, histogram,
                                        bins->count, &outside));
    int64_t none = oracle_histogram(row.exact.values, count, edges, bins->count, expected);
    ck_assert_int_eq(outside, none);
    for (int64_t b = 0; b < bins->count; b++)
        ck_assert_msg(histogram[b] == expected[b], "dtype %d, bin %ld of %ld: %ld and not %ld",
                      dtype, (long)b, (long)bins->count, (long)histogram[b], (long)expected[b]);
    free(histogram);
    free(expected);
    row_free(&row);
}

/* Random values, every edge, and the neighbours of every edge in float and in double. */
static double *values_around(const double *edges, int64_t count, int64_t *value_count)
{
    random_source source = { count == 0 ? 1 : (uint64_t)count };
    double *values = malloc((size_t)(5 * (count + 1) + 2006) * sizeof *values);
    int64_t k = 0;
    for (int64_t b = 0; b <= count; b++) {
        values[k++] = edges[b];
        values[k++] = nextafterf((float)edges[b], 1e30f);
        values[k++] = nextafterf((float)edges[b], -1e30f);
        values[k++] = nextafter(edges[b], 1e30);
        values[k++] = nextafter(edges[b], -1e30);
    }
    for (int i = 0; i < 2000; i++)
        values[k++] = edges[0] + (edges[count] - edges[0]) * (1.2 * random_uniform(&source) - 0.1);
    const double odd[] = { NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e30 };
    for (int i = 0; i < 6; i++)
        values[k++] = odd[i];
    *value_count = k;
    return values;
}

static const struct {
    int64_t count;
    double low, high;
} equal_cases[] = { { 100, -1, 1 }, { 20, -1, 1 },       { 1, -1, 1 },         { 2, -1, 1 },
                    { 3, -1, 1 },   { 7, -1, 1 },        { 1000, -1, 1 },      { 99, -0.3, 0.7 },
                    { 10, 0, 1 },   { 50, -1e-3, 1e-3 }, { 10, 1e6, 1e6 + 1 }, { 12, -5, -4 },
                    { 255, -1, 1 }, { 256, -1, 1 },      { 257, -1, 1 },       { 65536, -1, 1 } };

START_TEST(edges_are_numpys_linspace)
{
    const int64_t count = equal_cases[_i].count;
    const qkvsim_bins bins = equal_bins(count, equal_cases[_i].low, equal_cases[_i].high);
    double *edges = malloc((size_t)(count + 1) * sizeof *edges);
    double *expected = malloc((size_t)(count + 1) * sizeof *expected);
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        assert_ok(context, qkvsim_bin_edges(context, &bins, dtype, edges, count + 1));
        oracle_edges(count, bins.low, bins.high, dtype == QKVSIM_DTYPE_F32, expected);
        for (int64_t b = 0; b <= count; b++)
            ck_assert_msg(edges[b] == expected[b], "edge %ld is %.17g and not %.17g", (long)b,
                          edges[b], expected[b]);
    }
    free(edges);
    free(expected);
}
END_TEST

START_TEST(default_edges_are_100_bins_from_minus_1_to_1)
{
    double edges[101], zero[101], expected[101];
    const qkvsim_bins bins = equal_bins(100, 0, 0);
    oracle_edges(100, -1, 1, true, expected);
    assert_ok(context, qkvsim_bin_edges(context, NULL, QKVSIM_DTYPE_F32, edges, COUNT_OF(edges)));
    assert_ok(context, qkvsim_bin_edges(context, &bins, QKVSIM_DTYPE_F32, zero, COUNT_OF(zero)));
    ck_assert_mem_eq(edges, expected, sizeof edges);
    ck_assert_mem_eq(zero, expected, sizeof edges);
}
END_TEST

START_TEST(own_edges_come_back_as_they_are)
{
    const double own[] = { -1, -0.1, 0.3, 1 };
    const qkvsim_bins bins = own_bins(3, own);
    double edges[4];
    assert_ok(context, qkvsim_bin_edges(context, &bins, QKVSIM_DTYPE_F32, edges, COUNT_OF(edges)));
    ck_assert_mem_eq(edges, own, sizeof own);
}
END_TEST

START_TEST(equal_bins_count_as_numpy)
{
    const int64_t count = equal_cases[_i].count;
    if (count > 1000)
        return; /* the oracle looks through all bins for each value */
    const qkvsim_bins bins = equal_bins(count, equal_cases[_i].low, equal_cases[_i].high);
    double *edges = malloc((size_t)(count + 1) * sizeof *edges);
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        int64_t value_count;
        oracle_edges(count, bins.low, bins.high, dtype == QKVSIM_DTYPE_F32, edges);
        double *values = values_around(edges, count, &value_count);
        assert_counts(values, value_count, dtype, &bins, edges);
        free(values);
    }
    free(edges);
}
END_TEST

START_TEST(own_edges_are_compared_exactly)
{
    const double edges[] = { -2, -1, -0.9, -1e-9, 0, 0.1, 0.3, 0.30000001, 1, 7 };
    const qkvsim_bins bins = own_bins(9, edges);
    int64_t value_count;
    double *values = values_around(edges, 9, &value_count);
    for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++)
        assert_counts(values, value_count, dtype, &bins, edges);
    free(values);
}
END_TEST

/* Edges at multiples of 1/8 are the same numbers in every type. */
START_TEST(narrow_types_count_as_their_widened_values)
{
    const qkvsim_bins bins = equal_bins(16, -1, 1);
    double edges[17];
    int64_t value_count;
    oracle_edges(16, -1, 1, false, edges);
    double *values = values_around(edges, 16, &value_count);
    assert_counts(values, value_count, QKVSIM_DTYPE_F16, &bins, edges);
    assert_counts(values, value_count, QKVSIM_DTYPE_BF16, &bins, edges);
    free(values);
}
END_TEST

START_TEST(bins_are_half_open_and_the_last_is_closed)
{
    const double values[] = { -1, -0.5, 0, 0.5, 1 };
    const qkvsim_bins bins = equal_bins(4, -1, 1);
    value_row row = row_of(values, 5, QKVSIM_DTYPE_F64);
    int64_t histogram[4], outside;
    assert_ok(context, qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, &bins, histogram,
                                        COUNT_OF(histogram), &outside));
    ck_assert_mem_eq(histogram, ((int64_t[]){ 1, 1, 1, 2 }), sizeof histogram);
    ck_assert_int_eq(outside, 0);
    row_free(&row);
}
END_TEST

/* Values and codes at random; each code's histogram is the oracle's of the values under that
 * code. */
static void assert_masked_counts(const table *values, const table *mask, int32_t value_order,
                                 int32_t mask_order)
{
    const int32_t codes[] = { 9, 1, 4, 77 };
    const int64_t size = values->n * values->d;
    const qkvsim_bins bins = equal_bins(10, -1, 1);
    stored value_copy = store(values, QKVSIM_DTYPE_F32, value_order);
    stored mask_copy = store(mask, QKVSIM_DTYPE_I32, mask_order);
    table exact = widen(&value_copy.view);
    double edges[11], *under = malloc((size_t)size * sizeof *under);
    int64_t histograms[40], outside[4], expected[10];
    oracle_edges(10, -1, 1, true, edges);
    assert_ok(context, qkvsim_histogram(context, &value_copy.view, &mask_copy.view, codes, 4, &bins,
                                        histograms, COUNT_OF(histograms), outside));
    for (int c = 0; c < 4; c++) {
        int64_t count = 0;
        for (int64_t i = 0; i < size; i++)
            if (mask->values[i] == codes[c])
                under[count++] = exact.values[i];
        ck_assert_int_eq(outside[c], oracle_histogram(under, count, edges, 10, expected));
        ck_assert_mem_eq(histograms + 10 * c, expected, sizeof expected);
    }
    free(under);
    table_free(&exact);
    stored_free(&value_copy);
    stored_free(&mask_copy);
}

START_TEST(each_code_has_its_own_histogram_in_any_order_of_memory)
{
    const int32_t choices[] = { 0, 1, 4, 9, 16 };
    random_source source = { 90 };
    table values = table_normal(31, 29, 91), mask = table_new(31, 29);
    for (int64_t i = 0; i < 31 * 29; i++) {
        values.values[i] = i % 50 == 7 ? NAN : values.values[i] / 2;
        mask.values[i] = choices[random_below(&source, 5)];
    }
    for (int32_t order = ORDER_C; order < ORDER_COUNT; order++)
        assert_masked_counts(&values, &mask, order, ORDER_COUNT - 1 - order);
    table_free(&values);
    table_free(&mask);
}
END_TEST

START_TEST(outside_may_be_null)
{
    const double values[] = { 0, 5, NAN };
    value_row row = row_of(values, 3, QKVSIM_DTYPE_F32);
    int64_t histogram[100], all = 0;
    assert_ok(context, qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, NULL, histogram,
                                        COUNT_OF(histogram), NULL));
    for (int b = 0; b < 100; b++)
        all += histogram[b];
    ck_assert_int_eq(all, 1);
    ck_assert_int_eq(histogram[50], 1);
    row_free(&row);
}
END_TEST

static void assert_bins_refused(const qkvsim_bins *bins)
{
    const double values[] = { 0, 0.5 };
    value_row row = row_of(values, 2, QKVSIM_DTYPE_F32);
    int64_t *histogram = poisoned(64 * sizeof *histogram), *outside = poisoned(sizeof *outside);
    double *edges = poisoned(64 * sizeof *edges);
    assert_status(context, qkvsim_bin_edges(context, bins, QKVSIM_DTYPE_F32, edges, 64),
                  refusal(context));
    assert_status(
        context,
        qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, bins, histogram, 64, outside),
        refusal(context));
    assert_poisoned(histogram, 64 * sizeof *histogram);
    assert_poisoned(outside, sizeof *outside);
    assert_poisoned(edges, 64 * sizeof *edges);
    free(histogram);
    free(outside);
    free(edges);
    row_free(&row);
}

START_TEST(numbers_of_bins_out_of_range_are_named)
{
    const int64_t counts[] = {
        0, -4, INT64_C(2147483648), QKVSIM_BINS_MAX + 1, INT64_MAX, INT64_MIN
    };
    for (int i = 0; i < 6; i++) {
        const qkvsim_bins bins = equal_bins(counts[i], -1, 1);
        assert_bins_refused(&bins);
        assert_message_has_number(context, counts[i]);
    }
}
END_TEST

START_TEST(the_largest_number_of_bins_is_allowed)
{
    const double values[] = { -1, 1, 0.999 };
    const qkvsim_bins bins = equal_bins(QKVSIM_BINS_MAX, -1, 1);
    value_row row = row_of(values, 3, QKVSIM_DTYPE_F64);
    int64_t *histogram = malloc(QKVSIM_BINS_MAX * sizeof *histogram);
    assert_ok(context, qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, &bins, histogram,
                                        QKVSIM_BINS_MAX, NULL));
    ck_assert_int_eq(histogram[0], 1);
    ck_assert_int_eq(histogram[QKVSIM_BINS_MAX - 1], 1);
    ck_assert_int_eq(histogram[(int64_t)(1.999 / 2 * QKVSIM_BINS_MAX)], 1);
    free(histogram);
    row_free(&row);
}
END_TEST

START_TEST(ranges_that_are_empty_or_not_finite_are_refused)
{
    const double ranges[][2] = { { 1, -1 },        { 0.5, 0.5 },     { NAN, 1 },       { -1, NAN },
                                 { -1, INFINITY }, { -INFINITY, 0 }, { -1e308, 1e308 } };
    for (int i = 0; i < 7; i++) {
        const qkvsim_bins bins = equal_bins(10, ranges[i][0], ranges[i][1]);
        assert_bins_refused(&bins);
    }
}
END_TEST

/* As numpy.histogram refuses them. In double the same bins are bins. */
START_TEST(equal_bins_too_fine_for_the_type_are_refused)
{
    static const double edges[3] = { 1, 1 + 0x1p-25, 1 + 0x1p-23 };
    const qkvsim_bins fine = equal_bins(3, 1, 1 + 0x1p-23), own = own_bins(2, edges);
    const qkvsim_bins beyond = equal_bins(4, -1e39, 1e39);
    const double values[] = { 1, 1 + 0x1p-23, 1 };
    value_row row = row_of(values, 3, QKVSIM_DTYPE_F32);
    int64_t histogram[3], outside;
    assert_bins_refused(&fine);
    assert_message_has_number(context, 3);
    assert_message_has(context, "float32");
    assert_bins_refused(&beyond);
    assert_status(context,
                  qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, &fine, histogram,
                                   COUNT_OF(histogram), &outside),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    double found[4];
    assert_ok(context, qkvsim_bin_edges(context, &fine, QKVSIM_DTYPE_F64, found, COUNT_OF(found)));
    assert_ok(context, qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, &own, histogram,
                                        COUNT_OF(histogram), &outside));
    ck_assert_int_eq(histogram[0], 2);
    ck_assert_int_eq(histogram[1], 1);
    row_free(&row);
}
END_TEST

/* Edges beyond float's range, and bins narrower than any normal number. */
START_TEST(equal_bins_at_the_ends_of_the_exponent_count_every_value)
{
    const double wide[] = { -3e38, -1, -0.0, 1, 3e38 }, narrow[] = { 0, 3e-311, 6e-311, 1e-310 };
    const qkvsim_bins bins[] = { equal_bins(2, -1e39, 1e39), equal_bins(4, 0, 1e-310) };
    value_row rows[] = { row_of(wide, 5, QKVSIM_DTYPE_F32), row_of(narrow, 4, QKVSIM_DTYPE_F64) };
    const int64_t expected[][4] = { { 2, 3 }, { 1, 1, 1, 1 } };
    for (int k = 0; k < 2; k++) {
        int64_t histogram[4], outside = -1;
        assert_ok(context, qkvsim_histogram(context, &rows[k].copy.view, NULL, NULL, 1, &bins[k],
                                            histogram, bins[k].count, &outside));
        ck_assert_mem_eq(histogram, expected[k], (size_t)bins[k].count * sizeof *histogram);
        ck_assert_int_eq(outside, 0);
        row_free(&rows[k]);
    }
}
END_TEST

START_TEST(edges_that_do_not_increase_are_named)
{
    const double edges[][4] = { { -1, 0.25, 0.25, 1 },    { -1, 0.5, 0.25, 1 },
                                { -1, NAN, 0, 1 },        { -INFINITY, 0, 0.5, 1 },
                                { -1, 0, 0.5, INFINITY }, { NAN, 0, 0.5, 1 } };
    for (int i = 0; i < 6; i++) {
        const qkvsim_bins bins = own_bins(3, edges[i]);
        assert_bins_refused(&bins);
        if (i < 2)
            assert_message_has(context, "0.25");
    }
}
END_TEST

START_TEST(bins_are_held_to_their_size)
{
    struct {
        qkvsim_bins value;
        unsigned char tail[8];
    } newer = { .value = equal_bins(10, -1, 1) };
    double edges[11];
    qkvsim_bins bins = equal_bins(10, -1, 1);
    const size_t sizes[] = { 0, 1, sizeof(size_t) - 1 };
    for (int i = 0; i < 3; i++) {
        bins.struct_size = sizes[i];
        assert_bins_refused(&bins);
    }
    newer.value.struct_size = sizeof newer;
    assert_ok(context,
              qkvsim_bin_edges(context, &newer.value, QKVSIM_DTYPE_F32, edges, COUNT_OF(edges)));
    newer.tail[7] = 1;
    assert_bins_refused(&newer.value);
}
END_TEST

START_TEST(masks_of_another_shape_or_type_and_bad_codes_are_refused)
{
    table values = table_normal(5, 6, 92), marks = table_new(5, 6);
    stored matrix = store(&values, QKVSIM_DTYPE_F32, ORDER_C),
           mask = store(&marks, QKVSIM_DTYPE_I32, ORDER_C);
    int64_t *histogram = poisoned(300 * sizeof *histogram);
    qkvsim_view bad[4] = { mask.view, mask.view, mask.view, mask.view };
    bad[0].observations = 4;
    bad[1].features = 3;
    bad[2].dtype = QKVSIM_DTYPE_F32;
    bad[3].data = NULL;
    for (int i = 0; i < 4; i++)
        assert_status(context,
                      qkvsim_histogram(context, &matrix.view, &bad[i], (int32_t[]){ 1 }, 1, NULL,
                                       histogram, 300, NULL),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    const int32_t counts[] = { 0, -1 };
    for (int i = 0; i < 2; i++)
        assert_status(context,
                      qkvsim_histogram(context, &matrix.view, &mask.view, (int32_t[]){ 1 },
                                       counts[i], NULL, histogram, 300, NULL),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_histogram(context, &matrix.view, &mask.view, (int32_t[]){ 1, 55, 55 }, 3,
                                   NULL, histogram, 300, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 55);
    assert_status(
        context,
        qkvsim_histogram(context, &matrix.view, &mask.view, NULL, 1, NULL, histogram, 300, NULL),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_poisoned(histogram, 300 * sizeof *histogram);
    free(histogram);
    stored_free(&matrix);
    stored_free(&mask);
    table_free(&values);
    table_free(&marks);
}
END_TEST

START_TEST(null_arguments_and_unknown_types_are_refused)
{
    const double values[] = { 0, 0.5 };
    value_row row = row_of(values, 2, QKVSIM_DTYPE_F32);
    int64_t histogram[100];
    double edges[101];
    ck_assert_int_eq(qkvsim_histogram(NULL, &row.copy.view, NULL, NULL, 1, NULL, histogram,
                                      COUNT_OF(histogram), NULL),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_bin_edges(NULL, NULL, QKVSIM_DTYPE_F32, edges, COUNT_OF(edges)),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(
        context,
        qkvsim_histogram(context, NULL, NULL, NULL, 1, NULL, histogram, COUNT_OF(histogram), NULL),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, NULL, NULL, 0, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_bin_edges(context, NULL, QKVSIM_DTYPE_F32, NULL, 0),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    const int32_t dtypes[] = { 0, QKVSIM_DTYPE_I32, 42 };
    for (int i = 0; i < 3; i++) {
        assert_status(context, qkvsim_bin_edges(context, NULL, dtypes[i], edges, COUNT_OF(edges)),
                      refusal(context));
        row.copy.view.dtype = dtypes[i];
        assert_status(context,
                      qkvsim_histogram(context, &row.copy.view, NULL, NULL, 1, NULL, histogram,
                                       COUNT_OF(histogram), NULL),
                      refusal(context));
    }
    row_free(&row);
}
END_TEST

static qkvsim_status run_edges(qkvsim_context *with, void *unused)
{
    (void)unused;
    double *edges = poisoned(101 * sizeof *edges);
    qkvsim_status status = qkvsim_bin_edges(with, NULL, QKVSIM_DTYPE_F32, edges, 101);
    if (status != QKVSIM_OK)
        assert_poisoned(edges, 101 * sizeof *edges);
    free(edges);
    return status;
}

static qkvsim_status run_histogram(qkvsim_context *with, void *unused)
{
    (void)unused;
    const float values[] = { 0.1f, 0.2f, -0.3f, 0.4f };
    const int32_t marks[] = { 1, 2, 1, 3 };
    const qkvsim_view matrix = { sizeof matrix, values, 2, 2, 2, 1, QKVSIM_DTYPE_F32, 0 };
    const qkvsim_view mask = { sizeof mask, marks, 2, 2, 2, 1, QKVSIM_DTYPE_I32, 0 };
    int64_t *histograms = poisoned(200 * sizeof *histograms), *outside = poisoned(16);
    qkvsim_status status = qkvsim_histogram(with, &matrix, &mask, (int32_t[]){ 2, 1 }, 2, NULL,
                                            histograms, 200, outside);
    if (status != QKVSIM_OK) {
        assert_poisoned(histograms, 200 * sizeof *histograms);
        assert_poisoned(outside, 16);
    }
    free(histograms);
    free(outside);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    assert_survives_failing_allocations(_i == 0 ? run_histogram : run_edges, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("histogram");
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    tcase_add_loop_test(laws, edges_are_numpys_linspace, 0, 16);
    tcase_add_test(laws, default_edges_are_100_bins_from_minus_1_to_1);
    tcase_add_test(laws, own_edges_come_back_as_they_are);
    tcase_add_loop_test(laws, equal_bins_count_as_numpy, 0, 16);
    tcase_add_test(laws, own_edges_are_compared_exactly);
    tcase_add_test(laws, narrow_types_count_as_their_widened_values);
    tcase_add_test(laws, bins_are_half_open_and_the_last_is_closed);
    tcase_add_test(laws, each_code_has_its_own_histogram_in_any_order_of_memory);
    tcase_add_test(laws, outside_may_be_null);
    tcase_add_test(laws, the_largest_number_of_bins_is_allowed);
    tcase_add_test(laws, equal_bins_at_the_ends_of_the_exponent_count_every_value);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, numbers_of_bins_out_of_range_are_named);
    tcase_add_test(bad, ranges_that_are_empty_or_not_finite_are_refused);
    tcase_add_test(bad, edges_that_do_not_increase_are_named);
    tcase_add_test(bad, equal_bins_too_fine_for_the_type_are_refused);
    tcase_add_test(bad, bins_are_held_to_their_size);
    tcase_add_test(bad, masks_of_another_shape_or_type_and_bad_codes_are_refused);
    tcase_add_test(bad, null_arguments_and_unknown_types_are_refused);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 2);
    return run_suite(suite);
}
