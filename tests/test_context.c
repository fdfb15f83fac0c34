/* context.h: allocator, threads, kernels, progress and errors; and what no call may leave behind:
 * another OpenBLAS thread count, a thread, or a spinning processor. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include <qkvsim/context.h>

#include <qkvsim/qkvsim.h>

#include "../lib/base/blas_names.h"
#include "fixtures.h"
#include "support.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(default_contexts_use_every_processor_and_the_best_kernels)
{
    qkvsim_context *context;
    ck_assert_int_eq(qkvsim_context_create(NULL, &context), QKVSIM_OK);
    ck_assert_int_ge(qkvsim_context_threads(context), 1);
    ck_assert_ptr_nonnull(qkvsim_context_kernels(context));
    qkvsim_context_free(context);
}
END_TEST

START_TEST(the_thread_count_is_the_one_asked_for)
{
    for (int32_t threads = 1; threads <= 1024; threads += 341) {
        qkvsim_context *context = context_with(threads, QKVSIM_KERNELS_AUTO);
        ck_assert_int_eq(qkvsim_context_threads(context), threads);
        qkvsim_context_free(context);
    }
}
END_TEST

START_TEST(the_kernels_are_the_ones_asked_for_or_refused)
{
    static const char *const names[] = { "portable", "avx2", "avx512" };
    for (int32_t kernels = QKVSIM_KERNELS_PORTABLE; kernels <= QKVSIM_KERNELS_AVX512; kernels++) {
        qkvsim_context_options options = { .struct_size = sizeof options, .kernels = kernels };
        qkvsim_context *context = POISON_HANDLE;
        qkvsim_status status = qkvsim_context_create(&options, &context);
        if (status == QKVSIM_OK) {
            ck_assert_str_eq(qkvsim_context_kernels(context), names[kernels - 1]);
            qkvsim_context_free(context);
        } else {
            ck_assert_int_eq(status, QKVSIM_ERROR_INVALID_ARGUMENT);
            ck_assert_int_ne(kernels, QKVSIM_KERNELS_PORTABLE);
            ck_assert_ptr_eq(context, POISON_HANDLE);
        }
    }
}
END_TEST

static void *never_allocate(void *user, size_t size)
{
    (void)user;
    (void)size;
    ck_abort_msg("a refused context allocated");
    return NULL;
}

static void never_release(void *user, void *memory)
{
    (void)user;
    (void)memory;
}

START_TEST(bad_options_are_refused_with_a_text)
{
    const size_t size = sizeof(qkvsim_context_options);
    static const struct bad_options {
        qkvsim_context_options options;
        const char *text;
    } bad[] = {
        { { .threads = -1 }, "threads is -1, expected 1 to 1024, or 0 for every processor" },
        { { .threads = 1025 }, "threads is 1025" },
        { { .threads = INT32_MIN }, "threads is -2147483648" },
        { { .kernels = -1 }, "kernels is -1" },
        { { .allocate = never_allocate }, "allocate is given without release" },
        { { .release = never_release }, "release is given without allocate" },
    };
    qkvsim_context *context = POISON_HANDLE;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512] = "";
        qkvsim_context_options options = bad[i].options;
        options.struct_size = size;
        options.error = text;
        options.error_size = sizeof text;
        ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_ERROR_INVALID_ARGUMENT);
        ck_assert_msg(strstr(text, bad[i].text) != NULL, "%s: %s", bad[i].text, text);
        options.error = NULL;
        options.error_size = 0;
        ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_ERROR_INVALID_ARGUMENT);
    }
    ck_assert_ptr_eq(context, POISON_HANDLE);
}
END_TEST

START_TEST(options_too_short_for_a_text_get_none)
{
    char text[512] = "as it was";
    qkvsim_context_options options = { .error = text, .error_size = sizeof text };
    const size_t sizes[] = { 0, 1, sizeof(size_t) - 1, sizeof options - 1 };
    qkvsim_context *context = POISON_HANDLE;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        options.struct_size = sizes[i];
        ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_ERROR_INVALID_ARGUMENT);
        ck_assert_str_eq(text, "as it was");
    }
    ck_assert_ptr_eq(context, POISON_HANDLE);
}
END_TEST

START_TEST(the_text_of_a_refused_context_fits_the_callers_buffer)
{
    char text[20] = "before";
    memset(text + 8, '#', sizeof text - 8);
    qkvsim_context_options options = { .struct_size = sizeof options,
                                       .error = text,
                                       .error_size = 8 };
    qkvsim_context *context = NULL;
    ck_assert_int_eq(qkvsim_context_create(&options, NULL), QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_str_eq(text, "context");
    ck_assert_int_eq(text[8], '#');
    ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_OK);
    ck_assert_str_eq(text, "context"); /* untouched */
    qkvsim_context_free(context);
    ck_assert_int_eq(qkvsim_context_create(NULL, NULL), QKVSIM_ERROR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_buffer_for_the_text_has_a_size)
{
    char text[512] = "";
    const struct {
        char *error;
        int64_t size;
    } bad[] = { { text, 0 }, { text, -1 }, { text, INT64_MIN }, { NULL, 1 }, { NULL, -1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const qkvsim_context_options options = { .struct_size = sizeof options,
                                                 .error = bad[i].error,
                                                 .error_size = bad[i].size };
        qkvsim_context *context = POISON_HANDLE;
        ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_ERROR_INVALID_ARGUMENT);
        ck_assert_ptr_eq(context, POISON_HANDLE);
        ck_assert_str_eq(text, "");
    }
}
END_TEST

