/*
 * The moments of a corpus over several processes.
 */
#include "team_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "file_memory.h"
#include "output.h"
#include "spool.h"

bool team_has_rows(const struct team *team, const struct state *state)
{
    return team != NULL && state->table != NULL
           && state->rows.count < state_table_features(state->table);
}

/* ---- shard by shard ---- */

bool team_await_shard(struct team *team, struct failure *failure)
{
    bool done = true;
    for (int rank = 1; done && rank < team->size; rank++) {
        void *nothing;
        int64_t size;
        done = team->take(team, rank, true, &nothing, &size, failure);
        if (done)
            free(nothing);
    }
    return done;
}

bool team_tell_next(struct team *team, bool written, struct failure *failure)
{
    char word = written;
    void *bytes = &word;
    int64_t size = sizeof word;
    return team->tell(team, &bytes, &size, failure);
}

bool team_hear_next(struct team *team, bool *written, struct failure *failure)
{
    void *bytes;
    int64_t size;
    if (!team->tell(team, &bytes, &size, failure))
        return false;
    *written = size > 0 && *(const char *)bytes != 0;
    free(bytes);
    return true;
}

bool team_shard_is_added(struct team *team, bool *written, struct failure *failure)
{
    return team->give(team, NULL, 0, failure) && team_hear_next(team, written, failure);
}

/* ---- together, some rows at a time ---- */

/* About as many as 32 MB of moments are, from a row on. */
static int64_t rows_of_piece(int64_t features, int64_t first, int64_t end)
{
    enum { MOMENTS = 1 << 22 };
    const int64_t rows = MOMENTS / (features - first);
    return rows < 1 ? 1 : rows < end - first ? rows : end - first;
}

/* Pieces that so many rows are sent in. */
static int64_t count_pieces(int64_t features, struct share rows)
{
    int64_t count = 0;
    for (int64_t at = rows.first, end = at + rows.count; at < end; count++)
        at += rows_of_piece(features, at, end);
    return count;
}

/* Large blocks of these contexts are in temporary files: where there is no room for one, there may
 * be memory. */
static bool rows_failed(qkvsim_context *context, qkvsim_status status, struct failure *failure)
{
    return status == QKVSIM_OK
           || (status == QKVSIM_ERROR_NO_MEMORY
                   ? fail(failure, "%s, or no room in %s (TMPDIR names another folder)",
                          qkvsim_context_error(context), temporary_folder())
                   : fail_library(failure, context, status, NULL));
}

static bool take_piece(struct team *team, qkvsim_context *context, int rank,
                       qkvsim_accumulator **part, struct failure *failure)
{
    void *bytes;
    int64_t size;
    if (!team->take(team, rank, true, &bytes, &size, failure))
        return false;
    const qkvsim_status status = qkvsim_accumulator_unpack(context, bytes, size, part);
    free(bytes);
    return rows_failed(context, status, failure);
}

/* Parts of all rows in their order: the first is the caller's, the others come in pieces. */
struct parts {
    qkvsim_accumulator **list;
    int64_t count;
};

static bool make_parts(struct parts *parts, const struct team *team, int64_t features,
                       struct failure *failure)
{
    int64_t count = 1;
    for (int rank = 1; rank < team->size; rank++)
        count += count_pieces(features, team_rows_of(team, rank, features));
    *parts = (struct parts){ .list = calloc((size_t)count, sizeof *parts->list), .count = count };
    return parts->list != NULL || fail_no_memory(failure);
}

static bool take_parts(struct parts *parts, struct team *team, qkvsim_context *context,
                       int64_t features, struct failure *failure)
{
    bool done = true;
    int64_t k = 1;
    for (int rank = 1; rank < team->size; rank++) {
        const int64_t end = k + count_pieces(features, team_rows_of(team, rank, features));
        for (; done && k < end; k++)
            done = take_piece(team, context, rank, &parts->list[k], failure);
    }
    return done;
}

static void free_parts(struct parts *parts)
{
    for (int64_t k = 1; parts->list != NULL && k < parts->count; k++)
        qkvsim_accumulator_free(parts->list[k]);
    free(parts->list);
}

/* One accumulator of all rows, of which the first has some. */
static bool join_rows(struct team *team, qkvsim_context *context, qkvsim_accumulator *own,
                      qkvsim_accumulator **joined, struct failure *failure)
{
    struct parts parts;
    const int64_t features = qkvsim_accumulator_features(own);
    if (!make_parts(&parts, team, features, failure))
        return false;
    parts.list[0] = own;
    bool done = take_parts(&parts, team, context, features, failure);
    if (done) {
        const qkvsim_status status = qkvsim_accumulator_join(
            context, (const qkvsim_accumulator *const *)parts.list, parts.count, joined);
        done = rows_failed(context, status, failure);
    }
    free_parts(&parts);
    return done;
}

