/*
 * What went wrong, as text and exit status.
 */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static bool fail_with(struct failure *failure, int exit_status, const char *format,
                      va_list arguments)
{
    char raw[sizeof failure->text];
    vsnprintf(raw, sizeof raw, format, arguments);
    failure->exit_status = exit_status;
    text_make_safe(raw, failure->text, sizeof failure->text);
    return false;
}

bool fail(struct failure *failure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_with(failure, EXIT_FAILED, format, arguments);
    va_end(arguments);
    return false;
}

bool fail_usage(struct failure *failure, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_with(failure, EXIT_USAGE, format, arguments);
    va_end(arguments);
    return false;
}

bool fail_no_memory(struct failure *failure)
{
    return fail(failure, "out of memory");
}

bool fail_library(struct failure *failure, const qkvsim_context *context, qkvsim_status status,
                  const char *path)
{
    const char *text = qkvsim_context_error(context);
    if (status == QKVSIM_ERROR_CANCELLED)
        return fail(failure, "interrupted");
    /* What follows the place, after a colon, is advice to a caller of the library. */
    if (status == QKVSIM_ERROR_NONFINITE && path != NULL)
        return fail(failure, "%.*s: %s (see --on-nonfinite)", (int)strcspn(text, ":"), text, path);
    if (text[0] == '\0')
        text = qkvsim_status_name(status);
    if (path != NULL)
        return fail(failure, "%s: %s", text, path);
    return fail(failure, "%s", text);
}

int failure_report(const struct failure *failure)
{
    if (failure->text[0] != '\0')
        fprintf(stderr, "qkvsim: %s\n", failure->text);
    return failure->exit_status;
}
