/*
 * The command line: one table of options, each with the commands that know it and what it does.
 */
#include "parse_options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "option_values.h"
#include "options_corpus.h"
#include "options_inference.h"
#include "options_outputs.h"
#include "options_pairs.h"
#include "text.h"

enum {
    ANALYZE = COMMAND_ANALYZE,
    MATRIX = COMMAND_MATRIX,
    MASK = COMMAND_MASK,
    INFO = COMMAND_INFO,
    PAIRS = COMMAND_PAIRS,
    ACCUMULATE = COMMAND_ACCUMULATE,
    MERGE = COMMAND_MERGE,
    LAYERS = ANALYZE | PAIRS,
    INPUT = LAYERS | MATRIX,
    ARRAYS = INPUT | ACCUMULATE,
    STATE = ANALYZE_STATE,
    STORED = ANALYZE_STATE | ANALYZE_RESULT,
    STATES = ANALYZE_STATE | PAIRS_STATE, /* what has a table of pair groups of them */
    EVERY_STORED = STORED | PAIRS_STATE | MATRIX_STATE,
    EVERY = COMMANDS_WITH_OPTIONS | EVERY_STORED
};

static const struct named_number metrics[] = { { "cosine", QKVSIM_METRIC_COSINE },
                                               { "pearson", QKVSIM_METRIC_PEARSON },
                                               { "spearman", QKVSIM_METRIC_SPEARMAN },
                                               { NULL, 0 } };
static const struct named_number matrix_metrics[] = {
    { "cosine", QKVSIM_METRIC_COSINE },         { "pearson", QKVSIM_METRIC_PEARSON },
    { "covariance", QKVSIM_METRIC_COVARIANCE }, { "dot", QKVSIM_METRIC_DOT },
    { "spearman", QKVSIM_METRIC_SPEARMAN },     { NULL, 0 }
};
static const struct named_number statistics[] = {
    { "offset_share", QKVSIM_STATISTIC_OFFSET_SHARE },
    { "offset_share_raw", QKVSIM_STATISTIC_OFFSET_SHARE_RAW },
    { "offset_energy", QKVSIM_STATISTIC_OFFSET_ENERGY },
    { "variance_energy", QKVSIM_STATISTIC_VARIANCE_ENERGY },
    { "mean_offset_square", QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE },
    { "noise_fraction", QKVSIM_STATISTIC_NOISE_FRACTION },
    { "mean_square", QKVSIM_STATISTIC_MEAN_SQUARE },
    { "mean", QKVSIM_STATISTIC_MEAN },
    { "variance", QKVSIM_STATISTIC_VARIANCE },
    { "skewness", QKVSIM_STATISTIC_SKEWNESS },
    { "kurtosis", QKVSIM_STATISTIC_KURTOSIS },
    { "tail", QKVSIM_STATISTIC_TAIL },
    { "min", QKVSIM_STATISTIC_MINIMUM },
    { "max", QKVSIM_STATISTIC_MAXIMUM },
    { NULL, 0 }
};
static const struct named_number nonfinite[] = {
    { "error", QKVSIM_NONFINITE_ERROR },
    { "drop-observation", QKVSIM_NONFINITE_DROP_OBSERVATION },
    { "undefined-feature", QKVSIM_NONFINITE_UNDEFINED_FEATURE },
    { NULL, 0 }
};
static const struct named_number precisions[] = { { "f32", QKVSIM_DTYPE_F32 },
                                                  { "f64", QKVSIM_DTYPE_F64 },
                                                  { NULL, 0 } };

