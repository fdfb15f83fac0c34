/* What each fuzz target is: one function of any bytes, which neither crashes nor leaks. libFuzzer
 * finds bytes for it; replay.c gives it those that are kept in corpus/. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Reads every byte, so that a sanitizer sees one that is not there. */
static inline void fuzz_read(const uint8_t *bytes, size_t size)
{
    volatile uint8_t all = 0;
    for (size_t k = 0; k < size; k++)
        all = (uint8_t)(all ^ bytes[k]);
}

#endif
