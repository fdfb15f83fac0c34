"""qkvsim on dask arrays: what does not fit one process, or is to be shared among many.

    import qkvsim.dask
    analysis = qkvsim.dask.analyze(x)       # nothing is computed yet
    analysis.compute()                      # threads, processes, or a cluster's workers

Each task is a call of the package on NumPy blocks, and what travels from one to the next are packed
states and results. Which tasks there are follows from the chunks and the options alone, and sums are
added in a fixed tree: the same chunks give the same bits on any scheduler and any number of workers
(of processors of one kind: kernels are chosen by the processor).

Arrays have two dimensions, observations x features, and chunks along either or both. `threads` is
how many threads a task computes with, 1 by default, for a scheduler has as many tasks at a time as
it has threads.
"""
import inspect
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from . import _study
from ._accumulator import Accumulator
from ._analysis import Analysis, Prepared, Question
from ._analysis import analyze as _analyze
from ._baseline import baseline as _baseline
from ._comparison import compare as _compare
from ._dask import Delayed, Graph, Mask, Table, arrays, count_of, delayed, threads_of
from ._dask_pieces import pair_group_pieces, ranges
from ._dask_stream import stream
from ._errors import InvalidArgument
from ._intervals import intervals as _intervals
from ._layout import layout_of
from ._merge import merge
from ._words import (EXCHANGES, METHODS, METRICS, NONFINITE, RELABELLINGS, SCHEMES, number_of,
                     precision_of)

__all__ = ["accumulate", "analyze", "baseline", "compare", "intervals", "similarity", "study"]

_SPLIT_EVERY = 8


def accumulate(data: Any, *, groups: Any = None, heads: Any = None, interleaved: bool = False,
               observations: Any = None, precision: Any = None, nonfinite: str = "error",
               split_every: int = _SPLIT_EVERY, threads: int = 1) -> Delayed:
    """Adds all observations to an `Accumulator`: chunk by chunk, merged in a tree.

    Parameters
    ----------
    data : dask array, or mapping of names to dask arrays
        Observations x features. The arrays of a mapping are parts; all are read in the chunks of
        observations of the first.
    groups, heads, interleaved, precision, nonfinite
        As for `qkvsim.analyze`.
    observations : boolean mask, indices, slice, or dask array of bool; optional
    split_every : int
        How many states a task merges. With no more chunks than these the result is, to the bit,
        that of a stream of the chunks.
    threads : int
        Of each task.

    Returns
    -------
    dask.delayed.Delayed of a `qkvsim.Accumulator`

    Raises
    ------
    InvalidArgument, WrongType
        At once, where the arrays' shapes, types or layout are wrong; what only their values tell,
        such as Nonfinite, when it is computed.

    Notes
    -----
    A task holds a chunk and a state of 4 features^2 bytes, or `split_every` states; as many states
    travel as there are chunks. Chunks of 1,000 observations and more, and of as many as there are
    features, are fast.

    Examples
    --------
    >>> import dask.array, qkvsim.dask
    >>> x = dask.array.random.default_rng(0).normal(size=(1000, 6), chunks=(100, 3))
    >>> qkvsim.dask.accumulate(x).compute().observations
    1000
    """
    table = Table(data)
    layout = layout_of(table, groups, heads, interleaved)
    graph, key = stream(table, layout, observations, split_every, threads, precision, nonfinite)
    return graph.delayed(key)


def _analyze_state(options: Dict[str, Any], state: Accumulator) -> Analysis:
    return state.analyze(**options)


def _similarity_of_state(options: Dict[str, Any], state: Accumulator) -> np.ndarray:
    return state.similarity(**options)


def similarity(data: Any, *, metric: str = "cosine", observations: Any = None,
               precision: Any = None, nonfinite: str = "error", split_every: int = _SPLIT_EVERY,
               threads: int = 1) -> Any:
    """The similarity of every feature with every other, by an `accumulate`.

    Parameters
    ----------
    data, observations, precision, nonfinite, split_every, threads
        As for `accumulate`.
    metric : str
        "cosine", "pearson", "covariance" or "dot".

    Returns
    -------
    dask array of float64, features x features, in one chunk

    Examples
    --------
    >>> import dask.array, numpy, qkvsim.dask
    >>> x = dask.array.random.default_rng(0).normal(size=(1000, 6), chunks=100)
    >>> r = qkvsim.dask.similarity(x, metric="pearson")
    >>> bool(numpy.allclose(r, numpy.corrcoef(x.compute(), rowvar=False)))
    True
    """
    known = {name: number for name, number in METRICS.items() if name != "spearman"}
    number_of(known, metric, "metric")
    table = Table(data)
    layout = layout_of(table, np.zeros(table.features, np.int32))
    options = {"metric": metric, "threads": threads_of(threads)}
    graph, key = stream(table, layout, observations, split_every, threads, precision, nonfinite,
                         options)
    made = graph.delayed(graph.add("similarity", partial(_similarity_of_state, options), key))
    return arrays.from_delayed(made, (table.features, table.features), np.float64)


