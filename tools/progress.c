/*
 * Long work: a bar on standard error, and a clean stop on Ctrl-C through the progress callback.
 */
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

static void draw(const struct progress *progress, double share, double seconds)
{
    enum { BAR = 30 };
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(share * BAR) ? '#' : '.';
    bar[BAR] = '\0';
    double left = share > 0 ? seconds * (1 - share) / share : 0;
    char line[128];
    snprintf(line, sizeof line, "%-12s [%s] %3.0f %%  %.0f s left", progress->label, bar,
             100 * share, left);
    fprintf(stderr, "\r\033[K%.*s", terminal_columns() - 1, line);
    fflush(stderr);
}

static int32_t report(void *user, int64_t done, int64_t total)
{
    struct progress *progress = user;
    if (progress_interrupted())
        return 1;
    if (!progress->visible)
        return 0;
    /* Nothing is drawn in the first half second: short work needs no bar. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = seconds_between(&progress->begun, &now);
    if (seconds > 0.5 && seconds_between(&progress->drawn, &now) > 0.1) {
        double share = progress->before + progress->own * (double)done / (double)total;
        draw(progress, share, seconds);
        progress->drawn = now;
    }
    return 0;
}

void progress_begin(struct progress *progress, qkvsim_context *context, const char *label,
                    bool quiet)
{
    *progress = (struct progress){ .own = 1, .visible = !quiet && isatty(STDERR_FILENO) };
    snprintf(progress->label, sizeof progress->label, "%s", label);
    clock_gettime(CLOCK_MONOTONIC, &progress->begun);
    progress->drawn = progress->begun;
    qkvsim_context_set_progress(context, report, progress);
}

void progress_begin_several(struct progress *progress, qkvsim_context *context, bool quiet)
{
    progress_begin(progress, context, "", quiet);
    progress->own = 0;
}

void progress_next(struct progress *progress, const char *label, double own)
{
    snprintf(progress->label, sizeof progress->label, "%s", label);
    progress->before += progress->own;
    progress->own = own;
}

void progress_end(struct progress *progress, qkvsim_context *context)
{
    qkvsim_context_set_progress(context, NULL, NULL);
    if (progress->visible) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
