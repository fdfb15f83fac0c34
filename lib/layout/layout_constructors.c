/* Constructors of layouts: each checks what it is given, writes a label for each feature and a name
 * for each group into a plan, and makes the handle of it. */
#include "layout.h"

#include <stdio.h>
#include <string.h>

#include "row_names.h"

/* ---- plans ---- */

enum { NAME_SIZE = 64 };

typedef struct layout_plan {
    int32_t *labels;
    char (*text)[NAME_SIZE];
    const char **names;
    int64_t features;
    int32_t groups;
} layout_plan;

static void plan_close(const qkvsim_context *context, layout_plan *plan)
{
    qkv_release(&context->allocator, plan->labels);
    qkv_release(&context->allocator, plan->text);
    qkv_release(&context->allocator, plan->names);
}

static qkvsim_status plan_open(qkvsim_context *context, int64_t features, int32_t groups,
                               layout_plan *plan)
{
    plan->features = features;
    plan->groups = groups;
    plan->labels = qkv_allocate(&context->allocator, (size_t)features, sizeof *plan->labels);
    plan->text = qkv_allocate(&context->allocator, (size_t)groups, sizeof *plan->text);
    plan->names = qkv_allocate(&context->allocator, (size_t)groups, sizeof *plan->names);
    if (plan->labels != NULL && plan->text != NULL && plan->names != NULL)
        return QKVSIM_OK;
    plan_close(context, plan);
    return qkv_no_memory(context, "the layout");
}

/* Makes the handle from a plan and closes the plan. */
static qkvsim_status plan_finish(qkvsim_context *context, layout_plan *plan, qkvsim_layout **layout)
{
    qkvsim_layout *made = qkv_layout_make(&context->allocator, plan->labels, plan->features,
                                          plan->names, plan->groups);
    plan_close(context, plan);
    if (made == NULL)
        return qkv_no_memory(context, "the layout");
    *layout = made;
    return QKVSIM_OK;
}

/* ---- what constructors share ---- */

static qkvsim_status check_groups(qkvsim_context *context, const char *what, int32_t groups,
                                  const void *required, const char *required_name,
                                  qkvsim_layout **layout)
{
    if (layout == NULL || required == NULL)
        return qkv_invalid(context, "%s is NULL", layout == NULL ? "layout" : required_name);
    if (groups < 1 || groups > QKV_GROUPS_MAX)
        return qkv_invalid(context, "%d %s: expected 1 to %d", (int)groups, what, QKV_GROUPS_MAX);
    return QKVSIM_OK;
}

static qkvsim_status check_names(qkvsim_context *context, const char *const *names, int32_t count)
{
    for (int32_t g = 0; names != NULL && g < count; g++) {
        if (names[g] == NULL || names[g][0] == '\0')
            return qkv_invalid(context, "the name of group %d is %s", (int)g,
                               names[g] == NULL ? "NULL" : "empty");
        for (int32_t before = 0; before < g; before++)
            if (strcmp(names[before], names[g]) == 0)
                return qkv_invalid(context, "groups %d and %d are both named \"%s\"", (int)before,
                                   (int)g, names[g]);
    }
    return QKVSIM_OK;
}

/* The names of groups, NULL for the default ones: neither two groups nor two rows may share one. */
static qkvsim_status check_group_names(qkvsim_context *context, const char *const *names,
                                       int32_t groups)
{
    const qkvsim_status status = check_names(context, names, groups);
    return status == QKVSIM_OK && names != NULL ? qkv_check_row_names(context, names, groups)
                                                : status;
}

static qkvsim_status sum_widths(qkvsim_context *context, const int64_t *widths, int32_t count,
                                int64_t *features)
{
    *features = 0;
    for (int32_t g = 0; g < count; g++) {
        if (widths[g] < 1)
            return qkv_invalid(context, "group %d is %lld features wide: at least 1 is needed",
                               (int)g, (long long)widths[g]);
        if (widths[g] > INT32_MAX - *features)
            return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "more than %d features in %d groups",
                            INT32_MAX, (int)count);
        *features += widths[g];
    }
    return QKVSIM_OK;
}

static const char *default_name(int32_t group, int32_t groups, char *text)
{
    static const char *const qkv[] = { "Q", "K", "V" };
    if (groups == 3)
        return qkv[group];
    snprintf(text, NAME_SIZE, "G%d", (int)group);
    return text;
}

/* Names of plan groups that are the caller's groups one to one. */
static void name_groups(layout_plan *plan, const char *const *names)
{
    for (int32_t g = 0; g < plan->groups; g++)
        plan->names[g] = names != NULL ? names[g] : default_name(g, plan->groups, plan->text[g]);
}

