/*
 * What a path leads to. Links are followed one by one, for the last may lead to a descriptor, which
 * must not be opened anew: that would lose its position and fails for sockets.
 */
#include "destination.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* The descriptor of this process that a path names; -1 for any other path. */
static int descriptor_of(const char *path)
{
    static const char *const names[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr" };
    static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
    if (strcmp(path, "-") == 0)
        return STDOUT_FILENO;
    for (int i = 0; i < 3; i++)
        if (strcmp(path, names[i]) == 0)
            return i;
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(folders[i]);
        int64_t number;
        if (strncmp(path, folders[i], length) == 0
            && text_to_integer(path + length, 0, INT_MAX, &number))
            return (int)number;
    }
    return -1;
}

void destination_folder(const char *path, char folder[PATH_MAX])
{
    size_t length = (size_t)(text_file_name(path) - path);
    snprintf(folder, PATH_MAX, "%.*s", length == 0 ? 1 : (int)length, length == 0 ? "." : path);
}

/* Puts what a link says in the place of its path. */
static bool follow(char path[PATH_MAX])
{
    char target[PATH_MAX], folder[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return false;
    target[length] = '\0';
    destination_folder(path, folder);
    int size = target[0] == '/' ? snprintf(path, PATH_MAX, "%s", target)
                                : snprintf(path, PATH_MAX, "%s/%s", folder, target);
    errno = ENAMETOOLONG;
    return size < PATH_MAX;
}

/* Whether a file could be made at a path where nothing is; errno says what is wrong. */
static bool names_a_file(const char *path)
{
    size_t length = strlen(path);
    errno = length == 0 ? ENOENT : EISDIR;
    return length > 0 && path[length - 1] != '/';
}

bool destination_find(struct destination *destination, const char *path)
{
    enum { LINKS_MAX = 40 }; /* as Linux has it */
    struct stat status;
    *destination = (struct destination){ .kind = DESTINATION_FILE };
    if (snprintf(destination->path, PATH_MAX, "%s", path) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (int links = 0; links <= LINKS_MAX; links++) {
        destination->descriptor = descriptor_of(destination->path);
        if (destination->descriptor >= 0) {
            destination->kind = DESTINATION_DESCRIPTOR;
            return true;
        }
        if (lstat(destination->path, &status) != 0)
            return errno == ENOENT && names_a_file(destination->path);
        if (strncmp(destination->path, "/proc/", strlen("/proc/")) == 0) {
            destination->kind = DESTINATION_DEVICE; /* a link there says no path: pipe:[4711] */
            return true;
        }
        if (!S_ISLNK(status.st_mode)) {
            errno = EISDIR;
            destination->kind = S_ISREG(status.st_mode) ? DESTINATION_FILE : DESTINATION_DEVICE;
            return !S_ISDIR(status.st_mode);
        }
        if (!follow(destination->path))
            return false;
    }
    errno = ELOOP;
    return false;
}

static bool stat_destination(const struct destination *destination, struct stat *status)
{
    return destination->kind == DESTINATION_DESCRIPTOR ? fstat(destination->descriptor, status) == 0
                                                       : stat(destination->path, status) == 0;
}

static bool is_same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Two files that are not there are one where they would stand in one folder under one name. */
static bool is_same_place(const char *left, const char *right)
{
    char left_folder[PATH_MAX], right_folder[PATH_MAX];
    struct stat a, b;
    destination_folder(left, left_folder);
    destination_folder(right, right_folder);
    return strcmp(text_file_name(left), text_file_name(right)) == 0 && stat(left_folder, &a) == 0
           && stat(right_folder, &b) == 0 && is_same_inode(&a, &b);
}

bool destination_is_same(const char *left, const char *right)
{
    struct destination a, b;
    struct stat a_status, b_status;
    if (!destination_find(&a, left) || !destination_find(&b, right))
        return false;
    if (a.kind == DESTINATION_DESCRIPTOR && b.kind == DESTINATION_DESCRIPTOR
        && a.descriptor == b.descriptor)
        return true;
    bool a_exists = stat_destination(&a, &a_status), b_exists = stat_destination(&b, &b_status);
    if (a_exists && b_exists)
        return S_ISREG(a_status.st_mode) && is_same_inode(&a_status, &b_status);
    return !a_exists && !b_exists && is_same_place(a.path, b.path);
}
