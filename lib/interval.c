/*
 * Intervals: one session, run on the observed selection and on each replicate of it, which is the
 * same input with other rows. Replicated values are kept; accessors make intervals of them, so that
 * any two rows can be contrasted when the run is over.
 */
#include <qkvsim/interval.h>

#include <math.h>

#include "analysis.h"
#include "bootstrap.h"
#include "jackknife.h"
#include "pool.h"
#include "replicates.h"
#include "student.h"

enum {
    SELECTIONS = 2,
    BLOCKS_DEFAULT = 20,
    BLOCKS_LEAST = 8,
    RESAMPLES_DEFAULT = 1000,
    RESAMPLES_LEAST = 20,
    TAIL_PAIRS_LEAST = 20,
    SKEWNESS_PAIRS_LEAST = 3,
    KURTOSIS_PAIRS_LEAST = 4
};

struct qkvsim_intervals {
    qkv_allocator allocator;
    qkvsim_analysis *observed[SELECTIONS];
    qkv_replicates values[SELECTIONS];
    qkv_blocks blocks; /* jackknife, and what follows */
    qkv_block_shares shares[SELECTIONS];
    double t[SELECTIONS]; /* Student's of the level, for one selection and for the difference */
    int64_t replicates;
    int64_t block_length;
    double level;
    int32_t method;
};

/* ---- options ---- */

static qkvsim_status check_method(qkvsim_context *context, const qkvsim_interval_options *options)
{
    if (options->method != QKVSIM_JACKKNIFE && options->method != QKVSIM_BOOTSTRAP)
        return qkv_invalid(context,
                           "method is %d, expected QKVSIM_JACKKNIFE (1) or QKVSIM_BOOTSTRAP (2)",
                           (int)options->method);
    if (options->method == QKVSIM_BOOTSTRAP && options->blocks != 0)
        return qkv_invalid(
            context, "blocks is %lld, but the bootstrap has resamples and block_length instead",
            (long long)options->blocks);
    if (options->method == QKVSIM_JACKKNIFE
        && (options->resamples != 0 || options->block_length != 0))
        return qkv_invalid(
            context,
            "resamples is %lld and block_length %lld, but the jackknife has blocks instead",
            (long long)options->resamples, (long long)options->block_length);
    return QKVSIM_OK;
}

static qkvsim_status read_options(qkvsim_context *context, const qkvsim_interval_options *given,
                                  qkvsim_interval_options *options)
{
    const qkvsim_status status =
        qkv_read_options(context, "qkvsim_interval_options", given, options, sizeof *options);
    if (status != QKVSIM_OK)
        return status;
    if (options->method == 0)
        options->method = QKVSIM_JACKKNIFE;
    if (options->level == 0)
        options->level = 0.95;
    if (!(options->level > 0 && options->level < 1))
        return qkv_invalid(context, "level is %g, expected a number between 0 and 1",
                           options->level);
    return check_method(context, options);
}

/* Blocks to leave out of n observations; 0: too few for any interval. */
static qkvsim_status choose_blocks(qkvsim_context *context, const qkvsim_interval_options *options,
                                   int64_t n, int64_t *blocks)
{
    *blocks = options->blocks;
    if (*blocks == 0) {
        *blocks = n / 2 < BLOCKS_DEFAULT ? n / 2 : BLOCKS_DEFAULT;
        if (*blocks < BLOCKS_LEAST)
            *blocks = 0;
        return QKVSIM_OK;
    }
    if (*blocks < BLOCKS_LEAST || *blocks > n)
        return qkv_invalid(context,
                           "blocks is %lld for %lld observations: at least %d are needed, and each "
                           "has an observation",
                           (long long)*blocks, (long long)n, BLOCKS_LEAST);
    return QKVSIM_OK;
}

