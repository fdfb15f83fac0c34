/*
 * Values of options, read: numbers in a range, and words that stand for numbers.
 */
#ifndef TOOLS_OPTION_VALUES_H
#define TOOLS_OPTION_VALUES_H

#include <stdint.h>

#include "failure.h"

/* Lists of them end with a NULL name. */
struct named_number {
    const char *name;
    int32_t number;
};

bool option_find_number(const struct named_number *names, const char *name, int32_t *number);

/* NULL where no name has the number. */
const char *option_find_name(const struct named_number *names, int32_t number);

/* "all, feature, shift": the names whose numbers have a bit of `which`, or all of them. */
enum { OPTION_LIST_SIZE = 256, OPTION_LIST_ALL = -1 };
void option_list_names(const struct named_number *names, int32_t which,
                       char list[OPTION_LIST_SIZE]);

/* A choice by name; anything else is a usage failure that names the option. */
bool option_take_name(const struct named_number *names, const char *option, const char *value,
                      int32_t *number, struct failure *failure);

/* A whole number from low to high. */
bool option_take_number(const char *option, const char *value, int64_t low, int64_t high,
                        int64_t *number, struct failure *failure);

/* A number between low and high, which are themselves excluded. */
bool option_take_real(const char *option, const char *value, double low, double high,
                      double *number, struct failure *failure);

#endif
