/* What the process and the machine may do to a call: no address space left, a fork or the end of
 * the process in the middle, input that another thread writes to. */
#define _GNU_SOURCE /* RLIMIT_AS, alarm, fork, dl_iterate_phdr */

#include <qkvsim/qkvsim.h>

#include "../lib/base/blas_names.h"
#include "fixtures.h"
#include "suite_context.h"

#include <link.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
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
        qkvsim_analysis_run(caller, INPUT(&work->input.view, 1), work->layout, NULL, &analysis);
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

/* Seconds after which a child that has not ended is taken to hang: no child takes one, and a
 * machine may be busy. */
enum { HANGS_AFTER = 200 };

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

/* Two calls with so much more address space, of which the first may leave less to the second; the
 * process ends without OpenBLAS's clean-up, which may wait for ever. */
static int call_within(size_t more, const job *work)
{
    alarm(HANGS_AFTER);
    const rlim_t bytes = address_space_in_use() + more;
    if (setrlimit(RLIMIT_AS, &(struct rlimit){ bytes, bytes }) != 0)
        return 254;
    qkvsim_context *limited = silent_context(4);
    if (limited == NULL)
        return QKVSIM_ERROR_NO_MEMORY;
    const qkvsim_status first = analyze(limited, work), second = analyze(limited, work);
    return first == QKVSIM_OK ? second : first;
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
    alarm(HANGS_AFTER);
    if (openblas_get_num_threads() != threads)
        return 254;
    qkvsim_context *own = silent_context(2);
    const qkvsim_status status = analyze(own, work);
    return openblas_get_num_threads() == threads ? status : 253;
}

START_TEST(a_fork_during_a_call_leaves_a_child_that_can_call)
{
#ifdef __SANITIZE_ADDRESS__
    return; /* whose allocator stays locked in the child */
#endif
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

/* ---- the end of the process ---- */

static void end_during_a_call(const job *work, useconds_t after, int errors)
{
    busy_thread busy = { .work = work };
    alarm(HANGS_AFTER);
    dup2(errors, STDERR_FILENO);
    if (pthread_create(&busy.thread, NULL, analyze_until_stopped, &busy) != 0)
        _exit(254);
    usleep(after);
    exit(0);
}

START_TEST(a_process_may_end_while_another_thread_is_in_a_call)
{
#ifdef __SANITIZE_ADDRESS__
    return; /* whose allocator stays locked in the child */
#endif
    enum { ENDS = 60 };
    job work = job_of(400, 900);
    for (int i = 0; i < ENDS; i++) {
        int errors[2];
        char text[200];
        ck_assert_int_eq(pipe(errors), 0);
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0)
            end_during_a_call(&work, 20000 + 500 * (useconds_t)i, errors[1]);
        close(errors[1]);
        const int status = status_of_child(child);
        const ssize_t length = read(errors[0], text, sizeof text - 1);
        close(errors[0]);
        ck_assert_msg(status == 0 && length == 0, "child %d: status %d, %.*s", i, status,
                      (int)length, text);
    }
    job_free(&work);
}
END_TEST

/* ---- stacks ---- */

/* The library's 64 kB, and what the system takes of a stack; thread-local data come on top. */
enum { SMALL_STACK = 128 * 1024 };

/* Adds up what a stack holds of a library's thread-local data. */
static int add_thread_local(struct dl_phdr_info *library, size_t size, void *bytes)
{
    (void)size;
    for (int k = 0; k < library->dlpi_phnum; k++)
        if (library->dlpi_phdr[k].p_type == PT_TLS)
            *(size_t *)bytes += library->dlpi_phdr[k].p_memsz;
    return 0;
}

