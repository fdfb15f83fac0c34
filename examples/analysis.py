"""Analysis from Python with nothing but ctypes and NumPy: the five calls of a C program.
Usage: python3 analysis.py [libqkvsim.so.0]"""
import ctypes
import sys
from ctypes import byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p

import numpy as np

DTYPES = {np.dtype("f2"): 1, np.dtype("f4"): 3, np.dtype("f8"): 4}  # qkvsim/common.h
COSINE, PEARSON, TAIL, OFFSET_SHARE = 1, 2, 5, 8  # qkvsim/common.h, qkvsim/statistic.h


class View(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("data", c_void_p), ("observations", c_int64),
                ("features", c_int64), ("observation_stride", c_int64),
                ("feature_stride", c_int64), ("dtype", c_int32)]


class Input(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("parts", ctypes.POINTER(View)), ("part_count", c_int64),
                ("selection", c_void_p), ("segments", c_void_p), ("arithmetic", c_int32),
                ("nonfinite", c_int32)]


lib = ctypes.CDLL(sys.argv[1] if len(sys.argv) > 1 else "libqkvsim.so.0")
for name, result, arguments in [
        ("qkvsim_context_error", c_char_p, [c_void_p]),
        ("qkvsim_layout_row_name", c_char_p, [c_void_p, c_int32]),
        ("qkvsim_layout_pair_groups", c_int32, [c_void_p]),
        ("qkvsim_analysis_statistic", c_double, [c_void_p, c_int32, c_int32, c_int32])]:
    getattr(lib, name).restype, getattr(lib, name).argtypes = result, arguments


def input_of(array):
    """A 2-d array of native floats where it stands; NumPy counts strides in bytes."""
    if array.dtype not in DTYPES or any(stride % array.itemsize for stride in array.strides):
        raise ValueError(f"{array.dtype} with strides of {array.strides} bytes: take a copy of it")
    strides = (stride // array.itemsize for stride in array.strides)
    view = View(ctypes.sizeof(View), array.ctypes.data, *array.shape, *strides, DTYPES[array.dtype])
    view.array = array  # which lives as long as the view, and that as long as the input
    return Input(ctypes.sizeof(Input), ctypes.pointer(view), 1)


def must(status, context=None):
    if status:
        raise RuntimeError(lib.qkvsim_context_error(context).decode() or f"status {status}")


activations = np.load("data/smollm2-135m-layer10-qkv.npy")
alice = np.ascontiguousarray(activations[np.loadtxt("data/alice-rows.txt", dtype=int)])
context, layout, analysis = c_void_p(), c_void_p(), c_void_p()
must(lib.qkvsim_context_create(None, byref(context)))
widths = (c_int64 * 3)(576, 192, 192)
must(lib.qkvsim_layout_widths(context, widths, None, 3, byref(layout)), context)
must(lib.qkvsim_analysis_run(context, byref(input_of(alice)), layout, None, byref(analysis)), context)

print("pairs  cosine beyond +-0.9  Pearson beyond  offset share")
for p in range(lib.qkvsim_layout_pair_groups(layout)):
    cosine = lib.qkvsim_analysis_statistic(analysis, p, COSINE, TAIL)
    pearson = lib.qkvsim_analysis_statistic(analysis, p, PEARSON, TAIL)
    share = lib.qkvsim_analysis_statistic(analysis, p, COSINE, OFFSET_SHARE)
    name = lib.qkvsim_layout_row_name(layout, p).decode()
    print(f"{name:5}  {cosine:19.2%}  {pearson:14.2%}  {share:12.3f}")
lib.qkvsim_analysis_free(analysis)
lib.qkvsim_layout_free(layout)
lib.qkvsim_context_free(context)
