/*
 * A file of saved results, read again. Its options are words of a command line, which are parsed as
 * such.
 */
#include "saved.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "handles.h"
#include "json.h"
#include "parse_options.h"
#include "parts_table.h"
#include "results.h"
#include "text.h"

/* ---- the table ---- */

static const char *const made_names[] = { "permutations", "compare", "resamples", "first",
                                          "total" };
enum { MADE = 5, MADE_AS_OPTIONS = 3 };

static int64_t made_number(const json_t *table, int which)
{
    return json_integer_value(json_object_get(json_object_get(table, "made"), made_names[which]));
}

static bool check_words(const json_t *words)
{
    size_t i;
    json_t *word;
    json_array_foreach((json_t *)words, i, word) if (!json_is_string(word)) return false;
    return json_is_array(words) && json_array_size(words) < INT32_MAX / 4;
}

/* Numbers that increase, or null. */
static bool check_pair_groups(const json_t *list)
{
    json_int_t before = -1;
    size_t i;
    json_t *number;
    json_array_foreach((json_t *)list, i, number)
    {
        if (!json_is_integer(number) || json_integer_value(number) <= before
            || json_integer_value(number) > INT32_MAX)
            return false;
        before = json_integer_value(number);
    }
    return list == NULL || json_is_null(list) || json_array_size(list) > 0;
}

static bool check_made(const json_t *made)
{
    for (int i = 0; i < MADE; i++) {
        const json_t *number = json_object_get(made, made_names[i]);
        if (!json_is_integer(number) || json_integer_value(number) < 0
            || json_integer_value(number) > UINT32_MAX)
            return false;
    }
    return check_pair_groups(json_object_get(made, "pair_groups"));
}

static bool check_input(const json_t *input, int64_t *features)
{
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(input, "parts"), i,
                       part) if (!json_is_string(json_object_get(part, "file"))) return false;
    return parts_table_check(json_object_get(input, "parts"), features)
           && json_integer_value(json_object_get(input, "features")) == *features
           && json_integer_value(json_object_get(input, "observations")) > 0;
}

static bool check_warnings(const json_t *warnings)
{
    size_t i;
    json_t *warning;
    json_array_foreach(
        (json_t *)warnings, i,
        warning) if (!json_is_string(json_object_get(warning, "code"))
                     || !json_is_string(json_object_get(warning, "text"))) return false;
    return json_is_array(warnings);
}

static bool check_layer(const json_t *layer, int64_t *features)
{
    size_t i;
    json_t *condition;
    const json_t *conditions = json_object_get(layer, "conditions");
    json_array_foreach(
        (json_t *)conditions, i,
        condition) if (!json_is_string(json_object_get(condition, "name"))) return false;
    return json_is_string(json_object_get(layer, "name"))
           && check_input(json_object_get(layer, "input"), features)
           && json_array_size(conditions) >= 1
           && json_array_size(conditions) <= REPORT_CONDITIONS_MAX
           && check_warnings(json_object_get(layer, "warnings"));
}

bool saved_check_table(const struct container *container, struct failure *failure)
{
    const json_t *table = container->table, *layers = json_object_get(table, "layers");
    int64_t features = 0, first = 0;
    if (!check_words(json_object_get(table, "arguments"))
        || !check_words(json_object_get(table, "inputs"))
        || json_array_size(json_object_get(table, "inputs")) == 0)
        return container_fail(container, "arguments", failure);
    if (!check_made(json_object_get(table, "made")))
        return container_fail(container, "made", failure);
    const size_t count = json_array_size(layers);
    for (size_t i = 0; i < count; i++) {
        if (!check_layer(json_array_get(layers, i), &features) || (i > 0 && features != first))
            return container_fail(container, "layers", failure);
        first = features;
    }
    return (count > 0 && (count == 1 || json_is_true(json_object_get(table, "several"))))
           || container_fail(container, "layers", failure);
}

/* ---- options ---- */

static bool add_word(struct saved *saved, const char *word, struct failure *failure)
{
    saved->words[saved->word_count] = strdup(word);
    return saved->words[saved->word_count++] != NULL || fail_no_memory(failure);
}

