"""Results of pieces of one computation, put together."""
from ctypes import byref, c_void_p
from typing import Any, Sequence, TypeVar

from ._analysis import Analysis, Question
from ._baseline import Baseline
from ._comparison import Comparison
from ._context import call
from ._errors import InvalidArgument
from ._handle import Handle
from ._intervals import Intervals
from ._library import library

_Result = TypeVar("_Result", Analysis, Baseline, Comparison, Intervals)


def _joined(questions: Sequence[Question]) -> Question:
    """The question that pieces of some pair groups each answer together."""
    first = questions[0]
    wanted = [question.wanted for question in questions if question.wanted is not None]
    if len(wanted) < len(questions) or len(questions) == 1:
        return first
    numbers = sorted({row for rows in wanted for row in rows})
    return Question(first.layout, first.metrics, first.bins,
                    None if len(numbers) == first.layout.pair_groups else numbers,
                    first.observations, first.parts)


def merge(pieces: Sequence[_Result]) -> _Result:
    """Puts results of pieces together: what one run gives, to the bit.

    Parameters
    ----------
    pieces : sequence of Baseline, Comparison, Intervals or Analysis
        All of one kind, in any order, and of the same data and options but for: permutations
        `first` and on of a `baseline`, relabellings of a `compare`, resamples of `intervals` by
        the bootstrap; `pair_groups` of `analyze`.

    Returns
    -------
    a result of the pieces' kind

    Raises
    ------
    InvalidArgument
        Where they do not belong together, overlap or leave a gap; the text says in what.

    Examples
    --------
    >>> import numpy, qkvsim
    >>> x = numpy.random.default_rng(0).normal(size=(50, 6))
    >>> pieces = [qkvsim.baseline(x, first=k, permutations=10, total=30) for k in (20, 0, 10)]
    >>> qkvsim.merge(pieces) == qkvsim.baseline(x, permutations=30)
    True
    """
    given = list(pieces)
    kinds = {type(piece) for piece in given}
    if len(kinds) != 1 or not kinds <= {Analysis, Baseline, Comparison, Intervals}:
        raise InvalidArgument("merge takes one or more results of one kind: Baseline, Comparison, "
                              "Intervals or Analysis, and was given "
                              + (", ".join(sorted(kind.__name__ for kind in kinds)) or "none"))
    first: Any = given[0]
    pointers = (c_void_p * len(given))(*[piece._pointer for piece in given])
    merged = c_void_p()
    call(getattr(library, f"qkvsim_{first._kind}_merge"), pointers, len(given), byref(merged))
    handle = Handle(first._kind, merged)
    question = _joined([piece._question for piece in given])
    own = () if isinstance(first, Analysis) else (first.options,)
    made: _Result = type(first)(handle, question, *own)
    return made
