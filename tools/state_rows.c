/*
 * Rows of a state's moments: those that one of several processes keeps.
 */
#include "state.h"

/* Each rank has a row, at least; blocks are kept by the first alone. */
struct share state_rows(const struct options *options, int64_t features)
{
    const bool divided = options->blocks == 0 && features >= 2 * team_size(options->team);
    return team_rows(divided ? options->team : NULL, features);
}

bool state_reads_all(const struct options *options, int64_t features)
{
    enum { WIDE = 8192 };
    return options->divide == DIVIDE_ROWS || (options->divide == 0 && features >= WIDE);
}

bool state_take_rows(qkvsim_context *context, const qkvsim_accumulator *of, struct share rows,
                     qkvsim_accumulator **taken, struct failure *failure)
{
    const qkvsim_accumulator_options options = { .struct_size = sizeof options,
                                                 .first_row = rows.first,
                                                 .rows = rows.count,
                                                 .cancel_empties = 1 };
    qkvsim_accumulator *part = NULL;
    qkvsim_status status =
        qkvsim_accumulator_create(context, qkvsim_accumulator_features(of), &options, &part);
    if (status == QKVSIM_OK)
        status = qkvsim_accumulator_merge(context, part, of);
    if (status == QKVSIM_OK)
        *taken = part;
    else
        qkvsim_accumulator_free(part);
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}

static bool keep_rows(qkvsim_accumulator **accumulator, qkvsim_context *context, struct share rows,
                      struct failure *failure)
{
    qkvsim_accumulator *part = NULL;
    if (!state_take_rows(context, *accumulator, rows, &part, failure))
        return false;
    qkvsim_accumulator_free(*accumulator);
    *accumulator = part;
    return true;
}

bool state_keep_rows(struct state *state, struct share rows, struct failure *failure)
{
    bool done = true;
    const bool kept = state->container.table == NULL && rows.first == state->rows.first
                      && rows.count == state->rows.count;
    for (int64_t i = 0; !kept && done && i < state->layers * state->conditions; i++)
        done = keep_rows(&state->accumulators[i], state->context, rows, failure);
    state->rows = rows;
    if (done)
        container_close(&state->container);
    return done;
}
