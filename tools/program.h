/*
 * The program, by itself or as one process of several: from argv to a command, from its result to
 * the exit status.
 */
#ifndef TOOLS_PROGRAM_H
#define TOOLS_PROGRAM_H

#include "options.h"

/* Before anything else is loaded or opened; may start the program anew. */
void program_prepare(char **argv);

/* Parses and runs the command line; `team` is NULL for a process by itself. */
bool program_run(int argc, char **argv, struct team *team, struct failure *failure);

#endif
