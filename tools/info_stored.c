/*
 * What info says of a state or a saved result. Both are opened as analyze opens them, so that a
 * file that it refuses is refused here; only accumulators and results stay packed.
 */
#include "info_stored.h"

#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "saved.h"
#include "state.h"
#include "text.h"

/* One that is open: either a state or a result. */
struct stored {
    const char *path;
    bool result;
    struct state state;
    struct saved saved;
    struct study study; /* of a result */
    qkvsim_context *context;
    const struct container *container;
    const qkvsim_layout *layout;
};

static bool open_result(struct stored *stored, const struct options *options,
                        struct failure *failure)
{
    const bool done = saved_open(&stored->study, &stored->saved, options, failure);
    stored->container = &stored->saved.container;
    stored->layout = stored->study.layout;
    return done;
}

static bool open_state(struct stored *stored, const struct options *options,
                       struct failure *failure)
{
    const bool done =
        command_make_context(options, &stored->context, failure)
        && state_open_table(&stored->state, stored->context, options->inputs[0], failure);
    stored->container = &stored->state.container;
    stored->layout = stored->state.layout;
    return done;
}

static bool open_stored(struct stored *stored, const struct options *options,
                        struct failure *failure)
{
    *stored = (struct stored){ .path = options->inputs[0] };
    stored->result = container_holds(stored->path, "result");
    return stored->result ? open_result(stored, options, failure)
                          : open_state(stored, options, failure);
}

static void close_stored(struct stored *stored)
{
    study_close(&stored->study);
    saved_close(&stored->saved);
    state_free(&stored->state);
    qkvsim_context_free(stored->context);
}

/* ---- what the table says, of a state and of a result ---- */

static const json_t *list_of(const struct stored *stored, const char *name)
{
    return json_object_get(stored->container->table, name);
}

static const json_t *layer_of(const struct stored *stored, int64_t layer)
{
    return json_array_get(list_of(stored, "layers"), (size_t)layer);
}

static const json_t *conditions_of(const struct stored *stored)
{
    return json_object_get(layer_of(stored, 0), "conditions");
}

static const json_t *parts_of(const struct stored *stored, int64_t layer)
{
    const json_t *object = layer_of(stored, layer);
    return json_object_get(stored->result ? json_object_get(object, "input") : object, "parts");
}

/* All layers have as many. */
static int64_t observations_of(const struct stored *stored)
{
    return stored->result ? stored->study.input.observations : state_observations(&stored->state);
}

/* That were asked for; 0: none, or of a result the default. What each accumulator has made of
 * them stands among its moments. */
static int64_t blocks_of(const struct stored *stored)
{
    const json_t *blocks = json_object_get(list_of(stored, "options"), "blocks");
    return stored->result ? stored->saved.options.blocks : json_integer_value(blocks);
}

static const char *writer_of(const struct stored *stored)
{
    const char *version = json_string_value(list_of(stored, "qkvsim"));
    return version != NULL ? version : "of no version";
}

/* ---- lines for people ---- */

enum { SHOWN_AT_ENDS = 3, NAME_SIZE = 512 };

/* The name of an item, with what is said of it, into text of NAME_SIZE bytes. */
typedef void item_text(const struct stored *stored, int64_t number, char *text);

static void print_title(FILE *stream, const char *title)
{
    fprintf(stream, "  %-13s ", title);
}

/* How many, of all that there could be, then the first and the last few. */
static void print_some(FILE *stream, const char *title, const struct stored *stored, int64_t count,
                       int64_t all, item_text *say)
{
    char text[NAME_SIZE], number[TEXT_COUNT_SIZE];
    print_title(stream, title);
    fprintf(stream, "%s", text_count(count, number));
    if (count != all)
        fprintf(stream, " of %s", text_count(all, number));
    for (int64_t i = 0; i < count; i++) {
        const bool skips = i == SHOWN_AT_ENDS && count > 2 * SHOWN_AT_ENDS + 1;
        if (skips)
            i = count - SHOWN_AT_ENDS;
        say(stored, i, text);
        fprintf(stream, "%s%s%s", i == 0 ? ": " : ", ", skips ? "..., " : "", text);
    }
    fputc('\n', stream);
}

static void print_list(FILE *stream, const char *title, const struct stored *stored, int64_t count,
                       item_text *say)
{
    print_some(stream, title, stored, count, count, say);
}

static void say_layer(const struct stored *stored, int64_t number, char *text)
{
    const char *name = json_string_value(json_object_get(layer_of(stored, number), "name"));
    text_make_safe(name != NULL ? name : "(without a name)", text, NAME_SIZE);
}

