/* Accumulators as bytes. */
#include <float.h>
#include <math.h>

#include "accumulator.h"
#include "gram.h"
#include "packing.h"

/* ---- to bytes ---- */

static void pack_accumulator(qkv_packer *packer, const void *object)
{
    const qkvsim_accumulator *accumulator = object;
    const int64_t d = accumulator->features;
    const int64_t sizes[] = { d, accumulator->observations };
    qkv_pack_i64s(packer, "ACCU", sizes, 2);
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
    qkv_pack_f64s(packer, "MOM2", accumulator->moments, qkv_packed(d, d, d));
}

int64_t qkvsim_accumulator_packed_size(const qkvsim_accumulator *accumulator)
{
    return qkv_packed_size(accumulator, pack_accumulator);
}

qkvsim_status qkvsim_accumulator_pack(qkvsim_context *context,
                                      const qkvsim_accumulator *accumulator, void *buffer,
                                      int64_t size)
{
    return qkv_pack(context, accumulator, QKVSIM_KIND_ACCUMULATOR, pack_accumulator, buffer, size);
}

/* ---- from bytes ---- */

/* As many moments as the section says there are, before an accumulator is made room for. */
static qkvsim_status take_sizes(qkv_unpacker *unpacker, int64_t *features, int64_t *observations)
{
    int64_t sizes[2];
    const qkvsim_status status = qkv_unpack_i64s(unpacker, "ACCU", sizes, 2);
    if (status != QKVSIM_OK)
        return status;
    *features = sizes[0];
    *observations = sizes[1];
    const double bytes = 4 * (double)*features * (double)*features;
    return *features >= 1 && *observations >= 0 && bytes < (double)unpacker->size
               ? QKVSIM_OK
               : qkv_unpack_fail(
                   unpacker, "ACCU", "%lld features and %lld observations, in %lld bytes",
                   (long long)*features, (long long)*observations, (long long)unpacker->size);
}

static qkvsim_status take_features(qkv_unpacker *unpacker, qkvsim_accumulator *accumulator)
{
    const int64_t d = accumulator->features;
    int64_t count;
    qkvsim_status status = qkv_unpack_begin(unpacker, "MEAN", QKV_PACKED_F64, 3 * d, &count);
    for (int64_t j = 0; j < d && status == QKVSIM_OK; j++) {
        running_feature *feature = &accumulator->running[j];
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

/* A feature that varies has a sum of squares in range: everything that reads moments divides by it. */
static bool norm_is_sound(const qkvsim_accumulator *accumulator, int64_t j)
{
    const running_feature *feature = &accumulator->running[j];
    const double squares = accumulator->moments[qkv_packed(accumulator->features, j, j)];
    return accumulator->observations == 0 || feature->constant || feature->nonfinite
           || (squares >= DBL_MIN && squares <= DBL_MAX);
}

/* Cauchy and Schwarz, but for rounding. What is accumulated of features that are not finite is of no
 * account, and nothing is of an empty accumulator. */
static bool moment_is_sound(const qkvsim_accumulator *accumulator, int64_t i, int64_t j)
{
    const running_feature *a = &accumulator->running[i], *b = &accumulator->running[j];
    const int64_t d = accumulator->features;
    const double moment = accumulator->moments[qkv_packed(d, i, j)];
    const double squares_i = accumulator->moments[qkv_packed(d, i, i)];
    const double squares_j = accumulator->moments[qkv_packed(d, j, j)];
    if (accumulator->observations == 0)
        return moment == 0;
    if (a->nonfinite || b->nonfinite)
        return true;
    return a->constant || b->constant ? isfinite(moment)
                                      : fabs(moment) <= 1.0001 * sqrt(squares_i) * sqrt(squares_j);
}

static qkvsim_status take_moments(qkv_unpacker *unpacker, qkvsim_accumulator *accumulator)
{
    const int64_t d = accumulator->features;
    const qkvsim_status status =
        qkv_unpack_f64s(unpacker, "MOM2", accumulator->moments, qkv_packed(d, d, d));
    if (status != QKVSIM_OK)
        return status;
    for (int64_t i = 0; i < d; i++)
        if (!norm_is_sound(accumulator, i))
            return qkv_unpack_fail(unpacker, "MOM2", "the sum of squares of feature %lld is %s",
                                   (long long)i,
                                   qkv_number(accumulator->moments[qkv_packed(d, i, i)]).text);
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = i; j < d; j++)
            if (!moment_is_sound(accumulator, i, j))
                return qkv_unpack_fail(unpacker, "MOM2",
                                       "the product of features %lld and %lld exceeds their norms'",
                                       (long long)i, (long long)j);
    return QKVSIM_OK;
}

qkvsim_status qkvsim_accumulator_unpack(qkvsim_context *context, const void *buffer, int64_t size,
                                        qkvsim_accumulator **accumulator)
{
    qkv_unpacker unpacker;
    qkvsim_accumulator *made = NULL;
    int64_t features = 0, observations = 0;
    qkvsim_status status =
        qkv_unpack_open(context, buffer, size, QKVSIM_KIND_ACCUMULATOR, accumulator, &unpacker);
    if (status == QKVSIM_OK)
        status = take_sizes(&unpacker, &features, &observations);
    if (status == QKVSIM_OK)
        status = qkvsim_accumulator_create(context, features, &made);
    if (status == QKVSIM_OK) {
        made->observations = observations;
        status = take_features(&unpacker, made);
    }
    if (status == QKVSIM_OK)
        status = take_moments(&unpacker, made);
    if (status == QKVSIM_OK)
        status = qkv_unpack_close(&unpacker);
    if (status == QKVSIM_OK)
        *accumulator = made;
    else
        qkvsim_accumulator_free(made);
    return status;
}