static void *analyze_once(void *argument)
{
    busy_thread *self = argument;
    const qkvsim_analysis_options every = { .struct_size = sizeof every, .metrics = METRICS_SUM };
    const qkvsim_baseline_options dealt = { .struct_size = sizeof dealt, .permutations = 1 };
    qkvsim_baseline *made = NULL;
    qkvsim_context *own = silent_context(2);
    atomic_store(&self->failed, qkvsim_baseline_run(own, INPUT(&self->work->input.view, 1),
                                                    self->work->layout, &every, &dealt, &made)
                                    != QKVSIM_OK);
    qkvsim_baseline_free(made);
    qkvsim_context_free(own);
    return NULL;
}

START_TEST(a_call_needs_little_stack)
{
#ifdef __SANITIZE_ADDRESS__
    return; /* whose frames are larger */
#endif
    job work = job_of(300, 600);
    busy_thread small = { .work = &work };
    pthread_attr_t attributes;
    size_t bytes = SMALL_STACK;
    dl_iterate_phdr(add_thread_local, &bytes);
    bytes += (4096 - bytes % 4096) % 4096;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, bytes), 0);
    ck_assert_int_eq(pthread_create(&small.thread, &attributes, analyze_once, &small), 0);
    pthread_join(small.thread, NULL);
    ck_assert(!atomic_load(&small.failed));
    pthread_attr_destroy(&attributes);
    job_free(&work);
}
END_TEST

/* ---- input that changes while it is read ---- */

enum { RACED_N = 40, RACED_D = 48, RACED_LISTED = 24 };

/* All that a caller hands in by pointer, and the thread that writes to it meanwhile. */
typedef struct raced {
    float values[RACED_N * RACED_D];
    int64_t rows[RACED_LISTED];
    int32_t labels[RACED_D];
    int32_t segments[RACED_N];
    int32_t pair_groups[6];
    int64_t widths[3];
    int32_t heads[3];
    atomic_bool begun, stop;
} raced;

static void fill_column(raced *all, int64_t j, random_source *source)
{
    const int64_t kind = random_below(source, 4);
    for (int64_t r = 0; r < RACED_N; r++)
        all->values[r * RACED_D + j] = kind == 0   ? 3.0f
                                       : kind == 1 ? 0.0f
                                                   : (float)random_normal(source);
    if (random_below(source, 8) == 0)
        all->values[random_below(source, RACED_N) * RACED_D + j] = NAN;
}

/* One number in about `rare` is out of range. */
static void write_numbers(raced *all, random_source *source, int64_t rare)
{
    for (int k = 0; k < RACED_LISTED; k++)
        all->rows[k] = random_below(source, rare) == 0 ? 1000000 : RACED_LISTED - k;
    for (int j = 0; j < RACED_D; j++)
        all->labels[j] = random_below(source, rare) == 0 ? 1000000 : j % 3;
    for (int r = 0; r < RACED_N; r++)
        all->segments[r] = (int32_t)random_below(source, 2);
    for (int k = 0; k < 6; k++)
        all->pair_groups[k] = random_below(source, rare) == 0 ? 1000000 : k;
    for (int g = 0; g < 3; g++) {
        all->widths[g] = random_below(source, 4) == 0 ? 4096 : RACED_D / 3;
        all->heads[g] = (int32_t)random_below(source, 3) + (g == 0);
    }
}

static void *write_until_stopped(void *argument)
{
    raced *all = argument;
    random_source source = { 7 };
    while (!atomic_load(&all->stop)) {
        fill_column(all, random_below(&source, RACED_D), &source);
        write_numbers(all, &source, 1000);
        atomic_store(&all->begun, true);
    }
    return NULL;
}

static qkvsim_view view_of(const raced *all)
{
    return (qkvsim_view){ .struct_size = sizeof(qkvsim_view),
                          .data = all->values,
                          .dtype = QKVSIM_DTYPE_F32,
                          .observations = RACED_N,
                          .features = RACED_D,
                          .observation_stride = RACED_D,
                          .feature_stride = 1 };
}

/* What one call reads of it. */
typedef struct racing_call {
    qkvsim_context *context;
    raced *all;
    qkvsim_view view;
    qkvsim_selection listed;
    qkvsim_analysis_options analysis;
    const qkvsim_selection *selection;
    int32_t nonfinite;
    const qkvsim_layout *layout;
    int round;
} racing_call;

