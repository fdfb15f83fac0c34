/*
 * What all layers of a run share: they have one shape, and so one layout and one set of targets.
 */
#ifndef TOOLS_STUDY_H
#define TOOLS_STUDY_H

#include "input.h"
#include "layers.h"
#include "progress.h"
#include "rows.h"
#include "targets.h"

struct results;
struct study;
struct warnings;

/* Layers that have been computed before, in place of arrays: what is known of them. */
struct stored_layers {
    bool (*describe)(struct study *study,
                     int layer); /* files and input of one, that it was made of */
    bool (*compute)(struct results *results, struct study *study); /* the current one's */
    void (*warn)(const struct study *study, struct warnings *warnings);
};

struct study {
    const struct options *options;
    struct failure *failure;
    qkvsim_context *context;
    const struct stored_layers *stored; /* NULL: the layers are arrays */
    const void *stored_in;
    struct layers layers;
    struct team *team;  /* that computes the current layer together; NULL: one process */
    int current;        /* the layer whose input is open */
    struct input input; /* of one layer at a time */
    char files[256];    /* the names of its files, for people */
    struct input covariates;
    qkvsim_layout *layout;
    struct rows rows;           /* those to compute: all, or the ones of --pair-groups */
    struct contrast *contrasts; /* as many as --contrast was given */
    int32_t *codes;             /* the mask's; NULL where products are ambiguous */
    int32_t *segments;          /* NULL without --segments */
    struct targets targets;
    uint8_t *others; /* the mask of non-targets */
    int64_t *shape;  /* the first layer's: observations, then each part's features */
    int32_t shape_count;
};

/* Finds the layers, reads what they share and checks that they are of one shape; the first layer's
 * input is then open. */
bool study_open(struct study *study, const struct options *options, struct failure *failure);

/* The rows to compute, where they are not known, and what depends on the layout alone. */
bool study_find_rows(struct study *study);

/* Makes another layer's input the open one. */
bool study_turn_to(struct study *study, int layer);

/* What a message about the current layer names: its files, and where one has many layers, which. */
const char *study_place(const struct study *study, char place[PLACE_SIZE]);

/* Also for one zeroed and never opened. */
void study_close(struct study *study);

/* The open input as the library takes it, with a selection of its observations or NULL. */
qkvsim_input study_input(const struct study *study, const qkvsim_selection *selection);

#endif
