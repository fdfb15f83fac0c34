/*
 * Streams: means and centred second moments in double, updated by chunks and merged.
 * T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for computing
 * sample variances, Stanford STAN-CS-79-773 (1979).
 */
#include "accumulator.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "analysis.h"
#include "fingerprint.h"
#include "similarity.h"

/* ---- life ---- */

static bool packed_size(int64_t features, int64_t *size)
{
    int64_t square;
    if (!qkv_multiply(features, features + 1, &square))
        return false;
    *size = square / 2;
    return true;
}

qkvsim_status qkvsim_accumulator_create(qkvsim_context *context, int64_t features,
                                        qkvsim_accumulator **accumulator)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (accumulator == NULL || features < 1 || features > INT32_MAX)
        return qkv_invalid(context,
                           accumulator == NULL ? "accumulator is NULL"
                                               : "%lld features: expected 1 to %d",
                           (long long)features, INT32_MAX);
    int64_t moments;
    if (!packed_size(features, &moments))
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "%lld features are too many",
                        (long long)features);
    qkvsim_accumulator *made = qkv_allocate_zeroed(&context->allocator, 1, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the accumulator");
    made->allocator = context->allocator;
    made->features = features;
    made->running = qkv_allocate_zeroed(&made->allocator, (size_t)features, sizeof *made->running);
    made->moments = qkv_allocate_zeroed(&made->allocator, (size_t)moments, sizeof *made->moments);
    if (made->running == NULL || made->moments == NULL) {
        qkvsim_accumulator_free(made);
        return qkv_fail(context, QKVSIM_ERROR_NO_MEMORY,
                        "out of memory for %lld second moments of %lld features",
                        (long long)moments, (long long)features);
    }
    *accumulator = made;
    return QKVSIM_OK;
}

void qkvsim_accumulator_free(qkvsim_accumulator *accumulator)
{
    if (accumulator == NULL)
        return;
    const qkv_allocator allocator = accumulator->allocator;
    qkv_release(&allocator, accumulator->running);
    qkv_release(&allocator, accumulator->moments);
    qkv_release(&allocator, accumulator);
}

int64_t qkvsim_accumulator_observations(const qkvsim_accumulator *accumulator)
{
    return accumulator != NULL ? accumulator->observations : 0;
}

/* ---- adding: one set of moments to another ---- */

/* n_a n_b / n, the weight of delta delta'. */
static double cross_weight(int64_t a, int64_t b)
{
    return (double)a * ((double)b / (double)(a + b));
}

static bool stays_constant(const running_feature *a, const running_feature *b)
{
    return a->constant && b->constant && a->first == b->first;
}

static double mean_difference(const running_feature *to, const running_feature *from)
{
    return (from->mean - to->mean) + (from->mean_low - to->mean_low);
}

/* Knuth's two-sum, then the low part back within the high one's last digit. */
static void move_mean(running_feature *feature, double by)
{
    const double sum = feature->mean + by;
    const double added = sum - feature->mean;
    const double low = feature->mean_low + ((feature->mean - (sum - added)) + (by - added));
    feature->mean = sum + low;
    feature->mean_low = low - (feature->mean - sum);
}

static void merge_features(running_feature *to, const running_feature *from, int64_t features,
                           int64_t to_count, int64_t from_count)
{
    const double share = (double)from_count / (double)(to_count + from_count);
    for (int64_t j = 0; j < features; j++) {
        if (to_count == 0) {
            to[j] = from[j];
            continue;
        }
        to[j].constant = stays_constant(&to[j], &from[j]);
        to[j].nonfinite = to[j].nonfinite || from[j].nonfinite;
        move_mean(&to[j], mean_difference(&to[j], &from[j]) * share);
    }
}

/* The sink: new moments = old ones + a chunk's products + the shift between the means. */
typedef struct accumulate_sink {
    qkv_sink sink;
    const qkv_panels *panels;
    const qkvsim_accumulator *old;
    const double *delta; /* chunk's mean less the old one; 0 for a first chunk */
    double weight;
    double *moments;
} accumulate_sink;

