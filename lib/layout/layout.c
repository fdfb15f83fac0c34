/* A layout's handle: made of labels and names, copied, given roll-ups one by one, and asked. */
#include "layout.h"

#include <string.h>

/* ---- life ---- */

static size_t text_size(const char *const *names, int32_t groups)
{
    size_t size = 0;
    for (int32_t a = 0; a < groups; a++) {
        size += strlen(names[a]) + 1;
        for (int32_t b = a; b < groups; b++)
            size += strlen(names[a]) + 1 + strlen(names[b]) + 1;
    }
    return size;
}

/* Writes a text to where another ends; returns its own end. */
static char *append(char *end, const char *text)
{
    const size_t length = strlen(text);
    memcpy(end, text, length + 1);
    return end + length;
}

/* Every analysis copies its layout, and sprintf would take a fiftieth of one of 39 heads. */
static void write_names(qkvsim_layout *layout, const char *const *names)
{
    char *text = layout->text;
    int32_t pair = 0;
    for (int32_t a = 0; a < layout->groups; a++) {
        layout->group_names[a] = text;
        text = append(text, names[a]) + 1;
        for (int32_t b = a; b < layout->groups; b++) {
            layout->pair_group_names[pair++] = text;
            text = append(append(append(text, names[a]), "-"), names[b]) + 1;
        }
    }
}

qkvsim_layout *qkv_layout_make(const qkv_allocator *allocator, const int32_t *labels,
                               int64_t features, const char *const *names, int32_t groups)
{
    qkvsim_layout *layout = qkv_allocate_zeroed(allocator, 1, sizeof *layout);
    if (layout == NULL)
        return NULL;
    const size_t pairs = (size_t)qkv_pair_groups(groups);
    layout->allocator = *allocator;
    layout->features = features;
    layout->groups = groups;
    layout->group_of = qkv_allocate(allocator, (size_t)features, sizeof *layout->group_of);
    layout->group_features =
        qkv_allocate_zeroed(allocator, (size_t)groups, sizeof *layout->group_features);
    layout->group_names = qkv_allocate(allocator, (size_t)groups, sizeof *layout->group_names);
    layout->pair_group_names = qkv_allocate(allocator, pairs, sizeof *layout->pair_group_names);
    layout->text = qkv_allocate(allocator, text_size(names, groups), 1);
    if (layout->group_of == NULL || layout->group_features == NULL || layout->group_names == NULL
        || layout->pair_group_names == NULL || layout->text == NULL) {
        qkvsim_layout_free(layout);
        return NULL;
    }
    memcpy(layout->group_of, labels, (size_t)features * sizeof *labels);
    for (int64_t j = 0; j < features; j++)
        layout->group_features[labels[j]]++;
    write_names(layout, names);
    return layout;
}

/* ---- roll-ups ---- */

/* Pairs of an increasing list of pair groups, which are walked through row by row. */
static int64_t count_pairs(const qkvsim_layout *layout, const int32_t *pair_groups, int32_t count)
{
    int64_t pairs = 0;
    int32_t a = 0;
    for (int32_t k = 0; k < count; k++) {
        while (a + 1 < layout->groups
               && pair_groups[k] >= qkv_pair_group(layout->groups, a + 1, a + 1))
            a++;
        const int32_t b = a + pair_groups[k] - qkv_pair_group(layout->groups, a, a);
        pairs += qkv_pairs_between(layout->group_features[a], layout->group_features[b], a == b);
    }
    return pairs;
}

/* Room for one more, by doubling. */
static bool grow_rollups(qkvsim_layout *layout)
{
    const int32_t count = layout->rollup_count;
    if ((count & (count - 1)) != 0)
        return true;
    const size_t capacity = count == 0 ? 1 : 2 * (size_t)count;
    qkv_rollup *grown = qkv_allocate(&layout->allocator, capacity, sizeof *grown);
    if (grown == NULL)
        return false;
    if (count > 0)
        memcpy(grown, layout->rollups, (size_t)count * sizeof *grown);
    qkv_release(&layout->allocator, layout->rollups);
    layout->rollups = grown;
    return true;
}

bool qkv_layout_append_rollup(qkvsim_layout *layout, const char *name, const int32_t *pair_groups,
                              int32_t count)
{
    const size_t length = strlen(name) + 1;
    qkv_rollup rollup = { .count = count, .pairs = count_pairs(layout, pair_groups, count) };
    if (!grow_rollups(layout))
        return false;
    rollup.name = qkv_allocate(&layout->allocator, length, 1);
    rollup.pair_groups =
        qkv_allocate(&layout->allocator, (size_t)count, sizeof *rollup.pair_groups);
    if (rollup.name == NULL || rollup.pair_groups == NULL) {
        qkv_release(&layout->allocator, rollup.name);
        qkv_release(&layout->allocator, rollup.pair_groups);
        return false;
    }
    memcpy(rollup.name, name, length);
    memcpy(rollup.pair_groups, pair_groups, (size_t)count * sizeof *pair_groups);
    layout->rollups[layout->rollup_count++] = rollup;
    return true;
}