static qkvsim_status race_analysis(racing_call *call)
{
    qkvsim_analysis *made = NULL;
    const qkvsim_status status = qkvsim_analysis_run(
        call->context,
        INPUT(&call->view, 1, .selection = call->selection, .nonfinite = call->nonfinite),
        call->layout, &call->analysis, &made);
    qkvsim_analysis_free(made);
    return status;
}

static qkvsim_status race_baseline(racing_call *call)
{
    const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                              .permutations = 2,
                                              .scheme = QKVSIM_SCHEME_ALL + call->round % 6 };
    qkvsim_baseline *made = NULL;
    const qkvsim_status status =
        qkvsim_baseline_run(call->context,
                            INPUT(&call->view, 1, .selection = call->selection,
                                  .segments = call->all->segments, .nonfinite = call->nonfinite),
                            call->layout, &call->analysis, &options, &made);
    qkvsim_baseline_free(made);
    return status;
}

static qkvsim_status race_comparison(racing_call *call)
{
    static const int64_t rows[] = { 30, 31, 32, 33, 34, 35, 36 };
    const qkvsim_selection second = { .struct_size = sizeof second,
                                      .observations = rows,
                                      .count = 7 };
    const qkvsim_comparison_options options = { .struct_size = sizeof options,
                                                .subsets = 2,
                                                .permutations = 2,
                                                .relabel =
                                                    QKVSIM_RELABEL_LABELS + call->round % 2 };
    qkvsim_comparison *made = NULL;
    const qkvsim_status status =
        qkvsim_comparison_run(call->context,
                              INPUT(&call->view, 1, .selection = &call->listed,
                                    .segments = call->all->segments, .nonfinite = call->nonfinite),
                              &second, call->layout, &call->analysis, &options, &made);
    qkvsim_comparison_free(made);
    return status;
}

static qkvsim_status race_intervals(racing_call *call)
{
    const bool jackknife = call->round % 2 == 0;
    const qkvsim_interval_options options = {
        .struct_size = sizeof options,
        .method = jackknife ? QKVSIM_METHOD_JACKKNIFE : QKVSIM_METHOD_BOOTSTRAP,
        .blocks = jackknife ? 10 : 0,
        .resamples = jackknife ? 0 : 20,
    };
    qkvsim_intervals *made = NULL;
    const qkvsim_status status =
        qkvsim_intervals_run(call->context,
                             INPUT(&call->view, 1, .selection = call->selection,
                                   .segments = call->all->segments, .nonfinite = call->nonfinite),
                             NULL, call->layout, &call->analysis, &options, &made);
    qkvsim_intervals_free(made);
    return status;
}

static qkvsim_status race_pairs(racing_call *call)
{
    const double threshold = 0.3;
    const qkvsim_pairs_options options = { .struct_size = sizeof options,
                                           .threshold = call->round % 2 == 0 ? &threshold : NULL,
                                           .top = call->round % 2 == 0 ? 0 : 5,
                                           .per_pair_group = call->round % 2,
                                           .metric = every_metric[call->round % 3],
                                           .pair_groups = call->analysis.pair_groups,
                                           .pair_group_count = call->analysis.pair_group_count };
    qkvsim_pairs *made = NULL;
    const qkvsim_status status = qkvsim_pairs_run(
        call->context,
        INPUT(&call->view, 1, .selection = call->selection, .nonfinite = call->nonfinite),
        call->layout, &options, &made);
    qkvsim_pairs_free(made);
    return status;
}

static qkvsim_status race_similarity(racing_call *call)
{
    double values[RACED_D * RACED_D];
    const qkvsim_matrix matrix = square_matrix(values, RACED_D, QKVSIM_DTYPE_F64);
    const qkvsim_similarity_options options = { .struct_size = sizeof options };
    return qkvsim_similarity(
        call->context,
        INPUT(&call->view, 1, .selection = call->selection, .nonfinite = call->nonfinite),
        every_metric[call->round % 3], &options, &matrix);
}

