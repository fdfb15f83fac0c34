/*
 * The command line, parsed and checked by the one table of options.
 */
#ifndef TOOLS_PARSE_OPTIONS_H
#define TOOLS_PARSE_OPTIONS_H

#include "options.h"

/* Parses `qkvsim COMMAND ...`; anything wrong is a usage failure. */
bool options_parse(int argc, char **argv, struct options *options, struct failure *failure);

/* The same of a command line that was saved with its results. */
bool options_parse_saved(int argc, char **argv, struct options *options, struct failure *failure);

void options_free(struct options *options);

/* From the one table of options and that of commands, in the order of help; NULL after the last. */
const struct option_help *options_help(int number);
const struct command_help *options_command_help(int number);

/* Whether all options given are ones that analyze takes of a state or of a saved result
 * (ANALYZE_STATE, ANALYZE_RESULT), which is `what`. */
bool options_check_given(const struct options *options, int which, const char *what,
                         struct failure *failure);

/* "analyze, pairs" */
void options_list_commands(int which, char list[OPTION_LIST_SIZE]);

#endif
