/*
 * The options of work that is done in pieces: shards, and ranges of permutations.
 */
#ifndef TOOLS_OPTIONS_CORPUS_H
#define TOOLS_OPTIONS_CORPUS_H

#include "options.h"

bool take_divide(struct options *options, char *value, struct failure *failure);
bool take_checkpoint(struct options *options, char *value, struct failure *failure);
bool take_part(struct options *options, char *value, struct failure *failure);
bool take_first(struct options *options, char *value, struct failure *failure);
bool take_total(struct options *options, char *value, struct failure *failure);
bool take_progress(struct options *options, char *value, struct failure *failure);

/* What the options of accumulate ask of each other. */
bool check_accumulate(const struct options *options, struct failure *failure);

/* The same of --first and --total, of analyze. */
bool check_pieces(const struct options *options, struct failure *failure);

#endif
