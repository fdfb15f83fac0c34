/* The random baseline: one session, run on the input and then on each permutation of it. */
#include "baseline.h"

#include <math.h>

#include "analysis/whole_rows.h"
#include "base/structs.h"
#include "flow/fingerprint.h"
#include "flow/product_source.h"
#include "random/permuter.h"

/* ---- summaries ---- */

/* Schemes that move whole groups change nothing within one. */
static bool row_is_within_groups(const qkvsim_layout *layout, int32_t row)
{
    const int32_t pair_groups = qkv_pair_groups(layout->groups);
    int32_t count = 1;
    const int32_t *members =
        row < pair_groups ? &row
                          : qkvsim_layout_rollup_pair_groups(layout, row - pair_groups, &count);
    for (int32_t k = 0; k < count; k++) {
        int32_t a, b;
        qkv_pair_group_groups(layout->groups, members[k], &a, &b);
        if (a != b)
            return false;
    }
    return true;
}

static double resolution_of(const qkvsim_baseline *baseline, const qkvsim_analysis *analysis,
                            int32_t row, int32_t test, double error)
{
    return baseline->refitted ? qkv_refitted_resolution(analysis, row, test, error)
                              : qkv_statistic_resolution(analysis, row, test, error);
}

/* A permutation whose energies are far smaller than the observed ones leaves more undecided. */
static void settle_ratios(qkvsim_baseline *baseline, const qkvsim_analysis *permuted, int64_t p)
{
    const double error = qkv_value_error(permuted);
    for (int32_t test = 0; test < baseline->nulls.tests; test++)
        for (int32_t row = 0; qkv_statistic_is_ratio(test) && row < baseline->nulls.rows; row++)
            qkv_replicates_settle(&baseline->permuted, row, test, p,
                                  qkv_null_at(&baseline->nulls, row, test)->observed,
                                  resolution_of(baseline, permuted, row, test, error));
}

void qkv_baseline_begin_nulls(qkvsim_baseline *baseline)
{
    const bool moves_groups = qkv_moves_groups(baseline->scheme);
    const qkvsim_layout *layout = baseline->observed->layout;
    const double error = qkv_value_error(baseline->observed);
    for (int32_t test = 0; test < baseline->nulls.tests; test++)
        for (int32_t row = 0; row < baseline->nulls.rows; row++) {
            qkv_null *null = qkv_null_at(&baseline->nulls, row, test);
            null->values = qkv_replicates_values(&baseline->permuted, row, test);
            null->observed = qkv_statistic_value(baseline->observed, row, test);
            null->resolution = resolution_of(baseline, baseline->observed, row, test, error);
            null->growth = qkv_statistic_growth(test, error);
            null->least_p = 1 / baseline->different[row];
            null->untested = moves_groups && row_is_within_groups(layout, row);
        }
}

qkvsim_status qkv_baseline_finish(qkvsim_context *context, qkvsim_baseline *baseline)
{
    const int32_t pair_groups = qkv_pair_groups(baseline->observed->layout->groups);
    baseline->nulls.permutations = baseline->permutations;
    qkv_count_sums_finish(&baseline->counts);
    return qkv_null_table_finish(context, &baseline->nulls, pair_groups);
}

/* ---- life ---- */

void qkvsim_baseline_free(qkvsim_baseline *baseline)
{
    if (baseline == NULL)
        return;
    const qkv_allocator allocator = baseline->allocator;
    qkvsim_analysis_free(baseline->observed);
    qkv_count_sums_close(&baseline->counts);
    qkv_replicates_close(&baseline->permuted);
    qkv_null_table_close(&baseline->nulls);
    qkv_release(&allocator, baseline->different);
    qkv_release(&allocator, baseline);
}

qkvsim_status qkv_baseline_open_values(qkvsim_context *context, int64_t permutations,
                                       qkvsim_baseline *baseline)
{
    const qkvsim_analysis *observed = baseline->observed;
    const int32_t rows = qkv_layout_rows(observed->layout);
    qkvsim_status status = qkv_count_sums_open(context, observed->count_cells, &baseline->counts);
    if (status == QKVSIM_OK)
        status =
            qkv_null_table_open(context, rows, QKV_STATISTIC_TESTS, permutations, &baseline->nulls);
    if (status == QKVSIM_OK)
        status = qkv_replicates_open(context, observed->layout, observed->metrics,
                                     QKV_KEEP_STATISTICS, permutations, &baseline->permuted);
    return status;
}

