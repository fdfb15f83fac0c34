/*
 * Where the outputs of a run go: never to one place, nor to what the run reads.
 */
#include "options_outputs.h"

#include <string.h>

#include "destination.h"
#include "output.h"
#include "targets.h"

enum { OUTPUTS = 6 };

struct named_output {
    const char *name;
    const char *path; /* NULL where there is none */
};

/* All outputs; the last is standard output where nothing else is said to go there. */
static void list_outputs(const struct options *options, struct named_output outputs[OUTPUTS])
{
    bool asked = output_is_stdout(options->json) || output_is_stdout(options->csv)
                 || output_is_stdout(options->figure) || output_is_stdout(options->output)
                 || output_is_stdout(options->save);
    bool prints = !options->quiet && options->output == NULL && !asked;
    const struct named_output all[OUTPUTS] = {
        { "--json", options->json },     { "--csv", options->csv },
        { "--figure", options->figure }, { "--output", options->output },
        { "--save", options->save },     { "standard output", prints ? "-" : NULL }
    };
    memcpy(outputs, all, sizeof all);
}

/* What the file is called beside an output's name. */
static const char *words_for(const char *path)
{
    return output_is_stdout(path) ? "standard output" : path;
}

bool check_outputs_spare(const struct options *options, const char *path, struct failure *failure)
{
    struct named_output outputs[OUTPUTS];
    list_outputs(options, outputs);
    bool file = strcmp(path, "-") != 0; /* of an input it is no name for a descriptor */
    for (int i = 0; file && i < OUTPUTS; i++)
        if (outputs[i].path != NULL && destination_is_same(outputs[i].path, path))
            return fail_usage(failure, "%s would overwrite what is read: %s is %s", outputs[i].name,
                              words_for(outputs[i].path), path);
    return true;
}

bool check_outputs(const struct options *options, struct failure *failure)
{
    struct named_output outputs[OUTPUTS];
    list_outputs(options, outputs);
    for (int i = 1; i < OUTPUTS; i++)
        for (int k = 0; k < i; k++)
            if (outputs[i].path != NULL && outputs[k].path != NULL
                && destination_is_same(outputs[i].path, outputs[k].path))
                return fail_usage(failure, "%s and %s cannot share %s", outputs[k].name,
                                  outputs[i].name,
                                  words_for(outputs[i < OUTPUTS - 1 ? i : k].path));
    for (int i = 0; i < options->input_count; i++)
        if (!check_outputs_spare(options, options->inputs[i], failure))
            return false;
    return (options->targets == NULL || targets_are_listed(options->targets)
            || check_outputs_spare(options, options->targets, failure))
           && (options->covariates == NULL
               || check_outputs_spare(options, options->covariates, failure))
           && (options->segments == NULL
               || check_outputs_spare(options, options->segments, failure));
}
