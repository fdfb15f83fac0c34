"""The operations that give arrays: matrices, masks, histograms, permutations."""
from ctypes import byref, c_double, sizeof
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np

from . import _declarations as C
from ._baseline import _covariates
from ._context import Progress, call, compute
from ._errors import InvalidArgument, WrongType
from ._input import Input, address_of, bins_of, matrix_of, segments_of
from ._layout import layout_of
from ._library import library
from ._words import DISTANCES, EXCHANGES, METRICS, RELABELLINGS, SCHEMES, number_of


def _result_type(data: Input, dtype: Any) -> Any:
    """float64 where the arithmetic is, else float32."""
    if dtype is not None:
        given = np.dtype(dtype)
        if given not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise InvalidArgument(f"dtype is float32 or float64, not {given}")
        return given
    wide = any(part.dtype == C.DTYPE_F64 for part in data.views)
    arithmetic = data.struct.arithmetic or (C.DTYPE_F64 if wide else C.DTYPE_F32)
    return np.dtype(np.float64 if arithmetic == C.DTYPE_F64 else np.float32)


def _output(out: Optional[np.ndarray], shape: Tuple[int, int], dtype: Any) -> np.ndarray:
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.shape != shape or not out.flags.c_contiguous \
            or not out.flags.writeable or out.dtype.name not in ("float32", "float64"):
        raise InvalidArgument(f"out is a writable C-ordered array of {shape[0]} x {shape[1]} "
                              "float32 or float64")
    return out


def similarity(data: Any, *, metric: str = "cosine", observations: Any = None,
               precision: Any = None, nonfinite: str = "error", layout: Optional[str] = None,
               dtype: Any = None, out: Optional[np.ndarray] = None,
               threads: Optional[int] = None, progress: Progress = None) -> np.ndarray:
    """The similarity of every feature with every other.

    Parameters
    ----------
    data
        As for `analyze`.
    metric : str
        "cosine", "pearson", "spearman", "covariance" or "dot".
    dtype : float32 or float64, optional
        Of the matrix; default: that of the arithmetic.
    out : array, optional
        Receives the matrix.
    observations, precision, nonfinite, layout, threads, progress
        As for `analyze`.

    Returns
    -------
    array, features x features

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory, TooLarge
        As for `analyze`; also where `out` has another shape or type.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> made = qkvsim.similarity(x, metric="pearson")
    >>> bool(numpy.allclose(made, numpy.corrcoef(x, rowvar=False)))
    True
    """
    made = Input(data, observations=observations, precision=precision, nonfinite=nonfinite,
                 layout=layout)
    matrix = _output(out, (made.features, made.features), _result_type(made, dtype))
    compute(library.qkvsim_similarity, byref(made.struct), number_of(METRICS, metric, "metric"),
            None, byref(matrix_of(matrix)), parts=made.labels, threads=threads,
            progress=progress)
    return matrix


class _Features:
    """What a layout is of where there are no data."""

    def __init__(self, features: int) -> None:
        self.features = features
        self.names, self.heads = None, {}  # type: ignore[var-annotated]


def _features_of(groups: Any) -> Tuple[int, Any]:
    if isinstance(groups, (int, np.integer)):
        return int(groups), "thirds"
    if hasattr(groups, "features"):
        return int(groups.features), groups
    if hasattr(groups, "values") and not hasattr(groups, "shape"):
        return int(sum(groups.values())), groups
    return len(groups), groups


def mask(groups: Any, *, heads: Any = None, interleaved: bool = False,
         codes: Any = None) -> np.ndarray:
    """The mask: above the diagonal the product of the two features' group codes, else 0.

    Parameters
    ----------
    groups : int, mapping, labels or Layout
        A number of features for thirds of them; else as for `analyze`.
    heads, interleaved
        As for `analyze`.
    codes : sequence of int, optional
        A code for each group; default: 1, 2, 3, ...

    Returns
    -------
    array of int32, features x features

    Raises
    ------
    InvalidArgument, TooLarge, Ambiguous
        Where codes are too few, too large, or give two pair groups one product.

    Examples
    --------
    >>> import qkvsim
    >>> qkvsim.mask({"Q": 2, "K": 1})
    array([[0, 1, 2],
           [0, 0, 2],
           [0, 0, 0]], dtype=int32)
    """
    features, spec = _features_of(groups)
    made: Any = _Features(features)
    layout = layout_of(made, spec, heads, interleaved)
    matrix = np.empty((features, features), np.int32)
    given = None if codes is None else np.ascontiguousarray(codes, np.int32)
    if given is not None and given.shape != (len(layout.groups),):
        raise InvalidArgument(f"codes has {given.size} codes for {len(layout.groups)} groups")
    call(library.qkvsim_layout_mask, layout._pointer, None if given is None else address_of(given),
         byref(matrix_of(matrix)))
    return matrix


