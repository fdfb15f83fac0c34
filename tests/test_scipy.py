"""The library against SciPy, through the Python package: distances, permutation tests, false discovery rates,
intervals.

Usage: test_scipy.py libqkvsim.so
"""
import os
import pathlib
import sys
import unittest

try:
    import numpy
    import scipy
    import scipy.spatial.distance
    import scipy.stats
except ImportError as error:
    print(f"{error.name} is missing: the comparisons with SciPy are skipped")
    sys.exit(77)

if __name__ == "__main__":
    os.environ["QKVSIM_LIBRARY"] = sys.argv.pop(1)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bindings" / "python"))
import qkvsim  # noqa: E402

INTERVAL = ("low", "high", "estimate", "se", "observed", "p")


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

    def test_distances_are_scipys(self):
        for bins in (1, 2, 7, 100, 1000):
            for most in (2, 50, 10 ** 12):
                edges = numpy.sort(self.random.uniform(-1, 1, bins + 1))
                centres = (edges[1:] + edges[:-1]) / 2
                a, b = self.random.integers(0, most, (2, bins))
                a[0] += 1
                b[-1] += 1
                self.assertAlmostEqual(
                    qkvsim.distance(a, b, edges=edges, distance="wasserstein"),
                    scipy.stats.wasserstein_distance(centres, centres, a, b), 12)
                self.assertAlmostEqual(
                    qkvsim.distance(a, b, edges=edges, distance="jensen_shannon"),
                    scipy.spatial.distance.jensenshannon(a.astype(float), b.astype(float), base=2),
                    7 if bins == 1 else 12)

    def test_kolmogorov_smirnov_is_scipys_of_the_counted_values(self):
        for bins in (1, 5, 40):
            a, b = self.random.integers(0, 30, (2, bins)) + 1
            values = numpy.arange(bins)
            expected = scipy.stats.ks_2samp(numpy.repeat(values, a), numpy.repeat(values, b))
            self.assertAlmostEqual(
                qkvsim.distance(a, b, edges=numpy.arange(bins + 1.0)),
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
                out = qkvsim.similarity(data, metric="spearman", dtype=numpy.float64)
                expected = scipy.stats.spearmanr(data).statistic
                numpy.testing.assert_allclose(out, expected, rtol=0, atol=tolerance)

    def test_false_discovery_control(self):
        for count in (1, 2, 30, 500):
            p = self.random.uniform(0, 1, count) ** 3
            adjusted = qkvsim.adjust_bh(p)
            if hasattr(scipy.stats, "false_discovery_control"):  # SciPy 1.11
                expected = scipy.stats.false_discovery_control(p)
            else:
                order = numpy.argsort(p)[::-1]
                steps = p[order] * count / numpy.arange(count, 0, -1)
                expected = numpy.empty(count)
                expected[order] = numpy.minimum(1, numpy.minimum.accumulate(steps))
            numpy.testing.assert_allclose(adjusted, expected, rtol=1e-14)

    def deals(self, first, second, permutations, seed):
        """For each relabelling, where in first and then second its two selections' rows stand."""
        both, position = numpy.union1d(first, second), {}
        for k, row in enumerate(numpy.concatenate([first, second])):
            position[row] = k
        labels = numpy.isin(both, first).astype("uint8")
        for k in range(permutations):
            dealt = qkvsim.relabel(labels, seed=seed, index=k)
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
            comparison = qkvsim.compare(
                data, targets=first, others=second, permutations=permutations, subsets=1, seed=seed,
                groups={"Q": half, "K": half}, bins=50, metrics="pearson")
            for alternative in ("less", "greater"):
                observed, p = self.p_of_scipy(first, second, mean, alternative, permutations, seed)
                self.assertAlmostEqual(comparison.difference("mean")[1], observed, 12)
                self.assertEqual(comparison.difference("mean", summary="p_" + alternative)[1], p)
            if size == 8:  # equal sizes: the library draws no subset
                observed, p = self.p_of_scipy(first, second, kolmogorov_smirnov, "greater",
                                              permutations, seed)
                self.assertAlmostEqual(comparison.distance(summary="matched")[1], observed, 12)
                self.assertEqual(comparison.p()[1], p)

    def numbers(self, intervals, row=1):
        return [intervals.statistic("mean", "pearson", summary)[row] for summary in INTERVAL]

    def contrast(self, intervals, a, b):
        return [intervals.contrast(a, b, "mean", "pearson", summary)
                for summary in ("estimate", "se", "p")]

    def test_intervals_are_those_of_students_t(self):
        data = self.random.normal(size=(200, 6)) + self.random.normal(size=(200, 1))
        for blocks in (8, 9, 20, 131, 200):
            for level in (0.1, 0.95, 0.999999):
                intervals = qkvsim.intervals(data, blocks=blocks, level=level)
                low, high, estimate, se = self.numbers(intervals)[:4]
                t = scipy.stats.t(blocks - 1)
                self.assertAlmostEqual((low + high) / 2, estimate, 14)
                half = (high - low) / 2 / se
                numpy.testing.assert_allclose(2 * t.sf(half), 1 - level, rtol=1e-9)
                numpy.testing.assert_allclose(half, t.isf((1 - level) / 2), rtol=1e-7)
                estimate, se, p = self.contrast(intervals, 0, 4)
                numpy.testing.assert_allclose(p, 2 * t.sf(abs(estimate / se)), rtol=1e-10)

    def test_tiny_p_values_keep_their_digits(self):
        data = self.random.normal(size=(400, 6))
        data[:, 1] += 30 * data[:, 0]
        for blocks in (8, 21, 200):
            intervals = qkvsim.intervals(data, blocks=blocks)
            estimate, se, p = self.contrast(intervals, 0, 5)
            self.assertLess(p, 1e-6)
            numpy.testing.assert_allclose(
                p, 2 * scipy.stats.t.sf(abs(estimate / se), blocks - 1), rtol=1e-9)

    def test_the_bootstrap_interval_is_scipys_basic_one_of_the_same_replicates(self):
        data = self.random.normal(size=(60, 6)) + self.random.normal(size=(60, 1))
        for resamples, level in ((20, 0.9), (101, 0.95), (1000, 0.99)):
            intervals = qkvsim.intervals(data, method="bootstrap", resamples=resamples, level=level)
            low, high, estimate, se, observed, p = self.numbers(intervals)
            values = intervals.values("mean", 1, "pearson")
            sample = ([observed, observed],)
            given = scipy.stats.bootstrap(sample, numpy.mean, n_resamples=2, method="basic")
            given.bootstrap_distribution = values
            expected = scipy.stats.bootstrap(sample, numpy.mean, n_resamples=0, method="basic",
                                             bootstrap_result=given, confidence_level=level)
            self.assertEqual(estimate, observed)
            self.assertTrue(numpy.isnan(p))
            numpy.testing.assert_allclose([low, high], list(expected.confidence_interval),
                                          rtol=1e-12)
            numpy.testing.assert_allclose(se, expected.standard_error, rtol=1e-12)

    def test_blocks_of_one_row_have_the_standard_error_of_scipys_bootstrap(self):
        data = self.random.normal(size=(60, 3)) + self.random.normal(size=(60, 1))
        intervals = qkvsim.intervals(data, method="bootstrap", resamples=4000, block_length=1)
        expected = scipy.stats.bootstrap(
            (numpy.arange(60),), lambda rows: numpy.corrcoef(data[rows, 0], data[rows, 1])[0, 1],
            n_resamples=4000, vectorized=False, method="basic", random_state=1)
        numpy.testing.assert_allclose(self.numbers(intervals)[3], expected.standard_error,
                                      rtol=0.06)


if __name__ == "__main__":
    unittest.main()