/* The caller's numbers, which decide about sizes, are read once: another thread may write to
 * them. */
static void *copy_numbers(const qkvsim_context *context, const void *given, int32_t count,
                          size_t size)
{
    void *copy = qkv_allocate(&context->allocator, (size_t)count, size);
    if (copy != NULL)
        memcpy(copy, given, (size_t)count * size);
    return copy;
}

/* ---- widths and labels ---- */

static qkvsim_status lay_out_widths(qkvsim_context *context, const int64_t *widths,
                                    const char *const *names, int32_t groups,
                                    qkvsim_layout **layout)
{
    int64_t features;
    layout_plan plan;
    qkvsim_status status = sum_widths(context, widths, groups, &features);
    if (status == QKVSIM_OK)
        status = plan_open(context, features, groups, &plan);
    if (status != QKVSIM_OK)
        return status;
    int64_t j = 0;
    for (int32_t g = 0; g < groups; g++)
        for (int64_t end = j + widths[g]; j < end; j++)
            plan.labels[j] = g;
    name_groups(&plan, names);
    return plan_finish(context, &plan, layout);
}

qkvsim_status qkvsim_layout_widths(qkvsim_context *context, const int64_t *widths,
                                   const char *const *names, int32_t groups, qkvsim_layout **layout)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = check_groups(context, "groups", groups, widths, "widths", layout);
    if (status == QKVSIM_OK)
        status = check_group_names(context, names, groups);
    if (status != QKVSIM_OK)
        return status;
    int64_t *own = copy_numbers(context, widths, groups, sizeof *own);
    status = own != NULL ? lay_out_widths(context, own, names, groups, layout)
                         : qkv_no_memory(context, "the layout");
    qkv_release(&context->allocator, own);
    return status;
}

qkvsim_status qkvsim_layout_thirds(qkvsim_context *context, int64_t features,
                                   qkvsim_layout **layout)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (features < 3 || features % 3 != 0)
        return qkv_invalid(context, "%lld features do not split into thirds", (long long)features);
    const int64_t widths[3] = { features / 3, features / 3, features / 3 };
    return qkvsim_layout_widths(context, widths, NULL, 3, layout);
}

static qkvsim_status copy_labels(qkvsim_context *context, const int32_t *labels, layout_plan *plan)
{
    memcpy(plan->labels, labels, (size_t)plan->features * sizeof *labels);
    for (int64_t j = 0; j < plan->features; j++)
        if (plan->labels[j] < 0 || plan->labels[j] >= plan->groups)
            return qkv_invalid(context, "feature %lld has label %d, but there are groups 0 to %d",
                               (long long)j, (int)plan->labels[j], (int)plan->groups - 1);
    return QKVSIM_OK;
}

qkvsim_status qkvsim_layout_labels(qkvsim_context *context, const int32_t *labels, int64_t features,
                                   const char *const *names, int32_t groups, qkvsim_layout **layout)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    layout_plan plan;
    qkvsim_status status = check_groups(context, "groups", groups, labels, "labels", layout);
    if (status == QKVSIM_OK)
        status = check_group_names(context, names, groups);
    if (status != QKVSIM_OK)
        return status;
    if (features < groups || features > INT32_MAX)
        return qkv_invalid(
            context, "%lld labels for %d groups: each group needs a feature, and there may be %d",
            (long long)features, (int)groups, INT32_MAX);
    status = plan_open(context, features, groups, &plan);
    if (status != QKVSIM_OK)
        return status;
    status = copy_labels(context, labels, &plan);
    if (status != QKVSIM_OK) {
        plan_close(context, &plan);
        return status;
    }
    name_groups(&plan, names);
    qkvsim_layout *made = NULL;
    status = plan_finish(context, &plan, &made);
    for (int32_t g = 0; status == QKVSIM_OK && g < groups; g++)
        if (made->group_features[g] == 0)
            status = qkv_invalid(context, "no feature has the label of group %d (\"%s\")", (int)g,
                                 made->group_names[g]);
    if (status == QKVSIM_OK)
        *layout = made;
    else
        qkvsim_layout_free(made);
    return status;
}

/* ---- heads ---- */

typedef struct head_counts {
    const int64_t *widths;
    const int32_t *heads;
    const char *const *names;
    int32_t parts;
    int32_t rounds; /* interleaved: the smallest number of heads; blocked: 1 */
} head_counts;

