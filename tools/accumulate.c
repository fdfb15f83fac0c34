/*
 * qkvsim accumulate: shard by shard into a state, which is written down on the way, so that a run
 * that ends early can go on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "destination.h"
#include "json.h"
#include "output.h"
#include "progress.h"
#include "shard_input.h"
#include "shard_parts.h"
#include "shard_sums.h"
#include "shards.h"
#include "state.h"
#include "team_exchange.h"
#include "team_rows.h"
#include "team_shards.h"
#include "text.h"

struct run {
    const struct options *options;
    struct failure *failure;
    qkvsim_context *context;
    struct shards shards;
    struct state state;   /* without a table until the first shard is in */
    char part[PATH_MAX];  /* where it is written on the way; empty where it cannot be */
    const char *from;     /* what the run goes on with; NULL: nothing */
    struct stat written;  /* the file of that name as this run left it */
    bool whole;           /* the state is that of its shards: none is half in */
    bool begun;           /* the state has something of the shard in hand */
    int64_t unwritten;    /* shards that no file has */
    struct timespec last; /* when it was written last, and how long that took */
    double cost;
};

/* ---- the state on its way ---- */

static double seconds_since(const struct timespec *from)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - from->tv_sec) + 1e-9 * (double)(now.tv_nsec - from->tv_nsec);
}