static qkvsim_status race_accumulator(racing_call *call)
{
    qkvsim_accumulator *sum = NULL;
    qkvsim_analysis *made = NULL;
    const qkvsim_similarity_options options = { .struct_size = sizeof options };
    qkvsim_status status = qkvsim_accumulator_create(call->context, RACED_D, NULL, &sum);
    for (int k = 0; k < 3 && status == QKVSIM_OK; k++)
        status = qkvsim_accumulator_update(call->context, sum,
                                           INPUT(&call->view, 1, .nonfinite = call->nonfinite));
    if (status == QKVSIM_OK)
        status = qkvsim_accumulator_analysis(call->context, sum, call->layout, NULL, &made);
    qkvsim_analysis_free(made);
    qkvsim_accumulator_free(sum);
    return status;
}

static qkvsim_status race_permutation(racing_call *call)
{
    float values[RACED_N * RACED_D];
    const qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                             .scheme = QKVSIM_SCHEME_ALL + call->round % 6,
                                             .layout = call->layout };
    const qkvsim_matrix matrix = { .struct_size = sizeof matrix,
                                   .data = values,
                                   .dtype = QKVSIM_DTYPE_F32,
                                   .rows = RACED_N,
                                   .columns = RACED_D,
                                   .leading_dimension = RACED_D };
    return qkvsim_permute(call->context, INPUT(&call->view, 1, .segments = call->all->segments),
                          &permutation, &matrix);
}

static qkvsim_status race_histogram(racing_call *call)
{
    const int32_t codes[] = { 0, 1 };
    int64_t counts[2 * 100];
    const qkvsim_view mask = { .struct_size = sizeof mask,
                               .data = call->all->segments,
                               .dtype = QKVSIM_DTYPE_I32,
                               .observations = 1,
                               .features = RACED_N,
                               .observation_stride = RACED_N,
                               .feature_stride = 1 };
    qkvsim_view row = call->view;
    row.observations = 1;
    row.features = RACED_N;
    return qkvsim_histogram(call->context, &row, &mask, codes, 2, NULL, counts, COUNT_OF(counts),
                            NULL);
}

static qkvsim_status race_layouts(racing_call *call)
{
    const raced *all = call->all;
    qkvsim_layout *labels = NULL, *widths = NULL, *heads = NULL;
    qkvsim_status status =
        qkvsim_layout_labels(call->context, all->labels, RACED_D, NULL, 3, &labels);
    qkvsim_layout_widths(call->context, all->widths, NULL, 3, &widths);
    qkvsim_layout_heads(call->context, all->widths, all->heads, NULL, 3, call->round % 2, &heads);
    if (labels != NULL)
        qkvsim_layout_add_rollup(call->context, labels, "some", all->pair_groups, 6);
    qkvsim_layout_free(labels);
    qkvsim_layout_free(widths);
    qkvsim_layout_free(heads);
    return status;
}

static qkvsim_status (*const racing_calls[])(racing_call *) = {
    race_analysis,   race_baseline,    race_comparison,  race_intervals, race_pairs,
    race_similarity, race_accumulator, race_permutation, race_histogram, race_layouts,
};

enum { RACING_CALLS = sizeof racing_calls / sizeof *racing_calls, RACES = 400 };

static void begin_round(racing_call *call, int round)
{
    call->round = round;
    call->listed = (qkvsim_selection){ .struct_size = sizeof call->listed,
                                       .observations = call->all->rows,
                                       .count = RACED_LISTED };
    call->nonfinite = round / 2 % 3;
    call->selection = round / 6 % 2 == 0 ? NULL : &call->listed;
    call->analysis = (qkvsim_analysis_options){
        .struct_size = sizeof call->analysis,
        .metrics = round % 2 == 0 ? 0 : METRICS_SUM,
        .pair_groups = round / 12 % 2 == 0 ? NULL : call->all->pair_groups,
        .pair_group_count = round / 12 % 2 == 0 ? 0 : 6,
    };
}

