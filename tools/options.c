/*
 * The command line: one table of options, each with the commands that know it and what it does.
 */
#include "options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "option_values.h"
#include "options_inference.h"
#include "options_outputs.h"
#include "options_pairs.h"

enum {
    ANALYZE = COMMAND_ANALYZE,
    MATRIX = COMMAND_MATRIX,
    MASK = COMMAND_MASK,
    INFO = COMMAND_INFO,
    PAIRS = COMMAND_PAIRS,
    LAYERS = ANALYZE | PAIRS,
    INPUT = LAYERS | MATRIX,
    EVERY = INPUT | MASK | INFO
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
    if (star != NULL && ((int)options->command & LAYERS) == 0)
        return fail_usage(failure, "tensor patterns are for analyze and pairs: --tensor %s",
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
        return fail_usage(failure, "this qkvsim is built without figures: --figure %s", value);
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
    const char *name;
    int argument;
    int commands;
    size_t text;
    size_t flag;
    take_option *take;
} rules[] = {
    { "groups", required_argument, LAYERS | MASK, TEXT(groups) },
    { "heads", required_argument, LAYERS | MASK, TEXT(heads) },
    { "interleaved", no_argument, LAYERS | MASK, FLAG(interleaved) },
    { "tensor", required_argument, INPUT, TAKE(take_tensor) },
    { "parts", no_argument, INPUT, FLAG(parts) },
    { "fold", no_argument, INPUT, FLAG(fold) },
    { "targets", required_argument, INPUT, TEXT(targets) },
    { "pair-groups", required_argument, LAYERS, TEXT(pair_groups) },
    { "metrics", required_argument, ANALYZE, TAKE(take_metrics) },
    { "metric", required_argument, MATRIX | PAIRS, TAKE(take_metric) },
    { "statistic", required_argument, ANALYZE, TAKE(take_statistic) },
    { "bins", required_argument, ANALYZE, TAKE(take_bins) },
    { "permutations", required_argument, ANALYZE, TAKE(take_permutations) },
    { "scheme", required_argument, ANALYZE, TAKE(take_scheme) },
    { "seed", required_argument, ANALYZE, TAKE(take_seed) },
    { "threads", required_argument, INPUT | INFO, TAKE(take_threads) },
    { "on-nonfinite", required_argument, INPUT, TAKE(take_nonfinite) },
    { "precision", required_argument, INPUT, TAKE(take_precision) },
    { "json", required_argument, LAYERS, TEXT(json) },
    { "csv", required_argument, LAYERS, TEXT(csv) },
    { "figure", required_argument, ANALYZE, TAKE(take_figure) },
    { "output", required_argument, MATRIX | MASK, TEXT(output) },
    { "quiet", no_argument, EVERY, FLAG(quiet) },
    { "help", no_argument, EVERY, FLAG(help) },
    { "version", no_argument, EVERY, FLAG(version) },
    { "compare", required_argument, ANALYZE, TAKE(take_compare) },
    { "relabel", required_argument, ANALYZE, TAKE(take_relabel) },
    { "centred", no_argument, ANALYZE, FLAG(centred) },
    { "exceedances", required_argument, ANALYZE, TAKE(take_exceedances) },
    { "interval", required_argument, ANALYZE, TAKE(take_interval) },
    { "blocks", required_argument, ANALYZE, TAKE(take_blocks) },
    { "resamples", required_argument, ANALYZE, TAKE(take_resamples) },
    { "block", required_argument, ANALYZE, TAKE(take_block) },
    { "level", required_argument, ANALYZE, TAKE(take_level) },
    { "contrast", required_argument, ANALYZE, TAKE(take_contrast) },
    { "segments", required_argument, ANALYZE, TEXT(segments) },
    { "exchange", required_argument, ANALYZE, TAKE(take_exchange) },
    { "covariates", required_argument, ANALYZE, TEXT(covariates) },
    { "threshold", required_argument, PAIRS, TAKE(take_threshold) },
    { "top", required_argument, PAIRS, TAKE(take_top) },
    { "per-pair-group", no_argument, PAIRS, FLAG(per_pair_group) },
    { "sign", required_argument, PAIRS, TAKE(take_sign) },
    { "limit", required_argument, PAIRS, TAKE(take_limit) },
};

enum { RULES = sizeof rules / sizeof rules[0] };

static const struct named_number commands[] = { { "analyze", COMMAND_ANALYZE },
                                                { "matrix", COMMAND_MATRIX },
                                                { "mask", COMMAND_MASK },
                                                { "info", COMMAND_INFO },
                                                { "pairs", COMMAND_PAIRS },
                                                { "bench", COMMAND_BENCH },
                                                { NULL, 0 } };

static bool take_command(const char *name, struct options *options, struct failure *failure)
{
    int32_t command = 0;
    if (!option_find_number(commands, name, &command))
        return fail_usage(failure, "unknown command: %s (see qkvsim --help)", name);
    options->command = (enum command)command;
    return true;
}

static bool take_rule(const struct rule *rule, const char *command, char *value,
                      struct options *options, struct failure *failure)
{
    if ((rule->commands & (int)options->command) == 0) {
        char list[OPTION_LIST_SIZE];
        option_list_names(commands, rule->commands, list);
        return fail_usage(failure, "--%s is no option of %s but of %s", rule->name, command, list);
    }
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
    bool wants_input = ((int)options->command & INPUT) != 0;
    if (options->command == COMMAND_MASK && options->input_count > 0)
        return fail_usage(failure, "mask takes no input: %s", options->inputs[0]);
    if (wants_input && options->input_count == 0)
        return fail_usage(failure, "%s wants an input file", command);
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
    return check_outputs(options, failure) && check_inference(options, failure)
           && (options->command != COMMAND_PAIRS || check_pairs(options, failure));
}

static bool parse_arguments(int argc, char **argv, struct options *options, struct failure *failure)
{
    struct option long_options[RULES + 1] = { { 0 } };
    for (int i = 0; i < RULES; i++)
        long_options[i] = (struct option){ rules[i].name, rules[i].argument, NULL, i + 256 };
    opterr = 0;
    optind = 1;
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

bool options_parse(int argc, char **argv, struct options *options, struct failure *failure)
{
    *options = (struct options){ .metrics = QKVSIM_METRIC_COSINE | QKVSIM_METRIC_PEARSON,
                                 .metric = QKVSIM_METRIC_COSINE,
                                 .bins = 100,
                                 .scheme = QKVSIM_SCHEME_ALL,
                                 .relabel = QKVSIM_RELABEL_LABELS,
                                 .level = 0.95 };
    if (argc < 2)
        return fail_usage(failure, "a command is missing (see qkvsim --help)");
    options->help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
    options->version = strcmp(argv[1], "--version") == 0;
    if (options->help || options->version)
        return true;
    if (!take_command(argv[1], options, failure))
        return false;
    options->arguments = argv + 1;
    if (options->command == COMMAND_BENCH)
        return true;
    options->tensors = calloc((size_t)argc, sizeof *options->tensors);
    options->contrasts = calloc((size_t)argc, sizeof *options->contrasts);
    if (options->tensors == NULL || options->contrasts == NULL) {
        options_free(options);
        return fail_no_memory(failure);
    }
    if (parse_arguments(argc - 1, argv + 1, options, failure))
        return true;
    options_free(options);
    return false;
}

void options_free(struct options *options)
{
    free(options->tensors);
    free(options->contrasts);
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
