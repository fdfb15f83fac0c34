/* The strongest pairs: a session's panels and tiles with the sink that keeps pairs. */
#include "pairs.h"

#include "base/structs.h"
#include "flow/pairs_sink.h"
#include "flow/prepare.h"
#include "flow/product_source.h"

enum {
    ROOM_AT_LEAST = 65536, /* pairs that a threshold has room for in any case */
    SLACK_AT_LEAST = 64,   /* and a list of the top k beyond k */
    STRENGTH_NONE = -2     /* below every strength */
};

struct qkvsim_pairs {
    qkv_allocator allocator;
    qkvsim_pair *list;
    int64_t count;
    int64_t observations;
    int32_t metric, arithmetic;
};

/* ---- options ---- */

static qkvsim_status check_threshold(qkvsim_context *context, const qkvsim_pairs_options *options)
{
    if (options->threshold == NULL)
        return options->top != 0
                   ? QKVSIM_OK
                   : qkv_invalid(context, "threshold is NULL and top is 0: at least one of them "
                                          "is needed");
    const double threshold = *options->threshold;
    if (!(threshold >= -1 && threshold <= 1))
        return qkv_invalid(context, "threshold is %s, expected a number from -1 to 1",
                           qkv_number(threshold).text);
    if (threshold < 0 && options->sign == QKVSIM_SIGN_BOTH)
        return qkv_invalid(context,
                           "threshold is %s, but of absolute values, which are from 0 to 1: "
                           "QKVSIM_SIGN_NEGATIVE with %s finds values of at most %s",
                           qkv_number(threshold).text, qkv_number(-threshold).text,
                           qkv_number(threshold).text);
    return QKVSIM_OK;
}

static qkvsim_status check_numbers(qkvsim_context *context, const qkvsim_pairs_options *options)
{
    if (options->top < 0)
        return qkv_invalid(context, "top is %lld, expected a number of pairs",
                           (long long)options->top);
    if (options->limit < 0)
        return qkv_invalid(context, "limit is %lld, expected a number of pairs",
                           (long long)options->limit);
    if (options->per_pair_group != 0 && options->per_pair_group != 1)
        return qkv_invalid(context, "per_pair_group is %d, expected 0 or 1",
                           (int)options->per_pair_group);
    if (options->per_pair_group == 1 && options->top == 0)
        return qkv_invalid(context,
                           "per_pair_group is 1 but top is 0: it says how many of each pair group");
    return QKVSIM_OK;
}

qkvsim_status qkv_read_pairs_options(qkvsim_context *context, const qkvsim_pairs_options *given,
                                     qkvsim_pairs_options *options)
{
    if (given == NULL)
        return qkv_invalid(context, "options is NULL: a threshold or top is needed");
    qkvsim_status status = qkv_read_options(context, &qkv_struct_pairs_options, given, options);
    if (status != QKVSIM_OK)
        return status;
    if (options->metric == 0)
        options->metric = QKVSIM_METRIC_COSINE;
    if (options->limit == 0)
        options->limit = QKVSIM_PAIRS_LIMIT;
    if (qkv_metric_index(options->metric) < 0)
        return qkv_unknown(
            context, options->metric, QKV_METRICS_SUM,
            "metric is %d, expected one of QKVSIM_METRIC_COSINE (1), PEARSON (2), SPEARMAN (16)",
            (int)options->metric);
    if (options->sign < QKVSIM_SIGN_BOTH || options->sign > QKVSIM_SIGN_NEGATIVE)
        return qkv_unknown(
            context, options->sign, QKVSIM_SIGN_NEGATIVE,
            "sign is %d, expected QKVSIM_SIGN_BOTH (0), POSITIVE (1) or NEGATIVE (2)",
            (int)options->sign);
    status = check_numbers(context, options);
    return status == QKVSIM_OK ? check_threshold(context, options) : status;
}

/* ---- how many pairs there may be ---- */

/* Of a pair group that is searched; 0 of any other. */
static int64_t pairs_searched(const qkv_session *session, int32_t pair_group)
{
    return session->wanted[pair_group] ? qkvsim_layout_pairs(session->layout, pair_group) : 0;
}

/* Of all together, or where each pair group has its own top, of the largest. */
static int64_t most_pairs(const qkv_session *session, bool per_pair_group)
{
    int64_t total = 0, largest = 0;
    for (int32_t p = 0; p < qkv_pair_groups(session->layout->groups); p++) {
        const int64_t pairs = pairs_searched(session, p);
        total += pairs;
        largest = qkv_larger(pairs, largest);
    }
    return per_pair_group ? largest : total;
}

