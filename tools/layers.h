/*
 * The layers of a run, each an input of its own: one for each file given, or for each text that
 * the * of a tensor pattern matches.
 */
#ifndef TOOLS_LAYERS_H
#define TOOLS_LAYERS_H

#include "input.h"
#include "models.h"

struct layer {
    char *name; /* what * matched, or the model's name; printable */
    struct part_source *sources;
    int32_t source_count;
};

struct layers {
    struct layer *items; /* in natural order of their names: layer 2 before layer 10 */
    int count;
    int capacity;
    bool several; /* asked for as several, even where they come to one */
    bool paths;   /* models are named by path, for two of them have one name */
    struct models models;
    char **texts; /* what the sources point to beside argv; owned */
    int text_count;
};

/* The files of a layer's parts, "q.npy + k.npy", by their whole paths or by their names alone; cut
 * where `size` bytes do not hold them. */
void layer_files(const struct layer *layer, bool whole_paths, char *files, size_t size);

/* Finds the layers that the inputs and tensors of the options name. */
bool layers_find(struct layers *layers, const struct options *options, struct failure *failure);

/* Also for one zeroed and never found. */
void layers_free(struct layers *layers);

#endif
