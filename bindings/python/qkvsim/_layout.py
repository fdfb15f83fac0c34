"""Layouts: which group each feature belongs to."""
from collections.abc import Mapping as MappingABC
from ctypes import byref, c_char_p, c_int32, c_int64, c_void_p
from functools import lru_cache
from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple

import numpy as np

from ._context import call
from ._declarations import HEADS_BLOCKED, HEADS_INTERLEAVED
from ._errors import InvalidArgument
from ._handle import Handle, packed_of, unpack, view
from ._input import address_of
from ._library import library
from ._words import row_numbers


class Layout(Handle):
    """Which group (Q, K, V, or Q of head 3) each feature belongs to, and the rows of results.

    Attributes
    ----------
    groups : tuple of str
    group_features : tuple of int
        Number of features of each group.
    rows : tuple of str
        Names of the pair groups ("Q-Q", "Q-K", ...) and behind them of the roll-ups.
    pair_groups : int
        How many of the rows are pair groups.
    pairs : array of int64
        Number of feature pairs of each row.
    """

    __slots__ = ("features", "groups", "group_features", "rows", "pair_groups", "pairs", "parts")

    def __init__(self, pointer: c_void_p) -> None:
        super().__init__("layout", pointer)
        own = self._pointer
        self.features: int = library.qkvsim_layout_features(own)
        count = range(library.qkvsim_layout_groups(own))
        self.groups = tuple(library.qkvsim_layout_group_name(own, i).decode() for i in count)
        self.group_features: Tuple[int, ...] = tuple(
            library.qkvsim_layout_group_features(own, i) for i in count)
        self.pair_groups: int = library.qkvsim_layout_pair_groups(own)
        rows = range(self.pair_groups + library.qkvsim_layout_rollups(own))
        self.rows = tuple(library.qkvsim_layout_row_name(own, i).decode() for i in rows)
        self.pairs = np.empty(len(rows), np.int64)
        call(library.qkvsim_layout_pair_counts, own, address_of(self.pairs), self.pairs.size)
        self.pairs.flags.writeable = False
        self.parts: Dict[str, int] = {}  # heads of each part, where features split into heads

    @property
    def group_of(self) -> np.ndarray:
        """The group of each feature: an array of int32."""
        return view(self, library.qkvsim_layout_group_of(self._pointer), (self.features,), np.int32)

    def piece(self, number: int, pieces: int) -> Tuple[str, ...]:
        """The pair groups of one of several pieces of an analysis, with about as many pairs each.

        Parameters
        ----------
        number : int
            0 to pieces - 1.
        pieces : int
            At most as many as there are pair groups; those of eight and more divide evenly.

        Returns
        -------
        tuple of str
            For `pair_groups` of `analyze`; `merge` puts the results together.
        """
        numbers, count = (c_int32 * self.pair_groups)(), c_int32()
        call(library.qkvsim_layout_piece_pair_groups, self._pointer, number, pieces, numbers,
             self.pair_groups, byref(count))
        return tuple(self.rows[row] for row in numbers[:count.value])

    def with_rollup(self, name: str, pair_groups: Sequence[str]) -> "Layout":
        """A layout with one more row of results: several pair groups together.

        Parameters
        ----------
        name : str
            Not that of another row.
        pair_groups : sequence of str

        Returns
        -------
        Layout
            For `groups` of `analyze` and the others.

        Raises
        ------
        InvalidArgument
            Where there is no such pair group, one stands twice, or a row has the name.

        Examples
        --------
        >>> import numpy, qkvsim
        >>> x = numpy.random.default_rng(0).normal(size=(50, 6))
        >>> layout = qkvsim.analyze(x).layout.with_rollup("across", ["Q-K", "Q-V", "K-V"])
        >>> qkvsim.analyze(x, groups=layout).rows[-1]
        'across'
        """
        numbers = row_numbers(self.rows[:self.pair_groups], pair_groups, "pair_groups")
        pointer = unpack("layout", packed_of("layout", self._pointer))
        try:
            call(library.qkvsim_layout_add_rollup, pointer, _name(name),
                 (c_int32 * len(numbers))(*numbers), len(numbers))
        finally:  # which frees it where that failed
            made = Layout(pointer)
        made.parts = dict(self.parts)
        return made

    @property
    def has_heads(self) -> bool:
        """Whether groups are heads."""
        return bool(self.parts)

    def __reduce__(self) -> Any:
        return _unpacked_layout, (packed_of("layout", self._pointer), dict(self.parts))

    def __dask_tokenize__(self) -> Any:
        return self.__reduce__()[1]

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Layout):
            return NotImplemented
        return self is other or packed_of("layout", self._pointer) == packed_of(
            "layout", other._pointer)

    def __hash__(self) -> int:
        return hash((self.rows, self.group_features))

    def __repr__(self) -> str:
        groups = [f"{name}={n}" for name, n in zip(self.groups, self.group_features)]
        shown = groups if len(groups) <= 8 else groups[:6] + ["..."] + groups[-1:]
        return f"<qkvsim.Layout {', '.join(shown)}>"


def _unpacked_layout(packed: bytes, parts: Dict[str, int]) -> Layout:
    made = Layout(unpack("layout", packed))
    made.parts = parts
    return made


