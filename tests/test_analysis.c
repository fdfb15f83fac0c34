/* analysis.h: the fused flow gives, pair group by pair group, what the matrix, the oracle and
 * numpy.histogram give; its laws; the lesson's findings on a real capture; bad input. */
#include <qkvsim/analysis.h>

#include <qkvsim/similarity.h>

#include "oracle.h"
#include "suite_context.h"

#include <math.h>
#include <stdlib.h>

/* Groups in turns, 0 1 2 0 1 2 ..., so that the caller's order is not the group order. */
static qkvsim_layout *layout_in_turns(int64_t d, int32_t groups)
{
    int32_t *labels = malloc((size_t)d * sizeof *labels);
    for (int64_t j = 0; j < d; j++)
        labels[j] = (int32_t)(j % groups);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_labels(context, labels, d, NULL, groups, &layout));
    free(labels);
    return layout;
}

/* The same with two roll-ups: pairs within groups, and pair groups 1 and 2. */
static qkvsim_layout *layout_with_rollups(int64_t d, int32_t groups)
{
    qkvsim_layout *layout = layout_in_turns(d, groups);
    int32_t *within = malloc((size_t)groups * sizeof *within);
    for (int32_t g = 0; g < groups; g++)
        within[g] = qkvsim_layout_pair_group(layout, g, g);
    assert_ok(context, qkvsim_layout_add_rollup(context, layout, "within", within, groups));
    assert_ok(context,
              qkvsim_layout_add_rollup(context, layout, "1 and 2", (int32_t[]){ 2, 1 }, 2));
    free(within);
    return layout;
}

static const qkvsim_analysis_options every = { .struct_size = sizeof every,
                                               .metrics = METRICS_SUM };

/* Without options: every metric. */
static qkvsim_analysis *analyze(qkvsim_context *with, const qkvsim_input *read,
                                const qkvsim_layout *layout, const qkvsim_analysis_options *options)
{
    qkvsim_analysis *analysis = NULL;
    assert_ok(with, qkvsim_analysis_run(with, read, layout, options != NULL ? options : &every,
                                        &analysis));
    return analysis;
}

/* The library's own matrix of the input, as doubles, in the type of its arithmetic. */
static double *own_matrix(const qkvsim_view *view, int32_t metric, bool single)
{
    const int64_t d = view->features;
    double *values = malloc((size_t)(d * d) * sizeof *values);
    float *narrow = malloc((size_t)(d * d) * sizeof *narrow);
    const qkvsim_matrix matrix = square_matrix(single ? (void *)narrow : (void *)values, d,
                                               single ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64);
    assert_ok(context, qkvsim_similarity(context, INPUT(view, 1), metric, NULL, &matrix));
    for (int64_t i = 0; single && i < d * d; i++)
        values[i] = narrow[i];
    free(narrow);
    return values;
}

/* The defined values of a row of results, of which a roll-up has those of each of its pair
 * groups. */
static int64_t collect_row(const double *matrix, const qkvsim_layout *layout, int32_t row,
                           double *values)
{
    const int64_t d = qkvsim_layout_features(layout);
    const int32_t groups = qkvsim_layout_groups(layout), first = qkvsim_layout_pair_groups(layout);
    int32_t members = 1;
    const int32_t *listed = qkvsim_layout_rollup_pair_groups(layout, row - first, &members);
    int64_t count = 0;
    for (int32_t k = 0; k < (listed != NULL ? members : 1); k++)
        for (int32_t a = 0; a < groups; a++)
            for (int32_t b = a; b < groups; b++)
                if (qkvsim_layout_pair_group(layout, a, b) == (listed != NULL ? listed[k] : row))
                    count += oracle_collect(matrix, d, qkvsim_layout_group_of(layout), a, b,
                                            values + count);
    return count;
}

/* Calls a check for each pair group and roll-up with its defined values in the library's own
 * matrix. */
typedef void (*value_check)(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric,
                            const double *values, int64_t count);

static void for_each_pair_group(const stored *copy, const qkvsim_layout *layout,
                                const qkvsim_bins *bins, value_check check)
{
    const int64_t d = copy->view.features;
    qkvsim_analysis_options options = every;
    options.bins = bins;
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy->view, 1), layout, &options);
    double *values = malloc((size_t)(d * d) * sizeof *values);
    for (int m = 0; m < 3; m++) {
        const int32_t metric = every_metric[m];
        double *matrix = own_matrix(&copy->view, metric, copy->view.dtype != QKVSIM_DTYPE_F64);
        const int32_t rows = qkvsim_layout_pair_groups(layout) + qkvsim_layout_rollups(layout);
        for (int32_t row = 0; row < rows; row++)
            check(analysis, row, metric, values, collect_row(matrix, layout, row, values));
        free(matrix);
    }
    free(values);
    qkvsim_analysis_free(analysis);
}

static void check_histogram(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric,
                            const double *values, int64_t count)
{
    const int64_t bins = qkvsim_analysis_bins(analysis);
    const int64_t *histogram = qkvsim_analysis_histogram(analysis, pair_group, metric);
    int64_t *expected = malloc((size_t)bins * sizeof *expected);
    oracle_histogram(values, count, qkvsim_analysis_bin_edges(analysis), bins, expected);
    ck_assert_int_eq(qkvsim_analysis_defined(analysis, pair_group, metric), count);
    for (int64_t b = 0; b < bins; b++)
        if (histogram[b] != expected[b])
            ck_abort_msg("pair group %d, metric %d, bin %ld: %ld, not %ld", pair_group, metric,
                         (long)b, (long)histogram[b], (long)expected[b]);
    free(expected);
}

/* Equal, or as close as a sum in double in another order allows; NaN only where NaN is expected. */
static void assert_close(double value, double expected, double tolerance, const char *what)
{
    if (isnan(value) != isnan(expected) || fabs(value - expected) > tolerance)
        ck_abort_msg("%s is %.17g and not %.17g", what, value, expected);
}

static double statistic(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric,
                        int32_t which)
{
    return qkvsim_analysis_statistic(analysis, pair_group, metric, which);
}

static bool single_precision;

/* What sums of powers may be off by, of themselves (docs/numerics.md). */
static double powers_error(void)
{
    return single_precision ? 1e-6 : 1e-9;
}

/* And skewness and kurtosis. */
static double shape_error(double kurtosis)
{
    return isnan(kurtosis) ? 0 : 3 * powers_error() * (3 + kurtosis);
}

static void check_moments(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric,
                          const double *values, int64_t count)
{
    const oracle_summary expected = oracle_summarise(values, count, single_precision);
    const qkvsim_analysis *a = analysis;
    assert_close(statistic(a, pair_group, metric, QKVSIM_STATISTIC_MEAN), expected.mean,
                 single_precision ? 1e-10 : 1e-12, "mean");
    assert_close(statistic(a, pair_group, metric, QKVSIM_STATISTIC_VARIANCE), expected.variance,
                 powers_error() * expected.variance, "variance");
    assert_close(statistic(a, pair_group, metric, QKVSIM_STATISTIC_SKEWNESS), expected.skewness,
                 shape_error(expected.kurtosis), "skewness");
    assert_close(statistic(a, pair_group, metric, QKVSIM_STATISTIC_KURTOSIS), expected.kurtosis,
                 shape_error(expected.kurtosis), "kurtosis");
    assert_close(statistic(a, pair_group, metric, QKVSIM_STATISTIC_TAIL), expected.tail, 0, "tail");
    assert_close(statistic(a, pair_group, metric, QKVSIM_STATISTIC_MINIMUM), expected.minimum, 0,
                 "minimum");
    assert_close(statistic(a, pair_group, metric, QKVSIM_STATISTIC_MAXIMUM), expected.maximum, 0,
                 "maximum");
}

typedef table (*table_maker)(int64_t n, int64_t d, uint64_t seed);

static table table_small_offsets(int64_t n, int64_t d, uint64_t seed)
{
    return table_with_offsets(n, d, 2, seed);
}

static const table_maker makers[] = { table_normal, table_small_offsets, table_binary_duplicates,
                                      table_sparse, table_one_hot,       table_half_flipped,
                                      table_mixed,  table_magnitudes,    table_twins };
enum { MAKERS = 9 };

static const int64_t odd_sizes[] = { 61, 64, 253, 1021, 4093 };

/* Each kind of data, n and bin count, in float32 and float64. */
START_TEST(histogram_equals_numpy_on_own_matrix)
{
    const int64_t bin_counts[] = { 100, 1, 2, 20, 101, 1000, 255, 257 };
    const int64_t n = odd_sizes[_i % 5], d = 200 + 7 * _i;
    const qkvsim_bins bins = {
        .struct_size = sizeof bins, .count = bin_counts[_i % 8], .low = -1, .high = 1
    };
    table data = makers[_i % MAKERS](n, d, (uint64_t)_i);
    qkvsim_layout *layout = layout_in_turns(d, 1 + _i % 4);
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored copy = store(&data, dtype, ORDER_C);
        for_each_pair_group(&copy, layout, &bins, check_histogram);
        stored_free(&copy);
    }
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

