/* Accumulators as bytes. */
#include <math.h>

#include "accumulator.h"
#include "base/unpacking.h"
#include "flow/gram.h"

/* Of the first section: what an accumulator without blocks has of it, a part of one, and one with
 * blocks. */
enum { PLAIN_SIZES = 2, PART_SIZES = 4, ALL_SIZES = 8 };

/* ---- to bytes ---- */

static void pack_sums(qkv_packer *packer, const qkvsim_accumulator *accumulator)
{
    const int64_t d = accumulator->features;
    qkv_pack_begin(packer, "MEAN", QKV_PACKED_F64, 3 * d);
    for (int64_t j = 0; j < d; j++) {
        qkv_pack_f64(packer, accumulator->running[j].mean);
        qkv_pack_f64(packer, accumulator->running[j].mean_low);
        qkv_pack_f64(packer, accumulator->running[j].first);
    }
    qkv_pack_begin(packer, "FLAG", QKV_PACKED_I64, d);
    for (int64_t j = 0; j < d; j++)
        qkv_pack_i64(packer,
                     accumulator->running[j].constant + 2 * accumulator->running[j].nonfinite);
    if (qkv_accumulator_is_part(accumulator))
        qkv_pack_f64s(packer, "SQRS", accumulator->squares, d);
    qkv_pack_f64s(packer, "MOM2", accumulator->moments, qkv_moment_count(accumulator));
}

static void pack_accumulator(qkv_packer *packer, const void *object)
{
    const qkvsim_accumulator *accumulator = object;
    const qkv_stream_blocks *blocks = &accumulator->blocks;
    const int64_t sizes[ALL_SIZES] = { accumulator->features, accumulator->observations,
                                       blocks->most,          blocks->count,
                                       blocks->documents,     blocks->last,
                                       blocks->open,          blocks->open ? blocks->segment : 0 };
    const int64_t rows[PART_SIZES] = { accumulator->features, accumulator->observations,
                                       accumulator->first_row, accumulator->end_row };
    if (qkv_accumulator_is_part(accumulator))
        qkv_pack_i64s(packer, "ACCU", rows, PART_SIZES);
    else
        qkv_pack_i64s(packer, "ACCU", sizes, blocks->most > 0 ? ALL_SIZES : PLAIN_SIZES);
    if (blocks->most == 0)
        pack_sums(packer, accumulator);
    for (int64_t k = 0; k < blocks->count; k++) {
        qkv_pack_i64s(packer, "BLCK", &blocks->block[k]->observations, 1);
        pack_sums(packer, blocks->block[k]);
    }
}

/* ---- from bytes ---- */

/* What the first section says. */
typedef struct sizes {
    int64_t features, observations;
    int64_t first_row, end_row;
    qkv_stream_blocks blocks;
} sizes;

static bool blocks_are_sound(const qkv_stream_blocks *blocks, const int64_t *numbers)
{
    const int64_t documents = blocks->documents;
    return blocks->most >= QKV_STREAM_BLOCKS_LEAST && blocks->most <= QKV_STREAM_BLOCKS_MOST
           && blocks->count >= 0 && blocks->count <= blocks->most && documents >= 1
           && documents <= INT64_MAX / 4 && (documents & (documents - 1)) == 0 && blocks->last >= 0
           && blocks->last <= documents && (numbers[6] & ~(int64_t)1) == 0
           && numbers[7] == blocks->segment;
}

/* Some of the rows, and not all. */
static bool take_rows(const int64_t *numbers, sizes *taken)
{
    taken->first_row = numbers[2];
    taken->end_row = numbers[3];
    return taken->first_row >= 0 && taken->first_row < taken->end_row
           && taken->end_row <= taken->features
           && taken->end_row - taken->first_row < taken->features;
}

/* At least as many bytes as the sums take. */
static double bytes_of(const sizes *taken, double sums)
{
    enum { BYTES_OF_FEATURE = 32 };
    const double behind_first = (double)(taken->features - taken->first_row);
    const double behind_end = (double)(taken->features - taken->end_row);
    return sums
           * (4 * (behind_first * behind_first - behind_end * behind_end)
              + BYTES_OF_FEATURE * (double)taken->features);
}

