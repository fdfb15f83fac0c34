/* The schemes of permutations, checked before anything is permuted. */
#include "scheme.h"

#include "resample.h"

static bool needs_layout(int32_t scheme)
{
    return scheme == QKVSIM_SCHEME_GROUP || qkv_moves_groups(scheme);
}

/* Schemes that move observations and not values: those whose units and residuals may move. */
static bool moves_units(int32_t scheme)
{
    return scheme == QKVSIM_SCHEME_FEATURE || scheme == QKVSIM_SCHEME_OBSERVATIONS
           || scheme == QKVSIM_SCHEME_FLIP;
}

static qkvsim_status check_moves(qkvsim_context *context, const qkv_permuter_options *options)
{
    if (options->exchange < 0 || options->exchange > QKVSIM_EXCHANGE_SEGMENTS)
        return qkv_unknown(context, options->exchange, QKVSIM_EXCHANGE_SEGMENTS,
                           "exchange is %d, expected 0, QKVSIM_EXCHANGE_OBSERVATIONS (1) or "
                           "SEGMENTS (2)",
                           (int)options->exchange);
    const bool by_segments = options->exchange == QKVSIM_EXCHANGE_SEGMENTS;
    return (!by_segments && options->covariates == NULL) || moves_units(options->scheme)
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "%s, which scheme %d has no use for: only QKVSIM_SCHEME_FEATURE (2), "
                             "OBSERVATIONS (5) and FLIP (7) have",
                             by_segments ? "exchange is QKVSIM_EXCHANGE_SEGMENTS (2)"
                                         : "there are covariates",
                             (int)options->scheme);
}

qkvsim_status qkv_check_permuter_options(qkvsim_context *context, const qkv_input *input,
                                         const qkv_permuter_options *options)
{
    if (options->scheme < QKVSIM_SCHEME_ALL || options->scheme > QKVSIM_SCHEME_FLIP)
        return qkv_unknown(context, options->scheme, QKVSIM_SCHEME_FLIP,
                           "scheme is %d, expected QKVSIM_SCHEME_ALL (1), FEATURE (2), SHIFT (3), "
                           "GROUP (4), OBSERVATIONS (5), OBSERVATIONS_SHIFT (6) or FLIP (7)",
                           (int)options->scheme);
    if (needs_layout(options->scheme) && options->layout == NULL)
        return qkv_invalid(context,
                           "scheme %d permutes within groups or group by group, but layout is NULL",
                           (int)options->scheme);
    int64_t words;
    if (!qkv_multiply(input->observations, input->features, &words) || words > PTRDIFF_MAX / 16
        || input->observations > QKV_DRAWN_MOST)
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                        "%lld observations of %lld features are too many to permute",
                        (long long)input->observations, (long long)input->features);
    const qkvsim_status status = check_moves(context, options);
    return status == QKVSIM_OK && needs_layout(options->scheme)
               ? qkv_check_layout(context, options->layout, input->features)
               : status;
}
