/* The tail of a null beyond its permutations: a generalised Pareto fit to the largest of them. */
#ifndef QKV_TAIL_H
#define QKV_TAIL_H

#include <stdint.h>

/* Fewer values have no tail to fit, and an observed value that as many reach is counted well
 * enough. */
enum { QKV_TAIL_VALUES_LEAST = 199, QKV_TAIL_REACHED_MOST = 9 };

/* The least p that a fit to m values is trusted with. */
static inline double qkv_tail_floor(int64_t m)
{
    return 0.1 / (double)(m + 1);
}

/*
 * P(value >= observed) from m values, which are sorted; m is at least QKV_TAIL_VALUES_LEAST, and no
 * more than QKV_TAIL_REACHED_MOST of them are as large as observed. NaN where no fit describes
 * them.
 */
double qkv_tail_p(double *values, int64_t m, double observed);

#endif
