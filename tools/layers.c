/*
 * From inputs, --tensor and --parts to layers. Patterns are matched against a file's table of
 * tensors; every pattern must find its tensor in every layer.
 */
#include "layers.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"
#include "text.h"

/* Keeps a text for as long as the layers live; takes it over. */
static char *keep(struct layers *layers, char *text, struct failure *failure)
{
    void *grown = text != NULL ? realloc(layers->texts,
                                         ((size_t)layers->text_count + 1) * sizeof *layers->texts)
                               : NULL;
    if (grown == NULL) {
        free(text);
        fail_no_memory(failure);
        return NULL;
    }
    layers->texts = grown;
    layers->texts[layers->text_count++] = text;
    return text;
}

/* Adds a layer with room for its sources. */
static struct layer *add_layer(struct layers *layers, const char *name, int32_t source_count,
                               struct failure *failure)
{
    if (layers->count == layers->capacity) {
        int capacity = layers->capacity == 0 ? 16 : 2 * layers->capacity;
        void *grown = realloc(layers->items, (size_t)capacity * sizeof *layers->items);
        if (grown == NULL) {
            fail_no_memory(failure);
            return NULL;
        }
        layers->items = grown;
        layers->capacity = capacity;
    }
    struct layer *layer = &layers->items[layers->count++];
    size_t size = strlen(name) + 1;
    *layer = (struct layer){ .name = malloc(size),
                             .sources = calloc((size_t)source_count, sizeof *layer->sources),
                             .source_count = source_count };
    if (layer->name == NULL || layer->sources == NULL) {
        fail_no_memory(failure);
        return NULL;
    }
    text_make_safe(name, layer->name, size);
    return layer;
}

/* Whether a name is the pattern with a text in the place of its *; finds that text. */
static bool match(const char *pattern, const char *name, const char **text, size_t *length)
{
    const char *star = strchr(pattern, '*');
    size_t before = (size_t)(star - pattern), after = strlen(star + 1), size = strlen(name);
    if (size <= before + after || memcmp(name, pattern, before) != 0
        || memcmp(name + size - after, star + 1, after) != 0)
        return false;
    *text = name + before;
    *length = size - before - after;
    return true;
}

/* The name of a layer's tensor: the request's, with the layer's text in the place of its *. */
static const char *tensor_of(struct layers *layers, const char *pattern, const char *text,
                             struct failure *failure)
{
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return pattern;
    size_t size = strlen(pattern) + strlen(text);
    char *name = malloc(size);
    if (name != NULL)
        snprintf(name, size, "%.*s%s%s", (int)(star - pattern), pattern, text, star + 1);
    return keep(layers, name, failure);
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* What * stands for in a file, over all patterns: each text once, in `texts`. */
static bool find_texts(struct layers *layers, const struct options *options,
                       const struct safetensors *table, const char *path, char **texts, int *count,
                       struct failure *failure)
{
    *count = 0;
    for (int i = 0; i < options->tensor_count; i++) {
        const char *pattern = options->tensors[i].name;
        int matches = 0;
        for (int64_t k = 0; strchr(pattern, '*') != NULL && k < table->count; k++) {
            const char *text;
            size_t length;
            if (!match(pattern, table->tensors[k].name, &text, &length))
                continue;
            texts[*count] = keep(layers, strndup(text, length), failure);
            if (texts[(*count)++] == NULL)
                return false;
            matches++;
        }
        if (strchr(pattern, '*') != NULL && matches == 0)
            return fail(failure, "no tensor matches: %s: %s (of %" PRId64 "; see qkvsim info)",
                        path, pattern, table->count);
    }
    qsort(texts, (size_t)*count, sizeof *texts, compare_texts);
    int kept = 0;
    for (int i = 0; i < *count; i++)
        if (kept == 0 || strcmp(texts[i], texts[kept - 1]) != 0)
            texts[kept++] = texts[i];
    *count = kept;
    return true;
}

/* How many of the texts give a tensor of the table in the place of the pattern's *. */
static int count_present(struct layers *layers, const struct safetensors *table,
                         const char *pattern, char *const *texts, int count,
                         struct failure *failure)
{
    int present = 0;
    for (int i = 0; i < count; i++) {
        const char *name = tensor_of(layers, pattern, texts[i], failure);
        present += name != NULL && safetensors_find(table, name) != NULL;
    }
    return present;
}

/* How long the file's name is without its suffix. */
static size_t stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
}

static char *stem_of(const char *path)
{
    const char *name = text_file_name(path);
    return strndup(name, stem_length(name));
}

static bool same_stem(const char *left, const char *right)
{
    const char *a = text_file_name(left), *b = text_file_name(right);
    size_t length = stem_length(a);
    return length == stem_length(b) && memcmp(a, b, length) == 0;
}

static bool stems_repeat(const struct options *options)
{
    for (int i = 0; i < options->input_count; i++)
        for (int k = 0; k < i; k++)
            if (same_stem(options->inputs[i], options->inputs[k]))
                return true;
    return false;
}

/* What a layer's name says of its file; NULL without memory. */
static const char *name_of_file(struct layers *layers, const char *path, struct failure *failure)
{
    return layers->paths ? path : keep(layers, stem_of(path), failure);
}

