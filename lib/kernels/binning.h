/* The exact rule for one value's bin: numpy.histogram's, bins half open, the last one closed. */
#ifndef QKV_KERNELS_BINNING_H
#define QKV_KERNELS_BINNING_H

#include "kernels.h"

/* The last edge at or below the value, among edges from..count - 1. */
static inline int64_t search_bin(const qkv_binning *binning, double value)
{
    int64_t low = 0;
    int64_t high = binning->count - 1;
    while (low < high) {
        const int64_t middle = low + (high - low + 1) / 2;
        if (value >= binning->edges[middle])
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Moves a guess to the right bin. */
static inline int64_t settle_bin(const qkv_binning *binning, double value, int64_t guess)
{
    while (guess > 0 && value < binning->edges[guess])
        guess--;
    while (guess < binning->count - 1 && value >= binning->edges[guess + 1])
        guess++;
    return guess;
}

/* A value's bin; -1 where it lies in none, as NaN does not. */
static inline int64_t find_bin(const qkv_binning *binning, double value)
{
    if (!(value >= binning->edges[0] && value <= binning->edges[binning->count]))
        return -1;
    if (binning->per_unit == 0)
        return search_bin(binning, value);
    const double position = (value - binning->edges[0]) * binning->per_unit;
    const int64_t guess = (int64_t)position;
    return settle_bin(binning, value, guess < binning->count ? guess : binning->count - 1);
}

#endif
