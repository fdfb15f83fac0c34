/* One small result of each kind, and everything that can be asked of it. */
#include "packed_kinds.h"

#include "fixtures.h"

#include <math.h>
#include <stdlib.h>

/* One byte's part of a CRC-32, bit by bit. */
static uint32_t crc_of_byte(uint32_t byte)
{
    for (int bit = 0; bit < 8; bit++)
        byte = (byte >> 1) ^ ((byte & 1) != 0 ? 0xedb88320u : 0);
    return byte;
}

/* Of all but its own four bytes. */
void packed_set_checksum(unsigned char *bytes, int64_t size)
{
    static uint32_t of_byte[256]; /* suites change many bytes, one at a time */
    uint32_t crc = UINT32_MAX;
    for (uint32_t byte = 0; byte < 256 && of_byte[255] == 0; byte++)
        of_byte[byte] = crc_of_byte(byte);
    for (int64_t k = 0; k < size; k++)
        if (k < 24 || k >= 28)
            crc = of_byte[(crc ^ bytes[k]) & 0xff] ^ (crc >> 8);
    for (int k = 0; k < 4; k++)
        bytes[24 + k] = (unsigned char)(~crc >> (8 * k));
}

/* Calls of one kind behind those of all. */
#define OF_KIND(type)                                                                              \
    static int64_t type##_packed_size(const void *object)                                          \
    {                                                                                              \
        return qkvsim_##type##_packed_size(object);                                                \
    }                                                                                              \
    static qkvsim_status type##_pack(qkvsim_context *context, const void *object, void *buffer,    \
                                     int64_t size)                                                 \
    {                                                                                              \
        return qkvsim_##type##_pack(context, object, buffer, size);                                \
    }                                                                                              \
    static qkvsim_status type##_unpack(qkvsim_context *context, const void *buffer, int64_t size,  \
                                       void **object)                                              \
    {                                                                                              \
        qkvsim_##type *made = object != NULL ? *object : NULL;                                     \
        const qkvsim_status status =                                                               \
            qkvsim_##type##_unpack(context, buffer, size, object != NULL ? &made : NULL);          \
        if (object != NULL)                                                                        \
            *object = made;                                                                        \
        return status;                                                                             \
    }                                                                                              \
    static void type##_free(void *object)                                                          \
    {                                                                                              \
        qkvsim_##type##_free(object);                                                              \
    }

#define KIND(type, number)                                                                         \
    {                                                                                              \
#type, number, make_##type, type##_packed_size, type##_pack, type##_unpack, ask_##type,    \
            check_##type, type##_free                                                              \
    }

/* ---- layouts ---- */

static qkvsim_layout *small_layout(qkvsim_context *context)
{
    static const int64_t widths[] = { 4, 2, 2 };
    static const int32_t heads[] = { 2, 1, 1 }, listed[] = { 3, 0 };
    qkvsim_layout *layout = NULL;
    assert_ok(context, qkvsim_layout_heads(context, widths, heads, NULL, 3,
                                           QKVSIM_HEADS_INTERLEAVED, &layout));
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "some", listed, 2));
    return layout;
}

static void *make_layout(qkvsim_context *context)
{
    return small_layout(context);
}

static void append_text(fingerprint *print, const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        fingerprint_append(print, *text);
}

static void append_layout(fingerprint *print, const qkvsim_layout *layout)
{
    const int32_t groups = qkvsim_layout_groups(layout);
    const int32_t rows = qkvsim_layout_pair_groups(layout) + qkvsim_layout_rollups(layout);
    fingerprint_append(print, rows);
    for (int64_t j = 0; j < qkvsim_layout_features(layout); j++)
        fingerprint_append(print, qkvsim_layout_group_of(layout)[j]);
    for (int32_t g = 0; g < groups; g++) {
        append_text(print, qkvsim_layout_group_name(layout, g));
        fingerprint_append(print, (double)qkvsim_layout_group_features(layout, g));
    }
    for (int32_t row = 0; row < rows; row++) {
        append_text(print, qkvsim_layout_row_name(layout, row));
        fingerprint_append(print, (double)qkvsim_layout_pairs(layout, row));
    }
    for (int32_t r = 0; r < qkvsim_layout_rollups(layout); r++) {
        int32_t count;
        const int32_t *members = qkvsim_layout_rollup_pair_groups(layout, r, &count);
        for (int32_t k = 0; k < count; k++)
            fingerprint_append(print, members[k]);
    }
}

