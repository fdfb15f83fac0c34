"""The build folder: the library in it, and the virtual environment that is made there once, with the newest
versions that this Python can have. Runs in whatever Python is at hand: nothing here but the standard
library."""
import pathlib
import shutil
import subprocess
import sys

NEEDED = ["numpy", "scipy", "threadpoolctl", "matplotlib"]
WANTED = ["torch", "scikit-learn", "faiss-cpu", "numkong"]  # a row is left out where one is missing
ROOM_NEEDED = 10  # GB; PyTorch's default build comes with 5 GB of libraries for GPUs


def find_library(build):
    found = sorted(pathlib.Path(build, "lib").glob("libqkvsim.so*"))
    if not found:
        raise SystemExit(f"there is no lib/libqkvsim.so in {build}: meson setup {build} && "
                         f"ninja -C {build}")
    return found[0]


def python_of(folder):
    return pathlib.Path(folder, "bin", "python")


def prepare(folder, install):
    """The environment's Python."""
    python = python_of(folder)
    if not install:
        if not python.exists():
            raise SystemExit("there is no environment yet: run once without --no-install")
        return python
    if not python.exists():
        make(folder)
    pip(python, ["pip"], must=True)
    pip(python, NEEDED, must=True)
    for package in WANTED:
        pip(python, [package], must=False)
    return python


def make(folder):
    pathlib.Path(folder).parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(pathlib.Path(folder).parent).free / 1e9
    if free < ROOM_NEEDED:
        raise SystemExit(f"the environment takes up to {ROOM_NEEDED} GB, of which {free:.1f} are free")
    print(f"Making {folder}", file=sys.stderr)
    made = subprocess.run([sys.executable, "-m", "venv", folder], check=False)
    if made.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise SystemExit("python3 -m venv failed (Debian has it in the package python3-venv)")


def pip(python, packages, must):
    print("Installing " + ", ".join(packages), file=sys.stderr)
    done = subprocess.run([python, "-m", "pip", "install", "--upgrade", "--quiet", "--no-cache-dir",
                           "--disable-pip-version-check", *packages], check=False)
    if done.returncode != 0 and must:
        raise SystemExit("cannot install " + ", ".join(packages))
    if done.returncode != 0:
        print(f"Without {packages[0]}: its rows are left out", file=sys.stderr)
