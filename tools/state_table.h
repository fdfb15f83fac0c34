/*
 * The table of a state, in JSON: made from a first shard, read from bytes that nobody trusts,
 * compared.
 */
#ifndef TOOLS_STATE_TABLE_H
#define TOOLS_STATE_TABLE_H

#include <jansson.h>

#include "container.h"
#include "input.h"
#include "layers.h"

/* What is known of a shard that is in. */
struct shard {
    const char *file;
    int64_t observations;
    int64_t bytes; /* of its file */
    uint64_t checksum;
};

/* These make JSON, between json_begin and json_whole. */
json_t *state_table_make(const struct options *options, const struct layers *layers,
                         const struct input *inputs, int64_t conditions);
json_t *state_table_options(const struct options *options);
json_t *state_table_layers(const struct layers *layers, const struct input *inputs,
                           int64_t conditions);
json_t *state_table_of_shard(const struct shard *shard);

/* Whether a container's table is that of a state, with a packed result for each accumulator. */
bool state_table_check(const struct container *container, int64_t *layers, int64_t *conditions,
                       struct failure *failure);

/* Of a table that is checked. */
struct shard state_table_shard(const json_t *shard);
int64_t state_table_features(const json_t *table);
const char *state_table_condition(int64_t conditions, int64_t condition);

/* Whether a run's shards have the parts of those that are in. */
bool state_table_same_parts(const json_t *own, const json_t *given, const char *path,
                            struct failure *failure);

/* What accumulators must have in common. Both have names, for messages. */
bool state_table_same_options(const json_t *own, const json_t *other, const char *own_name,
                              const char *other_name, struct failure *failure);
bool state_table_same_layers(const json_t *own, const json_t *other, const char *own_name,
                             const char *other_name, struct failure *failure);

#endif
