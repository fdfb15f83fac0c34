/*
 * qkvsim analyze: input, targets and layout to one analysis or baseline for each condition, and the
 * report of them to the table and the files asked for.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commands.h"
#include "groups.h"
#include "input.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "targets.h"

/* All that one run owns; zeroed, then filled in this order. */
struct run {
    const struct options *options;
    struct failure *failure;
    qkvsim_context *context;
    struct input input;
    qkvsim_layout *layout;
    struct targets targets;
    uint8_t *others; /* the mask of non-targets */
    int32_t *codes;
    qkvsim_analysis *analyses[REPORT_CONDITIONS_MAX];
    qkvsim_baseline *baselines[REPORT_CONDITIONS_MAX];
    struct report report;
};

static bool check_outputs(const struct options *options, struct failure *failure)
{
    return output_check(options->json, failure) && output_check(options->csv, failure)
           && output_check(options->figure, failure);
}

static bool read_targets(struct run *run)
{
    int64_t observations = run->input.observations;
    if (!targets_read(&run->targets, run->options->targets, observations, run->failure))
        return false;
    if (run->targets.count == observations)
        return fail(run->failure, "every observation is a target, none is left: %s",
                    run->options->targets);
    run->others = malloc((size_t)observations);
    if (run->others == NULL)
        return fail_no_memory(run->failure);
    for (int64_t i = 0; i < observations; i++)
        run->others[i] = !run->targets.mask[i];
    return true;
}

/* The mask's codes, or NULL where the layout has more groups than unambiguous products. */
static bool find_codes(struct run *run)
{
    size_t count = (size_t)qkvsim_layout_pair_groups(run->layout);
    run->codes = calloc(count, sizeof *run->codes);
    if (run->codes == NULL)
        return fail_no_memory(run->failure);
    qkvsim_status status = qkvsim_mask_codes(run->context, run->layout, NULL, run->codes);
    if (status == QKVSIM_ERROR_AMBIGUOUS || status == QKVSIM_ERROR_TOO_LARGE) {
        free(run->codes);
        run->codes = NULL;
        return true;
    }
    return status == QKVSIM_OK
           || fail_library(run->failure, run->context, status, run->options->inputs[0]);
}

static bool prepare(struct run *run)
{
    const struct options *options = run->options;
    return check_outputs(options, run->failure)
           && command_make_context(options, &run->context, run->failure)
           && input_open(&run->input, options->inputs[0], options->tensors, options->tensor_count,
                         run->failure)
           && groups_make_layout(run->context, options, &run->input, &run->layout, run->failure)
           && (options->targets == NULL || read_targets(run)) && find_codes(run);
}

/* Analyses one condition: the observations that mask selects, or all where it is NULL. */
static bool analyze_condition(struct run *run, const char *name, const uint8_t *mask)
{
    const struct options *options = run->options;
    const struct input *input = &run->input;
    int index = run->report.condition_count;
    qkvsim_selection selection = { .struct_size = sizeof selection,
                                   .mask = mask,
                                   .count = input->observations };
    qkvsim_bins bins = { .struct_size = sizeof bins, .count = options->bins };
    qkvsim_analysis_options analysis_options = { .struct_size = sizeof analysis_options,
                                                 .selection = mask != NULL ? &selection : NULL,
                                                 .bins = &bins,
                                                 .metrics = options->metrics,
                                                 .precision = options->precision,
                                                 .nonfinite = options->nonfinite };
    struct condition *condition = &run->report.conditions[index];
    struct progress progress;
    qkvsim_status status;
    progress_begin(&progress, run->context, name, options->quiet);
    if (options->permutations > 0) {
        qkvsim_baseline_options baseline_options = { .struct_size = sizeof baseline_options,
                                                     .permutations = options->permutations,
                                                     .seed = (uint64_t)options->seed,
                                                     .scheme = options->scheme };
        status = qkvsim_baseline_run(run->context, input->parts, input->part_count, run->layout,
                                     &analysis_options, &baseline_options, &run->baselines[index]);
    } else {
        status = qkvsim_analyze(run->context, input->parts, input->part_count, run->layout,
                                &analysis_options, &run->analyses[index]);
    }
    progress_end(&progress, run->context);
    if (status != QKVSIM_OK)
        return fail_library(run->failure, run->context, status, run->options->inputs[0]);
    condition->name = name;
    condition->baseline = run->baselines[index];
    condition->analysis = condition->baseline != NULL
                              ? qkvsim_baseline_observed(condition->baseline)
                              : run->analyses[index];
    run->report.condition_count++;
    return !progress_interrupted() || fail(run->failure, "interrupted");
}

static bool analyze(struct run *run)
{
    const struct options *options = run->options;
    run->report = (struct report){
        .input_name = options->inputs[0],
        .dtype = input_dtype_name(run->input.parts[0].dtype),
        .observations = run->input.observations,
        .features = run->input.features,
        .layout = run->layout,
        .codes = run->codes,
        .metrics = options->metrics,
        .bins = options->bins,
        .permutations = options->permutations,
        .seed = options->seed,
        .scheme = options_scheme_name(options->scheme),
    };
    if (options->targets == NULL)
        return analyze_condition(run, "all", NULL);
    return analyze_condition(run, "targets", run->targets.mask)
           && analyze_condition(run, "non-targets", run->others);
}

static output_writer *figure_writer(const char *path)
{
    const char *suffix = strrchr(path, '.');
    if (strcasecmp(suffix, ".svg") == 0)
        return report_write_svg;
    return strcasecmp(suffix, ".pdf") == 0 ? report_write_pdf : report_write_png;
}

static bool write_outputs(const struct run *run)
{
    const struct options *options = run->options;
    const struct report *report = &run->report;
    bool stdout_taken = (options->json != NULL && strcmp(options->json, "-") == 0)
                        || (options->csv != NULL && strcmp(options->csv, "-") == 0);
    if (options->json != NULL
        && !output_write(options->json, report_write_json, report, run->failure))
        return false;
    if (options->csv != NULL && !output_write(options->csv, report_write_csv, report, run->failure))
        return false;
    if (options->figure != NULL
        && !output_write(options->figure, figure_writer(options->figure), report, run->failure))
        return false;
    return options->quiet || stdout_taken
           || output_write("-", report_write_table, report, run->failure);
}

static void release(struct run *run)
{
    for (int i = 0; i < REPORT_CONDITIONS_MAX; i++) {
        qkvsim_analysis_free(run->analyses[i]);
        qkvsim_baseline_free(run->baselines[i]);
    }
    free(run->codes);
    free(run->others);
    targets_free(&run->targets);
    qkvsim_layout_free(run->layout);
    input_close(&run->input);
    qkvsim_context_free(run->context);
}

bool command_analyze(const struct options *options, struct failure *failure)
{
    struct run run = { .options = options, .failure = failure };
    bool done = prepare(&run) && analyze(&run) && write_outputs(&run);
    release(&run);
    return done;
}
