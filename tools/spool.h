/*
 * Output that grows while the work goes on and is written at its end: kept in a nameless temporary
 * file, so that many layers take no more memory than one, and a failed run leaves nothing behind.
 */
#ifndef TOOLS_SPOOL_H
#define TOOLS_SPOOL_H

#include <stdio.h>

#include "failure.h"

/* False where no temporary file can be made. */
bool spool_open(FILE **spool, struct failure *failure);

/* Copies a spool's content to its path, whole or not at all; "-" is standard output. */
bool spool_write(FILE *spool, const char *path, struct failure *failure);

/* Also for NULL. */
void spool_close(FILE *spool);

#endif
