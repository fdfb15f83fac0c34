/*
 * Files that appear whole or not at all: a temporary file beside the target, then a rename.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "destination.h"
#include "progress.h"

/* The file that is being written; empty where there is none. */
static char temporary[PATH_MAX];

static bool cannot_write(struct failure *failure, const char *path)
{
    return fail(failure, "cannot write: %s: %s", path, strerror(errno != 0 ? errno : EIO));
}

/* Runs the writer and flushes; the stream stays open. */
static bool write_content(FILE *stream, const char *name, output_writer *writer,
                          const void *content, struct failure *failure)
{
    failure->exit_status = EXIT_DONE;
    errno = 0;
    bool written = writer(stream, content, failure);
    if (failure->exit_status != EXIT_DONE)
        return false;
    if (!written || fflush(stream) != 0 || ferror(stream))
        return cannot_write(failure, name);
    return true;
}

/* Takes over an open descriptor, which may be -1. */
static bool write_descriptor(int descriptor, const char *path, output_writer *writer,
                             const void *content, struct failure *failure)
{
    FILE *stream = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (stream == NULL) {
        cannot_write(failure, path);
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    bool done = write_content(stream, path, writer, content, failure);
    if (fclose(stream) != 0 && done)
        done = cannot_write(failure, path);
    return done;
}

/* Who reads standard output may have seen enough: the program ends as if the pipe's signal had
 * ended it, without a word. */
static bool write_stdout(output_writer *writer, const void *content, struct failure *failure)
{
    bool done = write_content(stdout, "standard output", writer, content, failure);
    if (!done && errno == EPIPE)
        failure->text[0] = '\0';
    return done;
}

/* The permissions of the file that is there, or those that a new one gets. */
static mode_t permissions_of(const char *target)
{
    struct stat status;
    if (stat(target, &status) == 0)
        return status.st_mode & 0777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* Opens the temporary file, which will have the target's permissions. Its name is short, for the
 * target's may be as long as names can be. */
static int open_beside(const char *target)
{
    static const char name[] = "/.qkvsim-XXXXXX";
    char folder[PATH_MAX];
    destination_folder(target, folder);
    errno = ENAMETOOLONG;
    if (snprintf(temporary, sizeof temporary, "%s%s", folder, name) >= PATH_MAX)
        return -1;
    int descriptor = mkstemp(temporary);
    if (descriptor < 0 || fchmod(descriptor, permissions_of(target)) == 0)
        return descriptor;
    int kept = errno;
    close(descriptor);
    unlink(temporary);
    errno = kept;
    return -1;
}

struct synchronized {
    output_writer *writer;
    const void *content;
};

static bool write_through(FILE *stream, const void *content, struct failure *failure)
{
    const struct synchronized *file = content;
    return file->writer(stream, file->content, failure) && fflush(stream) == 0
           && fsync(fileno(stream)) == 0;
}

/* An interrupt ends the writing of a file, but for one that is begun after it: that is what an
 * interrupted run leaves, to go on with. */
static bool write_file(const char *target, output_writer *writer, const void *content,
                       struct failure *failure)
{
    const bool before = progress_interrupted();
    int descriptor = open_beside(target);
    if (descriptor < 0) {
        cannot_write(failure, target);
        temporary[0] = '\0';
        return false;
    }
    struct synchronized file = { writer, content };
    bool done = write_descriptor(descriptor, target, write_through, &file, failure);
    if (done && progress_interrupted() && !before)
        done = fail(failure, "interrupted");
    if (done && rename(temporary, target) != 0)
        done = cannot_write(failure, target);
    if (!done)
        unlink(temporary);
    temporary[0] = '\0';
    return done;
}

bool output_write(const char *path, output_writer *writer, const void *content,
                  struct failure *failure)
{
    struct destination destination;
    if (!destination_find(&destination, path))
        return cannot_write(failure, path);
    if (destination.kind == DESTINATION_FILE)
        return write_file(destination.path, writer, content, failure);
    if (destination.descriptor == STDOUT_FILENO)
        return write_stdout(writer, content, failure);
    int descriptor = destination.kind == DESTINATION_DESCRIPTOR
                         ? fcntl(destination.descriptor, F_DUPFD_CLOEXEC, 0)
                         : open(destination.path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return write_descriptor(descriptor, path, writer, content, failure);
}

bool output_is_stdout(const char *path)
{
    struct destination destination;
    return path != NULL && destination_find(&destination, path)
           && destination.descriptor == STDOUT_FILENO;
}

static bool can_be_written(const struct destination *destination)
{
    char folder[PATH_MAX];
    if (destination->kind == DESTINATION_DEVICE)
        return access(destination->path, W_OK) == 0;
    if (destination->kind == DESTINATION_FILE) {
        destination_folder(destination->path, folder);
        return access(folder, W_OK | X_OK) == 0;
    }
    int flags = fcntl(destination->descriptor, F_GETFL);
    errno = EBADF;
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

bool output_check(const char *path, struct failure *failure)
{
    struct destination destination;
    if (path == NULL)
        return true;
    return (destination_find(&destination, path) && can_be_written(&destination))
           || cannot_write(failure, path);
}

void output_discard(void)
{
    if (temporary[0] != '\0')
        unlink(temporary);
}