static bool take_tensor(struct options *options, char *value, struct failure *failure)
{
    struct tensor_request *tensor = &options->tensors[options->tensor_count];
    tensor->name = value;
    char *equals = strchr(value, '=');
    if (equals != NULL) {
        *equals = '\0';
        tensor->group = value;
        tensor->name = equals + 1;
    }
    if (tensor->name[0] == '\0' || (tensor->group != NULL && tensor->group[0] == '\0'))
        return fail_usage(failure, "--tensor wants [GROUP=]NAME: an empty name in number %d",
                          options->tensor_count + 1);
    const char *star = strchr(tensor->name, '*');
    if (star != NULL && ((int)options->command & (LAYERS | ACCUMULATE)) == 0)
        return fail_usage(failure,
                          "tensor patterns are for analyze, pairs and accumulate: --tensor %s",
                          tensor->name);
    if (star != NULL && strchr(star + 1, '*') != NULL)
        return fail_usage(failure, "a tensor pattern has one *: --tensor %s", tensor->name);
    options->tensor_count++;
    return true;
}

static bool take_metrics(struct options *options, char *value, struct failure *failure)
{
    options->metrics = 0;
    for (char *name; (name = strsep(&value, ",")) != NULL;) {
        int32_t metric = 0;
        if (!option_take_name(metrics, "--metrics", name, &metric, failure))
            return false;
        options->metrics |= metric;
    }
    return true;
}

static bool take_metric(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(options->command == COMMAND_PAIRS ? metrics : matrix_metrics,
                            "--metric", value, &options->metric, failure);
}

/* [METRIC.]NAME; the metric is checked once all options are known. */
static bool take_statistic(struct options *options, char *value, struct failure *failure)
{
    char *name = value, *dot = strchr(value, '.');
    if (dot != NULL) {
        *dot = '\0';
        name = dot + 1;
        if (!option_take_name(metrics, "--statistic", value, &options->statistic_metric, failure))
            return false;
    }
    return option_take_name(statistics, "--statistic", name, &options->statistic, failure);
}

static bool take_bins(struct options *options, char *value, struct failure *failure)
{
    return option_take_number("--bins", value, 1, QKVSIM_BINS_MAX, &options->bins, failure);
}

static bool take_threads(struct options *options, char *value, struct failure *failure)
{
    int64_t threads;
    if (!option_take_number("--threads", value, 1, 1024, &threads, failure))
        return false;
    options->threads = (int32_t)threads;
    return true;
}

static bool take_nonfinite(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(nonfinite, "--on-nonfinite", value, &options->nonfinite, failure);
}

static bool take_precision(struct options *options, char *value, struct failure *failure)
{
    return option_take_name(precisions, "--precision", value, &options->precision, failure);
}

static bool take_figure(struct options *options, char *value, struct failure *failure)
{
    if (!figures_are_built())
        return fail_usage(failure,
                          "this qkvsim is built without figures, as that of the Python package is: "
                          "--figure %s. qkvsim.study(...).plot() draws them by matplotlib, and a "
                          "build where there is cairo (Debian: libcairo2-dev) by itself",
                          value);
    if (figure_format(value) == NULL)
        return fail_usage(failure, "--figure wants a name that ends in .svg, .png or .pdf: %s",
                          value);
    options->figure = value;
    return true;
}

#define TEXT(field) offsetof(struct options, field), 0, NULL
#define FLAG(field) 0, offsetof(struct options, field), NULL
#define TAKE(function) 0, 0, function

/* What becomes of an option's value: it is stored as text, sets a flag, or is taken by a function.
 * (No field stands at offset 0, where the command is.) */
