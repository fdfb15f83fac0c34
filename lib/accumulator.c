/*
 * Streams: means and centred second moments in double, updated by chunks and merged.
 * T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for computing
 * sample variances, Stanford STAN-CS-79-773 (1979).
 */
#include "accumulator.h"

#include <math.h>
#include <string.h>

#include "base/structs.h"
#include "flow/prepare.h"

/* ---- life ---- */

qkvsim_status qkv_accumulator_open_features(qkvsim_context *context, int64_t features,
                                            int64_t first, int64_t end,
                                            qkvsim_accumulator **accumulator)
{
    int64_t square;
    if (!qkv_multiply(features, features + 1, &square))
        return qkv_fail(context, QKVSIM_ERROR_TOO_LARGE, "%lld features are too many",
                        (long long)features);
    qkvsim_accumulator *made = qkv_allocate_handle(context, sizeof *made);
    if (made == NULL)
        return qkv_no_memory(context, "the accumulator");
    made->features = features;
    made->first_row = first;
    made->end_row = end;
    made->running = qkv_allocate_zeroed(&made->allocator, (size_t)features, sizeof *made->running);
    made->squares = qkv_allocate_zeroed(&made->allocator, (size_t)features, sizeof *made->squares);
    if (made->running == NULL || made->squares == NULL) {
        qkvsim_accumulator_free(made);
        return qkv_no_memory(context, "the accumulator");
    }
    *accumulator = made;
    return QKVSIM_OK;
}

qkvsim_status qkv_accumulator_make_moments(qkvsim_context *context, qkvsim_accumulator *accumulator)
{
    const int64_t moments = qkv_moment_count(accumulator);
    accumulator->moments =
        qkv_allocate_zeroed_watched(context, (size_t)moments, sizeof *accumulator->moments);
    if (accumulator->moments != NULL)
        return QKVSIM_OK;
    if (qkv_work_is_cancelled(context))
        return qkv_cancelled(context);
    return qkv_fail(context, QKVSIM_ERROR_NO_MEMORY,
                    "out of memory for %lld second moments of %lld features", (long long)moments,
                    (long long)accumulator->features);
}

qkvsim_status qkv_accumulator_open_rows(qkvsim_context *context, int64_t features, int64_t first,
                                        int64_t end, qkvsim_accumulator **accumulator)
{
    qkvsim_accumulator *made = NULL;
    qkvsim_status status = qkv_accumulator_open_features(context, features, first, end, &made);
    if (status == QKVSIM_OK)
        status = qkv_accumulator_make_moments(context, made);
    if (status == QKVSIM_OK)
        *accumulator = made;
    else
        qkvsim_accumulator_free(made);
    return status;
}

qkvsim_status qkv_accumulator_open(qkvsim_context *context, int64_t features,
                                   qkvsim_accumulator **accumulator)
{
    return qkv_accumulator_open_rows(context, features, 0, features, accumulator);
}

qkvsim_status qkv_accumulator_copy(qkvsim_context *context, const qkvsim_accumulator *from,
                                   qkvsim_accumulator **copy)
{
    const size_t d = (size_t)from->features;
    qkvsim_accumulator *made = NULL;
    const qkvsim_status status =
        qkv_accumulator_open_rows(context, from->features, from->first_row, from->end_row, &made);
    if (status != QKVSIM_OK)
        return status;
    made->observations = from->observations;
    memcpy(made->running, from->running, d * sizeof *made->running);
    memcpy(made->squares, from->squares, d * sizeof *made->squares);
    if (!qkv_copy_watched(context, made->moments, from->moments,
                          (size_t)qkv_moment_count(from) * sizeof *made->moments)) {
        qkvsim_accumulator_free(made);
        return qkv_cancelled(context);
    }
    *copy = made;
    return QKVSIM_OK;
}

/* All rows by default; a part keeps no blocks. */
static qkvsim_status check_rows(qkvsim_context *context, int64_t features,
                                qkvsim_accumulator_options *options)
{
    const int64_t first = options->first_row;
    if (options->rows == 0 && first == 0)
        options->rows = features;
    if (first < 0 || options->rows < 1 || first >= features || options->rows > features - first)
        return qkv_invalid(context, "%lld rows from %lld on: there are %lld",
                           (long long)options->rows, (long long)first, (long long)features);
    if (options->blocks != 0 && options->rows < features)
        return qkv_invalid(context, "%lld of %lld rows, which keep no blocks",
                           (long long)options->rows, (long long)features);
    if (options->blocks != 0 && options->cancel_empties != 0)
        return qkv_invalid(context, "cancel_empties is %d, which is not for blocks",
                           (int)options->cancel_empties);
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
    qkvsim_status status =
        qkv_read_options(context, &qkv_struct_accumulator_options, given, &options);
    if (status == QKVSIM_OK)
        status = check_rows(context, features, &options);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_open(context);
    if (options.blocks != 0)
        return qkv_stream_blocks_open(context, features, options.blocks, options.blocks,
                                      accumulator);
    const int64_t first = options.first_row;
    status = qkv_accumulator_open_rows(context, features, first, first + options.rows, accumulator);
    if (status == QKVSIM_OK)
        (*accumulator)->cancel_empties = options.cancel_empties != 0;
    return status;
}

