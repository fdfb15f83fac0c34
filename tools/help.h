/*
 * What the program says of itself, all from the one table of options: help, of all commands or of
 * one, the manual page, and the completion of command lines in bash.
 */
#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

#include <stdio.h>

#include "failure.h"

/* Writes what a `struct options` asks for; false where the stream failed. */
bool help_write(FILE *stream, const void *options, struct failure *failure);

#endif
