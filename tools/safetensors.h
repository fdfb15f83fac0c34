/*
 * The .safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes. Reads
 * the table of tensors out of untrusted bytes.
 */
#ifndef TOOLS_SAFETENSORS_H
#define TOOLS_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

enum { SAFETENSORS_DIMENSIONS_MAX = 8, SAFETENSORS_HEADER_MAX = 100000000 };

struct safetensors_tensor {
    char *name;
    char dtype[12];
    int itemsize;   /* 0 for a dtype this reader does not know */
    int dimensions; /* may exceed the length of shape; then only its begin is kept */
    int64_t shape[SAFETENSORS_DIMENSIONS_MAX];
    int64_t begin; /* data_offsets, checked to lie inside the file and to overlap no other's */
    int64_t end;
};

struct safetensors {
    struct safetensors_tensor *tensors; /* in the order of their bytes */
    int64_t count;
    const uint8_t *data; /* what begin and end count from, inside the bytes that were parsed */
};

/* Parses a .safetensors file held in memory; `name` is the file's, for messages. */
bool safetensors_parse(const uint8_t *bytes, size_t size, const char *name,
                       struct safetensors *table, struct failure *failure);

/* Also for one zeroed and never parsed. */
void safetensors_free(struct safetensors *table);

/* NULL if there is none of that name. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *table,
                                                  const char *name);

#endif
