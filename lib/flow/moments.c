/* Mean, variance, skewness and kurtosis from power sums, without cancellation: sums are taken about
 * a value of the set itself, and sets are merged about their means. */
#include "moments.h"

#include <math.h>
#include <qkvsim/analysis.h>

#include "base/arithmetic.h"

qkv_moments qkv_moments_of_tally(const qkv_tally *tally, int64_t count)
{
    const double n = (double)count;
    const double mean = tally->power_sums[0] / n;
    const double s2 = tally->power_sums[1], s3 = tally->power_sums[2], s4 = tally->power_sums[3];
    qkv_moments moments = {
        .count = count,
        .tail = tally->tail,
        .m2 = fmax(0, s2 - n * mean * mean),
        .m3 = s3 - 3 * mean * s2 + 2 * n * mean * mean * mean,
        .m4 =
            fmax(0, s4 - 4 * mean * s3 + 6 * mean * mean * s2 - 3 * n * mean * mean * mean * mean),
        .minimum = tally->minimum,
        .maximum = tally->maximum,
    };
    moments.mean = qkv_two_sum(tally->shift, mean, &moments.mean_low);
    return moments;
}

/* P. Pebay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
 * statistical moments, SAND2008-6212, equations 2.1 and following for two sets. */
void qkv_moments_merge(qkv_moments *moments, const qkv_moments *other)
{
    if (other->count == 0)
        return;
    if (moments->count == 0) {
        *moments = *other;
        return;
    }
    const qkv_moments a = *moments, b = *other;
    const double na = (double)a.count, nb = (double)b.count, n = na + nb;
    const double delta = (b.mean - a.mean) + (b.mean_low - a.mean_low);
    const double d = delta / n;
    moments->count = a.count + b.count;
    moments->tail = a.tail + b.tail;
    moments->mean = qkv_two_sum(a.mean, a.mean_low + nb * d, &moments->mean_low);
    moments->m2 = a.m2 + b.m2 + delta * d * na * nb;
    moments->m3 =
        a.m3 + b.m3 + delta * d * d * na * nb * (na - nb) + 3 * d * (na * b.m2 - nb * a.m2);
    moments->m4 = a.m4 + b.m4 + delta * d * d * d * na * nb * (na * na - na * nb + nb * nb)
                  + 6 * d * d * (na * na * b.m2 + nb * nb * a.m2) + 4 * d * (na * b.m3 - nb * a.m3);
    moments->minimum = fmin(a.minimum, b.minimum);
    moments->maximum = fmax(a.maximum, b.maximum);
}

double qkv_moments_statistic(const qkv_moments *moments, int32_t statistic)
{
    const double n = (double)moments->count;
    const bool varies = moments->count > 0 && moments->minimum < moments->maximum;
    const double variance = varies ? moments->m2 / n : 0;
    if (moments->count == 0)
        return NAN;
    switch (statistic) {
    case QKVSIM_STATISTIC_MEAN:
        return varies ? moments->mean : moments->minimum;
    case QKVSIM_STATISTIC_VARIANCE:
        return variance;
    case QKVSIM_STATISTIC_SKEWNESS:
        return variance > 0 ? moments->m3 / n / (variance * sqrt(variance)) : NAN;
    case QKVSIM_STATISTIC_KURTOSIS:
        return variance > 0 ? moments->m4 / n / (variance * variance) - 3 : NAN;
    case QKVSIM_STATISTIC_TAIL:
        return (double)moments->tail / n;
    case QKVSIM_STATISTIC_MINIMUM:
        return moments->minimum;
    case QKVSIM_STATISTIC_MAXIMUM:
        return moments->maximum;
    default:
        return NAN;
    }
}
