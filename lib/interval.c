/*
 * Intervals: the replicated values of every statistic are kept; accessors make intervals of them,
 * so that any two rows can be contrasted when the run is over.
 */
#include <qkvsim/interval.h>

#include <math.h>

#include "analysis/whole_rows.h"
#include "base/structs.h"
#include "repeated/interval_estimate.h"

/* ---- options ---- */

static qkvsim_status check_method(qkvsim_context *context, const qkvsim_interval_options *options)
{
    if (options->method != QKVSIM_METHOD_JACKKNIFE && options->method != QKVSIM_METHOD_BOOTSTRAP)
        return qkv_unknown(
            context, options->method, QKVSIM_METHOD_BOOTSTRAP,
            "method is %d, expected QKVSIM_METHOD_JACKKNIFE (1) or QKVSIM_METHOD_BOOTSTRAP (2)",
            (int)options->method);
    if (options->method == QKVSIM_METHOD_BOOTSTRAP && options->blocks != 0)
        return qkv_invalid(
            context, "blocks is %lld, but the bootstrap has resamples and block_length instead",
            (long long)options->blocks);
    if (options->method == QKVSIM_METHOD_JACKKNIFE
        && (options->resamples != 0 || options->block_length != 0))
        return qkv_invalid(
            context,
            "resamples is %lld and block_length %lld, but the jackknife has blocks instead",
            (long long)options->resamples, (long long)options->block_length);
    return QKVSIM_OK;
}

qkvsim_status qkv_read_interval_options(qkvsim_context *context,
                                        const qkvsim_interval_options *given,
                                        qkvsim_interval_options *options)
{
    const qkvsim_status status =
        qkv_read_options(context, &qkv_struct_interval_options, given, options);
    if (status != QKVSIM_OK)
        return status;
    if (options->method == 0)
        options->method = QKVSIM_METHOD_JACKKNIFE;
    if (options->level == 0)
        options->level = 0.95;
    if (!(options->level > 0 && options->level < 1))
        return qkv_invalid(context, "level is %s, expected a number between 0 and 1",
                           qkv_number(options->level).text);
    if (options->method == QKVSIM_METHOD_JACKKNIFE && (options->first != 0 || options->total != 0))
        return qkv_invalid(context, "first is %lld and total %lld, but the jackknife has no pieces",
                           (long long)options->first, (long long)options->total);
    return check_method(context, options);
}

/* ---- life ---- */

void qkvsim_intervals_free(qkvsim_intervals *intervals)
{
    if (intervals == NULL)
        return;
    const qkv_allocator allocator = intervals->allocator;
    for (int32_t s = 0; s < QKV_SELECTIONS; s++) {
        qkvsim_analysis_free(intervals->observed[s]);
        qkv_replicates_close(&intervals->values[s]);
        qkv_block_shares_close(&allocator, &intervals->shares[s]);
    }
    qkv_release(&allocator, intervals->statistics);
    qkv_release(&allocator, intervals->differences);
    qkv_blocks_close(&allocator, &intervals->blocks);
    qkv_release(&allocator, intervals);
}

qkvsim_status qkv_intervals_prepare(qkvsim_context *context, qkvsim_intervals *made)
{
    if (made->method != QKVSIM_METHOD_BOOTSTRAP || made->replicates == 0)
        return QKVSIM_OK;
    const int64_t cells = qkv_replicates_cells(&made->values[0]);
    const bool two = made->observed[1] != NULL;
    made->statistics = qkv_intervals_once_open(&made->allocator, cells);
    made->differences = two ? qkv_intervals_once_open(&made->allocator, cells) : NULL;
    return made->statistics != NULL && (!two || made->differences != NULL)
               ? QKVSIM_OK
               : qkv_no_memory(context, "the intervals");
}

/* ---- the public call ---- */

qkvsim_status qkvsim_intervals_run(qkvsim_context *context, const qkvsim_input *given_input,
                                   const qkvsim_selection *second, const qkvsim_layout *layout,
                                   const qkvsim_analysis_options *analysis_options,
                                   const qkvsim_interval_options *given,
                                   qkvsim_intervals **intervals)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (intervals == NULL)
        return qkv_invalid(context, "intervals is NULL");
    qkvsim_interval_options options;
    qkvsim_analysis_options analysis;
    qkvsim_status status = qkv_read_interval_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, analysis_options, &analysis);
    if (status != QKVSIM_OK)
        return status;
    qkvsim_intervals *made = qkv_allocate(&context->allocator, 1, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the intervals");
    *made = (qkvsim_intervals){ .allocator = context->allocator,
                                .level = options.level,
                                .method = options.method };
    qkv_pool pool;
    status = qkv_pool_open(context, given_input, second, &pool);
    if (status == QKVSIM_OK) {
        status = qkv_replicate(context, &pool, layout, &analysis, &options, made);
        qkv_pool_close(context, &pool);
    }
    if (status == QKVSIM_OK)
        status = qkv_intervals_prepare(context, made);
    if (status == QKVSIM_OK)
        *intervals = made;
    else
        qkvsim_intervals_free(made);
    return status;
}

