/*
 * The report as CSV, quoted as in RFC 4180: its JSON, laid out in lines. There is one line for each
 * condition, row and metric; then one for each contrast, and where the selections are compared, for
 * their difference in each row. A column is named by the keys on the way from the row's object to
 * the number.
 */
#include <string.h>

#include "csv.h"
#include "report_json.h"
#include "text.h"

/* What becomes of each line, an object of its fields by their columns. */
struct writer {
    FILE *stream;
    json_t *columns; /* an object whose keys are the columns, in their order */
    bool (*take)(struct writer *writer, json_t *line);
};

/* One layer's lines, and what those at work have in common. */
struct lines {
    const struct report *report;
    struct writer *writer;
    const char *condition;
    const json_t *observations; /* NULL where a line is of two conditions */
    const char *kind;
};

enum { COLUMN_SIZE = 128 };

static bool is_metric(const char *key)
{
    for (int m = 0; m < REPORT_METRICS; m++)
        if (strcmp(key, report_metrics[m].key) == 0)
            return true;
    return false;
}

/* Keys that name no column: `metric` has the metric's, and the offset split is the cosine's. */
static bool is_silent(const char *key)
{
    return is_metric(key) || strcmp(key, "offset") == 0;
}

/* What a metric's line leaves out: other metrics, the split of cosines where it is none of theirs,
 * and what is no single number. */
static bool is_left_out(const char *key, const json_t *value, const char *metric)
{
    return (is_metric(key) && strcmp(key, metric) != 0)
           || (strcmp(key, "offset") == 0 && strcmp(metric, "cosine") != 0)
           || strncmp(key, "histogram", strlen("histogram")) == 0 || json_is_string(value);
}

/* Intervals are [low, high], or null. */
static void add_intervals(json_t *line, json_t *intervals, const char *prefix)
{
    static const char *const ends[] = { "low", "high" };
    const char *key;
    json_t *interval;
    json_object_foreach(intervals, key, interval)
    {
        for (size_t i = 0; i < 2; i++) {
            char column[COLUMN_SIZE] = "";
            json_t *end = json_array_get(interval, i);
            text_append(column, sizeof column, "%s_%s_%s", prefix, key, ends[i]);
            json_object_set_new(line, column, end != NULL ? json_incref(end) : json_null());
        }
    }
}

/* Adds the numbers of an object, of one metric. */
static void add_fields(json_t *line, json_t *object, const char *prefix, const char *metric)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char column[COLUMN_SIZE] = "";
        if (is_left_out(key, value, metric))
            continue;
        text_append(column, sizeof column, "%s", prefix);
        if (!is_silent(key))
            text_append(column, sizeof column, "%s%s", prefix[0] != '\0' ? "_" : "", key);
        if (!json_is_object(value))
            json_object_set(line, column, value);
        else if (strcmp(key, "interval") == 0)
            add_intervals(line, value, column);
        else
            add_fields(line, value, column, metric);
    }
}

/* Passes on the lines of a row, one for each metric, whose fields are in one object or in two. */
static bool take_row(const struct lines *lines, const char *name, json_t *row, json_t *more)
{
    bool done = true;
    for (int m = 0; done && m < REPORT_METRICS; m++) {
        const char *metric = report_metrics[m].key;
        if (!report_has_metric(lines->report, report_metrics[m].number))
            continue;
        json_t *line = json_object();
        json_object_set_new(line, "layer", json_string(lines->report->layer));
        json_object_set_new(line, "condition", json_string(lines->condition));
        json_object_set_new(line, "observations",
                            lines->observations != NULL
                                ? json_integer(json_integer_value(lines->observations))
                                : json_null());
        json_object_set_new(line, "kind", json_string(lines->kind));
        json_object_set_new(line, "pair_group", json_string(name));
        json_object_set_new(line, "metric", json_string(metric));
        add_fields(line, row, "", metric);
        add_fields(line, more, "", metric);
        done = lines->writer->take(lines->writer, line);
        json_decref(line);
    }
    return done;
}

