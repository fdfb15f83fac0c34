"""The library against NumPy itself, through ctypes: numpy.histogram, numpy.corrcoef, numpy.cov.

Usage: test_numpy.py libqkvsim.so
"""
import contextlib
import ctypes
import io
import os
import runpy
import sys
import unittest

try:
    import numpy
except ImportError:
    print("numpy is missing: the comparisons with NumPy are skipped")
    sys.exit(77)

LIBRARY = None
DTYPES = {"float16": 1, "float32": 3, "float64": 4, "int32": 5}
METRICS = {"cosine": 1, "pearson": 2, "covariance": 4, "dot": 8}
PAIR_GROUPS = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


class View(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("data", ctypes.c_void_p),
                ("observations", ctypes.c_int64), ("features", ctypes.c_int64),
                ("observation_stride", ctypes.c_int64), ("feature_stride", ctypes.c_int64),
                ("dtype", ctypes.c_int32)]


class Input(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("parts", ctypes.c_void_p),
                ("part_count", ctypes.c_int64), ("selection", ctypes.c_void_p),
                ("segments", ctypes.c_void_p), ("arithmetic", ctypes.c_int32),
                ("nonfinite", ctypes.c_int32)]


class Matrix(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("data", ctypes.c_void_p),
                ("rows", ctypes.c_int64), ("columns", ctypes.c_int64),
                ("leading_dimension", ctypes.c_int64), ("dtype", ctypes.c_int32)]


class Bins(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("count", ctypes.c_int64),
                ("low", ctypes.c_double), ("high", ctypes.c_double), ("edges", ctypes.c_void_p)]


class AnalysisOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("bins", ctypes.c_void_p),
                ("pair_groups", ctypes.c_void_p), ("pair_group_count", ctypes.c_int32),
                ("metrics", ctypes.c_int32)]


class Pair(ctypes.Structure):
    _fields_ = [("i", ctypes.c_int64), ("j", ctypes.c_int64), ("value", ctypes.c_double),
                ("pair_group", ctypes.c_int32)]


class PairsOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("pair_groups", ctypes.c_void_p),
                ("pair_group_count", ctypes.c_int32), ("metric", ctypes.c_int32),
                ("sign", ctypes.c_int32),
                ("per_pair_group", ctypes.c_int32), ("threshold", ctypes.c_void_p),
                ("top", ctypes.c_int64), ("limit", ctypes.c_int64)]


def load(path):
    """The library, with the types of what does not return an int32."""
    library = ctypes.CDLL(path)
    library.qkvsim_last_error.restype = ctypes.c_char_p
    library.qkvsim_analysis_histogram.restype = ctypes.POINTER(ctypes.c_int64)
    library.qkvsim_analysis_statistic.restype = ctypes.c_double
    library.qkvsim_pairs_list.restype = ctypes.POINTER(Pair)
    return library


def view_of(array):
    """A view of a NumPy array as it lies in memory."""
    return View(ctypes.sizeof(View), array.ctypes.data, array.shape[0], array.shape[1],
                array.strides[0] // array.itemsize, array.strides[1] // array.itemsize,
                DTYPES[array.dtype.name])


def input_of(view, selection=None):
    """An input of one part, which lives as long as what it points to."""
    made = Input(ctypes.sizeof(Input), ctypes.addressof(view), 1)
    made.selection = ctypes.addressof(selection) if selection is not None else None
    made.pointed_to = view, selection
    return made


