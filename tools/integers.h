/*
 * Whole numbers out of a file: a text file with one a line, or a 1-dimensional .npy of integers or
 * booleans.
 */
#ifndef TOOLS_INTEGERS_H
#define TOOLS_INTEGERS_H

#include <stdint.h>

#include "failure.h"
#include "mapped_file.h"

/* Where a number stands, for messages: "line 3" of a text, "element 3" of an .npy. */
struct integer_place {
    const char *path;
    const char *unit;
    int64_t number;
    bool boolean;
};

/* Takes one number, or fails. */
typedef bool integer_visitor(void *user, int64_t value, const struct integer_place *place,
                             struct failure *failure);

/* Gives each number of a file to the visitor, in order; `what` the numbers are is for messages
 * ("targets"). Booleans are given as 0 and 1, and there must be `booleans` of them. Blank lines are
 * skipped. */
bool integers_for_each(const char *path, const char *what, int64_t booleans, integer_visitor *visit,
                       void *user, struct failure *failure);

/* The same of a file that is open. */
bool integers_of(const struct mapped_file *file, const char *path, const char *what,
                 int64_t booleans, integer_visitor *visit, void *user, struct failure *failure);

#endif
