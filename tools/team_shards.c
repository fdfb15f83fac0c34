/*
 * Shards of a corpus, for the first of several processes.
 */
#include "team_shards.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "progress.h"
#include "shard_input.h"
#include "shard_parts.h"
#include "shard_sums.h"
#include "team_exchange.h"
#include "team_rows.h"

/* What the first tells: the table of the state that all shards are to come into, and the shards to
 * be added. */
struct told {
    json_t *table;
    const char *from;  /* the file of a state to go on with; NULL: none */
    const char *first; /* a shard that is in, or the first to be added, for messages */
    char **shards;
    int64_t count;
    struct shards texts; /* what all of these are in */
};

/* A shard that does not belong to the others is to be told as such, before it is looked at by
 * itself. */
static bool check_shard(const json_t *table, const char *first, const struct options *options,
                        const char *path, struct failure *failure)
{
    struct shard_input shard;
    if (!shard_input_open(&shard, options, path, failure))
        return false;
    json_begin();
    json_t *given =
        state_table_layers(&shard.layers, shard.inputs, options->targets != NULL ? 2 : 1);
    const bool same =
        json_whole(failure)
        && state_table_same_layers(json_object_get(table, "layers"), given, first, path, failure);
    json_decref(given);
    shard_input_close(&shard);
    return same;
}

bool team_make_own(struct state *own, const json_t *table, const char *first,
                   qkvsim_context *context, const struct options *options, const char *path,
                   struct failure *failure)
{
    struct options alone = *options;
    bool begun;
    alone.team = NULL; /* of all rows */
    return check_shard(table, first, options, path, failure)
           && shard_sums_add(own, context, &alone, path, &begun, failure);
}

static bool give_shard(const struct options *options, qkvsim_context *context, const char *path,
                       struct failure *failure)
{
    struct state state = { 0 };
    bool begun;
    void *bytes = NULL;
    int64_t size;
    const bool done = shard_sums_add(&state, context, options, path, &begun, failure)
                      && state_pack(&state, &bytes, &size, failure);
    state_free(&state);
    return done && options->team->give(options->team, bytes, size, failure);
}

/* A list of texts: the table, the file to go on with or nothing, the shards. */
static bool read_told(struct told *told, const void *bytes, int64_t size, struct failure *failure)
{
    enum { BEFORE_SHARDS = 2 };
    json_error_t error;
    if (!shards_unpack(&told->texts, bytes, size, failure))
        return false;
    told->table = json_read(told->texts.paths[0], strlen(told->texts.paths[0]), &error);
    told->from = told->texts.paths[1][0] != '\0' ? told->texts.paths[1] : NULL;
    told->shards = told->texts.paths + BEFORE_SHARDS;
    told->count = told->texts.count - BEFORE_SHARDS;
    const json_t *in = json_array_get(json_object_get(told->table, "shards"), 0);
    told->first = in != NULL        ? json_string_value(json_object_get(in, "file"))
                  : told->count > 0 ? told->shards[0]
                                    : "";
    return json_whole(failure);
}

static bool hear(struct told *told, struct team *team, struct failure *failure)
{
    void *bytes;
    int64_t size;
    if (!team->tell(team, &bytes, &size, failure))
        return false;
    const bool done = read_told(told, bytes, size, failure);
    free(bytes);
    return done;
}

static bool tell_texts(const struct shards *texts, struct team *team, struct failure *failure)
{
    void *bytes;
    int64_t size;
    if (!shards_pack(texts, &bytes, &size, failure))
        return false;
    const bool done = team->tell(team, &bytes, &size, failure);
    free(bytes);
    return done;
}

bool tell_shards(const struct state *state, const struct shards *shards, const char *from,
                 struct team *team, struct failure *failure)
{
    char *table = json_format(state->table, JSON_COMPACT, failure);
    struct shards texts = { .paths = calloc((size_t)shards->count + 2, sizeof *texts.paths),
                            .count = shards->count + 2 };
    bool done = table != NULL && (texts.paths != NULL || fail_no_memory(failure));
    if (done) {
        texts.paths[0] = table;
        texts.paths[1] = (char *)(from != NULL ? from : "");
        memcpy(texts.paths + 2, shards->paths, (size_t)shards->count * sizeof *shards->paths);
        done = tell_texts(&texts, team, failure);
    }
    free(texts.paths);
    free(table);
    return done;
}

