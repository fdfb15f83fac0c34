/*
 * The options that ask how sure a result is, taken and checked against each other.
 */
#include "options_inference.h"

#include <inttypes.h>

#include "container.h"
#include "option_values.h"
#include "text.h"

static const struct named_number schemes[] = { { "all", QKVSIM_SCHEME_ALL },
                                               { "feature", QKVSIM_SCHEME_FEATURE },
                                               { "shift", QKVSIM_SCHEME_SHIFT },
                                               { "group", QKVSIM_SCHEME_GROUP },
                                               { "observations", QKVSIM_SCHEME_OBSERVATIONS },
                                               { "observations-shift",
                                                 QKVSIM_SCHEME_OBSERVATIONS_SHIFT },
                                               { "flip", QKVSIM_SCHEME_FLIP },
                                               { NULL, 0 } };
static const struct named_number relabellings[] = { { "labels", QKVSIM_RELABEL_LABELS },
                                                    { "label-shift", QKVSIM_RELABEL_SHIFT },
                                                    { NULL, 0 } };
static const struct named_number exchanges[] = { { "observations", QKVSIM_EXCHANGE_OBSERVATIONS },
                                                 { "segments", QKVSIM_EXCHANGE_SEGMENTS },
                                                 { NULL, 0 } };
static const struct named_number intervals[] = { { "jackknife", QKVSIM_METHOD_JACKKNIFE },
                                                 { "bootstrap", QKVSIM_METHOD_BOOTSTRAP },
                                                 { NULL, 0 } };

bool take_permutations(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--permutations", value, 0, UINT32_MAX, &options->permutations,
                              failure);
}

bool take_scheme(struct options *options, char *value, struct failure *failure)
{
    options->has_scheme = true;
    return option_take_name(schemes, "--scheme", value, &options->scheme, failure);
}

bool take_seed(struct options *options, char *value, struct failure *failure)
{
    options->has_seed = true;
    return text_to_unsigned(value, &options->seed)
           || fail_usage(failure, "--seed wants a whole number from 0 to %" PRIu64 ": %s",
                         UINT64_MAX, value);
}

bool take_compare(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--compare", value, 1, UINT32_MAX - 1, &options->compare, failure);
}

bool take_relabel(struct options *options, char *value, struct failure *failure)
{
    options->has_relabel = true;
    return option_take_name(relabellings, "--relabel", value, &options->relabel, failure);
}

bool take_exceedances(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--exceedances", value, 1, UINT32_MAX, &options->exceedances,
                              failure);
}

bool take_exchange(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(exchanges, "--exchange", value, &options->exchange, failure);
}

bool take_interval(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(intervals, "--interval", value, &options->interval, failure);
}

bool take_blocks(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--blocks", value, 8, INT64_MAX, &options->blocks, failure);
}

bool take_resamples(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--resamples", value, 1, UINT32_MAX, &options->resamples, failure);
}

bool take_block(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--block", value, 1, INT64_MAX, &options->block_length, failure);
}

bool take_level(struct options *options, char *value, struct failure *failure)
{
    options->has_level = true;
    return option_take_real("--level", value, 0, 1, &options->level, failure);
}

bool take_contrast(struct options *options, char *value, struct failure *failure)
{
    (void)failure;
    options->contrasts[options->contrast_count++] = value;
    return true;
}

static bool wants(const char *option, bool given, const char *other, bool has,
                  struct failure *failure)
{
    return !given || has || fail_usage(failure, "%s wants %s", option, other);
}

/* Schemes that move whole observations, but not by lags. */
static bool moves_observations(const struct options *options)
{
    return options->permutations > 0
           && (options->scheme == QKVSIM_SCHEME_FEATURE
               || options->scheme == QKVSIM_SCHEME_OBSERVATIONS
               || options->scheme == QKVSIM_SCHEME_FLIP);
}

/* What can exchange observations or segments: all of the permutations and relabellings asked
 * for. */
