/* Unit columns side by side, as prepare fills them and the tile loop multiplies them. */
#ifndef QKV_PANELS_H
#define QKV_PANELS_H

#include "base/blas.h"
#include "input.h"
#include "twins.h"

/* What is defined of a feature. Within its group, a feature stands by its kind. */
enum {
    QKV_NORMAL = 0,   /* cosine and Pearson */
    QKV_CONSTANT = 1, /* all values equal and not 0: cosine only */
    QKV_UNDEFINED = 2 /* all zero, or not finite: neither */
};

/* What one feature's column came to, in the caller's column order. */
typedef struct qkv_feature {
    double mean;
    double mean_low;     /* what mean rounded off */
    double centred_norm; /* |c| */
    double spread;       /* s = |c| / |x| */
    double offset;       /* o = sqrt(n) mean / |x| */
    int8_t kind;
    bool nonfinite;
} qkv_feature;

/*
 * Unit columns, packed: panel p holds positions start[p] .. start[p + 1] - 1 and, for each
 * observation, their values side by side, and beside them those of the panels that are multiplied
 * with it. A feature's panel does not depend on which others are placed: sums of tiles are then the
 * same whatever else is computed. A panel none of whose features is placed is empty. Its
 * observations are rotated (see prepare.c), so only products of whole columns mean anything.
 */
typedef struct qkv_panels {
    int32_t arithmetic;
    int64_t observations;
    int64_t features; /* of the input */
    int64_t placed;   /* features in panels */
    int64_t width;    /* of every panel but the last, where all features are placed */
    int64_t count;
    qkv_product_shape shape; /* how panels are multiplied */
    int64_t *initial; /* placed: the caller's columns, group by group; holds the next four too */
    int64_t *order;   /* the same by position: within each group by kind */
    int64_t *start;   /* count + 1: the position at which each panel begins, and the end */
    int64_t *
        columns_before; /* count + 1: columns of the panels before each, with padding and margins */
    int32_t *panel_of;  /* placed: the panel of each position */
    bool reordered;     /* order is not the initial one */
    bool special;       /* a placed feature's kind is not NORMAL */
    qkv_feature *statistics; /* features */
    void *values;            /* reals, in the context's workspace */
    void *spread, *offset;   /* placed reals: s and o by position, s s + o o at least 1 */
    qkv_twins twins;         /* of what was prepared last */
} qkv_panels;

/* A part of two panels' product: features of the one and of the other from the first to before the
 * end. */
typedef struct qkv_needed {
    int32_t first_row, end_row, first_column, end_column;
} qkv_needed;

/* Panel p's number of features. */
static inline int64_t qkv_panel_width(const qkv_panels *panels, int64_t p)
{
    return panels->start[p + 1] - panels->start[p];
}

/* Panel p's columns with those that pad it; with its margins too; and the elements from one row to
 * the next, those of the panels beside it included. */
int64_t qkv_panel_columns(const qkv_panels *panels, int64_t p);
int64_t qkv_panel_span(const qkv_panels *panels, int64_t p);
int64_t qkv_panel_stride(const qkv_panels *panels, int64_t p);

/* Panel p's first value of an observation. */
void *qkv_panel_row(const qkv_panels *panels, int64_t p, int64_t observation);

/* Which features are placed, and where they would stand if all were. */
typedef struct qkv_placing {
    const int64_t *order; /* `placed` columns, group by group; copied */
    int64_t placed;
    const int64_t *place; /* of each, increasing numbers below `of`; NULL: 0, 1, ... */
    int64_t of;
} qkv_placing;

/* Room for these features of an input; none for values where the input has no parts. */
qkvsim_status qkv_panels_open(qkvsim_context *context, const qkv_input *input,
                              const qkv_placing *placing, qkv_panels *panels);
void qkv_panels_close(const qkvsim_context *context, qkv_panels *panels);

#endif
