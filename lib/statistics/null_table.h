/* All nulls of one call that makes permutations: a test is one statistic of one metric, and has a
 * null for each row; all share the same permutations. */
#ifndef QKV_NULL_TABLE_H
#define QKV_NULL_TABLE_H

#include "null.h"

typedef struct qkv_null_table {
    qkv_allocator allocator;
    int32_t rows, tests;
    int64_t permutations;
    int64_t asked;       /* permutations; as many are made unless they stop early */
    int64_t exceedances; /* permutations stop at so many of each null's, on either side; 0: never */
    bool upper;          /* only large values speak against the null: distances */
    qkv_null *nulls;     /* tests x rows */
} qkv_null_table;

/* Checks the option of a call that makes permutations. */
qkvsim_status qkv_check_exceedances(qkvsim_context *context, int64_t exceedances,
                                    int64_t permutations);

/* A table of absent nulls. On failure nothing is held. */
qkvsim_status qkv_null_table_open(qkvsim_context *context, int32_t rows, int32_t tests,
                                  int64_t permutations, qkv_null_table *table);
void qkv_null_table_close(qkv_null_table *table);

static inline qkv_null *qkv_null_at(const qkv_null_table *table, int32_t row, int32_t test)
{
    return &table->nulls[(int64_t)test * table->rows + row];
}

/* With exceedances, and every null but its p filled in: counts permutation k, and says whether any
 * null may still come to other p-values by more permutations (Besag & Clifford 1991). */
bool qkv_null_table_is_open(qkv_null_table *table, int64_t k);

/* A summary of QKVSIM_SUMMARY_OBSERVED .. P_MAX_ALL, P_FITTED or P_LEAST; NaN for others. */
double qkv_null_summary(const qkv_null_table *table, int32_t row, int32_t test, int32_t summary);

/*
 * Fills every summary, of as many permutations as the table now says. A null whose observed value
 * does not exist, or without permutations, has none; a permutation without the value counts as at
 * least as far. Rows 0 .. pair_groups - 1 are one family of p-values, the rows behind them another.
 * Values are not needed afterwards, and are forgotten.
 */
qkvsim_status qkv_null_table_finish(qkvsim_context *context, qkv_null_table *table,
                                    int32_t pair_groups);

#endif
