/*
 * The options of work that is done in pieces, taken and checked against each other.
 */
#include "options_corpus.h"

#include <inttypes.h>
#include <string.h>

#include "rows.h"

enum { STREAM_BLOCKS_LEAST = 16, STREAM_BLOCKS_MOST = 4096 }; /* accumulator.h */

static const struct named_number divisions[] = { { "shards", DIVIDE_SHARDS },
                                                 { "moments", DIVIDE_ROWS },
                                                 { NULL, 0 } };

bool take_divide(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(divisions, "--divide", value, &options->divide, failure);
}

bool take_checkpoint(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--checkpoint", value, 0, INT32_MAX, &options->checkpoint, failure);
}

/* [GROUP=]PATTERN; a = in a folder's name parts nothing. */
bool take_part(struct options *options, char *value, struct failure *failure)
{
    struct tensor_request *part = &options->part_files[options->part_count++];
    char *equals = strchr(value, '='), *slash = strchr(value, '/');
    part->name = value;
    if (equals != NULL && (slash == NULL || equals < slash)) {
        *equals = '\0';
        part->group = value;
        part->name = equals + 1;
    }
    const char *star = strchr(part->name, '*');
    if (star == NULL || strchr(star + 1, '*') != NULL
        || (part->group != NULL && part->group[0] == '\0'))
        return fail_usage(failure,
                          "--part wants [GROUP=]PATTERN, a file's name with one * for that of the "
                          "shard: number %d",
                          options->part_count);
    return true;
}

bool take_first(struct options *options, char *value, struct failure *failure)
{
    options->has_first = true;
    return option_take_number("--first", value, 0, UINT32_MAX - 1, &options->first, failure);
}

bool take_total(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--total", value, 1, UINT32_MAX, &options->total, failure);
}

bool take_progress(struct options *options, char *value, struct failure *failure)
{
    options->progress_json = strcmp(value, "json") == 0;
    options->progress_bar = strcmp(value, "bar") == 0;
    return options->progress_json || options->progress_bar
           || fail_usage(failure, "--progress is bar or json: %s", value);
}

static bool check_parts(const struct options *options, struct failure *failure)
{
    const struct tensor_request *parts = options->part_files;
    if (options->part_count == 0)
        return true;
    if (options->tensor_count > 0)
        return fail_usage(failure, "--part is of .npy files, --tensor of .safetensors: %s",
                          parts[0].name);
    for (int i = 0; i < options->part_count; i++)
        if ((parts[i].group == NULL) != (parts[0].group == NULL))
            return fail_usage(failure, "--part with GROUP= and without cannot be mixed: %s",
                              parts[i].name);
    return parts[0].group == NULL || options->groups == NULL
           || fail_usage(failure, "--groups and --part %s=%s both name the groups", parts[0].group,
                         parts[0].name);
}

bool check_accumulate(const struct options *options, struct failure *failure)
{
    if (!check_parts(options, failure))
        return false;
    if (options->blocks != 0
        && (options->blocks < STREAM_BLOCKS_LEAST || options->blocks > STREAM_BLOCKS_MOST))
        return fail_usage(failure, "--blocks of accumulate is from %d to %d: %" PRId64,
                          STREAM_BLOCKS_LEAST, STREAM_BLOCKS_MOST, options->blocks);
    if (options->divide == DIVIDE_ROWS && options->blocks != 0)
        return fail_usage(failure, "--divide moments and --blocks: blocks are of shards");
    return options->segments == NULL || options->blocks != 0
           || fail_usage(failure, "--segments of accumulate wants --blocks");
}

/* What a run makes that can be in pieces; `alike` says whether it is as many of each. */
static int64_t most_made(const struct options *options, bool *alike)
{
    const int64_t made[] = { options->permutations, options->compare, options->resamples };
    int64_t most = 0;
    *alike = true;
    for (int i = 0; i < 3; i++) {
        *alike = *alike && (made[i] == 0 || most == 0 || made[i] == most);
        most = made[i] > most ? made[i] : most;
    }
    return most;
}

static bool check_resamples(const struct options *options, bool piece, struct failure *failure)
{
    enum { RESAMPLES_LEAST = 20 };
    if (piece && options->interval == QKVSIM_METHOD_BOOTSTRAP && options->resamples == 0)
        return fail_usage(failure, "a piece of a bootstrap (--first, --total) wants --resamples");
    return piece || options->resamples == 0 || options->resamples >= RESAMPLES_LEAST
           || fail_usage(failure, "--resamples is at least %d, but for a piece (--first): %" PRId64,
                         RESAMPLES_LEAST, options->resamples);
}

/* What repeats an analysis is adjusted over all pair groups, and has pieces of its own. */
static bool check_pair_groups(const struct options *options, int64_t made, struct failure *failure)
{
    if (!rows_are_a_piece(options->pair_groups) || (made == 0 && options->interval == 0))
        return true;
    return fail_usage(
        failure,
        "--pair-groups %s is a piece of an analysis without --permutations, --compare "
        "and --interval (--first makes pieces of those)",
        options->pair_groups);
}

bool check_pieces(const struct options *options, struct failure *failure)
{
    const bool piece = options->has_first || options->total != 0;
    const char *name = options->has_first ? "--first" : "--total";
    bool alike;
    const int64_t made = most_made(options, &alike);
    if (!check_resamples(options, piece, failure) || !check_pair_groups(options, made, failure))
        return false;
    if (!piece)
        return true;
    if (made == 0)
        return fail_usage(failure, "%s wants --permutations, --compare or --resamples", name);
    if (!alike)
        return fail_usage(
            failure,
            "%s is of permutations, relabellings and resamples alike: make as many of each", name);
    if (options->save == NULL)
        return fail_usage(failure, "%s makes a piece, which is of no use without --save", name);
    if (options->exceedances > 0)
        return fail_usage(failure, "%s and --exceedances: what may stop early has no pieces", name);
    return options->total == 0 || options->total >= options->first + made
           || fail_usage(failure,
                         "--total %" PRId64 " is less than --first and what is made: %" PRId64,
                         options->total, options->first + made);
}
