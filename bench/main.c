/*
 * qkvsim-bench, which `qkvsim bench` runs: how fast the library is on this machine, next to the
 * OpenBLAS that it calls. It uses the public API only.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "failure.h"
#include "machine.h"
#include "report.h"
#include "row_wide.h"
#include "scene.h"

static const char help[] =
    "How fast qkvsim is on this machine, next to the OpenBLAS that it calls.\n"
    "\n"
    "  qkvsim bench [options]\n"
    "\n"
    "  --rows NAME,...   only these rows\n"
    "  --threads N       of the library and of OpenBLAS; default: all cores\n"
    "  --kernels NAME    of the library: portable, avx2, avx512; default: the fastest "
    "(OPENBLAS_CORETYPE\n"
    "                    chooses OpenBLAS's)\n"
    "  --quick           a few calls a row: shows that all runs, not how fast\n"
    "  --json PATH       results as a file; - is standard output and replaces the table\n"
    "  --help or -h\n"
    "\n"
    "Takes minutes; the machine should have nothing else to do. A ratio is ours over the "
    "reference,\n"
    "so smaller is faster but for threads/N and roofline/N. Rows:\n"
    "\n";

static void print_help(void)
{
    fputs(help, stdout);
    for (int r = 0; r < row_count; r++)
        printf("  %s\n", rows[r].name);
}

/* The threads and kernels that the library uses. */
static void describe_library(bench_report *report, const bench_arguments *arguments)
{
    const qkvsim_context_options options = { .struct_size = sizeof options,
                                             .threads = arguments->threads,
                                             .kernels = arguments->kernels };
    qkvsim_context *context = NULL;
    check(NULL, qkvsim_context_create(&options, &context));
    report->threads = qkvsim_context_threads(context);
    report->kernels = qkvsim_context_kernels(context);
    report->blas = qkvsim_blas_description();
    qkvsim_context_free(context);
}

static void run_rows(const bench_arguments *arguments, bench_run *bench, bench_report *report)
{
    if (arguments->json != NULL)
        report_check_json(arguments->json);
    const bool print = arguments->json == NULL || arguments->json[0] != '-';
    if (print)
        report_print_machine(report);
    for (int r = 0; r < row_count; r++) {
        if (!arguments->wanted[r])
            continue;
        report->outcomes[r] = rows[r].run(bench, &rows[r]);
        report->measured[r] = true;
        if (print)
            report_print_row(&rows[r], &report->outcomes[r]);
    }
    if (print)
        report_print_notes(report, bench);
    if (arguments->json != NULL)
        report_write_json(report, arguments->json);
}

static const bench_row *first_wanted(const bench_arguments *arguments)
{
    int r = 0;
    while (r < row_count - 1 && !arguments->wanted[r])
        r++;
    return &rows[r];
}

int main(int argc, char **argv)
{
    bench_arguments arguments = arguments_parse(argc, argv);
    bench_report report = { .measured = calloc((size_t)row_count, sizeof *report.measured),
                            .outcomes = calloc((size_t)row_count, sizeof *report.outcomes) };
    if (report.measured == NULL || report.outcomes == NULL)
        fail(EXIT_FAILED, "no memory");
    machine_cpu_name(report.cpu, sizeof report.cpu);
    describe_library(&report, &arguments);
    scene_use_kernels(arguments.kernels);
    bench_run bench = { .threads = report.threads,
                        .kernels = arguments.kernels,
                        .quick = arguments.quick };
    if (arguments.help)
        print_help();
    else if (arguments.wide_child)
        wide_child(&bench, first_wanted(&arguments));
    else
        run_rows(&arguments, &bench, &report);
    free(report.outcomes);
    free(report.measured);
    arguments_free(&arguments);
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILED;
}
