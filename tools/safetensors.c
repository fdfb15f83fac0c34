/*
 * The .safetensors format's table of tensors, read out of untrusted bytes.
 */
#include "safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "foreign_file.h"
#include "json.h"

/* Where the parser stands, for messages. */
struct place {
    const char *file;
    const char *tensor;
    int64_t data_size; /* bytes after the header */
    struct failure *failure;
};

static int itemsize_of(const char *dtype)
{
    static const struct {
        const char *dtype;
        int itemsize;
    } known[] = { { "F64", 8 }, { "F32", 4 }, { "F16", 2 },  { "BF16", 2 },    { "I64", 8 },
                  { "I32", 4 }, { "I16", 2 }, { "I8", 1 },   { "U64", 8 },     { "U32", 4 },
                  { "U16", 2 }, { "U8", 1 },  { "BOOL", 1 }, { "F8_E4M3", 1 }, { "F8_E5M2", 1 } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(dtype, known[i].dtype) == 0)
            return known[i].itemsize;
    return 0;
}

/*
 * Refuses nesting and numbers of containers that no table of tensors has before the JSON parser
 * spends memory on them: a tensor's entry is three containers in some 50 bytes, two levels deep
 * below the root.
 */
static bool check_containers(const char *header, size_t length, const char *file,
                             struct failure *failure)
{
    size_t depth = 0, containers = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = header[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[')) {
            depth++;
            containers++;
        } else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > 3)
            return fail(failure, "safetensors header nests deeper than 3: %s: byte %zu", file,
                        i + 8);
    }
    if (containers > 4 + length / 12)
        return fail(failure,
                    "safetensors header is no table of tensors: %s: %zu containers in "
                    "%zu bytes",
                    file, containers, length);
    return true;
}

static bool read_shape(const json_t *shape, struct safetensors_tensor *tensor,
                       const struct place *place)
{
    if (!json_is_array(shape))
        return fail(place->failure, "shape is no array: %s: tensor %s", place->file, place->tensor);
    int64_t bytes = tensor->itemsize;
    size_t dimensions = json_array_size(shape);
    tensor->dimensions = dimensions > INT32_MAX ? INT32_MAX : (int)dimensions;
    for (size_t i = 0; i < dimensions; i++) {
        const json_t *dimension = json_array_get(shape, i);
        if (!json_is_integer(dimension) || json_integer_value(dimension) < 0)
            return fail(place->failure, "shape has no sizes but something else: %s: tensor %s",
                        place->file, place->tensor);
        int64_t value = json_integer_value(dimension);
        if (i < SAFETENSORS_DIMENSIONS_MAX)
            tensor->shape[i] = value;
        if (__builtin_mul_overflow(bytes, value, &bytes))
            return fail(place->failure, "shape's size exceeds 2^63 - 1 bytes: %s: tensor %s",
                        place->file, place->tensor);
    }
    if (tensor->itemsize > 0 && bytes != tensor->end - tensor->begin)
        return fail(place->failure,
                    "size does not match the shape: %s: tensor %s has %" PRId64
                    " bytes, its shape and dtype %s want %" PRId64,
                    place->file, place->tensor, tensor->end - tensor->begin, tensor->dtype, bytes);
    return true;
}

static bool read_offsets(const json_t *offsets, struct safetensors_tensor *tensor,
                         const struct place *place)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return fail(place->failure, "data_offsets are no two integers: %s: tensor %s", place->file,
                    place->tensor);
    tensor->begin = json_integer_value(begin);
    tensor->end = json_integer_value(end);
    if (tensor->begin < 0 || tensor->end < tensor->begin || tensor->end > place->data_size)
        return fail(place->failure,
                    "data_offsets out of range: %s: tensor %s at %" PRId64 " to %" PRId64
                    ", the file holds %" PRId64 " bytes of data",
                    place->file, place->tensor, tensor->begin, tensor->end, place->data_size);
    return true;
}

