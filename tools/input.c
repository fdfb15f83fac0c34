/*
 * From files to the library's views: finds the arrays in a file and describes or copies their
 * bytes.
 */
#include "input.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "npy.h"
#include "safetensors.h"
#include "text.h"

const char *input_type(const struct input *input)
{
    for (int32_t i = 1; i < input->part_count; i++)
        if (input->part_types[i] != input->part_types[0])
            return "mixed types";
    return input->part_types[0]->name;
}

bool input_is_safetensors(const char *path)
{
    return text_ends_in(path, ".safetensors");
}

/* Rows and columns of an array: its own two dimensions, or with fold all but the last together. */
static bool find_matrix(const int64_t *shape, int dimensions, int kept,
                        const struct part_source *source, const char *place,
                        struct stored_array *array, struct failure *failure)
{
    char text[TEXT_SHAPE_SIZE], folded[64] = "";
    int64_t rows = 1;
    bool foldable = dimensions > 2 && dimensions <= kept;
    for (int i = 0; foldable && i < dimensions - 1; i++)
        foldable = !__builtin_mul_overflow(rows, shape[i], &rows);
    if (foldable)
        snprintf(folded, sizeof folded, " (--fold makes it %" PRId64 " x %" PRId64 ")", rows,
                 shape[dimensions - 1]);
    if (dimensions != 2 && !(foldable && source->fold))
        return fail(failure, "%s is not observations x features: %s: %s%s",
                    source->tensor != NULL ? "tensor" : "array", place,
                    text_shape(shape, dimensions, kept, text), folded);
    if (dimensions > 2 && array->fortran_order)
        return fail(failure,
                    "--fold wants C order, but the array is in Fortran order: %s (save "
                    "numpy.ascontiguousarray(x))",
                    place);
    array->rows = dimensions == 2 ? shape[0] : rows;
    array->columns = shape[dimensions - 1];
    return true;
}

static bool add_part(struct input *input, const struct stored_array *array,
                     const struct part_source *source, const char *place, struct failure *failure)
{
    int32_t part = input->part_count;
    if (array->rows == 0 || array->columns == 0)
        return fail(failure, "empty array: %s: %" PRId64 " x %" PRId64, place, array->rows,
                    array->columns);
    if (part > 0 && array->rows != input->observations)
        return fail(failure,
                    "parts differ in observations: %s: %" PRId64 ", the ones before have %" PRId64,
                    place, array->rows, input->observations);
    if (__builtin_add_overflow(input->features, array->columns, &input->features))
        return fail(failure, "too many features: %s: %" PRId64, place, array->columns);
    if (!elements_are_native(array)) {
        input->copies[part] = elements_copy(array, place, failure);
        if (input->copies[part] == NULL)
            return false;
    }
    input->parts[part] = (qkvsim_view){
        .struct_size = sizeof(qkvsim_view),
        .data = input->copies[part] != NULL ? input->copies[part] : array->bytes,
        .observations = array->rows,
        .features = array->columns,
        .observation_stride = array->fortran_order ? 1 : array->columns,
        .feature_stride = array->fortran_order ? array->rows : 1,
        .dtype = array->type->dtype,
    };
    input->part_groups[part] = source->group;
    input->part_types[part] = array->type;
    input->observations = array->rows;
    input->part_count++;
    return true;
}

static bool add_npy(struct input *input, const struct mapped_file *file,
                    const struct part_source *source, struct failure *failure)
{
    const char *path = source->path;
    struct npy_array npy;
    if (!npy_parse(file->bytes, file->size, path, &npy, failure))
        return false;
    struct stored_array array = { .bytes = npy.data,
                                  .type = element_type_of_npy(npy.kind, npy.itemsize),
                                  .fortran_order = npy.fortran_order,
                                  .swapped = npy.swapped };
    if (array.type == NULL)
        return fail(failure, "elements are no numbers but booleans: %s (save x.astype('float32'))",
                    path);
    if (!find_matrix(npy.shape, npy.dimensions, NPY_DIMENSIONS_MAX, source, path, &array, failure))
        return false;
    return add_part(input, &array, source, path, failure);
}

