/*
 * One layer's results: each condition through the library, then what the report says of them.
 */
#include "results.h"

#include <inttypes.h>
#include <string.h>

/* A condition, and what every call about it is given. */
struct task {
    struct results *results;
    struct study *study;
    struct progress *progress;
    const char *name;
    qkvsim_selection selection;
    qkvsim_bins bins;
    qkvsim_analysis_options analysis;
};

static struct task make_task(struct results *results, struct study *study,
                             struct progress *progress, const char *name, const uint8_t *mask)
{
    const struct options *options = study->options;
    struct task task = {
        .results = results,
        .study = study,
        .progress = progress,
        .name = name,
        .selection = { .struct_size = sizeof task.selection,
                       .mask = mask,
                       .count = study->input.observations },
        .bins = { .struct_size = sizeof task.bins, .count = options->bins },
        .analysis = { .struct_size = sizeof task.analysis,
                      .pair_groups = study->pair_groups,
                      .pair_group_count = study->pair_group_count,
                      .metrics = options->metrics,
                      .precision = options->precision,
                      .nonfinite = options->nonfinite },
    };
    return task;
}

/* Announces a call that is `own` of this layer's work. */
static void announce(const struct task *task, double own)
{
    const struct study *study = task->study;
    char label[sizeof task->progress->label];
    if (study->layers.count > 1)
        snprintf(label, sizeof label, "layer %d/%d", study->current + 1, study->layers.count);
    else
        snprintf(label, sizeof label, "%s", task->name);
    progress_next(task->progress, label, own / study->layers.count);
}

static bool check(const struct task *task, qkvsim_status status)
{
    const struct study *study = task->study;
    const struct layer *layer = &study->layers.items[study->current];
    bool one_tensor = layer->source_count == 1 || strcmp(layer->name, layer->sources[0].path) == 0;
    if (status == QKVSIM_OK)
        return !progress_interrupted() || fail(study->failure, "interrupted");
    return fail_library(study->failure, study->context, status,
                        !study->layers.several || one_tensor ? layer->sources[0].path
                                                             : layer->name);
}

static bool analyze_condition(struct task *task)
{
    struct study *study = task->study;
    const struct options *options = study->options;
    const struct input *input = &study->input;
    struct results *results = task->results;
    int index = results->report.condition_count;
    /* The task may have been copied since it was made: it points to itself only here. */
    task->analysis.bins = &task->bins;
    task->analysis.selection = task->selection.mask != NULL ? &task->selection : NULL;
    qkvsim_status status;
    announce(task, options->targets != NULL ? 0.5 : 1);
    if (options->permutations > 0) {
        qkvsim_baseline_options baseline = { .struct_size = sizeof baseline,
                                             .permutations = options->permutations,
                                             .seed = (uint64_t)options->seed,
                                             .scheme = options->scheme };
        status = qkvsim_baseline_run(study->context, input->parts, input->part_count, study->layout,
                                     &task->analysis, &baseline, &results->baselines[index]);
    } else {
        status = qkvsim_analyze(study->context, input->parts, input->part_count, study->layout,
                                &task->analysis, &results->analyses[index]);
    }
    if (!check(task, status))
        return false;
    results->report.conditions[index] = (struct condition){
        .name = task->name,
        .baseline = results->baselines[index],
        .analysis = results->baselines[index] != NULL
                        ? qkvsim_baseline_observed(results->baselines[index])
                        : results->analyses[index],
    };
    results->report.condition_count++;
    return true;
}

static struct report begin_report(const struct study *study)
{
    const struct options *options = study->options;
    const struct layer *layer = &study->layers.items[study->current];
    return (struct report){
        .layer = study->layers.several ? layer->name : NULL,
        .input_name = layer->sources[0].path,
        .dtype = input_dtype_name(study->input.parts[0].dtype),
        .observations = study->input.observations,
        .features = study->input.features,
        .layout = study->layout,
        .pair_groups = study->pair_groups,
        .pair_group_count = study->pair_group_count,
        .codes = study->codes,
        .metrics = options->metrics,
        .statistic = options->statistic,
        .statistic_metric = options->statistic_metric,
        .bins = options->bins,
        .permutations = options->permutations,
        .seed = options->seed,
        .scheme = options_scheme_name(options->scheme),
    };
}

bool results_compute(struct results *results, struct study *study, struct progress *progress)
{
    *results = (struct results){ .report = begin_report(study) };
    if (study->options->targets == NULL) {
        struct task all = make_task(results, study, progress, "all", NULL);
        return analyze_condition(&all);
    }
    struct task targets = make_task(results, study, progress, "targets", study->targets.mask);
    struct task others = make_task(results, study, progress, "non-targets", study->others);
    return analyze_condition(&targets) && analyze_condition(&others);
}

void results_free(struct results *results)
{
    for (int i = 0; i < REPORT_CONDITIONS_MAX; i++) {
        qkvsim_analysis_free(results->analyses[i]);
        qkvsim_baseline_free(results->baselines[i]);
    }
    *results = (struct results){ 0 };
}
