/*
 * The moments of a corpus over several processes: every one reads every shard, and keeps some rows.
 * They go on shard by shard together, so that the first can put together at any time what all have.
 */
#ifndef TOOLS_TEAM_ROWS_H
#define TOOLS_TEAM_ROWS_H

#include "state.h"

/* Whether the rows of a state are divided over a team. */
bool team_has_rows(const struct team *team, const struct state *state);

/* By the first, when it has added a shard: waits for the others, and tells them whether the state
 * is written next. */
bool team_await_shard(struct team *team, struct failure *failure);
bool team_tell_next(struct team *team, bool written, struct failure *failure);

/* The same for another: false with a failure, also where the run has ended. */
bool team_shard_is_added(struct team *team, bool *written, struct failure *failure);
bool team_hear_next(struct team *team, bool *written, struct failure *failure);

/* By the first, and by the others: what all have as one file, whole or not at all. */
bool team_write_state(struct team *team, const struct state *state, const char *path,
                      struct failure *failure);
bool team_give_rows(struct team *team, const struct state *state, struct failure *failure);

#endif
