/*
 * What arrays were, in the tables of files of results.
 */
#include "parts_table.h"

#include "json.h"

bool parts_table_check(const json_t *parts, int64_t *features)
{
    size_t i;
    json_t *part;
    *features = 0;
    json_array_foreach((json_t *)parts, i, part)
    {
        const json_t *tensor = json_object_get(part, "tensor");
        const json_t *count = json_object_get(part, "features");
        const char *dtype = json_string_value(json_object_get(part, "dtype"));
        if (!(json_is_string(tensor) || json_is_null(tensor)) || dtype == NULL
            || element_type_named(dtype) == NULL || json_integer_value(count) < 1
            || __builtin_add_overflow(*features, json_integer_value(count), features))
            return false;
    }
    return *features > 0;
}

bool parts_table_describe(const json_t *parts, struct input *input, struct failure *failure)
{
    if (!input_describe(input, (int32_t)json_array_size(parts), failure))
        return false;
    for (int32_t i = 0; i < input->part_count; i++) {
        const json_t *part = json_array_get(parts, (size_t)i);
        const json_int_t features = json_integer_value(json_object_get(part, "features"));
        input->parts[i].features = features;
        input->part_types[i] =
            element_type_named(json_string_value(json_object_get(part, "dtype")));
        input->features += features;
    }
    return true;
}
