/* The second, obvious way: every quantity straight from its definition, in plain loops and extended
 * precision, with no thought of speed. */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include "fixtures.h"

/* d x d values of a metric, NaN where undefined; the caller frees them. */
double *oracle_similarity(const table *data, int32_t metric);

/* o = sqrt(n) mean / norm of one column; NaN for an all-zero one. */
double oracle_offset_ratio(const table *data, int64_t column);

/* Moments by definition of `count` values. */
typedef struct oracle_summary {
    int64_t count;
    double mean;
    double variance;
    double skewness;
    double kurtosis;
    double tail;
    double minimum;
    double maximum;
} oracle_summary;

oracle_summary oracle_summarise(const double *values, int64_t count, bool single);

/* The defined values (i < j) of a pair group in a d x d matrix, and how many there are. */
int64_t oracle_collect(const double *matrix, int64_t d, const int32_t *labels, int32_t group_a,
                       int32_t group_b, double *values);

/* The offset split of a pair group, pair by pair from the definition. */
typedef struct oracle_split {
    double share, energy, variance_energy; /* corrected for the number of observations */
    double raw_share, raw_energy, raw_variance_energy;
    double mean_offset;
    double mean_variance;
    double cross_energy;
    double mean_offset_square; /* corrected */
    double noise_fraction;
} oracle_split;

oracle_split oracle_offset(const table *data, const int32_t *labels, int32_t group_a,
                           int32_t group_b);

/* numpy.linspace(low, high, count + 1) in double, rounded to float where `single`. */
void oracle_edges(int64_t count, double low, double high, bool single, double *edges);

/* numpy.histogram's rule: bins half open, the last one closed. Returns how many values are in
 * none. */
int64_t oracle_histogram(const double *values, int64_t value_count, const double *edges,
                         int64_t count, int64_t *histogram);

#endif
