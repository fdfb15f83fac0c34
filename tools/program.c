/*
 * From argv to a command.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "commands.h"
#include "help.h"
#include "output.h"
#include "parse_options.h"
#include "progress.h"

static bool print_version(FILE *stream, const void *content, struct failure *failure)
{
    (void)content;
    (void)failure;
    return fprintf(stream, "qkvsim %s\n", qkvsim_version()) > 0;
}

/* What is not divided is done by the first process. */
static bool run(const struct options *options, struct failure *failure)
{
    const int divided = COMMAND_ANALYZE | COMMAND_ACCUMULATE;
    if (!team_is_first(options->team)
        && (options->help || options->version || ((int)options->command & divided) == 0))
        return true;
    if (options->help)
        return output_write("-", help_write, options, failure);
    if (options->version)
        return output_write("-", print_version, NULL, failure);
    switch (options->command) {
    case COMMAND_MATRIX:
        return command_matrix(options, failure);
    case COMMAND_MASK:
        return command_mask(options, failure);
    case COMMAND_PAIRS:
        return command_pairs(options, failure);
    case COMMAND_ACCUMULATE:
        return command_accumulate(options, failure);
    case COMMAND_MERGE:
        return command_merge(options, failure);
    case COMMAND_INFO:
        return command_info(options, failure);
    case COMMAND_BENCH:
        return command_bench(options, failure);
    default:
        return command_analyze(options, failure);
    }
}

/* A closed standard descriptor would be given to the next file opened, and a message meant for a
 * person would end up in it. A read-only one in its place makes writing to it the error it is. */
static void hold_standard_descriptors(void)
{
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF
            && open("/dev/null", O_RDONLY) != descriptor)
            exit(EXIT_FAILED);
}

/*
 * OpenBLAS starts threads of its own while it is loaded, of which this program uses none. Where
 * address space is limited, one without room for its buffer asks for it for ever, and the end of
 * the program waits for that thread. Only the environment tells OpenBLAS not to, and only before it
 * is loaded.
 */
static void start_without_openblas_threads(char **argv)
{
    static const char name[] = "OPENBLAS_NUM_THREADS";
    const char *threads = getenv(name);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
        && (threads == NULL || strcmp(threads, "1") != 0) && setenv(name, "1", 1) == 0)
        execv("/proc/self/exe", argv);
}

void program_prepare(char **argv)
{
    start_without_openblas_threads(argv);
    hold_standard_descriptors();
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters, and nothing else */
    progress_catch_signals();
}

bool program_run(int argc, char **argv, struct team *team, struct failure *failure)
{
    struct options options;
    *failure = (struct failure){ .exit_status = EXIT_DONE };
    if (!options_parse(argc, argv, &options, failure))
        return false;
    options.team = team;
    const bool done = run(&options, failure);
    options_free(&options);
    return done;
}
