"""Two selections of the same data."""
from ctypes import addressof, byref, sizeof
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import _declarations as C
from ._analysis import Analysis, Prepared
from ._errors import InvalidArgument
from ._inference import _BAND, _NULL, _Inference, _summary
from ._input import Input, mask_of, selection_of
from ._library import library
from ._words import DISTANCES, EXCHANGES, METRICS, RELABELLINGS, STATISTICS, SUMMARIES, number_of


class Comparison(_Inference):
    """Two selections of the same data: how far apart their similarities are.

    Attributes
    ----------
    first, second : Analysis
        Of the targets, and of the others.
    permutations, subsets : int
    enumerated : bool
    """

    _kind = "comparison"

    @property
    def first(self) -> Analysis:
        return self._part(library.qkvsim_comparison_first)

    @property
    def second(self) -> Analysis:
        return self._part(library.qkvsim_comparison_second)

    @property
    def permutations(self) -> int:
        return int(library.qkvsim_comparison_permutations(self._handle._pointer))

    @property
    def subsets(self) -> int:
        return int(library.qkvsim_comparison_subsets(self._handle._pointer))

    @property
    def enumerated(self) -> bool:
        return bool(library.qkvsim_comparison_enumerated(self._handle._pointer))

    def distance(self, distance: str = "kolmogorov_smirnov", metric: Optional[str] = None,
                 summary: str = "observed") -> np.ndarray:
        """A distance of the two histograms, for every row: "observed", "matched", "p", ..."""
        return self._over_rows(library.qkvsim_comparison_distances, self._metric(metric)[1],
                               number_of(DISTANCES, distance, "distance"), _summary(summary))

    def difference(self, name: str, metric: Optional[str] = None,
                   summary: str = "observed") -> np.ndarray:
        """A statistic of the targets less that of the others, for every row."""
        return self._ask(library.qkvsim_comparison_differences, name, metric, summary)

    def matched(self, name: str, metric: Optional[str] = None,
                summary: str = "mean") -> np.ndarray:
        """A statistic of the larger selection at the smaller one's size."""
        return self._ask(library.qkvsim_comparison_matched_statistics, name, metric, summary)

    def band(self, metric: Optional[str] = None, summary: str = "mean") -> np.ndarray:
        """Mean, sd, min or max of the bins' counts over the matched subsets: rows x bins."""
        return self._band(library.qkvsim_comparison_bands, metric, summary, self.first)

    def p(self, distance: str = "kolmogorov_smirnov", metric: Optional[str] = None) -> np.ndarray:
        """p-values of a distance at equal sizes."""
        return self.distance(distance, metric, "p")

    def _records(self) -> List[Dict[str, Any]]:
        return self._tabulate(library.qkvsim_comparison_differences, ("observed",) + _NULL)

    def _distances(self, row: int, metric: str) -> Dict[str, Any]:
        keys = {"value": "observed", "p": "p", "matched_value": "matched",
                "matched_mean": "matched_mean", "matched_sd": "matched_sd",
                "matched_min": "matched_minimum", "matched_max": "matched_maximum",
                "p_bh": "p_bh", "p_bh_all": "p_bh_all", "p_max": "p_max",
                "p_max_all": "p_max_all", "p_fitted": "p_fitted", "p_least": "p_least"}
        return {name: {key: self._number(library.qkvsim_comparison_distances, row, METRICS[metric],
                                         number, SUMMARIES[summary])
                       for key, summary in keys.items()} for name, number in DISTANCES.items()}

    def _of_metric(self, row: int, metric: str) -> Dict[str, Any]:
        difference, matched = (library.qkvsim_comparison_differences,
                               library.qkvsim_comparison_matched_statistics)
        differences = self._null_objects(difference, row, metric)
        for name, made in differences.items():
            made["value"] = self._number(difference, row, METRICS[metric], STATISTICS[name],
                                         C.SUMMARY_OBSERVED)
            made["matched"] = {
                key[len("histogram_"):]: self._number(matched, row, METRICS[metric],
                                                      STATISTICS[name], SUMMARIES[summary])
                for key, summary in _BAND.items()}
        return {**self._distances(row, metric), "differences": differences,
                "band": self._band_object(library.qkvsim_comparison_bands, row, metric,
                                          len(self.first.bin_edges))}

    def _object(self) -> Dict[str, Any]:
        from ._json import rows_of
        options = self.options
        return {"permutations": self.permutations, "enumerated": self.enumerated,
                "subsets": self.subsets, "seed": options["seed"], "relabel": options["relabel"],
                "exceedances": options["exceedances"], "centred": options["centred"],
                **rows_of(self._question, lambda row: {
                    "name": self.layout.rows[row],
                    **{metric: self._of_metric(row, metric) for metric in self.metrics}})}

    def to_dict(self) -> Dict[str, Any]:
        """The program's JSON for the same data, but for its warnings."""
        from ._json import document_of
        return document_of([("targets", self.first, None, None),
                            ("non-targets", self.second, None, None)], comparison=self)

    def plot(self, *, rows: Any = None, metrics: Any = None, ax: Any = None) -> Any:
        """Draws both histograms, the larger selection's as the matched subsets' mean and range where
        there are any, rows by metrics; returns the matplotlib Figure."""
        from ._plot import histograms
        return histograms([("targets", self.first, None, None),
                           ("non-targets", self.second, None, None)],
                          matched=self if self.subsets else None, rows=rows, metrics=metrics, ax=ax)

    def __repr__(self) -> str:
        return (f"<qkvsim.Comparison of {self.first.observations} with "
                f"{self.second.observations} observations, {self.permutations} relabellings, "
                f"{len(self.rows)} rows>")


