/*
 * Rows of the results by name: a row is a pair group or, behind them, a roll-up of several.
 */
#ifndef TOOLS_ROWS_H
#define TOOLS_ROWS_H

#include "failure.h"

/* The rows that are computed, increasing: pair groups, then the roll-ups of nothing but those. */
struct rows {
    int32_t *numbers;
    int32_t pair_groups;
    int32_t count;
};

/* Those of --pair-groups, a list of names like Q-K,V-Q (in either order of the groups); NULL means
 * all. */
bool rows_find(struct rows *rows, const qkvsim_layout *layout, const char *list,
               struct failure *failure);

/* Also for one zeroed and never found. */
void rows_free(struct rows *rows);

/* Two rows whose difference is asked for. */
struct contrast {
    int32_t a;
    int32_t b;
};

/* Reads --contrast "A,B"; both must be computed. */
bool rows_find_contrast(struct contrast *contrast, const struct rows *rows,
                        const qkvsim_layout *layout, const char *names, struct failure *failure);

#endif
