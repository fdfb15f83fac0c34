/*
 * Sums of shards over several processes.
 */
#include "team_exchange.h"

#include <stdlib.h>

static bool send_part(struct team *team, int rank, qkvsim_context *context,
                      const qkvsim_accumulator *part, struct failure *failure)
{
    int64_t size;
    void *bytes = state_pack_accumulator(context, part, &size, failure);
    return bytes != NULL && team->send(team, rank, bytes, size, failure);
}

static bool send_rows(struct team *team, qkvsim_context *context, const qkvsim_accumulator *whole,
                      struct failure *failure)
{
    bool done = true;
    for (int rank = 0; done && rank < team->size; rank++) {
        qkvsim_accumulator *part = NULL;
        const struct share rows = team_rows_of(team, rank, qkvsim_accumulator_features(whole));
        done = rank == team->rank
               || (state_take_rows(context, whole, rows, &part, failure)
                   && send_part(team, rank, context, part, failure));
        qkvsim_accumulator_free(part);
    }
    return done;
}

/* Its moments are in the bytes. */
static bool receive_part(struct team *team, int rank, qkvsim_context *context, void **bytes,
                         qkvsim_accumulator **part, struct failure *failure)
{
    int64_t size;
    if (!team->receive(team, rank, true, bytes, &size, failure))
        return false;
    const qkvsim_status status = qkvsim_accumulator_unpack_in_place(context, *bytes, size, part);
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}

/* The same rows of a shard of each rank, one after the other; of this rank's own they are taken
 * from the whole. */
static bool add_rows(struct team *team, qkvsim_context *context, qkvsim_accumulator *to,
                     const qkvsim_accumulator *own, int count, struct failure *failure)
{
    bool done = true;
    for (int rank = 0; done && rank < count; rank++) {
        qkvsim_accumulator *part = NULL;
        void *bytes = NULL;
        done = rank == team->rank || receive_part(team, rank, context, &bytes, &part, failure);
        if (done) {
            const qkvsim_status status =
                qkvsim_accumulator_merge(context, to, rank == team->rank ? own : part);
            done = status == QKVSIM_OK || fail_library(failure, context, status, NULL);
        }
        qkvsim_accumulator_free(part);
        free(bytes);
    }
    return done;
}

bool team_exchange(struct team *team, struct state *state, const struct state *own, int count,
                   struct failure *failure)
{
    bool done = true;
    for (int64_t i = 0; done && i < state->layers * state->conditions; i++) {
        const qkvsim_accumulator *whole = own != NULL ? own->accumulators[i] : NULL;
        done = (whole == NULL || send_rows(team, state->context, whole, failure))
               && add_rows(team, state->context, state->accumulators[i], whole, count, failure);
    }
    return done;
}
