/*
 * From files to the library's views: the parts of one input, in place where the bytes allow it.
 */
#ifndef TOOLS_INPUT_H
#define TOOLS_INPUT_H

#include "mapped_file.h"
#include "options.h"

/* Where a part stands. Strings belong to the caller and outlive the input. */
struct part_source {
    const char *path;
    const char *tensor; /* in a .safetensors file; NULL for .npy */
    const char *group;  /* NULL where the part is no group of its own */
};

struct input {
    struct mapped_file *files; /* one for each part */
    qkvsim_view *parts;
    void **copies;            /* for each part its bytes in native order and aligned, or NULL */
    const char **part_groups; /* for each part its source's group */
    int32_t part_count;
    int64_t observations;
    int64_t features;
    bool named; /* every part has its group */
};

/* A 2-d array of numbers anywhere in memory, as a file's reader finds it. */
struct stored_array {
    const uint8_t *bytes;
    int32_t dtype; /* QKVSIM_F16, BF16, F32, F64 */
    int64_t rows;
    int64_t columns;
    bool fortran_order;
    bool swapped;
};

/* "float16", ..., or "mixed types" where parts differ. */
const char *input_type(const struct input *input);

/* Whether a path is read as .safetensors; all others are read as .npy. */
bool input_is_safetensors(const char *path);

/* Opens the parts of one input, which share their observations. Elements in the other byte order,
 * or misaligned in the file, are copied; all others are not. */
bool input_open_parts(struct input *input, const struct part_source *sources, int32_t count,
                      struct failure *failure);

/* Also for one zeroed and never opened. */
void input_close(struct input *input);

#endif
