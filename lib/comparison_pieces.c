/* Comparisons as bytes, and put together from pieces of their relabellings and subsets. */
#include <math.h>
#include <string.h>

#include "analysis/pieces.h"
#include "repeated/comparison_values.h"
#include "repeated/replicates_packing.h"

enum { NUMBERS = 12 };

static int32_t rows_of(const qkvsim_comparison *comparison)
{
    return qkv_layout_rows(comparison->sides[0]->layout);
}

/* ---- to bytes ---- */

/* Of the metrics in use, as relabellings have them. */
static void pack_distances(qkv_packer *packer, const qkvsim_comparison *comparison)
{
    const qkvsim_analysis *side = comparison->sides[0];
    const int32_t rows = rows_of(comparison);
    const int64_t cells = qkv_replicated_cells(side->layout, side->metrics, QKV_KEEP_DISTANCES);
    qkv_pack_begin(packer, "DIST", QKV_PACKED_F64, 2 * cells);
    for (int which = 0; which < 2; which++) {
        const double *values = which == 0 ? comparison->values : comparison->matched;
        for (int64_t cell = 0; cell < (int64_t)QKV_DISTANCE_TESTS * rows; cell++)
            if ((side->metrics & qkv_metric_bit((int32_t)(cell / rows / QKV_DISTANCES))) != 0)
                qkv_pack_f64(packer, values[cell]);
    }
}

static void pack_kept(qkv_packer *packer, const qkv_replicates kept[2], int64_t count)
{
    qkv_pack_replicates(packer, &kept[QKV_KEEP_STATISTICS], count);
    qkv_pack_replicates(packer, &kept[QKV_KEEP_DISTANCES], count);
}

static void pack_comparison(qkv_packer *packer, const void *object)
{
    const qkvsim_comparison *comparison = object;
    const qkvsim_analysis *side = comparison->sides[0];
    const int64_t numbers[NUMBERS] = { comparison->first,
                                       comparison->permutations,
                                       comparison->total,
                                       comparison->first_subset,
                                       comparison->subsets,
                                       (int64_t)comparison->seed,
                                       (int64_t)comparison->segments,
                                       comparison->relabel,
                                       comparison->exchange,
                                       comparison->centred,
                                       comparison->enumerated,
                                       0 };
    qkv_pack_analysis(packer, side);
    qkv_pack_analysis(packer, comparison->sides[1]);
    qkv_pack_i64s(packer, "COMP", numbers, NUMBERS);
    qkv_pack_f64s(packer, "DIFA", &comparison->all_different, 1);
    pack_distances(packer, comparison);
    qkv_pack_count_sums(packer, &comparison->subset_counts, side->wanted, rows_of(comparison),
                        side->binning.count);
    pack_kept(packer, comparison->of_subsets, comparison->subsets);
    pack_kept(packer, comparison->of_relabelled, comparison->permutations);
    qkv_pack_nulls(packer, &comparison->differences);
    qkv_pack_nulls(packer, &comparison->distances);
}

/* ---- from bytes ---- */

static bool is_range(int64_t first, int64_t count, int64_t end)
{
    return first >= 0 && count >= 0 && first <= end && count <= end - first && end < UINT32_MAX;
}

static bool flags_are_sound(const int64_t numbers[NUMBERS])
{
    return numbers[7] >= QKVSIM_RELABEL_LABELS && numbers[7] <= INT32_MAX
           && numbers[8] >= QKVSIM_EXCHANGE_OBSERVATIONS && numbers[8] <= INT32_MAX
           && (numbers[9] | 1) == 1 && (numbers[10] | 1) == 1 && numbers[11] == 0;
}

static qkvsim_status take_numbers(qkv_unpacker *unpacker, qkvsim_comparison *made)
{
    int64_t numbers[NUMBERS];
    const qkvsim_status status = qkv_unpack_i64s(unpacker, "COMP", numbers, NUMBERS);
    if (status != QKVSIM_OK)
        return status;
    if (!is_range(numbers[0], numbers[1], numbers[2])
        || !is_range(numbers[3], numbers[4], UINT32_MAX - 1) || !flags_are_sound(numbers))
        return qkv_unpack_fail(unpacker, "COMP",
                               "%lld relabellings from %lld on, of %lld, and %lld subsets from "
                               "%lld on",
                               (long long)numbers[1], (long long)numbers[0], (long long)numbers[2],
                               (long long)numbers[4], (long long)numbers[3]);
    made->first = numbers[0];
    made->permutations = numbers[1];
    made->total = numbers[2];
    made->first_subset = numbers[3];
    made->subsets = numbers[4];
    made->seed = (uint64_t)numbers[5];
    made->segments = (uint64_t)numbers[6];
    made->relabel = (int32_t)numbers[7];
    made->exchange = (int32_t)numbers[8];
    made->centred = (int32_t)numbers[9];
    made->enumerated = numbers[10] != 0;
    return QKVSIM_OK;
}

