/* Two selections against each other: options, the rows of both, the handle and its accessors. */
#include <qkvsim/comparison.h>

#include <math.h>

#include "analysis/whole_rows.h"
#include "base/structs.h"
#include "flow/fingerprint.h"
#include "flow/product_source.h"
#include "repeated/comparison_run.h"

/* ---- life ---- */

void qkvsim_comparison_free(qkvsim_comparison *comparison)
{
    if (comparison == NULL)
        return;
    const qkv_allocator allocator = comparison->allocator;
    for (int s = 0; s < 2; s++)
        qkvsim_analysis_free(comparison->sides[s]);
    qkv_release(&allocator, comparison->values);
    qkv_release(&allocator, comparison->matched);
    for (int kept = 0; kept < 2; kept++) {
        qkv_replicates_close(&comparison->of_relabelled[kept]);
        qkv_replicates_close(&comparison->of_subsets[kept]);
        qkv_running_close(&comparison->subset_summaries[kept]);
    }
    qkv_count_sums_close(&comparison->subset_counts);
    qkv_null_table_close(&comparison->distances);
    qkv_null_table_close(&comparison->differences);
    qkv_release(&allocator, comparison);
}

static qkvsim_status open_results(qkv_comparison_run *work)
{
    qkvsim_context *context = work->context;
    qkvsim_comparison *made = work->made;
    qkvsim_status status = qkv_session_results(context, &work->session, &made->sides[0]);
    if (status == QKVSIM_OK)
        status = qkv_session_results(context, &work->session, &made->sides[1]);
    if (status == QKVSIM_OK)
        status = qkv_comparison_open_values(context, made);
    made->distances.exceedances = made->enumerated ? 0 : work->options->exceedances;
    made->differences.exceedances = made->distances.exceedances;
    return status;
}

/* Those of the different relabellings that this piece has of them may be fewer than asked for, or none. */
static void choose_relabellings(const qkvsim_comparison_options *options,
                                const qkv_relabeller *relabeller, qkvsim_comparison *made)
{
    made->first = options->first;
    made->permutations = options->permutations;
    made->total = options->total;
    made->all_different = relabeller->count;
    made->enumerated = qkv_enumerates(made->all_different, options->total);
    if (made->enumerated) {
        const int64_t rest = (int64_t)made->all_different - 1 - options->first;
        made->permutations = qkv_smaller(options->permutations, rest > 0 ? rest : 0);
    }
}

static void describe(const qkv_comparison_run *work, qkvsim_comparison *made)
{
    const qkvsim_comparison_options *options = work->options;
    made->seed = options->seed;
    made->relabel = options->relabel;
    made->exchange = options->exchange != 0 ? options->exchange : QKVSIM_EXCHANGE_OBSERVATIONS;
    made->centred = options->centred;
    made->first_subset = options->first_subset;
    made->subsets = options->subsets;
    made->segments = qkv_segments_fingerprint(&work->pool->all);
    choose_relabellings(options, &work->relabeller, made);
}

/* With the session open: makes the results. */
static qkvsim_status run_session(qkv_comparison_run *work, qkvsim_comparison **comparison)
{
    qkvsim_context *context = work->context;
    work->made = qkv_allocate_handle(context, sizeof *work->made);
    if (work->made == NULL)
        return qkv_no_memory(context, "the comparison's results");
    describe(work, work->made);
    qkvsim_status status = open_results(work);
    if (status == QKVSIM_OK)
        status = qkv_run_comparison(work);
    if (status != QKVSIM_OK) {
        qkvsim_comparison_free(work->made);
        return status;
    }
    qkv_pool_hand_over(context, work->pool, work->made->sides);
    *comparison = work->made;
    return QKVSIM_OK;
}

/* ---- both selections ---- */