static bool read_tensor(const json_t *entry, struct safetensors_tensor *tensor,
                        const struct place *place)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (dtype == NULL || strlen(dtype) >= sizeof tensor->dtype)
        return fail(place->failure, "dtype is missing or no short string: %s: tensor %s",
                    place->file, place->tensor);
    strcpy(tensor->dtype, dtype);
    tensor->itemsize = itemsize_of(dtype);
    if (!read_offsets(json_object_get(entry, "data_offsets"), tensor, place)
        || !read_shape(json_object_get(entry, "shape"), tensor, place))
        return false;
    tensor->name = strdup(place->tensor);
    return tensor->name != NULL || fail_no_memory(place->failure);
}

static int compare_offsets(const void *left, const void *right)
{
    const struct safetensors_tensor *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* Tensors in the order of their bytes; empty ones hold no bytes and overlap nothing. */
static bool check_overlaps(struct safetensors *table, const struct place *place)
{
    qsort(table->tensors, (size_t)table->count, sizeof *table->tensors, compare_offsets);
    const struct safetensors_tensor *last = NULL;
    for (int64_t i = 0; i < table->count; i++) {
        const struct safetensors_tensor *tensor = &table->tensors[i];
        if (tensor->begin == tensor->end)
            continue;
        if (last != NULL && tensor->begin < last->end)
            return fail(place->failure,
                        "tensors overlap: %s: %s ends at %" PRId64 ", %s begins at %" PRId64,
                        place->file, last->name, last->end, tensor->name, tensor->begin);
        last = tensor;
    }
    return true;
}

static bool read_table(json_t *root, struct safetensors *table, struct place *place)
{
    if (!json_is_object(root))
        return fail(place->failure, "safetensors header is no JSON object: %s", place->file);
    table->tensors = calloc(json_object_size(root) + 1, sizeof *table->tensors);
    if (table->tensors == NULL)
        return fail_no_memory(place->failure);
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        place->tensor = name;
        if (!read_tensor(entry, &table->tensors[table->count], place))
            return false;
        table->count++;
    }
    return check_overlaps(table, place);
}

static bool not_safetensors(const uint8_t *bytes, size_t size, uint64_t length, const char *name,
                            struct failure *failure)
{
    const char *what = foreign_file(bytes, size, name);
    return what != NULL ? fail(failure, "not a safetensors file: %s: it is %s", name, what)
                        : fail(failure,
                               "not a safetensors file: %s: a header of %" PRIu64
                               " bytes, the format allows %d",
                               name, length, SAFETENSORS_HEADER_MAX);
}

bool safetensors_parse(const uint8_t *bytes, size_t size, const char *name,
                       struct safetensors *table, struct failure *failure)
{
    *table = (struct safetensors){ 0 };
    if (size < 8)
        return fail(failure, "truncated safetensors file: %s: %zu bytes", name, size);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > SAFETENSORS_HEADER_MAX)
        return not_safetensors(bytes, size, length, name, failure);
    if (length > size - 8)
        return fail(failure,
                    "truncated safetensors file: %s: a header of %" PRIu64 " bytes, but %zu left",
                    name, length, size - 8);
    const char *header = (const char *)bytes + 8;
    if (!check_containers(header, (size_t)length, name, failure))
        return false;
    json_error_t error;
    json_t *root = json_read(header, (size_t)length, &error);
    if (root == NULL)
        return json_whole(failure)
               && fail(failure, "bad JSON in the safetensors header: %s: byte %d: %s", name,
                       error.position + 8, error.text);
    struct place place = { .file = name,
                           .data_size = (int64_t)(size - 8 - length),
                           .failure = failure };
    table->data = bytes + 8 + length;
    bool done = read_table(root, table, &place);
    json_decref(root);
    if (!done)
        safetensors_free(table);
    return done;
}

void safetensors_free(struct safetensors *table)
{
    for (int64_t i = 0; i < table->count; i++)
        free(table->tensors[i].name);
    free(table->tensors);
    *table = (struct safetensors){ 0 };
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *table, const char *name)
{
    for (int64_t i = 0; i < table->count; i++)
        if (strcmp(table->tensors[i].name, name) == 0)
            return &table->tensors[i];
    return NULL;
}
