/* Baselines as bytes, and put together from pieces. */
#include <string.h>

#include "analysis/pieces.h"
#include "baseline.h"
#include "random/permuter.h"
#include "repeated/replicates_packing.h"

/* ---- to bytes ---- */

enum { NUMBERS = 11 };

static void pack_baseline(qkv_packer *packer, const void *object)
{
    const qkvsim_baseline *baseline = object;
    const qkvsim_analysis *observed = baseline->observed;
    const int32_t rows = qkv_layout_rows(observed->layout);
    const int64_t numbers[NUMBERS] = { baseline->first,
                                       baseline->permutations,
                                       baseline->total,
                                       (int64_t)baseline->seed,
                                       (int64_t)baseline->segments,
                                       baseline->scheme,
                                       baseline->exchange,
                                       baseline->enumerated,
                                       baseline->refitted,
                                       baseline->covariates,
                                       0 };
    qkv_pack_analysis(packer, observed);
    qkv_pack_i64s(packer, "BASE", numbers, NUMBERS);
    qkv_pack_f64s(packer, "DIFA", &baseline->all_different, 1);
    qkv_pack_f64s(packer, "DIFR", baseline->different, rows);
    qkv_pack_count_sums(packer, &baseline->counts, observed->wanted, rows, observed->binning.count);
    qkv_pack_replicates(packer, &baseline->permuted, baseline->permutations);
    qkv_pack_nulls(packer, &baseline->nulls);
}

/* ---- from bytes ---- */

static bool flags_are_sound(const int64_t numbers[NUMBERS])
{
    return numbers[5] >= QKVSIM_SCHEME_ALL && numbers[5] <= INT32_MAX && numbers[6] >= 0
           && numbers[6] <= INT32_MAX && (numbers[7] | 1) == 1 && (numbers[8] | 1) == 1
           && numbers[9] >= 0 && numbers[10] == 0;
}

static qkvsim_status take_numbers(qkv_unpacker *unpacker, qkvsim_baseline *baseline)
{
    int64_t numbers[NUMBERS];
    const qkvsim_status status = qkv_unpack_i64s(unpacker, "BASE", numbers, NUMBERS);
    if (status != QKVSIM_OK)
        return status;
    const int64_t most = UINT32_MAX;
    if (numbers[0] < 0 || numbers[0] > most || numbers[1] < 0 || numbers[1] > most || numbers[2] < 1
        || numbers[2] > most || numbers[0] + numbers[1] > numbers[2] || !flags_are_sound(numbers))
        return qkv_unpack_fail(unpacker, "BASE", "%lld permutations from %lld on, of %lld",
                               (long long)numbers[1], (long long)numbers[0], (long long)numbers[2]);
    baseline->first = numbers[0];
    baseline->permutations = numbers[1];
    baseline->total = numbers[2];
    baseline->seed = (uint64_t)numbers[3];
    baseline->segments = (uint64_t)numbers[4];
    baseline->scheme = (int32_t)numbers[5];
    baseline->exchange = (int32_t)numbers[6];
    baseline->enumerated = (int32_t)numbers[7];
    baseline->refitted = numbers[8] != 0;
    baseline->covariates = numbers[9];
    return QKVSIM_OK;
}

static qkvsim_status take_baseline(qkv_unpacker *unpacker, qkvsim_baseline *baseline)
{
    qkvsim_status status = qkv_unpack_analysis(unpacker, &baseline->observed);
    if (status == QKVSIM_OK)
        status = take_numbers(unpacker, baseline);
    if (status == QKVSIM_OK)
        status = qkv_unpack_f64s(unpacker, "DIFA", &baseline->all_different, 1);
    int64_t rows = status == QKVSIM_OK ? qkv_layout_rows(baseline->observed->layout) : 0;
    if (status == QKVSIM_OK)
        baseline->different = qkv_unpack_new(unpacker, "DIFR", QKV_PACKED_F64, &rows, &status);
    if (status == QKVSIM_OK)
        status = qkv_unpack_counts_of(unpacker, baseline->observed, baseline->permutations,
                                      &baseline->counts);
    if (status == QKVSIM_OK)
        status = qkv_unpack_replicates(unpacker, baseline->observed, QKV_KEEP_STATISTICS,
                                       baseline->permutations, &baseline->permuted);
    if (status == QKVSIM_OK)
        status = qkv_unpack_nulls(unpacker, (int32_t)rows, QKV_STATISTIC_TESTS,
                                  baseline->permutations, &baseline->nulls);
    for (int32_t row = 0; row < rows && status == QKVSIM_OK; row++)
        for (int32_t test = 0; test < QKV_STATISTIC_TESTS; test++)
            qkv_null_at(&baseline->nulls, row, test)->least_p = 1 / baseline->different[row];
    return status;
}

static qkvsim_status unpack(qkv_unpacker *unpacker, void **result)
{
    qkvsim_baseline *made = qkv_allocate_handle(unpacker->context, sizeof *made);
    *result = made;
    return made != NULL ? take_baseline(unpacker, made)
                        : qkv_no_memory(unpacker->context, "the baseline's results");
}

static void release(void *result)
{
    qkvsim_baseline_free(result);
}

static const qkv_format format = { QKVSIM_KIND_BASELINE, pack_baseline, unpack, release };

/* ---- the public calls ---- */

int64_t qkvsim_baseline_packed_size(const qkvsim_baseline *baseline)
{
    return qkv_packed_size(&format, baseline);
}

qkvsim_status qkvsim_baseline_pack(qkvsim_context *context, const qkvsim_baseline *baseline,
                                   void *buffer, int64_t size)
{
    return qkv_pack(context, &format, baseline, buffer, size);
}