static fingerprint ask_layout(const void *object)
{
    fingerprint print = { 0, NULL };
    append_layout(&print, object);
    return print;
}

static void check_layout(const void *object)
{
    ck_assert_int_eq(qkvsim_layout_features(object), 8);
    ck_assert_int_eq(qkvsim_layout_groups(object), 4);
    ck_assert_str_eq(qkvsim_layout_group_name(object, 1), "Q1");
    ck_assert_str_eq(qkvsim_layout_row_name(object, 1), "Q0-Q1");
    ck_assert_str_eq(qkvsim_layout_row_name(object, qkvsim_layout_pair_groups(object)
                                                        + qkvsim_layout_rollups(object) - 1),
                     "some");
}

OF_KIND(layout)

/* Three rows and a roll-up: few enough for every byte to be changed. */
static qkvsim_layout *few_groups(qkvsim_context *context)
{
    static const int64_t widths[] = { 5, 3 };
    static const int32_t listed[] = { 0, 2 };
    qkvsim_layout *layout = NULL;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 2, &layout));
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "within", listed, 2));
    return layout;
}

static const qkvsim_bins few_bins = {
    .struct_size = sizeof few_bins, .count = 4, .low = -1, .high = 1
};

/* ---- analyses ---- */

/* Small whole numbers: a constant feature, one of zeros, and an observation that is dropped. */
static table small_table(void)
{
    random_source source = { 11 };
    table data = table_new(12, 8);
    for (int64_t k = 0; k < 12 * 8; k++)
        data.values[k] = (double)random_below(&source, 7) - 2;
    table_set_constant(&data, 3, 2);
    table_set_constant(&data, 6, 0);
    *table_at(&data, 5, 1) = NAN;
    return data;
}

/* Of three of the four groups. */
static qkvsim_analysis *small_analysis(qkvsim_context *context)
{
    static const int32_t pair_groups[] = { 0, 1, 4, 3, 9 };
    const qkvsim_analysis_options options = { .struct_size = sizeof options,
                                              .metrics = METRICS_SUM,
                                              .bins = &few_bins,
                                              .pair_groups = pair_groups,
                                              .pair_group_count = 5 };
    table data = small_table();
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = small_layout(context);
    qkvsim_analysis *analysis = NULL;
    assert_ok(context,
              qkvsim_analysis_run(
                  context, INPUT(&input.view, 1, .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION),
                  layout, &options, &analysis));
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    return analysis;
}

static void *make_analysis(qkvsim_context *context)
{
    return small_analysis(context);
}

static fingerprint ask_analysis(const void *object)
{
    fingerprint print = fingerprint_of(object);
    int64_t count;
    const int64_t *dropped = qkvsim_analysis_dropped(object, &count);
    for (int64_t k = 0; k < count; k++)
        fingerprint_append(&print, (double)dropped[k]);
    for (int64_t k = 0; k <= qkvsim_analysis_bins(object); k++)
        fingerprint_append(&print, qkvsim_analysis_bin_edges(object)[k]);
    for (int32_t row = 0; row < qkvsim_layout_pair_groups(qkvsim_analysis_layout(object)); row++)
        append_text(&print, qkvsim_layout_row_name(qkvsim_analysis_layout(object), row));
    return print;
}

