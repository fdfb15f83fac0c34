/*
 * --targets: which observations are targets, from a list, a text file or an .npy file.
 */
#ifndef TOOLS_TARGETS_H
#define TOOLS_TARGETS_H

#include <stdint.h>

#include "failure.h"

struct targets {
    uint8_t *mask; /* one byte for each observation, 1 for a target; owned */
    int64_t observations;
    int64_t count; /* of targets */
};

/* Reads `rows`: a list like 3,17,40-59; else the name of an .npy file of integers or booleans
 * (it ends in .npy), or of a text file with a row number a line. Rows count from 0; a row that
 * is out of range or stands twice is an error, and with `some` so is none at all. */
bool targets_read(struct targets *targets, const char *rows, int64_t observations, bool some,
                  struct failure *failure);

/* Whether --targets is a list of rows and no file. */
bool targets_are_listed(const char *rows);

/* Also for one zeroed and never read. */
void targets_free(struct targets *targets);

#endif
