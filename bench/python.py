#!/usr/bin/env python3
"""The Python package beside the C calls under it, and beside the notebook's way: what a call costs that has
next to nothing to do, and what is left of the library's speed.

    python3 bench/python.py --build build
    python3 bench/python.py --build build --rows call/2,analyze/1024

Needs NumPy and nothing else; --write puts the table into docs/benchmarks.md. bench/README.md says how to read it."""
import argparse
import gc
import json
import os
import pathlib
import sys
import time
from dataclasses import dataclass

import numpy as np

from side_by_side import library, notebook, report, sections, timing
from side_by_side.work import Work, compare_answers

ROUNDS = 30       # at least, of a sample of either side in turn
ROW = 4           # seconds, at least
SAMPLE = 0.002    # seconds, at least: short enough to run undisturbed
FEATURES = 2304


@dataclass(frozen=True)
class Row:
    """`at_most` is of the number that the row is about: microseconds, or a ratio."""
    name: str
    what: str
    at_most: float | None = None
    at_least: float | None = None


ROWS = [
    Row("call/2", "6 features, 2 observations; the fixed cost", at_most=30),
    Row("call-layout/2", "the same with a layout that is there", at_most=30),
    Row("call-parts/2", "the same from a mapping of three parts"),
    Row("head/32", "one head of 192 features"),
    Row("analyze/128", "2,304 features"),
    Row("analyze/1024", "2,304 features", at_most=1.02),
    Row("similarity/1024", "2,304 features, the matrix of one metric"),
    Row("accumulate/256", "2,304 features, one chunk of a stream, which Ctrl-C can undo"),
    Row("notebook/head", "the notebook's way: one head of 192 features, 32 observations", at_least=19),
    Row("notebook/128", "the notebook's way: 2,304 features", at_least=45),
    Row("notebook/1024", "the notebook's way: 2,304 features", at_least=10),
]


def in_turn(ours, theirs, quick):
    """Seconds of one call of each, by samples that alternate: the least, which what else runs can only raise.
    And their ratio in each third of the rounds."""
    calls, seconds = [], ([], [])
    for side in (ours, theirs):
        side()
        once = min(timing.one_call(side) for _ in range(5))
        calls.append(max(1, round(SAMPLE / once)))
    k, end = 0, timing.clock() + (0 if quick else ROW)
    while k < (3 if quick else ROUNDS) or timing.clock() < end:
        order = ((0, ours), (1, theirs)) if k % 2 == 0 else ((1, theirs), (0, ours))
        for i, side in order:
            start = timing.clock()
            for _ in range(calls[i]):
                side()
            seconds[i].append((timing.clock() - start) / calls[i])
        k += 1
    third = len(seconds[0]) // 3
    thirds = [min(seconds[0][k:k + third]) / min(seconds[1][k:k + third])
              for k in range(0, 3 * third, third)]
    return min(seconds[0]), min(seconds[1]), thirds


class Calls:
    """The package's call and the C call of a row, on one input."""

    def __init__(self, qkvsim, n, d, threads):
        self.qkvsim, self.work = qkvsim, Work(n, d, threads)
        self.session = library.Session(qkvsim._library.library, self.work)

    def analyze(self, **options):
        x, qkvsim = self.work.x, self.qkvsim
        return lambda: qkvsim.analyze(x, **options)

    def of_layout(self):
        return self.analyze(groups=self.qkvsim.analyze(self.work.x).layout)

    def of_parts(self):
        parts = {name: np.ascontiguousarray(self.work.x[:, self.work.columns(i)])
                 for i, name in enumerate("QKV")}
        return lambda: self.qkvsim.analyze(parts)

    def similarity(self):
        theirs, matrix = self.session.similarity("pearson", library.FULL), self.session.matrix
        return (lambda: self.qkvsim.similarity(self.work.x, metric="pearson", out=matrix)), theirs

    def accumulate(self):
        c = library.declarations()
        handle = library.c_void_p()
        stream = self.qkvsim.Accumulator()
        self.session.must(self.session.library.qkvsim_accumulator_create(
            self.session.context, self.work.d, None, library.byref(handle)))
        assert c.DTYPE_F32 == library.F32
        return (lambda: stream.update(self.work.x)), lambda: self.session.must(
            self.session.library.qkvsim_accumulator_update(
                self.session.context, handle, library.byref(self.session.input)))


def sides(row, qkvsim, threads):
    """The package's call, and the C call."""
    kind, size = row.name.split("/")
    if kind.startswith("call"):
        made = Calls(qkvsim, 2, 6, threads)
        ours = {"call": made.analyze, "call-layout": made.of_layout, "call-parts": made.of_parts}[kind]()
        return ours, made.session.time_me
    if kind == "head":
        made = Calls(qkvsim, 32, 192, threads)
        return made.analyze(), made.session.time_me
    made = Calls(qkvsim, int(size), FEATURES, threads)
    if kind == "similarity":
        return made.similarity()
    return made.accumulate() if kind == "accumulate" else (made.analyze(), made.session.time_me)


