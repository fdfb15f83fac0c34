/*
 * What analyze and pairs make of a state: a study whose layers are the state's, and results from
 * accumulators.
 */
#ifndef TOOLS_STATE_STUDY_H
#define TOOLS_STATE_STUDY_H

#include "state.h"
#include "study.h"

/* As study_open, of the state that is the only input. */
bool state_study_open(struct study *study, struct state *state, const struct options *options,
                      struct failure *failure);

/* The number of the condition that pairs and matrix are of. */
bool state_find_condition(const struct state *state, const struct options *options,
                          int64_t *condition, struct failure *failure);

#endif