qkvsim_layout *qkv_layout_copy(const qkv_allocator *allocator, const qkvsim_layout *layout)
{
    qkvsim_layout *copy = qkv_layout_make(allocator, layout->group_of, layout->features,
                                          (const char *const *)layout->group_names, layout->groups);
    bool complete = copy != NULL;
    for (int32_t r = 0; r < layout->rollup_count && complete; r++) {
        const qkv_rollup *rollup = &layout->rollups[r];
        complete = qkv_layout_append_rollup(copy, rollup->name, rollup->pair_groups, rollup->count);
    }
    if (complete)
        return copy;
    qkvsim_layout_free(copy);
    return NULL;
}

void qkvsim_layout_free(qkvsim_layout *layout)
{
    if (layout == NULL)
        return;
    const qkv_allocator allocator = layout->allocator;
    qkv_release(&allocator, layout->group_of);
    qkv_release(&allocator, layout->group_features);
    qkv_release(&allocator, layout->group_names);
    qkv_release(&allocator, layout->pair_group_names);
    qkv_release(&allocator, layout->text);
    for (int32_t r = 0; r < layout->rollup_count; r++) {
        qkv_release(&allocator, layout->rollups[r].name);
        qkv_release(&allocator, layout->rollups[r].pair_groups);
    }
    qkv_release(&allocator, layout->rollups);
    qkv_release(&allocator, layout);
}

/* ---- the caller's roll-ups ---- */

/* Marks the listed pair groups, each of which may be listed once. */
static qkvsim_status mark_pair_groups(qkvsim_context *context, const qkvsim_layout *layout,
                                      const int32_t *pair_groups, int32_t count, bool *marks)
{
    const int32_t all = qkv_pair_groups(layout->groups);
    for (int32_t k = 0; k < count; k++) {
        const int32_t pair_group = pair_groups[k];
        if (pair_group < 0 || pair_group >= all)
            return qkv_invalid(context, "pair_groups[%d] is %d, but there are pair groups 0 to %d",
                               (int)k, (int)pair_group, (int)all - 1);
        if (marks[pair_group])
            return qkv_invalid(context, "pair_groups[%d] is %d, which is listed before", (int)k,
                               (int)pair_group);
        marks[pair_group] = true;
    }
    return QKVSIM_OK;
}

qkvsim_status qkv_check_row_name(qkvsim_context *context, const qkvsim_layout *layout,
                                 const char *name)
{
    for (int32_t row = 0; row < qkv_layout_rows(layout); row++)
        if (strcmp(qkvsim_layout_row_name(layout, row), name) == 0)
            return qkv_invalid(context, "roll-up \"%s\" would have the name of row %d", name,
                               (int)row);
    return QKVSIM_OK;
}

static qkvsim_status check_rollup(qkvsim_context *context, const qkvsim_layout *layout,
                                  const char *name, const int32_t *pair_groups, int32_t count)
{
    if (layout == NULL || pair_groups == NULL)
        return qkv_invalid(context, "%s is NULL", layout == NULL ? "layout" : "pair_groups");
    if (name == NULL || name[0] == '\0')
        return qkv_invalid(context, "the name of the roll-up is %s",
                           name == NULL ? "NULL" : "empty");
    if (count < 1)
        return qkv_invalid(context, "roll-up \"%s\" of %d pair groups: at least 1 is needed", name,
                           (int)count);
    return qkv_check_row_name(context, layout, name);
}

qkvsim_status qkvsim_layout_add_rollup(qkvsim_context *context, qkvsim_layout *layout,
                                       const char *name, const int32_t *pair_groups, int32_t count)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = check_rollup(context, layout, name, pair_groups, count);
    if (status != QKVSIM_OK)
        return status;
    const int32_t all = qkv_pair_groups(layout->groups);
    bool *marks = qkv_allocate_zeroed(&context->allocator, (size_t)all, sizeof *marks);
    int32_t *sorted = qkv_allocate(&context->allocator, (size_t)all, sizeof *sorted);
    if (marks != NULL && sorted != NULL)
        status = mark_pair_groups(context, layout, pair_groups, count, marks);
    else
        status = qkv_no_memory(context, "the roll-up");
    if (status == QKVSIM_OK) {
        int32_t listed = 0;
        for (int32_t p = 0; p < all; p++)
            if (marks[p])
                sorted[listed++] = p;
        if (!qkv_layout_append_rollup(layout, name, sorted, listed))
            status = qkv_no_memory(context, "the roll-up");
    }
    qkv_release(&context->allocator, marks);
    qkv_release(&context->allocator, sorted);
    return status;
}

/* ---- accessors ---- */

