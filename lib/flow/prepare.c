/*
 * Prepare: select, widen, centre, scale, pack. Threads take strips of columns.
 *
 * Every eight neighbouring observations are rotated into each other, by angles of their own. A
 * rotation of the observations leaves all products of columns as they are, but takes from the
 * summands what they have in common: the equal summands of two binary or sparse columns, or of all
 * rows but a massive one, are rounded the same way at each addition, and in single precision that
 * drift reaches 6e-6 (docs/numerics.md).
 */
#include "prepare.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "find_twins.h"
#include "load.h"
#include "ranks.h"

enum {
    STRIP_ROWS_MAX = 1024, /* of which a strip stays in the second-level cache */
    LAST_DIGITS = 3        /* by which a ratio may be raised */
};

/* ---- one strip: statistics, then unit columns ---- */

#define TEMPLATE "flow/strip_template.h"
#include "kernels/both_reals.h"

static bool column_is_finite(const qkv_strip *strip, int32_t arithmetic, int64_t j)
{
    return arithmetic == QKVSIM_DTYPE_F64 ? column_is_finite_f64(strip, j)
                                          : column_is_finite_f32(strip, j);
}

/* Zeroes a column that takes no part, so that its products are 0. */
static void clear_column(const qkv_strip *strip, int32_t arithmetic, int64_t j)
{
    if (arithmetic == QKVSIM_DTYPE_F64)
        clear_column_f64(strip, j);
    else
        clear_column_f32(strip, j);
}

/* Scales a float64 column by a power of two so that squares neither overflow nor vanish. */
static int scale_column(const qkv_strip *strip, int64_t j)
{
    double *values = (double *)strip->values + j;
    double largest = 0;
    for (int64_t r = 0; r < strip->count && !qkv_strip_ended_at(strip, r); r++)
        largest = fmax(largest, fabs(values[r * strip->leading]));
    int exponent;
    frexp(largest, &exponent);
    for (int64_t r = 0; r < strip->count && !qkv_strip_ended_at(strip, r); r++)
        values[r * strip->leading] = ldexp(values[r * strip->leading], -exponent);
    return exponent;
}

/* Whether squares can be trusted: they neither overflowed nor vanished. */
static bool squares_are_safe(double squares)
{
    return squares > 1e-200 && squares < 1e200;
}

/* Scaled by a power of two: a norm in range may have a square that is not, or be sqrt(n) times a
 * mean that is as large as can be. */
static void take_extreme_ratios(qkv_feature *feature, double mean, double centred_norm, double n)
{
    int exponent;
    frexp(fmax(fabs(mean), centred_norm), &exponent);
    const double offset_norm = sqrt(n) * ldexp(mean, -exponent);
    const double scaled_norm = ldexp(centred_norm, -exponent);
    const double norm = hypot(scaled_norm, offset_norm);
    feature->spread = scaled_norm / norm;
    feature->offset = offset_norm / norm;
}

void qkv_describe_feature(qkv_feature *feature, const double mean[2], double squares, double n,
                          int exponent)
{
    const double offset_norm = sqrt(n) * mean[0];
    const double centred_norm = sqrt(squares);
    const double energy = squares + offset_norm * offset_norm;
    feature->nonfinite = false;
    feature->mean = ldexp(mean[0], exponent);
    feature->mean_low = ldexp(mean[1], exponent);
    feature->centred_norm = ldexp(centred_norm, exponent);
    feature->kind = squares > 0 ? QKV_NORMAL : mean[0] != 0 ? QKV_CONSTANT : QKV_UNDEFINED;
    if (feature->kind == QKV_UNDEFINED) {
        feature->spread = 0;
        feature->offset = NAN;
    } else if (squares_are_safe(energy)) {
        feature->spread = centred_norm / sqrt(energy);
        feature->offset = offset_norm / sqrt(energy);
    } else {
        take_extreme_ratios(feature, mean[0], centred_norm, n);
    }
}

