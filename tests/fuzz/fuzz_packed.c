/* Any bytes as packed results of every kind: refused, or a result that can be asked and packed
 * again. The header is mended first, so that what is behind it is reached. */
#include <qkvsim/qkvsim.h>

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 2, KIND_AT = 12, SIZE_AT = 16, CHECKSUM_AT = 24, CHECKSUM_END = 28 };

static void put(uint8_t *bytes, uint64_t value, int count)
{
    for (int k = 0; k < count; k++)
        bytes[k] = (uint8_t)(value >> (8 * k));
}

static uint32_t crc_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t k = 0; k < size; k++) {
        if (k >= CHECKSUM_AT && k < CHECKSUM_END)
            continue;
        crc ^= bytes[k];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* A copy that ends where the bytes end, with a header that fits. */
static uint8_t *mended(const uint8_t *bytes, size_t size)
{
    static const uint8_t magic[] = { 0x89, 'Q', 'K', 'V', 'S', 'I', 'M', '\n' };
    uint8_t *copy = malloc(size);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    memcpy(copy, magic, sizeof magic);
    put(copy + sizeof magic, VERSION, 4);
    put(copy + KIND_AT + 1, 0, 3);
    put(copy + SIZE_AT, size, 8);
    put(copy + CHECKSUM_END, 0, 4);
    put(copy + CHECKSUM_AT, crc_of(copy, size), 4);
    return copy;
}

static void ask(const qkvsim_analysis *analysis)
{
    for (int32_t row = -1; row <= qkvsim_layout_pair_groups(qkvsim_analysis_layout(analysis));
         row++) {
        const int64_t *counts = qkvsim_analysis_histogram(analysis, row, QKVSIM_METRIC_PEARSON);
        if (counts != NULL)
            fuzz_read((const uint8_t *)counts, (size_t)qkvsim_analysis_bins(analysis) * 8);
        qkvsim_analysis_statistic(analysis, row, QKVSIM_METRIC_COSINE,
                                  QKVSIM_STATISTIC_OFFSET_SHARE);
    }
}

/* Puts a single piece together: refused, or a result. */
#define MERGE(type, piece)                                                                         \
    do {                                                                                           \
        qkvsim_##type *merged = NULL;                                                              \
        if (qkvsim_##type##_merge(context, &(piece), 1, &merged) == QKVSIM_OK)                     \
            qkvsim_##type##_free(merged);                                                          \
    } while (0)

/* Unpacks one kind; what comes out must pack to the same bytes. */
#define TRY(type)                                                                                  \
    static void try_##type(qkvsim_context *context, const uint8_t *bytes, int64_t size)            \
    {                                                                                              \
        qkvsim_##type *made = NULL;                                                                \
        if (qkvsim_##type##_unpack(context, bytes, size, &made) != QKVSIM_OK)                      \
            return;                                                                                \
        uint8_t *again = malloc((size_t)size);                                                     \
        ask_##type(context, made);                                                                 \
        if (qkvsim_##type##_packed_size(made) != size                                              \
            || qkvsim_##type##_pack(context, made, again, size) != QKVSIM_OK)                      \
            abort();                                                                               \
        free(again);                                                                               \
        qkvsim_##type##_free(made);                                                                \
    }

static void ask_layout(qkvsim_context *context, const qkvsim_layout *layout)
{
    (void)context;
    qkvsim_layout_row_name(layout, qkvsim_layout_pair_groups(layout));
}

static void ask_analysis(qkvsim_context *context, const qkvsim_analysis *analysis)
{
    (void)context;
    ask(analysis);
}

static void ask_accumulator(qkvsim_context *context, const qkvsim_accumulator *accumulator)
{
    double values[64];
    const qkvsim_matrix matrix = { sizeof matrix, values, 8, 8, 8, QKVSIM_DTYPE_F64, 0 };
    qkvsim_layout *layout = NULL;
    qkvsim_analysis *analysis = NULL;
    if (qkvsim_layout_labels(context, (const int32_t[8]){ 0 }, 8, NULL, 1, &layout) == QKVSIM_OK
        && qkvsim_accumulator_analysis(context, accumulator, layout, NULL, &analysis) == QKVSIM_OK)
        ask(analysis);
    qkvsim_accumulator_similarity(context, accumulator, QKVSIM_METRIC_PEARSON, NULL, &matrix);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
}

static void ask_baseline(qkvsim_context *context, const qkvsim_baseline *baseline)
{
    ask(qkvsim_baseline_observed(baseline));
    MERGE(baseline, baseline);
    for (int32_t s = 0; s < 40; s++) {
        qkvsim_baseline_statistic(baseline, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN, s);
        qkvsim_baseline_histogram(baseline, 0, QKVSIM_METRIC_COSINE, s);
    }
}

static void ask_intervals(qkvsim_context *context, const qkvsim_intervals *intervals)
{
    ask(qkvsim_intervals_observed(intervals));
    MERGE(intervals, intervals);
    for (int32_t s = 0; s < 40; s++) {
        qkvsim_intervals_statistic(intervals, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN, s);
        qkvsim_intervals_difference(intervals, 0, QKVSIM_METRIC_COSINE,
                                    QKVSIM_STATISTIC_OFFSET_SHARE, s);
    }
}

static void ask_comparison(qkvsim_context *context, const qkvsim_comparison *comparison)
{
    ask(qkvsim_comparison_first(comparison));
    ask(qkvsim_comparison_second(comparison));
    MERGE(comparison, comparison);
    for (int32_t s = 0; s < 40; s++) {
        qkvsim_comparison_distance(comparison, 0, QKVSIM_METRIC_PEARSON,
                                   QKVSIM_DISTANCE_WASSERSTEIN, s);
        qkvsim_comparison_difference(comparison, 0, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN,
                                     s);
        qkvsim_comparison_matched(comparison, 0, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN, s);
        qkvsim_comparison_band(comparison, 0, QKVSIM_METRIC_PEARSON, s);
    }
}

TRY(baseline)
TRY(comparison)
TRY(intervals)
TRY(layout)
TRY(analysis)
TRY(accumulator)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static qkvsim_context *context;
    const qkvsim_context_options options = { .struct_size = sizeof options, .threads = 1 };
    qkvsim_kind kind;
    if (context == NULL && qkvsim_context_create(&options, &context) != QKVSIM_OK)
        return 0;
    qkvsim_packed_kind(context, bytes, (int64_t)size, &kind, NULL);
    if (size < QKVSIM_PACKED_HEADER)
        return 0;
    uint8_t *copy = mended(bytes, size);
    try_layout(context, copy, (int64_t)size);
    try_analysis(context, copy, (int64_t)size);
    try_accumulator(context, copy, (int64_t)size);
    try_baseline(context, copy, (int64_t)size);
    try_comparison(context, copy, (int64_t)size);
    try_intervals(context, copy, (int64_t)size);
    free(copy);
    return 0;
}
