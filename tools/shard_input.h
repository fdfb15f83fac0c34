/*
 * One shard of a corpus, open: its layers, which rows are targets, which documents they belong to.
 */
#ifndef TOOLS_SHARD_INPUT_H
#define TOOLS_SHARD_INPUT_H

#include "input.h"
#include "layers.h"
#include "state.h"
#include "targets.h"

struct shard_input {
    const char *path;
    struct layers layers;
    struct input *inputs; /* one for each layer */
    struct targets targets;
    uint8_t *others;   /* the mask of non-targets */
    int32_t *segments; /* NULL where no blocks are kept */
    struct shard shard;
};

/* Opens the layers, which have the same observations; nothing of the arrays is read. */
bool shard_input_open(struct shard_input *input, const struct options *options, const char *path,
                      struct failure *failure);

/* Reads what else there is to know of it: its checksum, targets and segments. */
bool shard_input_read(struct shard_input *input, const struct options *options,
                      struct failure *failure);

/* Also for one zeroed and never opened. */
void shard_input_close(struct shard_input *input);

#endif
