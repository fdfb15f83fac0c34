/*
 * JSON with this program's conventions.
 */
#include "json.h"

#include <math.h>
#include <stdlib.h>

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_integers(const int64_t *values, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; values != NULL && i < count; i++)
        json_array_append_new(array, json_integer(values[i]));
    return array;
}

json_t *json_numbers(const double *values, int64_t count)
{
    if (values == NULL)
        return json_null();
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, json_number(values[i]));
    return array;
}

json_t *json_groups(const qkvsim_layout *layout)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < qkvsim_layout_groups(layout); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "name", json_string(qkvsim_layout_group_name(layout, i)));
        json_object_set_new(object, "features",
                            json_integer(qkvsim_layout_group_features(layout, i)));
        json_array_append_new(array, object);
    }
    return array;
}

static bool out_of_memory;

static void *counted_malloc(size_t size)
{
    void *memory = malloc(size);
    out_of_memory = out_of_memory || memory == NULL;
    return memory;
}

void json_begin(void)
{
    out_of_memory = false;
    json_set_alloc_funcs(counted_malloc, free);
}

void json_no_memory(void)
{
    out_of_memory = true;
}

bool json_whole(struct failure *failure)
{
    return !out_of_memory || fail_no_memory(failure);
}

bool json_print(FILE *stream, const json_t *value)
{
    return json_dumpf(value, stream, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) == 0;
}