/* Once they are centred, rows are equal within a selection only. */
static qkvsim_status open_equal_rows(qkv_comparison_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    const qkv_pool *pool = work->pool;
    const uint8_t *kinds = work->options->centred != 0 ? pool->selection : NULL;
    bool any = false;
    work->equal_rows =
        qkv_allocate(allocator, (size_t)pool->all.observations, sizeof *work->equal_rows);
    if (work->equal_rows == NULL)
        return qkv_no_memory(work->context, "the equal rows");
    const qkvsim_status status =
        qkv_find_equal_rows(work->context, &pool->all, kinds, work->equal_rows, &any);
    if (!any) {
        qkv_release(allocator, work->equal_rows);
        work->equal_rows = NULL;
    }
    return status;
}

static qkvsim_status open_rows(qkv_comparison_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    const qkv_input *all = &work->pool->all;
    work->relabelled = qkv_allocate(allocator, (size_t)all->observations, sizeof *work->relabelled);
    bool complete = work->relabelled != NULL;
    for (int s = 0; s < 2; s++) {
        qkv_selected *side = &work->sides[s];
        side->rows = qkv_allocate(allocator, (size_t)all->observations, sizeof *side->rows);
        complete = complete && side->rows != NULL;
    }
    if (!complete)
        return qkv_no_memory(work->context, "the selected rows");
    const qkv_relabeller_options how = { work->options->relabel, work->options->exchange,
                                         work->pool->all.segments };
    qkvsim_status status =
        qkv_relabeller_open(work->context, work->pool->selection, all, &how, &work->relabeller);
    if (status == QKVSIM_OK && work->options->centred != 0)
        status = qkv_centring_open(work->context, work->pool, &work->centring);
    if (status == QKVSIM_OK && work->options->permutations > 0)
        status = open_equal_rows(work);
    return status;
}

static void close_rows(qkv_comparison_run *work)
{
    const qkv_allocator *allocator = &work->context->allocator;
    qkv_relabeller_close(work->context, &work->relabeller);
    qkv_centring_close(work->context, &work->centring);
    qkv_release(allocator, work->equal_rows);
    qkv_release(allocator, work->relabelled);
    qkv_release(allocator, work->sides[0].rows);
    qkv_release(allocator, work->sides[1].rows);
}

/* Values below the first edge or above the last would be in no bin, and a share of nothing. */
static qkvsim_status check_coverage(qkvsim_context *context, const qkv_binning *binning)
{
    const double low = binning->edges[0], high = binning->edges[binning->count];
    return low <= -1 && high >= 1
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "bins from %s to %s: to compare histograms they must cover -1 to 1",
                             qkv_number(low).text, qkv_number(high).text);
}

/* The largest selection that is to be analysed: segments of unequal lengths may make one of almost all
 * observations. */
static const qkv_input *largest(const qkv_comparison_run *work)
{
    const qkv_input *inputs = work->pool->inputs;
    return work->options->exchange == QKVSIM_EXCHANGE_SEGMENTS
               ? &work->pool->all
               : &inputs[inputs[0].observations < inputs[1].observations];
}

static qkvsim_status run_pool(qkv_comparison_run *work, const qkvsim_layout *layout,
                              const qkvsim_analysis_options *analysis,
                              qkvsim_comparison **comparison)
{
    qkvsim_status status = qkv_session_open(work->context, layout, analysis, largest(work),
                                            &qkv_product_source, &work->session);
    if (status != QKVSIM_OK)
        return status;
    status = check_coverage(work->context, &work->session.binning);
    if (status == QKVSIM_OK)
        status = open_rows(work);
    if (status == QKVSIM_OK)
        status = run_session(work, comparison);
    close_rows(work);
    qkv_session_close(work->context, &work->session);
    return status;
}

/* ---- the public call ---- */

/* As many as there are numbers to draw by, but for the one that observed values are drawn with. */
static const int64_t most = UINT32_MAX - 1;

