/*
 * Rows of the results by name: a row is a pair group or, behind them, a roll-up of several.
 */
#ifndef TOOLS_ROWS_H
#define TOOLS_ROWS_H

#include "failure.h"
#include "team.h"

/* The rows that are computed, increasing: pair groups, then the roll-ups of nothing but those. */
struct rows {
    int32_t *numbers;
    int32_t pair_groups;
    int32_t count;
};

/* Whether --pair-groups is of the form 3/10, the third of ten pieces, and not a list of names. */
bool rows_are_a_piece(const char *pair_groups);

/* Those of --pair-groups, a list of names like Q-K,V-Q (in either order of the groups) or a piece;
 * NULL means all. */
bool rows_find(struct rows *rows, qkvsim_context *context, const qkvsim_layout *layout,
               const char *pair_groups, struct failure *failure);

/* Those of pair groups by their numbers, each once. */
bool rows_of_numbers(struct rows *rows, const qkvsim_layout *layout, const int32_t *numbers,
                     int32_t count, struct failure *failure);

/* The names of the pair groups as a list for --pair-groups, for the caller to free; NULL without
 * memory. */
char *rows_list_names(const struct rows *rows, const qkvsim_layout *layout);

/* The pair groups of a rank, with about as many pairs as others have, maybe none: `numbers` has
 * room for all. */
bool rows_share(const struct rows *rows, qkvsim_context *context, const qkvsim_layout *layout,
                const struct team *team, int32_t *numbers, int32_t *count, struct failure *failure);

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
