/* The sink that keeps the strongest pairs: all that reach a threshold, or a bounded number. */
#ifndef QKV_PAIRS_SINK_H
#define QKV_PAIRS_SINK_H

#include <qkvsim/pairs.h>

#include <pthread.h>
#include <stdatomic.h>

#include "gram.h"
#include "layout/layout.h"

/* Pairs kept together: one list for all pair groups, or one for each. */
typedef struct qkv_pair_list {
    pthread_mutex_t mutex; /* guards all but the bound */
    _Atomic double bound;  /* weaker pairs are not looked at */
    qkvsim_pair *pairs;
    int64_t capacity, count;
    int64_t reached;     /* pairs that were strong enough when they came, kept or not */
    bool cut;            /* has been full and was cut down to the top ones */
    qkvsim_pair weakest; /* of those */
} qkv_pair_list;

typedef struct qkv_pairs_setting {
    const qkvsim_layout *layout;
    const bool *wanted; /* pair groups */
    int32_t metric; /* QKVSIM_METRIC_COSINE or PEARSON, which is Spearman where columns are ranks */
    int32_t sign;
    double threshold; /* least strength */
    int64_t top;      /* k: full lists are cut down to it; 0: they keep the first and count on */
    bool per_pair_group;
} qkv_pairs_setting;

typedef struct qkv_pairs_sink {
    qkv_sink sink;
    const qkvsim_context *context;
    const qkv_panels *panels;
    qkv_pairs_setting setting;
    int64_t *run_end; /* of each position: where the features of its group and kind end */
    qkv_pair_list *lists;
    int32_t list_count;
    qkvsim_pair *block; /* of all lists */
    int64_t block_capacity;
} qkv_pairs_sink;

/* Makes a sink for prepared panels. capacity[] has the room of each list, of the only one or of
 * each pair group's: with a top k, more than k or as much as there are pairs. On failure nothing is
 * held. */
qkvsim_status qkv_pairs_sink_open(qkvsim_context *context, const qkv_panels *panels,
                                  const qkv_pairs_setting *setting, const int64_t *capacity,
                                  qkv_pairs_sink *sink);
void qkv_pairs_sink_close(qkv_pairs_sink *sink);

/* Pairs that reached the threshold; exact where there is no top. */
int64_t qkv_pairs_sink_reached(const qkv_pairs_sink *sink);

/* Hands the kept pairs over, sorted, in memory of the context's allocator that they fill. */
qkvsim_status qkv_pairs_sink_take(qkvsim_context *context, qkv_pairs_sink *sink,
                                  qkvsim_pair **pairs, int64_t *count);

#endif
