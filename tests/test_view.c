/* view.h: every way of lying in memory is the same input; selections; what makes a struct
 * invalid. */
#include <qkvsim/view.h>

#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

enum { N = 45, D = 23 };

static table data;
static stored input;
static float matrix[D * D];
static float expected[D * D];
static qkvsim_matrix output;

static void set_up(void)
{
    make_context();
    data = table_with_offsets(N, D, 5, 42);
    input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    output = square_matrix(matrix, D, QKVSIM_DTYPE_F32);
    memset(matrix, 0x5a, sizeof matrix);
}

static void tear_down(void)
{
    stored_free(&input);
    table_free(&data);
    free_context();
}

static qkvsim_status cosines(const qkvsim_view *parts, int32_t count,
                             const qkvsim_selection *selection)
{
    qkvsim_similarity_options options = { .struct_size = sizeof options };
    return qkvsim_similarity(context, INPUT(parts, count, .selection = selection),
                             QKVSIM_METRIC_COSINE, &options, &output);
}

/* Keeps the result of the plain case, for the next call's to be compared with bit for bit. */
static void remember(void)
{
    memcpy(expected, matrix, sizeof matrix);
    memset(matrix, 0x5a, sizeof matrix);
}

static void assert_refused(const qkvsim_view *parts, int32_t count,
                           const qkvsim_selection *selection)
{
    memset(matrix, 0x5a, sizeof matrix);
    assert_status(context, cosines(parts, count, selection), refusal(context));
    assert_poisoned(matrix, sizeof matrix);
}

static void assert_selection_refused(qkvsim_selection selection)
{
    assert_refused(&input.view, 1, &selection);
}

START_TEST(every_order_in_memory_gives_identical_results)
{
    const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_BF16, QKVSIM_DTYPE_F32,
                               QKVSIM_DTYPE_F64 };
    for (int32_t t = 0; t < 4; t++)
        for (int32_t order = ORDER_C; order < ORDER_COUNT; order++) {
            stored copy = store(&data, dtypes[t], order);
            assert_ok(context, cosines(&copy.view, 1, NULL));
            if (order == ORDER_C)
                remember();
            else
                ck_assert_msg(memcmp(matrix, expected, sizeof matrix) == 0,
                              "dtype %d, order %d differs from C order", dtypes[t], order);
            stored_free(&copy);
        }
}
END_TEST

/* A matrix transposed twice: once in memory, once by its strides. */
START_TEST(a_transposed_tensor_is_its_transpose)
{
    table turned = table_new(D, N);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < D; j++)
            *table_at(&turned, j, i) = *table_at(&data, i, j);
    stored copy = store(&turned, QKVSIM_DTYPE_F32, ORDER_PADDED_ROWS);
    qkvsim_view view = copy.view;
    view.observations = N;
    view.features = D;
    view.observation_stride = copy.view.feature_stride;
    view.feature_stride = copy.view.observation_stride;
    assert_ok(context, cosines(&input.view, 1, NULL));
    remember();
    assert_ok(context, cosines(&view, 1, NULL));
    ck_assert_mem_eq(matrix, expected, sizeof matrix);
    stored_free(&copy);
    table_free(&turned);
}
END_TEST

START_TEST(three_parts_are_one_fused_view)
{
    const qkvsim_view parts[] = { view_of_columns(&input.view, 0, 11),
                                  view_of_columns(&input.view, 11, 1),
                                  view_of_columns(&input.view, 12, 11) };
    assert_ok(context, cosines(&input.view, 1, NULL));
    remember();
    assert_ok(context, cosines(parts, 3, NULL));
    ck_assert_mem_eq(matrix, expected, sizeof matrix);
}
END_TEST

START_TEST(parts_may_differ_in_order_and_type)
{
    for (int64_t i = 0; i < N * D; i++)
        data.values[i] = rint(8 * data.values[i]) / 8; /* exact in every type but bfloat16 */
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    stored half = store(&data, QKVSIM_DTYPE_F16, ORDER_FORTRAN);
    stored single = store(&data, QKVSIM_DTYPE_F32, ORDER_REVERSED_BOTH);
    const qkvsim_view parts[] = { view_of_columns(&half.view, 0, 9),
                                  view_of_columns(&single.view, 9, D - 9) };
    assert_ok(context, cosines(&plain.view, 1, NULL));
    remember();
    assert_ok(context, cosines(parts, 2, NULL));
    ck_assert_mem_eq(matrix, expected, sizeof matrix);
    stored_free(&plain);
    stored_free(&half);
    stored_free(&single);
}
END_TEST

