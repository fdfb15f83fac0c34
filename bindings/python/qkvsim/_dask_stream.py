"""Streams of dask arrays: a state of each chunk of observations, merged in a fixed tree."""
import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ._accumulator import Accumulator
from ._dask import Graph, Key, Mask, Table, count_of, threads_of
from ._errors import Error
from ._layout import Layout
from ._words import NONFINITE, number_of, precision_of


@dataclass(frozen=True)
class _Reading:
    """How every chunk is read."""

    layout: Layout
    parts: Optional[Tuple[Tuple[str, int], ...]]
    labels: List[str]
    options: Dict[str, Any]


def _add_chunk(first: int, blocks: List[Any], selected: Optional[np.ndarray],
               how: _Reading) -> Accumulator:
    """The state of one chunk of observations, whose columns may be in several blocks."""
    made = Accumulator(groups=how.layout)
    if selected is not None and not selected.any():
        return made
    data = blocks[0] if how.parts is None and len(blocks) == 1 \
        else dict(zip(how.labels, blocks))
    try:
        made.update(data, observations=selected, **how.options)
    except Error as error:
        last = first + len(blocks[0]) - 1
        raise type(error)(f"the chunk of observations {first} to {last}: {error}") from error
    made._parts = how.parts
    return made


def _merge_states(states: List[Accumulator]) -> Accumulator:
    made = copy.copy(states[0])  # states may be used by other tasks, or again
    for state in states[1:]:
        made.merge(state)
    return made


def _labels_of(table: Table) -> List[str]:
    """What error texts call the blocks of a chunk."""
    labels = []
    for part, array in enumerate(table.arrays):
        name = "" if table.names is None else table.names[part]
        begin = 0
        for width in array.chunks[1]:
            if len(array.chunks[1]) == 1:
                labels.append(name or "data")
            elif width > 0:
                labels.append(f"{name} features {begin} to {begin + width - 1}".strip())
            begin += width
    return labels


def stream(table: Table, layout: Layout, observations: Any, split_every: Any, threads: Any,
            precision: Any, nonfinite: str, *identity: Any) -> Tuple[Graph, Key]:
    """The graph of the state of all observations, and that state's key."""
    width = count_of(split_every, "split_every", 2)
    precision_of(precision)
    number_of(NONFINITE, nonfinite, "nonfinite")
    options = {"precision": precision, "nonfinite": nonfinite, "threads": threads_of(threads)}
    mask = None if observations is None else Mask(observations, table, "observations")
    parts = None if table.names is None else tuple(zip(table.names, table.widths))
    how = _Reading(layout=layout, parts=parts, labels=_labels_of(table), options=options)
    graph = Graph(table, "stream", layout, options, width, *identity, masks=[mask])
    shared = graph.add("how", how)
    keys = [array.__dask_keys__() for array in graph.sources[:len(table.arrays)]]
    widths = [array.chunks[1] for array in table.arrays]
    states = []
    for chunk, first, size in table.row_chunks:
        selected = None if mask is None else mask.of(chunk, first, size)
        if isinstance(selected, np.ndarray) and not selected.any():
            continue
        blocks = [key for part, of in zip(keys, widths)
                  for key, number in zip(part[chunk], of) if number > 0]
        states.append(graph.add("update", partial(_add_chunk, first), blocks, selected, shared,
                                number=chunk))
    level = 0
    while len(states) > 1:
        level += 1
        groups = [states[i:i + width] for i in range(0, len(states), width)]
        states = [graph.add("merge", _merge_states, group, number=(level, i))
                  if len(group) > 1 else group[0] for i, group in enumerate(groups)]
    return graph, states[0]
