/*
 * What was measured, as JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"
#include "report.h"

static void write_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        if ((unsigned char)*text >= ' ')
            fputc(*text, file);
    }
    fputc('"', file);
}

static void write_row(FILE *file, const bench_row *row, const bench_outcome *outcome)
{
    const timing_comparison *comparison = &outcome->comparison;
    double low, high;
    timing_spread(comparison, &low, &high);
    fprintf(file,
            "    {\"name\": \"%s\", \"n\": %lld, \"d\": %lld, \"ms\": %.9g, \"reference\": \"%s\", "
            "\"reference_ms\": %.9g, \"min_ms\": %.9g, \"reference_min_ms\": %.9g, \"ratio\": "
            "%.9g, \"ratio_low\": %.9g, \"ratio_high\": %.9g",
            row->name, (long long)row->observations, (long long)row->features,
            1e3 * comparison->ours.median, row->reference, 1e3 * comparison->reference.median,
            1e3 * comparison->ours.minimum, 1e3 * comparison->reference.minimum,
            timing_ratio(comparison), low, high);
    if (row->bound != BOUND_NONE)
        fprintf(file, ", \"%s\": %.9g", row->bound == BOUND_AT_MOST ? "at_most" : "at_least",
                rows_target(row));
    fputc('}', file);
}

static void write_report(FILE *file, const bench_report *report)
{
    const char *separator = "\n";
    fputs("{\n  \"rows\": [", file);
    for (int r = 0; r < row_count; r++)
        if (report->measured[r]) {
            fputs(separator, file);
            write_row(file, &rows[r], &report->outcomes[r]);
            separator = ",\n";
        }
    fputs("\n  ],\n  \"peak_rss_mb\": {", file);
    separator = "";
    for (int r = 0; r < row_count; r++)
        if (report->measured[r] && report->outcomes[r].peak_rss_mb > 0) {
            fprintf(file, "%s\"%s\": %.1f", separator, rows[r].name,
                    report->outcomes[r].peak_rss_mb);
            separator = ", ";
        }
    fputs("},\n  \"cpu\": ", file);
    write_text(file, report->cpu);
    fputs(",\n  \"blas\": ", file);
    write_text(file, report->blas);
    fputs(",\n  \"kernels\": ", file);
    write_text(file, report->kernels);
    fprintf(file, ",\n  \"threads\": %d\n}\n", (int)report->threads);
}

void report_check_json(const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash != NULL ? (size_t)(slash + 1 - path) : 0;
    char *folder = allocate((int64_t)length + 1, 1);
    memcpy(folder, path, length);
    folder[length] = '\0';
    if (strcmp(path, "-") != 0 && access(slash != NULL ? folder : ".", W_OK | X_OK) != 0)
        fail(EXIT_FAILED, "cannot write: %s: %s", path, strerror(errno));
    free(folder);
}

void report_write_json(const bench_report *report, const char *path)
{
    if (strcmp(path, "-") == 0) {
        write_report(stdout, report);
        return;
    }
    const size_t size = strlen(path) + sizeof ".part";
    char *beside = allocate((int64_t)size, 1);
    snprintf(beside, size, "%s.part", path);
    FILE *file = fopen(beside, "w");
    if (file == NULL)
        fail(EXIT_FAILED, "cannot write: %s: %s", path, strerror(errno));
    write_report(file, report);
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed || rename(beside, path) != 0) {
        const int why = errno;
        remove(beside);
        fail(EXIT_FAILED, "cannot write: %s: %s", path, strerror(why));
    }
    free(beside);
}
