/*
 * qkvsim pairs: the strongest pairs of features, layer by layer.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json_document.h"
#include "output.h"
#include "report.h"
#include "report_pairs.h"
#include "spool.h"
#include "study.h"

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

static bool find_pairs(const struct study *study, qkvsim_pairs **pairs)
{
    const struct options *options = study->options;
    qkvsim_selection selection = { .struct_size = sizeof selection,
                                   .mask = study->targets.mask,
                                   .count = study->input.observations };
    const qkvsim_input input = study_input(study, options->targets != NULL ? &selection : NULL);
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
    qkvsim_status status =
        qkvsim_pairs_find(study->context, &input, study->layout, &pairs_options, pairs);
    if (status == QKVSIM_OK)
        return !progress_interrupted() || fail(study->failure, "interrupted");
    char place[STUDY_PLACE_SIZE];
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

bool command_pairs(const struct options *options, struct failure *failure)
{
    struct study study = { 0 };
    struct pairs_outputs outputs = { 0 };
    bool done = output_check(options->json, failure) && output_check(options->csv, failure)
                && study_open(&study, options, failure) && open_outputs(&outputs, options, failure)
                && search_layers(&study, &outputs) && write_outputs(&outputs, options, failure);
    close_outputs(&outputs);
    study_close(&study);
    return done;
}
