/*
 * The table of a state, in JSON.
 */
#include "state_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "parts_table.h"

static const char *const one_condition[] = { "all" };
static const char *const two_conditions[] = { "targets", "non-targets" };

const char *state_table_condition(int64_t conditions, int64_t condition)
{
    return conditions == 2 ? two_conditions[condition] : one_condition[condition];
}

/* ---- making ---- */

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *list_parts(const struct options *options)
{
    json_t *list = json_array();
    for (int i = 0; i < options->part_count; i++)
        json_array_append_new(list, json_string(options->part_files[i].name));
    return list;
}

json_t *state_table_options(const struct options *options)
{
    json_t *object = json_object();
    json_object_set_new(object, "on_nonfinite",
                        text_or_null(options_nonfinite_name(options->nonfinite)));
    json_object_set_new(object, "precision",
                        text_or_null(options_precision_name(options->precision)));
    json_object_set_new(object, "blocks",
                        options->blocks > 0 ? json_integer(options->blocks) : json_null());
    json_object_set_new(object, "targets", text_or_null(options->targets));
    json_object_set_new(object, "segments", text_or_null(options->segments));
    json_object_set_new(object, "part",
                        options->part_count > 0 ? list_parts(options) : json_null());
    return object;
}

static json_t *parts_of(const struct layer *layer, const struct input *input)
{
    json_t *parts = json_array();
    for (int32_t i = 0; i < input->part_count; i++) {
        json_t *part = json_object();
        json_object_set_new(part, "tensor", text_or_null(layer->sources[i].tensor));
        json_object_set_new(part, "dtype", json_string(input->part_types[i]->name));
        json_object_set_new(part, "features", json_integer(input->parts[i].features));
        json_array_append_new(parts, part);
    }
    return parts;
}

json_t *state_table_layers(const struct layers *layers, const struct input *inputs,
                           int64_t conditions)
{
    json_t *array = json_array();
    for (int i = 0; i < layers->count; i++) {
        json_t *layer = json_object(), *list = json_array();
        json_object_set_new(layer, "name",
                            layers->several ? json_string(layers->items[i].name) : json_null());
        json_object_set_new(layer, "parts", parts_of(&layers->items[i], &inputs[i]));
        for (int64_t c = 0; c < conditions; c++) {
            json_t *condition = json_object();
            json_object_set_new(condition, "name",
                                json_string(state_table_condition(conditions, c)));
            json_object_set_new(condition, "accumulator", json_integer(1 + i * conditions + c));
            json_array_append_new(list, condition);
        }
        json_object_set_new(layer, "conditions", list);
        json_array_append_new(array, layer);
    }
    return array;
}

json_t *state_table_make(const struct options *options, const struct layers *layers,
                         const struct input *inputs, int64_t conditions)
{
    json_t *table = json_object();
    json_object_set_new(table, "qkvsim", json_string(qkvsim_version()));
    json_object_set_new(table, "content", json_string("state"));
    json_object_set_new(table, "options", state_table_options(options));
    json_object_set_new(table, "layout", json_integer(0));
    json_object_set_new(table, "layers", state_table_layers(layers, inputs, conditions));
    json_object_set_new(table, "shards", json_array());
    return table;
}

