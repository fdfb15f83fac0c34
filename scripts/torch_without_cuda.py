"""Lets the torch of PyPI, which is built for CUDA, run on the CPU without CUDA's libraries.

    python scripts/torch_without_cuda.py VENV

They are several GB that no test needs; torch itself, installed by `pip install --no-deps torch`, asks
for them when it is loaded. Here each that is missing is made as an empty library beside torch's own, and
one library with every function that torch takes from them, each of which answers as CUDA does on
a machine without a device.
"""
import glob
import re
import subprocess
import sys

NO_DEVICE = 100  # cudaErrorNoDevice
CUDA = re.compile(r"_*(cu|nccl|nv)\w*$")
TEXT = re.compile(r"(cuda|cudnn|cusparse|nvrtc|nccl)Get(Last)?Error(String|Name)$|ncclGetLastError$")
LIBRARY = re.compile(r"\[(lib(?:cu|nccl|nv)[^]]*)\]")


def lines_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def symbols(library, kind):
    """Names of a library's symbols, defined or undefined, without versions."""
    return {line.split()[-1].partition("@")[0] for line in lines_of("nm", "-D", kind, library)}


def needed(library):
    """CUDA's libraries that a library is linked to."""
    return set(LIBRARY.findall("\n".join(lines_of("readelf", "-d", library))))


def compile_library(folder, name, source, *options):
    subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", f"{folder}/{name}",
                    f"-Wl,-soname,{name}", "-Wl,-rpath,$ORIGIN", *options],
                   input=source, text=True, check=True)


def definition(name):
    """A function that says, as a number or in words, that there is no device."""
    if TEXT.match(name):
        return f'const char *{name}(void) {{ return "no device"; }}\n'
    return f"int {name}(void) {{ return {NO_DEVICE}; }}\n"


def main(venv):
    [folder] = glob.glob(f"{venv}/lib/python3*/site-packages/torch/lib")
    libraries = glob.glob(f"{folder}/*.so*")
    defined = set().union(*(symbols(one, "--defined-only") for one in libraries))
    undefined = set().union(*(symbols(one, "--undefined-only") for one in libraries)) - defined
    functions = sorted(filter(CUDA.match, undefined))
    missing = set().union(*map(needed, libraries)) - {one.rpartition("/")[2] for one in libraries}
    compile_library(folder, "libno_device.so", "".join(map(definition, functions)))
    for name in sorted(missing):
        # Empty: the loader takes symbols without versions from any library but the one it names.
        compile_library(folder, name, "", f"-L{folder}", "-Wl,--no-as-needed", "-lno_device")
    print(f"torch without CUDA: {len(functions)} functions of {len(missing)} libraries")


if __name__ == "__main__":
    main(sys.argv[1])
