"""How computations of all observations at once are shared out to tasks."""
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ._analysis import Question
from ._dask import Table, count_of

_PIECE = 25            # permutations: the observed analysis, which each piece makes, is then 4 %
_PIECES_MAX = 256
_PIECE_PRODUCTS = 2e10  # multiplications and additions of a piece of an analysis: a second or so


def pair_group_pieces(table: Table, question: Question,
                       pieces: Optional[int]) -> List[Dict[str, Any]]:
    """Pair groups shared out so that pieces have about as many pairs."""
    layout = question.layout
    wanted = list(range(layout.pair_groups) if question.wanted is None else question.wanted)
    if pieces is None:
        work = float(table.observations) * float(layout.pairs[wanted].sum())
        pieces = int(np.clip(work / _PIECE_PRODUCTS, 1, _PIECES_MAX))
    count = min(count_of(pieces, "pieces", 1), len(wanted))
    if question.wanted is None and count > 1:
        return [{"pair_groups": layout.piece(number, count)} for number in range(count)]
    shares: List[List[int]] = [[] for _ in range(count)]
    pairs = [0] * count
    for number in sorted(wanted, key=lambda number: (-layout.pairs[number], number)):
        least = pairs.index(min(pairs))
        shares[least].append(number)
        pairs[least] += int(layout.pairs[number])
    if count == 1:
        return [{"pair_groups": None if question.wanted is None else wanted}]
    return [{"pair_groups": sorted(share)} for share in shares]


def ranges(total: int, pieces: Optional[int]) -> List[Tuple[int, int]]:
    """First and number of each piece of repeated analyses."""
    count = int(np.clip(total // _PIECE, 1, _PIECES_MAX)) if pieces is None \
        else min(count_of(pieces, "pieces", 1), max(total, 1))
    ends = [total * i // count for i in range(count + 1)]
    return [(first, end - first) for first, end in zip(ends, ends[1:])]