static void say_condition(const struct stored *stored, int64_t number, char *text)
{
    const json_t *condition = json_array_get(conditions_of(stored), (size_t)number);
    text_make_safe(json_string_value(json_object_get(condition, "name")), text, NAME_SIZE);
}

static void say_group(const struct stored *stored, int64_t number, char *text)
{
    char count[TEXT_COUNT_SIZE];
    const int64_t features = qkvsim_layout_group_features(stored->layout, (int32_t)number);
    text_make_safe(qkvsim_layout_group_name(stored->layout, (int32_t)number), text, NAME_SIZE - 40);
    text_append(text, NAME_SIZE, " %s", text_count(features, count));
}

static void say_part(const struct stored *stored, int64_t number, char *text)
{
    char count[TEXT_COUNT_SIZE];
    const json_t *part = json_array_get(parts_of(stored, 0), (size_t)number);
    const char *dtype = json_string_value(json_object_get(part, "dtype"));
    const int64_t features = json_integer_value(json_object_get(part, "features"));
    snprintf(text, NAME_SIZE, "%s %s", dtype, text_count(features, count));
}

static void say_shard(const struct stored *stored, int64_t number, char *text)
{
    char count[TEXT_COUNT_SIZE];
    const struct shard shard = state_shard(&stored->state, number);
    text_make_safe(shard.file, text, NAME_SIZE - 40);
    text_append(text, NAME_SIZE, " (%s)", text_count(shard.observations, count));
}

static void say_pair_group(const struct stored *stored, int64_t number, char *text)
{
    const int32_t row = stored->study.rows.numbers[number];
    text_make_safe(qkvsim_layout_row_name(stored->layout, row), text, NAME_SIZE);
}

static void print_count(FILE *stream, const char *title, int64_t count)
{
    char number[TEXT_COUNT_SIZE];
    print_title(stream, title);
    fprintf(stream, "%s\n", text_count(count, number));
}

/* Of permutations and the like: how many, and which of all of them. */
static void print_range(FILE *stream, const char *title, const struct options *made, int64_t count)
{
    char number[TEXT_COUNT_SIZE], first[TEXT_COUNT_SIZE], total[TEXT_COUNT_SIZE];
    print_title(stream, title);
    fprintf(stream, "%s", count > 0 ? text_count(count, number) : "as many as is the default");
    if (made->first > 0 || made->total > 0)
        fprintf(stream, ", the first is number %s", text_count(made->first, first));
    if (made->total > 0)
        fprintf(stream, " of %s", text_count(made->total, total));
    fputc('\n', stream);
}

static void print_blocks(FILE *stream, const struct stored *stored)
{
    char number[TEXT_COUNT_SIZE];
    const int64_t blocks = blocks_of(stored);
    if (stored->result && blocks == 0)
        return;
    print_title(stream, "blocks");
    fprintf(stream, "%s%s\n", blocks > 0 ? "up to " : "",
            blocks > 0 ? text_count(blocks, number) : "none");
}

static void print_made(FILE *stream, const struct stored *stored)
{
    const struct options *made = &stored->saved.options;
    const int32_t all = qkvsim_layout_pair_groups(stored->layout);
    const bool resampled = made->interval == QKVSIM_METHOD_BOOTSTRAP;
    const int32_t computed = stored->study.rows.pair_groups;
    print_some(stream, "pair groups", stored, computed, all, say_pair_group);
    if (made->permutations > 0)
        print_range(stream, "permutations", made, made->permutations);
    if (made->compare > 0)
        print_range(stream, "relabellings", made, made->compare);
    if (resampled)
        print_range(stream, "resamples", made, made->resamples);
}

static void print_stored(FILE *stream, const struct stored *stored)
{
    char name[NAME_SIZE], writer[64];
    text_make_safe(stored->path, name, sizeof name);
    text_make_safe(writer_of(stored), writer, sizeof writer);
    fprintf(stream, "%s\n", name);
    print_title(stream, "content");
    fprintf(stream, "%s, format %d, written by qkvsim %s\n", container_content(stored->container),
            container_version(stored->container), writer);
    print_count(stream, "observations", observations_of(stored));
    print_count(stream, "features", qkvsim_layout_features(stored->layout));
    print_list(stream, "parts", stored, (int64_t)json_array_size(parts_of(stored, 0)), say_part);
    print_list(stream, "layers", stored, (int64_t)json_array_size(list_of(stored, "layers")),
               say_layer);
    print_list(stream, "conditions", stored, (int64_t)json_array_size(conditions_of(stored)),
               say_condition);
    print_list(stream, "groups", stored, qkvsim_layout_groups(stored->layout), say_group);
    print_blocks(stream, stored);
    if (stored->result)
        print_made(stream, stored);
    else
        print_list(stream, "shards", stored, state_shards(&stored->state), say_shard);
}