static qkvsim_status fill_baseline(qkvsim_context *context, const qkv_session *session,
                                   const qkv_permuter *permuter, qkvsim_baseline *made)
{
    const int32_t rows = qkv_layout_rows(session->layout);
    made->different = qkv_allocate(&made->allocator, (size_t)rows, sizeof *made->different);
    if (made->different == NULL)
        return qkv_no_memory(context, "the numbers of permutations");
    qkvsim_status status = qkv_session_results(context, session, &made->observed);
    if (status == QKVSIM_OK)
        status = qkv_permuter_row_counts(context, permuter, session->layout, made->different);
    return status == QKVSIM_OK ? qkv_baseline_open_values(context, made->permutations, made)
                               : status;
}

/* Those of the different ones that this piece has of them may be fewer than asked for, or none. */
static void choose_permutations(const qkvsim_baseline_options *options, double all_different,
                                qkvsim_baseline *made)
{
    made->all_different = all_different;
    made->first = options->first;
    made->total = options->total;
    made->permutations = options->permutations;
    made->enumerated = qkv_enumerates(all_different, options->total);
    if (made->enumerated) {
        const int64_t rest = (int64_t)all_different - 1 - options->first;
        made->permutations = qkv_smaller(options->permutations, rest > 0 ? rest : 0);
    }
}

