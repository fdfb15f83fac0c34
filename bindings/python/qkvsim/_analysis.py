"""The results of one analysis, and what all results have in common."""
import html
from ctypes import addressof, byref, c_int32, c_void_p, sizeof
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from . import _declarations as C
from ._context import Progress, call, compute
from ._errors import InvalidArgument, optional
from ._handle import Handle, counted, packed_of, packed_size, unpack, view
from ._input import Input, address_of, bins_of, numbers_array
from ._layout import Layout, layout_of
from ._library import library
from ._words import (ANALYSIS_METRICS, METRICS, OF_OFFSET, OF_VALUES, PRECISIONS, STATISTICS,
                     has_statistic, metrics_of, number_of, row_numbers, word_of)

_OPTIONS = sizeof(C.AnalysisOptions)


class Question:
    """What results are asked of: the layout, the metrics, and options of the analysis."""

    __slots__ = ("layout", "metrics", "wanted", "options", "kept", "bins", "observations",
                 "parts")

    def __init__(self, layout: Layout, metrics: Any, bins: Any, pair_groups: Any,
                 observations: int, parts: Any = ()) -> None:
        self.parts = tuple(parts)  # name, type and features of what was read
        self.layout, self.metrics = layout, metrics_of(metrics)
        self.observations = observations
        made, self.bins = bins_of(bins)
        numbers: Optional[Sequence[int]] = None
        if pair_groups is not None:
            numbers = row_numbers(layout.rows[:layout.pair_groups], pair_groups, "pair_groups")
        array = None if numbers is None else numbers_array(numbers, c_int32)
        self.wanted = None if numbers is None else tuple(sorted(numbers))
        self.kept = (made, array)
        self.options = C.AnalysisOptions(
            _OPTIONS, None if made is None else addressof(made),
            None if array is None else addressof(array),
            0 if numbers is None else len(numbers), sum(map(METRICS.__getitem__, self.metrics)))

    def __reduce__(self) -> Any:
        return _question, (self.layout, self.metrics, self.bins, self.wanted, self.observations,
                           self.parts)

    @property
    def rows(self) -> List[int]:
        """Numbers of the rows that there are results of."""
        layout = self.layout
        if self.wanted is None:
            return list(range(len(layout.rows)))
        rows = list(self.wanted)
        wanted = set(self.wanted)
        for r in range(len(layout.rows) - layout.pair_groups):
            members = counted(layout, library.qkvsim_layout_rollup_pair_groups, layout._pointer, r,
                              dtype=np.int32)
            if wanted.issuperset(members.tolist()):
                rows.append(layout.pair_groups + r)
        return rows


def _question(layout: Layout, metrics: Any, bins: int, wanted: Any, observations: int,
              parts: Any) -> Question:
    return Question(layout, metrics, bins, wanted, observations, parts)


class Prepared:
    """The data and the question of a call, and the call itself."""

    def __init__(self, data: Any, *, groups: Any = None, heads: Any = None,
                 interleaved: bool = False, observations: Any = None, segments: Any = None,
                 metrics: Any = None, bins: Any = None, pair_groups: Any = None,
                 precision: Any = None, nonfinite: str = "error", layout: Optional[str] = None,
                 threads: Optional[int] = None, progress: Progress = None) -> None:
        self.input = Input(data, observations=observations, segments=segments,
                           precision=precision, nonfinite=nonfinite, heads=heads, layout=layout)
        self.question = Question(layout_of(self.input, groups, heads, interleaved), metrics, bins,
                                 pair_groups, self.input.observations, self.input.read)
        self.threads, self.progress = threads, progress

    def run(self, kind: str, function: Any, *arguments: Any) -> Handle:
        """Calls a function that makes a handle, which is its last argument."""
        pointer = c_void_p()
        compute(function, byref(self.input.struct), *arguments, byref(pointer),
                parts=self.input.labels, threads=self.threads, progress=self.progress)
        return Handle(kind, pointer)

    def analysis(self) -> "Analysis":
        """The analysis."""
        question = self.question
        return Analysis(self.run("analysis", library.qkvsim_analysis_run, question.layout._pointer,
                                 byref(question.options)), question)


