/*
 * Student's t by the finite sums of Abramowitz & Stegun 26.7.3 (odd degrees of freedom) and 26.7.4
 * (even ones), with theta = arctan(t / sqrt(degrees)):
 *
 *     odd:  A = 2/pi (theta + sin theta (cos theta + 2/3 cos^3 theta + ...))
 *     even: A = sin theta (1 + 1/2 cos^2 theta + (1 3)/(2 4) cos^4 theta + ...)
 *
 * Carried on without end, both series come to A = 1 (they are those of the arcsine and of
 * 1 / sqrt(1 - cos^2)), so what follows the last term of the finite sum is 1 - A, with nothing to
 * cancel.
 */
#include "student.h"

#include <math.h>
#include <stdbool.h>

static const double half_pi = 1.57079632679489661923;

typedef struct series {
    bool odd;
    double sine, cosine;
    double term; /* the k-th */
    int64_t k;
} series;

static series series_at(double t, int64_t degrees)
{
    const double root = sqrt((double)degrees);
    const double length = hypot(root, t);
    series s = { .odd = degrees % 2 == 1, .sine = t / length, .cosine = root / length };
    s.term = s.odd ? s.cosine : 1;
    return s;
}

static void next_term(series *s)
{
    s->k++;
    const double even = 2 * (double)s->k;
    s->term *= (s->odd ? even / (even + 1) : (even - 1) / even) * s->cosine * s->cosine;
}

double qkv_student_two_sided(double t, int64_t degrees)
{
    if (isinf(t))
        return 0;
    const int64_t terms = degrees / 2;
    series s = series_at(fabs(t), degrees);
    const double factor = s.odd ? s.sine / half_pi : s.sine;
    double head = 0, rest = 0;
    for (; s.k < terms; next_term(&s))
        head += s.term;
    if (fabs(t) < 1) /* the rest converges slowly, and 1 - A is large */
        return 1 - (factor * head + (s.odd ? atan2(s.sine, s.cosine) / half_pi : 0));
    for (; s.term > 1e-17 * rest; next_term(&s))
        rest += s.term;
    return factor * rest;
}

double qkv_student_quantile(double level, int64_t degrees)
{
    const double outside = 1 - level;
    double low = 0, high = 1;
    while (qkv_student_two_sided(high, degrees) > outside)
        high *= 2;
    for (;;) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            return high;
        if (qkv_student_two_sided(middle, degrees) > outside)
            low = middle;
        else
            high = middle;
    }
}