static const struct rule {
    struct option_help help;
    size_t text;
    size_t flag;
    take_option *take;
} rules[] = {
    { { "groups", "SPEC", LAYERS | MASK | ACCUMULATE | STATES, OPTIONS_OF_GROUPS,
        "thirds (default), or widths in order: Q=576,K=192,V=192" },
      TEXT(groups) },
    { { "heads", "SPEC", LAYERS | MASK | ACCUMULATE | STATES, OPTIONS_OF_GROUPS,
        "splits groups into heads: Q=9,K=3,V=3 gives Q0..Q8, K0..K2, V0..V2" },
      TEXT(heads) },
    { { "interleaved", NULL, LAYERS | MASK | ACCUMULATE | STATES, OPTIONS_OF_GROUPS,
        "columns come head by head: q, k, v of head 0, then of head 1, ..." },
      FLAG(interleaved) },
    { { "tensor", "[GROUP=]NAME", ARRAYS, OPTIONS_OF_INPUT,
        "a tensor of a .safetensors file; repeat for several parts. With GROUP= the parts are the "
        "groups. A pattern like 'Q=layers.*.q' (not of matrix): each text that * stands for "
        "is a layer" },
      TAKE(take_tensor) },
    { { "parts", NULL, INPUT, OPTIONS_OF_INPUT, "the inputs are parts of one layer, not layers" },
      FLAG(parts) },
    { { "part", "[GROUP=]PATTERN", ACCUMULATE, OPTIONS_OF_INPUT,
        "a part of each shard in an .npy file of its own, with * for the shard's name without its "
        "ending: 'K=k/*.npy'; repeat for all, of which the shard is one. With GROUP= the parts are "
        "the groups" },
      TAKE(take_part) },
    { { "fold", NULL, ARRAYS, OPTIONS_OF_INPUT,
        "arrays of more dimensions, batch x tokens x features: all but the last are observations" },
      FLAG(fold) },
    { { "targets", "ROWS", ARRAYS, OPTIONS_OF_INPUT,
        "target observations: a text file with a row number a line, an .npy of integers or "
        "booleans, or a list like 3,17,40-59. Of accumulate they are of each shard, whose name "
        "without its ending a * stands for: 'targets/*.txt'" },
      TEXT(targets) },
    { { "on-nonfinite", "WHAT", ARRAYS, OPTIONS_OF_INPUT,
        "error (default), drop-observation, undefined-feature" },
      TAKE(take_nonfinite) },
    { { "precision", "f32|f64", ARRAYS | MATRIX_STATE, OPTIONS_OF_INPUT,
        "arithmetic; default f64 for float64 input, else f32" },
      TAKE(take_precision) },
    { { "threads", "N", ARRAYS | INFO | MERGE | EVERY_STORED, OPTIONS_OF_INPUT,
        "how many; default: all cores" },
      TAKE(take_threads) },
    { { "metrics", "LIST", ANALYZE | STATE, OPTIONS_OF_ANALYSIS,
        "cosine,pearson (default), spearman" },
      TAKE(take_metrics) },
    { { "bins", "N", ANALYZE | STATE, OPTIONS_OF_ANALYSIS, "equal bins on [-1, 1]; default 100" },
      TAKE(take_bins) },
    { { "pair-groups", "LIST", LAYERS | STATES, OPTIONS_OF_ANALYSIS,
        "only these: Q-K,V-V; or 3/10, the third of ten pieces, for --save and merge; default "
        "all" },
      TEXT(pair_groups) },
    { { "statistic", "[METRIC.]NAME", ANALYZE | STORED, OPTIONS_OF_ANALYSIS,
        "offset_share (default), offset_share_raw, offset_energy, variance_energy, "
        "mean_offset_square, noise_fraction, mean, variance, skewness, kurtosis, tail, min, max "
        "or, of correlations, mean_square: what intervals, tests and figures of heads and layers "
        "are of, and which pair groups are shown of many" },
      TAKE(take_statistic) },
    { { "permutations", "N", ANALYZE, OPTIONS_OF_ANALYSIS,
        "random baseline for each condition; default 0" },
      TAKE(take_permutations) },
    { { "scheme", "NAME", ANALYZE, OPTIONS_OF_ANALYSIS,
        "what a permutation exchanges: all (default): every value; group: every value of a group; "
        "feature: the values of a feature; shift: each feature is rotated by a lag of its own; "
        "observations: those of a group, its features together (are Q and K related?); "
        "observations-shift: each group is rotated by a lag; flip: each observation of a group, "
        "less the mean, gets a random sign" },
      TAKE(take_scheme) },
    { { "covariates", "FILE", ANALYZE, OPTIONS_OF_ANALYSIS,
        ".npy, observations x columns: taken out of every feature; residuals move (Freedman & "
        "Lane). Schemes feature, observations, flip" },
      TEXT(covariates) },
    { { "exchange", "NAME", ANALYZE, OPTIONS_OF_ANALYSIS,
        "observations (default), or segments: whole ones of equal length; with --compare, labels "
        "are dealt to segments" },
      TAKE(take_exchange) },
    { { "compare", "N", ANALYZE, OPTIONS_OF_ANALYSIS,
        "targets against non-targets: distances, p-values from N relabellings, and a band from N "
        "subsets of equal size" },
      TAKE(take_compare) },
    { { "relabel", "NAME", ANALYZE, OPTIONS_OF_ANALYSIS,
        "labels (default): dealt anew; label-shift: rotated by a lag" },
      TAKE(take_relabel) },
    { { "centred", NULL, ANALYZE, OPTIONS_OF_ANALYSIS,
        "relabel observations less the mean of their own condition; with --metrics pearson, "
        "spearman or both" },
      FLAG(centred) },
    { { "exceedances", "H", ANALYZE, OPTIONS_OF_ANALYSIS,
        "stop permutations and relabellings when of everything tested H are at most and H at least "
        "the observed value: no p would be small" },
      TAKE(take_exceedances) },
    { { "interval", "NAME", ANALYZE | STATE, OPTIONS_OF_ANALYSIS,
        "jackknife: blocks left out in turn; bootstrap: blocks drawn" },
      TAKE(take_interval) },
    { { "blocks", "G", ANALYZE | ACCUMULATE, OPTIONS_OF_ANALYSIS,
        "jackknife: default 20, or half the observations. accumulate: up to G blocks of shards (or "
        "of "
        "--segments) are kept apart for intervals, each with as much memory as all; default none" },
      TAKE(take_blocks) },
    { { "resamples", "N", ANALYZE, OPTIONS_OF_ANALYSIS, "bootstrap: default 1000" },
      TAKE(take_resamples) },
    { { "block", "L", ANALYZE, OPTIONS_OF_ANALYSIS,
        "bootstrap: observations of a block; default their cube root" },
      TAKE(take_block) },
    { { "level", "P", ANALYZE | STATE, OPTIONS_OF_ANALYSIS, "of intervals; default 0.95" },
      TAKE(take_level) },
    { { "contrast", "A,B", ANALYZE | STORED, OPTIONS_OF_ANALYSIS,
        "with --interval: how two pair groups or roll-ups differ; repeat" },
      TAKE(take_contrast) },
    { { "segments", "FILE", ANALYZE | ACCUMULATE, OPTIONS_OF_ANALYSIS,
        "a number for each observation (its document), text or .npy: no lag and no block crosses "
        "from one to the next. Of accumulate as --targets" },
      TEXT(segments) },
    { { "seed", "S", ANALYZE, OPTIONS_OF_ANALYSIS, "default 0" }, TAKE(take_seed) },
    { { "first", "N", ANALYZE, OPTIONS_OF_ANALYSIS,
        "a piece: the permutations, relabellings or resamples from number N on, for --save and "
        "merge" },
      TAKE(take_first) },
    { { "total", "N", ANALYZE, OPTIONS_OF_ANALYSIS,
        "of how many in all they are a piece; default: those before and these. To be given where "
        "there "
        "may be fewer different ones" },
      TAKE(take_total) },
    { { "threshold", "V", PAIRS | PAIRS_STATE, OPTIONS_OF_PAIRS, "all with |value| >= V" },
      TAKE(take_threshold) },
    { { "top", "K", PAIRS | PAIRS_STATE, OPTIONS_OF_PAIRS,
        "the K largest |value|; with --threshold, of those over it" },
      TAKE(take_top) },
    { { "per-pair-group", NULL, PAIRS | PAIRS_STATE, OPTIONS_OF_PAIRS,
        "the top K of each pair group" },
      FLAG(per_pair_group) },
    { { "metric", "NAME", MATRIX | PAIRS | MATRIX_STATE | PAIRS_STATE, OPTIONS_OF_PAIRS,
        "cosine (default), pearson, spearman; of matrix also covariance, dot" },
      TAKE(take_metric) },
    { { "sign", "NAME", PAIRS | PAIRS_STATE, OPTIONS_OF_PAIRS,
        "both (default); positive: value >= V; negative: value <= -V" },
      TAKE(take_sign) },
    { { "limit", "N", PAIRS | PAIRS_STATE, OPTIONS_OF_PAIRS,
        "a threshold that gives more is an error; default 10,000,000" },
      TAKE(take_limit) },
    { { "layer", "NAME", MATRIX | MATRIX_STATE, OPTIONS_OF_PAIRS,
        "of a state: which, where it has several" },
      TEXT(layer) },
    { { "condition", "NAME", MATRIX | PAIRS | MATRIX_STATE | PAIRS_STATE, OPTIONS_OF_PAIRS,
        "of a state that has them: targets (default) or non-targets" },
      TAKE(take_condition) },
    { { "resume", NULL, ACCUMULATE, OPTIONS_OF_CORPUS,
        "go on with what an interrupted run left, or with a whole state: shards that are in are "
        "not added "
        "again" },
      FLAG(resume) },
    { { "divide", "shards|moments", ACCUMULATE, OPTIONS_OF_CORPUS,
        "qkvsim-mpi: what each rank has a share of; default shards, and moments from 8,192 columns "
        "on, without --blocks: every rank then reads every shard" },
      TAKE(take_divide) },
    { { "checkpoint", "S", ACCUMULATE, OPTIONS_OF_CORPUS,
        "write what there is to PATH.part every S seconds, 0: after each shard; default 60" },
      TAKE(take_checkpoint) },
    { { "json", "PATH", LAYERS | STORED | PAIRS_STATE | INFO, OPTIONS_OF_OUTPUT,
        "results as a file; - is standard output and replaces the table" },
      TEXT(json) },
    { { "csv", "PATH", LAYERS | STORED | PAIRS_STATE, OPTIONS_OF_OUTPUT,
        "the same as a table for other programs" },
      TEXT(csv) },
    { { "figure", "PATH", ANALYZE | STORED, OPTIONS_OF_OUTPUT,
        "a figure; PATH ends in .svg, .pdf or .png" },
      TAKE(take_figure) },
    { { "save", "PATH", ANALYZE, OPTIONS_OF_OUTPUT,
        "the results as a file that merge puts together with others and analyze reads again" },
      TEXT(save) },
    { { "output", "PATH", MATRIX | MASK | ACCUMULATE | MERGE | MATRIX_STATE, OPTIONS_OF_OUTPUT,
        "the .npy file, state or result; - is standard output" },
      TEXT(output) },
    { { "progress", "bar|json", INPUT | ACCUMULATE | MERGE | EVERY_STORED, OPTIONS_OF_OUTPUT,
        "a bar, by default on a terminal alone; json: a line with done, total, seconds and "
        "seconds_left every second on standard error" },
      TAKE(take_progress) },
    { { "quiet", NULL, EVERY, OPTIONS_OF_OUTPUT, "no table, no progress" }, FLAG(quiet) },
    { { "help", NULL, EVERY, OPTIONS_OF_OUTPUT, "or -h: this text, of one command" }, FLAG(help) },
    { { "version", NULL, EVERY, OPTIONS_OF_OUTPUT, "of this program" }, FLAG(version) },
};

