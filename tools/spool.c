/*
 * Output that grows while the work goes on.
 */
#include "spool.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder != NULL && folder[0] != '\0' ? folder : P_tmpdir;
}

int temporary_file(void)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/qkvsim-XXXXXX", temporary_folder());
    errno = ENAMETOOLONG;
    int descriptor = length < PATH_MAX ? mkstemp(path) : -1;
    if (descriptor >= 0)
        unlink(path);
    return descriptor;
}

bool spool_open(struct spool *spool, struct failure *failure)
{
    int descriptor = temporary_file();
    if (descriptor >= 0) {
        spool->stream = fdopen(descriptor, "w+b");
        if (spool->stream == NULL)
            close(descriptor);
    }
    return spool->stream != NULL
           || fail(failure, "cannot make a temporary file in %s: %s (TMPDIR names another folder)",
                   temporary_folder(), strerror(errno));
}

bool spool_open_memory(struct spool *spool, struct failure *failure)
{
    spool->stream = open_memstream(&spool->text, &spool->size);
    return spool->stream != NULL || fail_no_memory(failure);
}

bool spool_copy(FILE *stream, const void *content, struct failure *failure)
{
    const struct spool *spool = content;
    char block[8192];
    if (spool->text != NULL)
        return fwrite(spool->text, 1, spool->size, stream) == spool->size;
    rewind(spool->stream);
    for (;;) {
        size_t count = fread(block, 1, sizeof block, spool->stream);
        if (count == 0)
            break;
        if (fwrite(block, 1, count, stream) != count)
            return false;
    }
    return !ferror(spool->stream)
           || fail(failure, "cannot read a temporary file: %s", strerror(errno));
}

/* A stream remembers that it failed, and not why: the next byte fails for the same reason. */
bool spool_flush(const struct spool *spool, struct failure *failure)
{
    errno = 0;
    if (fflush(spool->stream) == 0 && !ferror(spool->stream))
        return true;
    if (spool->text != NULL)
        return fail_no_memory(failure);
    if (errno == 0 && fputc('\n', spool->stream) != EOF)
        fflush(spool->stream);
    return fail(failure, "cannot write a temporary file in %s: %s", temporary_folder(),
                strerror(errno != 0 ? errno : EIO));
}

bool spool_write(struct spool *spool, const char *path, struct failure *failure)
{
    return spool_flush(spool, failure) && output_write(path, spool_copy, spool, failure);
}

void spool_close(struct spool *spool)
{
    if (spool->stream != NULL)
        fclose(spool->stream);
    free(spool->text);
    *spool = (struct spool){ 0 };
}
