/*
 * qkvsim merge: states, or results in pieces, into one.
 */
#include <string.h>

#include "commands.h"
#include "merge_results.h"
#include "options_outputs.h"
#include "output.h"
#include "progress.h"
#include "shards.h"
#include "state.h"

static bool merge_states(const struct options *options, qkvsim_context *context,
                         const struct shards *files, struct failure *failure)
{
    struct state state;
    struct progress progress;
    progress_begin_shards(&progress, context, options, 0, files->count, NULL);
    progress_next_shard(&progress, files->paths[0]);
    bool done = state_read(&state, context, files->paths[0], failure);
    for (int64_t i = 1; done && i < files->count; i++) {
        progress_next_shard(&progress, files->paths[i]);
        done = state_merge(&state, files->paths[0], files->paths[i], failure)
               && (!progress_interrupted() || fail(failure, "interrupted"));
    }
    done = done && state_write(&state, options->output, failure);
    progress_end(&progress, context, done);
    state_free(&state);
    return done;
}

static bool check_spare(const struct options *options, const struct shards *files,
                        struct failure *failure)
{
    for (int64_t i = 0; i < files->count; i++)
        if (!check_outputs_spare(options, files->paths[i], failure))
            return false;
    return true;
}

bool command_merge(const struct options *options, struct failure *failure)
{
    qkvsim_context *context = NULL;
    struct shards files = { 0 };
    bool done =
        output_check(options->output, failure) && command_make_context(options, &context, failure)
        && shards_list(&files, options, true, failure) && check_spare(options, &files, failure)
        && (container_holds(files.paths[0], "result")
                ? merge_results(options, context, &files, failure)
                : merge_states(options, context, &files, failure));
    shards_free(&files);
    qkvsim_context_free(context);
    return done;
}
