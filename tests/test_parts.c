/* accumulator.h: parts of some rows each are, put together, the accumulator of all rows. */
#include <qkvsim/accumulator.h>

#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 260, D = 700, CHUNK = 100, PARTS = 4 };
static const int64_t begins[PARTS + 1] = { 0, 1, 250, 611, D };

static qkvsim_accumulator *part_of(int64_t features, int64_t first, int64_t rows)
{
    const qkvsim_accumulator_options options = { .struct_size = sizeof options,
                                                 .first_row = first,
                                                 .rows = rows };
    qkvsim_accumulator *made = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, features, &options, &made));
    return made;
}

static qkvsim_status add_chunk(qkvsim_context *with, qkvsim_accumulator *to,
                               const qkvsim_view *view, int64_t first)
{
    qkvsim_view rows = *view;
    const int64_t left = view->observations - first;
    rows.data = (const char *)view->data
                + first * view->observation_stride * (int64_t)dtype_size(view->dtype);
    rows.observations = left < CHUNK ? left : CHUNK;
    return qkvsim_accumulator_update(
        with, to, INPUT(&rows, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE));
}

static void add_all(qkvsim_accumulator *to, const qkvsim_view *view)
{
    for (int64_t first = 0; first < view->observations; first += CHUNK)
        assert_ok(context, add_chunk(context, to, view, first));
}

static unsigned char *packed(const qkvsim_accumulator *sum, int64_t *size)
{
    *size = qkvsim_accumulator_packed_size(sum);
    unsigned char *bytes = malloc((size_t)*size);
    assert_ok(context, qkvsim_accumulator_pack(context, sum, bytes, *size));
    return bytes;
}

static void assert_same_bytes(const qkvsim_accumulator *a, const qkvsim_accumulator *b)
{
    int64_t sizes[2];
    unsigned char *bytes[] = { packed(a, &sizes[0]), packed(b, &sizes[1]) };
    ck_assert_int_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], (size_t)sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void free_all(qkvsim_accumulator **parts, int count)
{
    for (int k = 0; k < count; k++)
        qkvsim_accumulator_free(parts[k]);
}

static qkvsim_accumulator *joined(qkvsim_accumulator *const *parts, int64_t count)
{
    qkvsim_accumulator *made = NULL;
    assert_ok(context, qkvsim_accumulator_join(context, (const qkvsim_accumulator *const *)parts,
                                               count, &made));
    return made;
}

/* With a column that is constant, and one with a NaN. */
static stored store_data(table *data, int32_t dtype)
{
    *data = table_with_offsets(N, D, 10, 3);
    for (int64_t i = 0; i < N; i++)
        data->values[i * D + 300] = 2;
    data->values[150 * D + 620] = NAN;
    return store(data, dtype, ORDER_C);
}

START_TEST(parts_are_the_whole_to_the_bit)
{
    const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_F32, QKVSIM_DTYPE_F64 };
    table data;
    stored copy = store_data(&data, dtypes[_i]);
    qkvsim_accumulator *whole = part_of(D, 0, 0), *parts[PARTS];
    add_all(whole, &copy.view);
    for (int k = 0; k < PARTS; k++) {
        parts[k] = part_of(D, begins[k], begins[k + 1] - begins[k]);
        ck_assert_int_eq(qkvsim_accumulator_first_row(parts[k]), begins[k]);
        ck_assert_int_eq(qkvsim_accumulator_rows(parts[k]), begins[k + 1] - begins[k]);
        add_all(parts[k], &copy.view);
    }
    qkvsim_accumulator *made = joined(parts, PARTS);
    ck_assert_int_eq(qkvsim_accumulator_rows(made), D);
    assert_same_bytes(made, whole);
    qkvsim_accumulator_free(made);
    made = joined(&whole, 1);
    assert_same_bytes(made, whole);
    free_all(parts, PARTS);
    qkvsim_accumulator_free(made);
    qkvsim_accumulator_free(whole);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Each chunk by itself, packed and merged, on another number of threads. */
