/* The order of pairs: strongest first, equally strong ones by i and then j. It is total, so a
 * result does not depend on who found what first. All is done in place. */
#ifndef QKV_PAIR_ORDER_H
#define QKV_PAIR_ORDER_H

#include <qkvsim/pairs.h>

#include <math.h>
#include <stdbool.h>

/* What a value is worth under a QKVSIM_SIGN_*. */
static inline double qkv_strength(int32_t sign, double value)
{
    return sign == QKVSIM_SIGN_POSITIVE   ? value
           : sign == QKVSIM_SIGN_NEGATIVE ? -value
                                          : fabs(value);
}

static inline bool qkv_pair_precedes(int32_t sign, const qkvsim_pair *a, const qkvsim_pair *b)
{
    const double strength_a = qkv_strength(sign, a->value);
    const double strength_b = qkv_strength(sign, b->value);
    if (strength_a != strength_b)
        return strength_a > strength_b;
    return a->i != b->i ? a->i < b->i : a->j < b->j;
}

/* Brings the first `kept` pairs of the order to the front, in any order among themselves. */
void qkv_pairs_select(int32_t sign, qkvsim_pair *pairs, int64_t count, int64_t kept);

/* The last pair of the order among at least one. */
qkvsim_pair qkv_pairs_weakest(int32_t sign, const qkvsim_pair *pairs, int64_t count);

/* In O(count log count) whatever the pairs. */
void qkv_pairs_sort(int32_t sign, qkvsim_pair *pairs, int64_t count);

#endif