static void consume(qkv_sink *base, int32_t worker, const qkv_tile *tile)
{
    (void)worker;
    const accumulate_sink *sink = (const accumulate_sink *)base;
    const qkv_panels *panels = sink->panels;
    for (int64_t r = 0; r < tile->rows; r++) {
        const int64_t i = tile->row_start + r;
        const double norm = panels->statistics[i].centred_norm;
        const double shift = sink->weight * sink->delta[i];
        for (int64_t c = tile->diagonal ? r : 0; c < tile->columns; c++) {
            const int64_t j = tile->column_start + c;
            const int64_t at = r * tile->leading + c;
            const double gram = i == j ? 1
                                : panels->real == QKVSIM_DTYPE_F64
                                    ? ((const double *)tile->values)[at]
                                    : (double)((const float *)tile->values)[at];
            const int64_t place = qkv_packed(panels->features, i, j);
            sink->moments[place] = sink->old->moments[place]
                                   + gram * norm * panels->statistics[j].centred_norm
                                   + shift * sink->delta[j];
        }
    }
}

/* A chunk's features as they are kept, and what their means add to the shift. */
static void describe_chunk(const qkv_panels *panels, const qkvsim_accumulator *old,
                           running_feature *chunk, double *delta)
{
    for (int64_t j = 0; j < panels->features; j++) {
        const qkv_feature *feature = &panels->statistics[j];
        const bool nonfinite = feature->nonfinite || old->running[j].nonfinite;
        chunk[j] = (running_feature){
            .mean = nonfinite ? 0 : feature->mean,
            .mean_low = nonfinite ? 0 : feature->mean_low,
            .first = nonfinite ? 0 : feature->mean,
            .constant = feature->kind != QKV_NORMAL,
            .nonfinite = nonfinite,
        };
        delta[j] =
            old->observations == 0 || nonfinite ? 0 : mean_difference(&old->running[j], &chunk[j]);
    }
}

/* Whether a sum of squares has its digits: below the least normal number it loses them, and values that
 * differ would come to count as equal. */
static bool is_in_range(double squares, bool constant)
{
    return constant || (squares >= DBL_MIN && squares <= DBL_MAX);
}

static qkvsim_status out_of_range(qkvsim_context *context, double squares, int64_t column)
{
    return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                    "the sum of squares of column %lld %s double precision: scale the input",
                    (long long)column, squares < DBL_MIN ? "is too small for" : "exceeds");
}

static qkvsim_status check_range(qkvsim_context *context, const qkvsim_accumulator *old,
                                 const running_feature *chunk, const double *moments)
{
    for (int64_t j = 0; j < old->features; j++) {
        const bool constant = old->observations == 0 ? chunk[j].constant
                                                     : stays_constant(&old->running[j], &chunk[j]);
        const double squares = moments[qkv_packed(old->features, j, j)];
        if (!chunk[j].nonfinite && !is_in_range(squares, constant))
            return out_of_range(context, squares, j);
    }
    return QKVSIM_OK;
}

/* Adds prepared panels; new moments are made beside the old ones, so that a failure changes
 * nothing. */
static qkvsim_status add_panels(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                const qkv_panels *panels, running_feature *chunk, double *delta,
                                double *moments)
{
    describe_chunk(panels, accumulator, chunk, delta);
    const int64_t before = accumulator->observations;
    accumulate_sink sink = { { consume },
                             panels,
                             accumulator,
                             delta,
                             before > 0 ? cross_weight(before, panels->observations) : 0,
                             moments };
    qkv_gram gram;
    qkvsim_status status = qkv_gram_open(context, panels, NULL, NULL, NULL, &gram);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_begin(context, gram.tile_count);
    status = qkv_gram_for_each_tile(context, &gram, &sink.sink);
    qkv_gram_close(context, &gram);
    if (status == QKVSIM_OK)
        status = check_range(context, accumulator, chunk, moments);
    if (status != QKVSIM_OK)
        return status;
    merge_features(accumulator->running, chunk, accumulator->features, before,
                   panels->observations);
    accumulator->observations += panels->observations;
    return QKVSIM_OK;
}

