/* Sections of packed results that have values of repeated analyses. On failure what is held is
 * released by qkv_replicates_close and qkv_null_table_close. */
#ifndef QKV_REPLICATES_PACKING_H
#define QKV_REPLICATES_PACKING_H

#include "base/unpacking.h"
#include "replicates.h"
#include "statistics/count_sums.h"
#include "statistics/null_table.h"

/* Of the first `count` analyses. */
void qkv_pack_replicates(qkv_packer *packer, const qkv_replicates *replicates, int64_t count);
qkvsim_status qkv_unpack_replicates(qkv_unpacker *unpacker, const qkvsim_analysis *analysis,
                                    qkv_replicated kept, int64_t count, qkv_replicates *replicates);

/* Counts of an analysis' rows over repeated analyses, of as many as are expected. */
qkvsim_status qkv_unpack_counts_of(qkv_unpacker *unpacker, const qkvsim_analysis *analysis,
                                   int64_t expected, qkv_count_sums *counts);

void qkv_pack_nulls(qkv_packer *packer, const qkv_null_table *table);
qkvsim_status qkv_unpack_nulls(qkv_unpacker *unpacker, int32_t rows, int32_t tests,
                               int64_t permutations, qkv_null_table *table);

#endif
