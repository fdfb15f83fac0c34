/*
 * A result of the library whatever its kind, with the calls that every kind has.
 */
#ifndef TOOLS_HANDLES_H
#define TOOLS_HANDLES_H

#include <qkvsim/qkvsim.h>
#include <stdio.h>

#include "container.h"

struct handle {
    qkvsim_kind kind;
    union {
        void *result;
        qkvsim_layout *layout;
        qkvsim_analysis *analysis;
        qkvsim_baseline *baseline;
        qkvsim_comparison *comparison;
        qkvsim_intervals *intervals;
    };
};

/* Bytes that it is packed to. */
int64_t handle_size(const struct handle *handle);

/* The packed bytes, for the caller to free; NULL with a failure. */
void *handle_pack(qkvsim_context *context, const struct handle *handle, int64_t *size,
                  struct failure *failure);

/* A result of packed bytes, of any kind. */
bool handle_unpack(struct handle *handle, qkvsim_context *context, const void *bytes, int64_t size,
                   struct failure *failure);

/* Packs it and writes the bytes; false also where the stream failed. */
bool handle_write(FILE *stream, qkvsim_context *context, const struct handle *handle,
                  struct failure *failure);

/* Unpacks a container's result, which must be of the kind, or of any where that is 0. */
bool handle_read(struct handle *handle, qkvsim_context *context, const struct container *container,
                 int64_t number, qkvsim_kind kind, struct failure *failure);

/* Puts pieces of one kind together. What has no pieces (layouts, analyses, jackknives) is to be the
 * same in all of them, to the bit, and `merged` then has no result: the first piece stands for
 * all. */
bool handle_merge(struct handle *merged, qkvsim_context *context, const struct handle *pieces,
                  int64_t count, struct failure *failure);

/* Puts two analyses of other pair groups each together. */
bool handle_join(struct handle *merged, qkvsim_context *context, const struct handle *first,
                 const struct handle *second, struct failure *failure);

/* Also for one zeroed. */
void handle_free(struct handle *handle);

#endif
