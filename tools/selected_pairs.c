/*
 * --pair-groups: names of pair groups become their numbers.
 */
#include "selected_pairs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The pair group of a name whose groups stand in either order; -1 if there is none. Group names may
 * hold dashes, so every dash is tried. */
static int32_t find(const qkvsim_layout *layout, char *name)
{
    int32_t groups = qkvsim_layout_groups(layout);
    for (char *dash = strchr(name, '-'); dash != NULL; dash = strchr(dash + 1, '-')) {
        int32_t first = -1, second = -1;
        *dash = '\0';
        for (int32_t i = 0; i < groups; i++) {
            first = strcmp(qkvsim_layout_group_name(layout, i), name) == 0 ? i : first;
            second = strcmp(qkvsim_layout_group_name(layout, i), dash + 1) == 0 ? i : second;
        }
        *dash = '-';
        if (first >= 0 && second >= 0)
            return qkvsim_layout_pair_group(layout, first, second);
    }
    return -1;
}

static bool mark(const qkvsim_layout *layout, char *names, bool *chosen, struct failure *failure)
{
    for (char *name = names, *rest; name != NULL; name = rest) {
        rest = strchr(name, ',');
        if (rest != NULL)
            *rest++ = '\0';
        int32_t pair_group = find(layout, name);
        if (pair_group < 0)
            return fail_usage(
                failure,
                "--pair-groups names no pair group: %s (there are %" PRId32 ", from %s to %s)",
                name, qkvsim_layout_pair_groups(layout), qkvsim_layout_pair_group_name(layout, 0),
                qkvsim_layout_pair_group_name(layout, qkvsim_layout_pair_groups(layout) - 1));
        if (chosen[pair_group])
            return fail_usage(failure, "--pair-groups names a pair group twice: %s", name);
        chosen[pair_group] = true;
    }
    return true;
}

bool selected_pairs_find(const qkvsim_layout *layout, const char *list, int32_t **pair_groups,
                         int32_t *count, struct failure *failure)
{
    int32_t total = qkvsim_layout_pair_groups(layout);
    char *names = strdup(list != NULL ? list : "");
    bool *chosen = calloc((size_t)total, sizeof *chosen);
    int32_t *numbers = calloc((size_t)total, sizeof *numbers);
    bool done = names != NULL && chosen != NULL && numbers != NULL;
    if (!done)
        fail_no_memory(failure);
    done = done && (list == NULL || mark(layout, names, chosen, failure));
    *count = 0;
    for (int32_t i = 0; done && i < total; i++)
        if (list == NULL || chosen[i])
            numbers[(*count)++] = i;
    free(names);
    free(chosen);
    if (done)
        *pair_groups = numbers;
    else
        free(numbers);
    return done;
}
