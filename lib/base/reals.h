/* Single values where the arithmetic is known at run time only; loops that matter are templates
 * (kernels/both_reals.h). */
#ifndef QKV_REALS_H
#define QKV_REALS_H

#include <qkvsim/common.h>

#include <stdint.h>

static inline double qkv_real_at(const void *values, int32_t arithmetic, int64_t at)
{
    return arithmetic == QKVSIM_DTYPE_F64 ? ((const double *)values)[at]
                                          : (double)((const float *)values)[at];
}

static inline void qkv_put_real(void *values, int32_t arithmetic, int64_t at, double value)
{
    if (arithmetic == QKVSIM_DTYPE_F64)
        ((double *)values)[at] = value;
    else
        ((float *)values)[at] = (float)value;
}

#endif
