/* The analysis: prepare + tiles + tally, once, for the caller's input. */
#include <qkvsim/analysis.h>

#include "analysis/session.h"
#include "flow/fingerprint.h"
#include "flow/product_source.h"

static qkvsim_status analyze_input(qkvsim_context *context, const qkvsim_layout *layout,
                                   const qkvsim_analysis_options *options, qkv_input *input,
                                   qkvsim_analysis **analysis)
{
    qkv_session session;
    qkvsim_status status =
        qkv_session_open(context, layout, options, input, &qkv_product_source, &session);
    if (status != QKVSIM_OK)
        return status;
    if (options->pair_groups != NULL)
        qkv_expect_fingerprint(input);
    qkvsim_analysis *made = NULL;
    qkv_session_begin(context, &session, 1);
    status = qkv_session_results(context, &session, &made);
    if (status == QKVSIM_OK)
        status = qkv_session_run(context, &session, input, made);
    qkv_session_close(context, &session);
    if (status != QKVSIM_OK) {
        qkvsim_analysis_free(made);
        return status;
    }
    qkv_hand_over_input(context, input, made);
    *analysis = made;
    return QKVSIM_OK;
}

qkvsim_status qkvsim_analysis_run(qkvsim_context *context, const qkvsim_input *given_input,
                                  const qkvsim_layout *layout, const qkvsim_analysis_options *given,
                                  qkvsim_analysis **analysis)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (analysis == NULL)
        return qkv_invalid(context, "analysis is NULL");
    qkvsim_analysis_options options;
    qkv_input input;
    qkvsim_status status = qkv_read_analysis_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = qkv_input_open(context, given_input, false, &input);
    if (status != QKVSIM_OK)
        return status;
    status = analyze_input(context, layout, &options, &input, analysis);
    qkv_input_close(context, &input);
    return status;
}
