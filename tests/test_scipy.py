"""The library against SciPy, through ctypes: distances, permutation tests, false discovery rates,
intervals.

Usage: test_scipy.py libqkvsim.so
"""
import ctypes
import sys
import unittest

import test_numpy
from test_numpy import AnalysisOptions, Bins, Matrix, input_of, numpy, view_of

try:
    import scipy
    import scipy.spatial.distance
    import scipy.stats
except ImportError:
    print("scipy is missing: the comparisons with SciPy are skipped")
    sys.exit(77)

LIBRARY = None
KOLMOGOROV_SMIRNOV, WASSERSTEIN, JENSEN_SHANNON = 1, 2, 3
PEARSON, SPEARMAN = 2, 16
MEAN = 1
OBSERVED, P, P_LESS, P_GREATER, MATCHED = 1, 7, 8, 9, 18
JACKKNIFE, BOOTSTRAP = 1, 2
LOW, HIGH, ESTIMATE, SE = 14, 15, 16, 17
INTERVAL = (LOW, HIGH, ESTIMATE, SE, OBSERVED, P)


class Selection(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("observations", ctypes.c_void_p),
                ("mask", ctypes.c_void_p), ("count", ctypes.c_int64)]


class ComparisonOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("permutations", ctypes.c_int64),
                ("subsets", ctypes.c_int64), ("seed", ctypes.c_uint64),
                ("relabel", ctypes.c_int32), ("centred", ctypes.c_int32),
                ("exchange", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("exceedances", ctypes.c_int64)]


class Relabelling(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("seed", ctypes.c_uint64),
                ("index", ctypes.c_int64), ("relabel", ctypes.c_int32), ("exchange", ctypes.c_int32),
                ("segments", ctypes.c_void_p), ("enumerated", ctypes.c_int32),
                ("reserved", ctypes.c_int32)]


class IntervalOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("blocks", ctypes.c_int64),
                ("resamples", ctypes.c_int64), ("block_length", ctypes.c_int64),
                ("level", ctypes.c_double), ("seed", ctypes.c_uint64),
                ("method", ctypes.c_int32), ("reserved", ctypes.c_int32),
                ("first", ctypes.c_int64), ("total", ctypes.c_int64)]


def load(path):
    """The library, with the types of what does not return an int32."""
    library = test_numpy.load(path)
    library.qkvsim_comparison_distance.restype = ctypes.c_double
    library.qkvsim_comparison_difference.restype = ctypes.c_double
    library.qkvsim_intervals_statistic.restype = ctypes.c_double
    library.qkvsim_intervals_contrast.restype = ctypes.c_double
    library.qkvsim_intervals_values.restype = ctypes.POINTER(ctypes.c_double)
    return library


def address(array):
    return ctypes.c_void_p(array.ctypes.data)


class GivenRelabellings(numpy.random.RandomState):
    """Deals the observations as the library did: what scipy.stats.permutation_test draws from."""

    def __init__(self, orders):
        super().__init__(0)
        self.orders = iter(orders)

    def permutation(self, _):
        return next(self.orders)


