/* What an accumulator tells: analyses, pairs, matrices, and the differences of two accumulators'
 * matrices. */
#include "accumulator.h"

#include <float.h>
#include <math.h>

#include "base/reals.h"
#include "flow/fingerprint.h"
#include "flow/prepare.h"
#include "pairs.h"
#include "similarity.h"

/* Reads an accumulator as an input, for some metrics; `joint` has to be freed. */
static qkvsim_status read_whole(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                int32_t metrics, qkv_input *input, const qkvsim_accumulator **whole,
                                qkvsim_accumulator **joint)
{
    qkvsim_status status = qkv_accumulator_check_metrics(context, metrics);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_check(context, accumulator, input);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_whole(context, accumulator, whole, joint);
    return status;
}

/* ---- analyses ---- */

qkvsim_status qkv_accumulator_tally(qkvsim_context *context, qkv_session *session,
                                    qkv_moments_source *source,
                                    const qkvsim_accumulator *accumulator,
                                    qkvsim_analysis *analysis)
{
    session->panels.observations = accumulator->observations;
    source->moments = accumulator->moments;
    qkv_accumulator_describe(accumulator, &session->panels);
    qkvsim_status status = qkv_panels_order(context, session->layout->group_of, &session->panels);
    if (status == QKVSIM_OK)
        status = qkv_session_tally(context, session, analysis);
    if (status == QKVSIM_OK)
        analysis->input_fingerprint = qkv_statistics_fingerprint(
            session->panels.statistics, accumulator->features, accumulator->observations);
    return status;
}

qkvsim_status qkvsim_accumulator_analysis(qkvsim_context *context,
                                          const qkvsim_accumulator *accumulator,
                                          const qkvsim_layout *layout,
                                          const qkvsim_analysis_options *given,
                                          qkvsim_analysis **analysis)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (analysis == NULL)
        return qkv_invalid(context, "analysis is NULL");
    qkvsim_analysis_options options;
    qkv_input input;
    qkvsim_accumulator *joint = NULL;
    const qkvsim_accumulator *whole = NULL;
    qkvsim_status status = qkv_read_analysis_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = read_whole(context, accumulator, options.metrics, &input, &whole, &joint);
    if (status != QKVSIM_OK)
        return status;
    qkv_session session;
    qkvsim_analysis *made = NULL;
    qkv_moments_source source = qkv_moments_source_for(whole->moments);
    status = qkv_session_open(context, layout, &options, &input, &source.source, &session);
    if (status == QKVSIM_OK) {
        qkv_session_begin(context, &session, 1);
        status = qkv_session_results(context, &session, &made);
        if (status == QKVSIM_OK)
            status = qkv_accumulator_tally(context, &session, &source, whole, made);
        qkv_session_close(context, &session);
    }
    qkvsim_accumulator_free(joint);
    if (status == QKVSIM_OK)
        *analysis = made;
    else
        qkvsim_analysis_free(made);
    return status;
}

/* ---- the strongest pairs ---- */

static qkvsim_status fill_panels(qkvsim_context *context, const void *state, qkv_session *session)
{
    const qkvsim_accumulator *accumulator = state;
    session->panels.observations = accumulator->observations;
    qkv_accumulator_describe(accumulator, &session->panels);
    return qkv_panels_order(context, session->layout->group_of, &session->panels);
}

qkvsim_status qkvsim_accumulator_pairs(qkvsim_context *context,
                                       const qkvsim_accumulator *accumulator,
                                       const qkvsim_layout *layout,
                                       const qkvsim_pairs_options *given, qkvsim_pairs **pairs)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (pairs == NULL)
        return qkv_invalid(context, "pairs is NULL");
    qkvsim_pairs_options options;
    qkv_input input;
    qkvsim_accumulator *joint = NULL;
    const qkvsim_accumulator *whole = NULL;
    qkvsim_status status = qkv_read_pairs_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = read_whole(context, accumulator, options.metric, &input, &whole, &joint);
    if (status != QKVSIM_OK)
        return status;
    const qkv_moments_source source = qkv_moments_source_for(whole->moments);
    const qkv_pairs_origin origin = { &source.source, fill_panels, whole };
    status = qkv_search_pairs(context, layout, &options, &input, &origin, pairs);
    qkvsim_accumulator_free(joint);
    return status;
}

/* ---- one matrix ---- */

static qkvsim_status write_matrix(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                  qkvsim_metric metric, int32_t triangle, const qkvsim_matrix *out)
{
    qkv_input input;
    qkv_panels panels = { 0 };
    qkvsim_accumulator *joint = NULL;
    const qkvsim_accumulator *whole = NULL;
    qkvsim_status status = read_whole(context, accumulator, metric, &input, &whole, &joint);
    if (status == QKVSIM_OK)
        status = qkv_panels_open_unordered(context, &input, &panels);
    if (status == QKVSIM_OK) {
        const qkv_moments_source source = qkv_moments_source_for(whole->moments);
        qkv_accumulator_describe(whole, &panels);
        status = qkv_panels_order(context, NULL, &panels);
        if (status == QKVSIM_OK)
            status = qkv_write_similarity(context, &panels, &source.source, metric, triangle, out);
        qkv_panels_close(context, &panels);
    }
    qkvsim_accumulator_free(joint);
    return status;
}

