/*
 * Statistics of a row, from its moments and its split. Over n observations both parts of the
 * cosines have energy that unrelated features have too; corrected statistics are without it:
 *
 *     o*_i^2   = o_i^2 - s_i^2 / (n - 1)
 *     sum V*^2 = ((n - 1) sum V^2 - sum s_i^2 s_j^2) / (n - 2)
 *
 * which is HSIC_1's correction (Song et al. 2012) for features in place of observations: a Pearson
 * value of features that are unrelated has the variance 1 / (n - 1).
 */
#include "statistic.h"

#include <math.h>

#include "whole_rows.h"

#define OF_VALUES(metric)                                                                          \
    { metric, QKVSIM_STATISTIC_MEAN }, { metric, QKVSIM_STATISTIC_VARIANCE },                      \
        { metric, QKVSIM_STATISTIC_SKEWNESS }, { metric, QKVSIM_STATISTIC_KURTOSIS },              \
    {                                                                                              \
        metric, QKVSIM_STATISTIC_TAIL                                                              \
    }

/* Metrics by their indices: cosine 0, Pearson 1, Spearman 2. */
const qkv_test qkv_tests[QKV_STATISTIC_TESTS] = {
    OF_VALUES(0),
    { 0, QKVSIM_STATISTIC_OFFSET_SHARE },
    { 0, QKVSIM_STATISTIC_OFFSET_SHARE_RAW },
    { 0, QKVSIM_STATISTIC_OFFSET_ENERGY },
    { 0, QKVSIM_STATISTIC_VARIANCE_ENERGY },
    { 0, QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE },
    { 0, QKVSIM_STATISTIC_NOISE_FRACTION },
    OF_VALUES(1),
    { 1, QKVSIM_STATISTIC_MEAN_SQUARE },
    OF_VALUES(2),
    { 2, QKVSIM_STATISTIC_MEAN_SQUARE },
};

int32_t qkv_statistic_test(int32_t metric, int32_t statistic)
{
    const int32_t index = qkv_metric_index(metric);
    for (int32_t test = 0; test < QKV_STATISTIC_TESTS && index >= 0; test++)
        if (qkv_tests[test].metric == index && qkv_tests[test].statistic == statistic)
            return test;
    return -1;
}

/* ---- corrected ---- */

static double corrected_variance_energy(const qkv_split *split, double n)
{
    return n > 2 ? ((n - 1) * split->variance_energy - split->spread_energy) / (n - 2) : NAN;
}

/* Both corrected energies may be negative; of noise alone there is no share. */
static double unclipped_share(const qkv_split *split, double n)
{
    const double offset = split->offset_energy_corrected;
    const double total = offset + corrected_variance_energy(split, n);
    return total > 0 ? offset / total : NAN;
}

static double clipped(double share)
{
    return isnan(share) ? NAN : fmin(1, fmax(0, share));
}

static double raw_share(const qkv_split *split)
{
    const double total = split->offset_energy + split->variance_energy;
    return total > 0 ? split->offset_energy / total : NAN;
}

static double noise_fraction(const qkv_split *split, double n)
{
    const double energy = (n - 1) * split->variance_energy;
    return energy > 0 ? split->spread_energy / energy : NAN;
}

/* Of pairs that are as many as `pairs`. */
static double split_statistic(const qkv_split *split, double pairs, double n, int32_t statistic)
{
    switch (statistic) {
    case QKVSIM_STATISTIC_OFFSET_SHARE:
        return clipped(unclipped_share(split, n));
    case QKVSIM_STATISTIC_OFFSET_SHARE_RAW:
        return raw_share(split);
    case QKVSIM_STATISTIC_OFFSET_ENERGY:
        return n > 2 ? split->offset_energy_corrected : NAN;
    case QKVSIM_STATISTIC_VARIANCE_ENERGY:
        return corrected_variance_energy(split, n);
    case QKVSIM_STATISTIC_OFFSET_ENERGY_RAW:
        return split->offset_energy;
    case QKVSIM_STATISTIC_VARIANCE_ENERGY_RAW:
        return split->variance_energy;
    case QKVSIM_STATISTIC_CROSS_ENERGY:
        return 2 * split->cross;
    case QKVSIM_STATISTIC_MEAN_OFFSET_PART:
        return split->offset_sum / pairs;
    case QKVSIM_STATISTIC_MEAN_VARIANCE_PART:
        return split->variance_sum / pairs;
    case QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE:
        return n > 2 ? split->offset_squares / pairs : NAN;
    case QKVSIM_STATISTIC_NOISE_FRACTION:
        return noise_fraction(split, n);
    default:
        return NAN;
    }
}

/* Correlations of noise have the mean square 1 / (n - 1). */
static double mean_square(const qkv_moments *moments)
{
    const double mean = qkv_moments_statistic(moments, QKVSIM_STATISTIC_MEAN);
    return qkv_moments_statistic(moments, QKVSIM_STATISTIC_VARIANCE) + mean * mean;
}

static double corrected_mean_square(const qkv_moments *moments, double n)
{
    return n > 2 ? ((n - 1) * mean_square(moments) - 1) / (n - 2) : NAN;
}

