/*
 * The program with a fault where the test wants it. Calls that it makes are counted, by what they
 * are for, and the n-th of a kind gets a signal, or fails as it may.
 *
 *     QKVSIM_TEST_FAULT="sums 7 15" QKVSIM_TEST_STRUCK=FILE qkvsim-with-faults accumulate ...
 *
 * sends SIGTERM at the seventh call for sums; with 0 in place of 15 that call fails. FILE gets the
 * name of what was called, where the program came so far. The linker puts these functions in the
 * place of those they are named after (--wrap).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <qkvsim/qkvsim.h>

static void tell(const char *name)
{
    const char *path = getenv("QKVSIM_TEST_STRUCK");
    const int file = path != NULL ? creat(path, 0666) : -1;
    if (file >= 0 && (write(file, name, strlen(name)) < 0 || close(file) != 0))
        abort();
}

/* Whether this call, of a kind, is to fail. A signal comes, and the call is made. */
static bool strikes(const char *kind, const char *name, int error)
{
    static long calls;
    static char wanted[16];
    static long number = -1;
    static int what;
    const char *fault = getenv("QKVSIM_TEST_FAULT");
    if (number < 0)
        number =
            fault != NULL && sscanf(fault, "%15s %ld %d", wanted, &number, &what) == 3 ? number : 0;
    if (strcmp(kind, wanted) != 0 || ++calls != number)
        return false;
    tell(name);
    if (what != 0)
        raise(what);
    errno = error;
    return what == 0;
}

/* A function with its own prototype, so that one line says when it fails and how. */
#define WRAP(kind, type, name, parameters, arguments, error, failed)                               \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return strikes(kind, #name, error) ? (failed) : __real_##name arguments;                   \
    }

WRAP("sums", qkvsim_status, qkvsim_accumulator_create,
     (qkvsim_context * context, int64_t features, const qkvsim_accumulator_options *options,
      qkvsim_accumulator **made),
     (context, features, options, made), 0, QKVSIM_ERROR_NO_MEMORY)
WRAP("sums", qkvsim_status, qkvsim_accumulator_update,
     (qkvsim_context * context, qkvsim_accumulator *to, const qkvsim_input *input),
     (context, to, input), 0, QKVSIM_ERROR_NO_MEMORY)
WRAP("sums", qkvsim_status, qkvsim_accumulator_merge,
     (qkvsim_context * context, qkvsim_accumulator *to, const qkvsim_accumulator *from),
     (context, to, from), 0, QKVSIM_ERROR_NO_MEMORY)
WRAP("sums", qkvsim_status, qkvsim_accumulator_pack,
     (qkvsim_context * context, const qkvsim_accumulator *from, void *buffer, int64_t size),
     (context, from, buffer, size), 0, QKVSIM_ERROR_NO_MEMORY)
WRAP("sums", qkvsim_status, qkvsim_accumulator_unpack,
     (qkvsim_context * context, const void *buffer, int64_t size, qkvsim_accumulator **made),
     (context, buffer, size, made), 0, QKVSIM_ERROR_NO_MEMORY)

WRAP("memory", void *, malloc, (size_t size), (size), ENOMEM, NULL)
WRAP("memory", void *, calloc, (size_t count, size_t size), (count, size), ENOMEM, NULL)
WRAP("memory", void *, realloc, (void *memory, size_t size), (memory, size), ENOMEM, NULL)
WRAP("memory", void *, aligned_alloc, (size_t align, size_t size), (align, size), ENOMEM, NULL)
WRAP("memory", char *, strdup, (const char *text), (text), ENOMEM, NULL)
WRAP("memory", char *, strndup, (const char *text, size_t size), (text, size), ENOMEM, NULL)
WRAP("memory", FILE *, open_memstream, (char **text, size_t *size), (text, size), ENOMEM, NULL)

WRAP("files", int, open64, (const char *path, int flags, int mode), (path, flags, mode), EMFILE, -1)
WRAP("files", FILE *, fopen64, (const char *path, const char *mode), (path, mode), EMFILE, NULL)
WRAP("files", FILE *, fdopen, (int descriptor, const char *mode), (descriptor, mode), ENOMEM, NULL)
WRAP("files", int, mkstemp64, (char *name), (name), ENOSPC, -1)
WRAP("files", int, fchmod, (int descriptor, mode_t mode), (descriptor, mode), EPERM, -1)
WRAP("files", int, fsync, (int descriptor), (descriptor), EIO, -1)
WRAP("files", int, fflush, (FILE * stream), (stream), ENOSPC, EOF)
WRAP("files", int, rename, (const char *from, const char *to), (from, to), EIO, -1)
WRAP("files", ssize_t, read, (int descriptor, void *to, size_t size), (descriptor, to, size), EIO,
     -1)
WRAP("files", void *, mmap64, (void *at, size_t size, int may, int flags, int file, off_t from),
     (at, size, may, flags, file, from), ENODEV, MAP_FAILED)
WRAP("files", int, fclose, (FILE * stream), (stream), ENOSPC, (__real_fclose(stream), EOF))
