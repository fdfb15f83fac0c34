"""Public names follow one grammar (docs/architecture.md, Decisions): qkvsim_, the handle that a call makes,
reads or changes, and what it does or tells. Results of an input are made by _run. A call without a handle
is named by what it does or writes."""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1])
CONTEXT = "context"
DECLARATION = re.compile(r"QKVSIM_API\s+[^;(]*?\b(qkvsim_\w+)\(([^;]*)\)\s*;")
HANDLE = re.compile(r"typedef struct (qkvsim_\w+) \1;")


def headers():
    for path in sorted((ROOT / "include" / "qkvsim").glob("*.h")):
        yield re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)


def handle_in(parameter, handles):
    """The handle that a parameter hands in or out, and whether it is out."""
    found = re.match(r"(const )?qkvsim_(\w+?) (\*.*)$", parameter.strip())
    if found is None or found.group(2) not in handles:
        return None, False
    return found.group(2), found.group(1) is None and found.group(3).startswith("**")


def expected(parameters, handles):
    """What a name has to begin with."""
    made = [h for h, out in (handle_in(p, handles) for p in parameters) if out and h != CONTEXT]
    given = [h for h, out in (handle_in(p, handles) for p in parameters) if h and not out and h != CONTEXT]
    inputs = any(re.match(r"const qkvsim_input \*", p.strip()) for p in parameters)
    first = next((p for p in parameters if handle_in(p, handles)[0] != CONTEXT), "")
    if inputs and made:
        return f"qkvsim_{made[0]}_run$"
    if handle_in(first, handles)[0] in given:
        return f"qkvsim_{given[0]}_"
    if made:
        return f"qkvsim_{made[0]}_"
    if all(handle_in(p, handles)[0] == CONTEXT for p in parameters):
        return "qkvsim_context_"
    return "qkvsim_"


def main():
    text = "\n".join(headers())
    handles = {name[len("qkvsim_"):] for name in HANDLE.findall(text)}
    assert {CONTEXT, "layout", "analysis", "accumulator"} <= handles, handles
    declared = {name: [" ".join(p.split()) for p in parameters.split(",")]
                for name, parameters in DECLARATION.findall(text)}
    listed = set((ROOT / "tests" / "symbols.txt").read_text().split())
    wrong = [f"{name} is declared or listed, and not both" for name in sorted(listed ^ set(declared))]
    for name, parameters in sorted(declared.items()):
        if parameters != ["void"] and not re.match(expected(parameters, handles), name):
            wrong.append(f"{name} does not begin with {expected(parameters, handles)}")
    print("\n".join(wrong) or f"{len(declared)} names")
    return 1 if wrong else 0


sys.exit(main())
