/*
 * Memory in nameless temporary files.
 */
#include "file_memory.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spool.h"

/* What is in a file, and what stands before every block: its size with this, or 0 where it is in
 * none. */
enum { LARGE = 1 << 24, HEAD = 64 };

/* The room is taken at once: where a disk became full later, touching a page would end the
 * program. */
static void *map_file(size_t size)
{
    const int descriptor = temporary_file();
    if (descriptor < 0)
        return NULL;
    void *mapping = posix_fallocate(descriptor, 0, (off_t)size) == 0
                        ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
                        : MAP_FAILED;
    close(descriptor);
    return mapping != MAP_FAILED ? mapping : NULL;
}

void *file_memory_allocate(void *user, size_t size)
{
    (void)user;
    if (size > SIZE_MAX / 2 - HEAD)
        return NULL;
    const size_t whole = size + HEAD;
    size_t *head =
        size >= LARGE ? map_file(whole) : aligned_alloc(HEAD, (whole + HEAD - 1) / HEAD * HEAD);
    if (head == NULL)
        return NULL;
    *head = size >= LARGE ? whole : 0;
    return (char *)head + HEAD;
}

void file_memory_release(void *user, void *memory)
{
    (void)user;
    if (memory == NULL)
        return;
    void *begin = (char *)memory - HEAD;
    const size_t mapped = *(const size_t *)begin;
    if (mapped > 0)
        munmap(begin, mapped);
    else
        free(begin);
}
