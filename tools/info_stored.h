/*
 * What info says of a state or a saved result: what its table and its layout hold, and nothing of
 * its moments or results.
 */
#ifndef TOOLS_INFO_STORED_H
#define TOOLS_INFO_STORED_H

#include <jansson.h>
#include <stdio.h>

#include "options.h"

/* Of the file that is the only input of the options: lines for people. */
bool info_print_stored(FILE *stream, const struct options *options, struct failure *failure);

/* The same as a JSON object, for the caller to release; NULL with a failure. */
json_t *info_json_stored(const struct options *options, struct failure *failure);

#endif
