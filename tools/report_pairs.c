/*
 * Pairs of features, written one by one: there may be millions.
 */
#include "report_pairs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "json_document.h"
#include "table.h"
#include "text.h"

static const char *pair_group_name(const struct pairs_report *report, const qkvsim_pair *pair)
{
    return qkvsim_layout_row_name(report->layout, pair->pair_group);
}

static const char *group_name(const struct pairs_report *report, int64_t column)
{
    return qkvsim_layout_group_name(report->layout, qkvsim_layout_group_of(report->layout)[column]);
}

/* ---- JSON ---- */

/* All but the pairs. */
static json_t *heading_object(const struct pairs_report *report)
{
    json_t *root = json_object();
    json_object_set_new(root, "name", json_string(report->layer));
    json_object_set_new(root, "input",
                        json_input(report->observations, report->sources, report->input));
    json_object_set_new(root, "groups", json_groups(report->layout));
    json_object_set_new(root, "metric", json_string(options_metric_name(report->options->metric)));
    return root;
}

static json_t *pair_object(const struct pairs_report *report, const qkvsim_pair *pair)
{
    return json_pack("{s:I, s:I, s:s, s:f, s:s, s:I, s:s, s:I}", "i", (json_int_t)pair->i, "j",
                     (json_int_t)pair->j, "pair_group", pair_group_name(report, pair), "value",
                     pair->value, "group_i", group_name(report, pair->i), "column_i",
                     (json_int_t)report->places[pair->i], "group_j", group_name(report, pair->j),
                     "column_j", (json_int_t)report->places[pair->j]);
}

/* Prints an object on one line; its last brace only where `close` says so. */
static bool print_object(FILE *stream, json_t *object, bool close, struct failure *failure)
{
    char *text = json_whole(failure) ? json_format(object, JSON_REAL_PRECISION(17), failure) : NULL;
    json_decref(object);
    if (text != NULL)
        fwrite(text, 1, strlen(text) - !close, stream);
    free(text);
    return text != NULL;
}

bool pairs_add_json(FILE *stream, const struct pairs_report *report, int number,
                    struct failure *failure)
{
    if (!json_document_next(stream, report->options, number, failure))
        return false;
    json_begin();
    bool done = print_object(stream, heading_object(report), false, failure);
    fputs(",\n\"pairs\": [", stream);
    for (int64_t k = 0; done && k < report->count; k++) {
        fputs(k > 0 ? ",\n" : "\n", stream);
        done = print_object(stream, pair_object(report, &report->pairs[k]), true, failure);
    }
    fputs("]}", stream);
    return done;
}

/* ---- CSV ---- */

static void feature_fields(FILE *stream, const struct pairs_report *report, int64_t column)
{
    fputc(',', stream);
    csv_quoted(stream, group_name(report, column));
    fprintf(stream, ",%" PRId64, report->places[column]);
}

void pairs_add_csv(FILE *stream, const struct pairs_report *report, int number)
{
    if (number == 0)
        fputs("layer,metric,i,j,pair_group,value,group_i,column_i,group_j,column_j\n", stream);
    for (int64_t k = 0; k < report->count; k++) {
        const qkvsim_pair *pair = &report->pairs[k];
        csv_quoted(stream, report->layer);
        fprintf(stream, ",%s,%" PRId64 ",%" PRId64 ",",
                options_metric_name(report->options->metric), pair->i, pair->j);
        csv_quoted(stream, pair_group_name(report, pair));
        fprintf(stream, ",%.17g", pair->value);
        feature_fields(stream, report, pair->i);
        feature_fields(stream, report, pair->j);
        fputc('\n', stream);
    }
}

/* ---- table ---- */

enum { SHOWN = 30 };
enum { RANK, PAIR_GROUP, FEATURE_I, FEATURE_J, COLUMN_I, COLUMN_J, VALUE, COLUMNS };

static bool add_line(struct table *table, const struct pairs_report *report, int64_t rank)
{
    const qkvsim_pair *pair = &report->pairs[rank];
    char(*row)[TABLE_CELL_SIZE] = table_add_row(table);
    if (row == NULL)
        return false;
    snprintf(row[RANK], TABLE_CELL_SIZE, "%" PRId64, rank + 1);
    snprintf(row[PAIR_GROUP], TABLE_CELL_SIZE, "%s", pair_group_name(report, pair));
    snprintf(row[FEATURE_I], TABLE_CELL_SIZE, "%s:%" PRId64, group_name(report, pair->i),
             report->places[pair->i]);
    snprintf(row[FEATURE_J], TABLE_CELL_SIZE, "%s:%" PRId64, group_name(report, pair->j),
             report->places[pair->j]);
    snprintf(row[COLUMN_I], TABLE_CELL_SIZE, "%" PRId64, pair->i);
    snprintf(row[COLUMN_J], TABLE_CELL_SIZE, "%" PRId64, pair->j);
    snprintf(row[VALUE], TABLE_CELL_SIZE, "%.6f", pair->value);
    return true;
}

/* "12 pairs, |cosine| >= 0.9, top 12 of each pair group" */
static void describe(const struct pairs_report *report, char *line, size_t size)
{
    static const char *const strengths[] = { "|%s|", "%s", "-%s" };
    const struct options *options = report->options;
    char count[TEXT_COUNT_SIZE], strength[32], threshold[64] = "", top[64] = "";
    snprintf(strength, sizeof strength, strengths[options->sign],
             options_metric_name(options->metric));
    if (options->has_threshold)
        snprintf(threshold, sizeof threshold, " >= %g", options->threshold);
    if (options->top > 0)
        snprintf(top, sizeof top, ", top %" PRId64 "%s", options->top,
                 options->per_pair_group ? " of each pair group" : "");
    snprintf(line, size, "%s pair%s, %s%s%s", text_count(report->count, count),
             report->count == 1 ? "" : "s", strength, threshold, top);
}

static void print_heading(FILE *stream, const struct pairs_report *report, int width)
{
    char line[1024], name[256], observations[TEXT_COUNT_SIZE], features[TEXT_COUNT_SIZE];
    text_make_safe(report->several ? report->layer : report->input_name, name, sizeof name);
    snprintf(line, sizeof line, "%s: %s observations x %s features, %s", name,
             text_count(report->observations, observations),
             text_count(report->input->features, features), input_type(report->input));
    table_print_text(stream, line, width);
    describe(report, line, sizeof line);
    table_print_text(stream, line, width);
}

bool pairs_write_table(FILE *stream, const struct pairs_report *report, struct failure *failure)
{
    static const struct table_column columns[COLUMNS] = {
        { "", false, 3 },         { "pair of", true, 4 }, { "feature i", true, 8 },
        { "feature j", true, 7 }, { "i", false, 2 },      { "j", false, 1 },
        { "value", false, 9 }
    };
    const int width = table_terminal_width();
    struct table table = { .columns = columns, .column_count = COLUMNS };
    bool done = true;
    for (int64_t k = 0; done && k < report->count && k < SHOWN; k++)
        done = add_line(&table, report, k);
    if (done) {
        print_heading(stream, report, width);
        if (report->count > 0)
            table_print(&table, stream, width);
        if (report->count > SHOWN)
            table_print_text(stream, "the rest are in --json and --csv", width);
        fputs(report->several ? "\n" : "", stream);
    }
    table_free(&table);
    return done || fail_no_memory(failure);
}
