/*
 * Sums of shards over several processes: each one makes those of some shards and keeps some rows of
 * the moments. Of every round of shards, one for each rank, a rank takes its rows from all and adds
 * them in the shards' order.
 */
#ifndef TOOLS_TEAM_EXCHANGE_H
#define TOOLS_TEAM_EXCHANGE_H

#include "state.h"

/* By every rank: adds a round of `count` shards, of which `own` is this rank's state; NULL where it
 * has none. */
bool team_exchange(struct team *team, struct state *state, const struct state *own, int count,
                   struct failure *failure);

#endif
