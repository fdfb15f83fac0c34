/*
 * From files to the library's views: finds the arrays in a file and describes or copies their
 * bytes.
 */
#include "input.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "npy.h"
#include "safetensors.h"
#include "text.h"

static size_t dtype_size(int32_t dtype)
{
    return dtype == QKVSIM_F64 ? 8 : dtype == QKVSIM_F32 ? 4 : 2;
}

const char *input_type(const struct input *input)
{
    for (int32_t i = 1; i < input->part_count; i++)
        if (input->parts[i].dtype != input->parts[0].dtype)
            return "mixed types";
    switch (input->parts[0].dtype) {
    case QKVSIM_F16:
        return "float16";
    case QKVSIM_BF16:
        return "bfloat16";
    case QKVSIM_F32:
        return "float32";
    default:
        return "float64";
    }
}

bool input_is_safetensors(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL && strcasecmp(dot, ".safetensors") == 0;
}

/* The array's elements in this machine's byte order, aligned; the order of elements is kept. */
static void *copy_elements(const struct stored_array *array, struct failure *failure)
{
    size_t itemsize = dtype_size(array->dtype);
    size_t bytes = (size_t)array->rows * (size_t)array->columns * itemsize;
    uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
    if (copy == NULL) {
        fail_no_memory(failure);
        return NULL;
    }
    if (!array->swapped) {
        memcpy(copy, array->bytes, bytes);
        return copy;
    }
    for (size_t element = 0; element < bytes; element += itemsize)
        for (size_t i = 0; i < itemsize; i++)
            copy[element + i] = array->bytes[element + itemsize - 1 - i];
    return copy;
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
    bool misaligned = (uintptr_t)array->bytes % dtype_size(array->dtype) != 0;
    if (array->swapped || misaligned) {
        input->copies[part] = copy_elements(array, failure);
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
        .dtype = array->dtype,
    };
    input->part_groups[part] = source->group;
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
    char shape[TEXT_SHAPE_SIZE];
    if (npy.dimensions != 2)
        return fail(failure, "array is not observations x features: %s: %s", path,
                    text_shape(npy.shape, npy.dimensions, NPY_DIMENSIONS_MAX, shape));
    if (npy.kind != 'f')
        return fail(failure,
                    "elements are no floating-point numbers: %s: '%c%d' (want float16, float32 or "
                    "float64)",
                    path, npy.kind, npy.itemsize);
    struct stored_array array = {
        .bytes = npy.data,
        .dtype = npy.itemsize == 8   ? QKVSIM_F64
                 : npy.itemsize == 4 ? QKVSIM_F32
                                     : QKVSIM_F16,
        .rows = npy.shape[0],
        .columns = npy.shape[1],
        .fortran_order = npy.fortran_order,
        .swapped = npy.swapped,
    };
    return add_part(input, &array, source, path, failure);
}

static bool add_tensor(struct input *input, const struct safetensors *table,
                       const struct part_source *source, struct failure *failure)
{
    static const char *const names[] = { "F16", "BF16", "F32", "F64" };
    static const int32_t dtypes[] = { QKVSIM_F16, QKVSIM_BF16, QKVSIM_F32, QKVSIM_F64 };
    const char *path = source->path;
    const struct safetensors_tensor *tensor = safetensors_find(table, source->tensor);
    if (tensor == NULL)
        return fail(failure, "no such tensor: %s: %s (see qkvsim info)", path, source->tensor);
    char shape[TEXT_SHAPE_SIZE];
    if (tensor->dimensions != 2)
        return fail(
            failure, "tensor is not observations x features: %s: %s is %s", path, tensor->name,
            text_shape(tensor->shape, tensor->dimensions, SAFETENSORS_DIMENSIONS_MAX, shape));
    int which = 0;
    while (which < 4 && strcmp(tensor->dtype, names[which]) != 0)
        which++;
    if (which == 4)
        return fail(failure, "dtype %s is not supported: %s: %s (want F16, BF16, F32 or F64)",
                    tensor->dtype, path, tensor->name);
    struct stored_array array = {
        .bytes = table->data + tensor->begin,
        .dtype = dtypes[which],
        .rows = tensor->shape[0],
        .columns = tensor->shape[1],
        .swapped = !npy_machine_is_little_endian(),
    };
    char place[512];
    snprintf(place, sizeof place, "%s: %s", path, tensor->name);
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

bool input_open_parts(struct input *input, const struct part_source *sources, int32_t count,
                      struct failure *failure)
{
    *input = (struct input){ .named = true };
    input->files = calloc((size_t)count, sizeof *input->files);
    input->parts = calloc((size_t)count, sizeof *input->parts);
    input->copies = calloc((size_t)count, sizeof *input->copies);
    input->part_groups = calloc((size_t)count, sizeof *input->part_groups);
    bool done = input->files != NULL && input->parts != NULL && input->copies != NULL
                && input->part_groups != NULL;
    if (!done)
        fail_no_memory(failure);
    for (int32_t i = 0; done && i < count; i++) {
        done = add_source(input, &sources[i], failure);
        input->named = input->named && sources[i].group != NULL;
    }
    if (!done)
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
    *input = (struct input){ 0 };
}
