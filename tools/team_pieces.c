/*
 * Pieces of one result, from several processes.
 */
#include "team_pieces.h"

#include <stdlib.h>

bool team_take(struct team *team, qkvsim_context *context, int rank, struct handle *piece,
               struct failure *failure)
{
    void *bytes;
    int64_t size;
    if (!team->take(team, rank, false, &bytes, &size, failure))
        return false;
    const bool done = size == 0 || handle_unpack(piece, context, bytes, size, failure);
    free(bytes);
    return done;
}

static bool merge_analyses(struct handle *merged, qkvsim_context *context,
                           const struct handle *pieces, int64_t count, struct failure *failure)
{
    const qkvsim_analysis **list = calloc((size_t)count, sizeof *list);
    qkvsim_analysis *analysis = NULL;
    if (list == NULL)
        return fail_no_memory(failure);
    for (int64_t k = 0; k < count; k++)
        list[k] = pieces[k].result;
    const qkvsim_status status = qkvsim_analysis_merge(context, list, count, &analysis);
    free(list);
    *merged = (struct handle){ .kind = QKVSIM_KIND_ANALYSIS, .result = analysis };
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}

/* The pieces that there are, of each rank in turn; analyses are of some pair groups each. */
static bool merge(qkvsim_context *context, struct handle *pieces, int64_t count,
                  struct failure *failure)
{
    struct handle merged;
    if (count < 2)
        return true;
    if (!(pieces->kind == QKVSIM_KIND_ANALYSIS
              ? merge_analyses(&merged, context, pieces, count, failure)
              : handle_merge(&merged, context, pieces, count, failure)))
        return false;
    handle_free(&pieces[0]);
    pieces[0] = merged;
    return true;
}

/* The first takes every rank's piece, and its own one becomes that of all. */
static bool take_pieces(struct team *team, qkvsim_context *context, struct handle *own,
                        struct failure *failure)
{
    struct handle *pieces = calloc((size_t)team->size, sizeof *pieces);
    if (pieces == NULL)
        return fail_no_memory(failure);
    int64_t count = own->result != NULL;
    pieces[0] = *own;
    bool done = true;
    for (int rank = 1; done && rank < team->size; rank++) {
        done = team_take(team, context, rank, &pieces[count], failure);
        count += pieces[count].result != NULL;
    }
    done = done && merge(context, pieces, count, failure);
    *own = pieces[0];
    for (int64_t k = 1; k < count; k++)
        handle_free(&pieces[k]);
    free(pieces);
    return done;
}

bool team_give(struct team *team, qkvsim_context *context, const struct handle *piece,
               struct failure *failure)
{
    int64_t size = 0;
    void *bytes = NULL;
    if (piece->result != NULL) {
        bytes = handle_pack(context, piece, &size, failure);
        if (bytes == NULL)
            return false;
    }
    return team->give(team, bytes, size, failure);
}

bool team_join(struct team *team, qkvsim_context *context, struct handle *piece,
               struct failure *failure)
{
    if (team == NULL)
        return true;
    return team_is_first(team) ? take_pieces(team, context, piece, failure)
                               : team_give(team, context, piece, failure);
}