static bool add_matched(struct layers *layers, const struct options *options,
                        const struct safetensors *table, const char *path, char *const *texts,
                        int count, struct failure *failure)
{
    const char *file = name_of_file(layers, path, failure);
    if (file == NULL)
        return false;
    for (int i = 0; i < count; i++) {
        char name[2 * PATH_MAX];
        bool several = options->input_count > 1;
        snprintf(name, sizeof name, "%s%s%s", several ? file : "", several ? ":" : "", texts[i]);
        struct layer *layer = add_layer(layers, name, options->tensor_count, failure);
        if (layer == NULL)
            return false;
        for (int k = 0; k < options->tensor_count; k++) {
            const struct tensor_request *request = &options->tensors[k];
            const char *tensor = tensor_of(layers, request->name, texts[i], failure);
            if (tensor == NULL)
                return false;
            if (safetensors_find(table, tensor) == NULL && strchr(request->name, '*') != NULL)
                return fail(failure, "layer %s has no tensor %s: %s (%d of the %d layers have one)",
                            texts[i], tensor, path,
                            count_present(layers, table, request->name, texts, count, failure),
                            count);
            layer->sources[k] =
                (struct part_source){ .path = path, .tensor = tensor, .group = request->group };
        }
    }
    return true;
}

/* The layers that the patterns find in one file. */
static bool match_file(struct layers *layers, const struct options *options, const char *path,
                       struct failure *failure)
{
    struct mapped_file file;
    struct safetensors table;
    if (!input_is_safetensors(path))
        return fail_usage(failure, "--tensor is for .safetensors files: %s", path);
    if (!mapped_file_open(&file, path, failure))
        return false;
    bool done = safetensors_parse(file.bytes, file.size, path, &table, failure);
    if (done) {
        size_t most = (size_t)table.count * (size_t)options->tensor_count + 1;
        char **texts = calloc(most, sizeof *texts);
        int count = 0;
        done = texts != NULL || fail_no_memory(failure);
        done = done && find_texts(layers, options, &table, path, texts, &count, failure)
               && add_matched(layers, options, &table, path, texts, count, failure);
        free(texts);
        safetensors_free(&table);
    }
    mapped_file_close(&file);
    return done;
}

/* Each file is a layer, of one part or of the tensors asked for. */
static bool add_files(struct layers *layers, const struct options *options, struct failure *failure)
{
    for (int i = 0; i < options->input_count; i++) {
        const char *path = options->inputs[i];
        const char *name = name_of_file(layers, path, failure);
        int32_t count = options->tensor_count > 0 ? options->tensor_count : 1;
        struct layer *layer = name != NULL ? add_layer(layers, name, count, failure) : NULL;
        if (layer == NULL)
            return false;
        layer->sources[0].path = path;
        for (int k = 0; k < options->tensor_count; k++)
            layer->sources[k] = (struct part_source){ .path = path,
                                                      .tensor = options->tensors[k].name,
                                                      .group = options->tensors[k].group };
    }
    return true;
}

/* --parts: all files together are one layer; each .safetensors file takes the next --tensor. */
static bool add_parts(struct layers *layers, const struct options *options, struct failure *failure)
{
    struct layer *layer = add_layer(layers, "parts", options->input_count, failure);
    if (layer == NULL)
        return false;
    int tensors = 0;
    for (int i = 0; i < options->input_count; i++) {
        struct part_source *source = &layer->sources[i];
        source->path = options->inputs[i];
        if (input_is_safetensors(source->path) && tensors < options->tensor_count) {
            source->tensor = options->tensors[tensors].name;
            source->group = options->tensors[tensors++].group;
        }
        if (source->group == NULL && options->groups == NULL) {
            source->group = keep(layers, stem_of(source->path), failure);
            if (source->group == NULL)
                return false;
        }
    }
    if (tensors < options->tensor_count)
        return fail_usage(failure,
                          "--parts: %d --tensor options, but %d .safetensors files to take them",
                          options->tensor_count, tensors);
    return true;
}

void layer_files(const struct layer *layer, bool whole_paths, char *files, size_t size)
{
    files[0] = '\0';
    for (int32_t i = 0; i < layer->source_count; i++) {
        const char *path = layer->sources[i].path;
        if (i > 0 && strcmp(path, layer->sources[i - 1].path) == 0)
            continue;
        text_append(files, size, "%s%s", i > 0 ? " + " : "",
                    whole_paths ? path : text_file_name(path));
    }
}

static int compare_layers(const void *left, const void *right)
{
    const struct layer *a = left, *b = right;
    return text_compare_natural(a->name, b->name);
}

bool layers_find(struct layers *layers, const struct options *options, struct failure *failure)
{
    *layers = (struct layers){ .paths = stems_repeat(options) };
    bool patterns = false, done = true;
    for (int i = 0; i < options->tensor_count; i++)
        patterns = patterns || strchr(options->tensors[i].name, '*') != NULL;
    layers->several = !options->parts && (patterns || options->input_count > 1);
    if (options->parts)
        done = add_parts(layers, options, failure);
    else if (!patterns)
        done = add_files(layers, options, failure);
    else
        for (int i = 0; done && i < options->input_count; i++)
            done = match_file(layers, options, options->inputs[i], failure);
    if (!done) {
        layers_free(layers);
        return false;
    }
    for (int i = 0; i < layers->count; i++)
        for (int32_t k = 0; k < layers->items[i].source_count; k++)
            layers->items[i].sources[k].fold = options->fold;
    qsort(layers->items, (size_t)layers->count, sizeof *layers->items, compare_layers);
    return true;
}

void layers_free(struct layers *layers)
{
    for (int i = 0; i < layers->count; i++) {
        free(layers->items[i].name);
        free(layers->items[i].sources);
    }
    for (int i = 0; i < layers->text_count; i++)
        free(layers->texts[i]);
    free(layers->items);
    free(layers->texts);
    *layers = (struct layers){ 0 };
}
