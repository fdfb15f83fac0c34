/* Computations in pieces: what is merged is what one run gives, to the bit, and pieces that do not
 * belong together are refused. */
#include <qkvsim/qkvsim.h>

#include "fixtures.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

enum { OBSERVATIONS = 24, FEATURES = 9, PIECES = 7 };

static table data;
static stored input;
static qkvsim_input read; /* of it */
static qkvsim_layout *layout;

static void set_up(void)
{
    static const int64_t widths[] = { 4, 2, 3 };
    static const int32_t rolled[] = { 0, 3, 5 };
    make_context();
    data = table_with_offsets(OBSERVATIONS, FEATURES, 2, 5);
    table_set_constant(&data, 5, 3);
    input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    read = *INPUT(&input.view, 1);
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 3, &layout));
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "within", rolled, 3));
}

static void tear_down(void)
{
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    free_context();
}

/* Uneven lengths of seven pieces; what is left is the last one's. */
static int64_t piece_first(int64_t total, int piece)
{
    static const int64_t thousandths[] = { 0, 1, 130, 131, 400, 640, 999, 1000 };
    return total * thousandths[piece] / 1000;
}

static void shuffle_pieces(void **pieces, uint64_t seed)
{
    random_source source = { seed };
    for (int k = PIECES - 1; k > 0; k--) {
        const int64_t other = random_below(&source, k + 1);
        void *held = pieces[k];
        pieces[k] = pieces[other];
        pieces[other] = held;
    }
}

