/*
 * Output that grows while the work goes on and is written at its end, so that a failed run leaves
 * nothing behind: a file's in a nameless temporary file, so that many layers take no more memory
 * than one, a table's in memory.
 */
#ifndef TOOLS_SPOOL_H
#define TOOLS_SPOOL_H

#include <stdio.h>

#include "failure.h"

/* Begins as zeros; the stream is NULL until it is opened. */
struct spool {
    FILE *stream;
    char *text; /* of one in memory, with its size */
    size_t size;
};

/* TMPDIR, or /tmp where it is not set. */
const char *temporary_folder(void);

/* The descriptor of a nameless file there; -1 with errno. */
int temporary_file(void);

/* False where no temporary file can be made. */
bool spool_open(struct spool *spool, struct failure *failure);

/* One in memory. */
bool spool_open_memory(struct spool *spool, struct failure *failure);

/* Copies a spool's content to its path, whole or not at all; "-" is standard output. */
bool spool_write(struct spool *spool, const char *path, struct failure *failure);

/* The two steps of it: sees that all is written, and copies the content into a stream. */
bool spool_flush(const struct spool *spool, struct failure *failure);
bool spool_copy(FILE *stream, const void *spool, struct failure *failure);

/* Also for one that was never opened. */
void spool_close(struct spool *spool);

#endif
