/*
 * Permutations of an input, one function for each scheme. None is ever written out: prepare reads
 * columns, and a column is shuffled, rotated or gathered when it is read. Only the schemes that
 * exchange values between columns need a step before (dealer.h). Which thread reads what does not
 * show.
 */
#include "permuter.h"

#include <string.h>

#include "base/parallel.h"
#include "base/transpose.h"
#include "flow/load.h"
#include "layout/layout.h"
#include "random.h"
#include "shuffle.h"

enum {
    COLUMNS_TOGETHER = 16,
    VALUES_TOGETHER = 1 << 17,
    COLUMN_PADDING = 16 /* columns a power of two apart would share a set of the cache */
};

static qkv_random stream_of(const qkv_permuter *permuter, uint32_t purpose, int64_t item)
{
    return qkv_random_stream(permuter->seed, permuter->index, purpose, (uint32_t)item);
}

/* ---- one item: a feature or a group ---- */

/* Of the number of a permutation, the digit that is an item's: the first stays as it is. */
static uint64_t number_of_item(const qkv_permuter *permuter, int64_t item)
{
    uint64_t rest = permuter->index, digit = 0;
    for (int64_t k = 0; k < item; k++)
        digit = rest > 0 ? qkv_take_digit(&rest, permuter->item_count) : 0;
    return digit;
}

static void rotate_item(const qkv_permuter *permuter, uint32_t purpose, int64_t item,
                        const void *from, void *to)
{
    if (permuter->enumerated)
        qkv_rotate_numbered(from, permuter->size, &permuter->segments, NULL,
                            number_of_item(permuter, item), to);
    else
        qkv_rotate(from, permuter->size, &permuter->segments, stream_of(permuter, purpose, item),
                   to);
}

/* True where orders are of single observations at random, which are made fast. */
static bool shuffles(const qkv_permuter *permuter)
{
    return !permuter->enumerated && permuter->exchange != QKVSIM_EXCHANGE_SEGMENTS;
}

/* A reader's own memory: an order of the rows; behind it two of units. */
static uint32_t *drawing_of(const qkv_permuter *permuter, int32_t reader)
{
    return permuter->drawing + reader * (permuter->rows + 2 * permuter->units.units.count);
}

static void shuffle_rows(const qkv_permuter *permuter, uint32_t purpose, int64_t item,
                         uint32_t *order)
{
    const qkv_stream stream =
        qkv_stream_of(permuter->seed, permuter->index, purpose, (uint32_t)item);
    for (int64_t r = 0; r < permuter->rows; r++)
        order[r] = (uint32_t)r;
    qkv_shuffle(permuter->kernels, &stream, order, permuter->rows, sizeof *order);
}

/* The order of an item's units, and so of its rows. */
static void order_units(const qkv_permuter *permuter, int32_t reader, uint32_t purpose,
                        int64_t item, uint32_t *order)
{
    const qkv_exchange *units = &permuter->units;
    uint32_t *from = drawing_of(permuter, reader) + permuter->rows;
    if (permuter->enumerated)
        qkv_exchange_numbered(units, number_of_item(permuter, item), from + units->units.count,
                              from);
    else
        qkv_exchange_draw(units, stream_of(permuter, purpose, item), from);
    for (int64_t u = 0; u < units->units.count; u++) {
        const int64_t start = units->units.start[u], from_start = units->units.start[from[u]];
        for (int64_t k = 0; start + k < units->units.start[u + 1]; k++)
            order[start + k] = (uint32_t)(from_start + k);
    }
}

/* ---- one column ---- */

static void shuffle_column(const qkv_permuter *permuter, int64_t column, const void *from, void *to)
{
    const qkv_stream stream =
        qkv_stream_of(permuter->seed, permuter->index, QKV_RANDOM_FEATURE, (uint32_t)column);
    memcpy(to, from, (size_t)permuter->rows * permuter->size);
    qkv_shuffle(permuter->kernels, &stream, to, permuter->rows, permuter->size);
}

