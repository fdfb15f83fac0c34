/*
 * The models that inputs stand for.
 */
#include "models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shard_index.h"
#include "text.h"

/* The name of a shard, model-00001-of-00003.safetensors, in pieces. */
struct shard_name {
    size_t stem;       /* bytes of the path up to and without "-00001" */
    const char *total; /* "-of-00003.safetensors" */
};

static bool parse_shard(const char *path, struct shard_name *shard)
{
    static const char of[] = "-of-", digits[] = "0123456789";
    if (!text_ends_in(path, ".safetensors"))
        return false;
    for (const char *at = strstr(text_file_name(path), of); at != NULL; at = strstr(at + 1, of)) {
        const char *number = at, *total = at + strlen(of);
        size_t length = strspn(total, digits);
        while (number > path && number[-1] >= '0' && number[-1] <= '9')
            number--;
        if (number == at || length == 0 || total[length] != '.' || number <= path
            || number[-1] != '-')
            continue;
        *shard = (struct shard_name){ (size_t)(number - 1 - path), at };
        return true;
    }
    return false;
}

static char *format_name(const char *path, size_t stem, const char *end)
{
    size_t size = stem + strlen(end) + 1;
    char *name = malloc(size);
    if (name != NULL)
        snprintf(name, size, "%.*s%s", (int)stem, path, end);
    return name;
}

/* How long the file's name is without its suffix. */
static size_t stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
}

/* Takes over a path, which may be NULL for want of memory. */
static bool add_path(struct model *model, char *path, struct failure *failure)
{
    size_t size = ((size_t)model->path_count + 1) * sizeof *model->paths;
    void *grown = path != NULL ? realloc(model->paths, size) : NULL;
    if (grown == NULL) {
        free(path);
        return fail_no_memory(failure);
    }
    model->paths = grown;
    model->paths[model->path_count++] = path;
    return true;
}

static bool add_index(struct model *model, const char *path, struct failure *failure)
{
    const char *name = text_file_name(path);
    model->sharded = true;
    model->name = format_name(name, stem_length(name) - strlen(".safetensors.index"), "");
    model->label = strdup(path);
    return ((model->name != NULL && model->label != NULL) || fail_no_memory(failure))
           && shard_index_read(path, &model->paths, &model->path_count, failure);
}

static bool add_shard(struct models *models, const char *path, const struct shard_name *shard,
                      struct failure *failure)
{
    char *label = format_name(path, shard->stem, "-*");
    char *whole = label != NULL ? format_name(label, strlen(label), shard->total) : NULL;
    free(label);
    if (whole == NULL)
        return fail_no_memory(failure);
    for (int i = 0; i < models->count; i++)
        if (strcmp(models->items[i].label, whole) == 0) {
            free(whole);
            return add_path(&models->items[i], strdup(path), failure);
        }
    const char *name = text_file_name(path);
    struct model *model = &models->items[models->count++];
    model->label = whole;
    model->sharded = true;
    model->name = format_name(name, shard->stem - (size_t)(name - path), "");
    return (model->name != NULL || fail_no_memory(failure))
           && add_path(model, strdup(path), failure);
}

static bool add_file(struct model *model, const char *path, struct failure *failure)
{
    const char *name = text_file_name(path);
    model->name = format_name(name, stem_length(name), "");
    model->label = strdup(path);
    return ((model->name != NULL && model->label != NULL) || fail_no_memory(failure))
           && add_path(model, strdup(path), failure);
}

bool models_find(struct models *models, const struct options *options, struct failure *failure)
{
    *models = (struct models){ 0 };
    models->items = calloc((size_t)options->input_count, sizeof *models->items);
    bool done = models->items != NULL || fail_no_memory(failure);
    for (int i = 0; done && i < options->input_count; i++) {
        const char *path = options->inputs[i];
        struct shard_name shard;
        if (shard_index_is(path))
            done = add_index(&models->items[models->count++], path, failure);
        else if (!options->parts && parse_shard(path, &shard))
            done = add_shard(models, path, &shard, failure);
        else
            done = add_file(&models->items[models->count++], path, failure);
    }
    return done;
}

static void free_model(struct model *model)
{
    for (int i = 0; i < model->path_count; i++)
        free(model->paths[i]);
    free(model->paths);
    free(model->name);
    free(model->label);
}

void models_free(struct models *models)
{
    for (int i = 0; i < models->count; i++)
        free_model(&models->items[i]);
    free(models->items);
    *models = (struct models){ 0 };
}