void qkvsim_accumulator_free(qkvsim_accumulator *accumulator)
{
    if (accumulator == NULL)
        return;
    const qkv_allocator allocator = accumulator->allocator;
    qkv_stream_blocks_close(accumulator);
    qkv_release(&allocator, accumulator->running);
    qkv_release(&allocator, accumulator->squares);
    if (!accumulator->borrowed)
        qkv_release(&allocator, accumulator->moments);
    qkv_release(&allocator, accumulator);
}

int64_t qkvsim_accumulator_features(const qkvsim_accumulator *accumulator)
{
    return accumulator != NULL ? accumulator->features : 0;
}

int64_t qkvsim_accumulator_first_row(const qkvsim_accumulator *accumulator)
{
    return accumulator != NULL ? accumulator->first_row : 0;
}

int64_t qkvsim_accumulator_rows(const qkvsim_accumulator *accumulator)
{
    return accumulator != NULL ? accumulator->end_row - accumulator->first_row : 0;
}

int64_t qkvsim_accumulator_observations(const qkvsim_accumulator *accumulator)
{
    return accumulator != NULL ? accumulator->observations : 0;
}

/* ---- merging ---- */

/* What one feature of several accumulators comes to, without its moments with others. */
typedef struct joint_feature {
    qkv_running_feature running;
    double squares;
    int64_t observations;
} joint_feature;

static void join_feature(joint_feature *to, const qkvsim_accumulator *from, int64_t j)
{
    const double squares = from->squares[j];
    const int64_t n = to->observations + from->observations;
    if (from->observations == 0)
        return;
    if (to->observations == 0) {
        *to = (joint_feature){ from->running[j], squares, n };
        return;
    }
    const double delta = qkv_mean_difference(&to->running, &from->running[j]);
    to->squares += squares + qkv_cross_weight(to->observations, from->observations) * delta * delta;
    qkv_merge_feature(&to->running, &from->running[j], (double)from->observations / (double)n);
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
            && !qkv_squares_in_range(joint.squares, joint.running.constant))
            return qkv_squares_out_of_range(context, joint.squares, j);
    }
    return QKVSIM_OK;
}

/* The diagonal as moments are, for every row. */
static void merge_squares(qkvsim_accumulator *to, const qkvsim_accumulator *from, double weight)
{
    for (int64_t j = 0; j < to->features; j++) {
        const double delta = qkv_mean_difference(&to->running[j], &from->running[j]);
        const double shift = weight * delta;
        to->squares[j] = to->squares[j] + from->squares[j] + shift * delta;
    }
}

static bool merge_moments(qkvsim_context *context, qkvsim_accumulator *to,
                          const qkvsim_accumulator *from, double weight)
{
    enum { AT_A_TIME = 1 << 19 };
    const int64_t d = to->features;
    for (int64_t i = to->first_row, merged = 0; i < to->end_row; i++, merged += d - i) {
        if (context != NULL && merged >= AT_A_TIME) {
            if (qkv_work_pulse(context, 0))
                return false;
            merged = 0;
        }
        const double shift = weight * qkv_mean_difference(&to->running[i], &from->running[i]);
        const int64_t row = qkv_moment_place(to, i, i) - i;
        const int64_t others = qkv_moment_place(from, i, i) - i;
        for (int64_t j = i; j < d; j++)
            to->moments[row + j] =
                to->moments[row + j] + from->moments[others + j]
                + shift * qkv_mean_difference(&to->running[j], &from->running[j]);
    }
    return true;
}

static bool take_moments(qkvsim_context *context, qkvsim_accumulator *to,
                         const qkvsim_accumulator *from)
{
    return qkv_copy_watched(context, to->moments,
                            from->moments + qkv_moment_place(from, to->first_row, to->first_row),
                            (size_t)qkv_moment_count(to) * sizeof *to->moments);
}

bool qkv_accumulator_join(qkvsim_context *context, qkvsim_accumulator *to,
                          const qkvsim_accumulator *from)
{
    const int64_t d = to->features;
    const bool first = to->observations == 0;
    const double weight = first ? 0 : qkv_cross_weight(to->observations, from->observations);
    if (from->observations == 0)
        return true;
    if (!(first ? take_moments(context, to, from) : merge_moments(context, to, from, weight)))
        return false;
    if (first)
        memcpy(to->squares, from->squares, (size_t)d * sizeof *to->squares);
    else
        merge_squares(to, from, weight);
    qkv_merge_features(to->running, from->running, d, to->observations, from->observations);
    to->observations += from->observations;
    return true;
}

