"""The library against NumPy itself, through the Python package: numpy.histogram, numpy.corrcoef, numpy.cov.

Usage: test_numpy.py libqkvsim.so
"""
import contextlib
import ctypes
import io
import os
import pathlib
import runpy
import sys
import unittest

try:
    import numpy
except ImportError:
    print("numpy is missing: the comparisons with NumPy are skipped")
    sys.exit(77)

if __name__ == "__main__":
    os.environ["QKVSIM_LIBRARY"] = sys.argv.pop(1)
PROJECT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "bindings" / "python"))
import qkvsim  # noqa: E402
from qkvsim import _declarations as declared  # noqa: E402
from qkvsim._context import call  # noqa: E402
from qkvsim._library import library  # noqa: E402

PAIR_GROUPS = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


class AgainstNumpy(unittest.TestCase):
    def setUp(self):
        self.random = numpy.random.default_rng(1)

    def pairs(self, data, metric, threshold, top):
        """Columns i and j and the values of the pairs found, strongest first."""
        found = qkvsim.pairs(data, metric=metric, threshold=threshold, top=top or None)
        return found.i, found.j, found.value

    def data_of_every_kind(self, n, d):
        yield self.random.normal(size=(n, d)) + 3 * self.random.normal(size=d)
        yield (self.random.random((n, d)) < 0.5).astype(float)
        yield (self.random.random((n, d)) < 0.02).astype(float)
        yield numpy.repeat(self.random.integers(-1, 2, (n, d // 3)), 3, axis=1).astype(float)

    def pair_group(self, matrix, p):
        """The values above the diagonal of a pair group of thirds; undefined ones are left out."""
        group = numpy.repeat(numpy.arange(3), matrix.shape[0] // 3)
        a, b = PAIR_GROUPS[p]
        member = numpy.triu((group[:, None] == a) & (group[None, :] == b), 1)
        values = matrix[member]
        return values[~numpy.isnan(values)]

    def test_bin_edges_are_linspace(self):
        for dtype, number in (("float32", declared.DTYPE_F32), ("float64", declared.DTYPE_F64)):
            for count in (1, 2, 3, 7, 20, 49, 100, 255, 1000, 4096):
                for low, high in ((-1, 1), (-0.3, 0.7), (0, 1e-3), (5, 6)):
                    edges = numpy.empty(count + 1)
                    bins = declared.Bins(ctypes.sizeof(declared.Bins), count, low, high, None)
                    call(library.qkvsim_bin_edges, ctypes.byref(bins), number, edges.ctypes.data,
                         edges.size)
                    expected = numpy.linspace(low, high, count + 1, dtype=dtype)
                    numpy.testing.assert_array_equal(edges, expected.astype("float64"))

    def test_histogram_of_a_matrix_is_numpys(self):
        for dtype in ("float32", "float64"):
            values = self.random.uniform(-1.1, 1.1, (300, 70)).astype(dtype)
            values[0, :41] = numpy.linspace(-1, 1, 41, dtype=dtype)
            for count in (1, 20, 40, 100, 333):
                expected, _ = numpy.histogram(values, bins=count, range=(-1, 1))
                found = qkvsim.histogram(values, bins=count)
                numpy.testing.assert_array_equal(found.counts, expected)

    def test_fused_histogram_is_numpys_on_the_librarys_own_matrix(self):
        for dtype in ("float32", "float64"):
            for n, count in ((61, 100), (64, 20), (253, 99), (1021, 256)):
                for kind in self.data_of_every_kind(n, 210):
                    data = kind.astype(dtype)
                    analysis = qkvsim.analyze(data, bins=count)
                    for metric in ("cosine", "pearson"):
                        matrix = qkvsim.similarity(data, metric=metric)
                        histograms = analysis.histogram(metric)
                        means = analysis.statistic("mean", metric)
                        for p in range(6):
                            values = self.pair_group(matrix, p)
                            expected, _ = numpy.histogram(values, bins=count, range=(-1, 1))
                            numpy.testing.assert_array_equal(histograms[p], expected)
                            self.assertAlmostEqual(means[p], values.mean(dtype="float64"), 10)

    def test_pearson_is_corrcoef_and_covariance_is_cov_in_float64(self):
        data = self.random.normal(size=(400, 60)) + 10 * self.random.normal(size=60)
        pearson = qkvsim.similarity(data, metric="pearson")
        covariance = qkvsim.similarity(data, metric="covariance")
        numpy.testing.assert_allclose(pearson, numpy.corrcoef(data.T), atol=1e-12)
        numpy.testing.assert_allclose(covariance, numpy.cov(data.T), atol=1e-12)
        numpy.testing.assert_allclose(qkvsim.similarity(data, metric="dot"), data.T @ data,
                                      rtol=1e-12, atol=1e-8)

    def test_pairs_are_the_sorted_entries_of_the_librarys_own_matrix(self):
        for dtype in ("float32", "float64"):
            for data in self.data_of_every_kind(64, 210):
                data = data.astype(dtype)
                for metric in ("cosine", "pearson"):
                    matrix = qkvsim.similarity(data, metric=metric).astype("float64")
                    i, j = numpy.triu_indices(210, 1)
                    strength = numpy.nan_to_num(abs(matrix[i, j]), nan=-1)
                    order = numpy.lexsort((j, i, -strength))
                    for threshold, top in ((0.2, 0), (0.05, 500), (0, 3000), (1, 0)):
                        kept = order[strength[order] >= threshold]
                        kept = kept[:top] if top > 0 else kept
                        found = self.pairs(data, metric, threshold, top)
                        numpy.testing.assert_array_equal(found[0], i[kept])
                        numpy.testing.assert_array_equal(found[1], j[kept])
                        numpy.testing.assert_array_equal(found[2], matrix[i[kept], j[kept]])

    def test_pairs_are_those_of_corrcoef_in_float64(self):
        data = self.random.normal(size=(300, 150)) + 10 * self.random.normal(size=150)
        expected = numpy.corrcoef(data.T)
        i, j = numpy.triu_indices(150, 1)
        order = numpy.argsort(-abs(expected[i, j]))[:800]
        found = self.pairs(data, "pearson", 0, 800)
        numpy.testing.assert_array_equal(found[0], i[order])
        numpy.testing.assert_array_equal(found[1], j[order])
        numpy.testing.assert_allclose(found[2], expected[i[order], j[order]], atol=1e-12)

    def test_arrays_come_in_as_they_lie(self):
        data = self.random.normal(size=(90, 60)).astype("float32")
        expected = qkvsim.similarity(data, metric="cosine")
        wide = numpy.zeros((180, 120), "float32")
        wide[::2, ::2] = data
        for same in (numpy.asfortranarray(data), data[::-1][::-1], wide[::2, ::2],
                     numpy.ascontiguousarray(data[:, ::-1])[:, ::-1]):
            numpy.testing.assert_array_equal(qkvsim.similarity(same, metric="cosine"), expected)

    def test_the_mask_is_the_outer_product_above_the_diagonal(self):
        codes = numpy.repeat([1, 2, 3], 10)
        mask = qkvsim.mask(qkvsim.analyze(numpy.eye(30)).layout)
        numpy.testing.assert_array_equal(mask, numpy.triu(numpy.outer(codes, codes), 1))


class Example(unittest.TestCase):
    """input_of of examples/analysis.py, which README.md gives to users."""
    @classmethod
    def setUpClass(cls):
        arguments, folder = sys.argv, os.getcwd()
        sys.argv = ["analysis.py", os.path.abspath(library._name)]
        os.chdir(PROJECT / "examples")
        with contextlib.redirect_stdout(io.StringIO()):
            cls.input_of = staticmethod(runpy.run_path("analysis.py")["input_of"])
        os.chdir(folder)
        sys.argv = arguments

    def pearson(self, array):
        """Through the example's input, which alone keeps a temporary array."""
        given = self.input_of(array)
        matrix = numpy.empty((array.shape[1],) * 2)
        del array
        output = declared.Matrix(ctypes.sizeof(declared.Matrix), matrix.ctypes.data, *matrix.shape,
                                 len(matrix), declared.DTYPE_F64)
        similarity = ctypes.CDLL(library._name).qkvsim_similarity  # takes the example's own structs
        call(similarity, ctypes.byref(given), declared.METRIC_PEARSON, None, ctypes.byref(output))
        return matrix

    def test_an_input_is_the_array_or_refused(self):
        values = numpy.random.default_rng(1).normal(size=(50, 9)) + 1
        aligned = numpy.zeros(values.shape, [("x", "f4"), ("y", "i4")])
        packed = numpy.zeros(values.shape, [("x", "f4"), ("y", "i2")])
        aligned["x"] = packed["x"] = values
        for array in (values, values.astype("f4"), values.astype("f2"), numpy.asfortranarray(values),
                      values[::-1, ::-1], values[::2, ::3], aligned["x"]):
            expected = numpy.corrcoef(array.T.astype("f8"))
            numpy.testing.assert_allclose(self.pearson(array), expected, atol=1e-6)
            numpy.testing.assert_allclose(self.pearson(array.copy()), expected, atol=1e-6)
        for array in (packed["x"], values.astype(values.dtype.newbyteorder()), values.astype(int)):
            with self.assertRaises(ValueError):
                self.input_of(array)


if __name__ == "__main__":
    unittest.main()