class Result:
    """What every kind of result can do."""

    _kind = ""
    _handle: Handle
    _question: Question

    @property
    def layout(self) -> Layout:
        """The layout of the features."""
        return self._question.layout

    @property
    def rows(self) -> Tuple[str, ...]:
        """Names of the results' rows: "Q-Q", ..., then roll-ups."""
        return tuple(self.layout.rows[i] for i in self._question.rows)

    @property
    def metrics(self) -> Tuple[str, ...]:
        """Metrics that there are results of."""
        return self._question.metrics

    def _metric(self, metric: Optional[str]) -> Tuple[str, int]:
        """A metric by name, or the first there is."""
        name = self.metrics[0] if metric is None else str(metric).lower()
        number = number_of({known: METRICS[known] for known in ANALYSIS_METRICS}, name, "metric")
        if name not in self.metrics:
            raise InvalidArgument(f"there are no results of {name}: metrics was "
                                  + ", ".join(self.metrics))
        return name, number

    @property
    def _pointer(self) -> Optional[int]:
        return self._handle._pointer

    def _column(self, function: Any, *arguments: int) -> np.ndarray:
        """A number of every row of the layout, by a function that gives them all."""
        values = np.empty(len(self.layout.rows))
        call(function, self._pointer, *arguments, address_of(values), values.size)
        return values

    def _over_rows(self, function: Any, *arguments: int) -> np.ndarray:
        """A number of each row that there are results of."""
        return _frozen(self._column(function, *arguments)[self._question.rows])

    def _number(self, function: Any, row: int, *arguments: int) -> Optional[float]:
        """One row's number, as JSON has it. JSON asks for row after row: columns are kept."""
        columns: Dict[Any, Any] = self.__dict__.setdefault("_columns", {})
        column = columns.get((function.__name__, arguments))
        if column is None:
            column = columns[function.__name__, arguments] = [
                number_or_none(value) for value in self._column(function, *arguments).tolist()]
        number: Optional[float] = column[row]
        return number

    def _records(self) -> List[Dict[str, Any]]:
        """Rows of to_frame."""
        raise NotImplementedError

    def to_frame(self) -> Any:
        """The results as a pandas.DataFrame, a row for each row of the results and metric."""
        pandas: Any = optional("pandas", "to_frame()")
        return pandas.DataFrame.from_records(self._records())

    def _packed(self) -> bytes:
        return packed_of(self._kind, self._pointer)

    def __reduce__(self) -> Any:
        return _unpacked, (type(self), self._packed(), self._question)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + packed_size(self._kind, self._pointer)

    def __copy__(self) -> "Result":
        return self

    def __deepcopy__(self, memo: Any) -> "Result":
        return self  # immutable

    def __eq__(self, other: Any) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        if self is other:
            return True
        return bool(self._packed() == other._packed())

    __hash__ = object.__hash__

    def _drawn(self, record: Dict[str, Any]) -> Dict[str, Any]:
        """Cells of a row of the table that are drawn."""
        return {}

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        records = self._records()
        shown = records[:60]
        if not shown:
            return f"<p>{html.escape(repr(self))}</p>"
        for row in shown:
            row.update(self._drawn(row))
        keys = list(shown[0])
        head = "".join(f"<th>{html.escape(key)}</th>" for key in keys)
        body = "".join("<tr>" + "".join(f"<td>{_cell(row.get(key))}</td>" for key in keys)
                       + "</tr>" for row in shown)
        more = f"<p>{len(records) - 60} more rows</p>" if len(records) > 60 else ""
        return (f"<p>{html.escape(repr(self))}</p><table><thead><tr>{head}</tr></thead>"
                f"<tbody>{body}</tbody></table>{more}")


class _Drawn(str):
    """A cell that is markup."""