json_t *state_table_of_shard(const struct shard *shard)
{
    char checksum[32];
    json_t *object = json_object();
    snprintf(checksum, sizeof checksum, "%016" PRIx64, shard->checksum);
    json_object_set_new(object, "file", json_string(shard->file));
    json_object_set_new(object, "observations", json_integer(shard->observations));
    json_object_set_new(object, "bytes", json_integer(shard->bytes));
    json_object_set_new(object, "checksum", json_string(checksum));
    if (json_object_size(object) == 4)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- checking ---- */

static bool is_count(const json_t *value, json_int_t least)
{
    return json_is_integer(value) && json_integer_value(value) >= least;
}

/* All layers have as many features. */
static bool check_parts(const json_t *parts, int64_t *features)
{
    int64_t own;
    if (!parts_table_check(parts, &own) || (*features != 0 && own != *features))
        return false;
    *features = own;
    return true;
}

static bool check_conditions(const json_t *list, int64_t layer, int64_t count)
{
    for (int64_t c = 0; c < count; c++) {
        const json_t *condition = json_array_get(list, (size_t)c);
        const char *name = json_string_value(json_object_get(condition, "name"));
        const json_t *number = json_object_get(condition, "accumulator");
        if (name == NULL || strcmp(name, state_table_condition(count, c)) != 0
            || !is_count(number, 1) || json_integer_value(number) != 1 + layer * count + c)
            return false;
    }
    return true;
}

static bool check_layers(const json_t *list, int64_t *layers, int64_t *conditions)
{
    int64_t features = 0;
    *layers = (int64_t)json_array_size(list);
    *conditions = (int64_t)json_array_size(json_object_get(json_array_get(list, 0), "conditions"));
    if (*conditions != 1 && *conditions != 2)
        return false;
    for (int64_t i = 0; i < *layers; i++) {
        const json_t *layer = json_array_get(list, (size_t)i);
        const json_t *its = json_object_get(layer, "conditions");
        const json_t *name = json_object_get(layer, "name");
        if (!(json_is_string(name) || (json_is_null(name) && *layers == 1))
            || !check_parts(json_object_get(layer, "parts"), &features)
            || (int64_t)json_array_size(its) != *conditions
            || !check_conditions(its, i, *conditions))
            return false;
    }
    return true;
}

static bool check_checksum(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
}

static bool check_shards(const json_t *list)
{
    size_t i;
    json_t *shard;
    int64_t sum = 0;
    json_array_foreach((json_t *)list, i, shard)
    {
        const json_t *observations = json_object_get(shard, "observations");
        if (!json_is_string(json_object_get(shard, "file")) || !is_count(observations, 1)
            || !is_count(json_object_get(shard, "bytes"), 0)
            || !check_checksum(json_object_get(shard, "checksum"))
            || __builtin_add_overflow(sum, json_integer_value(observations), &sum))
            return false;
    }
    return json_is_array(list);
}

bool state_table_check(const struct container *container, int64_t *layers, int64_t *conditions,
                       struct failure *failure)
{
    const json_t *table = container->table;
    const json_t *layout = json_object_get(table, "layout");
    if (!json_is_object(json_object_get(table, "options")))
        return container_fail(container, "options", failure);
    if (!is_count(layout, 0) || json_integer_value(layout) != 0)
        return container_fail(container, "layout", failure);
    if (!check_layers(json_object_get(table, "layers"), layers, conditions))
        return container_fail(container, "layers", failure);
    if (!check_shards(json_object_get(table, "shards")))
        return container_fail(container, "shards", failure);
    return container->count == 1 + *layers * *conditions
           || container_fail(container, "other results follow than it names", failure);
}

/* ---- reading ---- */

struct shard state_table_shard(const json_t *shard)
{
    return (struct shard){
        .file = json_string_value(json_object_get(shard, "file")),
        .observations = json_integer_value(json_object_get(shard, "observations")),
        .bytes = json_integer_value(json_object_get(shard, "bytes")),
        .checksum = strtoull(json_string_value(json_object_get(shard, "checksum")), NULL, 16),
    };
}

static int64_t features_of(const json_t *layer)
{
    int64_t sum = 0;
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(layer, "parts"), i, part) sum +=
        json_integer_value(json_object_get(part, "features"));
    return sum;
}

int64_t state_table_features(const json_t *table)
{
    return features_of(json_array_get(json_object_get(table, "layers"), 0));
}

/* ---- comparing ---- */

static const char *say(const json_t *value, char text[32])
{
    if (json_is_integer(value))
        snprintf(text, 32, "%" PRId64, (int64_t)json_integer_value(value));
    else
        snprintf(text, 32, "%s", json_is_string(value) ? json_string_value(value) : "none");
    return text;
}