class AgainstNumpy(unittest.TestCase):
    def setUp(self):
        self.random = numpy.random.default_rng(1)
        self.context = ctypes.c_void_p()
        self.assertEqual(LIBRARY.qkvsim_context_create(None, ctypes.byref(self.context)), 0)

    def tearDown(self):
        LIBRARY.qkvsim_context_free(self.context)

    def check(self, status):
        self.assertEqual(status, 0, LIBRARY.qkvsim_last_error(self.context))

    def similarity(self, data, metric, dtype):
        d = data.shape[1]
        out = numpy.full((d, d), 7, dtype)
        matrix = Matrix(ctypes.sizeof(Matrix), out.ctypes.data, d, d, d, DTYPES[out.dtype.name])
        view = view_of(data)
        self.check(LIBRARY.qkvsim_similarity(self.context, ctypes.byref(input_of(view)),
                                             METRICS[metric], None, ctypes.byref(matrix)))
        return out

    def thirds(self, d):
        layout = ctypes.c_void_p()
        self.check(LIBRARY.qkvsim_layout_thirds(self.context, ctypes.c_int64(d),
                                                ctypes.byref(layout)))
        return layout

    def analyze(self, data, count):
        """Histograms and means of the six pair groups of thirds, for both metrics."""
        layout, analysis = self.thirds(data.shape[1]), ctypes.c_void_p()
        bins = Bins(ctypes.sizeof(Bins), count, -1, 1, None)
        options = AnalysisOptions(ctypes.sizeof(AnalysisOptions), ctypes.addressof(bins))
        view = view_of(data)
        self.check(LIBRARY.qkvsim_analyze(self.context, ctypes.byref(input_of(view)), layout,
                                          ctypes.byref(options), ctypes.byref(analysis)))
        results = {}
        for name in ("cosine", "pearson"):
            for p in range(6):
                pointer = LIBRARY.qkvsim_analysis_histogram(analysis, p, METRICS[name])
                mean = LIBRARY.qkvsim_analysis_statistic(analysis, p, METRICS[name], 1)
                results[name, p] = (numpy.array(pointer[:count]), mean)
        LIBRARY.qkvsim_analysis_free(analysis)
        LIBRARY.qkvsim_layout_free(layout)
        return results

    def pairs(self, data, metric, threshold, top):
        """Columns i and j and the values of the pairs found, strongest first."""
        least, found, count = ctypes.c_double(threshold), ctypes.c_void_p(), ctypes.c_int64()
        options = PairsOptions(ctypes.sizeof(PairsOptions), metric=METRICS[metric], top=top,
                               threshold=ctypes.addressof(least))
        view = view_of(data)
        self.check(LIBRARY.qkvsim_pairs_find(self.context, ctypes.byref(input_of(view)), None,
                                             ctypes.byref(options), ctypes.byref(found)))
        pointer = LIBRARY.qkvsim_pairs_list(found, ctypes.byref(count))
        pairs = [(p.i, p.j, p.value) for p in (pointer[:count.value] if pointer else [])]
        LIBRARY.qkvsim_pairs_free(found)
        return tuple(numpy.array(column) for column in zip(*pairs)) if pairs else ([], [], [])

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
        for dtype in ("float32", "float64"):
            for count in (1, 2, 3, 7, 20, 49, 100, 255, 1000, 4096):
                for low, high in ((-1, 1), (-0.3, 0.7), (0, 1e-3), (5, 6)):
                    edges = numpy.empty(count + 1)
                    bins = Bins(ctypes.sizeof(Bins), count, low, high, None)
                    self.check(LIBRARY.qkvsim_bin_edges(
                        self.context, ctypes.byref(bins), DTYPES[dtype],
                        ctypes.c_void_p(edges.ctypes.data), ctypes.c_int64(edges.size)))
                    expected = numpy.linspace(low, high, count + 1, dtype=dtype)
                    numpy.testing.assert_array_equal(edges, expected.astype("float64"))

    def test_histogram_of_a_matrix_is_numpys(self):
        for dtype in ("float32", "float64"):
            values = self.random.uniform(-1.1, 1.1, (300, 70)).astype(dtype)
            values[0, :41] = numpy.linspace(-1, 1, 41, dtype=dtype)
            for count in (1, 20, 40, 100, 333):
                counts = numpy.zeros(count, "int64")
                bins, view = Bins(ctypes.sizeof(Bins), count, -1, 1, None), view_of(values)
                self.check(LIBRARY.qkvsim_histogram(
                    self.context, ctypes.byref(view), None, None, 1, ctypes.byref(bins),
                    ctypes.c_void_p(counts.ctypes.data), ctypes.c_int64(counts.size), None))
                expected, _ = numpy.histogram(values, bins=count, range=(-1, 1))
                numpy.testing.assert_array_equal(counts, expected)

    def test_fused_histogram_is_numpys_on_the_librarys_own_matrix(self):
        for dtype in ("float32", "float64"):
            for n, count in ((61, 100), (64, 20), (253, 99), (1021, 256)):
                for kind in self.data_of_every_kind(n, 210):
                    data = kind.astype(dtype)
                    results = self.analyze(data, count)
                    for name in ("cosine", "pearson"):
                        matrix = self.similarity(data, name, dtype)
                        for p in range(6):
                            values = self.pair_group(matrix, p)
                            expected, _ = numpy.histogram(values, bins=count, range=(-1, 1))
                            histogram, mean = results[name, p]
                            numpy.testing.assert_array_equal(histogram, expected)
                            self.assertAlmostEqual(mean, values.mean(dtype="float64"), 10)

    def test_pearson_is_corrcoef_and_covariance_is_cov_in_float64(self):
        data = self.random.normal(size=(400, 60)) + 10 * self.random.normal(size=60)
        pearson = self.similarity(data, "pearson", "float64")
        covariance = self.similarity(data, "covariance", "float64")
        numpy.testing.assert_allclose(pearson, numpy.corrcoef(data.T), atol=1e-12)
        numpy.testing.assert_allclose(covariance, numpy.cov(data.T), atol=1e-12)
        numpy.testing.assert_allclose(self.similarity(data, "dot", "float64"), data.T @ data,
                                      rtol=1e-12, atol=1e-8)

    def test_pairs_are_the_sorted_entries_of_the_librarys_own_matrix(self):
        for dtype in ("float32", "float64"):
            for data in self.data_of_every_kind(64, 210):
                data = data.astype(dtype)
                for metric in ("cosine", "pearson"):
                    matrix = self.similarity(data, metric, dtype).astype("float64")
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
        expected = self.similarity(data, "cosine", "float32")
        wide = numpy.zeros((180, 120), "float32")
        wide[::2, ::2] = data
        for same in (numpy.asfortranarray(data), data[::-1][::-1], wide[::2, ::2],
                     numpy.ascontiguousarray(data[:, ::-1])[:, ::-1]):
            numpy.testing.assert_array_equal(self.similarity(same, "cosine", "float32"), expected)

    def test_the_mask_is_the_outer_product_above_the_diagonal(self):
        layout, mask = self.thirds(30), numpy.full((30, 30), -1, "int32")
        matrix = Matrix(ctypes.sizeof(Matrix), mask.ctypes.data, 30, 30, 30, DTYPES["int32"])
        self.check(LIBRARY.qkvsim_mask_build(self.context, layout, None, ctypes.byref(matrix)))
        codes = numpy.repeat([1, 2, 3], 10)
        numpy.testing.assert_array_equal(mask, numpy.triu(numpy.outer(codes, codes), 1))
        LIBRARY.qkvsim_layout_free(layout)


