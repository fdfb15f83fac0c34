/*
 * Rows of the results by name.
 */
#include "rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* The pair group of a name whose groups stand in either order, in the layout's own where both
 * orders can be read; -1 if there is none. Group names may hold dashes, so every dash is tried. */
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

/* Makes the rows of what is chosen among the pair groups. */
static bool take_chosen(struct rows *rows, const qkvsim_layout *layout, const bool *chosen,
                        struct failure *failure)
{
    size_t most = (size_t)qkvsim_layout_pair_groups(layout) + (size_t)qkvsim_layout_rollups(layout);
    *rows = (struct rows){ .numbers = calloc(most, sizeof *rows->numbers) };
    if (rows->numbers == NULL)
        return fail_no_memory(failure);
    collect(rows, layout, chosen);
    return true;
}

bool rows_of_numbers(struct rows *rows, const qkvsim_layout *layout, const int32_t *numbers,
                     int32_t count, struct failure *failure)
{
    bool *chosen = calloc((size_t)qkvsim_layout_pair_groups(layout), sizeof *chosen);
    if (chosen == NULL)
        return fail_no_memory(failure);
    for (int32_t i = 0; i < count; i++)
        chosen[numbers[i]] = true;
    bool done = take_chosen(rows, layout, chosen, failure);
    free(chosen);
    return done;
}

static bool find_named(struct rows *rows, const qkvsim_layout *layout, const char *list,
                       struct failure *failure)
{
    int32_t pair_groups = qkvsim_layout_pair_groups(layout);
    bool *chosen = calloc((size_t)pair_groups, sizeof *chosen);
    char *names = strdup(list != NULL ? list : "");
    bool done = (chosen != NULL && names != NULL) || fail_no_memory(failure);
    for (int32_t i = 0; done && list == NULL && i < pair_groups; i++)
        chosen[i] = true;
    done = done && (list == NULL || mark_named(layout, names, chosen, failure))
           && take_chosen(rows, layout, chosen, failure);
    free(names);
    free(chosen);
    return done;
}

/* ---- pieces ---- */

bool rows_are_a_piece(const char *pair_groups)
{
    static const char digits[] = "0123456789";
    const size_t number = pair_groups != NULL ? strspn(pair_groups, digits) : 0;
    if (number == 0 || pair_groups[number] != '/')
        return false;
    const char *of = pair_groups + number + 1;
    return *of != '\0' && of[strspn(of, digits)] == '\0';
}

/* Reads K/N, where K is from 1 to N; N has to fit the layout. */
static bool read_piece(const char *text, int32_t most, int32_t *piece, int32_t *pieces,
                       struct failure *failure)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return fail_no_memory(failure);
    char *slash = strchr(copy, '/');
    int64_t k = 0, n = 0;
    *slash = '\0';
    bool done = text_to_integer(slash + 1, 1, INT32_MAX, &n) && text_to_integer(copy, 1, n, &k);
    free(copy);
    if (!done)
        return fail_usage(failure, "--pair-groups K/N is piece K of N, from 1/N to N/N: %s", text);
    if (n > most)
        return fail_usage(failure,
                          "there are no more pieces than pair groups, %" PRId32
                          ": --pair-groups %s (heads or more groups give more)",
                          most, text);
    *piece = (int32_t)k - 1;
    *pieces = (int32_t)n;
    return true;
}

static bool find_piece(struct rows *rows, qkvsim_context *context, const qkvsim_layout *layout,
                       const char *text, struct failure *failure)
{
    int32_t most = qkvsim_layout_pair_groups(layout), piece = 0, pieces = 0, count = 0;
    if (!read_piece(text, most, &piece, &pieces, failure))
        return false;
    int32_t *numbers = calloc((size_t)most, sizeof *numbers);
    if (numbers == NULL)
        return fail_no_memory(failure);
    const qkvsim_status status =
        qkvsim_layout_piece_pair_groups(context, layout, piece, pieces, numbers, most, &count);
    bool done = status == QKVSIM_OK ? rows_of_numbers(rows, layout, numbers, count, failure)
                                    : fail_library(failure, context, status, NULL);
    free(numbers);
    return done;
}

bool rows_find(struct rows *rows, qkvsim_context *context, const qkvsim_layout *layout,
               const char *pair_groups, struct failure *failure)
{
    return rows_are_a_piece(pair_groups) ? find_piece(rows, context, layout, pair_groups, failure)
                                         : find_named(rows, layout, pair_groups, failure);
}

char *rows_list_names(const struct rows *rows, const qkvsim_layout *layout)
{
    size_t size = 1;
    for (int32_t i = 0; i < rows->pair_groups; i++)
        size += strlen(qkvsim_layout_row_name(layout, rows->numbers[i])) + 1;
    char *list = malloc(size), *end = list;
    for (int32_t i = 0; list != NULL && i < rows->pair_groups; i++)
        end += sprintf(end, "%s%s", i > 0 ? "," : "",
                       qkvsim_layout_row_name(layout, rows->numbers[i]));
    return list;
}

/* Of a list a pair group is that rank's in whose part of all pairs, taken in order, its middle
 * lies. */
static int32_t deal(const struct rows *rows, const qkvsim_layout *layout, const struct team *team,
                    int32_t *numbers)
{
    int32_t count = 0;
    double all = 0, before = 0;
    for (int32_t i = 0; i < rows->pair_groups; i++)
        all += (double)qkvsim_layout_pairs(layout, rows->numbers[i]);
    for (int32_t i = 0; i < rows->pair_groups; i++) {
        const double pairs = (double)qkvsim_layout_pairs(layout, rows->numbers[i]);
        if ((int)((before + pairs / 2) / fmax(all, 1) * team->size) == team->rank)
            numbers[count++] = rows->numbers[i];
        before += pairs;
    }
    return count;
}

bool rows_share(const struct rows *rows, qkvsim_context *context, const qkvsim_layout *layout,
                const struct team *team, int32_t *numbers, int32_t *count, struct failure *failure)
{
    const int32_t all = qkvsim_layout_pair_groups(layout);
    qkvsim_status status = QKVSIM_OK;
    *count = rows->pair_groups;
    if (team == NULL)
        memcpy(numbers, rows->numbers, (size_t)*count * sizeof *numbers);
    else if (*count < all || team->size > all)
        *count = deal(rows, layout, team, numbers);
    else
        status = qkvsim_layout_piece_pair_groups(context, layout, team->rank, team->size, numbers,
                                                 all, count);
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
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
