"""What a run of `meson test` wrote down, from its testlog.json.

test_results.py checks LOG        the summary line of each suite of Check
test_results.py failures LOG...   which suites failed in which log, each with the last lines that it printed;
                                  exit status 1 if one did
"""
import json
import pathlib
import re
import sys

LINES_KEPT = 30
GOOD = ("OK", "SKIP", "EXPECTEDFAIL")


def tests_of(log):
    """Every test of a log that stands there, one JSON document a line."""
    path = pathlib.Path(log)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def output_of(test):
    return (test["stdout"] or "") + (test.get("stderr") or "")


def print_checks(log):
    for test in tests_of(log):
        for line in re.findall(r"^\d+%: Checks: .*$", output_of(test), re.MULTILINE):
            print(f"{test['name']:<32} {line}")


def print_failures(log):
    """True where none failed."""
    failed = [test for test in tests_of(log) if test["result"] not in GOOD]
    run = pathlib.Path(log).stem
    for test in failed:
        print(f"\n-- {test['name']} in {run}: {test['result']}, exit status {test['returncode']}, "
              f"after {test['duration']:.0f} s")
        print("\n".join(output_of(test).splitlines()[-LINES_KEPT:]))
    if failed:
        print(f"\n{run}: failed: {' '.join(test['name'] for test in failed)}")
    return not failed


def main(what, *logs):
    if what == "checks":
        for log in logs:
            print_checks(log)
        return 0
    return 0 if all([print_failures(log) for log in logs]) else 1


sys.exit(main(*sys.argv[1:]))