enum { RULES = sizeof rules / sizeof rules[0] };
_Static_assert((int)RULES <= (int)OPTIONS_MAX, "options.given has room for every rule");

static const struct command_help commands[] = {
    { "analyze", COMMAND_ANALYZE, "INPUT... [options]",
      "histograms and moments of every pair group; of arrays, a state or a saved result" },
    { "matrix", COMMAND_MATRIX, "INPUT... --output PATH",
      "one similarity matrix, as .npy; of arrays or a state" },
    { "pairs", COMMAND_PAIRS, "INPUT... [options]",
      "pairs of features over a threshold, or the top k; of arrays or a state" },
    { "accumulate", COMMAND_ACCUMULATE, "SHARD... --output PATH",
      "many shards as one stream of observations, into a state for analyze, pairs and matrix" },
    { "merge", COMMAND_MERGE, "FILE... --output PATH",
      "states, or results of analyze --save, into one" },
    { "mask", COMMAND_MASK, "--groups SPEC", "the mask, or its pair groups, codes and counts" },
    { "info", COMMAND_INFO, "[INPUT...]",
      "what is in an array, a state or a saved result; library, OpenBLAS, kernels" },
    { "bench", COMMAND_BENCH, "[options]",
      "how fast it is on this machine, next to OpenBLAS; bench --help has its options" },
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

bool options_check_given(const struct options *options, int which, const char *what,
                         struct failure *failure)
{
    for (int i = 0; i < RULES; i++)
        if (options->given[i] && (rules[i].help.commands & which) == 0)
            return fail_usage(failure, "--%s is for arrays: %s is %s", rules[i].help.name,
                              options->inputs[0], what);
    return options->input_count == 1
           || fail_usage(failure, "%s takes one %s, not %d inputs: %s (merge makes one of many)",
                         options->arguments[0], what + strlen("a "), options->input_count,
                         options->inputs[0]);
}

const struct option_help *options_help(int number)
{
    return number < RULES ? &rules[number].help : NULL;
}

const struct command_help *options_command_help(int number)
{
    return number < COMMAND_COUNT ? &commands[number] : NULL;
}

void options_list_commands(int which, char list[OPTION_LIST_SIZE])
{
    list[0] = '\0';
    for (int i = 0; i < COMMAND_COUNT; i++)
        if ((commands[i].command & which) != 0)
            text_append(list, OPTION_LIST_SIZE, "%s%s", list[0] != '\0' ? ", " : "",
                        commands[i].name);
}

static bool take_command(const char *name, struct options *options, struct failure *failure)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            options->command = (enum command)commands[i].command;
    return options->command != COMMAND_NONE
           || fail_usage(failure, "unknown command: %s (see qkvsim --help)", name);
}

