"""qkvsim through ctypes: the shared library of a build folder."""
import ctypes
from ctypes import byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p

import numpy as np

from .environment import find_library
from .work import BINS, MOMENTS, Answer

F32 = 3
FULL, UPPER = 0, 1
METRIC_BITS = {"cosine": 1, "pearson": 2}


class View(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("data", c_void_p), ("observations", c_int64),
                ("features", c_int64), ("observation_stride", c_int64),
                ("feature_stride", c_int64), ("dtype", c_int32)]


class Input(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("parts", c_void_p), ("part_count", c_int64),
                ("selection", c_void_p), ("segments", c_void_p), ("arithmetic", c_int32),
                ("nonfinite", c_int32)]


class Matrix(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("data", c_void_p), ("rows", c_int64),
                ("columns", c_int64), ("leading_dimension", c_int64), ("dtype", c_int32)]


class SimilarityOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("triangle", c_int32), ("reserved", c_int32)]


class ContextOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("allocate", c_void_p), ("release", c_void_p),
                ("allocate_user", c_void_p), ("progress", c_void_p), ("progress_user", c_void_p),
                ("threads", c_int32), ("kernels", c_int32)]


def load(build):
    library = ctypes.CDLL(str(find_library(build)))
    for name, result, arguments in [
            ("version", c_char_p, []), ("blas_description", c_char_p, []),
            ("last_error", c_char_p, [c_void_p]), ("context_kernels", c_char_p, [c_void_p]),
            ("context_free", None, [c_void_p]), ("layout_free", None, [c_void_p]),
            ("analysis_free", None, [c_void_p]),
            ("analysis_statistic", c_double, [c_void_p, c_int32, c_int32, c_int32]),
            ("analysis_histogram", c_void_p, [c_void_p, c_int32, c_int32])]:
        function = getattr(library, "qkvsim_" + name)
        function.restype, function.argtypes = result, arguments
    return library


class Session:
    """A context and a layout, kept over calls, for one input."""

    def __init__(self, library, work):
        self.library, self.work = library, work
        self.context, self.layout = c_void_p(), c_void_p()
        options = ContextOptions(struct_size=ctypes.sizeof(ContextOptions), threads=work.threads)
        self.must(library.qkvsim_context_create(byref(options), byref(self.context)))
        self.must(library.qkvsim_layout_thirds(self.context, c_int64(work.d), byref(self.layout)))
        self.view = View(ctypes.sizeof(View), work.x.ctypes.data, work.n, work.d, work.d, 1, F32)
        self.input = Input(ctypes.sizeof(Input), ctypes.addressof(self.view), 1)
        self.matrix = None

    def must(self, status):
        if status:
            raise RuntimeError(self.library.qkvsim_last_error(self.context).decode()
                               or f"status {status}")

    def analyze(self):
        """One whole analysis; the caller frees the handle."""
        analysis = c_void_p()
        self.must(self.library.qkvsim_analyze(self.context, byref(self.input), self.layout, None,
                                              byref(analysis)))
        return analysis

    def time_me(self):
        self.library.qkvsim_analysis_free(self.analyze())

    def answer(self):
        analysis, library = self.analyze(), self.library
        counts = np.empty((len(METRIC_BITS), len(self.work.pair_groups), BINS), np.int64)
        moments = np.empty((*counts.shape[:2], len(MOMENTS)))
        for m, bit in enumerate(METRIC_BITS.values()):
            for p in range(len(self.work.pair_groups)):
                histogram = library.qkvsim_analysis_histogram(analysis, p, bit)
                counts[m, p] = np.ctypeslib.as_array((c_int64 * BINS).from_address(histogram))
                moments[m, p] = [library.qkvsim_analysis_statistic(analysis, p, bit, statistic)
                                 for statistic in range(1, len(MOMENTS) + 1)]
        library.qkvsim_analysis_free(analysis)
        return Answer(counts, moments)

    def similarity(self, metric, triangle):
        """A call that writes the d x d matrix of one metric, or its upper triangle, always to the
        same memory."""
        d, bit = self.work.d, METRIC_BITS[metric]
        self.matrix = np.zeros((d, d), np.float32)
        options = SimilarityOptions(ctypes.sizeof(SimilarityOptions), triangle=triangle)
        out = Matrix(ctypes.sizeof(Matrix), self.matrix.ctypes.data, d, d, d, F32)

        def call():
            self.must(self.library.qkvsim_similarity(self.context, byref(self.input), bit,
                                                     byref(options), byref(out)))
        return call


def describe(library):
    context = c_void_p()
    library.qkvsim_context_create(None, byref(context))
    described = {"version": library.qkvsim_version().decode(),
                 "blas": library.qkvsim_blas_description().decode(),
                 "kernels": library.qkvsim_context_kernels(context).decode()}
    library.qkvsim_context_free(context)
    return described
