/* Labels of observations, permuted or rotated: what is kept to the bit, and that each order and
 * each lag is equally likely. */
#include <qkvsim/permutation.h>

#include "fixtures.h"
#include "suite_context.h"

#include <stdlib.h>

enum { MOST = 1000 };

static qkvsim_relabelling numbered(int32_t relabel, uint64_t seed, int64_t index)
{
    return (qkvsim_relabelling){
        .struct_size = sizeof(qkvsim_relabelling), .seed = seed, .index = index, .relabel = relabel
    };
}

static void relabel(const uint8_t *labels, int64_t n, const qkvsim_relabelling *relabelling,
                    uint8_t *relabelled)
{
    assert_ok(context, qkvsim_relabel(context, labels, n, relabelling, relabelled));
}

/* Bytes that a rotation of up to 256 of them shows the lag of. */
static void number_labels(uint8_t *labels, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        labels[k] = (uint8_t)k;
}

static void assert_same_counts(const uint8_t *one, const uint8_t *other, int64_t n)
{
    int64_t surplus[256] = { 0 };
    for (int64_t k = 0; k < n; k++) {
        surplus[one[k]]++;
        surplus[other[k]]--;
    }
    for (int value = 0; value < 256; value++)
        ck_assert_int_eq(surplus[value], 0);
}

/* The lag by which one is the other rotated; -1 where it is not. */
static int64_t find_lag(const uint8_t *labels, const uint8_t *rotated, int64_t n)
{
    for (int64_t lag = 0; lag < n; lag++)
        if (memcmp(rotated + lag, labels, (size_t)(n - lag)) == 0
            && memcmp(rotated, labels + (n - lag), (size_t)lag) == 0)
            return lag;
    return -1;
}

static const int64_t lengths[] = { 1, 2, 3, 64, 255, 1000 };

START_TEST(labels_keep_their_number)
{
    uint8_t labels[MOST], relabelled[MOST];
    const int64_t n = lengths[_i];
    number_labels(labels, n);
    for (int64_t p = 0; p < 20; p++) {
        const qkvsim_relabelling relabelling = numbered(QKVSIM_RELABEL_LABELS, 3, p);
        relabel(labels, n, &relabelling, relabelled);
        assert_same_counts(labels, relabelled, n);
    }
}
END_TEST

START_TEST(shift_keeps_the_circular_spacing_of_labels)
{
    random_source source = { 5 };
    uint8_t labels[MOST], relabelled[MOST];
    const int64_t n = lengths[_i];
    for (int64_t k = 0; k < n; k++)
        labels[k] = (uint8_t)(random_below(&source, 10) == 0);
    for (int64_t p = 0; p < 20; p++) {
        const qkvsim_relabelling relabelling = numbered(QKVSIM_RELABEL_SHIFT, 3, p);
        relabel(labels, n, &relabelling, relabelled);
        ck_assert_int_ge(find_lag(labels, relabelled, n), 0);
    }
}
END_TEST

START_TEST(labels_break_their_spacing)
{
    uint8_t labels[MOST], relabelled[MOST];
    number_labels(labels, 200);
    for (int64_t p = 0; p < 20; p++) {
        const qkvsim_relabelling relabelling = numbered(QKVSIM_RELABEL_LABELS, 3, p);
        relabel(labels, 200, &relabelling, relabelled);
        int64_t neighbours = 0;
        for (int64_t k = 1; k < 200; k++)
            neighbours += relabelled[k] == relabelled[k - 1] + 1;
        ck_assert_int_le(neighbours, 9); /* Poisson of mean 1 */
    }
}
END_TEST

/* Runs of 1, 2, 50, 7, 300 observations; the number of the third comes again in the last. */
static const int64_t runs[] = { 1, 2, 50, 7, 300 };
static const int32_t run_numbers[] = { 7, -1, 0, 4, 0 };
enum { RUNS = 5, IN_RUNS = 360 };

static void number_runs(int32_t *segments)
{
    for (int s = 0; s < RUNS; s++)
        for (int64_t k = 0; k < runs[s]; k++)
            *segments++ = run_numbers[s];
}

START_TEST(shift_rotates_each_segment_by_a_lag_of_its_own)
{
    uint8_t labels[MOST], relabelled[MOST];
    int32_t segments[IN_RUNS];
    int64_t same = 0;
    number_labels(labels, IN_RUNS);
    number_runs(segments);
    for (int64_t p = 0; p < 40; p++) {
        qkvsim_relabelling relabelling = numbered(QKVSIM_RELABEL_SHIFT, 9, p);
        relabelling.segments = segments;
        relabel(labels, IN_RUNS, &relabelling, relabelled);
        int64_t lags[RUNS];
        for (int64_t s = 0, start = 0; s < RUNS; start += runs[s], s++) {
            lags[s] = find_lag(labels + start, relabelled + start, runs[s]);
            ck_assert_int_ge(lags[s], 0);
        }
        same += lags[2] == lags[4] % 50;
    }
    ck_assert_int_le(same, 6);
}
END_TEST

