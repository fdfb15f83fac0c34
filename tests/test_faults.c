/* What the process and the machine may do to a call: no address space left, a fork in the middle. */
#define _DEFAULT_SOURCE /* RLIMIT_AS, alarm, fork */

#include <qkvsim/qkvsim.h>

#include "fixtures.h"
#include "suite_context.h"

#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* An analysis of three groups that any test may run, as often as it likes. */
typedef struct job {
    table data;
    stored input;
    qkvsim_layout *layout;
} job;

static job job_of(int64_t n, int64_t d)
{
    job made = { .data = table_with_offsets(n, d, 2, 1) };
    made.input = store(&made.data, QKVSIM_DTYPE_F32, ORDER_C);
    assert_ok(context, qkvsim_layout_thirds(context, d, &made.layout));
    return made;
}

static void job_free(job *made)
{
    qkvsim_layout_free(made->layout);
    stored_free(&made->input);
    table_free(&made->data);
}

static qkvsim_status analyze(qkvsim_context *caller, const job *work)
{
    qkvsim_analysis *analysis;
    const qkvsim_status status =
        qkvsim_analyze(caller, &work->input.view, 1, work->layout, NULL, &analysis);
    if (status == QKVSIM_OK)
        qkvsim_analysis_free(analysis);
    return status;
}

/* Without Check, whose lock a fork may find taken. */
static qkvsim_context *silent_context(int32_t threads)
{
    const qkvsim_context_options options = { .struct_size = sizeof options, .threads = threads };
    qkvsim_context *made = NULL;
    return qkvsim_context_create(&options, &made) == QKVSIM_OK ? made : NULL;
}

/* Ends as exit status 0 to 254, or 255 where it was killed: by its alarm, if it hangs. */
static int status_of_child(pid_t child)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* ---- address space ---- */

static size_t address_space_in_use(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Two calls with so much more address space; the process ends without OpenBLAS's clean-up, which may
 * wait for ever. */
static int call_within(size_t more, const job *work)
{
    alarm(20);
    const rlim_t bytes = address_space_in_use() + more;
    if (setrlimit(RLIMIT_AS, &(struct rlimit){ bytes, bytes }) != 0)
        return 254;
    qkvsim_context *limited = silent_context(4);
    if (limited == NULL)
        return QKVSIM_ERROR_NO_MEMORY;
    const qkvsim_status first = analyze(limited, work), second = analyze(limited, work);
    return first == second ? first : 253;
}

START_TEST(short_address_space_is_an_error_and_no_hang)
{
#ifdef __SANITIZE_ADDRESS__
    return; /* whose shadow takes all there is */
#endif
    const size_t megabyte = 1048576;
    job work = job_of(300, 600);
    int largest_status = -1;
    for (size_t more = 4; more <= 2048; more += more < 256 ? 16 : 256) {
        const pid_t child = fork();
        if (child == 0)
            _exit(call_within(more * megabyte, &work));
        largest_status = status_of_child(child);
        ck_assert_msg(largest_status == QKVSIM_OK || largest_status == QKVSIM_ERROR_NO_MEMORY,
                      "%zu MB more: status %d", more, largest_status);
    }
    ck_assert_int_eq(largest_status, QKVSIM_OK);
    job_free(&work);
}
END_TEST

/* ---- forks ---- */

typedef struct busy_thread {
    pthread_t thread;
    const job *work;
    atomic_bool stop, failed;
} busy_thread;

static void *analyze_until_stopped(void *argument)
{
    busy_thread *self = argument;
    qkvsim_context *own = silent_context(2);
    while (!atomic_load(&self->stop))
        if (analyze(own, self->work) != QKVSIM_OK)
            atomic_store(&self->failed, true);
    qkvsim_context_free(own);
    return NULL;
}

static int call_in_child(const job *work, int threads)
{
    alarm(20);
    if (openblas_get_num_threads() != threads)
        return 254;
    qkvsim_context *own = silent_context(2);
    const qkvsim_status status = analyze(own, work);
    return openblas_get_num_threads() == threads ? status : 253;
}

START_TEST(a_fork_during_a_call_leaves_a_child_that_can_call)
{
    enum { FORKS = 100 };
    openblas_set_num_threads(2);
    job work = job_of(100, 120);
    busy_thread busy = { .work = &work };
    ck_assert_int_eq(pthread_create(&busy.thread, NULL, analyze_until_stopped, &busy), 0);
    for (int i = 0; i < FORKS; i++) {
        usleep(1000);
        const pid_t child = fork();
        if (child == 0)
            _exit(call_in_child(&work, 2));
        const int status = status_of_child(child);
        ck_assert_msg(status == 0, "child %d: status %d", i, status);
    }
    atomic_store(&busy.stop, true);
    pthread_join(busy.thread, NULL);
    ck_assert(!atomic_load(&busy.failed));
    ck_assert_int_eq(openblas_get_num_threads(), 2);
    job_free(&work);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *faults = add_case(suite, "of the process", make_context, free_context);
    tcase_add_test(faults, short_address_space_is_an_error_and_no_hang);
    tcase_add_test(faults, a_fork_during_a_call_leaves_a_child_that_can_call);
    return run_suite(suite);
}
