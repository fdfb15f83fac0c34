"""Results as the program's JSON has them: docs/program.md."""
from collections.abc import Mapping as MappingABC
from ctypes import c_int32
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from ._analysis import Analysis, number_or_none
from ._context import call
from ._errors import Ambiguous, TooLarge
from ._layout import Layout
from ._library import library, version
from ._words import METRICS, OF_OFFSET, OF_VALUES, STATISTICS, has_statistic


def numbers(values: Any) -> List[Optional[float]]:
    """Numbers, null where they do not exist."""
    return [number_or_none(value) for value in values]


def codes_of(layout: Layout) -> Optional[List[int]]:
    """The mask's codes; None where they are ambiguous."""
    codes = (c_int32 * layout.pair_groups)()
    try:
        call(library.qkvsim_layout_mask_codes, layout._pointer, None, codes, len(codes))
    except (Ambiguous, TooLarge):
        return None
    return list(codes)


def _metric_of(analysis: Analysis, row: int, metric: str) -> Dict[str, Any]:
    own, number = analysis._own, METRICS[metric]
    defined = int(library.qkvsim_analysis_defined(own, row, number))
    made: Dict[str, Any] = {"defined": defined,
                            "undefined": int(analysis.layout.pairs[row]) - defined}
    for name in OF_VALUES:
        if has_statistic(metric, name):
            made[name] = analysis._number(library.qkvsim_analysis_statistics, row, number,
                                          STATISTICS[name])
    made["histogram"] = analysis._counts(number)[row].tolist()
    return made


def _row_of(analysis: Analysis, row: int, codes: Optional[Sequence[int]], baseline: Any,
            intervals: Any) -> Dict[str, Any]:
    layout = analysis.layout
    coded = row < layout.pair_groups
    made: Dict[str, Any] = {"name": layout.rows[row],
                            "code": codes[row] if codes is not None and coded else None,
                            "pairs": int(layout.pairs[row])}
    for metric in analysis.metrics:
        made[metric] = _metric_of(analysis, row, metric)
        if intervals is not None:
            made[metric].update(intervals._of_metric(row, metric))
    made["offset"] = {name: analysis._number(library.qkvsim_analysis_statistics, row,
                                             METRICS["cosine"], STATISTICS[name])
                      for name in OF_OFFSET}
    if intervals is not None:
        made["offset"].update(intervals._of_offset(row))
    if baseline is not None:
        made["baseline"] = {metric: baseline._of_metric(row, metric)
                            for metric in analysis.metrics}
    return made


def rows_of(question: Any, fill: Any) -> Dict[str, List[Dict[str, Any]]]:
    """ "pair_groups" and "rollups", what `fill` makes of each row."""
    count = question.layout.pair_groups
    return {"pair_groups": [fill(row) for row in question.rows if row < count],
            "rollups": [fill(row) for row in question.rows if row >= count]}


def _head_matrices(analysis: Analysis) -> Dict[str, Any]:
    return {metric: {name: [numbers(line) for line in analysis.matrix(name, metric)]
                     for name in OF_VALUES + OF_OFFSET if has_statistic(metric, name)}
            for metric in analysis.metrics}


def condition_of(analysis: Analysis, name: str, codes: Optional[Sequence[int]],
                 baseline: Any = None, intervals: Any = None,
                 contrasts: Sequence[Any] = ()) -> Dict[str, Any]:
    """The object of one condition."""
    layout = analysis.layout
    made: Dict[str, Any] = {
        "name": name, "observations": analysis.observations,
        "dropped_observations": analysis.dropped.tolist(),
        "undefined_features": {metric: analysis.undefined_features(metric).tolist()
                               for metric in analysis.metrics},
        "groups": [{"name": group, "mean_squared_offset_ratio": number_or_none(value)}
                   for group, value in zip(layout.groups, analysis.group_offsets)]}
    made.update(rows_of(analysis._question,
                        lambda row: _row_of(analysis, row, codes, baseline, intervals)))
    if layout.has_heads:
        made["head_matrices"] = _head_matrices(analysis)
    if baseline is not None:
        made["baseline"] = baseline._method()
    if intervals is not None:
        made["interval"] = intervals._method()
        made["contrasts"] = intervals._contrasts(contrasts)
    return made


def _spec(given: Any) -> Any:
    """ "Q=576,K=192,V=192" of a mapping, words as they are, and null for what only arrays say."""
    if isinstance(given, MappingABC):
        return ",".join(f"{name}={number}" for name, number in given.items())
    return given if isinstance(given, (str, int, float)) else None


def frame_of(layers: Sequence[Dict[str, Any]], analysis: Analysis,
             given: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    """The document around the layers, with the options that numbers depend on."""
    options: Dict[str, Any] = {
        "groups": None, "heads": None, "interleaved": False, "tensor": [], "parts": False,
        "fold": False, "targets": None, "pair_groups": None, "on_nonfinite": "error",
        "precision": None, "metrics": list(analysis.metrics), "statistic": None,
        "bins": len(analysis.bin_edges) - 1, "permutations": 0, "scheme": "all",
        "exchange": "observations", "first": 0, "total": None, "seed": 0, "segments": None,
        "covariates": None,
        "compare": None, "relabel": "labels", "centred": False, "exceedances": None,
        "interval": None, "blocks": None, "resamples": None, "block": None, "level": 0.95,
        "contrast": []}
    options.update({key: _spec(value) for key, value in (given or {}).items()
                    if key in options and key not in ("metrics", "bins", "contrast")})
    options["contrast"] = [",".join(map(str, pair)) for pair in (given or {}).get("contrast", ())]
    first = analysis.metrics[0]
    options["statistic"] = f"{first}.{'offset_share' if first == 'cosine' else 'mean'}"
    return {"qkvsim": version(), "schema": 1, "command": "analyze", "options": options,
            "layers": list(layers)}


def document_of(conditions: Sequence[Tuple[str, Analysis, Any, Any]],
                **options: Any) -> Dict[str, Any]:
    """The whole document of one layer."""
    return frame_of([layer_of("0", conditions, **options)], conditions[0][1])


def layer_of(name: str, conditions: Sequence[Tuple[str, Analysis, Any, Any]], *,
             comparison: Any = None, contrasts: Sequence[Any] = (),
             selection_contrast: Any = None) -> Dict[str, Any]:
    """A layer: input, groups, bins, conditions (name, analysis, baseline, intervals) and what
    compares them."""
    analysis = conditions[0][1]
    layout = analysis.layout
    edges = analysis.bin_edges
    codes = codes_of(layout)
    made: Dict[str, Any] = {
        "name": name,
        "input": {"observations": analysis._question.observations, "features": analysis.features,
                  "parts": [{"file": None, "tensor": part, "dtype": dtype, "features": features}
                            for part, dtype, features in analysis._question.parts]},
        "groups": [{"name": name, "features": features}
                   for name, features in zip(layout.groups, layout.group_features)],
        "bins": {"count": len(edges) - 1, "low": _whole(edges[0]), "high": _whole(edges[-1])},
        "conditions": [condition_of(part, name, codes, baseline, intervals, contrasts)
                       for name, part, baseline, intervals in conditions]}
    if comparison is not None:
        made["comparison"] = comparison._object()
    if selection_contrast is not None:
        made["selection_contrast"] = selection_contrast._selection_contrast()
    made["warnings"] = []
    return made


def _whole(value: float) -> Any:
    return int(value) if value == np.floor(value) else float(value)
