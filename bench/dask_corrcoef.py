#!/usr/bin/env python3
"""Pearson's correlations of 1,000 features over many observations: np.corrcoef, dask.array.corrcoef and
qkvsim.dask (https://github.com/dask/dask/issues/8141). Each way runs in a process of its own, which is ended
where it takes too long or too much memory.

    python3 bench/dask_corrcoef.py --build build [--write]

Needs NumPy, dask and distributed; --write puts the table into docs/benchmarks.md."""
import argparse
import json
import os
import pathlib
import pickle
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

from side_by_side import library, report, sections

FEATURES = 1000
CHUNKS = {"rows": (10_000, -1), "both": (10_000, 250), "auto": "auto"}
WAYS = {
    "numpy": "np.corrcoef, float32",
    "numpy64": "np.corrcoef, float64, its default",
    "da-rows": "da.corrcoef, chunks of 10,000 rows",
    "da-both": "da.corrcoef, chunks of 10,000 x 250",
    "da-auto": 'da.corrcoef, chunks "auto"',
    "qkvsim-rows": "qkvsim.dask, chunks of 10,000 rows",
    "qkvsim-both": "qkvsim.dask, chunks of 10,000 x 250",
    "qkvsim-auto": 'qkvsim.dask, chunks "auto"',
    "qkvsim-workers": "qkvsim.dask, chunks of 10,000 rows, two processes",
    "qkvsim-alone": "qkvsim.similarity, without dask",
}
TOLERANCE = 1e-5


def make_file(path, rows):
    """Features with means of their own, as activations have."""
    random = np.random.default_rng(8141)
    means = random.normal(size=FEATURES).astype(np.float32)
    file = np.lib.format.open_memmap(path, "w+", np.float32, (rows, FEATURES))
    for begin in range(0, rows, 10_000):
        chunk = random.normal(size=(min(10_000, rows - begin), FEATURES)).astype(np.float32)
        file[begin:begin + len(chunk)] = chunk + 0.3 * chunk[:, :1] + means
    file.flush()


def block(path, block_info=None):
    """A block of the file, which the task itself opens."""
    (top, bottom), (left, right) = block_info[None]["array-location"]
    return np.load(path, mmap_mode="r")[top:bottom, left:right]


def dask_array(path, rows, chunks):
    import dask.array as da
    sizes = da.core.normalize_chunks(CHUNKS[chunks], (rows, FEATURES), dtype=np.float32)
    return da.map_blocks(block, str(path), chunks=sizes, dtype=np.float32,
                         meta=np.empty((0, 0), np.float32))


def graph_of(made):
    """What a scheduler would be sent: number of tasks and bytes."""
    import dask
    graph = dict(dask.optimize(made)[0].__dask_graph__())
    return {"tasks": len(graph), "graph_bytes": len(pickle.dumps(graph))}


def cpu_seconds():
    """Of this process, and of those that it started and that have ended."""
    return sum(os.times()[:4])


class Clock:
    """Seconds from its making on: on the wall, and of processors."""

    def __init__(self):
        self.begin, self.cpu = time.perf_counter(), cpu_seconds()

    def read(self):
        return {"seconds": time.perf_counter() - self.begin, "cpu": cpu_seconds() - self.cpu}


def with_dask(make, workers):
    clock = Clock()
    made = make()
    found = {"build": clock.read()["seconds"]}
    clock = Clock()
    if not workers:
        import dask
        with dask.config.set(scheduler="threads", num_workers=os.cpu_count()):
            matrix = made.compute()
        found.update(clock.read())
    else:
        from distributed import Client, LocalCluster
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
                Client(cluster) as client:
            client.run(__import__, "qkvsim.dask")  # as it is imported here
            clock = Clock()
            matrix = made.compute()
            found.update(clock.read())
        del found["cpu"]
    found["seconds"] += found["build"]
    return matrix, {**found, **graph_of(made)}


def run(way, path, rows, build):
    """One way, in this process: the matrix, and what it took."""
    kind, _, chunks = way.partition("-")
    if kind == "da":
        import dask.array as da
        return with_dask(lambda: da.corrcoef(dask_array(path, rows, chunks), rowvar=False), False)
    data = np.load(path, mmap_mode="r")
    if kind == "numpy" or kind == "numpy64":
        clock = Clock()
        matrix = np.corrcoef(data, rowvar=False,
                             dtype=np.float32 if kind == "numpy" else np.float64)
        return matrix, clock.read()
    qkvsim = library.package(build)
    if chunks == "alone":
        clock = Clock()
        matrix = qkvsim.similarity(data, metric="pearson")
        return matrix, clock.read()
    import qkvsim.dask
    workers = chunks == "workers"
    return with_dask(lambda: qkvsim.dask.similarity(
        dask_array(path, rows, "rows" if workers else chunks), metric="pearson"), workers)