static void order_rows(const qkv_permuter *permuter, const uint32_t *order, const void *from,
                       void *to)
{
    const int64_t n = permuter->rows;
    if (permuter->size == sizeof(uint32_t))
        for (int64_t r = 0; r < n; r++)
            ((uint32_t *)to)[r] = ((const uint32_t *)from)[order[r]];
    else
        for (int64_t r = 0; r < n; r++)
            ((uint64_t *)to)[r] = ((const uint64_t *)from)[order[r]];
}

/* The order of a column's rows. */
static const uint32_t *order_of(const qkv_permuter *permuter, int32_t reader, int64_t column)
{
    if (permuter->scheme == QKVSIM_SCHEME_OBSERVATIONS)
        return permuter->orders + qkv_group_of(permuter, column) * permuter->rows;
    uint32_t *order = drawing_of(permuter, reader);
    if (shuffles(permuter))
        shuffle_rows(permuter, QKV_RANDOM_FEATURE, column, order);
    else
        order_units(permuter, reader, QKV_RANDOM_FEATURE_SEGMENTS, column, order);
    return order;
}

/* A column whose residuals move. */
static void move_column(const qkv_permuter *permuter, int32_t reader, int64_t column,
                        const void *from, void *to)
{
    const bool flips = permuter->scheme == QKVSIM_SCHEME_FLIP;
    const qkv_move move = {
        .order = flips ? NULL : order_of(permuter, reader, column),
        .signs = flips ? permuter->signs + qkv_group_of(permuter, column) * permuter->rows : NULL
    };
    qkv_residuals_move(&permuter->residuals, reader, column, &move, permuter->arithmetic, from, to);
}

static void make_column(const qkv_permuter *permuter, int32_t reader, int64_t column, void *to)
{
    const size_t start = (size_t)(column * permuter->rows);
    const void *from = (const char *)permuter->values + start * permuter->size;
    if (permuter->observed
        || (permuter->residuals.basis != NULL && permuter->residuals.fits[column].norm == 0))
        memcpy(to, from, (size_t)permuter->rows * permuter->size);
    else if (permuter->residuals.basis != NULL)
        move_column(permuter, reader, column, from, to);
    else if (permuter->scheme == QKVSIM_SCHEME_SHIFT)
        rotate_item(permuter, QKV_RANDOM_FEATURE_LAGS, column, from, to);
    else if (permuter->scheme == QKVSIM_SCHEME_OBSERVATIONS_SHIFT)
        rotate_item(permuter, QKV_RANDOM_ROWS_LAGS, qkv_group_of(permuter, column), from, to);
    else if (permuter->scheme == QKVSIM_SCHEME_FEATURE && shuffles(permuter))
        shuffle_column(permuter, column, from, to);
    else
        order_rows(permuter, order_of(permuter, reader, column), from, to);
}

/* Makes columns one by one, a few together, and turns these into rows. */
static void load_columns(const qkv_permuter *permuter, int32_t reader, const int64_t *columns,
                         const qkv_strip *strip)
{
    const size_t column_size = (size_t)permuter->apart * permuter->size;
    char *made = (char *)permuter->scratch + (size_t)(reader * permuter->together) * column_size;
    for (int64_t start = 0; start < strip->width; start += permuter->together) {
        const int64_t rest = strip->width - start;
        const int64_t count = qkv_smaller(rest, permuter->together);
        for (int64_t k = 0; k < count; k++)
            make_column(permuter, reader, columns[start + k], made + (size_t)k * column_size);
        qkv_transpose(made, permuter->apart, count, permuter->rows, permuter->size,
                      (char *)strip->values + (size_t)start * permuter->size, strip->leading);
    }
}

