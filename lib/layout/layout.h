/* A layout's innards: labels of features, names and sizes of groups. */
#ifndef QKV_LAYOUT_H
#define QKV_LAYOUT_H

#include <qkvsim/layout.h>

#include "base/context.h"
#include "base/unpacking.h"

enum { QKV_GROUPS_MAX = 4096 }; /* 8,390,656 pair groups */

/* A named set of pair groups. */
typedef struct qkv_rollup {
    char *name;
    int32_t *pair_groups; /* increasing */
    int32_t count;
    int64_t pairs;
} qkv_rollup;

struct qkvsim_layout {
    qkv_allocator allocator;
    int64_t features;
    int32_t groups;
    int32_t *group_of;       /* features */
    int64_t *group_features; /* groups */
    char **group_names;      /* groups; they point into text */
    char **pair_group_names;
    char *text;
    qkv_rollup *rollups;
    int32_t rollup_count;
};

static inline int32_t qkv_pair_groups(int32_t groups)
{
    return (int32_t)((int64_t)groups * (groups + 1) / 2);
}

/* Rows of results: the pair groups, then the roll-ups. */
static inline int32_t qkv_layout_rows(const qkvsim_layout *layout)
{
    return qkv_pair_groups(layout->groups) + layout->rollup_count;
}

/* Number of the pair group of groups a <= b along the upper triangle. */
static inline int32_t qkv_pair_group(int32_t groups, int32_t a, int32_t b)
{
    return (int32_t)((int64_t)a * groups - (int64_t)a * (a - 1) / 2 + (b - a));
}

/* The groups a <= b of a pair group. */
void qkv_pair_group_groups(int32_t groups, int32_t pair_group, int32_t *a, int32_t *b);

/* Pairs between m features of one group and n of another, or within one group of m. */
static inline int64_t qkv_pairs_between(int64_t m, int64_t n, bool same_group)
{
    return same_group ? m * (m - 1) / 2 : m * n;
}

/* The handle of labels and names that are in order; they are copied. NULL where memory is short. */
qkvsim_layout *qkv_layout_make(const qkv_allocator *allocator, const int32_t *labels,
                               int64_t features, const char *const *names, int32_t groups);

/* Adds an increasing list of pair groups under a name; false where memory is short, with nothing
 * changed. */
bool qkv_layout_append_rollup(qkvsim_layout *layout, const char *name, const int32_t *pair_groups,
                              int32_t count);

/* Fails where a row has the name already: rows are told apart by their names. */
qkvsim_status qkv_check_row_name(qkvsim_context *context, const qkvsim_layout *layout,
                                 const char *name);

/* A copy whose life is the caller's. NULL where memory is short. */
qkvsim_layout *qkv_layout_copy(const qkv_allocator *allocator, const qkvsim_layout *layout);

/* Fails where the layout is NULL or labels another number of features. */
qkvsim_status qkv_check_layout(qkvsim_context *context, const qkvsim_layout *layout,
                               int64_t features);

/* A layout's sections within a packed result. On failure nothing is held. */
void qkv_pack_layout(qkv_packer *packer, const void *layout);
qkvsim_status qkv_unpack_layout(qkv_unpacker *unpacker, qkvsim_layout **layout);

#endif
