/* accumulator.h: blocks of a stream, the intervals that leave them out, and differences of two
 * streams. */
#include <qkvsim/accumulator.h>

#include "oracle.h"
#include "packed_kinds.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

enum { N = 400, D = 18, DOCUMENTS = 20 };

/* Documents of 13 to 27 rows: of 20 blocks each is one, in a matrix too. */
static const int32_t *documents(void)
{
    static int32_t numbers[N];
    for (int32_t k = 0, row = 0; k < DOCUMENTS; k++)
        for (int32_t i = 0; i < (k % 2 == 0 ? 13 + k / 2 : 27 - k / 2); i++)
            numbers[row++] = 7 - k;
    return numbers;
}

static qkvsim_accumulator *with_blocks(int64_t features, int64_t blocks)
{
    const qkvsim_accumulator_options options = { .struct_size = sizeof options, .blocks = blocks };
    qkvsim_accumulator *made = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, features, &options, &made));
    return made;
}

/* Rows first .. first + count - 1 of a view, those of them that are selected. */
static qkvsim_status add(qkvsim_context *with, qkvsim_accumulator *to, const qkvsim_view *view,
                         int64_t first, int64_t count, const int32_t *segments,
                         const uint8_t *selected)
{
    qkvsim_view rows = *view;
    rows.data = (const char *)view->data
                + first * view->observation_stride * (int64_t)dtype_size(view->dtype);
    rows.observations = count;
    int64_t *list = malloc((size_t)count * sizeof *list);
    qkvsim_selection selection = { .struct_size = sizeof selection, .observations = list };
    for (int64_t i = 0; i < count; i++)
        if (selected != NULL && selected[first + i])
            list[selection.count++] = i;
    const qkvsim_status status = qkvsim_accumulator_update(
        with, to,
        INPUT(&rows, 1, .segments = segments != NULL ? segments + first : NULL,
              .selection = selected != NULL ? &selection : NULL));
    free(list);
    return status;
}

/* In chunks of so many rows, whatever the documents are. */
static qkvsim_accumulator *streamed(const qkvsim_view *view, int64_t blocks, int64_t chunk,
                                    const int32_t *segments, const uint8_t *selected)
{
    qkvsim_accumulator *made = with_blocks(view->features, blocks);
    for (int64_t first = 0; first < view->observations; first += chunk) {
        const int64_t left = view->observations - first;
        assert_ok(context,
                  add(context, made, view, first, chunk < left ? chunk : left, segments, selected));
    }
    return made;
}

static qkvsim_layout *thirds(int64_t features)
{
    qkvsim_layout *layout = NULL;
    assert_ok(context, qkvsim_layout_thirds(context, features, &layout));
    return layout;
}

static qkvsim_intervals *intervals_of(const qkvsim_accumulator *one,
                                      const qkvsim_accumulator *second, const qkvsim_layout *layout)
{
    qkvsim_intervals *made = NULL;
    assert_ok(context,
              qkvsim_accumulator_intervals(context, one, second, layout, NULL, NULL, &made));
    return made;
}

/* ---- intervals ---- */

static const qkvsim_summary summaries[] = { QKVSIM_SUMMARY_OBSERVED, QKVSIM_SUMMARY_ESTIMATE,
                                            QKVSIM_SUMMARY_SE,       QKVSIM_SUMMARY_LOW,
                                            QKVSIM_SUMMARY_HIGH,     QKVSIM_SUMMARY_P };

static void assert_near(double found, double expected, double tolerance)
{
    if (isnan(found) != isnan(expected) || fabs(found - expected) > tolerance)
        ck_abort_msg("%.17g and not %.17g", found, expected);
}

static void assert_same_numbers(const qkvsim_intervals *found, const qkvsim_intervals *expected,
                                int32_t row, int32_t metric, int32_t statistic, double tolerance)
{
    for (size_t k = 0; k < sizeof summaries / sizeof summaries[0]; k++) {
        assert_near(qkvsim_intervals_statistic(found, row, metric, statistic, summaries[k]),
                    qkvsim_intervals_statistic(expected, row, metric, statistic, summaries[k]),
                    tolerance);
        assert_near(qkvsim_intervals_contrast(found, row, 5, metric, statistic, summaries[k]),
                    qkvsim_intervals_contrast(expected, row, 5, metric, statistic, summaries[k]),
                    tolerance);
        assert_near(qkvsim_intervals_difference(found, row, metric, statistic, summaries[k]),
                    qkvsim_intervals_difference(expected, row, metric, statistic, summaries[k]),
                    tolerance);
    }
}

/* Every statistic of six rows, a contrast with the last one, and the difference of two
 * selections. */
static void assert_same_intervals(const qkvsim_intervals *found, const qkvsim_intervals *expected,
                                  double tolerance)
{
    ck_assert_int_eq(qkvsim_intervals_replicates(found), qkvsim_intervals_replicates(expected));
    ck_assert_int_eq(qkvsim_intervals_block_length(found), qkvsim_intervals_block_length(expected));
    for (int32_t row = 0; row < 6; row++)
        for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_PEARSON; metric++)
            for (int k = 0; kept_statistic(metric, k) != 0; k++) {
                assert_same_numbers(found, expected, row, metric, kept_statistic(metric, k),
                                    tolerance);
                const double *of_found =
                    qkvsim_intervals_values(found, row, metric, kept_statistic(metric, k));
                const double *of_expected =
                    qkvsim_intervals_values(expected, row, metric, kept_statistic(metric, k));
                for (int64_t r = 0; r < qkvsim_intervals_replicates(found); r++)
                    assert_near(of_found[r], of_expected[r], tolerance);
            }
}

