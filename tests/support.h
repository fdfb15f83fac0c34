/* What the suites share besides data: an allocator that fails on command, the checks of status and
 * message, poisoned outputs, and the comparison of two analyses bit for bit. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <check.h>
#include <qkvsim/qkvsim.h>
#include <stdbool.h>
#include <string.h>

/* Check's own write down where each of them held, which takes longer than what most loops of these
 * suites compare. */
#undef ck_assert_msg
#undef ck_assert
#define ck_assert_msg(condition, ...)                                                              \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)
#define ck_assert(condition) ck_assert_msg(condition, "not so: %s", #condition)

/* An allocator that counts, fails at the k-th call (0: never), and notes calls from other
 * threads. */
typedef struct allocator {
    int64_t calls;
    int64_t fail_at;
    int64_t live;
    size_t live_bytes;
    size_t peak_bytes;
    uint64_t owner;
    int64_t foreign_calls;
} allocator;

void allocator_init(allocator *counter);
qkvsim_context_options allocator_options(allocator *counter);

qkvsim_context *context_with(int32_t threads, int32_t kernels);

/* One call to the library. It frees what it made, and asserts on failure that outputs are as
 * before. */
typedef qkvsim_status (*operation)(qkvsim_context *context, void *argument);

/* Runs an operation with the allocation failing at each call in turn, until none fails. */
void assert_survives_failing_allocations(operation run, void *argument);

/* Runs an operation with progress cancelling at each call in turn, until none does. */
void assert_cancels_everywhere(operation run, void *argument);

/* An input of parts, with what else is set of it by name. */
#define INPUT(first_part, count, ...)                                                              \
    (&(qkvsim_input){ .struct_size = sizeof(qkvsim_input),                                         \
                      .parts = (first_part),                                                       \
                      .part_count = (count),                                                       \
                      __VA_ARGS__ })

/* The number of elements of an array, for what is told how much room there is. */
#define COUNT_OF(array) ((int64_t)(sizeof(array) / sizeof *(array)))

#define assert_ok(context, call)                                                                   \
    do {                                                                                           \
        qkvsim_status status_of_call = (call);                                                     \
        ck_assert_msg(status_of_call == QKVSIM_OK, "%s: %s: %s", #call,                            \
                      qkvsim_status_name(status_of_call), qkvsim_context_error(context));          \
    } while (0)

#define assert_status(context, call, expected)                                                     \
    do {                                                                                           \
        qkvsim_status status_of_call = (call);                                                     \
        ck_assert_msg(status_of_call == (expected), "%s: is %s and not %s: %s", #call,             \
                      qkvsim_status_name(status_of_call), qkvsim_status_name(expected),            \
                      qkvsim_context_error(context));                                              \
        ck_assert_msg(strlen(qkvsim_context_error(context)) > 0, "%s: no message", #call);         \
    } while (0)

/* What bad input came to by its message: UNSUPPORTED where a newer library may know it. */
qkvsim_status refusal(const qkvsim_context *context);

/* The last message holds a number as a word of its own, or a text. */
void assert_message_has_number(const qkvsim_context *context, int64_t number);
void assert_message_has(const qkvsim_context *context, const char *text);

/* A d x d output matrix of the caller's, tightly packed. */
qkvsim_matrix square_matrix(void *data, int64_t d, int32_t dtype);

/* Poison for outputs, and the check that none of it was written. */
void *poisoned(size_t size);
void assert_poisoned(const void *memory, size_t size);
#define POISON_HANDLE ((void *)(uintptr_t)0x5a5a5a5a)

/* Reads every number of an analysis into one array, so that two can be compared bit for bit. */
typedef struct fingerprint {
    int64_t count;
    double *numbers;
} fingerprint;

/* The k-th statistic of a metric that has nulls and intervals; 0 behind the last. */
int32_t kept_statistic(int32_t metric, int k);

fingerprint fingerprint_of(const qkvsim_analysis *analysis);
void fingerprint_append(fingerprint *print, double number);
void fingerprint_free(fingerprint *print);
void assert_same_analysis(const qkvsim_analysis *one, const qkvsim_analysis *other);

/* Every metric of an analysis, and their sum. */
extern const int32_t every_metric[3];
enum { METRICS_SUM = QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON + QKVSIM_METRIC_SPEARMAN };

/* Runs a suite and prints Check's summary line; the exit status of the program. */
int run_suite(Suite *suite);
TCase *add_case(Suite *suite, const char *name, void (*set_up)(void), void (*tear_down)(void));

/* For what several threads do at once: CK_INCLUDE_TAGS=threads runs these alone, in seconds under
 * the thread sanitizer. */
TCase *add_thread_case(Suite *suite, void (*set_up)(void), void (*tear_down)(void));

/* For shares of many simulations, which take long and call what other tests call, too:
 * CK_EXCLUDE_TAGS=simulations leaves them out, where how it is called is looked at. */
TCase *add_simulations(Suite *suite, void (*set_up)(void), void (*tear_down)(void));

#endif