/* Same packed, same in everything: all that a handle holds is in its bytes. */
#define ASSERT_SAME(type, one, other)                                                              \
    do {                                                                                           \
        const int64_t whole_size = qkvsim_##type##_packed_size(one);                               \
        ck_assert_int_eq(whole_size, qkvsim_##type##_packed_size(other));                          \
        unsigned char *a = malloc((size_t)whole_size), *b = malloc((size_t)whole_size);            \
        assert_ok(context, qkvsim_##type##_pack(context, one, a, whole_size));                     \
        assert_ok(context, qkvsim_##type##_pack(context, other, b, whole_size));                   \
        ck_assert(memcmp(a, b, (size_t)whole_size) == 0);                                          \
        free(a);                                                                                   \
        free(b);                                                                                   \
    } while (0)

/* ---- permutations ---- */

static qkvsim_baseline_options baseline_options(int64_t first, int64_t count)
{
    return (qkvsim_baseline_options){ .struct_size = sizeof(qkvsim_baseline_options),
                                      .permutations = count,
                                      .first = first,
                                      .seed = 7,
                                      .scheme = QKVSIM_SCHEME_FEATURE };
}

static qkvsim_baseline *run_baseline(const qkvsim_baseline_options *options)
{
    const qkvsim_analysis_options analysis = { .struct_size = sizeof analysis,
                                               .metrics = METRICS_SUM };
    qkvsim_baseline *baseline = NULL;
    assert_ok(context, qkvsim_baseline_run(context, &read, layout, &analysis, options, &baseline));
    return baseline;
}

static void free_baselines(void **pieces)
{
    for (int k = 0; k < PIECES; k++)
        qkvsim_baseline_free(pieces[k]);
}

static qkvsim_baseline *merge_baselines(void *const *pieces, int64_t count)
{
    qkvsim_baseline *merged = NULL;
    assert_ok(context, qkvsim_baseline_merge(context, (const qkvsim_baseline *const *)pieces, count,
                                             &merged));
    return merged;
}

/* Every summary of every statistic, adjusted p-values too, asked one by one. */
static void assert_same_summaries(const qkvsim_baseline *one, const qkvsim_baseline *other)
{
    for (int32_t row = 0; row < qkvsim_layout_pair_groups(layout) + 1; row++)
        for (int m = 0; m < 3; m++)
            for (int k = 0; kept_statistic(every_metric[m], k) != 0; k++)
                for (int32_t s = 1; s < 40; s++) {
                    const int32_t statistic = kept_statistic(every_metric[m], k);
                    const double a =
                        qkvsim_baseline_statistic(one, row, every_metric[m], statistic, s);
                    const double b =
                        qkvsim_baseline_statistic(other, row, every_metric[m], statistic, s);
                    if (memcmp(&a, &b, sizeof a) != 0 && (a == a || b == b))
                        ck_abort_msg("row %d, statistic %d, summary %d: %.17g and %.17g", (int)row,
                                     (int)statistic, (int)s, a, b);
                }
}

START_TEST(permutations_in_seven_pieces_in_any_order_are_those_of_one_run)
{
    const qkvsim_baseline_options all = baseline_options(0, 1000);
    qkvsim_baseline *whole = run_baseline(&all);
    void *pieces[PIECES];
    for (int k = 0; k < PIECES; k++) {
        const int64_t first = piece_first(1000, k);
        const qkvsim_baseline_options part =
            baseline_options(first, piece_first(1000, k + 1) - first);
        pieces[k] = run_baseline(&part);
        ck_assert_int_eq(qkvsim_baseline_first(pieces[k]), first);
    }
    for (uint64_t order = 0; order < 5; order++) {
        shuffle_pieces(pieces, order);
        qkvsim_baseline *merged = merge_baselines(pieces, PIECES);
        ck_assert_int_eq(qkvsim_baseline_permutations(merged), 1000);
        ck_assert_int_eq(qkvsim_baseline_first(merged), 0);
        assert_same_summaries(whole, merged);
        ASSERT_SAME(baseline, whole, merged);
        qkvsim_baseline_free(merged);
    }
    free_baselines(pieces);
    qkvsim_baseline_free(whole);
}
END_TEST

START_TEST(what_was_merged_merges_again)
{
    const qkvsim_baseline_options parts[] = { baseline_options(0, 10), baseline_options(10, 3),
                                              baseline_options(13, 30) };
    const qkvsim_baseline_options all = baseline_options(0, 43);
    void *pieces[3];
    for (int k = 0; k < 3; k++)
        pieces[k] = run_baseline(&parts[k]);
    qkvsim_baseline *whole = run_baseline(&all), *back = merge_baselines(pieces + 1, 2);
    ck_assert_int_eq(qkvsim_baseline_first(back), 10);
    void *both[] = { back, pieces[0] };
    qkvsim_baseline *merged = merge_baselines(both, 2), *alone = merge_baselines(pieces, 1);
    ASSERT_SAME(baseline, whole, merged);
    ASSERT_SAME(baseline, (qkvsim_baseline *)pieces[0], alone);
    for (int k = 0; k < 3; k++)
        qkvsim_baseline_free(pieces[k]);
    qkvsim_baseline_free(back);
    qkvsim_baseline_free(whole);
    qkvsim_baseline_free(merged);
    qkvsim_baseline_free(alone);
}
END_TEST

/* Two groups have 24 rotations against each other: all are taken, where the total is known to reach
 * them. */
START_TEST(pieces_of_all_different_permutations_need_the_total)
{
    static const int64_t widths[] = { 5, 4 };
    qkvsim_layout_free(layout);
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 2, &layout));
    qkvsim_baseline_options all = baseline_options(0, 100);
    all.scheme = QKVSIM_SCHEME_OBSERVATIONS_SHIFT;
    qkvsim_baseline *whole = run_baseline(&all);
    ck_assert_int_eq(qkvsim_baseline_enumerated(whole), 1);
    void *pieces[PIECES];
    for (int k = 0; k < PIECES; k++) {
        static const int64_t first[] = { 0, 1, 13, 14, 40, 64, 99, 100 }; /* some have none */
        qkvsim_baseline_options part = all;
        part.first = first[k];
        part.permutations = first[k + 1] - first[k];
        part.total = 100;
        pieces[k] = run_baseline(&part);
        ck_assert_int_eq(qkvsim_baseline_enumerated(pieces[k]), 1);
    }
    shuffle_pieces(pieces, 3);
    qkvsim_baseline *merged = merge_baselines(pieces, PIECES);
    ck_assert_int_eq(qkvsim_baseline_permutations(merged), 23);
    ASSERT_SAME(baseline, whole, merged);
    qkvsim_baseline_options first = all, second = all;
    first.permutations = 20;
    second.first = second.permutations = 20;
    void *blind[] = { run_baseline(&first), run_baseline(&second) };
    ck_assert_int_eq(qkvsim_baseline_enumerated(blind[0]), 0);
    qkvsim_baseline *none = POISON_HANDLE;
    assert_status(context,
                  qkvsim_baseline_merge(context, (const qkvsim_baseline *const *)blind, 2, &none),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "there are 23 different permutations, which piece 1, of 40 in all");
    ck_assert_ptr_eq(none, POISON_HANDLE);
    qkvsim_baseline_free(blind[0]);
    qkvsim_baseline_free(blind[1]);
    free_baselines(pieces);
    qkvsim_baseline_free(merged);
    qkvsim_baseline_free(whole);
}
END_TEST

/* A piece that differs from the first in one thing, and what the message says. */
static void assert_refused(qkvsim_baseline *one, qkvsim_baseline *other, const char *text)
{
    const qkvsim_baseline *pieces[] = { one, other };
    qkvsim_baseline *merged = POISON_HANDLE;
    assert_status(context, qkvsim_baseline_merge(context, pieces, 2, &merged),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    assert_message_has(context, text);
    qkvsim_baseline_free(other);
}

static qkvsim_baseline *run_other(const qkvsim_analysis_options *analysis,
                                  const qkvsim_baseline_options *options)
{
    qkvsim_baseline *baseline = NULL;
    assert_ok(context, qkvsim_baseline_run(context, &read, layout, analysis, options, &baseline));
    return baseline;
}

START_TEST(pieces_that_were_permuted_otherwise_are_refused)
{
    int32_t segments[OBSERVATIONS] = { 0 };
    const qkvsim_baseline_options mine = baseline_options(0, 10);
    qkvsim_baseline *one = run_baseline(&mine);
    qkvsim_baseline_options other = baseline_options(10, 5);
    other.seed = 8;
    assert_refused(one, run_baseline(&other), "piece 1 has seed 8, and piece 0 has 7");
    other = baseline_options(10, 5);
    other.scheme = QKVSIM_SCHEME_SHIFT;
    assert_refused(one, run_baseline(&other), "scheme");
    other = baseline_options(10, 5);
    segments[0] = 1;
    read.segments = segments;
    assert_refused(one, run_baseline(&other), "segments");
    read.segments = NULL;
    other = baseline_options(9, 5);
    assert_refused(one, run_baseline(&other), "permutations 0 to 9 and 9 to 13");
    other = baseline_options(12, 5);
    assert_refused(one, run_baseline(&other), "permutations 10 to 11");
    other = baseline_options(0, 10);
    other.exceedances = 10;
    assert_refused(one, run_baseline(&other), "exceedances");
    qkvsim_baseline_free(one);
}
END_TEST

START_TEST(pieces_of_another_analysis_are_refused)
{
    static const int32_t listed[] = { 0, 1 };
    const qkvsim_baseline_options mine = baseline_options(0, 10), next = baseline_options(10, 5);
    const qkvsim_analysis_options plain = { .struct_size = sizeof plain };
    qkvsim_baseline *one = run_other(&plain, &mine);
    qkvsim_analysis_options other = plain;
    other.metrics = QKVSIM_METRIC_PEARSON;
    assert_refused(one, run_other(&other, &next), "metrics 2, and piece 0 has 3");
    read.arithmetic = QKVSIM_DTYPE_F64;
    assert_refused(one, run_other(&plain, &next), "arithmetic 4, and piece 0 has 3");
    read.arithmetic = 0;
    const qkvsim_bins bins = { .struct_size = sizeof bins, .count = 50, .low = -1, .high = 1 };
    const qkvsim_bins wide = { .struct_size = sizeof bins, .count = 100, .low = -2, .high = 1 };
    other = plain;
    other.bins = &bins;
    assert_refused(one, run_other(&other, &next), "bins 50, and piece 0 has 100");
    other.bins = &wide;
    assert_refused(one, run_other(&other, &next), "edge 0 of the bins is -2");
    other = plain;
    other.pair_groups = listed;
    other.pair_group_count = 2;
    assert_refused(one, run_other(&other, &next), "pair group 2");
    input.view.observations--;
    assert_refused(one, run_other(&plain, &next), "observations 23, and piece 0 has 24");
    input.view.observations++;
    ((float *)input.memory)[FEATURES * (OBSERVATIONS - 1)] +=
        1; /* the last observation is sampled */
    assert_refused(one, run_other(&plain, &next), "fingerprint");
    ((float *)input.memory)[FEATURES * (OBSERVATIONS - 1)] -= 1;
    qkvsim_baseline_free(one);
}
END_TEST

/* A value that the fingerprint does not sample still shows in what was observed. */
START_TEST(pieces_of_another_layout_or_value_are_refused)
{
    static const int64_t widths[] = { 3, 3, 3 };
    static const char *const names[] = { "Q", "K", "X" };
    const qkvsim_baseline_options mine = baseline_options(0, 10), next = baseline_options(10, 5);
    qkvsim_baseline *one = run_baseline(&mine);
    qkvsim_layout *own = layout;
    float *value = (float *)input.memory + FEATURES * 4;
    *value += 1;
    assert_refused(one, run_baseline(&next), "differs in its bits");
    *value -= 1;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 3, &layout));
    assert_refused(one, run_baseline(&next), "roll-ups 0, and piece 0 has 1");
    assert_ok(context,
              qkvsim_layout_add_rollup(context, layout, "within", (int32_t[]){ 0, 3, 5 }, 3));
    assert_refused(one, run_baseline(&next),
                   "feature 3 in group 1, and that of piece 0 in group 0");
    qkvsim_layout_free(layout);
    assert_ok(context, qkvsim_layout_widths(context, (int64_t[]){ 4, 2, 3 }, names, 3, &layout));
    assert_ok(context,
              qkvsim_layout_add_rollup(context, layout, "within", (int32_t[]){ 0, 3, 5 }, 3));
    assert_refused(one, run_baseline(&next), "Q-X");
    qkvsim_layout_free(layout);
    assert_ok(context, qkvsim_layout_widths(context, (int64_t[]){ 4, 2, 3 }, NULL, 3, &layout));
    assert_ok(context,
              qkvsim_layout_add_rollup(context, layout, "within", (int32_t[]){ 0, 3, 4 }, 3));
    assert_refused(one, run_baseline(&next), "roll-up within");
    qkvsim_layout_free(layout);
    layout = own;
    qkvsim_baseline_free(one);
}
END_TEST

