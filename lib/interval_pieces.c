/* Intervals as bytes, and put together from pieces of their resamples. */
#include <string.h>

#include "analysis/pieces.h"
#include "repeated/interval_run.h"
#include "repeated/replicates_packing.h"

enum { NUMBERS = 9 };

static int32_t selections_of(const qkvsim_intervals *intervals)
{
    return intervals->observed[1] != NULL ? 2 : 1;
}

/* ---- to bytes ---- */

static void pack_selection(qkv_packer *packer, const qkvsim_intervals *intervals, int32_t s)
{
    const qkv_block_shares *shares = &intervals->shares[s];
    qkv_pack_analysis(packer, intervals->observed[s]);
    qkv_pack_replicates(packer, &intervals->values[s], intervals->replicates);
    qkv_pack_i64s(packer, "HELD", &shares->held, 1);
    qkv_pack_f64s(packer, "SHAR", shares->share,
                  shares->share != NULL ? intervals->blocks.count : 0);
}

static void pack_intervals(qkv_packer *packer, const void *object)
{
    const qkvsim_intervals *intervals = object;
    const int64_t numbers[NUMBERS] = { selections_of(intervals), intervals->method,
                                       intervals->first,         intervals->replicates,
                                       intervals->total,         intervals->block_length,
                                       (int64_t)intervals->seed, (int64_t)intervals->segments,
                                       intervals->blocks.count };
    qkv_pack_i64s(packer, "INTV", numbers, NUMBERS);
    const double of_level[] = { intervals->level, intervals->t[0], intervals->t[1] };
    qkv_pack_f64s(packer, "LEVL", of_level, 3);
    qkv_pack_i64s(packer, "BLKS", intervals->blocks.start,
                  intervals->blocks.count > 0 ? intervals->blocks.count + 1 : 0);
    for (int32_t s = 0; s < selections_of(intervals); s++)
        pack_selection(packer, intervals, s);
}

/* ---- from bytes ---- */

/* Everything that accessors index by: as many blocks as replicates, where blocks are left out. */
static bool numbers_are_sound(const int64_t numbers[NUMBERS], int64_t bytes)
{
    const int64_t most = UINT32_MAX, replicates = numbers[3], blocks = numbers[8];
    const bool jackknife = numbers[1] == QKVSIM_METHOD_JACKKNIFE;
    return (numbers[0] == 1 || numbers[0] == 2)
           && (jackknife || numbers[1] == QKVSIM_METHOD_BOOTSTRAP) && numbers[2] >= 0
           && numbers[2] <= most && replicates >= 0 && replicates <= bytes
           && numbers[2] + replicates <= numbers[4] && numbers[4] <= INT64_MAX / 2
           && numbers[5] >= 0 && blocks >= 0 && blocks <= bytes
           && (jackknife ? replicates == 0 || replicates == blocks : blocks == 0);
}

static qkvsim_status take_numbers(qkv_unpacker *unpacker, qkvsim_intervals *made,
                                  int32_t *selections)
{
    int64_t numbers[NUMBERS];
    const qkvsim_status status = qkv_unpack_i64s(unpacker, "INTV", numbers, NUMBERS);
    if (status != QKVSIM_OK)
        return status;
    if (!numbers_are_sound(numbers, unpacker->size))
        return qkv_unpack_fail(unpacker, "INTV",
                               "%lld selections, method %lld, %lld replicates, %lld blocks",
                               (long long)numbers[0], (long long)numbers[1], (long long)numbers[3],
                               (long long)numbers[8]);
    *selections = (int32_t)numbers[0];
    made->method = (int32_t)numbers[1];
    made->first = numbers[2];
    made->replicates = numbers[3];
    made->total = numbers[4];
    made->block_length = numbers[5];
    made->seed = (uint64_t)numbers[6];
    made->segments = (uint64_t)numbers[7];
    made->blocks.count = numbers[8];
    return QKVSIM_OK;
}