/* What prepare reads in place of the parts. */
static void load_permuted(const qkv_column_source *source, int32_t reader, const int64_t *columns,
                          const qkv_strip *strip)
{
    const qkv_permuter *permuter = (const qkv_permuter *)(const void *)source;
    if (qkv_deals(permuter->scheme))
        qkv_load_bands(&permuter->bands, reader, columns, strip);
    else
        load_columns(permuter, reader, columns, strip);
}

/* ---- a permutation ---- */

typedef struct ordering {
    qkvsim_context *context;
    const qkv_permuter *permuter;
    atomic_llong next;
} ordering;

/* A group's sign of each unit. By number, the bits are those of one group after another, but for
 * the first: where all signs are the other way round no similarity tells. */
static void draw_signs(const qkv_permuter *permuter, int64_t group, int8_t *signs)
{
    const qkv_segments *units = &permuter->units.units;
    qkv_random stream = stream_of(permuter, QKV_RANDOM_SIGNS, group);
    uint32_t word = 0;
    for (int64_t u = 0; u < units->count; u++) {
        const int64_t bit = group * units->count + u - 1;
        word = u % 32 == 0 ? qkv_random_next(&stream) : word >> 1;
        const bool drawn = (word & 1) != 0;
        const bool numbered = bit >= 0 && bit < 32 && (permuter->index >> bit & 1) != 0;
        memset(signs + units->start[u], (permuter->enumerated ? numbered : drawn) ? -1 : 1,
               (size_t)(units->start[u + 1] - units->start[u]));
    }
}

static void group_worker(void *state, int32_t worker)
{
    ordering *work = state;
    const qkv_permuter *permuter = work->permuter;
    const int64_t n = permuter->rows;
    for (int64_t g; !qkv_work_pulse(work->context, worker)
                    && (g = qkv_next_task(&work->next, permuter->layout->groups)) >= 0;) {
        if (permuter->scheme == QKVSIM_SCHEME_FLIP)
            draw_signs(permuter, g, permuter->signs + g * n);
        else if (shuffles(permuter))
            shuffle_rows(permuter, QKV_RANDOM_ROWS, g, permuter->orders + g * n);
        else
            order_units(permuter, worker, QKV_RANDOM_ROWS_SEGMENTS, g, permuter->orders + g * n);
    }
}

static qkvsim_status permute(qkvsim_context *context, qkv_permuter *permuter)
{
    permuter->observed = false;
    if (qkv_deals(permuter->scheme))
        return qkv_dealer_deal(context, &permuter->bands.dealer, permuter->values, permuter->seed,
                               permuter->index);
    if (permuter->scheme == QKVSIM_SCHEME_OBSERVATIONS || permuter->scheme == QKVSIM_SCHEME_FLIP) {
        ordering work = { .context = context, .permuter = permuter };
        const int32_t groups = permuter->layout->groups;
        const double operations = 4.0 * (double)groups * (double)permuter->rows;
        qkv_parallel(context, qkv_worker_count(context, groups, operations), group_worker, &work);
    }
    return qkv_work_is_cancelled(context) ? qkv_cancelled(context) : QKVSIM_OK;
}

qkvsim_status qkv_permute_values(qkvsim_context *context, qkv_permuter *permuter, uint64_t seed,
                                 uint32_t index)
{
    permuter->seed = seed;
    permuter->index = index;
    permuter->enumerated = false;
    return permute(context, permuter);
}

void qkv_permute_nothing(qkv_permuter *permuter)
{
    permuter->observed = true;
}

qkvsim_status qkv_permute_numbered(qkvsim_context *context, qkv_permuter *permuter, uint32_t number)
{
    permuter->index = number;
    permuter->enumerated = true;
    return permute(context, permuter);
}

qkv_input qkv_permuter_output(const qkv_permuter *permuter, const qkv_input *like)
{
    qkv_input output = *like;
    output.source = &permuter->source;
    return output;
}

/* ---- life ---- */

