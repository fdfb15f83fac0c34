/*
 * The .npy format, versions 1.0, 2.0 and 3.0: reading a header out of untrusted bytes, and
 * writing a matrix. The format is described in numpy.lib.format.
 */
#ifndef TOOLS_NPY_H
#define TOOLS_NPY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "failure.h"

enum { NPY_DIMENSIONS_MAX = 32 };

/* An array inside the bytes that were parsed; it owns nothing. */
struct npy_array {
    char kind;    /* 'f' float, 'i' integer, 'u' unsigned, 'b' boolean, 'V' bfloat16 */
    int itemsize; /* bytes of one element */
    bool swapped; /* stored in the other byte order than this machine's */
    bool fortran_order;
    int dimensions;
    int64_t shape[NPY_DIMENSIONS_MAX];
    int64_t elements;
    const uint8_t *data; /* any alignment; all elements lie inside the bytes parsed */
};

/* Parses an .npy file held in memory; `name` is the file's, for messages. */
bool npy_parse(const uint8_t *bytes, size_t size, const char *name, struct npy_array *array,
               struct failure *failure);

/* An output_writer: writes a qkvsim_matrix without gaps, in this machine's byte order. False if the
 * stream failed. */
bool npy_write(FILE *stream, const void *content, struct failure *failure);

/* What a native, unswapped element's byte order is. */
bool npy_machine_is_little_endian(void);

#endif
