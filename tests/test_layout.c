/* layout.h: which feature belongs to which group, the names and sizes of groups and pair groups. */
#include <qkvsim/layout.h>

#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_names(const qkvsim_layout *layout, int32_t groups, const char *const *names)
{
    ck_assert_int_eq(qkvsim_layout_groups(layout), groups);
    for (int32_t g = 0; g < groups; g++)
        ck_assert_str_eq(qkvsim_layout_group_name(layout, g), names[g]);
}

static void assert_groups(const qkvsim_layout *layout, const int32_t *expected, int64_t features)
{
    ck_assert_int_eq(qkvsim_layout_features(layout), features);
    const int32_t *groups = qkvsim_layout_group_of(layout);
    for (int64_t j = 0; j < features; j++)
        ck_assert_msg(groups[j] == expected[j], "feature %ld is in group %d and not %d", (long)j,
                      groups[j], expected[j]);
}

START_TEST(thirds_are_q_k_v_in_order)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 6, &layout));
    assert_groups(layout, (int32_t[]){ 0, 0, 1, 1, 2, 2 }, 6);
    assert_names(layout, 3, (const char *[]){ "Q", "K", "V" });
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(pair_groups_stand_along_the_upper_triangle)
{
    static const char *const names[] = { "Q-Q", "Q-K", "Q-V", "K-K", "K-V", "V-V" };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 9, &layout));
    ck_assert_int_eq(qkvsim_layout_pair_groups(layout), 6);
    for (int32_t p = 0; p < 6; p++)
        ck_assert_str_eq(qkvsim_layout_row_name(layout, p), names[p]);
    int32_t expected = 0;
    for (int32_t a = 0; a < 3; a++)
        for (int32_t b = a; b < 3; b++, expected++) {
            ck_assert_int_eq(qkvsim_layout_pair_group(layout, a, b), expected);
            ck_assert_int_eq(qkvsim_layout_pair_group(layout, b, a), expected);
        }
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(a_768_wide_group_has_294528_pairs_and_2304_features_2653056)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 2304, &layout));
    int64_t all = 0;
    for (int32_t p = 0; p < 6; p++)
        all += qkvsim_layout_pairs(layout, p);
    for (int32_t g = 0; g < 3; g++)
        ck_assert_int_eq(qkvsim_layout_pairs(layout, qkvsim_layout_pair_group(layout, g, g)),
                         294528);
    ck_assert_int_eq(qkvsim_layout_pairs(layout, 1), 768 * 768);
    ck_assert_int_eq(all, 2653056);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(pairs_of_200000_features_overflow_nothing)
{
    const int64_t widths[] = { 100000, 60000, 40000 };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 3, &layout));
    int64_t all = 0;
    for (int32_t p = 0; p < 6; p++)
        all += qkvsim_layout_pairs(layout, p);
    ck_assert_int_eq(all, INT64_C(200000) * 199999 / 2);
    ck_assert_int_eq(qkvsim_layout_pairs(layout, 1), INT64_C(6000000000));
    ck_assert_int_eq(qkvsim_layout_pairs(layout, 0), INT64_C(100000) * 99999 / 2);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(pairs_are_those_counted_one_by_one)
{
    random_source source = { 7 };
    enum { FEATURES = 83, GROUPS = 5 };
    int32_t labels[FEATURES];
    for (int64_t j = 0; j < FEATURES; j++)
        labels[j] = j < GROUPS ? (int32_t)j : (int32_t)random_below(&source, GROUPS);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_labels(context, labels, FEATURES, NULL, GROUPS, &layout));
    int64_t counted[GROUPS * (GROUPS + 1) / 2] = { 0 };
    for (int64_t i = 0; i < FEATURES; i++)
        for (int64_t j = i + 1; j < FEATURES; j++)
            counted[qkvsim_layout_pair_group(layout, labels[i], labels[j])]++;
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(layout); p++)
        ck_assert_int_eq(qkvsim_layout_pairs(layout, p), counted[p]);
    assert_groups(layout, labels, FEATURES);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(widths_give_contiguous_groups)
{
    const int64_t widths[] = { 3, 1, 2 };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 3, &layout));
    assert_groups(layout, (int32_t[]){ 0, 0, 0, 1, 2, 2 }, 6);
    assert_names(layout, 3, (const char *[]){ "Q", "K", "V" });
    for (int32_t g = 0; g < 3; g++)
        ck_assert_int_eq(qkvsim_layout_group_features(layout, g), widths[g]);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(names_without_three_groups_are_numbered)
{
    const int64_t widths[] = { 1, 1, 1, 1 };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 4, &layout));
    assert_names(layout, 4, (const char *[]){ "G0", "G1", "G2", "G3" });
    ck_assert_str_eq(qkvsim_layout_row_name(layout, 2), "G0-G2");
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(names_are_copied)
{
    char name[] = "query";
    const char *names[] = { name, "value" };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_widths(context, (int64_t[]){ 1, 2 }, names, 2, &layout));
    memset(name, 'x', strlen(name));
    ck_assert_str_eq(qkvsim_layout_group_name(layout, 0), "query");
    ck_assert_str_eq(qkvsim_layout_row_name(layout, 1), "query-value");
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(heads_are_groups_of_their_own)
{
    const int64_t widths[] = { 6, 2, 2 };
    const int32_t heads[] = { 3, 1, 1 };
    qkvsim_layout *layout;
    assert_ok(context,
              qkvsim_layout_heads(context, widths, heads, NULL, 3, QKVSIM_HEADS_BLOCKED, &layout));
    assert_groups(layout, (int32_t[]){ 0, 0, 1, 1, 2, 2, 3, 3, 4, 4 }, 10);
    assert_names(layout, 5, (const char *[]){ "Q0", "Q1", "Q2", "K0", "V0" });
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(interleaved_heads_come_head_by_head)
{
    const int64_t widths[] = { 4, 4, 4 };
    const int32_t heads[] = { 2, 2, 2 };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_heads(context, widths, heads, NULL, 3,
                                           QKVSIM_HEADS_INTERLEAVED, &layout));
    assert_groups(layout, (int32_t[]){ 0, 0, 2, 2, 4, 4, 1, 1, 3, 3, 5, 5 }, 12);
    assert_names(layout, 6, (const char *[]){ "Q0", "Q1", "K0", "K1", "V0", "V1" });
    qkvsim_layout_free(layout);
}
END_TEST

