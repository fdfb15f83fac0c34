"""What `qkvsim analyze` does for files, for arrays: conditions, and how sure their results are."""
from collections.abc import Mapping as MappingABC
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ._analysis import Analysis, Prepared
from ._baseline import Baseline, _baseline
from ._comparison import Comparison, _both, _compare, _select
from ._context import Progress
from ._errors import InvalidArgument, optional
from ._intervals import Intervals, _intervals
from ._json import frame_of, layer_of
from ._words import (NONFINITE, REPLICATED, has_statistic, number_of, row_numbers,
                     word_of)

_FIGURE_SUBSETS = 20


class Condition(NamedTuple):
    """Results of the observations of one condition: "all", or "targets" and "non-targets"."""

    name: str
    analysis: Analysis
    baseline: Optional[Baseline]
    intervals: Optional[Intervals]


class LayerStudy:
    """The results of one layer.

    Attributes
    ----------
    name : str
    conditions : tuple of Condition
    comparison : Comparison or None
        Of targets with the others, where `compare` was asked for.
    difference : Intervals or None
        Of targets less the others, where there are targets and intervals.
    """

    def __init__(self, name: str, conditions: Tuple[Condition, ...],
                 comparison: Optional[Comparison], difference: Optional[Intervals],
                 contrasts: Tuple[Any, ...], prepared: Optional[Prepared],
                 masks: Optional[Tuple[np.ndarray, np.ndarray]]) -> None:
        self.name, self.conditions = name, conditions
        self.comparison, self.difference, self.contrasts = comparison, difference, contrasts
        self._prepared, self._masks = prepared, masks
        self._matched = comparison

    @property
    def analysis(self) -> Analysis:
        """Of the first condition: of all observations, or of the targets."""
        return self.conditions[0].analysis

    @property
    def rows(self) -> Tuple[str, ...]:
        """Names of the results' rows."""
        return self.analysis.rows

    @property
    def metrics(self) -> Tuple[str, ...]:
        """Metrics that there are results of."""
        return self.analysis.metrics

    def matched(self) -> Optional[Comparison]:
        """The band of matched subsets that a figure of selections of unequal size has."""
        if self._matched is None and self._masks is not None and self._prepared is not None \
                and self._masks[0].sum() != self._masks[1].sum():
            self._matched = _compare(self._prepared, *self._masks, 0, _FIGURE_SUBSETS,
                                     self._seed, "labels", False, "observations", 0)
        return self._matched

    _seed = 0

    def to_dict(self) -> Dict[str, Any]:
        """The program's JSON of one layer."""
        return layer_of(self.name, list(self.conditions), comparison=self.comparison,
                        contrasts=self.contrasts, selection_contrast=self.difference)

    def _records(self) -> List[Dict[str, Any]]:
        records = []
        for name, analysis, baseline, intervals in self.conditions:
            extra = _inference_columns(analysis, baseline, intervals)
            for i, record in enumerate(analysis._records()):
                columns = extra[record["metric"]]
                at = i % len(analysis.rows)
                records.append({"layer": self.name, "condition": name, **record,
                                **{key: float(column[at]) for key, column in columns.items()}})
        return records

    def to_frame(self) -> Any:
        """A pandas.DataFrame: a row for each condition, row of the results and metric."""
        pandas: Any = optional("pandas", "to_frame()")
        return pandas.DataFrame.from_records(self._records())

    def plot(self, kind: str = "histograms", *, ax: Any = None, **options: Any) -> Any:
        """Draws the layer's "histograms" or "heads", as `Study.plot`."""
        from . import _plot
        if kind == "heads":
            return _plot.heads(self.conditions, ax=ax, **options)
        if kind != "histograms":
            raise InvalidArgument(f'plot of a layer is of "histograms" or "heads", not {kind!r}')
        return _plot.histograms(self.conditions, matched=self.matched(), ax=ax, **options)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, LayerStudy):
            return NotImplemented
        return str(self.to_dict()) == str(other.to_dict())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        names = " and ".join(condition.name for condition in self.conditions)
        return f"<qkvsim.LayerStudy of {self.name}, {len(self.rows)} rows, {names}>"

    def _repr_html_(self) -> str:
        return "".join(f"<h4>{self.name} {condition.name}</h4>{condition.analysis._repr_html_()}"
                       for condition in self.conditions)

    def __getstate__(self) -> Dict[str, Any]:
        return {**vars(self), "_prepared": None}  # the data stay where they are


def _inference_columns(analysis: Analysis, baseline: Optional[Baseline],
                       intervals: Optional[Intervals]) -> Dict[str, Dict[str, np.ndarray]]:
    made: Dict[str, Dict[str, np.ndarray]] = {}
    for metric in analysis.metrics:
        columns = made.setdefault(metric, {})
        for name in (name for name in REPLICATED if has_statistic(metric, name)):
            if baseline is not None:
                for summary in ("z", "p", "p_max"):
                    columns[f"{name}_{summary}"] = baseline.statistic(name, metric, summary)
            if intervals is not None:
                for summary in ("low", "high"):
                    columns[f"{name}_{summary}"] = intervals.statistic(name, metric, summary)
    return made


