#!/usr/bin/env python3
"""The Python package beside the C calls under it, and both beside the notebook's way: what a call costs that has
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

from side_by_side import library, own_process, report, sections, three_ways, timing
from side_by_side.work import Work

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

    @property
    def is_of_three(self):
        return self.name in three_ways.SIZES


ROWS = [
    Row("call/2", "6 features, 2 observations; the fixed cost", 1e6 * three_ways.MOST_BEYOND_C),
    Row("call-layout/2", "the same with a layout that is there", 1e6 * three_ways.MOST_BEYOND_C),
    Row("call-parts/2", "the same from a mapping of three parts"),
    Row("head/32", "one head of 192 features"),
    Row("analyze/128", "2,304 features"),
    Row("analyze/1024", "2,304 features", three_ways.MOST_OF_C),
    Row("similarity/1024", "2,304 features, the matrix of one metric"),
    Row("accumulate/256", "2,304 features, one chunk of a stream, which Ctrl-C can undo"),
    Row("notebook/head", "one head of 192 features, 32 observations, one thread"),
    Row("notebook/128", "2,304 features"),
    Row("notebook/1024", "2,304 features"),
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


def beside_the_notebook(row, arguments):
    threads = three_ways.threads_of(row.name, arguments.threads)
    switches = [f"--{name}" for name in ("quick", "cpu") if getattr(arguments, name)]
    found = own_process.run([sys.executable, __file__, "--row", row.name, "--build", arguments.build,
                             "--threads", str(threads), *switches], threads)
    if "failed" in found:
        raise SystemExit(f"{row.name}: {found['failed']}")
    return found


def in_unit(seconds, unit=None):
    unit = unit or ("µs" if seconds < 1e-3 else "ms")
    return f"{seconds * {'µs': 1e6, 'ms': 1e3}[unit]:.2f} {unit}"


def promise(row, found):
    """What is promised of a row, and whether it was met."""
    if row.is_of_three:
        limit = in_unit(found["at_most"])
    elif row.at_most is None:
        return ""
    else:
        limit = f"{row.at_most:g}" + (" µs" if row.name.startswith("call") else "")
    return f"at most {limit}: {'met' if found['met'] else 'missed'}"


def line(row, found):
    if row.is_of_three:
        times = [f"{name} {in_unit(found[name])}" for name in ("notebook", "c", "package")]
        return (f"{row.name:<16} {', '.join(times)}: C {found['c_times_faster']:.1f} x, package "
                f"{found['package_times_faster']:.1f} x  {row.what}  {promise(row, found)}  "
                f"({found['agreement']})")
    unit = "µs" if found["ours"] < 1e-3 else "ms"
    return (f"{row.name:<16} {in_unit(found['ours'], unit):>12} {in_unit(found['theirs'], unit):>12} "
            f"{found['ratio']:>7.3f} ({found['low']:.3f} .. {found['high']:.3f})  {row.what}  "
            f"{promise(row, found)}")


def tables(results):
    """Of the rows beside C, and of those beside C and the notebook."""
    of_two, of_three = [], []
    for row in ROWS:
        if (found := results.get(row.name)) is None:
            continue
        if row.is_of_three:
            of_three.append([row.name, row.what, *(in_unit(found[name]) for name in ("notebook", "c", "package")),
                             *(f"**{found[f'{side}_times_faster']:.1f}**" for side in ("c", "package")),
                             promise(row, found)])
        else:
            unit = "µs" if found["ours"] < 1e-3 else "ms"
            of_two.append([row.name, row.what, in_unit(found["ours"], unit), in_unit(found["theirs"], unit),
                           f"**{found['ratio']:.3f}**", promise(row, found)])
    return (report.table(["row", "what", "package", "C", "ratio", "promise"], of_two),
            report.table(["row", "what", "notebook", "C", "package", "C, times faster",
                          "package, times faster", "package takes"], of_three))


def section(results, arguments):
    """The text for docs/benchmarks.md."""
    how = "processors' time of one thread" if arguments.cpu else f"{arguments.threads} threads"
    beside_c_table, notebook_table = tables(results)
    return f"""What a call of the Python package costs beside the plain ctypes call of the same C function (ratio: the package's
time over C's, so 1 is none). `bench/python.py` writes this section.

{beside_c_table}

The notebook's way at its fastest setting, the C call and the package's, of one input, in one process and in turns:

{notebook_table}

How many times as long the notebook takes depends on processors and on NumPy's version; that the package shows what C
shows does not. It is to take at most {three_ways.MOST_OF_C:g} times as long as C and {1e6 * three_ways.MOST_BEYOND_C:g} microseconds more.

The fastest of samples that alternate, of the notebook's rows medians; {how} on {report.cpu_name()}, numpy {np.__version__}.

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
    parser.add_argument("--row", help=argparse.SUPPRESS)
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
    if arguments.row:
        print(json.dumps(three_ways.measure(arguments.row, qkvsim, arguments.threads, arguments.quick)))
        return 0
    qkvsim.set_threads(arguments.threads)
    print(f"{'row':<16} {'package':>12} {'C':>12}   ratio (spread)")
    results = {}
    for row in ROWS:
        if wanted is not None and row.name not in wanted:
            continue
        gc.collect()
        results[row.name] = (beside_the_notebook(row, arguments) if row.is_of_three else
                             beside_c(row, qkvsim, arguments.threads, arguments.quick))
        print(line(row, results[row.name]), flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    if arguments.write:
        sections.write("The Python package beside the C calls", section(results, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