bool state_table_same_options(const json_t *own, const json_t *other, const char *own_name,
                              const char *other_name, struct failure *failure)
{
    static const char *const keys[] = { "on_nonfinite", "precision", "blocks" };
    char a[32], b[32];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const json_t *left = json_object_get(own, keys[i]),
                     *right = json_object_get(other, keys[i]);
        if (strcmp(say(left, a), say(right, b)) != 0)
            return fail(failure, "they differ in %s: %s in %s, %s in %s", keys[i], a, own_name, b,
                        other_name);
    }
    return true;
}

/* A state of before there was such an option has none. */
bool state_table_same_parts(const json_t *own, const json_t *given, const char *path,
                            struct failure *failure)
{
    const json_t *before = json_object_get(own, "part"), *now = json_object_get(given, "part");
    return (!json_is_array(before) && !json_is_array(now)) || json_equal(before, now)
           || fail(failure, "the shards of %s have other parts: --part is to be as it was", path);
}

static bool same_texts(const json_t *own, const json_t *other, const char *key)
{
    const char *a = json_string_value(json_object_get(own, key));
    const char *b = json_string_value(json_object_get(other, key));
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "none";
}

/* ": layer 7" where there are several. */
static void name_layer(const json_t *layer, char *place, size_t size)
{
    const char *name = json_string_value(json_object_get(layer, "name"));
    snprintf(place, size, "%s%s", name != NULL ? ": layer " : "", name != NULL ? name : "");
}

static bool same_layer(const json_t *own, const json_t *other, const char *own_name,
                       const char *other_name, struct failure *failure)
{
    char place[128];
    name_layer(own, place, sizeof place);
    if (!same_texts(own, other, "name"))
        return fail(failure, "layers differ: %s has %s where %s has %s", other_name,
                    text_of(other, "name"), own_name, text_of(own, "name"));
    if (features_of(own) != features_of(other))
        return fail(failure, "columns differ: %s has %" PRId64 ", %s has %" PRId64 "%s", other_name,
                    features_of(other), own_name, features_of(own), place);
    const json_t *a = json_object_get(own, "parts"), *b = json_object_get(other, "parts");
    if (json_array_size(a) != json_array_size(b))
        return fail(failure, "parts differ: %s has %zu, %s has %zu%s", other_name,
                    json_array_size(b), own_name, json_array_size(a), place);
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *left = json_array_get(a, i), *right = json_array_get(b, i);
        if (!same_texts(left, right, "dtype"))
            return fail(failure, "types differ: %s is %s, %s is %s%s", other_name,
                        text_of(right, "dtype"), own_name, text_of(left, "dtype"), place);
        if (!same_texts(left, right, "tensor")
            || json_integer_value(json_object_get(left, "features"))
                   != json_integer_value(json_object_get(right, "features")))
            return fail(failure,
                        "parts differ: part %zu of %s is %s with %" PRId64
                        " columns, of %s %s with %" PRId64 "%s",
                        i + 1, other_name, text_of(right, "tensor"),
                        (int64_t)json_integer_value(json_object_get(right, "features")), own_name,
                        text_of(left, "tensor"),
                        (int64_t)json_integer_value(json_object_get(left, "features")), place);
    }
    return true;
}

bool state_table_same_layers(const json_t *own, const json_t *other, const char *own_name,
                             const char *other_name, struct failure *failure)
{
    const json_t *a = json_array_get(own, 0), *b = json_array_get(other, 0);
    if (json_array_size(own) != json_array_size(other))
        return fail(failure, "layers differ: %s has %zu, %s has %zu", other_name,
                    json_array_size(other), own_name, json_array_size(own));
    if (json_array_size(json_object_get(a, "conditions"))
        != json_array_size(json_object_get(b, "conditions")))
        return fail(failure, "one has targets and non-targets, the other all together: %s and %s",
                    own_name, other_name);
    for (size_t i = 0; i < json_array_size(own); i++)
        if (!same_layer(json_array_get(own, i), json_array_get(other, i), own_name, other_name,
                        failure))
            return false;
    return true;
}
