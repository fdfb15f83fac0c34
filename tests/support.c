/* The failing allocator, status and message checks, and fingerprints of analyses. */
#include "support.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Before each block, at a distance that keeps any alignment: its size. */
enum { HEADER_SIZE = 64 };

static void *counting_allocate(void *user, size_t size)
{
    allocator *counter = user;
    counter->foreign_calls += (uint64_t)pthread_self() != counter->owner;
    counter->calls++;
    if (counter->fail_at == counter->calls)
        return NULL;
    char *block = malloc(HEADER_SIZE + size);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    counter->live++;
    counter->live_bytes += size;
    if (counter->live_bytes > counter->peak_bytes)
        counter->peak_bytes = counter->live_bytes;
    return block + HEADER_SIZE;
}

static void counting_release(void *user, void *memory)
{
    allocator *counter = user;
    counter->foreign_calls += (uint64_t)pthread_self() != counter->owner;
    if (!memory)
        return;
    char *block = (char *)memory - HEADER_SIZE;
    size_t size;
    memcpy(&size, block, sizeof size);
    counter->live--;
    counter->live_bytes -= size;
    free(block);
}

void allocator_init(allocator *counter)
{
    memset(counter, 0, sizeof *counter);
    counter->owner = (uint64_t)pthread_self();
}

qkvsim_context_options allocator_options(allocator *counter)
{
    return (qkvsim_context_options){ .struct_size = sizeof(qkvsim_context_options),
                                     .allocate = counting_allocate,
                                     .release = counting_release,
                                     .allocate_user = counter };
}

qkvsim_context *context_with(int32_t threads, int32_t kernels)
{
    qkvsim_context_options options = { .struct_size = sizeof options,
                                       .threads = threads,
                                       .kernels = kernels };
    qkvsim_context *context = NULL;
    ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_OK);
    return context;
}

/* One round: a fresh context, then the operation with its k-th allocation failing. */
static qkvsim_status run_with_failure(operation run, void *argument, int64_t k)
{
    allocator counter;
    allocator_init(&counter);
    qkvsim_context_options options = allocator_options(&counter);
    options.threads = 2;
    qkvsim_context *context = NULL;
    ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_OK);
    counter.fail_at = counter.calls + k;
    qkvsim_status status = run(context, argument);
    bool failed = counter.calls >= counter.fail_at;
    counter.fail_at = 0;
    if (failed) {
        ck_assert_msg(status == QKVSIM_ERROR_NO_MEMORY, "allocation %ld fails: status %s, \"%s\"",
                      (long)k, qkvsim_status_name(status), qkvsim_context_error(context));
        ck_assert_msg(strlen(qkvsim_context_error(context)) > 0, "allocation %ld: no message",
                      (long)k);
    } else {
        ck_assert_msg(status == QKVSIM_OK, "no allocation fails: %s",
                      qkvsim_context_error(context));
    }
    qkvsim_context_free(context);
    ck_assert_msg(counter.live == 0, "allocation %ld fails: %ld blocks leak", (long)k,
                  (long)counter.live);
    ck_assert_int_eq(counter.foreign_calls, 0);
    return status;
}

void assert_survives_failing_allocations(operation run, void *argument)
{
    int64_t k = 1;
    while (run_with_failure(run, argument, k) != QKVSIM_OK) {
        k++;
        ck_assert_msg(k < 100000, "allocations never end");
    }
    ck_assert_msg(k > 1, "the operation allocates nothing");
}

typedef struct canceller {
    int64_t calls;
    int64_t cancel_at;
} canceller;

static int32_t cancel_at(void *user, int64_t done, int64_t total)
{
    canceller *state = user;
    ck_assert_int_ge(done, 0);
    ck_assert_int_ge(total, done);
    return ++state->calls == state->cancel_at;
}