/* One observation of 65,536 features, each alone in its column: nothing can move, so the permuted
 * copy is the widened input. */
static void assert_widens_exactly(int32_t dtype, double (*decode)(uint16_t))
{
    const int64_t d = 65536;
    uint16_t *bits = malloc((size_t)d * sizeof *bits);
    float *wide = malloc((size_t)d * sizeof *wide);
    for (int64_t j = 0; j < d; j++)
        bits[j] = (uint16_t)j;
    const qkvsim_view view = { sizeof view, bits, 1, d, d, 1, dtype, 0 };
    const qkvsim_matrix copy = { sizeof copy, wide, 1, d, d, QKVSIM_DTYPE_F32, 0 };
    const qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                             .scheme = QKVSIM_SCHEME_FEATURE };
    assert_ok(context, qkvsim_permute(context, INPUT(&view, 1), &permutation, &copy));
    for (int64_t j = 0; j < d; j++) {
        double exact = decode((uint16_t)j);
        ck_assert_msg(isnan(exact) ? isnan(wide[j])
                                   : exact == wide[j] && !signbit(exact) == !signbit(wide[j]),
                      "bits %lx widen to %g and not %g", (unsigned long)j, wide[j], exact);
    }
    free(bits);
    free(wide);
}

START_TEST(every_float16_widens_exactly)
{
    assert_widens_exactly(QKVSIM_DTYPE_F16, half_to_double);
}
END_TEST

START_TEST(every_bfloat16_widens_exactly)
{
    assert_widens_exactly(QKVSIM_DTYPE_BF16, bfloat_to_double);
}
END_TEST

START_TEST(list_and_mask_select_identically)
{
    const int64_t rows[] = { 40, 3, 17, 4, 0, 44, 21 };
    uint8_t mask[N] = { 0 };
    for (int i = 0; i < 7; i++)
        mask[rows[i]] = (uint8_t)(i + 1);
    const qkvsim_selection list = { .struct_size = sizeof list, .observations = rows, .count = 7 };
    const qkvsim_selection bytes = { .struct_size = sizeof bytes, .mask = mask, .count = N };
    assert_ok(context, cosines(&input.view, 1, &list));
    remember();
    assert_ok(context, cosines(&input.view, 1, &bytes));
    ck_assert_mem_eq(matrix, expected, sizeof matrix);
}
END_TEST

START_TEST(a_selection_is_the_same_rows_alone)
{
    const int64_t sorted[] = { 0, 3, 4, 17, 21, 40, 44 };
    const int64_t listed[] = { 44, 21, 3, 0, 17, 40, 4 };
    const qkvsim_selection list = { .struct_size = sizeof list,
                                    .observations = listed,
                                    .count = 7 };
    table alone = table_rows(&data, sorted, 7);
    stored copy = store(&alone, QKVSIM_DTYPE_F32, ORDER_C);
    assert_ok(context, cosines(&copy.view, 1, NULL));
    remember();
    assert_ok(context, cosines(&input.view, 1, &list));
    ck_assert_mem_eq(matrix, expected, sizeof matrix);
    stored_free(&copy);
    table_free(&alone);
}
END_TEST

START_TEST(selecting_all_is_no_selection)
{
    int64_t rows[N];
    for (int64_t i = 0; i < N; i++)
        rows[i] = N - 1 - i;
    const qkvsim_selection all = { .struct_size = sizeof all, .observations = rows, .count = N };
    assert_ok(context, cosines(&input.view, 1, NULL));
    remember();
    assert_ok(context, cosines(&input.view, 1, &all));
    ck_assert_mem_eq(matrix, expected, sizeof matrix);
}
END_TEST

START_TEST(a_selected_row_out_of_range_is_named)
{
    assert_selection_refused((qkvsim_selection){ .struct_size = sizeof(qkvsim_selection),
                                                 .observations = (int64_t[]){ 1, 77 },
                                                 .count = 2 });
    assert_message_has_number(context, 77);
    assert_message_has_number(context, N - 1); /* the last row there is */
    assert_selection_refused((qkvsim_selection){
        .struct_size = sizeof(qkvsim_selection), .observations = (int64_t[]){ -13 }, .count = 1 });
    assert_message_has_number(context, -13);
    assert_selection_refused((qkvsim_selection){
        .struct_size = sizeof(qkvsim_selection), .observations = (int64_t[]){ N }, .count = 1 });
}
END_TEST

static void assert_input_refused(const qkvsim_input *read, const char *says)
{
    memset(matrix, 0x5a, sizeof matrix);
    assert_status(context, qkvsim_similarity(context, read, QKVSIM_METRIC_COSINE, NULL, &output),
                  refusal(context));
    assert_message_has(context, says);
    assert_poisoned(matrix, sizeof matrix);
}

