/*
 * Pieces of one result, from several processes.
 */
#include "team_pieces.h"

#include <stdlib.h>

static bool unpack_piece(struct handle *piece, qkvsim_context *context, void *bytes, int64_t size,
                         struct failure *failure)
{
    const bool done = size == 0 || handle_unpack(piece, context, bytes, size, failure);
    free(bytes);
    return done;
}

static bool pack_piece(const struct handle *piece, qkvsim_context *context, void **bytes,
                       int64_t *size, struct failure *failure)
{
    *size = 0;
    *bytes = piece->result != NULL ? handle_pack(context, piece, size, failure) : NULL;
    return piece->result == NULL || *bytes != NULL;
}

bool team_take(struct team *team, qkvsim_context *context, int rank, struct handle *piece,
               struct failure *failure)
{
    void *bytes;
    int64_t size;
    return team->take(team, rank, false, &bytes, &size, failure)
           && unpack_piece(piece, context, bytes, size, failure);
}

bool team_give(struct team *team, qkvsim_context *context, const struct handle *piece,
               struct failure *failure)
{
    void *bytes;
    int64_t size;
    return pack_piece(piece, context, &bytes, &size, failure)
           && team->give(team, bytes, size, failure);
}

/* Analyses are of some pair groups each. */
static bool merge_two(struct handle *merged, qkvsim_context *context, const struct handle *first,
                      const struct handle *second, struct failure *failure)
{
    const struct handle both[] = { *first, *second };
    return first->kind == QKVSIM_KIND_ANALYSIS
               ? handle_join(merged, context, first, second, failure)
               : handle_merge(merged, context, both, 2, failure);
}

/* The piece becomes that of both, of which either may be none; the other one is freed. */
static bool add_piece(struct handle *piece, qkvsim_context *context, struct handle *other,
                      struct failure *failure)
{
    struct handle merged = *other;
    const bool both = piece->result != NULL && other->result != NULL;
    if (both) {
        const bool done = merge_two(&merged, context, piece, other, failure);
        handle_free(other);
        if (!done)
            return false;
        handle_free(piece);
    }
    if (merged.result != NULL)
        *piece = merged;
    return true;
}

static bool receive_piece(struct team *team, qkvsim_context *context, int rank,
                          struct handle *piece, struct failure *failure)
{
    void *bytes;
    int64_t size;
    struct handle other = { .result = NULL };
    return team->receive(team, rank, false, &bytes, &size, failure)
           && unpack_piece(&other, context, bytes, size, failure)
           && add_piece(piece, context, &other, failure);
}

static bool send_piece(struct team *team, qkvsim_context *context, int rank,
                       const struct handle *piece, struct failure *failure)
{
    void *bytes;
    int64_t size;
    return pack_piece(piece, context, &bytes, &size, failure)
           && team->send(team, rank, bytes, size, failure);
}

/* In a tree: of ranks 2 k and 2 k + 1 the first has what both have, of these likewise, and so on,
 * so that neighbours are put together in their order, and no rank waits for more than a few. */
bool team_join(struct team *team, qkvsim_context *context, struct handle *piece,
               struct failure *failure)
{
    bool done = true;
    for (int step = 1; done && step < team_size(team); step *= 2) {
        if (team->rank % (2 * step) != 0)
            return send_piece(team, context, team->rank - step, piece, failure);
        if (team->rank + step < team->size)
            done = receive_piece(team, context, team->rank + step, piece, failure);
    }
    return done;
}
