"""Figures by matplotlib, in the colours of the program's."""
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from ._errors import InvalidArgument, optional
from ._words import row_numbers

_COLOURS = [(0.000, 0.447, 0.698), (0.835, 0.369, 0.000)]
_DASHES: List[Any] = ["-", (0, (3.5, 1.4))]
_WIDTHS = [1.2, 1.0]
_FILLS = [0.16, 0.0]
_GREYS = [(0.30,) * 3, (0.45,) * 3]
_ROWS_MAX = 12
_TITLES = {"cosine": "Cosine similarity", "pearson": "Pearson correlation",
           "spearman": "Rank correlation"}
_AXES = {"cosine": "cosine", "pearson": "Pearson r", "spearman": "Spearman ρ"}
_HEADLINES = {"cosine": ("offset share", "offset_share"), "pearson": ("mean r²", "mean_square"),
              "spearman": ("mean ρ²", "mean_square")}


def _axes(ax: Any, rows: int, columns: int, size: Tuple[float, float]) -> Tuple[Any, np.ndarray]:
    """The figure and its axes, new ones where none are given."""
    if ax is None:
        pyplot: Any = optional("matplotlib.pyplot", "plot()", "matplotlib")
        figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, sharex="col",
                                       layout="constrained")
        return figure, axes
    axes = np.array(ax, dtype=object).reshape(-1)
    if axes.size != rows * columns:
        raise InvalidArgument(f"ax is {axes.size} axes and there are {rows * columns} panels: "
                              "choose rows and metrics, or give as many axes")
    return axes[0].figure, axes.reshape(rows, columns)


def _shares(counts: np.ndarray, total: float) -> np.ndarray:
    return 100 * counts / total if total > 0 else np.zeros(len(counts))


class _Curve:
    """A condition's own curve and its band, in percent of its pairs."""

    def __init__(self, condition: Any, index: int, conditions: Sequence[Any], matched: Any,
                 row: int, metric: str) -> None:
        analysis, baseline = condition[1], condition[2]
        others = [one for one in conditions if one is not condition]
        self.matched = matched is not None and others != [] \
            and analysis.observations > others[0][1].observations
        self.band: Optional[List[np.ndarray]] = None
        counts = analysis.histogram(metric)[row]
        self.own = _shares(counts, float(counts.sum()))
        source = matched.band if self.matched else None if baseline is None else baseline.histogram
        if source is not None:
            low, mean, high = (source(metric, what)[row] for what in ("min", "mean", "max"))
            total = float(np.nansum(mean))
            self.band = [_shares(part, total) for part in (low, mean, high)]
            if self.matched:
                self.own = self.band[1]
        self.index = index

    @property
    def peak(self) -> float:
        return float(self.band[2].max()) if self.band is not None else 0.0

    def draw_band(self, ax: Any, edges: np.ndarray, name: str) -> None:
        if self.band is None:
            return
        colour = _COLOURS[self.index] if self.matched else _GREYS[self.index]
        ax.fill_between(edges, np.append(self.band[0], self.band[0][-1]),
                        np.append(self.band[2], self.band[2][-1]), step="post", linewidth=0,
                        color=colour, alpha=0.28 if self.matched else 0.30)
        if not self.matched:
            ax.stairs(self.band[1], edges, color=colour, linewidth=0.8,
                      label=f"{name}, permuted")

    def draw(self, ax: Any, edges: np.ndarray, label: str) -> None:
        colour = _COLOURS[self.index]
        if _FILLS[self.index] > 0:
            ax.stairs(self.own, edges, fill=True, color=colour, alpha=_FILLS[self.index])
        ax.stairs(self.own, edges, color=colour, linewidth=_WIDTHS[self.index],
                  linestyle=_DASHES[self.index], label=label)


def _label(condition: Any, curve: _Curve, conditions: Sequence[Any]) -> str:
    fewest = min(one[1].observations for one in conditions)
    return (f"{condition[0]}, subsets (n = {fewest:,})" if curve.matched
            else f"{condition[0]} (n = {condition[1].observations:,})")


