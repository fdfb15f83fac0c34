/*
 * qkvsim bench: becomes qkvsim-bench, which stands beside this program where both are installed and
 * in bench/ beside this program's folder where both are built.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

/* The folder that this program is in, with its slash; false where the system does not tell. */
static bool find_own_folder(char folder[PATH_MAX])
{
    const ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0)
        return false;
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    slash[1] = '\0';
    return true;
}

bool command_bench(const struct options *options, struct failure *failure)
{
    static const char *const places[] = { "qkvsim-bench", "../bench/qkvsim-bench" };
    char folder[PATH_MAX], path[PATH_MAX + 32];
    if (!find_own_folder(folder))
        return fail(failure, "/proc/self/exe does not tell where this program is: run qkvsim-bench "
                             "itself");
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s%s", folder, places[i]);
        execv(path, options->arguments);
        if (errno != ENOENT)
            return fail(failure, "cannot run %s: %s", path, strerror(errno));
    }
    return fail(failure, "qkvsim-bench is not in %s: build it with -Dbench=enabled", folder);
}