class AgainstScipy(unittest.TestCase):
    def setUp(self):
        self.random = numpy.random.default_rng(1)
        self.context = ctypes.c_void_p()
        self.assertEqual(LIBRARY.qkvsim_context_create(None, ctypes.byref(self.context)), 0)

    def tearDown(self):
        LIBRARY.qkvsim_context_free(self.context)

    def check(self, status):
        self.assertEqual(status, 0, LIBRARY.qkvsim_last_error(self.context))

    def distance(self, a, b, edges, which):
        value = ctypes.c_double()
        a, b = numpy.asarray(a, "int64"), numpy.asarray(b, "int64")
        self.check(LIBRARY.qkvsim_histogram_distance(
            self.context, address(a), address(b), address(edges), ctypes.c_int64(len(a)), which,
            ctypes.byref(value)))
        return value.value

    def test_distances_are_scipys(self):
        for bins in (1, 2, 7, 100, 1000):
            for most in (2, 50, 10 ** 12):
                edges = numpy.sort(self.random.uniform(-1, 1, bins + 1))
                centres = (edges[1:] + edges[:-1]) / 2
                a, b = self.random.integers(0, most, (2, bins))
                a[0] += 1
                b[-1] += 1
                self.assertAlmostEqual(
                    self.distance(a, b, edges, WASSERSTEIN),
                    scipy.stats.wasserstein_distance(centres, centres, a, b), 12)
                self.assertAlmostEqual(
                    self.distance(a, b, edges, JENSEN_SHANNON),
                    scipy.spatial.distance.jensenshannon(a.astype(float), b.astype(float), base=2),
                    7 if bins == 1 else 12)

    def test_kolmogorov_smirnov_is_scipys_of_the_counted_values(self):
        for bins in (1, 5, 40):
            a, b = self.random.integers(0, 30, (2, bins)) + 1
            values = numpy.arange(bins)
            expected = scipy.stats.ks_2samp(numpy.repeat(values, a), numpy.repeat(values, b))
            self.assertAlmostEqual(
                self.distance(a, b, numpy.arange(bins + 1.0), KOLMOGOROV_SMIRNOV),
                expected.statistic, 12)

    def test_spearman_is_spearmanr(self):
        for n, d in ((2, 3), (5, 7), (61, 30), (1000, 12)):
            for kind, dtype, tolerance in (("normal", "float32", 1e-6), ("normal", "float64", 1e-13),
                                           ("tied", "float32", 1e-6), ("tied", "float64", 1e-13)):
                data = self.random.normal(size=(n, d))
                if kind == "tied":
                    data = numpy.round(data)
                    data[0], data[1] = -1, 1  # no constant column
                data = (data * 10.0 ** self.random.integers(-5, 5, d)).astype(dtype)
                out = numpy.full((d, d), 7.0)
                matrix = Matrix(ctypes.sizeof(Matrix), out.ctypes.data, d, d, d, 4)
                view = view_of(data)
                self.check(LIBRARY.qkvsim_similarity(self.context, ctypes.byref(input_of(view)),
                                                     SPEARMAN, None, ctypes.byref(matrix)))
                expected = scipy.stats.spearmanr(data).statistic
                numpy.testing.assert_allclose(out, expected, rtol=0, atol=tolerance)

    def test_false_discovery_control(self):
        for count in (1, 2, 30, 500):
            p = self.random.uniform(0, 1, count) ** 3
            adjusted = numpy.empty(count)
            self.check(LIBRARY.qkvsim_adjust_bh(self.context, address(p), ctypes.c_int64(count),
                                                address(adjusted)))
            if hasattr(scipy.stats, "false_discovery_control"):  # SciPy 1.11
                expected = scipy.stats.false_discovery_control(p)
            else:
                order = numpy.argsort(p)[::-1]
                steps = p[order] * count / numpy.arange(count, 0, -1)
                expected = numpy.empty(count)
                expected[order] = numpy.minimum(1, numpy.minimum.accumulate(steps))
            numpy.testing.assert_allclose(adjusted, expected, rtol=1e-14)

    def compare(self, data, first, second, permutations, seed):
        """Q-K of halves: the comparison's handle, and its relabelled labels."""
        layout, comparison = ctypes.c_void_p(), ctypes.c_void_p()
        widths = numpy.full(2, data.shape[1] // 2, "int64")
        self.check(LIBRARY.qkvsim_layout_widths(self.context, address(widths), None, 2,
                                                ctypes.byref(layout)))
        selections = [Selection(ctypes.sizeof(Selection), rows.ctypes.data, None, len(rows))
                      for rows in (first, second)]
        options = ComparisonOptions(ctypes.sizeof(ComparisonOptions), permutations, 1, seed, 1)
        bins = Bins(ctypes.sizeof(Bins), 50, -1, 1, None)
        analysis = AnalysisOptions(ctypes.sizeof(AnalysisOptions), ctypes.addressof(bins),
                                   None, 0, PEARSON)
        view = view_of(data)
        self.check(LIBRARY.qkvsim_compare(
            self.context, ctypes.byref(input_of(view, selections[0])), ctypes.byref(selections[1]),
            layout, ctypes.byref(analysis), ctypes.byref(options), ctypes.byref(comparison)))
        LIBRARY.qkvsim_layout_free(layout)
        return comparison

    def relabelled(self, labels, seed, index):
        out = numpy.empty_like(labels)
        relabelling = Relabelling(ctypes.sizeof(Relabelling), seed, index, 1)
        self.check(LIBRARY.qkvsim_relabel(self.context, address(labels),
                                          ctypes.c_int64(len(labels)), ctypes.byref(relabelling),
                                          address(out)))
        return out

    def deals(self, first, second, permutations, seed):
        """For each relabelling, where in first and then second its two selections' rows stand."""
        both, position = numpy.union1d(first, second), {}
        for k, row in enumerate(numpy.concatenate([first, second])):
            position[row] = k
        labels = numpy.isin(both, first).astype("uint8")
        for k in range(permutations):
            dealt = self.relabelled(labels, seed, k)
            rows = numpy.concatenate([both[dealt == 1], both[dealt == 0]])
            yield numpy.array([position[row] for row in rows])

    def p_of_scipy(self, first, second, statistic, alternative, permutations, seed):
        deals = self.deals(first, second, permutations, seed)
        result = scipy.stats.permutation_test(
            (first, second), statistic, n_resamples=permutations, alternative=alternative,
            vectorized=False, random_state=GivenRelabellings(deals))
        return result.statistic, result.pvalue

    def test_p_values_are_those_of_permutation_test_on_the_same_relabellings(self):
        half, permutations, seed = 4, 200, 7
        data = self.random.normal(size=(17, 2 * half))
        data[:8, half:] += 0.5 * data[:8, :half]

        def pearson(rows):
            return numpy.corrcoef(data[rows].T)[:half, half:]

        def mean(a, b):
            return pearson(a).mean() - pearson(b).mean()

        def kolmogorov_smirnov(a, b):
            one, other = (numpy.histogram(pearson(x), 50, (-1, 1))[0].cumsum() for x in (a, b))
            return numpy.abs(one - other).max() / half ** 2

        for size in (8, 6):
            first, second = numpy.arange(size), numpy.arange(size, 16)
            comparison = self.compare(data, first, second, permutations, seed)
            difference = LIBRARY.qkvsim_comparison_difference
            for alternative, which in (("less", P_LESS), ("greater", P_GREATER)):
                observed, p = self.p_of_scipy(first, second, mean, alternative, permutations, seed)
                self.assertAlmostEqual(difference(comparison, 1, PEARSON, MEAN, OBSERVED),
                                       observed, 12)
                self.assertEqual(difference(comparison, 1, PEARSON, MEAN, which), p)
            if size == 8:  # equal sizes: the library draws no subset
                distance = LIBRARY.qkvsim_comparison_distance
                observed, p = self.p_of_scipy(first, second, kolmogorov_smirnov, "greater",
                                              permutations, seed)
                self.assertAlmostEqual(
                    distance(comparison, 1, PEARSON, KOLMOGOROV_SMIRNOV, MATCHED),
                    observed, 12)
                self.assertEqual(distance(comparison, 1, PEARSON, KOLMOGOROV_SMIRNOV, P),
                                 p)
            LIBRARY.qkvsim_comparison_free(comparison)

    def intervals(self, data, **options):
        """Of thirds."""
        layout, intervals = ctypes.c_void_p(), ctypes.c_void_p()
        self.check(LIBRARY.qkvsim_layout_thirds(self.context, ctypes.c_int64(data.shape[1]),
                                                ctypes.byref(layout)))
        given = IntervalOptions(ctypes.sizeof(IntervalOptions), **options)
        view = view_of(data)
        self.check(LIBRARY.qkvsim_intervals_run(self.context, ctypes.byref(input_of(view)), None,
                                                layout, None, ctypes.byref(given), ctypes.byref(intervals)))
        LIBRARY.qkvsim_layout_free(layout)
        return intervals

    def numbers(self, intervals, row=1):
        return [LIBRARY.qkvsim_intervals_statistic(intervals, row, PEARSON, MEAN, what)
                for what in INTERVAL]

    def test_intervals_are_those_of_students_t(self):
        data = self.random.normal(size=(200, 6)) + self.random.normal(size=(200, 1))
        for blocks in (8, 9, 20, 131, 200):
            for level in (0.1, 0.95, 0.999999):
                intervals = self.intervals(data, blocks=blocks, level=level)
                low, high, estimate, se = self.numbers(intervals)[:4]
                t = scipy.stats.t(blocks - 1)
                self.assertAlmostEqual((low + high) / 2, estimate, 14)
                half = (high - low) / 2 / se
                numpy.testing.assert_allclose(2 * t.sf(half), 1 - level, rtol=1e-9)
                numpy.testing.assert_allclose(half, t.isf((1 - level) / 2), rtol=1e-7)
                estimate, se, p = (LIBRARY.qkvsim_intervals_contrast(
                    intervals, 0, 4, PEARSON, MEAN, what) for what in (ESTIMATE, SE, P))
                numpy.testing.assert_allclose(p, 2 * t.sf(abs(estimate / se)), rtol=1e-10)
                LIBRARY.qkvsim_intervals_free(intervals)

    def test_tiny_p_values_keep_their_digits(self):
        data = self.random.normal(size=(400, 6))
        data[:, 1] += 30 * data[:, 0]
        for blocks in (8, 21, 200):
            intervals = self.intervals(data, blocks=blocks)
            estimate, se, p = (LIBRARY.qkvsim_intervals_contrast(
                intervals, 0, 5, PEARSON, MEAN, what) for what in (ESTIMATE, SE, P))
            self.assertLess(p, 1e-6)
            numpy.testing.assert_allclose(
                p, 2 * scipy.stats.t.sf(abs(estimate / se), blocks - 1), rtol=1e-9)
            LIBRARY.qkvsim_intervals_free(intervals)

    def test_the_bootstrap_interval_is_scipys_basic_one_of_the_same_replicates(self):
        data = self.random.normal(size=(60, 6)) + self.random.normal(size=(60, 1))
        for resamples, level in ((20, 0.9), (101, 0.95), (1000, 0.99)):
            intervals = self.intervals(data, method=BOOTSTRAP, resamples=resamples, level=level)
            low, high, estimate, se, observed, p = self.numbers(intervals)
            values = LIBRARY.qkvsim_intervals_values(intervals, 1, PEARSON, MEAN)
            sample = ([observed, observed],)
            given = scipy.stats.bootstrap(sample, numpy.mean, n_resamples=2, method="basic")
            given.bootstrap_distribution = numpy.array(values[:resamples])
            expected = scipy.stats.bootstrap(sample, numpy.mean, n_resamples=0, method="basic",
                                             bootstrap_result=given, confidence_level=level)
            self.assertEqual(estimate, observed)
            self.assertTrue(numpy.isnan(p))
            numpy.testing.assert_allclose([low, high], list(expected.confidence_interval),
                                          rtol=1e-12)
            numpy.testing.assert_allclose(se, expected.standard_error, rtol=1e-12)
            LIBRARY.qkvsim_intervals_free(intervals)

    def test_blocks_of_one_row_have_the_standard_error_of_scipys_bootstrap(self):
        data = self.random.normal(size=(60, 3)) + self.random.normal(size=(60, 1))
        intervals = self.intervals(data, method=BOOTSTRAP, resamples=4000, block_length=1)
        expected = scipy.stats.bootstrap(
            (numpy.arange(60),), lambda rows: numpy.corrcoef(data[rows, 0], data[rows, 1])[0, 1],
            n_resamples=4000, vectorized=False, method="basic", random_state=1)
        numpy.testing.assert_allclose(self.numbers(intervals)[3], expected.standard_error,
                                      rtol=0.06)
        LIBRARY.qkvsim_intervals_free(intervals)


if __name__ == "__main__":
    LIBRARY = load(sys.argv.pop(1))
    unittest.main()
