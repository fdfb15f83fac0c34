/* Makes permutations of an input: what stands before prepare in the flow of a permutation. */
#ifndef QKV_PERMUTER_H
#define QKV_PERMUTER_H

#include <qkvsim/permutation.h>

#include "dealer.h"
#include "input.h"
#include "layout.h"
#include "resample.h"

/* Which permutations; see qkvsim_permutation. */
typedef struct qkv_permuter_options {
    int32_t scheme;
    const qkvsim_layout *layout;
    const int32_t *segments;
} qkv_permuter_options;

typedef struct qkv_permuter {
    qkv_source source; /* the permuted columns, made as they are read */
    const qkv_kernels *kernels;
    const qkvsim_layout *layout;
    int32_t scheme;
    int32_t real;
    size_t size; /* of a real */
    int64_t rows, columns;
    void *values;          /* the input's raw reals, column after column */
    int64_t *place;        /* group: a column's place among them; NULL: its own number */
    qkv_dealer dealer;     /* all, group */
    qkv_segments segments; /* shift, observations-shift */
    uint32_t *orders;      /* rows: groups x rows */
    void *scratch;         /* but all, group: of each reader, `together` columns */
    int64_t together;
    int64_t apart; /* reals from one of these columns to the next */
    uint64_t seed;
    uint32_t index;
} qkv_permuter;

/* Where a column's values stand, in columns. */
static inline int64_t qkv_place_of(const qkv_permuter *permuter, int64_t column)
{
    return permuter->place != NULL ? permuter->place[column] : column;
}

static inline int32_t qkv_group_of(const qkv_permuter *permuter, int64_t column)
{
    return permuter->layout->group_of[column];
}

/* Checks the options, loads the input. On failure nothing is held. The layout must live as long. */
qkvsim_status qkv_permuter_open(qkvsim_context *context, const qkv_input *input,
                                const qkv_permuter_options *options, qkv_permuter *permuter);
void qkv_permuter_close(const qkvsim_context *context, qkv_permuter *permuter);

/* Makes permutation `index` of `seed` what is read, the same for any number of threads. */
qkvsim_status qkv_permute_values(qkvsim_context *context, qkv_permuter *permuter, uint64_t seed,
                                 uint32_t index);

/* The permuted values as an input; only its source is of its own. Not to be closed. */
qkv_input qkv_permuter_output(const qkv_permuter *permuter, const qkv_input *like);

#endif
