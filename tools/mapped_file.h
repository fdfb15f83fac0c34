/*
 * A file's bytes in memory, read in place: the first step from a path to a view.
 */
#ifndef TOOLS_MAPPED_FILE_H
#define TOOLS_MAPPED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

struct mapped_file {
    const uint8_t *bytes;
    size_t size;
    void *mapping; /* NULL where the bytes were read into memory of our own, or there are none */
    void *copy;
};

/* Maps a regular file; reads a pipe to its end. Anything else is refused. The file must not be cut
 * short while it is mapped. */
bool mapped_file_open(struct mapped_file *file, const char *path, struct failure *failure);

/* Also for one zeroed and never opened. */
void mapped_file_close(struct mapped_file *file);

#endif