/* Pairs that fit the memory of what is searched: the prepared columns, or as many moments. */
static int64_t pairs_like_source(const qkv_gram *gram)
{
    const qkv_panels *panels = gram->panels;
    const int64_t depth = gram->source->multiplies ? panels->observations : panels->placed;
    const double bytes =
        (double)panels->placed * (double)depth * (double)qkv_real_size(panels->arithmetic);
    const double pairs = bytes / (double)sizeof(qkvsim_pair);
    return pairs > ROOM_AT_LEAST ? (int64_t)pairs : ROOM_AT_LEAST;
}

/* ---- the search ---- */

typedef struct search {
    qkvsim_context *context;
    const qkvsim_pairs_options *options;
    qkv_session *session;
    qkv_pairs_setting setting;
    int64_t *capacity; /* of each list */
    qkv_pairs_sink sink;
} search;

/* Opens a sink in place of the last, if any, and shows it all tiles. */
static qkvsim_status pass_over_tiles(search *work)
{
    if (work->sink.context != NULL)
        qkv_pairs_sink_close(&work->sink);
    const qkvsim_status status = qkv_pairs_sink_open(work->context, &work->session->panels,
                                                     &work->setting, work->capacity, &work->sink);
    return status == QKVSIM_OK
               ? qkv_gram_for_each_tile(work->context, &work->session->gram, &work->sink.sink)
               : status;
}

/* Room for the top k of a number of pairs and for those that wait to be cut. */
static int64_t room_for_top(int64_t top, int64_t pairs)
{
    const int64_t slack = qkv_larger(top, SLACK_AT_LEAST);
    return pairs - top > slack ? top + slack : pairs;
}

static qkvsim_status find_top(search *work)
{
    const qkvsim_pairs_options *options = work->options;
    const qkv_session *session = work->session;
    const int64_t most = most_pairs(session, work->setting.per_pair_group);
    if (options->top > most)
        return qkv_invalid(work->context, "top is %lld, but there are %lld pairs%s",
                           (long long)options->top, (long long)most,
                           work->setting.per_pair_group ? " in the largest pair group" : "");
    work->capacity[0] = room_for_top(options->top, most);
    for (int32_t p = 0;
         work->setting.per_pair_group && p < qkv_pair_groups(session->layout->groups); p++)
        work->capacity[p] = room_for_top(options->top, pairs_searched(session, p));
    qkv_work_begin(work->context, session->gram.tile_count);
    return pass_over_tiles(work);
}

/* The number of pairs shows only at the end: where they were more than there was room for, they are
 * found once more with room for all. */
static qkvsim_status find_over_threshold(search *work)
{
    const int64_t tiles = work->session->gram.tile_count;
    const int64_t most = qkv_smaller(most_pairs(work->session, false), work->options->limit);
    work->capacity[0] = qkv_smaller(most, pairs_like_source(&work->session->gram));
    const int64_t total = work->capacity[0] < most ? 2 * tiles : tiles;
    qkv_work_begin(work->context, total);
    qkvsim_status status = pass_over_tiles(work);
    if (status != QKVSIM_OK)
        return status;
    const int64_t reached = qkv_pairs_sink_reached(&work->sink);
    if (reached > work->options->limit)
        return qkv_fail(work->context, QKVSIM_ERROR_TOO_LARGE,
                        "%lld pairs reach the threshold of %s, over the limit of %lld: raise the "
                        "threshold or the limit, or ask for the top ones",
                        (long long)reached, qkv_number(work->setting.threshold).text,
                        (long long)work->options->limit);
    if (reached > work->capacity[0]) {
        work->capacity[0] = reached;
        return pass_over_tiles(work);
    }
    return qkv_work_at(work->context, total) ? qkv_cancelled(work->context) : QKVSIM_OK;
}

static qkvsim_status search_panels(search *work, qkvsim_pairs *pairs)
{
    const int32_t lists = qkv_pair_groups(work->session->layout->groups);
    work->capacity =
        qkv_allocate_zeroed(&work->context->allocator, (size_t)lists, sizeof *work->capacity);
    if (work->capacity == NULL)
        return qkv_no_memory(work->context, "the numbers of pairs");
    qkvsim_status status = work->setting.top > 0 ? find_top(work) : find_over_threshold(work);
    if (status == QKVSIM_OK)
        status = qkv_pairs_sink_take(work->context, &work->sink, &pairs->list, &pairs->count);
    if (work->sink.context != NULL)
        qkv_pairs_sink_close(&work->sink);
    qkv_release(&work->context->allocator, work->capacity);
    return status;
}

