/*
 * From the options' words to a layout: base groups and their widths first, then heads.
 */
#include "groups.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Numbers with names, in order: what Q=576,K=192,V=192 says. Begins as zeros; whoever declares one
 * frees it, filled or not. */
struct group_spec {
    char **names;
    int64_t *numbers;
    int32_t count;
};

static bool spec_allocate(struct group_spec *spec, size_t count, struct failure *failure)
{
    spec->names = calloc(count, sizeof *spec->names);
    spec->numbers = calloc(count, sizeof *spec->numbers);
    return (spec->names != NULL && spec->numbers != NULL) || fail_no_memory(failure);
}

static void spec_free(struct group_spec *spec)
{
    for (int32_t i = 0; i < spec->count; i++)
        free(spec->names[i]);
    free(spec->names);
    free(spec->numbers);
}

static bool spec_add(struct group_spec *spec, const char *name, int64_t number,
                     struct failure *failure)
{
    spec->names[spec->count] = strdup(name);
    if (spec->names[spec->count] == NULL)
        return fail_no_memory(failure);
    spec->numbers[spec->count++] = number;
    return true;
}

static bool add_item(struct group_spec *spec, const char *option, char *item,
                     struct failure *failure)
{
    int64_t number;
    char *equals = strrchr(item, '=');
    if (equals != NULL)
        *equals = '\0';
    if (equals == NULL || item[0] == '\0' || !text_is_safe(item)
        || !text_to_integer(equals + 1, 1, INT64_MAX, &number)) {
        if (equals != NULL)
            *equals = '=';
        return fail_usage(failure, "%s wants NAME=NUMBER,NAME=NUMBER,...: item %d: %s", option,
                          spec->count + 1, item);
    }
    return spec_add(spec, item, number, failure);
}

/* Parses NAME=NUMBER,... with positive numbers; `option` is named in messages. */
static bool spec_parse(struct group_spec *spec, const char *option, const char *text,
                       struct failure *failure)
{
    size_t items = 1;
    for (const char *at = text; *at != '\0'; at++)
        items += *at == ',';
    char *list = strdup(text);
    if (list == NULL)
        return fail_no_memory(failure);
    bool done = spec_allocate(spec, items, failure);
    for (char *rest = list, *item; done && (item = strsep(&rest, ",")) != NULL;)
        done = add_item(spec, option, item, failure);
    free(list);
    return done;
}

static bool thirds(struct group_spec *spec, int64_t features, struct failure *failure)
{
    if (features % 3 != 0)
        return fail_usage(failure,
                          "%" PRId64 " features do not divide by 3: give the widths with "
                          "--groups Q=576,K=192,V=192",
                          features);
    if (!spec_allocate(spec, 3, failure))
        return false;
    static const char *const names[] = { "Q", "K", "V" };
    for (int i = 0; i < 3; i++)
        if (!spec_add(spec, names[i], features / 3, failure))
            return false;
    return true;
}

static bool groups_of_parts(struct group_spec *spec, const struct input *input,
                            struct failure *failure)
{
    if (!spec_allocate(spec, (size_t)input->part_count, failure))
        return false;
    for (int32_t i = 0; i < input->part_count; i++) {
        if (!text_is_safe(input->part_groups[i]))
            return fail_usage(failure, "--tensor's group is no printable text: number %d", i + 1);
        if (!spec_add(spec, input->part_groups[i], input->parts[i].features, failure))
            return false;
    }
    return true;
}

/* Group names and widths, before any are split into heads. */
static bool base_groups(struct group_spec *spec, const struct options *options,
                        const struct input *input, struct failure *failure)
{
    if (input != NULL && input->named)
        return groups_of_parts(spec, input, failure);
    if (options->groups == NULL || strcmp(options->groups, "thirds") == 0)
        return thirds(spec, input->features, failure);
    if (!spec_parse(spec, "--groups", options->groups, failure))
        return false;
    int64_t total = 0;
    for (int32_t i = 0; i < spec->count; i++)
        if (__builtin_add_overflow(total, spec->numbers[i], &total))
            return fail_usage(failure, "the widths' sum exceeds 2^63 - 1: --groups %s",
                              options->groups);
    if (input != NULL && total != input->features)
        return fail_usage(failure,
                          "--groups has %" PRId64 " features, the input has %" PRId64 ": %s", total,
                          input->features, options->groups);
    return true;
}

/* The number of heads of each base group, found by name; all are 0 before. */
static bool match_heads(const struct group_spec *groups, const struct group_spec *heads,
                        int32_t *numbers, struct failure *failure)
{
    for (int32_t i = 0; i < heads->count; i++) {
        int32_t group = 0;
        while (group < groups->count && strcmp(groups->names[group], heads->names[i]) != 0)
            group++;
        if (group == groups->count)
            return fail_usage(failure, "--heads names no group: %s", heads->names[i]);
        if (numbers[group] != 0 || heads->numbers[i] > INT32_MAX)
            return fail_usage(failure, "--heads: %s=%" PRId64 " %s", heads->names[i],
                              heads->numbers[i],
                              numbers[group] != 0 ? "stands twice" : "is too many");
        if (groups->numbers[group] % heads->numbers[i] != 0)
            return fail_usage(failure,
                              "--heads: the %" PRId64 " features of %s do not split into %" PRId64
                              " equal heads",
                              groups->numbers[group], heads->names[i], heads->numbers[i]);
        numbers[group] = (int32_t)heads->numbers[i];
    }
    for (int32_t i = 0; i < groups->count; i++)
        if (numbers[i] == 0)
            return fail_usage(failure, "--heads lacks a group: %s", groups->names[i]);
    return true;
}

/* What a layout refuses is what the options asked for. */
static bool check_layout(qkvsim_context *context, qkvsim_status status, struct failure *failure)
{
    if (status == QKVSIM_ERROR_INVALID_ARGUMENT)
        return fail_usage(failure, "%s", qkvsim_context_error(context));
    return status == QKVSIM_OK || fail_library(failure, context, status, NULL);
}

static bool split_heads(qkvsim_context *context, const struct options *options,
                        const struct group_spec *groups, qkvsim_layout **layout,
                        struct failure *failure)
{
    struct group_spec heads = { 0 };
    int32_t *numbers = calloc((size_t)groups->count, sizeof *numbers);
    bool done = (numbers != NULL || fail_no_memory(failure))
                && spec_parse(&heads, "--heads", options->heads, failure)
                && match_heads(groups, &heads, numbers, failure);
    if (done) {
        int32_t order = options->interleaved ? QKVSIM_HEADS_INTERLEAVED : QKVSIM_HEADS_BLOCKED;
        qkvsim_status status =
            qkvsim_layout_heads(context, groups->numbers, numbers,
                                (const char *const *)groups->names, groups->count, order, layout);
        done = check_layout(context, status, failure);
    }
    free(numbers);
    spec_free(&heads);
    return done;
}

bool groups_make_layout(qkvsim_context *context, const struct options *options,
                        const struct input *input, qkvsim_layout **layout, struct failure *failure)
{
    struct group_spec groups = { 0 };
    bool done = base_groups(&groups, options, input, failure);
    if (done && options->heads != NULL) {
        done = split_heads(context, options, &groups, layout, failure);
    } else if (done) {
        qkvsim_status status = qkvsim_layout_widths(
            context, groups.numbers, (const char *const *)groups.names, groups.count, layout);
        done = check_layout(context, status, failure);
    }
    spec_free(&groups);
    return done;
}