def histograms(conditions: Sequence[Any], *, matched: Any = None, rows: Any = None,
               metrics: Any = None, ax: Any = None) -> Any:
    """A grid of histograms, rows of the results by metrics, with bands of permutations (grey) or
    of matched subsets; returns the Figure."""
    first = conditions[0][1]
    wanted = range(min(len(first.rows), _ROWS_MAX)) if rows is None \
        else row_numbers(first.rows, rows, "rows")
    names = first.metrics if metrics is None else \
        ([metrics] if isinstance(metrics, str) else list(metrics))
    figure, axes = _axes(ax, len(wanted), len(names), (3.5 * len(names), 0.4 + 1.1 * len(wanted)))
    for column, metric in enumerate(names):
        panels = [[_Curve(one, i, conditions, matched, row, metric)
                   for i, one in enumerate(conditions)] for row in wanted]
        observed = max(float(curve.own.max()) for curves in panels for curve in curves)
        permuted = max(curve.peak for curves in panels for curve in curves)
        limit = 1.1 * (max(observed, permuted) if permuted <= 1.6 * observed else observed) or 1
        for line, (row, curves) in enumerate(zip(wanted, panels)):
            panel = axes[line, column]
            for one, curve in zip(conditions, curves):
                curve.draw_band(panel, first.bin_edges, one[0])
            for one, curve in zip(conditions, curves):
                curve.draw(panel, first.bin_edges, _label(one, curve, conditions))
            _dress(panel, conditions, row, metric, limit, line == 0, line == len(wanted) - 1)
    if ax is None:
        figure.supylabel("share of pairs per bin (%)", fontsize=8)
        if len(conditions) > 1 or conditions[0][2] is not None:
            handles, labels = axes[0, 0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper center", fontsize=7, frameon=False,
                          ncols=len(labels))
    return figure


def _dress(panel: Any, conditions: Sequence[Any], row: int, metric: str, limit: float,
           top: bool, bottom: bool) -> None:
    analysis = conditions[0][1]
    words, statistic = _HEADLINES[metric]
    panel.set_xlim(analysis.bin_edges[0], analysis.bin_edges[-1])
    panel.set_ylim(0, limit)
    panel.tick_params(labelsize=6.5)
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_title(f"{analysis.rows[row]}", loc="left", fontsize=7.5, fontweight="bold", pad=3)
    values = [one[1].statistic(statistic, metric)[row] for one in conditions]
    shown = "  ".join("–" if np.isnan(value) else f"{value:.3f}" for value in values)
    panel.set_title(f"{words} {shown}", loc="right", fontsize=6.5, color="0.35", pad=3)
    if top:
        panel.set_title(_TITLES[metric] + "\n", loc="center", fontsize=8.5, fontweight="bold",
                        pad=3)
    if bottom:
        panel.set_xlabel(_AXES[metric], fontsize=7)


def _chosen(analysis: Any, statistic: Optional[str], metric: Optional[str]) -> Tuple[str, str]:
    """A statistic and its metric: the offset share of the cosine where there is one."""
    if statistic is None:
        statistic = "offset_share" if "cosine" in analysis.metrics else "mean"
    return statistic, analysis._metric(metric)[0]


def heads(conditions: Sequence[Any], *, statistic: Optional[str] = None,
          metric: Optional[str] = None, ax: Any = None) -> Any:
    """A statistic of every two groups, such as heads, as a matrix for each condition."""
    statistic, metric = _chosen(conditions[0][1], statistic, metric)
    count = len(conditions)
    figure, axes = _axes(ax, 1, count, (3.6 * count + 0.6, 3.6))
    matrices = [one[1].matrix(statistic, metric) for one in conditions]
    least = min((float(np.nanmin(m)) for m in matrices if not np.isnan(m).all()), default=0.0)
    most = max((float(np.nanmax(m)) for m in matrices if not np.isnan(m).all()), default=1.0)
    if statistic.startswith("offset_share"):
        limits, colours = (0.0, 1.0), "Reds"
    elif least < 0:
        limits, colours = (-max(-least, most), max(-least, most)), "RdBu_r"
    else:
        limits, colours = (0.0, most), "Reds"
    names = conditions[0][1].layout.groups
    for panel, one, matrix in zip(axes[0], conditions, matrices):
        image = panel.imshow(matrix, cmap=colours, vmin=limits[0], vmax=limits[1])
        panel.set_title(f"{one[0]} (n = {one[1].observations:,})", fontsize=8.5)
        panel.set_xticks(range(len(names)), names, fontsize=6.5, rotation=90)
        panel.set_yticks(range(len(names)), names, fontsize=6.5)
    figure.colorbar(image, ax=list(axes[0]), label=f"{statistic} of the {metric}", shrink=0.8)
    return figure