static qkvsim_status search_input(qkvsim_context *context, const qkvsim_layout *layout,
                                  const qkvsim_pairs_options *options, const qkv_input *input,
                                  const qkv_pairs_origin *origin, qkvsim_pairs *pairs)
{
    const qkvsim_analysis_options analysis = { .struct_size = sizeof analysis,
                                               .pair_groups = options->pair_groups,
                                               .pair_group_count = options->pair_group_count,
                                               .metrics = options->metric };
    qkv_session session;
    qkvsim_status status =
        qkv_session_open(context, layout, &analysis, input, origin->source, &session);
    if (status != QKVSIM_OK)
        return status;
    search work = {
        .context = context,
        .options = options,
        .session = &session,
        .setting = { .layout = layout,
                     .wanted = session.wanted,
                     .metric = input->ranked ? QKVSIM_METRIC_PEARSON : options->metric,
                     .sign = options->sign,
                     .threshold = options->threshold != NULL ? *options->threshold : STRENGTH_NONE,
                     .top = options->top,
                     .per_pair_group = options->per_pair_group == 1 },
    };
    status = origin->fill(context, origin->state, &session);
    if (status == QKVSIM_OK)
        status = search_panels(&work, pairs);
    qkv_session_close(context, &session);
    return status;
}

/* The caller's layout, or one group of all features, which the caller of this frees. */
static qkvsim_status find_layout(qkvsim_context *context, const qkvsim_layout *given,
                                 int64_t features, qkvsim_layout **own,
                                 const qkvsim_layout **layout)
{
    static const char *const name = "all";
    *layout = given;
    if (given != NULL)
        return QKVSIM_OK;
    const qkvsim_status status = qkvsim_layout_widths(context, &features, &name, 1, own);
    *layout = *own;
    return status;
}

qkvsim_status qkv_search_pairs(qkvsim_context *context, const qkvsim_layout *given,
                               const qkvsim_pairs_options *options, const qkv_input *input,
                               const qkv_pairs_origin *origin, qkvsim_pairs **pairs)
{
    qkvsim_layout *own = NULL;
    const qkvsim_layout *layout;
    qkvsim_status status = find_layout(context, given, input->features, &own, &layout);
    if (status != QKVSIM_OK)
        return status;
    qkvsim_pairs *made = qkv_allocate_handle(context, sizeof *made);
    if (made == NULL) {
        status = qkv_no_memory(context, "the pairs");
    } else {
        made->observations = input->observations;
        made->metric = options->metric;
        made->arithmetic = input->arithmetic;
        status = search_input(context, layout, options, input, origin, made);
    }
    qkvsim_layout_free(own);
    if (status == QKVSIM_OK)
        *pairs = made;
    else
        qkvsim_pairs_free(made);
    return status;
}

/* ---- the public call ---- */

static qkvsim_status prepare(qkvsim_context *context, const void *input, qkv_session *session)
{
    return qkv_prepare(context, input, session->layout->group_of, &session->panels);
}

qkvsim_status qkvsim_pairs_run(qkvsim_context *context, const qkvsim_input *given_input,
                               const qkvsim_layout *layout, const qkvsim_pairs_options *given,
                               qkvsim_pairs **pairs)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (pairs == NULL)
        return qkv_invalid(context, "pairs is NULL");
    qkvsim_pairs_options options;
    qkv_input input;
    qkvsim_status status = qkv_read_pairs_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_input_open(context, given_input, false, &input);
    if (status != QKVSIM_OK)
        return status;
    input.ranked = options.metric == QKVSIM_METRIC_SPEARMAN;
    const qkv_pairs_origin origin = { &qkv_product_source, prepare, &input };
    status = qkv_search_pairs(context, layout, &options, &input, &origin, pairs);
    qkv_input_close(context, &input);
    return status;
}

void qkvsim_pairs_free(qkvsim_pairs *pairs)
{
    if (pairs == NULL)
        return;
    const qkv_allocator allocator = pairs->allocator;
    qkv_release(&allocator, pairs->list);
    qkv_release(&allocator, pairs);
}

/* ---- accessors ---- */

const qkvsim_pair *qkvsim_pairs_list(const qkvsim_pairs *pairs, int64_t *count)
{
    const int64_t found = pairs != NULL ? pairs->count : 0;
    if (count != NULL)
        *count = found;
    return found > 0 ? pairs->list : NULL;
}

int64_t qkvsim_pairs_observations(const qkvsim_pairs *pairs)
{
    return pairs != NULL ? pairs->observations : 0;
}

qkvsim_metric qkvsim_pairs_metric(const qkvsim_pairs *pairs)
{
    return pairs != NULL ? pairs->metric : 0;
}

qkvsim_dtype qkvsim_pairs_arithmetic(const qkvsim_pairs *pairs)
{
    return pairs != NULL ? pairs->arithmetic : 0;
}