class Histogram(NamedTuple):
    """Counts (codes x bins, or bins where there is no mask), edges, and values in no bin."""

    counts: np.ndarray
    edges: np.ndarray
    outside: np.ndarray

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Histogram) and all(map(np.array_equal, self, other))

    def __ne__(self, other: Any) -> bool:  # or it would be the tuple's
        return not self == other


def histogram(matrix: Any, *, mask: Optional[np.ndarray] = None, codes: Any = None,
              bins: Any = None) -> Histogram:
    """Counts the values of a matrix by the codes of a mask.

    Parameters
    ----------
    matrix : array of two dimensions
    mask : array of int32 of the same shape, optional
    codes : sequence of int, optional
        The mask's values to count; default: all but 0.
    bins
        As for `analyze`.

    Returns
    -------
    Histogram

    Raises
    ------
    InvalidArgument
        Where the mask has another shape, or bins are none.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> cosines = qkvsim.similarity(x)
    >>> made = qkvsim.histogram(cosines, mask=qkvsim.mask(6), bins=4)
    >>> made.counts.tolist()      # of Q-Q, Q-K, Q-V, ...: all cosines are over 1/2
    [[0, 0, 0, 1], [0, 0, 0, 4], [0, 0, 0, 4], [0, 0, 0, 1], [0, 0, 0, 4], [0, 0, 0, 1]]
    """
    made = Input(matrix, name="matrix")
    given, count = bins_of(bins)
    wide = made.views[0].dtype == C.DTYPE_F64
    edges = np.empty(count + 1)
    call(library.qkvsim_bin_edges, None if given is None else byref(given),
         C.DTYPE_F64 if wide else C.DTYPE_F32, address_of(edges), len(edges))
    view_of_mask, wanted = None, np.zeros(1, np.int32)
    if mask is not None:
        array = np.ascontiguousarray(mask, np.int32)
        if array.ndim != 2:
            raise InvalidArgument("mask is to have two dimensions")
        view_of_mask = C.View(sizeof(C.View), address_of(array), *array.shape, array.shape[1], 1,
                              C.DTYPE_I32)
        wanted = np.ascontiguousarray(np.setdiff1d(array, 0) if codes is None else codes,
                                      np.int32)
    counts = np.zeros((len(wanted), count), np.int64)
    outside = np.zeros(len(wanted), np.int64)
    call(library.qkvsim_histogram, byref(made.views[0]),
         None if view_of_mask is None else byref(view_of_mask), address_of(wanted), len(wanted),
         None if given is None else byref(given), address_of(counts), counts.size,
         address_of(outside))
    return Histogram(counts if mask is not None else counts[0], edges, outside)


def permute(data: Any, *, seed: int = 0, index: int = 0, scheme: str = "all",
            exchange: str = "observations", enumerated: bool = False, covariates: Any = None,
            groups: Any = None, heads: Any = None, interleaved: bool = False,
            observations: Any = None, segments: Any = None, layout: Optional[str] = None,
            dtype: Any = None, threads: Optional[int] = None) -> np.ndarray:
    """A permuted copy of the data: permutation `index` of `seed`, as `baseline` makes it.

    Parameters
    ----------
    data, groups, heads, interleaved, observations, layout
        As for `analyze`.
    seed, index : int
    scheme, exchange, covariates, segments
        As for `baseline`.
    enumerated : bool
        `index` counts all different permutations, 0 being the data themselves.
    dtype : float32 or float64, optional

    Returns
    -------
    array, observations x features

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory
        As for `baseline`.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.arange(12.0).reshape(4, 3)
    >>> made = qkvsim.permute(x, scheme="feature", seed=1)
    >>> bool((numpy.sort(made, axis=0) == x).all())        # within each feature
    True
    """
    made = Input(data, observations=observations, segments=segments, heads=heads, layout=layout)
    number = number_of(SCHEMES, scheme, "scheme")
    needed = scheme not in ("all", "feature", "shift") or groups is not None
    split = layout_of(made, groups, heads, interleaved) if needed else None
    kept, address = _covariates(covariates, made.observations)
    options = C.Permutation(
        sizeof(C.Permutation), seed=seed, index=index, scheme=number,
        layout=None if split is None else split._pointer,
        exchange=number_of(EXCHANGES, exchange, "exchange"), enumerated=int(enumerated),
        covariates=address)
    rows = made.observations
    if made.selection is not None:
        chosen = made.selection.kept
        rows = int(chosen.sum()) if chosen.dtype == np.bool_ else chosen.size
    matrix = np.empty((rows, made.features), _result_type(made, dtype))
    compute(library.qkvsim_permute, byref(made.struct), byref(options), byref(matrix_of(matrix)),
            parts=made.labels, threads=threads)
    del kept
    return matrix