/* One round; false when the call ended before its k-th report of progress. */
static bool cancelled_at(operation run, void *argument, int64_t k)
{
    canceller state = { .cancel_at = k };
    allocator counter;
    allocator_init(&counter);
    qkvsim_context_options options = allocator_options(&counter);
    options.progress = cancel_at;
    options.progress_user = &state;
    options.threads = 2;
    qkvsim_context *context = NULL;
    ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_OK);
    qkvsim_status status = run(context, argument);
    bool cancelled = state.calls >= k;
    ck_assert_msg(status == (cancelled ? QKVSIM_ERROR_CANCELLED : QKVSIM_OK),
                  "cancel at report %ld of %ld: status %s", (long)k, (long)state.calls,
                  qkvsim_status_name(status));
    ck_assert_msg(!cancelled || state.calls == k, "report %ld comes after cancelling at %ld",
                  (long)state.calls, (long)k);
    qkvsim_context_free(context);
    ck_assert_msg(counter.live == 0, "cancel at report %ld: %ld blocks leak", (long)k,
                  (long)counter.live);
    return cancelled;
}

void assert_cancels_everywhere(operation run, void *argument)
{
    int64_t k = 1;
    while (cancelled_at(run, argument, k)) {
        k++;
        ck_assert_msg(k < 100000, "progress never ends");
    }
    ck_assert_msg(k > 1, "the operation reports no progress");
}

qkvsim_status refusal(const qkvsim_context *context)
{
    return strstr(qkvsim_context_error(context), "newer library") != NULL
               ? QKVSIM_ERROR_UNSUPPORTED
               : QKVSIM_ERROR_INVALID_ARGUMENT;
}

void assert_message_has(const qkvsim_context *context, const char *text)
{
    const char *message = qkvsim_context_error(context);
    ck_assert_msg(strstr(message, text) != NULL, "\"%s\" does not say \"%s\"", message, text);
}

void assert_message_has_number(const qkvsim_context *context, int64_t number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%ld", (long)number);
    const char *message = qkvsim_context_error(context);
    for (const char *at = strstr(message, digits); at; at = strstr(at + 1, digits)) {
        bool starts = at == message || !isdigit((unsigned char)at[-1]);
        if (starts && !isdigit((unsigned char)at[strlen(digits)]))
            return;
    }
    ck_abort_msg("\"%s\" does not name the number %s", message, digits);
}

qkvsim_matrix square_matrix(void *data, int64_t d, int32_t dtype)
{
    return (qkvsim_matrix){ .struct_size = sizeof(qkvsim_matrix),
                            .data = data,
                            .rows = d,
                            .columns = d,
                            .leading_dimension = d,
                            .dtype = dtype };
}

void *poisoned(size_t size)
{
    void *memory = malloc(size);
    memset(memory, 0x5a, size);
    return memory;
}

void assert_poisoned(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++)
        if (bytes[i]
            != 0x5a) /* each assertion reports to Check's parent: too slow for every byte */
            ck_abort_msg("byte %zu of %zu was written", i, size);
}

void fingerprint_append(fingerprint *print, double number)
{
    if ((print->count & (print->count - 1)) == 0)
        print->numbers =
            realloc(print->numbers, (size_t)(2 * print->count + 1) * sizeof *print->numbers);
    print->numbers[print->count++] = number;
}

static void append_list(fingerprint *print, const int64_t *list, int64_t count)
{
    fingerprint_append(print, (double)count);
    for (int64_t i = 0; list && i < count; i++)
        fingerprint_append(print, (double)list[i]);
}

const int32_t every_metric[3] = { QKVSIM_METRIC_COSINE, QKVSIM_METRIC_PEARSON,
                                  QKVSIM_METRIC_SPEARMAN };

static void append_metric(fingerprint *print, const qkvsim_analysis *analysis, int32_t pair_group,
                          int32_t metric)
{
    const int64_t *histogram = qkvsim_analysis_histogram(analysis, pair_group, metric);
    fingerprint_append(print, (double)qkvsim_analysis_defined(analysis, pair_group, metric));
    append_list(print, histogram, histogram ? qkvsim_analysis_bins(analysis) : 0);
    for (int32_t statistic = QKVSIM_STATISTIC_MEAN; statistic <= QKVSIM_STATISTIC_MAXIMUM;
         statistic++)
        fingerprint_append(print,
                           qkvsim_analysis_statistic(analysis, pair_group, metric, statistic));
}