START_TEST(histogram_between_own_edges_equals_numpy_on_own_matrix)
{
    const double edges[] = { -1, -0.5, -0.1, -1e-7, 0, 1e-7, 0.1, 0.30000001, 0.5, 0.99999994, 1 };
    const qkvsim_bins all = { .struct_size = sizeof all, .count = 10, .edges = edges };
    const qkvsim_bins part = { .struct_size = sizeof part, .count = 6, .edges = edges + 2 };
    const qkvsim_bins narrow = {
        .struct_size = sizeof part, .count = 33, .low = -0.2, .high = 0.7
    };
    table data = makers[_i](253, 180, 5);
    stored copy = store(&data, _i % 2 ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(180, 3);
    for_each_pair_group(&copy, layout, &all, check_histogram);
    for_each_pair_group(&copy, layout, &part, check_histogram);
    for_each_pair_group(&copy, layout, &narrow, check_histogram);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(edges_are_those_of_bin_edges)
{
    const qkvsim_bins bins = { .struct_size = sizeof bins, .count = 7, .low = -1, .high = 1 };
    table data = table_normal(20, 9, 6);
    qkvsim_layout *layout = layout_in_turns(9, 3);
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        double expected[8];
        stored copy = store(&data, dtype, ORDER_C);
        qkvsim_analysis_options options = { .struct_size = sizeof options,
                                            .bins = &bins,
                                            .metrics = METRICS_SUM };
        qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, &options);
        assert_ok(context, qkvsim_bin_edges(context, &bins, dtype, expected, COUNT_OF(expected)));
        ck_assert_int_eq(qkvsim_analysis_bins(analysis), 7);
        ck_assert_mem_eq(qkvsim_analysis_bin_edges(analysis), expected, sizeof expected);
        qkvsim_analysis_free(analysis);
        stored_free(&copy);
    }
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

START_TEST(moments_are_those_of_own_matrix)
{
    const int64_t d = 200 + 13 * _i;
    table data = makers[_i % MAKERS](odd_sizes[_i % 5], d, 7 + (uint64_t)_i);
    qkvsim_layout *layout = layout_in_turns(d, 1 + _i % 3);
    for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        if (data.d && makers[_i % MAKERS] == table_magnitudes && dtype == QKVSIM_DTYPE_F16)
            continue; /* 1e30 is infinite in float16 */
        stored copy = store(&data, dtype, ORDER_C);
        single_precision = dtype != QKVSIM_DTYPE_F64;
        for_each_pair_group(&copy, layout, NULL, check_moments);
        stored_free(&copy);
    }
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

/* Against the definition on the same bits: errors of single values average out, extremes keep
 * theirs. */
static void assert_moments_by_definition(const table *data, int32_t dtype, double tolerance)
{
    const int64_t d = data->d;
    stored copy = store(data, dtype, ORDER_C);
    table exact = widen(&copy.view);
    qkvsim_layout *layout = layout_in_turns(d, 2);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    double *values = malloc((size_t)(d * d) * sizeof *values);
    for (int m = 0; m < 3; m++) {
        const int32_t metric = every_metric[m];
        double *matrix = oracle_similarity(&exact, metric);
        for (int32_t p = 0; p < 3; p++) {
            int64_t count =
                oracle_collect(matrix, d, qkvsim_layout_group_of(layout), p == 2, p > 0, values);
            const oracle_summary expected =
                oracle_summarise(values, count, dtype != QKVSIM_DTYPE_F64);
            const double wide = 100 * tolerance * (1 + fabs(expected.kurtosis));
            assert_close(statistic(analysis, p, metric, QKVSIM_STATISTIC_MEAN), expected.mean,
                         tolerance, "mean");
            assert_close(statistic(analysis, p, metric, QKVSIM_STATISTIC_VARIANCE),
                         expected.variance, 2 * tolerance, "variance");
            assert_close(statistic(analysis, p, metric, QKVSIM_STATISTIC_SKEWNESS),
                         expected.skewness, wide, "skewness");
            assert_close(statistic(analysis, p, metric, QKVSIM_STATISTIC_KURTOSIS),
                         expected.kurtosis, wide, "kurtosis");
            assert_close(statistic(analysis, p, metric, QKVSIM_STATISTIC_MINIMUM), expected.minimum,
                         tolerance, "minimum");
            assert_close(statistic(analysis, p, metric, QKVSIM_STATISTIC_MAXIMUM), expected.maximum,
                         tolerance, "maximum");
        }
        free(matrix);
    }
    free(values);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    table_free(&exact);
    stored_free(&copy);
}

START_TEST(moments_are_those_of_the_definition)
{
    const double offsets[] = { 0, 1, 1e4 };
    table data = table_with_offsets(odd_sizes[2 + _i], 90, offsets[_i], 8);
    assert_moments_by_definition(&data, QKVSIM_DTYPE_F32, 1e-6);
    assert_moments_by_definition(&data, QKVSIM_DTYPE_F64, 1e-13 + 4e-16 * offsets[_i]);
    table_free(&data);
}
END_TEST

static double offset(const qkvsim_analysis *analysis, int32_t pair_group, int32_t part)
{
    return qkvsim_analysis_statistic(analysis, pair_group, QKVSIM_METRIC_COSINE, part);
}

/* A ratio whose denominator, known to a few times the tolerance, may be small. */
static void assert_ratio(double value, double expected, double denominator, double tolerance)
{
    if (denominator > 100 * tolerance)
        assert_close(value, expected, 8 * tolerance / denominator, "a ratio of energies");
}

static void assert_split_by_definition(const table *data, int32_t dtype, double tolerance)
{
    stored copy = store(data, dtype, ORDER_C);
    table exact = widen(&copy.view);
    qkvsim_layout *layout = layout_in_turns(data->d, 3);
    const int32_t *labels = qkvsim_layout_group_of(layout);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    for (int32_t a = 0; a < 3; a++)
        for (int32_t b = a; b < 3; b++) {
            const int32_t p = qkvsim_layout_pair_group(layout, a, b);
            const double pairs = (double)qkvsim_layout_pairs(qkvsim_analysis_layout(analysis), p);
            const oracle_split expected = oracle_offset(&exact, labels, a, b);
            const struct {
                int32_t statistic;
                double expected, tolerance;
            } numbers[] = {
                { QKVSIM_STATISTIC_OFFSET_SHARE_RAW, expected.raw_share, 4 },
                { QKVSIM_STATISTIC_MEAN_OFFSET_PART, expected.mean_offset, 1 },
                { QKVSIM_STATISTIC_MEAN_VARIANCE_PART, expected.mean_variance, 1 },
                { QKVSIM_STATISTIC_OFFSET_ENERGY_RAW, expected.raw_energy, 2 * pairs },
                { QKVSIM_STATISTIC_VARIANCE_ENERGY_RAW, expected.raw_variance_energy, 2 * pairs },
                { QKVSIM_STATISTIC_CROSS_ENERGY, expected.cross_energy, 4 * pairs },
                { QKVSIM_STATISTIC_OFFSET_ENERGY, expected.energy, 2 * pairs },
                { QKVSIM_STATISTIC_VARIANCE_ENERGY, expected.variance_energy, 2 * pairs },
                { QKVSIM_STATISTIC_MEAN_OFFSET_SQUARE, expected.mean_offset_square, 2 },
            };
            for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
                assert_close(offset(analysis, p, numbers[k].statistic), numbers[k].expected,
                             numbers[k].tolerance * tolerance, "a number of the offset split");
            assert_ratio(offset(analysis, p, QKVSIM_STATISTIC_OFFSET_SHARE), expected.share,
                         (expected.energy + expected.variance_energy) / pairs, tolerance);
            assert_ratio(offset(analysis, p, QKVSIM_STATISTIC_NOISE_FRACTION),
                         expected.noise_fraction, expected.raw_variance_energy / pairs,
                         tolerance * (1 + expected.noise_fraction));
        }
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    table_free(&exact);
    stored_free(&copy);
}

START_TEST(offset_split_is_that_of_the_definition)
{
    const double offsets[] = { 0, 0.5, 3, 100, 1e4 };
    table data = table_with_offsets(253, 60, offsets[_i], 9);
    table mixed = table_mixed(61, 60, 10);
    assert_split_by_definition(&data, QKVSIM_DTYPE_F32, 1e-6);
    assert_split_by_definition(&mixed, QKVSIM_DTYPE_F32, 1e-6);
    assert_split_by_definition(&mixed, QKVSIM_DTYPE_F64, 1e-12);
    table_free(&data);
    table_free(&mixed);
}
END_TEST

/* A constant feature has an offset part with every other and a variance part with none. */
START_TEST(a_small_offset_beside_a_constant_feature_is_not_lost)
{
    table data = table_new(64, 2);
    for (int64_t r = 0; r < 64; r++) {
        *table_at(&data, r, 0) = 5;
        *table_at(&data, r, 1) = (r < 32 ? 1 : -1) * (1 + (double)(r % 32)) + pow(10, -_i);
    }
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(2, 1);
    qkvsim_analysis *a = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    const double exact = oracle_offset_ratio(&data, 1);
    assert_close(offset(a, 0, QKVSIM_STATISTIC_OFFSET_SHARE_RAW), 1, 0, "share");
    assert_close(offset(a, 0, QKVSIM_STATISTIC_MEAN_OFFSET_PART) / exact, 1, 1e-4, "mean");
    assert_close(offset(a, 0, QKVSIM_STATISTIC_OFFSET_ENERGY_RAW) / (exact * exact), 1, 1e-4,
                 "energy");
    qkvsim_analysis_free(a);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(the_offset_share_is_a_statistic_of_the_cosine_only)
{
    table data = table_with_offsets(50, 30, 3, 15);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(30, 4);
    qkvsim_analysis *a = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    for (int32_t p = 0; p < 10; p++) {
        const double share = statistic(a, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE);
        ck_assert_double_eq(share, offset(a, p, QKVSIM_STATISTIC_OFFSET_SHARE));
        ck_assert(isnan(statistic(a, p, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_OFFSET_SHARE)));
    }
    qkvsim_analysis_free(a);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(energies_add_up_to_the_sum_of_squared_cosines)
{
    table data = makers[_i](253, 90, 11);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(90, 3);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    for (int32_t p = 0; p < 6; p++) {
        const double mean = statistic(analysis, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN);
        const double variance =
            statistic(analysis, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE);
        const double count = (double)qkvsim_analysis_defined(analysis, p, QKVSIM_METRIC_COSINE);
        const double energy = offset(analysis, p, QKVSIM_STATISTIC_OFFSET_ENERGY_RAW)
                              + offset(analysis, p, QKVSIM_STATISTIC_VARIANCE_ENERGY_RAW)
                              + offset(analysis, p, QKVSIM_STATISTIC_CROSS_ENERGY);
        assert_close(energy, count * (variance + mean * mean), 1e-6 * count, "sum of energies");
        assert_close(offset(analysis, p, QKVSIM_STATISTIC_MEAN_OFFSET_PART)
                         + offset(analysis, p, QKVSIM_STATISTIC_MEAN_VARIANCE_PART),
                     mean, 1e-6, "sum of parts");
        ck_assert(offset(analysis, p, QKVSIM_STATISTIC_OFFSET_SHARE_RAW) >= 0);
        ck_assert(offset(analysis, p, QKVSIM_STATISTIC_OFFSET_SHARE_RAW) <= 1);
        const double share = offset(analysis, p, QKVSIM_STATISTIC_OFFSET_SHARE);
        const double total = offset(analysis, p, QKVSIM_STATISTIC_OFFSET_ENERGY)
                             + offset(analysis, p, QKVSIM_STATISTIC_VARIANCE_ENERGY);
        ck_assert_int_eq(isnan(share), total <= 0);
        ck_assert(isnan(share) || (share >= 0 && share <= 1));
    }
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* o from the accessor; s^2 from the definition as 1 - o^2 is checked on the centred column
 * itself. */
START_TEST(offset_ratios_are_those_of_the_definition_and_s2_plus_o2_is_1)
{
    table data = table_mixed(253, 40, 12);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    table exact = widen(&copy.view);
    qkvsim_layout *layout = layout_in_turns(40, 2);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    const double *ratios = qkvsim_analysis_offset_ratios(analysis);
    double sums[2] = { 0, 0 }, counts[2] = { 0, 0 };
    for (int64_t j = 0; j < 40; j++) {
        const double expected = oracle_offset_ratio(&exact, j);
        assert_close(ratios[j], expected, 1e-9, "offset ratio");
        if (isnan(expected))
            continue;
        long double mean = 0, centred = 0, norm = 0;
        for (int64_t i = 0; i < 253; i++)
            mean += *table_at(&exact, i, j) / 253.0L;
        for (int64_t i = 0; i < 253; i++) {
            centred += powl(*table_at(&exact, i, j) - mean, 2);
            norm += powl(*table_at(&exact, i, j), 2);
        }
        assert_close((double)(centred / norm) + ratios[j] * ratios[j], 1, 1e-9, "s^2 + o^2");
        sums[j % 2] += expected * expected - (1 - expected * expected) / 252;
        counts[j % 2]++;
    }
    for (int32_t g = 0; g < 2; g++)
        assert_close(qkvsim_analysis_group_offset(analysis, g), sums[g] / counts[g], 1e-9,
                     "corrected mean o^2 of a group");
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    table_free(&exact);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(undefined_features_are_listed_and_their_pairs_are_in_no_bin)
{
    enum { D = 30 };
    table data = table_normal(50, D, 13);
    table_set_constant(&data, 3, 0.1);
    table_set_constant(&data, 17, 0);
    table_set_constant(&data, 29, -7e20);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(D, 1);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    int64_t count, histogram_sum = 0;
    const int64_t *columns =
        qkvsim_analysis_undefined_features(analysis, QKVSIM_METRIC_COSINE, &count);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(columns[0], 17);
    columns = qkvsim_analysis_undefined_features(analysis, QKVSIM_METRIC_PEARSON, &count);
    ck_assert_int_eq(count, 3);
    ck_assert_mem_eq(columns, ((int64_t[]){ 3, 17, 29 }), 3 * sizeof *columns);
    ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(analysis), 0), D * (D - 1) / 2);
    ck_assert_int_eq(qkvsim_analysis_defined(analysis, 0, QKVSIM_METRIC_COSINE),
                     (D - 1) * (D - 2) / 2);
    ck_assert_int_eq(qkvsim_analysis_defined(analysis, 0, QKVSIM_METRIC_PEARSON),
                     (D - 3) * (D - 4) / 2);
    for (int64_t b = 0; b < 100; b++)
        histogram_sum += qkvsim_analysis_histogram(analysis, 0, QKVSIM_METRIC_PEARSON)[b];
    ck_assert_int_eq(histogram_sum, (D - 3) * (D - 4) / 2);
    ck_assert(qkvsim_analysis_offset_ratios(analysis)[3] == 1);
    ck_assert(qkvsim_analysis_offset_ratios(analysis)[29] == -1);
    ck_assert(isnan(qkvsim_analysis_offset_ratios(analysis)[17]));
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* 0.1 is no sum of powers of two: its mean over n is rounded, and the column is constant all the
 * same. */
START_TEST(constant_columns_are_found_exactly_for_any_n)
{
    for (int64_t n = 2; n < 200; n += 7)
        for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++) {
            table data = table_normal(n, 6, (uint64_t)n);
            table_set_constant(&data, 2, 0.1);
            table_set_constant(&data, 5, 1e4 / 3);
            stored copy = store(&data, dtype, ORDER_C);
            qkvsim_layout *layout = layout_in_turns(6, 1);
            qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
            int64_t count;
            const int64_t *columns =
                qkvsim_analysis_undefined_features(analysis, QKVSIM_METRIC_PEARSON, &count);
            ck_assert_int_eq(count, 2);
            ck_assert_int_eq(columns[0], 2);
            ck_assert_int_eq(columns[1], 5);
            ck_assert(qkvsim_analysis_offset_ratios(analysis)[5] == 1);
            qkvsim_analysis_free(analysis);
            qkvsim_layout_free(layout);
            stored_free(&copy);
            table_free(&data);
        }
}
END_TEST

START_TEST(nothing_undefined_is_a_null_list)
{
    table data = table_normal(50, 9, 14);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(9, 3);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    int64_t count = 99;
    ck_assert_ptr_null(qkvsim_analysis_undefined_features(analysis, QKVSIM_METRIC_COSINE, &count));
    ck_assert_int_eq(count, 0);
    count = 99;
    ck_assert_ptr_null(qkvsim_analysis_dropped(analysis, &count));
    ck_assert_int_eq(count, 0);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void assert_all_absent(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric)
{
    ck_assert_int_eq(qkvsim_analysis_defined(analysis, pair_group, metric), 0);
    for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_MAXIMUM; which++)
        ck_assert_msg(isnan(statistic(analysis, pair_group, metric, which)), "statistic %d", which);
}

START_TEST(all_constant_input_has_cosines_and_no_pearson_values)
{
    table data = table_new(20, 6);
    for (int64_t j = 0; j < 6; j++)
        table_set_constant(&data, j, j % 2 ? 0.3 : -5);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(6, 2);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    for (int32_t p = 0; p < 3; p++) {
        assert_all_absent(analysis, p, QKVSIM_METRIC_PEARSON);
        ck_assert(statistic(analysis, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN)
                  == (p == 1 ? -1 : 1));
        ck_assert(statistic(analysis, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_VARIANCE) == 0);
        ck_assert(isnan(statistic(analysis, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_SKEWNESS)));
        ck_assert(isnan(statistic(analysis, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_KURTOSIS)));
        ck_assert(statistic(analysis, p, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_TAIL) == 1);
        ck_assert(offset(analysis, p, QKVSIM_STATISTIC_OFFSET_SHARE) == 1);
    }
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(all_zero_input_has_nothing)
{
    table data = table_new(20, 6);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(6, 2);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    for (int32_t p = 0; p < 3; p++) {
        assert_all_absent(analysis, p, QKVSIM_METRIC_PEARSON);
        assert_all_absent(analysis, p, QKVSIM_METRIC_COSINE);
        for (int32_t part = QKVSIM_STATISTIC_OFFSET_SHARE; part <= QKVSIM_STATISTIC_NOISE_FRACTION;
             part++)
            ck_assert(isnan(offset(analysis, p, part)));
    }
    ck_assert(isnan(qkvsim_analysis_group_offset(analysis, 0)));
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(one_observation_has_cosines_of_plus_and_minus_1_only)
{
    table data = table_normal(1, 30, 15);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(30, 1);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    const int64_t *histogram = qkvsim_analysis_histogram(analysis, 0, QKVSIM_METRIC_COSINE);
    ck_assert_int_eq(qkvsim_analysis_observations(analysis), 1);
    ck_assert_int_eq(histogram[0] + histogram[99], 30 * 29 / 2);
    ck_assert(statistic(analysis, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_TAIL) == 1);
    assert_all_absent(analysis, 0, QKVSIM_METRIC_PEARSON);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(one_feature_has_no_pairs)
{
    table data = table_normal(30, 1, 16);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(1, 1);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(analysis), 0), 0);
    assert_all_absent(analysis, 0, QKVSIM_METRIC_COSINE);
    assert_all_absent(analysis, 0, QKVSIM_METRIC_PEARSON);
    ck_assert(isnan(offset(analysis, 0, QKVSIM_STATISTIC_OFFSET_SHARE)));
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* As many groups as features, so that every tile holds many borders. */
START_TEST(many_groups_of_uneven_sizes_are_counted_right)
{
    table data = table_with_offsets(64, 260, 1, 17);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *single = layout_in_turns(260, 260), *uneven = layout_in_turns(260, 37);
    for_each_pair_group(&copy, uneven, NULL, check_histogram);
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), single, NULL);
    double *matrix = own_matrix(&copy.view, QKVSIM_METRIC_PEARSON, true);
    for (int32_t a = 0; a < 260; a++)
        for (int32_t b = a + 1; b < 260; b++) {
            const int32_t p = qkvsim_layout_pair_group(single, a, b);
            ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(analysis), p), 1);
            ck_assert(statistic(analysis, p, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN)
                      == matrix[a * 260 + b]);
        }
    free(matrix);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(single);
    qkvsim_layout_free(uneven);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Equal summands are rounded the same way at each addition, so that a long sum of them in single
 * precision drifts. */
START_TEST(the_split_of_equal_pairs_does_not_drift)
{
    const int64_t n = 64, d = 384;
    const double pairs = (double)(d * (d - 1) / 2);
    table data = table_normal(n, d, 46);
    for (int64_t r = 0; r < n; r++)
        for (int64_t j = d - 1; j >= 0; j--)
            *table_at(&data, r, j) = *table_at(&data, r, 0) + 0.1 * (_i / 2);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(d, 1);
    qkvsim_context *with = context_with(2, _i % 2);
    qkvsim_analysis *analysis = analyze(with, INPUT(&copy.view, 1), layout, NULL);
    const double mean_offset = qkvsim_analysis_statistic(analysis, 0, QKVSIM_METRIC_COSINE,
                                                         QKVSIM_STATISTIC_MEAN_OFFSET_PART);
    const double variance = 1 - mean_offset; /* of the cosine, which is 1 */
    assert_close(qkvsim_analysis_statistic(analysis, 0, QKVSIM_METRIC_COSINE,
                                           QKVSIM_STATISTIC_MEAN_VARIANCE_PART)
                     / variance,
                 1, 1e-6, "mean variance part");
    assert_close(qkvsim_analysis_statistic(analysis, 0, QKVSIM_METRIC_COSINE,
                                           QKVSIM_STATISTIC_VARIANCE_ENERGY_RAW)
                     / pairs / (variance * variance),
                 1, 2e-6, "variance energy");
    qkvsim_analysis_free(analysis);
    qkvsim_context_free(with);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Far more pairs than 16 bits count fall into one bin of both metrics. */
START_TEST(every_pair_of_identical_features_is_counted)
{
    const int64_t n = 5, d = 1200, pairs = d * (d - 1) / 2;
    table data = table_normal(n, d, 44);
    for (int64_t r = 0; r < n; r++)
        for (int64_t j = 1; j < d; j++)
            *table_at(&data, r, j) = *table_at(&data, r, 0);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(d, 1);
    qkvsim_context *with = context_with(2, _i);
    qkvsim_analysis *analysis = analyze(with, INPUT(&copy.view, 1), layout, NULL);
    for (int32_t metric = QKVSIM_METRIC_COSINE; metric <= QKVSIM_METRIC_PEARSON; metric++) {
        const int64_t *histogram = qkvsim_analysis_histogram(analysis, 0, metric);
        ck_assert_int_eq(histogram[qkvsim_analysis_bins(analysis) - 1], pairs);
        ck_assert_int_eq(qkvsim_analysis_defined(analysis, 0, metric), pairs);
        assert_close(statistic(analysis, 0, metric, QKVSIM_STATISTIC_TAIL), 1, 0, "tail");
    }
    qkvsim_analysis_free(analysis);
    qkvsim_context_free(with);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void check_narrow_moments(const qkvsim_analysis *analysis, int32_t pair_group,
                                 int32_t metric, const double *values, int64_t count)
{
    const oracle_summary expected = oracle_summarise(values, count, true);
    const double variance = statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_VARIANCE);
    ck_assert(metric != QKVSIM_METRIC_COSINE || expected.variance < 1e-9);
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_MEAN), expected.mean,
                 1e-15, "mean");
    assert_close(variance / expected.variance, 1, powers_error(), "relative variance");
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_KURTOSIS),
                 expected.kurtosis, shape_error(expected.kurtosis), "kurtosis");
}

