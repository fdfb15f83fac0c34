/*
 * A team whose processes are the ranks of MPI.
 */
#ifndef TOOLS_MPI_TEAM_H
#define TOOLS_MPI_TEAM_H

#include "team.h"

struct mpi_message;

struct mpi_team {
    struct team team;            /* first, so that the one is the other */
    struct mpi_message *message; /* what this rank gave last and is on its way */
    struct mpi_message **sent;   /* and sent to each rank */
    double *shares;              /* of the work of each rank, for the first */
    double told;                 /* when another rank's share went out, in seconds */
    bool stopped;                /* the first has ended the work */
    bool heard; /* that another has failed, and this rank's own work was ended for it */
};

/* All ranks of MPI_COMM_WORLD, which is open. */
bool mpi_team_open(struct mpi_team *mpi, struct failure *failure);

/* What is to be said of work that ended: of the first the failure, its own or another's; of the
 * others nothing, for they tell the first. */
void mpi_team_settle(struct mpi_team *mpi, bool done, struct failure *failure);

/* Lets the others end, and waits for that. False where one failed after all was done; then there is
 * its failure. */
bool mpi_team_close(struct mpi_team *mpi, bool done, struct failure *failure);

#endif