static void check_analysis(const void *object)
{
    int64_t count;
    ck_assert_int_eq(qkvsim_analysis_observations(object), 11);
    ck_assert_int_eq(qkvsim_analysis_dropped(object, &count)[0], 5);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(qkvsim_analysis_undefined_features(object, QKVSIM_METRIC_COSINE, &count)[0],
                     6);
    ck_assert_ptr_null(qkvsim_analysis_histogram(object, 2, QKVSIM_METRIC_COSINE));
    ck_assert_int_eq(qkvsim_analysis_defined(object, 1, QKVSIM_METRIC_COSINE), 4);
}

OF_KIND(analysis)

/* ---- accumulators ---- */

static void *make_accumulator(qkvsim_context *context)
{
    table data = small_table();
    stored input = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_accumulator *accumulator = NULL;
    assert_ok(context, qkvsim_accumulator_create(context, 8, NULL, &accumulator));
    assert_ok(context, qkvsim_accumulator_update(
                           context, accumulator,
                           INPUT(&input.view, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE)));
    stored_free(&input);
    table_free(&data);
    return accumulator;
}

/* Its covariances and all statistics, by a context of its own. */
static fingerprint ask_accumulator(const void *object)
{
    double covariances[64];
    fingerprint print = { 0, NULL };
    qkvsim_context *context = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_layout *layout = small_layout(context);
    qkvsim_analysis *analysis = NULL;
    const qkvsim_matrix matrix = square_matrix(covariances, 8, QKVSIM_DTYPE_F64);
    if (qkvsim_accumulator_analysis(context, object, layout, NULL, &analysis) == QKVSIM_OK)
        print = fingerprint_of(analysis);
    fingerprint_append(&print, (double)qkvsim_accumulator_observations(object));
    if (qkvsim_accumulator_similarity(context, object, QKVSIM_METRIC_COVARIANCE, NULL, &matrix)
        == QKVSIM_OK)
        for (int k = 0; k < 64; k++)
            fingerprint_append(&print, covariances[k]);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    qkvsim_context_free(context);
    return print;
}

static void check_accumulator(const void *object)
{
    ck_assert_int_eq(qkvsim_accumulator_observations(object), 12);
}

OF_KIND(accumulator)

/* ---- baselines ---- */

static void *make_baseline(qkvsim_context *context)
{
    const qkvsim_analysis_options analysis = { .struct_size = sizeof analysis, .bins = &few_bins };
    const qkvsim_baseline_options options = { .struct_size = sizeof options,
                                              .permutations = 5,
                                              .first = 3,
                                              .scheme = QKVSIM_SCHEME_OBSERVATIONS };
    table data = small_table();
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = few_groups(context);
    qkvsim_baseline *baseline = NULL;
    assert_ok(context,
              qkvsim_baseline_run(
                  context, INPUT(&input.view, 1, .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION),
                  layout, &analysis, &options, &baseline));
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    return baseline;
}

static fingerprint ask_baseline(const void *object)
{
    const qkvsim_analysis *observed = qkvsim_baseline_observed(object);
    fingerprint print = ask_analysis(observed);
    fingerprint_append(&print, (double)qkvsim_baseline_permutations(object));
    fingerprint_append(&print, (double)qkvsim_baseline_first(object));
    fingerprint_append(&print, (double)qkvsim_baseline_enumerated(object));
    fingerprint_append(&print, (double)qkvsim_baseline_covariates(object));
    const int32_t rows = qkvsim_layout_rows(qkvsim_analysis_layout(observed));
    for (int32_t row = 0; row < rows; row++)
        for (int m = 0; m < 3; m++)
            for (int32_t s = 0; s < 40; s++) {
                const double *band = qkvsim_baseline_histogram(object, row, every_metric[m], s);
                for (int64_t bin = 0; band != NULL && bin < qkvsim_analysis_bins(observed); bin++)
                    fingerprint_append(&print, band[bin]);
                for (int k = 0; kept_statistic(every_metric[m], k) != 0; k++)
                    fingerprint_append(
                        &print, qkvsim_baseline_statistic(object, row, every_metric[m],
                                                          kept_statistic(every_metric[m], k), s));
            }
    return print;
}

