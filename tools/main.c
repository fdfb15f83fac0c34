/*
 * qkvsim: the program as one process.
 */
#include "program.h"

int main(int argc, char **argv)
{
    struct failure failure;
    program_prepare(argv);
    return program_run(argc, argv, NULL, &failure) ? EXIT_DONE : failure_report(&failure);
}