/* ---- of a row ---- */

double qkvsim_analysis_statistic(const qkvsim_analysis *analysis, int32_t row, int32_t metric,
                                 int32_t statistic)
{
    const qkv_moments *moments = qkv_analysis_moments(analysis, row, metric);
    if (moments == NULL)
        return NAN;
    const double n = (double)analysis->observations;
    if (statistic <= QKVSIM_STATISTIC_MAXIMUM)
        return qkv_moments_statistic(moments, statistic);
    if (moments->count == 0)
        return NAN;
    if (statistic == QKVSIM_STATISTIC_MEAN_SQUARE)
        return metric != QKVSIM_METRIC_COSINE ? corrected_mean_square(moments, n) : NAN;
    return metric == QKVSIM_METRIC_COSINE
               ? split_statistic(&analysis->splits[row], (double)moments->count, n, statistic)
               : NAN;
}

/* By how much a value may be off for single precision, or for that of double (docs/numerics.md). */
static double rounding_of(const qkvsim_analysis *analysis)
{
    return analysis->arithmetic == QKVSIM_DTYPE_F32 ? 1e-6 : 1e-12;
}

/* Whether values are equal but for rounding: their skewness and kurtosis are rounding's. */
static bool is_shapeless(const qkvsim_analysis *analysis, int32_t row, int32_t metric)
{
    const double error = rounding_of(analysis);
    return qkvsim_analysis_statistic(analysis, row, metric, QKVSIM_STATISTIC_VARIANCE)
           <= error * error;
}

double qkv_statistic_value(const qkvsim_analysis *analysis, int32_t row, int32_t test)
{
    const int32_t metric = qkv_metric_bit(qkv_tests[test].metric);
    const int32_t statistic = qkv_tests[test].statistic;
    const bool shape =
        statistic == QKVSIM_STATISTIC_SKEWNESS || statistic == QKVSIM_STATISTIC_KURTOSIS;
    return shape && is_shapeless(analysis, row, metric)
               ? (double)NAN
               : qkvsim_analysis_statistic(analysis, row, metric, statistic);
}

double qkv_statistic_plug_in(const qkvsim_analysis *analysis, int32_t row, int32_t test)
{
    const int32_t metric = qkv_metric_bit(qkv_tests[test].metric);
    const double n = (double)analysis->observations;
    const double value = qkv_statistic_value(analysis, row, test);
    switch (qkv_tests[test].statistic) {
    case QKVSIM_STATISTIC_OFFSET_SHARE:
        return qkvsim_analysis_statistic(analysis, row, metric, QKVSIM_STATISTIC_OFFSET_SHARE_RAW);
    case QKVSIM_STATISTIC_OFFSET_ENERGY:
        return analysis->splits[row].offset_energy;
    case QKVSIM_STATISTIC_VARIANCE_ENERGY:
        return analysis->splits[row].variance_energy;
    case QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE:
        return ((n - 1) * value + 1) / n;
    case QKVSIM_STATISTIC_MEAN_SQUARE:
        return ((n - 2) * value + 1) / (n - 1);
    default:
        return value;
    }
}

/* ---- what rounding leaves undecided ---- */

/* By how much a single value may be off; in double, mostly by what is lost in taking away means. */
double qkv_value_error(const qkvsim_analysis *analysis)
{
    double offset = 0;
    if (analysis->arithmetic == QKVSIM_DTYPE_F32)
        return rounding_of(analysis);
    for (int64_t j = 0; j < analysis->layout->features; j++) {
        const double o = fabs(analysis->offset_ratios[j]);
        if (o < 1)
            offset = fmax(offset, o / sqrt(1 - o * o));
    }
    return rounding_of(analysis) + 4e-15 * offset;
}

/* Of moments of values that are each off by up to e, by the derivatives of their definitions; third
 * absolute moments are bounded by Cauchy's inequality, and the mean is off by as much. */
static double moment_error(const qkv_moments *moments, double e, int32_t statistic)
{
    const double sd = sqrt(qkv_moments_statistic(moments, QKVSIM_STATISTIC_VARIANCE));
    const double skewness = fabs(qkv_moments_statistic(moments, QKVSIM_STATISTIC_SKEWNESS));
    const double fourth = qkv_moments_statistic(moments, QKVSIM_STATISTIC_KURTOSIS) + 3;
    switch (statistic) {
    case QKVSIM_STATISTIC_MEAN:
        return e;
    case QKVSIM_STATISTIC_VARIANCE:
        return 2 * e * sd + e * e;
    case QKVSIM_STATISTIC_SKEWNESS:
        return e / sd * (6 + 3 * skewness);
    case QKVSIM_STATISTIC_KURTOSIS:
        return e / sd * (8 * sqrt(fourth) + 4 * fourth);
    default: /* the tail's bound is settled exactly */
        return 0;
    }
}

/* A mean of squares of values that are each off by up to e. */
static double square_error(double mean_square, double e)
{
    return 2 * e * sqrt(mean_square) + e * e;
}

