/*
 * How time is taken: two things that are compared run in alternating stretches of calls, with a
 * pause before each stretch, and what counts is the ratio of the medians.
 *
 * The pause is longer than a thread pool spins after its work (OpenBLAS's workers: about 0.1 s), so
 * neither side runs beside the other's idle threads. The first calls of a stretch are dropped: they
 * find cold caches and sleeping threads.
 */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

enum { TIMING_STRETCHES_MAX = 5, TIMING_CALLS_MAX = 7 };

/* Seconds on a clock that never goes back. */
double timing_now(void);

/* Makes one call and returns the seconds of the part of it that counts. */
typedef double timing_call(void *state);

typedef struct timing_side {
    timing_call *call;
    void *state;
    int calls;   /* in a stretch */
    int dropped; /* of them */
} timing_side;

/* Seconds of one side: median and minimum of all its calls, and the median of each stretch. */
typedef struct timing {
    double median;
    double minimum;
    double stretch[TIMING_STRETCHES_MAX];
} timing;

typedef struct timing_comparison {
    timing ours;
    timing reference;
    int stretches;
} timing_comparison;

/* Calls each side once to warm up, then runs the stretches. */
timing_comparison timing_compare(const timing_side *ours, const timing_side *reference,
                                 int stretches);

/* Multiplies every time of a side. */
void timing_scale(timing *side, double factor);

/* The ratio of the medians, and the smallest and largest of any pair of neighbouring stretches. */
double timing_ratio(const timing_comparison *comparison);
void timing_spread(const timing_comparison *comparison, double *low, double *high);

#endif
