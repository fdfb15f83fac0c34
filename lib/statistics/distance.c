/* Distances between histograms. All three are the same whichever of the two comes first. */
#include "distance.h"

#include <math.h>

typedef struct histogram_pair {
    const int64_t *a, *b;
    double total_a, total_b;
    int64_t bins;
} histogram_pair;

static double total(const int64_t *counts, int64_t bins)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < bins; k++)
        sum += counts[k];
    return (double)sum;
}

static double kolmogorov_smirnov(const histogram_pair *pair)
{
    int64_t a = 0, b = 0;
    double largest = 0;
    for (int64_t k = 0; k < pair->bins; k++) {
        a += pair->a[k];
        b += pair->b[k];
        largest = fmax(largest, fabs((double)a / pair->total_a - (double)b / pair->total_b));
    }
    return largest;
}

/* Between two bins' centres the cumulative shares are constant. */
static double wasserstein(const histogram_pair *pair, const double *edges)
{
    int64_t a = 0, b = 0;
    double sum = 0;
    for (int64_t k = 0; k + 1 < pair->bins; k++) {
        a += pair->a[k];
        b += pair->b[k];
        sum += fabs((double)a / pair->total_a - (double)b / pair->total_b)
               * ((edges[k + 2] - edges[k]) / 2);
    }
    return sum;
}

/* p log2(p / m), and its limit 0. */
static double relative_entropy(double p, double m)
{
    return p > 0 ? p * log2(p / m) : 0;
}

static double jensen_shannon(const histogram_pair *pair)
{
    double sum = 0;
    for (int64_t k = 0; k < pair->bins; k++) {
        const double p = (double)pair->a[k] / pair->total_a;
        const double q = (double)pair->b[k] / pair->total_b;
        const double m = (p + q) / 2;
        sum += relative_entropy(p, m) + relative_entropy(q, m);
    }
    return sqrt(fmin(fmax(sum / 2, 0), 1));
}

double qkv_distance(const int64_t *a, const int64_t *b, const double *edges, int64_t bins,
                    int32_t distance)
{
    const histogram_pair pair = { a, b, total(a, bins), total(b, bins), bins };
    if (pair.total_a == 0 || pair.total_b == 0)
        return NAN;
    switch (distance) {
    case QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV:
        return kolmogorov_smirnov(&pair);
    case QKVSIM_DISTANCE_WASSERSTEIN:
        return wasserstein(&pair, edges);
    default:
        return jensen_shannon(&pair);
    }
}
