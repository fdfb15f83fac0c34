/*
 * Long work: a bar or a log on standard error, and a clean stop on Ctrl-C through the progress
 * callback.
 */
#include "progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "json.h"

static volatile sig_atomic_t interrupted;

static void remember_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

void progress_catch_signals(void)
{
    struct sigaction action = { .sa_handler = remember_interrupt,
                                .sa_flags = (int)SA_RESETHAND | SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
}

bool progress_interrupted(void)
{
    return interrupted != 0;
}

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
    return (double)(to->tv_sec - from->tv_sec) + 1e-9 * (double)(to->tv_nsec - from->tv_nsec);
}

static int terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static double seconds_left(const struct progress *progress, double share, double seconds)
{
    const double made = share - progress->skipped;
    return made > 0 ? seconds * (1 - share) / made : 0;
}

static void draw(const struct progress *progress, double share, double seconds)
{
    enum { BAR = 30 };
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(share * BAR) ? '#' : '.';
    bar[BAR] = '\0';
    char line[128];
    snprintf(line, sizeof line, "%-12s [%s] %3.0f %%  %.0f s left", progress->label, bar,
             100 * share, seconds_left(progress, share, seconds));
    fprintf(stderr, "\r\033[K%.*s", terminal_columns() - 1, line);
    fflush(stderr);
}

/* One object a line. Shards are counted, other work has its share of 1. */
static void log_line(const struct progress *progress, double share, double seconds)
{
    json_t *line = json_object();
    const bool counted = progress->total > 0;
    json_object_set_new(line, "done", counted ? json_integer(progress->done) : json_number(share));
    json_object_set_new(line, "total", json_integer(counted ? progress->total : 1));
    if (counted)
        json_object_set_new(line, "shard",
                            progress->item != NULL ? json_string(progress->item) : json_null());
    else
        json_object_set_new(line, "what", json_string(progress->label));
    json_object_set_new(line, "seconds", json_number(seconds));
    json_object_set_new(line, "seconds_left", json_number(seconds_left(progress, share, seconds)));
    static struct failure unheard; /* large, and this is called from deep within */
    char *text = json_format(line, JSON_COMPACT | JSON_REAL_PRECISION(6), &unheard);
    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(line);
}

/* Nothing is drawn in the first half second: short work needs no bar. A log has a line a second. */
static void say(struct progress *progress, double share)
{
    const bool drawn = progress->kind == PROGRESS_BAR;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double seconds = seconds_between(&progress->begun, &now);
    if (seconds <= (drawn ? 0.5 : 0) || seconds_between(&progress->said, &now) <= (drawn ? 0.1 : 1))
        return;
    if (drawn)
        draw(progress, share, seconds);
    else
        log_line(progress, share, seconds);
    progress->said = now;
}

/* The share of all processes, where there are others; false where one of them has failed. */
static bool look_at_team(struct progress *progress, double *share)
{
    struct team *team = progress->team;
    return team == NULL || team->goes_on(team, progress->total > 0 ? NULL : share);
}

static int32_t report(void *user, int64_t done, int64_t total)
{
    struct progress *progress = user;
    double share = progress->before + progress->own * (double)done / (double)total;
    progress->share = share;
    const bool goes_on = look_at_team(progress, &share);
    const bool keeps = progress->keeps != NULL && *progress->keeps;
    if (progress->stops && ((progress_interrupted() && !keeps) || !goes_on))
        return 1;
    if (progress->kind != PROGRESS_NONE)
        say(progress, share);
    return 0;
}

static void wait_for_others(void *user)
{
    struct progress *progress = user;
    double share = progress->share;
    look_at_team(progress, &share);
    if (progress->kind != PROGRESS_NONE)
        say(progress, share);
}

void progress_begin_unseen(struct progress *progress, qkvsim_context *context)
{
    *progress = (struct progress){ .own = 1, .stops = true, .kind = PROGRESS_NONE };
    qkvsim_context_set_progress(context, report, progress);
}

void progress_begin(struct progress *progress, qkvsim_context *context, const char *label,
                    const struct options *options)
{
    *progress = (struct progress){ .own = 1, .stops = true, .team = options->team };
    if (!team_is_first(options->team))
        progress->kind = PROGRESS_NONE;
    else if (options->progress_json)
        progress->kind = PROGRESS_JSON;
    else if (!options->quiet && (options->progress_bar || isatty(STDERR_FILENO)))
        progress->kind = PROGRESS_BAR;
    if (options->team != NULL) {
        options->team->wait = wait_for_others;
        options->team->user = progress;
    }
    snprintf(progress->label, sizeof progress->label, "%s", label);
    clock_gettime(CLOCK_MONOTONIC, &progress->begun);
    progress->said = progress->begun;
    qkvsim_context_set_progress(context, report, progress);
}

void progress_begin_several(struct progress *progress, qkvsim_context *context,
                            const struct options *options)
{
    progress_begin(progress, context, "", options);
    progress->own = 0;
}

void progress_next(struct progress *progress, const char *label, double own)
{
    snprintf(progress->label, sizeof progress->label, "%s", label);
    progress->before += progress->own;
    progress->own = own;
}

void progress_begin_shards(struct progress *progress, qkvsim_context *context,
                           const struct options *options, int64_t done, int64_t total,
                           const bool *keeps)
{
    progress_begin(progress, context, "", options);
    progress->own = 0;
    progress->stops = options->team == NULL || !team_is_first(options->team);
    progress->keeps = keeps;
    progress->done = done;
    progress->total = total;
    progress->skipped = (double)done / (double)total;
}

void progress_next_shard(struct progress *progress, const char *shard)
{
    const double whole = (double)progress->total;
    if (progress->item != NULL)
        progress->done++;
    progress->item = shard;
    snprintf(progress->label, sizeof progress->label, "shard %" PRId64 "/%" PRId64,
             progress->done + 1, progress->total);
    progress->before = progress->share = (double)progress->done / whole;
    progress->own = 1 / whole;
    if (progress->kind != PROGRESS_NONE)
        say(progress, progress->before);
}

/* A log's last line is of the work done. */
static void say_last(struct progress *progress)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (progress->total > 0 && progress->item != NULL)
        progress->done++;
    const bool counted = progress->total > 0;
    const double share = counted ? (double)progress->done / (double)progress->total
                                 : progress->before + progress->own;
    log_line(progress, share, seconds_between(&progress->begun, &now));
}

void progress_end(struct progress *progress, qkvsim_context *context, bool done)
{
    qkvsim_context_set_progress(context, NULL, NULL);
    if (progress->team != NULL)
        progress->team->wait = NULL;
    if (progress->kind == PROGRESS_JSON && done)
        say_last(progress);
    if (progress->kind == PROGRESS_BAR) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