/* Whether nobody else has written the file since this run looked at it last. */
static bool is_ours(const struct run *run)
{
    struct stat now;
    const struct stat *then = &run->written;
    if (stat(run->part, &now) != 0)
        return errno != ENOENT || then->st_ino == 0;
    return now.st_ino == then->st_ino && now.st_dev == then->st_dev && now.st_size == then->st_size
           && now.st_mtim.tv_sec == then->st_mtim.tv_sec
           && now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

static void look_at_part(struct run *run)
{
    if (run->part[0] == '\0' || stat(run->part, &run->written) != 0)
        run->written = (struct stat){ 0 };
}

static bool write_state(const struct run *run, const char *path)
{
    struct team *team = run->options->team;
    return team_has_rows(team, &run->state)
               ? team_write_state(team, &run->state, path, run->failure)
               : state_write(&run->state, path, run->failure);
}

static bool write_part(struct run *run)
{
    struct timespec begun;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    if (!is_ours(run))
        return fail(run->failure, "another run writes the same state: %s has changed", run->part);
    if (!write_state(run, run->part))
        return false;
    look_at_part(run);
    run->unwritten = 0;
    run->cost = seconds_since(&begun);
    clock_gettime(CLOCK_MONOTONIC, &run->last);
    return true;
}

/* The first shard's is written at once: a place that cannot be written is to be known early. From
 * then on writing takes a twentieth of the time at most, unless every shard is asked for. */
static bool is_due(const struct run *run, bool first)
{
    enum { COSTS = 20 };
    const double wait = (double)run->options->checkpoint;
    const double since = seconds_since(&run->last);
    const bool due = wait <= 0 || (since >= wait && since >= COSTS * run->cost);
    return run->part[0] != '\0' && (first || due);
}

/* Behind the last shard the state is written under its own name. */
static bool write_where_due(struct run *run, bool first, bool last)
{
    struct team *team = run->options->team;
    const bool due = !last && is_due(run, first);
    if (team_has_rows(team, &run->state) && !team_tell_next(team, due || last, run->failure))
        return false;
    return !due || write_part(run);
}

/* What a run that ends early leaves, and how to go on. */
static bool leave(struct run *run)
{
    struct failure why = *run->failure;
    const bool alone = !team_has_rows(run->options->team, &run->state);
    if (run->whole && alone && run->unwritten > 0 && run->part[0] != '\0' && !write_part(run))
        why = *run->failure; /* there is no room, say: what was written before stays */
    const int64_t in = run->state.table != NULL ? state_shards(&run->state) - run->unwritten : 0;
    if (run->part[0] != '\0' && in > 0 && run->written.st_ino != 0)
        fail(run->failure, "%s (%" PRId64 " shard%s in %s: --resume goes on with it)", why.text, in,
             in == 1 ? " is" : "s are", run->part);
    else
        *run->failure = why;
    run->failure->exit_status = why.exit_status;
    return false;
}

/* ---- adding a shard ---- */

static bool add_shard(struct run *run, const char *path)
{
    const bool done =
        shard_sums_add(&run->state, run->context, run->options, path, &run->begun, run->failure);
    run->whole = done || !run->begun;
    run->unwritten += done;
    return done;
}

/* The state of a shard, which another process made. */
static bool take_shard(struct run *run, int rank, const char *path)
{
    void *bytes;
    int64_t size;
    bool begun;
    if (!run->options->team->take(run->options->team, rank, true, &bytes, &size, run->failure))
        return false;
    const bool done = state_merge_shard(&run->state, bytes, size, path, &begun, run->failure);
    run->whole = done || !begun;
    run->unwritten += done;
    return done;
}

/* ---- going on ---- */

/* Whether a shard may have been written to since the state was: what it holds has to be looked
 * at. */
static bool is_newer(const struct run *run, const struct shard_parts *parts)
{
    struct stat of_state;
    return stat(run->from, &of_state) != 0 || !shard_parts_are_older(parts, &of_state);
}

/* Reads a shard again for its checksum alone. */
static bool holds_the_same(const struct run *run, const char *path, const struct shard *then,
                           bool *same)
{
    struct shard_input shard;
    struct options options = *run->options;
    options.targets = NULL;
    options.blocks = 0;
    if (!shard_input_open(&shard, &options, path, run->failure))
        return false;
    const bool done = shard_input_read(&shard, &options, run->failure);
    *same = shard.shard.checksum == then->checksum;
    shard_input_close(&shard);
    return done;
}

/* A shard that is in must be the file that was added. */
static bool is_in(const struct run *run, const char *path, bool *in)
{
    struct shard shard;
    *in = run->state.table != NULL && state_find_shard(&run->state, path, &shard);
    if (!*in)
        return true;
    struct shard_parts parts;
    if (!shard_parts_find(&parts, run->options, path, run->failure))
        return false;
    bool same = shard_parts_bytes(&parts) == shard.bytes;
    const bool looked = !same || !is_newer(run, &parts) || holds_the_same(run, path, &shard, &same);
    shard_parts_free(&parts);
    if (!looked)
        return false;
    return same
           || fail(
               run->failure,
               "a shard has changed since it was added: %s (a new state begins without --resume)",
               path);
}

/* Leaves the shards that are still to be added. */
static bool leave_out_those_in(struct run *run)
{
    struct shards *shards = &run->shards;
    int64_t kept = 0;
    bool done = true;
    for (int64_t i = 0; i < shards->count; i++) {
        bool in = false;
        done = done && is_in(run, shards->paths[i], &in);
        if (in)
            free(shards->paths[i]);
        else
            shards->paths[kept++] = shards->paths[i];
    }
    shards->count = kept;
    return done;
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Of several processes each keeps rows of it, and has no more than these in memory. */
static bool read_state(struct run *run)
{
    const struct options *options = run->options;
    struct progress unseen;
    progress_begin_unseen(&unseen, run->context);
    const bool done = (options->team != NULL && options->blocks == 0 ? state_open : state_read)(
        &run->state, run->context, run->from, run->failure);
    progress_end(&unseen, run->context, done);
    return done;
}

/* A name that a file system does not take is to be known before the work, too. */
static bool name_part(struct run *run)
{
    struct destination destination;
    char folder[PATH_MAX];
    if (!destination_find(&destination, run->options->output)
        || destination.kind != DESTINATION_FILE)
        return true;
    const int length = snprintf(run->part, sizeof run->part, "%s.part", destination.path);
    destination_folder(destination.path, folder);
    const long most = pathconf(folder, _PC_NAME_MAX);
    return (length < PATH_MAX && (most < 0 || (long)strlen(text_file_name(run->part)) <= most))
           || fail(run->failure, "the name is too long: %s.part", destination.path);
}

static bool part_holds(const struct run *run, const json_t *shards)
{
    size_t i;
    json_t *object;
    json_array_foreach((json_t *)shards, i, object)
    {
        const struct shard shard = state_table_shard(object);
        if (!state_holds(&run->state, &shard))
            return fail(run->failure,
                        "%s has a shard that %s has not: %s (remove either of the two)",
                        run->options->output, run->part, shard.file);
    }
    return true;
}

/* A whole state may be newer than what an interrupted run left, by a merge say: none of its shards
 * is to be lost. */
static bool part_holds_whole(const struct run *run)
{
    struct container whole;
    const char *output = run->options->output;
    int64_t layers, conditions;
    if (!exists(output) || !container_holds(output, "state"))
        return true;
    if (!container_open(&whole, run->context, output, "state", run->failure))
        return false;
    const bool done = state_table_check(&whole, &layers, &conditions, run->failure)
                      && part_holds(run, json_object_get(whole.table, "shards"));
    container_close(&whole);
    return done;
}

/* What an interrupted run left comes before a whole state. */
static bool find_state(struct run *run)
{
    const char *output = run->options->output;
    if (!name_part(run))
        return false;
    const bool part = run->part[0] != '\0' && exists(run->part);
    look_at_part(run);
    if (part && !run->options->resume)
        return fail(run->failure,
                    "an interrupted run left %s: --resume goes on with it (or remove it)",
                    run->part);
    if (run->options->resume)
        run->from = part ? run->part : run->part[0] != '\0' && exists(output) ? output : NULL;
    return run->from == NULL
           || (read_state(run)
               && state_check_options(&run->state, run->options, run->from, run->failure)
               && (!part || part_holds_whole(run)));
}

/* The others are to know which shards are still to be added, and to what. */
static bool keep_own_rows(struct run *run)
{
    const int64_t features = state_table_features(run->state.table);
    return state_keep_rows(&run->state, state_rows(run->options, features), run->failure);
}

static bool tell_others(struct run *run)
{
    const struct shards *shards = &run->shards;
    if (run->options->team == NULL)
        return true;
    return (run->state.table != NULL || shards->count == 0
            || shard_sums_begin(&run->state, run->context, run->options, shards->paths[0],
                                run->failure))
           && tell_shards(&run->state, shards, run->from, run->options->team, run->failure)
           && (shards->count == 0 || keep_own_rows(run));
}

static void expect_shard(const struct run *run, int64_t number)
{
    shard_parts_expect(run->options, run->shards.paths, run->shards.count, number);
}

/* The next shard: added by this process, or taken from the one that made its sums. */
static bool next_shard(struct run *run, int64_t number)
{
    const char *path = run->shards.paths[number];
    if (team_has_rows(run->options->team, &run->state)) {
        expect_shard(run, number + 1);
        return add_shard(run, path) && team_await_shard(run->options->team, run->failure);
    }
    const int size = team_size(run->options->team), owner = (int)(number % size);
    if (owner != 0)
        return take_shard(run, owner, path);
    expect_shard(run, number + size);
    return add_shard(run, path);
}

static bool note_shard(struct run *run, const json_t *table)
{
    const json_t *object = json_array_get(json_object_get(table, "shards"), 0);
    if (!json_is_string(json_object_get(object, "file")))
        return fail(run->failure, "a rank tells of no shard");
    const struct shard shard = state_table_shard(object);
    run->unwritten++;
    return state_note_shard(&run->state, &shard, NULL, run->failure);
}

/* Of another rank, which may have had no shard in this round. */
static bool note_other(struct run *run, int rank)
{
    void *bytes;
    int64_t size;
    json_error_t error;
    if (!run->options->team->take(run->options->team, rank, true, &bytes, &size, run->failure))
        return false;
    json_t *table = size > 0 ? json_read(bytes, (size_t)size, &error) : NULL;
    const bool done = size == 0 || (json_whole(run->failure) && note_shard(run, table));
    json_decref(table);
    free(bytes);
    return done;
}

/* A shard of each rank at a time: the ranks exchange rows of their sums, and this one notes whose
 * they are. */
static bool add_round(struct run *run, struct progress *progress, int64_t first)
{
    struct team *team = run->options->team;
    char *const *paths = run->shards.paths;
    const int64_t left = run->shards.count - first;
    const int count = left < team->size ? (int)left : team->size;
    const char *before =
        state_shards(&run->state) > 0 ? state_shard(&run->state, 0).file : paths[0];
    struct state own = { 0 };
    progress_next_shard(progress, paths[first]);
    expect_shard(run, first + team->size);
    bool done = team_make_own(&own, run->state.table, before, run->context, run->options,
                              paths[first], run->failure)
                && team_exchange(team, &run->state, &own, count, run->failure)
                && note_shard(run, own.table);
    state_free(&own);
    for (int rank = 1; done && rank < team->size; rank++) {
        if (rank < count)
            progress_next_shard(progress, paths[first + rank]);
        done = note_other(run, rank);
    }
    return done;
}

static bool add_shards(struct run *run)
{
    const int64_t in = run->state.table != NULL ? state_shards(&run->state) : 0;
    const struct shards *shards = &run->shards;
    struct progress progress;
    bool done = tell_others(run);
    const bool rounds = done && team_has_rows(run->options->team, &run->state)
                        && !state_reads_all(run->options, state_table_features(run->state.table));
    const int64_t step = rounds ? run->options->team->size : 1;
    progress_begin_shards(&progress, run->context, run->options, in, in + shards->count,
                          &run->begun);
    for (int64_t i = 0; done && i < shards->count; i += step) {
        if (!rounds)
            progress_next_shard(&progress, shards->paths[i]);
        done = (rounds ? add_round(run, &progress, i) : next_shard(run, i))
               && (!progress_interrupted() || fail(run->failure, "interrupted"))
               && write_where_due(run, i == 0, i + step >= shards->count);
    }
    progress_end(&progress, run->context, done);
    return done;
}

/* A state is under its own name once all shards are in. */
static bool finish(struct run *run)
{
    const bool nothing_new =
        run->shards.count == 0 && run->from != NULL && strcmp(run->from, run->part) != 0;
    if (nothing_new)
        return true;
    if (run->part[0] != '\0' && !is_ours(run))
        return fail(run->failure, "another run writes the same state: %s has changed", run->part);
    if (!write_state(run, run->options->output))
        return false;
    if (run->written.st_ino != 0)
        unlink(run->part);
    return true;
}

/* A state keeps the names of its shards, in JSON. */
static bool check_names(const struct shards *shards, struct failure *failure)
{
    bool done = true;
    json_begin();
    for (int64_t i = 0; done && i < shards->count; i++) {
        json_t *name = json_string(shards->paths[i]);
        done = name != NULL
               || (json_whole(failure)
                   && fail(failure, "a shard's name is no UTF-8: %s (a state cannot hold it)",
                           shards->paths[i]));
        json_decref(name);
    }
    return done;
}

/* Whatever can be said against the shards without reading them. */
static bool list_shards(struct run *run)
{
    struct shards *shards = &run->shards;
    return shards_list(shards, run->options, false, run->failure)
           && check_names(shards, run->failure)
           && shard_parts_check(run->options, shards->paths, shards->count, run->failure)
           && shard_parts_are_spared(run->options, shards->paths, shards->count, run->failure);
}

static bool accumulate(const struct options *options, struct failure *failure)
{
    struct run run = { .options = options, .failure = failure, .whole = true };
    clock_gettime(CLOCK_MONOTONIC, &run.last);
    bool done = output_check(options->output, failure)
                && command_make_context(options, &run.context, failure) && list_shards(&run)
                && find_state(&run) && leave_out_those_in(&run);
    done = done && ((add_shards(&run) && finish(&run)) || leave(&run));
    state_free(&run.state);
    shards_free(&run.shards);
    qkvsim_context_free(run.context);
    return done;
}

bool command_accumulate(const struct options *options, struct failure *failure)
{
    return team_is_first(options->team) ? accumulate(options, failure)
                                        : accumulate_for_first(options, failure);
}
