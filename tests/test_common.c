/* common.h: status names, fixed values that cross the ABI, struct sizes on 64-bit machines,
 * version. */
#include <qkvsim/common.h>

#include "support.h"

#include <stdio.h>
#include <stdlib.h>

START_TEST(every_status_has_a_name_of_its_own)
{
    for (qkvsim_status a = QKVSIM_OK; a <= QKVSIM_ERROR_UNSUPPORTED; a++) {
        ck_assert_ptr_nonnull(qkvsim_status_name(a));
        ck_assert_uint_gt(strlen(qkvsim_status_name(a)), 0);
        for (qkvsim_status b = QKVSIM_OK; b < a; b++)
            ck_assert_str_ne(qkvsim_status_name(a), qkvsim_status_name(b));
    }
    ck_assert_str_eq(qkvsim_status_name(QKVSIM_ERROR_INVALID_ARGUMENT), "invalid argument");
}
END_TEST

START_TEST(an_unknown_status_has_a_name_too)
{
    ck_assert_ptr_nonnull(qkvsim_status_name(-1));
    ck_assert_ptr_nonnull(qkvsim_status_name(QKVSIM_ERROR_UNSUPPORTED + 1));
    ck_assert_ptr_nonnull(qkvsim_status_name(INT32_MAX));
    ck_assert_ptr_nonnull(qkvsim_status_name(INT32_MIN));
}
END_TEST

START_TEST(version_is_that_of_the_build)
{
    ck_assert_str_eq(qkvsim_version(), TEST_VERSION);
    ck_assert_ptr_eq(qkvsim_version(), qkvsim_version());
}
END_TEST

START_TEST(version_is_the_same_as_text_as_a_number_and_in_the_header)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", QKVSIM_VERSION_MAJOR, QKVSIM_VERSION_MINOR,
             QKVSIM_VERSION_PATCH);
    ck_assert_str_eq(text, TEST_VERSION);
    const int32_t number = qkvsim_version_number();
    ck_assert_int_eq(number / 10000, QKVSIM_VERSION_MAJOR);
    ck_assert_int_eq(number / 100 % 100, QKVSIM_VERSION_MINOR);
    ck_assert_int_eq(number % 100, QKVSIM_VERSION_PATCH);
}
END_TEST

START_TEST(blas_describes_itself)
{
    ck_assert_ptr_nonnull(strstr(qkvsim_blas_description(), "OpenBLAS"));
    ck_assert_ptr_eq(qkvsim_blas_description(), qkvsim_blas_description());
}
END_TEST

START_TEST(options_init_zeroes_all_but_the_size)
{
    qkvsim_analysis_options options;
    memset(&options, 0x5a, sizeof options);
    qkvsim_struct_init(&options, sizeof options);
    ck_assert_uint_eq(options.struct_size, sizeof options);
    ck_assert_ptr_null(options.bins);
    ck_assert_ptr_null(options.pair_groups);
    ck_assert_int_eq(options.pair_group_count, 0);
    ck_assert_int_eq(options.metrics, 0);
}
END_TEST

START_TEST(options_init_writes_no_more_than_it_was_told)
{
    size_t sizes[] = { sizeof(size_t), sizeof(size_t) + 1, 24, 63 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *memory = poisoned(64);
        qkvsim_struct_init(memory, sizes[i]);
        ck_assert_mem_eq(memory, &sizes[i], sizeof(size_t));
        for (size_t at = sizeof(size_t); at < sizes[i]; at++)
            ck_assert_uint_eq(memory[at], 0);
        assert_poisoned(memory + sizes[i], 64 - sizes[i]);
        free(memory);
    }
}
END_TEST

START_TEST(options_init_ignores_null_and_what_cannot_hold_a_size)
{
    qkvsim_struct_init(NULL, 64);
    void *memory = poisoned(64);
    for (size_t size = 0; size < sizeof(size_t); size++)
        qkvsim_struct_init(memory, size);
    assert_poisoned(memory, 64);
    free(memory);
}
END_TEST

