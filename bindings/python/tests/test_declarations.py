"""The ctypes declarations are those of the public headers."""
import ctypes
import os
import re
import subprocess
import sys

import pytest

from qkvsim import _declarations

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path.insert(0, os.path.join(HERE, ".."))
make_declarations = pytest.importorskip("make_declarations")
headers = make_declarations.Headers()


def test_the_module_is_what_the_headers_make():
    with open(_declarations.__file__) as stream:
        assert stream.read() == make_declarations.declarations(headers)


def test_every_exported_function_is_declared_with_its_types():
    with open(os.path.join(ROOT, "tests", "symbols.txt")) as stream:
        exported = set(re.findall(r"qkvsim_\w+", stream.read()))
    assert exported == set(_declarations.FUNCTIONS)


# A question that a Python object answers by itself, since it keeps what it was asked with.
_KEPT = "the result's options, question or layout"
NOT_CALLED = {
    "qkvsim_accumulator_features": "Accumulator.layout",
    "qkvsim_accumulator_unpack_in_place": "no accumulator of the package lies in a mapped file",
    "qkvsim_comparison_matched": "a row's; matched_statistics has all",
    "qkvsim_layout_pairs": "a row's; pair_counts has all",
    "qkvsim_analysis_metrics": _KEPT, "qkvsim_pairs_metric": _KEPT,
    "qkvsim_pairs_arithmetic": "no option of pairs depends on it; Analysis.precision",
    "qkvsim_baseline_exceedances": _KEPT, "qkvsim_baseline_exchange": _KEPT,
    "qkvsim_baseline_scheme": _KEPT, "qkvsim_baseline_seed": _KEPT,
    "qkvsim_comparison_centred": _KEPT, "qkvsim_comparison_exceedances": _KEPT,
    "qkvsim_comparison_exchange": _KEPT, "qkvsim_comparison_relabel": _KEPT,
    "qkvsim_comparison_seed": _KEPT,
    "qkvsim_intervals_level": _KEPT, "qkvsim_intervals_method": _KEPT,
    "qkvsim_intervals_seed": _KEPT,
    "qkvsim_baseline_first": "merge", "qkvsim_baseline_total": "merge",
    "qkvsim_comparison_first_permutation": "merge", "qkvsim_comparison_first_subset": "merge",
    "qkvsim_comparison_total": "merge", "qkvsim_intervals_first": "merge",
    "qkvsim_intervals_total": "merge",
    "qkvsim_context_threads": "set_threads, and threads= of each call",
    "qkvsim_layout_rows": "len(Layout.rows)",
    "qkvsim_layout_thirds": "widths that are equal",
    "qkvsim_packed_kind": "pickles know their kind",
    "qkvsim_status_name": "classes of exceptions",
    "qkvsim_struct_init": "structs of ctypes begin as zeros",
    "qkvsim_version_number": "version()",
}


def test_every_function_is_called_or_said_to_be_needed_by_nobody():
    folder = os.path.dirname(_declarations.__file__)
    sources = (name for name in os.listdir(folder)
               if name.endswith(".py") and name != os.path.basename(_declarations.__file__))
    called = set()
    for name in sources:
        with open(os.path.join(folder, name)) as stream:
            called.update(re.findall(r"\blibrary\.(qkvsim_\w+)", stream.read()))
    called.update(name for name in _declarations.FUNCTIONS  # by the name of a kind
                  if re.search(r"_(free|pack|packed_size|unpack|merge)$", name))
    called.update([name for name in _declarations.FUNCTIONS if name + "s" in called])  # a row's
    assert sorted(set(_declarations.FUNCTIONS) - called) == sorted(NOT_CALLED)


def test_constants_sizes_and_offsets_are_the_compilers(tmp_path):
    """A C program prints them."""
    structs = headers.structs.items()
    lines = [f'printf("%ld\\n", (long){name});' for name, _ in headers.constants]
    expected = [value for _, value in headers.constants]
    for name, fields in structs:
        made = getattr(_declarations, make_declarations.struct_name(name))
        lines.append(f'printf("%zu\\n", sizeof({name}));')
        expected.append(ctypes.sizeof(made))
        for field, _ in fields:
            lines.append(f'printf("%zu %zu\\n", offsetof({name}, {field}), '
                         f'sizeof((({name} *)0)->{field}));')
            found = getattr(made, field)
            expected.append((found.offset, found.size))
    source = tmp_path / "sizes.c"
    source.write_text("#include <qkvsim/qkvsim.h>\n#include <stdio.h>\nint main(void)\n{\n"
                      + "\n".join(lines) + "\n}\n")
    program = tmp_path / "sizes"
    try:
        subprocess.run(["cc", "-I", os.path.join(ROOT, "include"), str(source), "-o",
                        str(program)], check=True)
    except FileNotFoundError:
        pytest.skip("no C compiler")
    printed = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    got = [tuple(map(int, line.split())) for line in printed.splitlines()]
    assert got == [item if isinstance(item, tuple) else (item,) for item in expected]
