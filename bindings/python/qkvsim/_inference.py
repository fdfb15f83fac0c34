"""What results that say how sure others are have in common."""
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import _declarations as C
from ._analysis import Analysis, Question, Result, _frozen
from ._handle import Handle, unpack, view
from ._words import METRICS, P_VALUES, REPLICATED, STATISTICS, SUMMARIES, has_statistic, number_of

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