static qkvsim_status check_matrix_call(qkvsim_context *context,
                                       const qkvsim_accumulator *accumulator, qkvsim_metric metric,
                                       const qkvsim_similarity_options *given,
                                       const qkvsim_matrix *matrix,
                                       qkvsim_similarity_options *options, qkvsim_matrix *out)
{
    qkv_input input;
    qkvsim_status status = qkv_check_similarity(context, metric, given, options);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_check_metrics(context, metric);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_check(context, accumulator, &input);
    if (status == QKVSIM_OK)
        status = qkv_check_matrix(context, matrix, input.features, input.features, false, out);
    return status;
}

qkvsim_status qkvsim_accumulator_similarity(qkvsim_context *context,
                                            const qkvsim_accumulator *accumulator,
                                            qkvsim_metric metric,
                                            const qkvsim_similarity_options *given,
                                            const qkvsim_matrix *matrix)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_similarity_options options;
    qkvsim_matrix out;
    const qkvsim_status status =
        check_matrix_call(context, accumulator, metric, given, matrix, &options, &out);
    return status == QKVSIM_OK ? write_matrix(context, accumulator, metric, options.triangle, &out)
                               : status;
}

/* ---- the difference of two ---- */

static qkvsim_status check_less(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                const qkvsim_accumulator *less)
{
    if (less == NULL || less->observations == 0)
        return qkv_invalid(context, "the accumulator to take off is %s",
                           less == NULL ? "NULL" : "empty");
    if (accumulator->features != less->features)
        return qkv_invalid(context, "an accumulator of %lld features less one of %lld",
                           (long long)accumulator->features, (long long)less->features);
    return QKVSIM_OK;
}

/* The upper triangle of `from` becomes the difference; nothing else is touched where one is out of
 * range. */
static qkvsim_status subtract(qkvsim_context *context, const qkvsim_matrix *out, double *from,
                              const double *less)
{
    const double largest = out->dtype == QKVSIM_DTYPE_F64 ? DBL_MAX : (double)FLT_MAX;
    for (int64_t i = 0; i < out->rows; i++)
        for (int64_t j = i; j < out->rows; j++) {
            double *value = &from[i * out->rows + j];
            *value -= less[i * out->rows + j];
            if (fabs(*value) > largest)
                return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                                "the difference of columns %lld and %lld is %s, beyond %s, the "
                                "largest of the output's type",
                                (long long)i, (long long)j, qkv_number(*value).text,
                                qkv_number(largest).text);
        }
    return QKVSIM_OK;
}

static void write_entry(const qkvsim_matrix *out, int64_t i, int64_t j, double value)
{
    qkv_put_real(out->data, out->dtype, i * out->leading_dimension + j, value);
}

static void write_difference(const qkvsim_matrix *out, const double *values, bool full)
{
    for (int64_t i = 0; i < out->rows; i++)
        for (int64_t j = i; j < out->rows; j++) {
            write_entry(out, i, j, values[i * out->rows + j]);
            if (full)
                write_entry(out, j, i, values[i * out->rows + j]);
        }
}

/* Both in double, so that what they have in common is taken off before anything is rounded. */
static qkvsim_status make_difference(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                     const qkvsim_accumulator *less, qkvsim_metric metric,
                                     const qkvsim_matrix *out, double *values[2])
{
    const int64_t d = out->rows;
    qkvsim_matrix matrix = { sizeof matrix, values[0], d, d, d, QKVSIM_DTYPE_F64, 0 };
    qkvsim_status status =
        write_matrix(context, accumulator, metric, QKVSIM_TRIANGLE_UPPER, &matrix);
    matrix.data = values[1];
    if (status == QKVSIM_OK)
        status = write_matrix(context, less, metric, QKVSIM_TRIANGLE_UPPER, &matrix);
    return status == QKVSIM_OK ? subtract(context, out, values[0], values[1]) : status;
}

qkvsim_status qkvsim_accumulator_difference(qkvsim_context *context,
                                            const qkvsim_accumulator *accumulator,
                                            const qkvsim_accumulator *less, qkvsim_metric metric,
                                            const qkvsim_similarity_options *given,
                                            const qkvsim_matrix *matrix)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_similarity_options options;
    qkvsim_matrix out;
    qkvsim_status status =
        check_matrix_call(context, accumulator, metric, given, matrix, &options, &out);
    if (status == QKVSIM_OK)
        status = check_less(context, accumulator, less);
    if (status != QKVSIM_OK)
        return status;
    const size_t cells = (size_t)(out.rows * out.rows);
    double *values[2] = { qkv_allocate(&context->allocator, cells, sizeof(double)),
                          qkv_allocate(&context->allocator, cells, sizeof(double)) };
    status = values[0] != NULL && values[1] != NULL
                 ? make_difference(context, accumulator, less, metric, &out, values)
                 : qkv_no_memory(context, "two matrices");
    if (status == QKVSIM_OK)
        write_difference(&out, values[0], options.triangle == QKVSIM_TRIANGLE_FULL);
    for (int k = 0; k < 2; k++)
        qkv_release(&context->allocator, values[k]);
    return status;
}
