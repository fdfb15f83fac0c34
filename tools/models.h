/*
 * The models that inputs stand for: a file is one, and so are the shards of one model, given by
 * their index or one by one.
 */
#ifndef TOOLS_MODELS_H
#define TOOLS_MODELS_H

#include "options.h"

struct model {
    char *name;   /* of its file without the suffix, or the shards' common one */
    char *label;  /* what messages name: a file's path, that of the index, or of all shards */
    char **paths; /* its files */
    int path_count;
    bool sharded; /* tensors are to be looked up over the files */
};

struct models {
    struct model *items; /* in the order of the inputs */
    int count;
};

/* Finds the models of the inputs. With --parts, where each file is taken for itself, only an index
 * makes a sharded one. */
bool models_find(struct models *models, const struct options *options, struct failure *failure);

/* Also for one zeroed and never found. */
void models_free(struct models *models);

#endif
