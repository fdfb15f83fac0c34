/*
 * Which file of a model each of its tensors is in.
 */
#include "catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "safetensors.h"

/* Takes over the names of a file's tensors. */
static bool add_table(struct catalogue *catalogue, struct safetensors *table, const char *path,
                      struct failure *failure)
{
    size_t count = (size_t)(catalogue->count + table->count);
    void *grown = realloc(catalogue->tensors, (count + 1) * sizeof *catalogue->tensors);
    if (grown == NULL)
        return fail_no_memory(failure);
    catalogue->tensors = grown;
    for (int64_t i = 0; i < table->count; i++) {
        catalogue->tensors[catalogue->count++] =
            (struct catalogued){ table->tensors[i].name, path };
        table->tensors[i].name = NULL;
    }
    return true;
}

static bool add_file(struct catalogue *catalogue, const char *path, struct failure *failure)
{
    struct mapped_file file;
    struct safetensors table = { 0 };
    if (!input_is_safetensors(path))
        return fail_usage(failure, "--tensor is for .safetensors files: %s", path);
    if (!mapped_file_open(&file, path, failure))
        return false;
    bool done = safetensors_parse(file.bytes, file.size, path, &table, failure)
                && add_table(catalogue, &table, path, failure);
    safetensors_free(&table);
    mapped_file_close(&file);
    return done;
}

static int compare_tensors(const void *left, const void *right)
{
    const struct catalogued *a = left, *b = right;
    return strcmp(a->tensor, b->tensor);
}

bool catalogue_read(struct catalogue *catalogue, const struct model *model, struct failure *failure)
{
    *catalogue = (struct catalogue){ 0 };
    bool done = true;
    for (int i = 0; done && i < model->path_count; i++)
        done = add_file(catalogue, model->paths[i], failure);
    if (!done)
        return false;
    const struct catalogued *tensors = catalogue->tensors;
    qsort(catalogue->tensors, (size_t)catalogue->count, sizeof *tensors, compare_tensors);
    for (int64_t i = 1; i < catalogue->count; i++)
        if (compare_tensors(&tensors[i - 1], &tensors[i]) == 0)
            return fail(failure, "a tensor is in two files: %s: %s and %s", tensors[i].tensor,
                        tensors[i - 1].path, tensors[i].path);
    return true;
}

const char *catalogue_find(const struct catalogue *catalogue, const char *tensor)
{
    const struct catalogued key = { .tensor = (char *)tensor };
    const struct catalogued *found =
        bsearch(&key, catalogue->tensors, (size_t)catalogue->count, sizeof key, compare_tensors);
    return found != NULL ? found->path : NULL;
}

void catalogue_free(struct catalogue *catalogue)
{
    for (int64_t i = 0; i < catalogue->count; i++)
        free(catalogue->tensors[i].tensor);
    free(catalogue->tensors);
    *catalogue = (struct catalogue){ 0 };
}
