/*
 * From files to the library's views: the parts of one input, in place where the bytes allow it.
 */
#ifndef TOOLS_INPUT_H
#define TOOLS_INPUT_H

#include "elements.h"
#include "mapped_file.h"
#include "options.h"

/* Where a part stands. Strings belong to the caller and outlive the input. */
struct part_source {
    const char *path;
    const char *tensor; /* in a .safetensors file; NULL for .npy */
    const char *group;  /* NULL where the part is no group of its own */
    bool fold;          /* all dimensions but the last are observations */
};

struct input {
    struct mapped_file *files; /* one for each part */
    qkvsim_view *parts;
    void **copies;            /* for each part its elements as a view can have them, or NULL */
    const char **part_groups; /* for each part its source's group */
    const struct element_type **part_types; /* as the files have them */
    int32_t part_count;
    int64_t observations;
    int64_t features;
    int64_t shards; /* that the observations come from; 0: from arrays that are open */
    bool named;     /* every part has its group */
};

/* "float16", ..., or "mixed types" where parts differ. */
const char *input_type(const struct input *input);

/* Whether a path is read as .safetensors; all others are read as .npy. */
bool input_is_safetensors(const char *path);

/* Opens the parts of one input, which share their observations. Elements in the other byte order,
 * misaligned in the file, or of a type that views do not have are copied; all others are not. */
bool input_open_parts(struct input *input, const struct part_source *sources, int32_t count,
                      struct failure *failure);

/* Makes one of so many parts that has no numbers: to be filled with what is known of them. */
bool input_describe(struct input *input, int32_t count, struct failure *failure);

/* Also for one zeroed and never opened. */
void input_close(struct input *input);

#endif