static qkvsim_status take_sides(qkv_unpacker *unpacker, qkvsim_comparison *made)
{
    qkvsim_status status = qkv_unpack_analysis(unpacker, &made->sides[0]);
    if (status == QKVSIM_OK)
        status = qkv_unpack_analysis(unpacker, &made->sides[1]);
    return status == QKVSIM_OK
               ? qkv_unpack_check_sides(unpacker, "COMP", made->sides[0], made->sides[1])
               : status;
}

static qkvsim_status take_distances(qkv_unpacker *unpacker, qkvsim_comparison *made)
{
    const qkvsim_analysis *side = made->sides[0];
    const int64_t rows = rows_of(made), all = QKV_DISTANCE_TESTS * rows;
    int64_t count = 2 * qkv_replicated_cells(side->layout, side->metrics, QKV_KEEP_DISTANCES);
    const qkvsim_status status = qkv_unpack_begin(unpacker, "DIST", QKV_PACKED_F64, count, &count);
    if (status != QKVSIM_OK)
        return status;
    made->values = qkv_allocate(&made->allocator, (size_t)all, sizeof *made->values);
    made->matched = qkv_allocate(&made->allocator, (size_t)all, sizeof *made->matched);
    if (made->values == NULL || made->matched == NULL)
        return qkv_no_memory(unpacker->context, "the distances");
    for (int which = 0; which < 2; which++) {
        double *values = which == 0 ? made->values : made->matched;
        for (int64_t cell = 0; cell < all; cell++) {
            const int32_t metric = qkv_metric_bit((int32_t)(cell / rows / QKV_DISTANCES));
            values[cell] = (side->metrics & metric) != 0 ? qkv_unpack_f64(unpacker) : (double)NAN;
        }
    }
    return QKVSIM_OK;
}

static qkvsim_status take_kept(qkv_unpacker *unpacker, const qkvsim_analysis *side, int64_t count,
                               qkv_replicates kept[2])
{
    const qkvsim_status status = qkv_unpack_replicates(unpacker, side, QKV_KEEP_STATISTICS, count,
                                                       &kept[QKV_KEEP_STATISTICS]);
    return status == QKVSIM_OK ? qkv_unpack_replicates(unpacker, side, QKV_KEEP_DISTANCES, count,
                                                       &kept[QKV_KEEP_DISTANCES])
                               : status;
}

static qkvsim_status take_subsets(qkv_unpacker *unpacker, qkvsim_comparison *made)
{
    qkvsim_status status =
        qkv_unpack_counts_of(unpacker, made->sides[0], made->subsets, &made->subset_counts);
    if (status == QKVSIM_OK)
        status = take_kept(unpacker, made->sides[0], made->subsets, made->of_subsets);
    return status == QKVSIM_OK ? qkv_comparison_summarise_subsets(unpacker->context, made) : status;
}

static qkvsim_status take_relabelled(qkv_unpacker *unpacker, qkvsim_comparison *made)
{
    const int32_t rows = rows_of(made);
    qkvsim_status status =
        take_kept(unpacker, made->sides[0], made->permutations, made->of_relabelled);
    if (status == QKVSIM_OK)
        status = qkv_unpack_nulls(unpacker, rows, QKV_STATISTIC_TESTS, made->permutations,
                                  &made->differences);
    if (status == QKVSIM_OK)
        status = qkv_unpack_nulls(unpacker, rows, QKV_DISTANCE_TESTS, made->permutations,
                                  &made->distances);
    made->distances.upper = true;
    return status;
}

static qkvsim_status take_comparison(qkv_unpacker *unpacker, qkvsim_comparison *made)
{
    qkvsim_status status = take_sides(unpacker, made);
    if (status == QKVSIM_OK)
        status = take_numbers(unpacker, made);
    if (status == QKVSIM_OK)
        status = qkv_unpack_f64s(unpacker, "DIFA", &made->all_different, 1);
    if (status == QKVSIM_OK)
        status = take_distances(unpacker, made);
    if (status == QKVSIM_OK)
        status = take_subsets(unpacker, made);
    return status == QKVSIM_OK ? take_relabelled(unpacker, made) : status;
}