/* As many moments as the section says there are, before an accumulator is made room for. */
static qkvsim_status take_sizes(qkv_unpacker *unpacker, sizes *taken)
{
    int64_t numbers[ALL_SIZES] = { 0 }, count;
    qkvsim_status status = qkv_unpack_begin(unpacker, "ACCU", QKV_PACKED_I64, -1, &count);
    if (status == QKVSIM_OK && count != PLAIN_SIZES && count != PART_SIZES && count != ALL_SIZES)
        status = qkv_unpack_fail(unpacker, "ACCU", "%lld numbers, expected %d, %d or %d",
                                 (long long)count, PLAIN_SIZES, PART_SIZES, ALL_SIZES);
    if (status != QKVSIM_OK)
        return status;
    for (int64_t k = 0; k < count; k++)
        numbers[k] = qkv_unpack_i64(unpacker);
    *taken = (sizes){ .features = numbers[0], .observations = numbers[1], .end_row = numbers[0] };
    if (count == ALL_SIZES)
        taken->blocks = (qkv_stream_blocks){ .most = numbers[2],
                                             .count = numbers[3],
                                             .documents = numbers[4],
                                             .last = numbers[5],
                                             .open = numbers[6] != 0,
                                             .segment = (int32_t)numbers[7] };
    if (count == PART_SIZES && !take_rows(numbers, taken))
        return qkv_unpack_fail(unpacker, "ACCU", "rows %lld to %lld of %lld are no part",
                               (long long)numbers[2], (long long)numbers[3] - 1,
                               (long long)numbers[0]);
    if (count == ALL_SIZES && !blocks_are_sound(&taken->blocks, numbers))
        return qkv_unpack_fail(unpacker, "ACCU", "%lld of %lld blocks are not possible",
                               (long long)taken->blocks.count, (long long)taken->blocks.most);
    const double sums = count == ALL_SIZES ? (double)taken->blocks.count : 1;
    const double bytes = bytes_of(taken, sums);
    return taken->features >= 1 && taken->features <= INT32_MAX && taken->observations >= 0
                   && bytes < (double)unpacker->size
               ? QKVSIM_OK
               : qkv_unpack_fail(unpacker, "ACCU",
                                 "%lld features and %lld observations, in %lld bytes",
                                 (long long)taken->features, (long long)taken->observations,
                                 (long long)unpacker->size);
}

static qkvsim_status take_features(qkv_unpacker *unpacker, qkvsim_accumulator *accumulator)
{
    const int64_t d = accumulator->features;
    int64_t count;
    qkvsim_status status = qkv_unpack_begin(unpacker, "MEAN", QKV_PACKED_F64, 3 * d, &count);
    for (int64_t j = 0; j < d && status == QKVSIM_OK; j++) {
        qkv_running_feature *feature = &accumulator->running[j];
        feature->mean = qkv_unpack_f64(unpacker);
        feature->mean_low = qkv_unpack_f64(unpacker);
        feature->first = qkv_unpack_f64(unpacker);
        if (!isfinite(feature->mean) || !isfinite(feature->mean_low) || !isfinite(feature->first))
            status =
                qkv_unpack_fail(unpacker, "MEAN", "feature %lld's is not finite", (long long)j);
    }
    if (status == QKVSIM_OK)
        status = qkv_unpack_begin(unpacker, "FLAG", QKV_PACKED_I64, d, &count);
    for (int64_t j = 0; j < d && status == QKVSIM_OK; j++) {
        const int64_t flags = qkv_unpack_i64(unpacker);
        accumulator->running[j].constant = (flags & 1) != 0;
        accumulator->running[j].nonfinite = (flags & 2) != 0;
        if (flags < 0 || flags > 3)
            status = qkv_unpack_fail(unpacker, "FLAG", "feature %lld has %lld", (long long)j,
                                     (long long)flags);
    }
    return status;
}

/* A feature that varies has a sum of squares in range: everything that reads moments divides by
 * it. */
static bool norm_is_sound(const qkvsim_accumulator *accumulator, int64_t j)
{
    const qkv_running_feature *feature = &accumulator->running[j];
    const double squares = accumulator->squares[j];
    return accumulator->observations == 0 || feature->constant || feature->nonfinite
           || qkv_squares_in_range(squares, false);
}

/* Cauchy and Schwarz, but for rounding. What is accumulated of features that are not finite is of
 * no account, and nothing is of an empty accumulator. */
