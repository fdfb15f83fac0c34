/* Relabellings of observations, by number and by chance: what a comparison and qkvsim_relabel
 * draw. */
#ifndef QKV_RELABELLER_H
#define QKV_RELABELLER_H

#include <qkvsim/permutation.h>

#include "exchange.h"
#include "resample.h"

/* Which relabellings; see qkvsim_relabelling. Zero of exchange is its default. */
typedef struct qkv_relabeller_options {
    int32_t relabel;
    int32_t exchange;
    const int32_t *segments; /* of the rows of the parts, or NULL */
} qkv_relabeller_options;

typedef struct qkv_relabeller {
    const uint8_t *labels; /* borrowed */
    int64_t observations;
    bool rotates, dealt_one_by_one;
    double
        count; /* of different relabellings, the labels themselves among them; exact below 2^53 */
    qkv_segments segments; /* rotates */
    int64_t *periods;      /* rotates: of each segment, how many lags look different */
    qkv_exchange units;    /* else: what the labels are dealt to */
    uint32_t *from, *left; /* an arrangement of units, and scratch for it */
} qkv_relabeller;

/*
 * Checks the options: with QKVSIM_EXCHANGE_SEGMENTS there must be more than one relabelling. The
 * labels are those of the input's observations in use, and must live as long. On failure nothing is
 * held.
 */
qkvsim_status qkv_relabeller_open(qkvsim_context *context, const uint8_t *labels,
                                  const qkv_input *input, const qkv_relabeller_options *options,
                                  qkv_relabeller *relabeller);
void qkv_relabeller_close(const qkvsim_context *context, qkv_relabeller *relabeller);

/* Writes relabelling `index` of `seed`. Where segments of one label each have different lengths,
 * labels keep their numbers of segments and not of observations. */
void qkv_relabel(qkv_relabeller *relabeller, uint64_t seed, uint32_t index, uint8_t *relabelled);

/* Writes the different relabelling of a number below the count, which is at most QKV_NUMBERED_MOST;
 * 0 is the labels themselves. */
void qkv_relabel_numbered(qkv_relabeller *relabeller, uint64_t number, uint8_t *relabelled);

#endif
