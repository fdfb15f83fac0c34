/*
 * Intervals: the replicated values of every statistic are kept; accessors make intervals of them, so
 * that any two rows can be contrasted when the run is over.
 */
#include <qkvsim/interval.h>

#include <math.h>

#include "analysis/whole_rows.h"
#include "base/structs.h"
#include "repeated/interval_run.h"
#include "statistics/bootstrap.h"
#include "statistics/fieller.h"
#include "statistics/student.h"

/* ---- options ---- */

static qkvsim_status check_method(qkvsim_context *context, const qkvsim_interval_options *options)
{
    if (options->method != QKVSIM_METHOD_JACKKNIFE && options->method != QKVSIM_METHOD_BOOTSTRAP)
        return qkv_unknown(
            context, options->method, QKVSIM_METHOD_BOOTSTRAP,
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

qkvsim_status qkv_read_interval_options(qkvsim_context *context,
                                        const qkvsim_interval_options *given,
                                        qkvsim_interval_options *options)
{
    const qkvsim_status status =
        qkv_read_options(context, &qkv_struct_interval_options, given, options);
    if (status != QKVSIM_OK)
        return status;
    if (options->method == 0)
        options->method = QKVSIM_METHOD_JACKKNIFE;
    if (options->level == 0)
        options->level = 0.95;
    if (!(options->level > 0 && options->level < 1))
        return qkv_invalid(context, "level is %s, expected a number between 0 and 1",
                           qkv_number(options->level).text);
    if (options->method == QKVSIM_METHOD_JACKKNIFE && (options->first != 0 || options->total != 0))
        return qkv_invalid(context, "first is %lld and total %lld, but the jackknife has no pieces",
                           (long long)options->first, (long long)options->total);
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
    qkv_release(&allocator, intervals->statistics);
    qkv_release(&allocator, intervals->differences);
    qkv_blocks_close(&allocator, &intervals->blocks);
    qkv_release(&allocator, intervals);
}

qkvsim_status qkv_intervals_prepare(qkvsim_context *context, qkvsim_intervals *made)
{
    if (made->method != QKVSIM_METHOD_BOOTSTRAP || made->replicates == 0)
        return QKVSIM_OK;
    const int64_t cells = qkv_replicates_cells(&made->values[0]);
    const bool two = made->observed[1] != NULL;
    made->statistics = qkv_intervals_once_open(&made->allocator, cells);
    made->differences = two ? qkv_intervals_once_open(&made->allocator, cells) : NULL;
    return made->statistics != NULL && (!two || made->differences != NULL)
               ? QKVSIM_OK
               : qkv_no_memory(context, "the intervals");
}

/* ---- the public call ---- */

qkvsim_status qkvsim_intervals_run(qkvsim_context *context, const qkvsim_input *given_input,
                                   const qkvsim_selection *second, const qkvsim_layout *layout,
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
    qkvsim_input read;
    qkvsim_status status = qkv_read_interval_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, analysis_options, &analysis);
    if (status == QKVSIM_OK)
        status = qkv_read_input(context, given_input, &read);
    if (status != QKVSIM_OK)
        return status;
    if (second != NULL && read.selection == NULL)
        return qkv_invalid(
            context, "a second selection is given, but the input has none to compare with it");
    qkvsim_intervals *made = qkv_allocate(&context->allocator, 1, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the intervals");
    *made = (qkvsim_intervals){ .allocator = context->allocator,
                                .level = options.level,
                                .method = options.method };
    qkv_pool pool;
    status = qkv_pool_open(context, &read, second, &pool);
    if (status == QKVSIM_OK) {
        status = qkv_replicate(context, &pool, layout, &analysis, &options, made);
        qkv_pool_close(context, &pool);
    }
    if (status == QKVSIM_OK)
        status = qkv_intervals_prepare(context, made);
    if (status == QKVSIM_OK)
        *intervals = made;
    else
        qkvsim_intervals_free(made);
    return status;
}

/* ---- which statistics have intervals ---- */

enum { NEVER = 0, ALWAYS = 1 };

/* Those whose intervals hold (docs/statistics.md), and the observations from which they do. A skewness, a
 * kurtosis and a tail are biased at small n by more than leaving blocks out removes; what the uncorrected
 * share and the noise fraction tell is of n observations, and not of what they are drawn from. Only of
 * corrected statistics may selections of different size be compared. */
typedef struct rule {
    int32_t statistic;
    int64_t alone, contrasted, compared;
    double low, high; /* where it lies */
} rule;

static const rule rules[] = {
    { QKVSIM_STATISTIC_MEAN, ALWAYS, ALWAYS, NEVER, -1, 1 },
    { QKVSIM_STATISTIC_VARIANCE, ALWAYS, ALWAYS, NEVER, 0, 1 },
    { QKVSIM_STATISTIC_OFFSET_SHARE, ALWAYS, 32, ALWAYS, 0, 1 },
    { QKVSIM_STATISTIC_OFFSET_ENERGY, 100, 100, 100, 0, INFINITY },
    { QKVSIM_STATISTIC_VARIANCE_ENERGY, ALWAYS, ALWAYS, ALWAYS, 0, INFINITY },
    { QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE, ALWAYS, ALWAYS, ALWAYS, 0, 1 },
    { QKVSIM_STATISTIC_MEAN_SQUARE, ALWAYS, ALWAYS, ALWAYS, 0, 1 },
};

static const rule *rule_of(int32_t statistic)
{
    for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
        if (rules[k].statistic == statistic)
            return &rules[k];
    return NULL;
}

/* Whether there are as many observations as an interval needs. */
static bool suffices(const qkvsim_intervals *intervals, int32_t selection, int64_t needed)
{
    return needed != NEVER
           && qkvsim_analysis_observations(intervals->observed[selection]) >= needed;
}

/* ---- samples ---- */

/* A statistic of a row in one selection: what an interval is of. */
typedef struct subject {
    int32_t selection, row, metric, statistic;
} subject;

static qkv_sample sample_of(const qkvsim_intervals *intervals, const subject *of)
{
    const qkvsim_analysis *observed = intervals->observed[of->selection];
    const int32_t test = qkv_statistic_test(of->metric, of->statistic);
    qkv_sample sample = { .count = intervals->replicates, .observed = NAN, .expected = NAN };
    if (observed == NULL)
        return sample;
    sample.observed = qkvsim_analysis_statistic(observed, of->row, of->metric, of->statistic);
    if (sample.count == 0 || rule_of(of->statistic) == NULL || test < 0)
        return sample;
    sample.values = qkv_replicates_values(&intervals->values[of->selection], of->row, test);
    sample.expected = qkv_statistic_plug_in(observed, of->row, test);
    return sample;
}

static bool all_exist(const qkv_sample *sample)
{
    for (int64_t k = 0; sample->values != NULL && k < sample->count; k++)
        if (isnan(qkv_sample_value(sample, k)))
            return false;
    return sample->values != NULL && !isnan(sample->observed);
}

/* ---- from samples to intervals ---- */

static const qkv_interval absent = { NAN, NAN, NAN, NAN, NAN };

/* Student's t of one selection, or of the difference of two: that of the fewer blocks. */
static double student_of(const qkvsim_intervals *intervals, bool difference)
{
    const double *t = intervals->t;
    return !difference ? t[0] : isnan(t[1]) ? t[1] : t[0] < t[1] ? t[1] : t[0];
}

static qkv_interval by_student(const qkvsim_intervals *intervals, const qkv_jackknife_term *terms,
                               int32_t count, bool difference)
{
    const double t = student_of(intervals, difference);
    for (int32_t k = 0; k < count; k++)
        if (isnan(t) || !all_exist(terms[k].sample))
            return absent;
    const qkv_jackknife_estimate jackknife = qkv_jackknife(terms, count);
    const double half_width = t * jackknife.se;
    return (qkv_interval){ jackknife.estimate, jackknife.se, jackknife.estimate - half_width,
                           jackknife.estimate + half_width, NAN };
}

/* Both energies of a row in one selection, with the shares of that selection. */
typedef struct energies {
    qkv_sample offset, variance;
    const qkv_block_shares *shares;
} energies;

static energies energies_of(const qkvsim_intervals *intervals, const subject *of)
{
    subject energy = *of;
    energies both = { .shares = &intervals->shares[of->selection] };
    energy.statistic = QKVSIM_STATISTIC_OFFSET_ENERGY;
    both.offset = sample_of(intervals, &energy);
    energy.statistic = QKVSIM_STATISTIC_VARIANCE_ENERGY;
    both.variance = sample_of(intervals, &energy);
    return both;
}

/* Variances of both, and of their sum for the covariance. */
static qkv_share_interval share_of(const qkvsim_intervals *intervals, const subject *of)
{
    const energies both = energies_of(intervals, of);
    const qkv_jackknife_term terms[] = { { 1, &both.offset, both.shares },
                                         { 1, &both.variance, both.shares } };
    const double t = intervals->t[of->selection];
    if (isnan(t) || !all_exist(&both.offset) || !all_exist(&both.variance))
        return (qkv_share_interval){ NAN, NAN, NAN, NAN };
    const qkv_jackknife_estimate offset = qkv_jackknife(&terms[0], 1);
    const qkv_jackknife_estimate variance = qkv_jackknife(&terms[1], 1);
    const qkv_jackknife_estimate sum = qkv_jackknife(terms, 2);
    const double of_offset = offset.se * offset.se, of_variance = variance.se * variance.se;
    return qkv_fieller(&(qkv_energies){ offset.estimate, variance.estimate, of_offset, of_variance,
                                        (sum.se * sum.se - of_offset - of_variance) / 2, t });
}

static qkv_interval from_share(const qkv_share_interval *share)
{
    return (qkv_interval){ share->estimate, share->se, share->low, share->high, NAN };
}

/* A share moves with its energies as its derivatives by them say. */
static qkv_interval contrast_of_shares(const qkvsim_intervals *intervals, const subject of[2])
{
    energies both[2];
    qkv_jackknife_term terms[QKV_JACKKNIFE_TERMS];
    qkv_share_interval shares[2];
    for (int k = 0; k < 2; k++) {
        shares[k] = share_of(intervals, &of[k]);
        both[k] = energies_of(intervals, &of[k]);
        if (isnan(shares[k].estimate))
            return absent;
        const qkv_jackknife_term one[] = { { 1, &both[k].offset, both[k].shares },
                                           { 1, &both[k].variance, both[k].shares } };
        const double total = qkv_jackknife(one, 2).estimate, sign = k == 0 ? 1 : -1;
        terms[2 * k] = one[0];
        terms[2 * k].weight = sign * (1 - shares[k].estimate) / total;
        terms[2 * k + 1] = one[1];
        terms[2 * k + 1].weight = -sign * shares[k].estimate / total;
    }
    const double estimate = shares[0].estimate - shares[1].estimate;
    const double se = qkv_jackknife(terms, 4).se, half_width = intervals->t[0] * se;
    return (qkv_interval){ estimate, se, estimate - half_width, estimate + half_width, NAN };
}

/* The basic interval: the replicates' distances from what they are drawn from stand for the observed
 * value's from the truth, reversed. */
static qkv_interval by_resamples(const qkvsim_intervals *intervals, const qkv_sample *sample)
{
    const double outside = (1 - intervals->level) / 2, centre = sample->observed + sample->expected;
    if (!all_exist(sample))
        return absent;
    return (qkv_interval){ sample->observed, qkv_sample_sd(sample),
                           centre - qkv_sample_quantile(sample, 1 - outside),
                           centre - qkv_sample_quantile(sample, outside), NAN };
}

static qkv_interval by_resamples_of_two(const qkvsim_intervals *intervals, qkv_sample a,
                                        qkv_sample b)
{
    const bool both = a.values != NULL && b.values != NULL;
    const qkv_sample difference = { both ? a.values : NULL, b.values, a.count,
                                    a.observed - b.observed, a.expected - b.expected };
    return by_resamples(intervals, &difference);
}

/* Within the range of the statistic, or of the difference of two. */
static qkv_interval bounded(qkv_interval made, const rule *of, bool difference)
{
    const double low = difference ? of->low - of->high : of->low;
    const double high = difference ? of->high - of->low : of->high;
    if (isnan(made.estimate))
        return absent;
    made.low = fmin(fmax(made.low, low), high);
    made.high = fmin(fmax(made.high, low), high);
    return made;
}

/* ---- of one statistic, of two rows, of two selections ---- */

static bool is_share(const subject *of)
{
    return of->statistic == QKVSIM_STATISTIC_OFFSET_SHARE && of->metric == QKVSIM_METRIC_COSINE;
}

static qkv_interval of_statistic(const qkvsim_intervals *intervals, const subject *of)
{
    const rule *range = rule_of(of->statistic);
    const qkv_sample sample = sample_of(intervals, of);
    const qkv_jackknife_term term = { 1, &sample, &intervals->shares[of->selection] };
    if (range == NULL || !suffices(intervals, 0, range->alone) || isnan(sample.observed))
        return absent;
    if (intervals->method == QKVSIM_METHOD_BOOTSTRAP)
        return bounded(by_resamples(intervals, &sample), range, false);
    if (!is_share(of))
        return bounded(by_student(intervals, &term, 1, false), range, false);
    const qkv_share_interval share = share_of(intervals, of);
    return from_share(&share);
}

static qkv_interval of_contrast(const qkvsim_intervals *intervals, const subject of[2])
{
    const rule *range = rule_of(of[0].statistic);
    const qkv_sample a = sample_of(intervals, &of[0]), b = sample_of(intervals, &of[1]);
    const qkv_jackknife_term terms[] = { { 1, &a, &intervals->shares[0] },
                                         { -1, &b, &intervals->shares[0] } };
    if (range == NULL || !suffices(intervals, 0, range->contrasted)
        || isnan(a.observed - b.observed))
        return absent;
    if (intervals->method == QKVSIM_METHOD_BOOTSTRAP)
        return bounded(by_resamples_of_two(intervals, a, b), range, true);
    qkv_interval made =
        is_share(of) ? contrast_of_shares(intervals, of) : by_student(intervals, terms, 2, false);
    made = bounded(made, range, true);
    if (made.se > 0)
        made.p = qkv_student_two_sided(made.estimate / made.se, intervals->shares[0].held - 1);
    return made;
}

/* Only corrected statistics mean the same at different sizes. There is no p: relabellings have it
 * (comparison.h). */
static qkv_interval of_difference(const qkvsim_intervals *intervals, const subject of[2])
{
    const rule *range = rule_of(of[0].statistic);
    const qkv_sample a = sample_of(intervals, &of[0]), b = sample_of(intervals, &of[1]);
    const qkv_jackknife_term terms[] = { { 1, &a, &intervals->shares[0] },
                                         { -1, &b, &intervals->shares[1] } };
    if (range == NULL || isnan(a.observed - b.observed) || !suffices(intervals, 0, range->compared)
        || !suffices(intervals, 1, range->compared))
        return absent;
    if (intervals->method == QKVSIM_METHOD_BOOTSTRAP)
        return bounded(by_resamples_of_two(intervals, a, b), range, true);
    if (!is_share(of))
        return bounded(by_student(intervals, terms, 2, true), range, true);
    const qkv_share_interval shares[] = { share_of(intervals, &of[0]),
                                          share_of(intervals, &of[1]) };
    const qkv_share_interval difference = qkv_share_difference(&shares[0], &shares[1]);
    return bounded(from_share(&difference), range, true);
}

/* Where the interval of a subject is kept once it was asked for; NULL: nowhere, it is computed soon enough. */
static qkv_interval_once *place_of(const qkvsim_intervals *intervals, qkv_interval_once *all,
                                   const subject *of)
{
    const int64_t cell = qkv_replicates_cell(&intervals->values[0], of->row,
                                             qkv_statistic_test(of->metric, of->statistic));
    return all != NULL && cell >= 0 ? &all[cell] : NULL;
}

static double number_of(const qkv_interval *made, int32_t summary)
{
    switch (summary) {
    case QKVSIM_SUMMARY_ESTIMATE:
        return made->estimate;
    case QKVSIM_SUMMARY_SE:
        return made->se;
    case QKVSIM_SUMMARY_LOW:
        return made->low;
    case QKVSIM_SUMMARY_HIGH:
        return made->high;
    case QKVSIM_SUMMARY_P:
        return made->p;
    default:
        return NAN;
    }
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

int32_t qkvsim_intervals_method(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->method : 0;
}

double qkvsim_intervals_level(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->level : 0;
}

uint64_t qkvsim_intervals_seed(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->seed : 0;
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
                                  int32_t statistic, int32_t summary)
{
    const subject of = { 0, row, metric, statistic };
    if (intervals == NULL)
        return NAN;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return sample_of(intervals, &of).observed;
    qkv_interval_once *once = place_of(intervals, intervals->statistics, &of);
    qkv_interval made;
    if (!qkv_interval_recall(once, &made)) {
        made = of_statistic(intervals, &of);
        qkv_interval_keep(once, &made);
    }
    return number_of(&made, summary);
}

double qkvsim_intervals_contrast(const qkvsim_intervals *intervals, int32_t row_a, int32_t row_b,
                                 int32_t metric, int32_t statistic, int32_t summary)
{
    const subject of[] = { { 0, row_a, metric, statistic }, { 0, row_b, metric, statistic } };
    if (intervals == NULL)
        return NAN;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return sample_of(intervals, &of[0]).observed - sample_of(intervals, &of[1]).observed;
    const qkv_interval made = of_contrast(intervals, of);
    return number_of(&made, summary);
}

double qkvsim_intervals_difference(const qkvsim_intervals *intervals, int32_t row, int32_t metric,
                                   int32_t statistic, int32_t summary)
{
    const subject of[] = { { 0, row, metric, statistic }, { 1, row, metric, statistic } };
    if (intervals == NULL)
        return NAN;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return sample_of(intervals, &of[0]).observed - sample_of(intervals, &of[1]).observed;
    qkv_interval_once *once = place_of(intervals, intervals->differences, &of[0]);
    qkv_interval made;
    if (!qkv_interval_recall(once, &made)) {
        made = of_difference(intervals, of);
        qkv_interval_keep(once, &made);
    }
    return number_of(&made, summary);
}

static double statistic_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_intervals_statistic(question->of, row, question->metric, question->statistic,
                                      question->summary);
}

qkvsim_status qkvsim_intervals_statistics(qkvsim_context *context,
                                          const qkvsim_intervals *intervals, int32_t metric,
                                          int32_t statistic, int32_t summary, double *values,
                                          int64_t capacity)
{
    const qkv_question question = { intervals, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, statistic_of_row,
                           qkvsim_intervals_observed(intervals), values, capacity);
}

static double difference_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_intervals_difference(question->of, row, question->metric, question->statistic,
                                       question->summary);
}

qkvsim_status qkvsim_intervals_differences(qkvsim_context *context,
                                           const qkvsim_intervals *intervals, int32_t metric,
                                           int32_t statistic, int32_t summary, double *values,
                                           int64_t capacity)
{
    const qkv_question question = { intervals, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, difference_of_row,
                           qkvsim_intervals_observed(intervals), values, capacity);
}