def _both(data: Input, targets: Any, others: Any) -> Tuple[np.ndarray, np.ndarray]:
    """Masks of targets and of the others, all that are no targets by default."""
    first = mask_of(targets, data.observations, "targets")
    second = ~first if others is None else mask_of(others, data.observations, "others")
    if not first.any():
        raise InvalidArgument("targets selects no observation")
    if not second.any():
        raise InvalidArgument("every observation is a target, none is left" if others is None
                              else "others selects no observation")
    return first, second


def _select(prepared: Prepared, mask: Optional[np.ndarray]) -> None:
    """Sets the selection that the next call uses."""
    made = prepared.input
    made.selection = None if mask is None else selection_of(mask, made.observations, "targets")
    made.struct.selection = None if made.selection is None else addressof(made.selection)


def _compare(prepared: Prepared, first: np.ndarray, second: np.ndarray, permutations: int,
             subsets: int, seed: int, relabel: str, centred: bool, exchange: str,
             exceedances: int, piece: Tuple[int, int, int] = (0, 0, 0)) -> Comparison:
    number = number_of(RELABELLINGS, relabel, "relabel")
    options = C.ComparisonOptions(
        sizeof(C.ComparisonOptions), permutations=permutations, subsets=subsets, seed=seed,
        relabel=number, centred=int(centred),
        exchange=number_of(EXCHANGES, exchange, "exchange"), exceedances=exceedances,
        first=piece[0], total=piece[1], first_subset=piece[2])
    question = prepared.question
    _select(prepared, first)
    others = selection_of(second, prepared.input.observations, "others")
    handle = prepared.run("comparison", library.qkvsim_comparison_run, byref(others),
                          question.layout._pointer, byref(question.options), byref(options))
    return Comparison(handle, question, {
        "seed": seed, "relabel": "label-shift" if number == C.RELABEL_SHIFT else "labels",
        "exceedances": exceedances, "centred": bool(centred)})


def compare(data: Any, *, targets: Any, others: Any = None, permutations: int = 0,
            subsets: int = 0, seed: int = 0, relabel: str = "labels", centred: bool = False,
            exchange: str = "observations", exceedances: int = 0, first: int = 0, total: int = 0,
            first_subset: int = 0, **options: Any) -> Comparison:
    """Compares two selections of observations, targets and others.

    Parameters
    ----------
    data
        As for `analyze`.
    targets, others : boolean mask, indices or slice
        others: by default all that are no targets.
    permutations : int
        Relabellings for the p-values; 0: none.
    subsets : int
        Matched subsets of the larger selection; default: as many as permutations.
    seed : int
    relabel : "labels" or "label-shift"
    centred : bool
        Relabels observations less their selection's mean; not with the cosine.
    exchange : "observations" or "segments"
    exceedances : int
    first, total, first_subset : int
        Relabellings `first` and on alone, of `total` in all, and subsets from `first_subset` on:
        a piece, for `merge`. Subsets are by default those of the relabellings' numbers.
    **options
        Those of `analyze`, and `segments`.

    Returns
    -------
    Comparison

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory, TooLarge
        As for `analyze`; also where the selections share an observation.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> x[:10] -= 5
    >>> made = qkvsim.compare(x, targets=slice(0, 10), permutations=99, groups={"Q": 6})
    >>> made.first.observations, made.second.observations
    (10, 40)
    >>> bool(made.p("kolmogorov_smirnov", "cosine").max() < 0.05)
    True
    """
    prepared = Prepared(data, **options)
    masks = _both(prepared.input, targets, others)
    return _compare(prepared, *masks, permutations, subsets, seed, relabel, centred, exchange,
                    exceedances, (first, total, first_subset))
