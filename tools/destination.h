/*
 * What a path leads to when it is written to or read: a descriptor of this process, a device or
 * pipe, or a file, which need not be there yet.
 */
#ifndef TOOLS_DESTINATION_H
#define TOOLS_DESTINATION_H

#include <limits.h>

#include "failure.h"

enum destination_kind { DESTINATION_FILE, DESTINATION_DEVICE, DESTINATION_DESCRIPTOR };

struct destination {
    enum destination_kind kind;
    int descriptor;      /* of a DESTINATION_DESCRIPTOR */
    char path[PATH_MAX]; /* after links are followed */
};

/* Follows a path: "-" and /dev/stdout are descriptor 1, /dev/fd/N is N, whatever stands there.
 * False with errno set where it can't be, and where it is a directory. */
bool destination_find(struct destination *destination, const char *path);

/* The folder that a file's path is in. */
void destination_folder(const char *path, char folder[PATH_MAX]);

/* Whether two paths are one file by whatever name, or one descriptor; a device can be both. */
bool destination_is_same(const char *left, const char *right);

#endif