static qkvsim_status add_input(qkvsim_context *context, qkvsim_accumulator *accumulator,
                               const qkv_input *input)
{
    if (input->features != accumulator->features)
        return qkv_invalid(context, "the input has %lld features but the accumulator %lld",
                           (long long)input->features, (long long)accumulator->features);
    if (input->observations == 0)
        return QKVSIM_OK;
    const size_t size = (size_t)(accumulator->features * (accumulator->features + 1) / 2);
    const qkv_allocator *allocator = &accumulator->allocator;
    const size_t features = (size_t)accumulator->features;
    running_feature *chunk = qkv_allocate(allocator, features, sizeof *chunk);
    double *delta = qkv_allocate(allocator, features, sizeof *delta);
    double *moments = qkv_allocate(allocator, size, sizeof *moments);
    qkv_panels panels = { 0 };
    qkvsim_status status = chunk != NULL && delta != NULL && moments != NULL
                               ? qkv_panels_open_unordered(context, input, &panels)
                               : qkv_no_memory(context, "a chunk");
    if (status == QKVSIM_OK)
        status = qkv_prepare(context, input, NULL, &panels);
    if (status == QKVSIM_OK)
        status = add_panels(context, accumulator, &panels, chunk, delta, moments);
    qkv_panels_close(context, &panels);
    if (status == QKVSIM_OK) {
        double *old = accumulator->moments;
        accumulator->moments = moments;
        moments = old;
    }
    qkv_release(allocator, chunk);
    qkv_release(allocator, delta);
    qkv_release(allocator, moments);
    return status;
}

qkvsim_status qkvsim_accumulator_update(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                        const qkvsim_input *given)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (accumulator == NULL)
        return qkv_invalid(context, "accumulator is NULL");
    qkvsim_input read;
    qkvsim_status status = qkv_read_input(context, given, &read);
    if (status != QKVSIM_OK)
        return status;
    qkv_input input;
    status = qkv_input_open(context, &read, true, &input);
    if (status != QKVSIM_OK)
        return status;
    status = add_input(context, accumulator, &input);
    qkv_input_close(context, &input);
    return status;
}

/* ---- merging ---- */

/* Sums of the diagonal decide whether the merged moments stay in range, before anything changes. */
static qkvsim_status check_merged(qkvsim_context *context, const qkvsim_accumulator *to,
                                  const qkvsim_accumulator *from, double weight)
{
    for (int64_t j = 0; j < to->features; j++) {
        const running_feature *a = &to->running[j], *b = &from->running[j];
        const int64_t at = qkv_packed(to->features, j, j);
        const double delta = mean_difference(a, b);
        const double squares = to->moments[at] + from->moments[at] + weight * delta * delta;
        const bool constant = to->observations == 0 ? b->constant : stays_constant(a, b);
        if (!a->nonfinite && !b->nonfinite && !is_in_range(squares, constant))
            return out_of_range(context, squares, j);
    }
    return QKVSIM_OK;
}

static void merge_moments(qkvsim_accumulator *to, const qkvsim_accumulator *from, double weight)
{
    const int64_t d = to->features;
    for (int64_t i = 0; i < d; i++) {
        const double shift = weight * mean_difference(&to->running[i], &from->running[i]);
        const int64_t row = qkv_packed(d, i, i) - i;
        for (int64_t j = i; j < d; j++)
            to->moments[row + j] += from->moments[row + j]
                                    + shift * mean_difference(&to->running[j], &from->running[j]);
    }
}

qkvsim_status qkvsim_accumulator_merge(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                       const qkvsim_accumulator *other)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (accumulator == NULL || other == NULL)
        return qkv_invalid(context, "%s is NULL", accumulator == NULL ? "accumulator" : "other");
    if (accumulator == other)
        return qkv_invalid(context, "an accumulator cannot be merged with itself");
    if (accumulator->features != other->features)
        return qkv_invalid(context, "an accumulator of %lld features cannot take in one of %lld",
                           (long long)accumulator->features, (long long)other->features);
    if (other->observations == 0)
        return QKVSIM_OK;
    const double weight = accumulator->observations > 0
                              ? cross_weight(accumulator->observations, other->observations)
                              : 0;
    const qkvsim_status status = check_merged(context, accumulator, other, weight);
    if (status != QKVSIM_OK)
        return status;
    merge_moments(accumulator, other, weight);
    merge_features(accumulator->running, other->running, accumulator->features,
                   accumulator->observations, other->observations);
    accumulator->observations += other->observations;
    return QKVSIM_OK;
}

/* ---- results ---- */