/* Describes a column whose sums came out non-finite or out of range: it has a NaN or an infinity,
 * or values that must be scaled before they are squared. Its columns in strip and scaling are
 * replaced. */
static void describe_extreme(const qkv_real_kernels *kernels, const qkv_strip *strip,
                             int32_t arithmetic, int64_t j, qkv_scaling *scaling,
                             qkv_feature *feature)
{
    if (!column_is_finite(strip, arithmetic, j)) {
        *feature =
            (qkv_feature){ .kind = QKV_UNDEFINED, .offset = NAN, .mean = NAN, .nonfinite = true };
        clear_column(strip, arithmetic, j);
        scaling->mean_high[j] = scaling->mean_low[j] = scaling->inverse_norm[j] = 0;
        return;
    }
    const int exponent = arithmetic == QKVSIM_DTYPE_F64 ? scale_column(strip, j) : 0;
    const qkv_strip column = { .values =
                                   (char *)strip->values + (size_t)j * qkv_real_size(arithmetic),
                               .leading = strip->leading,
                               .count = strip->count,
                               .width = 1,
                               .watch = strip->watch };
    qkv_scaling own;
    double squares[QKV_STRIP_WIDTH];
    kernels->measure(&column, &own, squares);
    const double mean[2] = { own.mean_high[0], own.mean_low[0] };
    qkv_describe_feature(feature, mean, squares[0], (double)strip->count, exponent);
    scaling->mean_high[j] = own.mean_high[0];
    scaling->mean_low[j] = own.mean_low[0];
    scaling->inverse_norm[j] = squares[0] > 0 ? 1 / sqrt(squares[0]) : 0;
}

/* Describes a column that does not vary, or whose squares left the range. A float column's never
 * do, so that their sum is 0 only for equal values. */
static void describe_special(const qkv_real_kernels *kernels, const qkv_strip *strip,
                             int32_t arithmetic, int64_t j, double squares, qkv_scaling *scaling,
                             qkv_feature *feature)
{
    if (squares != 0 || arithmetic == QKVSIM_DTYPE_F64) {
        describe_extreme(kernels, strip, arithmetic, j, scaling, feature);
        return;
    }
    const double mean[2] = { scaling->mean_high[j], 0 };
    qkv_describe_feature(feature, mean, 0, (double)strip->count, 0);
    scaling->inverse_norm[j] = 0;
}

/* Of no account where the call is cancelled on the way. */
static void prepare_strip(const qkvsim_context *context, const qkv_strip *strip, int32_t arithmetic,
                          const qkv_strip *to, qkv_feature *features)
{
    const qkv_real_kernels *kernels = qkv_kernels_of(context, arithmetic);
    qkv_scaling scaling = { .inverse_norm = { 0 } };
    qkv_column_norms norms;
    double squares[QKV_STRIP_WIDTH] = { 0 };
    kernels->measure(strip, &scaling, squares);
    context->kernels->take_norms(&scaling, squares, (double)strip->count, &norms);
    for (int64_t j = 0; j < strip->width; j++) {
        if (squares_are_safe(squares[j]))
            features[j] = (qkv_feature){ .mean = norms.mean[j],
                                         .mean_low = norms.mean_low[j],
                                         .centred_norm = norms.centred_norm[j],
                                         .spread = norms.spread[j],
                                         .offset = norms.offset[j],
                                         .kind = QKV_NORMAL };
        else
            describe_special(kernels, strip, arithmetic, j, squares[j], &scaling, &features[j]);
    }
    kernels->normalise(strip, &scaling, to);
}

/* ---- all strips ---- */

typedef struct preparation {
    qkvsim_context *context;
    const qkv_input *input;
    qkv_panels *panels;
    char *loaded;  /* a strip of each worker; NULL: columns are loaded into the panels */
    char *scratch; /* of the workers, to rank with; NULL where nothing is ranked */
    int64_t strips_in_panel;
    qkv_task_runs strips;
    atomic_bool special;
} preparation;

