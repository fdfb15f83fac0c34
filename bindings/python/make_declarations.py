"""Writes qkvsim/_declarations.py from the public headers.

Usage: make_declarations.py [INCLUDE_FOLDER [OUTPUT]]

The headers are regular enough to be read by patterns. What is not understood is an error, so that
nothing is left out without a word.
"""
import os
import re
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
HEADERS = os.path.join(HERE, "..", "..", "include", "qkvsim")
OUTPUT = os.path.join(HERE, "qkvsim", "_declarations.py")

SCALARS = {"int32_t": "c_int32", "int64_t": "c_int64", "uint8_t": "c_uint8",
           "uint32_t": "c_uint32", "uint64_t": "c_uint64", "size_t": "c_size_t",
           "double": "c_double", "float": "c_float", "int": "c_int"}

TEMPLATE = '''"""Made from the public headers by make_declarations.py; do not edit."""
import ctypes
from ctypes import (CFUNCTYPE, POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64,
                    c_void_p)
from typing import Any, Dict, List, Tuple

{constants}


{callbacks}


{structs}


# A name, what it returns, what it takes. Arrays and handles are addresses.
FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {{
{functions}
}}
'''


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)


def read_headers(folder):
    """The public headers' text, each once, without comments and preprocessor."""
    with open(os.path.join(folder, "qkvsim.h")) as stream:
        names = re.findall(r"#include <qkvsim/(\w+\.h)>", stream.read())
    texts = []
    for name in names:
        with open(os.path.join(folder, name)) as stream:
            text = without_comments(stream.read())
        text = re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.DOTALL)
        texts.append(re.sub(r"^#.*(\\\n.*)*$", "", text, flags=re.MULTILINE))
    return "\n".join(texts)


def struct_name(c_name):
    """qkvsim_analysis_options is AnalysisOptions."""
    return "".join(word.capitalize() for word in c_name.split("_")[1:])


class Headers:
    """Everything that the headers declare, in their order."""

    def __init__(self, folder=HEADERS):
        self.text = read_headers(folder)
        self.aliases = {name: kind for kind, name in
                        re.findall(r"typedef (\w+) (qkvsim_\w+);", self.text)}
        self.constants = self.read_constants()
        self.callbacks = re.findall(r"typedef (\w+) \(\*(qkvsim_\w+)\)\(([^)]*)\);", self.text)
        self.struct_bodies = re.findall(r"typedef struct (qkvsim_\w+) \{(.*?)\} \1;", self.text,
                                        re.DOTALL)
        self.structs = {name: self.read_fields(body) for name, body in self.struct_bodies}
        self.functions = {name: (self.result(result), self.arguments(arguments))
                          for result, name, arguments in self.read_functions()}

    def read_constants(self):
        found = []
        for body in re.findall(r"enum\s*\{(.*?)\}", self.text, re.DOTALL):
            for item in body.split(","):
                if item.strip():
                    name, value = item.split("=")
                    found.append((name.strip(), int(value)))
        return found

    def read_functions(self):
        found = re.findall(r"QKVSIM_API\s+([\w\s*]+?[\s*])(qkvsim_\w+)\(([^;]*)\);", self.text)
        if len(found) != self.text.count("QKVSIM_API"):
            raise SystemExit("a function of the headers is not understood")
        return found

    def type_of(self, text):
        """A C type, without a name, as ctypes."""
        words = text.replace("const", " ").replace("struct", " ").replace("*", " * ").split()
        name, stars = words[0], len(words) - 1
        if words[1:] != ["*"] * stars:
            raise SystemExit(f"a type of the headers is not understood: {text}")
        name = self.aliases.get(name, name)
        if stars == 0:
            if any(name == callback for _, callback, _ in self.callbacks):
                return struct_name(name)
            return SCALARS[name]
        if stars == 1 and name == "char":
            return "c_char_p"
        return f"POINTER({struct_name(name)})" if stars == 1 and name in self.struct_names() \
            else "c_void_p"

    def struct_names(self):
        return [name for name, _ in self.struct_bodies]

    def split_name(self, text):
        """ "const int32_t *labels" is its type and its name."""
        match = re.fullmatch(r"\s*(.*?)(\w+)\s*", text, re.DOTALL)
        return match.group(1), match.group(2)

    def read_fields(self, body):
        fields = []
        for item in body.split(";"):
            if not item.strip():
                continue
            pointer = re.match(r"\s*\w+[\s*]+\(\*(\w+)\)", item)
            if pointer:  # a function that only C programs give
                fields.append((pointer.group(1), "c_void_p"))
                continue
            kind, name = self.split_name(item)
            made = self.type_of(kind)
            fields.append((name, "c_void_p" if made.startswith("POINTER") else made))
        return fields

    def result(self, text):
        if text.strip() == "void":
            return None
        made = self.type_of(text)
        return "c_void_p" if made.startswith("POINTER") else made

    def arguments(self, text):
        if text.strip() == "void":
            return []
        return [self.type_of(self.split_name(item)[0]) for item in text.split(",")]


def struct_text(name, fields):
    lines = "".join(f'\n        ("{field}", {kind}),' for field, kind in fields)
    return f"class {struct_name(name)}(ctypes.Structure):\n    _fields_ = [{lines}\n    ]"


def function_text(name, result, arguments):
    line = f'    "{name}": ({result}, [{", ".join(arguments)}]),'
    return "\n".join(textwrap.wrap(line, 100, subsequent_indent=" " * 8,
                                   break_long_words=False, break_on_hyphens=False,
                                   drop_whitespace=True, replace_whitespace=False))


def declarations(headers):
    """The module's text."""
    callbacks = [f"{struct_name(name)} = CFUNCTYPE({headers.type_of(result)}, "
                 + ", ".join(headers.arguments(arguments)) + ")"
                 for result, name, arguments in headers.callbacks]
    functions = [function_text(name, *types) for name, types in headers.functions.items()]
    return TEMPLATE.format(
        constants="\n".join(f"{name[len('QKVSIM_'):]} = {value}"
                            for name, value in headers.constants),
        callbacks="\n".join(callbacks),
        structs="\n\n\n".join(struct_text(*item) for item in headers.structs.items()),
        functions="\n".join(functions))


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else HEADERS
    with open(sys.argv[2] if len(sys.argv) > 2 else OUTPUT, "w") as stream:
        stream.write(declarations(Headers(folder)))
