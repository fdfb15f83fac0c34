/* Simulations: what is run many times on data drawn anew, on two threads, and the shares that come
 * of it; the worlds that data are drawn from. */
#ifndef TESTS_SIMULATION_H
#define TESTS_SIMULATION_H

#include "fixtures.h"

/* Fills `results`, one number for each column, NaN where there is none. The seed of a simulation is
 * made of its number, so that it is the same on any thread. */
typedef void (*simulation)(qkvsim_context *context, int64_t number, const void *argument,
                           double *results);

/* The results of simulations 0 .. count - 1, one after the other; to be freed. */
double *simulate_all(simulation run, const void *argument, int64_t count, int columns);

/* Column by column, without NaN: the percentage of ones, and of numbers at most alpha. */
void share_of_ones(const double *results, int64_t count, int columns, double *percent);
void share_at_most(const double *results, int64_t count, int columns, double alpha,
                   double *percent);

/* Ends the process where a call fails: asserts are for the thread of the test. */
void must(const qkvsim_context *context, qkvsim_status status);

/* `count` of n rows at random, and the others (NULL: not wanted), both in increasing order. */
void choose_rows(int64_t n, int64_t count, uint64_t seed, int64_t *chosen, int64_t *others);

/* Least and largest of some columns; NaN is left out. */
typedef struct span {
    double least, largest;
} span;

span span_of(const double *percent, int columns);

/* p-values of m permutations beside the uniform distribution, in per cent, least and largest over
 * `columns` columns from `first` on: how many are at most each level; and of their distribution, at
 * each multiple of 1 / (m + 1), the largest excess over the uniform one (p is too small) and the
 * largest distance on either side (Kolmogorov's). */
enum { LEVELS = 4 };

typedef struct uniformity {
    span at_most[LEVELS], excess, distance;
} uniformity;

uniformity uniformity_of(const double *p, int64_t count, int all_columns, int first, int columns,
                         int64_t m);
void print_levels_heading(const char *name, const char *what, const char *of);
void print_levels(const char *row, const uniformity *of);

/* A table of the documentation, in Markdown, that tests/evidence.py carries into it. */
void print_heading(const char *name, const char *const *columns, int count);
/* Decimals: how many are printed. */
void print_decimal_spans(const char *row, const span *spans, int count, int decimals);
void print_spans(const char *row, const span *spans, int count);

/* ---- features that share factors, with offsets of their own ---- */

enum { GROUP = 12, WORLD = 3 * GROUP, FACTORS = 4 };

/* Errors of features and factors are independent AR(1) sequences of standard deviation 1. */
typedef struct world {
    double offset[WORLD];
    double loading[WORLD][FACTORS];
    double phi;
} world;

/* Q's and K's offsets are large, V's are small, as in real models. */
world world_new(double largest_loading, double phi);
table world_draw(const world *from, int64_t n, uint64_t seed);

/* A statistic of a pair group that infinitely many observations have. */
double world_truth(const world *of, int32_t pair_group, int32_t metric, int32_t statistic);

#endif
