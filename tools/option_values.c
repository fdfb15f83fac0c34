/*
 * Values of options, read.
 */
#include "option_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

bool option_find_number(const struct named_number *names, const char *name, int32_t *number)
{
    for (; names->name != NULL; names++)
        if (strcmp(names->name, name) == 0) {
            *number = names->number;
            return true;
        }
    return false;
}

const char *option_find_name(const struct named_number *names, int32_t number)
{
    while (names->name != NULL && names->number != number)
        names++;
    return names->name;
}

void option_list_names(const struct named_number *names, int32_t which, char list[OPTION_LIST_SIZE])
{
    list[0] = '\0';
    for (; names->name != NULL; names++)
        if ((names->number & which) != 0 || which == OPTION_LIST_ALL)
            text_append(list, OPTION_LIST_SIZE, "%s%s", list[0] != '\0' ? ", " : "", names->name);
}

bool option_take_name(const struct named_number *names, const char *option, const char *value,
                      int32_t *number, struct failure *failure)
{
    char list[OPTION_LIST_SIZE];
    if (option_find_number(names, value, number))
        return true;
    option_list_names(names, OPTION_LIST_ALL, list);
    return fail_usage(failure, "unknown value of %s: %s (it is one of %s)", option, value, list);
}

bool option_take_number(const char *option, const char *value, int64_t low, int64_t high,
                        int64_t *number, struct failure *failure)
{
    if (text_to_integer(value, low, high, number))
        return true;
    return fail_usage(failure, "%s wants a whole number from %lld to %lld: %s", option,
                      (long long)low, (long long)high, value);
}

bool option_take_real(const char *option, const char *value, double low, double high,
                      double *number, struct failure *failure)
{
    char *end;
    double read = strtod(value, &end);
    if (end == value || *end != '\0' || !(read > low && read < high))
        return fail_usage(failure, "%s wants a number between %s and %s: %s", option,
                          text_number(low).text, text_number(high).text, value);
    *number = read;
    return true;
}
