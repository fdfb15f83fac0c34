/*
 * A few numbers of each layer, kept for the table and the figure over layers.
 */
#ifndef TOOLS_TREND_H
#define TOOLS_TREND_H

#include "report.h"

/* The statistics that are kept: the chosen one, and corrected ones, which n does not bias. */
struct trend_line {
    int32_t metric;
    int32_t statistic;
};

enum { TREND_LINES_MAX = 5, TREND_ROWS_MAX = 8 };

struct trend {
    struct report shared; /* the first layer's, without its results */
    const char *condition_names[REPORT_CONDITIONS_MAX];
    int64_t observations[REPORT_CONDITIONS_MAX];
    struct trend_line lines[TREND_LINES_MAX]; /* the chosen statistic first */
    int line_count;
    int32_t rows[TREND_ROWS_MAX]; /* roll-ups, or pair groups chosen in the first layer */
    int32_t row_count;
    bool rolled_up;
    const char **names; /* of layers */
    double *values;     /* layers x conditions x lines x rows x TREND_NUMBERS */
    int layers;
    int capacity;
    struct warnings warnings; /* of each code the first layer's */
};

/* Keeps a layer's numbers; `number` counts from 0. */
bool trend_add(struct trend *trend, const struct report *report, int number,
               struct failure *failure);

/* Also for one zeroed. */
void trend_free(struct trend *trend);

/* A number kept: the statistic, or where there are intervals, their estimate of it and their ends;
 * else NaN. */
enum { TREND_VALUE, TREND_ESTIMATE, TREND_LOW, TREND_HIGH, TREND_NUMBERS };
double trend_number(const struct trend *trend, int layer, int condition, int line, int32_t row,
                    int which);

/* "offset share", "Pearson sd", ... */
const char *trend_line_name(const struct trend *trend, int line, char name[REPORT_STATISTIC_SIZE]);

bool trend_write_table(FILE *stream, const struct trend *trend, struct failure *failure);

#endif
