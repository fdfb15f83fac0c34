"""Similarities within and across the Q, K and V activations of transformer layers.

    import qkvsim
    a = qkvsim.analyze(x)               # any array of observations x features
    a.statistic("mean", "pearson")      # a number for each of Q-Q, Q-K, ...
    a.offset_share, a.to_frame()
"""
from ._analysis import Analysis, analyze
from ._context import set_threads
from ._errors import (Ambiguous, Cancelled, Error, InvalidArgument, LibraryNotFound, Missing,
                      NoMemory, Nonfinite, TooLarge, Unsupported, WrongType)
from ._layout import Layout
from ._library import version

__version__ = version()

__all__ = ["Ambiguous", "Analysis", "Cancelled", "Error", "InvalidArgument", "Layout",
           "LibraryNotFound", "Missing", "NoMemory", "Nonfinite", "TooLarge", "Unsupported",
           "WrongType", "analyze", "set_threads", "version"]
