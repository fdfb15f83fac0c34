/*
 * A file's bytes in memory, read in place.
 */
#include "mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_pipe(struct mapped_file *file, int descriptor, const char *path,
                      struct failure *failure)
{
    size_t capacity = 0;
    for (;;) {
        if (file->size == capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            void *grown = realloc(file->copy, capacity);
            if (grown == NULL)
                return fail_no_memory(failure);
            file->copy = grown;
            file->bytes = grown;
        }
        ssize_t count = read(descriptor, (char *)file->copy + file->size, capacity - file->size);
        if (count < 0)
            return fail(failure, "cannot read: %s: %s", path, strerror(errno));
        if (count == 0)
            return true;
        file->size += (size_t)count;
    }
}

static bool map_regular(struct mapped_file *file, int descriptor, off_t size, const char *path,
                        struct failure *failure)
{
    if (size == 0)
        return true;
    if ((uintmax_t)size > SIZE_MAX)
        return fail(failure, "file does not fit the address space: %s, %jd bytes", path,
                    (intmax_t)size);
    void *mapping = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapping == MAP_FAILED)
        return fail(failure, "cannot map: %s: %s", path, strerror(errno));
    file->mapping = mapping;
    file->bytes = mapping;
    file->size = (size_t)size;
    return true;
}

bool mapped_file_open(struct mapped_file *file, const char *path, struct failure *failure)
{
    *file = (struct mapped_file){ 0 };
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail(failure, "cannot open: %s: %s%s", path, strerror(errno),
                    strcmp(path, "-") == 0 ? " (standard input is /dev/stdin)" : "");
    struct stat status;
    bool done;
    if (fstat(descriptor, &status) != 0)
        done = fail(failure, "cannot read: %s: %s", path, strerror(errno));
    else if (S_ISREG(status.st_mode))
        done = map_regular(file, descriptor, status.st_size, path, failure);
    else if (S_ISFIFO(status.st_mode))
        done = read_pipe(file, descriptor, path, failure);
    else
        done = fail(failure, "neither a file nor a pipe: %s", path);
    close(descriptor);
    if (!done)
        mapped_file_close(file);
    return done;
}

void mapped_file_close(struct mapped_file *file)
{
    if (file->mapping != NULL)
        munmap(file->mapping, file->size);
    free(file->copy);
    *file = (struct mapped_file){ 0 };
}