static double chi_square(const int64_t *counts, int64_t cells, double expected)
{
    double sum = 0;
    for (int64_t c = 0; c < cells; c++)
        sum += ((double)counts[c] - expected) * ((double)counts[c] - expected) / expected;
    return sum;
}

/* Over indexes, then over seeds. */
static qkvsim_relabelling drawn(int32_t relabel, int over_seeds, int64_t k)
{
    return over_seeds ? numbered(relabel, (uint64_t)k << (k % 2 * 32), 1)
                      : numbered(relabel, 2026, k);
}

/* Two targets among six: 15 subsets, 14 degrees of freedom. 48 is passed once in 100,000. */
START_TEST(every_subset_of_targets_is_equally_likely)
{
    const uint8_t labels[6] = { 1, 1, 0, 0, 0, 0 };
    int64_t counts[64] = { 0 }, found[15];
    uint8_t relabelled[6];
    for (int64_t p = 0; p < 15000; p++) {
        const qkvsim_relabelling relabelling = drawn(QKVSIM_RELABEL_LABELS, _i, p);
        relabel(labels, 6, &relabelling, relabelled);
        int code = 0;
        for (int k = 0; k < 6; k++)
            code += relabelled[k] << k;
        counts[code]++;
    }
    int subsets = 0;
    for (int code = 0; code < 64; code++)
        if (counts[code] > 0) {
            ck_assert_int_lt(subsets, 15);
            found[subsets++] = counts[code];
        }
    ck_assert_int_eq(subsets, 15);
    ck_assert_double_lt(chi_square(found, 15, 1000), 48);
}
END_TEST

/* 12 degrees of freedom: 45 is passed once in 100,000. */
START_TEST(every_lag_is_equally_likely)
{
    uint8_t labels[13], relabelled[13];
    int64_t counts[13] = { 0 };
    number_labels(labels, 13);
    for (int64_t p = 0; p < 13000; p++) {
        const qkvsim_relabelling relabelling = drawn(QKVSIM_RELABEL_SHIFT, _i, p);
        relabel(labels, 13, &relabelling, relabelled);
        counts[relabelled[0] == 0 ? 0 : 13 - relabelled[0]]++;
    }
    ck_assert_double_lt(chi_square(counts, 13, 1000), 45);
}
END_TEST

START_TEST(threads_and_repetition_change_nothing)
{
    uint8_t labels[MOST], one[MOST], other[MOST];
    int32_t segments[IN_RUNS];
    number_labels(labels, IN_RUNS);
    number_runs(segments);
    qkvsim_relabelling relabelling = numbered(1 + _i, 4, 4);
    relabelling.segments = segments;
    relabel(labels, IN_RUNS, &relabelling, one);
    qkvsim_context *single = context_with(1, QKVSIM_KERNELS_PORTABLE);
    assert_ok(single, qkvsim_relabel(single, labels, IN_RUNS, &relabelling, other));
    ck_assert_mem_eq(one, other, IN_RUNS);
    qkvsim_context_free(single);
}
END_TEST

static void assert_refused(const uint8_t *labels, int64_t n, const qkvsim_relabelling *relabelling)
{
    uint8_t *relabelled = poisoned(16);
    assert_status(context, qkvsim_relabel(context, labels, n, relabelling, relabelled),
                  refusal(context));
    assert_poisoned(relabelled, 16);
    free(relabelled);
}

