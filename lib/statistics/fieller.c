/*
 * A share theta = O / (O + V) is where O (1 - theta) - V theta is 0. That is linear in the
 * energies, which the jackknife estimates well: the interval holds each theta in [0, 1] for which
 * it is within t standard errors of 0 (E. C. Fieller, Some problems in interval estimation, Journal
 * of the Royal Statistical Society B 16 (1954) 175-185). Where the energies are noise that is all
 * of [0, 1].
 */
#include "fieller.h"

#include <math.h>

/* f(theta) = curve theta^2 - 2 slope theta + level, not positive within the interval. */
typedef struct parabola {
    double curve, slope, level;
} parabola;

static double value_at(const parabola *f, double theta)
{
    return (f->curve * theta - 2 * f->slope) * theta + f->level;
}

/* What of [0, 1] is between the least and the largest theta within, the estimate among them: one
 * bound where all are beyond. */
static void span(const parabola *f, qkv_share_interval *share)
{
    double low = share->estimate, high = share->estimate;
    const double roots = f->slope * f->slope - f->curve * f->level;
    for (int sign = -1; sign <= 1 && roots >= 0; sign += 2) {
        const double root = (f->slope + sign * sqrt(roots)) / f->curve;
        if (root >= 0 && root <= 1) {
            low = fmin(low, root);
            high = fmax(high, root);
        }
    }
    for (int end = 0; end <= 1; end++)
        if (value_at(f, end) <= 0) {
            low = fmin(low, end);
            high = fmax(high, end);
        }
    share->low = low;
    share->high = high;
}

qkv_share_interval qkv_fieller(const qkv_energies *e)
{
    const double total = e->offset + e->variance, t2 = e->t * e->t;
    qkv_share_interval share = { NAN, NAN, NAN, NAN };
    if (!(total > 0))
        return share;
    const double with_total = e->offset_variance + e->covariance;
    const double total_variance = with_total + e->variance_variance + e->covariance;
    const parabola f = { total * total - t2 * total_variance, e->offset * total - t2 * with_total,
                         e->offset * e->offset - t2 * e->offset_variance };
    const double theta = e->offset / total;
    const double variance =
        e->offset_variance - 2 * theta * with_total + theta * theta * total_variance;
    share.se = sqrt(fmax(0, variance)) / total;
    share.estimate = fmin(1, fmax(0, theta));
    span(&f, &share);
    return share;
}

/* G. Y. Zou & A. Donner, Construction of confidence limits about effect measures: a general
 * approach, Statistics in Medicine 27 (2008) 1693-1702, for two independent estimates. */
qkv_share_interval qkv_share_difference(const qkv_share_interval *a, const qkv_share_interval *b)
{
    const double difference = a->estimate - b->estimate;
    return (qkv_share_interval){
        .estimate = difference,
        .se = hypot(a->se, b->se),
        .low = difference - hypot(a->estimate - a->low, b->high - b->estimate),
        .high = difference + hypot(a->high - a->estimate, b->estimate - b->low),
    };
}
