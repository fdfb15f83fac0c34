/* What may change places with what: observations, or whole segments with others that are as long.
 * Every arrangement that looks different has a number; 0 leaves all where it is. */
#ifndef QKV_EXCHANGE_H
#define QKV_EXCHANGE_H

#include <qkvsim/permutation.h>

#include "resample.h"

/* As many arrangements have numbers: those of permutations have 32 bits. */
#define QKV_NUMBERED_MOST 4294967296.0

/* Whether all different arrangements, with what is observed among them, are no more than `total`
 * and the observed one: they are then taken in place of so many that are drawn, as numbers 1 and
 * up. */
static inline bool qkv_enumerates(double all_different, int64_t total)
{
    return all_different > 1 && all_different - 1 <= (double)total;
}

typedef struct qkv_exchange {
    qkv_segments units; /* what moves as one: unit u is observations start[u] .. start[u + 1] - 1 */
    int64_t classes;    /* units of a class may change places */
    int64_t *class_start; /* classes + 1, among the members */
    uint32_t *members;    /* units, class after class, each increasing */
    uint32_t *kinds;      /* of a unit: the first one of its class that is equal to it */
    uint32_t *ordinals;   /* of a unit: how many of its kind there are up to it */
    double
        *class_counts; /* different arrangements of each class; infinity where past all numbers */
    double count;      /* and of all */
} qkv_exchange;

/*
 * Single observations, or with QKVSIM_EXCHANGE_SEGMENTS the segments of qkv_segments_open, those of
 * equal length being a class; no two are equal. Fails where segments are asked for and there are no
 * labels of them. On failure nothing is held.
 */
qkvsim_status qkv_exchange_open(qkvsim_context *context, const int32_t *labels,
                                const qkv_input *input, int32_t exchange, qkv_exchange *made);
void qkv_exchange_close(const qkvsim_context *context, qkv_exchange *exchange);

/* Says which units are equal: of one class, with the same labels. Where no unit has two different
 * labels, all units become one class, whatever their lengths. */
void qkv_exchange_by_labels(qkv_exchange *exchange, const uint8_t *labels);

/* Fails where there is one arrangement only; `what` they are arrangements of. */
qkvsim_status qkv_exchange_check(qkvsim_context *context, const qkv_exchange *exchange,
                                 const char *what);

/* An arrangement: the unit that comes to the place of unit u is from[u]. Each order of the units is
 * equally likely. */
void qkv_exchange_draw(const qkv_exchange *exchange, qkv_random stream, uint32_t *from);

/* The arrangement of a number below the count. `left` is scratch for as many as there are units. */
void qkv_exchange_numbered(const qkv_exchange *exchange, uint64_t number, uint32_t *left,
                           uint32_t *from);

/* The digit of a number in a base, which may be infinite; the rest of the number stays. */
uint64_t qkv_take_digit(uint64_t *number, double base);

#endif
