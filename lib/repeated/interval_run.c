/*
 * The replicates that intervals are made of: one session, run on the observed selections and on
 * each replicate of them, which is the same input with other rows.
 */
#include "interval_run.h"

#include <math.h>

#include "flow/fingerprint.h"
#include "flow/product_source.h"
#include "statistics/student.h"

enum { BLOCKS_DEFAULT = 20, RESAMPLES_DEFAULT = 1000, RESAMPLES_LEAST = 20 };

typedef struct interval_run {
    qkvsim_context *context;
    qkv_session session;
    qkv_pool *pool;
    qkv_segments segments;
    int64_t *kept;                 /* the pool's observations in a replicate, n at most */
    int64_t *rows;                 /* those of one selection */
    int8_t *kinds[QKV_SELECTIONS]; /* of the features in the observed selections */
    qkvsim_analysis *analysis;
    qkvsim_intervals *made;
} interval_run;

/* ---- how many replicates, of which blocks ---- */

/* Blocks to leave out of n observations; 0: too few for any interval. */
static qkvsim_status choose_blocks(qkvsim_context *context, const qkvsim_interval_options *options,
                                   int64_t n, int64_t *blocks)
{
    *blocks = options->blocks;
    if (*blocks == 0) {
        *blocks = n / 2 < BLOCKS_DEFAULT ? n / 2 : BLOCKS_DEFAULT;
        if (*blocks < QKV_BLOCKS_LEAST)
            *blocks = 0;
        return QKVSIM_OK;
    }
    if (*blocks < QKV_BLOCKS_LEAST || *blocks > n)
        return qkv_invalid(context,
                           "blocks is %lld for %lld observations: at least %d are needed, and each "
                           "has an observation",
                           (long long)*blocks, (long long)n, QKV_BLOCKS_LEAST);
    return QKVSIM_OK;
}

/* Of one block alone every resample is the same. */
static qkvsim_status check_block_length(const interval_run *work, int64_t n)
{
    qkvsim_context *context = work->context;
    const int64_t length = work->made->block_length;
    if (length < 1 || length > n)
        return qkv_invalid(context, "block_length is %lld, but there are %lld observations",
                           (long long)length, (long long)n);
    const int64_t blocks = qkv_count_blocks(&work->segments, length);
    if (blocks < 2)
        return qkv_invalid(
            context,
            "block_length is %lld: %lld observations in %lld segments have %lld such "
            "block, and at least 2 are needed to draw from",
            (long long)length, (long long)n, (long long)work->segments.count, (long long)blocks);
    return QKVSIM_OK;
}

/* Which resamples of which whole. */
static qkvsim_status choose_range(const interval_run *work, const qkvsim_interval_options *options)
{
    qkvsim_intervals *made = work->made;
    const int64_t most = UINT32_MAX;
    if (options->first < 0 || options->first > most - made->replicates)
        return qkv_invalid(work->context, "%lld resamples from %lld on: expected 0 to %lld in all",
                           (long long)made->replicates, (long long)options->first, (long long)most);
    made->first = options->first;
    made->total = options->total != 0 ? options->total : made->first + made->replicates;
    return made->total >= made->first + made->replicates && made->total >= RESAMPLES_LEAST
                   && made->total <= most
               ? QKVSIM_OK
               : qkv_invalid(work->context,
                             "total is %lld, expected at least %d and first + resamples, %lld",
                             (long long)made->total, RESAMPLES_LEAST,
                             (long long)(made->first + made->replicates));
}

static qkvsim_status choose_resamples(const interval_run *work,
                                      const qkvsim_interval_options *options, int64_t n)
{
    qkvsim_intervals *made = work->made;
    made->replicates = options->resamples != 0 ? options->resamples : RESAMPLES_DEFAULT;
    const int64_t least = options->first != 0 || options->total != 0 ? 1 : RESAMPLES_LEAST;
    if (made->replicates < least || made->replicates > UINT32_MAX)
        return qkv_invalid(work->context, "resamples is %lld, expected %lld to %lld",
                           (long long)made->replicates, (long long)least, (long long)UINT32_MAX);
    const qkvsim_status status = choose_range(work, options);
    if (status != QKVSIM_OK)
        return status;
    made->block_length =
        options->block_length != 0 ? options->block_length : llround(cbrt((double)n));
    return check_block_length(work, n);
}

