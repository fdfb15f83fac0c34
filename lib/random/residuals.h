/* What is left of columns without their means and covariates (Freedman & Lane 1983): what a
 * permutation may then move. */
#ifndef QKV_RESIDUALS_H
#define QKV_RESIDUALS_H

#include "flow/input.h"

/* A column is mean + e, in units of a power of two; norm = |e|, 0 where it is left as it is:
 * constant, made of covariates alone, or not finite. */
typedef struct qkv_residual {
    double unit, mean, norm;
} qkv_residual;

typedef struct qkv_residuals {
    int64_t rows;
    int64_t rank;       /* of the basis: the intercept and the independent covariates */
    double *basis;      /* orthonormal columns of `rows`, the intercept first; NULL: none is made */
    qkv_residual *fits; /* columns */
    double *scratch;    /* of each reader, `rows` */
} qkv_residuals;

/* How the residuals of a column are moved: one of the two. */
typedef struct qkv_move {
    const uint32_t *order; /* row r gets the residual of row order[r] */
    const int8_t *signs;   /* row r's own, times 1 or -1 */
} qkv_move;

/* The basis of covariates, rows of the parts x any number, or NULL for the intercept alone.
 * Covariates that others make up to rounding are left out. Fails where there are not two more
 * observations than covariates, besides the mean, or one is not finite. On failure nothing is
 * held. */
qkvsim_status qkv_residuals_open(qkvsim_context *context, const qkv_input *input,
                                 const qkvsim_view *covariates, qkv_residuals *residuals);
void qkv_residuals_close(const qkvsim_context *context, qkv_residuals *residuals);

/* Fits every column of reals, column after column, and takes covariates out of it: what stays is
 * its mean and its residuals. */
qkvsim_status qkv_residuals_fit(qkvsim_context *context, qkv_residuals *residuals, void *values,
                                int64_t columns, int32_t arithmetic);

/* Writes a fitted column with its residuals moved, refitted and scaled to the norm they had: its
 * mean, its norm and so its offset ratio are the same. Not for columns whose norm is 0. */
void qkv_residuals_move(const qkv_residuals *residuals, int32_t reader, int64_t column,
                        const qkv_move *move, int32_t arithmetic, const void *from, void *to);

#endif
