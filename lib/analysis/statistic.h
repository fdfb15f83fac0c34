/* The statistics of a row, and which of them repeated analyses keep: those that have nulls and
 * intervals. */
#ifndef QKV_STATISTIC_H
#define QKV_STATISTIC_H

#include "analysis.h"

/* A test is a statistic of a metric that repeated analyses keep: all but the extremes and what the
 * energies are made of. */
enum { QKV_STATISTIC_TESTS = 23 };

typedef struct qkv_test {
    int32_t metric; /* its index */
    int32_t statistic;
} qkv_test;

extern const qkv_test qkv_tests[QKV_STATISTIC_TESTS];

/* The number of a test; -1 where the metric has no such statistic, or it is not kept. */
int32_t qkv_statistic_test(int32_t metric, int32_t statistic);

/* A row's value of a test in one analysis; NaN where there is none, and for the skewness and
 * kurtosis of values that are equal but for rounding. */
double qkv_statistic_value(const qkvsim_analysis *analysis, int32_t row, int32_t test);

/* By how much a similarity of an analysis may be off, and, from that, by how much rounding may
 * change a statistic: values of two permutations that differ by less are equal, as far as the
 * arithmetic can tell. */
double qkv_value_error(const qkvsim_analysis *analysis);
double qkv_statistic_resolution(const qkvsim_analysis *analysis, int32_t row, int32_t test,
                                double value_error);

/* The same where values were made anew, and rounded: offsets, too, are then off by as much. */
double qkv_refitted_resolution(const qkvsim_analysis *analysis, int32_t row, int32_t test,
                               double value_error);

/* Shares and noise fractions divide by energies: where these are small they may be off by more, so
 * that each analysis has a resolution of its own. */
bool qkv_statistic_is_ratio(int32_t test);

/* Of a statistic whose error grows with its root, that of t being growth sqrt(t): the variance;
 * else 0. */
double qkv_statistic_growth(int32_t test, double value_error);

/* The value that the statistic would have if the observations were all there are: of a corrected
 * one the plug-in, of any other itself. */
double qkv_statistic_plug_in(const qkvsim_analysis *analysis, int32_t row, int32_t test);

#endif