def child(arguments):
    way, path, rows, answer = arguments.one
    matrix, found = run(way, path, int(rows), arguments.build)
    found["gigabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    np.save(answer, np.asarray(matrix, np.float64))
    print(json.dumps(found))


def limited(gigabytes):
    """Anonymous memory alone: what is mapped of the file can be dropped at any time."""
    limit = int(gigabytes * 1e9)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def measure(way, path, rows, arguments, answer):
    command = [sys.executable, __file__, "--build", arguments.build, "--memory",
               str(arguments.memory), "--one", way, str(path), str(rows), str(answer)]
    environment = {**os.environ, "PYTHONPATH": str(library.PACKAGE)}
    if way.startswith("da-"):  # tasks run side by side: what dask advises for NumPy in them
        environment.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=arguments.limit,
                              check=False, env=environment,
                              preexec_fn=lambda: limited(arguments.memory))
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {arguments.limit:.0f} s"}
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or ["killed"])[-1]
    if "MemoryError" in last or "allocate" in last or done.returncode < 0:
        return {"failed": f"more than {arguments.memory:g} GB of memory"}
    raise SystemExit(f"{way}: {last}")


def compare(answer, reference):
    """The largest difference from the first way's matrix."""
    return float(np.abs(np.load(answer) - np.load(reference)).max())


def sizes(arguments):
    results = []
    with tempfile.TemporaryDirectory(dir=arguments.build) as folder:
        for rows in arguments.rows:
            path = pathlib.Path(folder, "x.npy")
            make_file(path, rows)
            reference = pathlib.Path(folder, "reference.npy")
            reference.unlink(missing_ok=True)
            for way in arguments.ways:
                answer = pathlib.Path(folder, "answer.npy")
                runs = [measure(way, path, rows, arguments, answer) for _ in range(arguments.repeat)]
                found = min(runs, key=lambda one: one.get("seconds", np.inf))
                if "failed" not in found:
                    if not reference.exists():
                        answer.rename(reference)
                    else:
                        found["difference"] = compare(answer, reference)
                        if not found["difference"] < TOLERANCE:
                            raise SystemExit(f"{way} differs by {found['difference']}")
                results.append({"way": way, "rows": rows, **found})
                print(line(results[-1]), flush=True)
    return results


def line(row):
    head = f"{row['rows']:>9,} x {FEATURES:,}  {WAYS[row['way']]:<52}"
    if "failed" in row:
        return f"{head} {row['failed']}"
    graph = f"{row['tasks']:>5} tasks, {row['graph_bytes'] / 1e3:.0f} kB" if "tasks" in row else ""
    return (f"{head} {row['seconds']:>8.2f} s {row.get('cpu', np.nan):>8.2f} s of CPUs "
            f"{row['gigabytes']:>5.1f} GB  {graph}")


def cell(row):
    if row is None:
        return ""
    if "failed" in row:
        return row["failed"]
    return f"{row['seconds']:.2f}" + (f" ({row['cpu']:.2f})" if "cpu" in row else "")


def section(results, machine):
    rows = sorted({row["rows"] for row in results})
    by = {(row["way"], row["rows"]): row for row in results}
    table = []
    for way in dict.fromkeys(row["way"] for row in results):
        most = max((row for row in results if row["way"] == way and "failed" not in row),
                   key=lambda row: row["rows"], default={})
        table.append([WAYS[way], *(cell(by.get((way, n))) for n in rows),
                      f"{most['gigabytes']:.1f}" if "gigabytes" in most else "",
                      f"{most['tasks']:,}" if "tasks" in most else "",
                      f"{most['graph_bytes'] / 1e3:,.0f} kB" if "tasks" in most else ""])
    header = ["way", *(f"{n:,} rows, s" for n in rows), "GB", "tasks", "graph"]
    return f"""Pearson's correlations of {FEATURES:,} features, float32, from a file: what
[dask#8141](https://github.com/dask/dask/issues/8141) is about. `bench/dask_corrcoef.py` writes this section.

{report.table(header, table)}

Seconds on the wall, and in brackets those of processors, from the file to the matrix, graph and all, each way in a
process of its own, with two threads or two processes
({machine}).
On a machine with other work it is the processors' seconds that tell. Memory, tasks and graph are
of the largest size. Memory is the process' own at its peak, with what it has mapped of the file, and of two processes the
client's. NumPy has one thread in each of dask's tasks, which run side by side. Matrices agree within {TOLERANCE:g}.

Where the issue's dask took over an hour, today's takes a minute or two: every block waits in memory until the means
of all are known, and there is a task for each product of two blocks. qkvsim.dask has one for each chunk of
rows and one for eight of these, and holds no more than a chunk and a state for each thread, and what waits to be merged.

    python3 bench/dask_corrcoef.py --build build --write"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder that the library is built in")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--limit", type=float, default=600, help="seconds that a way has")
    parser.add_argument("--memory", type=float, default=12, help="GB that a way has")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--json", help="also write all numbers to this file")
    parser.add_argument("--note", default="", help="what to add to the machine's description")
    parser.add_argument("--from-json", help="measure nothing: write from such a file")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.one:
        child(arguments)
        return
    import dask
    results = json.loads(pathlib.Path(arguments.from_json).read_text(encoding="utf-8")) \
        if arguments.from_json else sizes(arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    if arguments.write:
        sections.write("np.corrcoef and dask", section(
            results, f"{report.cpu_name()}, numpy {np.__version__}, "
                     f"dask {dask.__version__}{arguments.note}"))


if __name__ == "__main__":
    main()
