/* The schemes of permutations: what each moves, and what it has no use for. */
#ifndef QKV_SCHEME_H
#define QKV_SCHEME_H

#include <qkvsim/permutation.h>

#include "flow/input.h"
#include "layout/layout.h"

/* Which permutations; see qkvsim_permutation. Zero of exchange is its default. */
typedef struct qkv_permuter_options {
    int32_t scheme;
    const qkvsim_layout *layout;
    int32_t exchange;
    const qkvsim_view *covariates;
} qkv_permuter_options;

/* Schemes whose items, the things that move by themselves, are groups and not features. */
static inline bool qkv_moves_groups(int32_t scheme)
{
    return scheme == QKVSIM_SCHEME_OBSERVATIONS || scheme == QKVSIM_SCHEME_OBSERVATIONS_SHIFT
           || scheme == QKVSIM_SCHEME_FLIP;
}

/* Schemes that exchange values between features. */
static inline bool qkv_deals(int32_t scheme)
{
    return scheme == QKVSIM_SCHEME_ALL || scheme == QKVSIM_SCHEME_GROUP;
}

/* Schemes that rotate within segments. */
static inline bool qkv_rotates(int32_t scheme)
{
    return scheme == QKVSIM_SCHEME_SHIFT || scheme == QKVSIM_SCHEME_OBSERVATIONS_SHIFT;
}

/* Fails where the scheme lacks what it needs, or was given what it has no use for, and where there
 * are too many values to permute. */
qkvsim_status qkv_check_permuter_options(qkvsim_context *context, const qkv_input *input,
                                         const qkv_permuter_options *options);

#endif
