"""A corpus of any length: a model's queries, keys and values, batch by batch into accumulators.

What `capture` and `study` do at once for a text that fits into memory, `stream` does for one that
does not: of each batch only counts, means and second moments stay.
"""
import dataclasses
from collections.abc import Mapping as MappingABC
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from ._accumulator import Accumulator
from ._capture import read_once
from ._capture_layers import LayerChoice, LayerName
from ._capture_texts import (decoder_ids, documents_of, evaluating, inputs_of, token_text,
                             windows_of)
from ._captured import Observations, nearest
from ._context import Progress
from ._errors import InvalidArgument, WrongType, optional
from ._study import Condition, LayerStudy, Study

__all__ = ["Stream", "stream"]

_ALL, _TARGETS, _OTHERS = "all", "targets", "non-targets"


def _is_token(target: Any) -> bool:
    return isinstance(target, (str, int, np.integer)) and not isinstance(target, bool)


class _Chosen:
    """Which observations are targets, and which tokens there were to choose from."""

    def __init__(self, targets: Any, tokenizer: Any) -> None:
        self.targets, self.tokenizer = targets, tokenizer
        single = isinstance(targets, (str, int, np.integer))
        self.wanted = None if callable(targets) else [targets] if single else list(targets)
        self.seen: Dict[int, str] = {}
        if self.wanted is not None and (not self.wanted or not all(map(_is_token, self.wanted))):
            raise InvalidArgument("targets must be tokens' texts or ids, or a function of the "
                                  "observations")
        if tokenizer is None and any(isinstance(one, str) for one in self.wanted or ()):
            raise InvalidArgument("targets is text: give the tokenizer as well, or a token's id")

    def mask(self, of: Observations) -> np.ndarray:
        """Which of the observations are targets."""
        if of.token_ids is not None:
            texts: Any = self._texts(of.token_ids)
            of = dataclasses.replace(of, texts=texts)
        if self.wanted is None:
            mask = np.asarray(self.targets(of))
            if mask.dtype != bool or mask.shape != (len(of),):
                raise InvalidArgument(f"targets gave {mask.dtype} of shape {mask.shape}, but must "
                                      f"give a bool for each of {len(of)} observations")
            return mask
        if of.token_ids is None:
            raise InvalidArgument("the observations are no tokens: targets must be a function")
        ids = [token for token, text in self.seen.items()
               if token in self.wanted or text in self.wanted]
        return np.isin(of.token_ids, ids)

    def _texts(self, token_ids: np.ndarray) -> Optional[Dict[int, str]]:
        """Texts of all tokens seen, these among them; "" where there is no tokenizer."""
        for token in np.unique(token_ids).tolist():
            if token not in self.seen:
                known = self.tokenizer is not None
                self.seen[token] = token_text(self.tokenizer, token) if known else ""
        return self.seen if self.tokenizer is not None else None

    def check(self) -> None:
        """Refuse targets of which none was there."""
        for one in self.wanted or ():
            if isinstance(one, str) and one not in self.seen.values():
                near = nearest(one, set(self.seen.values()))
                raise InvalidArgument(f"no observation is the token {one!r}{near}")
            if not isinstance(one, str) and one not in self.seen:
                raise InvalidArgument(f"no observation has the token id {one}")


