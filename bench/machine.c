/*
 * What the operating system says of the machine and of this process, from /proc.
 */
#include "machine.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

/* Copies what follows "KEY\t: " on the first line of a file that begins with the key. */
static bool find_line(const char *path, const char *key, char *value, size_t size)
{
    char line[512];
    bool found = false;
    FILE *file = fopen(path, "r");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, key, strlen(key)) == 0 && strchr(line, ':') != NULL;
        if (found) {
            const char *start = strchr(line, ':') + 1;
            start += strspn(start, " \t");
            snprintf(value, size, "%.*s", (int)strcspn(start, "\n"), start);
        }
    }
    if (file != NULL)
        fclose(file);
    return found;
}

void machine_cpu_name(char *name, size_t size)
{
    if (!find_line("/proc/cpuinfo", "model name", name, size))
        snprintf(name, size, "unknown");
}

/* getrusage would count what the process was before it became this program. */
double machine_peak_rss_mb(void)
{
    char value[64];
    if (!find_line("/proc/self/status", "VmHWM", value, sizeof value))
        fail(EXIT_FAILED, "/proc/self/status does not tell the peak resident memory");
    return strtod(value, NULL) / 1024;
}