class Study:
    """The results of one layer or several.

    Attributes
    ----------
    layers : tuple of LayerStudy
    """

    def __init__(self, layers: Sequence[LayerStudy], options: Dict[str, Any]) -> None:
        self.layers, self.options = tuple(layers), options

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LayerStudy]:
        return iter(self.layers)

    def __getitem__(self, layer: Any) -> LayerStudy:
        """A layer by number, or by name."""
        if isinstance(layer, str):
            for one in self.layers:
                if one.name == layer:
                    return one
            raise InvalidArgument(f"there is no layer {layer!r}: there are "
                                  + ", ".join(one.name for one in self.layers[:12]))
        found: LayerStudy = self.layers[layer]
        return found

    def to_dict(self) -> Dict[str, Any]:
        """The program's JSON for the same data, but for its warnings; options that were given as
        arrays are null."""
        return frame_of([layer.to_dict() for layer in self.layers], self.layers[0].analysis,
                        self.options)

    def _records(self) -> List[Dict[str, Any]]:
        return [record for layer in self.layers for record in layer._records()]

    def to_frame(self) -> Any:
        """A pandas.DataFrame: a row for each layer, condition, row of the results and metric."""
        pandas: Any = optional("pandas", "to_frame()")
        return pandas.DataFrame.from_records(self._records())

    def plot(self, kind: Optional[str] = None, *, ax: Any = None, **options: Any) -> Any:
        """Draws the results with matplotlib.

        Parameters
        ----------
        kind : "histograms", "heads" or "layers", optional
            Default: histograms of one layer, else lines over the layers.
        ax : Axes or array of Axes, optional
            Where to draw; default: a new figure.
        **options
            layer, rows and metrics of histograms; statistic and metric of heads and layers.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from . import _plot
        if kind is None:
            kind = "layers" if len(self.layers) > 1 else "histograms"
        if kind == "layers":
            return _plot.layers(self.layers, ax=ax, **options)
        if kind not in ("histograms", "heads"):
            raise InvalidArgument(f'plot is of "histograms", "heads" or "layers", not {kind!r}')
        return self[options.pop("layer", 0)].plot(kind, ax=ax, **options)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Study):
            return NotImplemented
        return str(self.to_dict()) == str(other.to_dict())

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        first = self.layers[0]
        names = " and ".join(condition.name for condition in first.conditions)
        return f"<qkvsim.Study of {len(self.layers)} layer(s), {len(first.rows)} rows, {names}>"

    def _repr_html_(self) -> str:
        return "".join(layer._repr_html_() for layer in self.layers[:8])


def _is_layer(value: Any) -> bool:
    """Whether a value is a whole layer: an array, a mapping of parts, a layer of a capture."""
    return hasattr(value, "parts") or isinstance(value, MappingABC) \
        or len(getattr(value, "shape", ())) > 1


def _layers_of(data: Any) -> List[Tuple[str, Any]]:
    """Names and data of the layers."""
    found = getattr(data, "layers", None)  # a capture
    if isinstance(found, MappingABC):
        return [(str(name), layer) for name, layer in found.items()]
    if found is not None and not hasattr(data, "shape"):
        return [(str(getattr(layer, "name", i)), layer) for i, layer in enumerate(found)]
    if isinstance(data, MappingABC) and data and all(
            isinstance(value, MappingABC) or hasattr(value, "parts") for value in data.values()):
        return [(str(name), layer) for name, layer in data.items()]
    if isinstance(data, (list, tuple)) and data and all(_is_layer(value) for value in data):
        return [(str(i), layer) for i, layer in enumerate(data)]
    return [("0", data)]


def _targets_in(layer: Any, targets: Any) -> Any:
    """Targets of a capture may be a token's text or id."""
    token = isinstance(targets, (str, int, np.integer)) and not isinstance(targets, bool)
    if token and hasattr(layer, "where"):
        return layer.where(targets)
    if isinstance(targets, str):
        raise InvalidArgument("targets is text, and the data are no capture, which knows its "
                              "tokens: give a boolean mask or indices")
    return [targets] if token else targets


