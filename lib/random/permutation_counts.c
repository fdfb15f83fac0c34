/*
 * How many different permutations a scheme has, over all features and as far as a row of results
 * shows them. Items (features or groups) that are compared with each other, directly or through
 * others, make a component: only how its items lie to one of them can be seen.
 */
#include <math.h>

#include "permuter.h"

/* base^exponent; whole numbers stay exact below 2^53. */
static double power(double base, double exponent)
{
    double product = 1;
    for (double k = 0; k < exponent && base != 1 && product < INFINITY; k++)
        product *= base;
    return product;
}

/* n! */
static double factorial(double n)
{
    double product = 1;
    for (double k = 2; k <= n && product < INFINITY; k++)
        product *= k;
    return product;
}

/* ---- components: sets of groups, each told by one of them ---- */

typedef struct components {
    const qkvsim_layout *layout;
    int32_t *parent; /* groups; -1: in no component */
} components;

static int32_t find_root(const components *sets, int32_t group)
{
    while (sets->parent[group] != group)
        group = sets->parent[group];
    return group;
}

static void add_group(const components *sets, int32_t group)
{
    if (sets->parent[group] < 0)
        sets->parent[group] = group;
}

/* The components that the pair groups of a row make of the groups. */
static void connect_row(const components *sets, int32_t row)
{
    const qkvsim_layout *layout = sets->layout;
    const int32_t pair_groups = qkv_pair_groups(layout->groups);
    int32_t count = 1;
    const int32_t *members =
        row < pair_groups ? &row
                          : qkvsim_layout_rollup_pair_groups(layout, row - pair_groups, &count);
    for (int32_t g = 0; g < layout->groups; g++)
        sets->parent[g] = -1;
    for (int32_t k = 0; k < count; k++) {
        int32_t a, b;
        qkv_pair_group_groups(layout->groups, members[k], &a, &b);
        add_group(sets, a);
        add_group(sets, b);
        sets->parent[find_root(sets, b)] = find_root(sets, a);
    }
}

/* Items of groups in components, less one for each component; of signs, an item is a unit of a
 * group. */
static double free_items(const components *sets, const qkv_permuter *permuter)
{
    double items = 0;
    for (int32_t g = 0; g < sets->layout->groups; g++)
        if (sets->parent[g] >= 0) {
            items += permuter->scheme == QKVSIM_SCHEME_FLIP ? (double)permuter->units.units.count
                     : qkv_moves_groups(permuter->scheme)   ? 1
                                                          : (double)sets->layout->group_features[g];
            items -= sets->parent[g] == g;
        }
    return items;
}

/* Different permutations of one item beside the others. */
static double count_item(const qkv_permuter *permuter)
{
    return permuter->scheme == QKVSIM_SCHEME_FLIP ? 2 : permuter->item_count;
}

/*
 * Values dealt anew: to all features, of which those not in the row may have what they like, or
 * within each group. The order of observations and that of a group's features do not show.
 */
static double count_dealt(const components *sets, double rows, bool by_group)
{
    double count = 1, orders = factorial(rows), shown = 0;
    for (int32_t g = 0; g < sets->layout->groups; g++)
        if (sets->parent[g] >= 0) {
            const double features = (double)sets->layout->group_features[g];
            count *= by_group ? factorial(rows * features) : 1;
            orders *= factorial(features);
            shown += features;
        }
    const double values = rows * (double)sets->layout->features;
    for (double k = values - rows * shown + 1; !by_group && k <= values && count < INFINITY; k++)
        count *= k;
    return count < INFINITY ? count / orders : (double)INFINITY;
}

static double count_row(const qkv_permuter *permuter, const components *sets, int32_t row)
{
    connect_row(sets, row);
    if (qkv_deals(permuter->scheme))
        return count_dealt(sets, (double)permuter->rows, permuter->scheme == QKVSIM_SCHEME_GROUP);
    return power(count_item(permuter), free_items(sets, permuter));
}

qkvsim_status qkv_permuter_row_counts(qkvsim_context *context, const qkv_permuter *permuter,
                                      const qkvsim_layout *layout, double *counts)
{
    const components sets = { layout, qkv_allocate(&context->allocator, (size_t)layout->groups,
                                                   sizeof *sets.parent) };
    if (sets.parent == NULL)
        return qkv_no_memory(context, "the numbers of permutations");
    for (int32_t row = 0; row < qkv_layout_rows(layout); row++)
        counts[row] = count_row(permuter, &sets, row);
    qkv_release(&context->allocator, sets.parent);
    return QKVSIM_OK;
}

double qkv_permuter_count(const qkv_permuter *permuter)
{
    if (qkv_deals(permuter->scheme))
        return INFINITY;
    const int64_t items =
        qkv_moves_groups(permuter->scheme) ? permuter->layout->groups : permuter->columns;
    const int64_t each = permuter->scheme == QKVSIM_SCHEME_FLIP ? permuter->units.units.count : 1;
    return power(count_item(permuter), (double)items * (double)each - 1);
}