static qkvsim_status take_blocks(qkv_unpacker *unpacker, qkvsim_intervals *made)
{
    double of_level[3];
    int64_t starts = made->blocks.count > 0 ? made->blocks.count + 1 : 0;
    qkvsim_status status = qkv_unpack_f64s(unpacker, "LEVL", of_level, 3);
    if (status == QKVSIM_OK && !(of_level[0] > 0 && of_level[0] < 1))
        return qkv_unpack_fail(unpacker, "LEVL", "level %s", qkv_number(of_level[0]).text);
    if (status == QKVSIM_OK)
        made->blocks.start = qkv_unpack_new(unpacker, "BLKS", QKV_PACKED_I64, &starts, &status);
    if (status != QKVSIM_OK)
        return status;
    made->level = of_level[0];
    made->t[0] = of_level[1];
    made->t[1] = of_level[2];
    for (int64_t k = 0; k < starts; k++)
        if (made->blocks.start[k] < (k > 0 ? made->blocks.start[k - 1] : 0))
            return qkv_unpack_fail(unpacker, "BLKS", "block %lld begins before the one before it",
                                   (long long)k);
    return QKVSIM_OK;
}

static qkvsim_status take_selection(qkv_unpacker *unpacker, qkvsim_intervals *made, int32_t s)
{
    qkv_block_shares *shares = &made->shares[s];
    int64_t count = made->method == QKVSIM_METHOD_JACKKNIFE ? made->replicates : 0;
    qkvsim_status status = qkv_unpack_analysis(unpacker, &made->observed[s]);
    if (status == QKVSIM_OK)
        status = qkv_unpack_replicates(unpacker, made->observed[s], QKV_KEEP_STATISTICS,
                                       made->replicates, &made->values[s]);
    if (status == QKVSIM_OK)
        status = qkv_unpack_i64s(unpacker, "HELD", &shares->held, 1);
    if (status == QKVSIM_OK)
        status = qkv_unpack_begin(unpacker, "SHAR", QKV_PACKED_F64, count, &count);
    if (status != QKVSIM_OK || count == 0)
        return status;
    shares->share =
        qkv_allocate(&made->allocator, (size_t)made->blocks.count, sizeof *shares->share);
    if (shares->share == NULL)
        return qkv_no_memory(unpacker->context, "the shares of the blocks");
    for (int64_t k = 0; k < count; k++)
        shares->share[k] = qkv_unpack_f64(unpacker);
    return QKVSIM_OK;
}

static qkvsim_status take_intervals(qkv_unpacker *unpacker, qkvsim_intervals *made)
{
    int32_t selections = 0;
    qkvsim_status status = take_numbers(unpacker, made, &selections);
    if (status == QKVSIM_OK)
        status = take_blocks(unpacker, made);
    for (int32_t s = 0; s < selections && status == QKVSIM_OK; s++)
        status = take_selection(unpacker, made, s);
    if (status == QKVSIM_OK && selections == 2)
        status = qkv_unpack_check_sides(unpacker, "INTV", made->observed[0], made->observed[1]);
    return status == QKVSIM_OK ? qkv_intervals_prepare(unpacker->context, made) : status;
}

static qkvsim_status unpack(qkv_unpacker *unpacker, void **result)
{
    qkvsim_intervals *made = qkv_allocate_handle(unpacker->context, sizeof *made);
    *result = made;
    return made != NULL ? take_intervals(unpacker, made)
                        : qkv_no_memory(unpacker->context, "the intervals");
}

static void release(void *result)
{
    qkvsim_intervals_free(result);
}

static const qkv_format format = { QKVSIM_KIND_INTERVALS, pack_intervals, unpack, release };

/* ---- the public calls ---- */

int64_t qkvsim_intervals_packed_size(const qkvsim_intervals *intervals)
{
    return qkv_packed_size(&format, intervals);
}

qkvsim_status qkvsim_intervals_pack(qkvsim_context *context, const qkvsim_intervals *intervals,
                                    void *buffer, int64_t size)
{
    return qkv_pack(context, &format, intervals, buffer, size);
}

qkvsim_status qkvsim_intervals_unpack(qkvsim_context *context, const void *buffer, int64_t size,
                                      qkvsim_intervals **intervals)
{
    void *made = NULL;
    const qkvsim_status status = qkv_unpack(context, &format, buffer, size, intervals, &made);
    if (status == QKVSIM_OK)
        *intervals = made;
    return status;
}

/* ---- pieces ---- */

int64_t qkvsim_intervals_first(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->first : 0;
}

int64_t qkvsim_intervals_total(const qkvsim_intervals *intervals)
{
    return intervals != NULL && intervals->method == QKVSIM_METHOD_BOOTSTRAP ? intervals->total : 0;
}

enum { TRAITS = 4 };

