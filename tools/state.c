/*
 * The state of a corpus: from shards' layers to a table and accumulators.
 */
#include "state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "json.h"
#include "output.h"
#include "parts_table.h"

/* ---- what the table says ---- */

int64_t state_shards(const struct state *state)
{
    return (int64_t)json_array_size(json_object_get(state->table, "shards"));
}

static int64_t observations_of(const json_t *table)
{
    int64_t sum = 0;
    size_t i;
    json_t *shard;
    json_array_foreach(json_object_get(table, "shards"), i, shard) sum +=
        json_integer_value(json_object_get(shard, "observations"));
    return sum;
}

int64_t state_observations(const struct state *state)
{
    return observations_of(state->table);
}

static const json_t *layer_of(const struct state *state, int64_t layer)
{
    return json_array_get(json_object_get(state->table, "layers"), (size_t)layer);
}

const char *state_layer_name(const struct state *state, int64_t layer)
{
    return json_string_value(json_object_get(layer_of(state, layer), "name"));
}

const json_t *state_parts(const struct state *state, int64_t layer)
{
    return json_object_get(layer_of(state, layer), "parts");
}

const char *state_condition_name(const struct state *state, int64_t condition)
{
    return state_table_condition(state->conditions, condition);
}

qkvsim_accumulator *state_accumulator(const struct state *state, int64_t layer, int64_t condition)
{
    return state->accumulators[layer * state->conditions + condition];
}

/* ---- shards ---- */

struct shard state_shard(const struct state *state, int64_t number)
{
    const json_t *shard = json_array_get(json_object_get(state->table, "shards"), (size_t)number);
    return state_table_shard(shard);
}

/* The number under which a shard is in; -1 where it is not. */
static int64_t number_of(const json_t *numbers, const char *key)
{
    const json_t *number = json_object_get(numbers, key);
    return number != NULL ? json_integer_value(number) : -1;
}

bool state_find_shard(const struct state *state, const char *file, struct shard *shard)
{
    const int64_t number = number_of(state->files, file);
    if (number >= 0)
        *shard = state_shard(state, number);
    return number >= 0;
}

/* What a shard holds, as a key. */
enum { CONTENT_SIZE = 48 };
static const char *content_key(const struct shard *shard, char key[CONTENT_SIZE])
{
    snprintf(key, CONTENT_SIZE, "%016" PRIx64 "-%" PRId64, shard->checksum, shard->observations);
    return key;
}

bool state_holds(const struct state *state, const struct shard *shard)
{
    char key[CONTENT_SIZE];
    return number_of(state->contents, content_key(shard, key)) >= 0;
}

bool state_check_new(const struct state *state, const struct shard *shard, const char *from,
                     struct failure *failure)
{
    char key[CONTENT_SIZE];
    const int64_t number = number_of(state->contents, content_key(shard, key));
    if (number < 0)
        return true;
    const char *of = from != NULL ? " of " : "", *other = from != NULL ? from : "";
    const char *same = state_shard(state, number).file;
    return strcmp(same, shard->file) == 0
               ? fail(failure, "a shard is in already: %s%s%s (a shard is added once)", shard->file,
                      of, other)
               : fail(failure,
                      "a shard is in already under another name: %s%s%s holds what %s does",
                      shard->file, of, other, same);
}

bool state_note_shard(struct state *state, const struct shard *shard, const char *from,
                      struct failure *failure)
{
    char key[CONTENT_SIZE];
    if (!state_check_new(state, shard, from, failure))
        return false;
    const json_int_t number = state_shards(state);
    json_begin();
    json_object_set_new(state->files, shard->file, json_integer(number));
    json_object_set_new(state->contents, content_key(shard, key), json_integer(number));
    json_array_append_new(json_object_get(state->table, "shards"), state_table_of_shard(shard));
    return json_whole(failure);
}

/* ---- layers ---- */

bool state_describe_layer(const struct state *state, int64_t layer, struct input *input,
                          struct failure *failure)
{
    if (!parts_table_describe(state_parts(state, layer), input, failure))
        return false;
    input->observations = state_observations(state);
    input->shards = state_shards(state);
    return true;
}

/* ---- life ---- */

static bool begin_lists(struct state *state, struct failure *failure)
{
    json_begin();
    state->files = json_object();
    state->contents = json_object();
    return json_whole(failure);
}

/* What is of some rows is worth nothing without those of the others, who end with a run that is
 * interrupted. */
static bool has_part(const struct state *state, int64_t features)
{
    return state->rows.count < features;
}

