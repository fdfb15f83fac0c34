/*
 * Streams: means and centred second moments in double, updated by chunks and merged.
 * T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for computing
 * sample variances, Stanford STAN-CS-79-773 (1979).
 */
#include "accumulator.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/structs.h"
#include "flow/prepare.h"
#include "flow/product_source.h"
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

qkvsim_status qkv_accumulator_open(qkvsim_context *context, int64_t features,
                                   qkvsim_accumulator **accumulator)
{
    int64_t moments;
    if (!packed_size(features, &moments))
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "%lld features are too many",
                        (long long)features);
    qkvsim_accumulator *made = qkv_allocate_handle(context, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the accumulator");
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

qkvsim_status qkvsim_accumulator_create(qkvsim_context *context, int64_t features,
                                        const qkvsim_accumulator_options *given,
                                        qkvsim_accumulator **accumulator)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    if (accumulator == NULL || features < 1 || features > INT32_MAX)
        return qkv_invalid(context,
                           accumulator == NULL ? "accumulator is NULL"
                                               : "%lld features: expected 1 to %d",
                           (long long)features, INT32_MAX);
    qkvsim_accumulator_options options;
    const qkvsim_status status =
        qkv_read_options(context, &qkv_struct_accumulator_options, given, &options);
    if (status != QKVSIM_OK)
        return status;
    return options.blocks == 0 ? qkv_accumulator_open(context, features, accumulator)
                               : qkv_stream_blocks_open(context, features, options.blocks,
                                                        options.blocks, accumulator);
}

void qkvsim_accumulator_free(qkvsim_accumulator *accumulator)
{
    if (accumulator == NULL)
        return;
    const qkv_allocator allocator = accumulator->allocator;
    qkv_stream_blocks_close(accumulator);
    qkv_release(&allocator, accumulator->running);
    qkv_release(&allocator, accumulator->moments);
    qkv_release(&allocator, accumulator);
}

