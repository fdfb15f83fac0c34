/*
 * What an analysis came to, as the table, the JSON, the CSV and the figure all read it.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <qkvsim/qkvsim.h>
#include <stdio.h>

#include "failure.h"
#include "input.h"
#include "options.h"
#include "rows.h"
#include "warnings.h"

enum { REPORT_CONDITIONS_MAX = 2 };

struct condition {
    const char *name; /* "all", "targets", "non-targets" */
    const qkvsim_analysis *analysis;
    const qkvsim_baseline *baseline;   /* NULL without permutations */
    const qkvsim_intervals *intervals; /* NULL without --interval */
};

/* One layer's; a run over several has a report for each. A row is a pair group or a roll-up. */
struct report {
    const char *layer;                 /* its name */
    bool several;                      /* whether the run is of several */
    const char *input_name;            /* of its file, or files */
    const struct part_source *sources; /* one for each part of the input */
    const struct input *input;
    const char *dtype;
    int64_t observations;
    int64_t features;
    const qkvsim_layout *layout;
    const int32_t *rows; /* those computed, increasing: pair groups, then roll-ups */
    int32_t pair_group_count;
    int32_t row_count;
    const int32_t *codes; /* one for each pair group; NULL where products are ambiguous */
    const struct options *options;
    const struct contrast *contrasts; /* as many as the options have */
    struct condition conditions[REPORT_CONDITIONS_MAX];
    int condition_count;
    const qkvsim_comparison *comparison; /* of the two conditions; NULL without --compare */
    const qkvsim_comparison
        *matched; /* with subsets for figures: the same, or one of nothing else */
    const qkvsim_intervals *selection_contrast; /* NULL without --interval and --targets */
    const struct warnings *warnings;
};

/* What reports speak of, with its keys, in the order of the outputs. */
struct report_word {
    int32_t number;
    const char *key;
};
enum {
    REPORT_METRICS = 3,
    REPORT_STATISTICS = 8,    /* of the values themselves */
    REPORT_OFFSET_PARTS = 11, /* of the offset split, which the cosine has */
    REPORT_REPLICATED = 12,   /* those that have baselines and intervals */
    REPORT_OF_VALUES = 6,     /* of these, those of the values; the rest is of the offset split */
    REPORT_P_VALUES = 9,
    REPORT_DISTANCES = 3
};
extern const struct report_word report_metrics[REPORT_METRICS];
extern const struct report_word report_statistics[REPORT_STATISTICS];
extern const struct report_word report_offset_parts[REPORT_OFFSET_PARTS];
extern const struct report_word report_replicated[REPORT_REPLICATED];
extern const struct report_word report_p_values[REPORT_P_VALUES];
extern const struct report_word report_distances[REPORT_DISTANCES];

/* A sentence for captions: what the offset share is. */
extern const char report_offset_share[];

bool report_has_metric(const struct report *report, int32_t metric);

/* Whether a statistic is corrected for the number of observations, so that selections compare by
 * it. */
bool report_is_corrected(int32_t statistic);

/* The summary that adjusts p within a statistic: permutations that stop early have no P_MAX. */
int32_t report_adjusted_p(const struct report *report);

/* A number of the contrast of two rows, or with b < 0 of the selections' difference in row a. */
double report_difference(const qkvsim_intervals *intervals, int32_t a, int32_t b, int32_t metric,
                         int32_t statistic, int32_t what);

/* The shares of a pair group's defined pairs in each bin go to shares[bins]; all zero if none is
 * defined. */
void report_shares(const struct condition *condition, int32_t pair_group, int32_t metric,
                   double *shares);

/* A statistic in words: "offset share", "cosine mean"; and the one that was chosen. */
enum { REPORT_STATISTIC_SIZE = 32 };
const char *report_statistic_name(int32_t metric, int32_t statistic,
                                  char name[REPORT_STATISTIC_SIZE]);
const char *report_chosen_name(const struct report *report, char name[REPORT_STATISTIC_SIZE]);

/* Chooses at most `limit` pair groups: all in their order if they are as few, else those where the
 * chosen statistic is largest in magnitude in the first condition, largest first. Returns how many.
 */
int32_t report_choose(const struct report *report, int32_t limit, int32_t *chosen);

/* Writers; the stream's own failures are the caller's to find. The CSV and the JSON grow layer by
 * layer, of numbers 0, 1, ...; json_document_end ends the JSON. */
bool report_add_json(FILE *stream, const struct report *report, int number,
                     struct failure *failure);
bool report_add_csv(FILE *stream, const struct report *report, int number, struct failure *failure);
bool report_write_table(FILE *stream, const struct report *report, struct failure *failure);

#endif
