/* Sizes: the smaller and the larger of two, and their product where it is one; and a sum of reals
 * that loses nothing. */
#ifndef QKV_ARITHMETIC_H
#define QKV_ARITHMETIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline int64_t qkv_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t qkv_larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The product of two non-negative sizes; false where it exceeds int64 or size_t. */
static inline bool qkv_multiply(int64_t a, int64_t b, int64_t *product)
{
    return !__builtin_mul_overflow(a, b, product) && *product <= PTRDIFF_MAX;
}

/* The least multiple that is not below a value. */
static inline int64_t qkv_round_up(int64_t value, int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

/* a + b, and what rounding leaves out of it (Knuth's two-sum). */
static inline double qkv_two_sum(double a, double b, double *left_out)
{
    const double sum = a + b, added = sum - a;
    *left_out = (a - (sum - added)) + (b - added);
    return sum;
}

#endif
