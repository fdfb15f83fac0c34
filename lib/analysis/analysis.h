/* The results handle of an analysis. */
#ifndef QKV_ANALYSIS_H
#define QKV_ANALYSIS_H

#include <qkvsim/analysis.h>

#include "flow/bins.h"
#include "flow/moments.h"
#include "layout/layout.h"

enum { QKV_METRICS = 3 };

/* 0 for the cosine, 1 for Pearson, 2 for Spearman, -1 for anything else: the index of per-metric
 * arrays. */
static inline int32_t qkv_metric_index(int32_t metric)
{
    return metric == QKVSIM_METRIC_COSINE     ? 0
           : metric == QKVSIM_METRIC_PEARSON  ? 1
           : metric == QKVSIM_METRIC_SPEARMAN ? 2
                                              : -1;
}

/* The metric of an index from 0 to QKV_METRICS - 1. */
static inline int32_t qkv_metric_bit(int32_t index)
{
    return index == 0   ? QKVSIM_METRIC_COSINE
           : index == 1 ? QKVSIM_METRIC_PEARSON
                        : QKVSIM_METRIC_SPEARMAN;
}

/* The offset split of a row before it is divided by anything, so that rows can be merged: sums over
 * the pairs whose cosine is defined. */
typedef struct qkv_split {
    double offset_sum, offset_energy;     /* O, O^2 */
    double variance_sum, variance_energy; /* V, V^2 */
    double cross;                         /* O V */
    double spread_energy;                 /* s_i^2 s_j^2 */
    double offset_energy_corrected;       /* o*_i^2 o*_j^2 */
    double offset_squares;                /* (o*_i^2 + o*_j^2) / 2 */
} qkv_split;

struct qkvsim_analysis {
    qkv_allocator allocator;
    qkvsim_layout *layout;
    qkv_binning binning;
    int32_t metrics;
    bool *wanted;       /* rows */
    int32_t arithmetic; /* QKVSIM_DTYPE_F32 or F64 */
    int64_t observations;
    uint64_t input_fingerprint;
    int64_t *dropped;
    int64_t dropped_count;
    char *arrays;                      /* one block, of all that are not said to be another's */
    int64_t *counts;                   /* another one: of all histograms, one after the other */
    int64_t count_cells;               /* how many these are */
    int64_t *histograms[QKV_METRICS];  /* within it, rows x bins; NULL where not wanted */
    qkv_moments *moments[QKV_METRICS]; /* rows; NULL where not wanted */
    qkv_split *splits;                 /* rows */
    double *offset_ratios;             /* features */
    double *group_offset;              /* groups: mean o*^2 */
    int64_t *undefined[QKV_METRICS];   /* features; as many as the count says are in use */
    int64_t undefined_count[QKV_METRICS];
};

/* What the size of a handle depends on. */
typedef struct qkv_analysis_shape {
    const qkvsim_layout *layout;
    const qkv_binning *binning;
    const bool *wanted; /* rows */
    int32_t metrics;
} qkv_analysis_shape;

/* An empty handle, which copies its shape. */
qkvsim_status qkv_analysis_open(qkvsim_context *context, const qkv_analysis_shape *shape,
                                qkvsim_analysis **analysis);

/* A row's moments under a metric; NULL where there is no such row or metric. */
const qkv_moments *qkv_analysis_moments(const qkvsim_analysis *analysis, int32_t row,
                                        int32_t metric);

/* An analysis' sections within a packed result. On failure nothing is held. */
void qkv_pack_analysis(qkv_packer *packer, const void *analysis);
qkvsim_status qkv_unpack_analysis(qkv_unpacker *unpacker, qkvsim_analysis **analysis);

/* Fails where the analyses of two selections have not the rows and metrics of one layout. */
qkvsim_status qkv_unpack_check_sides(const qkv_unpacker *unpacker, const char *tag,
                                     const qkvsim_analysis *one, const qkvsim_analysis *other);

/* A copy of its own life; and whether two are the same in every bit. */
qkvsim_status qkv_analysis_copy(qkvsim_context *context, const qkvsim_analysis *analysis,
                                qkvsim_analysis **copy);
qkvsim_status qkv_analysis_is_same(qkvsim_context *context, const qkvsim_analysis *one,
                                   const qkvsim_analysis *other, bool *same);

#endif
