/*
 * What the command line says: what every command starts from.
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdint.h>

#include "failure.h"
#include "option_values.h"
#include "team.h"

/* Each is one bit, so that an option can belong to several. */
enum command {
    COMMAND_NONE = 0,
    COMMAND_ANALYZE = 1,
    COMMAND_MATRIX = 2,
    COMMAND_MASK = 4,
    COMMAND_INFO = 8,
    COMMAND_PAIRS = 16,
    COMMAND_BENCH = 32, /* has options of its own */
    COMMAND_ACCUMULATE = 64,
    COMMAND_MERGE = 128,
    COMMANDS = 255,
    COMMANDS_WITH_OPTIONS = COMMANDS - COMMAND_BENCH,
    /* No commands, but commands on what has been computed: options that they still take. */
    ANALYZE_STATE = 256,
    ANALYZE_RESULT = 512,
    PAIRS_STATE = 1024,
    MATRIX_STATE = 2048
};

/* What help, the manual page and the shell's completion say of an option, and of a command. */
enum option_section {
    OPTIONS_OF_GROUPS,
    OPTIONS_OF_INPUT,
    OPTIONS_OF_ANALYSIS,
    OPTIONS_OF_PAIRS,
    OPTIONS_OF_CORPUS,
    OPTIONS_OF_OUTPUT,
    OPTION_SECTIONS
};
struct option_help {
    const char *name;
    const char *value; /* what it wants; NULL: nothing */
    int commands;      /* those that know it */
    enum option_section section;
    const char *text;
};
struct command_help {
    const char *name;
    int command;
    const char *arguments;
    const char *text;
};

enum { OPTIONS_MAX = 80 };

/* --condition: which of a state's. */
enum { CONDITION_DEFAULT, CONDITION_TARGETS, CONDITION_OTHERS };

/* --tensor [GROUP=]NAME; group is NULL where none was given. */
struct tensor_request {
    const char *group;
    const char *name;
};

/* What of a corpus is divided over processes; 0: by its width. */
enum { DIVIDE_SHARDS = 1, DIVIDE_ROWS = 2 };

/* Strings point into argv. */
struct options {
    enum command command;
    char **arguments; /* the command's own, its name first, NULL last: all that bench looks at */
    char **inputs;
    int input_count;
    const char *groups;
    const char *heads;
    bool interleaved;
    struct tensor_request *tensors;
    int tensor_count;
    bool parts;                        /* the inputs are parts of one layer */
    struct tensor_request *part_files; /* --part [GROUP=]PATTERN: the names are patterns of files */
    int part_count;
    bool fold; /* all dimensions of an array but the last are observations */
    const char *targets;
    const char *pair_groups;
    int32_t statistic; /* QKVSIM_STATISTIC_MEAN, ...: for choice and figures */
    int32_t statistic_metric;
    int32_t metrics; /* sum of QKVSIM_METRIC_COSINE, PEARSON and SPEARMAN, for analyze */
    int32_t metric;  /* one metric, for matrix and pairs */
    int64_t bins;
    int64_t permutations;
    bool has_scheme; /* given, not the default; so the seed and others */
    int32_t scheme;
    bool has_seed;
    uint64_t seed;
    const char *segments;
    int32_t exchange; /* QKVSIM_EXCHANGE_*; 0: not given */
    const char *covariates;
    int64_t compare; /* relabellings and matched subsets; 0: no comparison */
    bool has_relabel;
    int32_t relabel;
    bool centred;
    int64_t exceedances; /* of permutations and relabellings; 0: none stop early */
    int32_t interval;    /* QKVSIM_METHOD_JACKKNIFE or BOOTSTRAP; 0: none */
    int64_t blocks;      /* this and the next two, 0: the library's default */
    int64_t resamples;
    int64_t block_length;
    bool has_level;
    double level;
    char **contrasts; /* "A,B" each */
    int contrast_count;
    bool has_threshold; /* this and the next five: for pairs */
    double threshold;
    int64_t top; /* 0: all over the threshold */
    bool per_pair_group;
    int32_t sign;
    int64_t limit;     /* 0: the library's default */
    const char *layer; /* this and the next: of a state, for pairs and matrix */
    int32_t condition; /* CONDITION_* */
    int32_t divide;    /* DIVIDE_*; this and the next two: for accumulate */
    bool resume;
    int64_t checkpoint; /* seconds between two writings of the state */
    bool has_first;
    int64_t first; /* of the permutations, relabellings and resamples that this run makes */
    int64_t total; /* of how many; 0: the library's default */
    const char *save;
    int32_t threads; /* 0: all */
    int32_t nonfinite;
    int32_t precision; /* 0: the library's choice */
    const char *json;
    const char *csv;
    const char *figure;
    const char *output;
    bool quiet;
    bool progress_json;
    bool progress_bar;       /* asked for, also where nobody watches */
    struct team *team;       /* NULL: a process by itself */
    bool given[OPTIONS_MAX]; /* by the number of options_help */
    bool saved;              /* read with saved results: they have no outputs */
    char **words;            /* "--seed=1": what saved results keep of the command line; owned */
    int word_count;
    bool help; /* of the command, or of all */
    bool manual;
    bool completion;
    bool version;
};

/* Whether a metric has a statistic. */
bool options_has_statistic(int32_t metric, int32_t statistic);

/* The names of a QKVSIM_SCHEME_*, a QKVSIM_RELABEL_*, a QKVSIM_EXCHANGE_* (0: the default), a
 * method of intervals, a QKVSIM_SIGN_*, a CONDITION_*, a QKVSIM_NONFINITE_*, an arithmetic, a
 * metric and a statistic, as they are given to options; NULL of what has none. */
const char *options_scheme_name(int32_t scheme);
const char *options_relabel_name(int32_t relabel);
const char *options_exchange_name(int32_t exchange);
const char *options_interval_name(int32_t interval);
const char *options_sign_name(int32_t sign);
const char *options_condition_name(int32_t condition);
const char *options_nonfinite_name(int32_t nonfinite);
const char *options_precision_name(int32_t precision);
const char *options_metric_name(int32_t metric);
const char *options_statistic_name(int32_t statistic);

#endif
