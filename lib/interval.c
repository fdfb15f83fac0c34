/*
 * Intervals: the replicated values of every statistic are kept; accessors make intervals of them, so
 * that any two rows can be contrasted when the run is over.
 */
#include <qkvsim/interval.h>

#include <math.h>

#include "bootstrap.h"
#include "replication.h"
#include "student.h"

enum { TAIL_PAIRS_LEAST = 20, SKEWNESS_PAIRS_LEAST = 3, KURTOSIS_PAIRS_LEAST = 4 };

/* ---- options ---- */

static qkvsim_status check_method(qkvsim_context *context, const qkvsim_interval_options *options)
{
    if (options->method != QKVSIM_METHOD_JACKKNIFE && options->method != QKVSIM_METHOD_BOOTSTRAP)
        return qkv_invalid(
            context,
            "method is %d, expected QKVSIM_METHOD_JACKKNIFE (1) or QKVSIM_METHOD_BOOTSTRAP (2)",
            (int)options->method);
    if (options->method == QKVSIM_METHOD_BOOTSTRAP && options->blocks != 0)
        return qkv_invalid(
            context, "blocks is %lld, but the bootstrap has resamples and block_length instead",
            (long long)options->blocks);
    if (options->method == QKVSIM_METHOD_JACKKNIFE
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
        options->method = QKVSIM_METHOD_JACKKNIFE;
    if (options->level == 0)
        options->level = 0.95;
    if (!(options->level > 0 && options->level < 1))
        return qkv_invalid(context, "level is %s, expected a number between 0 and 1",
                           qkv_number(options->level).text);
    return check_method(context, options);
}

/* ---- life ---- */

void qkvsim_intervals_free(qkvsim_intervals *intervals)
{
    if (intervals == NULL)
        return;
    const qkv_allocator allocator = intervals->allocator;
    for (int32_t s = 0; s < QKV_SELECTIONS; s++) {
        qkvsim_analysis_free(intervals->observed[s]);
        qkv_replicates_close(&intervals->values[s]);
        qkv_block_shares_close(&allocator, &intervals->shares[s]);
    }
    qkv_blocks_close(&allocator, &intervals->blocks);
    qkv_release(&allocator, intervals);
}

/* ---- the public call ---- */

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
    qkvsim_intervals *made = qkv_allocate(&context->allocator, 1, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the intervals");
    *made = (qkvsim_intervals){ .allocator = context->allocator,
                                .level = options.level,
                                .method = options.method };
    qkv_pool pool;
    status = qkv_pool_open(context, parts, part_count, &analysis, options.second, &pool);
    if (status == QKVSIM_OK) {
        status = qkv_replicate(context, &pool, layout, &analysis, &options, made);
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
    const double share = qkvsim_analysis_statistic(analysis, row, metric, QKVSIM_STATISTIC_TAIL);
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
    return (statistic == QKVSIM_STATISTIC_SKEWNESS && pairs < SKEWNESS_PAIRS_LEAST)
           || (statistic == QKVSIM_STATISTIC_KURTOSIS && pairs < KURTOSIS_PAIRS_LEAST);
}

static bool has_interval(const qkvsim_analysis *analysis, int32_t row, int32_t metric,
                         int32_t statistic)
{
    return !(statistic == QKVSIM_STATISTIC_TAIL && tail_is_thin(analysis, row, metric))
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
    const int64_t held = qkv_blocks_held(intervals, selections);
    if (held < QKV_BLOCKS_LEAST)
        return NAN;
    const qkv_jackknife_estimate jackknife = qkv_jackknife(samples, intervals->shares, selections);
    const double reach = intervals->t[selections - 1] * jackknife.se;
    switch (what) {
    case QKVSIM_SUMMARY_LOW:
        return jackknife.estimate - reach;
    case QKVSIM_SUMMARY_HIGH:
        return jackknife.estimate + reach;
    case QKVSIM_SUMMARY_ESTIMATE:
        return jackknife.estimate;
    case QKVSIM_SUMMARY_SE:
        return jackknife.se;
    case QKVSIM_SUMMARY_P:
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
    case QKVSIM_SUMMARY_LOW:
        return 2 * sample->observed - qkv_sample_quantile(sample, 1 - outside);
    case QKVSIM_SUMMARY_HIGH:
        return 2 * sample->observed - qkv_sample_quantile(sample, outside);
    case QKVSIM_SUMMARY_ESTIMATE:
        return sample->observed;
    case QKVSIM_SUMMARY_SE:
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
    if (what == QKVSIM_SUMMARY_OBSERVED)
        return sample.observed;
    if (!all_exist(&sample))
        return NAN;
    return intervals->method == QKVSIM_METHOD_JACKKNIFE
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
