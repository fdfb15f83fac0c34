/*
 * The options that ask how sure a result is: baselines, comparisons, intervals, contrasts.
 */
#ifndef TOOLS_OPTIONS_INFERENCE_H
#define TOOLS_OPTIONS_INFERENCE_H

#include "options.h"

typedef bool take_option(struct options *options, char *value, struct failure *failure);

take_option take_permutations, take_scheme, take_seed, take_compare, take_relabel, take_exceedances,
    take_exchange, take_interval, take_blocks, take_resamples, take_block, take_level,
    take_contrast;

/* What one of these options asks of another. */
bool check_inference(const struct options *options, struct failure *failure);

#endif
