/*
 * --targets: row numbers from a list, a text file or an .npy file become a mask of observations.
 */
#include "targets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integers.h"
#include "text.h"

/* Marks one row; `unit` and `number` say where in the file or list it stands. */
static bool mark(struct targets *targets, int64_t row, const char *place, const char *unit,
                 int64_t number, struct failure *failure)
{
    if (row < 0 || row >= targets->observations)
        return fail(failure,
                    "target row out of range: %s: %s %" PRId64 ": row %" PRId64 " of %" PRId64
                    " (rows count from 0)",
                    place, unit, number, row, targets->observations);
    if (targets->mask[row])
        return fail(failure, "target row stands twice: %s: %s %" PRId64 ": row %" PRId64, place,
                    unit, number, row);
    targets->mask[row] = 1;
    targets->count++;
    return true;
}

/* A number with spaces around it. */
static bool read_row(char *text, int64_t *row)
{
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        text[--length] = '\0';
    return text_to_integer(text, 0, INT64_MAX, row);
}

/* One item of a list: "17" or "40-59". */
static bool mark_item(struct targets *targets, char *item, int64_t number, struct failure *failure)
{
    int64_t first, last;
    char *dash = strchr(item, '-'), given[64];
    snprintf(given, sizeof given, "%s", item);
    if (dash != NULL)
        *dash = '\0';
    char *end = dash != NULL ? dash + 1 : item;
    if (!read_row(item, &first) || !read_row(end, &last) || last < first)
        return fail_usage(failure, "--targets wants a list like 3,17,40-59: item %" PRId64 ": %s",
                          number, given);
    for (int64_t row = first; row <= last; row++)
        if (!mark(targets, row, "--targets", "item", number, failure))
            return false;
    return true;
}

static bool read_list(struct targets *targets, const char *rows, struct failure *failure)
{
    char *list = strdup(rows);
    if (list == NULL)
        return fail_no_memory(failure);
    bool done = true;
    int64_t number = 0;
    for (char *rest = list, *item; done && (item = strsep(&rest, ",")) != NULL;)
        done = mark_item(targets, item, ++number, failure);
    free(list);
    return done;
}

/* A row number, or in a file of booleans whether the row is a target. */
static bool mark_integer(void *user, int64_t value, const struct integer_place *place,
                         struct failure *failure)
{
    if (place->boolean && value == 0)
        return true;
    return mark(user, place->boolean ? place->number : value, place->path, place->unit,
                place->number, failure);
}

bool targets_are_listed(const char *rows)
{
    return rows[strspn(rows, "0123456789,- ")] == '\0';
}

bool targets_read(struct targets *targets, const char *rows, int64_t observations, bool some,
                  struct failure *failure)
{
    *targets = (struct targets){ .observations = observations };
    targets->mask = calloc((size_t)observations + 1, 1);
    if (targets->mask == NULL)
        return fail_no_memory(failure);
    bool done = targets_are_listed(rows) ? read_list(targets, rows, failure)
                                         : integers_for_each(rows, "targets", observations,
                                                             mark_integer, targets, failure);
    if (done && some && targets->count == 0)
        done = fail(failure, "no target observation: %s", rows);
    if (!done)
        targets_free(targets);
    return done;
}

void targets_free(struct targets *targets)
{
    free(targets->mask);
    *targets = (struct targets){ 0 };
}