START_TEST(a_bad_input_is_named)
{
    qkvsim_input older = *INPUT(&input.view, 1);
    assert_input_refused(NULL, "input is NULL");
    assert_input_refused(INPUT(&input.view, INT64_C(1) << 32), "part_count is 4294967296");
    assert_input_refused(INPUT(&input.view, 1, .arithmetic = 1), "arithmetic is 1");
    assert_input_refused(INPUT(&input.view, 1, .arithmetic = -1), "arithmetic is -1");
    assert_input_refused(INPUT(&input.view, 1, .nonfinite = 3), "nonfinite is 3");
    assert_input_refused(INPUT(&input.view, 1, .nonfinite = -1), "nonfinite is -1");
    older.struct_size = sizeof older - 1;
    assert_input_refused(&older, "struct_size");
}
END_TEST

START_TEST(a_repeated_row_is_named)
{
    assert_selection_refused((qkvsim_selection){ .struct_size = sizeof(qkvsim_selection),
                                                 .observations = (int64_t[]){ 5, 37, 2, 37 },
                                                 .count = 4 });
    assert_message_has_number(context, 37);
}
END_TEST

START_TEST(an_empty_selection_is_refused)
{
    const uint8_t nothing[N] = { 0 };
    assert_selection_refused(
        (qkvsim_selection){ .struct_size = sizeof(qkvsim_selection), .mask = nothing, .count = N });
    assert_selection_refused((qkvsim_selection){
        .struct_size = sizeof(qkvsim_selection), .observations = (int64_t[]){ 0 }, .count = 0 });
    assert_selection_refused((qkvsim_selection){
        .struct_size = sizeof(qkvsim_selection), .observations = (int64_t[]){ 0 }, .count = -1 });
}
END_TEST

START_TEST(a_mask_has_as_many_bytes_as_observations)
{
    uint8_t all[N + 1];
    memset(all, 1, sizeof all);
    assert_selection_refused(
        (qkvsim_selection){ .struct_size = sizeof(qkvsim_selection), .mask = all, .count = N + 1 });
    assert_message_has_number(context, N + 1);
    assert_message_has_number(context, N);
    assert_selection_refused(
        (qkvsim_selection){ .struct_size = sizeof(qkvsim_selection), .mask = all, .count = N - 1 });
}
END_TEST

START_TEST(exactly_one_of_list_and_mask_is_given)
{
    uint8_t mask[N] = { 1 };
    assert_selection_refused(
        (qkvsim_selection){ .struct_size = sizeof(qkvsim_selection), .count = N });
    assert_selection_refused((qkvsim_selection){ .struct_size = sizeof(qkvsim_selection),
                                                 .observations = (int64_t[]){ 0 },
                                                 .mask = mask,
                                                 .count = 1 });
}
END_TEST

START_TEST(no_parts_are_refused)
{
    assert_refused(NULL, 1, NULL);
    assert_refused(&input.view, 0, NULL);
    assert_refused(&input.view, -73, NULL);
    assert_message_has_number(context, -73);
    qkvsim_view view = input.view;
    view.data = NULL;
    assert_refused(&view, 1, NULL);
}
END_TEST

START_TEST(sizes_that_are_not_positive_are_refused)
{
    qkvsim_view view = input.view;
    view.observations = 0;
    assert_refused(&view, 1, NULL);
    view.observations = -987;
    assert_refused(&view, 1, NULL);
    assert_message_has_number(context, -987);
    view = input.view;
    view.features = 0;
    assert_refused(&view, 1, NULL);
    view.features = -654;
    assert_refused(&view, 1, NULL);
    assert_message_has_number(context, -654);
}
END_TEST

START_TEST(unknown_types_are_refused)
{
    const int32_t unknown[] = { 0, QKVSIM_DTYPE_I32, 6, -1, 987 };
    for (int i = 0; i < 5; i++) {
        qkvsim_view view = input.view;
        view.dtype = unknown[i];
        assert_refused(&view, 1, NULL);
    }
    assert_message_has_number(context, 987);
}
END_TEST

START_TEST(misaligned_pointers_are_refused)
{
    const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_BF16, QKVSIM_DTYPE_F32,
                               QKVSIM_DTYPE_F64 };
    for (int i = 0; i < 4; i++) {
        stored copy = store(&data, dtypes[i], ORDER_C);
        qkvsim_view view = copy.view;
        view.data = (const char *)copy.view.data + 1;
        view.observations--;
        assert_refused(&view, 1, NULL);
        stored_free(&copy);
    }
}
END_TEST

