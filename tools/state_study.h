/*
 * What analyze makes of a state: a study whose layers are the state's, and results from accumulators.
 */
#ifndef TOOLS_STATE_STUDY_H
#define TOOLS_STATE_STUDY_H

#include "state.h"
#include "study.h"

/* As study_open, of the state that is the only input. */
bool state_study_open(struct study *study, struct state *state, const struct options *options,
                      struct failure *failure);

#endif