static qkvsim_status too_few_blocks(const interval_run *work)
{
    return qkv_invalid(
        work->context,
        "%lld observations in %lld segments leave only %lld blocks and at least %d are "
        "needed: ask for more blocks",
        (long long)work->pool->all.observations, (long long)work->segments.count,
        (long long)work->made->blocks.count, QKV_BLOCKS_LEAST);
}

double qkv_student_of_blocks(double level, int64_t held)
{
    return held >= QKV_BLOCKS_LEAST ? qkv_student_quantile(level, held - 1) : NAN;
}

/* A selection may be in fewer blocks than there are: its degrees of freedom are its own. */
static qkvsim_status weigh_blocks(interval_run *work)
{
    qkvsim_intervals *made = work->made;
    for (int32_t s = 0; s < work->pool->selections; s++) {
        const qkvsim_status status = qkv_block_shares_open(
            work->context, &made->blocks, work->pool->selection, (uint8_t)s, &made->shares[s]);
        if (status != QKVSIM_OK)
            return status;
        made->t[s] = qkv_student_of_blocks(made->level, made->shares[s].held);
    }
    return QKVSIM_OK;
}

/* How many replicates, and of which blocks; none where there are too few by default. */
static qkvsim_status plan_replicates(interval_run *work, const qkvsim_interval_options *options)
{
    const int64_t n = work->pool->all.observations;
    qkvsim_intervals *made = work->made;
    if (options->method == QKVSIM_METHOD_BOOTSTRAP)
        return choose_resamples(work, options, n);
    int64_t blocks;
    qkvsim_status status = choose_blocks(work->context, options, n, &blocks);
    if (status == QKVSIM_OK && blocks > 0)
        status = qkv_blocks_open(work->context, &work->segments, blocks, &made->blocks);
    if (status != QKVSIM_OK || blocks == 0)
        return status;
    if (made->blocks.count < QKV_BLOCKS_LEAST)
        return options->blocks == 0 ? QKVSIM_OK : too_few_blocks(work);
    made->replicates = made->total = made->blocks.count;
    made->block_length = qkv_blocks_longest(&made->blocks);
    return weigh_blocks(work);
}

/* ---- the runs ---- */

/* Lists the observations of a replicate; returns their number. */
static int64_t choose_observations(const interval_run *work, int64_t k)
{
    const int64_t n = work->pool->all.observations;
    if (work->made->method == QKVSIM_METHOD_BOOTSTRAP) {
        qkv_draw_blocks(&work->segments, n, work->made->block_length, work->made->seed,
                        (uint32_t)(work->made->first + k), work->kept);
        return n;
    }
    const int64_t *start = &work->made->blocks.start[k];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (i < start[0] || i >= start[1])
            work->kept[count++] = i;
    return count;
}

static int64_t gather_rows(const interval_run *work, int64_t kept, int32_t selection)
{
    const qkv_pool *pool = work->pool;
    int64_t count = 0;
    for (int64_t k = 0; k < kept; k++)
        if (pool->selection == NULL || pool->selection[work->kept[k]] == selection)
            work->rows[count++] = qkv_input_row(&pool->all, work->kept[k]);
    return count;
}

/* A replicate may leave a selection without observations: its statistics stay absent. */
static qkvsim_status run_replicate(interval_run *work, int64_t k)
{
    const int64_t kept = choose_observations(work, k);
    for (int32_t s = 0; s < work->pool->selections; s++) {
        const int64_t count = gather_rows(work, kept, s);
        if (count == 0) {
            const int64_t done = work->context->work_done + qkv_session_work(&work->session);
            if (qkv_work_at(work->context, done))
                return qkv_cancelled(work->context);
            continue;
        }
        qkv_input input = qkv_input_with_rows(&work->pool->all, work->rows, count);
        input.kinds = work->kinds[s];
        const qkvsim_status status =
            qkv_session_run(work->context, &work->session, &input, work->analysis);
        if (status != QKVSIM_OK)
            return status;
        qkv_replicates_put(&work->made->values[s], work->analysis, k);
    }
    return QKVSIM_OK;
}

