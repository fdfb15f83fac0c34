/*
 * The command line, parsed and checked by the one table of options.
 */
#ifndef TOOLS_PARSE_OPTIONS_H
#define TOOLS_PARSE_OPTIONS_H

#include "options.h"

/* Parses `qkvsim COMMAND ...`; anything wrong is a usage failure. */
bool options_parse(int argc, char **argv, struct options *options, struct failure *failure);

void options_free(struct options *options);

/* From the one table of options and that of commands, in the order of help; NULL after the last. */
const struct option_help *options_help(int number);
const struct command_help *options_command_help(int number);

/* "analyze, pairs" */
void options_list_commands(int which, char list[OPTION_LIST_SIZE]);

#endif
