/*
 * Pairs of features as table, JSON and CSV; a feature is named by its group and its place there.
 */
#ifndef TOOLS_REPORT_PAIRS_H
#define TOOLS_REPORT_PAIRS_H

#include <stdio.h>

#include "input.h"

/* One layer's; a run over several has a report for each. */
struct pairs_report {
    const char *layer;                 /* its name */
    bool several;                      /* whether the run is of several */
    const char *input_name;            /* of its file, or files */
    const struct part_source *sources; /* one for each part of the input */
    const struct input *input;
    int64_t observations; /* in use */
    const qkvsim_layout *layout;
    const int64_t *places; /* of each feature, its number within its group */
    const struct options *options;
    const qkvsim_pair *pairs;
    int64_t count;
};

/* Writers; the stream's own failures are the caller's to find. JSON and CSV grow layer by layer, of
 * numbers 0, 1, ...; json_document_end ends the JSON. */
bool pairs_add_json(FILE *stream, const struct pairs_report *report, int number,
                    struct failure *failure);
void pairs_add_csv(FILE *stream, const struct pairs_report *report, int number);
bool pairs_write_table(FILE *stream, const struct pairs_report *report, struct failure *failure);

#endif
