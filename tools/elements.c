/*
 * Types of numbers in files. Integers go to the smallest floating-point type that holds them all,
 * of 64 bits to float64 where each one fits; float8 goes to float16, which holds both kinds of it.
 */
#include "elements.h"

#include <inttypes.h>
#include <qkvsim/qkvsim.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

static const struct element_type types[] = {
    { "float16", "F16", 'f', 2, QKVSIM_DTYPE_F16 },
    { "bfloat16", "BF16", 'V', 2, QKVSIM_DTYPE_BF16 },
    { "float32", "F32", 'f', 4, QKVSIM_DTYPE_F32 },
    { "float64", "F64", 'f', 8, QKVSIM_DTYPE_F64 },
    { "float8 (E4M3)", "F8_E4M3", 0, 1, QKVSIM_DTYPE_F16 },
    { "float8 (E5M2)", "F8_E5M2", 0, 1, QKVSIM_DTYPE_F16 },
    { "int8", "I8", 'i', 1, QKVSIM_DTYPE_F32 },
    { "int16", "I16", 'i', 2, QKVSIM_DTYPE_F32 },
    { "int32", "I32", 'i', 4, QKVSIM_DTYPE_F64 },
    { "int64", "I64", 'i', 8, QKVSIM_DTYPE_F64 },
    { "uint8", "U8", 'u', 1, QKVSIM_DTYPE_F32 },
    { "uint16", "U16", 'u', 2, QKVSIM_DTYPE_F32 },
    { "uint32", "U32", 'u', 4, QKVSIM_DTYPE_F64 },
    { "uint64", "U64", 'u', 8, QKVSIM_DTYPE_F64 },
};

enum { TYPES = sizeof types / sizeof types[0] };

const struct element_type *element_type_of_safetensors(const char *dtype)
{
    for (int i = 0; i < TYPES; i++)
        if (strcmp(types[i].safetensors, dtype) == 0)
            return &types[i];
    return NULL;
}

const struct element_type *element_type_of_npy(char kind, int size)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].kind == kind && types[i].size == size)
            return &types[i];
    return NULL;
}

const struct element_type *element_type_named(const char *name)
{
    for (int i = 0; i < TYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

int element_bytes(int32_t dtype)
{
    return dtype == QKVSIM_DTYPE_F64 ? 8 : dtype == QKVSIM_DTYPE_F32 ? 4 : 2;
}

/* Whether elements are copied byte by byte: floating point that the library has. */
static bool is_library_type(const struct element_type *type)
{
    return (type->kind == 'f' || type->kind == 'V') && type->size == element_bytes(type->dtype);
}

bool elements_are_native(const struct stored_array *array)
{
    return is_library_type(array->type) && !array->swapped
           && (uintptr_t)array->bytes % (size_t)array->type->size == 0;
}

/* An element's bits, of 1, 2, 4 or 8 bytes. */
static inline uint64_t load(const uint8_t *bytes, int size, bool swapped)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1:
        return *bytes;
    case 2:
        memcpy(&two, bytes, 2);
        return swapped ? __builtin_bswap16(two) : two;
    case 4:
        memcpy(&four, bytes, 4);
        return swapped ? __builtin_bswap32(four) : four;
    default:
        memcpy(&eight, bytes, 8);
        return swapped ? __builtin_bswap64(eight) : eight;
    }
}

/* float8 to float16, bit by bit. E5M2 is its upper half. E4M3 has a bias of 7 in place of 15, no
 * infinities, and one NaN of each sign (OCP 8-bit Floating Point Specification, 2023). */
static uint16_t half_of_float8(uint8_t bits, bool e4m3)
{
    if (!e4m3)
        return (uint16_t)(bits << 8);
    uint16_t sign = (uint16_t)((bits & 0x80) << 8);
    int exponent = bits >> 3 & 0xF, fraction = bits & 7;
    if (exponent == 15 && fraction == 7)
        return (uint16_t)(sign | 0x7E00);
    if (exponent == 0 && fraction == 0)
        return sign;
    if (exponent == 0) /* fraction * 2^-9 is normal in float16 */
        for (exponent = 1; (fraction & 8) == 0; exponent--)
            fraction <<= 1;
    return (uint16_t)(sign | (exponent + 8) << 10 | (fraction & 7) << 7);
}