/* help, help COMMAND, and what the build makes of the table. */
static bool take_help_words(int count, char **words, struct options *options,
                            struct failure *failure)
{
    options->help = true;
    if (count > 1)
        return fail_usage(failure, "help is of one command: %s", words[1]);
    if (count == 0)
        return true;
    options->manual = strcmp(words[0], "--man") == 0;
    options->completion = strcmp(words[0], "--completion") == 0;
    return options->manual || options->completion || take_command(words[0], options, failure);
}

/* What a saved result has numbers of its own for, or what numbers do not depend on. */
static bool is_left_out(const struct option_help *option)
{
    static const char *const names[] = { "permutations", "compare", "resamples",  "first",
                                         "total",        "threads", "pair-groups" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(option->name, names[i]) == 0)
            return true;
    return option->section == OPTIONS_OF_OUTPUT;
}

/* Before its value is taken apart. */
static bool remember_word(const struct rule *rule, const char *value, struct options *options)
{
    if (is_left_out(&rule->help))
        return true;
    const bool has = rule->help.value != NULL;
    const size_t size = strlen(rule->help.name) + (has ? strlen(value) : 0) + 4;
    char *word = malloc(size);
    if (word == NULL)
        return false;
    snprintf(word, size, "--%s%s%s", rule->help.name, has ? "=" : "", has ? value : "");
    options->words[options->word_count++] = word;
    return true;
}