int64_t qkvsim_accumulator_features(const qkvsim_accumulator *accumulator)
{
    return accumulator != NULL ? accumulator->features : 0;
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

/* share: that of `from` among the observations of both. */
static void merge_feature(running_feature *to, const running_feature *from, double share)
{
    to->constant = stays_constant(to, from);
    to->nonfinite = to->nonfinite || from->nonfinite;
    move_mean(to, mean_difference(to, from) * share);
}

static void merge_features(running_feature *to, const running_feature *from, int64_t features,
                           int64_t to_count, int64_t from_count)
{
    const double share = (double)from_count / (double)(to_count + from_count);
    for (int64_t j = 0; j < features; j++)
        if (to_count == 0)
            to[j] = from[j];
        else
            merge_feature(&to[j], &from[j], share);
}

/* A chunk's features as they are kept, and what its products are multiplied and shifted by. */
typedef struct chunk {
    running_feature *features;
    double *norms; /* of the centred columns */
    double *delta; /* chunk's mean less the old one; 0 for a first chunk */
    double weight; /* of delta delta' */
} chunk;

/* The sink: new moments = old ones + a chunk's products + the shift between the means. */
typedef struct accumulate_sink {
    qkv_sink sink;
    const qkv_real_kernels *kernels;
    const qkv_panels *panels;
    const chunk *chunk;
    double *moments;
} accumulate_sink;

static void add_row(const accumulate_sink *sink, const qkv_tile *tile, int64_t r)
{
    const chunk *added = sink->chunk;
    const int64_t i = tile->row_start + r, first = tile->diagonal ? r : 0;
    const int64_t j = tile->column_start + first;
    const int64_t place = qkv_packed(sink->panels->features, i, j);
    const size_t at = (size_t)(r * tile->leading + first) * qkv_real_size(sink->panels->real);
    const qkv_moment_row row = {
        .to = sink->moments + place,
        .gram = (const char *)tile->values + at,
        .norms = added->norms + j,
        .deltas = added->delta + j,
        .norm = added->norms[i],
        .shift = added->weight * added->delta[i],
        .count = tile->columns - first,
    };
    sink->kernels->add_moments(&row);
}

/* The diagonal's value: unit columns have products of 1 with themselves. */
static double own_moment(const chunk *added, const double *moments, int64_t features, int64_t j)
{
    const double norm = added->norms[j], delta = added->delta[j];
    return moments[qkv_packed(features, j, j)] + norm * norm + added->weight * delta * delta;
}

static void consume(qkv_sink *base, int32_t worker, const qkv_tile *tile)
{
    const accumulate_sink *sink = (const accumulate_sink *)base;
    const int64_t features = sink->panels->features;
    (void)worker;
    for (int64_t r = 0; r < tile->rows; r++) {
        const int64_t i = tile->row_start + r;
        const double own = tile->diagonal ? own_moment(sink->chunk, sink->moments, features, i) : 0;
        add_row(sink, tile, r);
        if (tile->diagonal)
            sink->moments[qkv_packed(features, i, i)] = own;
    }
}

static void describe_chunk(const qkv_panels *panels, const qkvsim_accumulator *old, chunk *added)
{
    for (int64_t j = 0; j < panels->features; j++) {
        const qkv_feature *feature = &panels->statistics[j];
        const bool nonfinite = feature->nonfinite || old->running[j].nonfinite;
        added->features[j] = (running_feature){
            .mean = nonfinite ? 0 : feature->mean,
            .mean_low = nonfinite ? 0 : feature->mean_low,
            .first = nonfinite ? 0 : feature->mean,
            .constant = feature->kind != QKV_NORMAL,
            .nonfinite = nonfinite,
        };
        added->norms[j] = feature->centred_norm;
        added->delta[j] = old->observations == 0 || nonfinite
                              ? 0
                              : mean_difference(&old->running[j], &added->features[j]);
    }
    added->weight =
        old->observations > 0 ? cross_weight(old->observations, panels->observations) : 0;
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
                                 const chunk *added)
{
    for (int64_t j = 0; j < old->features; j++) {
        const running_feature *feature = &added->features[j];
        const bool constant =
            old->observations == 0 ? feature->constant : stays_constant(&old->running[j], feature);
        const double squares = own_moment(added, old->moments, old->features, j);
        if (!feature->nonfinite && !is_in_range(squares, constant))
            return out_of_range(context, squares, j);
    }
    return QKVSIM_OK;
}

static qkvsim_status add_products(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                  const qkv_panels *panels, const chunk *added, int64_t pieces)
{
    accumulate_sink sink = { .sink = { consume },
                             .kernels = qkv_kernels_of(context, panels->real),
                             .panels = panels,
                             .chunk = added,
                             .moments = accumulator->moments };
    qkv_gram gram;
    qkvsim_status status = qkv_gram_open(context, panels, &qkv_product_source, NULL, NULL, &gram);
    if (status != QKVSIM_OK)
        return status;
    if (pieces > 0)
        qkv_work_begin(context, pieces * gram.tile_count);
    status = qkv_gram_for_each_tile(context, &gram, &sink.sink);
    qkv_gram_close(context, &gram);
    return status;
}

/* Only a callback can end the work once products are added; where there is one, the moments are kept
 * for that case. */
static qkvsim_status add_panels(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                const qkv_panels *panels, int64_t pieces, chunk *added)
{
    describe_chunk(panels, accumulator, added);
    qkvsim_status status = check_range(context, accumulator, added);
    if (status != QKVSIM_OK)
        return status;
    const size_t size =
        (size_t)qkv_packed(accumulator->features, accumulator->features, accumulator->features);
    double *kept = NULL;
    if (context->progress != NULL) {
        kept = qkv_allocate(&accumulator->allocator, size, sizeof *kept);
        if (kept == NULL)
            return qkv_no_memory(context, "the moments of a chunk");
        memcpy(kept, accumulator->moments, size * sizeof *kept);
    }
    status = add_products(context, accumulator, panels, added, pieces);
    if (status != QKVSIM_OK && kept != NULL) {
        double *changed = accumulator->moments;
        accumulator->moments = kept;
        kept = changed;
    }
    qkv_release(&accumulator->allocator, kept);
    if (status != QKVSIM_OK)
        return status;
    merge_features(accumulator->running, added->features, accumulator->features,
                   accumulator->observations, panels->observations);
    accumulator->observations += panels->observations;
    return QKVSIM_OK;
}

qkvsim_status qkv_accumulator_add(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                  const qkv_input *input, int64_t pieces)
{
    if (input->observations == 0)
        return QKVSIM_OK;
    const qkv_allocator *allocator = &accumulator->allocator;
    const size_t features = (size_t)accumulator->features;
    chunk added = {
        .features = qkv_allocate(allocator, features, sizeof *added.features),
        .norms = qkv_allocate(allocator, features, sizeof *added.norms),
        .delta = qkv_allocate(allocator, features, sizeof *added.delta),
    };
    qkv_panels panels = { 0 };
    qkvsim_status status = added.features != NULL && added.norms != NULL && added.delta != NULL
                               ? qkv_panels_open_unordered(context, input, &panels)
                               : qkv_no_memory(context, "a chunk");
    if (status == QKVSIM_OK)
        status = qkv_prepare(context, input, NULL, &panels);
    if (status == QKVSIM_OK)
        status = add_panels(context, accumulator, &panels, pieces, &added);
    qkv_panels_close(context, &panels);
    qkv_release(allocator, added.features);
    qkv_release(allocator, added.norms);
    qkv_release(allocator, added.delta);
    return status;
}

static qkvsim_status add_input(qkvsim_context *context, qkvsim_accumulator *accumulator,
                               const qkv_input *input)
{
    if (input->features != accumulator->features)
        return qkv_invalid(context, "the input has %lld features but the accumulator %lld",
                           (long long)input->features, (long long)accumulator->features);
    return accumulator->blocks.most > 0 ? qkv_stream_blocks_add(context, accumulator, input)
                                        : qkv_accumulator_add(context, accumulator, input, 1);
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

/* What one feature of several accumulators comes to, without its moments with others. */
typedef struct joint_feature {
    running_feature running;
    double squares;
    int64_t observations;
} joint_feature;

static void join_feature(joint_feature *to, const qkvsim_accumulator *from, int64_t j)
{
    const double squares = from->moments[qkv_packed(from->features, j, j)];
    const int64_t n = to->observations + from->observations;
    if (from->observations == 0)
        return;
    if (to->observations == 0) {
        *to = (joint_feature){ from->running[j], squares, n };
        return;
    }
    const double delta = mean_difference(&to->running, &from->running[j]);
    to->squares += squares + cross_weight(to->observations, from->observations) * delta * delta;
    merge_feature(&to->running, &from->running[j], (double)from->observations / (double)n);
    to->observations = n;
}

/* Sums of the diagonal decide, before anything changes. */
qkvsim_status qkv_accumulators_check(qkvsim_context *context,
                                     const qkvsim_accumulator *const *parts, int64_t count)
{
    for (int64_t j = 0; count > 0 && j < parts[0]->features; j++) {
        joint_feature joint = { .observations = 0 };
        for (int64_t k = 0; k < count; k++)
            join_feature(&joint, parts[k], j);
        if (joint.observations > 0 && !joint.running.nonfinite
            && !is_in_range(joint.squares, joint.running.constant))
            return out_of_range(context, joint.squares, j);
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
            to->moments[row + j] = to->moments[row + j] + from->moments[row + j]
                                   + shift * mean_difference(&to->running[j], &from->running[j]);
    }
}

void qkv_accumulator_join(qkvsim_accumulator *to, const qkvsim_accumulator *from)
{
    const int64_t d = to->features;
    if (from->observations == 0)
        return;
    if (to->observations == 0)
        memcpy(to->moments, from->moments, (size_t)qkv_packed(d, d, d) * sizeof *to->moments);
    else
        merge_moments(to, from, cross_weight(to->observations, from->observations));
    merge_features(to->running, from->running, d, to->observations, from->observations);
    to->observations += from->observations;
}

static qkvsim_status check_merge(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                 const qkvsim_accumulator *other)
{
    if (accumulator == NULL || other == NULL)
        return qkv_invalid(context, "%s is NULL", accumulator == NULL ? "accumulator" : "other");
    if (accumulator == other)
        return qkv_invalid(context, "an accumulator cannot be merged with itself");
    if (accumulator->features != other->features)
        return qkv_invalid(context, "an accumulator of %lld features cannot take in one of %lld",
                           (long long)accumulator->features, (long long)other->features);
    if ((accumulator->blocks.most > 0) != (other->blocks.most > 0))
        return qkv_invalid(context, "an accumulator %s blocks cannot take in one %s",
                           accumulator->blocks.most > 0 ? "with" : "without",
                           other->blocks.most > 0 ? "with blocks" : "without");
    return QKVSIM_OK;
}

qkvsim_status qkvsim_accumulator_merge(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                       const qkvsim_accumulator *other)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = check_merge(context, accumulator, other);
    if (status != QKVSIM_OK)
        return status;
    if (accumulator->blocks.most > 0)
        return qkv_stream_blocks_merge(context, accumulator, other);
    const qkvsim_accumulator *const both[] = { accumulator, other };
    status = qkv_accumulators_check(context, both, 2);
    if (status == QKVSIM_OK)
        qkv_accumulator_join(accumulator, other);
    return status;
}

/* ---- results ---- */

void qkv_accumulator_describe(const qkvsim_accumulator *accumulator, qkv_panels *panels)
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

qkvsim_status qkv_accumulator_check(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                    qkv_input *input)
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

qkvsim_status qkv_accumulator_check_metrics(qkvsim_context *context, int32_t metrics)
{
    if ((metrics & QKVSIM_METRIC_SPEARMAN) != 0)
        return qkv_invalid(context,
                           "QKVSIM_METRIC_SPEARMAN (16) ranks each observation among all, which an "
                           "accumulator does not keep");
    return QKVSIM_OK;
}

qkvsim_status qkv_accumulator_whole(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                                    const qkvsim_accumulator **whole, qkvsim_accumulator **joint)
{
    *joint = NULL;
    *whole = accumulator;
    if (accumulator->blocks.most == 0)
        return QKVSIM_OK;
    qkvsim_status status = qkv_accumulator_open(context, accumulator->features, joint);
    for (int64_t k = 0; k < accumulator->blocks.count && status == QKVSIM_OK; k++)
        if (qkv_work_pulse(context, 0))
            status = qkv_cancelled(context);
        else
            qkv_accumulator_join(*joint, accumulator->blocks.block[k]);
    if (status != QKVSIM_OK) {
        qkvsim_accumulator_free(*joint);
        *joint = NULL;
    }
    *whole = *joint;
    return status;
}