START_TEST(input_that_changes_while_it_is_read_is_an_error_at_most)
{
    raced *all = calloc(1, sizeof *all);
    ck_assert_ptr_nonnull(all);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, RACED_D, &layout));
    racing_call call = {
        .context = context,
        .all = all,
        .view = view_of(all),
        .layout = layout,
    };
    write_numbers(all, &(random_source){ 1 }, INT64_MAX);
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, write_until_stopped, all), 0);
    while (!atomic_load(&all->begun))
        usleep(1000);
    for (int round = 0; round < RACES; round++) {
        begin_round(&call, round);
        const qkvsim_status status = racing_calls[_i](&call);
        ck_assert_msg(status == QKVSIM_OK || status == QKVSIM_ERROR_INVALID_ARGUMENT
                          || status == QKVSIM_ERROR_NONFINITE || status == QKVSIM_ERROR_TOO_LARGE,
                      "status %d: %s", (int)status, qkvsim_context_error(context));
    }
    atomic_store(&all->stop, true);
    pthread_join(writer, NULL);
    qkvsim_layout_free(layout);
    free(all);
}
END_TEST

/* ---- long calls ---- */

/* While set, a clock that moves on by a second whenever it is read: wherever the library looks
 * whether it is time to call the callback, it is. */
static atomic_bool clock_jumps;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static atomic_llong seconds;
    if (clock != CLOCK_MONOTONIC || !atomic_load(&clock_jumps))
        return (int)syscall(SYS_clock_gettime, clock, now);
    *now = (struct timespec){ .tv_sec = (time_t)atomic_fetch_add(&seconds, 1) };
    return 0;
}

typedef struct heartbeat {
    int64_t calls, cancel_at;
} heartbeat;

static int32_t hear(void *user, int64_t done, int64_t total)
{
    heartbeat *heart = user;
    (void)done;
    (void)total;
    return ++heart->calls == heart->cancel_at;
}

static qkvsim_context *listening_context(int32_t threads, heartbeat *heart)
{
    const qkvsim_context_options options = {
        .struct_size = sizeof options, .threads = threads, .progress = hear, .progress_user = heart
    };
    qkvsim_context *made = NULL;
    ck_assert_int_eq(qkvsim_context_create(&options, &made), QKVSIM_OK);
    return made;
}

/* Columns so long that each step with one takes its time; at most so many values of them are worked
 * on from one call of the callback to the next. */
enum { LONG_N = 1 << 20, LONG_D = 6, VALUES_A_CALL = 1 << 19 };

static qkvsim_view long_view(const float *values)
{
    return (qkvsim_view){ .struct_size = sizeof(qkvsim_view),
                          .data = values,
                          .dtype = QKVSIM_DTYPE_F32,
                          .observations = LONG_N,
                          .features = LONG_D,
                          .observation_stride = LONG_D,
                          .feature_stride = 1 };
}

/* What is done with them, once or twice. */
typedef struct long_work {
    qkvsim_context *context;
    qkvsim_view view;
    qkvsim_layout *layout;
} long_work;

static void analyze_long(const long_work *work, int32_t metrics, int32_t nonfinite)
{
    const qkvsim_analysis_options options = { .struct_size = sizeof options, .metrics = metrics };
    qkvsim_analysis *made;
    assert_ok(work->context,
              qkvsim_analysis_run(work->context, INPUT(&work->view, 1, .nonfinite = nonfinite),
                                  work->layout, &options, &made));
    qkvsim_analysis_free(made);
}

static void values_twice(const long_work *work, bool twice)
{
    analyze_long(work, QKVSIM_METRIC_PEARSON, 0);
    if (twice)
        analyze_long(work, QKVSIM_METRIC_PEARSON, 0);
}