static bool add_words(struct saved *saved, const json_t *words, struct failure *failure)
{
    size_t i;
    json_t *word;
    json_array_foreach((json_t *)words, i,
                       word) if (!add_word(saved, json_string_value(word), failure)) return false;
    return true;
}

static bool add_made(struct saved *saved, struct failure *failure)
{
    char word[64];
    bool done = true;
    for (int i = 0; done && i < MADE_AS_OPTIONS; i++) {
        const int64_t number = made_number(saved->container.table, i);
        snprintf(word, sizeof word, "--%s=%" PRId64, made_names[i], number);
        done = number == 0 || add_word(saved, word, failure);
    }
    return done;
}

/* The command line that made the results, with what is asked of them now. */
static bool collect_words(struct saved *saved, const struct options *given, struct failure *failure)
{
    const json_t *table = saved->container.table;
    const json_t *words = json_object_get(table, "arguments");
    const json_t *inputs = json_object_get(table, "inputs");
    const size_t count = json_array_size(words) + json_array_size(inputs)
                         + (size_t)given->word_count + MADE_AS_OPTIONS + 4;
    saved->words = calloc(count, sizeof *saved->words);
    if (saved->words == NULL)
        return fail_no_memory(failure);
    bool done = add_word(saved, "qkvsim", failure) && add_word(saved, "analyze", failure)
                && add_words(saved, words, failure) && add_made(saved, failure);
    for (int i = 0; done && i < given->word_count; i++)
        done = add_word(saved, given->words[i], failure);
    return done && add_word(saved, "--", failure) && add_words(saved, inputs, failure);
}

static bool find_options(struct saved *saved, const struct options *given, struct failure *failure)
{
    struct options *options = &saved->options;
    if (!collect_words(saved, given, failure)
        || !options_parse_saved(saved->word_count, saved->words, options, failure))
        return false;
    if (options->command != COMMAND_ANALYZE || options->help || options->version
        || options->save != NULL)
        return container_fail(&saved->container, "arguments", failure);
    options->first = made_number(saved->container.table, MADE_AS_OPTIONS);
    options->total = made_number(saved->container.table, MADE_AS_OPTIONS + 1);
    options->json = given->json;
    options->csv = given->csv;
    options->figure = given->figure;
    options->quiet = given->quiet;
    options->progress_json = given->progress_json;
    options->threads = given->threads;
    return true;
}

/* ---- the study ---- */

static const struct saved *saved_of(const struct study *study)
{
    return study->stored_in;
}

static const json_t *layer_of(const struct saved *saved, int layer)
{
    return json_array_get(json_object_get(saved->container.table, "layers"), (size_t)layer);
}

static const json_t *parts_of(const struct saved *saved, int layer)
{
    return json_object_get(json_object_get(layer_of(saved, layer), "input"), "parts");
}

static bool add_layer(struct study *study, const struct saved *saved, int number)
{
    struct layer *layer = &study->layers.items[study->layers.count++];
    const json_t *parts = parts_of(saved, number);
    const char *name = json_string_value(json_object_get(layer_of(saved, number), "name"));
    const size_t count = json_array_size(parts), size = strlen(name) + 1;
    layer->name = malloc(size);
    layer->sources = calloc(count, sizeof *layer->sources);
    if (layer->name == NULL || layer->sources == NULL)
        return fail_no_memory(study->failure);
    text_make_safe(name, layer->name, size);
    layer->source_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        const json_t *part = json_array_get(parts, i);
        layer->sources[i] =
            (struct part_source){ .path = json_string_value(json_object_get(part, "file")),
                                  .tensor = json_string_value(json_object_get(part, "tensor")) };
    }
    return true;
}

static bool add_layers(struct study *study, const struct saved *saved)
{
    const json_t *table = saved->container.table;
    const size_t count = json_array_size(json_object_get(table, "layers"));
    study->layers.items = calloc(count, sizeof *study->layers.items);
    bool done = study->layers.items != NULL || fail_no_memory(study->failure);
    study->layers.several = json_is_true(json_object_get(table, "several"));
    for (size_t i = 0; done && i < count; i++)
        done = add_layer(study, saved, (int)i);
    return done;
}

