/*
 * The command line of qkvsim-bench.
 */
#include "arguments.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "rows.h"

static void want_rows(bench_arguments *arguments, char *names)
{
    memset(arguments->wanted, 0, (size_t)row_count * sizeof *arguments->wanted);
    for (char *name; (name = strsep(&names, ",")) != NULL;) {
        const bench_row *row = rows_find(name);
        if (row == NULL)
            fail(EXIT_USAGE, "there is no row %s (see qkvsim bench --help)", name);
        arguments->wanted[row - rows] = true;
    }
}

static int32_t take_threads(const char *value)
{
    char *end;
    const long threads = strtol(value, &end, 10);
    if (*value == '\0' || *end != '\0' || threads < 1 || threads > 1024)
        fail(EXIT_USAGE, "--threads wants a whole number from 1 to 1024: %s", value);
    return (int32_t)threads;
}

/* In the order of QKVSIM_KERNELS_*. */
static const char *const kernels_names[] = { "auto", "portable", "avx2", "avx512" };

const char *arguments_kernels_name(int32_t kernels)
{
    return kernels_names[kernels];
}

static int32_t take_kernels(const char *value)
{
    for (int32_t k = 0; k < (int32_t)(sizeof kernels_names / sizeof *kernels_names); k++)
        if (strcmp(value, kernels_names[k]) == 0)
            return k;
    fail(EXIT_USAGE, "--kernels wants auto, portable, avx2 or avx512: %s", value);
}

bench_arguments arguments_parse(int argc, char **argv)
{
    enum { ROWS = 256, JSON, THREADS, KERNELS, QUICK, WIDE_CHILD, HELP };
    static const struct option options[] = { { "rows", required_argument, NULL, ROWS },
                                             { "json", required_argument, NULL, JSON },
                                             { "threads", required_argument, NULL, THREADS },
                                             { "kernels", required_argument, NULL, KERNELS },
                                             { "quick", no_argument, NULL, QUICK },
                                             { "wide-child", no_argument, NULL, WIDE_CHILD },
                                             { "help", no_argument, NULL, HELP },
                                             { NULL, 0, NULL, 0 } };
    bench_arguments result = { .wanted = allocate(row_count, sizeof *result.wanted) };
    for (int r = 0; r < row_count; r++)
        result.wanted[r] = true;
    opterr = 0;
    for (int which; (which = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (which == ROWS)
            want_rows(&result, optarg);
        else if (which == JSON)
            result.json = optarg;
        else if (which == THREADS)
            result.threads = take_threads(optarg);
        else if (which == KERNELS)
            result.kernels = take_kernels(optarg);
        else if (which == QUICK)
            result.quick = true;
        else if (which == WIDE_CHILD)
            result.wide_child = true;
        else if (which == HELP || which == 'h')
            result.help = true;
        else if (which == ':')
            fail(EXIT_USAGE, "option wants a value: %s", argv[optind - 1]);
        else if (optopt > 0 && optopt < ROWS) /* a letter, perhaps one of several in an argument */
            fail(EXIT_USAGE, "unknown option: -%c (see qkvsim bench --help)", optopt);
        else
            fail(EXIT_USAGE, "unknown option: %s (see qkvsim bench --help)", argv[optind - 1]);
    }
    if (optind < argc)
        fail(EXIT_USAGE, "unknown argument: %s (see qkvsim bench --help)", argv[optind]);
    return result;
}

void arguments_free(bench_arguments *arguments)
{
    free(arguments->wanted);
}
