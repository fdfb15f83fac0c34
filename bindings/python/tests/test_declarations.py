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
