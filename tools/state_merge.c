/*
 * States of one corpus, put together.
 */
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* ---- belonging together ---- */

static bool same_layout(const struct state *state, const struct container *other,
                        const char *own_path, struct failure *failure)
{
    int64_t size;
    const void *bytes = container_result(other, 0, &size);
    const int64_t own_size = qkvsim_layout_packed_size(state->layout);
    void *own = malloc((size_t)own_size);
    if (own == NULL)
        return fail_no_memory(failure);
    const qkvsim_status status = qkvsim_layout_pack(state->context, state->layout, own, own_size);
    const bool same =
        status == QKVSIM_OK && size == own_size && memcmp(own, bytes, (size_t)size) == 0;
    free(own);
    return same
           || fail(failure, "layouts differ: the groups of %s are others than those of %s",
                   other->path, own_path);
}

static bool belongs(const struct state *state, const struct container *other, const char *own_path,
                    struct failure *failure)
{
    const json_t *own = state->table, *table = other->table;
    return state_table_same_options(json_object_get(own, "options"),
                                    json_object_get(table, "options"), own_path, other->path,
                                    failure)
           && state_table_same_layers(json_object_get(own, "layers"),
                                      json_object_get(table, "layers"), own_path, other->path,
                                      failure)
           && same_layout(state, other, own_path, failure);
}

/* All shards are new, or none is noted; `from` is where they come from, or NULL. */
static bool note_shards(struct state *state, const struct container *other, const char *from,
                        struct failure *failure)
{
    size_t i;
    json_t *object;
    json_array_foreach(json_object_get(other->table, "shards"), i, object)
    {
        const struct shard shard = state_table_shard(object);
        if (!state_check_new(state, &shard, from, failure))
            return false;
    }
    json_array_foreach(json_object_get(other->table, "shards"), i, object)
    {
        const struct shard shard = state_table_shard(object);
        if (!state_note_shard(state, &shard, from, failure))
            return false;
    }
    return true;
}

static bool merge_accumulators(struct state *state, const struct container *other,
                               struct failure *failure)
{
    bool done = true;
    for (int64_t i = 0; done && i < state->layers * state->conditions; i++) {
        qkvsim_accumulator *more = NULL;
        done = state_unpack_accumulator(other, state->context, i + 1,
                                        qkvsim_accumulator_unpack_in_place, &more, failure);
        if (done) {
            const qkvsim_status status =
                qkvsim_accumulator_merge(state->context, state->accumulators[i], more);
            done =
                status == QKVSIM_OK || fail_library(failure, state->context, status, other->path);
        }
        qkvsim_accumulator_free(more);
    }
    return done;
}

/* ---- merging ---- */

bool state_merge(struct state *state, const char *own_path, const char *path,
                 struct failure *failure)
{
    struct container other;
    int64_t layers, conditions;
    if (!container_open(&other, state->context, path, "state", failure))
        return false;
    const bool done = state_table_check(&other, &layers, &conditions, failure)
                      && belongs(state, &other, own_path, failure)
                      && note_shards(state, &other, path, failure)
                      && merge_accumulators(state, &other, failure);
    container_close(&other);
    return done;
}

bool state_merge_shard(struct state *state, void *bytes, int64_t size, const char *shard,
                       bool *begun, struct failure *failure)
{
    struct container other;
    int64_t layers, conditions;
    const char *before = state_shards(state) > 0 ? state_shard(state, 0).file : "the state";
    *begun = false;
    if (!container_take(&other, state->context, bytes, size, shard, "state", failure))
        return false;
    bool done = state_table_check(&other, &layers, &conditions, failure)
                && belongs(state, &other, before, failure)
                && note_shards(state, &other, NULL, failure);
    *begun = done;
    done = done && merge_accumulators(state, &other, failure);
    container_close(&other);
    return done;
}
