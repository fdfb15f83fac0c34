/* The values of repeated analyses, and what is said of them, as bytes. */
#include "replicates_packing.h"

void qkv_pack_replicates(qkv_packer *packer, const qkv_replicates *replicates, int64_t count)
{
    const int64_t cells = qkv_replicates_cells(replicates);
    qkv_pack_begin(packer, "REPL", QKV_PACKED_F64, cells * count);
    for (int64_t cell = 0; cell < cells; cell++)
        for (int64_t k = 0; k < count; k++)
            qkv_pack_f64(packer, replicates->values[cell * replicates->count + k]);
}

/* The section is there, as long as it has to be, before room is made for it. */
qkvsim_status qkv_unpack_replicates(qkv_unpacker *unpacker, const qkvsim_analysis *analysis,
                                    qkv_replicated kept, int64_t count, qkv_replicates *replicates)
{
    const int64_t cells = qkv_replicated_cells(analysis->layout, analysis->metrics, kept);
    int64_t values;
    if (count < 0 || count > unpacker->size || !qkv_multiply(cells, count, &values))
        return qkv_unpack_fail(unpacker, "REPL", "%lld analyses in %lld bytes", (long long)count,
                               (long long)unpacker->size);
    qkvsim_status status = qkv_unpack_begin(unpacker, "REPL", QKV_PACKED_F64, values, &values);
    if (status == QKVSIM_OK)
        status = qkv_replicates_open(unpacker->context, analysis->layout, analysis->metrics, kept,
                                     count, replicates);
    for (int64_t k = 0; k < values && status == QKVSIM_OK; k++)
        replicates->values[k] = qkv_unpack_f64(unpacker);
    return status;
}

/* As many cells as the bytes may hold, before room is made for their sums. */
qkvsim_status qkv_unpack_counts_of(qkv_unpacker *unpacker, const qkvsim_analysis *analysis,
                                   int64_t expected, qkv_count_sums *counts)
{
    const int64_t cells = analysis->count_cells, bytes = unpacker->size - unpacker->at;
    if (cells > bytes / (int64_t)sizeof(qkv_count_sum))
        return qkv_unpack_fail(unpacker, "CNTS", "%lld cells in %lld bytes", (long long)cells,
                               (long long)bytes);
    qkvsim_status status = qkv_count_sums_open(unpacker->context, cells, counts);
    if (status == QKVSIM_OK)
        status = qkv_unpack_count_sums(unpacker, counts);
    return status == QKVSIM_OK && counts->analyses != expected
               ? qkv_unpack_fail(unpacker, "CNTN", "counts of %lld analyses, expected %lld",
                                 (long long)counts->analyses, (long long)expected)
               : status;
}

enum { NULL_SIZES = 5 };

void qkv_pack_nulls(qkv_packer *packer, const qkv_null_table *table)
{
    const int64_t count = (int64_t)table->rows * table->tests;
    const int64_t sizes[NULL_SIZES] = { table->rows, table->tests, table->permutations,
                                        table->asked, table->exceedances };
    qkv_pack_i64s(packer, "NULI", sizes, NULL_SIZES);
    qkv_pack_begin(packer, "NULS", QKV_PACKED_F64, count * (QKV_NULL_SUMMARIES + 1));
    for (int64_t k = 0; k < count; k++) {
        for (int32_t s = 0; s < QKV_NULL_SUMMARIES; s++)
            qkv_pack_f64(packer, table->nulls[k].summaries[s]);
        qkv_pack_f64(packer, table->nulls[k].fitted);
    }
}

qkvsim_status qkv_unpack_nulls(qkv_unpacker *unpacker, int32_t rows, int32_t tests,
                               int64_t permutations, qkv_null_table *table)
{
    const int64_t nulls = (int64_t)rows * tests;
    int64_t sizes[NULL_SIZES], count;
    qkvsim_status status = qkv_unpack_i64s(unpacker, "NULI", sizes, NULL_SIZES);
    if (status == QKVSIM_OK
        && (sizes[0] != rows || sizes[1] != tests || sizes[2] != permutations
            || sizes[3] < permutations || sizes[3] > UINT32_MAX || sizes[4] < 0
            || sizes[4] > sizes[3]))
        return qkv_unpack_fail(unpacker, "NULI", "%lld of %lld tests, %lld of %lld permutations",
                               (long long)sizes[0], (long long)sizes[1], (long long)sizes[2],
                               (long long)sizes[3]);
    if (status == QKVSIM_OK)
        status = qkv_unpack_begin(unpacker, "NULS", QKV_PACKED_F64,
                                  nulls * (QKV_NULL_SUMMARIES + 1), &count);
    if (status == QKVSIM_OK)
        status = qkv_null_table_open(unpacker->context, rows, tests, permutations, table);
    if (status != QKVSIM_OK)
        return status;
    table->asked = sizes[3];
    table->exceedances = sizes[4];
    for (int64_t k = 0; k < nulls; k++) {
        for (int32_t s = 0; s < QKV_NULL_SUMMARIES; s++)
            table->nulls[k].summaries[s] = qkv_unpack_f64(unpacker);
        table->nulls[k].fitted = qkv_unpack_f64(unpacker);
        table->nulls[k].observed = table->nulls[k].summaries[0];
    }
    return QKVSIM_OK;
}