START_TEST(baselines_refuse_nulls_and_ranges_that_are_none)
{
    const qkvsim_baseline_options mine = baseline_options(0, 10);
    qkvsim_baseline *one = run_baseline(&mine), *merged = POISON_HANDLE;
    const qkvsim_baseline *pieces[] = { one, NULL };
    const int32_t invalid = QKVSIM_ERROR_INVALID_ARGUMENT;
    assert_status(context, qkvsim_baseline_merge(context, NULL, 1, &merged), invalid);
    assert_status(context, qkvsim_baseline_merge(context, pieces, 0, &merged), invalid);
    assert_status(context, qkvsim_baseline_merge(context, pieces, -1, &merged), invalid);
    assert_status(context, qkvsim_baseline_merge(context, pieces, 2, &merged), invalid);
    assert_message_has_number(context, 1);
    assert_status(context, qkvsim_baseline_merge(context, pieces, 1, NULL), invalid);
    ck_assert_int_eq(qkvsim_baseline_merge(NULL, pieces, 1, &merged), invalid);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    ck_assert_int_eq(qkvsim_baseline_first(NULL), 0);
    const int64_t wrong[][3] = { { -1, 1, 0 },  { UINT32_MAX, 1, 0 }, { INT64_MAX, 1, 0 },
                                 { 5, 10, 14 }, { 5, 10, INT64_MAX }, { 0, 1, -1 } };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        qkvsim_baseline_options options = baseline_options(wrong[k][0], wrong[k][1]);
        options.total = wrong[k][2];
        assert_status(context, qkvsim_baseline_run(context, &read, layout, NULL, &options, &merged),
                      invalid);
    }
    qkvsim_baseline_options stopping = baseline_options(5, 10);
    stopping.exceedances = 2;
    assert_status(context, qkvsim_baseline_run(context, &read, layout, NULL, &stopping, &merged),
                  invalid);
    qkvsim_baseline_free(one);
}
END_TEST

static const qkvsim_baseline *failing[2];

static qkvsim_status merge_and_free(qkvsim_context *poor, void *argument)
{
    qkvsim_baseline *merged = POISON_HANDLE;
    const qkvsim_status status = qkvsim_baseline_merge(poor, failing, 2, &merged);
    (void)argument;
    if (status == QKVSIM_OK)
        qkvsim_baseline_free(merged);
    else
        ck_assert_ptr_eq(merged, POISON_HANDLE);
    return status;
}

START_TEST(merging_baselines_survives_failing_allocations)
{
    const qkvsim_baseline_options parts[] = { baseline_options(0, 10), baseline_options(10, 3) };
    qkvsim_baseline *pieces[] = { run_baseline(&parts[0]), run_baseline(&parts[1]) };
    failing[0] = pieces[0];
    failing[1] = pieces[1];
    assert_survives_failing_allocations(merge_and_free, NULL);
    qkvsim_baseline_free(pieces[0]);
    qkvsim_baseline_free(pieces[1]);
}
END_TEST

/* ---- resamples ---- */

static qkvsim_interval_options interval_options(int64_t first, int64_t count)
{
    return (qkvsim_interval_options){ .struct_size = sizeof(qkvsim_interval_options),
                                      .method = QKVSIM_METHOD_BOOTSTRAP,
                                      .resamples = count,
                                      .first = first,
                                      .total = 200,
                                      .seed = 7 };
}

static qkvsim_intervals *run_intervals(const qkvsim_interval_options *options)
{
    static const int64_t mine[] = { 0, 1, 2, 3, 5, 6, 8, 9, 12, 14, 15, 16 };
    static const int64_t others[] = { 4, 7, 10, 11, 13, 17, 18, 19, 20, 21, 22 };
    const qkvsim_selection first = { sizeof first, mine, NULL, 12 };
    const qkvsim_selection second = { sizeof second, others, NULL, 11 };
    qkvsim_intervals *intervals = NULL;
    read.selection = &first;
    assert_ok(context,
              qkvsim_intervals_run(context, &read, &second, layout, NULL, options, &intervals));
    read.selection = NULL;
    return intervals;
}

static const qkvsim_intervals *failing_intervals[2];

static qkvsim_status merge_intervals_and_free(qkvsim_context *poor, void *argument)
{
    qkvsim_intervals *merged = POISON_HANDLE;
    const qkvsim_status status = qkvsim_intervals_merge(poor, failing_intervals, 2, &merged);
    (void)argument;
    if (status == QKVSIM_OK)
        qkvsim_intervals_free(merged);
    else
        ck_assert_ptr_eq(merged, POISON_HANDLE);
    return status;
}

START_TEST(resamples_in_seven_pieces_in_any_order_are_those_of_one_run)
{
    const qkvsim_interval_options all = interval_options(0, 200);
    static const int64_t first[] = { 0, 1, 26, 27, 80, 128, 199, 200 };
    qkvsim_intervals *whole = run_intervals(&all);
    void *pieces[PIECES];
    for (int k = 0; k < PIECES; k++) {
        const qkvsim_interval_options part = interval_options(first[k], first[k + 1] - first[k]);
        pieces[k] = run_intervals(&part);
    }
    for (uint64_t order = 0; order < 5; order++) {
        qkvsim_intervals *merged = NULL;
        shuffle_pieces(pieces, order);
        assert_ok(context, qkvsim_intervals_merge(context, (const qkvsim_intervals *const *)pieces,
                                                  PIECES, &merged));
        ASSERT_SAME(intervals, whole, merged);
        qkvsim_intervals_free(merged);
    }
    for (int k = 0; k < PIECES; k++)
        qkvsim_intervals_free(pieces[k]);
    qkvsim_intervals_free(whole);
}
END_TEST