/* What is undefined in the observed data stays so in replicates, which may lack the row of a
 * NaN. */
static qkvsim_status run_observed(interval_run *work)
{
    for (int32_t s = 0; s < work->pool->selections; s++) {
        const qkvsim_status status = qkv_session_run(
            work->context, &work->session, &work->pool->inputs[s], work->made->observed[s]);
        if (status != QKVSIM_OK)
            return status;
        for (int64_t j = 0; j < work->pool->all.features; j++)
            work->kinds[s][j] = work->session.panels.statistics[j].kind;
    }
    return QKVSIM_OK;
}

static qkvsim_status run_all(interval_run *work)
{
    qkv_session_begin(work->context, &work->session,
                      work->pool->selections * (work->made->replicates + 1));
    qkvsim_status status = run_observed(work);
    for (int64_t k = 0; k < work->made->replicates && status == QKVSIM_OK; k++)
        status = run_replicate(work, k);
    return status;
}

/* ---- life ---- */

static qkvsim_status allocate_run(interval_run *work)
{
    qkvsim_context *context = work->context;
    const size_t n = (size_t)work->pool->all.observations;
    work->kept = qkv_allocate(&context->allocator, n, sizeof *work->kept);
    work->rows = qkv_allocate(&context->allocator, n, sizeof *work->rows);
    if (work->kept == NULL || work->rows == NULL)
        return qkv_no_memory(context, "the rows of a replicate");
    qkvsim_status status = qkv_session_results(context, &work->session, &work->analysis);
    for (int32_t s = 0; s < work->pool->selections && status == QKVSIM_OK; s++) {
        work->kinds[s] = qkv_allocate(&context->allocator, (size_t)work->pool->all.features,
                                      sizeof *work->kinds[s]);
        if (work->kinds[s] == NULL)
            return qkv_no_memory(context, "the kinds of the features");
        status = qkv_session_results(context, &work->session, &work->made->observed[s]);
        if (status == QKVSIM_OK)
            status = qkv_replicates_open(context, work->session.layout, work->session.metrics,
                                         QKV_KEEP_STATISTICS, work->made->replicates,
                                         &work->made->values[s]);
    }
    return status;
}

static void close_run(interval_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    qkv_session_close(work->context, &work->session);
    qkv_segments_close(work->context, &work->segments);
    qkvsim_analysis_free(work->analysis);
    qkv_release(allocator, work->kept);
    qkv_release(allocator, work->rows);
    for (int32_t s = 0; s < QKV_SELECTIONS; s++)
        qkv_release(allocator, work->kinds[s]);
}

qkvsim_status qkv_replicate(qkvsim_context *context, qkv_pool *pool, const qkvsim_layout *layout,
                            const qkvsim_analysis_options *analysis,
                            const qkvsim_interval_options *options, qkvsim_intervals *made)
{
    interval_run work = { context, .pool = pool, .made = made };
    qkvsim_status status =
        qkv_session_open(context, layout, analysis, &pool->all, &qkv_product_source, &work.session);
    if (status != QKVSIM_OK)
        return status;
    status = qkv_segments_open(context, pool->all.segments, &pool->all, &work.segments);
    if (status == QKVSIM_OK)
        status = plan_replicates(&work, options);
    if (status == QKVSIM_OK)
        status = allocate_run(&work);
    made->seed = options->seed;
    made->segments = qkv_segments_fingerprint(&pool->all);
    if (status == QKVSIM_OK)
        status = run_all(&work);
    if (status == QKVSIM_OK)
        qkv_pool_hand_over(work.context, pool, made->observed);
    close_run(&work);
    return status;
}