static bool moment_is_sound(const qkvsim_accumulator *accumulator, int64_t i, int64_t j)
{
    const qkv_running_feature *a = &accumulator->running[i], *b = &accumulator->running[j];
    const double moment = accumulator->moments[qkv_moment_place(accumulator, i, j)];
    const double squares_i = accumulator->squares[i], squares_j = accumulator->squares[j];
    if (accumulator->observations == 0)
        return moment == 0;
    if (a->nonfinite || b->nonfinite)
        return true;
    return a->constant || b->constant ? isfinite(moment)
                                      : fabs(moment) <= 1.0001 * sqrt(squares_i) * sqrt(squares_j);
}

/* The diagonal, of which a part has some in its moments too. */
static qkvsim_status take_diagonal(qkv_unpacker *unpacker, qkvsim_accumulator *accumulator)
{
    const bool part = qkv_accumulator_is_part(accumulator);
    for (int64_t i = accumulator->first_row; i < accumulator->end_row; i++) {
        const double own = accumulator->moments[qkv_moment_place(accumulator, i, i)];
        if (part && own != accumulator->squares[i])
            return qkv_unpack_fail(unpacker, "SQRS", "feature %lld's is another than in its row",
                                   (long long)i);
        accumulator->squares[i] = own;
    }
    for (int64_t i = 0; i < accumulator->features; i++)
        if (!norm_is_sound(accumulator, i))
            return qkv_unpack_fail(unpacker, part ? "SQRS" : "MOM2",
                                   "the sum of squares of feature %lld is %s", (long long)i,
                                   qkv_number(accumulator->squares[i]).text);
    return QKVSIM_OK;
}

/* Into the accumulator's memory or, where it has none for them, where they are if that can be. */
static qkvsim_status take_products(qkv_unpacker *unpacker, qkvsim_accumulator *accumulator)
{
    const int64_t count = qkv_moment_count(accumulator);
    const double *values = NULL;
    qkvsim_status status = QKVSIM_OK;
    if (accumulator->moments == NULL) {
        status = qkv_unpack_f64s_in_place(unpacker, "MOM2", &values, count);
        accumulator->moments = (double *)values;
        accumulator->borrowed = values != NULL;
        if (status == QKVSIM_OK && values == NULL)
            status = qkv_accumulator_make_moments(unpacker->context, accumulator);
    }
    if (status == QKVSIM_OK && values == NULL)
        status = qkv_unpack_f64s(unpacker, "MOM2", accumulator->moments, count);
    return status;
}

static qkvsim_status take_moments(qkv_unpacker *unpacker, qkvsim_accumulator *accumulator)
{
    const int64_t d = accumulator->features;
    qkvsim_status status = QKVSIM_OK;
    if (qkv_accumulator_is_part(accumulator))
        status = qkv_unpack_f64s(unpacker, "SQRS", accumulator->squares, d);
    if (status == QKVSIM_OK)
        status = take_products(unpacker, accumulator);
    if (status == QKVSIM_OK)
        status = take_diagonal(unpacker, accumulator);
    if (status != QKVSIM_OK)
        return status;
    for (int64_t i = accumulator->first_row, number = 0; i < accumulator->end_row; i++)
        for (int64_t j = i; j < d; j++)
            if (qkv_work_pulse_at(unpacker->context, number++))
                return qkv_cancelled(unpacker->context);
            else if (!moment_is_sound(accumulator, i, j))
                return qkv_unpack_fail(unpacker, "MOM2",
                                       "the product of features %lld and %lld exceeds their norms'",
                                       (long long)i, (long long)j);
    return QKVSIM_OK;
}

static qkvsim_status take_sums(qkv_unpacker *unpacker, qkvsim_accumulator *accumulator)
{
    const qkvsim_status status = take_features(unpacker, accumulator);
    return status == QKVSIM_OK ? take_moments(unpacker, accumulator) : status;
}

