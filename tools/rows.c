/*
 * Rows of the results by name.
 */
#include "rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The pair group of a name whose groups stand in either order, in the layout's own where both orders
 * can be read; -1 if there is none. Group names may hold dashes, so every dash is tried. */
static int32_t find_pair_group(const qkvsim_layout *layout, char *name)
{
    int32_t groups = qkvsim_layout_groups(layout), reversed = -1;
    for (char *dash = strchr(name, '-'); dash != NULL; dash = strchr(dash + 1, '-')) {
        int32_t first = -1, second = -1;
        *dash = '\0';
        for (int32_t i = 0; i < groups; i++) {
            first = strcmp(qkvsim_layout_group_name(layout, i), name) == 0 ? i : first;
            second = strcmp(qkvsim_layout_group_name(layout, i), dash + 1) == 0 ? i : second;
        }
        *dash = '-';
        if (first < 0 || second < 0)
            continue;
        int32_t pair_group = qkvsim_layout_pair_group(layout, first, second);
        if (first <= second)
            return pair_group;
        reversed = pair_group;
    }
    return reversed;
}

static int32_t find_row(const qkvsim_layout *layout, char *name)
{
    int32_t pair_groups = qkvsim_layout_pair_groups(layout);
    for (int32_t i = 0; i < qkvsim_layout_rollups(layout); i++)
        if (strcmp(qkvsim_layout_row_name(layout, pair_groups + i), name) == 0)
            return pair_groups + i;
    return find_pair_group(layout, name);
}

static bool no_such(const char *option, const qkvsim_layout *layout, const char *name,
                    struct failure *failure)
{
    int32_t pair_groups = qkvsim_layout_pair_groups(layout);
    return fail_usage(failure,
                      "%s names no pair group: '%s' (there are %" PRId32 ", from %s to %s)", option,
                      name, pair_groups, qkvsim_layout_row_name(layout, 0),
                      qkvsim_layout_row_name(layout, pair_groups - 1));
}

static bool mark_named(const qkvsim_layout *layout, char *names, bool *chosen,
                       struct failure *failure)
{
    for (char *name; (name = strsep(&names, ",")) != NULL;) {
        int32_t pair_group = find_pair_group(layout, name);
        if (pair_group < 0)
            return no_such("--pair-groups", layout, name, failure);
        if (chosen[pair_group])
            return fail_usage(failure, "--pair-groups names a pair group twice: %s", name);
        chosen[pair_group] = true;
    }
    return true;
}

static bool rollup_is_chosen(const qkvsim_layout *layout, int32_t rollup, const bool *chosen)
{
    int32_t count;
    const int32_t *pair_groups = qkvsim_layout_rollup_pair_groups(layout, rollup, &count);
    for (int32_t i = 0; i < count; i++)
        if (!chosen[pair_groups[i]])
            return false;
    return true;
}

static void collect(struct rows *rows, const qkvsim_layout *layout, const bool *chosen)
{
    int32_t pair_groups = qkvsim_layout_pair_groups(layout);
    for (int32_t i = 0; i < pair_groups; i++)
        if (chosen[i])
            rows->numbers[rows->count++] = i;
    rows->pair_groups = rows->count;
    for (int32_t i = 0; i < qkvsim_layout_rollups(layout); i++)
        if (rollup_is_chosen(layout, i, chosen))
            rows->numbers[rows->count++] = pair_groups + i;
}

bool rows_find(struct rows *rows, const qkvsim_layout *layout, const char *list,
               struct failure *failure)
{
    int32_t pair_groups = qkvsim_layout_pair_groups(layout);
    size_t most = (size_t)pair_groups + (size_t)qkvsim_layout_rollups(layout);
    *rows = (struct rows){ .numbers = calloc(most, sizeof *rows->numbers) };
    bool *chosen = calloc((size_t)pair_groups, sizeof *chosen);
    char *names = strdup(list != NULL ? list : "");
    bool done = rows->numbers != NULL && chosen != NULL && names != NULL;
    if (!done)
        fail_no_memory(failure);
    for (int32_t i = 0; done && list == NULL && i < pair_groups; i++)
        chosen[i] = true;
    done = done && (list == NULL || mark_named(layout, names, chosen, failure));
    if (done)
        collect(rows, layout, chosen);
    free(names);
    free(chosen);
    return done;
}

void rows_free(struct rows *rows)
{
    free(rows->numbers);
    *rows = (struct rows){ 0 };
}

static bool find_computed(const struct rows *rows, const qkvsim_layout *layout, char *name,
                          int32_t *row, struct failure *failure)
{
    *row = find_row(layout, name);
    if (*row < 0)
        return no_such("--contrast", layout, name, failure);
    for (int32_t i = 0; i < rows->count; i++)
        if (rows->numbers[i] == *row)
            return true;
    return fail_usage(failure, "--contrast wants a pair group that --pair-groups leaves out: %s",
                      name);
}

bool rows_find_contrast(struct contrast *contrast, const struct rows *rows,
                        const qkvsim_layout *layout, const char *names, struct failure *failure)
{
    char *copy = strdup(names);
    if (copy == NULL)
        return fail_no_memory(failure);
    char *comma = strchr(copy, ',');
    bool done = comma != NULL && strchr(comma + 1, ',') == NULL;
    if (!done)
        fail_usage(failure, "--contrast wants two pair groups like Q-Q,V-V: %s", names);
    if (done) {
        *comma = '\0';
        done = find_computed(rows, layout, copy, &contrast->a, failure)
               && find_computed(rows, layout, comma + 1, &contrast->b, failure);
    }
    if (done && contrast->a == contrast->b)
        done = fail_usage(failure, "--contrast names one pair group twice: %s", names);
    free(copy);
    return done;
}
