/*
 * The process that rows wide/D and wide-piece/D run in.
 */
#ifndef BENCH_ROW_WIDE_H
#define BENCH_ROW_WIDE_H

#include "rows.h"

/* Measures, and writes the outcome to standard output as it stands in memory. */
void wide_child(const bench_run *bench, const bench_row *row);

#endif