qkvsim_status qkv_check_layout(qkvsim_context *context, const qkvsim_layout *layout,
                               int64_t features)
{
    if (layout == NULL)
        return qkv_invalid(context, "layout is NULL");
    if (layout->features != features)
        return qkv_invalid(context, "the input has %lld features but the layout labels %lld",
                           (long long)features, (long long)layout->features);
    return QKVSIM_OK;
}

static bool has_group(const qkvsim_layout *layout, int32_t group)
{
    return layout != NULL && group >= 0 && group < layout->groups;
}

int64_t qkvsim_layout_features(const qkvsim_layout *layout)
{
    return layout != NULL ? layout->features : 0;
}

int32_t qkvsim_layout_groups(const qkvsim_layout *layout)
{
    return layout != NULL ? layout->groups : 0;
}

int32_t qkvsim_layout_pair_groups(const qkvsim_layout *layout)
{
    return layout != NULL ? qkv_pair_groups(layout->groups) : 0;
}

const char *qkvsim_layout_group_name(const qkvsim_layout *layout, int32_t group)
{
    return has_group(layout, group) ? layout->group_names[group] : NULL;
}

int64_t qkvsim_layout_group_features(const qkvsim_layout *layout, int32_t group)
{
    return has_group(layout, group) ? layout->group_features[group] : 0;
}

const int32_t *qkvsim_layout_group_of(const qkvsim_layout *layout)
{
    return layout != NULL ? layout->group_of : NULL;
}

int32_t qkvsim_layout_pair_group(const qkvsim_layout *layout, int32_t group_a, int32_t group_b)
{
    if (!has_group(layout, group_a) || !has_group(layout, group_b))
        return -1;
    return group_a <= group_b ? qkv_pair_group(layout->groups, group_a, group_b)
                              : qkv_pair_group(layout->groups, group_b, group_a);
}

static bool has_pair_group(const qkvsim_layout *layout, int32_t pair_group)
{
    return pair_group >= 0 && pair_group < qkvsim_layout_pair_groups(layout);
}

/* The roll-up of a row behind the pair groups; NULL for any other number. */
static const qkv_rollup *rollup_of_row(const qkvsim_layout *layout, int32_t row)
{
    const int32_t pair_groups = qkvsim_layout_pair_groups(layout);
    return layout != NULL && row >= pair_groups && row - pair_groups < layout->rollup_count
               ? &layout->rollups[row - pair_groups]
               : NULL;
}

int32_t qkvsim_layout_rows(const qkvsim_layout *layout)
{
    return layout != NULL ? qkv_layout_rows(layout) : 0;
}

int32_t qkvsim_layout_rollups(const qkvsim_layout *layout)
{
    return layout != NULL ? layout->rollup_count : 0;
}

const int32_t *qkvsim_layout_rollup_pair_groups(const qkvsim_layout *layout, int32_t rollup,
                                                int32_t *count)
{
    const bool exists = layout != NULL && rollup >= 0 && rollup < layout->rollup_count;
    if (count != NULL)
        *count = exists ? layout->rollups[rollup].count : 0;
    return exists ? layout->rollups[rollup].pair_groups : NULL;
}

const char *qkvsim_layout_row_name(const qkvsim_layout *layout, int32_t pair_group)
{
    const qkv_rollup *rollup = rollup_of_row(layout, pair_group);
    if (rollup != NULL)
        return rollup->name;
    return has_pair_group(layout, pair_group) ? layout->pair_group_names[pair_group] : NULL;
}

void qkv_pair_group_groups(int32_t groups, int32_t pair_group, int32_t *a, int32_t *b)
{
    int32_t row = 0;
    while (pair_group >= groups - row)
        pair_group -= groups - row++;
    *a = row;
    *b = row + pair_group;
}

int64_t qkvsim_layout_pairs(const qkvsim_layout *layout, int32_t row)
{
    const qkv_rollup *rollup = rollup_of_row(layout, row);
    if (rollup != NULL)
        return rollup->pairs;
    if (!has_pair_group(layout, row))
        return 0;
    int32_t a, b;
    qkv_pair_group_groups(layout->groups, row, &a, &b);
    return qkv_pairs_between(layout->group_features[a], layout->group_features[b], a == b);
}

qkvsim_status qkvsim_layout_pair_counts(qkvsim_context *context, const qkvsim_layout *layout,
                                        int64_t *counts, int64_t capacity)
{
    if (layout == NULL || counts == NULL)
        return qkv_invalid(context, "%s is NULL", layout == NULL ? "layout" : "counts");
    const int32_t rows = qkv_layout_rows(layout);
    const qkvsim_status status = qkv_check_capacity(context, "counts", capacity, rows);
    for (int32_t row = 0; status == QKVSIM_OK && row < rows; row++)
        counts[row] = qkvsim_layout_pairs(layout, row);
    return status;
}