/* 0 is the default, as in a comparison. */
START_TEST(the_default_relabelling_is_of_labels)
{
    const uint8_t labels[16] = { 1, 0, 1, 1, 0, 2, 2, 2, 3 };
    const qkvsim_relabelling one = numbered(QKVSIM_RELABEL_LABELS, 3, 2);
    const qkvsim_relabelling other = numbered(0, 3, 2);
    uint8_t a[16], b[16];
    assert_ok(context, qkvsim_relabel(context, labels, 16, &one, a));
    assert_ok(context, qkvsim_relabel(context, labels, 16, &other, b));
    ck_assert_mem_eq(a, b, 16);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    const uint8_t labels[16] = { 1, 0 };
    const int32_t relabels[] = { 3, -1, 77 };
    const int64_t indexes[] = { -1, INT64_C(4294967296) }, counts[] = { 0, -5 };
    const qkvsim_relabelling good = numbered(QKVSIM_RELABEL_LABELS, 0, 0);
    for (int i = 0; i < 3; i++) {
        const qkvsim_relabelling bad = numbered(relabels[i], 0, 0);
        assert_refused(labels, 16, &bad);
        assert_message_has_number(context, relabels[i]);
    }
    for (int i = 0; i < 2; i++) {
        const qkvsim_relabelling bad = numbered(QKVSIM_RELABEL_SHIFT, 0, indexes[i]);
        assert_refused(labels, 16, &bad);
        assert_message_has_number(context, indexes[i]);
        assert_refused(labels, counts[i], &good);
        assert_message_has_number(context, counts[i]);
    }
    assert_refused(NULL, 16, &good);
    assert_refused(labels, 16, NULL);
    assert_status(context, qkvsim_relabel(context, labels, 16, &good, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_int_eq(qkvsim_relabel(NULL, labels, 16, &good, NULL), QKVSIM_ERROR_INVALID_ARGUMENT);
    qkvsim_relabelling small = good;
    small.struct_size = sizeof(size_t) - 1;
    assert_refused(labels, 16, &small);
}
END_TEST

START_TEST(more_observations_than_numbers_are_refused)
{
    const uint8_t labels[16] = { 1, 0 };
    uint8_t *relabelled = poisoned(16);
    const qkvsim_relabelling good = numbered(QKVSIM_RELABEL_LABELS, 0, 0);
    assert_status(context, qkvsim_relabel(context, labels, INT64_C(4294967296), &good, relabelled),
                  QKVSIM_ERROR_TOO_LARGE);
    assert_message_has_number(context, INT64_C(4294967296));
    assert_poisoned(relabelled, 16);
    free(relabelled);
}
END_TEST

/* ---- all different ones ---- */

/* Labels of up to 16 observations, and how many relabellings of them look different. */
typedef struct few {
    int32_t relabel, exchange;
    int64_t n, count;
    uint8_t labels[16];
    int32_t segments[16];
} few;

static const few all_few[] = {
    { QKVSIM_RELABEL_LABELS, 0, 6, 15, { 1, 0, 0, 1 }, { 0 } },
    { QKVSIM_RELABEL_LABELS, QKVSIM_EXCHANGE_OBSERVATIONS, 5, 30, { 2, 1, 0, 1, 0 }, { 0 } },
    { QKVSIM_RELABEL_SHIFT, 0, 9, 9, { 1, 1, 0, 1 }, { 0 } },
    { QKVSIM_RELABEL_SHIFT, 0, 8, 2, { 1, 0, 1, 0, 1, 0, 1, 0 }, { 0 } },
    { QKVSIM_RELABEL_SHIFT, 0, 9, 12, { 1, 0, 0, 1, 1, 0, 1, 0 }, { 1, 1, 1, 2, 2, 4, 4, 4, 4 } },
    /* one label each, lengths 1, 3, 2, 2, 4 */
    { QKVSIM_RELABEL_LABELS,
      QKVSIM_EXCHANGE_SEGMENTS,
      12,
      10,
      { 1, 0, 0, 0, 1, 1 },
      { 1, 2, 2, 2, 1, 1, 3, 3, 4, 4, 4, 4 } },
    /* lengths 2 (10, 10, 01, 00) and 3 (110, 000) */
    { QKVSIM_RELABEL_LABELS,
      QKVSIM_EXCHANGE_SEGMENTS,
      14,
      24,
      { 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0 },
      { 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6 } },
};
enum { FEW = sizeof all_few / sizeof all_few[0] };

static qkvsim_relabelling of_few(const few *which, int64_t index, int32_t enumerated)
{
    qkvsim_relabelling relabelling = numbered(which->relabel, 31, index);
    relabelling.exchange = which->exchange;
    relabelling.segments = which->segments;
    relabelling.enumerated = enumerated;
    return relabelling;
}

/* The place of labels in a list; -1 where it does not have them. */
static int64_t find(const uint8_t (*list)[16], int64_t count, const uint8_t *labels)
{
    for (int64_t k = 0; k < count; k++)
        if (memcmp(list[k], labels, 16) == 0)
            return k;
    return -1;
}

START_TEST(numbers_count_every_different_relabelling_once)
{
    const few *which = &all_few[_i];
    uint8_t all[64][16] = { 0 };
    for (int64_t k = 0; k < which->count; k++) {
        const qkvsim_relabelling relabelling = of_few(which, k, 1);
        relabel(which->labels, which->n, &relabelling, all[k]);
        ck_assert_int_eq(find(all, k, all[k]), -1);
    }
    ck_assert_mem_eq(all[0], which->labels, 16);
    const qkvsim_relabelling beyond = of_few(which, which->count, 1);
    uint8_t *relabelled = poisoned(16);
    assert_status(context, qkvsim_relabel(context, which->labels, which->n, &beyond, relabelled),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, which->count);
    assert_poisoned(relabelled, 16);
    free(relabelled);
}
END_TEST

/* Where all that look different are equally likely: chi-square, passed once in 100,000. */
START_TEST(random_relabellings_are_the_numbered_ones)
{
    const few *which = &all_few[_i];
    uint8_t all[64][16] = { 0 }, relabelled[16] = { 0 };
    int64_t counts[64] = { 0 };
    for (int64_t k = 0; k < which->count; k++) {
        const qkvsim_relabelling relabelling = of_few(which, k, 1);
        relabel(which->labels, which->n, &relabelling, all[k]);
    }
    for (int64_t p = 0; p < 1000 * which->count; p++) {
        const qkvsim_relabelling relabelling = of_few(which, p, 0);
        relabel(which->labels, which->n, &relabelling, relabelled);
        const int64_t place = find(all, which->count, relabelled);
        ck_assert_int_ge(place, 0);
        counts[place]++;
    }
    ck_assert_double_lt(chi_square(counts, which->count, 1000), 20 + 2.5 * (double)which->count);
}
END_TEST

START_TEST(relabellings_of_segments_need_segments_that_can_change)
{
    const uint8_t labels[16] = { 1, 0, 1, 1 };
    const int32_t segments[16] = { 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 };
    qkvsim_relabelling relabelling = numbered(QKVSIM_RELABEL_LABELS, 0, 0);
    relabelling.exchange = QKVSIM_EXCHANGE_SEGMENTS;
    assert_refused(labels, 16, &relabelling);
    assert_message_has(context, "segments is NULL");
    relabelling.segments = segments;
    assert_refused(labels, 16, &relabelling);
    assert_message_has(context, "2 segments of 16 observations");
    assert_message_has(context, "leaves 1 relabelling");
    relabelling.relabel = QKVSIM_RELABEL_SHIFT;
    assert_refused(labels, 16, &relabelling);
    relabelling.exchange = 3;
    assert_refused(labels, 16, &relabelling);
    assert_message_has_number(context, 3);
}
END_TEST

START_TEST(too_many_relabellings_have_no_numbers)
{
    uint8_t labels[40] = { 0 }, *relabelled = poisoned(40);
    memset(labels, 1, 20);
    qkvsim_relabelling relabelling = numbered(QKVSIM_RELABEL_LABELS, 0, 0);
    relabelling.enumerated = 1;
    assert_status(context, qkvsim_relabel(context, labels, 40, &relabelling, relabelled),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has(context, "more than 4294967296 different relabellings");
    free(relabelled);
}
END_TEST

static qkvsim_status run_relabel(qkvsim_context *with, void *argument)
{
    const uint8_t labels[4] = { 1, 0, 0, 1 };
    const int32_t segments[4] = { 0, 0, 1, 1 };
    const int32_t which = *(int32_t *)argument;
    qkvsim_relabelling relabelling = numbered(1 + which % 2, 1, 1);
    relabelling.segments = segments;
    relabelling.exchange = which == 2 ? QKVSIM_EXCHANGE_SEGMENTS : 0;
    uint8_t *relabelled = poisoned(4);
    const qkvsim_status status = qkvsim_relabel(with, labels, 4, &relabelling, relabelled);
    if (status != QKVSIM_OK)
        assert_poisoned(relabelled, 4);
    free(relabelled);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    int32_t relabel_by = _i;
    assert_survives_failing_allocations(run_relabel, &relabel_by);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("relabel");
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    tcase_add_loop_test(laws, labels_keep_their_number, 0, 6);
    tcase_add_loop_test(laws, shift_keeps_the_circular_spacing_of_labels, 0, 6);
    tcase_add_test(laws, labels_break_their_spacing);
    tcase_add_test(laws, shift_rotates_each_segment_by_a_lag_of_its_own);
    tcase_add_loop_test(laws, every_subset_of_targets_is_equally_likely, 0, 2);
    tcase_add_loop_test(laws, every_lag_is_equally_likely, 0, 2);
    tcase_add_loop_test(add_thread_case(suite, make_context, free_context),
                        threads_and_repetition_change_nothing, 0, 2);
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_test(bad, the_default_relabelling_is_of_labels);
    tcase_add_test(bad, bad_arguments_are_refused);
    tcase_add_test(bad, more_observations_than_numbers_are_refused);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 3);
    TCase *few_ones = add_case(suite, "all different ones", make_context, free_context);
    tcase_add_loop_test(few_ones, numbers_count_every_different_relabelling_once, 0, FEW);
    tcase_add_loop_test(few_ones, random_relabellings_are_the_numbered_ones, 0, FEW);
    tcase_add_test(few_ones, relabellings_of_segments_need_segments_that_can_change);
    tcase_add_test(few_ones, too_many_relabellings_have_no_numbers);
    return run_suite(suite);
}
