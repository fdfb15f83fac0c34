/* Cancelling between units of work: a call looks for it wherever it has gone through many numbers,
 * and what it was to change is then as it was. Every look at the clock finds it an eighth of a
 * second later, so that each of them reaches the callback, which no clock of the machine decides.
 */
#define _GNU_SOURCE /* syscall */
#include <math.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fixtures.h"
#include "suite_context.h"

static bool hurried;

/* In the place of the C library's, for the library too. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static _Atomic long looks;
    const int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (hurried)
        now->tv_nsec += ++looks * 125000000;
    now->tv_sec += now->tv_nsec / 1000000000;
    now->tv_nsec %= 1000000000;
    return failed;
}

/* A call to the library while the clock is hurried. Check looks at it too, before and after. */
static qkvsim_status came_to;
#define HURRIED(call) (hurried = true, came_to = (call), hurried = false, came_to)

static int32_t count(void *user, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    ++*(int64_t *)user;
    return 0;
}

static int64_t reports_of(operation run, void *argument)
{
    int64_t reports = 0;
    qkvsim_context *with = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_context_set_progress(with, count, &reports);
    ck_assert_int_eq(run(with, argument), QKVSIM_OK);
    qkvsim_context_free(with);
    return reports;
}

/* ---- many observations ---- */

typedef struct analysed {
    stored copy;
    int32_t arithmetic;
} analysed;

/* Columns of every kind that preparing tells apart: equal and opposite ones, a constant, one that
 * is not finite, and one that is scaled before it is squared. */
static analysed many_rows(int64_t rows, int32_t arithmetic)
{
    table data = table_normal(rows, 6, 5);
    for (int64_t r = 0; r < rows; r++) {
        *table_at(&data, r, 1) = -*table_at(&data, r, 0);
        *table_at(&data, r, 2) = 7;
        *table_at(&data, r, 4) = arithmetic == QKVSIM_DTYPE_F64
                                     ? ldexp(*table_at(&data, r, 4), -900)
                                     : *table_at(&data, r, 4);
    }
    *table_at(&data, rows - 1, 3) = NAN;
    const analysed made = { store(&data, arithmetic, ORDER_C), arithmetic };
    table_free(&data);
    return made;
}

static qkvsim_status analyse(qkvsim_context *with, void *argument)
{
    const analysed *of = argument;
    qkvsim_layout *layout;
    qkvsim_analysis *analysis = POISON_HANDLE;
    ck_assert_int_eq(qkvsim_layout_thirds(with, 6, &layout), QKVSIM_OK);
    const qkvsim_status status = HURRIED(qkvsim_analysis_run(
        with, INPUT(&of->copy.view, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE), layout,
        NULL, &analysis));
    if (status == QKVSIM_OK)
        qkvsim_analysis_free(analysis);
    else
        ck_assert_ptr_eq(analysis, POISON_HANDLE);
    qkvsim_layout_free(layout);
    return status;
}

static const int32_t arithmetics[] = { QKVSIM_DTYPE_F32, QKVSIM_DTYPE_F64 };

START_TEST(an_analysis_is_left_between_any_rows)
{
    analysed some = many_rows(20000, arithmetics[_i]);
    assert_cancels_everywhere(analyse, &some);
    stored_free(&some.copy);
}
END_TEST

/* Prepares them, and nothing else: with an accumulator of one huge observation they are refused. */
static qkvsim_status prepare(qkvsim_context *with, void *argument)
{
    const analysed *of = argument;
    double huge[6];
    for (int j = 0; j < 6; j++)
        huge[j] = 1e160;
    const qkvsim_view one = { .struct_size = sizeof one,
                              .data = huge,
                              .dtype = QKVSIM_DTYPE_F64,
                              .observations = 1,
                              .features = 6,
                              .observation_stride = 6,
                              .feature_stride = 1 };
    qkvsim_accumulator *sum;
    assert_ok(context, qkvsim_accumulator_create(context, 6, NULL, &sum));
    assert_ok(context, qkvsim_accumulator_update(context, sum, INPUT(&one, 1)));
    const qkvsim_status status = HURRIED(qkvsim_accumulator_update(
        with, sum, INPUT(&of->copy.view, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE)));
    qkvsim_accumulator_free(sum);
    ck_assert_int_eq(status, QKVSIM_ERROR_TOO_LARGE);
    return QKVSIM_OK;
}

