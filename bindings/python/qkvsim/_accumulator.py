"""Results from a stream of observations, which are not kept."""
from ctypes import byref, c_void_p, sizeof
from typing import Any, Optional, Sequence, Tuple

import numpy as np

from . import _declarations as C
from ._analysis import Analysis, Question
from ._context import Progress, call, compute
from ._errors import InvalidArgument
from ._handle import Handle, packed_array, packed_size, unpack
from ._input import Input, documents_of, matrix_of
from ._intervals import Intervals
from ._layout import Layout, layout_of
from ._library import library
from ._pairs import Asked, Pairs, pairs_found
from ._words import METRICS, number_of

_Parts = Optional[Tuple[Tuple[str, int], ...]]


class Accumulator:
    """Analyses a stream: add chunks of observations in any number, and ask at any time.

    It holds the number of observations, means and second moments: 4 features^2 bytes. The same
    accumulators merged in the same order give the same bits. One thread at a time.

    Parameters
    ----------
    groups, heads, interleaved, layout, optional
        As for `analyze`; known from the first chunk on.
    blocks : int, optional
        Keeps up to so many blocks of documents apart, 16 to 4096, for `intervals`: 4 features^2
        bytes for each. A document is the observations of one update or, with its segments, a run of
        equal ones.
    rows : range, optional
        Of the pairs of features (i, j), i <= j, only those with i in it: a part, without blocks, of
        an accumulator that is larger than a process can hold. Each part is given the same chunks,
        and multiplies for its own rows; `join` puts them together.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> chunks = numpy.random.default_rng(0).normal(size=(10, 100, 6))
    >>> stream = qkvsim.Accumulator()
    >>> for chunk in chunks:
    ...     stream.update(chunk)
    >>> stream.analyze().observations
    1000
    """

    def __init__(self, *, groups: Any = None, heads: Any = None, interleaved: bool = False,
                 layout: Optional[str] = None, blocks: Optional[int] = None,
                 rows: Optional[range] = None) -> None:
        if rows is not None and not (isinstance(rows, range) and rows.step == 1 and len(rows) > 0):
            raise InvalidArgument("rows is a range of features, such as range(0, 500), "
                                  f"not {rows!r}")
        self._spec = (groups, heads, interleaved)
        first, count = (0, 0) if rows is None else (rows.start, len(rows))
        self._kept = (blocks or 0, first, count)
        self._axes = layout
        self._layout: Optional[Layout] = None
        self._handle: Optional[Handle] = None
        self._parts: _Parts = None  # their names and features

    @property
    def observations(self) -> int:
        """Observations added so far."""
        if self._handle is None:
            return 0
        return int(library.qkvsim_accumulator_observations(self._handle._pointer))

    @property
    def layout(self) -> Optional[Layout]:
        """The layout, from the first chunk on."""
        return self._layout

    @property
    def blocks(self) -> int:
        """Blocks that have begun so far; 0 where none are kept."""
        return 0 if self._handle is None else int(
            library.qkvsim_accumulator_blocks(self._handle._pointer))

    @property
    def block_observations(self) -> np.ndarray:
        """Observations in each of the blocks: an array of int64."""
        pointer = None if self._handle is None else self._handle._pointer
        return np.array([library.qkvsim_accumulator_block_observations(pointer, block)
                         for block in range(self.blocks)], np.int64)

    @property
    def rows(self) -> Optional[range]:
        """The features i whose pairs (i, j), i <= j, it keeps, from the first chunk on: all of
        them, but in a part."""
        if self._handle is None:
            return None
        first = int(library.qkvsim_accumulator_first_row(self._handle._pointer))
        return range(first, first + int(library.qkvsim_accumulator_rows(self._handle._pointer)))

    def _made(self, features: int) -> Handle:
        """An empty one of so many features."""
        pointer = c_void_p()
        options = C.AccumulatorOptions(sizeof(C.AccumulatorOptions), *self._kept)
        call(library.qkvsim_accumulator_create, features, byref(options), byref(pointer))
        return Handle("accumulator", pointer)

    def update(self, data: Any, *, observations: Any = None, segments: Any = None,
               precision: Any = None, nonfinite: str = "error", threads: Optional[int] = None,
               progress: Progress = None) -> None:
        """Adds the observations of a chunk; on failure nothing is changed.

        Parameters
        ----------
        data
            As for `analyze`, with the features of the chunks before.
        segments : one number or name an observation, optional
            Its document, for blocks; the last may go on in the next chunk.
        observations, precision, nonfinite, threads, progress
            As for `analyze`; with blocks, `observations` may select none, and the documents count
            all the same.
        """
        documents = segments if segments is None or isinstance(segments, str) \
            else documents_of(segments)
        made = Input(data, observations=observations, segments=documents, precision=precision,
                     nonfinite=nonfinite, heads=self._spec[1], layout=self._axes,
                     may_select_none=self._kept[0] > 0)
        layout, handle = self._layout, self._handle
        parts = None if made.names is None else tuple(zip(made.names, made.widths))
        self._check_parts(parts, "data")
        if layout is None or handle is None:
            layout = layout_of(made, *self._spec)
            handle = self._made(made.features)
        elif made.features != layout.features:
            raise InvalidArgument(f"data has {made.features} features and the chunks before "
                                  f"{layout.features}")
        compute(library.qkvsim_accumulator_update, handle._pointer, byref(made.struct),
                parts=made.labels, threads=threads, progress=progress)
        self._layout, self._handle = layout, handle
        self._parts = parts if self._parts is None else self._parts

    def _check_other(self, other: "Accumulator") -> None:
        """Whether it is one of the same columns."""
        if not isinstance(other, Accumulator):
            raise InvalidArgument("merge takes an Accumulator")
        if other is self:
            raise InvalidArgument("an accumulator cannot be merged with itself")
        self._check_parts(other._parts, "the other")
        if self._layout is not None and other._layout is not None \
                and other._layout.features != self._layout.features:
            raise InvalidArgument(f"the other has {other._layout.features} features and this one "
                                  f"{self._layout.features}")

    def _check_parts(self, parts: _Parts, name: str) -> None:
        """Columns have the same meaning only where all parts do."""
        if parts is not None and self._parts is not None and parts != self._parts:
            raise InvalidArgument(f"{name} has the parts {_listed(parts)}, and the chunks before "
                                  f"had {_listed(self._parts)}")

    def merge(self, other: "Accumulator") -> None:
        """Adds what another accumulator holds, which stays as it is.

        Parameters
        ----------
        other : Accumulator
            Of the same features and parts, with blocks where this one has them, and with its rows.
            An empty accumulator without blocks and rows of its own becomes as the other.
        """
        self._check_other(other)
        if other._handle is None:
            return
        if self._handle is None and not any(self._kept):
            self.__setstate__(other.__getstate__())
            return
        assert other._layout is not None
        handle = self._handle or self._made(other._layout.features)
        call(library.qkvsim_accumulator_merge, handle._pointer, other._handle._pointer)
        if self._handle is None:
            self._handle, self._spec, self._axes = handle, other._spec, other._axes
            self._layout = other._layout
        self._parts = other._parts if self._parts is None else self._parts

    @staticmethod
    def join(parts: Sequence["Accumulator"]) -> "Accumulator":
        """Puts parts of one accumulator together: what one of all rows would have, to the bit.

        Parameters
        ----------
        parts : sequence of Accumulator
            Given the same chunks, each with its `rows`, in their order and without a gap. They stay
            as they are.

        Raises
        ------
        InvalidArgument
            Where they do not belong together; the text says which, and in what.

        Examples
        --------
        >>> import numpy, qkvsim
        >>> parts = [qkvsim.Accumulator(rows=rows) for rows in (range(0, 2), range(2, 6))]
        >>> for chunk in numpy.random.default_rng(0).normal(size=(10, 100, 6)):
        ...     for part in parts:                       # each in a process of its own
        ...         part.update(chunk)
        >>> qkvsim.Accumulator.join(parts).analyze().observations
        1000
        """
        given = list(parts)
        names = [f"parts[{k}]" for k in range(len(given))]
        pointers = (c_void_p * len(given))(*map(_pointer_of, given, names))
        joined = c_void_p()
        for part, name in zip(given[1:], names[1:]):
            given[0]._check_parts(part._parts, name)
        call(library.qkvsim_accumulator_join, pointers, len(given), byref(joined), parts=names)
        first = given[0]
        made = Accumulator()
        made._spec, made._axes = first._spec, first._axes
        made._layout, made._parts = first._layout, first._parts
        made._handle = Handle("accumulator", joined)
        return made

    def _filled(self) -> Handle:
        if self._handle is None or self._layout is None:
            raise InvalidArgument("the accumulator has no observations yet: update it first")
        return self._handle

    def analyze(self, *, metrics: Any = None, bins: Any = None, pair_groups: Any = None,
                threads: Optional[int] = None, progress: Progress = None) -> Analysis:
        """As `qkvsim.analyze`, of all observations added; there is no "spearman"."""
        handle = self._filled()
        assert self._layout is not None
        question = Question(self._layout, metrics, bins, pair_groups, self.observations)
        pointer = c_void_p()
        compute(library.qkvsim_accumulator_analysis, handle._pointer, self._layout._pointer,
                byref(question.options), byref(pointer), threads=threads, progress=progress)
        return Analysis(Handle("analysis", pointer), question)

    def similarity(self, *, metric: str = "cosine", threads: Optional[int] = None,
                   progress: Progress = None) -> np.ndarray:
        """As `qkvsim.similarity`, of all observations added: an array of float64."""
        handle = self._filled()
        assert self._layout is not None
        matrix = np.empty((self._layout.features,) * 2)
        compute(library.qkvsim_accumulator_similarity, handle._pointer,
                number_of(METRICS, metric, "metric"), None, byref(matrix_of(matrix)),
                threads=threads, progress=progress)
        return matrix

    def pairs(self, *, threshold: Optional[float] = None, top: Optional[int] = None,
              metric: str = "cosine", sign: str = "both", per_pair_group: bool = False,
              limit: Optional[int] = None, pair_groups: Any = None,
              threads: Optional[int] = None, progress: Progress = None) -> Pairs:
        """As `qkvsim.pairs`, of all observations added; there is no "spearman"."""
        handle = self._filled()
        layout = self._layout
        assert layout is not None
        asked = Asked(layout.rows[:layout.pair_groups], threshold, top, metric, sign,
                      per_pair_group, limit, pair_groups)
        pointer = c_void_p()
        compute(library.qkvsim_accumulator_pairs, handle._pointer, layout._pointer,
                byref(asked.struct), byref(pointer), threads=threads, progress=progress)
        return pairs_found(Handle("pairs", pointer),
                           Question(layout, metric, None, None, self.observations))

    def difference(self, less: "Accumulator", *, metric: str = "covariance",
                   threads: Optional[int] = None, progress: Progress = None) -> np.ndarray:
        """The similarity of these observations less that of another accumulator's, such as of one
        condition less another: an array of float64.

        Parameters
        ----------
        less : Accumulator
        metric : "cosine", "pearson", "covariance" or "dot"
        threads, progress
            As for `analyze`.

        Examples
        --------
        >>> import numpy, qkvsim
        >>> one, other = qkvsim.Accumulator(), qkvsim.Accumulator()
        >>> one.update(numpy.diag([2.0, 0.0, 0.0]))
        >>> other.update(numpy.diag([0.0, 1.0, 0.0]))
        >>> one.difference(other, metric="dot").diagonal()
        array([ 4., -1.,  0.])
        """
        handle, second = self._filled(), _pointer_of(less, "less")
        self._check_parts(less._parts, "less")
        assert self._layout is not None
        matrix = np.empty((self._layout.features,) * 2)
        compute(library.qkvsim_accumulator_difference, handle._pointer, second,
                number_of(METRICS, metric, "metric"), None, byref(matrix_of(matrix)),
                threads=threads, progress=progress)
        return matrix

    def intervals(self, others: Optional["Accumulator"] = None, *, level: float = 0.95,
                  metrics: Any = None, bins: Any = None, pair_groups: Any = None,
                  threads: Optional[int] = None, progress: Progress = None) -> Intervals:
        """As `qkvsim.intervals` by the jackknife, leaving out the `blocks` in turn.

        Parameters
        ----------
        others : Accumulator, optional
            Of another selection, with which this one is compared; also with blocks.
        level, metrics, bins, pair_groups, threads, progress
            As for `qkvsim.intervals`.

        Examples
        --------
        >>> import numpy, qkvsim
        >>> stream = qkvsim.Accumulator(blocks=16)
        >>> for document in numpy.random.default_rng(0).normal(1, size=(20, 50, 6)):
        ...     stream.update(document)
        >>> stream.blocks, stream.intervals().replicates
        (10, 10)
        """
        handle = self._filled()
        second = None if others is None else _pointer_of(others, "others")
        self._check_parts(None if others is None else others._parts, "others")
        assert self._layout is not None
        question = Question(self._layout, metrics, bins, pair_groups, self.observations)
        options = C.IntervalOptions(sizeof(C.IntervalOptions), level=level)
        pointer = c_void_p()
        compute(library.qkvsim_accumulator_intervals, handle._pointer, second,
                self._layout._pointer, byref(question.options), byref(options), byref(pointer),
                threads=threads, progress=progress)
        return Intervals(Handle("intervals", pointer), question,
                         {"method": "jackknife", "level": level, "seed": 0})

    def __getstate__(self) -> Any:
        packed = None if self._handle is None else packed_array("accumulator",
                                                                self._handle._pointer)
        return (self._spec, self._kept, self._axes, self._layout, self._parts, packed)

    def __setstate__(self, state: Any) -> None:
        self._spec, self._kept, self._axes, self._layout, self._parts, packed = state
        self._handle = None if packed is None else Handle("accumulator",
                                                          unpack("accumulator", packed))

    def __copy__(self) -> "Accumulator":
        made = Accumulator.__new__(Accumulator)
        made.__setstate__(self.__getstate__())
        return made

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Accumulator):
            return NotImplemented
        *mine, packed = self.__getstate__()[3:]
        *theirs, others = other.__getstate__()[3:]
        return mine == theirs and np.array_equal(packed, others)

    __hash__ = None  # type: ignore[assignment]

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + (0 if self._handle is None else packed_size(
            "accumulator", self._handle._pointer))

    def __repr__(self) -> str:
        features = "no" if self._layout is None else str(self._layout.features)
        return (f"<qkvsim.Accumulator of {self.observations} observations x "
                f"{features} features>")


def _listed(parts: Tuple[Tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} of {features}" for name, features in parts)


def _pointer_of(other: Any, name: str) -> Optional[int]:
    if not isinstance(other, Accumulator):
        raise InvalidArgument(f"{name} is an Accumulator, not a {type(other).__name__}")
    if other._handle is None:
        raise InvalidArgument(f"{name} has no observations yet: update it first")
    return other._handle._pointer