static qkvsim_status check_numbers(qkvsim_context *context, int64_t first, int64_t count,
                                   const char *what)
{
    if (count < 0 || count > most)
        return qkv_invalid(context, "%lld %s: expected 0 to %lld", (long long)count, what,
                           (long long)most);
    return first >= 0 && first <= most - count
               ? QKVSIM_OK
               : qkv_invalid(context, "%lld %s from %lld on: expected 0 to %lld in all",
                             (long long)count, what, (long long)first, (long long)most);
}

/* Which relabellings of which whole. */
static qkvsim_status check_range(qkvsim_context *context, qkvsim_comparison_options *options)
{
    const qkvsim_status status =
        check_numbers(context, options->first, options->permutations, "relabellings");
    if (status != QKVSIM_OK)
        return status;
    if (options->first > 0 && options->exceedances > 0)
        return qkv_invalid(context,
                           "first is %lld and exceedances %lld: what stops early has to begin at 0",
                           (long long)options->first, (long long)options->exceedances);
    const int64_t end = options->first + options->permutations;
    if (options->total == 0)
        options->total = end;
    return options->total >= end && options->total <= most
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "total is %lld: expected at least first + permutations, %lld, and at "
                             "most %lld",
                             (long long)options->total, (long long)end, (long long)most);
}

/* By default as many subsets as relabellings, of the same numbers. */
static qkvsim_status check_subsets(qkvsim_context *context, qkvsim_comparison_options *options)
{
    if (options->subsets == 0 && options->first_subset != 0)
        return qkv_invalid(context,
                           "first_subset is %lld but subsets is 0: subsets are then those of the "
                           "relabellings' numbers, and begin at first",
                           (long long)options->first_subset);
    if (options->subsets == 0) {
        options->subsets = options->permutations;
        options->first_subset = options->first;
    }
    return check_numbers(context, options->first_subset, options->subsets, "matched subsets");
}

static qkvsim_status read_options(qkvsim_context *context, const qkvsim_comparison_options *given,
                                  qkvsim_comparison_options *options)
{
    qkvsim_status status =
        qkv_read_options(context, &qkv_struct_comparison_options, given, options);
    if (status == QKVSIM_OK)
        status = check_range(context, options);
    if (status == QKVSIM_OK)
        status = check_subsets(context, options);
    if (status == QKVSIM_OK)
        status = qkv_check_exceedances(context, options->exceedances, options->permutations);
    if (status != QKVSIM_OK)
        return status;
    if (options->relabel == 0)
        options->relabel = QKVSIM_RELABEL_LABELS;
    if (options->centred != 0 && options->centred != 1)
        return qkv_invalid(context, "centred is %d, expected 0 or 1", (int)options->centred);
    return QKVSIM_OK;
}

static qkvsim_status check_arguments(qkvsim_context *context, const qkvsim_selection *first,
                                     const qkvsim_selection *second, qkvsim_comparison **comparison)
{
    if (comparison == NULL)
        return qkv_invalid(context, "comparison is NULL");
    if (first == NULL || second == NULL)
        return qkv_invalid(context, "the %s selection is NULL: a comparison needs two",
                           first == NULL ? "first" : "second");
    return QKVSIM_OK;
}

static qkvsim_status check_centring(qkvsim_context *context,
                                    const qkvsim_analysis_options *analysis,
                                    const qkvsim_comparison_options *options)
{
    const int32_t metrics = analysis->metrics;
    return options->centred == 0 || (metrics != 0 && (metrics & QKVSIM_METRIC_COSINE) == 0)
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "centred relabellings have no means, which the cosine is about, and "
                             "metrics is %d: ask for QKVSIM_METRIC_PEARSON (2), SPEARMAN (16) or "
                             "their sum",
                             (int)metrics);
}