class Stream:
    """What `stream` read: an accumulator for each layer and condition.

    It takes part in everything that accumulators do: it can be pickled, and two of different
    corpora are added by `merge`.

    Attributes
    ----------
    accumulators : dict of layer name to dict of condition to Accumulator
        Conditions are "all", or "targets" and "non-targets".
    documents : int
        Texts, or rows of batches, that were read.
    batches : int
    """

    def __init__(self, accumulators: Dict[LayerName, Dict[str, Accumulator]], documents: int,
                 batches: int) -> None:
        self.accumulators, self.documents, self.batches = accumulators, documents, batches

    @property
    def observations(self) -> int:
        """Observations read, of one layer."""
        first: Mapping[str, Accumulator] = next(iter(self.accumulators.values()), {})
        return sum(one.observations for one in first.values())

    def merge(self, other: "Stream") -> None:
        """Adds what another stream of the same layers and conditions has read."""
        if not isinstance(other, Stream):
            raise InvalidArgument("merge takes a Stream")
        names = [(layer, condition) for layer, found in self.accumulators.items()
                 for condition in found]
        others = [(layer, condition) for layer, found in other.accumulators.items()
                  for condition in found]
        if names != others:
            raise InvalidArgument(f"the streams have other layers or conditions: {names} and "
                                  f"{others}")
        pairs = [(self.accumulators[layer][condition], other.accumulators[layer][condition])
                 for layer, condition in names]
        for own, added in pairs:  # all of them before the first is changed
            own._check_other(added)
        for own, added in pairs:
            own.merge(added)
        self.documents += other.documents
        self.batches += other.batches

    def study(self, *, metrics: Any = None, bins: Any = None, pair_groups: Any = None,
              level: float = 0.95, threads: Optional[int] = None,
              progress: Progress = None) -> Study:
        """The results of all that was read, as `qkvsim.study` gives them, without what would need
        the observations themselves: "spearman", baselines and comparisons. Of a stream with
        `blocks` they have intervals by the jackknife, and targets and non-targets a difference.

        Returns
        -------
        Study
        """
        options = {"metrics": metrics, "bins": bins, "pair_groups": pair_groups,
                   "threads": threads, "progress": progress}
        layers, blocks = [], False
        for name, found in self.accumulators.items():
            blocks = all(one.blocks > 0 for one in found.values())
            conditions = tuple(
                Condition(condition, one.analyze(**options), None,
                          one.intervals(level=level, **options) if blocks else None)
                for condition, one in found.items())
            difference = found[_TARGETS].intervals(found[_OTHERS], level=level, **options) \
                if blocks and _TARGETS in found else None
            layers.append(LayerStudy(str(name), conditions, None, difference, (), None, None))
        return Study(layers, {"pair_groups": None if pair_groups is None
                              else ",".join(map(str, pair_groups)),
                              "interval": "jackknife" if blocks else None, "level": level})

    def to_frame(self) -> Any:
        """A pandas.DataFrame: a row for each layer, condition, row of the results and metric."""
        return self.study().to_frame()

    def to_dict(self) -> Dict[str, Any]:
        """The program's JSON of the same observations, without targets among its options."""
        return self.study().to_dict()

    def plot(self, kind: Optional[str] = None, **options: Any) -> Any:
        """As `Study.plot`."""
        return self.study().plot(kind, **options)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return bool(vars(self) == vars(other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        conditions = next(iter(self.accumulators.values()), {})
        counts = ", ".join(f"{one.observations:,} {name}" for name, one in conditions.items())
        return (f"<qkvsim.Stream of {len(self.accumulators)} layer(s), {self.documents:,} "
                f"documents: {counts} observations>")

    def _repr_html_(self) -> str:
        return self.study()._repr_html_()


def _is_text(batch: Any) -> bool:
    return isinstance(batch, str) or isinstance(batch, (list, tuple)) and bool(batch) and all(
        isinstance(one, str) for one in batch)


@dataclasses.dataclass(frozen=True)
class _Pass:
    """What the model is called with, and for each row its document and where it begins in it."""

    given: Mapping[str, Any]
    documents: List[Tuple[int, int]]


def _passes(model: Any, tokenizer: Any, batch: Any, window: Optional[int],
            document: int) -> Iterator[_Pass]:
    """The forward passes of a batch, whose first document has the number `document`."""
    if not _is_text(batch):
        given = _given(batch)
        lead = next((value for value in given.values() if getattr(value, "ndim", 0) > 0), None)
        if lead is None:
            raise InvalidArgument("a batch has no tensor")
        yield _Pass(given, [(document + row, 0) for row in range(int(lead.shape[0]))])
        return
    if tokenizer is None:
        raise InvalidArgument("a batch is text: give the tokenizer as well")
    reading = windows_of(model, tokenizer, documents_of(batch), window)
    decoding = decoder_ids(model, tokenizer, reading, None)
    for number, one in enumerate(reading):
        given = inputs_of(tokenizer, [one.ids], "")
        if decoding is not None:
            given.update(inputs_of(tokenizer, [decoding[number]], "decoder_"))
        yield _Pass(given, [(document + one.document, one.begin)])


def _given(batch: Any) -> Dict[str, Any]:
    if isinstance(batch, MappingABC):
        return dict(batch)
    if not hasattr(batch, "shape"):
        raise WrongType(f"a batch is a {type(batch).__name__}, but must be text, token ids (batch "
                        "x tokens) or what the model is called with")
    return {"input_ids": batch}


def _observations_of(layer: Any) -> Observations:
    """The observations of a layer, which those of all its parts must be."""
    found: List[Observations] = list(layer.observations.values())
    first, others = found[0], found[1:]
    if any(len(one) != len(first) for one in others):
        raise InvalidArgument(
            f"layer {layer.name} has {len(first)} queries and {len(others[0])} keys: a study is of "
            "parts that share their observations, so leave cross-attention out of layers")
    return first


def _tracked(batches: Iterable[Any], progress: Progress) -> Iterator[Any]:
    if progress is True:
        tqdm: Any = optional("tqdm", "progress=True")
        yield from tqdm.tqdm(batches, unit="batch")
        return
    sized: Any = batches
    total = len(sized) if hasattr(sized, "__len__") else 0
    for done, batch in enumerate(batches):
        yield batch
        if callable(progress):
            progress(done + 1, total)


def _add(found: Dict[str, Accumulator], layer: Any, chosen: Optional[_Chosen],
         blocks: bool, options: Mapping[str, Any]) -> None:
    """Adds a batch's observations of one layer to its accumulators. With blocks every document
    counts in each, also where none of its tokens do."""
    observations = _observations_of(layer)
    segments = observations.segments if blocks else None
    if chosen is None:
        found[_ALL].update(layer, segments=segments, **options)
        return
    mask = chosen.mask(observations)
    for condition, selected in ((_TARGETS, mask), (_OTHERS, ~mask)):
        if blocks or selected.any():
            found[condition].update(layer, observations=selected, segments=segments, **options)


def stream(model: Any, batches: Iterable[Any], *, tokenizer: Any = None,
           layers: LayerChoice = "all", targets: Any = None, point: str = "projection",
           window: Optional[int] = None, blocks: Optional[int] = None, groups: Any = None,
           heads: Any = None, precision: Any = None, nonfinite: str = "error",
           threads: Optional[int] = None, progress: Progress = None) -> Stream:
    """Analyses a corpus of any length while a model reads it, in constant memory.

    Of each batch only counts, means and second moments are kept: for each layer and condition an
    `Accumulator` of 4 features^2 bytes, whatever the corpus' length.

    Parameters
    ----------
    model : torch.nn.Module
        Put into evaluation mode while it reads.
    batches : iterable
        Each a text or a list of texts (read one after the other), token ids (batch x tokens), or a
        mapping of what the model is called with. Tokens under an attention mask of 0 are no
        observations. Read once, a batch at a time.
    tokenizer : optional
        For batches and targets of text.
    layers, point
        As for `capture`.
    targets : str, int, sequence of these, or function, optional
        Two conditions, targets and non-targets, instead of all observations: a token's text or id,
        several of them, or a function that is given the `Observations` of a pass (`tokens`,
        `token_ids`, `positions`, and `segments`, the document's number in the corpus) and returns
        a bool for each.
    window : int, optional
        Tokens of a text that are read at a time, as for `capture`.
    blocks : int, optional
        Keeps up to so many blocks of documents apart, 16 to 4096, for intervals: as much memory for
        each as an accumulator has without.
    groups, heads, precision, nonfinite, threads
        As for `analyze`; heads=True: those that the model has.
    progress : True or function of (batches done, batches or 0 where the number is not known)

    Returns
    -------
    Stream

    Raises
    ------
    InvalidArgument
        Also where no observation is a target, with the nearest tokens that there are.
    Missing
        Where torch is missing.

    Examples
    --------
    >>> import qkvsim
    >>> chapters = ["w5 w6 w7 w8 w5", "w9 w5"]
    >>> stream = qkvsim.stream(model, chapters, tokenizer=tokenizer, targets=" w5", layers=1)
    >>> stream
    <qkvsim.Stream of 1 layer(s), 2 documents: 3 targets, 4 non-targets observations>
    >>> stream.study()[0].rows
    ('Q-Q', 'Q-K', 'Q-V', 'K-K', 'K-V', 'V-V')
    """
    optional("torch", "a stream")
    chosen = None if targets is None else _Chosen(targets, tokenizer)
    conditions = (_ALL,) if chosen is None else (_TARGETS, _OTHERS)
    options = {"precision": precision, "nonfinite": nonfinite, "threads": threads}
    made = Stream({}, 0, 0)

    def accumulators_of(layer: Any) -> Dict[str, Accumulator]:
        if layer.name not in made.accumulators:
            split = dict(layer.heads) if heads is True else heads
            made.accumulators[layer.name] = {
                name: Accumulator(groups=groups, heads=split, blocks=blocks)
                for name in conditions}
        return made.accumulators[layer.name]

    with evaluating(model):
        for batch in _tracked(batches, progress):
            first = made.documents
            for one in _passes(model, tokenizer, batch, window, first):
                captured = read_once(model, layers, point, one.given, one.documents)
                for layer in captured.layers.values():
                    _add(accumulators_of(layer), layer, chosen, blocks is not None, options)
                made.documents = max(document for document, _ in one.documents) + 1
            made.batches += 1
    return _checked(made, chosen)


def _checked(made: Stream, chosen: Optional[_Chosen]) -> Stream:
    if made.batches == 0:
        raise InvalidArgument("there is no batch to read")
    if chosen is not None:
        chosen.check()
        first = next(iter(made.accumulators.values()))
        for condition, one in first.items():
            if one.observations == 0:
                raise InvalidArgument(f"of {made.observations} observations none is a "
                                      f"{'target' if condition == _TARGETS else 'non-target'}")
    return made