START_TEST(parts_that_differ_in_observations_are_named)
{
    qkvsim_view parts[] = { input.view, input.view };
    parts[0].features = 11;
    parts[1].features = 12;
    parts[1].observations = N - 4;
    assert_refused(parts, 2, NULL);
    assert_message_has_number(context, N);
    assert_message_has_number(context, N - 4);
}
END_TEST

/* None of these may be touched in memory: the extents do not fit the address space. */
START_TEST(overflowing_extents_are_errors)
{
    const qkvsim_view good = input.view;
    qkvsim_view bad[6] = { good, good, good, good, good, good };
    bad[0].observations = INT64_MAX;
    bad[1].features = INT64_MAX;
    bad[2].observation_stride = INT64_MAX;
    bad[3].feature_stride = INT64_MIN;
    bad[4].observations = INT64_C(1) << 40;
    bad[4].features = INT64_C(1) << 40;
    bad[5].observation_stride = INT64_MIN;
    bad[5].feature_stride = INT64_MIN;
    for (int i = 0; i < 6; i++) {
        qkvsim_status status = cosines(&bad[i], 1, NULL);
        ck_assert_msg(status == QKVSIM_ERROR_INVALID_ARGUMENT || status == QKVSIM_ERROR_TOO_LARGE,
                      "view %d: %s", i, qkvsim_status_name(status));
        assert_poisoned(matrix, sizeof matrix);
    }
}
END_TEST

START_TEST(features_of_parts_that_overflow_together_are_errors)
{
    qkvsim_view parts[3] = { input.view, input.view, input.view };
    for (int i = 0; i < 3; i++) {
        parts[i].features = INT64_C(1) << 60;
        parts[i].feature_stride = 0;
        parts[i].observation_stride = 0;
    }
    qkvsim_status status = cosines(parts, 3, NULL);
    ck_assert(status == QKVSIM_ERROR_INVALID_ARGUMENT || status == QKVSIM_ERROR_TOO_LARGE);
    assert_poisoned(matrix, sizeof matrix);
}
END_TEST

START_TEST(an_output_too_small_or_of_another_type_is_refused)
{
    const qkvsim_matrix good = output;
    qkvsim_matrix bad[8] = { good, good, good, good, good, good, good, good };
    bad[0].rows = D - 5;
    bad[1].columns = D - 5;
    bad[2].leading_dimension = D - 1;
    bad[3].dtype = QKVSIM_DTYPE_F16;
    bad[4].dtype = QKVSIM_DTYPE_I32;
    bad[5].dtype = 0;
    bad[6].data = NULL;
    bad[7].data = (char *)matrix + 1;
    for (int i = 7; i >= 0; i--) {
        output = bad[i];
        assert_refused(&input.view, 1, NULL);
    }
    assert_message_has_number(context, D - 5);
    assert_message_has_number(context, D);
}
END_TEST

START_TEST(an_output_that_overflows_is_refused)
{
    output.leading_dimension = INT64_MAX / 2;
    qkvsim_status status = cosines(&input.view, 1, NULL);
    ck_assert(status == QKVSIM_ERROR_INVALID_ARGUMENT || status == QKVSIM_ERROR_TOO_LARGE);
    assert_poisoned(matrix, sizeof matrix);
}
END_TEST

/* A struct from a program built against another header: the struct, then a tail of new fields. */
#define STRUCT_WITH_TAIL(type)                                                                     \
    struct {                                                                                       \
        type value;                                                                                \
        unsigned char tail[16];                                                                    \
    }

START_TEST(views_without_a_size_are_refused)
{
    const size_t sizes[] = { 0, 1, sizeof(size_t) - 1, sizeof(size_t), sizeof(qkvsim_view) - 8 };
    for (int i = 0; i < 5; i++) {
        qkvsim_view view = input.view;
        view.struct_size = sizes[i];
        assert_refused(&view, 1, NULL);
    }
}
END_TEST

START_TEST(views_from_a_newer_header_are_read_where_the_rest_is_zero)
{
    STRUCT_WITH_TAIL(qkvsim_view) newer = { .value = input.view };
    newer.value.struct_size = sizeof newer;
    assert_ok(context, cosines(&newer.value, 1, NULL));
    newer.tail[15] = 1;
    assert_refused(&newer.value, 1, NULL);
}
END_TEST

