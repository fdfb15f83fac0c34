"""The strongest pairs of features."""
from ctypes import addressof, byref, c_double, c_int64, sizeof
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from . import _declarations as C
from ._analysis import Prepared, Question, Result
from ._errors import InvalidArgument
from ._handle import Handle, view
from ._input import address_of
from ._library import library
from ._words import METRICS, SIGNS, number_of, row_numbers

_PAIR = np.dtype({
    "names": ["i", "j", "value", "pair_group"],
    "formats": [np.int64, np.int64, np.float64, np.int32],
    "offsets": [getattr(C.Pair, name).offset for name in ("i", "j", "value", "pair_group")],
    "itemsize": sizeof(C.Pair)})


class Pairs(Result):
    """Pairs of features, strongest first.

    Attributes
    ----------
    i, j : arrays of int64, the features
    value : array of float64
    pair_group : array of int32, a number of `rows`
    observations : int
    """

    _kind = "pairs"

    def __init__(self, listed: np.ndarray, question: Question, observations: int) -> None:
        self._list, self._question, self._observations = listed, question, observations

    def __reduce__(self) -> Any:
        return _pairs_of, (self._list.tobytes(), self._question, self._observations)

    def _packed(self) -> bytes:
        columns = b"".join(self._list[name].tobytes() for name in ("i", "j", "value", "pair_group"))
        return columns + repr((self.metrics, self._observations)).encode()

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self._list.nbytes

    @property
    def i(self) -> np.ndarray:
        return self._list["i"]

    @property
    def j(self) -> np.ndarray:
        return self._list["j"]

    @property
    def value(self) -> np.ndarray:
        return self._list["value"]

    @property
    def pair_group(self) -> np.ndarray:
        return self._list["pair_group"]

    @property
    def observations(self) -> int:
        return self._observations

    def __len__(self) -> int:
        return len(self._list)

    def _records(self) -> List[Dict[str, Any]]:
        names = self.layout.rows
        return [{"i": int(i), "j": int(j), "pair_group": names[group], "value": float(value)}
                for i, j, value, group in self._list.tolist()]

    def to_dict(self) -> Dict[str, Any]:
        """The metric and the pairs, strongest first."""
        return {"metric": self.metrics[0], "pairs": self._records()}

    def plot(self, *, ax: Any = None) -> Any:
        """Draws where the pairs stand in the matrix of all, blue where features are opposite and red
        where they are alike; returns the matplotlib Figure."""
        from ._plot import pairs as draw
        return draw(self, ax=ax)

    def __repr__(self) -> str:
        return f"<qkvsim.Pairs: {len(self)} pairs by {self.metrics[0]}>"


def _pairs_of(packed: bytes, question: Question, observations: int) -> Pairs:
    return Pairs(np.frombuffer(packed, _PAIR), question, observations)


class Asked:
    """A `qkvsim_pairs_options`, and everything that it points to."""

    def __init__(self, rows: Sequence[str], threshold: Optional[float], top: Optional[int],
                 metric: str, sign: str, per_pair_group: bool, limit: Optional[int],
                 pair_groups: Any) -> None:
        if threshold is None and top is None:
            raise InvalidArgument("give a threshold, top, or both")
        numbers = None if pair_groups is None else np.array(
            row_numbers(rows, pair_groups, "pair_groups"), np.int32)
        least = None if threshold is None else c_double(threshold)
        self.kept = numbers, least
        self.struct = C.PairsOptions(
            sizeof(C.PairsOptions), pair_groups=None if numbers is None else address_of(numbers),
            pair_group_count=0 if numbers is None else len(numbers),
            metric=number_of(METRICS, metric, "metric"), sign=number_of(SIGNS, sign, "sign"),
            per_pair_group=int(per_pair_group),
            threshold=None if least is None else addressof(least), top=top or 0, limit=limit or 0)


def pairs_found(handle: Handle, question: Question) -> Pairs:
    """The pairs of a handle, which the list keeps."""
    count = c_int64()
    address = library.qkvsim_pairs_list(handle._pointer, byref(count))
    listed = view(handle, address, (count.value * sizeof(C.Pair),), np.uint8).view(_PAIR)
    return Pairs(listed, question, int(library.qkvsim_pairs_observations(handle._pointer)))


def pairs(data: Any, *, threshold: Optional[float] = None, top: Optional[int] = None,
          metric: str = "cosine", sign: str = "both", per_pair_group: bool = False,
          limit: Optional[int] = None, pair_groups: Any = None, **options: Any) -> Pairs:
    """The strongest pairs of features: all over a threshold, or the top k.

    Parameters
    ----------
    data
        As for `analyze`.
    threshold : float, optional
    top : int, optional
        At least one of the two; with both, the top k of those over the threshold.
    metric : "cosine", "pearson" or "spearman"
    sign : "both", "positive" or "negative"
    per_pair_group : bool
        The top k of each pair group.
    limit : int, optional
        A threshold that gives more is an error; default 10,000,000.
    pair_groups : sequence of str, optional
    **options
        groups, heads, interleaved, observations, precision, nonfinite, layout, threads and
        progress of `analyze`.

    Returns
    -------
    Pairs

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory, TooLarge
        As for `analyze`; TooLarge also where a threshold gives more than `limit`.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> x[:, 4] = -x[:, 0]
    >>> made = qkvsim.pairs(x, top=1, metric="pearson")
    >>> int(made.i[0]), int(made.j[0]), float(made.value[0])
    (0, 4, -1.0)
    """
    if "metrics" in options or "bins" in options:
        raise InvalidArgument("pairs has one metric and no bins")
    prepared = Prepared(data, metrics=metric, **options)
    question = prepared.question
    layout = question.layout
    asked = Asked(layout.rows[:layout.pair_groups], threshold, top, metric, sign, per_pair_group,
                  limit, pair_groups)
    return pairs_found(prepared.run("pairs", library.qkvsim_pairs_run, layout._pointer,
                                    byref(asked.struct)), question)