/* Beside the same products. */
static void ranks(const long_work *work, bool twice)
{
    if (twice)
        analyze_long(work, QKVSIM_METRIC_PEARSON + QKVSIM_METRIC_SPEARMAN, 0);
    else
        values_twice(work, true);
}

static void looks_for_nonfinite(const long_work *work, bool twice)
{
    analyze_long(work, QKVSIM_METRIC_PEARSON, twice ? QKVSIM_NONFINITE_DROP_OBSERVATION : 0);
}

static void shuffled_features(const long_work *work, bool twice)
{
    float *values = malloc((size_t)LONG_N * LONG_D * sizeof *values);
    const qkvsim_permutation permutation = { .struct_size = sizeof permutation,
                                             .scheme = QKVSIM_SCHEME_FEATURE };
    const qkvsim_matrix matrix = { .struct_size = sizeof matrix,
                                   .data = values,
                                   .dtype = QKVSIM_DTYPE_F32,
                                   .rows = LONG_N,
                                   .columns = LONG_D,
                                   .leading_dimension = LONG_D };
    for (int k = 0; k <= twice; k++)
        assert_ok(work->context,
                  qkvsim_permute(work->context, INPUT(&work->view, 1), &permutation, &matrix));
    free(values);
}

static void accumulated_values(const long_work *work, bool twice)
{
    qkvsim_accumulator *sum;
    assert_ok(work->context, qkvsim_accumulator_create(work->context, LONG_D, NULL, &sum));
    for (int k = 0; k <= twice; k++)
        assert_ok(work->context,
                  qkvsim_accumulator_update(work->context, sum, INPUT(&work->view, 1)));
    qkvsim_accumulator_free(sum);
}

/* Ranks take six passes over each column: one to read it, one for each byte, and one to write. */
static const struct {
    void (*run)(const long_work *, bool);
    int passes;
} long_works[] = {
    { values_twice, 1 },       { ranks, 6 }, { looks_for_nonfinite, 1 }, { shuffled_features, 1 },
    { accumulated_values, 1 },
};

/* Calls are counted and not timed: with one thread their number is that of the steps. */
START_TEST(the_callback_is_reached_throughout)
{
    heartbeat heart = { 0 };
    float *values = malloc((size_t)LONG_N * LONG_D * sizeof *values);
    ck_assert_ptr_nonnull(values);
    random_source source = { 1 };
    for (int64_t k = 0; k < (int64_t)LONG_N * LONG_D; k++)
        values[k] = (float)random_uniform(&source);
    long_work work = { .context = listening_context(1, &heart), .view = long_view(values) };
    assert_ok(context, qkvsim_layout_thirds(context, LONG_D, &work.layout));
    atomic_store(&clock_jumps, true);
    long_works[_i].run(&work, true); /* which leaves the context with its working memory */
    heart.calls = 0;
    long_works[_i].run(&work, false);
    const int64_t once = heart.calls;
    heart.calls = 0;
    long_works[_i].run(&work, true);
    atomic_store(&clock_jumps, false);
    ck_assert_int_ge(heart.calls - once,
                     (int64_t)LONG_N * LONG_D / VALUES_A_CALL * long_works[_i].passes);
    qkvsim_layout_free(work.layout);
    qkvsim_context_free(work.context);
    free(values);
}
END_TEST

/* Small input, of which every feature is a group: what takes time is the rows of results. */
enum { MANY_GROUPS = 48, MANY_ROWS = MANY_GROUPS * (MANY_GROUPS + 1) / 2, FEW_N = 8, BLOCKS = 64 };

