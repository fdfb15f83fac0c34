/*
 * What was measured, as a table that a person reads and as JSON.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "rows.h"

typedef struct bench_report {
    char cpu[128];
    const char *blas;
    const char *kernels;
    int32_t threads;
    bool *measured; /* row_count flags and outcomes, in the order of the rows */
    bench_outcome *outcomes;
} bench_report;

/* The table is printed as it comes about: the machine, then a line after each row, then notes. */
void report_print_machine(const bench_report *report);
void report_print_row(const bench_row *row, const bench_outcome *outcome);
void report_print_notes(const bench_report *report, const bench_run *bench);

/* Ends the program where the file could not be made: asked before the minutes of measuring. */
void report_check_json(const char *path);

/* "-" is standard output. Other files appear whole or not at all. */
void report_write_json(const bench_report *report, const char *path);

#endif