START_TEST(merged_and_packed_parts_are_the_whole_too)
{
    table data;
    stored copy = store_data(&data, QKVSIM_DTYPE_F32);
    qkvsim_accumulator *whole = part_of(D, 0, D), *parts[PARTS];
    add_all(whole, &copy.view);
    qkvsim_context *with = context_with(3, QKVSIM_KERNELS_AUTO);
    for (int k = 0; k < PARTS; k++) {
        const int64_t rows = begins[k + 1] - begins[k];
        parts[k] = part_of(D, begins[k], rows);
        for (int64_t first = 0; first < N; first += CHUNK) {
            qkvsim_accumulator *chunk = part_of(D, begins[k], rows), *again = NULL;
            int64_t size;
            assert_ok(with, add_chunk(with, chunk, &copy.view, first));
            unsigned char *bytes = packed(chunk, &size);
            ck_assert_int_lt(size, 400 + 8 * (rows * (D - begins[k]) + 5 * D));
            assert_ok(context, qkvsim_accumulator_unpack(context, bytes, size, &again));
            assert_same_bytes(again, chunk);
            assert_ok(context, qkvsim_accumulator_merge(context, parts[k], again));
            free(bytes);
            qkvsim_accumulator_free(chunk);
            qkvsim_accumulator_free(again);
        }
    }
    qkvsim_accumulator *made = joined(parts, PARTS);
    assert_same_bytes(made, whole);
    free_all(parts, PARTS);
    qkvsim_accumulator_free(made);
    qkvsim_accumulator_free(whole);
    qkvsim_context_free(with);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(a_part_takes_its_rows_of_the_whole)
{
    table data;
    stored copy = store_data(&data, QKVSIM_DTYPE_F32);
    qkvsim_accumulator *whole = part_of(D, 0, 0);
    add_all(whole, &copy.view);
    for (int k = 0; k < PARTS; k++) {
        const int64_t rows = begins[k + 1] - begins[k];
        qkvsim_accumulator *own = part_of(D, begins[k], rows), *taken = part_of(D, begins[k], rows);
        assert_ok(context, add_chunk(context, own, &copy.view, 0));
        assert_ok(context, add_chunk(context, taken, &copy.view, 0));
        qkvsim_accumulator *more = part_of(D, begins[k], rows);
        assert_ok(context, qkvsim_accumulator_merge(context, more, whole));
        assert_ok(context, qkvsim_accumulator_merge(context, own, more));
        assert_ok(context, qkvsim_accumulator_merge(context, taken, whole));
        assert_same_bytes(taken, own);
        qkvsim_accumulator *all[] = { own, taken, more };
        free_all(all, 3);
    }
    qkvsim_accumulator_free(whole);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- in place ---- */

static qkvsim_accumulator *in_place(const void *bytes, int64_t size)
{
    qkvsim_accumulator *made = NULL;
    assert_ok(context, qkvsim_accumulator_unpack_in_place(context, bytes, size, &made));
    return made;
}

START_TEST(what_is_read_in_place_is_what_was_packed)
{
    table data;
    stored copy = store_data(&data, QKVSIM_DTYPE_F32);
    qkvsim_accumulator *whole = part_of(D, 0, 0), *parts[PARTS];
    unsigned char *bytes[PARTS];
    add_all(whole, &copy.view);
    for (int k = 0; k < PARTS; k++) {
        int64_t size;
        qkvsim_accumulator *own = part_of(D, begins[k], begins[k + 1] - begins[k]);
        assert_ok(context, qkvsim_accumulator_merge(context, own, whole));
        bytes[k] = packed(own, &size);
        parts[k] = in_place(bytes[k], size);
        assert_same_bytes(parts[k], own);
        qkvsim_accumulator_free(own);
    }
    qkvsim_accumulator *made = joined(parts, PARTS);
    assert_same_bytes(made, whole);
    free_all(parts, PARTS);
    for (int k = 0; k < PARTS; k++)
        free(bytes[k]);
    qkvsim_accumulator_free(made);
    qkvsim_accumulator_free(whole);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void assert_same_results(const qkvsim_accumulator *a, const qkvsim_accumulator *b)
{
    qkvsim_layout *layout;
    qkvsim_analysis *of[2];
    assert_ok(context, qkvsim_layout_thirds(context, 6, &layout));
    assert_ok(context, qkvsim_accumulator_analysis(context, a, layout, NULL, &of[0]));
    assert_ok(context, qkvsim_accumulator_analysis(context, b, layout, NULL, &of[1]));
    assert_same_analysis(of[0], of[1]);
    qkvsim_analysis_free(of[0]);
    qkvsim_analysis_free(of[1]);
    qkvsim_layout_free(layout);
}

/* One byte further on there is no address of doubles: they are copied, and can be added to. */
START_TEST(what_is_in_place_is_read_only)
{
    table data = table_normal(50, 6, 4);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *whole = part_of(6, 0, 0), *sum = part_of(6, 0, 0);
    int64_t size;
    add_all(whole, &copy.view);
    unsigned char *bytes = packed(whole, &size), *odd = malloc((size_t)size + 1);
    memcpy(odd + 1, bytes, (size_t)size);
    qkvsim_accumulator *placed = in_place(bytes, size), *copied = in_place(odd + 1, size);
    assert_same_results(placed, whole);
    assert_status(context, add_chunk(context, placed, &copy.view, 0),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "in place");
    assert_status(context, qkvsim_accumulator_merge(context, placed, whole),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_ok(context, qkvsim_accumulator_merge(context, sum, placed));
    assert_same_bytes(sum, whole);
    assert_ok(context, add_chunk(context, sum, &copy.view, 0));
    assert_ok(context, add_chunk(context, copied, &copy.view, 0));
    assert_same_bytes(sum, copied);
    ck_assert_mem_eq(bytes, odd + 1, (size_t)size);
    qkvsim_accumulator *all[] = { whole, sum, placed, copied };
    free_all(all, 4);
    free(bytes);
    free(odd);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- bad input ---- */

START_TEST(rows_that_there_are_not_are_refused)
{
    const int64_t rows[][3] = { { -1, 2, 0 }, { 0, -1, 0 }, { 0, 7, 0 },         { 6, 1, 0 },
                                { 5, 2, 0 },  { 3, 0, 0 },  { 1, INT64_MAX, 0 }, { 1, 2, 16 } };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const qkvsim_accumulator_options options = { .struct_size = sizeof options,
                                                     .first_row = rows[k][0],
                                                     .rows = rows[k][1],
                                                     .blocks = rows[k][2] };
        qkvsim_accumulator *made = POISON_HANDLE;
        assert_status(context, qkvsim_accumulator_create(context, 6, &options, &made),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_eq(made, POISON_HANDLE);
    }
    ck_assert_int_eq(qkvsim_accumulator_rows(NULL), 0);
    ck_assert_int_eq(qkvsim_accumulator_first_row(NULL), 0);
}
END_TEST

static void refuse(const qkvsim_accumulator *a, const qkvsim_accumulator *b, const char *says)
{
    const qkvsim_accumulator *const parts[] = { a, b };
    qkvsim_accumulator *made = POISON_HANDLE;
    assert_status(context, qkvsim_accumulator_join(context, parts, 2, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, says);
    ck_assert_ptr_eq(made, POISON_HANDLE);
}

START_TEST(parts_that_do_not_belong_together_are_refused)
{
    table data = table_normal(50, 6, 4), other_data = table_normal(50, 6, 5);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    stored other = store(&other_data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *first = part_of(6, 0, 2), *second = part_of(6, 2, 4);
    qkvsim_accumulator *gap = part_of(6, 3, 3), *wide = part_of(7, 2, 5);
    qkvsim_accumulator *empty = part_of(6, 2, 4), *others = part_of(6, 2, 4);
    add_all(first, &copy.view);
    add_all(second, &copy.view);
    add_all(gap, &copy.view);
    add_all(others, &other.view);
    refuse(first, gap, "part 1 begins with row 3, expected 2");
    refuse(second, first, "part 0 begins with row 2, expected 0");
    refuse(first, first, "part 1 begins with row 0, expected 2");
    refuse(first, wide, "part 1 has 7 features");
    refuse(first, empty, "0 observations");
    refuse(first, others, "feature 0 has other sums in part 1");
    refuse(first, NULL, "part 1 is NULL");
    const qkvsim_accumulator *const alone[] = { first };
    qkvsim_accumulator *made = POISON_HANDLE;
    assert_status(context, qkvsim_accumulator_join(context, alone, 1, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "the parts end with row 1 of 6");
    assert_status(context, qkvsim_accumulator_join(context, alone, 0, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_join(context, NULL, 1, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_join(context, alone, 1, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_accumulator_join(NULL, alone, 1, &made), QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_accumulator_merge(context, first, second),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "rows 0 to 1 cannot be taken from rows 2 to 5");
    qkvsim_accumulator *all[] = { first, second, gap, wide, empty, others };
    free_all(all, 6);
    stored_free(&copy);
    stored_free(&other);
    table_free(&data);
    table_free(&other_data);
}
END_TEST

/* 1 and -1 have the mean of 2 and -2. */
START_TEST(parts_of_equal_means_and_other_squares_are_refused)
{
    qkvsim_accumulator *parts[] = { part_of(2, 0, 1), part_of(2, 1, 1) };
    for (int k = 0; k < 2; k++) {
        double values[] = { 1, 1 + k, -1, -1 - k };
        const qkvsim_view view = { .struct_size = sizeof view,
                                   .data = values,
                                   .dtype = QKVSIM_DTYPE_F64,
                                   .observations = 2,
                                   .features = 2,
                                   .observation_stride = 2,
                                   .feature_stride = 1 };
        assert_ok(context, qkvsim_accumulator_update(context, parts[k], INPUT(&view, 1)));
    }
    refuse(parts[0], parts[1], "feature 1 has other sums in part 1");
    free_all(parts, 2);
}
END_TEST

START_TEST(accumulators_with_blocks_are_no_parts)
{
    const qkvsim_accumulator_options options = { .struct_size = sizeof options, .blocks = 16 };
    qkvsim_accumulator *blocks = NULL, *made = POISON_HANDLE;
    assert_ok(context, qkvsim_accumulator_create(context, 6, &options, &blocks));
    const qkvsim_accumulator_options cannot_empty = { .struct_size = sizeof cannot_empty,
                                                      .blocks = 16,
                                                      .cancel_empties = 1 };
    assert_status(context, qkvsim_accumulator_create(context, 6, &cannot_empty, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "cancel_empties");
    const qkvsim_accumulator *const parts[] = { blocks };
    assert_status(context, qkvsim_accumulator_join(context, parts, 1, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    qkvsim_accumulator_free(blocks);
}
END_TEST

START_TEST(a_part_has_no_results)
{
    table data = table_normal(50, 6, 4);
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *part = part_of(6, 2, 3), *whole = part_of(6, 0, 6);
    add_all(part, &copy.view);
    add_all(whole, &copy.view);
    qkvsim_layout *layout;
    qkvsim_analysis *analysis = POISON_HANDLE;
    qkvsim_pairs *pairs = POISON_HANDLE;
    const qkvsim_pairs_options top = { .struct_size = sizeof top, .top = 1 };
    double *values = poisoned(36 * sizeof *values);
    const qkvsim_matrix matrix = square_matrix(values, 6, QKVSIM_DTYPE_F64);
    assert_ok(context, qkvsim_layout_thirds(context, 6, &layout));
    assert_status(context, qkvsim_accumulator_analysis(context, part, layout, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "rows 2 to 4 of 6");
    assert_status(context, qkvsim_accumulator_pairs(context, part, layout, &top, &pairs),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_accumulator_similarity(context, part, QKVSIM_METRIC_COSINE, NULL, &matrix),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(
        context,
        qkvsim_accumulator_difference(context, whole, part, QKVSIM_METRIC_COSINE, NULL, &matrix),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_poisoned(values, 36 * sizeof *values);
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    ck_assert_ptr_eq(pairs, POISON_HANDLE);
    free(values);
    qkvsim_layout_free(layout);
    qkvsim_accumulator_free(part);
    qkvsim_accumulator_free(whole);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- interrupted ---- */

typedef struct job {
    table data;
    stored copy;
    qkvsim_accumulator *parts[2];
} job;

static void open_job(job *with)
{
    with->data = table_normal(60, 300, 4);
    with->copy = store(&with->data, QKVSIM_DTYPE_F32, ORDER_C);
    with->parts[0] = part_of(300, 0, 120);
    with->parts[1] = part_of(300, 120, 180);
    for (int k = 0; k < 2; k++)
        add_all(with->parts[k], &with->copy.view);
}

static void close_job(job *with)
{
    free_all(with->parts, 2);
    stored_free(&with->copy);
    table_free(&with->data);
}

/* A part that begins with the same chunk. */
static qkvsim_accumulator *begun_part(const job *of, int32_t cancel_empties)
{
    const qkvsim_accumulator_options options = { .struct_size = sizeof options,
                                                 .first_row = 120,
                                                 .rows = 180,
                                                 .cancel_empties = cancel_empties };
    qkvsim_accumulator *part = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, 300, &options, &part));
    add_all(part, &of->copy.view);
    assert_same_bytes(part, of->parts[1]);
    return part;
}

static qkvsim_status run_update(qkvsim_context *with, void *user)
{
    const job *of = user;
    qkvsim_accumulator *part = begun_part(of, 0);
    const qkvsim_status status = add_chunk(with, part, &of->copy.view, 0);
    if (status != QKVSIM_OK)
        assert_same_bytes(part, of->parts[1]);
    qkvsim_accumulator_free(part);
    return status;
}

/* What is empty is as if it were new. */
static void assert_empty(const job *of, qkvsim_accumulator *part)
{
    ck_assert_int_eq(qkvsim_accumulator_observations(part), 0);
    add_all(part, &of->copy.view);
    assert_same_bytes(part, of->parts[1]);
}

static qkvsim_status run_first_update(qkvsim_context *with, void *user)
{
    const job *of = user;
    qkvsim_accumulator *part = part_of(300, 120, 180);
    const qkvsim_status status = add_chunk(with, part, &of->copy.view, 0);
    if (status != QKVSIM_OK)
        assert_empty(of, part);
    qkvsim_accumulator_free(part);
    return status;
}

static qkvsim_status run_update_that_empties(qkvsim_context *with, void *user)
{
    const job *of = user;
    qkvsim_accumulator *part = begun_part(of, 1);
    const qkvsim_status status = add_chunk(with, part, &of->copy.view, 0);
    if (status == QKVSIM_ERROR_CANCELLED)
        assert_empty(of, part);
    else if (status != QKVSIM_OK)
        assert_same_bytes(part, of->parts[1]);
    qkvsim_accumulator_free(part);
    return status;
}

static qkvsim_status run_join(qkvsim_context *with, void *user)
{
    const job *of = user;
    qkvsim_accumulator *made = NULL;
    const qkvsim_status status =
        qkvsim_accumulator_join(with, (const qkvsim_accumulator *const *)of->parts, 2, &made);
    qkvsim_accumulator_free(made);
    return status;
}

static qkvsim_status run_unpack(qkvsim_context *with, void *user)
{
    const job *of = user;
    int64_t size;
    qkvsim_accumulator *made = NULL;
    unsigned char *bytes = packed(of->parts[1], &size);
    const qkvsim_status status = qkvsim_accumulator_unpack(with, bytes, size, &made);
    free(bytes);
    qkvsim_accumulator_free(made);
    return status;
}

static qkvsim_status run_unpack_in_place(qkvsim_context *with, void *user)
{
    const job *of = user;
    int64_t size;
    qkvsim_accumulator *made = NULL;
    unsigned char *bytes = packed(of->parts[1], &size);
    const qkvsim_status status = qkvsim_accumulator_unpack_in_place(with, bytes, size, &made);
    qkvsim_accumulator_free(made);
    free(bytes);
    return status;
}

enum { UPDATES = 3, OPERATIONS = 6 };
static qkvsim_status (*const operations[OPERATIONS])(qkvsim_context *, void *) = {
    run_update, run_first_update, run_update_that_empties, run_join, run_unpack, run_unpack_in_place
};

START_TEST(any_allocation_may_fail)
{
    job with;
    open_job(&with);
    assert_survives_failing_allocations(operations[_i], &with);
    close_job(&with);
}
END_TEST

START_TEST(an_update_can_be_cancelled_at_every_report)
{
    job with;
    open_job(&with);
    assert_cancels_everywhere(operations[_i], &with);
    close_job(&with);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parts");
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    tcase_add_loop_test(laws, parts_are_the_whole_to_the_bit, 0, 3);
    tcase_add_test(laws, merged_and_packed_parts_are_the_whole_too);
    tcase_add_test(laws, a_part_takes_its_rows_of_the_whole);
    tcase_add_test(laws, what_is_read_in_place_is_what_was_packed);
    tcase_add_test(laws, what_is_in_place_is_read_only);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, rows_that_there_are_not_are_refused);
    tcase_add_test(bad, parts_that_do_not_belong_together_are_refused);
    tcase_add_test(bad, parts_of_equal_means_and_other_squares_are_refused);
    tcase_add_test(bad, accumulators_with_blocks_are_no_parts);
    tcase_add_test(bad, a_part_has_no_results);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, OPERATIONS);
    tcase_add_loop_test(bad, an_update_can_be_cancelled_at_every_report, 0, UPDATES);
    return run_suite(suite);
}