static bool read_layout(struct study *study, const struct saved *saved)
{
    struct handle handle;
    if (!handle_read(&handle, study->context, &saved->container, 0, QKVSIM_KIND_LAYOUT,
                     study->failure))
        return false;
    study->layout = handle.result;
    return qkvsim_layout_features(study->layout) == study->input.features
           || container_fail(&saved->container, "the layout has other features", study->failure);
}

/* The rows of a run that was not of all pair groups. */
static bool read_rows(struct study *study, struct saved *saved)
{
    const json_t *made = json_object_get(saved->container.table, "made");
    const json_t *list = json_object_get(made, "pair_groups");
    const size_t count = json_array_size(list);
    if (count == 0)
        return true;
    const json_t *last = json_array_get(list, count - 1);
    if (json_integer_value(last) >= qkvsim_layout_pair_groups(study->layout))
        return container_fail(&saved->container, "made", study->failure);
    int32_t *numbers = calloc(count, sizeof *numbers);
    if (numbers == NULL)
        return fail_no_memory(study->failure);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int32_t)json_integer_value(json_array_get(list, i));
    const bool done =
        rows_of_numbers(&study->rows, study->layout, numbers, (int32_t)count, study->failure);
    free(numbers);
    saved->pair_groups = done ? rows_list_names(&study->rows, study->layout) : NULL;
    saved->options.pair_groups = saved->pair_groups;
    return saved->pair_groups != NULL || (done && fail_no_memory(study->failure));
}

void saved_close(struct saved *saved)
{
    options_free(&saved->options);
    for (int i = 0; i < saved->word_count; i++)
        free(saved->words[i]);
    free(saved->words);
    free(saved->pair_groups);
    container_close(&saved->container);
    *saved = (struct saved){ 0 };
}

/* ---- results ---- */

/* A result of a kind, NULL where the table has null; what is there must be what the options ask
 * for. */
static bool read_named(const struct study *study, const json_t *object, const char *name,
                       qkvsim_kind kind, bool wanted, void **result)
{
    const json_t *number = json_object_get(object, name);
    struct handle handle;
    if (json_is_integer(number) != wanted || (!wanted && !json_is_null(number)))
        return container_fail(&saved_of(study)->container, name, study->failure);
    if (!wanted)
        return true;
    if (!handle_read(&handle, study->context, &saved_of(study)->container,
                     json_integer_value(number), kind, study->failure))
        return false;
    *result = handle.result;
    return true;
}

/* Rows that an analysis does not have have no histograms. */
static bool has_rows(const struct study *study, const qkvsim_analysis *analysis)
{
    const int32_t metrics = study->options->metrics, metric = metrics & -metrics;
    for (int32_t i = 0; i < study->rows.count; i++)
        if (qkvsim_analysis_histogram(analysis, study->rows.numbers[i], metric) == NULL)
            return false;
    return true;
}

/* What is reported of an analysis is what the options say that was computed. */
static bool is_of_study(const struct study *study, const qkvsim_analysis *analysis)
{
    const qkvsim_layout *layout = qkvsim_analysis_layout(analysis);
    return (qkvsim_layout_features(layout) == qkvsim_layout_features(study->layout)
            && qkvsim_layout_groups(layout) == qkvsim_layout_groups(study->layout)
            && qkvsim_layout_rows(layout) == qkvsim_layout_rows(study->layout)
            && qkvsim_analysis_metrics(analysis) == study->options->metrics
            && qkvsim_analysis_bins(analysis) == study->options->bins && has_rows(study, analysis))
           || container_fail(&saved_of(study)->container, "an analysis is of other options",
                             study->failure);
}