static void assert_intervals_refused(const qkvsim_intervals *one, qkvsim_intervals *other,
                                     const char *text)
{
    const qkvsim_intervals *pieces[] = { one, other };
    qkvsim_intervals *merged = POISON_HANDLE;
    assert_status(context, qkvsim_intervals_merge(context, pieces, 2, &merged),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    assert_message_has(context, text);
    qkvsim_intervals_free(other);
}

START_TEST(resamples_that_do_not_belong_together_are_refused)
{
    const qkvsim_interval_options mine = interval_options(0, 10);
    qkvsim_intervals *one = run_intervals(&mine), *alone = NULL;
    qkvsim_interval_options other = interval_options(10, 5);
    other.seed = 8;
    assert_intervals_refused(one, run_intervals(&other), "piece 1 has seed 8, and piece 0 has 7");
    other = interval_options(10, 5);
    other.block_length = 2;
    assert_intervals_refused(one, run_intervals(&other), "block length 2");
    other = interval_options(10, 5);
    other.level = 0.5;
    assert_intervals_refused(one, run_intervals(&other), "level 0.5");
    other = interval_options(9, 5);
    assert_intervals_refused(one, run_intervals(&other), "resamples 0 to 9 and 9 to 13");
    other = interval_options(11, 5);
    assert_intervals_refused(one, run_intervals(&other), "resamples 10 to 10");
    const qkvsim_interval_options plain = { .struct_size = sizeof plain };
    assert_intervals_refused(one, run_intervals(&plain), "jackknife");
    other = interval_options(10, 5);
    assert_ok(context, qkvsim_intervals_run(context, &read, NULL, layout, NULL, &other, &alone));
    assert_intervals_refused(one, alone, "selections 1, and piece 0 has 2");
    float *value = (float *)input.memory + FEATURES * 6; /* that the fingerprint does not sample */
    *value += 1;
    assert_intervals_refused(one, run_intervals(&other), "differs in its bits");
    *value -= 1;
    assert_intervals_refused(one, NULL, "piece 1 is NULL");
    qkvsim_intervals_free(one);
}
END_TEST

START_TEST(intervals_refuse_ranges_that_are_none_and_failing_allocations)
{
    const int64_t wrong[][3] = { { -1, 20, 0 }, { UINT32_MAX, 20, 0 }, { 5, 20, 24 }, { 0, 10, 19 },
                                 { 0, 19, 0 },  { 0, 20, INT64_MAX },  { 0, 20, -1 } };
    qkvsim_intervals *merged = POISON_HANDLE;
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        qkvsim_interval_options options = interval_options(wrong[k][0], wrong[k][1]);
        options.total = wrong[k][2];
        assert_status(context,
                      qkvsim_intervals_run(context, &read, NULL, layout, NULL, &options, &merged),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    }
    const qkvsim_interval_options jackknife = { .struct_size = sizeof jackknife, .first = 1 };
    assert_status(context,
                  qkvsim_intervals_run(context, &read, NULL, layout, NULL, &jackknife, &merged),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    const qkvsim_interval_options parts[] = { interval_options(0, 5), interval_options(5, 3) };
    qkvsim_intervals *pieces[] = { run_intervals(&parts[0]), run_intervals(&parts[1]) };
    failing_intervals[0] = pieces[0];
    failing_intervals[1] = pieces[1];
    assert_survives_failing_allocations(merge_intervals_and_free, NULL);
    qkvsim_intervals_free(pieces[0]);
    qkvsim_intervals_free(pieces[1]);
}
END_TEST

/* ---- relabellings ---- */

/* Of unequal sizes, so that subsets are drawn; segments of three observations. */
static qkvsim_comparison *run_comparison(const qkvsim_analysis_options *analysis,
                                         const qkvsim_comparison_options *options)
{
    static const int64_t mine[] = { 0, 1, 2, 6, 7, 8, 12, 13, 14 };
    static const int64_t others[] = { 3, 4, 5, 9, 10, 11, 15, 16, 17, 18, 19, 20, 21, 22 };
    const qkvsim_selection first = { sizeof first, mine, NULL, 9 };
    const qkvsim_selection second = { sizeof second, others, NULL, 14 };
    qkvsim_comparison *comparison = NULL;
    read.selection = &first;
    assert_ok(context, qkvsim_comparison_run(context, &read, &second, layout, analysis, options,
                                             &comparison));
    read.selection = NULL;
    return comparison;
}

static qkvsim_comparison_options comparison_options(int64_t first, int64_t count)
{
    return (qkvsim_comparison_options){ .struct_size = sizeof(qkvsim_comparison_options),
                                        .permutations = count,
                                        .first = first,
                                        .seed = 7 };
}

static const qkvsim_analysis_options every_value = { .struct_size = sizeof every_value,
                                                     .metrics = METRICS_SUM };
static const qkvsim_analysis_options only_pearson = { .struct_size = sizeof only_pearson,
                                                      .metrics = QKVSIM_METRIC_PEARSON };

static void free_comparisons(void **pieces)
{
    for (int k = 0; k < PIECES; k++)
        qkvsim_comparison_free(pieces[k]);
}

static void assert_same_number(double a, double b, int32_t row, int32_t s)
{
    if (memcmp(&a, &b, sizeof a) != 0 && (a == a || b == b))
        ck_abort_msg("row %d, summary %d: %.17g and %.17g", (int)row, (int)s, a, b);
}

/* Every summary of every difference, distance and subset, asked one by one. */
static void assert_same_comparison(const qkvsim_comparison *one, const qkvsim_comparison *other)
{
    for (int32_t row = 0; row < qkvsim_layout_pair_groups(layout) + 1; row++)
        for (int m = 0; m < 3; m++)
            for (int32_t s = 1; s < 40; s++) {
                const int32_t metric = every_metric[m];
                for (int k = 0; kept_statistic(metric, k) != 0; k++) {
                    const int32_t of = kept_statistic(metric, k);
                    assert_same_number(qkvsim_comparison_difference(one, row, metric, of, s),
                                       qkvsim_comparison_difference(other, row, metric, of, s), row,
                                       s);
                    assert_same_number(qkvsim_comparison_matched(one, row, metric, of, s),
                                       qkvsim_comparison_matched(other, row, metric, of, s), row,
                                       s);
                }
                for (int32_t d = QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV;
                     d <= QKVSIM_DISTANCE_JENSEN_SHANNON; d++)
                    assert_same_number(qkvsim_comparison_distance(one, row, metric, d, s),
                                       qkvsim_comparison_distance(other, row, metric, d, s), row,
                                       s);
            }
    int32_t rows;
    int64_t bins;
    for (int32_t s = QKVSIM_SUMMARY_MEAN; s <= QKVSIM_SUMMARY_MAXIMUM; s++) {
        const double *a = qkvsim_comparison_bands(one, QKVSIM_METRIC_PEARSON, s, &rows, &bins);
        const double *b = qkvsim_comparison_bands(other, QKVSIM_METRIC_PEARSON, s, &rows, &bins);
        ck_assert(rows > 0 && memcmp(a, b, (size_t)rows * (size_t)bins * sizeof *a) == 0);
    }
}

/* One run against seven pieces in several orders. */
static void check_relabellings(const qkvsim_analysis_options *analysis,
                               const qkvsim_comparison_options *options)
{
    qkvsim_comparison *whole = run_comparison(analysis, options);
    void *pieces[PIECES];
    for (int k = 0; k < PIECES; k++) {
        qkvsim_comparison_options part = *options;
        part.first = piece_first(options->permutations, k);
        part.permutations = piece_first(options->permutations, k + 1) - part.first;
        part.total = options->permutations;
        pieces[k] = run_comparison(analysis, &part);
        ck_assert_int_eq(qkvsim_comparison_first_permutation(pieces[k]), part.first);
        ck_assert_int_eq(qkvsim_comparison_first_subset(pieces[k]), part.first);
        ck_assert_int_eq(qkvsim_comparison_total(pieces[k]), part.total);
    }
    for (uint64_t order = 0; order < 5; order++) {
        qkvsim_comparison *merged = NULL;
        shuffle_pieces(pieces, order);
        assert_ok(context, qkvsim_comparison_merge(
                               context, (const qkvsim_comparison *const *)pieces, PIECES, &merged));
        assert_same_comparison(whole, merged);
        ASSERT_SAME(comparison, whole, merged);
        qkvsim_comparison_free(merged);
    }
    free_comparisons(pieces);
    qkvsim_comparison_free(whole);
}

/* As many as p-values by a fit to the tail need. */
START_TEST(relabellings_in_seven_pieces_in_any_order_are_those_of_one_run)
{
    const qkvsim_comparison_options all = comparison_options(0, 1000);
    check_relabellings(&every_value, &all);
}
END_TEST

START_TEST(relabellings_of_centred_values_and_of_segments_are_put_together_too)
{
    int32_t segments[OBSERVATIONS];
    for (int k = 0; k < OBSERVATIONS; k++)
        segments[k] = k / 3;
    qkvsim_comparison_options options = comparison_options(0, 40);
    read.segments = segments;
    options.centred = 1;
    options.relabel = QKVSIM_RELABEL_SHIFT;
    check_relabellings(&only_pearson, &options);
    options.relabel = QKVSIM_RELABEL_LABELS;
    options.exchange = QKVSIM_EXCHANGE_SEGMENTS;
    check_relabellings(&only_pearson, &options);
    read.segments = NULL;
}
END_TEST

/* 23 rotations of the labels: all are taken, where the total is known to reach them, and the last
 * pieces have none. */
START_TEST(pieces_of_all_different_relabellings_need_the_total)
{
    qkvsim_comparison_options all = comparison_options(0, 100);
    all.relabel = QKVSIM_RELABEL_SHIFT;
    qkvsim_comparison *whole = run_comparison(&only_pearson, &all), *none = POISON_HANDLE;
    ck_assert_int_eq(qkvsim_comparison_enumerated(whole), 1);
    ck_assert_int_eq(qkvsim_comparison_permutations(whole), 22);
    ck_assert_int_eq(qkvsim_comparison_subsets(whole), 100);
    qkvsim_comparison_free(whole);
    check_relabellings(&only_pearson, &all);
    qkvsim_comparison_options first = all, second = all;
    first.permutations = 20;
    second.first = second.permutations = 20;
    void *blind[] = { run_comparison(&only_pearson, &first),
                      run_comparison(&only_pearson, &second) };
    assert_status(
        context,
        qkvsim_comparison_merge(context, (const qkvsim_comparison *const *)blind, 2, &none),
        QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "there are 22 different relabellings, which piece 1, of 40 in all");
    ck_assert_ptr_eq(none, POISON_HANDLE);
    qkvsim_comparison_free(blind[0]);
    qkvsim_comparison_free(blind[1]);
}
END_TEST

/* Subsets may be divided otherwise than relabellings. */
START_TEST(merged_comparisons_merge_again_and_subsets_have_pieces_of_their_own)
{
    qkvsim_comparison_options all = comparison_options(0, 30);
    qkvsim_comparison_options parts[] = { comparison_options(0, 3), comparison_options(3, 17),
                                          comparison_options(20, 10) };
    static const int64_t subsets[] = { 9, 1, 5 }, firsts[] = { 6, 0, 1 };
    all.subsets = 15;
    qkvsim_comparison *whole = run_comparison(&every_value, &all), *pieces[3], *back = NULL,
                      *merged = NULL;
    for (int k = 0; k < 3; k++) {
        parts[k].subsets = subsets[k];
        parts[k].first_subset = firsts[k];
        pieces[k] = run_comparison(&every_value, &parts[k]);
    }
    const qkvsim_comparison *last[] = { pieces[2], pieces[1] };
    assert_ok(context, qkvsim_comparison_merge(context, last, 2, &back));
    ck_assert_int_eq(qkvsim_comparison_first_permutation(back), 3);
    ck_assert_int_eq(qkvsim_comparison_first_subset(back), 0);
    const qkvsim_comparison *both[] = { back, pieces[0] };
    assert_ok(context, qkvsim_comparison_merge(context, both, 2, &merged));
    ASSERT_SAME(comparison, whole, merged);
    for (int k = 0; k < 3; k++)
        qkvsim_comparison_free(pieces[k]);
    qkvsim_comparison_free(back);
    qkvsim_comparison_free(merged);
    qkvsim_comparison_free(whole);
}
END_TEST

/* Without relabellings there are distances alone, which are each piece's. */
START_TEST(descriptive_comparisons_merge_to_themselves)
{
    const qkvsim_comparison_options none = comparison_options(0, 0);
    qkvsim_comparison *one = run_comparison(&every_value, &none), *merged = NULL;
    const qkvsim_comparison *twice[] = { one, one };
    assert_ok(context, qkvsim_comparison_merge(context, twice, 2, &merged));
    ASSERT_SAME(comparison, one, merged);
    qkvsim_comparison_free(one);
    qkvsim_comparison_free(merged);
}
END_TEST

static void assert_comparisons_refused(const qkvsim_comparison *one, qkvsim_comparison *other,
                                       const char *text)
{
    const qkvsim_comparison *pieces[] = { one, other };
    qkvsim_comparison *merged = POISON_HANDLE;
    assert_status(context, qkvsim_comparison_merge(context, pieces, 2, &merged),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    assert_message_has(context, text);
    qkvsim_comparison_free(other);
}

START_TEST(relabellings_that_do_not_belong_together_are_refused)
{
    int32_t segments[OBSERVATIONS] = { 1 };
    const qkvsim_comparison_options mine = comparison_options(0, 10);
    qkvsim_comparison_options other = comparison_options(10, 5);
    qkvsim_comparison *one = run_comparison(&only_pearson, &mine);
    other.seed = 8;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other),
                               "piece 1 has seed 8, and piece 0 has 7");
    other = comparison_options(10, 5);
    other.relabel = QKVSIM_RELABEL_SHIFT;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other), "relabelling 2");
    other = comparison_options(10, 5);
    other.centred = 1;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other), "centred 1");
    other = comparison_options(10, 5);
    read.segments = segments;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other), "segments");
    read.segments = NULL;
    assert_comparisons_refused(one, run_comparison(&every_value, &other), "metrics");
    float *value = (float *)input.memory + FEATURES * 5; /* that the fingerprint does not sample */
    *value += 1;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other), "differs in its bits");
    *value -= 1;
    other = comparison_options(9, 5);
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other),
                               "relabellings 0 to 9 and 9 to 13");
    other = comparison_options(12, 5);
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other), "relabellings 10 to 11");
    other = comparison_options(10, 5);
    other.subsets = 5;
    other.first_subset = 9;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other),
                               "matched subsets 0 to 9 and 9 to 13");
    other.first_subset = 11;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other),
                               "matched subsets 10 to 10");
    other = comparison_options(0, 10);
    other.exceedances = 10;
    assert_comparisons_refused(one, run_comparison(&only_pearson, &other), "exceedances");
    assert_comparisons_refused(one, NULL, "piece 1 is NULL");
    qkvsim_comparison_free(one);
}
END_TEST

