/*
 * Long work: a bar on standard error where a person watches, and a clean stop on Ctrl-C.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <qkvsim/qkvsim.h>
#include <stdbool.h>
#include <time.h>

/* Makes SIGINT, SIGTERM and SIGHUP ask for a stop instead of ending the program; a second one
 * ends it. A closed pipe becomes a write error. */
void progress_catch_signals(void);

bool progress_interrupted(void);

struct progress {
    const char *label;
    bool visible;
    struct timespec begun;
    struct timespec drawn;
};

/* Attaches a bar to the context's next calls; it shows only on a terminal and if not quiet. */
void progress_begin(struct progress *progress, qkvsim_context *context, const char *label,
                    bool quiet);

/* Removes the bar from the context and from the terminal. */
void progress_end(struct progress *progress, qkvsim_context *context);

#endif
