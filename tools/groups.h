/*
 * --groups, --heads, --interleaved and the groups that --tensor names, made into a layout.
 */
#ifndef TOOLS_GROUPS_H
#define TOOLS_GROUPS_H

#include "input.h"
#include "options.h"

/* Makes the layout of an input's features; with input NULL, of as many as --groups says. */
bool groups_make_layout(qkvsim_context *context, const struct options *options,
                        const struct input *input, qkvsim_layout **layout, struct failure *failure);

#endif