START_TEST(comparisons_refuse_ranges_that_are_none)
{
    /* first, permutations, total, first_subset, subsets */
    const int64_t wrong[][5] = {
        { -1, 1, 0, 0, 0 },  { UINT32_MAX - 1, 1, 0, 0, 0 }, { INT64_MAX, 1, 0, 0, 0 },
        { 5, 10, 14, 0, 0 }, { 5, 10, INT64_MAX, 0, 0 },     { 0, 1, -1, 0, 0 },
        { 0, 1, 0, -1, 5 },  { 0, 1, 0, UINT32_MAX - 5, 5 }, { 0, 1, 0, 3, 0 },
        { 0, -1, 0, 0, 0 },  { 0, UINT32_MAX, 0, 0, 0 },     { 0, 1, 0, 0, -1 },
    };
    const qkvsim_selection some = { sizeof some, (int64_t[]){ 0, 1, 2 }, NULL, 3 };
    const qkvsim_selection more = { sizeof more, (int64_t[]){ 3, 4, 5 }, NULL, 3 };
    qkvsim_comparison *made = POISON_HANDLE;
    read.selection = &some;
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        qkvsim_comparison_options options = comparison_options(wrong[k][0], wrong[k][1]);
        options.total = wrong[k][2];
        options.first_subset = wrong[k][3];
        options.subsets = wrong[k][4];
        assert_status(context,
                      qkvsim_comparison_run(context, &read, &more, layout, NULL, &options, &made),
                      QKVSIM_ERROR_INVALID_ARGUMENT);
    }
    qkvsim_comparison_options stopping = comparison_options(5, 10);
    stopping.exceedances = 2;
    assert_status(context,
                  qkvsim_comparison_run(context, &read, &more, layout, NULL, &stopping, &made),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "has to begin at 0");
    read.selection = NULL;
    ck_assert_ptr_eq(made, POISON_HANDLE);
    ck_assert_int_eq(qkvsim_comparison_first_permutation(NULL), 0);
    ck_assert_int_eq(qkvsim_comparison_first_subset(NULL), 0);
}
END_TEST

