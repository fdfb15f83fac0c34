"""docs/benchmarks.svg: how many times faster qkvsim is, a bar for each row."""
import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend is chosen first)

from .report import WAYS, size_in_words  # noqa: E402

COLOURS = {"n = 128": "#9ecae1", "n = 1024": "#08519c", "one head": "#e6550d"}


def draw(results, path):
    rows = [row for row in results["rows"] if "ms" in row]
    panels = [("the whole analysis", [row for row in rows if WAYS[row["name"]].metric is None]),
              ("one similarity matrix", [row for row in rows if WAYS[row["name"]].metric])]
    panels = [(title, shown) for title, shown in panels if shown]
    heights = [len(shown) + 1 for _, shown in panels]
    figure, axes = plt.subplots(len(panels), 1, sharex=True, squeeze=False, layout="constrained",
                                figsize=(8, 0.27 * sum(heights) + 0.8),
                                height_ratios=heights)
    for axis, (title, shown) in zip(axes[:, 0], panels):
        draw_panel(axis, title, shown)
    ratios = [row["times_faster"] for row in rows]
    axes[-1, 0].set_xlim(0.8 * min(1, *ratios), 1.6 * max(1, *ratios))
    axes[-1, 0].set_xlabel("times faster with qkvsim")
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
    axes[0, 0].legend(handles, COLOURS, loc="lower right", frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def draw_panel(axis, title, rows):
    labels = []
    for position, row in enumerate(rows):
        axis.barh(position, row["times_faster"] - 1, left=1, color=COLOURS[size_in_words(row)])
        axis.text(max(row["times_faster"], 1) * 1.05, position, f"{row['times_faster']:.1f}", va="center",
                  fontsize=8)
        title_of_way = WAYS[row["name"]].title
        labels.append("" if title_of_way in labels else title_of_way)
    axis.set_yticks(range(len(rows)), labels)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.axvline(1, color="black", linewidth=0.8)
    axis.invert_yaxis()
    axis.set_title(title, loc="left", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