static void check_relative_moments(const qkvsim_analysis *analysis, int32_t pair_group,
                                   int32_t metric, const double *values, int64_t count)
{
    const oracle_summary expected = oracle_summarise(values, count, true);
    const double variance = statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_VARIANCE);
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_MEAN), expected.mean,
                 1e-15, "mean");
    assert_close(variance, expected.variance, 1e-6 * expected.variance, "variance");
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_SKEWNESS),
                 expected.skewness, shape_error(expected.kurtosis), "skewness");
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_KURTOSIS),
                 expected.kurtosis, shape_error(expected.kurtosis), "kurtosis");
}

/* Columns of 1 and -1: of a Hadamard matrix, whose similarities are nothing but rounding, so that
 * their fourth powers are beyond single precision; or one column and its opposite, so that all are
 * 1 or -1. */
START_TEST(moments_are_right_relative_to_values_near_0_and_of_one_magnitude)
{
    table data = table_new(512, 300);
    for (int64_t r = 0; r < data.n; r++)
        for (int64_t j = 0; j < data.d; j++) {
            const int64_t column = _i == 0 ? j + 1 : 137;
            const int odd = __builtin_parityll((unsigned long long)(r & column));
            const bool opposite = _i == 1 && j % 3 == 0;
            *table_at(&data, r, j) = (odd != 0) != opposite ? -1 : 1;
        }
    single_precision = true;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(300, 2);
    for_each_pair_group(&copy, layout, NULL, check_relative_moments);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Sums of powers about 0 would lose the variance of cosines that all lie near 1. */
START_TEST(moments_of_values_close_together_far_from_0_do_not_cancel)
{
    table data = table_normal(50, 300, 45);
    for (int64_t k = 0; k < data.n * data.d; k++)
        data.values[k] += 300;
    single_precision = _i == 0;
    stored copy = store(&data, _i == 0 ? QKVSIM_DTYPE_F32 : QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(300, 2);
    for_each_pair_group(&copy, layout, NULL, check_narrow_moments);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Against values less the first, which takes no digit away, in long double. */
static void check_shape(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric,
                        const double *values, int64_t count)
{
    double *apart = malloc((size_t)count * sizeof *apart);
    for (int64_t k = 0; k < count; k++)
        apart[k] = values[k] - values[0];
    const oracle_summary expected = oracle_summarise(apart, count, single_precision);
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_VARIANCE),
                 expected.variance, powers_error() * expected.variance, "variance");
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_SKEWNESS),
                 expected.skewness, shape_error(expected.kurtosis), "skewness");
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_KURTOSIS),
                 expected.kurtosis, shape_error(expected.kurtosis), "kurtosis");
    free(apart);
}

/* Two columns, each many times with noise of 1e-8 to 1e-14: similarities within a group differ by
 * last places of double, and those across by as little as the noise, in several tiles, or in one
 * with too few pairs to tell beforehand where they lie. */