static const qkvsim_comparison *failing_comparisons[2];

static qkvsim_status merge_comparisons_and_free(qkvsim_context *poor, void *argument)
{
    qkvsim_comparison *merged = POISON_HANDLE;
    const qkvsim_status status = qkvsim_comparison_merge(poor, failing_comparisons, 2, &merged);
    (void)argument;
    if (status == QKVSIM_OK)
        qkvsim_comparison_free(merged);
    else
        ck_assert_ptr_eq(merged, POISON_HANDLE);
    return status;
}

START_TEST(merging_comparisons_refuses_nulls_and_survives_failing_allocations)
{
    const qkvsim_comparison_options parts[] = { comparison_options(0, 10),
                                                comparison_options(10, 3) };
    qkvsim_comparison *pieces[] = { run_comparison(&only_pearson, &parts[0]),
                                    run_comparison(&only_pearson, &parts[1]) },
                      *merged = POISON_HANDLE;
    failing_comparisons[0] = pieces[0];
    failing_comparisons[1] = pieces[1];
    assert_survives_failing_allocations(merge_comparisons_and_free, NULL);
    const int32_t invalid = QKVSIM_ERROR_INVALID_ARGUMENT;
    assert_status(context, qkvsim_comparison_merge(context, NULL, 1, &merged), invalid);
    assert_status(context, qkvsim_comparison_merge(context, failing_comparisons, 0, &merged),
                  invalid);
    assert_status(context, qkvsim_comparison_merge(context, failing_comparisons, -1, &merged),
                  invalid);
    assert_status(context, qkvsim_comparison_merge(context, failing_comparisons, 2, NULL), invalid);
    ck_assert_int_eq(qkvsim_comparison_merge(NULL, failing_comparisons, 2, &merged), invalid);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    qkvsim_comparison_free(pieces[0]);
    qkvsim_comparison_free(pieces[1]);
}
END_TEST

/* ---- pair groups ---- */

/* Wider than several panels, in groups of uneven widths that cross them. */
enum { MANY = 1300, GROUPS = 9, ALL_PAIR_GROUPS = GROUPS * (GROUPS + 1) / 2 };

typedef struct wide_case {
    table data;
    stored input;
    qkvsim_layout *layout;
    qkvsim_input read;
    qkvsim_analysis_options options;
} wide_case;

static int32_t wide_group(int64_t feature)
{
    static const int64_t ends[GROUPS] = { 1, 40, 333, 340, 700, 860, 861, 1290, MANY };
    int32_t g = 0;
    while (feature >= ends[g])
        g++;
    return g;
}

/* Features of a group lie apart, some are constant, some zero, one has a NaN. */
static wide_case make_wide(qkvsim_dtype dtype, int32_t metrics)
{
    static const int32_t rolled[] = { 0, 1, 7, 20, 44 }, other[] = { 2, 30 };
    static int32_t labels[MANY];
    wide_case made = { .data = table_with_offsets(21, MANY, 2, 5) };
    table_set_constant(&made.data, 5, 3);
    table_set_constant(&made.data, 801, 2);
    table_set_constant(&made.data, 330, 0);
    table_set_constant(&made.data, 1250, 0);
    *table_at(&made.data, 4, 77) = NAN;
    for (int64_t j = 0; j < MANY; j++)
        labels[j] = wide_group(j * 7 % MANY);
    made.input = store(&made.data, dtype, ORDER_C);
    assert_ok(context, qkvsim_layout_labels(context, labels, MANY, NULL, GROUPS, &made.layout));
    assert_ok(context, qkvsim_layout_add_rollup(context, made.layout, "some", rolled, 5));
    assert_ok(context, qkvsim_layout_add_rollup(context, made.layout, "more", other, 2));
    made.options =
        (qkvsim_analysis_options){ .struct_size = sizeof made.options, .metrics = metrics };
    return made;
}

static void free_wide(wide_case *wide)
{
    qkvsim_layout_free(wide->layout);
    stored_free(&wide->input);
    table_free(&wide->data);
}

/* Of the listed pair groups; all where the list is NULL. */
static qkvsim_analysis *analyse_wide(const wide_case *wide, const int32_t *listed, int32_t count,
                                     qkvsim_nonfinite nonfinite)
{
    qkvsim_analysis_options options = wide->options;
    options.pair_groups = listed;
    options.pair_group_count = count;
    qkvsim_analysis *analysis = NULL;
    assert_ok(context,
              qkvsim_analysis_run(context, INPUT(&wide->input.view, 1, .nonfinite = nonfinite),
                                  wide->layout, &options, &analysis));
    return analysis;
}

static void check_pair_groups(const wide_case *wide, int32_t count, qkvsim_nonfinite nonfinite)
{
    int32_t listed[ALL_PAIR_GROUPS];
    for (int32_t p = 0; p < count; p++)
        listed[p] = p * 13 % ALL_PAIR_GROUPS; /* 45 and 13 have no factor in common */
    qkvsim_analysis *whole = count == ALL_PAIR_GROUPS
                                 ? analyse_wide(wide, NULL, 0, nonfinite)
                                 : analyse_wide(wide, listed, count, nonfinite);
    void *pieces[PIECES];
    for (int k = 0; k < PIECES; k++) {
        const int32_t rest = count - PIECES, squares = PIECES * PIECES; /* one at least */
        const int32_t first = k + rest * k * k / squares;
        const int32_t end = k + 1 + rest * (k + 1) * (k + 1) / squares;
        pieces[k] = analyse_wide(wide, listed + first, end - first, nonfinite);
    }
    for (uint64_t order = 0; order < 3; order++) {
        qkvsim_analysis *merged = NULL;
        shuffle_pieces(pieces, order);
        assert_ok(context, qkvsim_analysis_merge(context, (const qkvsim_analysis *const *)pieces,
                                                 PIECES, &merged));
        ASSERT_SAME(analysis, whole, merged);
        qkvsim_analysis_free(merged);
    }
    for (int k = 0; k < PIECES; k++)
        qkvsim_analysis_free(pieces[k]);
    qkvsim_analysis_free(whole);
}

