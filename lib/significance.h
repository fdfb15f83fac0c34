/* What permutations say of an observed statistic: summaries of the null, p-values, and p-values
 * adjusted for the many statistics that are looked at. */
#ifndef QKV_SIGNIFICANCE_H
#define QKV_SIGNIFICANCE_H

#include <qkvsim/significance.h>

#include "context.h"

enum { QKV_NULL_SUMMARIES = 12 }; /* QKVSIM_NULL_MEAN .. QKVSIM_NULL_P_MAX_ALL */

/* One statistic of one row: its m permuted values (NULL: there is no such statistic), the observed
 * one, and what is said of them, summary s at s - 1. */
typedef struct qkv_null {
    const double *values;
    double observed;
    bool untested; /* the permutations cannot change it: neither z nor p */
    double scale;  /* of what values are differences of; their rounding is that of this size. 0: of
                   * their own */
    double summaries[QKV_NULL_SUMMARIES];
} qkv_null;

/*
 * The nulls that are looked at together. A test is one statistic of one metric, and has a null for
 * each row; all share the same permutations.
 */
typedef struct qkv_null_table {
    qkv_allocator allocator;
    int32_t rows, tests;
    int64_t permutations;
    bool upper;      /* only large values speak against the null: distances */
    qkv_null *nulls; /* tests x rows */
} qkv_null_table;

/* A table of absent nulls. On failure nothing is held. */
qkvsim_status qkv_null_table_open(qkvsim_context *context, int32_t rows, int32_t tests,
                                  int64_t permutations, qkv_null_table *table);
void qkv_null_table_close(qkv_null_table *table);

static inline qkv_null *qkv_null_at(const qkv_null_table *table, int32_t row, int32_t test)
{
    return &table->nulls[(int64_t)test * table->rows + row];
}

/*
 * Fills every summary. A null with a value that does not exist, or without permutations, has none.
 * Rows 0 .. pair_groups - 1 are one family of p-values, the rows behind them another. Values are
 * not needed afterwards, and are forgotten.
 */
qkvsim_status qkv_null_table_finish(qkvsim_context *context, qkv_null_table *table,
                                    int32_t pair_groups);

#endif