class Example(unittest.TestCase):
    """input_of of examples/analysis.py, which README.md gives to users."""
    @classmethod
    def setUpClass(cls):
        arguments, folder = sys.argv, os.getcwd()
        sys.argv = ["analysis.py", os.path.abspath(LIBRARY._name)]
        os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples"))
        with contextlib.redirect_stdout(io.StringIO()):
            cls.input_of = staticmethod(runpy.run_path("analysis.py")["input_of"])
        os.chdir(folder)
        sys.argv = arguments

    def pearson(self, array):
        """Through the example's input, which alone keeps a temporary array."""
        given = self.input_of(array)
        matrix = numpy.empty((array.shape[1],) * 2)
        del array
        context = ctypes.c_void_p()
        self.assertEqual(LIBRARY.qkvsim_context_create(None, ctypes.byref(context)), 0)
        output = Matrix(ctypes.sizeof(Matrix), matrix.ctypes.data, *matrix.shape, len(matrix), 4)
        status = LIBRARY.qkvsim_similarity(context, ctypes.byref(given),
                                           METRICS["pearson"], None, ctypes.byref(output))
        self.assertEqual(status, 0, LIBRARY.qkvsim_last_error(context))
        LIBRARY.qkvsim_context_free(context)
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
    LIBRARY = load(sys.argv.pop(1))
    unittest.main()
