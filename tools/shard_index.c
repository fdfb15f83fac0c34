/*
 * model.safetensors.index.json. Only the names of files are taken from it: what is in them they say
 * themselves.
 */
#include "shard_index.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mapped_file.h"
#include "safetensors.h"
#include "text.h"

bool shard_index_is(const char *path)
{
    return text_ends_in(path, ".safetensors.index.json");
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Files stand beside their index; a name that leads elsewhere is none that a model has. */
static bool is_file_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0
           && strcmp(name, "..") != 0;
}

/* The names in a map of tensors to files, each once; they belong to the map. */
static bool list_names(const json_t *map, const char *path, const char **names, int *count,
                       struct failure *failure)
{
    const char *tensor;
    json_t *file;
    int listed = 0;
    json_object_foreach((json_t *)map, tensor, file)
    {
        names[listed] = json_string_value(file);
        if (!is_file_name(names[listed]))
            return fail(failure, "no name of a file beside the index: %s: tensor %s", path, tensor);
        listed++;
    }
    qsort(names, (size_t)listed, sizeof *names, compare_texts);
    *count = 0;
    for (int i = 0; i < listed; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            names[(*count)++] = names[i];
    return true;
}

static char *path_beside(const char *path, const char *name)
{
    size_t folder = (size_t)(text_file_name(path) - path), size = folder + strlen(name) + 1;
    char *made = malloc(size);
    if (made != NULL)
        snprintf(made, size, "%.*s%s", (int)folder, path, name);
    return made;
}

static bool read_map(const json_t *root, const char *path, char ***paths, int *count,
                     struct failure *failure)
{
    const json_t *map = json_object_get(root, "weight_map");
    size_t tensors = json_object_size(map);
    if (tensors == 0 || tensors > INT_MAX)
        return fail(failure, "no index of tensors: %s: it has no weight_map", path);
    const char **names = calloc(tensors, sizeof *names);
    *paths = calloc(tensors, sizeof **paths);
    bool done = (names != NULL && *paths != NULL) || fail_no_memory(failure);
    done = done && list_names(map, path, names, count, failure);
    for (int i = 0; done && i < *count; i++) {
        (*paths)[i] = path_beside(path, names[i]);
        done = (*paths)[i] != NULL || fail_no_memory(failure);
    }
    free(names);
    return done;
}

bool shard_index_read(const char *path, char ***paths, int *count, struct failure *failure)
{
    struct mapped_file file;
    json_error_t error;
    *paths = NULL;
    *count = 0;
    if (!mapped_file_open(&file, path, failure))
        return false;
    json_t *root = file.size <= SAFETENSORS_HEADER_MAX
                       ? json_read((const char *)file.bytes, file.size, &error)
                       : NULL;
    bool done;
    if (file.size > SAFETENSORS_HEADER_MAX)
        done = fail(failure, "no index of tensors: %s: %zu bytes", path, file.size);
    else if (root == NULL)
        done = json_whole(failure)
               && fail(failure, "bad JSON in the index: %s: line %d: %s", path, error.line,
                       error.text);
    else
        done = read_map(root, path, paths, count, failure);
    json_decref(root);
    mapped_file_close(&file);
    if (!done && *paths != NULL) {
        for (int i = 0; i < *count; i++)
            free((*paths)[i]);
        free(*paths);
        *paths = NULL;
    }
    return done;
}