static void append_columns(fingerprint *print, const qkvsim_analysis *analysis)
{
    int64_t count = 0;
    for (int m = 0; m < 3; m++) {
        const int64_t *columns =
            qkvsim_analysis_undefined_features(analysis, every_metric[m], &count);
        append_list(print, columns, count);
    }
    const double *ratios = qkvsim_analysis_offset_ratios(analysis);
    for (int64_t j = 0; ratios && j < qkvsim_layout_features(qkvsim_analysis_layout(analysis)); j++)
        fingerprint_append(print, ratios[j]);
}

int32_t kept_statistic(int32_t metric, int k)
{
    static const int32_t of_cosine[] = {
        QKVSIM_STATISTIC_OFFSET_SHARE,       QKVSIM_STATISTIC_OFFSET_SHARE_RAW,
        QKVSIM_STATISTIC_OFFSET_ENERGY,      QKVSIM_STATISTIC_VARIANCE_ENERGY,
        QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE, QKVSIM_STATISTIC_NOISE_FRACTION
    };
    if (k < 5)
        return QKVSIM_STATISTIC_MEAN + k;
    if (metric != QKVSIM_METRIC_COSINE)
        return k == 5 ? QKVSIM_STATISTIC_MEAN_SQUARE : 0;
    return k < 11 ? of_cosine[k - 5] : 0;
}

fingerprint fingerprint_of(const qkvsim_analysis *analysis)
{
    fingerprint print = { 0, NULL };
    fingerprint_append(&print, (double)qkvsim_analysis_observations(analysis));
    fingerprint_append(&print, (double)qkvsim_layout_features(qkvsim_analysis_layout(analysis)));
    append_columns(&print, analysis);
    const int32_t rows = qkvsim_layout_rows(qkvsim_analysis_layout(analysis));
    for (int32_t p = 0; p < rows; p++) {
        fingerprint_append(&print,
                           (double)qkvsim_layout_pairs(qkvsim_analysis_layout(analysis), p));
        for (int m = 0; m < 3; m++)
            append_metric(&print, analysis, p, every_metric[m]);
        for (int32_t part = QKVSIM_STATISTIC_OFFSET_SHARE; part <= QKVSIM_STATISTIC_NOISE_FRACTION;
             part++)
            fingerprint_append(&print,
                               qkvsim_analysis_statistic(analysis, p, QKVSIM_METRIC_COSINE, part));
        fingerprint_append(&print, qkvsim_analysis_group_offset(analysis, p));
    }
    return print;
}

void fingerprint_free(fingerprint *print)
{
    free(print->numbers);
    print->numbers = NULL;
}

/* NaN, whatever its bits, is the same as NaN; every other number is the same bit for bit. */
static bool same_number(double one, double other)
{
    return (isnan(one) && isnan(other)) || memcmp(&one, &other, sizeof one) == 0;
}

static int64_t first_difference(const qkvsim_analysis *one, const qkvsim_analysis *other)
{
    fingerprint a = fingerprint_of(one), b = fingerprint_of(other);
    int64_t at = 0, difference = -1;
    while (at < a.count && at < b.count && same_number(a.numbers[at], b.numbers[at]))
        at++;
    if (at < a.count || at < b.count)
        difference = at;
    fingerprint_free(&a);
    fingerprint_free(&b);
    return difference;
}

void assert_same_analysis(const qkvsim_analysis *one, const qkvsim_analysis *other)
{
    int64_t difference = first_difference(one, other);
    ck_assert_msg(difference < 0, "the analyses differ at number %ld of the fingerprint",
                  (long)difference);
}

/* Sanitizers make everything several times slower, so no limit of Check's own comes near. */
TCase *add_case(Suite *suite, const char *name, void (*set_up)(void), void (*tear_down)(void))
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 300);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    return tests;
}

static TCase *add_tagged_case(Suite *suite, const char *tag, void (*set_up)(void),
                              void (*tear_down)(void))
{
    TCase *tests = add_case(suite, tag, set_up, tear_down);
    tcase_set_tags(tests, tag);
    return tests;
}

TCase *add_thread_case(Suite *suite, void (*set_up)(void), void (*tear_down)(void))
{
    return add_tagged_case(suite, "threads", set_up, tear_down);
}

TCase *add_simulations(Suite *suite, void (*set_up)(void), void (*tear_down)(void))
{
    TCase *tests = add_tagged_case(suite, "simulations", set_up, tear_down);
    tcase_set_timeout(tests, 1200);
    return tests;
}

int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