static bool take_rule(const struct rule *rule, const char *command, char *value,
                      struct options *options, struct failure *failure)
{
    if ((rule->help.commands & (int)options->command) == 0) {
        char list[OPTION_LIST_SIZE];
        options_list_commands(rule->help.commands, list);
        return fail_usage(failure, "--%s is no option of %s but of %s", rule->help.name, command,
                          list);
    }
    options->given[rule - rules] = true;
    if (!remember_word(rule, value, options))
        return fail_no_memory(failure);
    if (rule->take != NULL)
        return rule->take(options, value, failure);
    if (rule->flag > 0)
        *(bool *)((char *)options + rule->flag) = true;
    else
        *(const char **)((char *)options + rule->text) = value;
    return true;
}

static bool check_inputs(const char *command, const struct options *options,
                         struct failure *failure)
{
    bool wants_input = ((int)options->command & (ARRAYS | MERGE)) != 0;
    if (options->command == COMMAND_MASK && options->input_count > 0)
        return fail_usage(failure, "mask takes no input: %s", options->inputs[0]);
    if (wants_input && options->input_count == 0)
        return fail_usage(failure, "%s wants an input file%s", command,
                          ((int)options->command & (ACCUMULATE | MERGE)) != 0
                              ? ", a folder of them, or - for a list on standard input"
                              : "");
    return true;
}

