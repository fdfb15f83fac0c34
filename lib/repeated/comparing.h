/* Two selections against each other: the results, and what the stages of a comparison work with. */
#ifndef QKV_COMPARING_H
#define QKV_COMPARING_H

#include <qkvsim/comparison.h>

#include "analysis/session.h"
#include "centring.h"
#include "equal_rows.h"
#include "pool.h"
#include "random/relabeller.h"
#include "replicates.h"
#include "statistics/distance.h"
#include "statistics/running.h"
#include "statistics/significance.h"

enum { QKV_DISTANCE_TESTS = QKV_METRICS * QKV_DISTANCES };

struct qkvsim_comparison {
    qkv_allocator allocator;
    qkvsim_analysis *sides[2]; /* first and second */
    int64_t permutations, subsets;
    uint64_t seed;
    int32_t relabel, exchange, centred;
    bool enumerated;                /* the relabellings are all there are, each once */
    double *values;                 /* tests x rows: distances of all of both */
    double *matched;                /* the same at equal sizes */
    qkv_running matched_subsets;    /* the same over the subsets */
    qkv_running matched_statistics; /* tests x rows: statistics, over the subsets */
    qkv_running matched_counts;     /* those of an analysis, over the subsets */
    qkv_null_table distances;       /* a test is a metric and a distance */
    qkv_null_table differences;     /* a test is a metric and a statistic */
};

/* Rows of the input in use together, and what they came to. */
typedef struct qkv_selected {
    int64_t *rows;
    int64_t count;
    qkvsim_analysis *analysis;
} qkv_selected;

/* What one comparison works with. */
typedef struct qkv_comparing {
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
    qkv_replicates differences;
    double *distances;        /* tests x rows x permutations */
    double *drawn;            /* tests x rows: the distances of one draw */
    double *drawn_statistics; /* tests x rows: the statistics of one matched subset */
    int64_t planned;          /* units of work that shall be done by now */
    qkvsim_comparison *made;
} qkv_comparing;

/* Distances of one kind: a number for each test and row. */
static inline int64_t qkv_distance_cells(const qkv_comparing *work)
{
    return (int64_t)QKV_DISTANCE_TESTS * qkv_layout_rows(work->session.layout);
}

static inline int64_t qkv_statistic_cells(const qkv_comparing *work)
{
    return (int64_t)QKV_STATISTIC_TESTS * qkv_layout_rows(work->session.layout);
}

/* Fills the results, which are open, as the session is. */
qkvsim_status qkv_comparing_run(qkv_comparing *work);

#endif
