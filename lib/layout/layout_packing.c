/* Layouts as bytes. What is unpacked is held to all that the constructors hold their arguments
 * to. */
#include <stdlib.h>
#include <string.h>

#include "layout.h"

/* Bytes that hold the number of any group. */
static int label_width(int64_t groups)
{
    return groups <= UINT8_MAX + 1 ? 1 : 2;
}

/* ---- to bytes ---- */

static void pack_group_names(qkv_packer *packer, const qkvsim_layout *layout)
{
    int64_t size = 0;
    for (int32_t g = 0; g < layout->groups; g++)
        size += (int64_t)strlen(layout->group_names[g]) + 1;
    qkv_pack_begin(packer, "GRPN", QKV_PACKED_BYTES, size);
    for (int32_t g = 0; g < layout->groups; g++)
        qkv_pack_text(packer, layout->group_names[g]);
    qkv_pack_end(packer);
}

static void pack_rollups(qkv_packer *packer, const qkvsim_layout *layout)
{
    int64_t size = 0, members = 0;
    for (int32_t r = 0; r < layout->rollup_count; r++) {
        size += (int64_t)strlen(layout->rollups[r].name) + 1;
        members += layout->rollups[r].count;
    }
    qkv_pack_begin(packer, "ROLN", QKV_PACKED_BYTES, size);
    for (int32_t r = 0; r < layout->rollup_count; r++)
        qkv_pack_text(packer, layout->rollups[r].name);
    qkv_pack_end(packer);
    qkv_pack_begin(packer, "ROLC", QKV_PACKED_I64, layout->rollup_count);
    for (int32_t r = 0; r < layout->rollup_count; r++)
        qkv_pack_i64(packer, layout->rollups[r].count);
    qkv_pack_begin(packer, "ROLP", QKV_PACKED_I64, members);
    for (int32_t r = 0; r < layout->rollup_count; r++)
        for (int32_t k = 0; k < layout->rollups[r].count; k++)
            qkv_pack_i64(packer, layout->rollups[r].pair_groups[k]);
}

void qkv_pack_layout(qkv_packer *packer, const void *object)
{
    const qkvsim_layout *layout = object;
    const int64_t sizes[] = { layout->features, layout->groups, layout->rollup_count };
    qkv_pack_i64s(packer, "LAYO", sizes, 3);
    qkv_pack_narrow(packer, "LABL", layout->group_of, layout->features,
                    label_width(layout->groups));
    pack_group_names(packer, layout);
    pack_rollups(packer, layout);
}

/* ---- from bytes ---- */

/* What a layout is made of again. */
typedef struct layout_parts {
    int64_t features, groups, rollups;
    int32_t *labels;
    char *group_text, *rollup_text;
    const char **group_names, **rollup_names;
    int64_t *counts, *members; /* of the roll-ups; all their pair groups one after the other */
    int64_t member_count;
} layout_parts;

static void close_parts(const qkvsim_context *context, layout_parts *parts)
{
    const qkv_allocator *allocator = &context->allocator;
    qkv_release(allocator, parts->labels);
    qkv_release(allocator, parts->group_text);
    qkv_release(allocator, parts->rollup_text);
    qkv_release(allocator, parts->group_names);
    qkv_release(allocator, parts->rollup_names);
    qkv_release(allocator, parts->counts);
    qkv_release(allocator, parts->members);
}