static qkvsim_status choose_resamples(qkvsim_context *context,
                                      const qkvsim_interval_options *options, int64_t n,
                                      qkvsim_intervals *made)
{
    made->replicates = options->resamples != 0 ? options->resamples : RESAMPLES_DEFAULT;
    if (made->replicates < RESAMPLES_LEAST || made->replicates > UINT32_MAX)
        return qkv_invalid(context, "resamples is %lld, expected %d to %lld",
                           (long long)made->replicates, RESAMPLES_LEAST, (long long)UINT32_MAX);
    made->block_length =
        options->block_length != 0 ? options->block_length : llround(cbrt((double)n));
    if (made->block_length < 1 || made->block_length > n)
        return qkv_invalid(context, "block_length is %lld, but there are %lld observations",
                           (long long)made->block_length, (long long)n);
    return QKVSIM_OK;
}

/* ---- replicates ---- */

typedef struct replication {
    qkvsim_context *context;
    qkv_session session;
    qkv_pool *pool;
    qkv_segments segments;
    int64_t *kept;             /* the pool's observations in a replicate, n at most */
    int64_t *rows;             /* those of one selection */
    int8_t *kinds[SELECTIONS]; /* of the features in the observed selections */
    qkvsim_analysis *analysis;
    uint64_t seed;
    qkvsim_intervals *made;
} replication;

/* Lists the observations of a replicate; returns their number. */
static int64_t choose_observations(const replication *work, int64_t k)
{
    const int64_t n = work->pool->all.observations;
    if (work->made->method == QKVSIM_BOOTSTRAP) {
        qkv_draw_blocks(&work->segments, n, work->made->block_length, work->seed, (uint32_t)k,
                        work->kept);
        return n;
    }
    const int64_t *start = &work->made->blocks.start[k];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (i < start[0] || i >= start[1])
            work->kept[count++] = i;
    return count;
}

static int64_t gather_rows(const replication *work, int64_t kept, int32_t selection)
{
    const qkv_pool *pool = work->pool;
    int64_t count = 0;
    for (int64_t k = 0; k < kept; k++)
        if (pool->selection == NULL || pool->selection[work->kept[k]] == selection)
            work->rows[count++] = qkv_input_row(&pool->all, work->kept[k]);
    return count;
}

/* A replicate may leave a selection without observations: its statistics stay absent. */
static qkvsim_status run_replicate(replication *work, int64_t k)
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

/* What is undefined in the observed data stays so in replicates, which may lack the row of a NaN. */
static qkvsim_status run_observed(replication *work)
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

static qkvsim_status run_all(replication *work)
{
    qkv_session_begin(work->context, &work->session,
                      work->pool->selections * (work->made->replicates + 1));
    qkvsim_status status = run_observed(work);
    for (int64_t k = 0; k < work->made->replicates && status == QKVSIM_OK; k++)
        status = run_replicate(work, k);
    return status;
}

/* ---- life ---- */

void qkvsim_intervals_free(qkvsim_intervals *intervals)
{
    if (intervals == NULL)
        return;
    const qkv_allocator allocator = intervals->allocator;
    for (int32_t s = 0; s < SELECTIONS; s++) {
        qkvsim_analysis_free(intervals->observed[s]);
        qkv_replicates_close(&intervals->values[s]);
        qkv_block_shares_close(&allocator, &intervals->shares[s]);
    }
    qkv_blocks_close(&allocator, &intervals->blocks);
    qkv_release(&allocator, intervals);
}

static qkvsim_status too_few_blocks(const replication *work)
{
    return qkv_invalid(
        work->context,
        "%lld observations in %lld segments leave only %lld blocks and at least %d are "
        "needed: ask for more blocks",
        (long long)work->pool->all.observations, (long long)work->segments.count,
        (long long)work->made->blocks.count, BLOCKS_LEAST);
}

/* Blocks that have something of the first selection, or the fewer of both selections. */
static int64_t blocks_held(const qkvsim_intervals *intervals, int32_t selections)
{
    int64_t held = intervals->shares[0].held;
    if (selections == 2 && intervals->shares[1].held < held)
        held = intervals->shares[1].held;
    return held;
}