START_TEST(pair_groups_in_seven_pieces_in_any_order_are_those_of_one_run)
{
    wide_case wide = make_wide(_i == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64, METRICS_SUM);
    check_pair_groups(&wide, ALL_PAIR_GROUPS, QKVSIM_NONFINITE_UNDEFINED_FEATURE);
    check_pair_groups(&wide, ALL_PAIR_GROUPS, QKVSIM_NONFINITE_DROP_OBSERVATION);
    free_wide(&wide);
}
END_TEST

/* Some of all: those that no piece has are not there, nor a roll-up with one of them. */
START_TEST(pair_groups_of_one_metric_are_put_together_to_a_part_too)
{
    wide_case wide = make_wide(QKVSIM_DTYPE_F32, _i);
    check_pair_groups(&wide, 30, QKVSIM_NONFINITE_UNDEFINED_FEATURE);
    free_wide(&wide);
}
END_TEST

static qkvsim_analysis *analyse_stream(const qkvsim_accumulator *accumulator, const wide_case *wide,
                                       const int32_t *listed, int32_t count)
{
    qkvsim_analysis_options options = wide->options;
    options.pair_groups = listed;
    options.pair_group_count = count;
    qkvsim_analysis *analysis = NULL;
    assert_ok(context,
              qkvsim_accumulator_analysis(context, accumulator, wide->layout, &options, &analysis));
    return analysis;
}

START_TEST(pair_groups_of_a_stream_are_put_together)
{
    static const int32_t listed[] = { 0, 1, 7, 20, 44, 2, 30 };
    wide_case wide = make_wide(QKVSIM_DTYPE_F32, QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON);
    qkvsim_accumulator *accumulator = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, MANY, NULL, &accumulator));
    assert_ok(context,
              qkvsim_accumulator_update(
                  context, accumulator,
                  INPUT(&wide.input.view, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE)));
    qkvsim_analysis *whole = analyse_stream(accumulator, &wide, listed, 7), *merged = NULL;
    qkvsim_analysis *front = analyse_stream(accumulator, &wide, listed, 3);
    qkvsim_analysis *back = analyse_stream(accumulator, &wide, listed + 3, 4);
    const qkvsim_analysis *pieces[] = { back, front };
    assert_ok(context, qkvsim_analysis_merge(context, pieces, 2, &merged));
    ASSERT_SAME(analysis, whole, merged);
    qkvsim_analysis_free(whole);
    qkvsim_analysis_free(merged);
    qkvsim_analysis_free(front);
    qkvsim_analysis_free(back);
    qkvsim_accumulator_free(accumulator);
    free_wide(&wide);
}
END_TEST

static qkvsim_analysis *analyse_some(const qkvsim_analysis_options *plain, const int32_t *listed,
                                     int32_t count)
{
    qkvsim_analysis_options options = *plain;
    options.pair_groups = listed;
    options.pair_group_count = count;
    qkvsim_analysis *analysis = NULL;
    assert_ok(context, qkvsim_analysis_run(context, &read, layout, &options, &analysis));
    return analysis;
}

static void assert_analyses_refused(const qkvsim_analysis *one, qkvsim_analysis *other,
                                    const char *text)
{
    const qkvsim_analysis *pieces[] = { one, other };
    qkvsim_analysis *merged = POISON_HANDLE;
    assert_status(context, qkvsim_analysis_merge(context, pieces, 2, &merged),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    assert_message_has(context, text);
    qkvsim_analysis_free(other);
}

START_TEST(pair_groups_that_do_not_belong_together_are_refused)
{
    static const int32_t mine[] = { 0, 1 }, others[] = { 2, 4 }, both[] = { 1, 2 };
    static const int64_t widths[] = { 3, 3, 3 };
    const qkvsim_analysis_options plain = { .struct_size = sizeof plain };
    const qkvsim_bins few = { .struct_size = sizeof few, .count = 50, .low = -1, .high = 1 };
    const qkvsim_bins wide = { .struct_size = sizeof wide, .count = 100, .low = -2, .high = 1 };
    qkvsim_analysis_options other = plain;
    qkvsim_analysis *one = analyse_some(&plain, mine, 2);
    assert_analyses_refused(one, analyse_some(&plain, both, 2), "pair group 1 (Q-K)");
    assert_message_has(context, "pieces 0 and 1");
    other.metrics = QKVSIM_METRIC_PEARSON;
    assert_analyses_refused(one, analyse_some(&other, others, 2), "metrics 2, and piece 0 has 3");
    other = plain;
    other.bins = &few;
    assert_analyses_refused(one, analyse_some(&other, others, 2), "bins 50, and piece 0 has 100");
    other.bins = &wide;
    assert_analyses_refused(one, analyse_some(&other, others, 2), "edge 0 of the bins is -2");
    read.arithmetic = QKVSIM_DTYPE_F64;
    assert_analyses_refused(one, analyse_some(&plain, others, 2), "arithmetic 4");
    read.arithmetic = 0;
    input.view.observations--;
    assert_analyses_refused(one, analyse_some(&plain, others, 2), "observations 23");
    input.view.observations++;
    float *sampled = (float *)input.memory + FEATURES * (OBSERVATIONS - 1);
    *sampled += 1;
    assert_analyses_refused(one, analyse_some(&plain, others, 2), "fingerprint");
    *sampled -= 1;
    float *unsampled = (float *)input.memory + FEATURES * 4;
    *unsampled += 1;
    assert_analyses_refused(one, analyse_some(&plain, others, 2), "feature 0 has offset ratio");
    *unsampled -= 1;
    qkvsim_layout *own = layout;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 3, &layout));
    assert_ok(context,
              qkvsim_layout_add_rollup(context, layout, "within", (int32_t[]){ 0, 3, 5 }, 3));
    assert_analyses_refused(one, analyse_some(&plain, others, 2), "feature 3 in group 1");
    qkvsim_layout_free(layout);
    layout = own;
    assert_analyses_refused(one, NULL, "piece 1 is NULL");
    qkvsim_analysis_free(one);
}
END_TEST

static const qkvsim_analysis *failing_analyses[2];

static qkvsim_status merge_analyses_and_free(qkvsim_context *poor, void *argument)
{
    qkvsim_analysis *merged = POISON_HANDLE;
    const qkvsim_status status = qkvsim_analysis_merge(poor, failing_analyses, 2, &merged);
    (void)argument;
    if (status == QKVSIM_OK)
        qkvsim_analysis_free(merged);
    else
        ck_assert_ptr_eq(merged, POISON_HANDLE);
    return status;
}

START_TEST(merging_analyses_refuses_nulls_and_survives_failing_allocations)
{
    static const int32_t mine[] = { 0, 1 }, others[] = { 2, 4 };
    const qkvsim_analysis_options plain = { .struct_size = sizeof plain };
    const int32_t invalid = QKVSIM_ERROR_INVALID_ARGUMENT;
    *table_at(&data, 3, 0) = NAN;
    stored dropped = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    read.parts = &dropped.view;
    read.nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION;
    qkvsim_analysis *pieces[] = { analyse_some(&plain, mine, 2), analyse_some(&plain, others, 2) },
                    *merged = POISON_HANDLE;
    failing_analyses[0] = pieces[0];
    failing_analyses[1] = pieces[1];
    assert_survives_failing_allocations(merge_analyses_and_free, NULL);
    assert_status(context, qkvsim_analysis_merge(context, NULL, 1, &merged), invalid);
    assert_status(context, qkvsim_analysis_merge(context, failing_analyses, 0, &merged), invalid);
    assert_status(context, qkvsim_analysis_merge(context, failing_analyses, -1, &merged), invalid);
    assert_status(context, qkvsim_analysis_merge(context, failing_analyses, 2, NULL), invalid);
    ck_assert_int_eq(qkvsim_analysis_merge(NULL, failing_analyses, 2, &merged), invalid);
    ck_assert_ptr_eq(merged, POISON_HANDLE);
    qkvsim_analysis_free(pieces[0]);
    qkvsim_analysis_free(pieces[1]);
    stored_free(&dropped);
}
END_TEST

