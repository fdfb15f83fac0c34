/*
 * The files of a shard.
 */
#include "shard_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapped_file.h"
#include "options_outputs.h"
#include "targets.h"
#include "text.h"

char *shard_parts_name(const char *pattern, const char *shard)
{
    const char *star = strchr(pattern, '*'), *name = text_file_name(shard);
    if (star == NULL)
        return strdup(pattern);
    const char *dot = strrchr(name, '.');
    const size_t stem = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
    const size_t size = strlen(pattern) + stem + 1;
    char *file = malloc(size);
    if (file != NULL)
        snprintf(file, size, "%.*s%.*s%s", (int)(star - pattern), pattern, (int)stem, name,
                 star + 1);
    return file;
}

bool shard_parts_find(struct shard_parts *parts, const struct options *options, const char *shard,
                      struct failure *failure)
{
    const int count = options->part_count > 0 ? options->part_count : 1;
    *parts = (struct shard_parts){ .files = calloc((size_t)count, sizeof *parts->files) };
    bool done = parts->files != NULL;
    for (; done && parts->count < count; parts->count++) {
        char **file = &parts->files[parts->count];
        *file = options->part_count > 0
                    ? shard_parts_name(options->part_files[parts->count].name, shard)
                    : strdup(shard);
        done = *file != NULL;
    }
    if (!done)
        shard_parts_free(parts);
    return done || fail_no_memory(failure);
}

void shard_parts_expect(const struct options *options, char *const *shards, int64_t count,
                        int64_t number)
{
    struct shard_parts parts;
    struct failure unheard;
    if (number >= count || !shard_parts_find(&parts, options, shards[number], &unheard))
        return;
    for (int k = 0; k < parts.count; k++)
        mapped_file_expect(parts.files[k]);
    shard_parts_free(&parts);
}

int64_t shard_parts_bytes(const struct shard_parts *parts)
{
    int64_t bytes = 0;
    struct stat status;
    for (int k = 0; k < parts->count; k++) {
        if (stat(parts->files[k], &status) != 0)
            return -1;
        bytes += (int64_t)status.st_size;
    }
    return bytes;
}

bool shard_parts_are_older(const struct shard_parts *parts, const struct stat *than)
{
    struct stat own;
    for (int k = 0; k < parts->count; k++)
        if (stat(parts->files[k], &own) != 0 || own.st_mtim.tv_sec > than->st_mtim.tv_sec
            || (own.st_mtim.tv_sec == than->st_mtim.tv_sec
                && own.st_mtim.tv_nsec >= than->st_mtim.tv_nsec))
            return false;
    return true;
}

static bool is_one_of(const char *shard, const struct shard_parts *parts)
{
    struct stat own, part;
    for (int k = 0; k < parts->count; k++)
        if (stat(shard, &own) == 0 && stat(parts->files[k], &part) == 0 && own.st_dev == part.st_dev
            && own.st_ino == part.st_ino)
            return true;
    return false;
}

/* Whether a shard's parts are there, the shard among them. */
static bool check_shard(const struct shard_parts *parts, const char *shard, struct failure *failure)
{
    struct stat status;
    for (int k = 0; k < parts->count; k++)
        if (stat(parts->files[k], &status) != 0)
            return fail(failure, "a part of a shard is missing: %s: %s (of %s)", parts->files[k],
                        strerror(errno), shard);
    return is_one_of(shard, parts)
           || fail(failure, "a shard is none of its parts: %s (--part %s, ...)", shard,
                   parts->files[0]);
}

bool shard_parts_check(const struct options *options, char *const *shards, int64_t count,
                       struct failure *failure)
{
    bool done = true;
    for (int64_t i = 0; done && options->part_count > 0 && i < count; i++) {
        struct shard_parts parts;
        done = shard_parts_find(&parts, options, shards[i], failure);
        if (!done)
            return false;
        done = check_shard(&parts, shards[i], failure);
        shard_parts_free(&parts);
    }
    return done;
}

static bool spares_named(const struct options *options, const char *pattern, const char *shard,
                         struct failure *failure)
{
    char *file = shard_parts_name(pattern, shard);
    const bool spared =
        (file != NULL || fail_no_memory(failure)) && check_outputs_spare(options, file, failure);
    free(file);
    return spared;
}

static bool is_spared(const struct options *options, const char *shard, struct failure *failure)
{
    const char *targets = options->targets, *segments = options->segments;
    bool spared = options->part_count > 0 || check_outputs_spare(options, shard, failure);
    for (int k = 0; spared && k < options->part_count; k++)
        spared = spares_named(options, options->part_files[k].name, shard, failure);
    return spared
           && (targets == NULL || targets_are_listed(targets)
               || spares_named(options, targets, shard, failure))
           && (segments == NULL || spares_named(options, segments, shard, failure));
}

bool shard_parts_are_spared(const struct options *options, char *const *shards, int64_t count,
                            struct failure *failure)
{
    struct stat status;
    const bool there = stat(options->output, &status) == 0; /* what is not overwrites nothing */
    bool spared = true;
    for (int64_t i = 0; there && spared && i < count; i++)
        spared = is_spared(options, shards[i], failure);
    return spared;
}

void shard_parts_free(struct shard_parts *parts)
{
    for (int k = 0; k < parts->count; k++)
        free(parts->files[k]);
    free(parts->files);
    *parts = (struct shard_parts){ 0 };
}