START_TEST(moments_of_doubles_that_differ_by_last_places_are_right)
{
    static const double noise[] = { 1e-8, 1e-11, 1e-14 };
    table data = table_normal(50, _i < 3 ? 600 : 8, 46);
    for (int64_t r = 0; r < data.n; r++) {
        const double base[] = { *table_at(&data, r, 0), *table_at(&data, r, 1) + 1 };
        for (int64_t j = 0; j < data.d; j++)
            *table_at(&data, r, j) = base[j % 2] + noise[_i % 3] * *table_at(&data, r, j);
    }
    single_precision = false;
    stored copy = store(&data, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(data.d, 2);
    for_each_pair_group(&copy, layout, NULL, check_shape);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Column j is 1 and -1 in two rows of its own, and some 1e-12 to 1e-15 in those of others. */
static table table_nearly_orthogonal(int64_t d, double size)
{
    table data = table_normal(16 * d, d, 47);
    for (int64_t r = 0; r < data.n; r += 2)
        for (int64_t j = 0; j < d; j++) {
            const double little = r % 16 == 0 ? size * *table_at(&data, r, j) : 0;
            const double value = r == 16 * j ? 1 : little;
            *table_at(&data, r, j) = value;
            *table_at(&data, r + 1, j) = -value;
        }
    return data;
}

START_TEST(moments_of_floats_very_near_0_are_right)
{
    static const double sizes[] = { 1e-12, 1e-15 };
    table data = table_nearly_orthogonal(64, sizes[_i]);
    single_precision = true;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(data.d, 2);
    const qkvsim_analysis_options pearson = { .struct_size = sizeof pearson,
                                              .metrics = QKVSIM_METRIC_PEARSON };
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, &pearson);
    double *values = malloc((size_t)(data.d * data.d) * sizeof *values);
    double *matrix = own_matrix(&copy.view, QKVSIM_METRIC_PEARSON, true);
    for (int32_t p = 0; p < 3; p++)
        check_shape(analysis, p, QKVSIM_METRIC_PEARSON, values,
                    collect_row(matrix, layout, p, values));
    free(matrix);
    free(values);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Columns whose offset ratios lie around 0.9, float by float, beside the constants 1 and -1:
 * cosines with these are the ratios and their negatives. */
static table table_ratios_around_0_9(void)
{
    const int64_t d = 120;
    table data = table_new(2, d);
    for (int64_t j = 0; j < d; j++) {
        const bool constant = j < 2;
        const double aside = constant ? 0 : sqrt(1 / 0.81 - 1) + (double)(j - d / 2) * 0x1p-25;
        const double mean = j == 1 ? -1 : 1;
        *table_at(&data, 0, j) = mean + aside;
        *table_at(&data, 1, j) = mean - aside;
    }
    return data;
}

static int64_t at_plus_or_minus_0_9[2];

static void check_tail(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric,
                       const double *values, int64_t count)
{
    const oracle_summary expected = oracle_summarise(values, count, single_precision);
    assert_close(statistic(analysis, pair_group, metric, QKVSIM_STATISTIC_TAIL), expected.tail, 0,
                 "tail");
    for (int64_t k = 0; k < count; k++)
        if (fabs(values[k]) == (double)0.9f)
            at_plus_or_minus_0_9[values[k] < 0]++;
}

/* Where 0.9 is an edge of the bins, and where it is not, with any kernels. */
START_TEST(values_of_exactly_0_9_and_minus_0_9_are_in_the_tail)
{
    const int64_t bin_counts[] = { 100, 20, 7, 180 };
    table data = table_ratios_around_0_9();
    qkvsim_layout *layout = layout_in_turns(data.d, 1);
    qkvsim_context *const usual = context;
    for (int32_t dtype = QKVSIM_DTYPE_F32; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        const qkvsim_bins bins = {
            .struct_size = sizeof bins, .count = bin_counts[_i % 4], .low = -1, .high = 1
        };
        const qkvsim_context_options choice = { .struct_size = sizeof choice, .kernels = _i / 4 };
        if (qkvsim_context_create(&choice, &context) != QKVSIM_OK)
            break; /* kernels that this processor lacks */
        stored copy = store(&data, dtype, ORDER_C);
        single_precision = dtype != QKVSIM_DTYPE_F64;
        memset(at_plus_or_minus_0_9, 0, sizeof at_plus_or_minus_0_9);
        for_each_pair_group(&copy, layout, &bins, check_tail);
        if (single_precision)
            ck_assert(at_plus_or_minus_0_9[0] > 0 && at_plus_or_minus_0_9[1] > 0);
        stored_free(&copy);
        qkvsim_context_free(context);
    }
    context = usual;
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

/* ---- roll-ups ---- */

START_TEST(a_rollup_has_the_histogram_and_moments_of_its_pair_groups_together)
{
    table data = makers[_i](253, 90, 51);
    stored copy = store(&data, _i % 2 ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_with_rollups(90, 5);
    single_precision = copy.view.dtype != QKVSIM_DTYPE_F64;
    for_each_pair_group(&copy, layout, NULL, check_histogram);
    for_each_pair_group(&copy, layout, NULL, check_moments);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Relabelled as one group, the pair groups of a layout are that group's; so is their roll-up. */
START_TEST(a_rollup_of_everything_is_a_layout_of_one_group)
{
    const int32_t all[] = { 0, 1, 2, 3, 4, 5 };
    table data = table_with_offsets(64, 60, 2, 52);
    table_set_constant(&data, 7, 3);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *single = layout_in_turns(60, 1), *turns = layout_in_turns(60, 3);
    assert_ok(context, qkvsim_layout_add_rollup(context, turns, "all", all, 6));
    qkvsim_analysis *expected = analyze(context, INPUT(&copy.view, 1), single, NULL);
    qkvsim_analysis *a = analyze(context, INPUT(&copy.view, 1), turns, NULL);
    ck_assert_int_eq(qkvsim_layout_rollups(qkvsim_analysis_layout(a)), 1);
    ck_assert_str_eq(qkvsim_layout_row_name(qkvsim_analysis_layout(a), 6), "all");
    ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(a), 6),
                     qkvsim_layout_pairs(qkvsim_analysis_layout(expected), 0));
    for (int m = 0; m < 3; m++) {
        const int32_t metric = every_metric[m];
        ck_assert_int_eq(qkvsim_analysis_defined(a, 6, metric),
                         qkvsim_analysis_defined(expected, 0, metric));
        ck_assert_mem_eq(qkvsim_analysis_histogram(a, 6, metric),
                         qkvsim_analysis_histogram(expected, 0, metric), 100 * sizeof(int64_t));
        for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_OFFSET_SHARE; which++)
            assert_close(statistic(a, 6, metric, which), statistic(expected, 0, metric, which),
                         1e-6, "statistic");
    }
    for (int32_t part = QKVSIM_STATISTIC_OFFSET_SHARE; part <= QKVSIM_STATISTIC_NOISE_FRACTION;
         part++)
        assert_close(offset(a, 6, part), offset(expected, 0, part),
                     1e-6 * (1 + fabs(offset(expected, 0, part))), "offset split");
    qkvsim_analysis_free(expected);
    qkvsim_analysis_free(a);
    qkvsim_layout_free(single);
    qkvsim_layout_free(turns);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(a_rollup_with_a_pair_group_not_asked_for_is_absent)
{
    const int32_t chosen[] = { 2, 1, 0 };
    table data = table_normal(50, 30, 53);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_with_rollups(30, 3);
    qkvsim_analysis_options options = { .struct_size = sizeof options,
                                        .pair_groups = chosen,
                                        .pair_group_count = 3,
                                        .metrics = METRICS_SUM };
    qkvsim_analysis *some = analyze(context, INPUT(&copy.view, 1), layout, &options);
    assert_all_absent(some, 6, QKVSIM_METRIC_COSINE);
    ck_assert_ptr_null(qkvsim_analysis_histogram(some, 6, QKVSIM_METRIC_COSINE));
    ck_assert_int_eq(qkvsim_analysis_defined(some, 7, QKVSIM_METRIC_PEARSON),
                     qkvsim_layout_pairs(qkvsim_analysis_layout(some), 7));
    ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(some), 7), 200);
    qkvsim_analysis_free(some);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(the_group_matrix_has_every_pair_group_twice)
{
    const int32_t chosen[] = { 0, 1, 3 };
    double matrix[4] = { 0 }, all[16];
    table data = table_with_offsets(50, 40, 1, 54);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(40, 4);
    qkvsim_analysis *a = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_OFFSET_SHARE; which++) {
        qkvsim_analysis_group_matrix(context, a, QKVSIM_METRIC_COSINE, which, all, COUNT_OF(all));
        for (int32_t k = 0; k < 16; k++)
            ck_assert(all[k]
                      == statistic(a, qkvsim_layout_pair_group(layout, k / 4, k % 4),
                                   QKVSIM_METRIC_COSINE, which));
    }
    qkvsim_analysis_free(a);
    qkvsim_layout_free(layout);
    layout = layout_in_turns(40, 2);
    qkvsim_analysis_options options = { .struct_size = sizeof options,
                                        .pair_groups = chosen,
                                        .pair_group_count = 2,
                                        .metrics = METRICS_SUM };
    a = analyze(context, INPUT(&copy.view, 1), layout, &options);
    qkvsim_analysis_group_matrix(context, a, QKVSIM_METRIC_PEARSON, QKVSIM_STATISTIC_MEAN, matrix,
                                 COUNT_OF(matrix));
    ck_assert(isfinite(matrix[0]) && matrix[1] == matrix[2] && isnan(matrix[3]));
    qkvsim_analysis_free(a);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(names_and_sizes_are_those_of_the_layout)
{
    table data = table_normal(30, 12, 18);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 12, &layout));
    qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    qkvsim_layout_free(layout); /* the results do not need it */
    static const char *const names[] = { "Q-Q", "Q-K", "Q-V", "K-K", "K-V", "V-V" };
    ck_assert_int_eq(qkvsim_layout_pair_groups(qkvsim_analysis_layout(analysis)), 6);
    ck_assert_int_eq(qkvsim_layout_features(qkvsim_analysis_layout(analysis)), 12);
    ck_assert_int_eq(qkvsim_analysis_observations(analysis), 30);
    ck_assert_int_eq(qkvsim_analysis_bins(analysis), 100);
    for (int32_t p = 0; p < 6; p++)
        ck_assert_str_eq(qkvsim_layout_row_name(qkvsim_analysis_layout(analysis), p), names[p]);
    ck_assert_ptr_null(qkvsim_layout_row_name(qkvsim_analysis_layout(analysis), 6));
    ck_assert_ptr_null(qkvsim_layout_row_name(qkvsim_analysis_layout(analysis), -1));
    qkvsim_analysis_free(analysis);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(accessors_answer_nothing_where_there_is_nothing)
{
    table data = table_normal(30, 12, 19);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(12, 3);
    qkvsim_analysis *a = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    const int32_t groups[] = { -1, 6, INT32_MAX, INT32_MIN },
                  metrics[] = { 0, 3, 4, 8, -1, INT32_MAX };
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(a), groups[i]), 0);
        ck_assert_int_eq(qkvsim_analysis_defined(a, groups[i], QKVSIM_METRIC_COSINE), 0);
        ck_assert_ptr_null(qkvsim_analysis_histogram(a, groups[i], QKVSIM_METRIC_COSINE));
        ck_assert(isnan(statistic(a, groups[i], QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN)));
        ck_assert(isnan(offset(a, groups[i], QKVSIM_STATISTIC_OFFSET_SHARE)));
        ck_assert(isnan(qkvsim_analysis_group_offset(a, groups[i])));
    }
    for (int i = 0; i < 6; i++) {
        int64_t count = 7;
        ck_assert_ptr_null(qkvsim_analysis_histogram(a, 0, metrics[i]));
        ck_assert_int_eq(qkvsim_analysis_defined(a, 0, metrics[i]), 0);
        ck_assert(isnan(statistic(a, 0, metrics[i], QKVSIM_STATISTIC_MEAN)));
        ck_assert_ptr_null(qkvsim_analysis_undefined_features(a, metrics[i], &count));
        ck_assert_int_eq(count, 0);
    }
    const int32_t none_such[] = { -1, 0, QKVSIM_STATISTIC_MEAN_SQUARE, 20, INT32_MAX };
    for (int i = 0; i < 5; i++)
        ck_assert(isnan(statistic(a, 0, QKVSIM_METRIC_COSINE, none_such[i])));
    qkvsim_analysis_free(a);
    qkvsim_analysis_free(NULL);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(null_analyses_are_empty)
{
    int64_t count = 5;
    ck_assert_int_eq(qkvsim_analysis_observations(NULL), 0);
    ck_assert_int_eq(qkvsim_layout_features(qkvsim_analysis_layout(NULL)), 0);
    ck_assert_int_eq(qkvsim_layout_pair_groups(qkvsim_analysis_layout(NULL)), 0);
    ck_assert_int_eq(qkvsim_layout_rollups(qkvsim_analysis_layout(NULL)), 0);
    qkvsim_analysis_group_matrix(context, NULL, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN, NULL,
                                 0);
    ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(NULL), 0), 0);
    ck_assert_int_eq(qkvsim_analysis_bins(NULL), 0);
    ck_assert_ptr_null(qkvsim_analysis_bin_edges(NULL));
    ck_assert_ptr_null(qkvsim_layout_row_name(qkvsim_analysis_layout(NULL), 0));
    ck_assert_ptr_null(qkvsim_analysis_dropped(NULL, &count));
    ck_assert_int_eq(count, 0);
    ck_assert_ptr_null(qkvsim_analysis_offset_ratios(NULL));
    ck_assert_ptr_null(qkvsim_analysis_histogram(NULL, 0, QKVSIM_METRIC_COSINE));
    ck_assert(
        isnan(qkvsim_analysis_statistic(NULL, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_MEAN)));
    ck_assert(isnan(
        qkvsim_analysis_statistic(NULL, 0, QKVSIM_METRIC_COSINE, QKVSIM_STATISTIC_OFFSET_SHARE)));
    ck_assert(isnan(qkvsim_analysis_group_offset(NULL, 0)));
}
END_TEST

