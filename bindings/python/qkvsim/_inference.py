"""How sure results are: baselines of permutations, comparisons of selections, intervals."""
from ctypes import addressof, byref, sizeof
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import _declarations as C
from ._analysis import Analysis, Prepared, Question, Result, _frozen, number_or_none
from ._errors import InvalidArgument
from ._handle import Handle, unpack, view
from ._input import Input, mask_of, selection_of
from ._library import library
from ._words import (DISTANCES, EXCHANGES, METHODS, METRICS, P_VALUES, RELABELLINGS, REPLICATED,
                     REPLICATED_OF_VALUES, SCHEMES, STATISTICS, SUMMARIES, has_statistic,
                     number_of, row_numbers)

_BAND = {"histogram_mean": "mean", "histogram_sd": "sd", "histogram_min": "minimum",
         "histogram_max": "maximum"}
_NULL = ("mean", "sd", "z") + P_VALUES


def _summary(summary: str) -> int:
    return number_of({**SUMMARIES, "min": C.SUMMARY_MINIMUM, "max": C.SUMMARY_MAXIMUM}, summary,
                     "summary")


class _Inference(Result):
    """What baselines, comparisons and intervals have in common."""

    def __init__(self, handle: Handle, question: Question, options: Dict[str, Any]) -> None:
        self._handle, self._question, self.options = handle, question, options

    def __reduce__(self) -> Any:
        return _unpacked, (type(self), self._packed(), self._question, self.options)

    def _part(self, accessor: Any) -> Analysis:
        return Analysis(self._handle, self._question, accessor(self._handle._pointer))

    def _ask(self, function: Any, statistic: str, metric: Optional[str],
             summary: str) -> np.ndarray:
        return self._over_rows(function, self._metric(metric)[1],
                               number_of(STATISTICS, statistic, "statistic"), _summary(summary))

    def _counts(self, function: Any, metric: int, summary: str,
                edges: int) -> Optional[np.ndarray]:
        """Bins of every row of the layout; None where there are none."""
        address = function(self._handle._pointer, metric, _summary(summary), None, None)
        return None if address is None else view(
            self, address, (len(self.layout.rows), edges - 1), np.float64)

    def _band(self, function: Any, metric: Optional[str], summary: str,
              observed: Analysis) -> np.ndarray:
        rows, edges = self._question.rows, len(observed.bin_edges)
        counts = self._counts(function, self._metric(metric)[1], summary, edges)
        return _frozen(np.full((len(rows), edges - 1), np.nan)) if counts is None \
            else counts if len(rows) == len(counts) else _frozen(counts[rows])

    def _band_object(self, function: Any, row: int, metric: str, edges: int) -> Dict[str, Any]:
        made = {}
        for key, summary in _BAND.items():
            counts = self._counts(function, METRICS[metric], summary, edges)
            made[key] = None if counts is None else counts[row].tolist()
        return made

    def _null_objects(self, function: Any, row: int, metric: str) -> Dict[str, Any]:
        return {name: {key: self._number(function, row, METRICS[metric], STATISTICS[name],
                                         SUMMARIES[key]) for key in _NULL}
                for name in REPLICATED if has_statistic(metric, name)}

    def _tabulate(self, function: Any, summaries: Tuple[str, ...]) -> List[Dict[str, Any]]:
        records = []
        for metric in self.metrics:
            for name in REPLICATED:
                if not has_statistic(metric, name):
                    continue
                columns = {key: self._ask(function, name, metric, key) for key in summaries}
                records += [{"row": row, "metric": metric, "statistic": name,
                             **{key: float(columns[key][i]) for key in summaries}}
                            for i, row in enumerate(self.rows)]
        return records


def _unpacked(kind: Any, packed: bytes, question: Question, options: Dict[str, Any]) -> Any:
    return kind(Handle(kind._kind, unpack(kind._kind, packed)), question, options)