bool info_print_stored(FILE *stream, const struct options *options, struct failure *failure)
{
    struct stored stored;
    const bool done = open_stored(&stored, options, failure);
    if (done)
        print_stored(stream, &stored);
    close_stored(&stored);
    return done;
}

/* ---- JSON ---- */

/* Only what a table is checked for: a hostile one may have more. */
static json_t *json_part(const json_t *part)
{
    static const char *const keys[] = { "file", "tensor", "dtype", "features" };
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_t *value = json_object_get(part, keys[i]);
        if (value != NULL && !json_is_object(value) && !json_is_array(value))
            json_object_set(object, keys[i], value);
    }
    return object;
}

static json_t *json_layers(const struct stored *stored)
{
    json_t *array = json_array(), *layer, *part;
    size_t i, k;
    json_array_foreach((json_t *)list_of(stored, "layers"), i, layer)
    {
        json_t *object = json_object(), *parts = json_array();
        json_array_foreach((json_t *)parts_of(stored, (int64_t)i), k, part)
            json_array_append_new(parts, json_part(part));
        json_object_set(object, "name", json_object_get(layer, "name"));
        json_object_set_new(object, "parts", parts);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *json_conditions(const struct stored *stored)
{
    json_t *array = json_array(), *condition;
    size_t i;
    json_array_foreach((json_t *)conditions_of(stored), i, condition)
        json_array_append(array, json_object_get(condition, "name"));
    return array;
}

static json_t *json_shards(const struct state *state)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < state_shards(state); i++) {
        const struct shard shard = state_shard(state, i);
        json_array_append_new(array, state_table_of_shard(&shard));
    }
    return array;
}

/* 0 is null: none, or what the library has by default. */
static json_t *count_or_null(int64_t count)
{
    return count > 0 ? json_integer(count) : json_null();
}

/* null: all of them. */
static json_t *json_pair_groups(const struct stored *stored)
{
    const struct rows *rows = &stored->study.rows;
    if (rows->pair_groups == qkvsim_layout_pair_groups(stored->layout))
        return json_null();
    json_t *array = json_array();
    for (int32_t i = 0; i < rows->pair_groups; i++)
        json_array_append_new(
            array, json_string(qkvsim_layout_row_name(stored->layout, rows->numbers[i])));
    return array;
}

static json_t *json_made(const struct stored *stored)
{
    const struct options *made = &stored->saved.options;
    json_t *object = json_object();
    json_object_set_new(object, "permutations", count_or_null(made->permutations));
    json_object_set_new(object, "compare", count_or_null(made->compare));
    json_object_set_new(object, "resamples", count_or_null(made->resamples));
    json_object_set_new(object, "first", json_integer(made->first));
    json_object_set_new(object, "total", count_or_null(made->total));
    json_object_set_new(object, "pair_groups", json_pair_groups(stored));
    return object;
}

static json_t *json_stored(const struct stored *stored)
{
    json_t *object = json_object();
    json_object_set_new(object, "file", json_text(stored->path));
    json_object_set_new(object, "content", json_string(container_content(stored->container)));
    json_object_set_new(object, "format", json_integer(container_version(stored->container)));
    json_object_set_new(object, "qkvsim", json_text(writer_of(stored)));
    json_object_set_new(object, "observations", json_integer(observations_of(stored)));
    json_object_set_new(object, "features", json_integer(qkvsim_layout_features(stored->layout)));
    json_object_set_new(object, "layers", json_layers(stored));
    json_object_set_new(object, "conditions", json_conditions(stored));
    json_object_set_new(object, "groups", json_groups(stored->layout));
    json_object_set_new(object, "pair_groups",
                        json_integer(qkvsim_layout_pair_groups(stored->layout)));
    json_object_set_new(object, "blocks", count_or_null(blocks_of(stored)));
    json_object_set_new(object, "shards",
                        stored->result ? json_null() : json_shards(&stored->state));
    json_object_set_new(object, "made", stored->result ? json_made(stored) : json_null());
    return object;
}

json_t *info_json_stored(const struct options *options, struct failure *failure)
{
    struct stored stored;
    json_t *object = NULL;
    if (open_stored(&stored, options, failure)) {
        json_begin();
        object = json_stored(&stored);
        if (!json_whole(failure)) {
            json_decref(object);
            object = NULL;
        }
    }
    close_stored(&stored);
    return object;
}