/* A selection may be in fewer blocks than there are: its degrees of freedom are its own. */
static qkvsim_status weigh_blocks(replication *work)
{
    qkvsim_intervals *made = work->made;
    for (int32_t s = 0; s < work->pool->selections; s++) {
        const qkvsim_status status = qkv_block_shares_open(
            work->context, &made->blocks, work->pool->selection, (uint8_t)s, &made->shares[s]);
        if (status != QKVSIM_OK)
            return status;
        const int64_t held = blocks_held(made, s + 1);
        made->t[s] = held >= BLOCKS_LEAST ? qkv_student_quantile(made->level, held - 1) : NAN;
    }
    return QKVSIM_OK;
}

/* How many replicates, and of which blocks; none where there are too few by default. */
static qkvsim_status plan_replicates(replication *work, const qkvsim_interval_options *options)
{
    const int64_t n = work->pool->all.observations;
    qkvsim_intervals *made = work->made;
    made->method = options->method;
    made->level = options->level;
    if (options->method == QKVSIM_BOOTSTRAP)
        return choose_resamples(work->context, options, n, made);
    int64_t blocks;
    qkvsim_status status = choose_blocks(work->context, options, n, &blocks);
    if (status == QKVSIM_OK && blocks > 0)
        status = qkv_blocks_open(work->context, &work->segments, blocks, &made->blocks);
    if (status != QKVSIM_OK || blocks == 0)
        return status;
    if (made->blocks.count < BLOCKS_LEAST)
        return options->blocks == 0 ? QKVSIM_OK : too_few_blocks(work);
    made->replicates = made->blocks.count;
    made->block_length = qkv_blocks_longest(&made->blocks);
    return weigh_blocks(work);
}

static qkvsim_status allocate_replication(replication *work)
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
                                         work->made->replicates, &work->made->values[s]);
    }
    return status;
}

static void close_replication(replication *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    qkv_session_close(work->context, &work->session);
    qkv_segments_close(work->context, &work->segments);
    qkvsim_analysis_free(work->analysis);
    qkv_release(allocator, work->kept);
    qkv_release(allocator, work->rows);
    for (int32_t s = 0; s < SELECTIONS; s++)
        qkv_release(allocator, work->kinds[s]);
}

static qkvsim_status replicate(replication *work, const qkvsim_layout *layout,
                               const qkvsim_analysis_options *analysis,
                               const qkvsim_interval_options *options)
{
    const qkv_input *all = &work->pool->all;
    qkvsim_status status =
        qkv_session_open(work->context, layout, analysis, all, NULL, &work->session);
    if (status != QKVSIM_OK)
        return status;
    status = qkv_segments_open(work->context, options->segments, all, &work->segments);
    if (status == QKVSIM_OK)
        status = plan_replicates(work, options);
    if (status == QKVSIM_OK)
        status = allocate_replication(work);
    if (status == QKVSIM_OK)
        status = run_all(work);
    if (status == QKVSIM_OK)
        qkv_pool_hand_over_dropped(work->pool, work->made->observed);
    close_replication(work);
    return status;
}

qkvsim_status qkvsim_intervals_run(qkvsim_context *context, const qkvsim_view *parts,
                                   int32_t part_count, const qkvsim_layout *layout,
                                   const qkvsim_analysis_options *analysis_options,
                                   const qkvsim_interval_options *given,
                                   qkvsim_intervals **intervals)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (intervals == NULL)
        return qkv_invalid(context, "intervals is NULL");
    qkvsim_interval_options options;
    qkvsim_analysis_options analysis;
    qkvsim_status status = read_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, analysis_options, &analysis);
    if (status != QKVSIM_OK)
        return status;
    if (options.second != NULL && analysis.selection == NULL)
        return qkv_invalid(
            context, "a second selection is given, but the analysis has none to compare with it");
    qkvsim_intervals *made = qkv_allocate_zeroed(&context->allocator, 1, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the intervals");
    made->allocator = context->allocator;
    qkv_pool pool;
    status = qkv_pool_open(context, parts, part_count, &analysis, options.second, &pool);
    if (status == QKVSIM_OK) {
        replication work = { context, .pool = &pool, .seed = options.seed, .made = made };
        status = replicate(&work, layout, &analysis, &options);
        qkv_pool_close(context, &pool);
    }
    if (status == QKVSIM_OK)
        *intervals = made;
    else
        qkvsim_intervals_free(made);
    return status;
}