qkvsim_status qkvsim_compare(qkvsim_context *context, const qkvsim_input *given_input,
                             const qkvsim_selection *second, const qkvsim_layout *layout,
                             const qkvsim_analysis_options *analysis_options,
                             const qkvsim_comparison_options *given, qkvsim_comparison **comparison)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_comparison_options options;
    qkvsim_analysis_options analysis;
    qkvsim_input read;
    qkvsim_status status = read_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, analysis_options, &analysis);
    if (status == QKVSIM_OK)
        status = qkv_read_input(context, given_input, &read);
    if (status == QKVSIM_OK)
        status = check_arguments(context, read.selection, second, comparison);
    if (status == QKVSIM_OK)
        status = check_centring(context, &analysis, &options);
    if (status != QKVSIM_OK)
        return status;
    qkv_pool pool;
    status = qkv_pool_open(context, &read, second, &pool);
    if (status != QKVSIM_OK)
        return status;
    qkv_comparison_run work = { context, .options = &options, .pool = &pool };
    status = run_pool(&work, layout, &analysis, comparison);
    qkv_pool_close(context, &pool);
    return status;
}

/* ---- accessors ---- */

static int32_t distance_test(int32_t metric, int32_t distance)
{
    return metric * QKV_DISTANCES + (distance - QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV);
}

const qkvsim_analysis *qkvsim_comparison_first(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->sides[0] : NULL;
}

const qkvsim_analysis *qkvsim_comparison_second(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->sides[1] : NULL;
}

int64_t qkvsim_comparison_permutations(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->permutations : 0;
}

int32_t qkvsim_comparison_enumerated(const qkvsim_comparison *comparison)
{
    return comparison != NULL && comparison->enumerated;
}

uint64_t qkvsim_comparison_seed(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->seed : 0;
}

qkvsim_relabel_scheme qkvsim_comparison_relabel(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->relabel : 0;
}

qkvsim_exchange qkvsim_comparison_exchange(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->exchange : 0;
}

int32_t qkvsim_comparison_centred(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->centred : 0;
}

int64_t qkvsim_comparison_subsets(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->subsets : 0;
}

int64_t qkvsim_comparison_first_permutation(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->first : 0;
}

int64_t qkvsim_comparison_total(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->total : 0;
}

int64_t qkvsim_comparison_exceedances(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->distances.exceedances : 0;
}

int64_t qkvsim_comparison_first_subset(const qkvsim_comparison *comparison)
{
    return comparison != NULL ? comparison->first_subset : 0;
}

static bool has_row(const qkvsim_comparison *comparison, int32_t row, int32_t metric)
{
    return comparison != NULL
           && qkvsim_analysis_histogram(comparison->sides[0], row, metric) != NULL;
}

double qkvsim_comparison_distance(const qkvsim_comparison *comparison, int32_t row, int32_t metric,
                                  int32_t distance, int32_t summary)
{
    if (!has_row(comparison, row, metric) || distance < QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV
        || distance > QKVSIM_DISTANCE_JENSEN_SHANNON)
        return NAN;
    const int32_t test = distance_test(qkv_metric_index(metric), distance);
    const int64_t cell = (int64_t)test * comparison->distances.rows + row;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return comparison->values[cell];
    if (summary == QKVSIM_SUMMARY_MATCHED)
        return comparison->matched[cell];
    if (summary == QKVSIM_SUMMARY_P || summary == QKVSIM_SUMMARY_P_FITTED
        || summary == QKVSIM_SUMMARY_P_LEAST
        || (summary >= QKVSIM_SUMMARY_P_BH && summary <= QKVSIM_SUMMARY_P_MAX_ALL))
        return qkv_null_summary(&comparison->distances, row, test,
                                summary == QKVSIM_SUMMARY_P ? QKVSIM_SUMMARY_P_GREATER : summary);
    return comparison->subsets > 0 && summary >= QKVSIM_SUMMARY_MATCHED_MEAN
                   && summary <= QKVSIM_SUMMARY_MATCHED_MAXIMUM
               ? comparison->subset_summaries[QKV_KEEP_DISTANCES]
                     .summaries[summary - QKVSIM_SUMMARY_MATCHED_MEAN][cell]
               : NAN;
}