bool options_has_statistic(int32_t metric, int32_t statistic)
{
    bool of_every_metric = statistic <= QKVSIM_STATISTIC_MAXIMUM;
    bool of_correlations = statistic == QKVSIM_STATISTIC_MEAN_SQUARE;
    return of_every_metric || of_correlations == (metric != QKVSIM_METRIC_COSINE);
}

/* The statistic must be one of a metric in use; where no metric was chosen it is the first that has
 * it. */
static bool settle_statistic(struct options *options, struct failure *failure)
{
    int32_t cosine = options->metrics & QKVSIM_METRIC_COSINE;
    if (options->statistic == 0)
        options->statistic = cosine != 0 ? QKVSIM_STATISTIC_OFFSET_SHARE : QKVSIM_STATISTIC_MEAN;
    int32_t *metric = &options->statistic_metric;
    for (int i = 0; *metric == 0 && metrics[i].name != NULL; i++)
        if ((options->metrics & metrics[i].number) != 0
            && options_has_statistic(metrics[i].number, options->statistic))
            *metric = metrics[i].number;
    if (*metric == 0 || !options_has_statistic(*metric, options->statistic))
        return fail_usage(failure, "--statistic %s is one of %s alone",
                          options_statistic_name(options->statistic),
                          options->statistic == QKVSIM_STATISTIC_MEAN_SQUARE
                              ? "pearson and spearman"
                              : "the cosine");
    if ((options->metrics & *metric) == 0)
        return fail_usage(failure, "--statistic is one of %s, which --metrics leaves out",
                          option_find_name(metrics, *metric));
    return true;
}

/* What one option asks of another. */
static bool check_together(const struct options *options, struct failure *failure)
{
    if (options->interleaved && options->heads == NULL)
        return fail_usage(failure, "--interleaved wants --heads");
    if (options->command == COMMAND_MATRIX && options->output == NULL)
        return fail_usage(failure, "matrix wants --output PATH.npy");
    if (((int)options->command & (ACCUMULATE | MERGE)) != 0 && options->output == NULL)
        return fail_usage(failure, "%s wants --output PATH",
                          options->command == COMMAND_MERGE ? "merge" : "accumulate");
    if (options->command == COMMAND_MASK
        && (options->groups == NULL || strcmp(options->groups, "thirds") == 0))
        return fail_usage(failure, "mask wants the groups' widths: --groups Q=576,K=192,V=192");
    for (int i = 0; options->parts && i < options->tensor_count; i++)
        if (strchr(options->tensors[i].name, '*') != NULL)
            return fail_usage(failure,
                              "--parts are one layer, a pattern means several: --tensor %s",
                              options->tensors[i].name);
    for (int i = 0; i < options->tensor_count; i++)
        if ((options->tensors[i].group == NULL) != (options->tensors[0].group == NULL))
            return fail_usage(failure, "--tensor with GROUP= and without cannot be mixed: %s",
                              options->tensors[i].name);
    if (options->groups != NULL && options->tensor_count > 0 && options->tensors[0].group != NULL)
        return fail_usage(failure, "--groups and --tensor %s=%s both name the groups",
                          options->tensors[0].group, options->tensors[0].name);
    if (options->command == COMMAND_ACCUMULATE)
        return check_outputs(options, failure) && check_accumulate(options, failure);
    return (options->saved || (check_outputs(options, failure) && check_pieces(options, failure)))
           && check_inference(options, failure)
           && (options->command != COMMAND_PAIRS || check_pairs(options, failure));
}

