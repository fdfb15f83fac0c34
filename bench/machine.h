/*
 * What the operating system says of the machine and of this process.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>

/* The processor's name, "unknown" where the system does not tell. */
void machine_cpu_name(char *name, size_t size);

/* Peak resident memory of this process, in 2^20 bytes. */
double machine_peak_rss_mb(void);

#endif
