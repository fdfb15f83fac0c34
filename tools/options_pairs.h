/*
 * The options of pairs: which pairs are strong, and how many of them.
 */
#ifndef TOOLS_OPTIONS_PAIRS_H
#define TOOLS_OPTIONS_PAIRS_H

#include "options.h"

bool take_threshold(struct options *options, char *value, struct failure *failure);
bool take_top(struct options *options, char *value, struct failure *failure);
bool take_limit(struct options *options, char *value, struct failure *failure);
bool take_condition(struct options *options, char *value, struct failure *failure);
bool take_sign(struct options *options, char *value, struct failure *failure);

/* What these ask of each other, for the command pairs. */
bool check_pairs(const struct options *options, struct failure *failure);

#endif
