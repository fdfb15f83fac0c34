/*
 * Processes that run one command together, each with the whole command line. The first of them,
 * rank 0, has the outputs and the bar; the others give it what they computed, packed. How they
 * reach each other is another file's (mpi_team.c); a process by itself has no team, NULL.
 */
#ifndef TOOLS_TEAM_H
#define TOOLS_TEAM_H

#include <stdint.h>

#include "failure.h"

struct team {
    int rank;
    int size;
    /* To the first, by another: bytes, which are taken over and freed. */
    bool (*give)(struct team *team, void *bytes, int64_t size, struct failure *failure);
    /* By the first: what a rank gave next, for the caller to free. It ends with the failure of any
     * rank or, `in_turn`, of this one alone, so that of several the one that comes first in the
     * work is told. */
    bool (*take)(struct team *team, int rank, bool in_turn, void **bytes, int64_t *size,
                 struct failure *failure);
    /* From the first to all others, which free what they receive. */
    bool (*tell)(struct team *team, void **bytes, int64_t *size, struct failure *failure);
    /* Between any two: bytes, which are taken over and freed; and what a rank sent next, for the
     * caller to free. The first ends as where it takes, `in_turn` or not. */
    bool (*send)(struct team *team, int rank, void *bytes, int64_t size, struct failure *failure);
    bool (*receive)(struct team *team, int rank, bool in_turn, void **bytes, int64_t *size,
                    struct failure *failure);
    /* To be asked now and then in long work: false where another has failed, and the work is to
     * end. `share` is what this one has done of its work and becomes, for the first, what all have;
     * NULL: it is counted in another way. */
    bool (*goes_on)(struct team *team, double *share);
    void (*wait)(void *user); /* called by the first while it waits; NULL: nothing */
    void *user;
};

/* True also for a process by itself, of which there is 1. */
bool team_is_first(const struct team *team);
int team_size(const struct team *team);

/* Things that a rank does: so many of `count`, from `first` on. Where nothing is divided the first
 * does all. */
struct share {
    int64_t first;
    int64_t count;
};
struct share team_share(const struct team *team, bool divided, int64_t count);

/* A rank's rows of the triangle of d features against each other, with about as many pairs as
 * others have. */
struct share team_rows(const struct team *team, int64_t features);
struct share team_rows_of(const struct team *team, int rank, int64_t features);

/* The rank that computes a layer as a whole; -1: each is computed by all. The last layers, which
 * are too few for all ranks, are. */
int team_layer_owner(const struct team *team, int layer, int layers);

/* Layers that a rank takes part in. */
int team_layers(const struct team *team, int layers);

#endif
