/* Bins as the caller describes them, turned into edges of the values' type. */
#ifndef QKV_BINS_H
#define QKV_BINS_H

#include <qkvsim/histogram.h>

#include "base/context.h"

/* Checks the bins (NULL: 100 equal ones on [-1, 1]) and allocates the edges. On failure nothing is
 * held. */
qkvsim_status qkv_binning_open(qkvsim_context *context, const qkvsim_bins *bins, int32_t arithmetic,
                               qkv_binning *binning);
void qkv_binning_close(const qkv_allocator *allocator, qkv_binning *binning);

#endif