/* ---- some rows of all shards ---- */

static bool begin_rows(struct state *state, const struct told *told, qkvsim_context *context,
                       const struct options *options, struct failure *failure)
{
    if (told->from == NULL)
        return shard_sums_begin(state, context, options, told->shards[0], failure);
    return state_open(state, context, told->from, failure)
           && state_keep_rows(state, state_rows(options, state_table_features(state->table)),
                              failure);
}

static bool add_rows(struct state *state, qkvsim_context *context, const struct options *options,
                     const char *path, struct failure *failure)
{
    bool begun, written;
    return shard_sums_add(state, context, options, path, &begun, failure)
           && team_shard_is_added(options->team, &written, failure)
           && (!written || team_give_rows(options->team, state, failure));
}

static bool give_rows(const struct told *told, qkvsim_context *context,
                      const struct options *options, struct failure *failure)
{
    struct state state = { 0 };
    bool done = begin_rows(&state, told, context, options, failure);
    for (int64_t i = 0; done && i < told->count; i++) {
        shard_parts_expect(options, told->shards, told->count, i + 1);
        done = add_rows(&state, context, options, told->shards[i], failure)
               && (!progress_interrupted() || fail(failure, "interrupted"));
    }
    state_free(&state);
    return done;
}

/* ---- some rows of all shards, of some of which this process makes the sums ---- */

/* What the first notes of this rank's shard. */
static bool give_table(struct team *team, const json_t *table, struct failure *failure)
{
    char *text = table != NULL ? json_format(table, JSON_COMPACT, failure) : NULL;
    if (table != NULL && text == NULL)
        return false;
    return team->give(team, text, text != NULL ? (int64_t)strlen(text) : 0, failure);
}

static bool add_round(struct state *state, const struct told *told, qkvsim_context *context,
                      const struct options *options, int64_t first, struct failure *failure)
{
    struct team *team = options->team;
    const int64_t left = told->count - first;
    const int count = left < team->size ? (int)left : team->size;
    const bool takes_part = team->rank < count;
    struct state own = { 0 };
    bool written = false;
    shard_parts_expect(options, told->shards, told->count, first + team->rank + team->size);
    const bool done = (!takes_part
                       || team_make_own(&own, told->table, told->first, context, options,
                                        told->shards[first + team->rank], failure))
                      && team_exchange(team, state, takes_part ? &own : NULL, count, failure)
                      && give_table(team, own.table, failure)
                      && team_hear_next(team, &written, failure)
                      && (!written || team_give_rows(team, state, failure));
    state_free(&own);
    return done;
}

static bool exchange_shards(const struct told *told, qkvsim_context *context,
                            const struct options *options, struct failure *failure)
{
    struct state state = { 0 };
    bool done = begin_rows(&state, told, context, options, failure);
    for (int64_t i = 0; done && i < told->count; i += options->team->size)
        done = add_round(&state, told, context, options, i, failure)
               && (!progress_interrupted() || fail(failure, "interrupted"));
    state_free(&state);
    return done;
}

/* ---- some shards ---- */

static bool give_shards(const struct told *told, qkvsim_context *context,
                        const struct options *options, struct failure *failure)
{
    bool done = true;
    for (int64_t i = options->team->rank; done && i < told->count; i += options->team->size) {
        shard_parts_expect(options, told->shards, told->count, i + options->team->size);
        done = check_shard(told->table, told->first, options, told->shards[i], failure)
               && give_shard(options, context, told->shards[i], failure)
               && (!progress_interrupted() || fail(failure, "interrupted"));
    }
    return done;
}

bool accumulate_for_first(const struct options *options, struct failure *failure)
{
    struct told told = { 0 };
    struct progress progress;
    qkvsim_context *context = NULL;
    bool done =
        command_make_context(options, &context, failure) && hear(&told, options->team, failure);
    if (done && told.count > 0) {
        const int64_t features = state_table_features(told.table);
        const bool rows = state_rows(options, features).count < features;
        progress_begin_shards(&progress, context, options, 0, told.count, NULL);
        done = !rows ? give_shards(&told, context, options, failure)
               : state_reads_all(options, features)
                   ? give_rows(&told, context, options, failure)
                   : exchange_shards(&told, context, options, failure);
    }
    shards_free(&told.texts);
    json_decref(told.table);
    qkvsim_context_free(context);
    return done;
}
