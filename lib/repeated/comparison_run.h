/* Two selections against each other: the results, and what the stages of a comparison work with. */
#ifndef QKV_COMPARISON_RUN_H
#define QKV_COMPARISON_RUN_H

#include <qkvsim/comparison.h>

#include "analysis/session.h"
#include "centring.h"
#include "equal_rows.h"
#include "pool.h"
#include "random/relabeller.h"
#include "replicates.h"
#include "statistics/count_sums.h"
#include "statistics/null_table.h"

struct qkvsim_comparison {
    qkv_allocator allocator;
    qkvsim_analysis *sides[2];   /* first and second */
    int64_t first, permutations; /* relabellings: number of the first one, and how many were made */
    int64_t total;               /* of the whole of which these are a part */
    int64_t first_subset, subsets;
    uint64_t seed, segments; /* of the segments: a fingerprint */
    int32_t relabel, exchange, centred;
    bool enumerated;      /* the relabellings are all there are, each once */
    double all_different; /* relabellings, with the labels themselves */
    double *values;       /* tests x rows: distances of all of both */
    double *matched;      /* the same at equal sizes */
    qkv_replicates
        of_relabelled[2]; /* by qkv_replicated: differences and distances of each relabelling */
    qkv_replicates of_subsets[2];    /* the same: statistics and distances of each matched subset */
    qkv_running subset_summaries[2]; /* tests x rows: the same over the subsets */
    qkv_count_sums subset_counts;    /* those of an analysis, over the subsets */
    qkv_null_table distances;        /* a test is a metric and a distance */
    qkv_null_table differences;      /* a test is a metric and a statistic */
};

/* Rows of the input in use together, and what they came to. */
typedef struct qkv_selected {
    int64_t *rows;
    int64_t count;
    qkvsim_analysis *analysis;
} qkv_selected;

/* What one comparison works with. */
typedef struct qkv_comparison_run {
    qkvsim_context *context;
    const qkvsim_comparison_options *options;
    qkv_pool *pool;
    uint8_t *relabelled; /* the pool's selections, permuted */
    qkv_relabeller relabeller;
    int64_t
        *equal_rows; /* of each row of the pool, the first that is equal; NULL: none is another's */
    qkv_centring centring; /* where relabellings are of centred observations */
    bool relabels;         /* what is analysed is a relabelling */
    qkv_session session;
    qkv_selected sides[2];
    qkv_selected subset;
    qkvsim_analysis *scratch[2]; /* of relabelled sides */
    qkvsim_analysis *common[2];  /* without what is undefined in the other */
    int8_t *kinds;               /* features */
    double *drawn;               /* tests x rows: the distances of one draw */
    int64_t planned;             /* units of work that shall be done by now */
    qkvsim_comparison *made;
} qkv_comparison_run;

/* Makes room for so many relabellings and subsets as the results, which have both analyses, say. On failure
 * what is held is released by qkvsim_comparison_free. */
qkvsim_status qkv_comparison_open_values(qkvsim_context *context, qkvsim_comparison *made);

/* What the relabellings are to be set against, before they are made; and what they and the subsets say. */
void qkv_comparison_begin_nulls(qkvsim_comparison *made);
qkvsim_status qkv_comparison_summarise_subsets(qkvsim_context *context, qkvsim_comparison *made);
qkvsim_status qkv_comparison_finish(qkvsim_context *context, qkvsim_comparison *made);

/* Fills the results, which are open, as the session is. */
qkvsim_status qkv_run_comparison(qkv_comparison_run *work);

#endif
