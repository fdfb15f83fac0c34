/*
 * One shard of a corpus, open.
 */
#include "shard_input.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "segments.h"
#include "shard_parts.h"
#include "text.h"

/* ---- layers ---- */

static bool open_layer(struct shard_input *input, int layer, struct failure *failure)
{
    const struct layer *item = &input->layers.items[layer];
    struct input *opened = &input->inputs[layer];
    if (!input_open_parts(opened, item->sources, item->source_count, failure))
        return false;
    return opened->observations == input->inputs[0].observations
           || fail(failure,
                   "layers differ in observations: %s: layer %s has %" PRId64 ", layer %s %" PRId64,
                   input->path, item->name, opened->observations, input->layers.items[0].name,
                   input->inputs[0].observations);
}

/* Parts in files of their own have the groups of --part, and no names of their files. */
static void name_parts(struct layers *layers, const struct options *options)
{
    for (int k = 0; k < options->part_count; k++)
        layers->items[0].sources[k].group = options->part_files[k].group;
}

static bool open_files(struct shard_input *input, const struct options *options,
                       const struct shard_parts *parts, struct failure *failure)
{
    struct options one = *options;
    one.inputs = parts->files;
    one.input_count = parts->count;
    one.parts = options->part_count > 0;
    if (!layers_find(&input->layers, &one, failure))
        return false;
    name_parts(&input->layers, options);
    input->inputs = calloc((size_t)input->layers.count, sizeof *input->inputs);
    bool done = input->inputs != NULL || fail_no_memory(failure);
    for (int i = 0; done && i < input->layers.count; i++)
        done = open_layer(input, i, failure);
    if (done)
        input->shard = (struct shard){ .file = input->path,
                                       .observations = input->inputs[0].observations,
                                       .bytes = shard_parts_bytes(parts) };
    return done;
}

bool shard_input_open(struct shard_input *input, const struct options *options, const char *path,
                      struct failure *failure)
{
    struct shard_parts parts;
    *input = (struct shard_input){ .path = path };
    if (!shard_parts_find(&parts, options, path, failure))
        return false;
    const bool done = open_files(input, options, &parts, failure);
    shard_parts_free(&parts);
    if (!done)
        shard_input_close(input);
    return done;
}

void shard_input_close(struct shard_input *input)
{
    for (int i = 0; input->inputs != NULL && i < input->layers.count; i++)
        input_close(&input->inputs[i]);
    free(input->inputs);
    free(input->others);
    free(input->segments);
    targets_free(&input->targets);
    layers_free(&input->layers);
    *input = (struct shard_input){ 0 };
}

/* ---- checksum: docs/format.md ---- */

static uint64_t add_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash << 29 | hash >> 35;
}

static uint64_t add_words(uint64_t hash, const uint8_t *bytes, size_t count)
{
    uint64_t word;
    for (size_t i = 0; i < count; i++) {
        memcpy(&word, bytes + i * sizeof word, sizeof word);
        hash = add_word(hash, word);
    }
    return hash;
}

/* An interrupt ends it: its caller looks for one, too. */
static uint64_t add_bytes(uint64_t hash, const uint8_t *bytes, size_t size)
{
    enum { AT_ONCE = 1 << 20 };
    uint64_t word = 0;
    while (size >= sizeof word && !progress_interrupted()) {
        const size_t count = size / sizeof word < AT_ONCE ? size / sizeof word : AT_ONCE;
        hash = add_words(hash, bytes, count);
        bytes += count * sizeof word;
        size -= count * sizeof word;
    }
    if (size == 0 || size >= sizeof word)
        return hash;
    word = 0;
    memcpy(&word, bytes, size);
    return add_word(hash, word);
}

/* Of the numbers as the library sees them, part by part. */
static uint64_t checksum_of(const struct shard_input *input)
{
    uint64_t hash = 0;
    for (int i = 0; i < input->layers.count; i++)
        for (int32_t k = 0; k < input->inputs[i].part_count; k++) {
            const qkvsim_view *part = &input->inputs[i].parts[k];
            hash = add_word(hash, (uint64_t)part->features);
            hash = add_bytes(hash, part->data,
                             (size_t)part->observations * (size_t)part->features
                                 * (size_t)element_bytes(part->dtype));
        }
    return hash;
}

/* ---- targets and segments ---- */

static bool read_targets(struct shard_input *input, const char *pattern, struct failure *failure)
{
    const int64_t observations = input->shard.observations;
    char *file = shard_parts_name(pattern, input->path);
    bool done = (file != NULL || fail_no_memory(failure))
                && targets_read(&input->targets, file, observations, false, failure);
    free(file);
    if (!done)
        return false;
    input->others = malloc((size_t)observations);
    if (input->others == NULL)
        return fail_no_memory(failure);
    for (int64_t i = 0; i < observations; i++)
        input->others[i] = !input->targets.mask[i];
    return true;
}

/* Runs of equal numbers are documents, and a run goes on from one update to the next: so a shard's
 * first has a number of the shard's own, which no other run has. */
static void number_documents(struct shard_input *input)
{
    enum { OWN = 0x3fffffff };
    const int32_t own = -1 - (int32_t)(input->shard.checksum & OWN);
    int32_t number = own, before = input->segments[0];
    for (int64_t i = 0; i < input->shard.observations; i++) {
        if (input->segments[i] != before)
            number = number < 0 || number == INT32_MAX ? 1 : number + 1;
        before = input->segments[i];
        input->segments[i] = number;
    }
}

static bool read_segments(struct shard_input *input, const struct options *options,
                          struct failure *failure)
{
    const int64_t observations = input->shard.observations;
    if (options->segments != NULL) {
        char *file = shard_parts_name(options->segments, input->path);
        const bool done = (file != NULL || fail_no_memory(failure))
                          && segments_read(&input->segments, file, observations, failure);
        free(file);
        if (!done)
            return false;
    } else {
        input->segments = calloc((size_t)observations, sizeof *input->segments);
        if (input->segments == NULL)
            return fail_no_memory(failure);
    }
    number_documents(input);
    return true;
}

bool shard_input_read(struct shard_input *input, const struct options *options,
                      struct failure *failure)
{
    input->shard.checksum = checksum_of(input);
    return (!progress_interrupted() || fail(failure, "interrupted"))
           && (options->targets == NULL || read_targets(input, options->targets, failure))
           && (options->blocks == 0 || read_segments(input, options, failure));
}
