/* Makes permutations of an input: what stands before prepare in the flow of a permutation. */
#ifndef QKV_PERMUTER_H
#define QKV_PERMUTER_H

#include "bands.h"
#include "exchange.h"
#include "flow/input.h"
#include "layout/layout.h"
#include "resample.h"
#include "residuals.h"
#include "scheme.h"

typedef struct qkv_permuter {
    qkv_column_source source; /* the permuted columns, made as they are read */
    const qkv_kernels *kernels;
    const qkvsim_layout *layout;
    int32_t scheme;
    int32_t exchange;
    int32_t arithmetic;
    size_t size; /* of a value */
    int64_t rows, columns;
    void *values;            /* the input's raw reals, column after column */
    qkv_bands bands;         /* all, group */
    qkv_segments segments;   /* shift, observations-shift */
    qkv_exchange units;      /* feature, observations, flip: what moves as one */
    qkv_residuals residuals; /* flip, and with covariates */
    int8_t *signs;           /* flip: groups x rows */
    double item_count;       /* but flip: different permutations of one item beside the others */
    uint32_t *orders;        /* observations: groups x rows */
    uint32_t *drawing;       /* feature, observations: of each reader, an order and two of units */
    void *scratch;           /* but all, group: of each reader, `together` columns */
    int64_t together;
    int64_t apart; /* reals from one of these columns to the next */
    uint64_t seed;
    uint32_t index;
    bool observed;   /* what is read is the input itself, without covariates */
    bool enumerated; /* the index is the number of one of all different permutations */
} qkv_permuter;

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

/* Makes the input itself what is read, without its covariates: what permutations are set
 * against. */
void qkv_permute_nothing(qkv_permuter *permuter);

/* Makes one of all different permutations what is read: a number below their count, which is at
 * most QKV_NUMBERED_MOST; 0 is the input. Not for schemes that deal. */
qkvsim_status qkv_permute_numbered(qkvsim_context *context, qkv_permuter *permuter,
                                   uint32_t number);

/* The permuted values as an input; only its source is of its own. Not to be closed. */
qkv_input qkv_permuter_output(const qkv_permuter *permuter, const qkv_input *like);

/*
 * How many permutations are different, the input among them, to all that similarities can tell:
 * where everything moves together nothing does, and features of a group may change places. Exact
 * below 2^53, infinity where past all numbers, and for schemes that deal.
 */
double qkv_permuter_count(const qkv_permuter *permuter);

/* The same as far as the rows of a layout show it: pair groups, then roll-ups. */
qkvsim_status qkv_permuter_row_counts(qkvsim_context *context, const qkv_permuter *permuter,
                                      const qkvsim_layout *layout, double *counts);

#endif