double qkvsim_comparison_difference(const qkvsim_comparison *comparison, int32_t row,
                                    int32_t metric, int32_t statistic, int32_t summary)
{
    const int32_t test = qkv_statistic_test(metric, statistic);
    if (!has_row(comparison, row, metric) || test < 0)
        return NAN;
    return qkv_null_summary(&comparison->differences, row, test, summary);
}

double qkvsim_comparison_matched(const qkvsim_comparison *comparison, int32_t row, int32_t metric,
                                 int32_t statistic, int32_t summary)
{
    const int32_t test = qkv_statistic_test(metric, statistic);
    if (!has_row(comparison, row, metric) || test < 0 || comparison->subsets == 0
        || summary < QKVSIM_SUMMARY_MEAN || summary > QKVSIM_SUMMARY_MAXIMUM)
        return NAN;
    const qkv_running *summaries = &comparison->subset_summaries[QKV_KEEP_STATISTICS];
    const double *values = summaries->summaries[summary - QKVSIM_SUMMARY_MEAN];
    return values[(int64_t)test * comparison->differences.rows + row];
}

const double *qkvsim_comparison_band(const qkvsim_comparison *comparison, int32_t row,
                                     int32_t metric, int32_t summary)
{
    const qkvsim_analysis *first = qkvsim_comparison_first(comparison);
    const int64_t *histogram = qkvsim_analysis_histogram(first, row, metric);
    if (histogram == NULL || comparison->subsets == 0 || summary < QKVSIM_SUMMARY_MEAN
        || summary > QKVSIM_SUMMARY_MAXIMUM)
        return NULL;
    return comparison->subset_counts.summaries.summaries[summary - QKVSIM_SUMMARY_MEAN]
           + (histogram - first->counts);
}

static double distance_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_comparison_distance(question->of, row, question->metric, question->distance,
                                      question->summary);
}

qkvsim_status qkvsim_comparison_distances(qkvsim_context *context,
                                          const qkvsim_comparison *comparison, int32_t metric,
                                          int32_t distance, int32_t summary, double *values,
                                          int64_t capacity)
{
    const qkv_question question = { comparison, metric, QKV_NOT_ASKED, distance, summary };
    return qkv_answer_rows(context, &question, distance_of_row, qkvsim_comparison_first(comparison),
                           values, capacity);
}

static double difference_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_comparison_difference(question->of, row, question->metric, question->statistic,
                                        question->summary);
}

qkvsim_status qkvsim_comparison_differences(qkvsim_context *context,
                                            const qkvsim_comparison *comparison, int32_t metric,
                                            int32_t statistic, int32_t summary, double *values,
                                            int64_t capacity)
{
    const qkv_question question = { comparison, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, difference_of_row,
                           qkvsim_comparison_first(comparison), values, capacity);
}

static double matched_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_comparison_matched(question->of, row, question->metric, question->statistic,
                                     question->summary);
}

qkvsim_status qkvsim_comparison_matched_statistics(qkvsim_context *context,
                                                   const qkvsim_comparison *comparison,
                                                   int32_t metric, int32_t statistic,
                                                   int32_t summary, double *values,
                                                   int64_t capacity)
{
    const qkv_question question = { comparison, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, matched_of_row, qkvsim_comparison_first(comparison),
                           values, capacity);
}

const double *qkvsim_comparison_bands(const qkvsim_comparison *comparison, int32_t metric,
                                      int32_t summary, int32_t *rows, int64_t *bins)
{
    const bool exists = comparison != NULL && comparison->subsets > 0;
    return qkv_histogram_summaries(qkvsim_comparison_first(comparison),
                                   exists ? comparison->subset_counts.summaries.summaries : NULL,
                                   metric, summary, rows, bins);
}
