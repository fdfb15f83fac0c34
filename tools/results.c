/*
 * One layer's results: each condition through the library, then what compares the conditions.
 */
#include "results.h"

#include <inttypes.h>
#include <string.h>

#include "find_warnings.h"

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
    progress_next(task->progress, label, analyses / task->work / study->layers.count);
}

static bool check(const struct task *task, qkvsim_status status)
{
    const struct study *study = task->study;
    char layer[STUDY_PLACE_SIZE], place[STUDY_PLACE_SIZE + 32];
    if (status == QKVSIM_OK)
        return !progress_interrupted() || fail(study->failure, "interrupted");
    snprintf(place, sizeof place, "%s%s%s", study_place(study, layer),
             task->condition != NULL ? ": " : "", task->condition != NULL ? task->condition : "");
    return fail_library(study->failure, study->context, status, place);
}

static bool run_baseline(struct task *task, const qkvsim_input *input, qkvsim_baseline **baseline)
{
    const struct study *study = task->study;
    const struct options *options = study->options;
    qkvsim_baseline_options baseline_options = { .struct_size = sizeof baseline_options,
                                                 .permutations = options->permutations,
                                                 .seed = options->seed,
                                                 .scheme = options->scheme,
                                                 .exchange = options->exchange,
                                                 .covariates = study->covariates.parts,
                                                 .exceedances = options->exceedances,
                                                 .first = options->first,
                                                 .total = options->total };
    return check(task, qkvsim_baseline_run(study->context, input, study->layout, &task->analysis,
                                           &baseline_options, baseline));
}

static bool run_intervals(struct task *task, const qkvsim_input *input,
                          const qkvsim_selection *second, qkvsim_intervals **intervals)
{
    const struct study *study = task->study;
    const struct options *options = study->options;
    qkvsim_interval_options interval_options = { .struct_size = sizeof interval_options,
                                                 .method = options->interval,
                                                 .blocks = options->blocks,
                                                 .resamples = options->resamples,
                                                 .block_length = options->block_length,
                                                 .level = options->level,
                                                 .seed = options->seed };
    if (options->interval == QKVSIM_METHOD_BOOTSTRAP) {
        interval_options.first = options->first;
        interval_options.total = options->total;
    }
    return check(task, qkvsim_intervals_run(study->context, input, second, study->layout,
                                            &task->analysis, &interval_options, intervals));
}

/* One condition: the observations of a selection, or all where it is NULL. */
static bool run_condition(struct task *task, const char *name, const qkvsim_selection *selection)
{
    const struct study *study = task->study;
    const struct options *options = study->options;
    struct results *results = task->results;
    int index = results->report.condition_count;
    const qkvsim_input input = study_input(study, selection);
    task->condition = selection != NULL ? name : NULL;
    announce(task, name, condition_work(options));
    if (options->permutations > 0) {
        if (!run_baseline(task, &input, &results->baselines[index]))
            return false;
    } else if (!check(task, qkvsim_analyze(study->context, &input, study->layout, &task->analysis,
                                           &results->analyses[index]))) {
        return false;
    }
    announce(task, name, interval_work(options));
    if (options->interval != 0 && !run_intervals(task, &input, NULL, &results->intervals[index]))
        return false;
    results->report.conditions[index] = (struct condition){
        .name = name,
        .baseline = results->baselines[index],
        .intervals = results->intervals[index],
        .analysis = results->baselines[index] != NULL
                        ? qkvsim_baseline_observed(results->baselines[index])
                        : results->analyses[index],
    };
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
    bool figure_alone = options->compare == 0;
    qkvsim_comparison_options comparison = {
        .struct_size = sizeof comparison,
        .permutations = options->compare,
        .subsets = figure_alone ? FIGURE_SUBSETS : options->compare,
        .seed = options->seed,
        .relabel = options->relabel,
        .exchange = figure_alone ? 0 : options->exchange, /* the band is of subsets alone */
        .centred = options->centred,
        .exceedances = figure_alone ? 0 : options->exceedances,
        .first = figure_alone ? 0 : options->first,
        .total = figure_alone ? 0 : options->total,
        .first_subset = figure_alone ? 0 : options->first,
    };
    qkvsim_comparison **made = figure_alone ? &results->matched : &results->comparison;
    task->condition = NULL;
    announce(task, "comparison", comparison_work(study));
    if (!check(task, qkvsim_compare(study->context, &input, others, study->layout, &task->analysis,
                                    &comparison, made)))
        return false;
    results->report.comparison = results->comparison;
    results->report.matched = *made;
    return true;
}

/* How the two selections differ, with intervals. */
static bool run_selection_contrast(struct task *task, const qkvsim_selection *targets,
                                   const qkvsim_selection *others)
{
    const qkvsim_input input = study_input(task->study, targets);
    task->condition = NULL;
    announce(task, "contrast", 2 * interval_work(task->study->options));
    if (!run_intervals(task, &input, others, &task->results->selection_contrast))
        return false;
    task->results->report.selection_contrast = task->results->selection_contrast;
    return true;
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
        return run_condition(&task, "all", NULL);
    task.work = 2 * task.work + comparison_work(study) + 2 * interval_work(options);
    qkvsim_selection targets = { .struct_size = sizeof targets,
                                 .mask = study->targets.mask,
                                 .count = study->input.observations };
    qkvsim_selection others = targets;
    others.mask = study->others;
    return run_condition(&task, "targets", &targets) && run_condition(&task, "non-targets", &others)
           && ((options->compare == 0 && !wants_matched(study))
               || run_comparison(&task, &targets, &others))
           && (options->interval == 0 || run_selection_contrast(&task, &targets, &others));
}

bool results_compute(struct results *results, struct study *study, struct progress *progress)
{
    *results = (struct results){ .report = begin_report(study) };
    results->report.warnings = &results->warnings;
    return (study->stored != NULL ? study->stored->compute(results, study)
                                  : run_all(results, study, progress))
           && (find_warnings(&results->warnings, &results->report, study)
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