START_TEST(the_callback_is_reached_while_rows_and_blocks_are_put_together)
{
    heartbeat heart = { 0 };
    qkvsim_context *listened = listening_context(1, &heart);
    table data = table_normal(FEW_N, MANY_GROUPS, 1);
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    int32_t labels[MANY_GROUPS];
    for (int32_t j = 0; j < MANY_GROUPS; j++)
        labels[j] = j;
    qkvsim_layout *layout;
    assert_ok(context,
              qkvsim_layout_labels(context, labels, MANY_GROUPS, NULL, MANY_GROUPS, &layout));
    const qkvsim_baseline_options permuted = { .struct_size = sizeof permuted, .permutations = 2 };
    qkvsim_baseline *baseline;
    atomic_store(&clock_jumps, true);
    assert_ok(listened, qkvsim_baseline_run(listened, INPUT(&input.view, 1), layout, NULL,
                                            &permuted, &baseline));
    ck_assert_int_ge(heart.calls, MANY_ROWS);
    const qkvsim_accumulator_options kept = { .struct_size = sizeof kept, .blocks = BLOCKS };
    qkvsim_accumulator *sum;
    qkvsim_analysis *analysis;
    assert_ok(listened, qkvsim_accumulator_create(listened, MANY_GROUPS, &kept, &sum));
    for (int k = 0; k < BLOCKS; k++)
        assert_ok(listened, qkvsim_accumulator_update(listened, sum, INPUT(&input.view, 1)));
    heart.calls = 0;
    assert_ok(listened, qkvsim_accumulator_analysis(listened, sum, layout, NULL, &analysis));
    atomic_store(&clock_jumps, false);
    ck_assert_int_ge(heart.calls, BLOCKS / 2);
    qkvsim_analysis_free(analysis);
    qkvsim_accumulator_free(sum);
    qkvsim_baseline_free(baseline);
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    qkvsim_context_free(listened);
}
END_TEST

/* Wherever the callback is called. */
START_TEST(a_cancelled_call_says_so_at_once_and_leaves_a_context_that_can_call)
{
    raced *all = calloc(1, sizeof *all);
    ck_assert_ptr_nonnull(all);
    write_numbers(all, &(random_source){ 1 }, INT64_MAX);
    random_source source = { 2 };
    for (int k = 0; k < RACED_N * RACED_D; k++)
        all->values[k] = (float)random_normal(&source);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, RACED_D, &layout));
    racing_call call = { .all = all, .view = view_of(all), .layout = layout };
    for (int round = 0; round < 12; round++)
        for (int64_t k = 1, reached = k; reached >= k; k += 1 + k / 8) {
            heartbeat heart = { .cancel_at = k };
            call.context = listening_context(1 + round % 2, &heart);
            begin_round(&call, round);
            atomic_store(&clock_jumps, true);
            const qkvsim_status status = racing_calls[_i](&call);
            atomic_store(&clock_jumps, false);
            reached = heart.calls;
            ck_assert_int_le(reached, k);
            ck_assert_msg(status == (reached == k ? QKVSIM_ERROR_CANCELLED : QKVSIM_OK),
                          "round %d, call %ld of %ld: status %d", round, (long)k, (long)reached,
                          (int)status);
            heart.cancel_at = 0;
            ck_assert_int_eq(racing_calls[_i](&call), QKVSIM_OK);
            qkvsim_context_free(call.context);
        }
    qkvsim_layout_free(layout);
    free(all);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *faults = add_case(suite, "of the process", make_context, free_context);
    tcase_add_test(faults, short_address_space_is_an_error_and_no_hang);
    tcase_add_test(faults, a_fork_during_a_call_leaves_a_child_that_can_call);
    tcase_add_test(faults, a_process_may_end_while_another_thread_is_in_a_call);
    tcase_add_test(faults, a_call_needs_little_stack);
    tcase_add_loop_test(faults, input_that_changes_while_it_is_read_is_an_error_at_most, 0,
                        RACING_CALLS);
    tcase_add_loop_test(faults, the_callback_is_reached_throughout, 0,
                        sizeof long_works / sizeof *long_works);
    tcase_add_test(faults, the_callback_is_reached_while_rows_and_blocks_are_put_together);
    tcase_add_loop_test(faults, a_cancelled_call_says_so_at_once_and_leaves_a_context_that_can_call,
                        0, RACING_CALLS);
    return run_suite(suite);
}