/* Heads 9, 3, 3 of 64: three query heads, one key head, one value head, three times over. */
START_TEST(interleaved_grouped_query_heads_come_in_turns_of_the_smallest)
{
    int32_t expected[960];
    int64_t column = 0;
    for (int32_t turn = 0; turn < 3; turn++) {
        for (int32_t head = 0; head < 3; head++)
            for (int j = 0; j < 64; j++)
                expected[column++] = 3 * turn + head;
        for (int j = 0; j < 64; j++)
            expected[column++] = 9 + turn;
        for (int j = 0; j < 64; j++)
            expected[column++] = 12 + turn;
    }
    qkvsim_layout *layout;
    assert_ok(context,
              qkvsim_layout_heads(context, (int64_t[]){ 576, 192, 192 }, (int32_t[]){ 9, 3, 3 },
                                  NULL, 3, QKVSIM_HEADS_INTERLEAVED, &layout));
    assert_groups(layout, expected, 960);
    ck_assert_str_eq(qkvsim_layout_group_name(layout, 8), "Q8");
    ck_assert_str_eq(qkvsim_layout_group_name(layout, 9), "K0");
    ck_assert_int_eq(qkvsim_layout_pair_groups(layout), 15 * 16 / 2);
    qkvsim_layout_free(layout);
}
END_TEST

/* ---- roll-ups ---- */

/* The rows behind the pair groups are those named, in this order. */
static void assert_rollups(const qkvsim_layout *layout, int32_t count, const char *const *names)
{
    const int32_t first = qkvsim_layout_pair_groups(layout);
    ck_assert_int_eq(qkvsim_layout_rollups(layout), count);
    for (int32_t r = 0; r < count; r++)
        ck_assert_str_eq(qkvsim_layout_row_name(layout, first + r), names[r]);
    ck_assert_ptr_null(qkvsim_layout_row_name(layout, first + count));
    ck_assert_int_eq(qkvsim_layout_pairs(layout, first + count), 0);
}

/* A roll-up's pair groups by their names, which say heads, and its pairs counted one by one. */
static void assert_members(const qkvsim_layout *layout, int32_t rollup, int32_t count,
                           const char *const *names)
{
    int32_t listed;
    int64_t pairs = 0;
    const int32_t *pair_groups = qkvsim_layout_rollup_pair_groups(layout, rollup, &listed);
    ck_assert_int_eq(listed, count);
    for (int32_t k = 0; k < count; k++) {
        ck_assert_str_eq(qkvsim_layout_row_name(layout, pair_groups[k]), names[k]);
        pairs += qkvsim_layout_pairs(layout, pair_groups[k]);
    }
    ck_assert_int_eq(qkvsim_layout_pairs(layout, qkvsim_layout_pair_groups(layout) + rollup),
                     pairs);
}

