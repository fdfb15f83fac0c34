/*
 * qkvsim: the program as one process.
 */
#include "program.h"

int main(int argc, char **argv)
{
    static struct failure failure; /* large, and stacks may be small */
    program_prepare(argv);
    return program_run(argc, argv, NULL, &failure) ? EXIT_DONE : failure_report(&failure);
}