static size_t strip_bytes(const qkv_panels *panels)
{
    return (size_t)(QKV_STRIP_WIDTH * panels->observations) * qkv_real_size(panels->arithmetic);
}

/* Where a strip's columns are loaded and measured: not in the panel, whose cache lines other
 * processors read last. Each has to be fetched back from them before it is written, so that it is
 * written once. */
static qkv_strip strip_to_load(const preparation *work, int32_t worker, const qkv_strip *strip)
{
    qkv_strip loaded = *strip;
    if (work->loaded != NULL) {
        loaded.values = work->loaded + (size_t)worker * strip_bytes(work->panels);
        loaded.leading = QKV_STRIP_WIDTH;
    }
    return loaded;
}

static void store_ratios(qkv_panels *panels, int64_t position, const qkv_feature *feature)
{
    const bool undefined = feature->kind == QKV_UNDEFINED;
    const double s = undefined ? 1 : feature->spread, o = undefined ? 0 : feature->offset;
    if (panels->arithmetic == QKVSIM_DTYPE_F64)
        store_ratio_f64((double *)panels->spread + position, (double *)panels->offset + position, s,
                        o);
    else
        store_ratio_f32((float *)panels->spread + position, (float *)panels->offset + position, s,
                        o);
}

/* Zeroes what pads a panel's rows. */
static void clear_padding(const qkv_panels *panels, int64_t p, const qkv_watch *watch)
{
    const int64_t width = qkv_panel_width(panels, p), columns = qkv_panel_columns(panels, p);
    const qkv_strip strip = { .values = qkv_panel_row(panels, p, 0),
                              .leading = qkv_panel_stride(panels, p),
                              .count = panels->observations,
                              .width = width,
                              .watch = watch };
    for (int64_t j = width; j < columns; j++)
        clear_column(&strip, panels->arithmetic, j);
}

static void store_features(preparation *work, int64_t position, int64_t width,
                           qkv_feature *features)
{
    qkv_panels *panels = work->panels;
    for (int64_t j = 0; j < width; j++) {
        const int64_t column = panels->order[position + j];
        if (work->input->kinds != NULL && features[j].kind < work->input->kinds[column])
            features[j].kind = work->input->kinds[column];
        if (features[j].kind != QKV_NORMAL)
            atomic_store(&work->special, true);
        panels->statistics[column] = features[j];
        store_ratios(panels, position + j, &features[j]);
    }
}

/* A strip's columns, from this position of the order on. */
static void prepare_columns(preparation *work, int32_t worker, int64_t position,
                            const qkv_strip *strip)
{
    const qkv_panels *panels = work->panels;
    const qkv_strip loaded = strip_to_load(work, worker, strip);
    qkv_feature features[QKV_STRIP_WIDTH];
    qkv_load_columns(work->context, work->input, worker, panels->order + position, &loaded);
    if (work->scratch != NULL && !qkv_work_pulse(work->context, worker))
        qkv_rank_strip(work->context, worker, &loaded, panels->arithmetic,
                       work->scratch
                           + (size_t)worker * qkv_rank_scratch(strip->count, panels->arithmetic));
    if (qkv_work_pulse(work->context, worker))
        return;
    prepare_strip(work->context, &loaded, panels->arithmetic, strip, features);
    if (!qkv_work_is_cancelled(work->context))
        store_features(work, position, strip->width, features);
}

/* Who asks on the way through a long strip. */
typedef struct asker {
    qkvsim_context *context;
    int32_t worker;
} asker;

static bool is_cancelled(void *user)
{
    const asker *of = user;
    return qkv_work_pulse(of->context, of->worker);
}

