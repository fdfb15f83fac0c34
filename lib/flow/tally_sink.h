/* The sink of the analysis: each tile is cut into rectangles of one pair group, and each rectangle
 * is counted, summed and split into offset and variance part. */
#ifndef QKV_TALLY_SINK_H
#define QKV_TALLY_SINK_H

#include <pthread.h>

#include "gram.h"
#include "layout/layout.h"
#include "moments.h"

/* A run of positions whose features share group and kind. */
typedef struct qkv_stretch {
    int64_t start, end;
    int32_t group;
    int32_t kind;
} qkv_stretch;

/* What one rectangle, or one pair group, came to. */
typedef struct qkv_pair_result {
    int32_t pair_group;
    qkv_moments cosine, pearson;
    double variance_sum, variance_energy, cross; /* see qkv_rectangle_tally */
} qkv_pair_result;

typedef struct qkv_tally_setting {
    const qkvsim_layout *layout;
    const bool *wanted; /* pair groups */
    const qkv_binning *binning;
    int32_t metrics;
} qkv_tally_setting;

enum { QKV_STRIPES = 16 };

/* Where one worker counts. Joint counts stand for several rectangles of one pair group, until
 * another comes or the tables might overflow. */
typedef struct qkv_worker_counts {
    uint16_t *joint;  /* NULL: never used */
    uint32_t *single; /* cosine and Pearson apart */
    int32_t pair_group;
    int64_t pending; /* pairs in one table of joint, at most */
} qkv_worker_counts;

typedef struct qkv_tally_sink {
    qkv_sink sink;
    const qkvsim_context *context;
    const qkv_gram *gram;
    qkv_tally_setting setting;
    qkv_stretch *stretches;
    int64_t stretch_count;
    int64_t *panel_stretch;    /* the stretch in which each panel begins */
    int64_t *first_result;     /* of each tile, and the total */
    qkv_pair_result *results;  /* one for each rectangle */
    qkv_worker_counts *counts; /* of each worker, in the context's memory */
    int32_t workers;
    int64_t metric_counts;                /* in `single`, of one metric; one more is unused */
    int64_t *histograms[2];               /* the caller's: pair groups x bins; cosine, Pearson */
    pthread_mutex_t stripes[QKV_STRIPES]; /* guard the histograms, by pair group */
} qkv_tally_sink;

/*
 * Makes a sink for prepared panels. histograms[m] (pair groups x bins) are zeroed and added to;
 * NULL where the metric is not wanted.
 */
qkvsim_status qkv_tally_sink_open(qkvsim_context *context, const qkv_gram *gram,
                                  const qkv_tally_setting *setting, int64_t *const histograms[2],
                                  qkv_tally_sink *sink);
void qkv_tally_sink_close(qkv_tally_sink *sink);

/* Completes the histograms, and sums the rectangles into one result for each pair group, in an
 * order that does not depend on threads. */
void qkv_tally_sink_results(qkv_tally_sink *sink, qkv_pair_result *pair_groups);

#endif
