/* The flow of an analysis, from an input to a handle, as often as it is repeated. */
#ifndef QKV_SESSION_H
#define QKV_SESSION_H

#include "analysis.h"
#include "flow/tally_sink.h"

/*
 * Everything that repeated analyses of inputs of one shape share: checked options, panels, tiles.
 * An analysis of an input is then one call; a permutation is the same call with another input.
 */
typedef struct qkv_session {
    const qkvsim_layout *layout;
    qkv_binning binning;
    bool *wanted; /* rows */
    int32_t metrics;
    qkv_panels panels;
    qkv_gram gram;
} qkv_session;

/* Copies options of any version; NULL gives the defaults. */
qkvsim_status qkv_read_analysis_options(qkvsim_context *context,
                                        const qkvsim_analysis_options *given,
                                        qkvsim_analysis_options *options);

/* Opens a session for inputs with the parts of `input` and at most as many observations;
 * the source stays the caller's. On failure nothing is held. */
qkvsim_status qkv_session_open(qkvsim_context *context, const qkvsim_layout *layout,
                               const qkvsim_analysis_options *options, const qkv_input *input,
                               const qkv_tile_source *source, qkv_session *session);
void qkv_session_close(const qkvsim_context *context, qkv_session *session);

/* An empty handle for a session's results. */
qkvsim_status qkv_session_results(qkvsim_context *context, const qkv_session *session,
                                  qkvsim_analysis **analysis);

/* Analyses an input into a handle made by qkv_session_results; may be repeated, with other numbers
 * of observations up to that of the input the session was opened for. */
qkvsim_status qkv_session_run(qkvsim_context *context, qkv_session *session, const qkv_input *input,
                              qkvsim_analysis *analysis);

/* Gives an input's list of dropped observations and its fingerprint to its results. */
void qkv_hand_over_input(qkvsim_context *context, qkv_input *input, qkvsim_analysis *analysis);

/* Units of progress of one run, and the beginning of the progress of so many runs: a unit is a
 * tile. */
int64_t qkv_session_work(const qkv_session *session);
void qkv_session_begin(qkvsim_context *context, const qkv_session *session, int64_t runs);

/* The same from the session's panels as they are: their statistics are filled in already. */
qkvsim_status qkv_session_tally(qkvsim_context *context, const qkv_session *session,
                                qkvsim_analysis *analysis);

#endif
