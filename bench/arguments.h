/*
 * The command line of qkvsim-bench.
 */
#ifndef BENCH_ARGUMENTS_H
#define BENCH_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bench_arguments {
    bool *wanted;     /* row_count flags, in the order of the rows */
    const char *json; /* NULL: none; "-": standard output, in place of the table */
    int32_t threads;  /* 0: all */
    int32_t kernels;  /* QKVSIM_KERNELS_* */
    bool quick;
    bool wide_child; /* this process is the one that row wide/D, or wide-piece/D, runs in */
    bool help;
} bench_arguments;

/* Fails with EXIT_USAGE where something is wrong. */
bench_arguments arguments_parse(int argc, char **argv);
const char *arguments_kernels_name(int32_t kernels);
void arguments_free(bench_arguments *arguments);

#endif
