/*
 * The inner loops, one table for each instruction set, chosen once for a context.
 *
 * All tables are compiled from one source, kernels_isa.h and the templates it includes for float
 * and for double; the portable one is the specification. Similarities are computed without fused
 * multiply-add and in one order, and bins are settled exactly where a guess could be wrong, so
 * every table gives the same values and the same counts.
 */
#ifndef QKV_KERNELS_H
#define QKV_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <qkvsim/common.h>

#include "stream.h"

enum {
    QKV_PANEL_WIDTH = 288,   /* widest tile: docs/performance.md says why */
    QKV_MARGIN = 16,         /* reals that kernels may read behind the last they use */
    QKV_STRIP_WIDTH = 96,    /* columns prepared at a time, a divisor of the panel's width */
    QKV_SUBHISTOGRAMS = 4,   /* neighbouring values count apart, so that a hot bin does not stall */
    QKV_JOINT_TABLES = 2,    /* the same for joint counts */
    QKV_JOINT_BINS_MAX = 128 /* their tables stay in the first-level cache */
};

/* A run of columns of one part that lie feature_stride apart. */
typedef struct qkv_columns {
    const void *first; /* row 0 of the first column */
    int64_t observation_stride;
    int64_t feature_stride;
    int64_t count;
    int32_t dtype;
} qkv_columns;

/* Rows to read: `rows` lists them, or NULL for 0 .. count - 1. */
typedef struct qkv_rows {
    const int64_t *rows;
    int64_t count;
} qkv_rows;

/* Asked on the way through many rows whether the call has ended; what is made of them then is of no
 * account. */
typedef struct qkv_watch {
    bool (*ended)(void *user);
    void *user;
} qkv_watch;

/* Columns in preparation: count x width reals, row-major. */
typedef struct qkv_strip {
    void *values;
    int64_t leading;
    int64_t count;
    int64_t width;
    const qkv_watch *watch; /* of a long one; NULL: nobody is asked */
} qkv_strip;

enum { QKV_WATCHED_ROWS = 1 << 14 }; /* of a strip between two questions, a power of two */

static inline bool qkv_strip_ended(const qkv_strip *strip)
{
    return strip->watch != NULL && strip->watch->ended(strip->watch->user);
}

/* Where rows are walked through one by one. */
static inline bool qkv_strip_ended_at(const qkv_strip *strip, int64_t row)
{
    return row % QKV_WATCHED_ROWS == 0 && qkv_strip_ended(strip);
}

/* What turns raw columns into unit ones: c = ((x - mean_high) - mean_low) * inverse_norm. */
typedef struct qkv_scaling {
    double mean_high[QKV_STRIP_WIDTH];
    double mean_low[QKV_STRIP_WIDTH]; /* what mean_high rounded off; not used for float */
    double inverse_norm[QKV_STRIP_WIDTH];
} qkv_scaling;

/* What columns of a strip came to where they vary; see qkv_feature. */
typedef struct qkv_column_norms {
    double mean[QKV_STRIP_WIDTH];
    double mean_low[QKV_STRIP_WIDTH];
    double centred_norm[QKV_STRIP_WIDTH];
    double spread[QKV_STRIP_WIDTH];
    double offset[QKV_STRIP_WIDTH];
} qkv_column_norms;

/* How values find their bins. */
typedef struct qkv_binning {
    int64_t count;
    double *edges;   /* count + 1: bin k holds v >= edges[k] and v < edges[k + 1] */
    double per_unit; /* equal bins: count / (high - low); 0: bins are searched for, not guessed */
    bool fast;       /* equal bins on [-1, 1], few enough for single precision indices */
    /* Fast bins before tail_end and from tail_start on hold just the values from 0.9 up in
     * magnitude, less -0.9 itself, which begins bin tail_end. 0 and count where neither is an
     * edge. */
    int64_t tail_end, tail_start;
} qkv_binning;

/* A part of a tile whose pairs all belong to one pair group. */
typedef struct qkv_rectangle {
    const void *gram;
    int64_t leading;
    int64_t rows;
    int64_t columns;
    bool strict_upper;                         /* only columns j > i */
    const void *row_spread, *row_offset;       /* s and o of the rows' features */
    const void *column_spread, *column_offset; /* and of the columns' */
    const qkv_binning *binning;
} qkv_rectangle;