@dataclass(frozen=True)
class _Call:
    """What all pieces of a computation are called with."""

    names: Optional[List[str]]
    selections: List[str]
    options: Dict[str, Any]


_OPERATIONS: Dict[str, Any] = {"analyze": _analyze, "baseline": _baseline,
                               "compare": _compare, "intervals": _intervals}


def _operate(operation: str, piece: Dict[str, Any], blocks: List[Any], masks: List[np.ndarray],
             call: _Call) -> Any:
    """One call of the package, of all observations at once."""
    data = blocks[0] if call.names is None else dict(zip(call.names, blocks))
    selections = {name: np.asarray(mask) for name, mask in zip(call.selections, masks)}
    return _OPERATIONS[operation](data, **selections, **call.options, **piece)


def _merge_results(pieces: List[Any]) -> Any:
    return merge(pieces)


def _whole(operation: str, table: Table, selections: Dict[str, Any], options: Dict[str, Any],
           pieces: Sequence[Dict[str, Any]]) -> Delayed:
    """Pieces of one computation, each of which reads all observations, and their merge."""
    whole = table.whole()
    masks = {name: Mask(selected, whole, name) for name, selected in selections.items()
             if selected is not None}
    graph = Graph(whole, operation, options, pieces, masks=list(masks.values()))
    shared = graph.add("options", _Call(whole.names, list(masks), options))
    keys = [array.__dask_keys__()[0][0] for array in graph.sources[:len(whole.arrays)]]
    chosen = [mask.of(0, 0, whole.observations) if mask.mask is None
              else graph.add(name, mask.mask) for name, mask in masks.items()]
    calls = [graph.add(operation, partial(_operate, operation, piece), keys, chosen, shared,
                       number=i) for i, piece in enumerate(pieces)]
    key = calls[0] if len(calls) == 1 else graph.add("merge", _merge_results, calls)
    return graph.delayed(key)


def _prepared(data: Any, options: Dict[str, Any], threads: Any) -> Tuple[Table, Question]:
    """The table, and the question that options ask of it; the options then hold its layout."""
    known = set(inspect.signature(Prepared.__init__).parameters)
    for name in options:
        if name not in known - {"self", "data", "layout", "threads", "progress"}:
            raise TypeError(f"there is no option {name!r}")
    table = Table(data)
    layout = layout_of(table, options.pop("groups", None), options.pop("heads", None),
                       options.pop("interleaved", False))
    precision_of(options.get("precision"))
    number_of(NONFINITE, options.get("nonfinite", "error"), "nonfinite")
    question = Question(layout, options.get("metrics"), options.get("bins"),
                        options.get("pair_groups"), table.observations)
    options.update(groups=layout, threads=threads_of(threads))
    return table, question


def analyze(data: Any, *, by: Optional[str] = None, pieces: Optional[int] = None,
            observations: Any = None, split_every: int = _SPLIT_EVERY, threads: int = 1,
            **options: Any) -> Delayed:
    """Analyses activations, as `qkvsim.analyze`.

    Parameters
    ----------
    data, observations, split_every, threads
        As for `accumulate`.
    by : "rows" or "pair_groups", optional
        "rows": of the accumulator of all chunks of observations. A task holds a chunk and states of
        4 features^2 bytes; values are in double, as those of `Accumulator.analyze`.
        "pair_groups": the array is put together, and each task analyses some of the pair groups.
        A task holds all of the data, and about as much again; the result is, to the bit, that of
        `qkvsim.analyze`, and "spearman" is possible.
        Default: "rows" where there are several chunks of observations and the array is larger than
        a state, else "pair_groups".
    pieces : int, optional
        How many tasks the pair groups are shared out to; results do not depend on it.
    **options
        groups, heads, interleaved, metrics, bins, pair_groups, precision and nonfinite of
        `qkvsim.analyze`.

    Returns
    -------
    dask.delayed.Delayed of a `qkvsim.Analysis`

    Examples
    --------
    >>> import dask.array, qkvsim.dask
    >>> x = dask.array.random.default_rng(0).normal(size=(1000, 6), chunks=(100, 3)) + 5
    >>> bool((qkvsim.dask.analyze(x).compute().offset_share > 0.9).all())
    True
    """
    if "segments" in options:
        raise TypeError("there is no option 'segments'")
    table, question = _prepared(data, options, threads)
    ranks = "spearman" in question.metrics
    if by is None:
        streamed = len(table.row_chunks) > 1 and table.bytes > 4 * table.features ** 2
        by = "rows" if streamed and not ranks else "pair_groups"
    if number_of({"rows": 0, "pair_groups": 1}, by, "by") == 1:
        shared = pair_group_pieces(table, question, pieces)
        options.pop("pair_groups", None)
        return _whole("analyze", table, {"observations": observations}, options, shared)
    if ranks:
        raise InvalidArgument('"spearman" needs all observations at once: by="pair_groups"')
    if pieces is not None:
        raise InvalidArgument('pieces are of by="pair_groups"')
    asked: Dict[str, Any] = {name: options.get(name)
                             for name in ("metrics", "bins", "pair_groups", "threads")}
    graph, key = stream(table, question.layout, observations, split_every, threads,
                         options.get("precision"), options.get("nonfinite", "error"), asked)
    return graph.delayed(graph.add("analyze", partial(_analyze_state, asked), key))


