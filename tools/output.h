/*
 * Files that appear whole or not at all, and standard output whose errors are noticed.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdio.h>

#include "failure.h"

/* Writes an output's content; false with a failure, or with none set where the stream failed. */
typedef bool output_writer(FILE *stream, const void *content, struct failure *failure);

/*
 * Writes a file: beside its place first, flushed to disk, then renamed over it; nothing stays
 * behind on failure, and a link keeps pointing. A device, a pipe or a descriptor (/dev/fd/3) is
 * written directly, "-" is standard output.
 */
bool output_write(const char *path, output_writer *writer, const void *content,
                  struct failure *failure);

/* Whether a path is standard output: "-", /dev/stdout or a link to it. False for NULL. */
bool output_is_stdout(const char *path);

/* Whether a file could be made there, asked before long work; NULL always passes. */
bool output_check(const char *path, struct failure *failure);

/* Removes the file that is being written. To be called where the program ends within a signal's
 * handler. */
void output_discard(void);

#endif