/* Checks the order of the columns and counts their rounds. */
static qkvsim_status count_rounds(qkvsim_context *context, int32_t order, head_counts *h)
{
    if (order != QKVSIM_HEADS_BLOCKED && order != QKVSIM_HEADS_INTERLEAVED)
        return qkv_unknown(context, order, QKVSIM_HEADS_INTERLEAVED,
                           "order is %d, expected QKVSIM_HEADS_BLOCKED (0) or INTERLEAVED (1)",
                           (int)order);
    h->rounds = order == QKVSIM_HEADS_INTERLEAVED ? h->heads[0] : 1;
    for (int32_t p = 1; p < h->parts; p++)
        h->rounds = h->heads[p] < h->rounds ? h->heads[p] : h->rounds;
    h->rounds = h->rounds > 0 ? h->rounds : 1;
    return QKVSIM_OK;
}

static qkvsim_status check_heads(qkvsim_context *context, const head_counts *h, int32_t *groups)
{
    int64_t total = 0;
    for (int32_t p = 0; p < h->parts; p++) {
        if (h->heads[p] < 1 || h->widths[p] % h->heads[p] != 0)
            return qkv_invalid(context,
                               "part %d of %lld features does not split into %d equal heads",
                               (int)p, (long long)h->widths[p], (int)h->heads[p]);
        if (h->heads[p] % h->rounds != 0)
            return qkv_invalid(
                context,
                "interleaved heads come in %d rounds, the smallest number of heads, but "
                "part %d has %d",
                (int)h->rounds, (int)p, (int)h->heads[p]);
        total += h->heads[p];
    }
    if (total > QKV_GROUPS_MAX)
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "%lld heads: at most %d are possible",
                        (long long)total, QKV_GROUPS_MAX);
    *groups = (int32_t)total;
    return QKVSIM_OK;
}

/* Groups are numbered part by part; columns come round by round, and in a round part by part. */
static void label_heads(const head_counts *h, layout_plan *plan)
{
    int64_t j = 0;
    for (int32_t round = 0; round < h->rounds; round++) {
        int32_t part_first = 0;
        for (int32_t p = 0; p < h->parts; p++) {
            const int32_t in_round = h->heads[p] / h->rounds;
            const int64_t head_width = h->widths[p] / h->heads[p];
            for (int32_t k = 0; k < in_round; k++)
                for (int64_t end = j + head_width; j < end; j++)
                    plan->labels[j] = part_first + round * in_round + k;
            part_first += h->heads[p];
        }
    }
}

static qkvsim_status name_heads(qkvsim_context *context, const head_counts *h, layout_plan *plan)
{
    int32_t group = 0;
    for (int32_t p = 0; p < h->parts; p++)
        for (int32_t k = 0; k < h->heads[p]; k++, group++) {
            char part[NAME_SIZE];
            const char *name = h->names != NULL ? h->names[p] : default_name(p, h->parts, part);
            const int length = snprintf(plan->text[group], NAME_SIZE, "%s%d", name, (int)k);
            if (length >= NAME_SIZE)
                return qkv_invalid(context, "the name of part %d is longer than %d characters",
                                   (int)p, NAME_SIZE - 12);
            plan->names[group] = plan->text[group];
        }
    return check_group_names(context, plan->names, plan->groups);
}

/* ---- roll-ups of heads ---- */

enum { HEADS_ALL, HEADS_WITHIN, HEADS_ACROSS, HEADS_SETS };

/* Whether head i of part a and head j of part b belong together: a head with itself, and the heads
 * of a grouped query with the one that serves them. */
static bool heads_match(const head_counts *h, int32_t a, int32_t i, int32_t b, int32_t j)
{
    const int64_t m = h->heads[a], n = h->heads[b];
    return m >= n ? i * n / m == j : j * m / n == i;
}

static bool heads_divide(int32_t m, int32_t n)
{
    return m >= n ? m % n == 0 : n % m == 0;
}

/* Lists the pair groups of a set of two parts' heads, increasing; returns their number. */
static int32_t list_heads(const head_counts *h, int32_t a, int32_t b, int set, int32_t *pair_groups)
{
    int32_t groups = 0, first_a = 0, first_b = 0, count = 0;
    for (int32_t p = 0; p < h->parts; p++) {
        first_a += p < a ? h->heads[p] : 0;
        first_b += p < b ? h->heads[p] : 0;
        groups += h->heads[p];
    }
    for (int32_t i = 0; i < h->heads[a]; i++)
        for (int32_t j = a == b ? i : 0; j < h->heads[b]; j++)
            if (set == HEADS_ALL || heads_match(h, a, i, b, j) == (set == HEADS_WITHIN))
                pair_groups[count++] = qkv_pair_group(groups, first_a + i, first_b + j);
    return count;
}

