"""Similarities within and across the Q, K and V activations of transformer layers.

    import qkvsim
    a = qkvsim.analyze(x)               # any array of observations x features
    a.statistic("mean", "pearson")      # a number for each of Q-Q, Q-K, ...
    a.offset_share, a.to_frame()
"""
from ._accumulator import Accumulator
from ._analysis import Analysis, analyze
from ._baseline import Baseline, baseline
from ._capture import Capture, capture, capturing
from ._capture_file import load
from ._comparison import Comparison, compare
from ._context import about, set_threads
from ._errors import (Ambiguous, Cancelled, Error, InvalidArgument, LibraryNotFound, Missing,
                      NoMemory, Nonfinite, TooLarge, Unsupported, WrongType)
from ._intervals import Intervals, intervals
from ._layout import Layout
from ._library import version
from ._merge import merge
from ._operations import (Histogram, adjust_bh, distance, histogram, mask, permute, relabel,
                          similarity, tail_p)
from ._pairs import Pairs, pairs
from ._stream import Stream, stream
from ._study import Condition, LayerStudy, Study, study

__version__ = version()

__all__ = ["Accumulator", "Ambiguous", "Analysis", "Baseline", "Cancelled", "Capture",
           "Comparison", "Condition", "Error", "Histogram", "Intervals", "InvalidArgument",
           "LayerStudy", "Layout", "LibraryNotFound", "Missing", "NoMemory", "Nonfinite", "Pairs",
           "Stream", "Study", "TooLarge", "Unsupported", "WrongType", "about", "adjust_bh",
           "analyze", "baseline", "capture", "capturing", "compare", "distance", "histogram",
           "intervals", "load", "mask", "merge", "pairs", "permute", "relabel", "set_threads",
           "similarity", "stream", "study", "tail_p", "version"]
