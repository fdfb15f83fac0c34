/*
 * A file's bytes in memory, read in place: the first step from a path to a view.
 */
#ifndef TOOLS_MAPPED_FILE_H
#define TOOLS_MAPPED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

struct mapping; /* of a regular file, known to the handler of its signal */

struct mapped_file {
    const uint8_t *bytes;
    size_t size;
    struct mapping
        *mapping; /* NULL where the bytes were read into memory of our own, or there are none */
    void *copy;
};

/* Maps a regular file; reads a pipe to its end. Anything else is refused. Where a mapped file is
 * cut short by others the program ends with a message and EXIT_FAILED. */
bool mapped_file_open(struct mapped_file *file, const char *path, struct failure *failure);

/* Asks for the bytes of a regular file that is opened soon, so that they come while there is other
 * work. Nothing is said of one that cannot be read. */
void mapped_file_expect(const char *path);

/* Bytes that are in memory already, which are taken over and freed. */
void mapped_file_take(struct mapped_file *file, void *bytes, size_t size);

/* Also for one zeroed and never opened. */
void mapped_file_close(struct mapped_file *file);

#endif