static void describe(const qkvsim_intervals *of, qkv_trait traits[TRAITS])
{
    const qkv_trait described[TRAITS] = {
        { "selections", (uint64_t)selections_of(of) },
        { "seed", of->seed },
        { "block length", (uint64_t)of->block_length },
        { "segments with fingerprint", of->segments },
    };
    memcpy(traits, described, sizeof described);
}

static qkvsim_status check_piece(qkvsim_context *context, int64_t k, const qkvsim_intervals *piece,
                                 const qkvsim_intervals *first)
{
    qkv_trait a[TRAITS], b[TRAITS];
    describe(piece, a);
    describe(first, b);
    if (piece->method != QKVSIM_METHOD_BOOTSTRAP)
        return qkv_invalid(context, "piece %lld is of the jackknife, which has no pieces",
                           (long long)k);
    if (piece->level != first->level)
        return qkv_invalid(context, "piece %lld has level %s, and piece 0 has %s", (long long)k,
                           qkv_number(piece->level).text, qkv_number(first->level).text);
    qkvsim_status status = qkv_check_traits(context, k, a, b, TRAITS);
    for (int32_t s = 0; s < selections_of(first) && status == QKVSIM_OK; s++)
        status = qkv_check_same_analysis(context, k, piece->observed[s], first->observed[s]);
    return status;
}

static qkvsim_status order_pieces(qkvsim_context *context, const qkvsim_intervals *const *pieces,
                                  int64_t count, qkv_range *ranges)
{
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < count && status == QKVSIM_OK; k++) {
        status = check_piece(context, k, pieces[k], pieces[0]);
        ranges[k] = (qkv_range){ pieces[k]->first, pieces[k]->replicates, k };
    }
    return status == QKVSIM_OK ? qkv_order_ranges(context, "resamples", ranges, count) : status;
}

static void copy_making(const qkvsim_intervals *const *pieces, const qkv_range *ranges,
                        int64_t count, qkvsim_intervals *made)
{
    made->method = pieces[0]->method;
    made->level = pieces[0]->level;
    made->seed = pieces[0]->seed;
    made->segments = pieces[0]->segments;
    made->block_length = pieces[0]->block_length;
    made->t[0] = pieces[0]->t[0];
    made->t[1] = pieces[0]->t[1];
    made->first = qkv_ranges_first(ranges, count);
    for (int64_t k = 0; k < count; k++) {
        made->replicates += ranges[k].count;
        made->total = qkv_larger(pieces[k]->total, made->total);
    }
}

static qkvsim_status join(qkvsim_context *context, const qkvsim_intervals *const *pieces,
                          const qkv_range *ranges, int64_t count, qkvsim_intervals *made)
{
    qkvsim_status status = QKVSIM_OK;
    copy_making(pieces, ranges, count, made);
    for (int32_t s = 0; s < selections_of(pieces[0]) && status == QKVSIM_OK; s++) {
        const qkvsim_analysis *observed = pieces[0]->observed[s];
        int64_t at = 0;
        status = qkv_analysis_copy(context, observed, &made->observed[s]);
        if (status == QKVSIM_OK)
            status = qkv_replicates_open(context, observed->layout, observed->metrics,
                                         QKV_KEEP_STATISTICS, made->replicates, &made->values[s]);
        for (int64_t k = 0; k < count && status == QKVSIM_OK; at += ranges[k++].count)
            qkv_replicates_copy(&made->values[s], at, &pieces[ranges[k].piece]->values[s],
                                ranges[k].count);
    }
    return status;
}

qkvsim_status qkvsim_intervals_merge(qkvsim_context *context, const qkvsim_intervals *const *pieces,
                                     int64_t count, qkvsim_intervals **merged)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = qkv_check_pieces(context, pieces, count, merged);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_open(context);
    qkvsim_intervals *made = NULL;
    qkv_range *ranges = qkv_allocate(&context->allocator, (size_t)count, sizeof *ranges);
    status = ranges != NULL ? order_pieces(context, pieces, count, ranges)
                            : qkv_no_memory(context, "the order of the pieces");
    if (status == QKVSIM_OK) {
        made = qkv_allocate_handle(context, sizeof *made);
        status = made != NULL ? QKVSIM_OK : qkv_no_memory(context, "the intervals");
    }
    if (status == QKVSIM_OK)
        status = join(context, pieces, ranges, count, made);
    qkv_release(&context->allocator, ranges);
    if (status == QKVSIM_OK)
        status = qkv_intervals_prepare(context, made);
    if (status == QKVSIM_OK)
        *merged = made;
    else
        qkvsim_intervals_free(made);
    return status;
}