/* Fills panels' statistics and ratios from what was accumulated. */
static void describe_features(const qkvsim_accumulator *accumulator, qkv_panels *panels)
{
    const double n = (double)accumulator->observations;
    for (int64_t j = 0; j < accumulator->features; j++) {
        const running_feature *running = &accumulator->running[j];
        qkv_feature *feature = &panels->statistics[j];
        if (running->nonfinite) {
            *feature = (qkv_feature){
                .mean = NAN, .offset = NAN, .kind = QKV_UNDEFINED, .nonfinite = true
            };
            continue;
        }
        const double squares =
            running->constant ? 0 : accumulator->moments[qkv_packed(accumulator->features, j, j)];
        const double mean[2] = { running->mean, running->mean_low };
        qkv_describe_feature(feature, mean, squares, n, 0);
    }
}

/* Reads an accumulator as an input of double columns; there are no parts. */
static qkvsim_status check_accumulator(qkvsim_context *context,
                                       const qkvsim_accumulator *accumulator, qkv_input *input)
{
    if (accumulator == NULL || accumulator->observations == 0)
        return qkv_invalid(context, "the accumulator is %s",
                           accumulator == NULL ? "NULL" : "empty");
    qkv_work_open(context);
    *input = (qkv_input){ .real = QKVSIM_DTYPE_F64,
                          .features = accumulator->features,
                          .observations = accumulator->observations };
    return QKVSIM_OK;
}

/* Ranks need all observations at once. */
static qkvsim_status check_metrics(qkvsim_context *context, int32_t metrics)
{
    if ((metrics & QKVSIM_METRIC_SPEARMAN) != 0)
        return qkv_invalid(context,
                           "QKVSIM_METRIC_SPEARMAN (16) ranks each observation among all, which an "
                           "accumulator does not keep");
    return QKVSIM_OK;
}

qkvsim_status qkvsim_accumulator_analyze(qkvsim_context *context,
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
    qkv_session session;
    qkvsim_status status = qkv_read_analysis_options(context, given, &options);
    if (status == QKVSIM_OK)
        status = check_metrics(context, options.metrics);
    if (status == QKVSIM_OK)
        status = check_accumulator(context, accumulator, &input);
    if (status == QKVSIM_OK)
        status =
            qkv_session_open(context, layout, &options, &input, accumulator->moments, &session);
    if (status != QKVSIM_OK)
        return status;
    qkvsim_analysis *made = NULL;
    qkv_session_begin(context, &session, 1);
    describe_features(accumulator, &session.panels);
    status = qkv_panels_order(context, layout->group_of, &session.panels);
    if (status == QKVSIM_OK)
        status = qkv_session_results(context, &session, &made);
    if (status == QKVSIM_OK)
        status = qkv_session_tally(context, &session, made);
    if (status == QKVSIM_OK)
        made->input_fingerprint = qkv_statistics_fingerprint(session.panels.statistics,
                                                             input.features, input.observations);
    qkv_session_close(context, &session);
    if (status == QKVSIM_OK)
        *analysis = made;
    else
        qkvsim_analysis_free(made);
    return status;
}

qkvsim_status qkvsim_accumulator_similarity(qkvsim_context *context,
                                            const qkvsim_accumulator *accumulator, int32_t metric,
                                            const qkvsim_similarity_options *given,
                                            const qkvsim_matrix *matrix)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_similarity_options options;
    qkv_input input;
    qkvsim_matrix out;
    qkv_panels panels = { 0 };
    qkvsim_status status = qkv_check_similarity(context, metric, given, &options);
    if (status == QKVSIM_OK)
        status = check_metrics(context, metric);
    if (status == QKVSIM_OK)
        status = check_accumulator(context, accumulator, &input);
    if (status == QKVSIM_OK)
        status = qkv_check_matrix(context, matrix, input.features, input.features, false, &out);
    if (status == QKVSIM_OK)
        status = qkv_panels_open_unordered(context, &input, &panels);
    if (status != QKVSIM_OK)
        return status;
    describe_features(accumulator, &panels);
    status = qkv_panels_order(context, NULL, &panels);
    if (status == QKVSIM_OK)
        status = qkv_write_similarity(context, &panels, accumulator->moments, metric,
                                      options.triangle, &out);
    qkv_panels_close(context, &panels);
    return status;
}
