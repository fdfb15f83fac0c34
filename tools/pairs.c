/*
 * qkvsim pairs: the strongest pairs of features, layer by layer, of arrays or of a state.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json_document.h"
#include "output.h"
#include "report.h"
#include "report_pairs.h"
#include "spool.h"
#include "state_study.h"

/* What a run writes; not opened where it does not. */
struct pairs_outputs {
    struct spool json;
    struct spool csv;
    struct spool table;
};

static bool open_outputs(struct pairs_outputs *outputs, const struct options *options,
                         struct failure *failure)
{
    bool table =
        !options->quiet && !output_is_stdout(options->json) && !output_is_stdout(options->csv);
    return (options->json == NULL || spool_open(&outputs->json, failure))
           && (options->csv == NULL || spool_open(&outputs->csv, failure))
           && (!table || spool_open_memory(&outputs->table, failure));
}

static bool write_outputs(struct pairs_outputs *outputs, const struct options *options,
                          struct failure *failure)
{
    if (outputs->json.stream != NULL)
        json_document_end(outputs->json.stream);
    return (outputs->json.stream == NULL || spool_write(&outputs->json, options->json, failure))
           && (outputs->csv.stream == NULL || spool_write(&outputs->csv, options->csv, failure))
           && (outputs->table.stream == NULL || spool_write(&outputs->table, "-", failure));
}

static void close_outputs(struct pairs_outputs *outputs)
{
    spool_close(&outputs->json);
    spool_close(&outputs->csv);
    spool_close(&outputs->table);
}

/* Numbers the features within their groups. */
static int64_t *number_features(const qkvsim_layout *layout)
{
    const int32_t *group_of = qkvsim_layout_group_of(layout);
    int64_t features = qkvsim_layout_features(layout);
    int64_t *places = calloc((size_t)features, sizeof *places);
    int64_t *next = calloc((size_t)qkvsim_layout_groups(layout), sizeof *next);
    for (int64_t j = 0; places != NULL && next != NULL && j < features; j++)
        places[j] = next[group_of[j]]++;
    if (next == NULL) {
        free(places);
        places = NULL;
    }
    free(next);
    return places;
}

static qkvsim_status search_arrays(const struct study *study, const qkvsim_pairs_options *options,
                                   qkvsim_pairs **pairs)
{
    const qkvsim_selection selection = { .struct_size = sizeof selection,
                                         .mask = study->targets.mask,
                                         .count = study->input.observations };
    const qkvsim_input input =
        study_input(study, study->options->targets != NULL ? &selection : NULL);
    return qkvsim_pairs_run(study->context, &input, study->layout, options, pairs);
}

static qkvsim_status search_state(const struct study *study, const qkvsim_pairs_options *options,
                                  qkvsim_pairs **pairs)
{
    const int64_t condition = study->options->condition == CONDITION_OTHERS ? 1 : 0;
    return qkvsim_accumulator_pairs(study->context,
                                    state_accumulator(study->stored_in, study->current, condition),
                                    study->layout, options, pairs);
}

static bool find_pairs(const struct study *study, qkvsim_pairs **pairs)
{
    const struct options *options = study->options;
    qkvsim_pairs_options pairs_options = {
        .struct_size = sizeof pairs_options,
        .pair_groups = study->rows.numbers,
        .pair_group_count = study->rows.pair_groups,
        .metric = options->metric,
        .sign = options->sign,
        .per_pair_group = options->per_pair_group,
        .threshold = options->has_threshold ? &options->threshold : NULL,
        .top = options->top,
        .limit = options->limit,
    };
    const qkvsim_status status = study->stored != NULL
                                     ? search_state(study, &pairs_options, pairs)
                                     : search_arrays(study, &pairs_options, pairs);
    if (status == QKVSIM_OK)
        return !progress_interrupted() || fail(study->failure, "interrupted");
    char place[PLACE_SIZE];
    return fail_library(study->failure, study->context, status, study_place(study, place));
}

static bool write_layer(const struct pairs_outputs *outputs, const struct study *study,
                        const int64_t *places, const qkvsim_pairs *pairs)
{
    const struct layer *layer = &study->layers.items[study->current];
    struct pairs_report report = {
        .layer = layer->name,
        .several = study->layers.several,
        .input_name = study->files,
        .sources = layer->sources,
        .input = &study->input,
        .observations = qkvsim_pairs_observations(pairs),
        .layout = study->layout,
        .places = places,
        .options = study->options,
    };
    report.pairs = qkvsim_pairs_list(pairs, &report.count);
    if (outputs->csv.stream != NULL)
        pairs_add_csv(outputs->csv.stream, &report, study->current);
    return (outputs->json.stream == NULL
            || pairs_add_json(outputs->json.stream, &report, study->current, study->failure))
           && (outputs->table.stream == NULL
               || pairs_write_table(outputs->table.stream, &report, study->failure));
}

static bool search_layers(struct study *study, const struct pairs_outputs *outputs)
{
    int64_t *places = number_features(study->layout);
    if (places == NULL)
        return fail_no_memory(study->failure);
    struct progress progress;
    progress_begin_several(&progress, study->context, study->options);
    bool done = true;
    for (int i = 0; done && i < study->layers.count; i++) {
        qkvsim_pairs *pairs = NULL;
        progress_next(&progress, "pairs", 1.0 / study->layers.count);
        done = study_turn_to(study, i) && find_pairs(study, &pairs)
               && write_layer(outputs, study, places, pairs);
        qkvsim_pairs_free(pairs);
    }
    progress_end(&progress, study->context, done);
    free(places);
    return done;
}

static bool open_study(struct study *study, struct state *state, const struct options *options,
                       struct failure *failure)
{
    for (int i = 0; i < options->input_count; i++)
        if (container_is(options->inputs[i]))
            return state_study_open(study, state, options, failure);
    return (options->condition == CONDITION_DEFAULT
            || fail_usage(failure, "--condition is of a state, --targets of arrays: %s",
                          options->inputs[0]))
           && study_open(study, options, failure);
}

bool command_pairs(const struct options *options, struct failure *failure)
{
    struct study study = { 0 };
    struct state state = { 0 };
    struct pairs_outputs outputs = { 0 };
    bool done = output_check(options->json, failure) && output_check(options->csv, failure)
                && open_study(&study, &state, options, failure)
                && open_outputs(&outputs, options, failure) && search_layers(&study, &outputs)
                && write_outputs(&outputs, options, failure);
    close_outputs(&outputs);
    study_close(&study);
    state_free(&state);
    return done;
}
