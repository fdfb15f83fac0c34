/* Two selections against each other: options, and the run of both. */
#include <qkvsim/comparison.h>

#include "base/structs.h"
#include "flow/fingerprint.h"
#include "flow/product_source.h"
#include "repeated/comparison_run.h"

/* ---- results ---- */

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

/* Those of the different relabellings that this piece has of them may be fewer than asked for, or
 * none. */
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

/* The largest selection that is to be analysed: segments of unequal lengths may make one of almost
 * all observations. */
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
        status = qkv_comparison_run_open(work);
    if (status == QKVSIM_OK)
        status = run_session(work, comparison);
    qkv_comparison_run_close(work);
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

qkvsim_status qkvsim_comparison_run(qkvsim_context *context, const qkvsim_input *given_input,
                                    const qkvsim_selection *second, const qkvsim_layout *layout,
                                    const qkvsim_analysis_options *analysis_options,
                                    const qkvsim_comparison_options *given,
                                    qkvsim_comparison **comparison)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (comparison == NULL)
        return qkv_invalid(context, "comparison is NULL");
    if (second == NULL)
        return qkv_invalid(context, "second is NULL: a comparison needs two selections");
    qkv_pool pool;
    qkvsim_comparison_options options;
    qkvsim_analysis_options analysis;
    qkvsim_status status = read_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_read_analysis_options(context, analysis_options, &analysis);
    if (status == QKVSIM_OK)
        status = check_centring(context, &analysis, &options);
    if (status == QKVSIM_OK)
        status = qkv_pool_open(context, given_input, second, &pool);
    if (status != QKVSIM_OK)
        return status;
    qkv_comparison_run work = { context, .options = &options, .pool = &pool };
    status = run_pool(&work, layout, &analysis, comparison);
    qkv_pool_close(context, &pool);
    return status;
}
