"""Sections of docs/benchmarks.md that other commands than peers.py write, each its own."""
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "benchmarks.md"
HEADINGS = ["The Python package beside the C calls", "np.corrcoef and dask"]
LAST = "## The machine and the versions"  # they stand before it


def found(page, heading):
    """A section with its heading, or None."""
    match = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return None if match is None else match.group(0).rstrip() + "\n"


def kept():
    """The sections as the page has them."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return [section.rstrip() for section in (found(page, heading) for heading in HEADINGS) if section]


def write(heading, text):
    """Puts a section in the place of the one before."""
    assert heading in HEADINGS
    page = PAGE.read_text(encoding="utf-8")
    old, new = found(page, heading), f"## {heading}\n\n{text.rstrip()}\n"
    if old is not None:
        page = page.replace(old, new)
    else:
        page = page.replace(LAST, f"{new}\n{LAST}")
    PAGE.write_text(page, encoding="utf-8")