/* What one metric's values in a rectangle came to. Power sums are of v - shift, in double. */
typedef struct qkv_tally {
    bool wanted;
    uint32_t *counts; /* QKV_SUBHISTOGRAMS x binning->count, zero on entry, and one more that may be
                    overwritten; unused with joint counts */
    double shift;
    double power_sums[4];
    double minimum, maximum;
    int64_t tail; /* values from 0.9 up in magnitude that are not in the tail's bins */
} qkv_tally;

typedef struct qkv_rectangle_tally {
    int64_t pairs;
    qkv_tally cosine, pearson;
    /* QKV_JOINT_TABLES x bins x bins, by cosine bin and then by Pearson bin, and QKV_JOINT_BINS_MAX
     * more that may be read, the first of them overwritten. One addition counts both metrics. A
     * row's pairs are dealt to the tables in turns. NULL: each metric counts in its own table. */
    uint16_t *joint;
    double variance_sum;    /* sum V,   V = s_i s_j pearson */
    double variance_energy; /* sum V^2 */
    double cross;           /* sum V O, O = o_i o_j */
} qkv_rectangle_tally;

/* Part of a row of second moments: to[j] = to[j] + gram[j] norm norms[j] + shift deltas[j]. */
typedef struct qkv_moment_row {
    double *to;
    const void *gram; /* reals */
    const double *norms, *deltas;
    double norm, shift;
    int64_t count;
} qkv_moment_row;

typedef struct qkv_real_kernels {
    /* Widens selected rows of columns into a strip's columns from `column` on. */
    void (*load)(const qkv_columns *columns, const qkv_rows *rows, const qkv_strip *strip,
                 int64_t column);
    /* Means, and sums over rows of the centred values' squares. */
    void (*measure)(const qkv_strip *strip, qkv_scaling *scaling, double squares[QKV_STRIP_WIDTH]);
    /* Centres, scales and rotates blocks of rows, in place or on their way to another strip; see
     * prepare.c. */
    void (*normalise)(const qkv_strip *from, const qkv_scaling *scaling, const qkv_strip *to);
    /* Adds a rectangle to a tally. */
    void (*tally)(const qkv_rectangle *rectangle, qkv_rectangle_tally *tally);
    void (*add_moments)(const qkv_moment_row *row);
} qkv_real_kernels;

typedef struct qkv_kernels {
    const char *name;
    /* Norms of n observations whose centred squares have these sums, and the inverse norms: right
     * where a sum is neither 0 nor out of range. */
    void (*take_norms)(qkv_scaling *scaling, const double squares[QKV_STRIP_WIDTH], double n,
                       qkv_column_norms *norms);
    /* Adds the sums of joint counts over Pearson bins and over cosine bins, and clears the counts.
     * A table has fewer than 2^16 pairs. */
    void (*take_margins)(uint16_t *joint, int64_t bins, uint32_t *cosine, uint32_t *pearson);
    /* `groups` groups of a stream's words from group `first` on. */
    void (*random_words)(const qkv_stream *stream, uint32_t first, int64_t groups, uint32_t *words);
    const qkv_real_kernels *f32, *f64;
} qkv_kernels;

/* The table's part for QKVSIM_DTYPE_F32 or F64. */
static inline const qkv_real_kernels *qkv_kernels_for(const qkv_kernels *kernels,
                                                      int32_t arithmetic)
{
    return arithmetic == QKVSIM_DTYPE_F64 ? kernels->f64 : kernels->f32;
}

/* The table for a QKVSIM_KERNELS_* choice; NULL where there is none or the processor lacks it. */
const qkv_kernels *qkv_kernels_choose(int32_t choice);

extern const qkv_kernels qkv_kernels_portable;
#ifdef QKV_HAVE_X86_KERNELS
extern const qkv_kernels qkv_kernels_avx2;
extern const qkv_kernels qkv_kernels_avx512;
#endif

#endif
