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
 * behind on failure. A path that names a device or a pipe is written directly, "-" is standard
 * output.
 */
bool output_write(const char *path, output_writer *writer, const void *content,
                  struct failure *failure);

/* Whether two paths are one file, or both are standard output; a device can take two outputs. */
bool output_is_same(const char *left, const char *right);

/* Whether a file could be made there, asked before long work; NULL and "-" always pass. */
bool output_check(const char *path, struct failure *failure);

#endif
