/*
 * From inputs, --tensor and --parts to layers. Patterns are matched against a model's tables
 * of tensors; every pattern must find its tensor in every layer.
 */
#include "layers.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "options_outputs.h"
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

static bool no_tensor(const struct model *model, const char *tensor, struct failure *failure)
{
    return fail(failure, "no such tensor: %s: %s (see qkvsim info)", model->label, tensor);
}

/* What * stands for in a model, over all patterns: each text once, in `texts`. */
static bool find_texts(struct layers *layers, const struct options *options,
                       const struct catalogue *catalogue, const char *path, char **texts,
                       int *count, struct failure *failure)
{
    *count = 0;
    for (int i = 0; i < options->tensor_count; i++) {
        const char *pattern = options->tensors[i].name;
        int matches = 0;
        for (int64_t k = 0; strchr(pattern, '*') != NULL && k < catalogue->count; k++) {
            const char *text;
            size_t length;
            if (!match(pattern, catalogue->tensors[k].tensor, &text, &length))
                continue;
            texts[*count] = keep(layers, strndup(text, length), failure);
            if (texts[(*count)++] == NULL)
                return false;
            matches++;
        }
        if (strchr(pattern, '*') != NULL && matches == 0)
            return fail(failure, "no tensor matches: %s: %s (of %" PRId64 "; see qkvsim info)",
                        path, pattern, catalogue->count);
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
static int count_present(struct layers *layers, const struct catalogue *catalogue,
                         const char *pattern, char *const *texts, int count,
                         struct failure *failure)
{
    int present = 0;
    for (int i = 0; i < count; i++) {
        const char *name = tensor_of(layers, pattern, texts[i], failure);
        present += name != NULL && catalogue_find(catalogue, name) != NULL;
    }
    return present;
}

static bool names_repeat(const struct models *models)
{
    for (int i = 0; i < models->count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(models->items[i].name, models->items[k].name) == 0)
                return true;
    return false;
}

/* What a layer's name says of its model. */
static const char *name_of(const struct layers *layers, const struct model *model)
{
    return layers->paths ? model->label : model->name;
}

/* The parts of one layer of a pattern: each request with the text in the place of its *. */
static bool add_sources(struct layers *layers, struct layer *layer, const struct options *options,
                        const struct catalogue *catalogue, const struct model *model,
                        const char *text, struct failure *failure)
{
    for (int k = 0; k < options->tensor_count; k++) {
        const struct tensor_request *request = &options->tensors[k];
        const char *tensor = tensor_of(layers, request->name, text, failure);
        if (tensor == NULL)
            return false;
        const char *path = catalogue_find(catalogue, tensor);
        if (path == NULL && strchr(request->name, '*') == NULL)
            return no_tensor(model, tensor, failure);
        layer->sources[k] =
            (struct part_source){ .path = path, .tensor = tensor, .group = request->group };
    }
    return true;
}

static bool add_matched(struct layers *layers, const struct options *options,
                        const struct catalogue *catalogue, const struct model *model,
                        char *const *texts, int count, struct failure *failure)
{
    for (int i = 0; i < count; i++) {
        char name[2 * PATH_MAX];
        bool several = layers->models.count > 1;
        snprintf(name, sizeof name, "%s%s%s", several ? name_of(layers, model) : "",
                 several ? ":" : "", texts[i]);
        struct layer *layer = add_layer(layers, name, options->tensor_count, failure);
        if (layer == NULL
            || !add_sources(layers, layer, options, catalogue, model, texts[i], failure))
            return false;
        for (int k = 0; k < options->tensor_count; k++)
            if (layer->sources[k].path == NULL)
                return fail(failure, "layer %s has no tensor %s: %s (%d of the %d layers have one)",
                            texts[i], layer->sources[k].tensor, model->label,
                            count_present(layers, catalogue, options->tensors[k].name, texts, count,
                                          failure),
                            count);
    }
    return true;
}

/* The layers that the patterns find in one model. */
static bool match_model(struct layers *layers, const struct options *options,
                        const struct model *model, struct failure *failure)
{
    struct catalogue catalogue;
    char **texts = NULL;
    int count = 0;
    bool done = catalogue_read(&catalogue, model, failure);
    if (done) {
        texts = calloc((size_t)catalogue.count * (size_t)options->tensor_count + 1, sizeof *texts);
        done = (texts != NULL || fail_no_memory(failure))
               && find_texts(layers, options, &catalogue, model->label, texts, &count, failure)
               && add_matched(layers, options, &catalogue, model, texts, count, failure);
    }
    free(texts);
    catalogue_free(&catalogue);
    return done;
}

/* Finds the file of each source, whose tensors are known: of a model of one file it is that, whose
 * table is read when its turn comes. */
static bool place_sources(struct part_source *sources, int32_t count, const struct model *model,
                          struct failure *failure)
{
    struct catalogue catalogue = { 0 };
    bool done = !model->sharded || catalogue_read(&catalogue, model, failure);
    for (int32_t k = 0; done && k < count; k++) {
        sources[k].path = model->paths[0];
        if (!model->sharded || sources[k].tensor == NULL)
            continue;
        sources[k].path = catalogue_find(&catalogue, sources[k].tensor);
        done = sources[k].path != NULL || no_tensor(model, sources[k].tensor, failure);
    }
    catalogue_free(&catalogue);
    return done;
}

/* Each model is a layer, of one part or of the tensors asked for. */
static bool add_models(struct layers *layers, const struct options *options,
                       struct failure *failure)
{
    for (int i = 0; i < layers->models.count; i++) {
        const struct model *model = &layers->models.items[i];
        int32_t count = options->tensor_count > 0 ? options->tensor_count : 1;
        struct layer *layer = add_layer(layers, name_of(layers, model), count, failure);
        if (layer == NULL)
            return false;
        for (int k = 0; k < options->tensor_count; k++)
            layer->sources[k] = (struct part_source){ .tensor = options->tensors[k].name,
                                                      .group = options->tensors[k].group };
        if (!place_sources(layer->sources, count, model, failure))
            return false;
    }
    return true;
}

/* --parts: all models together are one layer; each .safetensors one takes the next --tensor. */
static bool add_parts(struct layers *layers, const struct options *options, struct failure *failure)
{
    const struct models *models = &layers->models;
    struct layer *layer = add_layer(layers, "parts", models->count, failure);
    if (layer == NULL)
        return false;
    int tensors = 0;
    for (int i = 0; i < models->count; i++) {
        const struct model *model = &models->items[i];
        struct part_source *source = &layer->sources[i];
        if (input_is_safetensors(model->paths[0]) && tensors < options->tensor_count) {
            source->tensor = options->tensors[tensors].name;
            source->group = options->tensors[tensors++].group;
        }
        if (source->group == NULL && options->groups == NULL)
            source->group = model->name;
        if (!place_sources(source, 1, model, failure))
            return false;
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

/* What only the models' files show: a matrix is of one, and none of them is an output. */
static bool check_models(const struct models *models, const struct options *options,
                         struct failure *failure)
{
    if (models->count > 1 && options->command == COMMAND_MATRIX && !options->parts)
        return fail_usage(failure, "matrix takes one input, not %d: %s (with --parts they are one)",
                          models->count, models->items[1].label);
    for (int i = 0; i < models->count; i++)
        for (int k = 0; k < models->items[i].path_count; k++)
            if (!check_outputs_spare(options, models->items[i].paths[k], failure))
                return false;
    return true;
}

bool layers_find(struct layers *layers, const struct options *options, struct failure *failure)
{
    *layers = (struct layers){ 0 };
    bool patterns = false;
    bool done = models_find(&layers->models, options, failure)
                && check_models(&layers->models, options, failure);
    for (int i = 0; i < options->tensor_count; i++)
        patterns = patterns || strchr(options->tensors[i].name, '*') != NULL;
    layers->paths = names_repeat(&layers->models);
    layers->several = !options->parts && (patterns || layers->models.count > 1);
    if (done && options->parts)
        done = add_parts(layers, options, failure);
    else if (done && !patterns)
        done = add_models(layers, options, failure);
    else
        for (int i = 0; done && i < layers->models.count; i++)
            done = match_model(layers, options, &layers->models.items[i], failure);
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
    models_free(&layers->models);
    *layers = (struct layers){ 0 };
}
