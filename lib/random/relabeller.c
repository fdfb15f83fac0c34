/* Labels rotated, dealt anew to observations or to segments, or exchanged between segments. */
#include "relabeller.h"

#include <string.h>

/* ---- life ---- */

static qkvsim_status check_options(qkvsim_context *context, const qkv_relabeller_options *options)
{
    if (options->relabel != QKVSIM_RELABEL_LABELS && options->relabel != QKVSIM_RELABEL_SHIFT)
        return qkv_unknown(context, options->relabel, QKVSIM_RELABEL_SHIFT,
                           "relabel is %d, expected QKVSIM_RELABEL_LABELS (1) or SHIFT (2)",
                           (int)options->relabel);
    if (options->exchange < 0 || options->exchange > QKVSIM_EXCHANGE_SEGMENTS)
        return qkv_unknown(context, options->exchange, QKVSIM_EXCHANGE_SEGMENTS,
                           "exchange is %d, expected 0, QKVSIM_EXCHANGE_OBSERVATIONS (1) or "
                           "SEGMENTS (2)",
                           (int)options->exchange);
    if (options->exchange == QKVSIM_EXCHANGE_SEGMENTS && options->relabel == QKVSIM_RELABEL_SHIFT)
        return qkv_invalid(context, "QKVSIM_RELABEL_SHIFT (2) rotates labels inside segments: "
                                    "exchange is QKVSIM_EXCHANGE_SEGMENTS (2), which moves them "
                                    "between segments");
    return QKVSIM_OK;
}

/* The least lag that leaves labels as they are: it divides their number. */
static int64_t period_of(const uint8_t *labels, int64_t n)
{
    for (int64_t period = 1; period < n; period++)
        if (n % period == 0 && memcmp(labels, labels + period, (size_t)(n - period)) == 0)
            return period;
    return n;
}

static qkvsim_status open_lags(qkvsim_context *context, const qkv_input *input,
                               const int32_t *segments, qkv_relabeller *relabeller)
{
    const qkvsim_status status = qkv_segments_open(context, segments, input, &relabeller->segments);
    if (status != QKVSIM_OK)
        return status;
    const int64_t *start = relabeller->segments.start;
    const int64_t count = relabeller->segments.count;
    relabeller->periods =
        qkv_allocate(&context->allocator, (size_t)count, sizeof *relabeller->periods);
    if (relabeller->periods == NULL)
        return qkv_no_memory(context, "the lags of the labels");
    for (int64_t s = 0; s < count; s++) {
        relabeller->periods[s] = period_of(relabeller->labels + start[s], start[s + 1] - start[s]);
        relabeller->count *= (double)relabeller->periods[s];
    }
    return QKVSIM_OK;
}

static qkvsim_status open_units(qkvsim_context *context, const qkv_input *input,
                                const qkv_relabeller_options *options, qkv_relabeller *relabeller)
{
    qkv_exchange *units = &relabeller->units;
    qkvsim_status status =
        qkv_exchange_open(context, options->segments, input, options->exchange, units);
    if (status != QKVSIM_OK)
        return status;
    qkv_exchange_by_labels(units, relabeller->labels);
    relabeller->count = units->count;
    if (!relabeller->dealt_one_by_one)
        status = qkv_exchange_check(context, units, "relabelling");
    const size_t count = (size_t)units->units.count;
    relabeller->from = qkv_allocate(&context->allocator, count, sizeof *relabeller->from);
    relabeller->left = qkv_allocate(&context->allocator, count, sizeof *relabeller->left);
    if (status == QKVSIM_OK && (relabeller->from == NULL || relabeller->left == NULL))
        status = qkv_no_memory(context, "the relabellings");
    return status;
}

qkvsim_status qkv_relabeller_open(qkvsim_context *context, const uint8_t *labels,
                                  const qkv_input *input, const qkv_relabeller_options *options,
                                  qkv_relabeller *relabeller)
{
    qkvsim_status status = check_options(context, options);
    if (status != QKVSIM_OK)
        return status;
    *relabeller =
        (qkv_relabeller){ .labels = labels,
                          .observations = input->observations,
                          .rotates = options->relabel == QKVSIM_RELABEL_SHIFT,
                          .dealt_one_by_one = options->exchange != QKVSIM_EXCHANGE_SEGMENTS,
                          .count = 1 };
    if (input->observations > QKV_DRAWN_MOST)
        status = qkv_fail(context, QKVSIM_ERROR_TOO_LARGE,
                          "%lld observations are more than the %lld that can be drawn from",
                          (long long)input->observations, (long long)QKV_DRAWN_MOST);
    else if (relabeller->rotates)
        status = open_lags(context, input, options->segments, relabeller);
    else
        status = open_units(context, input, options, relabeller);
    if (status != QKVSIM_OK)
        qkv_relabeller_close(context, relabeller);
    return status;
}

void qkv_relabeller_close(const qkvsim_context *context, qkv_relabeller *relabeller)
{
    qkv_segments_close(context, &relabeller->segments);
    qkv_exchange_close(context, &relabeller->units);
    qkv_release(&context->allocator, relabeller->periods);
    qkv_release(&context->allocator, relabeller->from);
    qkv_release(&context->allocator, relabeller->left);
    *relabeller = (qkv_relabeller){ 0 };
}

/* ---- relabellings ---- */

/* Each unit gets the labels of the one that comes to its place: as many, or where lengths differ,
 * its only one. */
static void arrange(const qkv_relabeller *relabeller, uint8_t *relabelled)
{
    const qkv_exchange *units = &relabeller->units;
    const int64_t *start = units->units.start;
    for (int64_t u = 0; u < units->units.count; u++) {
        const uint32_t from = relabeller->from[u];
        const int64_t length = start[u + 1] - start[u];
        const uint8_t *labels = relabeller->labels + start[from];
        if (length == start[from + 1] - start[from])
            memcpy(relabelled + start[u], labels, (size_t)length);
        else
            memset(relabelled + start[u], *labels, (size_t)length);
    }
}

void qkv_relabel(qkv_relabeller *relabeller, uint64_t seed, uint32_t index, uint8_t *relabelled)
{
    if (relabeller->rotates) {
        qkv_rotate_labels(relabeller->labels, &relabeller->segments, seed, index, relabelled);
    } else if (relabeller->dealt_one_by_one) {
        qkv_permute_labels(relabeller->labels, relabeller->observations, seed, index, relabelled);
    } else {
        const qkv_random stream = qkv_random_stream(seed, index, QKV_RANDOM_LABEL_SEGMENTS, 0);
        qkv_exchange_draw(&relabeller->units, stream, relabeller->from);
        arrange(relabeller, relabelled);
    }
}

void qkv_relabel_numbered(qkv_relabeller *relabeller, uint64_t number, uint8_t *relabelled)
{
    if (relabeller->rotates) {
        qkv_rotate_numbered(relabeller->labels, 1, &relabeller->segments, relabeller->periods,
                            number, relabelled);
        return;
    }
    qkv_exchange_numbered(&relabeller->units, number, relabeller->left, relabeller->from);
    arrange(relabeller, relabelled);
}
