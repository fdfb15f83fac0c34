/*
 * qkvsim-mpi: the program as several processes, which MPI starts.
 */
#include <mpi.h>
#include <string.h>

#include "mpi_team.h"
#include "program.h"

/* `qkvsim bench` is another program, which would take the place of this one within MPI. */
static bool run(int argc, char **argv, struct team *team, struct failure *failure)
{
    if (argc > 1 && strcmp(argv[1], "bench") == 0)
        return fail_usage(failure, "bench is a command of qkvsim, not of qkvsim-mpi");
    return program_run(argc, argv, team->size > 1 ? team : NULL, failure);
}

/* A failure is told once, by the first rank, before it waits for the others. */
static int run_as_rank(int argc, char **argv)
{
    struct mpi_team mpi;
    static struct failure failure = { .exit_status = EXIT_DONE }; /* stacks may be small */
    const bool done = mpi_team_open(&mpi, &failure) && run(argc, argv, &mpi.team, &failure);
    mpi_team_settle(&mpi, done, &failure);
    const int status = done ? EXIT_DONE : failure_report(&failure);
    return mpi_team_close(&mpi, done, &failure) ? status : failure_report(&failure);
}

int main(int argc, char **argv)
{
    int level;
    program_prepare(argv);
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    const int status = run_as_rank(argc, argv);
    MPI_Finalize();
    return status;
}
