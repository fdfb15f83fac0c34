/*
 * JSON with this program's conventions, over jansson: what does not exist is null, and a failed
 * allocation is noticed.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "failure.h"

json_t *json_number(double value);

/* Text of files and the command line; NULL is null. */
json_t *json_text(const char *text);

/* Any uint64, exactly; only json_print knows how to write it. */
json_t *json_unsigned(uint64_t value);

/* NULL is an empty array. */
json_t *json_integers(const int64_t *values, int64_t count);

/* NULL is null. */
json_t *json_numbers(const double *values, int64_t count);

/* Names and widths of a layout's groups. */
json_t *json_groups(const qkvsim_layout *layout);

/* Between these two all values are made; the second fails where memory ran out. jansson passes a
 * failed allocation's NULL along and leaves the value out; counting allocations is what tells a
 * whole document from one with holes. */
void json_begin(void);
bool json_whole(struct failure *failure);

/* Says that another allocation failed. */
void json_no_memory(void);

/* A text's value, without a name twice in one object; NULL where it is none, or where json_whole
 * then says that memory ran out. */
json_t *json_read(const char *text, size_t size, json_error_t *error);

/* A value as text, in memory of its own, or in a stream; NULL or false with a failure where memory
 * ran out, and false with none where the stream failed. */
char *json_format(const json_t *value, size_t flags, struct failure *failure);
bool json_print(FILE *stream, const json_t *value, struct failure *failure);

#endif