START_TEST(results_are_bit_identical_for_any_number_of_threads)
{
    const int32_t threads[] = { 2, 3, 7 };
    const qkvsim_bins bins = { .struct_size = sizeof bins, .count = 37, .low = -1, .high = 1 };
    qkvsim_analysis_options options = { .struct_size = sizeof options,
                                        .bins = _i > 1 ? &bins : NULL,
                                        .metrics = METRICS_SUM };
    table data = table_with_offsets(301, 700, 2, 20);
    stored copy = store(&data, _i % 2 ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_with_rollups(700, 3);
    qkvsim_context *one = context_with(1, QKVSIM_KERNELS_AUTO);
    qkvsim_analysis *expected = analyze(one, INPUT(&copy.view, 1), layout, &options);
    for (int t = 0; t < 3; t++) {
        qkvsim_context *many = context_with(threads[t], QKVSIM_KERNELS_AUTO);
        for (int repeat = 0; repeat < 3; repeat++) {
            qkvsim_analysis *analysis = analyze(many, INPUT(&copy.view, 1), layout, &options);
            assert_same_analysis(analysis, expected);
            qkvsim_analysis_free(analysis);
        }
        qkvsim_context_free(many);
    }
    qkvsim_analysis_free(expected);
    qkvsim_context_free(one);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static int32_t cancel_at(void *user, int64_t done, int64_t total)
{
    (void)total;
    return done >= *(const int64_t *)user;
}

/* Working memory of a context is left as the next call needs it, whatever it counts, and by calls
 * that end early too. */
START_TEST(calls_of_one_context_leave_no_trace)
{
    static const int64_t bin_counts[] = { 100, 7, 1000, 23, 128, 100 };
    static const int32_t metrics[] = { 3, 1, METRICS_SUM, 2, 3 };
    static const double uneven[] = { -1, -0.2, 0.9, 1 };
    table data = table_with_offsets(40, 390, 2, 21);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(390, 3);
    qkvsim_context *used = context_with(_i, QKVSIM_KERNELS_AUTO);
    for (int k = 0; k < 60; k++) {
        const qkvsim_bins bins = { .struct_size = sizeof bins,
                                   .count = k % 7 == 6 ? 3 : bin_counts[k % 6],
                                   .low = -1,
                                   .high = 1,
                                   .edges = k % 7 == 6 ? uneven : NULL };
        const qkvsim_analysis_options options = { .struct_size = sizeof options,
                                                  .bins = &bins,
                                                  .metrics = metrics[k % 5] };
        const qkvsim_input *input =
            INPUT(&copy.view, 1, .arithmetic = k % 4 == 3 ? QKVSIM_DTYPE_F64 : 0);
        int64_t end = k / 3 % 8;
        qkvsim_analysis *cancelled = NULL;
        qkvsim_context_set_progress(used, k % 3 == 0 ? cancel_at : NULL, &end);
        if (k % 3 == 0)
            (void)qkvsim_analysis_run(used, input, layout, &options, &cancelled);
        qkvsim_analysis_free(cancelled);
        qkvsim_context_set_progress(used, NULL, NULL);
        qkvsim_context *fresh = context_with(1, QKVSIM_KERNELS_AUTO);
        qkvsim_analysis *again = analyze(used, input, layout, &options);
        qkvsim_analysis *expected = analyze(fresh, input, layout, &options);
        assert_same_analysis(again, expected);
        qkvsim_analysis_free(again);
        qkvsim_analysis_free(expected);
        qkvsim_context_free(fresh);
    }
    qkvsim_context_free(used);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void assert_same_counts(const qkvsim_analysis *one, const qkvsim_analysis *other)
{
    for (int32_t p = 0; p < qkvsim_layout_pair_groups(qkvsim_analysis_layout(one)); p++)
        for (int m = 0; m < 3; m++) {
            const int32_t metric = every_metric[m];
            ck_assert_mem_eq(qkvsim_analysis_histogram(one, p, metric),
                             qkvsim_analysis_histogram(other, p, metric),
                             (size_t)qkvsim_analysis_bins(one) * sizeof(int64_t));
            ck_assert_int_eq(qkvsim_analysis_defined(one, p, metric),
                             qkvsim_analysis_defined(other, p, metric));
            assert_close(statistic(one, p, metric, QKVSIM_STATISTIC_TAIL),
                         statistic(other, p, metric, QKVSIM_STATISTIC_TAIL), 0, "tail");
            assert_close(statistic(one, p, metric, QKVSIM_STATISTIC_MEAN),
                         statistic(other, p, metric, QKVSIM_STATISTIC_MEAN), 1e-12, "mean");
        }
}

/* The portable kernels are the specification; kernels that this processor lacks are left out. */
START_TEST(all_kernels_give_the_same_bin_counts)
{
    const int64_t bin_counts[] = { 100, 20, 255, 1000, 3, 256, 7, 65 };
    const qkvsim_bins bins = { .struct_size = sizeof bins,
                               .count = bin_counts[_i % COUNT_OF(bin_counts)],
                               .low = -1,
                               .high = 1 };
    qkvsim_analysis_options options = { .struct_size = sizeof options,
                                        .bins = &bins,
                                        .metrics = METRICS_SUM };
    table data = makers[_i](odd_sizes[_i % 5], 403, 21);
    qkvsim_layout *layout = layout_in_turns(403, 3);
    for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        if (makers[_i] == table_magnitudes && dtype == QKVSIM_DTYPE_F16)
            continue; /* 1e30 is infinite in float16 */
        stored copy = store(&data, dtype, dtype % 2 ? ORDER_C : ORDER_FORTRAN);
        qkvsim_context *portable = context_with(2, QKVSIM_KERNELS_PORTABLE);
        qkvsim_analysis *expected = analyze(portable, INPUT(&copy.view, 1), layout, &options);
        for (int32_t kernels = QKVSIM_KERNELS_AVX2; kernels <= QKVSIM_KERNELS_AVX512; kernels++) {
            qkvsim_context_options choice = { .struct_size = sizeof choice, .kernels = kernels };
            qkvsim_context *with;
            if (qkvsim_context_create(&choice, &with) != QKVSIM_OK)
                continue;
            qkvsim_analysis *analysis = analyze(with, INPUT(&copy.view, 1), layout, &options);
            assert_same_counts(analysis, expected);
            qkvsim_analysis_free(analysis);
            qkvsim_context_free(with);
        }
        qkvsim_analysis_free(expected);
        qkvsim_context_free(portable);
        stored_free(&copy);
    }
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

START_TEST(one_fused_view_and_its_three_parts_are_identical)
{
    table data = table_with_offsets(100, 411, 2, 22);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    const qkvsim_view parts[] = { view_of_columns(&copy.view, 0, 137),
                                  view_of_columns(&copy.view, 137, 137),
                                  view_of_columns(&copy.view, 274, 137) };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_thirds(context, 411, &layout));
    qkvsim_analysis *fused = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    qkvsim_analysis *apart = analyze(context, INPUT(parts, 3), layout, NULL);
    assert_same_analysis(fused, apart);
    qkvsim_analysis_free(fused);
    qkvsim_analysis_free(apart);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(every_order_in_memory_gives_identical_results)
{
    table data = table_mixed(90, 150, 23);
    qkvsim_layout *layout = layout_in_turns(150, 3);
    for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++) {
        stored plain = store(&data, dtype, ORDER_C);
        qkvsim_analysis *expected = analyze(context, INPUT(&plain.view, 1), layout, NULL);
        for (int32_t order = ORDER_FORTRAN; order < ORDER_COUNT; order++) {
            stored copy = store(&data, dtype, order);
            qkvsim_analysis *analysis = analyze(context, INPUT(&copy.view, 1), layout, NULL);
            assert_same_analysis(analysis, expected);
            qkvsim_analysis_free(analysis);
            stored_free(&copy);
        }
        qkvsim_analysis_free(expected);
        stored_free(&plain);
    }
    qkvsim_layout_free(layout);
    table_free(&data);
}
END_TEST

START_TEST(list_and_mask_select_identically)
{
    enum { N = 90 };
    int64_t rows[N / 3];
    uint8_t mask[N] = { 0 };
    for (int64_t i = 0; i < N / 3; i++) {
        rows[i] = 3 * (N / 3 - 1 - i) + 1;
        mask[rows[i]] = 1;
    }
    const qkvsim_selection list = { .struct_size = sizeof list,
                                    .observations = rows,
                                    .count = N / 3 };
    const qkvsim_selection bytes = { .struct_size = sizeof bytes, .mask = mask, .count = N };
    table data = table_with_offsets(N, 60, 2, 24);
    stored copy = store(&data, QKVSIM_DTYPE_F16, ORDER_FORTRAN);
    qkvsim_layout *layout = layout_in_turns(60, 3);
    const qkvsim_analysis_options options = { .struct_size = sizeof options,
                                              .metrics = METRICS_SUM };
    qkvsim_analysis *one, *other;
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&copy.view, 1, .selection = &list),
                                           layout, &options, &one));
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&copy.view, 1, .selection = &bytes),
                                           layout, &options, &other));
    ck_assert_int_eq(qkvsim_analysis_observations(one), N / 3);
    assert_same_analysis(one, other);
    qkvsim_analysis_free(one);
    qkvsim_analysis_free(other);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Columns moved together with their labels, in order within each group: the prepared input is the
 * same, so everything is, but for what stands in the caller's column order. */
START_TEST(features_moved_with_their_labels_give_identical_results)
{
    enum { D = 90 };
    int64_t order[D];
    for (int64_t j = 0; j < D; j++)
        order[j] = j % 3 * (D / 3) + j / 3;
    table data = table_with_offsets(100, D, 2, 25), turned = table_columns(&data, order, D);
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           moved = store(&turned, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *blocks, *turns = layout_in_turns(D, 3);
    assert_ok(context, qkvsim_layout_thirds(context, D, &blocks));
    qkvsim_analysis *one = analyze(context, INPUT(&plain.view, 1), blocks, NULL);
    qkvsim_analysis *other = analyze(context, INPUT(&moved.view, 1), turns, NULL);
    assert_same_counts(one, other);
    for (int32_t p = 0; p < 6; p++)
        for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_MAXIMUM; which++)
            assert_close(statistic(one, p, QKVSIM_METRIC_COSINE, which),
                         statistic(other, p, QKVSIM_METRIC_COSINE, which), 0, "statistic");
    for (int64_t j = 0; j < D; j++)
        ck_assert(qkvsim_analysis_offset_ratios(other)[j]
                  == qkvsim_analysis_offset_ratios(one)[order[j]]);
    qkvsim_analysis_free(one);
    qkvsim_analysis_free(other);
    qkvsim_layout_free(blocks);
    qkvsim_layout_free(turns);
    stored_free(&plain);
    stored_free(&moved);
    table_free(&data);
    table_free(&turned);
}
END_TEST