static bool can_exchange(const struct options *options)
{
    bool labels = options->compare > 0 && options->relabel == QKVSIM_RELABEL_LABELS;
    return (moves_observations(options) || labels)
           && (moves_observations(options) || options->permutations == 0)
           && (labels || options->compare == 0);
}

/* Segments bound lags and blocks, or change places; where there is none of these they would be
 * ignored. */
static bool uses_segments(const struct options *options)
{
    bool lags = options->permutations > 0
                && (options->scheme == QKVSIM_SCHEME_SHIFT
                    || options->scheme == QKVSIM_SCHEME_OBSERVATIONS_SHIFT);
    bool rotations = options->compare > 0 && options->relabel == QKVSIM_RELABEL_SHIFT;
    return lags || rotations || options->interval != 0
           || options->exchange == QKVSIM_EXCHANGE_SEGMENTS;
}

/* Contrasts are also of intervals that were saved. */
static bool reads_saved(const struct options *options)
{
    return options->contrast_count > 0 && options->input_count > 0
           && container_is(options->inputs[0]);
}

bool check_inference(const struct options *options, struct failure *failure)
{
    bool jackknife = options->interval == QKVSIM_METHOD_JACKKNIFE;
    bool bootstrap = options->interval == QKVSIM_METHOD_BOOTSTRAP;
    bool interval = jackknife || bootstrap;
    bool draws = options->permutations > 0 || options->compare > 0 || bootstrap;
    return wants("--scheme", options->has_scheme, "--permutations", options->permutations > 0,
                 failure)
           && wants("--seed", options->has_seed,
                    "--permutations, --compare or --interval bootstrap", draws, failure)
           && wants("--compare", options->compare > 0, "--targets", options->targets != NULL,
                    failure)
           && wants("--relabel", options->has_relabel, "--compare", options->compare > 0, failure)
           && wants("--centred", options->centred, "--compare", options->compare > 0, failure)
           && wants("--centred", options->centred,
                    "--metrics pearson, spearman or both: the cosine is about means",
                    (options->metrics & QKVSIM_METRIC_COSINE) == 0, failure)
           && wants("--exceedances", options->exceedances > 0, "--permutations or --compare",
                    options->permutations > 0 || options->compare > 0, failure)
           && wants("--blocks", options->blocks > 0, "--interval jackknife", jackknife, failure)
           && wants("--resamples", options->resamples > 0, "--interval bootstrap", bootstrap,
                    failure)
           && wants("--block", options->block_length > 0, "--interval bootstrap", bootstrap,
                    failure)
           && wants("--level", options->has_level, "--interval", interval, failure)
           && wants("--contrast", options->contrast_count > 0, "--interval",
                    interval || reads_saved(options), failure)
           && wants("--exchange", options->exchange != 0,
                    "--scheme feature, observations or flip, or --relabel labels, and no other",
                    can_exchange(options), failure)
           && wants("--exchange segments", options->exchange == QKVSIM_EXCHANGE_SEGMENTS,
                    "--segments", options->segments != NULL, failure)
           && wants("--covariates", options->covariates != NULL,
                    "--permutations with --scheme feature, observations or flip",
                    moves_observations(options), failure)
           && wants("--segments", options->segments != NULL,
                    "--interval, --scheme shift or observations-shift, --relabel label-shift, or "
                    "--exchange segments",
                    uses_segments(options), failure);
}

const char *options_scheme_name(int32_t scheme)
{
    return option_find_name(schemes, scheme);
}

const char *options_relabel_name(int32_t relabel)
{
    return option_find_name(relabellings, relabel);
}

const char *options_exchange_name(int32_t exchange)
{
    return option_find_name(exchanges, exchange != 0 ? exchange : QKVSIM_EXCHANGE_OBSERVATIONS);
}

const char *options_interval_name(int32_t interval)
{
    return option_find_name(intervals, interval);
}
