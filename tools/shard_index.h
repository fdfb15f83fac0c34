/*
 * model.safetensors.index.json: which files a model's tensors are in.
 */
#ifndef TOOLS_SHARD_INDEX_H
#define TOOLS_SHARD_INDEX_H

#include "failure.h"

/* Whether a path names such an index. */
bool shard_index_is(const char *path);

/* The files that an index names, beside it, each once and in order. The caller frees each and the
 * list; *paths is NULL on failure. */
bool shard_index_read(const char *path, char ***paths, int *count, struct failure *failure);

#endif
