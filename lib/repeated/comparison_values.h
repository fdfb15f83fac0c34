/* The results of a comparison: what is kept of its repetitions, and what they say. */
#ifndef QKV_COMPARISON_VALUES_H
#define QKV_COMPARISON_VALUES_H

#include <qkvsim/comparison.h>

#include "replicates.h"
#include "statistics/count_sums.h"
#include "statistics/null_table.h"
#include "statistics/running.h"

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

/* Makes room for so many relabellings and subsets as the results, which have both analyses, say. On
 * failure what is held is released by qkvsim_comparison_free. */
qkvsim_status qkv_comparison_open_values(qkvsim_context *context, qkvsim_comparison *made);

/* What the relabellings are to be set against, before they are made; and what they and the subsets
 * say. */
void qkv_comparison_begin_nulls(qkvsim_comparison *made);
qkvsim_status qkv_comparison_summarise_subsets(qkvsim_context *context, qkvsim_comparison *made);
qkvsim_status qkv_comparison_finish(qkvsim_context *context, qkvsim_comparison *made);

#endif
