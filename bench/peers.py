#!/usr/bin/env python3
"""qkvsim beside the ways people do this now: the notebook's, tuned NumPy and PyTorch, single steps of
other libraries. Makes an environment with their newest versions, measures, checks that results agree,
and writes docs/benchmarks.md with its figure.

    python3 bench/peers.py --build build                 all of it; the machine should be idle
    python3 bench/peers.py --build build --rows notebook/128,tuned-torch/1024

bench/README.md says how to read it."""
import argparse
import json
import os
import pathlib
import subprocess
import sys

from side_by_side import environment, own_process

PROJECT = pathlib.Path(__file__).resolve().parent.parent


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder that the library is built in")
    parser.add_argument("--rows", help="only these rows, NAME,...; nothing is written to docs")
    parser.add_argument("--json", help="also write all numbers to this file")
    parser.add_argument("--from-json", help="measure nothing: write docs from such a file")
    parser.add_argument("--docs", help="folder for benchmarks.md and benchmarks.svg; default: the "
                                       "project's docs/, after a whole run")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true",
                        help="a few calls a row: shows that all runs, not how fast")
    parser.add_argument("--no-install", action="store_true",
                        help="use the environment as an earlier run left it")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_in_environment(arguments):
    """This program again, in the environment's Python. Returns its exit status."""
    environment.find_library(arguments.build)
    folder = pathlib.Path(arguments.build, "peers-environment")
    python = environment.prepare(folder, not arguments.no_install)
    return subprocess.run([python, __file__, "--inside", *sys.argv[1:]], check=False).returncode


def measure_row(row, arguments):
    command = [sys.executable, __file__, "--inside", "--row", row.name, "--build", arguments.build,
               "--threads", str(arguments.threads), *(["--quick"] if arguments.quick else [])]
    return {"name": row.name, "n": row.n, "d": row.d,
            **own_process.run(command, row.threads(arguments.threads))}


def chosen_rows(names):
    from side_by_side.rows import ROWS
    if names is None:
        return ROWS
    known = {row.name: row for row in ROWS}
    for name in names.split(","):
        if name not in known:
            raise SystemExit(f"there is no row {name}; rows are: {', '.join(known)}")
    return [known[name] for name in names.split(",")]


def measure(arguments):
    from side_by_side import report
    results = {"machine": report.describe_machine(arguments.build, arguments.threads),
               "quick": arguments.quick, "rows": []}
    for row in chosen_rows(arguments.rows):
        results["rows"].append(measure_row(row, arguments))
        print(report.line(results["rows"][-1]), flush=True)
    for line in report.verdicts(results):
        print(line)
    return results


def run_inside(arguments):
    from side_by_side import figure, report, rows
    if arguments.row:
        row = chosen_rows(arguments.row)[0]
        print(json.dumps(rows.run(row, arguments.build, arguments.threads, arguments.quick)))
        return 0
    if arguments.from_json:
        results = json.loads(pathlib.Path(arguments.from_json).read_text(encoding="utf-8"))
    else:
        results = measure(arguments)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=1), encoding="utf-8")
    whole = arguments.rows is None and not results["quick"]
    if arguments.docs or whole:
        docs = pathlib.Path(arguments.docs or PROJECT / "docs")
        docs.mkdir(parents=True, exist_ok=True)
        figure.draw(results, docs / "benchmarks.svg")
        (docs / "benchmarks.md").write_text(report.document(results), encoding="utf-8")
    return 0 if all("missing" in row or row.get("agrees") for row in results["rows"]) else 1


if __name__ == "__main__":
    options = parse_arguments()
    sys.exit(run_inside(options) if options.inside else run_in_environment(options))
