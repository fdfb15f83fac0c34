/* Makes permuted copies of an input: what stands before prepare in the flow of a permutation. */
#ifndef QKV_PERMUTER_H
#define QKV_PERMUTER_H

#include <qkvsim/permutation.h>

#include "input.h"

typedef struct qkv_permuter {
    int32_t real;
    int64_t rows, columns;
    void *values;   /* the input's raw reals, rows x columns */
    void *permuted; /* what qkv_permute_values writes */
    void *scratch;  /* of the scheme */
    int64_t chunks; /* scheme all: parts of the values dealt at a time */
    int64_t buckets;
    int32_t scheme;
    int32_t workers;
} qkv_permuter;

/* Checks the scheme, loads the input. On failure nothing is held. */
qkvsim_status qkv_permuter_open(qkvsim_context *context, const qkv_input *input, int32_t scheme,
                                qkv_permuter *permuter);
void qkv_permuter_close(const qkvsim_context *context, qkv_permuter *permuter);

/* Writes permutation `index` of `seed`, the same for any number of threads. */
void qkv_permute_values(qkv_permuter *permuter, uint64_t seed, uint32_t index);

/* The permuted values as an input of their own. `part` is the input's only part. */
qkv_input qkv_permuter_output(const qkv_permuter *permuter, const qkv_input *like, qkv_part *part);

#endif
