/*
 * Long work: a bar on standard error where a person watches, lines of JSON for a log, and a clean
 * stop on Ctrl-C.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <qkvsim/qkvsim.h>
#include <stdbool.h>
#include <time.h>

#include "options.h"

/* Makes SIGINT, SIGTERM and SIGHUP ask for a stop instead of ending the program; a second one
 * ends it. A closed pipe and a file too large become write errors. */
void progress_catch_signals(void);

bool progress_interrupted(void);

struct progress {
    char label[32];
    enum { PROGRESS_NONE, PROGRESS_BAR, PROGRESS_JSON } kind;
    double before; /* shares of the whole: finished before the current call, and the call's own */
    double own;
    double skipped; /* what share was there when the work began */
    double share;   /* that was reached last, of this process */
    bool stops;     /* an interrupt cancels the call, and so does the failure of another process */
    const bool *keeps; /* where it is true, an interrupt does not, for work would be lost */
    struct team *team;
    int64_t done; /* of work that is counted: shards; total is 0 where it is not */
    int64_t total;
    const char *item; /* the shard in hand; the caller's */
    struct timespec begun;
    struct timespec said;
};

/* Attaches nothing but the look for an interrupt, for what comes before or behind the work that is
 * shown. */
void progress_begin_unseen(struct progress *progress, qkvsim_context *context);

/* Attaches a bar to the context's next call; it shows only on a terminal and if not --quiet. With
 * --progress json there are lines in its place, wherever standard error goes. */
void progress_begin(struct progress *progress, qkvsim_context *context, const char *label,
                    const struct options *options);

/* One bar over several calls: before each of them it is said what share of the whole, from 0 to 1,
 * the call is. */
void progress_begin_several(struct progress *progress, qkvsim_context *context,
                            const struct options *options);
void progress_next(struct progress *progress, const char *label, double own);

/* One bar over `total` shards, of which `done` are there already. While `keeps` is true (NULL: it
 * never is), and in the first of several processes, an interrupt is left to the caller, who looks
 * between two shards. Before each one it is named. */
void progress_begin_shards(struct progress *progress, qkvsim_context *context,
                           const struct options *options, int64_t done, int64_t total,
                           const bool *keeps);
void progress_next_shard(struct progress *progress, const char *shard);

/* Removes the bar from the context and from the terminal; a log of work that is done ends with a
 * line of all. */
void progress_end(struct progress *progress, qkvsim_context *context, bool done);

#endif
