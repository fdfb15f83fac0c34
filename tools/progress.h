/*
 * Long work: a bar on standard error where a person watches, and a clean stop on Ctrl-C.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <qkvsim/qkvsim.h>
#include <stdbool.h>
#include <time.h>

/* Makes SIGINT, SIGTERM and SIGHUP ask for a stop instead of ending the program; a second one
 * ends it. A closed pipe and a file too large become write errors. */
void progress_catch_signals(void);

bool progress_interrupted(void);

struct progress {
    char label[32];
    bool visible;
    double before; /* shares of the whole: finished before the current call, and the call's own */
    double own;
    struct timespec begun;
    struct timespec drawn;
};

/* Attaches a bar to the context's next call; it shows only on a terminal and if not quiet. */
void progress_begin(struct progress *progress, qkvsim_context *context, const char *label,
                    bool quiet);

/* One bar over several calls: before each of them it is said what share of the whole, from 0 to 1,
 * the call is. */
void progress_begin_several(struct progress *progress, qkvsim_context *context, bool quiet);
void progress_next(struct progress *progress, const char *label, double own);

/* Removes the bar from the context and from the terminal. */
void progress_end(struct progress *progress, qkvsim_context *context);

#endif