static void widen_float8(const struct stored_array *array, int64_t from, int64_t to,
                         uint16_t *values)
{
    bool e4m3 = strcmp(array->type->safetensors, "F8_E4M3") == 0;
    uint16_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = half_of_float8((uint8_t)i, e4m3);
    for (int64_t i = from; i < to; i++)
        values[i] = table[array->bytes[i]];
}

/* An integer as a double; *exact is cleared where it is another one. */
static inline double double_of(uint64_t bits, char kind, int size, bool *exact)
{
    if (kind == 'u') {
        double real = (double)bits;
        *exact = *exact && real < 0x1p64 && (uint64_t)real == bits;
        return real;
    }
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    int64_t value = (int64_t)((bits ^ sign) - sign);
    double real = (double)value;
    *exact = *exact && real < 0x1p63 && (int64_t)real == value;
    return real;
}

/* The place of the first integer that is not exact; `to` where there is none. */
static int64_t widen_integers(const struct stored_array *array, int64_t from, int64_t to,
                              void *values)
{
    const int size = array->type->size;
    bool exact = true;
    for (int64_t i = from; i < to; i++) {
        uint64_t bits = load(array->bytes + i * size, size, array->swapped);
        double value = double_of(bits, array->type->kind, size, &exact);
        if (!exact)
            return i;
        if (array->type->dtype == QKVSIM_DTYPE_F32)
            ((float *)values)[i] = (float)value;
        else
            ((double *)values)[i] = value;
    }
    return to;
}

static void swap_bytes(const struct stored_array *array, int64_t from, int64_t to, uint8_t *values)
{
    const int size = array->type->size;
    for (int64_t i = from * size; i < to * size; i += size)
        for (int k = 0; k < size; k++)
            values[i + k] = array->bytes[i + (array->swapped ? size - 1 - k : k)];
}

static bool not_exact(const struct stored_array *array, int64_t i, const char *place,
                      struct failure *failure)
{
    int64_t row = array->fortran_order ? i % array->rows : i / array->columns;
    int64_t column = array->fortran_order ? i / array->rows : i % array->columns;
    uint64_t bits = load(array->bytes + 8 * i, 8, array->swapped);
    bool negative = array->type->kind == 'i' && bits >> 63 != 0;
    return fail(failure,
                "integer that float64 does not hold exactly: %s: row %" PRId64 ", column %" PRId64
                ": %s%" PRIu64 " (convert the array to float64)",
                place, row, column, negative ? "-" : "", negative ? 0 - bits : bits);
}

static bool convert(const struct stored_array *array, int64_t from, int64_t to, void *values,
                    const char *place, struct failure *failure)
{
    if (is_library_type(array->type))
        swap_bytes(array, from, to, values);
    else if (array->type->kind == 0)
        widen_float8(array, from, to, values);
    else {
        int64_t first = widen_integers(array, from, to, values);
        return first == to || not_exact(array, first, place, failure);
    }
    return true;
}

void *elements_copy(const struct stored_array *array, const char *place, struct failure *failure)
{
    enum { STEP = 1 << 20 }; /* elements between two looks at a signal */
    int64_t count = array->rows * array->columns;
    void *values = calloc((size_t)count, (size_t)element_bytes(array->type->dtype));
    bool done = values != NULL || fail_no_memory(failure);
    for (int64_t from = 0; done && from < count; from += STEP) {
        int64_t to = count - from < STEP ? count : from + STEP;
        done = convert(array, from, to, values, place, failure)
               && (!progress_interrupted() || fail(failure, "interrupted"));
    }
    if (done)
        return values;
    free(values);
    return NULL;
}
