/*
 * Row wide/D: an input whose similarity matrix would take gigabytes, against d = 2304 scaled by the
 * number of entries, in a process of its own, whose peak resident memory is reported too.
 */
#include "row_wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.h"
#include "machine.h"
#include "scene.h"

enum { WIDE_FEATURES = 27648, NARROW_FEATURES = 2304, OBSERVATIONS = 1024 };

static bench_outcome measure(const bench_run *bench)
{
    bench_scene wide = scene_open(OBSERVATIONS, WIDE_FEATURES, QKVSIM_DTYPE_F32, bench->threads);
    bench_scene narrow =
        scene_open(OBSERVATIONS, NARROW_FEATURES, QKVSIM_DTYPE_F32, bench->threads);
    bench_outcome outcome = rows_compare(bench, rows_long_side(scene_time_analyze, &wide),
                                         rows_side(bench, scene_time_analyze, &narrow));
    const double widening = (double)WIDE_FEATURES / NARROW_FEATURES;
    timing_scale(&outcome.comparison.reference, widening * widening);
    scene_close(&narrow);
    scene_close(&wide);
    outcome.peak_rss_mb = machine_peak_rss_mb();
    return outcome;
}

void wide_child(const bench_run *bench)
{
    const bench_outcome outcome = measure(bench);
    if (write(STDOUT_FILENO, &outcome, sizeof outcome) != (ssize_t)sizeof outcome)
        fail(EXIT_FAILED, "cannot report wide/%d: %s", WIDE_FEATURES, strerror(errno));
}

/* Becomes this program again, with its standard output in the pipe. */
static void become_child(const bench_run *bench, const int descriptors[2])
{
    char threads[16];
    snprintf(threads, sizeof threads, "%d", (int)bench->threads);
    char *arguments[] = {
        "qkvsim-bench", "--wide-child", "--threads", threads, bench->quick ? "--quick" : NULL, NULL
    };
    dup2(descriptors[1], STDOUT_FILENO);
    close(descriptors[0]);
    close(descriptors[1]);
    execv("/proc/self/exe", arguments);
    _exit(EXIT_FAILED);
}

bench_outcome run_wide(bench_run *bench, const bench_row *row)
{
    int descriptors[2], status;
    bench_outcome outcome;
    if (pipe(descriptors) != 0)
        fail(EXIT_FAILED, "%s: %s", row->name, strerror(errno));
    const pid_t child = fork();
    if (child < 0)
        fail(EXIT_FAILED, "%s: %s", row->name, strerror(errno));
    if (child == 0)
        become_child(bench, descriptors);
    close(descriptors[1]);
    const ssize_t size = read(descriptors[0], &outcome, sizeof outcome);
    close(descriptors[0]);
    waitpid(child, &status, 0);
    if (size != (ssize_t)sizeof outcome || status != 0)
        fail(EXIT_FAILED, "%s: its process failed", row->name);
    return outcome;
}
