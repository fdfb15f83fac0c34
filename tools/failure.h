/*
 * What went wrong, as text and exit status: the one way errors travel through the program.
 */
#ifndef TOOLS_FAILURE_H
#define TOOLS_FAILURE_H

#include <limits.h>
#include <qkvsim/qkvsim.h>
#include <stdbool.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* A place is a path and what in it; a message has room for three paths, each as long as can be. */
enum { PLACE_SIZE = PATH_MAX + 512, FAILURE_SIZE = 3 * PATH_MAX };

struct failure {
    int exit_status;
    char text[FAILURE_SIZE];
};

/* Both write the text and return false, so that a check reads `return fail(failure, ...)`. Bytes
 * that could steer a terminal are replaced: names in messages come from files. */
bool fail(struct failure *failure, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool fail_usage(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool fail_no_memory(struct failure *failure);

/* Reports the context's last error; `path` is the input it is about, NULL where there is none. */
bool fail_library(struct failure *failure, const qkvsim_context *context, qkvsim_status status,
                  const char *path);

/* Prints `qkvsim: text` on standard error, if there is any, and returns the exit status. */
int failure_report(const struct failure *failure);

#endif
