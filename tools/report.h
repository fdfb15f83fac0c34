/*
 * What an analysis came to, as the table, the JSON, the CSV and the figure all read it.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <qkvsim/qkvsim.h>
#include <stdio.h>

#include "failure.h"

enum { REPORT_CONDITIONS_MAX = 2 };

struct condition {
    const char *name; /* "all", "targets", "non-targets" */
    const qkvsim_analysis *analysis;
    const qkvsim_baseline *baseline; /* NULL without permutations */
};

struct report {
    const char *input_name;
    const char *dtype;
    int64_t observations;
    int64_t features;
    const qkvsim_layout *layout;
    const int32_t *codes; /* one for each pair group; NULL where products are ambiguous */
    int32_t metrics;      /* sum of QKVSIM_COSINE and QKVSIM_PEARSON */
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

/* Chooses at most `limit` pair groups: all in their order if they are as few, else those with the
 * largest offset share in the first condition, largest first; the first ones where there are no
 * cosines. Returns how many. */
int32_t report_choose(const struct report *report, int32_t limit, int32_t *chosen);

/* What to say of pair groups so chosen: "those of largest offset share". */
const char *report_choice(const struct report *report);

/* Writers for output_write; `content` is a const struct report *. */
bool report_write_table(FILE *stream, const void *content, struct failure *failure);
bool report_write_json(FILE *stream, const void *content, struct failure *failure);
bool report_write_csv(FILE *stream, const void *content, struct failure *failure);
bool report_write_svg(FILE *stream, const void *content, struct failure *failure);
bool report_write_png(FILE *stream, const void *content, struct failure *failure);
bool report_write_pdf(FILE *stream, const void *content, struct failure *failure);

#endif
