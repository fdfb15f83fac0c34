/*
 * The files of a corpus, in their order: named on the command line, in folders, or in a list on
 * standard input.
 */
#ifndef TOOLS_SHARDS_H
#define TOOLS_SHARDS_H

#include "options.h"

struct shards {
    char **paths;
    int64_t count;
    int64_t capacity;
};

/* Lists the files that the inputs of the options name, all of which are there. Of a folder they are
 * those that end in .npy or .safetensors, or with `any` all, but for names that begin with a dot;
 * in natural order. */
bool shards_list(struct shards *shards, const struct options *options, bool any,
                 struct failure *failure);

/* The paths as bytes, a 0 behind each, for the caller to free; and read again. */
bool shards_pack(const struct shards *shards, void **bytes, int64_t *size, struct failure *failure);
bool shards_unpack(struct shards *shards, const void *bytes, int64_t size, struct failure *failure);

/* Also for one zeroed and never listed. */
void shards_free(struct shards *shards);

#endif
