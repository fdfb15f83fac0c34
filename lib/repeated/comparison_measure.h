/* What a comparison works with, and the measure of two selections against each other. */
#ifndef QKV_COMPARISON_MEASURE_H
#define QKV_COMPARISON_MEASURE_H

#include "analysis/session.h"
#include "centring.h"
#include "comparison_values.h"
#include "equal_rows.h"
#include "pool.h"
#include "random/relabeller.h"

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

/* Analyses the rows of one selection into its analysis. */
qkvsim_status qkv_analyse_selected(qkv_comparison_run *work, const qkv_selected *side);

bool qkv_sizes_differ(const qkv_comparison_run *work);

/* Writes the distances of two analysed selections, over the pairs that both define. */
qkvsim_status qkv_measure(qkv_comparison_run *work, const qkv_selected *a, const qkv_selected *b,
                          double *distances);

/* The same of both sides at equal sizes: of the smaller one and a random subset of the larger
 * one. */
qkvsim_status qkv_measure_matched(qkv_comparison_run *work, uint32_t purpose, uint32_t index,
                                  double *distances);

#endif
