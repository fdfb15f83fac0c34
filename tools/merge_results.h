/*
 * Results in pieces, put together: each has its permutations, relabellings or resamples.
 */
#ifndef TOOLS_MERGE_RESULTS_H
#define TOOLS_MERGE_RESULTS_H

#include "options.h"
#include "shards.h"

bool merge_results(const struct options *options, qkvsim_context *context,
                   const struct shards *files, struct failure *failure);

#endif