def pairs(found: Any, *, ax: Any = None) -> Any:
    """Features by features, the groups side by side and a point for each pair, the strongest on
    top."""
    metric, layout = found.metrics[0], found.layout
    figure, axes = _axes(ax, 1, 1, (4.9, 4.2))
    panel, width = axes[0, 0], layout.features
    place = np.argsort(np.argsort(layout.group_of, kind="stable"))  # features of a group together
    i, j = np.sort([place[found.i], place[found.j]], axis=0)[:, ::-1]
    many = len(found) > 2000
    drawn = panel.scatter(j, i, c=found.value[::-1], cmap="RdBu_r", vmin=-1, vmax=1,
                          s=np.clip(6e3 / max(1, len(found)), 2, 24), edgecolors="0.25",
                          linewidths=0 if many else 0.3, rasterized=many)
    ends = np.cumsum(layout.group_features)
    panel.hlines(ends[:-1] - 0.5, -0.5, width - 0.5, color="0.75", linewidth=0.6, zorder=0)
    panel.vlines(ends[:-1] - 0.5, -0.5, width - 0.5, color="0.75", linewidth=0.6, zorder=0)
    panel.plot([-0.5, width - 0.5], [-0.5, width - 0.5], color="0.75", linewidth=0.6, zorder=0)
    middles = ends - 0.5 - np.array(layout.group_features) / 2
    crowded = len(ends) > 8
    panel.set_xticks(middles, layout.groups, fontsize=6.5, rotation=90 if crowded else 0)
    panel.set_yticks(middles, layout.groups, fontsize=6.5)
    panel.tick_params(length=0)
    panel.set(xlim=(-0.5, width - 0.5), ylim=(width - 0.5, -0.5), aspect="equal")
    panel.set_title(f"{len(found):,} pairs (n = {found.observations:,})", fontsize=8.5)
    bar = figure.colorbar(drawn, ax=panel, shrink=0.8, ticks=[-1, -0.5, 0, 0.5, 1])
    bar.set_label(_AXES[metric], fontsize=7)
    bar.ax.tick_params(labelsize=6.5)
    return figure


def intervals(found: Any, *, statistic: Optional[str] = None, metric: Optional[str] = None,
              rows: Any = None, ax: Any = None) -> Any:
    """A statistic of every row and its interval."""
    analysis = found.observed
    statistic, metric = _chosen(analysis, statistic, metric)
    wanted = list(range(len(analysis.rows))) if rows is None \
        else row_numbers(analysis.rows, rows, "rows")
    figure, axes = _axes(ax, 1, 1, (5.0, 0.8 + 0.22 * len(wanted)))
    panel, places = axes[0, 0], range(len(wanted))
    low, estimate, high = (found.statistic(statistic, metric, what)[wanted]
                           for what in ("low", "estimate", "high"))
    panel.hlines(places, low, high, color=_COLOURS[0], linewidth=_WIDTHS[0])
    panel.plot(estimate, places, "o", color=_COLOURS[0], markersize=3.5)
    panel.set_yticks(places, [analysis.rows[row] for row in wanted], fontsize=7)
    panel.invert_yaxis()
    panel.tick_params(labelsize=7)
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_xlabel(f"{statistic} of the {metric}, {found.options['level']:.0%} intervals",
                     fontsize=7)
    return figure


def layers(studies: Sequence[Any], *, statistic: Optional[str] = None,
           metric: Optional[str] = None, rows: Any = None, ax: Any = None) -> Any:
    """A statistic over the layers: a panel for each row, a line for each condition, with its
    intervals where there are any."""
    first = studies[0].analysis
    statistic, metric = _chosen(first, statistic, metric)
    wanted = list(range(min(len(first.rows), _ROWS_MAX))) if rows is None \
        else row_numbers(first.rows, rows, "rows")
    figure, axes = _axes(ax, len(wanted), 1, (5.0, 0.6 + 1.1 * len(wanted)))
    places = range(len(studies))
    for row, panel in zip(wanted, axes[:, 0]):
        for i, condition in enumerate(studies[0].conditions):
            every = [study.conditions[i] for study in studies]
            panel.plot(places, [one.analysis.statistic(statistic, metric)[row] for one in every],
                       color=_COLOURS[i], linestyle=_DASHES[i], linewidth=_WIDTHS[i], marker="o",
                       markersize=2.5, label=condition.name)
            if condition.intervals is not None:
                low, high = ([one.intervals.statistic(statistic, metric, end)[row]
                              for one in every] for end in ("low", "high"))
                panel.fill_between(places, low, high, color=_COLOURS[i], alpha=0.16, linewidth=0)
        panel.set_title(first.rows[row], loc="left", fontsize=7.5, fontweight="bold", pad=3)
        panel.tick_params(labelsize=6.5)
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1, 0].set_xticks(places, [study.name for study in studies], fontsize=6.5)
    axes[-1, 0].set_xlabel("layer", fontsize=7)
    axes[0, 0].legend(fontsize=6.5, frameon=False)
    if ax is None:
        figure.supylabel(f"{statistic} of the {metric}", fontsize=8)
    return figure
