/*
 * Shards to sums. What a shard adds to a state is the state of that shard alone, merged: a corpus
 * is the merge of its shards one after the other, whoever made the sums of each.
 */
#ifndef TOOLS_SHARD_SUMS_H
#define TOOLS_SHARD_SUMS_H

#include "state.h"

/* Begins an empty state for shards like this one, of which nothing is added. */
bool shard_sums_begin(struct state *state, qkvsim_context *context, const struct options *options,
                      const char *path, struct failure *failure);

/* Adds a shard to a state, which begins with it where it has no table yet. `begun` says whether the
 * state has changed: where that failed midway, it is no longer that of whole shards. */
bool shard_sums_add(struct state *state, qkvsim_context *context, const struct options *options,
                    const char *path, bool *begun, struct failure *failure);

#endif