/* Loading looks each 2^15 rows, and normalising and measuring its columns each 2^14 at least. */
START_TEST(more_rows_are_more_places_to_leave_them)
{
    enum { ROWS = 1 << 15, TIMES = 4, LOOKS = 5 };
    analysed few = many_rows(ROWS, arithmetics[_i]);
    analysed many = many_rows(TIMES * ROWS, arithmetics[_i]);
    const int64_t before = reports_of(prepare, &few);
    const int64_t reports = reports_of(prepare, &many);
    ck_assert_msg(reports - before >= LOOKS * (TIMES - 1), "%ld, and %ld of more rows",
                  (long)before, (long)reports);
    stored_free(&few.copy);
    stored_free(&many.copy);
}
END_TEST

/* ---- large accumulators ---- */

typedef struct bytes {
    unsigned char *at;
    int64_t size;
} bytes;

static bytes pack(const qkvsim_accumulator *sum)
{
    bytes packed = { .size = qkvsim_accumulator_packed_size(sum) };
    packed.at = malloc((size_t)packed.size);
    assert_ok(context, qkvsim_accumulator_pack(context, sum, packed.at, packed.size));
    return packed;
}

static qkvsim_accumulator *unpack(const bytes *packed)
{
    qkvsim_accumulator *made;
    assert_ok(context, qkvsim_accumulator_unpack(context, packed->at, packed->size, &made));
    return made;
}

/* Something that changes, what it changes by, and what comes of it. */
typedef struct change {
    bytes before, after;
    stored chunk;
    qkvsim_accumulator *other;
} change;

static void assert_holds(const qkvsim_accumulator *sum, const bytes *expected)
{
    const bytes packed = pack(sum);
    ck_assert_int_eq(packed.size, expected->size);
    ck_assert(memcmp(packed.at, expected->at, (size_t)packed.size) == 0);
    free(packed.at);
}

static qkvsim_status update(qkvsim_context *with, const change *by, qkvsim_accumulator *sum)
{
    return HURRIED(qkvsim_accumulator_update(with, sum, INPUT(&by->chunk.view, 1)));
}

static qkvsim_status merge(qkvsim_context *with, const change *by, qkvsim_accumulator *sum)
{
    return HURRIED(qkvsim_accumulator_merge(with, sum, by->other));
}

/* It changes whole or not at all, and where it did not it still can. */
static qkvsim_status change_whole(qkvsim_context *with, const change *by,
                                  qkvsim_status (*run)(qkvsim_context *, const change *,
                                                       qkvsim_accumulator *))
{
    qkvsim_accumulator *sum = unpack(&by->before);
    const qkvsim_status status = run(with, by, sum);
    if (status != QKVSIM_OK) {
        assert_holds(sum, &by->before);
        assert_ok(context, run(context, by, sum));
    }
    assert_holds(sum, &by->after);
    qkvsim_accumulator_free(sum);
    return status;
}

static qkvsim_status run_update(qkvsim_context *with, void *argument)
{
    return change_whole(with, argument, update);
}

static qkvsim_status run_merge(qkvsim_context *with, void *argument)
{
    return change_whole(with, argument, merge);
}

