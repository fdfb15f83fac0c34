/* Names of groups that keep the names of their pair groups apart. Pair groups (a, b) and (c, d)
 * share a name only where c is a, a dash and a text between, and b is that text, a dash and d. */
#include "row_names.h"

#include <stdlib.h>
#include <string.h>

typedef struct numbered_name {
    const char *name;
    int32_t group;
} numbered_name;

typedef struct name_table {
    qkvsim_context *context;
    const char *const *names;
    numbered_name *sorted;
    int32_t groups;
} name_table;

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const numbered_name *)left)->name, ((const numbered_name *)right)->name);
}

/* The group whose name is the first `length` bytes of text; -1 if there is none. */
static int32_t find_group(const name_table *table, const char *text, size_t length)
{
    int32_t low = 0, high = table->groups;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        const char *name = table->sorted[middle].name;
        const int order = strncmp(name, text, length);
        if (order == 0 && name[length] == '\0')
            return table->sorted[middle].group;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* Looks for groups b and d where group c is named a, a dash and `between`. */
static qkvsim_status check_between(const name_table *table, int32_t a, int32_t c,
                                   const char *between)
{
    const size_t length = strlen(between);
    for (int32_t b = a; b < table->groups; b++) {
        const char *name = table->names[b];
        if (strncmp(name, between, length) != 0 || name[length] != '-')
            continue;
        const char *rest = name + length + 1;
        const int32_t d = find_group(table, rest, strlen(rest));
        if (d >= c)
            return qkv_invalid(table->context,
                               "two rows would have the name \"%s-%s\": that of groups \"%s\" and "
                               "\"%s\", and that of \"%s\" and \"%s\"",
                               table->names[a], name, table->names[a], name, table->names[c],
                               table->names[d]);
    }
    return QKVSIM_OK;
}

static qkvsim_status check_splits(const name_table *table, int32_t c)
{
    const char *name = table->names[c];
    qkvsim_status status = QKVSIM_OK;
    for (const char *dash = strchr(name, '-'); dash != NULL && status == QKVSIM_OK;
         dash = strchr(dash + 1, '-')) {
        const int32_t a = find_group(table, name, (size_t)(dash - name));
        if (a >= 0)
            status = check_between(table, a, c, dash + 1);
    }
    return status;
}

static bool any_has_dash(const char *const *names, int32_t groups)
{
    for (int32_t g = 0; g < groups; g++)
        if (strchr(names[g], '-') != NULL)
            return true;
    return false;
}

qkvsim_status qkv_check_row_names(qkvsim_context *context, const char *const *names, int32_t groups)
{
    if (!any_has_dash(names, groups))
        return QKVSIM_OK;
    name_table table = { context, names, .groups = groups };
    table.sorted = qkv_allocate(&context->allocator, (size_t)groups, sizeof *table.sorted);
    if (table.sorted == NULL)
        return qkv_no_memory(context, "the names of groups");
    for (int32_t g = 0; g < groups; g++)
        table.sorted[g] = (numbered_name){ names[g], g };
    qsort(table.sorted, (size_t)groups, sizeof *table.sorted, compare_names);
    qkvsim_status status = QKVSIM_OK;
    for (int32_t c = 0; c < groups && status == QKVSIM_OK; c++)
        status = check_splits(&table, c);
    qkv_release(&context->allocator, table.sorted);
    return status;
}
