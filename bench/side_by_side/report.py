"""docs/benchmarks.md, but for the sections of other commands, and what is printed while rows run."""
import platform
import textwrap

import numpy

from . import library, sections
from .environment import NEEDED, WANTED
from .rows import BETTER_OF_TUNED, FEATURES, HEAD_FEATURES, HEAD_OBSERVATIONS, ROWS, versions

WAYS = {row.name: row.way for row in ROWS}


def describe_machine(build, threads):
    blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"cpu": cpu_name(), "system": platform.system(), "threads": threads,
            "python": platform.python_version(),
            "qkvsim": library.describe(library.load(build)),
            "numpy_blas": f"{blas['name']} {blas['version']}",
            "versions": versions(sorted(NEEDED + WANTED))}


def cpu_name():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return platform.machine()


def line(row):
    """What is printed when a row is done."""
    head = f"{row['name']:<22} {row['n']:>5} {row['d']:>5}"
    if "missing" in row:
        return f"{head}  left out: {row['missing']} is not installed"
    if "failed" in row:
        return f"{head}  failed: {row['failed']}"
    return (f"{head} {row['qkvsim_ms']:>10.3f} {row['ms']:>10.3f} ms {row['times_faster']:>7.1f} x "
            f"({row['low']:.1f} .. {row['high']:.1f})  "
            f"{row['variant']}; {'' if row['agrees'] else 'DISAGREES: '}{row['agreement']}")


def verdicts(results):
    """What is promised, and whether it was met, a sentence each."""
    measured = {row["name"]: row for row in results["rows"] if "ms" in row}
    promises = [(f"the notebook's way, {size_in_words(row)}", row["at_least"], row["times_faster"])
                for row in measured.values() if row["at_least"]]
    for size, at_least in BETTER_OF_TUNED.items():
        tuned = [measured[name] for name in (f"tuned-numpy/{size}", f"tuned-torch/{size}")
                 if name in measured]
        if len(tuned) == 2:
            promises.append((f"the better of tuned NumPy and tuned PyTorch, {size_in_words(tuned[0])}",
                             at_least, min(row["times_faster"] for row in tuned)))
    return [f"At least {at_least} x faster than {what}: {times:.1f} x, "
            f"{'met' if times >= at_least else 'missed'}." for what, at_least, times in promises]


def size_in_words(row):
    return "one head" if row["d"] == HEAD_FEATURES else f"n = {row['n']}"


def document(results):
    return "\n\n".join([INTRODUCTION, FIGURE, promises_section(results), analysis_section(results),
                        steps_section(results), tried_section(results), agreement_section(results),
                        *sections.kept(), machine_section(results["machine"]), REPEATING]) + "\n"


INTRODUCTION = f"""# Beside the ways people do this now

The same work, done by qkvsim and by what a person would otherwise write, timed in one process and checked
against each other. `bench/peers.py` writes this page; [performance.md](performance.md) has the other
comparison, with a bare `cblas_ssyrk`.

The work: {FEATURES:,} features in three groups over 128 and 1,024 observations, float32, all threads; and
one head of {HEAD_FEATURES} features over {HEAD_OBSERVATIONS} observations on one thread. Cosine similarity
and Pearson correlation of every pair, and for each of the six pair groups histograms of 100 bins and mean,
variance, skewness and kurtosis. qkvsim also computes extremes, tail shares and the offset split in that time;
the notebook computes histograms alone."""

FIGURE = """![How many times faster qkvsim is than each other way, on a logarithmic
axis](benchmarks.svg)"""

ON_PROMISES = """These bounds were promised before this machine was measured, from another one with another NumPy, and are kept as they
were said. They are no measure of the library alone. At n = 128 and one head half of the notebook's time, and at n = 1024
a third, is selecting by a mask and `np.histogram`, on one thread whatever the machine has, and most of the rest is passes
over whole matrices; qkvsim's is products and vectors in cache, on all threads. So the ratio goes with the number of
processors, with what a processor's vectors and memory can do, and with NumPy's version. What holds on another machine
too are the promises against its own OpenBLAS (`qkvsim bench`) and of the Python package against C (below)."""

REPEATING = """## To repeat it

    meson setup build && ninja -C build
    python3 bench/peers.py --build build

makes an environment in the build folder with the newest versions that its Python can have (PyTorch's default
build needs 10 GB of disk), measures for some minutes, and writes this page. The machine should have nothing
else to do."""


