/*
 * The state of a corpus: for each layer and condition an accumulator, the layout of the features,
 * and which shards are in. It is what accumulate writes, merge puts together and analyze reads.
 */
#ifndef TOOLS_STATE_H
#define TOOLS_STATE_H

#include "state_table.h"
#include "team.h"

struct state {
    qkvsim_context *context; /* the caller's */
    json_t *table;           /* as in the file: docs/format.md */
    qkvsim_layout *layout;
    qkvsim_accumulator **accumulators; /* layer by layer, each with its conditions */
    int64_t layers;
    int64_t conditions; /* 1: all; 2: targets, non-targets */
    struct share rows;  /* that the accumulators keep: all, or those of one of several processes */
    json_t *files;      /* the number of each shard, by its name and by what it holds */
    json_t *contents;
    struct container container; /* of one that is opened: its moments are in this file */
};

/* Begins an empty state for shards like the one with these layers, of which `inputs` are the
 * arrays. */
bool state_begin(struct state *state, qkvsim_context *context, const struct options *options,
                 const struct layers *layers, const struct input *inputs, struct failure *failure);

/* Reads a state, which can be added to. */
bool state_read(struct state *state, qkvsim_context *context, const char *path,
                struct failure *failure);

/* The same with the moments left in the file: nothing can be added to it, unless some rows of it
 * are kept. */
bool state_open(struct state *state, qkvsim_context *context, const char *path,
                struct failure *failure);

/* The same without accumulators: what its table and its layout say. */
bool state_open_table(struct state *state, qkvsim_context *context, const char *path,
                      struct failure *failure);

/* The rows that a process keeps of so many features, by its options; and whether it reads every
 * shard for them, and not some shards for those of all. */
struct share state_rows(const struct options *options, int64_t features);
bool state_reads_all(const struct options *options, int64_t features);

/* Some rows of an accumulator, by themselves: a part that a cancelled update empties. */
bool state_take_rows(qkvsim_context *context, const qkvsim_accumulator *of, struct share rows,
                     qkvsim_accumulator **taken, struct failure *failure);

/* An accumulator's bytes, for the caller to free; NULL where that fails. */
void *state_pack_accumulator(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                             int64_t *size, struct failure *failure);

/* Keeps some rows of a whole state, in memory. */
bool state_keep_rows(struct state *state, struct share rows, struct failure *failure);

/* One accumulator of a state's file, whose results count from 1; read in place or by `unpack`. */
typedef qkvsim_status accumulator_unpack(qkvsim_context *context, const void *bytes, int64_t size,
                                         qkvsim_accumulator **accumulator);
bool state_unpack_accumulator(const struct container *container, qkvsim_context *context,
                              int64_t number, accumulator_unpack *unpack,
                              qkvsim_accumulator **accumulator, struct failure *failure);

/* Writes it, whole or not at all. */
bool state_write(const struct state *state, const char *path, struct failure *failure);

/* The same as bytes, for the caller to free. */
bool state_pack(const struct state *state, void **bytes, int64_t *size, struct failure *failure);

/* The packed layout into a stream; how many bytes it is. */
bool state_write_layout(FILE *stream, const struct state *state, int64_t *size,
                        struct failure *failure);

/* Also for one zeroed. */
void state_free(struct state *state);

/* Whether a run with these options can go on with a state that was read from `path`. */
bool state_check_options(const struct state *state, const struct options *options, const char *path,
                         struct failure *failure);

/* Whether a shard has the state's layers, columns and types. */
bool state_check_shard(const struct state *state, const struct layers *layers,
                       const struct input *inputs, const char *path, struct failure *failure);

int64_t state_shards(const struct state *state);
int64_t state_observations(const struct state *state);

/* The shards that are in are counted from 0. */
struct shard state_shard(const struct state *state, int64_t number);

/* A shard that is in by its name; false where there is none. */
bool state_find_shard(const struct state *state, const char *file, struct shard *shard);

/* Whether what a shard holds is in, under whatever name. */
bool state_holds(const struct state *state, const struct shard *shard);

/* Notes that a shard is in. One that is in already, by name or by what it holds, is an error;
 * `from` is the state that it comes with, or NULL. */
bool state_note_shard(struct state *state, const struct shard *shard, const char *from,
                      struct failure *failure);
bool state_check_new(const struct state *state, const struct shard *shard, const char *from,
                     struct failure *failure);

qkvsim_accumulator *state_accumulator(const struct state *state, int64_t layer, int64_t condition);

/* "all", "targets" or "non-targets"; the name of a layer, NULL where there is one without; its
 * parts. */
const char *state_condition_name(const struct state *state, int64_t condition);
const char *state_layer_name(const struct state *state, int64_t layer);
const json_t *state_parts(const struct state *state, int64_t layer);

/* What a layer's arrays were, as an input without any numbers; close it with input_close. */
bool state_describe_layer(const struct state *state, int64_t layer, struct input *input,
                          struct failure *failure);

/* Adds what the state of another file holds. Where they do not belong together, nothing is
 * added. */
bool state_merge(struct state *state, const char *own_path, const char *path,
                 struct failure *failure);

/* Adds the state of a shard alone, as bytes, which are freed. `begun` says whether the state has
 * changed: where that failed midway, it is no longer that of whole shards. */
bool state_merge_shard(struct state *state, void *bytes, int64_t size, const char *shard,
                       bool *begun, struct failure *failure);

#endif
