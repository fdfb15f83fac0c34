/*
 * What an analysis came to, as the table, the JSON, the CSV and the figure all read it.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <qkvsim/qkvsim.h>
#include <stdio.h>

#include "canvas.h"
#include "failure.h"

enum { REPORT_CONDITIONS_MAX = 2 };

struct condition {
    const char *name; /* "all", "targets", "non-targets" */
    const qkvsim_analysis *analysis;
    const qkvsim_baseline *baseline; /* NULL without permutations */
};

/* One layer's; a run over several has a report for each. */
struct report {
    const char *layer; /* its name; NULL where the run is of one input */
    const char *input_name;
    const char *dtype;
    int64_t observations;
    int64_t features;
    const qkvsim_layout *layout;
    const int32_t *pair_groups; /* those computed, increasing */
    int32_t pair_group_count;
    const int32_t *codes; /* one for each pair group; NULL where products are ambiguous */
    int32_t metrics;      /* sum of QKVSIM_COSINE and QKVSIM_PEARSON */
    int32_t statistic;    /* the one that chooses pair groups and is drawn for heads and layers */
    int32_t statistic_metric;
    int64_t bins;
    struct condition conditions[REPORT_CONDITIONS_MAX];
    int condition_count;
    int64_t permutations;
    int64_t seed;
    const char *scheme;
};

/* The metrics a report can hold, in the order of its columns, and the statistics that have a
 * baseline. */
struct report_word {
    int32_t number;
    const char *key;
};
enum { REPORT_METRICS = 2, REPORT_BASELINE_STATISTICS = 5 };
extern const struct report_word report_metrics[REPORT_METRICS];
extern const struct report_word report_baseline_statistics[REPORT_BASELINE_STATISTICS];

/* The shares of a pair group's defined pairs in each bin go to shares[bins]; all zero if none is
 * defined. */
void report_shares(const struct condition *condition, int32_t pair_group, int32_t metric,
                   double *shares);

/* A QKVSIM_* statistic, or OPTIONS_OFFSET_SHARE; NaN where it does not exist. */
double report_value(const struct condition *condition, int32_t row, int32_t metric,
                    int32_t statistic);

/* "offset share", "cosine mean", ...: the report's chosen statistic, in words. */
enum { REPORT_STATISTIC_SIZE = 32 };
const char *report_statistic_name(const struct report *report, char name[REPORT_STATISTIC_SIZE]);

/* Chooses at most `limit` pair groups: all in their order if they are as few, else those where the
 * chosen statistic is largest in magnitude in the first condition, largest first. Returns how many.
 */
int32_t report_choose(const struct report *report, int32_t limit, int32_t *chosen);

/* Writers; the stream's own failures are the caller's to find. The CSV and the JSON grow layer by
 * layer, of numbers 0, 1, ...; the JSON of several layers has an end. */
bool report_add_json(FILE *stream, const struct report *report, int number,
                     struct failure *failure);
void report_end_json(FILE *stream);
void report_add_csv(FILE *stream, const struct report *report, int number);
bool report_write_table(FILE *stream, const struct report *report, struct failure *failure);
bool figure_write(FILE *stream, const struct report *report, const struct figure_format *format,
                  struct failure *failure);

#endif