/* Reads `count` names that stand one after the other, each with a 0 behind it. */
static qkvsim_status take_names(qkv_unpacker *unpacker, const char *tag, int64_t count, char **text,
                                const char ***names)
{
    int64_t size = -1, found = 0;
    qkvsim_status status;
    *text = qkv_unpack_new(unpacker, tag, QKV_PACKED_BYTES, &size, &status);
    if (status != QKVSIM_OK)
        return status;
    if (count > size) /* before room is made for so many */
        return qkv_unpack_fail(unpacker, tag, "%lld names in %lld bytes", (long long)count,
                               (long long)size);
    *names = qkv_allocate(&unpacker->context->allocator, (size_t)count, sizeof **names);
    if (*names == NULL)
        return qkv_no_memory(unpacker->context, "the names of the unpacked layout");
    for (int64_t k = 0; k < size; k++) {
        if (found < count && (k == 0 || (*text)[k - 1] == '\0'))
            (*names)[found] = *text + k;
        found += (*text)[k] == '\0';
    }
    return found == count && (size == 0 || (*text)[size - 1] == '\0')
               ? QKVSIM_OK
               : qkv_unpack_fail(unpacker, tag, "%lld names, expected %lld", (long long)found,
                                 (long long)count);
}

static qkvsim_status take_sizes(qkv_unpacker *unpacker, layout_parts *parts)
{
    int64_t sizes[3];
    const qkvsim_status status = qkv_unpack_i64s(unpacker, "LAYO", sizes, 3);
    if (status != QKVSIM_OK)
        return status;
    parts->features = sizes[0];
    parts->groups = sizes[1];
    parts->rollups = sizes[2];
    const bool sound = parts->features >= 1 && parts->features <= INT32_MAX && parts->groups >= 1
                       && parts->groups <= QKV_GROUPS_MAX && parts->rollups >= 0
                       && parts->rollups <= INT32_MAX - qkv_pair_groups(QKV_GROUPS_MAX);
    return sound ? QKVSIM_OK
                 : qkv_unpack_fail(unpacker, "LAYO", "%lld features, %lld groups, %lld roll-ups",
                                   (long long)sizes[0], (long long)sizes[1], (long long)sizes[2]);
}

