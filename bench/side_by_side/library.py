"""qkvsim as C has it, of the shared library of a build folder: plain ctypes calls with the declarations of the
Python package, and nothing else of it."""
import ctypes
import importlib
import os
import pathlib
import sys
from ctypes import byref, c_void_p

import numpy as np

from .environment import find_library
from .work import BINS, MOMENTS, Answer

F32 = 3
FULL, UPPER = 0, 1
METRIC_BITS = {"cosine": 1, "pearson": 2}
PACKAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "bindings" / "python"


def package(build):
    """The Python package, with the library of the build folder."""
    os.environ["QKVSIM_LIBRARY"] = str(pathlib.Path(find_library(build)).resolve())
    if str(PACKAGE) not in sys.path:
        sys.path.insert(0, str(PACKAGE))
    return importlib.import_module("qkvsim")


def load(build):
    return package(build)._library.library


def declarations():
    return sys.modules["qkvsim"]._declarations


class Session:
    """A context and a layout, kept over calls, for one input."""

    def __init__(self, library, work):
        self.library, self.work = library, work
        self.context, self.layout = c_void_p(), c_void_p()
        c = declarations()
        options = c.ContextOptions(ctypes.sizeof(c.ContextOptions), threads=work.threads)
        self.must(library.qkvsim_context_create(byref(options), byref(self.context)))
        self.must(library.qkvsim_layout_thirds(self.context, work.d, byref(self.layout)))
        self.view = c.View(ctypes.sizeof(c.View), work.x.ctypes.data, work.n, work.d, work.d, 1, F32)
        self.input = c.Input(ctypes.sizeof(c.Input), ctypes.addressof(self.view), 1)
        self.matrix = None

    def must(self, status):
        if status:
            raise RuntimeError(self.library.qkvsim_context_error(self.context).decode()
                               or f"status {status}")

    def analyze(self):
        """One whole analysis; the caller frees the handle."""
        analysis = c_void_p()
        self.must(self.library.qkvsim_analysis_run(self.context, byref(self.input), self.layout, None,
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
                counts[m, p] = np.ctypeslib.as_array((ctypes.c_int64 * BINS).from_address(histogram))
                moments[m, p] = [library.qkvsim_analysis_statistic(analysis, p, bit, statistic)
                                 for statistic in range(1, len(MOMENTS) + 1)]
        library.qkvsim_analysis_free(analysis)
        return Answer(counts, moments)

    def similarity(self, metric, triangle):
        """A call that writes the d x d matrix of one metric, or its upper triangle, always to the
        same memory."""
        d, bit = self.work.d, METRIC_BITS[metric]
        self.matrix = np.zeros((d, d), np.float32)
        c = declarations()
        options = c.SimilarityOptions(ctypes.sizeof(c.SimilarityOptions), triangle=triangle)
        out = c.Matrix(ctypes.sizeof(c.Matrix), self.matrix.ctypes.data, d, d, d, F32)

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
