/*
 * One layer's results: each condition through the library, then what compares the conditions.
 */
#include "results.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "find_warnings.h"
#include "team_pieces.h"

/* One layer's computation: what every call is given. */
struct task {
    struct results *results;
    struct study *study;
    struct progress *progress;
    qkvsim_bins bins;
    qkvsim_analysis_options analysis;
    double work;           /* analyses of this layer, over all calls */
    const char *condition; /* which of two is computed, for messages; else NULL */
};

/* About as many analyses as an interval takes. */
static double interval_work(const struct options *options)
{
    if (options->interval == 0)
        return 0;
    if (options->interval == QKVSIM_METHOD_BOOTSTRAP)
        return options->resamples > 0 ? (double)options->resamples : 1000;
    return options->blocks > 0 ? (double)options->blocks : 20;
}

static double condition_work(const struct options *options)
{
    return 1 + (double)options->permutations;
}

/* Subsets of the larger selection that a figure of histograms has without --compare. */
enum { FIGURE_SUBSETS = 20 };

static bool wants_matched(const struct study *study)
{
    const struct options *options = study->options;
    return options->compare == 0 && options->figure != NULL && options->heads == NULL
           && !study->layers.several && 2 * study->targets.count != study->input.observations;
}

static double comparison_work(const struct study *study)
{
    return wants_matched(study) ? FIGURE_SUBSETS : 3 * (double)study->options->compare;
}

/* Announces a call of so many analyses. */
static void announce(const struct task *task, const char *what, double analyses)
{
    const struct study *study = task->study;
    char label[sizeof task->progress->label];
    if (study->layers.count > 1)
        snprintf(label, sizeof label, "layer %d/%d", study->current + 1, study->layers.count);
    else
        snprintf(label, sizeof label, "%s", what);
    const int layers = team_layers(study->options->team, study->layers.count);
    progress_next(task->progress, label, analyses / task->work / layers);
}

static bool check(const struct task *task, qkvsim_status status)
{
    const struct study *study = task->study;
    char layer[PLACE_SIZE], place[PLACE_SIZE + 32];
    if (status == QKVSIM_OK)
        return !progress_interrupted() || fail(study->failure, "interrupted");
    snprintf(place, sizeof place, "%s%s%s", study_place(study, layer),
             task->condition != NULL ? ": " : "", task->condition != NULL ? task->condition : "");
    return fail_library(study->failure, study->context, status, place);
}

/* What this process makes of things that a study asks for, and from which of them on. */
static struct share divide(const struct task *task, bool divided, int64_t count)
{
    return team_share(task->study->team, divided, count);
}

/* Of how many in all a process makes its share; 0 is the library's default. */
static int64_t total_of(const struct task *task, bool divided, int64_t count)
{
    const struct options *options = task->study->options;
    const bool piece = divided && task->study->team != NULL && options->total == 0;
    return piece ? options->first + count : options->total;
}

/* Puts the processes' pieces together, where there are any. */
static bool join(const struct task *task, bool divided, qkvsim_kind kind, void **result)
{
    const struct study *study = task->study;
    struct handle piece = { .kind = kind, .result = *result };
    const bool done = !divided || team_join(study->team, study->context, &piece, study->failure);
    *result = piece.result;
    return done;
}

static bool run_baseline(struct task *task, const qkvsim_input *input, qkvsim_baseline **baseline)
{
    const struct study *study = task->study;
    const struct options *options = study->options;
    const bool divided = options->exceedances == 0;
    const struct share share = divide(task, divided, options->permutations);
    qkvsim_baseline_options baseline_options = {
        .struct_size = sizeof baseline_options,
        .permutations = share.count,
        .seed = options->seed,
        .scheme = options->scheme,
        .exchange = options->exchange,
        .covariates = study->covariates.parts,
        .exceedances = options->exceedances,
        .first = options->first + share.first,
        .total = total_of(task, divided, options->permutations),
    };
    if (share.count > 0
        && !check(task, qkvsim_baseline_run(study->context, input, study->layout, &task->analysis,
                                            &baseline_options, baseline)))
        return false;
    void *result = *baseline;
    const bool done = join(task, divided, QKVSIM_KIND_BASELINE, &result);
    *baseline = result;
    return done;
}