static qkvsim_intervals *of_matrix(const qkvsim_view *view, const qkvsim_selection *selection,
                                   const qkvsim_selection *second, const qkvsim_layout *layout,
                                   int64_t blocks)
{
    const qkvsim_interval_options options = { .struct_size = sizeof options, .blocks = blocks };
    qkvsim_intervals *made = NULL;
    assert_ok(context, qkvsim_intervals_run(
                           context, INPUT(view, 1, .segments = documents(), .selection = selection),
                           second, layout, NULL, &options, &made));
    return made;
}

static const int64_t chunks[] = { N, 37, 5 };

START_TEST(intervals_are_those_of_the_matrix)
{
    table data = table_with_offsets(N, D, 2, 1);
    qkvsim_layout *layout = thirds(D);
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored copy = store(&data, dtype, ORDER_C);
        qkvsim_accumulator *sum = streamed(&copy.view, 32, chunks[_i], documents(), NULL);
        ck_assert_int_eq(qkvsim_accumulator_blocks(sum), DOCUMENTS);
        qkvsim_intervals *found = intervals_of(sum, NULL, layout);
        qkvsim_intervals *expected = of_matrix(&copy.view, NULL, NULL, layout, DOCUMENTS);
        assert_same_intervals(found, expected, dtype == QKVSIM_DTYPE_F64 ? 1e-9 : 1e-4);
        ck_assert(qkvsim_intervals_statistic(found, 0, QKVSIM_METRIC_COSINE,
                                             QKVSIM_STATISTIC_OFFSET_SHARE, QKVSIM_SUMMARY_SE)
                  > 0);
        qkvsim_intervals_free(found);
        qkvsim_intervals_free(expected);
        qkvsim_accumulator_free(sum);
        stored_free(&copy);
    }
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

static void assert_packs(const qkvsim_intervals *intervals)
{
    const int64_t size = qkvsim_intervals_packed_size(intervals);
    void *bytes = malloc((size_t)size);
    qkvsim_intervals *again = NULL;
    assert_ok(context, qkvsim_intervals_pack(context, intervals, bytes, size));
    assert_ok(context, qkvsim_intervals_unpack(context, bytes, size, &again));
    assert_same_intervals(again, intervals, 0);
    qkvsim_intervals_free(again);
    free(bytes);
}

/* Two selections: of the rows by turns, where documents are the same, or one half of the documents
 * each. */
static void compare_selections(const uint8_t *in_first, int64_t blocks)
{
    table data = table_with_offsets(N, D, 2, 2);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = thirds(D);
    int64_t rows[2][N];
    uint8_t in_second[N];
    qkvsim_selection selections[] = {
        { .struct_size = sizeof(qkvsim_selection), .observations = rows[0] },
        { .struct_size = sizeof(qkvsim_selection), .observations = rows[1] },
    };
    for (int64_t i = 0; i < N; i++) {
        qkvsim_selection *of = &selections[!in_first[i]];
        rows[!in_first[i]][of->count++] = i;
        in_second[i] = !in_first[i];
    }
    qkvsim_accumulator *one = streamed(&copy.view, 32, N, documents(), in_first);
    qkvsim_accumulator *other = streamed(&copy.view, 32, N, documents(), in_second);
    qkvsim_intervals *found = intervals_of(one, other, layout);
    qkvsim_intervals *expected =
        of_matrix(&copy.view, &selections[0], &selections[1], layout, blocks);
    assert_same_intervals(found, expected, 1e-9);
    assert_packs(found);
    ck_assert(!isnan(qkvsim_intervals_difference(
        found, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE, QKVSIM_SUMMARY_LOW)));
    qkvsim_intervals_free(found);
    qkvsim_intervals_free(expected);
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(other);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}

START_TEST(blocks_of_the_same_documents_are_left_out_together)
{
    uint8_t in_first[N];
    for (int64_t i = 0; i < N; i++)
        in_first[i] = i % 3 != 0 && documents()[i] != 2 && documents()[i] != -12;
    compare_selections(in_first, DOCUMENTS);
}
END_TEST

/* Eight documents are of the second stream and twelve of the first, which do not know of each
 * other. */