START_TEST(heads_are_rolled_up_within_and_across)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_heads(context, (int64_t[]){ 8, 4 }, (int32_t[]){ 4, 2 },
                                           (const char *[]){ "Q", "K" }, 2, _i, &layout));
    assert_rollups(layout, 8,
                   (const char *[]){ "Q-Q", "Q-Q within heads", "Q-Q across heads", "Q-K",
                                     "Q-K within heads", "Q-K across heads", "K-K",
                                     "K-K within heads" });
    assert_members(layout, 0, 10,
                   (const char *[]){ "Q0-Q0", "Q0-Q1", "Q0-Q2", "Q0-Q3", "Q1-Q1", "Q1-Q2", "Q1-Q3",
                                     "Q2-Q2", "Q2-Q3", "Q3-Q3" });
    assert_members(layout, 1, 4, (const char *[]){ "Q0-Q0", "Q1-Q1", "Q2-Q2", "Q3-Q3" });
    assert_members(layout, 2, 6,
                   (const char *[]){ "Q0-Q1", "Q0-Q2", "Q0-Q3", "Q1-Q2", "Q1-Q3", "Q2-Q3" });
    assert_members(
        layout, 3, 8,
        (const char *[]){ "Q0-K0", "Q0-K1", "Q1-K0", "Q1-K1", "Q2-K0", "Q2-K1", "Q3-K0", "Q3-K1" });
    assert_members(layout, 4, 4, (const char *[]){ "Q0-K0", "Q1-K0", "Q2-K1", "Q3-K1" });
    assert_members(layout, 5, 4, (const char *[]){ "Q0-K1", "Q1-K1", "Q2-K0", "Q3-K0" });
    assert_members(layout, 6, 3, (const char *[]){ "K0-K0", "K0-K1", "K1-K1" });
    assert_members(layout, 7, 2, (const char *[]){ "K0-K0", "K1-K1" });
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(the_part_with_more_heads_may_be_the_second)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_heads(context, (int64_t[]){ 2, 6 }, (int32_t[]){ 2, 6 },
                                           (const char *[]){ "K", "Q" }, 2, 0, &layout));
    assert_members(layout, 3, 6,
                   (const char *[]){ "K0-Q0", "K0-Q1", "K0-Q2", "K1-Q3", "K1-Q4", "K1-Q5" });
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(rollups_of_fewer_than_two_pair_groups_are_left_out)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_heads(context, (int64_t[]){ 2, 2, 2 }, (int32_t[]){ 1, 1, 1 },
                                           NULL, 3, 0, &layout));
    assert_rollups(layout, 0, NULL);
    qkvsim_layout_free(layout);
    assert_ok(context, qkvsim_layout_heads(context, (int64_t[]){ 6, 2 }, (int32_t[]){ 3, 1 },
                                           (const char *[]){ "Q", "K" }, 2, 0, &layout));
    assert_rollups(layout, 5,
                   (const char *[]){ "Q-Q", "Q-Q within heads", "Q-Q across heads", "Q-K",
                                     "Q-K within heads" });
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(heads_that_do_not_divide_have_no_within_and_across)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_heads(context, (int64_t[]){ 3, 2 }, (int32_t[]){ 3, 2 }, NULL,
                                           2, 0, &layout));
    assert_rollups(layout, 6,
                   (const char *[]){ "G0-G0", "G0-G0 within heads", "G0-G0 across heads", "G0-G1",
                                     "G1-G1", "G1-G1 within heads" });
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(own_rollups_are_rows_behind_the_pair_groups)
{
    qkvsim_layout *layout;
    char name[] = "within";
    assert_ok(context, qkvsim_layout_widths(context, (int64_t[]){ 2, 3, 4 }, NULL, 3, &layout));
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, name, (int32_t[]){ 5, 0, 3 }, 3));
    memcpy(name, "lost..", 7);
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "one", (int32_t[]){ 4 }, 1));
    assert_ok(context,
              qkvsim_layout_add_rollup(context, layout, "all", (int32_t[]){ 0, 1, 2, 3, 4, 5 }, 6));
    assert_rollups(layout, 3, (const char *[]){ "within", "one", "all" });
    assert_members(layout, 0, 3, (const char *[]){ "Q-Q", "K-K", "V-V" });
    assert_members(layout, 1, 1, (const char *[]){ "K-V" });
    ck_assert_int_eq(qkvsim_layout_pairs(layout, 6), 1 + 3 + 6);
    ck_assert_int_eq(qkvsim_layout_pairs(layout, 8), 9 * 8 / 2);
    ck_assert_int_eq(qkvsim_layout_pair_groups(layout), 6);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(bad_rollups_are_refused_and_change_nothing)
{
    qkvsim_layout *layout;
    int32_t list[] = { 0, 5 };
    assert_ok(context, qkvsim_layout_thirds(context, 9, &layout));
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "own", list, 2));
    const struct {
        const char *name;
        int32_t list[2], count;
    } bad[] = { { NULL, { 0, 1 }, 2 },  { "", { 0, 1 }, 2 },  { "own", { 0, 1 }, 2 },
                { "Q-K", { 0, 1 }, 2 }, { "x", { 0, 0 }, 2 }, { "x", { 0, 6 }, 2 },
                { "x", { -1, 1 }, 2 },  { "x", { 0, 1 }, 0 }, { "x", { 0, 1 }, -1 } };
    for (int i = 0; i < 9; i++)
        assert_status(
            context,
            qkvsim_layout_add_rollup(context, layout, bad[i].name, bad[i].list, bad[i].count),
            QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_add_rollup(context, layout, "x", NULL, 1),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_add_rollup(context, NULL, "x", list, 1),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_layout_add_rollup(NULL, layout, "x", list, 1),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    list[1] = 6;
    assert_status(context, qkvsim_layout_add_rollup(context, layout, "x", list, 2),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 6);
    assert_message_has_number(context, 5);
    assert_rollups(layout, 1, (const char *[]){ "own" });
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(handles_outlive_their_context)
{
    qkvsim_context *other = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *layout;
    assert_ok(other, qkvsim_layout_thirds(other, 12, &layout));
    qkvsim_context_free(other);
    ck_assert_str_eq(qkvsim_layout_row_name(layout, 5), "V-V");
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(accessors_answer_nothing_where_there_is_nothing)
{
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 3, &layout));
    const int32_t none[] = { -1, 3, INT32_MAX, INT32_MIN };
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_null(qkvsim_layout_group_name(layout, none[i]));
        ck_assert_int_eq(qkvsim_layout_group_features(layout, none[i]), 0);
        ck_assert_int_eq(qkvsim_layout_pair_group(layout, 0, none[i]), -1);
        ck_assert_int_eq(qkvsim_layout_pair_group(layout, none[i], 0), -1);
    }
    ck_assert_ptr_null(qkvsim_layout_row_name(layout, 6));
    ck_assert_ptr_null(qkvsim_layout_row_name(layout, -1));
    ck_assert_int_eq(qkvsim_layout_pairs(layout, 6), 0);
    ck_assert_int_eq(qkvsim_layout_pairs(layout, -1), 0);
    ck_assert_int_eq(qkvsim_layout_pairs(layout, 0), 0);
    int32_t count = 7;
    ck_assert_int_eq(qkvsim_layout_rollups(layout), 0);
    ck_assert_ptr_null(qkvsim_layout_rollup_pair_groups(layout, 0, &count));
    ck_assert_int_eq(count, 0);
    ck_assert_ptr_null(qkvsim_layout_rollup_pair_groups(layout, -1, NULL));
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(null_layouts_are_empty)
{
    qkvsim_layout_free(NULL);
    ck_assert_int_eq(qkvsim_layout_features(NULL), 0);
    ck_assert_int_eq(qkvsim_layout_groups(NULL), 0);
    ck_assert_int_eq(qkvsim_layout_pair_groups(NULL), 0);
    ck_assert_ptr_null(qkvsim_layout_group_name(NULL, 0));
    ck_assert_int_eq(qkvsim_layout_group_features(NULL, 0), 0);
    ck_assert_ptr_null(qkvsim_layout_group_of(NULL));
    ck_assert_int_eq(qkvsim_layout_pair_group(NULL, 0, 0), -1);
    ck_assert_ptr_null(qkvsim_layout_row_name(NULL, 0));
    ck_assert_int_eq(qkvsim_layout_pairs(NULL, 0), 0);
    ck_assert_int_eq(qkvsim_layout_rollups(NULL), 0);
    ck_assert_ptr_null(qkvsim_layout_rollup_pair_groups(NULL, 0, NULL));
}
END_TEST

