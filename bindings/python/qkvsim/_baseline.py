"""The same analysis of many permutations."""
from ctypes import addressof, byref, sizeof
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import _declarations as C
from ._analysis import Analysis, Prepared
from ._errors import InvalidArgument
from ._inference import _NULL, _Inference
from ._input import Input
from ._library import library
from ._words import EXCHANGES, SCHEMES, number_of


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
    return made, addressof(made.block)


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