/* What the stream cannot take is told when it is flushed. */
static bool pack_joined(FILE *stream, qkvsim_context *context, const qkvsim_accumulator *joined,
                        int64_t size, struct failure *failure)
{
    void *bytes = file_memory_allocate(NULL, (size_t)size);
    if (bytes == NULL)
        return fail(failure,
                    "out of memory for %" PRId64
                    " bytes of moments, or no room in %s (TMPDIR names another folder)",
                    size, temporary_folder());
    const qkvsim_status status = qkvsim_accumulator_pack(context, joined, bytes, size);
    if (status == QKVSIM_OK)
        fwrite(bytes, 1, (size_t)size, stream);
    file_memory_release(NULL, bytes);
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}

/* The packed results, one after the other: only one accumulator of all rows is there at a time, and
 * that in a temporary file. */
struct joined {
    const struct state *state;
    struct team *team;
    qkvsim_context *context;
    struct spool spool;
    int64_t size;
};

static bool spool_accumulator(struct joined *joined, int64_t number, struct failure *failure)
{
    qkvsim_accumulator *own = joined->state->accumulators[number], *all = NULL;
    bool done = join_rows(joined->team, joined->context, own, &all, failure);
    const int64_t size = qkvsim_accumulator_packed_size(all);
    done = done && pack_joined(joined->spool.stream, joined->context, all, size, failure);
    qkvsim_accumulator_free(all);
    joined->size += size;
    return done;
}

static bool spool_all(struct joined *joined, struct failure *failure)
{
    const struct state *state = joined->state;
    failure->exit_status = EXIT_DONE;
    if (!spool_open(&joined->spool, failure)
        || (!state_write_layout(joined->spool.stream, state, &joined->size, failure)
            && failure->exit_status != EXIT_DONE))
        return false;
    bool done = true;
    for (int64_t i = 0; done && i < state->layers * state->conditions; i++)
        done = spool_accumulator(joined, i, failure);
    return done && spool_flush(&joined->spool, failure);
}

static bool make_context(const struct state *state, qkvsim_context **context,
                         struct failure *failure)
{
    const qkvsim_context_options options = { .struct_size = sizeof options,
                                             .allocate = file_memory_allocate,
                                             .release = file_memory_release,
                                             .threads = qkvsim_context_threads(state->context) };
    return qkvsim_context_create(&options, context) == QKVSIM_OK || fail_no_memory(failure);
}

static bool write_joined(FILE *stream, const void *content, struct failure *failure)
{
    const struct joined *joined = content;
    return container_write_table(stream, joined->state->table, joined->size, failure)
           && spool_copy(stream, &joined->spool, failure);
}

bool team_write_state(struct team *team, const struct state *state, const char *path,
                      struct failure *failure)
{
    struct joined joined = { .state = state, .team = team };
    const bool done = make_context(state, &joined.context, failure) && spool_all(&joined, failure)
                      && output_write(path, write_joined, &joined, failure);
    spool_close(&joined.spool);
    qkvsim_context_free(joined.context);
    return done;
}

static bool give_packed(struct team *team, qkvsim_context *context, const qkvsim_accumulator *part,
                        struct failure *failure)
{
    int64_t size;
    void *bytes = state_pack_accumulator(context, part, &size, failure);
    return bytes != NULL && team->give(team, bytes, size, failure);
}

static bool give_piece(struct team *team, qkvsim_context *context, const qkvsim_accumulator *of,
                       struct share rows, struct failure *failure)
{
    qkvsim_accumulator *piece = NULL;
    const bool done = state_take_rows(context, of, rows, &piece, failure)
                      && give_packed(team, context, piece, failure);
    qkvsim_accumulator_free(piece);
    return done;
}

static bool give_part(struct team *team, qkvsim_context *context, const qkvsim_accumulator *part,
                      struct failure *failure)
{
    const int64_t features = qkvsim_accumulator_features(part);
    int64_t at = qkvsim_accumulator_first_row(part);
    const int64_t end = at + qkvsim_accumulator_rows(part);
    bool done = true;
    for (int64_t rows; done && at < end; at += rows) {
        rows = rows_of_piece(features, at, end);
        done = give_piece(team, context, part, (struct share){ at, rows }, failure);
    }
    return done;
}

bool team_give_rows(struct team *team, const struct state *state, struct failure *failure)
{
    bool done = true;
    for (int64_t i = 0; done && i < state->layers * state->conditions; i++)
        done = give_part(team, state->context, state->accumulators[i], failure);
    return done;
}
