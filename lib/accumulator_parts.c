/* Parts of an accumulator, of some rows of the triangle each, put together. */
#include <string.h>

#include "accumulator.h"

static qkvsim_status check_part(qkvsim_context *context, const qkvsim_accumulator *const *parts,
                                int64_t k)
{
    if (parts[k] == NULL)
        return qkv_invalid(context, "part %lld is NULL", (long long)k);
    if (parts[k]->blocks.most > 0)
        return qkv_invalid(context, "part %lld keeps blocks: it is no part", (long long)k);
    if (parts[k]->features != parts[0]->features
        || parts[k]->observations != parts[0]->observations)
        return qkv_invalid(
            context, "part %lld has %lld features and %lld observations, part 0 %lld and %lld",
            (long long)k, (long long)parts[k]->features, (long long)parts[k]->observations,
            (long long)parts[0]->features, (long long)parts[0]->observations);
    const int64_t next = k > 0 ? parts[k - 1]->end_row : 0;
    if (parts[k]->first_row != next)
        return qkv_invalid(context, "part %lld begins with row %lld, expected %lld", (long long)k,
                           (long long)parts[k]->first_row, (long long)next);
    return QKVSIM_OK;
}

static bool is_same_feature(const qkv_running_feature *a, const qkv_running_feature *b)
{
    return a->mean == b->mean && a->mean_low == b->mean_low && a->first == b->first
           && a->constant == b->constant && a->nonfinite == b->nonfinite;
}

/* All parts have seen the same observations. */
static qkvsim_status check_features(qkvsim_context *context, const qkvsim_accumulator *const *parts,
                                    int64_t k)
{
    for (int64_t j = 0; j < parts[0]->features; j++)
        if (!is_same_feature(&parts[k]->running[j], &parts[0]->running[j])
            || parts[k]->squares[j] != parts[0]->squares[j])
            return qkv_invalid(context,
                               "feature %lld has other sums in part %lld than in part 0: other "
                               "observations, or other kernels",
                               (long long)j, (long long)k);
    return QKVSIM_OK;
}

static qkvsim_status check_parts(qkvsim_context *context, const qkvsim_accumulator *const *parts,
                                 int64_t count)
{
    qkvsim_status status = QKVSIM_OK;
    for (int64_t k = 0; k < count && status == QKVSIM_OK; k++)
        status = check_part(context, parts, k);
    if (status == QKVSIM_OK && parts[count - 1]->end_row != parts[0]->features)
        status =
            qkv_invalid(context, "the parts end with row %lld of %lld",
                        (long long)parts[count - 1]->end_row - 1, (long long)parts[0]->features);
    for (int64_t k = 1; k < count && status == QKVSIM_OK; k++)
        status = check_features(context, parts, k);
    return status;
}

static bool take_part(qkvsim_context *context, const qkvsim_accumulator *part,
                      qkvsim_accumulator *made)
{
    return qkv_copy_watched(
        context, made->moments + qkv_moment_place(made, part->first_row, part->first_row),
        part->moments, (size_t)qkv_moment_count(part) * sizeof *made->moments);
}

qkvsim_status qkvsim_accumulator_join(qkvsim_context *context,
                                      const qkvsim_accumulator *const *parts, int64_t count,
                                      qkvsim_accumulator **joined)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (parts == NULL || joined == NULL)
        return qkv_invalid(context, "%s is NULL", parts == NULL ? "parts" : "joined");
    if (count < 1)
        return qkv_invalid(context, "%lld parts, expected 1 or more", (long long)count);
    qkv_work_open(context);
    qkvsim_accumulator *made = NULL;
    qkvsim_status status = check_parts(context, parts, count);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_open(context, parts[0]->features, &made);
    if (status != QKVSIM_OK)
        return status;
    const size_t features = (size_t)made->features;
    made->observations = parts[0]->observations;
    memcpy(made->running, parts[0]->running, features * sizeof *made->running);
    memcpy(made->squares, parts[0]->squares, features * sizeof *made->squares);
    for (int64_t k = 0; k < count; k++)
        if (!take_part(context, parts[k], made)) {
            qkvsim_accumulator_free(made);
            return qkv_cancelled(context);
        }
    *joined = made;
    return QKVSIM_OK;
}
