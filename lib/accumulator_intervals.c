/*
 * Intervals from a stream: a replicate is the moments of all blocks but one, merged. To leave each
 * block out in turn, halves are halved: one half goes on without the other's blocks, which are
 * merged to what is outside of it. That is G log2 G merges for G blocks, and nothing is subtracted
 * (docs/numerics.md).
 */
#include "accumulator.h"

#include <math.h>

#include "repeated/interval_run.h"

enum { DEPTH = 64 }; /* of halving an int64 */

typedef struct stream {
    qkvsim_context *context;
    const qkvsim_accumulator *accumulators[QKV_SELECTIONS];
    int32_t selections;
    qkv_moments_source source; /* of the accumulator at work */
    qkv_session session;
    qkvsim_analysis *analysis; /* of a replicate */
    qkvsim_accumulator *whole; /* of the selection at work */
    qkvsim_accumulator *outside[DEPTH];
    qkvsim_intervals *made;
} stream;

static int64_t blocks_of(const stream *work, int32_t s)
{
    return work->accumulators[s] != NULL ? work->accumulators[s]->blocks.count : 0;
}

/* Whether the k-th blocks of two accumulators are left out together. */
static bool is_paired(const stream *work)
{
    return blocks_of(work, 0) == blocks_of(work, 1);
}

/* The replicate that lacks the first block of a selection: those of the others follow. */
static int64_t first_replicate(const stream *work, int32_t s)
{
    return s == 0 || is_paired(work) ? 0 : blocks_of(work, 0);
}

/* ---- one replicate ---- */

/* All blocks but `block`. What is undefined in the observed data stays so; of nothing there are no
 * statistics. */
static qkvsim_status run_without(stream *work, int32_t s, int64_t block, qkvsim_accumulator *rest)
{
    qkvsim_context *context = work->context;
    const qkvsim_accumulator *const parts[] = { rest };
    const int64_t done = context->work_done + qkv_session_work(&work->session);
    if (rest->observations == 0)
        return qkv_work_at(context, done) ? qkv_cancelled(context) : QKVSIM_OK;
    for (int64_t j = 0; j < rest->features; j++)
        rest->running[j].nonfinite |= work->whole->running[j].nonfinite;
    qkvsim_status status = qkv_accumulators_check(context, parts, 1);
    if (status == QKVSIM_OK)
        status =
            qkv_accumulator_tally(context, &work->session, &work->source, rest, work->analysis);
    if (status == QKVSIM_OK)
        qkv_replicates_put(&work->made->values[s], work->analysis,
                           first_replicate(work, s) + block);
    return status;
}

static void join_range(qkvsim_context *context, qkvsim_accumulator *to,
                       const qkv_stream_blocks *blocks, int64_t first, int64_t end)
{
    for (int64_t k = first; k < end && !qkv_work_pulse(context, 0); k++)
        qkv_accumulator_join(context, to, blocks->block[k]);
}

/* Leaves out each of the blocks first .. end - 1, where outside[depth] has all others. */
static qkvsim_status leave_out(stream *work, int32_t s, int32_t depth, int64_t first, int64_t end)
{
    const qkv_stream_blocks *blocks = &work->accumulators[s]->blocks;
    if (end - first == 1)
        return run_without(work, s, first, work->outside[depth]);
    const int64_t bounds[] = { first, first + (end - first) / 2, end };
    qkvsim_status status = QKVSIM_OK;
    for (int half = 0; half < 2 && status == QKVSIM_OK; half++) {
        qkvsim_accumulator *next = work->outside[depth + 1];
        next->observations = 0;
        qkv_accumulator_join(work->context, next, work->outside[depth]);
        join_range(work->context, next, blocks, bounds[1 - half], bounds[2 - half]);
        status = leave_out(work, s, depth + 1, bounds[half], bounds[half + 1]);
    }
    return status;
}

/* ---- one selection ---- */

static qkvsim_status run_observed(stream *work, int32_t s)
{
    const qkv_stream_blocks *blocks = &work->accumulators[s]->blocks;
    work->whole->observations = 0;
    join_range(work->context, work->whole, blocks, 0, blocks->count);
    return qkv_accumulator_tally(work->context, &work->session, &work->source, work->whole,
                                 work->made->observed[s]);
}

