/*
 * A benchmark that cannot go on says why and ends.
 */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fail(int exit_status, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs("qkvsim bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(exit_status);
}

void check(const qkvsim_context *context, qkvsim_status status)
{
    if (status == QKVSIM_OK)
        return;
    const char *text = qkvsim_context_error(context);
    fail(EXIT_FAILED, "%s", text[0] != '\0' ? text : qkvsim_status_name(status));
}

void *allocate(int64_t count, size_t size)
{
    void *memory = malloc((size_t)count * size);
    if (memory == NULL)
        fail(EXIT_FAILED, "no memory for %lld elements of %zu bytes", (long long)count, size);
    return memory;
}