static bool read_condition(struct results *results, const struct study *study, const json_t *object,
                           int number)
{
    const struct options *options = study->options;
    const bool permuted = options->permutations > 0;
    void *analysis = NULL, *baseline = NULL, *intervals = NULL;
    const bool read =
        read_named(study, object, "analysis", QKVSIM_KIND_ANALYSIS, !permuted, &analysis)
        && read_named(study, object, "baseline", QKVSIM_KIND_BASELINE, permuted, &baseline)
        && read_named(study, object, "intervals", QKVSIM_KIND_INTERVALS, options->interval != 0,
                      &intervals);
    results->analyses[number] = analysis;
    results->baselines[number] = baseline;
    results->intervals[number] = intervals;
    if (!read)
        return false;
    static const char *const names[][REPORT_CONDITIONS_MAX] = { { "all" },
                                                                { "targets", "non-targets" } };
    struct condition *condition = &results->report.conditions[number];
    *condition = (struct condition){
        .name = names[options->targets != NULL][number],
        .analysis = permuted ? qkvsim_baseline_observed(baseline) : analysis,
        .baseline = baseline,
        .intervals = intervals,
    };
    results->report.condition_count++;
    return (intervals == NULL || is_of_study(study, qkvsim_intervals_observed(intervals)))
           && is_of_study(study, condition->analysis);
}

static bool read_comparisons(struct results *results, const struct study *study,
                             const json_t *layer)
{
    const struct options *options = study->options;
    const bool both = options->targets != NULL;
    void *comparison = NULL, *contrast = NULL;
    const bool read = read_named(study, layer, "comparison", QKVSIM_KIND_COMPARISON,
                                 both && options->compare > 0, &comparison)
                      && read_named(study, layer, "selection_contrast", QKVSIM_KIND_INTERVALS,
                                    both && options->interval != 0, &contrast);
    results->comparison = comparison;
    results->selection_contrast = contrast;
    results->report.comparison = results->report.matched = comparison;
    results->report.selection_contrast = contrast;
    return read && (comparison == NULL || is_of_study(study, qkvsim_comparison_first(comparison)))
           && (contrast == NULL || is_of_study(study, qkvsim_intervals_observed(contrast)));
}

static bool compute(struct results *results, struct study *study)
{
    const json_t *layer = layer_of(saved_of(study), study->current);
    const json_t *conditions = json_object_get(layer, "conditions");
    const size_t count = study->options->targets != NULL ? 2 : 1;
    if (json_array_size(conditions) != count)
        return container_fail(&saved_of(study)->container, "conditions", study->failure);
    bool done = true;
    for (size_t i = 0; done && i < count; i++)
        done = read_condition(results, study, json_array_get(conditions, i), (int)i);
    return done && read_comparisons(results, study, layer);
}

/* ---- the study, opened ---- */

static bool describe(struct study *study, int layer)
{
    const struct saved *saved = saved_of(study);
    if (!parts_table_describe(parts_of(saved, layer), &study->input, study->failure))
        return false;
    const json_t *object = json_object_get(layer_of(saved, layer), "input");
    study->input.observations = json_integer_value(json_object_get(object, "observations"));
    return true;
}

static void warn(const struct study *study, struct warnings *warnings)
{
    size_t i;
    json_t *object;
    json_array_foreach(json_object_get(layer_of(saved_of(study), study->current), "warnings"), i,
                       object)
    {
        if (warnings->count == WARNINGS_MAX)
            return;
        struct warning *warning = &warnings->items[warnings->count++];
        warning->code = json_string_value(json_object_get(object, "code"));
        warning->in_table = json_is_true(json_object_get(object, "in_table"));
        text_make_safe(json_string_value(json_object_get(object, "text")), warning->text,
                       sizeof warning->text);
    }
}

static const struct stored_layers stored = { describe, compute, warn };

bool saved_open(struct study *study, struct saved *saved, const struct options *options,
                struct failure *failure)
{
    *study = (struct study){ .options = &saved->options,
                             .failure = failure,
                             .stored = &stored,
                             .stored_in = saved,
                             .current = -1 };
    return options_check_given(options, ANALYZE_RESULT, "a result", failure)
           && command_make_context(options, &study->context, failure)
           && container_open(&saved->container, study->context, options->inputs[0], "result",
                             failure)
           && saved_check_table(&saved->container, failure) && find_options(saved, options, failure)
           && add_layers(study, saved) && study_turn_to(study, 0) && read_layout(study, saved)
           && read_rows(study, saved) && study_find_rows(study);
}