/* ---- from replicates to intervals ---- */

/* Below 20 pairs a share is a small count, and its interval by normal theory is none. */
static bool tail_is_thin(const qkvsim_analysis *analysis, int32_t row, int32_t metric)
{
    const double share = qkvsim_analysis_statistic(analysis, row, metric, QKVSIM_TAIL);
    const double pairs = (double)qkvsim_analysis_defined(analysis, row, metric);
    return !(round(share * pairs) >= TAIL_PAIRS_LEAST);
}

/* Whether a statistic is the same for any values of as few pairs, but for rounding, which the jackknife
 * would take for an effect: two values always have the skewness 0 and the kurtosis -2, three the
 * kurtosis -1.5. */
static bool is_fixed(const qkvsim_analysis *analysis, int32_t row, int32_t metric,
                     int32_t statistic)
{
    const int64_t pairs = qkvsim_analysis_defined(analysis, row, metric);
    return (statistic == QKVSIM_SKEWNESS && pairs < SKEWNESS_PAIRS_LEAST)
           || (statistic == QKVSIM_KURTOSIS && pairs < KURTOSIS_PAIRS_LEAST);
}

static bool has_interval(const qkvsim_analysis *analysis, int32_t row, int32_t metric,
                         int32_t statistic)
{
    return !(statistic == QKVSIM_TAIL && tail_is_thin(analysis, row, metric))
           && !is_fixed(analysis, row, metric, statistic);
}

/* A statistic's replicates in one selection; no values where it has no interval. */
static qkv_sample sample_of(const qkvsim_intervals *intervals, int32_t selection, int32_t row,
                            int32_t metric, int32_t statistic)
{
    const qkvsim_analysis *observed = intervals->observed[selection];
    qkv_sample sample = { .count = intervals->replicates, .observed = NAN };
    if (observed == NULL)
        return sample;
    sample.observed = qkvsim_analysis_statistic(observed, row, metric, statistic);
    if (sample.count > 0 && has_interval(observed, row, metric, statistic))
        sample.values = qkv_replicates_values(&intervals->values[selection], row,
                                              qkv_statistic_test(metric, statistic));
    return sample;
}

static qkv_sample difference_of(qkv_sample a, qkv_sample b)
{
    const bool both = a.values != NULL && b.values != NULL;
    return (qkv_sample){ .values = both ? a.values : NULL,
                         .less = b.values,
                         .count = a.count,
                         .observed = a.observed - b.observed };
}

static bool all_exist(const qkv_sample *sample)
{
    for (int64_t k = 0; sample->values != NULL && k < sample->count; k++)
        if (isnan(qkv_sample_value(sample, k)))
            return false;
    return sample->values != NULL && !isnan(sample->observed);
}

