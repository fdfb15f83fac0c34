/*
 * What analyze and pairs make of a state.
 */
#include "state_study.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "groups.h"
#include "parse_options.h"
#include "progress.h"
#include "results.h"
#include "text.h"

static const struct state *state_of(const struct study *study)
{
    return study->stored_in;
}

/* ---- opening ---- */

static bool check_options(const struct options *options, struct failure *failure)
{
    const bool pairs = options->command == COMMAND_PAIRS;
    const int32_t metrics = pairs ? options->metric : options->metrics;
    if (!options_check_given(options, pairs ? PAIRS_STATE : ANALYZE_STATE, "a state", failure))
        return false;
    if ((metrics & QKVSIM_METRIC_SPEARMAN) != 0)
        return fail_usage(failure, "%s spearman is for arrays: a state has no ranks: %s",
                          pairs ? "--metric" : "--metrics", options->inputs[0]);
    return options->interval != QKVSIM_METHOD_BOOTSTRAP
           || fail_usage(
               failure,
               "--interval bootstrap is for arrays: a state has blocks for the jackknife: %s",
               options->inputs[0]);
}

bool state_find_condition(const struct state *state, const struct options *options,
                          int64_t *condition, struct failure *failure)
{
    const char *path = options->inputs[0], *name = options_condition_name(options->condition);
    if (name != NULL && state->conditions == 1)
        return fail_usage(failure,
                          "--condition %s: the state has all observations together, and no "
                          "targets: %s",
                          name, path);
    *condition = options->condition == CONDITION_OTHERS ? 1 : 0;
    return qkvsim_accumulator_observations(state_accumulator(state, 0, *condition)) > 0
           || fail(failure, "no observations: %s: %s", path,
                   state_condition_name(state, *condition));
}

/* Of pairs one condition is looked at, of analyze all. */
static bool check_content(const struct state *state, const struct options *options,
                          struct failure *failure)
{
    const char *path = options->inputs[0];
    int64_t condition;
    if (options->command == COMMAND_PAIRS)
        return state_find_condition(state, options, &condition, failure);
    for (int64_t c = 0; c < state->conditions; c++)
        if (qkvsim_accumulator_observations(state_accumulator(state, 0, c)) == 0)
            return fail(failure, "no observations: %s: %s", path, state_condition_name(state, c));
    return options->interval == 0 || qkvsim_accumulator_blocks(state_accumulator(state, 0, 0)) > 0
           || fail(failure, "no blocks are kept for --interval: %s (accumulate with --blocks)",
                   path);
}

static bool add_layer(struct study *study, const struct state *state, int number)
{
    struct layer *layer = &study->layers.items[study->layers.count++];
    const json_t *parts = state_parts(state, number);
    const char *name = state_layer_name(state, number);
    const size_t count = json_array_size(parts);
    const char *path = study->options->inputs[0];
    layer->name = strdup(name != NULL ? name : text_file_name(path));
    layer->sources = calloc(count, sizeof *layer->sources);
    if (layer->name == NULL || layer->sources == NULL)
        return false;
    text_make_safe(name != NULL ? name : text_file_name(path), layer->name,
                   strlen(layer->name) + 1);
    layer->source_count = (int32_t)count;
    for (size_t i = 0; i < count; i++)
        layer->sources[i] = (struct part_source){
            .path = path,
            .tensor = json_string_value(json_object_get(json_array_get(parts, i), "tensor")),
        };
    return true;
}

static bool add_layers(struct study *study, const struct state *state)
{
    study->layers.items = calloc((size_t)state->layers, sizeof *study->layers.items);
    if (study->layers.items == NULL)
        return fail_no_memory(study->failure);
    study->layers.several = state_layer_name(state, 0) != NULL;
    for (int i = 0; i < (int)state->layers; i++)
        if (!add_layer(study, state, i))
            return fail_no_memory(study->failure);
    return true;
}

