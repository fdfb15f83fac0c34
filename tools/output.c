/*
 * Files that appear whole or not at all: a temporary file beside the target, then a rename.
 */
#include "output.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "progress.h"
#include "text.h"

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

/* A device or pipe has nothing to rename over. */
static bool write_directly(const char *path, output_writer *writer, const void *content,
                           struct failure *failure)
{
    FILE *stream = fopen(path, "wb");
    if (stream == NULL)
        return cannot_write(failure, path);
    bool done = write_content(stream, path, writer, content, failure);
    if (fclose(stream) != 0 && done)
        done = cannot_write(failure, path);
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

/* Opens the temporary file, which will have the target's permissions. */
static FILE *open_beside(char *temporary, const char *target)
{
    int descriptor = mkstemp(temporary);
    if (descriptor < 0)
        return NULL;
    FILE *stream = NULL;
    if (fchmod(descriptor, permissions_of(target)) == 0)
        stream = fdopen(descriptor, "wb");
    if (stream == NULL) {
        int kept = errno;
        close(descriptor);
        unlink(temporary);
        errno = kept;
    }
    return stream;
}

static bool write_and_rename(const char *target, output_writer *writer, const void *content,
                             struct failure *failure)
{
    size_t size = strlen(target) + sizeof ".XXXXXX";
    char *temporary = malloc(size);
    if (temporary == NULL)
        return fail_no_memory(failure);
    snprintf(temporary, size, "%s.XXXXXX", target);
    FILE *stream = open_beside(temporary, target);
    bool done = false;
    if (stream == NULL) {
        cannot_write(failure, target);
    } else {
        done = write_content(stream, target, writer, content, failure);
        if (done && fsync(fileno(stream)) != 0)
            done = cannot_write(failure, target);
        if (fclose(stream) != 0 && done)
            done = cannot_write(failure, target);
        if (done && progress_interrupted())
            done = fail(failure, "interrupted");
        if (done && rename(temporary, target) != 0)
            done = cannot_write(failure, target);
        if (!done)
            unlink(temporary);
    }
    free(temporary);
    return done;
}

bool output_write(const char *path, output_writer *writer, const void *content,
                  struct failure *failure)
{
    if (strcmp(path, "-") == 0)
        return write_content(stdout, "standard output", writer, content, failure);
    struct stat status;
    bool exists = stat(path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        return fail(failure, "cannot write: %s: it is a directory", path);
    if (exists && !S_ISREG(status.st_mode))
        return write_directly(path, writer, content, failure);
    /* A symbolic link keeps pointing: what it points to is replaced. */
    char *target = exists ? realpath(path, NULL) : strdup(path);
    if (target == NULL)
        return cannot_write(failure, path);
    bool done = write_and_rename(target, writer, content, failure);
    free(target);
    return done;
}

/* The status of the folder that a path's file is in, "." where it names none. */
static bool stat_folder(const char *path, struct stat *status)
{
    const char *name = text_file_name(path);
    char *folder = name == path ? strdup(".") : strndup(path, (size_t)(name - path));
    bool done = folder != NULL && stat(folder, status) == 0;
    free(folder);
    return done;
}

static bool is_same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool output_is_same(const char *left, const char *right)
{
    struct stat a, b;
    bool left_exists = stat(left, &a) == 0, right_exists = stat(right, &b) == 0;
    if (left_exists && !S_ISREG(a.st_mode))
        return false;
    if (left_exists || right_exists)
        return left_exists && right_exists && is_same_inode(&a, &b);
    return strcmp(text_file_name(left), text_file_name(right)) == 0 && stat_folder(left, &a)
           && stat_folder(right, &b) && is_same_inode(&a, &b);
}

bool output_check(const char *path, struct failure *failure)
{
    if (path == NULL || strcmp(path, "-") == 0)
        return true;
    char *copy = strdup(path);
    if (copy == NULL)
        return fail_no_memory(failure);
    struct stat status;
    bool done = true;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        done = fail(failure, "cannot write: %s: it is a directory", path);
    else if (access(dirname(copy), W_OK | X_OK) != 0)
        done = cannot_write(failure, path);
    free(copy);
    return done;
}