/* The array's elements are as far apart as the caller's struct is long. */
START_TEST(arrays_of_newer_views_are_walked_by_their_own_size)
{
    STRUCT_WITH_TAIL(qkvsim_view)
    newer[2] = { { .value = view_of_columns(&input.view, 0, 9) },
                 { .value = view_of_columns(&input.view, 9, D - 9) } };
    newer[0].value.struct_size = newer[1].value.struct_size = sizeof newer[0];
    assert_ok(context, cosines(&input.view, 1, NULL));
    remember();
    assert_ok(context, cosines(&newer[0].value, 2, NULL));
    ck_assert_mem_eq(matrix, expected, sizeof matrix);
}
END_TEST

START_TEST(matrices_are_held_to_their_size_too)
{
    STRUCT_WITH_TAIL(qkvsim_matrix) newer = { .value = output };
    const size_t sizes[] = { 0, 1, sizeof(size_t) - 1 };
    for (int i = 0; i < 3; i++) {
        output.struct_size = sizes[i];
        assert_refused(&input.view, 1, NULL);
    }
    newer.value.struct_size = sizeof newer;
    assert_ok(context, qkvsim_similarity(context, INPUT(&input.view, 1), QKVSIM_METRIC_COSINE, NULL,
                                         &newer.value));
    newer.tail[0] = 1;
    assert_status(
        context,
        qkvsim_similarity(context, INPUT(&input.view, 1), QKVSIM_METRIC_COSINE, NULL, &newer.value),
        refusal(context));
}
END_TEST

START_TEST(selections_are_held_to_their_size_too)
{
    const int64_t rows[] = { 1, 2, 3 };
    const qkvsim_selection good = { .struct_size = sizeof good, .observations = rows, .count = 3 };
    STRUCT_WITH_TAIL(qkvsim_selection) newer = { .value = good };
    const size_t sizes[] = { 0, 1, sizeof(size_t) - 1 };
    for (int i = 0; i < 3; i++) {
        qkvsim_selection bad = good;
        bad.struct_size = sizes[i];
        assert_selection_refused(bad);
    }
    newer.value.struct_size = sizeof newer;
    assert_ok(context, cosines(&input.view, 1, &newer.value));
    newer.tail[7] = 1;
    assert_refused(&input.view, 1, &newer.value);
}
END_TEST

static void add_bad_input(Suite *suite)
{
    TCase *bad = add_case(suite, "bad input", set_up, tear_down);
    tcase_add_test(bad, a_selected_row_out_of_range_is_named);
    tcase_add_test(bad, a_repeated_row_is_named);
    tcase_add_test(bad, a_bad_input_is_named);
    tcase_add_test(bad, an_empty_selection_is_refused);
    tcase_add_test(bad, a_mask_has_as_many_bytes_as_observations);
    tcase_add_test(bad, exactly_one_of_list_and_mask_is_given);
    tcase_add_test(bad, no_parts_are_refused);
    tcase_add_test(bad, sizes_that_are_not_positive_are_refused);
    tcase_add_test(bad, unknown_types_are_refused);
    tcase_add_test(bad, misaligned_pointers_are_refused);
    tcase_add_test(bad, parts_that_differ_in_observations_are_named);
    tcase_add_test(bad, overflowing_extents_are_errors);
    tcase_add_test(bad, features_of_parts_that_overflow_together_are_errors);
    tcase_add_test(bad, an_output_too_small_or_of_another_type_is_refused);
    tcase_add_test(bad, an_output_that_overflows_is_refused);
    tcase_add_test(bad, views_without_a_size_are_refused);
    tcase_add_test(bad, views_from_a_newer_header_are_read_where_the_rest_is_zero);
    tcase_add_test(bad, arrays_of_newer_views_are_walked_by_their_own_size);
    tcase_add_test(bad, matrices_are_held_to_their_size_too);
    tcase_add_test(bad, selections_are_held_to_their_size_too);
}

int main(void)
{
    Suite *suite = suite_create("view");
    TCase *laws = add_case(suite, "laws", set_up, tear_down);
    tcase_add_test(laws, every_order_in_memory_gives_identical_results);
    tcase_add_test(laws, a_transposed_tensor_is_its_transpose);
    tcase_add_test(laws, three_parts_are_one_fused_view);
    tcase_add_test(laws, parts_may_differ_in_order_and_type);
    tcase_add_test(laws, every_float16_widens_exactly);
    tcase_add_test(laws, every_bfloat16_widens_exactly);
    tcase_add_test(laws, list_and_mask_select_identically);
    tcase_add_test(laws, a_selection_is_the_same_rows_alone);
    tcase_add_test(laws, selecting_all_is_no_selection);
    add_bad_input(suite);
    return run_suite(suite);
}