def baseline(data: Any, *, permutations: int = 1000, seed: int = 0, scheme: str = "all",
             exchange: str = "observations", covariates: Any = None, exceedances: int = 0,
             pieces: Optional[int] = None, observations: Any = None, threads: int = 1,
             **options: Any) -> Delayed:
    """Analyses the data and permutations of them, as `qkvsim.baseline`, to the bit.

    Parameters
    ----------
    data, observations, threads
        As for `accumulate`. Each task holds all of the data, and about as much again.
    permutations, seed, scheme, exchange, covariates, exceedances
        As for `qkvsim.baseline`; with exceedances, which stop one another, there is one task.
    pieces : int, optional
        How many tasks the permutations are shared out to, each of which also analyses the data
        once; default: tasks of 25 permutations and more, 256 at most.
    **options
        Those of `analyze`, and `segments`.

    Returns
    -------
    dask.delayed.Delayed of a `qkvsim.Baseline`

    Examples
    --------
    >>> import dask.array, qkvsim.dask
    >>> x = dask.array.random.default_rng(0).normal(size=(50, 6), chunks=(25, 6))
    >>> made = qkvsim.dask.baseline(x, permutations=100).compute()
    >>> made == qkvsim.baseline(x.compute(), permutations=100)
    True
    """
    table, _ = _prepared(data, options, threads)
    total = count_of(permutations, "permutations", 1)
    number_of(SCHEMES, scheme, "scheme")
    number_of(EXCHANGES, exchange, "exchange")
    options.update(seed=seed, scheme=scheme, exchange=exchange, covariates=covariates,
                   exceedances=exceedances)
    shared = [{"permutations": total}] if exceedances else [
        {"first": first, "permutations": count, "total": total}
        for first, count in ranges(total, pieces)]
    return _whole("baseline", table, {"observations": observations}, options, shared)


def compare(data: Any, *, targets: Any, others: Any = None, permutations: int = 0,
            subsets: int = 0, seed: int = 0, relabel: str = "labels", centred: bool = False,
            exchange: str = "observations", exceedances: int = 0, pieces: Optional[int] = None,
            threads: int = 1, **options: Any) -> Delayed:
    """Compares two selections of observations, as `qkvsim.compare`, to the bit.

    Parameters
    ----------
    data, threads, pieces
        As for `baseline`: relabellings and matched subsets are shared out.
    targets, others, permutations, subsets, seed, relabel, centred, exchange, exceedances
        As for `qkvsim.compare`; targets and others may be dask arrays of bool.
    **options
        Those of `analyze`, and `segments`.

    Returns
    -------
    dask.delayed.Delayed of a `qkvsim.Comparison`

    Examples
    --------
    >>> import dask.array, qkvsim.dask
    >>> x = dask.array.random.default_rng(0).normal(size=(50, 6), chunks=(25, 6))
    >>> qkvsim.dask.compare(x, targets=slice(0, 10), permutations=100).compute()
    <qkvsim.Comparison of 10 with 40 observations, 100 relabellings, 6 rows>
    """
    table, _ = _prepared(data, options, threads)
    total = count_of(permutations, "permutations", 0)
    drawn = count_of(subsets, "subsets", 0) or total
    number_of(RELABELLINGS, relabel, "relabel")
    number_of(EXCHANGES, exchange, "exchange")
    options.update(seed=seed, relabel=relabel, centred=centred, exchange=exchange,
                   exceedances=exceedances)
    if exceedances or total == 0 or drawn != total:
        shared: List[Dict[str, Any]] = [{"permutations": total, "subsets": subsets}]
    else:
        shared = [{"first": first, "permutations": count, "total": total}
                  for first, count in ranges(total, pieces)]
    return _whole("compare", table, {"targets": targets, "others": others}, options, shared)