/* Blocks of the other selection alone change nothing. */
static void put_others(stream *work, int32_t s)
{
    const int64_t first = first_replicate(work, s), own = blocks_of(work, s);
    for (int64_t k = 0; k < work->made->replicates; k++)
        if (k < first || k >= first + own)
            qkv_replicates_put(&work->made->values[s], work->made->observed[s], k);
}

static qkvsim_status run_selection(stream *work, int32_t s)
{
    qkvsim_status status = run_observed(work, s);
    if (status != QKVSIM_OK || work->made->replicates == 0)
        return status;
    work->outside[0]->observations = 0;
    put_others(work, s);
    return leave_out(work, s, 0, 0, blocks_of(work, s));
}

/* ---- the plan ---- */

/* Observations of a selection that a replicate lacks. */
static int64_t left_out(const stream *work, int32_t s, int64_t replicate)
{
    const int64_t block = replicate - first_replicate(work, s);
    return qkvsim_accumulator_block_observations(work->accumulators[s], block);
}

static qkvsim_status weigh_blocks(stream *work, int32_t s)
{
    qkvsim_intervals *made = work->made;
    qkv_block_shares *shares = &made->shares[s];
    const double n = (double)work->accumulators[s]->observations;
    shares->share =
        qkv_allocate(&work->context->allocator, (size_t)made->replicates, sizeof *shares->share);
    if (shares->share == NULL)
        return qkv_no_memory(work->context, "the shares of the blocks");
    for (int64_t k = 0; k < made->replicates; k++) {
        shares->share[k] = (double)left_out(work, s, k) / n;
        shares->held += shares->share[k] > 0;
    }
    made->t[s] = qkv_student_of_blocks(made->level, shares->held);
    return QKVSIM_OK;
}

/* Blocks as if the observations of both selections stood one block after the other. */
static qkvsim_status place_blocks(stream *work)
{
    qkvsim_intervals *made = work->made;
    int64_t *start =
        qkv_allocate_zeroed(&work->context->allocator, (size_t)made->replicates + 1, sizeof *start);
    if (start == NULL)
        return qkv_no_memory(work->context, "the blocks");
    made->blocks = (qkv_blocks){ made->replicates, start };
    for (int64_t k = 0; k < made->replicates; k++) {
        start[k + 1] = start[k];
        for (int32_t s = 0; s < work->selections; s++)
            start[k + 1] += left_out(work, s, k);
    }
    made->block_length = qkv_blocks_longest(&made->blocks);
    return QKVSIM_OK;
}

static qkvsim_status plan_replicates(stream *work)
{
    const int64_t own = blocks_of(work, 0), others = blocks_of(work, 1);
    qkvsim_status status = QKVSIM_OK;
    if (own < QKV_BLOCKS_LEAST)
        return status;
    work->made->replicates = work->made->total = is_paired(work) ? own : own + others;
    status = place_blocks(work);
    for (int32_t s = 0; s < work->selections && status == QKVSIM_OK; s++)
        status = weigh_blocks(work, s);
    return status;
}

/* ---- life ---- */

static qkvsim_status allocate_sets(stream *work)
{
    const int64_t features = work->accumulators[0]->features;
    int64_t blocks = work->made->replicates > 0 ? 1 : 0;
    qkvsim_status status = qkv_accumulator_open(work->context, features, &work->whole);
    for (int32_t s = 0; s < work->selections && blocks > 0; s++)
        blocks = blocks < blocks_of(work, s) ? blocks_of(work, s) : blocks;
    for (int32_t depth = 0; blocks > 0 && status == QKVSIM_OK; depth++) {
        status = qkv_accumulator_open(work->context, features, &work->outside[depth]);
        blocks = blocks > 1 ? (blocks + 1) / 2 : 0;
    }
    return status;
}

static qkvsim_status allocate_results(stream *work)
{
    qkvsim_status status = qkv_session_results(work->context, &work->session, &work->analysis);
    for (int32_t s = 0; s < work->selections && status == QKVSIM_OK; s++) {
        status = qkv_session_results(work->context, &work->session, &work->made->observed[s]);
        if (status == QKVSIM_OK)
            status = qkv_replicates_open(work->context, work->session.layout, work->session.metrics,
                                         QKV_KEEP_STATISTICS, work->made->replicates,
                                         &work->made->values[s]);
    }
    return status;
}