static void prepare_one(preparation *work, int32_t worker, int64_t task)
{
    const qkv_panels *panels = work->panels;
    const int64_t p = task / work->strips_in_panel;
    const int64_t start = task % work->strips_in_panel * QKV_STRIP_WIDTH;
    const int64_t rest = qkv_panel_width(panels, p) - start;
    if (rest <= 0)
        return;
    asker of = { work->context, worker };
    const qkv_watch watch = { is_cancelled, &of };
    const qkv_watch *const watched = panels->observations > QKV_WATCHED_ROWS ? &watch : NULL;
    if (rest <= QKV_STRIP_WIDTH)
        clear_padding(panels, p, watched);
    const qkv_strip strip = {
        .values =
            (char *)qkv_panel_row(panels, p, 0) + (size_t)start * qkv_real_size(panels->arithmetic),
        .leading = qkv_panel_stride(panels, p),
        .count = panels->observations,
        .width = qkv_smaller(rest, QKV_STRIP_WIDTH),
        .watch = watched,
    };
    prepare_columns(work, worker, panels->start[p] + start, &strip);
}

static void prepare_worker(void *state, int32_t worker)
{
    preparation *work = state;
    for (int64_t task; !qkv_work_pulse(work->context, worker)
                       && (task = qkv_next_task_of(&work->strips, worker)) >= 0;)
        prepare_one(work, worker, task);
}

/* The first non-finite element, by row and then by column. */
static qkvsim_status report_nonfinite(qkvsim_context *context, const qkv_input *input,
                                      const qkv_panels *panels)
{
    for (int64_t k = 0; k < input->observations; k++) {
        const int64_t row = qkv_input_row(input, k);
        if (qkv_work_pulse(context, 0))
            return qkv_cancelled(context);
        for (int64_t j = 0; j < input->features; j++) {
            if (!panels->statistics[j].nonfinite || qkv_input_is_finite(input, row, j))
                continue;
            const qkv_part *part = qkv_input_part(input, j);
            return qkv_fail(
                context, QKVSIM_ERROR_NONFINITE,
                "NaN or infinity in part %d, row %lld, column %lld: mend it, or ask for "
                "QKVSIM_NONFINITE_DROP_OBSERVATION or UNDEFINED_FEATURE",
                (int)(part - input->parts), (long long)row, (long long)j);
        }
    }
    return qkv_fail(
        context, QKVSIM_ERROR_NONFINITE,
        "the input changed while it was read: a NaN or an infinity that was in it is gone");
}

static qkvsim_status borrow_scratch(qkvsim_context *context, int32_t workers, preparation *work)
{
    const qkv_panels *panels = work->panels;
    const bool apart = panels->observations <= STRIP_ROWS_MAX, ranked = work->input->ranked;
    if (apart)
        work->loaded =
            qkv_borrow(context, QKV_WORKSPACE_STRIPS, (size_t)workers, strip_bytes(panels));
    if (ranked)
        work->scratch = qkv_borrow(context, QKV_WORKSPACE_RANKS, (size_t)workers,
                                   qkv_rank_scratch(panels->observations, panels->arithmetic));
    return (apart && work->loaded == NULL) || (ranked && work->scratch == NULL)
               ? qkv_no_memory(context, "the columns to prepare")
               : QKVSIM_OK;
}

static qkvsim_status prepare_all(qkvsim_context *context, const qkv_input *input,
                                 qkv_panels *panels)
{
    preparation work = { .context = context, .input = input, .panels = panels };
    work.strips_in_panel = (panels->width + QKV_STRIP_WIDTH - 1) / QKV_STRIP_WIDTH;
    const int64_t strips = panels->count * work.strips_in_panel;
    const double cost = input->ranked ? 40 : 8;
    const double operations = cost * (double)panels->observations * (double)panels->placed;
    const int32_t workers = qkv_worker_count(context, strips, operations);
    const qkvsim_status status = borrow_scratch(context, workers, &work);
    if (status != QKVSIM_OK)
        return status;
    qkv_task_runs_begin(&work.strips, strips, workers);
    qkv_parallel(context, workers, prepare_worker, &work);
    if (qkv_work_is_cancelled(context))
        return qkv_cancelled(context);
    panels->special = atomic_load(&work.special);
    if (!panels->special || input->nonfinite == QKVSIM_NONFINITE_UNDEFINED_FEATURE)
        return QKVSIM_OK;
    for (int64_t position = 0; position < panels->placed; position++)
        if (panels->statistics[panels->order[position]].nonfinite)
            return report_nonfinite(context, input, panels);
    return QKVSIM_OK;
}

