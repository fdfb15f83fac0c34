/*
 * The process that row wide/D runs in.
 */
#ifndef BENCH_ROW_WIDE_H
#define BENCH_ROW_WIDE_H

#include "rows.h"

/* Measures, and writes the outcome to standard output as it stands in memory. */
void wide_child(const bench_run *bench);

#endif