class Baseline(_Inference):
    """The same analysis of many permutations, beside the one observed.

    Attributes
    ----------
    observed : Analysis
    permutations : int
    enumerated : bool
        Whether the permutations are all different ones, so that p-values are exact.
    """

    _kind = "baseline"

    @property
    def observed(self) -> Analysis:
        return self._part(library.qkvsim_baseline_observed)

    @property
    def permutations(self) -> int:
        return int(library.qkvsim_baseline_permutations(self._handle._pointer))

    @property
    def enumerated(self) -> bool:
        return bool(library.qkvsim_baseline_enumerated(self._handle._pointer))

    def statistic(self, name: str, metric: Optional[str] = None,
                  summary: str = "observed") -> np.ndarray:
        """A summary of one statistic, for every row: "observed", "mean", "sd", "z", "p", ..."""
        return self._ask(library.qkvsim_baseline_statistics, name, metric, summary)

    def z(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """(observed - mean) / sd over the permutations."""
        return self.statistic(name, metric, "z")

    def p(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """Two-sided p-values, (b + 1) / (m + 1)."""
        return self.statistic(name, metric, "p")

    def p_bh(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """p-values adjusted over the rows for the false discovery rate."""
        return self.statistic(name, metric, "p_bh")

    def p_max(self, name: str, metric: Optional[str] = None) -> np.ndarray:
        """p-values adjusted over the rows for the family-wise error rate."""
        return self.statistic(name, metric, "p_max")

    def histogram(self, metric: Optional[str] = None, summary: str = "mean") -> np.ndarray:
        """Mean, sd, min or max of the bins' counts over the permutations: rows x bins."""
        return self._band(library.qkvsim_baseline_histograms, metric, summary, self.observed)

    def _of_metric(self, row: int, metric: str) -> Dict[str, Any]:
        function = library.qkvsim_baseline_histograms
        return {**self._band_object(function, row, metric, len(self.observed.bin_edges)),
                **self._null_objects(library.qkvsim_baseline_statistics, row, metric)}

    def _method(self) -> Dict[str, Any]:
        options = self.options
        return {"scheme": options["scheme"], "permutations": self.permutations,
                "enumerated": self.enumerated, "exchange": options["exchange"],
                "covariates": int(library.qkvsim_baseline_covariates(self._handle._pointer)),
                "exceedances": options["exceedances"], "seed": options["seed"]}

    def _records(self) -> List[Dict[str, Any]]:
        return self._tabulate(library.qkvsim_baseline_statistics, ("observed",) + _NULL)

    def to_dict(self) -> Dict[str, Any]:
        """The program's JSON for the same data, but for its warnings."""
        from ._json import document_of
        return document_of([("all", self.observed, self, None)])

    def plot(self, *, rows: Any = None, metrics: Any = None, ax: Any = None) -> Any:
        """Draws the histograms and the permutations' mean and range, rows by metrics; returns the
        matplotlib Figure."""
        from ._plot import histograms
        return histograms([("all", self.observed, self, None)], rows=rows, metrics=metrics, ax=ax)

    def __repr__(self) -> str:
        return (f"<qkvsim.Baseline of {self.permutations} permutations "
                f"({self.options['scheme']}), {len(self.rows)} rows>")


def _covariates(covariates: Any, observations: int) -> Tuple[Any, Any]:
    if covariates is None:
        return None, None
    array = np.asarray(covariates)
    made = Input(array[:, None] if array.ndim == 1 else covariates, name="covariates")
    if made.observations != observations:
        raise InvalidArgument(f"covariates has {made.observations} observations and the data "
                              f"{observations}")
    return made, addressof(made.views)


def _baseline(prepared: Prepared, permutations: int, seed: int, scheme: str, exchange: str,
              covariates: Any, exceedances: int, first: int = 0, total: int = 0) -> Baseline:
    kept, view_of_covariates = _covariates(covariates, prepared.input.observations)
    options = C.BaselineOptions(
        sizeof(C.BaselineOptions), permutations=permutations, seed=seed,
        scheme=number_of(SCHEMES, scheme, "scheme"),
        exchange=number_of(EXCHANGES, exchange, "exchange"), covariates=view_of_covariates,
        exceedances=exceedances, first=first, total=total)
    question = prepared.question
    handle = prepared.run("baseline", library.qkvsim_baseline_run, question.layout._pointer,
                          byref(question.options), byref(options))
    del kept
    return Baseline(handle, question, {
        "scheme": scheme.replace("_", "-").lower(), "seed": seed, "exchange": exchange,
        "exceedances": exceedances})


def baseline(data: Any, *, permutations: int = 1000, seed: int = 0, scheme: str = "all",
             exchange: str = "observations", covariates: Any = None, exceedances: int = 0,
             first: int = 0, total: int = 0, **options: Any) -> Baseline:
    """Analyses the data and permutations of them: the random baseline.

    Parameters
    ----------
    data
        As for `analyze`.
    permutations : int
    seed : int
    scheme : str
        What a permutation exchanges: "all", "feature", "shift", "group", "observations",
        "observations-shift", "flip".
    exchange : "observations" or "segments"
    covariates : array, optional
        Observations x anything: what may co-vary and is no part of the question.
    exceedances : int
        Stop once no p would come out small; 0: make all.
    first, total : int
        Permutations `first` and on alone, of `total` in all: a piece, for `merge`.
    **options
        Those of `analyze`, and `segments`: a number or name for each observation.

    Returns
    -------
    Baseline

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory, TooLarge
        As for `analyze`; also where a scheme, or a piece, cannot be.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> made = qkvsim.baseline(x, permutations=99, scheme="observations")
    >>> made.rows
    ('Q-Q', 'Q-K', 'Q-V', 'K-K', 'K-V', 'V-V')
    >>> bool(made.p("mean", "pearson")[1] >= 0.01)
    True
    """
    return _baseline(Prepared(data, **options), permutations, seed, scheme, exchange, covariates,
                     exceedances, first, total)


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
