"""Dask arrays as tables of observations x features, and graphs of tasks on their chunks."""
import copy
from collections.abc import Mapping as MappingABC
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ._errors import InvalidArgument, WrongType, optional
from ._input import _readable, mask_of

INSTALL = "'dask[array]'"
arrays: Any = optional("dask.array", "qkvsim.dask", INSTALL)
base: Any = optional("dask.base", "qkvsim.dask", INSTALL)
graphs: Any = optional("dask.highlevelgraph", "qkvsim.dask", INSTALL)
delayed: Any = optional("dask.delayed", "qkvsim.dask", INSTALL)

Delayed = Any  # dask ships no types
Key = Any


class Table:
    """Dask arrays as one table of observations x features: all that is known without computing."""

    def __init__(self, data: Any, name: str = "data") -> None:
        self.names: Optional[List[str]] = None
        self.heads: Dict[str, int] = {}
        parts = getattr(data, "parts", data)
        if isinstance(parts, MappingABC):
            if not parts:
                raise InvalidArgument(f"{name} has no parts")
            self.names = [str(key) for key in parts]
            given = [checked(value, f"{name}[{key!r}]") for key, value in parts.items()]
        else:
            given = [checked(data, name)]
        first = given[0]
        self.observations = int(first.shape[0])
        for label, array in zip(self.names or (), given):
            if array.shape[0] != self.observations:
                raise InvalidArgument(f"{name}[{label!r}] has {array.shape[0]} observations and "
                                      f"{name}[{self.names and self.names[0]!r}] has "
                                      f"{self.observations}")
        self.arrays = [array if array.chunks[0] == first.chunks[0]
                       else array.rechunk({0: first.chunks[0]}) for array in given]
        self.widths = [int(array.shape[1]) for array in self.arrays]
        self.features = sum(self.widths)
        if self.observations == 0 or self.features == 0:
            raise InvalidArgument(f"{name} is empty: {self.observations} observations x "
                                  f"{self.features} features")

    @property
    def row_chunks(self) -> List[Tuple[int, int, int]]:
        """Number, first observation and size of the chunks that have observations."""
        sizes = self.arrays[0].chunks[0]
        ends = np.cumsum(sizes)
        return [(i, int(end - size), int(size))
                for i, (size, end) in enumerate(zip(sizes, ends)) if size > 0]

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.arrays)

    def whole(self) -> "Table":
        """The same as one chunk of each part."""
        made = copy.copy(self)
        made.arrays = [array.rechunk(-1) for array in self.arrays]
        return made


def checked(value: Any, label: str) -> Any:
    """A dask array of real numbers in two dimensions, whose sizes are known."""
    inner = getattr(value, "data", None)  # of xarray
    array = inner if isinstance(inner, arrays.Array) else value
    if not isinstance(array, arrays.Array):
        if hasattr(value, "to_dask_array"):
            raise WrongType(f"{label} is a dask dataframe: pass "
                            f"{label}.to_dask_array(lengths=True)")
        raise WrongType(f"{label} is a {type(value).__name__} and no dask array: pass "
                        f"dask.array.from_array({label}, chunks=...), or call qkvsim's function "
                        "of the same name")
    if array.ndim != 2:
        raise InvalidArgument(f"{label} is to have 2 dimensions, observations x features, and has "
                              f"the shape {array.shape}: reshape it, such as "
                              f"{label}.reshape(-1, {label}.shape[-1])")
    if not isinstance(array._meta, np.ndarray):
        raise WrongType(f"{label} has blocks of {type(array._meta).__module__}: turn them into "
                        f"NumPy's, such as by {label}.map_blocks(numpy.asarray)")
    _readable(np.empty((1, 1), array.dtype), label)
    if np.isnan(array.shape).any():
        raise InvalidArgument(f"{label} has chunks of unknown sizes: call "
                              f"{label}.compute_chunk_sizes() first")
    return array


def threads_of(threads: Any) -> int:
    if isinstance(threads, bool) or not hasattr(threads, "__index__") \
            or not 1 <= threads <= 1024:
        raise InvalidArgument(f"threads is a number from 1 to 1024, not {threads!r}: how many "
                              "each task has, beside the other tasks of its worker")
    return int(threads)


def count_of(number: Any, name: str, least: int) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < least:
        raise InvalidArgument(f"{name} is a number from {least} on, not {number!r}")
    return int(number)


class Mask:
    """Which observations are selected: NumPy's array, or the keys of a dask array's blocks."""

    def __init__(self, selected: Any, table: Table, name: str) -> None:
        self.array: Any = None
        self.mask: Optional[np.ndarray] = None
        if not isinstance(selected, arrays.Array):
            self.mask = mask_of(selected, table.observations, name)
            if not self.mask.any():
                raise InvalidArgument(f"{name} selects no observation")
            return
        if selected.dtype != np.bool_ or selected.shape != (table.observations,):
            raise InvalidArgument(f"{name} is a dask array of {selected.dtype} of the shape "
                                  f"{selected.shape}, and is to have one bool for each of "
                                  f"{table.observations} observations")
        self.array = selected.rechunk((table.arrays[0].chunks[0],))

    def of(self, chunk: int, first: int, size: int) -> Any:
        """Of one chunk: a mask, or the key of one."""
        return self.mask[first:first + size] if self.mask is not None \
            else self.array.__dask_keys__()[chunk]

    @property
    def identity(self) -> Any:
        return self.mask if self.mask is not None else self.array.name


class Graph:
    """Tasks that are being put together, in one layer."""

    def __init__(self, table: Table, *identity: Any, masks: Sequence[Optional[Mask]] = ()) -> None:
        self.token = base.tokenize([array.name for array in table.arrays], table.names,
                                   [mask and mask.identity for mask in masks], *identity)
        self.tasks: Dict[Key, Any] = {}
        self.sources = _optimized([*table.arrays,
                                   *(mask.array for mask in masks
                                     if mask is not None and mask.array is not None)])

    def add(self, what: str, *task: Any, number: Any = None) -> Key:
        """A task of a function and its arguments, among which are keys of others."""
        name = f"qkvsim-{what}-{self.token}"
        key: Key = name if number is None else (name, *np.atleast_1d(number).tolist())
        self.tasks[key] = task if len(task) > 1 else task[0]
        return key

    def delayed(self, key: Key) -> Delayed:
        name = f"qkvsim-{self.token}"
        graph = graphs.HighLevelGraph.from_collections(name, self.tasks,
                                                       dependencies=self.sources)
        return delayed.Delayed(key, graph, layer=name)


def _optimized(arrays: Sequence[Any]) -> List[Any]:
    """Arrays whose own tasks are fused, as dask does before it computes an array itself."""
    return list(base.optimize(*arrays))