static qkvsim_status take_parts(qkv_unpacker *unpacker, layout_parts *parts)
{
    qkvsim_status status = take_sizes(unpacker, parts);
    if (status == QKVSIM_OK)
        parts->labels = qkv_unpack_new_narrow(unpacker, "LABL", label_width(parts->groups),
                                              parts->features, &status);
    if (status == QKVSIM_OK)
        status =
            take_names(unpacker, "GRPN", parts->groups, &parts->group_text, &parts->group_names);
    if (status == QKVSIM_OK)
        status =
            take_names(unpacker, "ROLN", parts->rollups, &parts->rollup_text, &parts->rollup_names);
    if (status == QKVSIM_OK)
        parts->counts = qkv_unpack_new(unpacker, "ROLC", QKV_PACKED_I64, &parts->rollups, &status);
    parts->member_count = -1;
    if (status == QKVSIM_OK)
        parts->members =
            qkv_unpack_new(unpacker, "ROLP", QKV_PACKED_I64, &parts->member_count, &status);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No roll-up has the name of another, or of a pair group. They are sorted for it, since there may
 * be many of both. */
static qkvsim_status check_rollup_names(const qkv_unpacker *unpacker, const qkvsim_layout *layout,
                                        const layout_parts *parts)
{
    const qkv_allocator *allocator = &unpacker->context->allocator;
    const size_t count = (size_t)parts->rollups;
    const char **sorted = qkv_allocate(allocator, count, sizeof *sorted);
    if (sorted == NULL)
        return qkv_no_memory(unpacker->context, "the names of the unpacked layout");
    memcpy(sorted, parts->rollup_names, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_names);
    const char *clash = NULL;
    for (size_t k = 0; k < count && clash == NULL; k++)
        if (sorted[k][0] == '\0' || (k > 0 && strcmp(sorted[k - 1], sorted[k]) == 0))
            clash = sorted[k];
    for (int32_t p = 0; p < qkv_pair_groups(layout->groups) && clash == NULL && count > 0; p++) {
        const char *name = layout->pair_group_names[p];
        if (bsearch(&name, sorted, count, sizeof *sorted, compare_names) != NULL)
            clash = name;
    }
    const qkvsim_status status =
        clash == NULL ? QKVSIM_OK
                      : qkv_unpack_fail(unpacker, "ROLN", "\"%s\" is no name of its own", clash);
    qkv_release(allocator, sorted);
    return status;
}

/* Narrows a roll-up's members, in place, to the numbers that a layout keeps. */
static qkvsim_status add_rollup(const qkv_unpacker *unpacker, const char *name, int64_t *members,
                                int64_t count, qkvsim_layout *layout)
{
    const qkvsim_status status =
        qkv_unpack_check_list(unpacker, "ROLP", members, count, qkv_pair_groups(layout->groups));
    if (status != QKVSIM_OK)
        return status;
    int32_t *pair_groups =
        qkv_allocate(&unpacker->context->allocator, (size_t)count, sizeof *pair_groups);
    for (int64_t k = 0; k < count && pair_groups != NULL; k++)
        pair_groups[k] = (int32_t)members[k];
    const bool added =
        pair_groups != NULL && qkv_layout_append_rollup(layout, name, pair_groups, (int32_t)count);
    qkv_release(&unpacker->context->allocator, pair_groups);
    return added ? QKVSIM_OK : qkv_no_memory(unpacker->context, "the unpacked layout");
}

static qkvsim_status add_rollups(const qkv_unpacker *unpacker, const layout_parts *parts,
                                 qkvsim_layout *layout)
{
    int64_t first = 0;
    qkvsim_status status = check_rollup_names(unpacker, layout, parts);
    for (int64_t r = 0; r < parts->rollups && status == QKVSIM_OK; r++) {
        const int64_t count = parts->counts[r];
        if (count < 1 || count > parts->member_count - first)
            return qkv_unpack_fail(unpacker, "ROLC", "roll-up %lld has %lld pair groups",
                                   (long long)r, (long long)count);
        status =
            add_rollup(unpacker, parts->rollup_names[r], parts->members + first, count, layout);
        first += count;
    }
    return status == QKVSIM_OK && first != parts->member_count
               ? qkv_unpack_fail(unpacker, "ROLP", "%lld numbers, expected %lld",
                                 (long long)parts->member_count, (long long)first)
               : status;
}

qkvsim_status qkv_unpack_layout(qkv_unpacker *unpacker, qkvsim_layout **layout)
{
    layout_parts parts = { 0 };
    qkvsim_layout *made = NULL;
    qkvsim_status status = take_parts(unpacker, &parts);
    if (status == QKVSIM_OK)
        status = qkvsim_layout_labels(unpacker->context, parts.labels, parts.features,
                                      parts.group_names, (int32_t)parts.groups, &made);
    if (status == QKVSIM_OK)
        status = add_rollups(unpacker, &parts, made);
    close_parts(unpacker->context, &parts);
    if (status == QKVSIM_OK)
        *layout = made;
    else
        qkvsim_layout_free(made);
    return status;
}

static qkvsim_status unpack(qkv_unpacker *unpacker, void **result)
{
    qkvsim_layout *made = NULL;
    const qkvsim_status status = qkv_unpack_layout(unpacker, &made);
    *result = made;
    return status;
}

static void release(void *result)
{
    qkvsim_layout_free(result);
}

static const qkv_format format = { QKVSIM_KIND_LAYOUT, qkv_pack_layout, unpack, release };

/* ---- the public calls ---- */

int64_t qkvsim_layout_packed_size(const qkvsim_layout *layout)
{
    return qkv_packed_size(&format, layout);
}

qkvsim_status qkvsim_layout_pack(qkvsim_context *context, const qkvsim_layout *layout, void *buffer,
                                 int64_t size)
{
    return qkv_pack(context, &format, layout, buffer, size);
}

qkvsim_status qkvsim_layout_unpack(qkvsim_context *context, const void *buffer, int64_t size,
                                   qkvsim_layout **layout)
{
    void *made = NULL;
    const qkvsim_status status = qkv_unpack(context, &format, buffer, size, layout, &made);
    if (status == QKVSIM_OK)
        *layout = made;
    return status;
}