/* Offsets are off by `o` at most. */
static double split_error(const qkv_split *split, double pairs, double n, double e, double o,
                          int32_t statistic)
{
    const double raw = square_error(split->variance_energy / pairs, e) * pairs;
    const double corrected = raw * (n - 1) / (n - 2);
    const double offset = o * pairs;
    switch (statistic) {
    case QKVSIM_STATISTIC_OFFSET_SHARE:
        return (offset + corrected)
               / fabs(split->offset_energy_corrected + corrected_variance_energy(split, n));
    case QKVSIM_STATISTIC_OFFSET_SHARE_RAW:
        return (offset + raw) / (split->offset_energy + split->variance_energy);
    case QKVSIM_STATISTIC_OFFSET_ENERGY:
        return offset;
    case QKVSIM_STATISTIC_VARIANCE_ENERGY:
        return corrected;
    case QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE:
        return o;
    default:
        return noise_fraction(split, n) * raw / split->variance_energy;
    }
}

static double resolution(const qkvsim_analysis *analysis, int32_t row, int32_t test, double e,
                         double o)
{
    const int32_t metric = qkv_metric_bit(qkv_tests[test].metric);
    const int32_t statistic = qkv_tests[test].statistic;
    const double value = qkv_statistic_value(analysis, row, test);
    if (isnan(value))
        return 0;
    const qkv_moments *moments = qkv_analysis_moments(analysis, row, metric);
    const double n = (double)analysis->observations;
    double error;
    if (statistic <= QKVSIM_STATISTIC_MAXIMUM)
        error = moment_error(moments, e, statistic);
    else if (statistic == QKVSIM_STATISTIC_MEAN_SQUARE)
        error = square_error(mean_square(moments), e) * (n - 1) / (n - 2);
    else
        error = split_error(&analysis->splits[row], (double)moments->count, n, e, o, statistic);
    return fmax(error, 1e-10 * fabs(value));
}

double qkv_statistic_resolution(const qkvsim_analysis *analysis, int32_t row, int32_t test,
                                double e)
{
    return resolution(analysis, row, test, e, 1e-12);
}

bool qkv_statistic_is_ratio(int32_t test)
{
    const int32_t statistic = qkv_tests[test].statistic;
    return statistic == QKVSIM_STATISTIC_OFFSET_SHARE
           || statistic == QKVSIM_STATISTIC_OFFSET_SHARE_RAW
           || statistic == QKVSIM_STATISTIC_NOISE_FRACTION;
}

double qkv_statistic_growth(int32_t test, double e)
{
    return qkv_tests[test].statistic == QKVSIM_STATISTIC_VARIANCE ? 2 * e : 0;
}

double qkv_refitted_resolution(const qkvsim_analysis *analysis, int32_t row, int32_t test, double e)
{
    return resolution(analysis, row, test, e, e);
}

/* ---- of every row ---- */

static double statistic_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_analysis_statistic(question->of, row, question->metric, question->statistic);
}

qkvsim_status qkvsim_analysis_statistics(qkvsim_context *context, const qkvsim_analysis *analysis,
                                         int32_t metric, int32_t statistic, double *values,
                                         int64_t capacity)
{
    const qkv_question question = { analysis, metric, statistic, QKV_NOT_ASKED, QKV_NOT_ASKED };
    return qkv_answer_rows(context, &question, statistic_of_row, analysis, values, capacity);
}

qkvsim_status qkvsim_analysis_defined_counts(qkvsim_context *context,
                                             const qkvsim_analysis *analysis, int32_t metric,
                                             int64_t *counts, int64_t capacity)
{
    if (analysis == NULL || counts == NULL)
        return qkv_invalid(context, "%s is NULL", analysis == NULL ? "analysis" : "counts");
    const int32_t rows = qkv_layout_rows(analysis->layout);
    qkvsim_status status = qkv_check_metric(context, metric);
    if (status == QKVSIM_OK)
        status = qkv_check_capacity(context, "counts", capacity, rows);
    for (int32_t row = 0; status == QKVSIM_OK && row < rows; row++)
        counts[row] = qkvsim_analysis_defined(analysis, row, metric);
    return status;
}

qkvsim_status qkvsim_analysis_group_matrix(qkvsim_context *context, const qkvsim_analysis *analysis,
                                           int32_t metric, int32_t statistic, double *matrix,
                                           int64_t capacity)
{
    const qkv_question question = { analysis, metric, statistic, QKV_NOT_ASKED, QKV_NOT_ASKED };
    qkvsim_status status = qkv_check_question(context, &question, matrix);
    if (status != QKVSIM_OK)
        return status;
    const int32_t groups = analysis->layout->groups;
    status = qkv_check_capacity(context, "matrix", capacity, (int64_t)groups * groups);
    for (int32_t a = 0; status == QKVSIM_OK && a < groups; a++)
        for (int32_t b = a; b < groups; b++) {
            const int32_t p = qkv_pair_group(groups, a, b);
            const double value = statistic_of_row(&question, p);
            matrix[(int64_t)a * groups + b] = matrix[(int64_t)b * groups + a] = value;
        }
    return status;
}