static qkvsim_status open_lags(qkvsim_context *context, const qkv_input *input,
                               const int32_t *segments, qkv_permuter *permuter)
{
    const qkvsim_status status = qkv_segments_open(context, segments, input, &permuter->segments);
    permuter->item_count = 1;
    for (int64_t s = 0; status == QKVSIM_OK && s < permuter->segments.count; s++)
        permuter->item_count *=
            (double)(permuter->segments.start[s + 1] - permuter->segments.start[s]);
    return status;
}

/* Segments must be able to move: to change places, or by two signs. */
static qkvsim_status check_segments(qkvsim_context *context, const qkv_permuter *permuter)
{
    if (permuter->exchange != QKVSIM_EXCHANGE_SEGMENTS)
        return QKVSIM_OK;
    if (permuter->scheme != QKVSIM_SCHEME_FLIP)
        return qkv_exchange_check(context, &permuter->units, "permutation");
    return permuter->units.units.count > 1
               ? QKVSIM_OK
               : qkv_invalid(context,
                             "1 segment of %lld observations: flipped as a whole it leaves 2 "
                             "permutations of a pair group",
                             (long long)permuter->rows);
}

/* What moves whole groups has a row of orders or of signs for each. */
static qkvsim_status open_groups(qkvsim_context *context, qkv_permuter *permuter)
{
    const qkv_allocator *allocator = &context->allocator;
    const size_t groups = (size_t)permuter->layout->groups, rows = (size_t)permuter->rows;
    if (permuter->scheme == QKVSIM_SCHEME_FLIP)
        permuter->signs = qkv_allocate(allocator, groups, rows);
    else
        permuter->orders = qkv_allocate(allocator, groups, rows * sizeof *permuter->orders);
    return permuter->signs != NULL || permuter->orders != NULL
               ? QKVSIM_OK
               : qkv_no_memory(context, "the orders of the observations");
}

static qkvsim_status open_orders(qkvsim_context *context, const qkv_input *input,
                                 const int32_t *segments, qkv_permuter *permuter)
{
    qkvsim_status status =
        qkv_exchange_open(context, segments, input, permuter->exchange, &permuter->units);
    if (status == QKVSIM_OK)
        status = check_segments(context, permuter);
    if (status != QKVSIM_OK)
        return status;
    permuter->item_count = permuter->units.count;
    const int64_t drawn = permuter->rows + 2 * permuter->units.units.count;
    permuter->drawing = qkv_allocate(&context->allocator, (size_t)context->threads,
                                     (size_t)drawn * sizeof *permuter->drawing);
    if (permuter->drawing == NULL)
        return qkv_no_memory(context, "the orders of the observations");
    return qkv_moves_groups(permuter->scheme) ? open_groups(context, permuter) : QKVSIM_OK;
}

static qkvsim_status open_scheme(qkvsim_context *context, const qkv_input *input,
                                 const int32_t *segments, qkv_permuter *permuter)
{
    const int32_t scheme = permuter->scheme;
    if (qkv_deals(scheme))
        return qkv_bands_open(context, permuter->rows, permuter->columns, permuter->size,
                              scheme == QKVSIM_SCHEME_GROUP ? permuter->layout : NULL,
                              &permuter->bands);
    return qkv_rotates(scheme) ? open_lags(context, input, segments, permuter)
                               : open_orders(context, input, segments, permuter);
}

typedef struct loading {
    qkvsim_context *context;
    const qkv_input *input;
    const qkv_permuter *permuter;
    atomic_llong next;
} loading;

static void load_worker(void *state, int32_t worker)
{
    loading *work = state;
    const qkv_permuter *permuter = work->permuter;
    for (int64_t j; !qkv_work_pulse(work->context, worker)
                    && (j = qkv_next_task(&work->next, permuter->columns)) >= 0;) {
        const int64_t place = qkv_deals(permuter->scheme) ? qkv_place_of(&permuter->bands, j) : j;
        const size_t start = (size_t)(place * permuter->rows);
        const qkv_strip column = { .values = (char *)permuter->values + start * permuter->size,
                                   .leading = 1,
                                   .count = permuter->rows,
                                   .width = 1 };
        qkv_load_columns(work->context, work->input, worker, &j, &column);
    }
}