def promises_section(results):
    lines = [f"- {verdict}" for verdict in verdicts(results)]
    if results["quick"]:
        lines.insert(0, "Too few calls to judge by: this page comes from a run with --quick.\n")
    return "\n".join(["## What is promised", "", *lines, "", ON_PROMISES])


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows])


def milliseconds(ms):
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}" if ms < 100 else f"{ms:.0f}"


def timed_table(rows):
    """What a section shows of its rows; those not measured say why."""
    cells = []
    for row in rows:
        size = [WAYS[row["name"]].title, str(row["n"]), f"{row['d']:,}"]
        if "ms" in row:
            cells.append(size + [str(row["threads"]), milliseconds(row["qkvsim_ms"]),
                                 milliseconds(row["ms"]), f"**{row['times_faster']:.1f}**",
                                 f"{row['low']:.1f} to {row['high']:.1f}"])
        else:
            cells.append(size + ["", "", "", reason(row), ""])
    return table(["way", "n", "d", "threads", "qkvsim, ms", "its, ms", "times faster", "spread"],
                 cells)


def reason(row):
    return f"{row['missing']} is not installed" if "missing" in row else f"failed: {row['failed']}"


def analysis_section(results):
    rows = [row for row in results["rows"] if WAYS[row["name"]].metric is None]
    return f"""## The whole analysis

{timed_table(rows)}

Median of one call; the ratio is of the medians, its spread over alternating stretches of calls with pauses
between, so that no side runs beside the other's idle threads. "The library's flow in NumPy" is what
[architecture.md](architecture.md) describes, in Python: tiles that stay in cache, threads over tiles, both
metrics from one product. It shows how much of the gain is the flow and how much the C."""


def steps_section(results):
    rows = [row for row in results["rows"] if WAYS[row["name"]].metric is not None]
    return f"""## Single steps

Libraries that have a call for one similarity matrix, against `qkvsim_similarity`, which writes the d x d
matrix here too (of NumKong's row, as NumKong does, its upper triangle). The analysis above never does.

{timed_table(rows)}"""


def tried_section(results):
    """A line for each variant, a column for each size; what was used is in bold."""
    cells = {}
    for row in results["rows"]:
        for tried in row.get("tried", []):
            text = milliseconds(tried["ms"]) if "ms" in tried else f"failed: {tried['failed']}"
            key = WAYS[row["name"]].title, tried["variant"]
            used = tried["variant"] == row["variant"]
            cells.setdefault(key, {})[size_in_words(row)] = f"**{text}**" if used else text
    sizes = ["n = 128", "n = 1024", "one head"]
    lines = [[*key, *(of_sizes.get(size, "") for size in sizes)] for key, of_sizes in cells.items()]
    return f"""## What was tried to give each its best

Each way was written in several variants; a few calls of each were timed (ms), and the fastest was used
(bold). Common to the tuned ones: float32 throughout, all large arrays allocated once, columns scaled so that
the product comes out in units of a bin, moments from sums of powers. "Fused" counts all pair groups of both
metrics by one bincount; "joint" counts pairs of bins, cosine's and Pearson's, whose margins are the two
histograms. `ssyrk` and `sgemm` are called through SciPy on the result's own memory; `matmul` is NumPy's,
which calls ssyrk and mirrors. PyTorch runs in inference mode; its compiled variants are `torch.compile`'s.

{table(["way", "variant", *sizes], lines)}"""


def agreement_section(results):
    cells = [[WAYS[row["name"]].title, size_in_words(row),
              row["agreement"] if row["agrees"] else f"**disagrees**: {row['agreement']}"]
             for row in results["rows"] if "ms" in row]
    return f"""## Do the results agree?

Before it is timed, each way's result is compared with qkvsim's. A value within a rounding error of a bin's
edge may be counted on its other side: how many were is told. (qkvsim's own histograms are exactly
numpy.histogram's of the matrix that qkvsim returns; [numerics.md](numerics.md).)

{table(["way", "size", "result"], cells)}"""


def machine_section(machine):
    qkvsim = machine["qkvsim"]
    installed = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = f"""{machine['cpu']}, {machine['threads']} threads, {machine['system']}. qkvsim
{qkvsim['version']} with {qkvsim['kernels']} kernels on {qkvsim['blas'].strip()}. Python
{machine['python']}; {installed}; NumPy's BLAS is {machine['numpy_blas']}."""
    return "## The machine and the versions\n\n" + textwrap.fill(" ".join(text.split()), 110)