static bool make_accumulators(struct state *state, const struct options *options, int64_t features,
                              struct failure *failure)
{
    state->rows = state_rows(options, features);
    const qkvsim_accumulator_options accumulator = { .struct_size = sizeof accumulator,
                                                     .blocks = options->blocks,
                                                     .first_row = state->rows.first,
                                                     .rows = state->rows.count,
                                                     .cancel_empties = has_part(state, features) };
    const int64_t count = state->layers * state->conditions;
    state->accumulators = calloc((size_t)count, sizeof *state->accumulators);
    if (state->accumulators == NULL)
        return fail_no_memory(failure);
    for (int64_t i = 0; i < count; i++) {
        const qkvsim_status status = qkvsim_accumulator_create(
            state->context, features, &accumulator, &state->accumulators[i]);
        if (status != QKVSIM_OK)
            return fail_library(failure, state->context, status, NULL);
    }
    return true;
}

bool state_begin(struct state *state, qkvsim_context *context, const struct options *options,
                 const struct layers *layers, const struct input *inputs, struct failure *failure)
{
    *state = (struct state){ .context = context,
                             .layers = layers->count,
                             .conditions = options->targets != NULL ? 2 : 1 };
    json_begin();
    state->table = state_table_make(options, layers, inputs, state->conditions);
    const bool done = json_whole(failure)
                      && groups_make_layout(context, options, inputs, &state->layout, failure)
                      && make_accumulators(state, options, inputs->features, failure)
                      && begin_lists(state, failure);
    if (!done)
        state_free(state);
    return done;
}

void state_free(struct state *state)
{
    for (int64_t i = 0; state->accumulators != NULL && i < state->layers * state->conditions; i++)
        qkvsim_accumulator_free(state->accumulators[i]);
    free(state->accumulators);
    qkvsim_layout_free(state->layout);
    json_decref(state->table);
    json_decref(state->files);
    json_decref(state->contents);
    container_close(&state->container);
    *state = (struct state){ 0 };
}

/* ---- reading ---- */

bool state_unpack_accumulator(const struct container *container, qkvsim_context *context,
                              int64_t number, accumulator_unpack *unpack,
                              qkvsim_accumulator **accumulator, struct failure *failure)
{
    int64_t size;
    const void *bytes = container_result(container, number, &size);
    const qkvsim_status status = unpack(context, bytes, size, accumulator);
    if (status != QKVSIM_OK)
        return fail_library(failure, context, status, container->path);
    return qkvsim_accumulator_observations(*accumulator) <= observations_of(container->table)
           || container_fail(container, "its shards have fewer observations", failure);
}

static bool unpack_layout(struct state *state, const struct container *container,
                          struct failure *failure)
{
    int64_t size;
    const void *bytes = container_result(container, 0, &size);
    const qkvsim_status status = qkvsim_layout_unpack(state->context, bytes, size, &state->layout);
    if (status != QKVSIM_OK)
        return fail_library(failure, state->context, status, container->path);
    return qkvsim_layout_features(state->layout) == state_table_features(state->table)
           || container_fail(container, "its layout has another number of features", failure);
}

static bool unpack_accumulators(struct state *state, const struct container *container,
                                accumulator_unpack *unpack, struct failure *failure)
{
    const int64_t count = state->layers * state->conditions;
    state->accumulators = calloc((size_t)count, sizeof *state->accumulators);
    bool done = state->accumulators != NULL || fail_no_memory(failure);
    for (int64_t i = 0; done && i < count; i++)
        done = state_unpack_accumulator(container, state->context, i + 1, unpack,
                                        &state->accumulators[i], failure);
    return done;
}

static bool list_shards(struct state *state, const struct container *container,
                        struct failure *failure)
{
    char key[CONTENT_SIZE];
    const int64_t count = state_shards(state);
    if (!begin_lists(state, failure))
        return false;
    json_begin();
    for (int64_t i = 0; i < count; i++) {
        const struct shard shard = state_shard(state, i);
        json_object_set_new(state->files, shard.file, json_integer(i));
        json_object_set_new(state->contents, content_key(&shard, key), json_integer(i));
    }
    return json_whole(failure)
           && ((int64_t)json_object_size(state->contents) == count
               || container_fail(container, "a shard stands twice", failure));
}

/* Takes over the container's table. */
static bool take_table(struct state *state, struct container *container, struct failure *failure)
{
    if (!state_table_check(container, &state->layers, &state->conditions, failure))
        return false;
    state->table = json_incref(container->table);
    state->rows = (struct share){ 0, state_table_features(state->table) };
    return true;
}

bool state_open_table(struct state *state, qkvsim_context *context, const char *path,
                      struct failure *failure)
{
    struct container *container = &state->container;
    *state = (struct state){ .context = context };
    const bool done = container_open(container, context, path, "state", failure)
                      && take_table(state, container, failure)
                      && unpack_layout(state, container, failure)
                      && list_shards(state, container, failure);
    if (!done)
        state_free(state);
    return done;
}