/* The state's layout, or another one that is asked for. */
static bool find_layout(struct study *study, struct state *state)
{
    const struct options *options = study->options;
    if (options->groups != NULL || options->heads != NULL)
        return groups_make_layout(study->context, options, &study->input, &study->layout,
                                  study->failure);
    study->layout = state->layout;
    state->layout = NULL;
    return true;
}

/* ---- results ---- */

static bool check(const struct study *study, qkvsim_status status)
{
    char place[PLACE_SIZE];
    return status == QKVSIM_OK
           || fail_library(study->failure, study->context, status, study_place(study, place));
}

static bool analyze(const struct study *study, const qkvsim_analysis_options *analysis,
                    int64_t number, struct results *results)
{
    const qkvsim_accumulator *accumulator =
        state_accumulator(state_of(study), study->current, number);
    const qkvsim_interval_options interval = { .struct_size = sizeof interval,
                                               .level = study->options->level };
    if (!check(study, qkvsim_accumulator_analysis(study->context, accumulator, study->layout,
                                                  analysis, &results->analyses[number])))
        return false;
    if (study->options->interval != 0
        && !check(study,
                  qkvsim_accumulator_intervals(study->context, accumulator, NULL, study->layout,
                                               analysis, &interval, &results->intervals[number])))
        return false;
    results->report.conditions[number] =
        (struct condition){ .name = state_condition_name(state_of(study), number),
                            .analysis = results->analyses[number],
                            .intervals = results->intervals[number] };
    results->report.condition_count++;
    return true;
}

/* How targets and non-targets differ. */
static bool contrast(const struct study *study, const qkvsim_analysis_options *analysis,
                     struct results *results)
{
    const struct state *state = state_of(study);
    const qkvsim_interval_options interval = { .struct_size = sizeof interval,
                                               .level = study->options->level };
    if (state->conditions < 2 || study->options->interval == 0)
        return true;
    if (!check(study, qkvsim_accumulator_intervals(
                          study->context, state_accumulator(state, study->current, 0),
                          state_accumulator(state, study->current, 1), study->layout, analysis,
                          &interval, &results->selection_contrast)))
        return false;
    results->report.selection_contrast = results->selection_contrast;
    return true;
}

static bool compute(struct results *results, struct study *study)
{
    const qkvsim_bins bins = { .struct_size = sizeof bins, .count = study->options->bins };
    const qkvsim_analysis_options analysis = { .struct_size = sizeof analysis,
                                               .bins = &bins,
                                               .pair_groups = study->rows.numbers,
                                               .pair_group_count = study->rows.pair_groups,
                                               .metrics = study->options->metrics };
    bool done = true;
    for (int64_t c = 0; done && c < state_of(study)->conditions; c++)
        done = analyze(study, &analysis, c, results);
    return done && contrast(study, &analysis, results);
}

/* ---- the study ---- */

static bool describe(struct study *study, int layer)
{
    const struct state *state = state_of(study);
    char count[TEXT_COUNT_SIZE];
    text_append(study->files, sizeof study->files, " (%s shard%s)",
                text_count(state_shards(state), count), state_shards(state) == 1 ? "" : "s");
    return state_describe_layer(state, layer, &study->input, study->failure);
}

/* Sums tell nothing of neighbours. */
static void warn(const struct study *study, struct warnings *warnings)
{
    (void)study;
    (void)warnings;
}

static const struct stored_layers stored = { describe, compute, warn };

static bool open_state(struct study *study, struct state *state)
{
    struct progress unseen;
    progress_begin_unseen(&unseen, study->context);
    const bool done = state_open(state, study->context, study->options->inputs[0], study->failure);
    progress_end(&unseen, study->context, done);
    return done;
}

bool state_study_open(struct study *study, struct state *state, const struct options *options,
                      struct failure *failure)
{
    *study = (struct study){
        .options = options, .failure = failure, .stored = &stored, .stored_in = state, .current = -1
    };
    return check_options(options, failure)
           && command_make_context(options, &study->context, failure) && open_state(study, state)
           && check_content(state, options, failure) && add_layers(study, state)
           && study_turn_to(study, 0) && find_layout(study, state) && study_find_rows(study);
}
