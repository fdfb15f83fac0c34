/*
 * What --save writes: the results of all layers, as they come, and the table that says what they
 * are.
 */
#ifndef TOOLS_SAVER_H
#define TOOLS_SAVER_H

#include <jansson.h>

#include "handles.h"
#include "report.h"
#include "spool.h"
#include "study.h"

/* Begins as zeros. */
struct saver {
    qkvsim_context *context; /* the caller's */
    struct spool spool;      /* the packed results */
    json_t *table;
    int64_t count;
    int64_t size;
};

/* Begins with an empty table. */
bool saver_open(struct saver *saver, qkvsim_context *context, struct failure *failure);

/* Adds a result; false with a failure. */
bool saver_add(struct saver *saver, const struct handle *handle, struct failure *failure);

/* Says how a run of analyze was made, before its first layer, and adds its layers. */
bool saver_begin_run(struct saver *saver, const struct study *study, struct failure *failure);
bool saver_add_layer(struct saver *saver, const struct report *report, struct failure *failure);

/* Writes the file, whole or not at all. */
bool saver_write(struct saver *saver, const char *path, struct failure *failure);

/* Numbers of pair groups as a table has them. */
json_t *saver_list_pair_groups(const int32_t *numbers, int32_t count);

/* Also for one that was never opened. */
void saver_close(struct saver *saver);

#endif