START_TEST(scaling_by_powers_of_two_changes_nothing)
{
    table data = table_mixed(100, 90, 26);
    stored plain = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    for (int64_t i = 0; i < data.n * data.d; i++)
        data.values[i] = ldexp(data.values[i], (int)(i % data.d % 31) - 15);
    stored scaled = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(90, 3);
    qkvsim_analysis *one = analyze(context, INPUT(&plain.view, 1), layout, NULL);
    qkvsim_analysis *other = analyze(context, INPUT(&scaled.view, 1), layout, NULL);
    assert_same_analysis(one, other);
    qkvsim_analysis_free(one);
    qkvsim_analysis_free(other);
    qkvsim_layout_free(layout);
    stored_free(&plain);
    stored_free(&scaled);
    table_free(&data);
}
END_TEST

START_TEST(one_metric_alone_is_as_in_all_and_the_others_are_absent)
{
    table data = table_mixed(100, 300, 27);
    stored copy = store(&data, _i ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(300, 3);
    qkvsim_analysis *all = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    for (int m = 0; m < 3; m++) {
        const int32_t metric = every_metric[m];
        qkvsim_analysis_options options = { .struct_size = sizeof options, .metrics = metric };
        qkvsim_analysis *alone = analyze(context, INPUT(&copy.view, 1), layout, &options);
        for (int32_t p = 0; p < 6; p++) {
            ck_assert_mem_eq(qkvsim_analysis_histogram(alone, p, metric),
                             qkvsim_analysis_histogram(all, p, metric), 100 * sizeof(int64_t));
            for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_MAXIMUM; which++)
                assert_close(statistic(alone, p, metric, which), statistic(all, p, metric, which),
                             0, "statistic");
            assert_close(offset(alone, p, QKVSIM_STATISTIC_OFFSET_SHARE),
                         metric == QKVSIM_METRIC_COSINE
                             ? offset(all, p, QKVSIM_STATISTIC_OFFSET_SHARE)
                             : NAN,
                         0, "offset share");
            for (int other = 0; other < 3; other++) {
                if (other == m)
                    continue;
                assert_all_absent(alone, p, every_metric[other]);
                ck_assert_ptr_null(qkvsim_analysis_histogram(alone, p, every_metric[other]));
            }
        }
        ck_assert_mem_eq(qkvsim_analysis_offset_ratios(alone), qkvsim_analysis_offset_ratios(all),
                         300 * sizeof(double));
        qkvsim_analysis_free(alone);
    }
    qkvsim_analysis_free(all);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(by_default_the_metrics_are_cosine_and_pearson)
{
    table data = table_normal(50, 30, 34);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(30, 3);
    const qkvsim_analysis_options options = { .struct_size = sizeof options,
                                              .metrics =
                                                  QKVSIM_METRIC_COSINE + QKVSIM_METRIC_PEARSON };
    qkvsim_analysis *both = analyze(context, INPUT(&copy.view, 1), layout, &options), *a = NULL;
    assert_ok(context, qkvsim_analysis_run(context, INPUT(&copy.view, 1), layout, NULL, &a));
    assert_same_analysis(a, both);
    assert_all_absent(a, 0, QKVSIM_METRIC_SPEARMAN);
    qkvsim_analysis_free(a);
    qkvsim_analysis_free(both);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(chosen_pair_groups_are_as_among_all_and_the_others_absent)
{
    const int32_t chosen[] = { 4, 0 };
    table data = table_mixed(100, 500, 28);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout;
    assert_ok(context,
              qkvsim_layout_widths(context, (int64_t[]){ 250, 130, 120 }, NULL, 3, &layout));
    qkvsim_analysis_options options = { .struct_size = sizeof options,
                                        .pair_groups = chosen,
                                        .pair_group_count = 2,
                                        .metrics = METRICS_SUM };
    qkvsim_analysis *all = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    qkvsim_analysis *some = analyze(context, INPUT(&copy.view, 1), layout, &options);
    ck_assert_int_eq(qkvsim_layout_pair_groups(qkvsim_analysis_layout(some)), 6);
    for (int32_t p = 0; p < 6; p++)
        for (int m = 0; m < 3; m++) {
            const int32_t metric = every_metric[m];
            ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(some), p),
                             qkvsim_layout_pairs(qkvsim_analysis_layout(all), p));
            if (p != 0 && p != 4) {
                ck_assert_ptr_null(qkvsim_analysis_histogram(some, p, metric));
                assert_all_absent(some, p, metric);
                continue;
            }
            ck_assert_mem_eq(qkvsim_analysis_histogram(some, p, metric),
                             qkvsim_analysis_histogram(all, p, metric), 100 * sizeof(int64_t));
            for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_MAXIMUM; which++)
                assert_close(statistic(some, p, metric, which), statistic(all, p, metric, which),
                             1e-9, "statistic");
        }
    qkvsim_analysis_free(all);
    qkvsim_analysis_free(some);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* ---- between layers: parts with groups of their own, of which some pair groups are wanted ---- */

enum { LAYER_Q3, LAYER_K3, LAYER_Q7, LAYER_K7, LAYER_GROUPS };

/* Q and K of two layers on the same tokens, in four arrays of their own types and orders. */
typedef struct layers {
    table data[LAYER_GROUPS];
    stored copies[LAYER_GROUPS];
    qkvsim_view parts[LAYER_GROUPS];
    qkvsim_layout *layout;
} layers;

static layers open_layers(int64_t n, const int64_t *widths)
{
    static const char *const names[] = { "Q3", "K3", "Q7", "K7" };
    static const int32_t dtypes[] = { QKVSIM_DTYPE_F16, QKVSIM_DTYPE_F32, QKVSIM_DTYPE_F32,
                                      QKVSIM_DTYPE_BF16 };
    layers all;
    int32_t labels[2304];
    int64_t features = 0;
    for (int32_t g = 0; g < LAYER_GROUPS; g++) {
        all.data[g] = table_with_offsets(n, widths[g], 2, 60 + (uint64_t)g);
        all.copies[g] = store(&all.data[g], dtypes[g], g);
        all.parts[g] = all.copies[g].view;
        for (int64_t j = 0; j < widths[g]; j++)
            labels[features++] = g;
    }
    assert_ok(context,
              qkvsim_layout_labels(context, labels, features, names, LAYER_GROUPS, &all.layout));
    return all;
}

static void close_layers(layers *all)
{
    qkvsim_layout_free(all->layout);
    for (int32_t g = 0; g < LAYER_GROUPS; g++) {
        stored_free(&all->copies[g]);
        table_free(&all->data[g]);
    }
}

/* Q of layer 3 with K of layer 7, and nothing else. */
static qkvsim_analysis_options between_layers(const layers *all, int32_t *pair_group)
{
    *pair_group = qkvsim_layout_pair_group(all->layout, LAYER_Q3, LAYER_K7);
    qkvsim_analysis_options options = every;
    options.pair_groups = pair_group;
    options.pair_group_count = 1;
    return options;
}

START_TEST(parts_of_two_layers_are_as_in_the_analysis_of_everything)
{
    layers all = open_layers(200, (int64_t[]){ 300, 100, 250, 130 });
    int32_t wanted;
    const qkvsim_analysis_options options = between_layers(&all, &wanted);
    qkvsim_analysis *full = analyze(context, INPUT(all.parts, LAYER_GROUPS), all.layout, NULL);
    qkvsim_analysis *some = analyze(context, INPUT(all.parts, LAYER_GROUPS), all.layout, &options);
    ck_assert_str_eq(qkvsim_layout_row_name(qkvsim_analysis_layout(some), wanted), "Q3-K7");
    ck_assert_int_eq(qkvsim_layout_pairs(qkvsim_analysis_layout(some), wanted), 300 * 130);
    for (int m = 0; m < 3; m++) {
        ck_assert_mem_eq(qkvsim_analysis_histogram(some, wanted, every_metric[m]),
                         qkvsim_analysis_histogram(full, wanted, every_metric[m]),
                         100 * sizeof(int64_t));
        for (int32_t which = QKVSIM_STATISTIC_MEAN; which <= QKVSIM_STATISTIC_OFFSET_SHARE; which++)
            assert_close(statistic(some, wanted, every_metric[m], which),
                         statistic(full, wanted, every_metric[m], which), 1e-9, "statistic");
        for (int32_t p = 0; p < 10; p++)
            if (p != wanted)
                assert_all_absent(some, p, every_metric[m]);
    }
    qkvsim_analysis_free(full);
    qkvsim_analysis_free(some);
    close_layers(&all);
}
END_TEST

static int32_t note_total(void *user, int64_t done, int64_t total)
{
    (void)done;
    *(int64_t *)user = total;
    return 0;
}

/* A unit of progress is a tile. The triangle of four equal groups has eight times the area of the
 * square between two of them. */
START_TEST(tiles_of_pair_groups_that_are_not_wanted_are_not_computed)
{
    layers all = open_layers(40, (int64_t[]){ 576, 576, 576, 576 });
    int32_t wanted;
    qkvsim_analysis_options options = between_layers(&all, &wanted);
    int64_t full = 0, some = 0;
    options.metrics = QKVSIM_METRIC_COSINE;
    qkvsim_context_set_progress(context, note_total, &some);
    qkvsim_analysis_free(analyze(context, INPUT(all.parts, LAYER_GROUPS), all.layout, &options));
    options.pair_groups = NULL;
    options.pair_group_count = 0;
    qkvsim_context_set_progress(context, note_total, &full);
    qkvsim_analysis_free(analyze(context, INPUT(all.parts, LAYER_GROUPS), all.layout, &options));
    qkvsim_context_set_progress(context, NULL, NULL);
    ck_assert_int_gt(some, 0);
    ck_assert_int_le(6 * some, full);
    close_layers(&all);
}
END_TEST

START_TEST(parts_of_no_wanted_pair_group_are_not_read)
{
    layers all = open_layers(50, (int64_t[]){ 30, 20, 30, 20 });
    table_set_constant(&all.data[LAYER_Q7], 3, NAN);
    stored_free(&all.copies[LAYER_Q7]);
    all.copies[LAYER_Q7] = store(&all.data[LAYER_Q7], QKVSIM_DTYPE_F32, ORDER_C);
    all.parts[LAYER_Q7] = all.copies[LAYER_Q7].view;
    int32_t wanted;
    const qkvsim_analysis_options options = between_layers(&all, &wanted);
    qkvsim_analysis *some = analyze(context, INPUT(all.parts, LAYER_GROUPS), all.layout, &options);
    ck_assert_int_eq(qkvsim_analysis_defined(some, wanted, QKVSIM_METRIC_PEARSON), 600);
    qkvsim_analysis_free(some);
    assert_status(
        context,
        qkvsim_analysis_run(context, INPUT(all.parts, LAYER_GROUPS), all.layout, NULL, &some),
        QKVSIM_ERROR_NONFINITE);
    close_layers(&all);
}
END_TEST

