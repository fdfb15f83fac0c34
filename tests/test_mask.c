/* mask.h: codes of pair groups, the mask matrix by the outer product, ambiguity. */
#include <qkvsim/mask.h>

#include "fixtures.h"
#include "suite_context.h"

#include <stdlib.h>

static qkvsim_layout *labelled(const int32_t *labels, int64_t features, int32_t groups)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_labels(context, labels, features, NULL, groups, &layout));
    return layout;
}

static qkvsim_layout *four_groups(void)
{
    return labelled((int32_t[]){ 0, 1, 2, 3, 3 }, 5, 4);
}

static qkvsim_matrix mask_matrix(int32_t *data, int64_t features, int64_t leading_dimension)
{
    return (qkvsim_matrix){ .struct_size = sizeof(qkvsim_matrix),
                            .data = data,
                            .rows = features,
                            .columns = features,
                            .leading_dimension = leading_dimension,
                            .dtype = QKVSIM_DTYPE_I32 };
}

START_TEST(codes_of_the_lesson_are_1_2_3_4_6_9)
{
    const int32_t expected[] = { 1, 2, 3, 4, 6, 9 };
    int32_t codes[6];
    qkvsim_layout *layout = labelled((int32_t[]){ 0, 1, 2 }, 3, 3);
    assert_ok(context, qkvsim_layout_mask_codes(context, layout, NULL, codes, COUNT_OF(codes)));
    ck_assert_mem_eq(codes, expected, sizeof codes);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(own_codes_multiply)
{
    const int32_t own[] = { 5, 7, 11, 2 };
    int32_t codes[10];
    qkvsim_layout *layout = four_groups();
    assert_ok(context, qkvsim_layout_mask_codes(context, layout, own, codes, COUNT_OF(codes)));
    for (int32_t a = 0; a < 4; a++)
        for (int32_t b = a; b < 4; b++)
            ck_assert_int_eq(codes[qkvsim_layout_pair_group(layout, a, b)], own[a] * own[b]);
    qkvsim_layout_free(layout);
}
END_TEST

/* The definition: outer product of the features' codes, strict upper triangle, 0 elsewhere. */
START_TEST(mask_is_the_outer_product_above_the_diagonal)
{
    enum { FEATURES = 37 };
    const int32_t own[] = { 3, 5, 7 };
    random_source source = { 11 };
    int32_t labels[FEATURES] = { 0, 1, 2 }, mask[FEATURES * FEATURES];
    for (int64_t j = 3; j < FEATURES; j++)
        labels[j] = (int32_t)random_below(&source, 3);
    memset(mask, 0x5a, sizeof mask);
    qkvsim_layout *layout = labelled(labels, FEATURES, 3);
    qkvsim_matrix matrix = mask_matrix(mask, FEATURES, FEATURES);
    assert_ok(context, qkvsim_layout_mask(context, layout, own, &matrix));
    for (int64_t i = 0; i < FEATURES; i++)
        for (int64_t j = 0; j < FEATURES; j++)
            ck_assert_int_eq(mask[i * FEATURES + j], i < j ? own[labels[i]] * own[labels[j]] : 0);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(padding_behind_the_columns_is_left_alone)
{
    const int64_t features = 6, leading = 9;
    int32_t *mask = poisoned(sizeof(int32_t) * (size_t)(features * leading));
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, features, &layout));
    qkvsim_matrix matrix = mask_matrix(mask, features, leading);
    assert_ok(context, qkvsim_layout_mask(context, layout, NULL, &matrix));
    for (int64_t i = 0; i < features; i++) {
        assert_poisoned(mask + i * leading + features, 3 * sizeof *mask);
        ck_assert_int_eq(mask[i * leading + i], 0);
    }
    free(mask);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(mask_of_2304_features_has_2653056_pairs_and_294528_a_group)
{
    const int64_t features = 2304;
    int32_t *mask = malloc(sizeof *mask * (size_t)(features * features));
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, features, &layout));
    qkvsim_matrix matrix = mask_matrix(mask, features, features);
    assert_ok(context, qkvsim_layout_mask(context, layout, NULL, &matrix));
    int64_t counts[10] = { 0 };
    for (int64_t i = 0; i < features * features; i++)
        counts[mask[i]]++;
    ck_assert_int_eq(counts[1], 294528);
    ck_assert_int_eq(counts[4], 294528);
    ck_assert_int_eq(counts[9], 294528);
    ck_assert_int_eq(counts[2], 768 * 768);
    ck_assert_int_eq(features * features - counts[0], 2653056);
    free(mask);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(ambiguous_codes_name_both_pair_groups)
{
    int32_t *codes = poisoned(10 * sizeof *codes);
    int32_t *mask = poisoned(25 * sizeof *mask);
    qkvsim_layout *layout = four_groups();
    assert_status(context, qkvsim_layout_mask_codes(context, layout, NULL, codes, 10),
                  QKVSIM_ERROR_AMBIGUOUS);
    assert_message_has(context, "G0-G3");
    assert_message_has(context, "G1-G1");
    assert_message_has_number(context, 4);
    qkvsim_matrix matrix = mask_matrix(mask, 5, 5);
    assert_status(context, qkvsim_layout_mask(context, layout, NULL, &matrix),
                  QKVSIM_ERROR_AMBIGUOUS);
    assert_message_has(context, "G0-G3");
    assert_poisoned(codes, 10 * sizeof *codes);
    assert_poisoned(mask, 25 * sizeof *mask);
    free(codes);
    free(mask);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(equal_codes_of_two_groups_are_ambiguous)
{
    int32_t codes[3];
    qkvsim_layout *layout = labelled((int32_t[]){ 0, 1 }, 2, 2);
    assert_status(
        context,
        qkvsim_layout_mask_codes(context, layout, (int32_t[]){ 3, 3 }, codes, COUNT_OF(codes)),
        QKVSIM_ERROR_AMBIGUOUS);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(products_past_int32_are_too_large)
{
    int32_t *codes = poisoned(3 * sizeof *codes);
    qkvsim_layout *layout = labelled((int32_t[]){ 0, 1 }, 2, 2);
    assert_status(context,
                  qkvsim_layout_mask_codes(context, layout, (int32_t[]){ 1, 65536 }, codes, 3),
                  QKVSIM_ERROR_TOO_LARGE);
    assert_message_has_number(context, 65536);
    assert_poisoned(codes, 3 * sizeof *codes);
    free(codes);
    int32_t largest[3];
    assert_ok(context, qkvsim_layout_mask_codes(context, layout, (int32_t[]){ 1, 46340 }, largest,
                                                COUNT_OF(largest)));
    ck_assert_int_eq(largest[2], 46340 * 46340);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(codes_that_are_not_positive_are_refused)
{
    int32_t *codes = poisoned(3 * sizeof *codes);
    qkvsim_layout *layout = labelled((int32_t[]){ 0, 1 }, 2, 2);
    assert_status(context, qkvsim_layout_mask_codes(context, layout, (int32_t[]){ 1, 0 }, codes, 3),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_layout_mask_codes(context, layout, (int32_t[]){ -99, 1 }, codes, 3),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, -99);
    assert_poisoned(codes, 3 * sizeof *codes);
    free(codes);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    int32_t codes[6], mask[9];
    qkvsim_layout *layout = labelled((int32_t[]){ 0, 1, 2 }, 3, 3);
    qkvsim_matrix matrix = mask_matrix(mask, 3, 3);
    ck_assert_int_eq(qkvsim_layout_mask_codes(NULL, layout, NULL, codes, COUNT_OF(codes)),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_mask_codes(context, NULL, NULL, codes, COUNT_OF(codes)),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_mask_codes(context, layout, NULL, NULL, 0),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_layout_mask(NULL, layout, NULL, &matrix),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_mask(context, NULL, NULL, &matrix),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_mask(context, layout, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    matrix.data = NULL;
    assert_status(context, qkvsim_layout_mask(context, layout, NULL, &matrix),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(a_matrix_of_another_shape_or_type_is_refused)
{
    int32_t *mask = poisoned(100 * sizeof *mask);
    qkvsim_layout *layout = labelled((int32_t[]){ 0, 1, 2, 2 }, 4, 3);
    const qkvsim_matrix good = mask_matrix(mask, 4, 4);
    qkvsim_matrix bad[6] = { good, good, good, good, good, good };
    bad[0].rows = 7;
    bad[1].columns = 7;
    bad[2].leading_dimension = 3;
    bad[3].dtype = QKVSIM_DTYPE_F32;
    bad[4].dtype = 0;
    bad[5].data = (char *)mask + 1;
    for (int i = 0; i < 6; i++)
        assert_status(context, qkvsim_layout_mask(context, layout, NULL, &bad[i]),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_mask(context, layout, NULL, &bad[0]),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 7);
    assert_message_has_number(context, 4);
    assert_poisoned(mask, 100 * sizeof *mask);
    free(mask);
    qkvsim_layout_free(layout);
}
END_TEST

static qkvsim_status run_codes(qkvsim_context *with, void *layout)
{
    int32_t *codes = poisoned(6 * sizeof *codes);
    qkvsim_status status = qkvsim_layout_mask_codes(with, layout, NULL, codes, 10);
    if (status != QKVSIM_OK)
        assert_poisoned(codes, 6 * sizeof *codes);
    free(codes);
    return status;
}

static qkvsim_status run_build(qkvsim_context *with, void *layout)
{
    int32_t *mask = poisoned(9 * sizeof *mask);
    qkvsim_matrix matrix = mask_matrix(mask, 3, 3);
    qkvsim_status status = qkvsim_layout_mask(with, layout, NULL, &matrix);
    if (status != QKVSIM_OK)
        assert_poisoned(mask, 9 * sizeof *mask);
    free(mask);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    qkvsim_layout *layout = labelled((int32_t[]){ 0, 1, 2 }, 3, 3);
    assert_survives_failing_allocations(_i == 0 ? run_codes : run_build, layout);
    qkvsim_layout_free(layout);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mask");
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    tcase_add_test(laws, codes_of_the_lesson_are_1_2_3_4_6_9);
    tcase_add_test(laws, own_codes_multiply);
    tcase_add_test(laws, mask_is_the_outer_product_above_the_diagonal);
    tcase_add_test(laws, padding_behind_the_columns_is_left_alone);
    tcase_add_test(laws, mask_of_2304_features_has_2653056_pairs_and_294528_a_group);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, ambiguous_codes_name_both_pair_groups);
    tcase_add_test(bad, equal_codes_of_two_groups_are_ambiguous);
    tcase_add_test(bad, products_past_int32_are_too_large);
    tcase_add_test(bad, codes_that_are_not_positive_are_refused);
    tcase_add_test(bad, null_arguments_are_refused);
    tcase_add_test(bad, a_matrix_of_another_shape_or_type_is_refused);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 2);
    return run_suite(suite);
}