/* Of a bootstrap the resamples are divided. */
static bool run_intervals(struct task *task, const qkvsim_input *input,
                          const qkvsim_selection *second, qkvsim_intervals **intervals)
{
    enum { RESAMPLES = 1000 }; /* interval.h */
    const struct study *study = task->study;
    const struct options *options = study->options;
    const bool divided = options->interval == QKVSIM_METHOD_BOOTSTRAP;
    const int64_t resamples = options->resamples > 0 ? options->resamples : RESAMPLES;
    const struct share share = divide(task, divided, resamples);
    qkvsim_interval_options interval_options = { .struct_size = sizeof interval_options,
                                                 .method = options->interval,
                                                 .blocks = options->blocks,
                                                 .block_length = options->block_length,
                                                 .level = options->level,
                                                 .seed = options->seed };
    if (divided) {
        interval_options.resamples = share.count;
        interval_options.first = options->first + share.first;
        interval_options.total = total_of(task, divided, resamples);
    }
    if (share.count > 0
        && !check(task, qkvsim_intervals_run(study->context, input, second, study->layout,
                                             &task->analysis, &interval_options, intervals)))
        return false;
    void *result = *intervals;
    const bool done = join(task, divided, QKVSIM_KIND_INTERVALS, &result);
    *intervals = result;
    return done;
}

static bool analyze_share(struct task *task, const qkvsim_input *input, int32_t *numbers,
                          qkvsim_analysis **analysis)
{
    const struct study *study = task->study;
    int32_t count;
    if (!rows_share(&study->rows, study->context, study->layout, study->team, numbers, &count,
                    study->failure))
        return false;
    qkvsim_analysis_options own = task->analysis;
    own.pair_groups = numbers;
    own.pair_group_count = count;
    return count == 0
           || check(task,
                    qkvsim_analysis_run(study->context, input, study->layout, &own, analysis));
}

/* The pair groups are divided by the number of their pairs. */
static bool run_analysis(struct task *task, const qkvsim_input *input, qkvsim_analysis **analysis)
{
    const struct study *study = task->study;
    int32_t *numbers = calloc((size_t)qkvsim_layout_pair_groups(study->layout), sizeof *numbers);
    if (numbers == NULL)
        return fail_no_memory(study->failure);
    bool done = analyze_share(task, input, numbers, analysis);
    free(numbers);
    void *result = *analysis;
    done = done && join(task, true, QKVSIM_KIND_ANALYSIS, &result);
    *analysis = result;
    return done;
}

static const char *const condition_names[][REPORT_CONDITIONS_MAX] = {
    { "all" }, { "targets", "non-targets" }
};

/* One condition: the observations of a selection, or all where it is NULL. */
static bool run_condition(struct task *task, const qkvsim_selection *selection)
{
    const struct study *study = task->study;
    const struct options *options = study->options;
    struct results *results = task->results;
    int index = results->report.condition_count;
    const char *name = condition_names[selection != NULL][index];
    const qkvsim_input input = study_input(study, selection);
    task->condition = selection != NULL ? name : NULL;
    announce(task, name, condition_work(options));
    if (!(options->permutations > 0 ? run_baseline(task, &input, &results->baselines[index])
                                    : run_analysis(task, &input, &results->analyses[index])))
        return false;
    announce(task, name, interval_work(options));
    if (options->interval != 0 && !run_intervals(task, &input, NULL, &results->intervals[index]))
        return false;
    results->report.condition_count++;
    return true;
}

static bool run_comparison(struct task *task, const qkvsim_selection *targets,
                           const qkvsim_selection *others)
{
    const struct study *study = task->study;
    const struct options *options = study->options;
    struct results *results = task->results;
    const qkvsim_input input = study_input(study, targets);
    const bool figure_alone = options->compare == 0;
    const bool divided = !figure_alone && options->exceedances == 0;
    const struct share share =
        divide(task, divided, figure_alone ? FIGURE_SUBSETS : options->compare);
    qkvsim_comparison_options comparison = {
        .struct_size = sizeof comparison,
        .permutations = figure_alone ? 0 : share.count,
        .subsets = share.count,
        .seed = options->seed,
        .relabel = options->relabel,
        .exchange = figure_alone ? 0 : options->exchange, /* the band is of subsets alone */
        .centred = options->centred,
        .exceedances = figure_alone ? 0 : options->exceedances,
        .first = figure_alone ? 0 : options->first + share.first,
        .total = figure_alone ? 0 : total_of(task, divided, options->compare),
        .first_subset = figure_alone ? 0 : options->first + share.first,
    };
    qkvsim_comparison **made = figure_alone ? &results->matched : &results->comparison;
    task->condition = NULL;
    announce(task, "comparison", comparison_work(study));
    if (share.count > 0
        && !check(task, qkvsim_comparison_run(study->context, &input, others, study->layout,
                                              &task->analysis, &comparison, made)))
        return false;
    void *result = *made;
    const bool done = join(task, divided, QKVSIM_KIND_COMPARISON, &result);
    *made = result;
    return done;
}

