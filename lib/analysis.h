/* The results handle of an analysis, and the flow that fills it. */
#ifndef QKV_ANALYSIS_H
#define QKV_ANALYSIS_H

#include <qkvsim/analysis.h>

#include "bins.h"
#include "tally_sink.h"

enum { QKV_METRICS = 2, QKV_OFFSET_PARTS = 6 };

/* 0 for the cosine, 1 for Pearson, -1 for anything else: the index of per-metric arrays. */
static inline int32_t qkv_metric_index(int32_t metric)
{
    return metric == QKVSIM_COSINE ? 0 : metric == QKVSIM_PEARSON ? 1 : -1;
}

struct qkvsim_analysis {
    qkv_allocator allocator;
    qkvsim_layout *layout;
    qkv_binning binning;
    int32_t metrics;
    bool *wanted; /* pair groups */
    int64_t observations;
    int64_t *dropped;
    int64_t dropped_count;
    int64_t *histograms[QKV_METRICS];   /* pair groups x bins; NULL where not wanted */
    qkv_pair_result *results;           /* pair groups */
    double (*offset)[QKV_OFFSET_PARTS]; /* pair groups */
    double *offset_ratios;              /* features */
    double *group_offset;               /* groups */
    int64_t *undefined[QKV_METRICS];    /* features; as many as the count says are in use */
    int64_t undefined_count[QKV_METRICS];
};

/*
 * Everything that repeated analyses of inputs of one shape share: checked options, panels, tiles.
 * An analysis of an input is then one call; a permutation is the same call with another input.
 */
typedef struct qkv_session {
    const qkvsim_layout *layout;
    qkv_binning binning;
    bool *wanted;
    int32_t metrics;
    qkv_panels panels;
    qkv_gram gram;
} qkv_session;

/* Copies options of any version; NULL gives the defaults. */
qkvsim_status qkv_read_analysis_options(qkvsim_context *context,
                                        const qkvsim_analysis_options *given,
                                        qkvsim_analysis_options *options);

/* Opens a session for inputs of the shape of `input`. moments: see qkv_gram. On failure nothing is
 * held. */
qkvsim_status qkv_session_open(qkvsim_context *context, const qkvsim_layout *layout,
                               const qkvsim_analysis_options *options, const qkv_input *input,
                               const double *moments, qkv_session *session);
void qkv_session_close(const qkvsim_context *context, qkv_session *session);

/* An empty handle for a session's results. */
qkvsim_status qkv_session_results(qkvsim_context *context, const qkv_session *session,
                                  qkvsim_analysis **analysis);

/* Analyses an input into a handle made by qkv_session_results; may be repeated. */
qkvsim_status qkv_session_run(qkvsim_context *context, qkv_session *session, const qkv_input *input,
                              qkvsim_analysis *analysis);

/* The same from the session's panels as they are: their statistics are filled in already. */
qkvsim_status qkv_session_tally(qkvsim_context *context, const qkv_session *session,
                                qkvsim_analysis *analysis);

#endif