static void check_baseline(const void *object)
{
    ck_assert_int_eq(qkvsim_baseline_permutations(object), 5);
    ck_assert_int_eq(qkvsim_baseline_first(object), 3);
    ck_assert_int_eq(qkvsim_analysis_observations(qkvsim_baseline_observed(object)), 11);
}

OF_KIND(baseline)

/* ---- comparisons ---- */

static const int64_t targets[] = { 0, 1, 2, 3, 4, 6 }, non_targets[] = { 7, 8, 9, 10, 11 };

static void *make_comparison(qkvsim_context *context)
{
    const qkvsim_selection one = { sizeof one, targets, NULL, 6 },
                           two = { sizeof two, non_targets, NULL, 5 };
    const qkvsim_analysis_options analysis = { .struct_size = sizeof analysis,
                                               .metrics = QKVSIM_METRIC_PEARSON,
                                               .bins = &few_bins };
    const qkvsim_comparison_options options = { .struct_size = sizeof options,
                                                .permutations = 4,
                                                .first = 2,
                                                .subsets = 3,
                                                .first_subset = 1,
                                                .seed = 3 };
    table data = small_table();
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = few_groups(context);
    qkvsim_comparison *comparison = NULL;
    assert_ok(context, qkvsim_comparison_run(context, INPUT(&input.view, 1, .selection = &one),
                                             &two, layout, &analysis, &options, &comparison));
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    return comparison;
}

static void append_analysis(fingerprint *print, const qkvsim_analysis *analysis)
{
    fingerprint more = ask_analysis(analysis);
    for (int64_t k = 0; k < more.count; k++)
        fingerprint_append(print, more.numbers[k]);
    fingerprint_free(&more);
}

static void append_differences(fingerprint *print, const qkvsim_comparison *comparison, int32_t row,
                               int32_t metric, int32_t summary)
{
    for (int k = 0; kept_statistic(metric, k) != 0; k++) {
        const int32_t of = kept_statistic(metric, k);
        fingerprint_append(print,
                           qkvsim_comparison_difference(comparison, row, metric, of, summary));
        fingerprint_append(print, qkvsim_comparison_matched(comparison, row, metric, of, summary));
    }
}

static fingerprint ask_comparison(const void *object)
{
    const qkvsim_analysis *first = qkvsim_comparison_first(object);
    fingerprint print = ask_analysis(first);
    append_analysis(&print, qkvsim_comparison_second(object));
    const int64_t made[] = {
        qkvsim_comparison_permutations(object), qkvsim_comparison_first_permutation(object),
        qkvsim_comparison_subsets(object),      qkvsim_comparison_first_subset(object),
        qkvsim_comparison_relabel(object),      qkvsim_comparison_exchange(object),
        qkvsim_comparison_centred(object),      qkvsim_comparison_enumerated(object),
        (int64_t)qkvsim_comparison_seed(object)
    };
    for (size_t k = 0; k < sizeof made / sizeof *made; k++)
        fingerprint_append(&print, (double)made[k]);
    for (int32_t row = 0; row < qkvsim_layout_rows(qkvsim_analysis_layout(first)); row++)
        for (int m = 0; m < 3; m++)
            for (int32_t s = 0; s < 40; s++) {
                const double *band = qkvsim_comparison_band(object, row, every_metric[m], s);
                for (int64_t bin = 0; band != NULL && bin < qkvsim_analysis_bins(first); bin++)
                    fingerprint_append(&print, band[bin]);
                for (int32_t d = QKVSIM_DISTANCE_KOLMOGOROV_SMIRNOV;
                     d <= QKVSIM_DISTANCE_JENSEN_SHANNON; d++)
                    fingerprint_append(
                        &print, qkvsim_comparison_distance(object, row, every_metric[m], d, s));
                append_differences(&print, object, row, every_metric[m], s);
            }
    return print;
}

