/*
 * Warnings: results whose conditions the data may not meet, or that a reader would look for in
 * vain.
 */
#include "find_warnings.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "dependence.h"
#include "report_cells.h"
#include "text.h"

/* Lags, blocks and intervals need as many independent stretches. */
enum { TIMES_NEEDED = 20, PERMUTATIONS_NEEDED = 999 };

/* From here on neighbours that resemble each other make a test that exchanges them reject too
 * often. */
static const double NOTABLE = 0.2;
static const double SMALL = 0.05;

__attribute__((format(printf, 4, 5))) static void warn(struct warnings *warnings, const char *code,
                                                       bool in_table, const char *format, ...)
{
    if (warnings->count == WARNINGS_MAX)
        return;
    struct warning *warning = &warnings->items[warnings->count++];
    warning->code = code;
    warning->in_table = in_table;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(warning->text, sizeof warning->text, format, arguments);
    va_end(arguments);
}

static int64_t size_of(const struct report *report, int condition)
{
    return qkvsim_analysis_observations(report->conditions[condition].analysis);
}

static void warn_of_sizes(struct warnings *warnings, const struct report *report)
{
    char first[TEXT_COUNT_SIZE], second[TEXT_COUNT_SIZE];
    if (report->condition_count < 2 || size_of(report, 0) == size_of(report, 1))
        return;
    warn(warnings, "unequal_sizes", true,
         "%s have n = %s, %s n = %s: standard deviations, tails and raw shares differ for that "
         "alone; "
         "compare corrected statistics, or at equal size with --compare",
         report->conditions[0].name, text_count(size_of(report, 0), first),
         report->conditions[1].name, text_count(size_of(report, 1), second));
}

/* "(their lag-1 autocorrelation is 0.93, a mean over 240 features)" */
static const char *say_dependence(const struct dependence *dependence, char *text, size_t size)
{
    char count[TEXT_COUNT_SIZE];
    snprintf(text, size, "(neighbours correlate by %.2f, a mean over %s feature%s)",
             dependence->correlation, text_count(dependence->features, count),
             dependence->features == 1 ? "" : "s");
    return text;
}

/* Lags are as many as a segment has observations. */
static void warn_of_lags(struct warnings *warnings, const char *name, const char *what,
                         const struct dependence *dependence, bool segments)
{
    double length = (double)dependence->observations / (double)dependence->segments;
    double times = length / dependence_time(dependence);
    char text[128];
    if (!(times < TIMES_NEEDED))
        return;
    warn(warnings, "short_lags", true,
         "%s: the lags of %s span %.1f correlation times%s %s: under 20, p may be too small", name,
         what, times, segments ? " of a segment's mean length" : "",
         say_dependence(dependence, text, sizeof text));
}

/* Units that change places must be many as well. */
static void warn_of_units(struct warnings *warnings, const char *name,
                          const struct dependence *dependence)
{
    if (dependence->segments < TIMES_NEEDED)
        warn(warnings, "few_segments", true,
             "%s: --exchange segments has %" PRId64 " segments to exchange: under 20, p has few "
             "values, and that of --scheme flip may be too small",
             name, dependence->segments);
}

static void warn_of_scheme(struct warnings *warnings, const struct report *report, const char *name,
                           const struct dependence *dependence, bool segments)
{
    const struct options *options = report->options;
    char text[128], what[64];
    bool lags = options->scheme == QKVSIM_SCHEME_SHIFT
                || options->scheme == QKVSIM_SCHEME_OBSERVATIONS_SHIFT;
    bool exchanged = options->exchange != QKVSIM_EXCHANGE_SEGMENTS
                     && (options->scheme == QKVSIM_SCHEME_FEATURE
                         || options->scheme == QKVSIM_SCHEME_OBSERVATIONS);
    if (options->permutations == 0)
        return;
    if (options->exchange == QKVSIM_EXCHANGE_SEGMENTS)
        warn_of_units(warnings, name, dependence);
    snprintf(what, sizeof what, "--scheme %s", options_scheme_name(options->scheme));
    if (lags)
        warn_of_lags(warnings, name, what, dependence, segments);
    else if (exchanged && dependence->correlation >= NOTABLE)
        warn(warnings, "dependent_observations", true,
             "%s: %s exchanges observations that resemble their neighbours %s: p may be too small; "
             "%s rotates them",
             name, what, say_dependence(dependence, text, sizeof text),
             options->scheme == QKVSIM_SCHEME_FEATURE ? "--scheme shift"
                                                      : "--scheme observations-shift");
}

