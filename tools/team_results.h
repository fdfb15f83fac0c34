/*
 * Results of whole layers, which one of several processes computed.
 */
#ifndef TOOLS_TEAM_RESULTS_H
#define TOOLS_TEAM_RESULTS_H

#include "results.h"

/* Another rank's results of the study's current layer: given by it, and taken by the first. */
bool team_give_results(const struct results *results, const struct study *study);
bool team_take_results(struct results *results, struct study *study, int rank);

#endif
