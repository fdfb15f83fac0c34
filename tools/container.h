/*
 * Files of results: states of accumulate, and what analyze saves. A table in JSON says what is in
 * them, packed results of the library follow. docs/format.md describes the bytes.
 */
#ifndef TOOLS_CONTAINER_H
#define TOOLS_CONTAINER_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "failure.h"
#include "mapped_file.h"

/* One that is read. Its path is the caller's. */
struct container {
    const char *path;
    struct mapped_file file;
    json_t *table;
    int64_t *begins; /* where each result begins in the file, and where the last ends */
    int64_t count;
};

/* Whether a path is that of a container, by its first bytes: false also where it cannot be read. */
bool container_is(const char *path);

/* Whether it says that it holds `content`; false also where it cannot be read, which opening it
 * will tell. */
bool container_holds(const char *path, const char *content);

/* Opens one whose table says that it holds `content`, "state" or "result", or with NULL either. No
 * byte is trusted; the packed results are checked where they are unpacked. */
bool container_open(struct container *container, qkvsim_context *context, const char *path,
                    const char *content, struct failure *failure);

/* The same of bytes in memory, which are taken over and freed; `path` is their name in messages. */
bool container_take(struct container *container, qkvsim_context *context, void *bytes, int64_t size,
                    const char *path, const char *content, struct failure *failure);

/* Of the format that it is written in. */
int container_version(const struct container *container);

/* "state" or "result". */
const char *container_content(const struct container *container);

/* The bytes of a packed result. */
const void *container_result(const struct container *container, int64_t number, int64_t *size);

/* Fails with what is wrong in a table, "bad state: PATH: what". */
bool container_fail(const struct container *container, const char *what, struct failure *failure);

/* Also for one zeroed and never opened. */
void container_close(struct container *container);

/* Writes what stands before the packed results, which have `size` bytes in all and must follow.
 * False where the stream or memory failed. */
bool container_write_table(FILE *stream, const json_t *table, int64_t size,
                           struct failure *failure);

#endif