START_TEST(features_that_3_does_not_divide_are_named)
{
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(context, qkvsim_layout_thirds(context, 100, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 100);
    for (int64_t features = -3; features <= 2; features++)
        assert_status(context, qkvsim_layout_thirds(context, features, &layout),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

START_TEST(bad_widths_are_refused)
{
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(context, qkvsim_layout_widths(context, (int64_t[]){ 5, 0 }, NULL, 2, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_widths(context, (int64_t[]){ 5, -77 }, NULL, 2, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, -77);
    assert_status(context, qkvsim_layout_widths(context, (int64_t[]){ 5 }, NULL, 0, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_widths(context, NULL, NULL, 2, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    const int64_t huge[] = { INT64_MAX, INT64_MAX, 4 };
    qkvsim_status status = qkvsim_layout_widths(context, huge, NULL, 3, &layout);
    ck_assert(status == QKVSIM_ERROR_TOO_LARGE || status == QKVSIM_ERROR_INVALID_ARGUMENT
              || status == QKVSIM_ERROR_NO_MEMORY);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

START_TEST(names_that_are_empty_missing_or_twice_are_refused)
{
    const int64_t widths[] = { 1, 1 };
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(
        context,
        qkvsim_layout_widths(context, widths, (const char *[]){ "left", "left" }, 2, &layout),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "left");
    assert_status(context,
                  qkvsim_layout_widths(context, widths, (const char *[]){ "left", "" }, 2, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(
        context,
        qkvsim_layout_widths(context, widths, (const char *[]){ "left", NULL }, 2, &layout),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

/* The number of different rows' names, found by comparing each two. */
static bool rows_share_a_name(const char *const *names, int32_t groups)
{
    char rows[64][32];
    int32_t count = 0;
    bool shared = false;
    for (int32_t a = 0; a < groups; a++)
        for (int32_t b = a; b < groups; b++, count++) {
            snprintf(rows[count], sizeof rows[count], "%s-%s", names[a], names[b]);
            for (int32_t before = 0; before < count; before++)
                shared = shared || strcmp(rows[before], rows[count]) == 0;
        }
    return shared;
}

/* All lists of four different ones out of names that dashes hold together. */
START_TEST(groups_are_refused_where_two_rows_would_share_a_name)
{
    static const char *const all[] = { "A", "B", "A-A", "A-B", "A-B-A", "-", "A-", "-B", "C" };
    enum { ALL = sizeof all / sizeof all[0] };
    const int64_t widths[] = { 1, 2, 1, 1 };
    const int32_t labels[] = { 3, 2, 1, 0 };
    int refused = 0, made = 0;
    for (int code = 0; code < ALL * ALL * ALL * ALL; code++) {
        const int picks[] = { code % ALL, code / ALL % ALL, code / ALL / ALL % ALL,
                              code / ALL / ALL / ALL };
        const char *names[4];
        bool distinct = true;
        for (int i = 0; i < 4; i++) {
            names[i] = all[picks[i]];
            for (int k = 0; k < i; k++)
                distinct = distinct && picks[k] != picks[i];
        }
        if (!distinct)
            continue;
        const bool shared = rows_share_a_name(names, 4);
        const qkvsim_status expected = shared ? QKVSIM_ERROR_INVALID_ARGUMENT : QKVSIM_OK;
        qkvsim_layout *layout = NULL;
        ck_assert_int_eq(qkvsim_layout_widths(context, widths, names, 4, &layout), expected);
        qkvsim_layout_free(layout);
        layout = NULL;
        ck_assert_int_eq(qkvsim_layout_labels(context, labels, 4, names, 4, &layout), expected);
        qkvsim_layout_free(layout);
        refused += shared;
        made += !shared;
    }
    ck_assert_int_gt(refused, 20);
    ck_assert_int_gt(made, 1000);
}
END_TEST

START_TEST(the_shared_name_and_its_groups_are_named)
{
    const int64_t widths[] = { 1, 1, 1, 1 };
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(context,
                  qkvsim_layout_widths(context, widths, (const char *[]){ "A", "B-C", "A-B", "C" },
                                       4, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "\"A-B-C\": that of groups \"A\" and \"B-C\", and that of \"A-B\" "
                                "and \"C\"");
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

START_TEST(a_width_must_be_a_multiple_of_its_heads)
{
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(context,
                  qkvsim_layout_heads(context, (int64_t[]){ 64, 100 }, (int32_t[]){ 4, 7 }, NULL, 2,
                                      QKVSIM_HEADS_BLOCKED, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 100);
    assert_message_has_number(context, 7);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

/* Head 0 of L1 is the group L10, whose pairs with itself have the name of the part L10's. */
START_TEST(rollups_of_heads_with_the_name_of_another_row_are_refused)
{
    const int64_t widths[] = { 4, 4 };
    const int32_t heads[] = { 2, 2 };
    const char *const clash[] = { "L1", "L10" }, *const apart[] = { "L01", "L10" };
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(
        context,
        qkvsim_layout_heads(context, widths, heads, clash, 2, QKVSIM_HEADS_BLOCKED, &layout),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "L10-L10");
    ck_assert_ptr_eq(layout, POISON_HANDLE);
    assert_ok(context,
              qkvsim_layout_heads(context, widths, heads, apart, 2, QKVSIM_HEADS_BLOCKED, &layout));
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(interleaved_heads_must_be_multiples_of_the_smallest)
{
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(context,
                  qkvsim_layout_heads(context, (int64_t[]){ 70, 30 }, (int32_t[]){ 7, 3 }, NULL, 2,
                                      QKVSIM_HEADS_INTERLEAVED, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 7);
    assert_message_has_number(context, 3);
    qkvsim_layout *blocked;
    assert_ok(context, qkvsim_layout_heads(context, (int64_t[]){ 70, 30 }, (int32_t[]){ 7, 3 },
                                           NULL, 2, QKVSIM_HEADS_BLOCKED, &blocked));
    qkvsim_layout_free(blocked);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

START_TEST(bad_heads_are_refused)
{
    const int64_t widths[] = { 8, 8 };
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(context,
                  qkvsim_layout_heads(context, widths, (int32_t[]){ 2, 0 }, NULL, 2,
                                      QKVSIM_HEADS_BLOCKED, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_layout_heads(context, widths, (int32_t[]){ 2, -2 }, NULL, 2,
                                      QKVSIM_HEADS_INTERLEAVED, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_layout_heads(context, widths, (int32_t[]){ 2, 2 }, NULL, 2, 2, &layout),
                  refusal(context));
    assert_status(
        context, qkvsim_layout_heads(context, widths, NULL, NULL, 2, QKVSIM_HEADS_BLOCKED, &layout),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_layout_heads(context, widths, (int32_t[]){ 2, 2 }, NULL, -1,
                                      QKVSIM_HEADS_BLOCKED, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

START_TEST(labels_out_of_range_or_groups_without_features_are_refused)
{
    qkvsim_layout *layout = POISON_HANDLE;
    assert_status(context,
                  qkvsim_layout_labels(context, (int32_t[]){ 0, 1, 45 }, 3, NULL, 2, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 45);
    assert_status(context, qkvsim_layout_labels(context, (int32_t[]){ 0, -1 }, 2, NULL, 1, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, -1);
    assert_status(context, qkvsim_layout_labels(context, (int32_t[]){ 0, 2 }, 2, NULL, 3, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_labels(context, NULL, 2, NULL, 1, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_labels(context, (int32_t[]){ 0 }, 0, NULL, 1, &layout),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_layout_labels(context, (int32_t[]){ 0 }, 1, NULL, 1, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

START_TEST(a_null_context_is_refused)
{
    qkvsim_layout *layout = POISON_HANDLE;
    ck_assert_int_eq(qkvsim_layout_thirds(NULL, 3, &layout), QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_layout_widths(NULL, (int64_t[]){ 1 }, NULL, 1, &layout),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_layout_labels(NULL, (int32_t[]){ 0 }, 1, NULL, 1, &layout),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(
        qkvsim_layout_heads(NULL, (int64_t[]){ 1 }, (int32_t[]){ 1 }, NULL, 1, 0, &layout),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(layout, POISON_HANDLE);
}
END_TEST

/* ---- pieces ---- */

static qkvsim_layout *random_layout(random_source *source, int32_t groups, int64_t widest)
{
    int64_t widths[64];
    qkvsim_layout *layout = NULL;
    for (int32_t g = 0; g < groups; g++)
        widths[g] = 1 + random_below(source, widest);
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, groups, &layout));
    return layout;
}

/* The pairs of a piece, whose pair groups no piece before it has; counts how often each was
 * dealt. */
static int64_t deal_piece(const qkvsim_layout *layout, int32_t piece, int32_t pieces, int *dealt)
{
    int32_t numbers[2080], count = 0;
    int64_t pairs = 0;
    assert_ok(context, qkvsim_layout_piece_pair_groups(context, layout, piece, pieces, numbers,
                                                       2080, &count));
    ck_assert_int_gt(count, 0);
    for (int32_t k = 0; k < count; k++) {
        ck_assert(k == 0 || numbers[k] > numbers[k - 1]);
        pairs += qkvsim_layout_pairs(layout, numbers[k]);
        dealt[numbers[k]]++;
    }
    return pairs;
}

static int64_t largest_pair_group(const qkvsim_layout *layout)
{
    int64_t largest = 0;
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(layout); p++)
        if (qkvsim_layout_pairs(layout, p) > largest)
            largest = qkvsim_layout_pairs(layout, p);
    return largest;
}

START_TEST(each_pair_group_is_in_one_piece_and_pieces_are_about_equal)
{
    random_source source = { 11 };
    for (int round = 0; round < 60; round++) {
        const int32_t groups = 1 + (int32_t)random_below(&source, 30);
        qkvsim_layout *layout = random_layout(&source, groups, round % 2 == 0 ? 9 : 40000);
        const int64_t d = qkvsim_layout_features(layout);
        const int32_t all = qkvsim_layout_pair_groups(layout);
        const int32_t pieces = 1 + (int32_t)random_below(&source, all);
        const double share = (double)(d * (d - 1) / 2) / pieces;
        int dealt[2080] = { 0 };
        for (int32_t k = 0; k < pieces; k++)
            ck_assert_double_le(fabs((double)deal_piece(layout, k, pieces, dealt) - share),
                                (double)largest_pair_group(layout));
        for (int32_t p = 0; p < all; p++)
            ck_assert_int_eq(dealt[p], 1);
        qkvsim_layout_free(layout);
    }
}
END_TEST

START_TEST(a_piece_is_of_few_groups)
{
    int64_t widths[64];
    qkvsim_layout *layout = NULL;
    for (int g = 0; g < 64; g++)
        widths[g] = 100;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 64, &layout));
    for (int32_t piece = 0; piece < 32;
         piece++) { /* of 65 pair groups: by rows they take 65 groups */
        int dealt[2080] = { 0 }, of_groups = 0;
        deal_piece(layout, piece, 32, dealt);
        for (int32_t g = 0; g < 64; g++) {
            bool used = false;
            for (int32_t other = 0; other < 64; other++)
                used |= dealt[qkvsim_layout_pair_group(layout, g, other)] != 0;
            of_groups += used;
        }
        ck_assert_int_le(of_groups, 28);
    }
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(a_group_that_outweighs_all_leaves_a_pair_group_for_each_piece)
{
    qkvsim_layout *layout = NULL;
    const int64_t widths[] = { 199998, 1, 1 };
    int dealt[6] = { 0 };
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 3, &layout));
    for (int32_t k = 0; k < 6; k++)
        deal_piece(layout, k, 6, dealt);
    for (int32_t p = 0; p < 6; p++)
        ck_assert_int_eq(dealt[p], 1);
    qkvsim_layout_free(layout);
}
END_TEST

START_TEST(bad_pieces_are_refused)
{
    qkvsim_layout *layout = NULL;
    int32_t numbers[6] = { -7 }, count = -7;
    assert_ok(context, qkvsim_layout_thirds(context, 12, &layout));
    static const struct {
        int32_t piece, pieces, capacity;
        const char *says;
    } wrong[] = { { 0, 0, 6, "0 pieces of 6 pair groups: expected 1 to 6" },
                  { 0, 7, 6, "7 pieces of 6 pair groups: expected 1 to 6" },
                  { -1, 3, 6, "piece -1, but there are pieces 0 to 2" },
                  { 3, 3, 6, "piece 3, but there are pieces 0 to 2" },
                  { 0, 1, 5, "piece 0 has 6 pair groups, but there is room for 5" } };
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        assert_status(context,
                      qkvsim_layout_piece_pair_groups(context, layout, wrong[k].piece,
                                                      wrong[k].pieces, numbers, wrong[k].capacity,
                                                      &count),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
        assert_message_has(context, wrong[k].says);
    }
    const qkvsim_layout *const layouts[] = { NULL, layout, layout };
    int32_t *const lists[] = { numbers, NULL, numbers }, *const counts[] = { &count, &count, NULL };
    for (int k = 0; k < 3; k++)
        assert_status(
            context,
            qkvsim_layout_piece_pair_groups(context, layouts[k], 0, 1, lists[k], 6, counts[k]),
            QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_layout_piece_pair_groups(NULL, layout, 0, 1, numbers, 6, &count),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(numbers[0], -7);
    ck_assert_int_eq(count, -7);
    qkvsim_layout_free(layout);
}
END_TEST

static qkvsim_status finish_layout(qkvsim_status status, qkvsim_layout *layout)
{
    if (status == QKVSIM_OK)
        qkvsim_layout_free(layout);
    else
        ck_assert_ptr_eq(layout, POISON_HANDLE);
    return status;
}

static qkvsim_status make_thirds(qkvsim_context *with, void *unused)
{
    (void)unused;
    qkvsim_layout *layout = POISON_HANDLE;
    qkvsim_status status = qkvsim_layout_thirds(with, 12, &layout);
    return finish_layout(status, layout);
}

static qkvsim_status make_widths(qkvsim_context *with, void *unused)
{
    (void)unused;
    const char *names[] = { "a", "b" };
    qkvsim_layout *layout = POISON_HANDLE;
    qkvsim_status status = qkvsim_layout_widths(with, (int64_t[]){ 4, 5 }, names, 2, &layout);
    return finish_layout(status, layout);
}

static qkvsim_status make_heads(qkvsim_context *with, void *unused)
{
    (void)unused;
    qkvsim_layout *layout = POISON_HANDLE;
    qkvsim_status status =
        qkvsim_layout_heads(with, (int64_t[]){ 12, 4, 4 }, (int32_t[]){ 6, 2, 2 }, NULL, 3,
                            QKVSIM_HEADS_INTERLEAVED, &layout);
    return finish_layout(status, layout);
}

static qkvsim_status make_labels(qkvsim_context *with, void *unused)
{
    (void)unused;
    qkvsim_layout *layout = POISON_HANDLE;
    qkvsim_status status =
        qkvsim_layout_labels(with, (int32_t[]){ 1, 0, 1, 2 }, 4, NULL, 3, &layout);
    return finish_layout(status, layout);
}

static qkvsim_status make_dashed(qkvsim_context *with, void *unused)
{
    (void)unused;
    const int64_t widths[] = { 1, 2 };
    const char *const names[] = { "q", "q-k" };
    qkvsim_layout *layout = POISON_HANDLE;
    const qkvsim_status status = qkvsim_layout_widths(with, widths, names, 2, &layout);
    return finish_layout(status, layout);
}

static qkvsim_status add_rollups(qkvsim_context *with, void *unused)
{
    (void)unused;
    qkvsim_layout *layout = NULL;
    int32_t count = 0;
    qkvsim_status status = qkvsim_layout_thirds(with, 12, &layout);
    for (; count < 5 && status == QKVSIM_OK; count += status == QKVSIM_OK) {
        const char name[2] = { (char)('a' + count), '\0' };
        status = qkvsim_layout_add_rollup(with, layout, name, (int32_t[]){ 1, 0 }, 2);
    }
    ck_assert_int_eq(qkvsim_layout_rollups(layout), count);
    qkvsim_layout_free(layout);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    const operation makers[] = { make_thirds, make_widths, make_heads,
                                 make_labels, make_dashed, add_rollups };
    assert_survives_failing_allocations(makers[_i], NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layout");
    TCase *groups = add_case(suite, "groups and pair groups", make_context, free_context);
    tcase_add_test(groups, thirds_are_q_k_v_in_order);
    tcase_add_test(groups, pair_groups_stand_along_the_upper_triangle);
    tcase_add_test(groups, a_768_wide_group_has_294528_pairs_and_2304_features_2653056);
    tcase_add_test(groups, pairs_of_200000_features_overflow_nothing);
    tcase_add_test(groups, pairs_are_those_counted_one_by_one);
    tcase_add_test(groups, widths_give_contiguous_groups);
    tcase_add_test(groups, names_without_three_groups_are_numbered);
    tcase_add_test(groups, names_are_copied);
    tcase_add_test(groups, heads_are_groups_of_their_own);
    tcase_add_test(groups, interleaved_heads_come_head_by_head);
    tcase_add_test(groups, interleaved_grouped_query_heads_come_in_turns_of_the_smallest);
    tcase_add_test(groups, handles_outlive_their_context);
    tcase_add_test(groups, accessors_answer_nothing_where_there_is_nothing);
    tcase_add_test(groups, null_layouts_are_empty);
    TCase *rollups = add_case(suite, "roll-ups", make_context, free_context);
    tcase_add_loop_test(rollups, heads_are_rolled_up_within_and_across, 0, 2);
    tcase_add_test(rollups, the_part_with_more_heads_may_be_the_second);
    tcase_add_test(rollups, rollups_of_fewer_than_two_pair_groups_are_left_out);
    tcase_add_test(rollups, heads_that_do_not_divide_have_no_within_and_across);
    tcase_add_test(rollups, own_rollups_are_rows_behind_the_pair_groups);
    tcase_add_test(rollups, bad_rollups_are_refused_and_change_nothing);
    TCase *pieces = add_case(suite, "pieces", make_context, free_context);
    tcase_add_test(pieces, each_pair_group_is_in_one_piece_and_pieces_are_about_equal);
    tcase_add_test(pieces, a_piece_is_of_few_groups);
    tcase_add_test(pieces, a_group_that_outweighs_all_leaves_a_pair_group_for_each_piece);
    tcase_add_test(pieces, bad_pieces_are_refused);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, features_that_3_does_not_divide_are_named);
    tcase_add_test(bad, bad_widths_are_refused);
    tcase_add_test(bad, names_that_are_empty_missing_or_twice_are_refused);
    tcase_add_test(bad, groups_are_refused_where_two_rows_would_share_a_name);
    tcase_add_test(bad, the_shared_name_and_its_groups_are_named);
    tcase_add_test(bad, a_width_must_be_a_multiple_of_its_heads);
    tcase_add_test(bad, rollups_of_heads_with_the_name_of_another_row_are_refused);
    tcase_add_test(bad, interleaved_heads_must_be_multiples_of_the_smallest);
    tcase_add_test(bad, bad_heads_are_refused);
    tcase_add_test(bad, labels_out_of_range_or_groups_without_features_are_refused);
    tcase_add_test(bad, a_null_context_is_refused);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 6);
    return run_suite(suite);
}