static qkvsim_accumulator *accumulated(int64_t features, int64_t blocks, int64_t chunks,
                                       const qkvsim_view *chunk)
{
    const qkvsim_accumulator_options options = { .struct_size = sizeof options, .blocks = blocks };
    qkvsim_accumulator *sum;
    assert_ok(context, qkvsim_accumulator_create(context, features, &options, &sum));
    for (int64_t k = 0; k < chunks; k++)
        assert_ok(context, qkvsim_accumulator_update(context, sum, INPUT(chunk, 1)));
    return sum;
}

/* Of an accumulator that has so many chunks, by one with so many others. */
static change changed_by(int64_t features, int64_t blocks, int64_t chunks, int64_t others,
                         bool merged)
{
    table data = table_normal(20, features, 8);
    change made = { .chunk = store(&data, QKVSIM_DTYPE_F32, ORDER_C) };
    qkvsim_accumulator *sum = accumulated(features, blocks, chunks, &made.chunk.view);
    made.other = accumulated(features, blocks, others, &made.chunk.view);
    made.before = pack(sum);
    assert_ok(context, merged ? merge(context, &made, sum) : update(context, &made, sum));
    made.after = pack(sum);
    qkvsim_accumulator_free(sum);
    table_free(&data);
    return made;
}

static void change_free(change *made)
{
    qkvsim_accumulator_free(made->other);
    stored_free(&made->chunk);
    free(made->before.at);
    free(made->after.at);
}

enum { WIDE = 1500, NARROW = 200 };

START_TEST(a_merge_is_left_anywhere_and_changes_nothing)
{
    for (int chunks = 0; chunks < 2; chunks++) {
        change made = changed_by(WIDE, 0, chunks, 1, true);
        assert_cancels_everywhere(run_merge, &made);
        change_free(&made);
    }
}
END_TEST

/* 16 and 9 blocks of a document, which become 13 of two; and 16 and 40 documents. */
START_TEST(a_merge_of_blocks_is_left_anywhere_and_changes_nothing)
{
    const int64_t others = (const int64_t[]){ 1, 9, 40 }[_i];
    change made = changed_by(NARROW, 16, 16, others, true);
    ck_assert_int_ge(reports_of(run_merge, &made), 8);
    assert_cancels_everywhere(run_merge, &made);
    change_free(&made);
}
END_TEST

START_TEST(an_update_that_halves_blocks_is_left_anywhere_and_changes_nothing)
{
    change made = changed_by(NARROW, 16, 16, 0, false);
    assert_cancels_everywhere(run_update, &made);
    change_free(&made);
}
END_TEST

START_TEST(a_merge_without_memory_for_a_copy_goes_to_its_end)
{
    for (int blocks = 0; blocks <= 16; blocks += 16) {
        change made = changed_by(NARROW, blocks, 16, 16, true);
        const int64_t allocations = blocks > 0 ? 20 : 1;
        for (int64_t k = 1; k <= allocations; k++) {
            int64_t reports = 0;
            allocator counter;
            allocator_init(&counter);
            qkvsim_context_options options = allocator_options(&counter);
            options.progress = count;
            options.progress_user = &reports;
            qkvsim_context *with;
            ck_assert_int_eq(qkvsim_context_create(&options, &with), QKVSIM_OK);
            counter.fail_at = counter.calls + k;
            const qkvsim_status status = run_merge(with, &made);
            ck_assert(status == QKVSIM_OK || (blocks > 0 && status == QKVSIM_ERROR_NO_MEMORY));
            qkvsim_context_free(with);
            ck_assert_int_eq(counter.live, 0);
        }
        change_free(&made);
    }
}
END_TEST

static qkvsim_status run_create(qkvsim_context *with, void *unused)
{
    (void)unused;
    qkvsim_accumulator *made = POISON_HANDLE;
    const qkvsim_status status = HURRIED(qkvsim_accumulator_create(with, WIDE, NULL, &made));
    ck_assert((status == QKVSIM_OK) == (made != POISON_HANDLE));
    if (status == QKVSIM_OK)
        qkvsim_accumulator_free(made);
    return status;
}

