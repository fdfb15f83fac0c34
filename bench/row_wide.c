/*
 * Rows wide/D and wide-piece/D: an input whose similarity matrix would take gigabytes, against a
 * narrower one scaled by the number of pairs, in a process of its own, whose peak resident memory
 * is reported too.
 */
#include "row_wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arguments.h"
#include "failure.h"
#include "machine.h"
#include "scene.h"

enum {
    NARROW_OF_WHOLE = 2304,
    NARROW_OF_PIECE = 27648,
    GROUPS = 40, /* of the input that is analysed in pieces */
    PIECES = 64, /* as for so many tasks */
    PIECE = 20   /* the one that is measured */
};

static double all_pairs(int64_t features)
{
    return (double)features * (double)(features - 1) / 2;
}

/* Takes a piece of the pair groups of equal groups in place of all; returns its pairs. */
static double take_piece(bench_scene *wide, int32_t pair_groups[GROUPS * GROUPS])
{
    int64_t widths[GROUPS];
    double pairs = 0;
    for (int g = 0; g < GROUPS; g++)
        widths[g] = wide->features / GROUPS;
    check(wide->context, qkvsim_layout_widths(wide->context, widths, NULL, GROUPS, &wide->layout));
    check(wide->context,
          qkvsim_layout_piece_pair_groups(wide->context, wide->layout, PIECE, PIECES, pair_groups,
                                          GROUPS * GROUPS, &wide->options.pair_group_count));
    wide->options.pair_groups = pair_groups;
    for (int32_t k = 0; k < wide->options.pair_group_count; k++)
        pairs += (double)qkvsim_layout_pairs(wide->layout, pair_groups[k]);
    return pairs;
}

static bench_outcome measure(const bench_run *bench, const bench_row *row)
{
    const bool whole = row->choice == 0; /* and not a piece */
    int32_t pair_groups[GROUPS * GROUPS];
    bench_scene wide =
        scene_open(row->observations, row->features, QKVSIM_DTYPE_F32, bench->threads);
    bench_scene narrow = scene_open(row->observations, whole ? NARROW_OF_WHOLE : NARROW_OF_PIECE,
                                    QKVSIM_DTYPE_F32, bench->threads);
    const double pairs = whole ? all_pairs(row->features) : take_piece(&wide, pair_groups);
    const timing_side reference = whole ? rows_side(bench, scene_time_analyze, &narrow)
                                        : rows_long_side(scene_time_analyze, &narrow);
    bench_outcome outcome =
        rows_compare(bench, rows_long_side(scene_time_analyze, &wide), reference);
    timing_scale(&outcome.comparison.reference, pairs / all_pairs(narrow.features));
    scene_close(&narrow);
    scene_close(&wide);
    outcome.peak_rss_mb = machine_peak_rss_mb();
    return outcome;
}

void wide_child(const bench_run *bench, const bench_row *row)
{
    const bench_outcome outcome = measure(bench, row);
    if (write(STDOUT_FILENO, &outcome, sizeof outcome) != (ssize_t)sizeof outcome)
        fail(EXIT_FAILED, "cannot report %s: %s", row->name, strerror(errno));
}

/* Becomes this program again, with its standard output in the pipe. */
static void become_child(const bench_run *bench, const bench_row *row, const int descriptors[2])
{
    char threads[16];
    snprintf(threads, sizeof threads, "%d", (int)bench->threads);
    const char *kernels = arguments_kernels_name(bench->kernels);
    char *arguments[] = { "qkvsim-bench",
                          "--wide-child",
                          "--rows",
                          (char *)row->name,
                          "--threads",
                          threads,
                          "--kernels",
                          (char *)kernels,
                          bench->quick ? "--quick" : NULL,
                          NULL };
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
        become_child(bench, row, descriptors);
    close(descriptors[1]);
    const ssize_t size = read(descriptors[0], &outcome, sizeof outcome);
    close(descriptors[0]);
    waitpid(child, &status, 0);
    if (size != (ssize_t)sizeof outcome || status != 0)
        fail(EXIT_FAILED, "%s: its process failed", row->name);
    return outcome;
}
