/*
 * Where the outputs of a run go: never to one place, nor to what the run reads.
 */
#ifndef TOOLS_OPTIONS_OUTPUTS_H
#define TOOLS_OPTIONS_OUTPUTS_H

#include "options.h"

/* Of two outputs in one file the later would replace the earlier, and an output in the place of an
 * input, of targets or segments, what is read. */
bool check_outputs(const struct options *options, struct failure *failure);

/* The same of another file that is read. */
bool check_outputs_spare(const struct options *options, const char *path, struct failure *failure);

#endif
