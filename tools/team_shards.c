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
#include "shard_sums.h"

/* What the first tells: the table of the state that all shards are to come into, and the shards to be added. */
struct told {
    json_t *table;
    const char *first; /* a shard that is in, or the first to be added, for messages */
    struct shards shards;
};

/* A shard that does not belong to the others is to be told as such, before it is looked at by itself. */
static bool check_shard(const struct told *told, const struct options *options, const char *path,
                        struct failure *failure)
{
    struct shard_input shard;
    if (!shard_input_open(&shard, options, path, failure))
        return false;
    json_begin();
    json_t *given =
        state_table_layers(&shard.layers, shard.inputs, options->targets != NULL ? 2 : 1);
    const bool same = json_whole(failure)
                      && state_table_same_layers(json_object_get(told->table, "layers"), given,
                                                 told->first, path, failure);
    json_decref(given);
    shard_input_close(&shard);
    return same;
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

static bool read_told(struct told *told, const char *bytes, int64_t size, struct failure *failure)
{
    json_error_t error;
    const size_t length = strlen(bytes) + 1;
    json_begin();
    told->table = json_loads(bytes, 0, &error);
    if (!json_whole(failure)
        || !shards_unpack(&told->shards, bytes + length, size - (int64_t)length, failure))
        return false;
    const json_t *in = json_array_get(json_object_get(told->table, "shards"), 0);
    told->first = in != NULL               ? json_string_value(json_object_get(in, "file"))
                  : told->shards.count > 0 ? told->shards.paths[0]
                                           : "";
    return true;
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

bool tell_shards(const struct state *state, const struct shards *shards, struct team *team,
                 struct failure *failure)
{
    char *table = json_dumps(state->table, JSON_COMPACT);
    void *list = NULL, *bytes = NULL;
    int64_t size = 0;
    bool done =
        (table != NULL || fail_no_memory(failure)) && shards_pack(shards, &list, &size, failure);
    const size_t length = done ? strlen(table) + 1 : 0;
    if (done) {
        bytes = malloc(length + (size_t)size);
        done = bytes != NULL || fail_no_memory(failure);
    }
    if (done) {
        memcpy(bytes, table, length);
        memcpy((char *)bytes + length, list, (size_t)size);
        size += (int64_t)length;
        done = team->tell(team, &bytes, &size, failure);
    }
    free(bytes);
    free(list);
    free(table);
    return done;
}

bool accumulate_for_first(const struct options *options, struct failure *failure)
{
    struct told told = { 0 };
    struct progress progress;
    qkvsim_context *context = NULL;
    struct team *team = options->team;
    bool done = command_make_context(options, &context, failure) && hear(&told, team, failure);
    if (done)
        progress_begin_shards(&progress, context, options, 0, told.shards.count + 1);
    for (int64_t i = team->rank; done && i < told.shards.count; i += team->size)
        done = check_shard(&told, options, told.shards.paths[i], failure)
               && give_shard(options, context, told.shards.paths[i], failure)
               && (!progress_interrupted() || fail(failure, "interrupted"));
    shards_free(&told.shards);
    json_decref(told.table);
    qkvsim_context_free(context);
    return done;
}
