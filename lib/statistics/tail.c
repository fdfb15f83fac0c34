/*
 * The largest values of a null, less a threshold, follow a generalised Pareto distribution where
 * the threshold is high enough (Pickands 1975), with survival (1 + shape x / scale)^(-1 / shape).
 * Knijnenburg et al. (2009) fit it to the 250 largest, and to ever fewer until a test of goodness
 * of fit agrees.
 *
 * A fit to so few says where most of the tail is, and little of where it ends: with its own shape,
 * values of p that are a tenth of the least one that m permutations can have come out too small
 * three times as often as they may. So the shape is raised by its standard error, and no p is below
 * that tenth (docs/statistics.md has the sizes).
 */
#include "tail.h"

#include <math.h>
#include <stdlib.h>

enum { EXCESSES_MOST = 250, EXCESSES_LEAST = 30, EXCESSES_STEP = 10, CANDIDATES_MOST = 36 };

/* Survival at x is (1 - rate x)^(-1 / shape), and rate is -shape / scale. */
typedef struct pareto {
    double shape, rate;
} pareto;

static double shape_of(const double *excesses, int64_t count, double rate)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += log1p(-rate * excesses[k]);
    return sum / (double)count;
}

static double log_survival(const pareto *fit, double excess)
{
    return -log1p(-fit->rate * excess) / fit->shape;
}

/* The mean of the rate over its profile likelihood, at 20 + sqrt(count) quantiles of a prior that
 * the data place (Zhang & Stephens 2009): nearly as good as maximum likelihood, and there is always
 * one. */
static pareto fit_pareto(const double *excesses, int64_t count)
{
    const int candidates = 20 + (int)sqrt((double)count);
    const double most = excesses[count - 1];
    const double quartile = excesses[(int64_t)((double)count / 4 + 0.5) - 1];
    double rates[CANDIDATES_MOST], likelihoods[CANDIDATES_MOST], best = -INFINITY;
    for (int k = 0; k < candidates; k++) {
        rates[k] = 1 / most + (1 - sqrt(candidates / (k + 0.5))) / (3 * quartile);
        const double shape = shape_of(excesses, count, rates[k]);
        likelihoods[k] = (double)count * (log(-rates[k] / shape) - shape - 1);
        best = fmax(best, likelihoods[k]);
    }
    double weights = 0, rate = 0;
    for (int k = 0; k < candidates; k++) {
        const double weight = isnan(likelihoods[k]) ? 0 : exp(likelihoods[k] - best);
        weights += weight;
        rate += weight * rates[k];
    }
    rate /= weights;
    return (pareto){ shape_of(excesses, count, rate), rate };
}

/* Anderson and Darling's A^2. */
static double misfit(const pareto *fit, const double *excesses, int64_t count)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += (double)(2 * k + 1)
               * (log(-expm1(log_survival(fit, excesses[k])))
                  + log_survival(fit, excesses[count - 1 - k]));
    return -(double)count - sum / (double)count;
}

/* What A^2 exceeds in 5 % of samples whose shape and scale are fitted (Choulakian & Stephens 2001,
 * table 2), between the shapes it has linearly. */
static double misfit_allowed(double shape)
{
    static const double shapes[] = { -0.5, -0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.5, 0.9 };
    static const double values[] = { 1.321, 1.221, 1.140, 1.074, 1.020,
                                     0.974, 0.935, 0.903, 0.830, 0.771 };
    enum { LAST = sizeof shapes / sizeof *shapes - 1 };
    const double within = fmin(fmax(shape, shapes[0]), shapes[LAST]);
    int k = 1;
    while (k < LAST && shapes[k] < within)
        k++;
    const double part = (within - shapes[k - 1]) / (shapes[k] - shapes[k - 1]);
    return values[k - 1] + part * (values[k] - values[k - 1]);
}

/* The standard error of a maximum-likelihood shape is (1 + shape) / sqrt(count) (Hosking & Wallis
 * 1987). */
static double raised_p(const pareto *fit, int64_t count, double excess)
{
    const double scale = -fit->shape / fit->rate;
    const double shape = fit->shape + (1 + fit->shape) / sqrt((double)count);
    const double left = 1 + shape / scale * excess;
    return left > 0 ? exp(-log(left) / shape) : 0;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double qkv_tail_p(double *values, int64_t m, double observed)
{
    const int64_t most = m / 4 < EXCESSES_MOST ? m / 4 : EXCESSES_MOST;
    qsort(values, (size_t)m, sizeof *values, compare_doubles);
    for (int64_t count = most; count >= EXCESSES_LEAST; count -= EXCESSES_STEP) {
        const double *largest = values + (m - count);
        const double threshold = largest[-1] + (largest[0] - largest[-1]) / 2;
        double excesses[EXCESSES_MOST];
        for (int64_t k = 0; k < count; k++)
            excesses[k] = largest[k] - threshold;
        if (!(excesses[0] > 0))
            continue;
        const pareto fit = fit_pareto(excesses, count);
        if (misfit(&fit, excesses, count) <= misfit_allowed(fit.shape))
            return fmax((double)count / (double)m * raised_p(&fit, count, observed - threshold),
                        qkv_tail_floor(m));
    }
    return NAN;
}
