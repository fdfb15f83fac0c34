/*
 * The commands: each turns the options into its outputs.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "options.h"

bool command_analyze(const struct options *options, struct failure *failure);
bool command_matrix(const struct options *options, struct failure *failure);
bool command_mask(const struct options *options, struct failure *failure);
bool command_pairs(const struct options *options, struct failure *failure);
bool command_accumulate(const struct options *options, struct failure *failure);
bool command_merge(const struct options *options, struct failure *failure);
bool command_info(const struct options *options, struct failure *failure);

/* Does not return where it succeeds: another program has taken this one's place. */
bool command_bench(const struct options *options, struct failure *failure);

/* Makes the context that a command works with, with as many threads as asked for. */
bool command_make_context(const struct options *options, qkvsim_context **context,
                          struct failure *failure);

#endif