static void warn_of_blocks(struct warnings *warnings, const struct condition *condition,
                           const struct dependence *dependence)
{
    double times = (double)dependence->observations / dependence_time(dependence);
    char text[128];
    if (condition->intervals == NULL || !(times < TIMES_NEEDED))
        return;
    warn(warnings, "few_independent_observations", true,
         "%s: the observations are worth %.1f independent ones %s: under 20, intervals may be too "
         "narrow",
         condition->name, times, say_dependence(dependence, text, sizeof text));
}

/* What relabelling rests on: of both selections together. */
static bool warn_of_relabelling(struct warnings *warnings, const struct report *report,
                                const struct study *study)
{
    struct dependence dependence;
    char text[128];
    if (report->comparison == NULL)
        return true;
    if (!dependence_estimate(&dependence, &study->input, NULL, study->segments))
        return false;
    if (report->options->exchange == QKVSIM_EXCHANGE_SEGMENTS)
        warn_of_units(warnings, "comparison", &dependence);
    double clusters = dependence_of_labels(study->targets.mask, study->input.observations);
    if (report->options->relabel == QKVSIM_RELABEL_SHIFT)
        warn_of_lags(warnings, "comparison", "--relabel label-shift", &dependence,
                     study->segments != NULL);
    else if (report->options->exchange != QKVSIM_EXCHANGE_SEGMENTS && clusters >= NOTABLE
             && dependence.correlation >= NOTABLE)
        warn(warnings, "clustered_targets", true,
             "comparison: targets come in clusters, and observations resemble their neighbours %s: "
             "p "
             "may be too small; --relabel label-shift keeps the clusters",
             say_dependence(&dependence, text, sizeof text));
    return true;
}

static bool warn_of_dependence(struct warnings *warnings, const struct report *report,
                               const struct study *study)
{
    bool selected = report->condition_count > 1;
    for (int c = 0; c < report->condition_count; c++) {
        const struct condition *condition = &report->conditions[c];
        const uint8_t *masks[REPORT_CONDITIONS_MAX] = { study->targets.mask, study->others };
        struct dependence dependence;
        if (condition->baseline == NULL && condition->intervals == NULL)
            continue;
        if (!dependence_estimate(&dependence, &study->input, selected ? masks[c] : NULL,
                                 study->segments))
            return false;
        warn_of_scheme(warnings, report, condition->name, &dependence, study->segments != NULL);
        warn_of_blocks(warnings, condition, &dependence);
    }
    return warn_of_relabelling(warnings, report, study);
}

/* Of those drawn at random; all different ones together are enough. */
static void warn_of_permutations(struct warnings *warnings, const struct report *report)
{
    int64_t fewest = INT64_MAX;
    for (int c = 0; c < report->condition_count; c++) {
        const qkvsim_baseline *baseline = report->conditions[c].baseline;
        if (baseline != NULL && !qkvsim_baseline_enumerated(baseline)
            && qkvsim_baseline_permutations(baseline) < fewest)
            fewest = qkvsim_baseline_permutations(baseline);
    }
    if (report->comparison != NULL && !qkvsim_comparison_enumerated(report->comparison)
        && qkvsim_comparison_permutations(report->comparison) < fewest)
        fewest = qkvsim_comparison_permutations(report->comparison);
    if (fewest < PERMUTATIONS_NEEDED)
        warn(warnings, "few_permutations", false,
             "p_max_all, over many statistics with tails of their own, needs 999 permutations or "
             "relabellings: here are %" PRId64,
             fewest);
}

/* Where there are too few different permutations no p is small, whatever the data. */
static void warn_of_least(struct warnings *warnings, const struct report *report, const char *name,
                          const qkvsim_baseline *baseline)
{
    int32_t metric, rows = 0;
    int32_t statistic = table_tested_statistic(report, &metric);
    double largest = 0;
    for (int32_t i = 0; i < report->row_count; i++) {
        const int32_t row = report->rows[i];
        const double least = baseline != NULL
                                 ? qkvsim_baseline_statistic(baseline, row, metric, statistic,
                                                             QKVSIM_SUMMARY_P_LEAST)
                                 : qkvsim_comparison_difference(report->comparison, row, metric,
                                                                statistic, QKVSIM_SUMMARY_P_LEAST);
        rows += least > SMALL;
        largest = fmax(largest, least);
    }
    if (rows > 0)
        warn(warnings, "no_small_p", true,
             "%s: no p can be small in %" PRId32 " of %" PRId32 " rows: with so few %s, or so few "
             "different ones, the least is %.2g",
             name, rows, report->row_count, baseline != NULL ? "permutations" : "relabellings",
             largest);
}

