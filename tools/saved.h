/*
 * A file of saved results, read again: the options they were made with, and for each layer its
 * report.
 */
#ifndef TOOLS_SAVED_H
#define TOOLS_SAVED_H

#include "container.h"
#include "options.h"
#include "study.h"

/* Begins as zeros. */
struct saved {
    struct container container;
    struct options options;
    char **words; /* that the options point into */
    int word_count;
    char *pair_groups; /* likewise */
};

/* As study_open, of the file that is the only input of the options. */
bool saved_open(struct study *study, struct saved *saved, const struct options *options,
                struct failure *failure);

/* Also for one never opened. */
void saved_close(struct saved *saved);

/* Whether a container's table is that of saved results. */
bool saved_check_table(const struct container *container, struct failure *failure);

#endif
