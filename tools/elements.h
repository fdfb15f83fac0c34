/*
 * Types of numbers in files, and how those that the library does not read become ones that it
 * reads, without a bit lost.
 */
#ifndef TOOLS_ELEMENTS_H
#define TOOLS_ELEMENTS_H

#include <stdint.h>

#include "failure.h"

struct element_type {
    const char *name;        /* "float16" */
    const char *safetensors; /* "F16"; NULL where the format has none */
    char kind;     /* as .npy has it: 'f', 'i', 'u', 'V' (bfloat16); 0 where it has none */
    int size;      /* bytes of one */
    int32_t dtype; /* the QKVSIM_ type that holds each value exactly */
};

/* NULL where there is none, or none that is a number to analyze. */
const struct element_type *element_type_of_safetensors(const char *dtype);
const struct element_type *element_type_of_npy(char kind, int size);
const struct element_type *element_type_named(const char *name);

/* Bytes of a number of a QKVSIM type. */
int element_bytes(int32_t dtype);

/* A 2-d array of numbers anywhere in memory, as a file's reader finds it. */
struct stored_array {
    const uint8_t *bytes;
    const struct element_type *type;
    int64_t rows;
    int64_t columns;
    bool fortran_order;
    bool swapped;
};

/* Whether the library can read the elements where they are. */
bool elements_are_native(const struct stored_array *array);

/* The elements as those of type->dtype in this machine's byte order, aligned, in the order they are
 * stored in; NULL with a failure. Integers of 64 bits that float64 does not hold are refused. */
void *elements_copy(const struct stored_array *array, const char *place, struct failure *failure);

#endif