static bool open_by(struct state *state, qkvsim_context *context, const char *path,
                    accumulator_unpack *unpack, struct failure *failure)
{
    if (!state_open_table(state, context, path, failure))
        return false;
    const bool done = unpack_accumulators(state, &state->container, unpack, failure);
    if (!done)
        state_free(state);
    return done;
}

bool state_open(struct state *state, qkvsim_context *context, const char *path,
                struct failure *failure)
{
    return open_by(state, context, path, qkvsim_accumulator_unpack_in_place, failure);
}

bool state_read(struct state *state, qkvsim_context *context, const char *path,
                struct failure *failure)
{
    if (!open_by(state, context, path, qkvsim_accumulator_unpack, failure))
        return false;
    container_close(&state->container);
    return true;
}

/* ---- writing ---- */

static int64_t packed_size(const struct state *state)
{
    int64_t size = qkvsim_layout_packed_size(state->layout);
    for (int64_t i = 0; i < state->layers * state->conditions; i++)
        size += qkvsim_accumulator_packed_size(state->accumulators[i]);
    return size;
}

bool state_write_layout(FILE *stream, const struct state *state, int64_t *size,
                        struct failure *failure)
{
    *size = qkvsim_layout_packed_size(state->layout);
    void *bytes = malloc((size_t)*size);
    if (bytes == NULL)
        return fail_no_memory(failure);
    const qkvsim_status status = qkvsim_layout_pack(state->context, state->layout, bytes, *size);
    const bool written =
        status == QKVSIM_OK && fwrite(bytes, 1, (size_t)*size, stream) == (size_t)*size;
    free(bytes);
    return status == QKVSIM_OK ? written : fail_library(failure, state->context, status, NULL);
}

void *state_pack_accumulator(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                             int64_t *size, struct failure *failure)
{
    *size = qkvsim_accumulator_packed_size(accumulator);
    void *bytes = malloc((size_t)*size);
    if (bytes == NULL) {
        fail_no_memory(failure);
        return NULL;
    }
    const qkvsim_status status = qkvsim_accumulator_pack(context, accumulator, bytes, *size);
    if (status == QKVSIM_OK)
        return bytes;
    free(bytes);
    fail_library(failure, context, status, NULL);
    return NULL;
}

static bool write_accumulator(FILE *stream, const struct state *state, int64_t number,
                              struct failure *failure)
{
    int64_t size;
    void *bytes =
        state_pack_accumulator(state->context, state->accumulators[number], &size, failure);
    const bool written = bytes != NULL && fwrite(bytes, 1, (size_t)size, stream) == (size_t)size;
    free(bytes);
    return written;
}

static bool write_state(FILE *stream, const void *content, struct failure *failure)
{
    const struct state *state = content;
    int64_t size;
    bool done = container_write_table(stream, state->table, packed_size(state), failure)
                && state_write_layout(stream, state, &size, failure);
    for (int64_t i = 0; done && i < state->layers * state->conditions; i++)
        done = write_accumulator(stream, state, i, failure);
    return done;
}

bool state_write(const struct state *state, const char *path, struct failure *failure)
{
    return output_write(path, write_state, state, failure);
}

bool state_pack(const struct state *state, void **bytes, int64_t *size, struct failure *failure)
{
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    if (memory == NULL)
        return fail_no_memory(failure);
    failure->exit_status = EXIT_DONE;
    bool done = write_state(memory, state, failure);
    done = fclose(memory) == 0 && done;
    if (!done)
        free(text);
    *bytes = done ? text : NULL;
    *size = (int64_t)length;
    return done || (failure->exit_status != EXIT_DONE ? false : fail_no_memory(failure));
}

/* ---- belonging together ---- */

bool state_check_options(const struct state *state, const struct options *options, const char *path,
                         struct failure *failure)
{
    json_begin();
    json_t *given = state_table_options(options);
    const bool same =
        json_whole(failure)
        && state_table_same_options(json_object_get(state->table, "options"), given, path,
                                    "this run", failure)
        && state_table_same_parts(json_object_get(state->table, "options"), given, path, failure);
    json_decref(given);
    if (!same)
        return false;
    return (options->targets != NULL) == (state->conditions == 2)
           || fail(failure, "%s has %s, and this run %s --targets", path,
                   state->conditions == 2 ? "targets and non-targets" : "all observations together",
                   options->targets != NULL ? "has" : "has no");
}

bool state_check_shard(const struct state *state, const struct layers *layers,
                       const struct input *inputs, const char *path, struct failure *failure)
{
    json_begin();
    json_t *given = state_table_layers(layers, inputs, state->conditions);
    const char *before = state_shards(state) > 0 ? state_shard(state, 0).file : "the state";
    const bool same = json_whole(failure)
                      && state_table_same_layers(json_object_get(state->table, "layers"), given,
                                                 before, path, failure);
    json_decref(given);
    return same;
}
