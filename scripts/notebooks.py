"""Runs the notebooks of docs/ from nothing, stops at the first cell that fails, and compares what cells show with
what is kept: words to the letter, numbers to within 2 % or 2 of the last digit shown, figures by being there.

    python scripts/notebooks.py [--write | --kinds] [NAME...]

--write keeps the outputs, and makes the .html beside each notebook. --kinds compares no more than which cells show
figures, tables or text: without the model a notebook tells of the example file, and of other numbers. It takes
nbclient, nbconvert, ipykernel and what the notebooks import; the package and its library are those that Python finds.
"""
import argparse
import math
import pathlib
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from traitlets.config import Config

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
SIZE_MAX = 1_000_000
SECONDS_MAX = 900
TOLERANCE = 0.02
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>qkvsim: {title}</title>
<style>
body {{ max-width: 48rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif; color: #222 }}
pre {{ background: #f5f5f5; padding: .6rem .8rem; overflow-x: auto; font-size: .85rem; line-height: 1.35 }}
code {{ font-size: .9em }}
table {{ border-collapse: collapse; margin: .8rem 0; font-size: .9rem }}
th, td {{ padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: left }}
img {{ max-width: 100% }}
.anchor-link, .jp-InputPrompt, .jp-OutputPrompt {{ display: none }}
</style></head><body>
{body}
</body></html>
"""


def emptied(notebook):
    """Without outputs, so that nothing old passes for new."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)


def run(path):
    notebook = nbformat.read(path, as_version=4)
    emptied(notebook)
    begin = time.monotonic()
    NotebookClient(notebook, timeout=SECONDS_MAX, record_timing=False,
                   extra_arguments=["--log-level=ERROR"],
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    print(f"{path.name}: {cells} cells in {time.monotonic() - begin:.0f} s")
    return notebook


def complaints(notebook):
    """What cells wrote to stderr."""
    return [output.text for cell in notebook.cells if cell.cell_type == "code"
            for output in cell.outputs if output.get("name") == "stderr"]


def shown(cell):
    """What a cell shows: kinds and texts, a figure by its kind alone."""
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {"text/plain": output.get("text", "")})
        kind = next(kind for kind in ("image/png", "text/markdown", "text/html", "text/plain") if kind in data)
        text = "" if kind == "image/png" else data["text/plain" if kind == "text/html" else kind]
        found.append((kind, "".join(text)))
    return found


def parts(text):
    """Words, and numbers with the step of their last digit."""
    numbers = []
    for match in NUMBER.findall(text):
        digits, _, exponent = match.replace(",", "").partition("e")
        decimals = len(digits.partition(".")[2]) - int(exponent or 0)
        numbers.append((float(match.replace(",", "")), 10.0 ** -decimals))
    return " ".join(NUMBER.sub("#", text).split()), numbers


def alike(kept, found):
    (words, numbers), (others, seen) = parts(kept), parts(found)
    return words == others and len(numbers) == len(seen) and all(
        math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=2.000001 * step)
        for (a, step), (b, _) in zip(numbers, seen))


def differences(kept, notebook, kinds):
    """A line for each cell that shows something else than what is kept."""
    lines = []
    for number, (old, new) in enumerate(zip(kept.cells, notebook.cells)):
        before, after = shown(old), shown(new)
        if [kind for kind, _ in before] != [kind for kind, _ in after] and not (kinds and before and after):
            lines.append(f"cell {number} shows {[kind for kind, _ in after]}, kept is "
                         f"{[kind for kind, _ in before]}")
        elif not kinds:
            lines += [f"cell {number}: kept\n{a}\nfound\n{b}" for (_, a), (_, b) in zip(before, after)
                      if not alike(a, b)]
    return lines


def page(notebook, title):
    """HTML that needs nothing else: the code of prose, which is marked so, is left out."""
    hidden = Config({"TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {"prose"}}})
    exporter = HTMLExporter(config=hidden, template_name="basic", exclude_input_prompt=True,
                            exclude_output_prompt=True)
    body, _ = exporter.from_notebook_node(notebook)
    return PAGE.format(title=title, body=body)


def write(path, text):
    if len(text) > SIZE_MAX:
        sys.exit(f"{path.name} has {len(text):,} bytes, and {SIZE_MAX:,} are the most")
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("names", nargs="*", default=["quickstart", "tutorial"])
    options = parser.parse_args()
    for name in options.names:
        path = DOCS / f"{name}.ipynb"
        kept = nbformat.read(path, as_version=4)
        notebook = run(path)
        html = page(notebook, name)
        if options.write:
            write(path, nbformat.writes(notebook) + "\n")
            write(path.with_suffix(".html"), html)
        else:
            other = differences(kept, notebook, options.kinds)
            if other:
                sys.exit(f"{path.name} shows something else:\n" + "\n".join(other))
        if complaints(notebook):
            sys.exit(f"{path.name} writes to stderr: {complaints(notebook)[0]}")


if __name__ == "__main__":
    main()