/* All rows of an object, and of another that has the same ones; either may be NULL. */
static bool take_rows(struct lines *lines, const json_t *object, const json_t *other)
{
    static const char *const kinds[] = { "pair_group", "rollup" };
    static const char *const arrays[] = { "pair_groups", "rollups" };
    bool done = true;
    for (int k = 0; k < 2; k++) {
        const json_t *rows = json_object_get(object != NULL ? object : other, arrays[k]);
        const json_t *others = json_object_get(other, arrays[k]);
        lines->kind = kinds[k];
        for (size_t i = 0; done && i < json_array_size(rows); i++) {
            json_t *row = json_array_get(rows, i);
            done = take_row(lines, json_string_value(json_object_get(row, "name")), row,
                            json_array_get(others, i));
        }
    }
    return done;
}

static bool take_contrasts(struct lines *lines, const json_t *contrasts)
{
    bool done = true;
    lines->kind = "contrast";
    for (size_t i = 0; done && i < json_array_size(contrasts); i++) {
        json_t *contrast = json_array_get(contrasts, i);
        char name[512];
        snprintf(name, sizeof name, "%s - %s", json_string_value(json_object_get(contrast, "a")),
                 json_string_value(json_object_get(contrast, "b")));
        done = take_row(lines, name, contrast, NULL);
    }
    return done;
}

static bool take_lines(const struct report *report, const json_t *layer, struct writer *writer)
{
    struct lines lines = { .report = report, .writer = writer };
    const json_t *conditions = json_object_get(layer, "conditions");
    bool done = true;
    for (size_t i = 0; done && i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        lines.condition = report->conditions[i].name;
        lines.observations = json_object_get(condition, "observations");
        done = take_rows(&lines, condition, NULL)
               && take_contrasts(&lines, json_object_get(condition, "contrasts"));
    }
    char difference[64];
    snprintf(difference, sizeof difference, "%s - %s", report->conditions[0].name,
             report->condition_count > 1 ? report->conditions[1].name : "");
    lines.condition = difference;
    lines.observations = NULL;
    return done
           && take_rows(&lines, json_object_get(layer, "comparison"),
                        json_object_get(layer, "selection_contrast"));
}

static bool take_columns(struct writer *writer, json_t *line)
{
    return json_object_update_missing(writer->columns, line) == 0;
}

/* What does not exist is empty. */
static void write_field(FILE *stream, const json_t *value)
{
    if (json_is_string(value))
        csv_quoted(stream, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(stream, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        fprintf(stream, "%.17g", json_real_value(value));
}

static bool write_line(struct writer *writer, json_t *line)
{
    const char *column, *comma = "";
    json_t *value;
    json_object_foreach(writer->columns, column, value)
    {
        fputs(comma, writer->stream);
        write_field(writer->stream, json_object_get(line, column));
        comma = ",";
    }
    return fputc('\n', writer->stream) != EOF;
}

static void write_header(const struct writer *writer)
{
    const char *column, *comma = "";
    json_t *value;
    json_object_foreach(writer->columns, column, value)
    {
        fprintf(writer->stream, "%s%s", comma, column);
        comma = ",";
    }
    fputc('\n', writer->stream);
}

/* Twice over the lines, for together they may be far larger than the numbers in them. */
bool report_add_csv(FILE *stream, const struct report *report, int number, struct failure *failure)
{
    json_begin();
    json_t *layer = json_layer(report);
    struct writer writer = { .stream = stream, .columns = json_object(), .take = take_columns };
    bool done = json_whole(failure) && take_lines(report, layer, &writer);
    if (done && number == 0)
        write_header(&writer);
    writer.take = write_line;
    done = done && take_lines(report, layer, &writer);
    json_decref(writer.columns);
    json_decref(layer);
    return json_whole(failure) && done;
}