/* Sorts each group's features by kind, stably from the initial order, so that an input before this
 * one does not show; true where that moves any. */
static bool order_by_kind(qkv_panels *panels, const int32_t *group_of, int64_t *scratch)
{
    const int64_t *initial = panels->initial;
    bool moved = false;
    panels->reordered = false;
    for (int64_t start = 0, end; start < panels->placed; start = end) {
        const int32_t group = group_of[initial[start]];
        int64_t sorted = start;
        for (end = start; end < panels->placed && group_of[initial[end]] == group;)
            end++;
        for (int kind = QKV_NORMAL; kind <= QKV_UNDEFINED; kind++)
            for (int64_t k = start; k < end; k++)
                if (panels->statistics[initial[k]].kind == kind)
                    scratch[sorted++] = initial[k];
    }
    for (int64_t k = 0; k < panels->placed; k++) {
        moved |= scratch[k] != panels->order[k];
        panels->reordered |= scratch[k] != initial[k];
        panels->order[k] = scratch[k];
    }
    return moved;
}

/* Orders where there is anything to order; *moved says whether a feature changed its place. */
static qkvsim_status settle_order(qkvsim_context *context, const int32_t *group_of,
                                  qkv_panels *panels, bool *moved)
{
    *moved = false;
    if (group_of == NULL || !(panels->special || panels->reordered))
        return QKVSIM_OK;
    int64_t *scratch = qkv_allocate(&context->allocator, (size_t)panels->placed, sizeof *scratch);
    if (scratch == NULL)
        return qkv_no_memory(context, "the order of the features");
    *moved = order_by_kind(panels, group_of, scratch);
    qkv_release(&context->allocator, scratch);
    return QKVSIM_OK;
}

/* Constant columns are rare: only where some are found out of place is the work done twice. */
static qkvsim_status prepare_in_order(qkvsim_context *context, const qkv_input *input,
                                      const int32_t *group_of, qkv_panels *panels)
{
    bool moved = false;
    qkvsim_status status = prepare_all(context, input, panels);
    if (status == QKVSIM_OK)
        status = settle_order(context, group_of, panels, &moved);
    if (status != QKVSIM_OK || !moved)
        return status;
    status = prepare_all(context, input, panels);
    if (status == QKVSIM_OK)
        status = settle_order(context, group_of, panels, &moved);
    return status == QKVSIM_OK && moved ? qkv_input_changed(context, "the input") : status;
}

qkvsim_status qkv_prepare(qkvsim_context *context, const qkv_input *input, const int32_t *group_of,
                          qkv_panels *panels)
{
    const qkvsim_status status = prepare_in_order(context, input, group_of, panels);
    return status == QKVSIM_OK ? qkv_find_twins(context, panels) : status;
}

qkvsim_status qkv_panels_order(qkvsim_context *context, const int32_t *group_of, qkv_panels *panels)
{
    bool moved;
    panels->special = false;
    for (int64_t k = 0; k < panels->placed; k++)
        panels->special |= panels->statistics[panels->order[k]].kind != QKV_NORMAL;
    const qkvsim_status status = settle_order(context, group_of, panels, &moved);
    for (int64_t position = 0; position < panels->placed; position++)
        store_ratios(panels, position, &panels->statistics[panels->order[position]]);
    return status;
}
