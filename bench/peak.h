/*
 * The most single-precision operations a second that this machine does, measured.
 */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

#include <stdint.h>

/* Operations a second of `threads` threads together; a multiply-add is two. */
double peak_measure(int32_t threads);

#endif