bool qkv_accumulator_ends_empty(const qkvsim_accumulator *accumulator)
{
    return accumulator->cancel_empties || accumulator->observations == 0;
}

void qkv_accumulator_empty(qkvsim_accumulator *accumulator)
{
    const size_t features = (size_t)accumulator->features;
    accumulator->observations = 0;
    memset(accumulator->running, 0, features * sizeof *accumulator->running);
    memset(accumulator->squares, 0, features * sizeof *accumulator->squares);
    memset(accumulator->moments, 0,
           (size_t)qkv_moment_count(accumulator) * sizeof *accumulator->moments);
}

/* The moments as they are, for a call that is cancelled half way. *whether says that it may be:
 * where there is no memory to keep them, the call goes to its end. False where it is cancelled by
 * now. */
static bool keep_moments(qkvsim_context *context, const qkvsim_accumulator *accumulator,
                         double **kept, bool *whether)
{
    const size_t count = (size_t)qkv_moment_count(accumulator);
    const bool empties = qkv_accumulator_ends_empty(accumulator);
    *kept = context->progress != NULL && !empties
                ? qkv_allocate(&accumulator->allocator, count, sizeof **kept)
                : NULL;
    *whether = empties || *kept != NULL;
    return *kept == NULL
           || qkv_copy_watched(context, *kept, accumulator->moments, count * sizeof **kept);
}

static void put_back(qkvsim_accumulator *accumulator, double **kept)
{
    double *const changed = accumulator->moments;
    if (*kept == NULL) {
        qkv_accumulator_empty(accumulator);
        return;
    }
    accumulator->moments = *kept;
    *kept = changed;
}

static qkvsim_status merge_plain(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                 const qkvsim_accumulator *other)
{
    double *kept;
    bool may_be_cancelled;
    bool done = keep_moments(context, accumulator, &kept, &may_be_cancelled);
    if (done) {
        done = qkv_accumulator_join(may_be_cancelled ? context : NULL, accumulator, other);
        if (!done)
            put_back(accumulator, &kept);
    }
    qkv_release(&accumulator->allocator, kept);
    return done ? QKVSIM_OK : qkv_cancelled(context);
}

qkvsim_status qkv_accumulator_check_writable(qkvsim_context *context,
                                             const qkvsim_accumulator *accumulator)
{
    return accumulator->borrowed ? qkv_invalid(
               context, "an accumulator whose moments are in place cannot be added to")
                                 : QKVSIM_OK;
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
    if (other->first_row > accumulator->first_row || other->end_row < accumulator->end_row)
        return qkv_invalid(context, "rows %lld to %lld cannot be taken from rows %lld to %lld",
                           (long long)accumulator->first_row, (long long)accumulator->end_row - 1,
                           (long long)other->first_row, (long long)other->end_row - 1);
    return qkv_accumulator_check_writable(context, accumulator);
}

qkvsim_status qkvsim_accumulator_merge(qkvsim_context *context, qkvsim_accumulator *accumulator,
                                       const qkvsim_accumulator *other)
{
    if (context == NULL)
        return QKVSIM_ERROR_INVALID_ARGUMENT;
    qkvsim_status status = check_merge(context, accumulator, other);
    if (status != QKVSIM_OK)
        return status;
    qkv_work_open(context);
    if (accumulator->blocks.most > 0)
        return qkv_stream_blocks_merge(context, accumulator, other);
    const qkvsim_accumulator *const both[] = { accumulator, other };
    status = qkv_accumulators_check(context, both, 2);
    return status == QKVSIM_OK ? merge_plain(context, accumulator, other) : status;
}

/* ---- results ---- */

void qkv_accumulator_describe(const qkvsim_accumulator *accumulator, qkv_panels *panels)
{
    const double n = (double)accumulator->observations;
    for (int64_t j = 0; j < accumulator->features; j++) {
        const qkv_running_feature *running = &accumulator->running[j];
        qkv_feature *feature = &panels->statistics[j];
        if (running->nonfinite) {
            *feature = (qkv_feature){
                .mean = NAN, .offset = NAN, .kind = QKV_UNDEFINED, .nonfinite = true
            };
            continue;
        }
        const double squares = running->constant ? 0 : accumulator->squares[j];
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
    if (qkv_accumulator_is_part(accumulator))
        return qkv_invalid(context,
                           "the accumulator has rows %lld to %lld of %lld: join it with the others",
                           (long long)accumulator->first_row, (long long)accumulator->end_row - 1,
                           (long long)accumulator->features);
    qkv_work_open(context);
    *input = (qkv_input){ .arithmetic = QKVSIM_DTYPE_F64,
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
        if (qkv_work_pulse(context, 0)
            || !qkv_accumulator_join(context, *joint, accumulator->blocks.block[k]))
            status = qkv_cancelled(context);
    if (status != QKVSIM_OK) {
        qkvsim_accumulator_free(*joint);
        *joint = NULL;
    }
    *whole = *joint;
    return status;
}