static bool parse_arguments(int argc, char **argv, struct options *options, struct failure *failure)
{
    struct option long_options[RULES + 1] = { { 0 } };
    for (int i = 0; i < RULES; i++)
        long_options[i] =
            (struct option){ rules[i].help.name,
                             rules[i].help.value != NULL ? required_argument : no_argument, NULL,
                             i + 256 };
    opterr = 0;
    optind = 0; /* from the beginning, also the second time */
    for (;;) {
        int which = getopt_long(argc, argv, ":h", long_options, NULL);
        if (which == -1)
            break;
        if (which == ':')
            return fail_usage(failure, "option wants a value: %s", argv[optind - 1]);
        /* Of short options, which may stand several in one argument, the letter is known. */
        bool letter = optopt > 0 && optopt < 256;
        if (which == 'h')
            options->help = true;
        else if (which == '?' && letter)
            return fail_usage(failure, "unknown option: -%c (see qkvsim --help)", optopt);
        else if (which == '?')
            return fail_usage(failure, "unknown option: %s (see qkvsim --help)", argv[optind - 1]);
        else if (!take_rule(&rules[which - 256], argv[0], optarg, options, failure))
            return false;
    }
    options->inputs = argv + optind;
    options->input_count = argc - optind;
    if (options->help || options->version)
        return true;
    return check_inputs(argv[0], options, failure) && settle_statistic(options, failure)
           && check_together(options, failure);
}

static bool parse(int argc, char **argv, bool saved, struct options *options,
                  struct failure *failure)
{
    *options = (struct options){ .saved = saved,
                                 .metrics = QKVSIM_METRIC_COSINE | QKVSIM_METRIC_PEARSON,
                                 .metric = QKVSIM_METRIC_COSINE,
                                 .bins = 100,
                                 .scheme = QKVSIM_SCHEME_ALL,
                                 .relabel = QKVSIM_RELABEL_LABELS,
                                 .checkpoint = 60,
                                 .level = 0.95 };
    if (argc < 2)
        return fail_usage(failure, "a command is missing (see qkvsim --help)");
    options->help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    options->version = strcmp(argv[1], "--version") == 0;
    if (options->help || options->version)
        return true;
    if (strcmp(argv[1], "help") == 0)
        return take_help_words(argc - 2, argv + 2, options, failure);
    if (!take_command(argv[1], options, failure))
        return false;
    options->arguments = argv + 1;
    if (options->command == COMMAND_BENCH)
        return true;
    options->tensors = calloc((size_t)argc, sizeof *options->tensors);
    options->contrasts = calloc((size_t)argc, sizeof *options->contrasts);
    options->part_files = calloc((size_t)argc, sizeof *options->part_files);
    options->words = calloc((size_t)argc, sizeof *options->words);
    if (options->tensors == NULL || options->part_files == NULL || options->contrasts == NULL
        || options->words == NULL) {
        options_free(options);
        return fail_no_memory(failure);
    }
    if (parse_arguments(argc - 1, argv + 1, options, failure))
        return true;
    options_free(options);
    return false;
}

bool options_parse(int argc, char **argv, struct options *options, struct failure *failure)
{
    return parse(argc, argv, false, options, failure);
}

bool options_parse_saved(int argc, char **argv, struct options *options, struct failure *failure)
{
    return parse(argc, argv, true, options, failure);
}

void options_free(struct options *options)
{
    free(options->tensors);
    free(options->contrasts);
    free(options->part_files);
    options->part_files = NULL;
    for (int i = 0; i < options->word_count; i++)
        free(options->words[i]);
    free(options->words);
    options->words = NULL;
    options->word_count = 0;
    options->tensors = NULL;
    options->contrasts = NULL;
}

const char *options_metric_name(int32_t metric)
{
    return option_find_name(metrics, metric);
}

const char *options_nonfinite_name(int32_t value)
{
    return option_find_name(nonfinite, value);
}

const char *options_precision_name(int32_t precision)
{
    return option_find_name(precisions, precision);
}

const char *options_statistic_name(int32_t statistic)
{
    return option_find_name(statistics, statistic);
}