/* ---- numbers of an interval ---- */

/* Where the interval of a subject is kept once it was asked for; NULL: nowhere, it is computed fast
 * enough. */
static qkv_interval_once *place_of(const qkvsim_intervals *intervals, qkv_interval_once *all,
                                   const qkv_subject *of)
{
    const int64_t cell = qkv_replicates_cell(&intervals->values[0], of->row,
                                             qkv_statistic_test(of->metric, of->statistic));
    return all != NULL && cell >= 0 ? &all[cell] : NULL;
}

static double number_of(const qkv_interval *made, int32_t summary)
{
    switch (summary) {
    case QKVSIM_SUMMARY_ESTIMATE:
        return made->estimate;
    case QKVSIM_SUMMARY_SE:
        return made->se;
    case QKVSIM_SUMMARY_LOW:
        return made->low;
    case QKVSIM_SUMMARY_HIGH:
        return made->high;
    case QKVSIM_SUMMARY_P:
        return made->p;
    default:
        return NAN;
    }
}

/* ---- accessors ---- */

const qkvsim_analysis *qkvsim_intervals_observed(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->observed[0] : NULL;
}

const qkvsim_analysis *qkvsim_intervals_observed_second(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->observed[1] : NULL;
}

int64_t qkvsim_intervals_replicates(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->replicates : 0;
}

int32_t qkvsim_intervals_method(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->method : 0;
}

double qkvsim_intervals_level(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->level : 0;
}

uint64_t qkvsim_intervals_seed(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->seed : 0;
}

int64_t qkvsim_intervals_block_length(const qkvsim_intervals *intervals)
{
    return intervals != NULL ? intervals->block_length : 0;
}

const double *qkvsim_intervals_values(const qkvsim_intervals *intervals, int32_t row,
                                      int32_t metric, int32_t statistic)
{
    if (qkvsim_intervals_replicates(intervals) == 0)
        return NULL;
    return qkv_replicates_values(&intervals->values[0], row, qkv_statistic_test(metric, statistic));
}

double qkvsim_intervals_statistic(const qkvsim_intervals *intervals, int32_t row, int32_t metric,
                                  int32_t statistic, int32_t summary)
{
    const qkv_subject of = { 0, row, metric, statistic };
    if (intervals == NULL)
        return NAN;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return qkv_subject_observed(intervals, &of);
    qkv_interval_once *once = place_of(intervals, intervals->statistics, &of);
    qkv_interval made;
    if (!qkv_interval_recall(once, &made)) {
        made = qkv_interval_of_statistic(intervals, &of);
        qkv_interval_keep(once, &made);
    }
    return number_of(&made, summary);
}

double qkvsim_intervals_contrast(const qkvsim_intervals *intervals, int32_t row_a, int32_t row_b,
                                 int32_t metric, int32_t statistic, int32_t summary)
{
    const qkv_subject of[] = { { 0, row_a, metric, statistic }, { 0, row_b, metric, statistic } };
    if (intervals == NULL)
        return NAN;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return qkv_subject_observed(intervals, &of[0]) - qkv_subject_observed(intervals, &of[1]);
    const qkv_interval made = qkv_interval_of_contrast(intervals, of);
    return number_of(&made, summary);
}

double qkvsim_intervals_difference(const qkvsim_intervals *intervals, int32_t row, int32_t metric,
                                   int32_t statistic, int32_t summary)
{
    const qkv_subject of[] = { { 0, row, metric, statistic }, { 1, row, metric, statistic } };
    if (intervals == NULL)
        return NAN;
    if (summary == QKVSIM_SUMMARY_OBSERVED)
        return qkv_subject_observed(intervals, &of[0]) - qkv_subject_observed(intervals, &of[1]);
    qkv_interval_once *once = place_of(intervals, intervals->differences, &of[0]);
    qkv_interval made;
    if (!qkv_interval_recall(once, &made)) {
        made = qkv_interval_of_difference(intervals, of);
        qkv_interval_keep(once, &made);
    }
    return number_of(&made, summary);
}

static double statistic_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_intervals_statistic(question->of, row, question->metric, question->statistic,
                                      question->summary);
}

qkvsim_status qkvsim_intervals_statistics(qkvsim_context *context,
                                          const qkvsim_intervals *intervals, int32_t metric,
                                          int32_t statistic, int32_t summary, double *values,
                                          int64_t capacity)
{
    const qkv_question question = { intervals, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, statistic_of_row,
                           qkvsim_intervals_observed(intervals), values, capacity);
}

static double difference_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_intervals_difference(question->of, row, question->metric, question->statistic,
                                       question->summary);
}

qkvsim_status qkvsim_intervals_differences(qkvsim_context *context,
                                           const qkvsim_intervals *intervals, int32_t metric,
                                           int32_t statistic, int32_t summary, double *values,
                                           int64_t capacity)
{
    const qkv_question question = { intervals, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, difference_of_row,
                           qkvsim_intervals_observed(intervals), values, capacity);
}
