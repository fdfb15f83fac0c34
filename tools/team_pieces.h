/*
 * Results from one of several processes to the first, and pieces of one result put together there.
 */
#ifndef TOOLS_TEAM_PIECES_H
#define TOOLS_TEAM_PIECES_H

#include "handles.h"
#include "team.h"

/* By another rank, and by the first: a result, or NULL. */
bool team_give(struct team *team, qkvsim_context *context, const struct handle *piece,
               struct failure *failure);
bool team_take(struct team *team, qkvsim_context *context, int rank, struct handle *piece,
               struct failure *failure);

/* By every rank: puts the ranks' pieces together, in their order, into that of the first. A rank
 * that has none has a NULL result. */
bool team_join(struct team *team, qkvsim_context *context, struct handle *piece,
               struct failure *failure);

#endif