static void warn_of_least_p(struct warnings *warnings, const struct report *report)
{
    for (int c = 0; c < report->condition_count; c++)
        if (report->conditions[c].baseline != NULL)
            warn_of_least(warnings, report, report->conditions[c].name,
                          report->conditions[c].baseline);
    if (report->comparison != NULL)
        warn_of_least(warnings, report, "comparison", NULL);
}

/* Why a statistic has no interval in some rows, of data that has enough blocks. */
static const char *why_absent(int32_t statistic, bool difference)
{
    switch (statistic) {
    case QKVSIM_STATISTIC_SKEWNESS:
    case QKVSIM_STATISTIC_KURTOSIS:
    case QKVSIM_STATISTIC_TAIL:
    case QKVSIM_STATISTIC_OFFSET_SHARE_RAW:
    case QKVSIM_STATISTIC_NOISE_FRACTION:
        return "those known hold too seldom (docs/statistics.md)";
    case QKVSIM_STATISTIC_OFFSET_SHARE:
        return "the share does not exist in the data or in a replicate, there being little but "
               "noise";
    case QKVSIM_STATISTIC_OFFSET_ENERGY:
        return "there are fewer than 100 observations, or it does not exist in the data or in a "
               "replicate";
    default:
        return difference && !report_is_corrected(statistic)
                   ? "only corrected statistics have one"
                   : "the statistic does not exist in the data or in a replicate";
    }
}

/* Of a condition's intervals, or of the selections' difference: how many rows have none, and
 * why. */
static void warn_of_absent(struct warnings *warnings, const struct report *report, const char *name,
                           const qkvsim_intervals *intervals, bool difference)
{
    int32_t metric, absent = 0;
    int32_t statistic = table_statistic(report, &metric);
    char words[REPORT_STATISTIC_SIZE];
    for (int32_t i = 0; i < report->row_count; i++)
        absent += isnan(difference ? qkvsim_intervals_difference(intervals, report->rows[i], metric,
                                                                 statistic, QKVSIM_SUMMARY_LOW)
                                   : qkvsim_intervals_statistic(intervals, report->rows[i], metric,
                                                                statistic, QKVSIM_SUMMARY_LOW));
    if (qkvsim_intervals_replicates(intervals) == 0)
        warn(warnings, "no_interval", true,
             "%s: no interval: fewer than 8 blocks of 2 observations", name);
    else if (absent > 0)
        warn(warnings, "no_interval", true,
             "%s: no interval of the %s in %" PRId32 " of %" PRId32 " rows: %s%s", name,
             table_statistic_name(report, words), absent, report->row_count,
             why_absent(statistic, difference),
             difference && absent == report->row_count && report_is_corrected(statistic)
                 ? ", or a selection lies in fewer than 8 blocks"
                 : "");
}

static void warn_of_intervals(struct warnings *warnings, const struct report *report)
{
    int32_t chosen = report->options->statistic;
    if (report->options->interval == 0)
        return;
    if (chosen == QKVSIM_STATISTIC_MINIMUM || chosen == QKVSIM_STATISTIC_MAXIMUM)
        warn(warnings, "no_interval", true,
             "an extreme has no interval and no p: those shown are the mean's");
    for (int c = 0; c < report->condition_count; c++)
        warn_of_absent(warnings, report, report->conditions[c].name,
                       report->conditions[c].intervals, false);
    if (report->selection_contrast != NULL)
        warn_of_absent(warnings, report, "difference", report->selection_contrast, true);
}

bool find_warnings(struct warnings *warnings, const struct report *report,
                   const struct study *study)
{
    warnings->count = 0;
    warn_of_sizes(warnings, report);
    warn_of_intervals(warnings, report);
    warn_of_permutations(warnings, report);
    warn_of_least_p(warnings, report);
    warnings->of_data = warnings->count;
    if (study->stored == NULL)
        return warn_of_dependence(warnings, report, study);
    study->stored->warn(study, warnings);
    return true;
}