/* How the two selections differ, with intervals. */
static bool run_selection_contrast(struct task *task, const qkvsim_selection *targets,
                                   const qkvsim_selection *others)
{
    const qkvsim_input input = study_input(task->study, targets);
    task->condition = NULL;
    announce(task, "contrast", 2 * interval_work(task->study->options));
    return run_intervals(task, &input, others, &task->results->selection_contrast);
}

static struct report begin_report(const struct study *study)
{
    const struct options *options = study->options;
    const struct layer *layer = &study->layers.items[study->current];
    return (struct report){
        .layer = layer->name,
        .several = study->layers.several,
        .input_name = study->files,
        .sources = layer->sources,
        .input = &study->input,
        .dtype = input_type(&study->input),
        .observations = study->input.observations,
        .features = study->input.features,
        .layout = study->layout,
        .rows = study->rows.numbers,
        .pair_group_count = study->rows.pair_groups,
        .row_count = study->rows.count,
        .codes = study->codes,
        .options = options,
        .contrasts = study->contrasts,
    };
}

static bool run_all(struct results *results, struct study *study, struct progress *progress)
{
    const struct options *options = study->options;
    struct task task = { .results = results,
                         .study = study,
                         .progress = progress,
                         .bins = { .struct_size = sizeof task.bins, .count = options->bins } };
    task.analysis = (qkvsim_analysis_options){ .struct_size = sizeof task.analysis,
                                               .bins = &task.bins,
                                               .pair_groups = study->rows.numbers,
                                               .pair_group_count = study->rows.pair_groups,
                                               .metrics = options->metrics };
    task.work = condition_work(options) + interval_work(options);
    if (options->targets == NULL)
        return run_condition(&task, NULL);
    task.work = 2 * task.work + comparison_work(study) + 2 * interval_work(options);
    qkvsim_selection targets = { .struct_size = sizeof targets,
                                 .mask = study->targets.mask,
                                 .count = study->input.observations };
    qkvsim_selection others = targets;
    others.mask = study->others;
    return run_condition(&task, &targets) && run_condition(&task, &others)
           && ((options->compare == 0 && !wants_matched(study))
               || run_comparison(&task, &targets, &others))
           && (options->interval == 0 || run_selection_contrast(&task, &targets, &others));
}

void results_describe(struct results *results, const struct study *study)
{
    const bool selected = study->options->targets != NULL;
    struct report *report = &results->report;
    *report = begin_report(study);
    report->warnings = &results->warnings;
    report->condition_count = selected ? 2 : 1;
    for (int c = 0; c < report->condition_count; c++)
        report->conditions[c] = (struct condition){
            .name = condition_names[selected][c],
            .baseline = results->baselines[c],
            .intervals = results->intervals[c],
            .analysis = results->baselines[c] != NULL
                            ? qkvsim_baseline_observed(results->baselines[c])
                            : results->analyses[c],
        };
    report->comparison = results->comparison;
    report->matched = results->comparison != NULL ? results->comparison : results->matched;
    report->selection_contrast = results->selection_contrast;
}

static bool compute(struct results *results, struct study *study, struct progress *progress)
{
    if (study->stored == NULL) {
        if (!run_all(results, study, progress))
            return false;
        results_describe(results, study);
        return true;
    }
    results->report = begin_report(study);
    results->report.warnings = &results->warnings;
    return study->stored->compute(results, study);
}

bool results_compute(struct results *results, struct study *study, struct progress *progress)
{
    *results = (struct results){ 0 };
    return compute(results, study, progress)
           && (!team_is_first(study->team)
               || find_warnings(&results->warnings, &results->report, study)
               || fail_no_memory(study->failure));
}

void results_free(struct results *results)
{
    for (int i = 0; i < REPORT_CONDITIONS_MAX; i++) {
        qkvsim_analysis_free(results->analyses[i]);
        qkvsim_baseline_free(results->baselines[i]);
        qkvsim_intervals_free(results->intervals[i]);
    }
    qkvsim_comparison_free(results->comparison);
    qkvsim_comparison_free(results->matched);
    qkvsim_intervals_free(results->selection_contrast);
    *results = (struct results){ 0 };
}
