/*
 * The structs as version 0.1.0 had them: what a program that was compiled against it hands over for
 * ever. This file is never changed but to add structs that later versions brought, as they then
 * were.
 */
#ifndef TESTS_FIRST_VERSION_H
#define TESTS_FIRST_VERSION_H

#include <stddef.h>
#include <stdint.h>

typedef struct first_view {
    size_t struct_size;
    const void *data;
    int64_t observations;
    int64_t features;
    int64_t observation_stride;
    int64_t feature_stride;
    int32_t dtype;
    int32_t reserved;
} first_view;

typedef struct first_matrix {
    size_t struct_size;
    void *data;
    int64_t rows;
    int64_t columns;
    int64_t leading_dimension;
    int32_t dtype;
    int32_t reserved;
} first_matrix;

typedef struct first_selection {
    size_t struct_size;
    const int64_t *observations;
    const uint8_t *mask;
    int64_t count;
} first_selection;

typedef struct first_input {
    size_t struct_size;
    const void *parts;
    int64_t part_count;
    const void *selection;
    const int32_t *segments;
    int32_t arithmetic;
    int32_t nonfinite;
} first_input;

typedef struct first_bins {
    size_t struct_size;
    int64_t count;
    double low;
    double high;
    const double *edges;
} first_bins;

typedef struct first_permutation {
    size_t struct_size;
    uint64_t seed;
    int64_t index;
    int32_t scheme;
    int32_t exchange;
    const void *layout;
    const void *covariates;
    int32_t enumerated;
    int32_t reserved;
} first_permutation;

typedef struct first_relabelling {
    size_t struct_size;
    uint64_t seed;
    int64_t index;
    int32_t relabel;
    int32_t exchange;
    const int32_t *segments;
    int32_t enumerated;
    int32_t reserved;
} first_relabelling;

typedef struct first_context_options {
    size_t struct_size;
    void *(*allocate)(void *user, size_t size);
    void (*release)(void *user, void *memory);
    void *allocate_user;
    int32_t (*progress)(void *user, int64_t done, int64_t total);
    void *progress_user;
    int32_t threads;
    int32_t kernels;
    char *error;
    int64_t error_size;
} first_context_options;

typedef struct first_analysis_options {
    size_t struct_size;
    const void *bins;
    const int32_t *pair_groups;
    int32_t pair_group_count;
    int32_t metrics;
} first_analysis_options;

typedef struct first_similarity_options {
    size_t struct_size;
    int32_t triangle;
    int32_t reserved;
} first_similarity_options;

typedef struct first_pairs_options {
    size_t struct_size;
    const int32_t *pair_groups;
    int32_t pair_group_count;
    int32_t metric;
    int32_t sign;
    int32_t per_pair_group;
    const double *threshold;
    int64_t top;
    int64_t limit;
} first_pairs_options;

typedef struct first_pair {
    int64_t i;
    int64_t j;
    double value;
    int32_t pair_group;
    int32_t reserved;
} first_pair;

typedef struct first_baseline_options {
    size_t struct_size;
    int64_t permutations;
    uint64_t seed;
    int32_t scheme;
    int32_t exchange;
    const void *covariates;
    int64_t exceedances;
    int64_t first;
    int64_t total;
} first_baseline_options;

typedef struct first_comparison_options {
    size_t struct_size;
    int64_t permutations;
    int64_t subsets;
    uint64_t seed;
    int32_t relabel;
    int32_t centred;
    int32_t exchange;
    int32_t reserved;
    int64_t exceedances;
    int64_t first;
    int64_t total;
    int64_t first_subset;
} first_comparison_options;

typedef struct first_interval_options {
    size_t struct_size;
    int64_t blocks;
    int64_t resamples;
    int64_t block_length;
    double level;
    uint64_t seed;
    int32_t method;
    int32_t reserved;
    int64_t first;
    int64_t total;
} first_interval_options;

typedef struct first_accumulator_options {
    size_t struct_size;
    int64_t blocks;
} first_accumulator_options;

#endif