static qkvsim_status open_values(qkvsim_context *context, const qkv_input *input,
                                 qkv_permuter *permuter)
{
    const size_t count = (size_t)permuter->rows * (size_t)permuter->columns;
    permuter->values = qkv_allocate(&context->allocator, count, permuter->size);
    if (permuter->values == NULL)
        return qkv_no_memory(context, "the permuted values");
    loading work = { .context = context, .input = input, .permuter = permuter };
    qkv_parallel(context,
                 qkv_worker_count(context, permuter->columns,
                                  4.0 * (double)permuter->rows * (double)permuter->columns),
                 load_worker, &work);
    return qkv_work_is_cancelled(context) ? qkv_cancelled(context) : QKVSIM_OK;
}

/* Room for the columns that each reader makes together; bands need none. */
static qkvsim_status open_scratch(qkvsim_context *context, qkv_permuter *permuter)
{
    if (qkv_deals(permuter->scheme))
        return QKVSIM_OK;
    const int64_t together = qkv_smaller(VALUES_TOGETHER / permuter->rows, COLUMNS_TOGETHER);
    permuter->together = qkv_larger(together, 1);
    permuter->apart = permuter->rows + COLUMN_PADDING;
    permuter->scratch =
        qkv_allocate(&context->allocator, (size_t)(context->threads * permuter->together),
                     (size_t)permuter->apart * permuter->size);
    return permuter->scratch != NULL ? QKVSIM_OK : qkv_no_memory(context, "the permuted values");
}

static qkvsim_status open_residuals(qkvsim_context *context, const qkv_input *input,
                                    const qkvsim_view *covariates, qkv_permuter *permuter)
{
    const qkvsim_status status =
        qkv_residuals_open(context, input, covariates, &permuter->residuals);
    return status == QKVSIM_OK ? qkv_residuals_fit(context, &permuter->residuals, permuter->values,
                                                   permuter->columns, permuter->arithmetic)
                               : status;
}

qkvsim_status qkv_permuter_open(qkvsim_context *context, const qkv_input *input,
                                const qkv_permuter_options *options, qkv_permuter *permuter)
{
    qkvsim_status status = qkv_check_permuter_options(context, input, options);
    if (status != QKVSIM_OK)
        return status;
    *permuter = (qkv_permuter){ .source = { load_permuted },
                                .kernels = context->kernels,
                                .layout = options->layout,
                                .scheme = options->scheme,
                                .exchange = options->exchange,
                                .arithmetic = input->arithmetic,
                                .size = qkv_real_size(input->arithmetic),
                                .rows = input->observations,
                                .columns = input->features };
    status = open_scheme(context, input, input->segments, permuter);
    if (status == QKVSIM_OK)
        status = open_values(context, input, permuter);
    if (status == QKVSIM_OK
        && (options->covariates != NULL || options->scheme == QKVSIM_SCHEME_FLIP))
        status = open_residuals(context, input, options->covariates, permuter);
    if (status == QKVSIM_OK)
        status = open_scratch(context, permuter);
    if (status != QKVSIM_OK)
        qkv_permuter_close(context, permuter);
    return status;
}

void qkv_permuter_close(const qkvsim_context *context, qkv_permuter *permuter)
{
    const qkv_allocator *allocator = &context->allocator;
    qkv_release(allocator, permuter->values);
    qkv_release(allocator, permuter->orders);
    qkv_release(allocator, permuter->drawing);
    qkv_release(allocator, permuter->signs);
    qkv_release(allocator, permuter->scratch);
    qkv_bands_close(context, &permuter->bands);
    qkv_segments_close(context, &permuter->segments);
    qkv_exchange_close(context, &permuter->units);
    qkv_residuals_close(context, &permuter->residuals);
    *permuter = (qkv_permuter){ 0 };
}
