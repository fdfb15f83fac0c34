/*
 * CSV fields, quoted as in RFC 4180.
 */
#ifndef TOOLS_CSV_H
#define TOOLS_CSV_H

#include <stdio.h>

/* Writes a text in quotes. */
void csv_quoted(FILE *stream, const char *text);

#endif