static qkvsim_status unpack(qkv_unpacker *unpacker, void **result)
{
    qkvsim_comparison *made = qkv_allocate_handle(unpacker->context, sizeof *made);
    *result = made;
    return made != NULL ? take_comparison(unpacker, made)
                        : qkv_no_memory(unpacker->context, "the comparison's results");
}

static void release(void *result)
{
    qkvsim_comparison_free(result);
}

static const qkv_format format = { QKVSIM_KIND_COMPARISON, pack_comparison, unpack, release };

/* ---- the public calls ---- */

int64_t qkvsim_comparison_packed_size(const qkvsim_comparison *comparison)
{
    return qkv_packed_size(&format, comparison);
}

qkvsim_status qkvsim_comparison_pack(qkvsim_context *context, const qkvsim_comparison *comparison,
                                     void *buffer, int64_t size)
{
    return qkv_pack(context, &format, comparison, buffer, size);
}

qkvsim_status qkvsim_comparison_unpack(qkvsim_context *context, const void *buffer, int64_t size,
                                       qkvsim_comparison **comparison)
{
    void *made = NULL;
    const qkvsim_status status = qkv_unpack(context, &format, buffer, size, comparison, &made);
    if (status == QKVSIM_OK)
        *comparison = made;
    return status;
}

/* ---- pieces ---- */

enum { TRAITS = 5 };

static void describe(const qkvsim_comparison *of, qkv_trait traits[TRAITS])
{
    const qkv_trait described[TRAITS] = {
        { "seed", of->seed },
        { "relabelling", (uint64_t)of->relabel },
        { "exchange", (uint64_t)of->exchange },
        { "centred", (uint64_t)of->centred },
        { "segments with fingerprint", of->segments },
    };
    memcpy(traits, described, sizeof described);
}

/* Distances of what was observed, which subset of it among them, are as its analyses. */
static qkvsim_status check_observed(qkvsim_context *context, int64_t k,
                                    const qkvsim_comparison *piece, const qkvsim_comparison *first)
{
    const size_t bytes = (size_t)rows_of(first) * QKV_DISTANCE_TESTS * sizeof(double);
    qkvsim_status status = QKVSIM_OK;
    for (int s = 0; s < 2 && status == QKVSIM_OK; s++)
        status = qkv_check_same_analysis(context, k, piece->sides[s], first->sides[s]);
    if (status == QKVSIM_OK
        && (memcmp(piece->values, first->values, bytes) != 0
            || memcmp(piece->matched, first->matched, bytes) != 0
            || piece->all_different != first->all_different))
        status = qkv_invalid(context,
                             "the distances observed in piece %lld and in piece 0 differ in their "
                             "bits: other selections, or other kernels or another OpenBLAS",
                             (long long)k);
    return status;
}

static qkvsim_status check_piece(qkvsim_context *context, int64_t k, const qkvsim_comparison *piece,
                                 const qkvsim_comparison *first)
{
    qkv_trait a[TRAITS], b[TRAITS];
    describe(piece, a);
    describe(first, b);
    const qkv_whole whole = { piece->total, piece->all_different, piece->enumerated };
    const qkv_whole of_first = { first->total, first->all_different, first->enumerated };
    qkvsim_status status =
        qkv_check_whole(context, k, piece->distances.exceedances, "relabellings");
    if (status == QKVSIM_OK)
        status = qkv_check_traits(context, k, a, b, TRAITS);
    if (status == QKVSIM_OK)
        status = qkv_check_enumerated(context, k, &whole, &of_first, "relabellings");
    return status == QKVSIM_OK ? check_observed(context, k, piece, first) : status;
}

/* The pieces in the order of their relabellings, and in that of their subsets. */
typedef struct orders {
    int64_t count, total;
    qkv_range *relabellings, *subsets;
} orders;

static qkvsim_status order_pieces(qkvsim_context *context, const qkvsim_comparison *const *pieces,
                                  orders *made)
{
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < made->count && status == QKVSIM_OK; k++) {
        const qkvsim_comparison *piece = pieces[k];
        status = check_piece(context, k, piece, pieces[0]);
        made->relabellings[k] = (qkv_range){ piece->first, piece->permutations, k };
        made->subsets[k] = (qkv_range){ piece->first_subset, piece->subsets, k };
        made->total = piece->total > made->total ? piece->total : made->total;
    }
    if (status == QKVSIM_OK)
        status = qkv_order_ranges(context, "relabellings", made->relabellings, made->count);
    if (status == QKVSIM_OK)
        status = qkv_order_ranges(context, "matched subsets", made->subsets, made->count);
    return status;
}