static bool add_tensor(struct input *input, const struct safetensors *table,
                       const struct part_source *source, struct failure *failure)
{
    const char *path = source->path;
    const struct safetensors_tensor *tensor = safetensors_find(table, source->tensor);
    if (tensor == NULL)
        return fail(failure, "no such tensor: %s: %s (see qkvsim info)", path, source->tensor);
    char place[PLACE_SIZE];
    snprintf(place, sizeof place, "%s: %s", path, tensor->name);
    struct stored_array array = { .bytes = table->data + tensor->begin,
                                  .type = element_type_of_safetensors(tensor->dtype),
                                  .swapped = !npy_machine_is_little_endian() };
    if (array.type == NULL)
        return fail(failure,
                    "dtype %s is not supported: %s (want F16, BF16, F32, F64, F8_E4M3, F8_E5M2 or "
                    "integers)",
                    tensor->dtype, place);
    if (!find_matrix(tensor->shape, tensor->dimensions, SAFETENSORS_DIMENSIONS_MAX, source, place,
                     &array, failure))
        return false;
    return add_part(input, &array, source, place, failure);
}

static bool add_source(struct input *input, const struct part_source *source,
                       struct failure *failure)
{
    struct mapped_file *file = &input->files[input->part_count];
    bool safetensors = input_is_safetensors(source->path);
    if (safetensors && source->tensor == NULL)
        return fail_usage(failure, "--tensor is missing: %s (qkvsim info lists the tensors)",
                          source->path);
    if (!safetensors && source->tensor != NULL)
        return fail_usage(failure, "--tensor is for .safetensors files: %s", source->path);
    if (!mapped_file_open(file, source->path, failure))
        return false;
    bool done;
    struct safetensors table;
    if (!safetensors) {
        done = add_npy(input, file, source, failure);
    } else {
        done = safetensors_parse(file->bytes, file->size, source->path, &table, failure);
        if (done) {
            done = add_tensor(input, &table, source, failure);
            safetensors_free(&table);
        }
    }
    if (!done)
        mapped_file_close(file);
    return done;
}

static bool allocate(struct input *input, int32_t count, struct failure *failure)
{
    input->files = calloc((size_t)count, sizeof *input->files);
    input->parts = calloc((size_t)count, sizeof *input->parts);
    input->copies = calloc((size_t)count, sizeof *input->copies);
    input->part_groups = calloc((size_t)count, sizeof *input->part_groups);
    input->part_types = calloc((size_t)count, sizeof *input->part_types);
    return (input->files != NULL && input->parts != NULL && input->copies != NULL
            && input->part_groups != NULL && input->part_types != NULL)
           || fail_no_memory(failure);
}

bool input_open_parts(struct input *input, const struct part_source *sources, int32_t count,
                      struct failure *failure)
{
    *input = (struct input){ .named = true };
    bool done = allocate(input, count, failure);
    for (int32_t i = 0; done && i < count; i++) {
        done = add_source(input, &sources[i], failure);
        input->named = input->named && sources[i].group != NULL;
    }
    if (!done)
        input_close(input);
    return done;
}

bool input_describe(struct input *input, int32_t count, struct failure *failure)
{
    *input = (struct input){ 0 };
    const bool done = allocate(input, count, failure);
    if (done)
        input->part_count = count;
    else
        input_close(input);
    return done;
}

void input_close(struct input *input)
{
    for (int32_t i = 0; i < input->part_count; i++) {
        free(input->copies[i]);
        mapped_file_close(&input->files[i]);
    }
    free(input->files);
    free(input->copies);
    free(input->parts);
    free(input->part_groups);
    free(input->part_types);
    *input = (struct input){ 0 };
}