static qkvsim_status run_pack(qkvsim_context *with, void *argument)
{
    const change *of = argument;
    qkvsim_accumulator *sum = unpack(&of->before);
    unsigned char *to = malloc((size_t)of->before.size);
    const qkvsim_status status = HURRIED(qkvsim_accumulator_pack(with, sum, to, of->before.size));
    ck_assert(status != QKVSIM_OK || memcmp(to, of->before.at, (size_t)of->before.size) == 0);
    free(to);
    qkvsim_accumulator_free(sum);
    return status;
}

static qkvsim_status run_unpack(qkvsim_context *with, void *argument)
{
    const change *of = argument;
    qkvsim_accumulator *made = POISON_HANDLE;
    const qkvsim_status status =
        HURRIED(qkvsim_accumulator_unpack(with, of->before.at, of->before.size, &made));
    ck_assert((status == QKVSIM_OK) == (made != POISON_HANDLE));
    if (status == QKVSIM_OK)
        qkvsim_accumulator_free(made);
    return status;
}

static qkvsim_status run_join(qkvsim_context *with, void *argument)
{
    const change *of = argument;
    const qkvsim_accumulator *parts[] = { of->other };
    qkvsim_accumulator *made = POISON_HANDLE;
    const qkvsim_status status = HURRIED(qkvsim_accumulator_join(with, parts, 1, &made));
    ck_assert((status == QKVSIM_OK) == (made != POISON_HANDLE));
    if (status == QKVSIM_OK)
        qkvsim_accumulator_free(made);
    return status;
}

static const operation of_large_ones[] = { run_create, run_pack, run_unpack, run_join };

START_TEST(a_large_accumulator_is_left_anywhere)
{
    change made = changed_by(WIDE, 0, 1, 1, true);
    ck_assert_int_ge(reports_of(of_large_ones[_i], &made), 3);
    assert_cancels_everywhere(of_large_ones[_i], &made);
    change_free(&made);
}
END_TEST

static int32_t cancel(void *user, int64_t done, int64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return 1;
}

/* Whatever was cancelled before, the next call begins anew. */
START_TEST(a_cancelled_call_does_not_cancel_the_next)
{
    change made = changed_by(NARROW, 0, 1, 1, true);
    analysed rows = many_rows(100, QKVSIM_DTYPE_F32);
    qkvsim_context_set_progress(context, cancel, NULL);
    ck_assert_int_eq(analyse(context, &rows), QKVSIM_ERROR_CANCELLED);
    int64_t reports = 0;
    qkvsim_context_set_progress(context, count, &reports);
    for (int i = 0; i < COUNT_OF(of_large_ones); i++)
        assert_ok(context, of_large_ones[i](context, &made));
    assert_ok(context, run_merge(context, &made));
    qkvsim_context_set_progress(context, NULL, NULL);
    stored_free(&rows.copy);
    change_free(&made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cancel");
    TCase *rows = add_case(suite, "many observations", make_context, free_context);
    tcase_add_loop_test(rows, an_analysis_is_left_between_any_rows, 0, COUNT_OF(arithmetics));
    tcase_add_loop_test(rows, more_rows_are_more_places_to_leave_them, 0, COUNT_OF(arithmetics));
    TCase *large = add_case(suite, "large accumulators", make_context, free_context);
    tcase_add_test(large, a_merge_is_left_anywhere_and_changes_nothing);
    tcase_add_loop_test(large, a_merge_of_blocks_is_left_anywhere_and_changes_nothing, 0, 3);
    tcase_add_test(large, an_update_that_halves_blocks_is_left_anywhere_and_changes_nothing);
    tcase_add_test(large, a_merge_without_memory_for_a_copy_goes_to_its_end);
    tcase_add_loop_test(large, a_large_accumulator_is_left_anywhere, 0, COUNT_OF(of_large_ones));
    tcase_add_test(large, a_cancelled_call_does_not_cancel_the_next);
    return run_suite(suite);
}