static qkvsim_status make_baseline(qkvsim_context *context, const qkv_session *session,
                                   const qkv_permuter *permuter,
                                   const qkvsim_baseline_options *options,
                                   qkvsim_baseline **baseline)
{
    qkvsim_baseline *made = qkv_allocate_handle(context, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the baseline's results");
    made->refitted = permuter->residuals.basis != NULL;
    made->covariates = permuter->residuals.rank > 1 ? permuter->residuals.rank - 1 : 0;
    made->seed = options->seed;
    made->scheme = options->scheme;
    made->exchange = options->exchange;
    choose_permutations(options, qkv_permuter_count(permuter), made);
    const qkvsim_status status = fill_baseline(context, session, permuter, made);
    if (status != QKVSIM_OK)
        qkvsim_baseline_free(made);
    else
        *baseline = made;
    return status;
}

/* ---- the run ---- */

/* Which permutations of which whole. */
static qkvsim_status check_range(qkvsim_context *context, qkvsim_baseline_options *options)
{
    const int64_t most = UINT32_MAX;
    if (options->first < 0 || options->first > most - options->permutations)
        return qkv_invalid(context, "%lld permutations from %lld on: expected 0 to %lld in all",
                           (long long)options->permutations, (long long)options->first,
                           (long long)most);
    if (options->first > 0 && options->exceedances > 0)
        return qkv_invalid(context,
                           "first is %lld and exceedances %lld: what stops early has to begin at 0",
                           (long long)options->first, (long long)options->exceedances);
    if (options->total == 0)
        options->total = options->first + options->permutations;
    if (options->total > most || options->total < options->first + options->permutations)
        return qkv_invalid(context,
                           "total is %lld: expected at least first + permutations, %lld, and at "
                           "most %lld",
                           (long long)options->total,
                           (long long)(options->first + options->permutations), (long long)most);
    return QKVSIM_OK;
}

static qkvsim_status read_options(qkvsim_context *context, const qkvsim_baseline_options *given,
                                  qkvsim_baseline_options *options)
{
    if (given == NULL)
        return qkv_invalid(context, "options is NULL: the number of permutations has no default");
    const qkvsim_status status =
        qkv_read_options(context, &qkv_struct_baseline_options, given, options);
    if (status != QKVSIM_OK)
        return status;
    if (options->permutations < 1 || options->permutations > UINT32_MAX)
        return qkv_invalid(context, "%lld permutations: expected 1 to %lld",
                           (long long)options->permutations, (long long)UINT32_MAX);
    const qkvsim_status ranged = check_range(context, options);
    if (ranged != QKVSIM_OK)
        return ranged;
    if (options->scheme == 0)
        options->scheme = QKVSIM_SCHEME_ALL;
    return qkv_check_exceedances(context, options->exceedances, options->permutations);
}

static qkvsim_status permute(qkvsim_context *context, qkv_permuter *permuter, uint64_t seed,
                             bool enumerated, int64_t p)
{
    return enumerated ? qkv_permute_numbered(context, permuter, (uint32_t)p + 1)
                      : qkv_permute_values(context, permuter, seed, (uint32_t)p);
}

static qkvsim_status run_permutations(qkvsim_context *context, qkv_session *session,
                                      const qkv_input *input, qkv_permuter *permuter,
                                      qkvsim_baseline *baseline)
{
    const qkv_input permuted = qkv_permuter_output(permuter, input);
    qkvsim_analysis *analysis = NULL;
    qkvsim_status status = qkv_session_results(context, session, &analysis);
    for (int64_t p = 0; p < baseline->permutations && status == QKVSIM_OK; p++) {
        status =
            permute(context, permuter, baseline->seed, baseline->enumerated, baseline->first + p);
        if (status == QKVSIM_OK)
            status = qkv_session_run(context, session, &permuted, analysis);
        if (status == QKVSIM_OK) {
            qkv_count_sums_add(&baseline->counts, analysis->counts);
            qkv_replicates_put(&baseline->permuted, analysis, p);
            settle_ratios(baseline, analysis, p);
            if (baseline->nulls.exceedances > 0 && !qkv_null_table_is_open(&baseline->nulls, p))
                baseline->permutations = p + 1;
        }
    }
    if (status == QKVSIM_OK && baseline->permutations < baseline->nulls.asked
        && qkv_work_at(context, context->work_total))
        status = qkv_cancelled(context);
    qkvsim_analysis_free(analysis);
    return status;
}

static bool column_is_finite(const qkv_input *input, int64_t column)
{
    for (int64_t k = 0; k < input->observations; k++)
        if (!qkv_input_is_finite(input, qkv_input_row(input, k), column))
            return false;
    return true;
}

/* Schemes that exchange values between features would carry a NaN along: ALL also one of a feature
 * that no wanted pair group has, which was not prepared. */
static qkvsim_status check_exchange(qkvsim_context *context, const qkv_session *session,
                                    const qkv_input *input, int32_t scheme)
{
    const qkv_panels *panels = &session->panels;
    const bool unread = scheme == QKVSIM_SCHEME_ALL && panels->placed < panels->features;
    if (scheme != QKVSIM_SCHEME_ALL && scheme != QKVSIM_SCHEME_GROUP)
        return QKVSIM_OK;
    for (int64_t j = 0; j < panels->features; j++)
        if (panels->statistics[j].nonfinite || (unread && !column_is_finite(input, j)))
            return qkv_fail(context, QKVSIM_ERROR_NONFINITE,
                            "column %lld has a NaN or an infinity, which %s would carry into other "
                            "columns: drop its observations instead",
                            (long long)j,
                            scheme == QKVSIM_SCHEME_ALL ? "QKVSIM_SCHEME_ALL"
                                                        : "QKVSIM_SCHEME_GROUP");
    return QKVSIM_OK;
}

static qkvsim_status run_permuter(qkvsim_context *context, qkv_session *session, qkv_input *input,
                                  const qkvsim_baseline_options *options, qkv_permuter *permuter,
                                  qkvsim_baseline **baseline)
{
    qkvsim_baseline *made = NULL;
    qkvsim_status status = make_baseline(context, session, permuter, options, &made);
    if (status != QKVSIM_OK)
        return status;
    qkv_session_begin(context, session, made->permutations + 1);
    const qkv_input own = qkv_permuter_output(permuter, input);
    qkv_permute_nothing(permuter);
    status = qkv_session_run(context, session, options->covariates != NULL ? &own : input,
                             made->observed);
    if (status == QKVSIM_OK)
        status = check_exchange(context, session, input, options->scheme);
    if (status == QKVSIM_OK) {
        made->nulls.exceedances = made->enumerated ? 0 : options->exceedances;
        qkv_baseline_begin_nulls(made);
        status = run_permutations(context, session, input, permuter, made);
    }
    if (status == QKVSIM_OK)
        status = qkv_baseline_finish(context, made);
    if (status != QKVSIM_OK) {
        qkvsim_baseline_free(made);
        return status;
    }
    made->segments = qkv_segments_fingerprint(input);
    qkv_hand_over_input(context, input, made->observed);
    *baseline = made;
    return QKVSIM_OK;
}

static qkvsim_status run_session(qkvsim_context *context, qkv_session *session, qkv_input *input,
                                 const qkvsim_baseline_options *options, qkvsim_baseline **baseline)
{
    const qkv_permuter_options permutations = { options->scheme, session->layout, options->exchange,
                                                options->covariates };
    qkv_permuter permuter;
    qkvsim_status status = qkv_permuter_open(context, input, &permutations, &permuter);
    if (status != QKVSIM_OK)
        return status;
    status = run_permuter(context, session, input, options, &permuter, baseline);
    qkv_permuter_close(context, &permuter);
    return status;
}

qkvsim_status qkvsim_baseline_run(qkvsim_context *context, const qkvsim_input *given_input,
                                  const qkvsim_layout *layout,
                                  const qkvsim_analysis_options *analysis_options,
                                  const qkvsim_baseline_options *given, qkvsim_baseline **baseline)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (baseline == NULL)
        return qkv_invalid(context, "baseline is NULL");
    qkvsim_baseline_options options;
    qkvsim_analysis_options analysis;
    qkv_input input;
    qkvsim_status status = read_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, analysis_options, &analysis);
    if (status == QKVSIM_OK)
        status = qkv_input_open(context, given_input, false, &input);
    if (status != QKVSIM_OK)
        return status;
    qkv_session session;
    status = qkv_session_open(context, layout, &analysis, &input, &qkv_product_source, &session);
    if (status == QKVSIM_OK) {
        status = run_session(context, &session, &input, &options, baseline);
        qkv_session_close(context, &session);
    }
    qkv_input_close(context, &input);
    return status;
}