/* All but what is repeated: as piece 0 was made, whose place in the whole is of no account. */
static qkvsim_status copy_making(qkvsim_context *context, const qkvsim_comparison *from,
                                 qkvsim_comparison *to)
{
    to->seed = from->seed;
    to->segments = from->segments;
    to->relabel = from->relabel;
    to->exchange = from->exchange;
    to->centred = from->centred;
    to->enumerated = from->enumerated;
    to->all_different = from->all_different;
    qkvsim_status status = QKVSIM_OK;
    for (int s = 0; s < 2 && status == QKVSIM_OK; s++)
        status = qkv_analysis_copy(context, from->sides[s], &to->sides[s]);
    return status;
}

static void count_pieces(const orders *order, qkvsim_comparison *made)
{
    made->total = order->total;
    made->first = qkv_ranges_first(order->relabellings, order->count);
    made->first_subset = qkv_ranges_first(order->subsets, order->count);
    for (int64_t k = 0; k < order->count; k++) {
        made->permutations += order->relabellings[k].count;
        made->subsets += order->subsets[k].count;
    }
}

static void copy_kept(qkv_replicates to[2], int64_t at, const qkv_replicates from[2], int64_t count)
{
    qkv_replicates_copy(&to[QKV_KEEP_STATISTICS], at, &from[QKV_KEEP_STATISTICS], count);
    qkv_replicates_copy(&to[QKV_KEEP_DISTANCES], at, &from[QKV_KEEP_DISTANCES], count);
}

static void copy_pieces(const qkvsim_comparison *const *pieces, const orders *order,
                        qkvsim_comparison *made)
{
    const size_t bytes = (size_t)rows_of(made) * QKV_DISTANCE_TESTS * sizeof(double);
    memcpy(made->values, pieces[0]->values, bytes);
    memcpy(made->matched, pieces[0]->matched, bytes);
    int64_t relabelled = 0, subsets = 0;
    for (int64_t k = 0; k < order->count; k++) {
        const qkv_range *of = &order->relabellings[k], *drawn = &order->subsets[k];
        const qkvsim_comparison *other = pieces[drawn->piece];
        copy_kept(made->of_relabelled, relabelled, pieces[of->piece]->of_relabelled, of->count);
        copy_kept(made->of_subsets, subsets, other->of_subsets, drawn->count);
        qkv_count_sums_merge(&made->subset_counts, &other->subset_counts);
        relabelled += of->count;
        subsets += drawn->count;
    }
}

static qkvsim_status join(qkvsim_context *context, const qkvsim_comparison *const *pieces,
                          const orders *order, qkvsim_comparison *made)
{
    count_pieces(order, made);
    qkvsim_status status = copy_making(context, pieces[0], made);
    if (status == QKVSIM_OK)
        status = qkv_comparison_open_values(context, made);
    if (status != QKVSIM_OK)
        return status;
    copy_pieces(pieces, order, made);
    qkv_comparison_begin_nulls(made);
    return qkv_comparison_finish(context, made);
}

static qkvsim_status merge_pieces(qkvsim_context *context, const qkvsim_comparison *const *pieces,
                                  orders *order, qkvsim_comparison **merged)
{
    qkvsim_comparison *made = NULL;
    if (order->relabellings == NULL || order->subsets == NULL)
        return qkv_no_memory(context, "the order of the pieces");
    qkvsim_status status = order_pieces(context, pieces, order);
    if (status == QKVSIM_OK) {
        made = qkv_allocate_handle(context, sizeof *made);
        status = made != NULL ? QKVSIM_OK : qkv_no_memory(context, "the comparison's results");
    }
    if (status == QKVSIM_OK)
        status = join(context, pieces, order, made);
    if (status == QKVSIM_OK)
        *merged = made;
    else
        qkvsim_comparison_free(made);
    return status;
}

qkvsim_status qkvsim_comparison_merge(qkvsim_context *context,
                                      const qkvsim_comparison *const *pieces, int64_t count,
                                      qkvsim_comparison **merged)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = qkv_check_pieces(context, pieces, count, merged);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_open(context);
    const qkv_allocator *allocator = &context->allocator;
    orders order = { .count = count };
    order.relabellings = qkv_allocate(allocator, (size_t)count, sizeof *order.relabellings);
    order.subsets = qkv_allocate(allocator, (size_t)count, sizeof *order.subsets);
    status = merge_pieces(context, pieces, &order, merged);
    qkv_release(allocator, order.relabellings);
    qkv_release(allocator, order.subsets);
    return status;
}