def _bars(counts: np.ndarray) -> str:
    """A small histogram: SVG of at most 50 bars."""
    width = -(-len(counts) // 50)
    sums = np.add.reduceat(counts, np.arange(0, len(counts), width))
    heights = np.round(20 * sums / max(1, sums.max()), 1)
    path = "".join(f"M{2 * i} 20v-{height:g}h2V20z" for i, height in enumerate(heights) if height)
    return (f'<svg width="{2 * len(sums)}" height="20" role="img"><path d="{path}" '
            'fill="#0072b2"/></svg>')


def _unpacked(kind: Any, packed: bytes, question: Question) -> Any:
    return kind(Handle(kind._kind, unpack(kind._kind, packed)), question)


def _cell(value: Any) -> str:
    if isinstance(value, _Drawn):
        return str(value)
    if isinstance(value, float):
        return f"{value:.4g}" if np.isfinite(value) else ""
    return html.escape(str(value))


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def number_or_none(value: float) -> Optional[float]:
    """As the program's JSON has it: null where a number does not exist."""
    return float(value) if np.isfinite(value) else None


class Analysis(Result):
    """The results of one analysis: histograms, moments and the offset split of every row.

    Made by `analyze`, by an `Accumulator`, and within other results. Immutable. Arrays are
    read-only and, where they are the library's own memory, views of it.

    Attributes
    ----------
    rows, metrics : tuple of str
    precision : str
        Of the arithmetic: "f32" or "f64".
    observations : int
        Observations used: those selected, less those dropped.
    dropped : array of int64
        Observations dropped for NaN or infinity.
    bin_edges : array of float64
    offset_ratios : array of float64, one a feature
    """

    _kind = "analysis"

    def __init__(self, handle: Handle, question: Question, pointer: Optional[int] = None) -> None:
        self._handle, self._question = handle, question
        self._own = handle._pointer if pointer is None else pointer

    @property
    def _pointer(self) -> Optional[int]:
        return self._own

    @property
    def observations(self) -> int:
        return int(library.qkvsim_analysis_observations(self._own))

    @property
    def precision(self) -> str:
        """Of the arithmetic: "f32" or "f64"."""
        return word_of(PRECISIONS, library.qkvsim_analysis_arithmetic(self._own))

    @property
    def features(self) -> int:
        return int(library.qkvsim_layout_features(library.qkvsim_analysis_layout(self._own)))

    @property
    def dropped(self) -> np.ndarray:
        return counted(self, library.qkvsim_analysis_dropped, self._own)

    @property
    def bin_edges(self) -> np.ndarray:
        bins = library.qkvsim_analysis_bins(self._own)
        return view(self, library.qkvsim_analysis_bin_edges(self._own), (bins + 1,), np.float64)

    @property
    def offset_ratios(self) -> np.ndarray:
        return view(self, library.qkvsim_analysis_offset_ratios(self._own), (self.features,),
                    np.float64)

    @property
    def pairs(self) -> np.ndarray:
        """Number of feature pairs of each row."""
        return _frozen(self.layout.pairs[self._question.rows])

    @property
    def offset_share(self) -> np.ndarray:
        """Share of the cosines' energy that is nothing but the features' means, a row each."""
        return self.statistic("offset_share", "cosine")

    @property
    def group_offsets(self) -> np.ndarray:
        """Mean squared offset ratio of each group, corrected."""
        return view(self, library.qkvsim_analysis_group_offsets(self._own),
                    (len(self.layout.groups),), np.float64)

    def defined(self, metric: Optional[str] = None) -> np.ndarray:
        """Number of each row's pairs whose value is defined."""
        number = self._metric(metric)[1]
        counts = np.empty(len(self.layout.rows), np.int64)
        call(library.qkvsim_analysis_defined_counts, self._own, number, address_of(counts),
             counts.size)
        return _frozen(counts[self._question.rows])

    def undefined_features(self, metric: Optional[str] = None) -> np.ndarray:
        """Columns whose values are undefined under a metric."""
        return counted(self, library.qkvsim_analysis_undefined_features, self._own,
                       self._metric(metric)[1])

    def statistic(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """One statistic of every row; NaN where it does not exist.

        Parameters
        ----------
        name : str
            "mean", "variance", "skewness", "kurtosis", "tail", "min", "max"; of the cosine also
            "offset_share" and the others of its split; of Pearson and Spearman "mean_square".
        metric : str, optional
            "cosine", "pearson" or "spearman"; default: the first of those asked for.

        Returns
        -------
        array of float64, one number a row
        """
        number = number_of(STATISTICS, name, "statistic")
        return self._over_rows(library.qkvsim_analysis_statistics, self._metric(metric)[1], number)

    def histogram(self, metric: Optional[str] = None, row: Any = None) -> np.ndarray:
        """Counts of the bins: rows x bins, or with `row` (a name or number) of that one."""
        counts, rows = self._counts(self._metric(metric)[1]), self._question.rows
        if row is not None:
            one: np.ndarray = counts[rows[row_numbers(self.rows, row, "row")[0]]]
            return one
        return counts if len(rows) == len(counts) else _frozen(counts[rows])

    def _counts(self, metric: int) -> np.ndarray:
        """Of every row of the layout."""
        return view(self, library.qkvsim_analysis_histograms(self._own, metric, None, None),
                    (len(self.layout.rows), int(library.qkvsim_analysis_bins(self._own))),
                    np.int64)

    def matrix(self, name: str = "offset_share", metric: Optional[str] = None) -> np.ndarray:
        """One statistic of every two groups: groups x groups, symmetric."""
        count = len(self.layout.groups)
        matrix = np.empty((count, count))
        library.qkvsim_analysis_group_matrix(None, self._own, self._metric(metric)[1],
                                             number_of(STATISTICS, name, "statistic"),
                                             address_of(matrix), matrix.size)
        return _frozen(matrix)

    def _records(self) -> List[Dict[str, Any]]:
        records = []
        for metric in self.metrics:
            names = [name for name in OF_VALUES + OF_OFFSET if has_statistic(metric, name)]
            columns = {name: self.statistic(name, metric) for name in names}
            defined = self.defined(metric)
            for i, row in enumerate(self.rows):
                records.append({"row": row, "metric": metric, "pairs": int(self.pairs[i]),
                                "defined": int(defined[i]),
                                **{name: float(columns[name][i]) for name in names}})
        return records

    def _drawn(self, record: Dict[str, Any]) -> Dict[str, Any]:
        counts = self.histogram(record["metric"], record["row"])
        return {"histogram": _Drawn(_bars(counts))}

    def to_dict(self) -> Dict[str, Any]:
        """The program's JSON for the same data, but for its warnings."""
        from ._json import document_of
        return document_of([("all", self, None, None)])

    def plot(self, *, rows: Any = None, metrics: Any = None, ax: Any = None) -> Any:
        """Draws the histograms, rows by metrics; returns the matplotlib Figure."""
        from ._plot import histograms
        return histograms([("all", self, None, None)], rows=rows, metrics=metrics, ax=ax)

    def __repr__(self) -> str:
        return (f"<qkvsim.Analysis of {self.observations} observations x {self.features} features, "
                f"{len(self.rows)} rows, {' and '.join(self.metrics)}>")


def analyze(data: Any, *, groups: Any = None, heads: Any = None, interleaved: bool = False,
            observations: Any = None, metrics: Any = None, bins: Any = None,
            pair_groups: Any = None, precision: Any = None, nonfinite: str = "error",
            layout: Optional[str] = None, threads: Optional[int] = None,
            progress: Progress = None) -> Analysis:
    """Analyses activations: histograms, moments and the offset split of every pair of groups.

    Parameters
    ----------
    data : array, or mapping of names to arrays
        Observations x features. The arrays of a mapping are parts, each a group of its name.
    groups : "thirds", mapping of names to widths, labels or Layout, optional
        Which group each feature belongs to; default: the parts, or thirds Q, K, V.
    heads : mapping of names to numbers, or number, optional
        Splits the groups into heads.
    interleaved : bool
        Columns come head by head: q, k, v of head 0, then of head 1.
    observations : boolean mask, indices or slice, optional
        The observations to use; default: all.
    metrics : str or sequence of str, optional
        "cosine", "pearson", "spearman"; default: the first two.
    bins : int, (int, low, high) or edges, optional
        Default: 100 equal bins on [-1, 1].
    pair_groups : sequence of str, optional
        Only these, such as ["Q-K"].
    precision : "f32" or "f64", optional
        Of the arithmetic; default: "f64" where an array is float64.
    nonfinite : "error", "drop" or "undefined"
        NaN or infinity is an error, its observation is dropped, or its feature is undefined.
    layout : str, optional
        What the axes of arrays of three and more are: "batch tokens features".
    threads : int, optional
        Default: as `set_threads` says, else every processor.
    progress : True or function of (done, total), optional

    Returns
    -------
    Analysis

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory, TooLarge

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> bool((qkvsim.analyze(x).offset_share > 0.9).all())
    True
    """
    return Prepared(data, groups=groups, heads=heads, interleaved=interleaved,
                    observations=observations, metrics=metrics, bins=bins,
                    pair_groups=pair_groups, precision=precision, nonfinite=nonfinite,
                    layout=layout, threads=threads, progress=progress).analysis()