static void check_comparison(const void *object)
{
    ck_assert_int_eq(qkvsim_comparison_permutations(object), 4);
    ck_assert_int_eq(qkvsim_comparison_first_permutation(object), 2);
    ck_assert_int_eq(qkvsim_comparison_subsets(object), 3);
    ck_assert_int_eq(qkvsim_comparison_first_subset(object), 1);
    ck_assert_uint_eq(qkvsim_comparison_seed(object), 3);
    ck_assert_int_eq(qkvsim_analysis_observations(qkvsim_comparison_second(object)), 5);
}

OF_KIND(comparison)

/* ---- intervals ---- */

/* Of two selections, by the bootstrap. */
static void *make_intervals(qkvsim_context *context)
{
    const qkvsim_selection one = { sizeof one, targets, NULL, 6 },
                           two = { sizeof two, non_targets, NULL, 5 };
    const qkvsim_analysis_options analysis = { .struct_size = sizeof analysis,
                                               .metrics = QKVSIM_METRIC_COSINE,
                                               .bins = &few_bins };
    const qkvsim_interval_options options = { .struct_size = sizeof options,
                                              .method = QKVSIM_METHOD_BOOTSTRAP,
                                              .resamples = 4,
                                              .first = 2,
                                              .total = 20 };
    table data = small_table();
    stored input = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = few_groups(context);
    qkvsim_intervals *intervals = NULL;
    assert_ok(context, qkvsim_intervals_run(context, INPUT(&input.view, 1, .selection = &one), &two,
                                            layout, &analysis, &options, &intervals));
    qkvsim_layout_free(layout);
    stored_free(&input);
    table_free(&data);
    return intervals;
}

static fingerprint ask_intervals(const void *object)
{
    const qkvsim_analysis *observed = qkvsim_intervals_observed(object);
    const qkvsim_analysis *other = qkvsim_intervals_observed_second(object);
    fingerprint print = ask_analysis(observed);
    if (other != NULL)
        append_analysis(&print, other);
    fingerprint_append(&print, (double)qkvsim_intervals_first(object));
    fingerprint_append(&print, (double)qkvsim_intervals_block_length(object));
    const int64_t count = qkvsim_intervals_replicates(object);
    const int32_t rows = qkvsim_layout_rows(qkvsim_analysis_layout(observed));
    for (int32_t row = 0; row < rows; row++)
        for (int m = 0; m < 3; m++)
            for (int k = 0; kept_statistic(every_metric[m], k) != 0; k++) {
                const int32_t metric = every_metric[m], of = kept_statistic(metric, k);
                const double *values = qkvsim_intervals_values(object, row, metric, of);
                for (int64_t v = 0; values != NULL && v < count; v++)
                    fingerprint_append(&print, values[v]);
                for (int32_t s = 1; s < 40; s++) {
                    fingerprint_append(&print,
                                       qkvsim_intervals_statistic(object, row, metric, of, s));
                    fingerprint_append(&print,
                                       qkvsim_intervals_difference(object, row, metric, of, s));
                }
            }
    return print;
}

static void check_intervals(const void *object)
{
    ck_assert_int_eq(qkvsim_intervals_replicates(object), 4);
    ck_assert_int_eq(qkvsim_intervals_first(object), 2);
    ck_assert_int_eq(qkvsim_analysis_observations(qkvsim_intervals_observed_second(object)), 5);
}

OF_KIND(intervals)

const packed_kind packed_kinds[] = {
    KIND(layout, QKVSIM_KIND_LAYOUT),           KIND(analysis, QKVSIM_KIND_ANALYSIS),
    KIND(accumulator, QKVSIM_KIND_ACCUMULATOR), KIND(baseline, QKVSIM_KIND_BASELINE),
    KIND(comparison, QKVSIM_KIND_COMPARISON),   KIND(intervals, QKVSIM_KIND_INTERVALS),
};

const int packed_kind_count = sizeof packed_kinds / sizeof packed_kinds[0];
