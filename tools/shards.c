/*
 * The files of a corpus, in their order.
 */
#include "shards.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

/* Takes over a path, which may be NULL for want of memory. */
static bool add(struct shards *shards, char *path, struct failure *failure)
{
    if (path != NULL && shards->count == shards->capacity) {
        const int64_t capacity = 2 * shards->capacity + 64;
        void *grown = realloc(shards->paths, (size_t)capacity * sizeof *shards->paths);
        if (grown != NULL) {
            shards->paths = grown;
            shards->capacity = capacity;
        }
    }
    if (path == NULL || shards->count == shards->capacity) {
        free(path);
        return fail_no_memory(failure);
    }
    shards->paths[shards->count++] = path;
    return true;
}

static bool is_shard(const char *name, bool any)
{
    return name[0] != '.'
           && (any || text_ends_in(name, ".npy") || text_ends_in(name, ".safetensors"));
}

static int compare_paths(const void *left, const void *right)
{
    return text_compare_natural(*(const char *const *)left, *(const char *const *)right);
}

static char *path_in(const char *folder, const char *name)
{
    const size_t length = strlen(folder), size = length + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL)
        snprintf(path, size, "%s%s%s", folder, length > 0 && folder[length - 1] == '/' ? "" : "/",
                 name);
    return path;
}

static bool add_folder(struct shards *shards, const char *folder, bool any, struct failure *failure)
{
    const int64_t before = shards->count;
    DIR *stream = opendir(folder);
    if (stream == NULL)
        return fail(failure, "cannot read the folder: %s: %s", folder, strerror(errno));
    bool done = true;
    errno = 0;
    for (struct dirent *entry; done && (entry = readdir(stream)) != NULL; errno = 0)
        if (is_shard(entry->d_name, any))
            done = add(shards, path_in(folder, entry->d_name), failure);
    if (done && errno != 0)
        done = fail(failure, "cannot read the folder: %s: %s", folder, strerror(errno));
    closedir(stream);
    if (done && shards->count == before)
        return fail(failure, "no file in the folder%s: %s", any ? "" : " is .npy or .safetensors",
                    folder);
    if (done)
        qsort(shards->paths + before, (size_t)(shards->count - before), sizeof *shards->paths,
              compare_paths);
    return done;
}

/* Of a line that ends as other systems' do, with a carriage return before its line feed. */
static size_t without_return(const char *line, size_t length)
{
    return length > 0 && line[length - 1] == '\r' ? length - 1 : length;
}

/* Paths end with a line feed, or with a 0 (find -print0) where there is one. */
static bool add_listed(struct shards *shards, char *list, size_t size, struct failure *failure)
{
    const int end = memchr(list, '\0', size) != NULL ? '\0' : '\n';
    const int64_t before = shards->count;
    for (char *at = list; at < list + size;) {
        char *stop = memchr(at, end, size - (size_t)(at - list));
        const size_t length = (size_t)((stop != NULL ? stop : list + size) - at);
        const size_t named = end == '\n' ? without_return(at, length) : length;
        if (named > 0 && !add(shards, strndup(at, named), failure))
            return false;
        at += length + 1;
    }
    return shards->count > before || fail(failure, "the list on standard input is empty");
}

static bool add_list(struct shards *shards, struct failure *failure)
{
    char *list = NULL;
    size_t size = 0, capacity = 0;
    bool done = true;
    do {
        if (size == capacity) {
            void *grown = realloc(list, 2 * capacity + 65536);
            done = grown != NULL || fail_no_memory(failure);
            list = done ? grown : list;
            capacity = done ? 2 * capacity + 65536 : capacity;
        }
        size += done ? fread(list + size, 1, capacity - size, stdin) : 0;
    } while (done && !feof(stdin) && !ferror(stdin));
    if (done && ferror(stdin))
        done = fail(failure, "cannot read the list on standard input: %s", strerror(errno));
    done = done && add_listed(shards, list, size, failure);
    free(list);
    return done;
}

static bool add_input(struct shards *shards, const char *path, bool any, struct failure *failure)
{
    struct stat status;
    if (strcmp(path, "-") == 0)
        return add_list(shards, failure);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return add_folder(shards, path, any, failure);
    return add(shards, strdup(path), failure);
}

/* Why a file cannot be read; 0 where nothing is known against it. */
static int trouble_with(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || access(path, R_OK) != 0)
        return errno;
    return S_ISDIR(status.st_mode) ? EISDIR : 0;
}

/* A file that is missing, or not for this user, is to be known before the work, and not in the
 * middle of it. */
static bool check_readable(const struct shards *shards, struct failure *failure)
{
    int64_t count = 0, first = 0;
    for (int64_t i = 0; i < shards->count; i++)
        if (trouble_with(shards->paths[i]) != 0 && count++ == 0)
            first = i;
    if (count == 0)
        return true;
    char others[64] = "";
    if (count > 1)
        snprintf(others, sizeof others, " (%" PRId64 " of %" PRId64 " files cannot be opened)",
                 count, shards->count);
    return fail(failure, "cannot open: %s: %s%s", shards->paths[first],
                strerror(trouble_with(shards->paths[first])), others);
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool check_once(const struct shards *shards, struct failure *failure)
{
    const size_t count = (size_t)shards->count;
    char **sorted = malloc(count * sizeof *sorted);
    if (sorted == NULL)
        return fail_no_memory(failure);
    memcpy(sorted, shards->paths, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_texts);
    bool done = true;
    for (size_t i = 1; done && i < count; i++)
        if (strcmp(sorted[i], sorted[i - 1]) == 0)
            done = fail(failure, "a file stands twice: %s (it would count twice)", sorted[i]);
    free(sorted);
    return done;
}

bool shards_list(struct shards *shards, const struct options *options, bool any,
                 struct failure *failure)
{
    bool done = true;
    *shards = (struct shards){ 0 };
    for (int i = 0; done && i < options->input_count; i++)
        done = add_input(shards, options->inputs[i], any, failure);
    done = done && check_once(shards, failure) && check_readable(shards, failure);
    if (!done)
        shards_free(shards);
    return done;
}

bool shards_pack(const struct shards *shards, void **bytes, int64_t *size, struct failure *failure)
{
    size_t length = 0;
    for (int64_t i = 0; i < shards->count; i++)
        length += strlen(shards->paths[i]) + 1;
    char *at = malloc(length + 1);
    *bytes = at;
    *size = (int64_t)length;
    if (at == NULL)
        return fail_no_memory(failure);
    for (int64_t i = 0; i < shards->count; i++)
        at = stpcpy(at, shards->paths[i]) + 1;
    return true;
}

bool shards_unpack(struct shards *shards, const void *bytes, int64_t size, struct failure *failure)
{
    const char *at = bytes;
    *shards = (struct shards){ 0 };
    for (const char *end = at + size; at < end; at += strlen(at) + 1)
        if (!add(shards, strdup(at), failure))
            return false;
    return true;
}

void shards_free(struct shards *shards)
{
    for (int64_t i = 0; i < shards->count; i++)
        free(shards->paths[i]);
    free(shards->paths);
    *shards = (struct shards){ 0 };
}
