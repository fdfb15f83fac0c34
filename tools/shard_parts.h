/*
 * The files of a shard: itself, or with --part a file for each part.
 */
#ifndef TOOLS_SHARD_PARTS_H
#define TOOLS_SHARD_PARTS_H

#include <sys/stat.h>

#include "options.h"

struct shard_parts {
    char **files;
    int count;
};

/* A pattern with a shard's name, without folder and ending, in the place of its *, for the caller
 * to free; NULL without memory. */
char *shard_parts_name(const char *pattern, const char *shard);

/* Names the files of a shard, which may not be there. */
bool shard_parts_find(struct shard_parts *parts, const struct options *options, const char *shard,
                      struct failure *failure);

/* Asks for the files of a shard that is added soon, by its number among all. */
void shard_parts_expect(const struct options *options, char *const *shards, int64_t count,
                        int64_t number);

/* Their bytes together; -1 where one is not there. */
int64_t shard_parts_bytes(const struct shard_parts *parts);

/* Whether all have been written to before another file was. */
bool shard_parts_are_older(const struct shard_parts *parts, const struct stat *than);

/* Whether the parts of all these shards are there, and a shard is one of its own. */
bool shard_parts_check(const struct options *options, char *const *shards, int64_t count,
                       struct failure *failure);

/* Whether no output of the run is what it reads for these shards: a part, targets, segments. */
bool shard_parts_are_spared(const struct options *options, char *const *shards, int64_t count,
                            struct failure *failure);

/* Also for ones zeroed. */
void shard_parts_free(struct shard_parts *parts);

#endif
