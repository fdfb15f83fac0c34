/* p-values adjusted for the many tests that are looked at (Benjamini & Hochberg 1995). */
#ifndef QKV_BENJAMINI_HOCHBERG_H
#define QKV_BENJAMINI_HOCHBERG_H

#include "base/context.h"

/* NaN where there is no p, which then is no test. `adjusted` may be `p`. */
qkvsim_status qkv_adjust_bh(qkvsim_context *context, const double *p, int64_t count,
                            double *adjusted);

#endif
