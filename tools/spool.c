/*
 * Output that grows while the work goes on.
 */
#include "spool.h"

#include <errno.h>
#include <string.h>

#include "output.h"

bool spool_open(FILE **spool, struct failure *failure)
{
    *spool = tmpfile();
    return *spool != NULL
           || fail(failure, "cannot make a temporary file in " P_tmpdir ": %s", strerror(errno));
}

struct content {
    FILE *spool;
};

static bool copy(FILE *stream, const void *content, struct failure *failure)
{
    FILE *spool = ((const struct content *)content)->spool;
    char block[65536];
    rewind(spool);
    for (;;) {
        size_t count = fread(block, 1, sizeof block, spool);
        if (count == 0)
            break;
        if (fwrite(block, 1, count, stream) != count)
            return false;
    }
    return !ferror(spool) || fail(failure, "cannot read a temporary file: %s", strerror(errno));
}

/* A stream remembers that it failed, and not why: the next byte fails for the same reason. */
static bool flush(FILE *spool, struct failure *failure)
{
    errno = 0;
    if (fflush(spool) == 0 && !ferror(spool))
        return true;
    if (errno == 0 && fputc('\n', spool) != EOF)
        fflush(spool);
    return fail(failure, "cannot write a temporary file in " P_tmpdir ": %s",
                strerror(errno != 0 ? errno : EIO));
}

bool spool_write(FILE *spool, const char *path, struct failure *failure)
{
    if (!flush(spool, failure))
        return false;
    struct content content = { spool };
    return output_write(path, copy, &content, failure);
}

void spool_close(FILE *spool)
{
    if (spool != NULL)
        fclose(spool);
}
