/* Nulls that are looked at together, and their p-values adjusted for that. */
#ifndef QKV_NULL_FAMILY_H
#define QKV_NULL_FAMILY_H

#include "null.h"

/* Rows of several tests, each with its p; all share the same permutations. */
typedef struct qkv_null_family {
    qkv_null *nulls;     /* row 0 of test 0 */
    int32_t tests, rows; /* of the family */
    int32_t leading;     /* nulls from one test to the next */
    int64_t permutations;
    bool upper;   /* only large values speak against the null */
    bool stopped; /* by what they were, maybe: there is no maximum statistic then */
} qkv_null_family;

/* Fills P_BH, P_BH_ALL and, unless stopped, P_MAX and P_MAX_ALL. */
qkvsim_status qkv_null_family_adjust(qkvsim_context *context, const qkv_null_family *family);

#endif
