/*
 * How time is taken.
 */
#include "timing.h"

#include <stdlib.h>
#include <time.h>

enum { PAUSE_NANOSECONDS = 250000000 };

double timing_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare_seconds(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Leaves the samples sorted. */
static double median(double *samples, int count)
{
    qsort(samples, (size_t)count, sizeof *samples, compare_seconds);
    return 0.5 * (samples[(count - 1) / 2] + samples[count / 2]);
}

/* Writes calls - dropped samples. */
static void run_stretch(const timing_side *side, double *kept)
{
    const struct timespec pause = { .tv_nsec = PAUSE_NANOSECONDS };
    nanosleep(&pause, NULL);
    for (int call = 0; call < side->calls; call++) {
        const double seconds = side->call(side->state);
        if (call >= side->dropped)
            kept[call - side->dropped] = seconds;
    }
}

timing_comparison timing_compare(const timing_side *ours, const timing_side *reference,
                                 int stretches)
{
    enum { SAMPLES_MAX = TIMING_STRETCHES_MAX * TIMING_CALLS_MAX };
    timing_comparison result = { .stretches = stretches };
    const timing_side *sides[2] = { ours, reference };
    timing *timings[2] = { &result.ours, &result.reference };
    double samples[2][SAMPLES_MAX];
    for (int side = 0; side < 2; side++)
        sides[side]->call(sides[side]->state);
    for (int stretch = 0; stretch < stretches; stretch++)
        for (int side = 0; side < 2; side++) {
            const int kept = sides[side]->calls - sides[side]->dropped;
            double *own = samples[side] + stretch * kept;
            run_stretch(sides[side], own);
            timings[side]->stretch[stretch] = median(own, kept);
        }
    for (int side = 0; side < 2; side++) {
        timings[side]->median =
            median(samples[side], stretches * (sides[side]->calls - sides[side]->dropped));
        timings[side]->minimum = samples[side][0];
    }
    return result;
}

void timing_scale(timing *side, double factor)
{
    side->median *= factor;
    side->minimum *= factor;
    for (int stretch = 0; stretch < TIMING_STRETCHES_MAX; stretch++)
        side->stretch[stretch] *= factor;
}

double timing_ratio(const timing_comparison *comparison)
{
    return comparison->ours.median / comparison->reference.median;
}

void timing_spread(const timing_comparison *comparison, double *low, double *high)
{
    *low = *high = comparison->ours.stretch[0] / comparison->reference.stretch[0];
    for (int stretch = 1; stretch < comparison->stretches; stretch++) {
        const double ratio =
            comparison->ours.stretch[stretch] / comparison->reference.stretch[stretch];
        *low = ratio < *low ? ratio : *low;
        *high = ratio > *high ? ratio : *high;
    }
}
