"""Results of the C library: owned, immutable, seen as NumPy arrays without a copy."""
from ctypes import byref, c_int64, c_void_p
from typing import Any, Callable, Dict, Optional, Tuple, Union

import numpy as np

from ._context import call
from ._declarations import FUNCTIONS
from ._library import library

_FREES: Dict[str, Callable[[Optional[int]], None]] = {
    name[len("qkvsim_"):-len("_free")]: getattr(library, name)
    for name in FUNCTIONS if name.endswith("_free")}


class Handle:
    """A C handle of a kind ("analysis" of qkvsim_analysis_free), freed when no longer used."""

    __slots__ = ("_pointer", "_free", "__weakref__")

    def __init__(self, kind: str, pointer: c_void_p) -> None:
        self._pointer: Optional[int] = pointer.value
        self._free = _FREES[kind]

    def __del__(self) -> None:
        if getattr(self, "_free", None) is not None:
            self._free(self._pointer)


def packed_size(kind: str, pointer: Optional[int]) -> int:
    """How many bytes a result has when packed, which are about as many as it has in memory."""
    size: int = getattr(library, f"qkvsim_{kind}_packed_size")(pointer)
    return size


def packed_array(kind: str, pointer: Optional[int]) -> np.ndarray:
    """A result as bytes in an array, which pickles without another copy (protocol 5)."""
    buffer = np.empty(packed_size(kind, pointer), np.uint8)
    call(getattr(library, f"qkvsim_{kind}_pack"), pointer, buffer.ctypes.data, buffer.size)
    return buffer


def packed_of(kind: str, pointer: Optional[int]) -> bytes:
    """A result as bytes, the same for equal results."""
    return packed_array(kind, pointer).tobytes()


def unpack(kind: str, packed: Union[bytes, np.ndarray]) -> c_void_p:
    """A new handle from bytes."""
    pointer = c_void_p()
    memory = packed if isinstance(packed, bytes) else packed.ctypes.data
    call(getattr(library, f"qkvsim_{kind}_unpack"), memory, len(packed), byref(pointer))
    return pointer


class _Memory:
    """What NumPy asks for an array of C memory; the array keeps it, and it keeps the owner."""

    def __init__(self, owner: Any, address: int, shape: Tuple[int, ...], kind: str) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (address, True), "shape": shape, "typestr": kind,
                                    "version": 3}


def view(owner: Any, address: Optional[int], shape: Tuple[int, ...], dtype: Any) -> np.ndarray:
    """A read-only array of an owner's memory; an empty one where there is none."""
    if not address:
        return np.empty((0,), dtype)
    return np.asarray(_Memory(owner, address, shape, np.dtype(dtype).str))


def counted(owner: Any, function: Callable[..., Optional[int]], *arguments: Any,
            dtype: Any = np.int64) -> np.ndarray:
    """What an accessor with a count at its end gives."""
    count = c_int64()
    address = function(*arguments, byref(count))
    return view(owner, address, (count.value,), dtype)