START_TEST(options_from_a_newer_header_are_read_where_the_rest_is_zero)
{
    struct {
        qkvsim_context_options value;
        unsigned char tail[16];
    } newer = { .value = { .struct_size = sizeof newer, .threads = 3 } };
    qkvsim_context *context = NULL;
    ck_assert_int_eq(qkvsim_context_create(&newer.value, &context), QKVSIM_OK);
    ck_assert_int_eq(qkvsim_context_threads(context), 3);
    qkvsim_context_free(context);
    context = POISON_HANDLE;
    newer.tail[15] = 1;
    char text[512] = "";
    newer.value.error = text;
    newer.value.error_size = sizeof text;
    ck_assert_int_eq(qkvsim_context_create(&newer.value, &context), QKVSIM_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(text, "a newer library is needed"));
    ck_assert_ptr_eq(context, POISON_HANDLE);
}
END_TEST

START_TEST(null_contexts_are_harmless)
{
    qkvsim_context_free(NULL);
    ck_assert_str_eq(qkvsim_context_error(NULL), "");
    qkvsim_context_set_progress(NULL, NULL, NULL);
    ck_assert_int_eq(qkvsim_context_threads(NULL), 0);
    (void)qkvsim_context_kernels(NULL);
}
END_TEST

START_TEST(errors_belong_to_their_context)
{
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_context *other = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *layout;
    assert_status(one, qkvsim_layout_thirds(one, 100, &layout), QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_str_eq(qkvsim_context_error(other), "");
    qkvsim_context_free(one);
    qkvsim_context_free(other);
}
END_TEST

static qkvsim_status create_with_failure(allocator *counter, int64_t k, char text[512],
                                         qkvsim_context **context)
{
    allocator_init(counter);
    qkvsim_context_options options = allocator_options(counter);
    options.error = text;
    options.error_size = 512;
    counter->fail_at = k;
    return qkvsim_context_create(&options, context);
}

START_TEST(creation_survives_any_failing_allocation)
{
    allocator counter;
    int64_t k = 1;
    qkvsim_context *context = POISON_HANDLE;
    char text[512];
    while (create_with_failure(&counter, k, text, &context) != QKVSIM_OK) {
        ck_assert_str_eq(text, "out of memory for the context");
        ck_assert_ptr_eq(context, POISON_HANDLE);
        ck_assert_int_eq(counter.live, 0);
        ck_assert_int_lt(++k, 1000);
    }
    ck_assert_int_gt(k, 1);
    qkvsim_context_free(context);
    ck_assert_int_eq(counter.live, 0);
}
END_TEST

/* A small job of every kind, for what must hold around each call. */
typedef struct small_job {
    table data;
    stored input;
    qkvsim_layout *layout;
    float matrix[64 * 64];
} small_job;

static void small_job_init(small_job *job, qkvsim_context *context)
{
    job->data = table_with_offsets(40, 63, 1, 3);
    job->input = store(&job->data, QKVSIM_DTYPE_F32, ORDER_C);
    assert_ok(context, qkvsim_layout_thirds(context, 63, &job->layout));
}

static void small_job_free(small_job *job)
{
    qkvsim_layout_free(job->layout);
    stored_free(&job->input);
    table_free(&job->data);
}

typedef qkvsim_status (*public_call)(qkvsim_context *context, small_job *job);

static qkvsim_status call_similarity(qkvsim_context *context, small_job *job)
{
    const qkvsim_matrix matrix = square_matrix(job->matrix, 63, QKVSIM_DTYPE_F32);
    return qkvsim_similarity(context, INPUT(&job->input.view, 1), QKVSIM_METRIC_COSINE, NULL,
                             &matrix);
}

static qkvsim_status call_analyze(qkvsim_context *context, small_job *job)
{
    qkvsim_analysis *analysis = NULL;
    qkvsim_status status =
        qkvsim_analysis_run(context, INPUT(&job->input.view, 1), job->layout, NULL, &analysis);
    qkvsim_analysis_free(analysis);
    return status;
}

static qkvsim_status call_baseline(qkvsim_context *context, small_job *job)
{
    qkvsim_baseline_options options = { .struct_size = sizeof options, .permutations = 5 };
    qkvsim_baseline *baseline = NULL;
    qkvsim_status status = qkvsim_baseline_run(context, INPUT(&job->input.view, 1), job->layout,
                                               NULL, &options, &baseline);
    qkvsim_baseline_free(baseline);
    return status;
}

static qkvsim_status call_permute(qkvsim_context *context, small_job *job)
{
    qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                       .scheme = QKVSIM_SCHEME_ALL };
    const qkvsim_matrix matrix = { .struct_size = sizeof matrix,
                                   .data = job->matrix,
                                   .rows = 40,
                                   .columns = 63,
                                   .leading_dimension = 63,
                                   .dtype = QKVSIM_DTYPE_F32 };
    return qkvsim_permute(context, INPUT(&job->input.view, 1), &permutation, &matrix);
}

