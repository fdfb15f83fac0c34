"""Finds the shared library and declares its functions."""
import ctypes
import os
import sysconfig
from typing import List, Tuple

from . import _declarations
from ._errors import LibraryNotFound

NAME = "libqkvsim.so.0"
WHEEL_FOLDER = ".qkvsim.mesonpy.libs"  # beside the package, or where platforms have folders apart


def places() -> List[str]:
    """Where the library is looked for, in order; a name alone is left to the loader."""
    given = os.environ.get("QKVSIM_LIBRARY")
    if given:
        return [given]
    here = os.path.dirname(os.path.abspath(__file__))
    return [os.path.join(here, "..", WHEEL_FOLDER, NAME),
            os.path.join(sysconfig.get_path("platlib"), WHEEL_FOLDER, NAME),
            os.path.join(here, "..", "..", "..", "build", "lib", NAME),  # a source tree
            NAME]


def _load() -> Tuple[ctypes.CDLL, str]:
    failures = []
    for place in places():
        path = os.path.normpath(place)
        if os.path.isabs(path) and not os.path.exists(path):
            failures.append(f"{path} (no such file)")
            continue
        try:
            return ctypes.CDLL(path), path
        except OSError as error:
            failures.append(f"{path} ({error})")
    raise LibraryNotFound(
        "the qkvsim library was not found; looked for: " + "; ".join(failures)
        + ". Install the package with pip, or set QKVSIM_LIBRARY to the file.")


def _declare(loaded: ctypes.CDLL, path: str) -> ctypes.CDLL:
    for name, (result, arguments) in _declarations.FUNCTIONS.items():
        try:
            function = getattr(loaded, name)
        except AttributeError:
            raise LibraryNotFound(f"{path} is another version than this package: "
                                  f"it has no {name}") from None
        function.restype, function.argtypes = result, arguments
    return loaded


_loaded, path = _load()
library = _declare(_loaded, path)


def version() -> str:
    """The library's version.

    Examples
    --------
    >>> import qkvsim
    >>> qkvsim.version() == qkvsim.__version__
    True
    """
    return str(library.qkvsim_version().decode())
