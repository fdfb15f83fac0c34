/*
 * Which file of a model each of its tensors is in.
 */
#ifndef TOOLS_CATALOGUE_H
#define TOOLS_CATALOGUE_H

#include "models.h"

struct catalogued {
    char *tensor;
    const char *path; /* the model's */
};

struct catalogue {
    struct catalogued *tensors; /* in the order of their names */
    int64_t count;
};

/* Reads the tables of a model's .safetensors files. A tensor in two of them is an error. */
bool catalogue_read(struct catalogue *catalogue, const struct model *model,
                    struct failure *failure);

/* The file of a tensor; NULL if there is none of that name. */
const char *catalogue_find(const struct catalogue *catalogue, const char *tensor);

/* Also for one zeroed and never read. */
void catalogue_free(struct catalogue *catalogue);

#endif