static qkvsim_status call_accumulator(qkvsim_context *context, small_job *job)
{
    const qkvsim_matrix matrix = square_matrix(job->matrix, 63, QKVSIM_DTYPE_F32);
    qkvsim_accumulator *sum = NULL, *other = NULL;
    qkvsim_analysis *analysis = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, 63, NULL, &sum));
    assert_ok(context, qkvsim_accumulator_create(context, 63, NULL, &other));
    qkvsim_status status = qkvsim_accumulator_update(context, sum, INPUT(&job->input.view, 1));
    if (status == QKVSIM_OK)
        status = qkvsim_accumulator_merge(context, sum, other);
    if (status == QKVSIM_OK)
        status = qkvsim_accumulator_analysis(context, sum, job->layout, NULL, &analysis);
    if (status == QKVSIM_OK)
        status = qkvsim_accumulator_similarity(context, sum, QKVSIM_METRIC_PEARSON, NULL, &matrix);
    qkvsim_analysis_free(analysis);
    qkvsim_accumulator_free(sum);
    qkvsim_accumulator_free(other);
    return status;
}

static qkvsim_status call_histogram(qkvsim_context *context, small_job *job)
{
    int64_t histogram[100];
    return qkvsim_histogram(context, &job->input.view, NULL, NULL, 1, NULL, histogram,
                            COUNT_OF(histogram), NULL);
}

static const public_call calls[] = { call_similarity, call_analyze,     call_baseline,
                                     call_permute,    call_accumulator, call_histogram };
enum { CALLS = 6 };

