/*
 * Shards of a corpus over several processes: every one makes the sums of some shards, and the first
 * puts them together in the shards' order.
 */
#ifndef TOOLS_TEAM_SHARDS_H
#define TOOLS_TEAM_SHARDS_H

#include "shards.h"
#include "state.h"

/* The first tells the others what state the shards come into, which has begun or was read `from` a
 * file, and which are still to be added. */
bool tell_shards(const struct state *state, const struct shards *shards, const char *from,
                 struct team *team, struct failure *failure);

/* Makes the state of one shard alone, of all rows, which belongs to those with this table; `first`
 * is one of them. */
bool team_make_own(struct state *own, const json_t *table, const char *first,
                   qkvsim_context *context, const struct options *options, const char *path,
                   struct failure *failure);

/* qkvsim accumulate at another process than the first: hears which shards there are and gives the
 * states of its own. */
bool accumulate_for_first(const struct options *options, struct failure *failure);

#endif