START_TEST(blocks_of_other_documents_are_left_out_alone)
{
    table data = table_with_offsets(N, D, 2, 2);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = thirds(D);
    int64_t rows[2][N], split = 0;
    while (documents()[split] > 7 - 12)
        split++;
    for (int64_t i = 0; i < N; i++)
        rows[i >= split][i >= split ? i - split : i] = i;
    const qkvsim_selection first = { .struct_size = sizeof first,
                                     .observations = rows[0],
                                     .count = split };
    const qkvsim_selection second = { .struct_size = sizeof second,
                                      .observations = rows[1],
                                      .count = N - split };
    qkvsim_accumulator *one = with_blocks(D, 16), *other = with_blocks(D, 16);
    assert_ok(context, add(context, one, &copy.view, 0, split, documents(), NULL));
    assert_ok(context, add(context, other, &copy.view, split, N - split, documents(), NULL));
    qkvsim_intervals *found = intervals_of(one, other, layout);
    qkvsim_intervals *expected = of_matrix(&copy.view, &first, &second, layout, DOCUMENTS);
    assert_same_intervals(found, expected, 1e-9);
    assert_packs(found);
    qkvsim_intervals_free(found);
    qkvsim_intervals_free(expected);
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(other);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Moments of all less those of the block have no digits left of the others. */
START_TEST(a_block_that_outweighs_all_others_can_be_left_out)
{
    table data = table_with_offsets(N, D, 2, 3);
    for (int64_t j = 0; j < D; j++)
        *table_at(&data, 5, j) *= 1e7;
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = thirds(D);
    qkvsim_accumulator *sum = streamed(&copy.view, 32, 37, documents(), NULL);
    qkvsim_intervals *found = intervals_of(sum, NULL, layout);
    qkvsim_intervals *expected = of_matrix(&copy.view, NULL, NULL, layout, DOCUMENTS);
    assert_same_intervals(found, expected, 1e-9);
    qkvsim_intervals_free(found);
    qkvsim_intervals_free(expected);
    qkvsim_accumulator_free(sum);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(a_feature_that_is_undefined_once_stays_so_in_every_replicate)
{
    table data = table_mixed(N, D, 4);
    *table_at(&data, 100, 2) = NAN;
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = thirds(D);
    qkvsim_accumulator *sum = with_blocks(D, 32);
    qkvsim_intervals *expected = NULL;
    const qkvsim_interval_options options = { .struct_size = sizeof options, .blocks = DOCUMENTS };
    const qkvsim_input *input = INPUT(&copy.view, 1, .segments = documents(),
                                      .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE);
    assert_ok(context, qkvsim_accumulator_update(context, sum, input));
    assert_ok(context,
              qkvsim_intervals_run(context, input, NULL, layout, NULL, &options, &expected));
    qkvsim_intervals *found = intervals_of(sum, NULL, layout);
    assert_same_intervals(found, expected, 1e-9);
    qkvsim_intervals_free(found);
    qkvsim_intervals_free(expected);
    qkvsim_accumulator_free(sum);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(fewer_than_8_blocks_have_no_interval)
{
    table data = table_with_offsets(N, D, 2, 5);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = thirds(D);
    qkvsim_accumulator *sum = streamed(&copy.view, 16, N / 7 + 1, NULL, NULL);
    ck_assert_int_eq(qkvsim_accumulator_blocks(sum), 7);
    qkvsim_intervals *found = intervals_of(sum, NULL, layout);
    ck_assert_int_eq(qkvsim_intervals_replicates(found), 0);
    ck_assert(isnan(qkvsim_intervals_statistic(found, 0, QKVSIM_METRIC_COSINE,
                                               QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_LOW)));
    ck_assert(!isnan(qkvsim_intervals_statistic(found, 0, QKVSIM_METRIC_COSINE,
                                                QKVSIM_STATISTIC_MEAN, QKVSIM_SUMMARY_OBSERVED)));
    qkvsim_intervals_free(found);
    qkvsim_accumulator_free(sum);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- blocks ---- */

static void assert_blocks(const qkvsim_accumulator *sum, int64_t count, const int64_t *lengths)
{
    ck_assert_int_eq(qkvsim_accumulator_blocks(sum), count);
    for (int64_t k = 0; k < count; k++)
        ck_assert_int_eq(qkvsim_accumulator_block_observations(sum, k), lengths[k]);
}

/* 100 documents of 4 rows: 16 blocks of one, then of 2, of 4 and of 8 documents; the 13th has 4. */
START_TEST(neighbours_are_put_together_when_there_are_too_many)
{
    table data = table_with_offsets(N, D, 2, 6);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    const int64_t lengths[] = { 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 16 };
    const int64_t sizes[] = { 4, 1, 7, N };
    int32_t segments[N];
    uint8_t odd[N];
    for (int64_t i = 0; i < N; i++) {
        segments[i] = (int32_t)(i / 4 % 2);
        odd[i] = i % 2 == 1 && i > 40;
    }
    for (int k = 0; k < 4; k++) {
        qkvsim_accumulator *sum = streamed(&copy.view, 16, sizes[k], k > 0 ? segments : NULL, NULL);
        assert_blocks(sum, 13, lengths);
        ck_assert_int_eq(qkvsim_accumulator_observations(sum), N);
        ck_assert_int_eq(qkvsim_accumulator_block_observations(sum, 13), 0);
        ck_assert_int_eq(qkvsim_accumulator_block_observations(sum, -1), 0);
        qkvsim_accumulator_free(sum);
    }
    /* Of the first chunks nothing is selected. */
    const int64_t of_odd[] = { 0, 12, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 8 };
    for (int k = 0; k < 4; k++) {
        qkvsim_accumulator *some = streamed(&copy.view, 16, sizes[k], k > 0 ? segments : NULL, odd);
        assert_blocks(some, 13, of_odd);
        qkvsim_accumulator_free(some);
    }
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static double *covariance(const qkvsim_accumulator *sum)
{
    double *values = malloc(D * D * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, D, QKVSIM_DTYPE_F64);
    assert_ok(context,
              qkvsim_accumulator_similarity(context, sum, QKVSIM_METRIC_COVARIANCE, NULL, &matrix));
    return values;
}

START_TEST(all_blocks_together_are_the_whole)
{
    table data = table_with_offsets(N, D, 100, 7);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    double *expected = oracle_similarity(&data, QKVSIM_METRIC_COVARIANCE);
    for (int64_t chunk = 1; chunk < N; chunk = 3 * chunk + 1) {
        qkvsim_accumulator *sum = streamed(&copy.view, 16, chunk, NULL, NULL);
        double *found = covariance(sum);
        for (int k = 0; k < D * D; k++)
            ck_assert_double_eq_tol(found[k], expected[k], 1e-9);
        free(found);
        qkvsim_accumulator_free(sum);
    }
    free(expected);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void *packed(const qkvsim_accumulator *sum, int64_t *size)
{
    *size = qkvsim_accumulator_packed_size(sum);
    void *bytes = malloc((size_t)*size);
    assert_ok(context, qkvsim_accumulator_pack(context, sum, bytes, *size));
    return bytes;
}

static void assert_same_bits(const qkvsim_accumulator *one, const qkvsim_accumulator *other)
{
    int64_t sizes[2];
    void *bytes[] = { packed(one, &sizes[0]), packed(other, &sizes[1]) };
    ck_assert_int_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], (size_t)sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static qkvsim_accumulator *unpacked(const qkvsim_accumulator *sum)
{
    int64_t size;
    qkvsim_accumulator *made = NULL;
    void *bytes = packed(sum, &size);
    assert_ok(context, qkvsim_accumulator_unpack(context, bytes, size, &made));
    free(bytes);
    return made;
}

/* Within a document, and after blocks were put together. */
START_TEST(a_stream_goes_on_where_it_was_packed)
{
    table data = table_with_offsets(N, D, 2, 8);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *whole = with_blocks(D, 16), *part = with_blocks(D, 16);
    for (int64_t first = 0; first < N; first += 50) {
        assert_ok(context, add(context, whole, &copy.view, first, 50, documents(), NULL));
        assert_ok(context, add(context, part, &copy.view, first, 50, documents(), NULL));
        qkvsim_accumulator *again = unpacked(part);
        qkvsim_accumulator_free(part);
        part = again;
        assert_same_bits(part, whole);
    }
    qkvsim_accumulator_free(whole);
    qkvsim_accumulator_free(part);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* A full block has 1 document in one and 4 in the other, which comes behind. */
START_TEST(merged_streams_have_the_blocks_of_both)
{
    table data = table_with_offsets(N, D, 2, 9);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *one = with_blocks(D, 16), *other = with_blocks(D, 16);
    const int64_t both[] = { 40, 10, 40, 40, 40, 40, 40, 40, 40, 40, 30 };
    for (int64_t first = 0; first < 50; first += 10)
        assert_ok(context, add(context, one, &copy.view, first, 10, NULL, NULL));
    for (int64_t first = 50; first < N; first += 10)
        assert_ok(context, add(context, other, &copy.view, first, 10, NULL, NULL));
    qkvsim_accumulator *again = unpacked(one), *behind = unpacked(other);
    assert_ok(context, qkvsim_accumulator_merge(context, one, other));
    assert_ok(context, qkvsim_accumulator_merge(context, again, behind));
    assert_blocks(one, 11, both);
    assert_same_bits(one, again);
    ck_assert_int_eq(qkvsim_accumulator_observations(one), N);
    double *found = covariance(one);
    double *expected = oracle_similarity(&data, QKVSIM_METRIC_COVARIANCE);
    for (int k = 0; k < D * D; k++)
        ck_assert_double_eq_tol(found[k], expected[k], 1e-9);
    assert_ok(context, qkvsim_accumulator_merge(context, one, other));
    assert_ok(context, qkvsim_accumulator_merge(context, one, other));
    ck_assert_int_eq(qkvsim_accumulator_blocks(one), 15);
    ck_assert_int_eq(qkvsim_accumulator_observations(one), N + 700);
    free(found);
    free(expected);
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(other);
    qkvsim_accumulator_free(again);
    qkvsim_accumulator_free(behind);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Also behind blocks of several documents, which they fill up. */
START_TEST(documents_merged_one_by_one_are_their_stream_to_the_bit)
{
    table data = table_with_offsets(N, D, 2, 9);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *stream = with_blocks(D, 16), *merged = with_blocks(D, 16);
    for (int64_t first = 0; first < N; first += 10) {
        qkvsim_accumulator *document = with_blocks(D, 16);
        assert_ok(context, add(context, document, &copy.view, first, 10, NULL, NULL));
        assert_ok(context, add(context, stream, &copy.view, first, 10, NULL, NULL));
        assert_ok(context, qkvsim_accumulator_merge(context, merged, document));
        assert_same_bits(stream, merged);
        qkvsim_accumulator_free(document);
    }
    ck_assert_int_eq(qkvsim_accumulator_blocks(merged), 10);
    qkvsim_accumulator_free(stream);
    qkvsim_accumulator_free(merged);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(blocks_are_bit_identical_for_any_number_of_threads)
{
    table data = table_with_offsets(N, D, 2, 10);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = thirds(D);
    qkvsim_accumulator *expected = streamed(&copy.view, 16, 90, documents(), NULL);
    qkvsim_intervals *of_expected = intervals_of(expected, NULL, layout);
    for (int32_t threads = 2; threads <= 5; threads += 3) {
        qkvsim_context *many = context_with(threads, QKVSIM_KERNELS_AUTO);
        qkvsim_accumulator *found = with_blocks(D, 16);
        qkvsim_intervals *of_found = NULL;
        for (int64_t first = 0; first < N; first += 90)
            assert_ok(many, add(many, found, &copy.view, first, N - first < 90 ? N - first : 90,
                                documents(), NULL));
        assert_same_bits(found, expected);
        assert_ok(many,
                  qkvsim_accumulator_intervals(many, found, NULL, layout, NULL, NULL, &of_found));
        assert_same_intervals(of_found, of_expected, 0);
        qkvsim_intervals_free(of_found);
        qkvsim_accumulator_free(found);
        qkvsim_context_free(many);
    }
    qkvsim_intervals_free(of_expected);
    qkvsim_accumulator_free(expected);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- differences ---- */

START_TEST(a_difference_is_that_of_the_exact_matrices)
{
    table data[] = { table_with_offsets(N, D, 50, 11), table_mixed(300, D, 12) };
    stored copies[] = { store(&data[0], QKVSIM_DTYPE_F64, ORDER_C),
                        store(&data[1], QKVSIM_DTYPE_F64, ORDER_C) };
    qkvsim_accumulator *one = streamed(&copies[0].view, 16, 40, NULL, NULL), *less = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, D, NULL, &less));
    assert_ok(context, qkvsim_accumulator_update(context, less, INPUT(&copies[1].view, 1)));
    for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_DOT; metric *= 2) {
        double *of_one = oracle_similarity(&data[0], metric);
        double *of_less = oracle_similarity(&data[1], metric);
        double found[D * D];
        float single[D * D];
        const qkvsim_matrix matrix = square_matrix(found, D, QKVSIM_DTYPE_F64);
        const qkvsim_matrix rounded = square_matrix(single, D, QKVSIM_DTYPE_F32);
        assert_ok(context,
                  qkvsim_accumulator_difference(context, one, less, metric, NULL, &matrix));
        assert_ok(context,
                  qkvsim_accumulator_difference(context, one, less, metric, NULL, &rounded));
        for (int k = 0; k < D * D; k++) {
            const double expected = of_one[k] - of_less[k];
            assert_near(found[k], expected, 1e-12 * (1 + fabs(of_one[k]) + fabs(of_less[k])));
            ck_assert(isnan(found[k]) ? isnan(single[k]) : single[k] == (float)found[k]);
        }
        free(of_one);
        free(of_less);
    }
    for (int i = 0; i < 2; i++) {
        stored_free(&copies[i]);
        table_free(&data[i]);
    }
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(less);
}
END_TEST

START_TEST(the_upper_triangle_of_a_difference_leaves_the_rest)
{
    const qkvsim_similarity_options upper = { .struct_size = sizeof upper,
                                              .triangle = QKVSIM_TRIANGLE_UPPER };
    table data = table_with_offsets(N, D, 5, 13);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = streamed(&copy.view, 16, 40, NULL, NULL);
    double values[D * D];
    const qkvsim_matrix matrix = square_matrix(values, D, QKVSIM_DTYPE_F64);
    for (int k = 0; k < D * D; k++)
        values[k] = 9;
    assert_ok(context, qkvsim_accumulator_difference(context, sum, sum, QKVSIM_METRIC_COVARIANCE,
                                                     &upper, &matrix));
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++)
            ck_assert_double_eq(values[i * D + j], j >= i ? 0 : 9);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- bad input ---- */

START_TEST(bad_numbers_of_blocks_are_refused)
{
    const int64_t blocks[] = { -1, 1, 15, 4097, INT64_MAX };
    qkvsim_accumulator_options options = { .struct_size = sizeof options };
    qkvsim_accumulator *made = POISON_HANDLE;
    for (int k = 0; k < 5; k++) {
        options.blocks = blocks[k];
        assert_status(context, qkvsim_accumulator_create(context, 6, &options, &made),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has_number(context, blocks[k]);
    }
    options.blocks = 16;
    options.struct_size = sizeof(size_t) - 1;
    assert_status(context, qkvsim_accumulator_create(context, 6, &options, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    options.struct_size = sizeof options;
    options.blocks = 4096;
    assert_status(context, qkvsim_accumulator_create(context, INT32_MAX, &options, &made),
                  QKVSIM_ERROR_TOO_LARGE);
    ck_assert_ptr_eq(made, POISON_HANDLE);
    ck_assert_int_eq(qkvsim_accumulator_blocks(NULL), 0);
    ck_assert_int_eq(qkvsim_accumulator_block_observations(NULL, 0), 0);
}
END_TEST

/* The first 16 sets of 4,000 features are more than this allocator gives. */
static void *at_most_a_gigabyte(void *left, size_t size)
{
    if (size > *(size_t *)left)
        return NULL;
    *(size_t *)left -= size;
    return malloc(size);
}

static void give_back(void *left, void *memory)
{
    (void)left;
    free(memory);
}

START_TEST(memory_that_cannot_be_had_is_named)
{
    size_t left = (size_t)1 << 30;
    const qkvsim_context_options with = { .struct_size = sizeof with,
                                          .allocate = at_most_a_gigabyte,
                                          .release = give_back,
                                          .allocate_user = &left };
    const qkvsim_accumulator_options options = { .struct_size = sizeof options, .blocks = 20 };
    qkvsim_context *small = NULL;
    qkvsim_accumulator *made = POISON_HANDLE;
    ck_assert_int_eq(qkvsim_context_create(&with, &small), QKVSIM_OK);
    assert_status(small, qkvsim_accumulator_create(small, 4000, &options, &made),
                  QKVSIM_ERROR_NO_MEMORY);
    assert_message_has_number(small, 1280320000);
    ck_assert_ptr_eq(made, POISON_HANDLE);
    qkvsim_context_free(small);
}
END_TEST

START_TEST(bad_arguments_of_intervals_are_refused)
{
    table data = table_with_offsets(N, D, 5, 14);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = streamed(&copy.view, 16, 40, NULL, NULL), *none = NULL,
                       *empty = with_blocks(D, 16), *wider = with_blocks(D + 3, 16);
    table wide = table_normal(10, D + 3, 15);
    stored wide_copy = store(&wide, QKVSIM_DTYPE_F64, ORDER_C);
    assert_ok(context, qkvsim_accumulator_update(context, wider, INPUT(&wide_copy.view, 1)));
    assert_ok(context, qkvsim_accumulator_create(context, D, NULL, &none));
    assert_ok(context, qkvsim_accumulator_update(context, none, INPUT(&copy.view, 1)));
    qkvsim_layout *layout = thirds(D);
    qkvsim_intervals *made = POISON_HANDLE;
    const qkvsim_interval_options blocks = { .struct_size = sizeof blocks, .blocks = 10 };
    const qkvsim_interval_options bootstrap = { .struct_size = sizeof bootstrap,
                                                .method = QKVSIM_METHOD_BOOTSTRAP };
    const qkvsim_interval_options level = { .struct_size = sizeof level, .level = 1 };
    const qkvsim_analysis_options ranks = { .struct_size = sizeof ranks, .metrics = METRICS_SUM };
    const struct {
        const qkvsim_accumulator *one, *other;
        const qkvsim_layout *layout;
        const qkvsim_analysis_options *analysis;
        const qkvsim_interval_options *options;
    } calls[] = {
        { NULL, NULL, layout, NULL, NULL },      { sum, NULL, NULL, NULL, NULL },
        { none, NULL, layout, NULL, NULL },      { sum, none, layout, NULL, NULL },
        { empty, NULL, layout, NULL, NULL },     { sum, empty, layout, NULL, NULL },
        { sum, wider, layout, NULL, NULL },      { wider, NULL, layout, NULL, NULL },
        { sum, NULL, layout, &ranks, NULL },     { sum, NULL, layout, NULL, &blocks },
        { sum, NULL, layout, NULL, &bootstrap }, { sum, NULL, layout, NULL, &level },
    };
    for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++)
        assert_status(context,
                      qkvsim_accumulator_intervals(context, calls[k].one, calls[k].other,
                                                   calls[k].layout, calls[k].analysis,
                                                   calls[k].options, &made),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(made, POISON_HANDLE);
    assert_status(context,
                  qkvsim_accumulator_intervals(context, sum, NULL, layout, NULL, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_accumulator_intervals(NULL, sum, NULL, layout, NULL, NULL, &made),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_merge(context, sum, none),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_merge(context, none, sum),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "blocks");
    qkvsim_accumulator_free(sum);
    qkvsim_accumulator_free(none);
    qkvsim_accumulator_free(empty);
    qkvsim_accumulator_free(wider);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    stored_free(&wide_copy);
    table_free(&data);
    table_free(&wide);
}
END_TEST

START_TEST(bad_arguments_of_differences_are_refused)
{
    table data = table_with_offsets(N, D, 5, 16);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = streamed(&copy.view, 16, 40, NULL, NULL), *empty = with_blocks(D, 16),
                       *wider = with_blocks(D + 3, 16);
    table wide = table_normal(10, D + 3, 15);
    stored wide_copy = store(&wide, QKVSIM_DTYPE_F64, ORDER_C);
    assert_ok(context, qkvsim_accumulator_update(context, wider, INPUT(&wide_copy.view, 1)));
    const size_t size = D * D * sizeof(double);
    double *values = poisoned(size);
    const qkvsim_matrix matrix = square_matrix(values, D, QKVSIM_DTYPE_F64);
    const qkvsim_matrix narrow = square_matrix(values, D - 1, QKVSIM_DTYPE_F64);
    const qkvsim_accumulator *const pairs[][2] = {
        { NULL, sum }, { sum, NULL }, { empty, sum }, { sum, empty }, { sum, wider }
    };
    for (int k = 0; k < 5; k++)
        assert_status(context,
                      qkvsim_accumulator_difference(context, pairs[k][0], pairs[k][1],
                                                    QKVSIM_METRIC_PEARSON, NULL, &matrix),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, D + 3);
    const qkvsim_metric metrics[] = { 0, 3, QKVSIM_METRIC_SPEARMAN };
    for (int k = 0; k < 3; k++)
        assert_status(context,
                      qkvsim_accumulator_difference(context, sum, sum, metrics[k], NULL, &matrix),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(
        context, qkvsim_accumulator_difference(context, sum, sum, QKVSIM_METRIC_DOT, NULL, &narrow),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_accumulator_difference(context, sum, sum, QKVSIM_METRIC_DOT, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(
        qkvsim_accumulator_difference(NULL, sum, sum, QKVSIM_METRIC_DOT, NULL, &matrix),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_poisoned(values, size);
    free(values);
    qkvsim_accumulator_free(sum);
    qkvsim_accumulator_free(empty);
    qkvsim_accumulator_free(wider);
    stored_free(&copy);
    stored_free(&wide_copy);
    table_free(&data);
    table_free(&wide);
}
END_TEST

/* Of variances of 1e40 float holds no difference but 0, and a matrix of doubles does. */
START_TEST(a_difference_beyond_the_output_is_refused)
{
    table data = table_normal(N, D, 17);
    stored small = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    for (int64_t i = 0; i < N; i++)
        *table_at(&data, i, 3) *= 1e20;
    stored large = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *one = streamed(&large.view, 16, 40, NULL, NULL);
    qkvsim_accumulator *less = streamed(&small.view, 16, 40, NULL, NULL);
    const size_t size = D * D * sizeof(float);
    float *values = poisoned(size);
    double wide[D * D];
    const qkvsim_matrix matrix = square_matrix(values, D, QKVSIM_DTYPE_F32);
    const qkvsim_matrix wider = square_matrix(wide, D, QKVSIM_DTYPE_F64);
    assert_status(
        context,
        qkvsim_accumulator_difference(context, one, less, QKVSIM_METRIC_COVARIANCE, NULL, &matrix),
        QKVSIM_ERROR_TOO_LARGE);
    assert_poisoned(values, size);
    assert_ok(context, qkvsim_accumulator_difference(context, one, less, QKVSIM_METRIC_COVARIANCE,
                                                     NULL, &wider));
    assert_ok(context, qkvsim_accumulator_difference(context, one, one, QKVSIM_METRIC_COVARIANCE,
                                                     NULL, &matrix));
    free(values);
    qkvsim_accumulator_free(one);
    qkvsim_accumulator_free(less);
    stored_free(&small);
    stored_free(&large);
    table_free(&data);
}
END_TEST

/* A later document is refused when earlier ones of the chunk are in already, and so are all of
 * them. */
START_TEST(a_refused_chunk_changes_no_block)
{
    table data = table_with_offsets(N, D, 2, 18);
    *table_at(&data, 300, 1) = NAN;
    *table_at(&data, 150, 2) = 1e160;
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = with_blocks(D, 16);
    assert_ok(context, add(context, sum, &copy.view, 0, 100, documents(), NULL));
    qkvsim_accumulator *before = unpacked(sum);
    assert_status(context, add(context, sum, &copy.view, 100, 300, documents(), NULL),
                  QKVSIM_ERROR_TOO_LARGE);
    assert_same_bits(sum, before);
    assert_status(context, add(context, sum, &copy.view, 160, 240, documents(), NULL),
                  QKVSIM_ERROR_NONFINITE);
    assert_same_bits(sum, before);
    qkvsim_accumulator_free(sum);
    qkvsim_accumulator_free(before);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- failing and cancelled ---- */

typedef struct interruptible {
    qkvsim_accumulator *sum, *other;
    stored chunk;
    qkvsim_layout *layout;
} interruptible;

static qkvsim_status run_create(qkvsim_context *with, void *unused)
{
    (void)unused;
    const qkvsim_accumulator_options options = { .struct_size = sizeof options, .blocks = 17 };
    qkvsim_accumulator *made = POISON_HANDLE;
    const qkvsim_status status = qkvsim_accumulator_create(with, D, &options, &made);
    if (status == QKVSIM_OK)
        qkvsim_accumulator_free(made);
    else
        ck_assert_ptr_eq(made, POISON_HANDLE);
    return status;
}

/* Runs with a copy, so that it starts from the same again and again. */
static qkvsim_status run_on_copy(qkvsim_context *with, const interruptible *job, bool merge)
{
    qkvsim_accumulator *copy = unpacked(job->sum);
    const qkvsim_status status =
        merge ? qkvsim_accumulator_merge(with, copy, job->other)
              : add(with, copy, &job->chunk.view, 60, 340, documents(), NULL);
    if (status != QKVSIM_OK)
        assert_same_bits(copy, job->sum);
    qkvsim_accumulator_free(copy);
    return status;
}

static qkvsim_status run_update(qkvsim_context *with, void *job)
{
    return run_on_copy(with, job, false);
}

static qkvsim_status run_merge(qkvsim_context *with, void *job)
{
    return run_on_copy(with, job, true);
}

static qkvsim_status run_intervals(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    qkvsim_intervals *made = POISON_HANDLE;
    const qkvsim_status status =
        qkvsim_accumulator_intervals(with, job->other, job->other, job->layout, NULL, NULL, &made);
    if (status == QKVSIM_OK)
        qkvsim_intervals_free(made);
    else
        ck_assert_ptr_eq(made, POISON_HANDLE);
    return status;
}

static qkvsim_status run_difference(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    const size_t size = D * D * sizeof(double);
    double *values = poisoned(size);
    const qkvsim_matrix matrix = square_matrix(values, D, QKVSIM_DTYPE_F64);
    const qkvsim_status status = qkvsim_accumulator_difference(
        with, job->sum, job->other, QKVSIM_METRIC_COVARIANCE, NULL, &matrix);
    if (status != QKVSIM_OK)
        assert_poisoned(values, size);
    free(values);
    return status;
}

static qkvsim_status run_unpack(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    int64_t size;
    void *bytes = packed(job->other, &size);
    qkvsim_accumulator *made = POISON_HANDLE;
    const qkvsim_status status = qkvsim_accumulator_unpack(with, bytes, size, &made);
    if (status == QKVSIM_OK)
        qkvsim_accumulator_free(made);
    else
        ck_assert_ptr_eq(made, POISON_HANDLE);
    free(bytes);
    return status;
}

/* The last three take no time that a progress would be told of. */
static const operation operations[] = { run_update, run_intervals, run_difference,
                                        run_create, run_merge,     run_unpack };

static void interruptible_init(interruptible *job)
{
    table data = table_with_offsets(N, D, 2, 19);
    job->chunk = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    job->sum = with_blocks(D, 16);
    assert_ok(context, add(context, job->sum, &job->chunk.view, 0, 60, documents(), NULL));
    job->other = streamed(&job->chunk.view, 16, N, documents(), NULL);
    job->layout = thirds(D);
    table_free(&data);
}

static void interruptible_free(interruptible *job)
{
    qkvsim_accumulator_free(job->sum);
    qkvsim_accumulator_free(job->other);
    qkvsim_layout_free(job->layout);
    stored_free(&job->chunk);
}

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

/* ---- hostile bytes ---- */

/* Whatever a byte is changed to, what is unpacked can be used or nothing is. */
START_TEST(changed_bytes_are_refused_or_harmless)
{
    table data = table_with_offsets(60, 3, 2, 20);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *sum = streamed(&copy.view, 16, 3, NULL, NULL), *more = NULL;
    qkvsim_layout *layout = thirds(3);
    int64_t size;
    unsigned char *bytes = packed(sum, &size);
    for (int64_t at = 32; at < size; at++) {
        const unsigned char kept = bytes[at];
        const unsigned char others[] = { (unsigned char)(kept ^ 1), (unsigned char)(kept ^ 128),
                                         255, 0 };
        bytes[at] = others[at % 4];
        packed_set_checksum(bytes, size);
        if (qkvsim_accumulator_unpack(context, bytes, size, &more) == QKVSIM_OK) {
            qkvsim_intervals *made = NULL;
            if (qkvsim_accumulator_intervals(context, more, sum, layout, NULL, NULL, &made)
                == QKVSIM_OK)
                qkvsim_intervals_free(made);
            add(context, more, &copy.view, 0, 60, NULL, NULL);
            qkvsim_accumulator_merge(context, more, sum);
            qkvsim_accumulator_free(more);
        }
        bytes[at] = kept;
    }
    free(bytes);
    qkvsim_layout_free(layout);
    qkvsim_accumulator_free(sum);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- memory ---- */

static void fill_chunk(float *values, int64_t count, random_source *source)
{
    for (int64_t k = 0; k < count; k++)
        values[k] = (float)(0.3 + random_uniform(source));
}

/* A million observations: what is live, and the most that ever was, is that of the first chunks of
 * each size. With blocks that is once there are as many as there may be. */
START_TEST(memory_is_constant_over_a_million_observations)
{
    enum { FEATURES = 5, MOST = 2000, MILLION = 1000000 };
    static const int64_t sizes[] = { 2000, 1, 999, 1500, 500 };
    const int64_t blocks = _i == 0 ? 0 : 16;
    float *values = malloc((size_t)MOST * FEATURES * sizeof *values);
    random_source source = { 9 };
    allocator counter;
    allocator_init(&counter);
    qkvsim_context_options options = allocator_options(&counter);
    options.threads = 2;
    qkvsim_context *kept = context;
    ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_OK);
    qkvsim_accumulator *sum = with_blocks(FEATURES, blocks);
    fill_chunk(values, MOST * FEATURES, &source);
    size_t live = 0, peak = 0;
    for (int64_t chunk = 0; qkvsim_accumulator_observations(sum) < MILLION; chunk++) {
        const qkvsim_view view = { .struct_size = sizeof view,
                                   .data = values,
                                   .observations = sizes[chunk % 5],
                                   .features = FEATURES,
                                   .observation_stride = FEATURES,
                                   .feature_stride = 1,
                                   .dtype = QKVSIM_DTYPE_F32 };
        fill_chunk(values, FEATURES, &source);
        assert_ok(context, qkvsim_accumulator_update(context, sum, INPUT(&view, 1)));
        if (chunk < 40) {
            live = counter.live_bytes;
            peak = counter.peak_bytes;
        }
        ck_assert_uint_eq(counter.live_bytes, live);
        ck_assert_uint_eq(counter.peak_bytes, peak);
    }
    ck_assert_int_eq(counter.foreign_calls, 0);
    qkvsim_accumulator_free(sum);
    qkvsim_context_free(context);
    ck_assert_int_eq(counter.live, 0);
    context = kept;
    free(values);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *intervals = add_case(suite, "intervals", make_context, free_context);
    tcase_add_loop_test(intervals, intervals_are_those_of_the_matrix, 0, 3);
    tcase_add_test(intervals, blocks_of_the_same_documents_are_left_out_together);
    tcase_add_test(intervals, blocks_of_other_documents_are_left_out_alone);
    tcase_add_test(intervals, a_block_that_outweighs_all_others_can_be_left_out);
    tcase_add_test(intervals, a_feature_that_is_undefined_once_stays_so_in_every_replicate);
    tcase_add_test(intervals, fewer_than_8_blocks_have_no_interval);
    TCase *blocks = add_case(suite, "blocks", make_context, free_context);
    tcase_add_test(blocks, neighbours_are_put_together_when_there_are_too_many);
    tcase_add_test(blocks, all_blocks_together_are_the_whole);
    tcase_add_test(blocks, a_stream_goes_on_where_it_was_packed);
    tcase_add_test(blocks, merged_streams_have_the_blocks_of_both);
    tcase_add_test(blocks, documents_merged_one_by_one_are_their_stream_to_the_bit);
    tcase_add_test(add_thread_case(suite, make_context, free_context),
                   blocks_are_bit_identical_for_any_number_of_threads);
    TCase *differences = add_case(suite, "differences", make_context, free_context);
    tcase_add_test(differences, a_difference_is_that_of_the_exact_matrices);
    tcase_add_test(differences, the_upper_triangle_of_a_difference_leaves_the_rest);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, bad_numbers_of_blocks_are_refused);
    tcase_add_test(bad, memory_that_cannot_be_had_is_named);
    tcase_add_test(bad, bad_arguments_of_intervals_are_refused);
    tcase_add_test(bad, bad_arguments_of_differences_are_refused);
    tcase_add_test(bad, a_difference_beyond_the_output_is_refused);
    tcase_add_test(bad, a_refused_chunk_changes_no_block);
    tcase_add_test(bad, changed_bytes_are_refused_or_harmless);
    TCase *failing = add_case(suite, "failing", make_context, free_context);
    tcase_add_loop_test(failing, any_allocation_may_fail, 0, 6);
    tcase_add_loop_test(failing, it_can_be_cancelled_at_every_report, 0, 3);
    TCase *memory = add_case(suite, "memory", make_context, free_context);
    tcase_add_loop_test(memory, memory_is_constant_over_a_million_observations, 0, 2);
    return run_suite(suite);
}