/* Also after calls of every kind that succeed. */
START_TEST(there_is_no_error_before_the_first)
{
    qkvsim_context *context = context_with(1, QKVSIM_KERNELS_AUTO);
    ck_assert_str_eq(qkvsim_context_error(context), "");
    small_job job;
    small_job_init(&job, context);
    for (int i = 0; i < CALLS; i++) {
        assert_ok(context, calls[i](context, &job));
        ck_assert_str_eq(qkvsim_context_error(context), "");
    }
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

START_TEST(openblas_threads_are_the_callers_after_every_call)
{
    qkvsim_context *context = context_with(2, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    for (int before = 1; before <= 2; before++) {
        openblas_set_num_threads(before);
        for (int i = 0; i < CALLS; i++) {
            assert_ok(context, calls[i](context, &job));
            ck_assert_msg(openblas_get_num_threads() == before, "call %d leaves %d threads", i,
                          openblas_get_num_threads());
        }
    }
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

START_TEST(openblas_threads_are_the_callers_after_every_failure)
{
    qkvsim_context *context = context_with(2, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    ((float *)job.input.memory)[63 * 39 + 62] = NAN;
    openblas_set_num_threads(2);
    for (int i = 0; i < CALLS; i++) {
        (void)calls[i](context, &job);
        ck_assert_int_eq(openblas_get_num_threads(), 2);
    }
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

static qkvsim_status run_call(qkvsim_context *context, void *call)
{
    qkvsim_context *unfailing = context_with(1, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, unfailing);
    qkvsim_status status = (*(public_call *)call)(context, &job);
    small_job_free(&job);
    qkvsim_context_free(unfailing);
    ck_assert_int_eq(openblas_get_num_threads(), 2);
    return status;
}

static int32_t cancel_now(void *user, int64_t done, int64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return 1;
}

START_TEST(openblas_threads_are_the_callers_after_cancelling)
{
    qkvsim_context *context = context_with(2, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    openblas_set_num_threads(2);
    qkvsim_context_set_progress(context, cancel_now, NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(calls[i](context, &job), QKVSIM_ERROR_CANCELLED);
        ck_assert_int_eq(openblas_get_num_threads(), 2);
    }
    qkvsim_context_set_progress(context, NULL, NULL);
    ck_assert_int_eq(calls[0](context, &job), QKVSIM_OK);
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

static int32_t stay_on_this_thread(void *user, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    ck_assert_int_eq(pthread_equal(*(pthread_t *)user, pthread_self()), 1);
    return 0;
}

/* What one of two threads works through, with a context of its own. */
typedef struct worker {
    pthread_t thread;
    uint64_t seed;
    int32_t threads;
    int rounds;
    qkvsim_analysis *results[8];
} worker;

static void *work(void *argument)
{
    worker *self = argument;
    qkvsim_context *context = context_with(self->threads, QKVSIM_KERNELS_AUTO);
    pthread_t here = pthread_self();
    qkvsim_context_set_progress(context, stay_on_this_thread, &here);
    table data = table_with_offsets(100, 450, 2, self->seed);
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 450, &layout));
    for (int i = 0; i < self->rounds; i++)
        assert_ok(context, qkvsim_analysis_run(context, INPUT(&input.view, 1), layout, NULL,
                                               &self->results[i]));
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    qkvsim_context_free(context);
    return NULL;
}

START_TEST(two_contexts_work_at_once_and_do_not_disturb_each_other)
{
    openblas_set_num_threads(2);
    worker alone[2] = { { .seed = 1, .threads = 1, .rounds = 1 },
                        { .seed = 2, .threads = 1, .rounds = 1 } };
    worker together[2] = { { .seed = 1, .threads = 2, .rounds = 8 },
                           { .seed = 2, .threads = 3, .rounds = 8 } };
    for (int i = 0; i < 2; i++)
        work(&alone[i]);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&together[i].thread, NULL, work, &together[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(together[i].thread, NULL);
    ck_assert_int_eq(openblas_get_num_threads(), 2);
    for (int i = 0; i < 2; i++) {
        for (int round = 0; round < 8; round++) {
            assert_same_analysis(together[i].results[round], alone[i].results[0]);
            qkvsim_analysis_free(together[i].results[round]);
        }
        qkvsim_analysis_free(alone[i].results[0]);
    }
}
END_TEST

typedef struct progress_log {
    pthread_t caller;
    int64_t calls;
    int64_t done;
    int64_t total;
} progress_log;

static int32_t watch_progress(void *user, int64_t done, int64_t total)
{
    progress_log *log = user;
    ck_assert(pthread_equal(log->caller, pthread_self()));
    ck_assert_int_ge(done, log->done);
    ck_assert_int_ge(total, 1);
    ck_assert_int_le(done, total);
    ck_assert(log->calls == 0 || total == log->total);
    log->calls++;
    log->done = done;
    log->total = total;
    return 0;
}

START_TEST(progress_runs_on_the_callers_thread_and_never_falls)
{
    qkvsim_context *context = context_with(3, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    for (int i = 0; i < 3; i++) {
        progress_log log = { .caller = pthread_self() };
        qkvsim_context_set_progress(context, watch_progress, &log);
        assert_ok(context, calls[i](context, &job));
        ck_assert_int_ge(log.calls, 1);
        ck_assert_msg(log.done == log.total, "call %d ends at %ld of %ld", i, (long)log.done,
                      (long)log.total);
    }
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

START_TEST(the_allocator_is_called_from_the_callers_thread_only)
{
    allocator counter;
    allocator_init(&counter);
    qkvsim_context_options options = allocator_options(&counter);
    options.threads = 7;
    qkvsim_context *context;
    ck_assert_int_eq(qkvsim_context_create(&options, &context), QKVSIM_OK);
    small_job job;
    small_job_init(&job, context);
    for (int i = 0; i < CALLS; i++)
        assert_ok(context, calls[i](context, &job));
    small_job_free(&job);
    qkvsim_context_free(context);
    ck_assert_int_eq(counter.foreign_calls, 0);
    ck_assert_int_eq(counter.live, 0);
}
END_TEST

START_TEST(every_call_survives_any_failing_allocation)
{
    openblas_set_num_threads(2);
    public_call call = calls[_i];
    if (call != call_accumulator) /* its creation asserts; test_accumulator.c takes it apart */
        assert_survives_failing_allocations(run_call, &call);
}
END_TEST

static int64_t count_threads(void)
{
    int64_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        return -1;
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* A thread that was joined may stay listed for a moment; one that is kept stays for good. */
static void wait_for_threads_to_go(int64_t expected)
{
    const struct timespec moment = { .tv_nsec = 1000000 };
    for (int i = 0; i < 60000 && count_threads() > expected; i++)
        nanosleep(&moment, NULL);
}

/* What the system says of every thread but this one. */
typedef struct others {
    int64_t running;
    int64_t
        switches; /* times that one slept or was made to wait: as before where none has run since */
} others;

static void add_thread(others *all, const char *thread)
{
    char path[300], line[200], state;
    long count;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *status = fopen(path, "r");
    if (status == NULL)
        return;
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "State: %c", &state) == 1)
            all->running += state == 'R';
        else if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1
                 || sscanf(line, "nonvoluntary_ctxt_switches: %ld", &count) == 1)
            all->switches += count;
    fclose(status);
}

static others look_at_others(void)
{
    others all = { 0 };
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.' && atol(entry->d_name) != getpid())
            add_thread(&all, entry->d_name);
    closedir(tasks);
    return all;
}

/* Check forks, and OpenBLAS starts its own pool anew in the child at its first use, whose threads
 * spin for a while before they sleep: let that be over, so that what is counted is the
 * library's. */
static void settle_openblas(void)
{
    const struct timespec pause = { .tv_nsec = 100000000 };
    others before, now = { .switches = -1 };
    openblas_set_num_threads(2);
    do {
        before = now;
        nanosleep(&pause, NULL);
#ifdef __SANITIZE_THREAD__
        return; /* which has a thread of its own, that is never over */
#endif
        now = look_at_others();
    } while (now.running > 0 || now.switches != before.switches);
}

START_TEST(no_thread_is_left_after_a_call)
{
    settle_openblas();
    const int64_t before = count_threads();
    ck_assert_int_ge(before, 1);
    qkvsim_context *context = context_with(7, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    for (int i = 0; i < CALLS; i++)
        assert_ok(context, calls[i](context, &job));
    wait_for_threads_to_go(before);
    ck_assert_int_le(count_threads(), before);
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

/* A thread that runs on after a call is not the library's, of which none is left, but OpenBLAS's:
 * no call wakes one. */
START_TEST(no_thread_of_openblas_is_woken)
{
#ifdef __SANITIZE_THREAD__
    return; /* as in settle_openblas */
#endif
    settle_openblas();
    const int64_t threads = count_threads(), before = look_at_others().switches;
    qkvsim_context *context = context_with(2, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    for (int i = 0; i < CALLS; i++) {
        assert_ok(context, calls[i](context, &job));
        wait_for_threads_to_go(threads);
        ck_assert_int_eq(look_at_others().switches, before);
    }
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

START_TEST(a_context_in_no_call_serves_a_forked_child_too)
{
    qkvsim_context *context = context_with(2, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    assert_ok(context, call_analyze(context, &job));
    const pid_t child = fork();
    if (child == 0)
        _exit(call_baseline(context, &job));
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), QKVSIM_OK);
    assert_ok(context, call_baseline(context, &job));
    small_job_free(&job);
    qkvsim_context_free(context);
}
END_TEST

START_TEST(handles_outlive_their_context)
{
    qkvsim_context *context = context_with(2, QKVSIM_KERNELS_AUTO);
    small_job job;
    small_job_init(&job, context);
    qkvsim_baseline_options options = { .struct_size = sizeof options, .permutations = 3 };
    qkvsim_analysis *analysis;
    qkvsim_baseline *baseline;
    qkvsim_accumulator *sum;
    assert_ok(context,
              qkvsim_analysis_run(context, INPUT(&job.input.view, 1), job.layout, NULL, &analysis));
    assert_ok(context, qkvsim_baseline_run(context, INPUT(&job.input.view, 1), job.layout, NULL,
                                           &options, &baseline));
    assert_ok(context, qkvsim_accumulator_create(context, 63, NULL, &sum));
    qkvsim_context_free(context);
    assert_same_analysis(analysis, qkvsim_baseline_observed(baseline));
    ck_assert_int_eq(qkvsim_accumulator_observations(sum), 0);
    qkvsim_analysis_free(analysis);
    qkvsim_baseline_free(baseline);
    qkvsim_accumulator_free(sum);
    small_job_free(&job);
}
END_TEST

static void add_traces(Suite *suite)
{
    TCase *traces = add_case(suite, "nothing left behind", NULL, NULL);
    tcase_add_test(traces, openblas_threads_are_the_callers_after_every_call);
    tcase_add_test(traces, openblas_threads_are_the_callers_after_every_failure);
    tcase_add_test(traces, openblas_threads_are_the_callers_after_cancelling);
    tcase_add_test(traces, two_contexts_work_at_once_and_do_not_disturb_each_other);
    tcase_add_test(traces, progress_runs_on_the_callers_thread_and_never_falls);
    tcase_add_test(traces, the_allocator_is_called_from_the_callers_thread_only);
    tcase_add_loop_test(traces, every_call_survives_any_failing_allocation, 0, CALLS);
    tcase_add_test(traces, no_thread_is_left_after_a_call);
    tcase_add_test(traces, no_thread_of_openblas_is_woken);
    tcase_add_test(traces, handles_outlive_their_context);
    tcase_add_test(traces, a_context_in_no_call_serves_a_forked_child_too);
}

int main(void)
{
    Suite *suite = suite_create("context");
    TCase *contexts = add_case(suite, "contexts", NULL, NULL);
    tcase_add_test(contexts, default_contexts_use_every_processor_and_the_best_kernels);
    tcase_add_test(contexts, the_thread_count_is_the_one_asked_for);
    tcase_add_test(contexts, the_kernels_are_the_ones_asked_for_or_refused);
    tcase_add_test(contexts, bad_options_are_refused_with_a_text);
    tcase_add_test(contexts, options_too_short_for_a_text_get_none);
    tcase_add_test(contexts, the_text_of_a_refused_context_fits_the_callers_buffer);
    tcase_add_test(contexts, a_buffer_for_the_text_has_a_size);
    tcase_add_test(contexts, options_from_a_newer_header_are_read_where_the_rest_is_zero);
    tcase_add_test(contexts, null_contexts_are_harmless);
    tcase_add_test(contexts, there_is_no_error_before_the_first);
    tcase_add_test(contexts, errors_belong_to_their_context);
    tcase_add_test(contexts, creation_survives_any_failing_allocation);
    add_traces(suite);
    return run_suite(suite);
}