/* What a binary built against this header has compiled in; a change breaks the ABI. */
START_TEST(constants_keep_their_values)
{
    ck_assert_int_eq(QKVSIM_OK, 0);
    ck_assert_int_eq(QKVSIM_ERROR_INVALID_ARGUMENT, 1);
    ck_assert_int_eq(QKVSIM_ERROR_NO_MEMORY, 2);
    ck_assert_int_eq(QKVSIM_ERROR_TOO_LARGE, 3);
    ck_assert_int_eq(QKVSIM_ERROR_NONFINITE, 4);
    ck_assert_int_eq(QKVSIM_ERROR_AMBIGUOUS, 5);
    ck_assert_int_eq(QKVSIM_ERROR_CANCELLED, 6);
    ck_assert_int_eq(QKVSIM_ERROR_UNSUPPORTED, 7);
    ck_assert_int_eq(QKVSIM_DTYPE_F16, 1);
    ck_assert_int_eq(QKVSIM_DTYPE_BF16, 2);
    ck_assert_int_eq(QKVSIM_DTYPE_F32, 3);
    ck_assert_int_eq(QKVSIM_DTYPE_F64, 4);
    ck_assert_int_eq(QKVSIM_DTYPE_I32, 5);
    ck_assert_int_eq(QKVSIM_METRIC_COSINE, 1);
    ck_assert_int_eq(QKVSIM_METRIC_PEARSON, 2);
    ck_assert_int_eq(QKVSIM_METRIC_COVARIANCE, 4);
    ck_assert_int_eq(QKVSIM_METRIC_DOT, 8);
    ck_assert_int_eq(QKVSIM_NONFINITE_DROP_OBSERVATION, 1);
    ck_assert_int_eq(QKVSIM_NONFINITE_UNDEFINED_FEATURE, 2);
    ck_assert_int_eq(QKVSIM_SCHEME_ALL, 1);
    ck_assert_int_eq(QKVSIM_SCHEME_FEATURE, 2);
    ck_assert_int_eq(QKVSIM_SCHEME_SHIFT, 3);
    ck_assert_int_eq(QKVSIM_SCHEME_GROUP, 4);
    ck_assert_int_eq(QKVSIM_SCHEME_OBSERVATIONS, 5);
    ck_assert_int_eq(QKVSIM_SCHEME_OBSERVATIONS_SHIFT, 6);
    ck_assert_int_eq(QKVSIM_RELABEL_LABELS, 1);
    ck_assert_int_eq(QKVSIM_RELABEL_SHIFT, 2);
}
END_TEST

START_TEST(structs_keep_their_layout)
{
    ck_assert_uint_eq(offsetof(qkvsim_view, data), 8);
    ck_assert_uint_eq(offsetof(qkvsim_view, observations), 16);
    ck_assert_uint_eq(offsetof(qkvsim_view, features), 24);
    ck_assert_uint_eq(offsetof(qkvsim_view, observation_stride), 32);
    ck_assert_uint_eq(offsetof(qkvsim_view, feature_stride), 40);
    ck_assert_uint_eq(offsetof(qkvsim_view, dtype), 48);
    ck_assert_uint_eq(sizeof(qkvsim_view), 56);
    ck_assert_uint_eq(offsetof(qkvsim_matrix, leading_dimension), 32);
    ck_assert_uint_eq(offsetof(qkvsim_matrix, dtype), 40);
    ck_assert_uint_eq(sizeof(qkvsim_matrix), 48);
    ck_assert_uint_eq(offsetof(qkvsim_selection, count), 24);
    ck_assert_uint_eq(sizeof(qkvsim_selection), 32);
    ck_assert_uint_eq(offsetof(qkvsim_bins, edges), 32);
    ck_assert_uint_eq(sizeof(qkvsim_bins), 40);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("common");
    TCase *names = add_case(suite, "names and versions", NULL, NULL);
    tcase_add_test(names, every_status_has_a_name_of_its_own);
    tcase_add_test(names, an_unknown_status_has_a_name_too);
    tcase_add_test(names, version_is_that_of_the_build);
    tcase_add_test(names, version_is_the_same_as_text_as_a_number_and_in_the_header);
    tcase_add_test(names, blas_describes_itself);
    TCase *abi = add_case(suite, "options and ABI", NULL, NULL);
    tcase_add_test(abi, options_init_zeroes_all_but_the_size);
    tcase_add_test(abi, options_init_writes_no_more_than_it_was_told);
    tcase_add_test(abi, options_init_ignores_null_and_what_cannot_hold_a_size);
    tcase_add_test(abi, constants_keep_their_values);
    if (sizeof(void *) == 8)
        tcase_add_test(abi, structs_keep_their_layout);
    return run_suite(suite);
}
