/*
 * A benchmark that cannot go on says why and ends.
 */
#ifndef BENCH_FAILURE_H
#define BENCH_FAILURE_H

#include <qkvsim/qkvsim.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Prints `qkvsim bench: text` on standard error and exits with the status. */
void fail(int exit_status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* Fails with the context's last error unless the status is QKVSIM_OK. */
void check(const qkvsim_context *context, qkvsim_status status);

/* malloc, or fails. */
void *allocate(int64_t count, size_t size);

#endif