def study(data: Any, *, groups: Any = None, heads: Any = None, interleaved: bool = False,
          targets: Any = None, metrics: Any = None, bins: Any = None, pair_groups: Any = None,
          permutations: int = 0, scheme: str = "all", seed: int = 0,
          exchange: str = "observations", covariates: Any = None, exceedances: int = 0,
          compare: int = 0, relabel: str = "labels", centred: bool = False,
          interval: Optional[str] = None, blocks: Optional[int] = None,
          resamples: Optional[int] = None, block: Optional[int] = None, level: float = 0.95,
          contrasts: Any = (), segments: Any = None, precision: Any = None,
          nonfinite: str = "error", layout: Optional[str] = None, threads: Optional[int] = None,
          progress: Progress = None) -> Study:
    """Analyses layers as the program's `qkvsim analyze` does, with its options.

    Parameters
    ----------
    data : array, mapping of names to arrays, Capture, or a list or mapping of these
        One layer, or several.
    targets : boolean mask, indices, slice, or of a capture a token's text or id; optional
        Two conditions, targets and non-targets, instead of all observations.
    heads
        As for `analyze`; True: those that a capture knows.
    permutations : int
        For the random baseline of each condition; 0: none.
    compare : int
        Relabellings for the comparison of targets with the others; 0: none.
    interval : "jackknife" or "bootstrap", optional
    contrasts : sequence of pairs of rows
        With `interval`: how two rows differ, [("Q-Q", "V-V")].
    segments : one number or name an observation, optional
        Its document: no lag and no block crosses from one to the next.
    groups, interleaved, metrics, bins, pair_groups, precision, nonfinite, layout, threads, progress
        As for `analyze`.
    scheme, seed, exchange, covariates, exceedances
        As for `baseline`.
    relabel, centred
        As for `compare`.
    blocks, resamples, block, level
        As for `intervals`.

    Returns
    -------
    Study

    Raises
    ------
    InvalidArgument, Nonfinite, NoMemory, TooLarge
        As for `analyze`, `baseline`, `compare` and `intervals`.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6)) + 5
    >>> made = qkvsim.study({"Q": x[:, :4], "K": x[:, 4:]}, targets=slice(0, 20))
    >>> [condition.name for condition in made[0].conditions]
    ['targets', 'non-targets']
    >>> made[0].rows
    ('Q-Q', 'Q-K', 'K-K')
    """
    layers = _layers_of(data)
    contrasts = tuple(contrasts)
    if contrasts and interval is None:
        raise InvalidArgument('contrasts needs interval="jackknife" or "bootstrap"')
    if compare and targets is None:
        raise InvalidArgument("compare needs targets")
    made = []
    for name, layer in layers:
        split = heads
        if heads is True:
            split = getattr(layer, "heads", None)
            if split is None:
                raise InvalidArgument("heads=True is for a capture, which knows its heads: give "
                                      "their numbers")
        prepared = Prepared(layer, groups=groups, heads=split, interleaved=interleaved,
                            segments=segments, metrics=metrics, bins=bins,
                            pair_groups=pair_groups, precision=precision, nonfinite=nonfinite,
                            layout=layout, threads=threads, progress=progress)
        for pair in contrasts:
            row_numbers(prepared.question.layout.rows, pair, "contrasts")
        masks = None if targets is None else _both(prepared.input, _targets_in(layer, targets),
                                                   None)

        def condition(called: str, selected: Optional[np.ndarray],
                      prepared: Prepared = prepared) -> Condition:
            _select(prepared, selected)
            null = _baseline(prepared, permutations, seed, scheme, exchange, covariates,
                             exceedances) if permutations else None
            analysis = null.observed if null is not None else prepared.analysis()
            found = _intervals(prepared, None, interval, blocks or 0, resamples or 0, block or 0,
                               level, seed) if interval is not None else None
            return Condition(called, analysis, null, found)

        if masks is None:
            conditions: Tuple[Condition, ...] = (condition("all", None),)
        else:
            conditions = (condition("targets", masks[0]), condition("non-targets", masks[1]))
        comparison = _compare(prepared, *masks, compare, compare, seed, relabel, centred, exchange,
                              exceedances) if compare and masks is not None else None
        difference = None
        if interval is not None and masks is not None:
            _select(prepared, masks[0])
            difference = _intervals(prepared, masks[1], interval, blocks or 0, resamples or 0,
                                    block or 0, level, seed)
        one = LayerStudy(name, conditions, comparison, difference, contrasts, prepared, masks)
        one._seed = seed
        made.append(one)
    return Study(made, {
        "groups": groups, "heads": heads, "interleaved": interleaved, "targets": targets,
        "pair_groups": ",".join(map(str, pair_groups)) if pair_groups is not None else None,
        "on_nonfinite": word_of({name.replace("_", "-"): n for name, n in NONFINITE.items()},
                                number_of(NONFINITE, nonfinite, "nonfinite")),
        "precision": precision, "permutations": permutations, "scheme": scheme,
        "exchange": exchange, "seed": seed, "compare": compare or None, "relabel": relabel,
        "centred": centred, "exceedances": exceedances or None, "interval": interval,
        "blocks": blocks, "resamples": resamples, "block": block, "level": level,
        "contrast": contrasts})
