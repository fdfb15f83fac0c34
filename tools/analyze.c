/*
 * qkvsim analyze: layer by layer from inputs to reports; each is written down before the next is
 * begun, so that the memory is that of one layer.
 */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "figures.h"
#include "json_document.h"
#include "output.h"
#include "results.h"
#include "saved.h"
#include "saver.h"
#include "spool.h"
#include "state_study.h"
#include "team_results.h"
#include "trend.h"

/* What a run writes, and while it runs: where to. */
struct outputs {
    struct spool json;
    struct spool csv;
    struct spool figure;
    struct spool table;
    struct saver save;
    struct trend trend; /* several layers' numbers, for table and figure */
};

static bool check_outputs(const struct options *options, struct failure *failure)
{
    return output_check(options->json, failure) && output_check(options->csv, failure)
           && output_check(options->figure, failure) && output_check(options->save, failure);
}

static bool open_outputs(struct outputs *outputs, const struct study *study)
{
    const struct options *options = study->options;
    struct failure *failure = study->failure;
    bool table = !options->quiet && !output_is_stdout(options->json)
                 && !output_is_stdout(options->csv) && !output_is_stdout(options->save);
    return (options->json == NULL || spool_open(&outputs->json, failure))
           && (options->csv == NULL || spool_open(&outputs->csv, failure))
           && (options->figure == NULL || spool_open(&outputs->figure, failure))
           && (options->save == NULL
               || (saver_open(&outputs->save, study->context, failure)
                   && saver_begin_run(&outputs->save, study, failure)))
           && (!table || spool_open_memory(&outputs->table, failure));
}

/* Heads are too many for histograms: they have matrices. */
static bool write_figure(FILE *stream, const struct report *report, struct failure *failure)
{
    const struct options *options = report->options;
    const struct figure_format *format = figure_format(options->figure);
    return options->heads != NULL ? figure_write_heads(stream, report, format, failure)
                                  : figure_write_histograms(stream, report, format, failure);
}

/* A writer fails with its reason, or with none where its stream failed; then spool_write says. */
static bool written(bool done, const struct failure *failure)
{
    return done || failure->exit_status == EXIT_DONE;
}

/* Writes down one layer; a single one is all there is, so it has its table and figure here. */
static bool add_layer(struct outputs *outputs, const struct report *report, int index,
                      struct failure *failure)
{
    if (outputs->json.stream != NULL
        && !written(report_add_json(outputs->json.stream, report, index, failure), failure))
        return false;
    if (outputs->csv.stream != NULL
        && !written(report_add_csv(outputs->csv.stream, report, index, failure), failure))
        return false;
    if (outputs->save.table != NULL && !saver_add_layer(&outputs->save, report, failure))
        return false;
    if (report->several)
        return trend_add(&outputs->trend, report, index, failure);
    if (outputs->figure.stream != NULL
        && !written(write_figure(outputs->figure.stream, report, failure), failure))
        return false;
    return outputs->table.stream == NULL
           || written(report_write_table(outputs->table.stream, report, failure), failure);
}

/* What several layers come to when the last is done. */
static bool finish_layers(struct outputs *outputs, const struct options *options,
                          struct failure *failure)
{
    if (outputs->table.stream != NULL
        && !written(trend_write_table(outputs->table.stream, &outputs->trend, failure), failure))
        return false;
    return outputs->figure.stream == NULL
           || written(trend_write_figure(outputs->figure.stream, &outputs->trend,
                                         figure_format(options->figure), failure),
                      failure);
}

static bool write_outputs(struct outputs *outputs, const struct options *options,
                          struct failure *failure)
{
    if (outputs->json.stream != NULL)
        json_document_end(outputs->json.stream);
    return (outputs->json.stream == NULL || spool_write(&outputs->json, options->json, failure))
           && (outputs->csv.stream == NULL || spool_write(&outputs->csv, options->csv, failure))
           && (outputs->figure.stream == NULL
               || spool_write(&outputs->figure, options->figure, failure))
           && (options->save == NULL || saver_write(&outputs->save, options->save, failure))
           && (outputs->table.stream == NULL || spool_write(&outputs->table, "-", failure));
}

static void close_outputs(struct outputs *outputs)
{
    spool_close(&outputs->json);
    spool_close(&outputs->csv);
    spool_close(&outputs->figure);
    spool_close(&outputs->table);
    saver_close(&outputs->save);
    trend_free(&outputs->trend);
}

/* The results of a layer: computed by this process, alone or with all others, or taken from the one
 * that did. */
static bool find_results(struct study *study, int layer, struct results *results,
                         struct progress *progress)
{
    struct team *team = study->options->team;
    const int owner = team_layer_owner(team, layer, study->layers.count);
    if (!study_turn_to(study, layer))
        return false;
    if (team == NULL || owner < 0)
        return results_compute(results, study, progress);
    if (owner != team->rank)
        return team_take_results(results, study, owner);
    study->team = NULL;
    const bool done = results_compute(results, study, progress)
                      && (team_is_first(team) || team_give_results(results, study));
    study->team = team;
    return done;
}

static bool takes_part(const struct study *study, int layer)
{
    const struct team *team = study->options->team;
    const int owner = team_layer_owner(team, layer, study->layers.count);
    return team_is_first(team) || owner < 0 || owner == team->rank;
}

static bool analyze_layers(struct study *study, struct outputs *outputs)
{
    struct progress progress;
    progress_begin_several(&progress, study->context, study->options);
    bool done = true;
    for (int i = 0; done && i < study->layers.count; i++) {
        struct results results = { 0 };
        if (!takes_part(study, i))
            continue;
        done = find_results(study, i, &results, &progress)
               && (!team_is_first(study->options->team)
                   || add_layer(outputs, &results.report, i, study->failure));
        results_free(&results);
    }
    progress_end(&progress, study->context, done);
    return done;
}

/* What has been computed before, in place of arrays. */
struct stored {
    struct state state;
    struct saved saved;
};

static bool open_stored(struct study *study, struct stored *stored, const struct options *options,
                        struct failure *failure)
{
    return container_holds(options->inputs[0], "result")
               ? saved_open(study, &stored->saved, options, failure)
               : state_study_open(study, &stored->state, options, failure);
}

static bool is_stored(const struct options *options)
{
    for (int i = 0; i < options->input_count; i++)
        if (container_is(options->inputs[i]))
            return true;
    return false;
}

static bool open_study(struct study *study, struct stored *stored, const struct options *options,
                       struct failure *failure)
{
    return is_stored(options) ? open_stored(study, stored, options, failure)
                              : study_open(study, options, failure);
}

/* Of several processes the first has the outputs. */
static bool analyze(const struct options *options, struct failure *failure)
{
    struct study study = { 0 };
    struct stored stored = { 0 };
    struct outputs outputs = { 0 };
    const bool writes = team_is_first(options->team);
    const bool done =
        (!writes || check_outputs(options, failure))
        && open_study(&study, &stored, options, failure)
        && (!writes || open_outputs(&outputs, &study)) && analyze_layers(&study, &outputs)
        && (!writes || !study.layers.several || finish_layers(&outputs, study.options, failure))
        && (!writes || write_outputs(&outputs, study.options, failure));
    close_outputs(&outputs);
    study_close(&study);
    saved_close(&stored.saved);
    state_free(&stored.state);
    return done;
}

/* What has been computed before is soon read, by one process. */
bool command_analyze(const struct options *options, struct failure *failure)
{
    struct options alone = *options;
    if (options->team == NULL || !is_stored(options))
        return analyze(options, failure);
    alone.team = NULL;
    return !team_is_first(options->team) || analyze(&alone, failure);
}