/* ---- accessors ---- */

const qkvsim_analysis *qkvsim_baseline_observed(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->observed : NULL;
}

int64_t qkvsim_baseline_permutations(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->permutations : 0;
}

int64_t qkvsim_baseline_first(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->first : 0;
}

uint64_t qkvsim_baseline_seed(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->seed : 0;
}

qkvsim_scheme qkvsim_baseline_scheme(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->scheme : 0;
}

int64_t qkvsim_baseline_total(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->total : 0;
}

int64_t qkvsim_baseline_exceedances(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->nulls.exceedances : 0;
}

qkvsim_exchange qkvsim_baseline_exchange(const qkvsim_baseline *baseline)
{
    if (baseline == NULL)
        return 0;
    return baseline->exchange != 0 ? baseline->exchange : QKVSIM_EXCHANGE_OBSERVATIONS;
}

int64_t qkvsim_baseline_covariates(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->covariates : 0;
}

int32_t qkvsim_baseline_enumerated(const qkvsim_baseline *baseline)
{
    return baseline != NULL ? baseline->enumerated : 0;
}

const double *qkvsim_baseline_histogram(const qkvsim_baseline *baseline, int32_t row,
                                        int32_t metric, int32_t summary)
{
    const qkvsim_analysis *observed = qkvsim_baseline_observed(baseline);
    const int64_t *histogram = qkvsim_analysis_histogram(observed, row, metric);
    if (histogram == NULL || summary < QKVSIM_SUMMARY_MEAN || summary > QKVSIM_SUMMARY_MAXIMUM)
        return NULL;
    return baseline->counts.summaries.summaries[summary - QKVSIM_SUMMARY_MEAN]
           + (histogram - observed->counts);
}

const double *qkvsim_baseline_histograms(const qkvsim_baseline *baseline, int32_t metric,
                                         int32_t summary, int32_t *rows, int64_t *bins)
{
    const qkvsim_analysis *observed = qkvsim_baseline_observed(baseline);
    return qkv_histogram_summaries(observed,
                                   observed != NULL ? baseline->counts.summaries.summaries : NULL,
                                   metric, summary, rows, bins);
}

double qkvsim_baseline_statistic(const qkvsim_baseline *baseline, int32_t row, int32_t metric,
                                 int32_t statistic, int32_t summary)
{
    const int32_t test = qkv_statistic_test(metric, statistic);
    if (baseline == NULL || test < 0
        || qkvsim_analysis_histogram(baseline->observed, row, metric) == NULL)
        return NAN;
    return qkv_null_summary(&baseline->nulls, row, test, summary);
}

static double statistic_of_row(const qkv_question *question, int32_t row)
{
    return qkvsim_baseline_statistic(question->of, row, question->metric, question->statistic,
                                     question->summary);
}

qkvsim_status qkvsim_baseline_statistics(qkvsim_context *context, const qkvsim_baseline *baseline,
                                         int32_t metric, int32_t statistic, int32_t summary,
                                         double *values, int64_t capacity)
{
    const qkv_question question = { baseline, metric, statistic, QKV_NOT_ASKED, summary };
    return qkv_answer_rows(context, &question, statistic_of_row, qkvsim_baseline_observed(baseline),
                           values, capacity);
}