/* Blocks and their shares come back too; and where there are too few blocks, that there are
 * none. */
START_TEST(a_jackknife_unpacks_to_the_same)
{
    for (int64_t n = 6; n <= OBSERVATIONS; n += 9) {
        qkvsim_intervals *made = NULL, *copy = NULL;
        input.view.observations = n;
        assert_ok(context, qkvsim_intervals_run(context, &read, NULL, layout, NULL, NULL, &made));
        const int64_t size = qkvsim_intervals_packed_size(made);
        void *bytes = malloc((size_t)size);
        assert_ok(context, qkvsim_intervals_pack(context, made, bytes, size));
        assert_ok(context, qkvsim_intervals_unpack(context, bytes, size, &copy));
        ASSERT_SAME(intervals, made, copy);
        for (int32_t s = 1; s < 40; s++) {
            const double a = qkvsim_intervals_statistic(made, 1, QKVSIM_METRIC_COSINE,
                                                        QKVSIM_STATISTIC_OFFSET_SHARE, s);
            const double b = qkvsim_intervals_statistic(copy, 1, QKVSIM_METRIC_COSINE,
                                                        QKVSIM_STATISTIC_OFFSET_SHARE, s);
            ck_assert(memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b));
        }
        free(bytes);
        qkvsim_intervals_free(made);
        qkvsim_intervals_free(copy);
    }
}
END_TEST

/* ---- memory of pieces ---- */

/* The most that an analysis of a pair group takes at once. */
static size_t peak_of(const qkvsim_view *view, const qkvsim_layout *of, int32_t pair_group)
{
    allocator counter;
    allocator_init(&counter);
    qkvsim_context_options options = allocator_options(&counter);
    options.threads = 1;
    qkvsim_context *counted = NULL;
    qkvsim_analysis *analysis = NULL;
    ck_assert_int_eq(qkvsim_context_create(&options, &counted), QKVSIM_OK);
    const qkvsim_analysis_options one = { .struct_size = sizeof one,
                                          .pair_groups = &pair_group,
                                          .pair_group_count = 1 };
    assert_ok(counted, qkvsim_analysis_run(counted, INPUT(view, 1), of, &one, &analysis));
    qkvsim_analysis_free(analysis);
    qkvsim_context_free(counted);
    ck_assert_int_eq(counter.live, 0);
    return counter.peak_bytes;
}

/* Of 24,000 features in 12 groups, against an input of nothing but its two groups: their numbers
 * and what is said of them, less than 100 bytes a feature, and no prepared columns, which are 1,024
 * bytes each. */
START_TEST(what_a_piece_leaves_out_takes_a_hundred_bytes_a_feature)
{
    enum { WIDTH = 2000, ALL = 12 };
    int64_t widths[ALL];
    qkvsim_layout *all = NULL, *two = NULL;
    for (int g = 0; g < ALL; g++)
        widths[g] = WIDTH;
    table wide = table_normal(256, ALL * WIDTH, 3);
    stored copy = store(&wide, QKVSIM_DTYPE_F32, ORDER_C);
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, ALL, &all));
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 2, &two));
    qkvsim_view narrow = copy.view;
    narrow.features = 2 * WIDTH;
    const size_t alone = peak_of(&narrow, two, 1);
    for (int32_t other = 1; other < ALL; other += 10) {
        const size_t piece = peak_of(&copy.view, all, qkvsim_layout_pair_group(all, 0, other));
        ck_assert_int_lt((int64_t)piece - (int64_t)alone, 100 * (ALL - 2) * WIDTH);
    }
    qkvsim_layout_free(all);
    qkvsim_layout_free(two);
    stored_free(&copy);
    table_free(&wide);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pieces");
    TCase *permutations = add_case(suite, "permutations", set_up, tear_down);
    tcase_add_test(permutations, permutations_in_seven_pieces_in_any_order_are_those_of_one_run);
    tcase_add_test(permutations, what_was_merged_merges_again);
    tcase_add_test(permutations, pieces_of_all_different_permutations_need_the_total);
    tcase_add_test(permutations, pieces_that_were_permuted_otherwise_are_refused);
    tcase_add_test(permutations, pieces_of_another_analysis_are_refused);
    tcase_add_test(permutations, pieces_of_another_layout_or_value_are_refused);
    tcase_add_test(permutations, baselines_refuse_nulls_and_ranges_that_are_none);
    tcase_add_test(permutations, merging_baselines_survives_failing_allocations);
    TCase *resamples = add_case(suite, "resamples", set_up, tear_down);
    tcase_add_test(resamples, resamples_in_seven_pieces_in_any_order_are_those_of_one_run);
    tcase_add_test(resamples, resamples_that_do_not_belong_together_are_refused);
    tcase_add_test(resamples, intervals_refuse_ranges_that_are_none_and_failing_allocations);
    tcase_add_test(resamples, a_jackknife_unpacks_to_the_same);
    TCase *relabelled = add_case(suite, "relabellings", set_up, tear_down);
    tcase_add_test(relabelled, relabellings_in_seven_pieces_in_any_order_are_those_of_one_run);
    tcase_add_test(relabelled, relabellings_of_centred_values_and_of_segments_are_put_together_too);
    tcase_add_test(relabelled, pieces_of_all_different_relabellings_need_the_total);
    tcase_add_test(relabelled, merged_comparisons_merge_again_and_subsets_have_pieces_of_their_own);
    tcase_add_test(relabelled, descriptive_comparisons_merge_to_themselves);
    tcase_add_test(relabelled, relabellings_that_do_not_belong_together_are_refused);
    tcase_add_test(relabelled, comparisons_refuse_ranges_that_are_none);
    tcase_add_test(relabelled, merging_comparisons_refuses_nulls_and_survives_failing_allocations);
    TCase *pair_groups = add_case(suite, "pair groups", set_up, tear_down);
    tcase_add_loop_test(pair_groups, pair_groups_in_seven_pieces_in_any_order_are_those_of_one_run,
                        0, 2);
    tcase_add_loop_test(pair_groups, pair_groups_of_one_metric_are_put_together_to_a_part_too,
                        QKVSIM_METRIC_COSINE, QKVSIM_METRIC_PEARSON + 1);
    tcase_add_test(pair_groups, pair_groups_of_a_stream_are_put_together);
    tcase_add_test(pair_groups, pair_groups_that_do_not_belong_together_are_refused);
    tcase_add_test(pair_groups, merging_analyses_refuses_nulls_and_survives_failing_allocations);
    tcase_add_test(pair_groups, what_a_piece_leaves_out_takes_a_hundred_bytes_a_feature);
    return run_suite(suite);
}
