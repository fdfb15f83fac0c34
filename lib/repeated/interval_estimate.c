/*
 * Three ways from replicates to an interval: Student's t about a jackknife estimate, Fieller's for
 * a share of two energies, and the basic interval of resamples.
 */
#include "interval_estimate.h"

#include <math.h>

#include "statistics/bootstrap.h"
#include "statistics/fieller.h"
#include "statistics/student.h"

/* ---- which statistics have intervals ---- */

enum { NEVER = 0, ALWAYS = 1 };

/* Those whose intervals hold (docs/statistics.md), and the observations from which they do. A
 * skewness, a kurtosis and a tail are biased at small n by more than leaving blocks out removes;
 * what the uncorrected share and the noise fraction tell is of n observations, and not of what they
 * are drawn from. Only of corrected statistics may selections of different size be compared. */
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

static qkv_sample sample_of(const qkvsim_intervals *intervals, const qkv_subject *of)
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

static energies energies_of(const qkvsim_intervals *intervals, const qkv_subject *of)
{
    qkv_subject energy = *of;
    energies both = { .shares = &intervals->shares[of->selection] };
    energy.statistic = QKVSIM_STATISTIC_OFFSET_ENERGY;
    both.offset = sample_of(intervals, &energy);
    energy.statistic = QKVSIM_STATISTIC_VARIANCE_ENERGY;
    both.variance = sample_of(intervals, &energy);
    return both;
}

/* Variances of both, and of their sum for the covariance. */
static qkv_share_interval share_of(const qkvsim_intervals *intervals, const qkv_subject *of)
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
static qkv_interval contrast_of_shares(const qkvsim_intervals *intervals, const qkv_subject of[2])
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

/* The basic interval: the replicates' distances from what they are drawn from stand for the
 * observed value's from the truth, reversed. */
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

static bool is_share(const qkv_subject *of)
{
    return of->statistic == QKVSIM_STATISTIC_OFFSET_SHARE && of->metric == QKVSIM_METRIC_COSINE;
}

qkv_interval qkv_interval_of_statistic(const qkvsim_intervals *intervals, const qkv_subject *of)
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

qkv_interval qkv_interval_of_contrast(const qkvsim_intervals *intervals, const qkv_subject of[2])
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
qkv_interval qkv_interval_of_difference(const qkvsim_intervals *intervals, const qkv_subject of[2])
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

double qkv_subject_observed(const qkvsim_intervals *intervals, const qkv_subject *of)
{
    return sample_of(intervals, of).observed;
}
