/* A baseline's handle: what was observed, and all values of the permutations, so that pieces of it
 * can be put together. */
#ifndef QKV_BASELINE_H
#define QKV_BASELINE_H

#include <qkvsim/baseline.h>

#include "analysis/session.h"
#include "repeated/replicates.h"
#include "statistics/count_sums.h"
#include "statistics/null_table.h"

struct qkvsim_baseline {
    qkv_allocator allocator;
    qkvsim_analysis *observed;
    int64_t first;           /* of the permutations */
    int64_t permutations;    /* made */
    int64_t total;           /* of the whole of which these are a part */
    uint64_t seed, segments; /* of the segments: a fingerprint */
    int32_t scheme, exchange;
    int32_t enumerated;
    bool refitted;           /* the permuted values are made anew */
    int64_t covariates;      /* independent ones */
    double all_different;    /* permutations, with the input itself */
    double *different;       /* rows: how many permutations each can tell apart */
    qkv_count_sums counts;   /* those of an analysis */
    qkv_replicates permuted; /* rows of as many as were asked for */
    qkv_null_table nulls;
};

/* Makes room for so many permutations of an analysis of the session, whose results are empty. On
 * failure what is held is released by qkvsim_baseline_free. */
qkvsim_status qkv_baseline_open_values(qkvsim_context *context, int64_t permutations,
                                       qkvsim_baseline *baseline);

/* What the permutations are to be set against, before they are made; and what they say. */
void qkv_baseline_begin_nulls(qkvsim_baseline *baseline);
qkvsim_status qkv_baseline_finish(qkvsim_context *context, qkvsim_baseline *baseline);

#endif