def relabel(labels: Any, *, seed: int = 0, index: int = 0, relabel: str = "labels",
            exchange: str = "observations", enumerated: bool = False,
            segments: Any = None) -> np.ndarray:
    """A permuted copy of labels of observations, as `compare` makes it.

    Parameters
    ----------
    labels : array of bool or uint8, one an observation
    seed, index, exchange, enumerated, segments
        As for `permute`.
    relabel : "labels" or "label-shift"

    Returns
    -------
    array of the labels' type

    Raises
    ------
    InvalidArgument, WrongType
        Where labels are none, or an option is not known.

    Examples
    --------
    >>> import qkvsim
    >>> int(qkvsim.relabel([True, True, False, False, False], seed=1).sum())
    2
    """
    array = np.ascontiguousarray(labels)
    if array.ndim != 1 or array.dtype.itemsize != 1 or array.dtype.kind not in "bu":
        if array.ndim != 1 or array.dtype.kind not in "iu" or array.size == 0 \
                or array.min() < 0 or array.max() > 255:
            raise WrongType("labels is one boolean, or number from 0 to 255, an observation")
        array = array.astype(np.uint8)
    made = np.empty_like(array)
    runs = None if segments is None else segments_of(segments, array.size)
    options = C.Relabelling(
        sizeof(C.Relabelling), seed=seed, index=index,
        relabel=number_of(RELABELLINGS, relabel, "relabel"),
        segments=None if runs is None else address_of(runs),
        exchange=number_of(EXCHANGES, exchange, "exchange"), enumerated=int(enumerated))
    call(library.qkvsim_relabel, address_of(array), array.size, byref(options), address_of(made))
    return made


def distance(a: Any, b: Any, *, edges: Any, distance: str = "kolmogorov_smirnov") -> float:
    """A distance between two histograms.

    Parameters
    ----------
    a, b : arrays of counts
    edges : array of one number more
    distance : "kolmogorov_smirnov", "wasserstein" or "jensen_shannon"

    Returns
    -------
    float, NaN where a histogram is empty

    Raises
    ------
    InvalidArgument, WrongType
        Where histograms are none, or of other bins.

    Examples
    --------
    >>> import qkvsim
    >>> qkvsim.distance([4, 0], [1, 3], edges=[-1, 0, 1])
    0.75
    """
    first, second = (_counts_of(given, name) for given, name in ((a, "a"), (b, "b")))
    limits = np.ascontiguousarray(edges, np.float64)
    if first.ndim != 1 or first.shape != second.shape or limits.shape != (first.size + 1,):
        raise InvalidArgument(f"a and b are histograms of the same bins, and edges one number "
                              f"more: they have {first.size}, {second.size} and {limits.size}")
    value = c_double()
    call(library.qkvsim_histogram_distance, address_of(first), address_of(second),
         address_of(limits), first.size, number_of(DISTANCES, distance, "distance"), byref(value))
    return value.value


def _counts_of(counts: Any, name: str) -> np.ndarray:
    array = np.asarray(counts)
    if array.dtype.kind not in "iub":
        raise WrongType(f"{name} is a histogram of whole counts, not of {array.dtype}")
    return np.ascontiguousarray(array, np.int64)


def adjust_bh(p: Any) -> np.ndarray:
    """Adjusts p-values by Benjamini & Hochberg.

    Parameters
    ----------
    p : array of any shape
        From 0 to 1; NaN is no test.

    Returns
    -------
    array of float64 of the same shape

    Raises
    ------
    InvalidArgument
        Where a p is outside of [0, 1].

    Examples
    --------
    >>> import qkvsim
    >>> qkvsim.adjust_bh([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    array = np.ascontiguousarray(p, np.float64)
    adjusted = np.empty_like(array)
    call(library.qkvsim_adjust_bh, address_of(array), array.size, address_of(adjusted))
    return adjusted


def tail_p(values: Any, observed: float) -> float:
    """The upper-tailed p of an observed value by a fit to the tail of a null's values.

    Parameters
    ----------
    values : array
        Of the null: 199 or more.
    observed : float

    Returns
    -------
    float; NaN where no fit is good, or where ten values or more are as large as observed, so that
    (b + 1) / (m + 1) is as good

    Raises
    ------
    InvalidArgument
        Where there are fewer values, or one is not finite.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> null = numpy.random.default_rng(0).normal(size=1000)
    >>> 0.00001 < qkvsim.tail_p(null, 3.5) < 0.001          # of a normal distribution 0.0002
    True
    """
    array = np.ascontiguousarray(values, np.float64).ravel()
    p = c_double()
    call(library.qkvsim_tail_p, address_of(array), array.size, float(observed), byref(p))
    return p.value
