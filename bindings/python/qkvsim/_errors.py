"""What calls raise: the C library's statuses as exceptions, in the caller's words."""
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type


class Error(Exception):
    """Anything that went wrong in qkvsim.

    Attributes
    ----------
    status : int or None
        The C library's number for its kind; None where C was not called.
    """

    status: Optional[int] = None


class InvalidArgument(Error, ValueError):
    """A value is out of range, or values do not fit each other."""

    status = 1


class WrongType(InvalidArgument, TypeError):
    """A value of a type that cannot be used."""


class NoMemory(MemoryError, Error):
    """An allocation failed."""  # MemoryError first: what unpickles asks for its __new__

    status = 2


class TooLarge(Error, OverflowError):
    """A size or a result does not fit its type."""

    status = 3


class Nonfinite(InvalidArgument):
    """NaN or infinity in the data."""

    status = 4


class Ambiguous(InvalidArgument):
    """Two pair groups share a mask code."""

    status = 5


class Cancelled(Error, RuntimeError):
    """The call was cancelled."""

    status = 6


class Unsupported(Error, NotImplementedError):
    """A newer library is needed."""

    status = 7


class LibraryNotFound(Error, ImportError):
    """The shared library is in none of the places looked at, or too old."""


class Missing(Error, ImportError):
    """An optional package is not installed."""


_BY_STATUS: Dict[Optional[int], Type[Error]] = {kind.status: kind for kind in (
    InvalidArgument, NoMemory, TooLarge, Nonfinite, Ambiguous, Cancelled, Unsupported)}

# The C library's words, and Python's for the same.
_WORDS: List[Tuple[str, Any]] = [
    (r"QKVSIM_NONFINITE_DROP_OBSERVATION or UNDEFINED_FEATURE",
     'nonfinite="drop" or "undefined"'),
    (r"arithmetic in QKVSIM_DTYPE_F(32|64)", r'precision="f\1"'),
    (r"QKVSIM_(?:DTYPE|METRIC|STATISTIC|SUMMARY|SCHEME|EXCHANGE|RELABEL|METHOD|DISTANCE|SIGN"
     r"|NONFINITE|KERNELS)_(\w+)", lambda match: '"' + match.group(1).lower() + '"'),
    (r"second selection", "others"),
]


def error_of(status: int, text: str, parts: Optional[Sequence[str]] = None) -> Error:
    """The exception of a failed call; `parts` are the caller's names of the parts."""
    for pattern, words in _WORDS:
        text = re.sub(pattern, words, text)
    if parts is not None:
        text = re.sub(r"\bpart (\d+)", lambda match: parts[int(match.group(1))]
                      if int(match.group(1)) < len(parts) else match.group(0), text)
    kind = _BY_STATUS.get(status, Error)
    return kind(text or f"status {status}")


def optional(name: str, purpose: str, install: Optional[str] = None) -> "object":
    """Imports an optional package; where it is missing, says in one line what to install."""
    import importlib
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = install or name.split(".")[0]
        raise Missing(f"{purpose} needs {package}: pip install {package}") from error