def _name(name: Any) -> bytes:
    """As C reads it, to whom the character 0 is the end."""
    if "\0" in str(name):
        raise InvalidArgument(f"a name has the character 0 in it: {str(name)!r}")
    return str(name).encode()


def _names(names: Sequence[str]) -> Any:
    return (c_char_p * len(names))(*[_name(name) for name in names])


# Layouts are immutable, and the same few are asked for again and again.
@lru_cache(maxsize=64)
def _of_widths(names: Tuple[str, ...], widths: Tuple[int, ...]) -> Layout:
    pointer = c_void_p()
    call(library.qkvsim_layout_widths, (c_int64 * len(widths))(*widths), _names(names),
         len(widths), byref(pointer), parts=names)
    return Layout(pointer)


@lru_cache(maxsize=64)
def _of_heads(names: Tuple[str, ...], widths: Tuple[int, ...], heads: Tuple[int, ...],
              interleaved: bool) -> Layout:
    pointer = c_void_p()
    call(library.qkvsim_layout_heads, (c_int64 * len(widths))(*widths),
         (c_int32 * len(widths))(*heads), _names(names), len(widths),
         HEADS_INTERLEAVED if interleaved else HEADS_BLOCKED, byref(pointer), parts=names)
    made = Layout(pointer)
    made.parts = dict(zip(names, heads))
    return made


def _of_labels(labels: Any, features: int) -> Layout:
    array = np.asarray(labels)
    if array.shape != (features,):
        raise InvalidArgument(f"groups has {array.size} labels for {features} features")
    if array.dtype.kind == "f" or array.dtype.kind == "c":
        raise InvalidArgument("groups has labels that are neither whole numbers nor names")
    found, first, inverse = np.unique(array, return_index=True, return_inverse=True)
    names: Optional[List[str]] = None
    if array.dtype.kind in "iub":
        numbers, groups = inverse.astype(np.int32), len(found)
        if list(found) != list(range(len(found))):
            names = [str(value) for value in found]
    else:  # names, in the order in which they first stand
        order = np.argsort(first)
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order))
        numbers, groups = rank[inverse].astype(np.int32), len(found)
        names = [str(found[i]) for i in order]
    numbers = np.ascontiguousarray(numbers)
    pointer = c_void_p()
    call(library.qkvsim_layout_labels, address_of(numbers), features,
         None if names is None else _names(names), groups, byref(pointer))
    return Layout(pointer)


_THIRDS = "Q", "K", "V"


class Columns(Protocol):
    """What a layout asks of data: what is known of their columns."""

    names: Optional[List[str]]
    widths: List[int]
    features: int
    heads: Dict[str, int]


def _base(groups: Any, data: Columns) -> Tuple[Sequence[str], Sequence[int]]:
    """Names and widths of the parts, before any splits into heads."""
    if isinstance(groups, MappingABC):
        names, widths = [str(name) for name in groups], [int(n) for n in groups.values()]
        if sum(widths) != data.features:
            raise InvalidArgument(f"groups has {sum(widths)} features in all and the data "
                                  f"{data.features}")
        return names, widths
    if groups is None and data.names is not None:
        return data.names, data.widths
    if data.features % 3 != 0:
        raise InvalidArgument(f"{data.features} features do not divide by 3: give the widths, "
                              'groups={"Q": 576, "K": 192, "V": 192}')
    return _THIRDS, (data.features // 3,) * 3


def _heads_of(heads: Any, found: Dict[str, int], names: Sequence[str]) -> Dict[str, int]:
    """Heads of every part: those asked for, or those that the arrays' axes tell."""
    if heads is None:
        given = dict(found)
    elif isinstance(heads, MappingABC):
        given = {str(name): int(number) for name, number in heads.items()}
    else:
        given = {name: int(heads) for name in names}
    if not given:
        return given
    if set(given) != set(names):
        raise InvalidArgument(f"heads is for {', '.join(given)} and the groups are "
                              f"{', '.join(names)}")
    for name, number in found.items():
        if given[name] != number:
            raise InvalidArgument(f"heads says {given[name]} for {name}, whose array has {number}")
    return given


def layout_of(data: Columns, groups: Any = None, heads: Any = None,
              interleaved: bool = False) -> Layout:
    """The layout that `groups`, `heads` and `interleaved` ask for."""
    if isinstance(groups, Layout):
        if heads is not None or interleaved:
            raise InvalidArgument("groups is a Layout, which has its heads: leave out heads")
        if groups.features != data.features:
            raise InvalidArgument(f"the layout has {groups.features} features and the data "
                                  f"{data.features}")
        return groups
    by_words = groups is None or isinstance(groups, MappingABC)
    if isinstance(groups, str):
        if groups != "thirds":
            raise InvalidArgument('groups is "thirds", widths such as {"Q": 576, "K": 192, '
                                  f'"V": 192}}, or a label for each feature, not {groups!r}')
        by_words = True
    if not by_words:
        if heads is not None or interleaved:
            raise InvalidArgument("heads needs groups that are widths, not labels")
        return _of_labels(groups, data.features)
    names, widths = _base(groups, data)
    split = _heads_of(heads, data.heads, names)
    if split:
        return _of_heads(tuple(names), tuple(widths), tuple(split[name] for name in names),
                         bool(interleaved))
    if interleaved:
        raise InvalidArgument("interleaved needs heads")
    return _of_widths(tuple(names), tuple(widths))