static qkvsim_status run_all(stream *work)
{
    int64_t runs = 0;
    qkvsim_status status = QKVSIM_OK;
    for (int32_t s = 0; s < work->selections; s++)
        runs += 1 + (work->made->replicates > 0 ? blocks_of(work, s) : 0);
    qkv_session_begin(work->context, &work->session, runs);
    for (int32_t s = 0; s < work->selections && status == QKVSIM_OK; s++)
        status = run_selection(work, s);
    return status;
}

static void close_stream(stream *work)
{
    qkv_session_close(work->context, &work->session);
    qkvsim_analysis_free(work->analysis);
    qkvsim_accumulator_free(work->whole);
    for (int32_t depth = 0; depth < DEPTH; depth++)
        qkvsim_accumulator_free(work->outside[depth]);
}

static qkvsim_status replicate(stream *work, const qkvsim_layout *layout,
                               const qkvsim_analysis_options *analysis, const qkv_input *input)
{
    work->source = qkv_moments_source_for(NULL);
    qkvsim_status status = qkv_session_open(work->context, layout, analysis, input,
                                            &work->source.source, &work->session);
    if (status != QKVSIM_OK)
        return status;
    status = plan_replicates(work);
    if (status == QKVSIM_OK)
        status = allocate_sets(work);
    if (status == QKVSIM_OK)
        status = allocate_results(work);
    if (status == QKVSIM_OK)
        status = run_all(work);
    close_stream(work);
    return status;
}

/* ---- the public call ---- */

static qkvsim_status check_blocks(qkvsim_context *context, const stream *work)
{
    for (int32_t s = 0; s < work->selections; s++) {
        qkv_input input;
        const qkvsim_accumulator *accumulator = work->accumulators[s];
        const qkvsim_status status = qkv_accumulator_check(context, accumulator, &input);
        if (status != QKVSIM_OK)
            return status;
        if (accumulator->blocks.most == 0)
            return qkv_invalid(context, "the %s accumulator keeps no blocks: make it with some",
                               s == 0 ? "first" : "second");
        if (accumulator->features != work->accumulators[0]->features)
            return qkv_invalid(context, "an accumulator of %lld features and one of %lld",
                               (long long)work->accumulators[0]->features,
                               (long long)accumulator->features);
    }
    return QKVSIM_OK;
}

static qkvsim_status read_level(qkvsim_context *context, const qkvsim_interval_options *given,
                                double *level)
{
    qkvsim_interval_options options;
    const qkvsim_status status = qkv_read_interval_options(context, given, &options);
    if (status != QKVSIM_OK)
        return status;
    if (options.method != QKVSIM_METHOD_JACKKNIFE)
        return qkv_invalid(context, "method is %d, but from a stream there is only the jackknife",
                           (int)options.method);
    if (options.blocks != 0)
        return qkv_invalid(context, "blocks is %lld, but an accumulator has its own",
                           (long long)options.blocks);
    *level = options.level;
    return QKVSIM_OK;
}

qkvsim_status
qkvsim_accumulator_intervals(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                             const qkvsim_accumulator *second, const qkvsim_layout *layout,
                             const qkvsim_analysis_options *given_analysis,
                             const qkvsim_interval_options *given, qkvsim_intervals **intervals)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (intervals == NULL)
        return qkv_invalid(context, "intervals is NULL");
    stream work = { .context = context,
                    .accumulators = { accumulator, second },
                    .selections = second != NULL ? 2 : 1 };
    qkvsim_analysis_options analysis;
    qkv_input input;
    double level = 0;
    qkvsim_status status = read_level(context, given, &level);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, given_analysis, &analysis);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_check_metrics(context, analysis.metrics);
    if (status == QKVSIM_OK)
        status = check_blocks(context, &work);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_check(context, accumulator, &input);
    if (status != QKVSIM_OK)
        return status;
    work.made = qkv_allocate(&context->allocator, 1, sizeof *work.made);
    if (work.made == NULL)
        return qkv_no_memory(context, "the intervals");
    *work.made = (qkvsim_intervals){ .allocator = context->allocator,
                                     .level = level,
                                     .method = QKVSIM_METHOD_JACKKNIFE };
    status = replicate(&work, layout, &analysis, &input);
    if (status == QKVSIM_OK)
        *intervals = work.made;
    else
        qkvsim_intervals_free(work.made);
    return status;
}
