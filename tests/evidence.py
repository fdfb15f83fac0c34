#!/usr/bin/python3
"""Puts what simulations measure into docs/statistics.md: python3 tests/evidence.py build

Runs build/tests/test_evidence, test_sizes and test_tail at ten times the length that the test suites have,
which takes some ten minutes of one core, and replaces each table between <!-- table NAME --> and <!-- end -->.
"""
import pathlib
import re
import subprocess
import sys


def measure(build, program):
    """The tables that a program prints, by name; it fails where a bound does not hold."""
    output = subprocess.run([build / "tests" / program, "10"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    return dict(re.findall(r"^table (.*)\n((?:\|.*\n)+)", output, re.MULTILINE))


def main():
    build = pathlib.Path(sys.argv[1])
    page = pathlib.Path(__file__).parent.parent / "docs" / "statistics.md"
    text = page.read_text(encoding="utf-8")
    for program in ("test_evidence", "test_sizes", "test_tail"):
        for name, table in measure(build, program).items():
            between = rf"(<!-- table {re.escape(name)} -->\n).*?(<!-- end -->)"
            text, count = re.subn(between, lambda found, table=table: found[1] + table + found[2],
                                  text, flags=re.DOTALL)
            if count != 1:
                sys.exit(f"{page} has {count} places for the table {name}")
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