/* Adds what there is to say of two parts beyond their single pair groups. */
static qkvsim_status roll_up_parts(qkvsim_context *context, const head_counts *h, int32_t a,
                                   int32_t b, int32_t *scratch, qkvsim_layout *layout)
{
    static const char *const suffixes[] = { "", " within heads", " across heads" };
    char first[NAME_SIZE], second[NAME_SIZE], name[2 * NAME_SIZE + 16];
    const char *name_a = h->names != NULL ? h->names[a] : default_name(a, h->parts, first);
    const char *name_b = h->names != NULL ? h->names[b] : default_name(b, h->parts, second);
    const int sets = heads_divide(h->heads[a], h->heads[b]) ? HEADS_SETS : HEADS_WITHIN;
    for (int set = HEADS_ALL; set < sets; set++) {
        const int32_t count = list_heads(h, a, b, set, scratch);
        snprintf(name, sizeof name, "%s-%s%s", name_a, name_b, suffixes[set]);
        if (count < 2)
            continue;
        const qkvsim_status status = qkv_check_row_name(context, layout, name);
        if (status != QKVSIM_OK)
            return status;
        if (!qkv_layout_append_rollup(layout, name, scratch, count))
            return qkv_no_memory(context, "the layout");
    }
    return QKVSIM_OK;
}

static qkvsim_status roll_up_heads(qkvsim_context *context, const head_counts *h,
                                   qkvsim_layout *layout)
{
    const size_t pair_groups = (size_t)qkv_pair_groups(layout->groups);
    int32_t *scratch = qkv_allocate(&context->allocator, pair_groups, sizeof *scratch);
    qkvsim_status status = scratch != NULL ? QKVSIM_OK : qkv_no_memory(context, "the layout");
    for (int32_t a = 0; a < h->parts; a++)
        for (int32_t b = a; b < h->parts && status == QKVSIM_OK; b++)
            status = roll_up_parts(context, h, a, b, scratch, layout);
    qkv_release(&context->allocator, scratch);
    return status;
}

/* Makes the handle from a plan that is filled, with its roll-ups, and closes the plan. */
static qkvsim_status finish_heads(qkvsim_context *context, const head_counts *h, layout_plan *plan,
                                  qkvsim_layout **layout)
{
    qkvsim_layout *made = NULL;
    qkvsim_status status = plan_finish(context, plan, &made);
    if (status == QKVSIM_OK)
        status = roll_up_heads(context, h, made);
    if (status == QKVSIM_OK)
        *layout = made;
    else
        qkvsim_layout_free(made);
    return status;
}

static qkvsim_status lay_out_heads(qkvsim_context *context, head_counts *h, int32_t order,
                                   qkvsim_layout **layout)
{
    int64_t features;
    int32_t groups = 0;
    layout_plan plan;
    qkvsim_status status = sum_widths(context, h->widths, h->parts, &features);
    if (status == QKVSIM_OK)
        status = count_rounds(context, order, h);
    if (status == QKVSIM_OK)
        status = check_heads(context, h, &groups);
    if (status == QKVSIM_OK)
        status = plan_open(context, features, groups, &plan);
    if (status != QKVSIM_OK)
        return status;
    label_heads(h, &plan);
    status = name_heads(context, h, &plan);
    if (status != QKVSIM_OK) {
        plan_close(context, &plan);
        return status;
    }
    return finish_heads(context, h, &plan, layout);
}

qkvsim_status qkvsim_layout_heads(qkvsim_context *context, const int64_t *widths,
                                  const int32_t *heads, const char *const *names, int32_t parts,
                                  int32_t order, qkvsim_layout **layout)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = check_groups(context, "parts", parts, widths, "widths", layout);
    if (status == QKVSIM_OK)
        status = check_groups(context, "parts", parts, heads, "heads", layout);
    if (status == QKVSIM_OK)
        status = check_names(context, names, parts);
    if (status != QKVSIM_OK)
        return status;
    int64_t *own_widths = copy_numbers(context, widths, parts, sizeof *own_widths);
    int32_t *own_heads = copy_numbers(context, heads, parts, sizeof *own_heads);
    head_counts h = { own_widths, own_heads, names, parts, .rounds = 1 };
    status = own_widths != NULL && own_heads != NULL ? lay_out_heads(context, &h, order, layout)
                                                     : qkv_no_memory(context, "the layout");
    qkv_release(&context->allocator, own_widths);
    qkv_release(&context->allocator, own_heads);
    return status;
}