def beside_c(row, qkvsim, threads, quick):
    ours, theirs = sides(row, qkvsim, threads)
    a, b, thirds = in_turn(ours, theirs, quick)
    about = 1e6 * a if row.name.startswith("call") else a / b
    return {"ours": a, "theirs": b, "ratio": a / b, "low": min(thirds), "high": max(thirds),
            "met": row.at_most is None or about <= row.at_most}


def beside_the_notebook(row, qkvsim, threads, quick):
    size = row.name.split("/")[1]
    work = Work(32, 192, 1) if size == "head" else Work(int(size), FEATURES, threads)
    plan = timing.Plan.of(quick)
    way = min((variant for _, variant in notebook.variants(work)),
              key=lambda variant: timing.quick_median(variant.call, 3))
    agreement = compare_answers(work, library.Session(qkvsim._library.library, work).answer(),
                                way.answer())
    found = timing.side_by_side(lambda: qkvsim.analyze(work.x, threads=work.threads), way.call, plan)
    times = found["times_faster"]
    return {"ours": found["qkvsim_ms"] / 1e3, "theirs": found["ms"] / 1e3, "ratio": times,
            "low": found["low"], "high": found["high"],
            "met": agreement.close and times >= row.at_least}


def line(row, found):
    unit, scale = ("us", 1e6) if found["ours"] < 1e-3 else ("ms", 1e3)
    promise = "" if row.at_most is None and row.at_least is None else (
        f"  {'at most' if row.at_most else 'at least'} {row.at_most or row.at_least:g}: "
        + ("met" if found["met"] else "missed"))
    return (f"{row.name:<16} {scale * found['ours']:>9.2f} {scale * found['theirs']:>9.2f} {unit} "
            f"{found['ratio']:>8.3f} ({found['low']:.3f} .. {found['high']:.3f})  {row.what}{promise}")


def section(results, arguments):
    """The table for docs/benchmarks.md."""
    known = {row.name: row for row in ROWS}
    cells = []
    for name, found in results.items():
        row = known[name]
        unit, scale = ("µs", 1e6) if found["ours"] < 1e-3 else ("ms", 1e3)
        limit = row.at_most or (None if arguments.cpu else row.at_least)  # which is of all threads
        promise = "" if limit is None else (
            f"{'at most' if row.at_most else 'at least'} {limit:g}"
            f"{' µs' if name.startswith('call') else ''}: {'met' if found['met'] else 'missed'}")
        cells.append([name, row.what, f"{scale * found['ours']:.2f} {unit}",
                      f"{scale * found['theirs']:.2f} {unit}",
                      f"**{found['ratio']:.{1 if name.startswith('notebook') else 3}f}**", promise])
    how = "processors' time of one thread" if arguments.cpu else f"{arguments.threads} threads"
    table = report.table(["row", "what", "package", "other", "ratio", "promise"], cells)
    return f"""What a call of the Python package costs beside the plain ctypes call of the same C function (ratio: the package's
time over C's, so 1 is none), and how many times as long the notebook's way takes, at its fastest setting.
`bench/python.py` writes this section.

{table}

The fastest of samples that alternate, of the notebook medians; {how} on {report.cpu_name()}, numpy {np.__version__}.

    python3 bench/python.py --build build --write"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder that the library is built in")
    parser.add_argument("--rows", help="only these: " + ", ".join(row.name for row in ROWS))
    parser.add_argument("--json", help="also write all numbers to this file")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true",
                        help="a few calls a row: shows that all runs, not how fast")
    parser.add_argument("--cpu", action="store_true",
                        help="processors' time, with one thread on either side: on a machine with other work")
    return parser.parse_args()


def take_processors_time(arguments):
    """NumPy reads its number of threads when it starts."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    arguments.threads, timing.clock = 1, time.process_time


def main():
    arguments = parse_arguments()
    if arguments.cpu:
        take_processors_time(arguments)
    wanted = None if arguments.rows is None else arguments.rows.split(",")
    unknown = set(wanted or ()) - {row.name for row in ROWS}
    if unknown:
        raise SystemExit(f"there is no row {', '.join(sorted(unknown))}; see --help")
    qkvsim = library.package(arguments.build)
    qkvsim.set_threads(arguments.threads)
    print(f"{'row':<16} {'package':>9} {'other':>9}       ratio (spread)")
    results = {}
    for row in ROWS:
        if wanted is not None and row.name not in wanted:
            continue
        measure = beside_the_notebook if row.name.startswith("notebook") else beside_c
        gc.collect()
        results[row.name] = measure(row, qkvsim, arguments.threads, arguments.quick)
        print(line(row, results[row.name]), flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    if arguments.write:
        sections.write("The Python package beside the C calls", section(results, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