static double jackknife_number(const qkvsim_intervals *intervals, const qkv_sample *samples,
                               int32_t selections, bool tested, int32_t what)
{
    const int64_t held = blocks_held(intervals, selections);
    if (held < BLOCKS_LEAST)
        return NAN;
    const qkv_jackknife_estimate jackknife = qkv_jackknife(samples, intervals->shares, selections);
    const double reach = intervals->t[selections - 1] * jackknife.se;
    switch (what) {
    case QKVSIM_INTERVAL_LOW:
        return jackknife.estimate - reach;
    case QKVSIM_INTERVAL_HIGH:
        return jackknife.estimate + reach;
    case QKVSIM_INTERVAL_ESTIMATE:
        return jackknife.estimate;
    case QKVSIM_INTERVAL_SE:
        return jackknife.se;
    case QKVSIM_INTERVAL_P:
        return tested && jackknife.se > 0
                   ? qkv_student_two_sided(jackknife.estimate / jackknife.se, held - 1)
                   : NAN;
    default:
        return NAN;
    }
}

/* The basic interval: the replicates' distances from T stand for T's from the truth, reversed. */
static double bootstrap_number(const qkvsim_intervals *intervals, const qkv_sample *sample,
                               int32_t what)
{
    const double outside = (1 - intervals->level) / 2;
    switch (what) {
    case QKVSIM_INTERVAL_LOW:
        return 2 * sample->observed - qkv_sample_quantile(sample, 1 - outside);
    case QKVSIM_INTERVAL_HIGH:
        return 2 * sample->observed - qkv_sample_quantile(sample, outside);
    case QKVSIM_INTERVAL_ESTIMATE:
        return sample->observed;
    case QKVSIM_INTERVAL_SE:
        return qkv_sample_sd(sample);
    default:
        return NAN;
    }
}

/* Of a sample of the first selection, less one of the second where there are two. */
static double number_of(const qkvsim_intervals *intervals, const qkv_sample *samples,
                        int32_t selections, bool tested, int32_t what)
{
    const qkv_sample sample = selections == 2 ? difference_of(samples[0], samples[1]) : samples[0];
    if (what == QKVSIM_INTERVAL_OBSERVED)
        return sample.observed;
    if (!all_exist(&sample))
        return NAN;
    return intervals->method == QKVSIM_JACKKNIFE
               ? jackknife_number(intervals, samples, selections, tested, what)
               : bootstrap_number(intervals, &sample, what);
}

/* ---- accessors ---- */

const qkvsim_analysis *qkvsim_intervals_observed(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->observed[0] : NULL;
}

const qkvsim_analysis *qkvsim_intervals_observed_second(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->observed[1] : NULL;
}

int64_t qkvsim_intervals_replicates(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->replicates : 0;
}

int64_t qkvsim_intervals_block_length(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->block_length : 0;
}

const double *qkvsim_intervals_values(const qkvsim_intervals *intervals, int32_t row,
                                      int32_t metric, int32_t statistic)
{
    if (qkvsim_intervals_replicates(intervals) == 0)
        return NULL;
    return qkv_replicates_values(&intervals->values[0], row, qkv_statistic_test(metric, statistic));
}

double qkvsim_intervals_statistic(const qkvsim_intervals *intervals, int32_t row, int32_t metric,
                                  int32_t statistic, int32_t what)
{
    if (intervals == NULL)
        return NAN;
    const qkv_sample sample = sample_of(intervals, 0, row, metric, statistic);
    return number_of(intervals, &sample, 1, false, what);
}

double qkvsim_intervals_contrast(const qkvsim_intervals *intervals, int32_t row_a, int32_t row_b,
                                 int32_t metric, int32_t statistic, int32_t what)
{
    if (intervals == NULL)
        return NAN;
    const qkv_sample sample = difference_of(sample_of(intervals, 0, row_a, metric, statistic),
                                            sample_of(intervals, 0, row_b, metric, statistic));
    return number_of(intervals, &sample, 1, true, what);
}

double qkvsim_intervals_difference(const qkvsim_intervals *intervals, int32_t row, int32_t metric,
                                   int32_t statistic, int32_t what)
{
    if (intervals == NULL)
        return NAN;
    const qkv_sample samples[] = { sample_of(intervals, 0, row, metric, statistic),
                                   sample_of(intervals, 1, row, metric, statistic) };
    return number_of(intervals, samples, 2, true, what);
}
