/*
 * --groups, --heads, --interleaved and the groups that --tensor names, made into a layout.
 */
#ifndef TOOLS_GROUPS_H
#define TOOLS_GROUPS_H

#include "input.h"
#include "options.h"

/* Numbers with names, in order: what Q=576,K=192,V=192 says. */
struct group_spec {
    char **names;
    int64_t *numbers;
    int32_t count;
};

/* Parses NAME=NUMBER,... with positive numbers; `option` is named in messages. */
bool group_spec_parse(struct group_spec *spec, const char *option, const char *text,
                      struct failure *failure);
void group_spec_free(struct group_spec *spec);

/* Makes the layout of an input's features; with input NULL, of as many as --groups says. */
bool groups_make_layout(qkvsim_context *context, const struct options *options,
                        const struct input *input, qkvsim_layout **layout, struct failure *failure);

#endif