/* Each block's sums are sound by themselves, and so must they be together. */
static qkvsim_status take_blocks(qkv_unpacker *unpacker, const qkv_stream_blocks *blocks,
                                 qkvsim_accumulator *accumulator)
{
    qkvsim_status status = QKVSIM_OK;
    int64_t left = accumulator->observations;
    for (int64_t k = 0; k < blocks->count && status == QKVSIM_OK; k++) {
        qkvsim_accumulator *block = accumulator->blocks.block[k];
        status = qkv_unpack_i64s(unpacker, "BLCK", &block->observations, 1);
        if (status == QKVSIM_OK && (block->observations < 0 || block->observations > left))
            status = qkv_unpack_fail(unpacker, "BLCK", "block %lld has %lld of %lld observations",
                                     (long long)k, (long long)block->observations,
                                     (long long)accumulator->observations);
        if (status != QKVSIM_OK)
            return status;
        left -= block->observations;
        status = take_sums(unpacker, block);
    }
    if (status == QKVSIM_OK && left != 0)
        status =
            qkv_unpack_fail(unpacker, "BLCK", "the blocks lack %lld observations", (long long)left);
    if (status == QKVSIM_OK)
        status = qkv_accumulators_check(
            unpacker->context, (const qkvsim_accumulator *const *)accumulator->blocks.block,
            blocks->count);
    return status;
}

static qkvsim_status open_taken(qkvsim_context *context, const sizes *taken, bool in_place,
                                qkvsim_accumulator **accumulator)
{
    const qkv_stream_blocks *blocks = &taken->blocks;
    if (blocks->most > 0)
        return qkv_stream_blocks_open(context, taken->features, blocks->most, blocks->count,
                                      accumulator);
    return (in_place ? qkv_accumulator_open_features : qkv_accumulator_open_rows)(
        context, taken->features, taken->first_row, taken->end_row, accumulator);
}

static qkvsim_status take_all(qkv_unpacker *unpacker, const sizes *taken, bool in_place,
                              qkvsim_accumulator **accumulator)
{
    const qkv_stream_blocks *blocks = &taken->blocks;
    const qkvsim_status status = open_taken(unpacker->context, taken, in_place, accumulator);
    if (status != QKVSIM_OK)
        return status;
    qkvsim_accumulator *made = *accumulator;
    qkvsim_accumulator **block = made->blocks.block;
    made->observations = taken->observations;
    made->blocks = *blocks;
    made->blocks.block = block;
    return blocks->most > 0 ? take_blocks(unpacker, blocks, made) : take_sums(unpacker, made);
}

static qkvsim_status unpack_as(qkv_unpacker *unpacker, bool in_place, void **result)
{
    qkvsim_accumulator *made = NULL;
    sizes taken;
    qkvsim_status status = take_sizes(unpacker, &taken);
    if (status == QKVSIM_OK)
        status = take_all(unpacker, &taken, in_place, &made);
    *result = made;
    return status;
}

static qkvsim_status unpack(qkv_unpacker *unpacker, void **result)
{
    return unpack_as(unpacker, false, result);
}

static qkvsim_status unpack_in_place(qkv_unpacker *unpacker, void **result)
{
    return unpack_as(unpacker, true, result);
}

static void release(void *result)
{
    qkvsim_accumulator_free(result);
}

static const qkv_format format = { QKVSIM_KIND_ACCUMULATOR, pack_accumulator, unpack, release };
static const qkv_format format_in_place = { QKVSIM_KIND_ACCUMULATOR, pack_accumulator,
                                            unpack_in_place, release };

/* ---- the public calls ---- */

int64_t qkvsim_accumulator_packed_size(const qkvsim_accumulator *accumulator)
{
    return qkv_packed_size(&format, accumulator);
}

qkvsim_status qkvsim_accumulator_pack(qkvsim_context *context,
                                      const qkvsim_accumulator *accumulator, void *buffer,
                                      int64_t size)
{
    return qkv_pack(context, &format, accumulator, buffer, size);
}

static qkvsim_status unpack_by(qkvsim_context *context, const qkv_format *by, const void *buffer,
                               int64_t size, qkvsim_accumulator **accumulator)
{
    void *made = NULL;
    const qkvsim_status status = qkv_unpack(context, by, buffer, size, accumulator, &made);
    if (status == QKVSIM_OK)
        *accumulator = made;
    return status;
}

qkvsim_status qkvsim_accumulator_unpack(qkvsim_context *context, const void *buffer, int64_t size,
                                        qkvsim_accumulator **accumulator)
{
    return unpack_by(context, &format, buffer, size, accumulator);
}

qkvsim_status qkvsim_accumulator_unpack_in_place(qkvsim_context *context, const void *buffer,
                                                 int64_t size, qkvsim_accumulator **accumulator)
{
    return unpack_by(context, &format_in_place, buffer, size, accumulator);
}
