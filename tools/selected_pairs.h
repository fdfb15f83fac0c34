/*
 * --pair-groups: which pair groups are computed.
 */
#ifndef TOOLS_SELECTED_PAIRS_H
#define TOOLS_SELECTED_PAIRS_H

#include "failure.h"

/* Reads a list of names like Q-K,V-Q (in either order of the groups); NULL means all. The numbers
 * go to *pair_groups, increasing, owned by the caller. */
bool selected_pairs_find(const qkvsim_layout *layout, const char *list, int32_t **pair_groups,
                         int32_t *count, struct failure *failure);

#endif
