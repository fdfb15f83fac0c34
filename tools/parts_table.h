/*
 * What arrays were, in the tables of files of results: their types and widths, without a number of
 * them.
 */
#ifndef TOOLS_PARTS_TABLE_H
#define TOOLS_PARTS_TABLE_H

#include <jansson.h>

#include "input.h"

/* Whether parts are described as they should be; `features` is how many they have together. */
bool parts_table_check(const json_t *parts, int64_t *features);

/* An input without any numbers; close it with input_close. */
bool parts_table_describe(const json_t *parts, struct input *input, struct failure *failure);

#endif