START_TEST(layers_of_unlike_tokens_are_refused)
{
    layers all = open_layers(50, (int64_t[]){ 30, 20, 30, 20 });
    qkvsim_analysis *analysis = POISON_HANDLE;
    int32_t wanted;
    const qkvsim_analysis_options options = between_layers(&all, &wanted);
    all.parts[LAYER_K7].observations = 49;
    assert_status(context,
                  qkvsim_analysis_run(context, INPUT(all.parts, LAYER_GROUPS), all.layout, &options,
                                      &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 3);
    assert_message_has_number(context, 49);
    assert_message_has_number(context, 50);
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    close_layers(&all);
}
END_TEST

START_TEST(double_arithmetic_can_be_asked_for)
{
    table data = table_with_offsets(253, 40, 3, 29);
    stored copy = store(&data, QKVSIM_DTYPE_F16, ORDER_C);
    table exact = widen(&copy.view);
    stored wide = store(&exact, QKVSIM_DTYPE_F64, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(40, 3);
    qkvsim_analysis *asked =
        analyze(context, INPUT(&copy.view, 1, .arithmetic = QKVSIM_DTYPE_F64), layout, NULL);
    qkvsim_analysis *native = analyze(context, INPUT(&wide.view, 1), layout, NULL);
    assert_same_analysis(asked, native);
    qkvsim_analysis_free(asked);
    qkvsim_analysis_free(native);
    qkvsim_layout_free(layout);
    table_free(&exact);
    stored_free(&copy);
    stored_free(&wide);
    table_free(&data);
}
END_TEST

START_TEST(dropped_observations_are_listed_and_as_if_never_there)
{
    const int64_t bad[] = { 0, 13, 59 };
    int64_t kept[57], count = 0;
    table data = table_normal(60, 30, 30);
    for (int i = 0; i < 3; i++)
        *table_at(&data, bad[i], 29 - 14 * i) = i == 1 ? INFINITY : NAN;
    for (int64_t i = 0; i < 60; i++)
        if (i != 0 && i != 13 && i != 59)
            kept[count++] = i;
    table rest = table_rows(&data, kept, 57);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C),
           clean = store(&rest, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(30, 3);
    qkvsim_analysis *dropping =
        analyze(context, INPUT(&copy.view, 1, .nonfinite = QKVSIM_NONFINITE_DROP_OBSERVATION),
                layout, NULL);
    qkvsim_analysis *without = analyze(context, INPUT(&clean.view, 1), layout, NULL);
    const int64_t *rows = qkvsim_analysis_dropped(dropping, &count);
    ck_assert_int_eq(count, 3);
    ck_assert_mem_eq(rows, bad, sizeof bad);
    ck_assert_int_eq(qkvsim_analysis_observations(dropping), 57);
    assert_same_analysis(dropping, without);
    qkvsim_analysis_free(dropping);
    qkvsim_analysis_free(without);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    stored_free(&clean);
    table_free(&data);
    table_free(&rest);
}
END_TEST

START_TEST(nonfinite_features_are_undefined_where_asked)
{
    table data = table_normal(60, 30, 31);
    *table_at(&data, 59, 4) = NAN;
    *table_at(&data, 0, 22) = -INFINITY;
    stored copy = store(&data, QKVSIM_DTYPE_BF16, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(30, 1);
    qkvsim_analysis *analysis =
        analyze(context, INPUT(&copy.view, 1, .nonfinite = QKVSIM_NONFINITE_UNDEFINED_FEATURE),
                layout, NULL);
    for (int m = 0; m < 3; m++) {
        const int32_t metric = every_metric[m];
        int64_t count;
        const int64_t *columns = qkvsim_analysis_undefined_features(analysis, metric, &count);
        ck_assert_int_eq(count, 2);
        ck_assert_int_eq(columns[0], 4);
        ck_assert_int_eq(columns[1], 22);
        ck_assert_int_eq(qkvsim_analysis_defined(analysis, 0, metric), 28 * 27 / 2);
        ck_assert(isfinite(statistic(analysis, 0, metric, QKVSIM_STATISTIC_KURTOSIS)));
    }
    ck_assert(isfinite(offset(analysis, 0, QKVSIM_STATISTIC_OFFSET_SHARE)));
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* The share of a pair group's values in the outermost 2 of 20 bins, in percent. */
static double outermost(const qkvsim_analysis *analysis, int32_t pair_group, int32_t metric)
{
    const int64_t *histogram = qkvsim_analysis_histogram(analysis, pair_group, metric);
    return 100.0 * (double)(histogram[0] + histogram[19])
           / (double)qkvsim_analysis_defined(analysis, pair_group, metric);
}

static qkvsim_analysis *analyze_capture_targets(const stored *copy)
{
    static const int64_t widths[] = { 576, 192, 192 };
    const qkvsim_bins bins = { .struct_size = sizeof bins, .count = 20, .low = -1, .high = 1 };
    int64_t rows[1024];
    const int64_t count = load_target_rows(rows);
    ck_assert_int_eq(count, 32);
    const qkvsim_selection targets = { .struct_size = sizeof targets,
                                       .observations = rows,
                                       .count = count };
    qkvsim_layout *layout;
    assert_ok(context, qkvsim_layout_widths(context, widths, NULL, 3, &layout));
    qkvsim_analysis_options options = { .struct_size = sizeof options,
                                        .bins = &bins,
                                        .metrics = METRICS_SUM };
    qkvsim_analysis *analysis =
        analyze(context, INPUT(&copy->view, 1, .selection = &targets), layout, &options);
    qkvsim_layout_free(layout);
    return analysis;
}

START_TEST(on_the_capture_cosines_of_the_targets_pile_up_at_the_ends)
{
    stored copy = load_capture();
    qkvsim_analysis *analysis = analyze_capture_targets(&copy);
    ck_assert_int_eq(lrint(outermost(analysis, 0, QKVSIM_METRIC_COSINE)), 46); /* Q-Q */
    ck_assert_int_eq(lrint(outermost(analysis, 3, QKVSIM_METRIC_COSINE)), 57); /* K-K */
    ck_assert_int_eq(lrint(outermost(analysis, 5, QKVSIM_METRIC_COSINE)), 35); /* V-V */
    qkvsim_analysis_free(analysis);
    stored_free(&copy);
}
END_TEST

START_TEST(on_the_capture_pearson_values_of_the_targets_do_not)
{
    stored copy = load_capture();
    qkvsim_analysis *analysis = analyze_capture_targets(&copy);
    for (int32_t p = 0; p < 6; p++)
        ck_assert_double_lt(outermost(analysis, p, QKVSIM_METRIC_PEARSON), 0.1);
    qkvsim_analysis_free(analysis);
    stored_free(&copy);
}
END_TEST

START_TEST(on_the_capture_the_offset_share_is_higher_in_q_and_k_than_in_v)
{
    stored copy = load_capture();
    qkvsim_analysis *analysis = analyze_capture_targets(&copy);
    const double v = offset(analysis, 5, QKVSIM_STATISTIC_OFFSET_SHARE);
    ck_assert_double_gt(offset(analysis, 0, QKVSIM_STATISTIC_OFFSET_SHARE), v);
    ck_assert_double_gt(offset(analysis, 3, QKVSIM_STATISTIC_OFFSET_SHARE), v);
    qkvsim_analysis_free(analysis);
    stored_free(&copy);
}
END_TEST

START_TEST(on_the_capture_every_value_is_within_1e_6_and_every_count_exact)
{
    stored copy = load_capture();
    table all = widen(&copy.view);
    int64_t rows[1024];
    const int64_t count = load_target_rows(rows);
    table targets = table_rows(&all, rows, count);
    stored chosen = store(&targets, QKVSIM_DTYPE_F16, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(960, 3);
    for_each_pair_group(&chosen, layout, NULL, check_histogram);
    for (int m = 0; m < 3; m++) {
        const int32_t metric = every_metric[m];
        double *own = own_matrix(&chosen.view, metric, true);
        double *expected = oracle_similarity(&targets, metric);
        for (int64_t i = 0; i < 960 * 960; i++)
            if (!(fabs(own[i] - expected[i]) <= 1e-6))
                ck_abort_msg("(%ld, %ld) is %g and not %g", (long)(i / 960), (long)(i % 960),
                             own[i], expected[i]);
        free(own);
        free(expected);
    }
    qkvsim_layout_free(layout);
    stored_free(&chosen);
    stored_free(&copy);
    table_free(&all);
    table_free(&targets);
}
END_TEST

/* n = 1024, d = 2304 needs 9.4 MB of input; the analysis may hold 64 MB more, and no d x d
 * matrix. */
START_TEST(memory_stays_under_64_megabytes)
{
    const int64_t n = 1024, d = 2304;
    allocator counter;
    allocator_init(&counter);
    qkvsim_context_options options = allocator_options(&counter);
    options.threads = 2;
    qkvsim_context *counted;
    ck_assert_int_eq(qkvsim_context_create(&options, &counted), QKVSIM_OK);
    table data = table_normal(n, d, 32);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(d, 3);
    qkvsim_analysis *analysis = analyze(counted, INPUT(&copy.view, 1), layout, NULL);
    ck_assert_uint_lt(counter.peak_bytes, 64000000);
    int64_t pairs = 0;
    for (int32_t p = 0; p < 6; p++)
        pairs += qkvsim_analysis_defined(analysis, p, QKVSIM_METRIC_PEARSON);
    ck_assert_int_eq(pairs, 2653056);
    ck_assert_int_eq(qkvsim_analysis_defined(analysis, 0, QKVSIM_METRIC_COSINE), 294528);
    ck_assert_int_eq(counter.foreign_calls, 0);
    qkvsim_analysis_free(analysis);
    qkvsim_layout_free(layout);
    qkvsim_context_free(counted);
    ck_assert_int_eq(counter.live, 0);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* Data of 45 x 12 under options that must be refused. */
static void assert_refused(const qkvsim_analysis_options *options)
{
    table data = table_normal(45, 12, 33);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(12, 3);
    qkvsim_analysis *analysis = POISON_HANDLE;
    assert_status(context,
                  qkvsim_analysis_run(context, INPUT(&copy.view, 1), layout, options, &analysis),
                  refusal(context));
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}

START_TEST(bad_options_are_refused)
{
    const size_t size = sizeof(qkvsim_analysis_options);
    const int32_t out[] = { 0, 6 }, negative[] = { -1 };
    const qkvsim_bins bins = { .struct_size = sizeof bins, .count = INT64_C(2147483648) };
    const qkvsim_analysis_options bad[] = {
        { .struct_size = size, .metrics = 4 },
        { .struct_size = size, .metrics = 8 },
        { .struct_size = size, .metrics = 7 },
        { .struct_size = size, .metrics = -1 },
        { .struct_size = size, .pair_groups = out, .pair_group_count = 2 },
        { .struct_size = size, .pair_groups = negative, .pair_group_count = 1 },
        { .struct_size = size, .pair_groups = out, .pair_group_count = 0 },
        { .struct_size = size, .pair_groups = out, .pair_group_count = -1 },
        { .struct_size = size, .pair_group_count = 1 },
        { .struct_size = size, .bins = &bins },
        { .struct_size = 0 },
        { .struct_size = 1 },
        { .struct_size = sizeof(size_t) - 1 },
    };
    assert_refused(&bad[_i]);
}
END_TEST

START_TEST(options_from_a_newer_header_are_read_where_the_rest_is_zero)
{
    struct {
        qkvsim_analysis_options value;
        unsigned char tail[16];
    } newer = { .value = { .struct_size = sizeof newer, .metrics = METRICS_SUM } };
    table data = table_normal(45, 12, 34);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(12, 3);
    qkvsim_analysis *one = analyze(context, INPUT(&copy.view, 1), layout, &newer.value);
    qkvsim_analysis *other = analyze(context, INPUT(&copy.view, 1), layout, NULL);
    assert_same_analysis(one, other);
    newer.tail[15] = 1;
    assert_refused(&newer.value);
    qkvsim_analysis_free(one);
    qkvsim_analysis_free(other);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(a_layout_of_other_features_is_named)
{
    table data = table_normal(45, 12, 35);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *fewer = layout_in_turns(9, 3), *more = layout_in_turns(15, 3);
    qkvsim_analysis *analysis = POISON_HANDLE;
    assert_status(context,
                  qkvsim_analysis_run(context, INPUT(&copy.view, 1), fewer, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 12);
    assert_message_has_number(context, 9);
    assert_status(context,
                  qkvsim_analysis_run(context, INPUT(&copy.view, 1), more, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_message_has_number(context, 15);
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    qkvsim_layout_free(fewer);
    qkvsim_layout_free(more);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    table data = table_normal(45, 12, 36);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(12, 3);
    qkvsim_analysis *analysis = POISON_HANDLE;
    ck_assert_int_eq(qkvsim_analysis_run(NULL, INPUT(&copy.view, 1), layout, NULL, &analysis),
                     QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_analysis_run(context, INPUT(NULL, 1), layout, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_analysis_run(context, INPUT(&copy.view, 0), layout, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context,
                  qkvsim_analysis_run(context, INPUT(&copy.view, 1), NULL, NULL, &analysis),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    assert_status(context, qkvsim_analysis_run(context, INPUT(&copy.view, 1), layout, NULL, NULL),
                  QKVSIM_ERROR_INVALID_ARGUMENT);
    ck_assert_ptr_eq(analysis, POISON_HANDLE);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(nan_and_infinity_name_row_and_column)
{
    const double bad[] = { NAN, INFINITY, -INFINITY };
    const int64_t places[][2] = { { 0, 0 }, { 201, 167 }, { 402, 299 } };
    for (int32_t dtype = QKVSIM_DTYPE_F16; dtype <= QKVSIM_DTYPE_F64; dtype++)
        for (int i = 0; i < 3; i++) {
            table data = table_normal(403, 300, 37);
            *table_at(&data, places[i][0], places[i][1]) = bad[_i];
            stored copy = store(&data, dtype, ORDER_C);
            qkvsim_layout *layout = layout_in_turns(300, 3);
            qkvsim_analysis *analysis = POISON_HANDLE;
            assert_status(
                context,
                qkvsim_analysis_run(context, INPUT(&copy.view, 1), layout, NULL, &analysis),
                QKVSIM_ERROR_NONFINITE);
            assert_message_has_number(context, places[i][0]);
            assert_message_has_number(context, places[i][1]);
            ck_assert_ptr_eq(analysis, POISON_HANDLE);
            qkvsim_layout_free(layout);
            stored_free(&copy);
            table_free(&data);
        }
}
END_TEST

/* With several bad values the message is the same for any number of threads. */
START_TEST(the_same_bad_value_is_named_for_any_number_of_threads)
{
    char expected[1024];
    table data = table_normal(50, 600, 38);
    for (int64_t j = 3; j < 600; j += 97)
        *table_at(&data, (7 * j) % 50, j) = NAN;
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(600, 3);
    for (int32_t threads = 1; threads <= 7; threads++) {
        qkvsim_context *with = context_with(threads, QKVSIM_KERNELS_AUTO);
        qkvsim_analysis *analysis;
        assert_status(with,
                      qkvsim_analysis_run(with, INPUT(&copy.view, 1), layout, NULL, &analysis),
                      QKVSIM_ERROR_NONFINITE);
        if (threads == 1)
            strncpy(expected, qkvsim_context_error(with), sizeof expected - 1);
        else
            ck_assert_str_eq(qkvsim_context_error(with), expected);
        qkvsim_context_free(with);
    }
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

/* What an operation that may be interrupted works on. */
typedef struct interruptible {
    qkvsim_view view;
    const qkvsim_layout *layout;
    int32_t nonfinite;
} interruptible;

static qkvsim_status run_analyze(qkvsim_context *with, void *argument)
{
    const interruptible *job = argument;
    const int32_t chosen[] = { 1, 3 };
    qkvsim_analysis_options options = { .struct_size = sizeof options, .metrics = METRICS_SUM };
    if (job->nonfinite != QKVSIM_NONFINITE_ERROR) {
        options.pair_groups = chosen;
        options.pair_group_count = 2;
    }
    qkvsim_analysis *analysis = POISON_HANDLE;
    qkvsim_status status = qkvsim_analysis_run(
        with, INPUT(&job->view, 1, .nonfinite = job->nonfinite), job->layout, &options, &analysis);
    if (status == QKVSIM_OK)
        qkvsim_analysis_free(analysis);
    else
        ck_assert_ptr_eq(analysis, POISON_HANDLE);
    return status;
}

START_TEST(any_allocation_may_fail)
{
    table data = table_mixed(60, 400, 40);
    if (_i == QKVSIM_NONFINITE_DROP_OBSERVATION)
        *table_at(&data, 5, 5) = NAN;
    stored copy = store(&data, _i == 2 ? QKVSIM_DTYPE_F64 : QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_with_rollups(400, 3);
    const interruptible job = { copy.view, layout, _i };
    assert_survives_failing_allocations(run_analyze, (void *)&job);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

START_TEST(it_can_be_cancelled_at_every_report)
{
    table data = table_mixed(60, 900, 41);
    stored copy = store(&data, QKVSIM_DTYPE_F32, ORDER_C);
    qkvsim_layout *layout = layout_in_turns(900, 3);
    const interruptible job = { copy.view, layout, QKVSIM_NONFINITE_ERROR };
    assert_cancels_everywhere(run_analyze, (void *)&job);
    qkvsim_layout_free(layout);
    stored_free(&copy);
    table_free(&data);
}
END_TEST

static void add_contract(Suite *suite)
{
    TCase *contract = add_case(suite, "contract", make_context, free_context);
    tcase_add_loop_test(contract, histogram_equals_numpy_on_own_matrix, 0, 24);
    tcase_add_loop_test(contract, histogram_between_own_edges_equals_numpy_on_own_matrix, 0,
                        MAKERS);
    tcase_add_test(contract, edges_are_those_of_bin_edges);
    tcase_add_loop_test(contract, moments_are_those_of_own_matrix, 0, 10);
    tcase_add_loop_test(contract, moments_are_those_of_the_definition, 0, 3);
    tcase_add_loop_test(contract, offset_split_is_that_of_the_definition, 0, 5);
    tcase_add_loop_test(contract, a_small_offset_beside_a_constant_feature_is_not_lost, 0, 12);
    tcase_add_test(contract, the_offset_share_is_a_statistic_of_the_cosine_only);
    tcase_add_loop_test(contract, energies_add_up_to_the_sum_of_squared_cosines, 0, MAKERS);
    tcase_add_test(contract, offset_ratios_are_those_of_the_definition_and_s2_plus_o2_is_1);
    tcase_add_test(contract, undefined_features_are_listed_and_their_pairs_are_in_no_bin);
    tcase_add_test(contract, constant_columns_are_found_exactly_for_any_n);
    tcase_add_test(contract, nothing_undefined_is_a_null_list);
    tcase_add_test(contract, all_constant_input_has_cosines_and_no_pearson_values);
    tcase_add_test(contract, all_zero_input_has_nothing);
    tcase_add_test(contract, one_observation_has_cosines_of_plus_and_minus_1_only);
    tcase_add_test(contract, one_feature_has_no_pairs);
    tcase_add_test(contract, many_groups_of_uneven_sizes_are_counted_right);
    tcase_add_loop_test(contract, the_split_of_equal_pairs_does_not_drift, 0, 32);
    tcase_add_loop_test(contract, every_pair_of_identical_features_is_counted, QKVSIM_KERNELS_AUTO,
                        QKVSIM_KERNELS_PORTABLE + 1);
    tcase_add_loop_test(contract, moments_of_values_close_together_far_from_0_do_not_cancel, 0, 2);
    tcase_add_loop_test(contract, moments_of_doubles_that_differ_by_last_places_are_right, 0, 6);
    tcase_add_loop_test(contract, moments_of_floats_very_near_0_are_right, 0, 2);
    tcase_add_loop_test(contract, moments_are_right_relative_to_values_near_0_and_of_one_magnitude,
                        0, 2);
    tcase_add_loop_test(contract, values_of_exactly_0_9_and_minus_0_9_are_in_the_tail, 0, 16);
    tcase_add_test(contract, names_and_sizes_are_those_of_the_layout);
    tcase_add_test(contract, accessors_answer_nothing_where_there_is_nothing);
    tcase_add_test(contract, null_analyses_are_empty);
    tcase_add_test(contract, memory_stays_under_64_megabytes);
}

static void add_layers(Suite *suite)
{
    TCase *between = add_case(suite, "between layers", make_context, free_context);
    tcase_add_test(between, parts_of_two_layers_are_as_in_the_analysis_of_everything);
    tcase_add_test(between, tiles_of_pair_groups_that_are_not_wanted_are_not_computed);
    tcase_add_test(between, parts_of_no_wanted_pair_group_are_not_read);
    tcase_add_test(between, layers_of_unlike_tokens_are_refused);
}

static void add_rollups(Suite *suite)
{
    TCase *rollups = add_case(suite, "roll-ups", make_context, free_context);
    tcase_add_loop_test(rollups, a_rollup_has_the_histogram_and_moments_of_its_pair_groups_together,
                        0, MAKERS);
    tcase_add_test(rollups, a_rollup_of_everything_is_a_layout_of_one_group);
    tcase_add_test(rollups, a_rollup_with_a_pair_group_not_asked_for_is_absent);
    tcase_add_test(rollups, the_group_matrix_has_every_pair_group_twice);
}

static void add_laws(Suite *suite)
{
    TCase *laws = add_case(suite, "laws", make_context, free_context);
    TCase *threads = add_thread_case(suite, make_context, free_context);
    tcase_add_loop_test(threads, results_are_bit_identical_for_any_number_of_threads, 0, 4);
    tcase_add_loop_test(threads, calls_of_one_context_leave_no_trace, 1, 4);
    tcase_add_loop_test(laws, all_kernels_give_the_same_bin_counts, 0, MAKERS);
    tcase_add_test(laws, one_fused_view_and_its_three_parts_are_identical);
    tcase_add_test(laws, every_order_in_memory_gives_identical_results);
    tcase_add_test(laws, list_and_mask_select_identically);
    tcase_add_test(laws, features_moved_with_their_labels_give_identical_results);
    tcase_add_test(laws, scaling_by_powers_of_two_changes_nothing);
    tcase_add_loop_test(laws, one_metric_alone_is_as_in_all_and_the_others_are_absent, 0, 2);
    tcase_add_test(laws, by_default_the_metrics_are_cosine_and_pearson);
    tcase_add_test(laws, chosen_pair_groups_are_as_among_all_and_the_others_absent);
    tcase_add_test(laws, double_arithmetic_can_be_asked_for);
    tcase_add_test(laws, dropped_observations_are_listed_and_as_if_never_there);
    tcase_add_test(laws, nonfinite_features_are_undefined_where_asked);
}

static void add_lesson(Suite *suite)
{
    TCase *lesson = add_case(suite, "the lesson", make_context, free_context);
    tcase_add_test(lesson, on_the_capture_cosines_of_the_targets_pile_up_at_the_ends);
    tcase_add_test(lesson, on_the_capture_pearson_values_of_the_targets_do_not);
    tcase_add_test(lesson, on_the_capture_the_offset_share_is_higher_in_q_and_k_than_in_v);
    tcase_add_test(lesson, on_the_capture_every_value_is_within_1e_6_and_every_count_exact);
}

static void add_bad_input(Suite *suite)
{
    TCase *bad = add_case(suite, "bad input", make_context, free_context);
    tcase_add_loop_test(bad, bad_options_are_refused, 0, 13);
    tcase_add_test(bad, options_from_a_newer_header_are_read_where_the_rest_is_zero);
    tcase_add_test(bad, a_layout_of_other_features_is_named);
    tcase_add_test(bad, null_arguments_are_refused);
    tcase_add_loop_test(bad, nan_and_infinity_name_row_and_column, 0, 3);
    tcase_add_test(add_thread_case(suite, make_context, free_context),
                   the_same_bad_value_is_named_for_any_number_of_threads);
    tcase_add_loop_test(bad, any_allocation_may_fail, 0, 3);
    tcase_add_test(bad, it_can_be_cancelled_at_every_report);
}

int main(void)
{
    Suite *suite = suite_create("analysis");
    add_contract(suite);
    add_rollups(suite);
    add_layers(suite);
    add_laws(suite);
    add_lesson(suite);
    add_bad_input(suite);
    return run_suite(suite);
}
