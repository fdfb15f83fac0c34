"""Intervals of statistics, by a block jackknife or a block bootstrap."""
from ctypes import byref, sizeof
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import _declarations as C
from ._analysis import Analysis, Prepared, number_or_none
from ._handle import view
from ._inference import _Inference, _summary
from ._input import mask_of, selection_of
from ._library import library
from ._words import (METHODS, METRICS, REPLICATED, REPLICATED_OF_VALUES, STATISTICS, SUMMARIES,
                     has_statistic, number_of, row_numbers)


class Intervals(_Inference):
    """Intervals of statistics, by a block jackknife or a block bootstrap.

    Attributes
    ----------
    observed : Analysis
    observed_others : Analysis or None
    replicates, block_length : int
    """

    _kind = "intervals"

    @property
    def observed(self) -> Analysis:
        return self._part(library.qkvsim_intervals_observed)

    @property
    def observed_others(self) -> Optional[Analysis]:
        found = library.qkvsim_intervals_observed_second(self._handle._pointer)
        return None if found is None else Analysis(self._handle, self._question, found)

    @property
    def replicates(self) -> int:
        return int(library.qkvsim_intervals_replicates(self._handle._pointer))

    @property
    def block_length(self) -> int:
        return int(library.qkvsim_intervals_block_length(self._handle._pointer))

    def statistic(self, name: str, metric: Optional[str] = None,
                  summary: str = "observed") -> np.ndarray:
        """"observed", "low", "high", "estimate" or "se" of a statistic, for every row."""
        return self._ask(library.qkvsim_intervals_statistics, name, metric, summary)

    def low(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """The intervals' lower ends."""
        return self.statistic(name, metric, "low")

    def high(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """The intervals' upper ends."""
        return self.statistic(name, metric, "high")

    def estimate(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """Jackknife: bias-corrected estimates; bootstrap: the observed values."""
        return self.statistic(name, metric, "estimate")

    def se(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """Standard errors of the estimates."""
        return self.statistic(name, metric, "se")

    def difference(self, name: str, metric: Optional[str] = None,
                   summary: str = "observed") -> np.ndarray:
        """The same of the statistic less that of the others."""
        return self._ask(library.qkvsim_intervals_differences, name, metric, summary)

    def contrast(self, a: Any, b: Any, name: str, metric: Optional[str] = None,
                 summary: str = "observed") -> float:
        """The same of the statistic in row `a` less that in row `b`; also "p"."""
        rows = row_numbers(self.layout.rows, [a, b], "contrast")
        return float(library.qkvsim_intervals_contrast(
            self._handle._pointer, *rows, self._metric(metric)[1],
            number_of(STATISTICS, name, "statistic"), _summary(summary)))

    def values(self, name: str, row: Any, metric: Optional[str] = None) -> np.ndarray:
        """A statistic's value in each replicate."""
        number = row_numbers(self.layout.rows, row, "row")[0]
        return view(self, library.qkvsim_intervals_values(
            self._handle._pointer, number, self._metric(metric)[1],
            number_of(STATISTICS, name, "statistic")), (self.replicates,), np.float64)

    def _records(self) -> List[Dict[str, Any]]:
        return self._tabulate(library.qkvsim_intervals_statistics,
                              ("observed", "low", "high", "estimate", "se"))

    def _ends(self, row: int, metric: str, names: Tuple[str, ...]) -> Dict[str, Any]:
        made: Dict[str, Any] = {"interval": {}, "interval_estimate": {}, "interval_se": {}}
        for name in names:
            if has_statistic(metric, name):
                low, high, estimate, se = (
                    self._number(library.qkvsim_intervals_statistics, row, METRICS[metric],
                                 STATISTICS[name], SUMMARIES[key])
                    for key in ("low", "high", "estimate", "se"))
                made["interval"][name] = None if low is None else [low, high]
                made["interval_estimate"][name], made["interval_se"][name] = estimate, se
        return made

    def _of_metric(self, row: int, metric: str) -> Dict[str, Any]:
        return self._ends(row, metric, REPLICATED_OF_VALUES)

    def _of_offset(self, row: int) -> Dict[str, Any]:
        return self._ends(row, "cosine", REPLICATED[len(REPLICATED_OF_VALUES):])

    def _method(self) -> Dict[str, Any]:
        made = {"method": self.options["method"], "level": self.options["level"],
                "replicates": self.replicates, "block_length": self.block_length}
        if made["method"] == "bootstrap":
            made["seed"] = self.options["seed"]
        return made

    def _contrasted(self, function: Any, *rows: int) -> Dict[str, Any]:
        keys = {"difference": "observed", "estimate": "estimate", "se": "se", "low": "low",
                "high": "high", "p": "p"}
        def number(*asked: int) -> Optional[float]:
            return self._number(function, *rows, *asked) if len(rows) == 1 else \
                number_or_none(function(self._handle._pointer, *rows, *asked))

        return {metric: {name: {key: number(METRICS[metric], STATISTICS[name],
                                            SUMMARIES[summary])
                                for key, summary in keys.items()}
                         for name in REPLICATED if has_statistic(metric, name)}
                for metric in self.metrics}

    def _contrasts(self, contrasts: Any) -> List[Dict[str, Any]]:
        made = []
        for pair in contrasts:
            a, b = row_numbers(self.layout.rows, pair, "contrasts")
            made.append({"a": self.layout.rows[a], "b": self.layout.rows[b],
                         **self._contrasted(library.qkvsim_intervals_contrast, a, b)})
        return made

    def _selection_contrast(self) -> Dict[str, Any]:
        from ._json import rows_of
        return {**self._method(), **rows_of(self._question, lambda row: {
            "name": self.layout.rows[row],
            **self._contrasted(library.qkvsim_intervals_differences, row)})}

    def to_dict(self) -> Dict[str, Any]:
        """The program's JSON for the same data, but for its warnings."""
        from ._json import document_of
        return document_of([("all", self.observed, None, self)])

    def plot(self, *, statistic: Optional[str] = None, metric: Optional[str] = None,
             rows: Any = None, ax: Any = None) -> Any:
        """Draws a statistic of every row with its interval; returns the matplotlib Figure."""
        from ._plot import intervals as draw
        return draw(self, statistic=statistic, metric=metric, rows=rows, ax=ax)

    def __repr__(self) -> str:
        return (f"<qkvsim.Intervals by the {self.options['method']}, {self.replicates} "
                f"replicates, {len(self.rows)} rows>")


def _intervals(prepared: Prepared, second: Optional[np.ndarray], method: str, blocks: int,
               resamples: int, block_length: int, level: float, seed: int, first: int = 0,
               total: int = 0) -> Intervals:
    options = C.IntervalOptions(
        sizeof(C.IntervalOptions), blocks=blocks or 0, resamples=resamples or 0,
        block_length=block_length or 0, level=level, seed=seed,
        method=number_of(METHODS, method, "method"), first=first, total=total)
    question = prepared.question
    others = None if second is None else selection_of(second, prepared.input.observations,
                                                      "others")
    handle = prepared.run("intervals", library.qkvsim_intervals_run,
                          None if others is None else byref(others), question.layout._pointer,
                          byref(question.options), byref(options))
    return Intervals(handle, question, {"method": method, "level": level, "seed": seed})


def intervals(data: Any, *, others: Any = None, method: str = "jackknife",
              blocks: Optional[int] = None, resamples: Optional[int] = None,
              block_length: Optional[int] = None, level: float = 0.95, seed: int = 0,
              first: int = 0, total: int = 0, **options: Any) -> Intervals:
    """Intervals of statistics, of contrasts of rows and of differences between selections.

    Parameters
    ----------
    data
        As for `analyze`.
    others : boolean mask, indices or slice, optional
        A second selection, with which `observations` is compared.
    method : "jackknife" or "bootstrap"
    blocks : int, optional
        Jackknife; default: 20, or half the observations.
    resamples, block_length : int, optional
        Bootstrap; default: 1000, and the observations' cube root.
    level : float
    seed : int
    first, total : int
        Bootstrap: resamples `first` and on alone, of `total` in all: a piece, for `merge`.
    **options
        Those of `analyze`, and `segments`.

    Returns
    -------
    Intervals

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory, TooLarge
        As for `analyze`; also where blocks, resamples or level are out of range.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> made = qkvsim.intervals(x, groups={"Q": 6})
    >>> bool(made.low("offset_share")[0] < made.observed.offset_share[0])
    True
    """
    prepared = Prepared(data, **options)
    second = None if others is None else mask_of(others, prepared.input.observations, "others")
    return _intervals(prepared, second, method, blocks or 0, resamples or 0, block_length or 0,
                      level, seed, first, total)