qkvsim_status qkvsim_baseline_unpack(qkvsim_context *context, const void *buffer, int64_t size,
                                     qkvsim_baseline **baseline)
{
    void *made = NULL;
    const qkvsim_status status = qkv_unpack(context, &format, buffer, size, baseline, &made);
    if (status == QKVSIM_OK)
        *baseline = made;
    return status;
}

/* ---- pieces ---- */

enum { TRAITS = 6 };

static void describe(const qkvsim_baseline *of, qkv_trait traits[TRAITS])
{
    const qkv_trait described[TRAITS] = {
        { "seed", of->seed },
        { "scheme", (uint64_t)of->scheme },
        { "exchange", (uint64_t)of->exchange },
        { "segments with fingerprint", of->segments },
        { "covariates", (uint64_t)of->covariates },
        { "values made anew", of->refitted },
    };
    memcpy(traits, described, sizeof described);
}

static qkvsim_status check_piece(qkvsim_context *context, int64_t k, const qkvsim_baseline *piece,
                                 const qkvsim_baseline *first)
{
    qkv_trait a[TRAITS], b[TRAITS];
    describe(piece, a);
    describe(first, b);
    const qkv_whole whole = { piece->total, piece->all_different, piece->enumerated != 0 };
    const qkv_whole of_first = { first->total, first->all_different, first->enumerated != 0 };
    qkvsim_status status = qkv_check_whole(context, k, piece->nulls.exceedances, "permutations");
    if (status == QKVSIM_OK)
        status = qkv_check_traits(context, k, a, b, TRAITS);
    if (status == QKVSIM_OK)
        status = qkv_check_enumerated(context, k, &whole, &of_first, "permutations");
    return status == QKVSIM_OK
               ? qkv_check_same_analysis(context, k, piece->observed, first->observed)
               : status;
}

static qkvsim_status order_pieces(qkvsim_context *context, const qkvsim_baseline *const *pieces,
                                  int64_t count, qkv_range *ranges, int64_t *total)
{
    qkvsim_status status = QKVSIM_OK;
    *total = 0;
    for (int64_t k = 0; k < count && status == QKVSIM_OK; k++) {
        status = check_piece(context, k, pieces[k], pieces[0]);
        ranges[k] = (qkv_range){ pieces[k]->first, pieces[k]->permutations, k };
        *total = pieces[k]->total > *total ? pieces[k]->total : *total;
    }
    if (status == QKVSIM_OK)
        status = qkv_order_ranges(context, "permutations", ranges, count);
    return status;
}

/* All but values: as piece 0 was made, whose place in the whole is of no account. */
static qkvsim_status copy_making(qkvsim_context *context, const qkvsim_baseline *from,
                                 qkvsim_baseline *to)
{
    to->seed = from->seed;
    to->segments = from->segments;
    to->scheme = from->scheme;
    to->exchange = from->exchange;
    to->enumerated = from->enumerated;
    to->refitted = from->refitted;
    to->covariates = from->covariates;
    to->all_different = from->all_different;
    const qkvsim_status status = qkv_analysis_copy(context, from->observed, &to->observed);
    if (status != QKVSIM_OK)
        return status;
    const size_t rows = (size_t)qkv_layout_rows(to->observed->layout);
    to->different = qkv_allocate(&to->allocator, rows, sizeof *to->different);
    if (to->different == NULL)
        return qkv_no_memory(context, "the numbers of permutations");
    memcpy(to->different, from->different, rows * sizeof *to->different);
    return QKVSIM_OK;
}

static qkvsim_status join(qkvsim_context *context, const qkvsim_baseline *const *pieces,
                          const qkv_range *ranges, int64_t count, qkvsim_baseline *made)
{
    qkvsim_status status = copy_making(context, pieces[0], made);
    for (int64_t k = 0; k < count; k++)
        made->permutations += ranges[k].count;
    made->first = qkv_ranges_first(ranges, count);
    if (status == QKVSIM_OK)
        status = qkv_baseline_open_values(context, made->permutations, made);
    int64_t at = 0;
    for (int64_t k = 0; k < count && status == QKVSIM_OK; k++) {
        const qkvsim_baseline *piece = pieces[ranges[k].piece];
        qkv_count_sums_merge(&made->counts, &piece->counts);
        qkv_replicates_copy(&made->permuted, at, &piece->permuted, ranges[k].count);
        at += ranges[k].count;
    }
    if (status == QKVSIM_OK) {
        qkv_baseline_begin_nulls(made);
        status = qkv_baseline_finish(context, made);
    }
    return status;
}

qkvsim_status qkvsim_baseline_merge(qkvsim_context *context, const qkvsim_baseline *const *pieces,
                                    int64_t count, qkvsim_baseline **merged)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = qkv_check_pieces(context, pieces, count, merged);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_open(context);
    qkvsim_baseline *made = NULL;
    int64_t total = 0;
    qkv_range *ranges = qkv_allocate(&context->allocator, (size_t)count, sizeof *ranges);
    status = ranges != NULL ? order_pieces(context, pieces, count, ranges, &total)
                            : qkv_no_memory(context, "the order of the pieces");
    if (status == QKVSIM_OK) {
        made = qkv_allocate_handle(context, sizeof *made);
        status = made != NULL ? QKVSIM_OK : qkv_no_memory(context, "the baseline's results");
    }
    if (status == QKVSIM_OK) {
        made->total = total;
        status = join(context, pieces, ranges, count, made);
    }
    qkv_release(&context->allocator, ranges);
    if (status == QKVSIM_OK)
        *merged = made;
    else
        qkvsim_baseline_free(made);
    return status;
}