def intervals(data: Any, *, others: Any = None, method: str = "jackknife",
              resamples: Optional[int] = None, pieces: Optional[int] = None,
              observations: Any = None, threads: int = 1, blocks: Optional[int] = None,
              block_length: Optional[int] = None, level: float = 0.95, seed: int = 0,
              **options: Any) -> Delayed:
    """Intervals of statistics, as `qkvsim.intervals`, to the bit.

    Parameters
    ----------
    data, observations, threads, pieces
        As for `baseline`: resamples of the bootstrap are shared out; a jackknife is one task.
    others, method, blocks, resamples, block_length, level, seed
        As for `qkvsim.intervals`.
    **options
        Those of `analyze`, and `segments`.

    Returns
    -------
    dask.delayed.Delayed of `qkvsim.Intervals`

    Examples
    --------
    >>> import dask.array, qkvsim.dask
    >>> x = dask.array.random.default_rng(0).normal(size=(50, 6), chunks=(25, 6))
    >>> qkvsim.dask.intervals(x, method="bootstrap", resamples=100).compute()
    <qkvsim.Intervals by the bootstrap, 100 replicates, 6 rows>
    """
    table, _ = _prepared(data, options, threads)
    options.update(method=method, level=level, seed=seed, blocks=blocks,
                   block_length=block_length)
    shared: List[Dict[str, Any]] = [{"resamples": resamples}]
    if METHODS["bootstrap"] == number_of(METHODS, method, "method"):
        total = 1000 if resamples is None else count_of(resamples, "resamples", 1)
        shared = [{"first": first, "resamples": count, "total": total}
                  for first, count in ranges(total, pieces)]
    return _whole("intervals", table, {"observations": observations, "others": others}, options,
                  shared)


def _study_layer(name: str, layer: Any, options: Dict[str, Any]) -> Any:
    """The study of one layer, and what its figure takes, while the data are there."""
    made = _study.study({name: layer} if isinstance(layer, MappingABC) or hasattr(layer, "parts")
                        else layer, **options)
    made.layers[0].name = name
    made.layers[0].matched()
    return made


def _put_together(studies: List[Any]) -> Any:
    return _study.Study([study.layers[0] for study in studies], studies[0].options)


def study(layers: Any, *, threads: int = 1, **options: Any) -> Delayed:
    """Analyses layers as `qkvsim.study` does, each in a task of its own.

    Parameters
    ----------
    layers : sequence of layers, or mapping of names to layers
        A layer is a dask array, a mapping of names to dask arrays, or a Delayed of what
        `qkvsim.study` takes for a layer, such as a function that loads it. Each task holds one
        layer.
    threads : int
        Of each task.
    **options
        Those of `qkvsim.study`.

    Returns
    -------
    dask.delayed.Delayed of a `qkvsim.Study`

    Examples
    --------
    >>> import dask.array, qkvsim.dask
    >>> x = dask.array.random.default_rng(0).normal(size=(50, 6), chunks=(25, 6))
    >>> qkvsim.dask.study([x, 2 * x, 3 * x], targets=slice(0, 10)).compute()
    <qkvsim.Study of 3 layer(s), 6 rows, targets and non-targets>
    """
    known = set(inspect.signature(_study.study).parameters) - {"data", "threads", "progress"}
    for name in options:
        if name not in known:
            raise TypeError(f"there is no option {name!r}")
    named = list(layers.items()) if isinstance(layers, MappingABC) else \
        [(str(i), layer) for i, layer in enumerate(layers)]
    if not named or isinstance(layers, arrays.Array):
        raise InvalidArgument("layers is a list of layers, or a mapping of names to layers: "
                              "give [data] for one")
    options = {**options, "threads": threads_of(threads)}
    run = delayed.delayed(_study_layer, pure=True)
    made = [run(str(name), _one_layer(layer, f"layers[{name!r}]"), options)
            for name, layer in named]
    return delayed.delayed(_put_together, pure=True)(made)


def _one_layer(layer: Any, label: str) -> Any:
    """A Delayed of a layer, whatever chunks its arrays have."""
    if isinstance(layer, delayed.Delayed):
        return layer
    table = Table(layer, label).whole()
    arrays = [array.to_delayed()[0, 0] for array in table.arrays]
    return arrays[0] if table.names is None else dict(zip(table.names, arrays))
