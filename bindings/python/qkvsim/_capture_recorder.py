"""Outputs of modules, and inputs of attention functions, to the parts of a capture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from ._capture_families import Family
from ._capture_layers import AttentionLayer, family_with
from ._captured import Capture, Layer, Observations
from ._errors import Error, InvalidArgument, Unsupported, optional


@dataclass(frozen=True, eq=False)
class _Tokens:
    """What one forward pass was given of one stack: which of its tokens are observations.

    `mask` is batch x tokens of booleans, `past` the tokens of each row that were read before.
    """

    mask: np.ndarray
    observations: Observations
    past: int = 0

    @property
    def shape(self) -> Tuple[int, int]:
        return (self.mask.shape[0], self.mask.shape[1])


@dataclass(eq=False)
class _Recorded:
    """Outputs of one module, or one input of the attention function, pass by pass."""

    rows: List[Any] = field(default_factory=list)
    observations: List[Observations] = field(default_factory=list)
    last_pass: int = -1
    segments: int = 0


def _numpy(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().numpy())


def _joined(pieces: Sequence[Observations], texts: Optional[Mapping[int, str]]) -> Observations:
    known = all(piece.token_ids is not None for piece in pieces)
    ids = [piece.token_ids for piece in pieces if piece.token_ids is not None]
    return Observations(
        np.concatenate([piece.segments for piece in pieces]),
        np.concatenate([piece.positions for piece in pieces]),
        np.concatenate(ids) if known else None,
        texts if known else None,
    )


def _array(tensor: Any) -> Any:
    """A tensor on the CPU as an array that shares its memory."""
    torch: Any = optional("torch", "a capture")
    if tensor.dtype != torch.bfloat16:
        return tensor.numpy()
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return tensor
    return tensor.contiguous().view(torch.int16).numpy().view(bfloat16)


class Recorder:
    """Takes what hooks and the attention function see, and makes a Capture of it."""

    def __init__(self, model: Any, layers: Sequence[AttentionLayer], point: str) -> None:
        self.model = model
        self.config = getattr(model, "config", None)
        self.layers = layers
        self.reading = False
        self.point = point
        self.texts: Dict[int, str] = {}
        self.documents: Optional[Sequence[Tuple[int, int]]] = None
        self._passes = 0
        self._segments = 0
        self._text: Optional[_Tokens] = None
        self._decoder: Optional[_Tokens] = None
        self._source: Optional[_Tokens] = None
        self._recorded: Dict[Tuple[str, str], _Recorded] = {}
        self._joined: Dict[Tuple[int, ...], Observations] = {}

    # --- a pass begins

    def begin(self, given: Mapping[str, Any]) -> None:
        """Note the tokens of a forward pass from what the model was called with."""
        self._passes += 1
        self.reading = True
        past = _past_length(given)
        own = 0 if self._encoder_decoder else past
        self._text = self._tokens(given, ("input_ids", "inputs_embeds"), "attention_mask", own)
        if self._text is None and self._encoder_decoder:
            self._text = self._tokens(given, ("encoder_outputs",), "attention_mask", 0)
        self._decoder = self._tokens(
            given, ("decoder_input_ids", "decoder_inputs_embeds"), "decoder_attention_mask", past
        )
        self._source = self._tokens(
            given, ("encoder_hidden_states",), "encoder_attention_mask", 0
        )
        if past == 0:
            self._segments += max((t.shape[0] for t in (self._text, self._decoder) if t), default=0)

    def end(self) -> None:
        """What modules put out between two passes belongs to none."""
        self.reading = False

    @property
    def continuing(self) -> bool:
        """Whether the decoder goes on after a cache, and reads the encoder's tokens again."""
        return self._decoder is not None and self._decoder.past > 0

    @property
    def _encoder_decoder(self) -> bool:
        return bool(getattr(self.config, "is_encoder_decoder", False))

    def _tokens(
        self, given: Mapping[str, Any], names: Sequence[str], mask_name: str, past: int
    ) -> Optional[_Tokens]:
        name = next((name for name in names if given.get(name) is not None), None)
        if name is None:
            return None
        tokens = given[name][0] if name == "encoder_outputs" else given[name]
        shape = (int(tokens.shape[0]), int(tokens.shape[1]))
        before, mask = _token_mask(given.get(mask_name), shape, mask_name)
        segments, positions = self._places(mask, past, before if before is not None else past)
        token_ids = _numpy(tokens).astype(np.int64)[mask] if name.endswith("input_ids") else None
        return _Tokens(mask, Observations(segments[mask], positions[mask], token_ids), past)

    def _places(self, mask: np.ndarray, past: int, before: Any) -> Tuple[np.ndarray, np.ndarray]:
        """Document and position of each token of a batch, `before` being read before."""
        positions = np.maximum(mask.cumsum(axis=1, dtype=np.int64) - 1, 0)
        if self.documents is not None:
            documents = np.asarray(self.documents, dtype=np.int64).reshape(len(mask), 2)
            return np.broadcast_to(documents[:, :1], mask.shape), positions + documents[:, 1:]
        first = self._segments - (len(mask) if past else 0)
        segments = np.arange(first, first + len(mask), dtype=np.int64)
        return np.broadcast_to(segments[:, None], mask.shape), positions + before

    # --- while it goes on

    def side(self, layer: AttentionLayer, part: str) -> Optional[_Tokens]:
        """The tokens that a layer's queries, or its keys and values, are of."""
        crossing = layer.role == "cross" and part != "Q"
        if not hasattr(layer.config, "vocab_size"):
            return None
        if not self._encoder_decoder:
            return self._source if crossing else self._text
        return self._decoder if "decoder" in layer.path and not crossing else self._text

    def record(self, layer: AttentionLayer, name: str, output: Any, features: int = 1) -> None:
        """Keep a copy of the observations among `output`'s rows.

        The last `features` dimensions are a row's; `name` is the module's, or the part's.
        """
        if not self.reading:
            return
        recorded = self._recorded.setdefault((layer.path, name), _Recorded())
        tokens = self.side(layer, layer.part_of(name))
        if recorded.last_pass == self._passes and tokens is not None:
            if layer.family is not None and layer.family.repeated:
                return
            raise Unsupported(f"{layer.path}.{name} was called twice in one forward pass")
        recorded.last_pass = self._passes
        output = output.detach()
        rows = output.reshape(-1, *output.shape[output.ndim - features :])
        if tokens is None:
            observations = _anonymous(output.shape[: output.ndim - features], recorded.segments)
            recorded.segments += int(observations.segments[-1] - recorded.segments + 1)
            rows = rows.clone()
        else:
            observations, rows = tokens.observations, _select(rows, tokens, layer.path)
        recorded.rows.append(rows.cpu() if rows.device.type != "cpu" else rows)
        recorded.observations.append(observations)

    # --- afterwards

    def check(self) -> None:
        """Refuse a capture in which nothing, or not every layer, was seen."""
        if self._passes == 0:
            raise Error("no forward pass was seen: call the model itself, model(**inputs)")
        seen = {path for path, _ in self._recorded}
        missing = [layer.path for layer in self.layers if layer.path not in seen]
        if not missing:
            return
        if self.point == "attention":
            raise attends_by_itself(self.model, missing[0])
        raise Error(f"{missing[0]} was not used in any forward pass")

    def finish(self, into: Capture) -> None:
        """Join what was recorded, and forget it."""
        for layer in self.layers:
            into.layers[layer.name] = self._layer(layer)
        self._recorded.clear()

    def _family_used(self, layer: AttentionLayer) -> Family:
        """The layer's family, or of its modules those that were used: Gemma3n's layers that take
        an earlier one's keys and values have, in some versions, a k_proj that is not called."""
        assert layer.family is not None
        used = {name for name in layer.family.modules if (layer.path, name) in self._recorded}
        family = family_with(used, layer.config)
        if family is None or len(family.modules) < len(used):
            unused = next(name for name in layer.family.modules if name not in used)
            raise Error(f"{layer.path}.{unused} was not used in any forward pass")
        return family

    def _layer(self, layer: AttentionLayer) -> Layer:
        torch: Any = optional("torch", "a capture")
        family = self._family_used(layer) if self.point == "projection" else None
        names = "QKV" if family is None else family.modules
        recorded = [self._recorded.pop((layer.path, name)) for name in names]
        outputs = [one.rows[0] if len(one.rows) == 1 else torch.cat(one.rows) for one in recorded]
        observations = [self._join(one.observations) for one in recorded]
        if family is None:
            heads = {name: int(rows.shape[1]) for name, rows in zip(names, outputs)}
            parts = {name: rows.flatten(1) for name, rows in zip(names, outputs)}
        else:
            assert layer.geometry is not None
            parts = family.layout.split(outputs, layer.geometry)
            heads = family.layout.heads(layer.geometry)
        first, last = observations[0], observations[-1]
        of = {name: first if name == "Q" else last for name in parts}
        arrays = {name: _array(part) for name, part in parts.items()}
        return Layer(layer.name, layer.role, arrays, heads, of)

    def _join(self, pieces: Sequence[Observations]) -> Observations:
        key = tuple(map(id, pieces))
        if key not in self._joined:
            self._joined[key] = _joined(pieces, self.texts or None)
        return self._joined[key]

    def token_ids(self) -> Iterator[int]:
        """Every token id that was seen, once."""
        seen: set[int] = set()
        for recorded in self._recorded.values():
            for piece in recorded.observations:
                if piece.token_ids is not None:
                    seen.update(np.unique(piece.token_ids).tolist())
        return iter(sorted(seen))


def _past_length(given: Mapping[str, Any]) -> int:
    """Tokens that a cache already holds: the pass goes on where an earlier one ended."""
    cache = given.get("past_key_values")
    cache = given.get("cache") if cache is None else cache
    length = getattr(cache, "get_seq_length", lambda: 0)()
    return int(length)


def _token_mask(
    mask: Any, shape: Tuple[int, int], name: str
) -> Tuple[Optional[np.ndarray], np.ndarray]:
    """batch x tokens of booleans.

    A longer mask begins with what a cache holds; the observations in it are counted by row.
    """
    if mask is None:
        return None, np.ones(shape, dtype=bool)
    if mask.ndim != 2:
        raise InvalidArgument(
            f"{name} has {mask.ndim} dimensions, but which tokens are padding is told "
            "by one of batch x tokens"
        )
    whole = _numpy(mask) != 0
    cached = whole.shape[1] - shape[1]
    before = whole[:, :cached].sum(axis=1, keepdims=True) if cached > 0 else None
    return before, whole[:, max(cached, 0) :]


def _anonymous(lead: Sequence[int], first: int) -> Observations:
    """Rows that are no tokens: each of the first dimension is a segment, if there are more."""
    count = int(np.prod(lead))
    segments = int(lead[0]) if len(lead) > 1 else 1
    size = count // segments
    return Observations(
        np.repeat(np.arange(first, first + segments, dtype=np.int64), size),
        np.tile(np.arange(size, dtype=np.int64), segments),
    )


def _select(rows: Any, tokens: _Tokens, path: str) -> Any:
    """Rows of a batch x tokens, or of a batch that the model has freed of padding."""
    torch: Any = optional("torch", "a capture")
    batch, length = tokens.shape
    total = rows.shape[0]
    if total == batch * length:
        if tokens.mask.all():
            return rows.clone()
        return rows[torch.from_numpy(tokens.mask.reshape(-1)).to(rows.device)]
    if total == len(tokens.observations):
        return rows.clone()
    if tokens.past and total == batch * (length + tokens.past):
        newest = rows.unflatten(0, (batch, -1))[:, -length:]
        return _select(newest.flatten(0, 1), tokens, path)
    raise InvalidArgument(
        f"{path} puts out {total} rows of a batch of {batch} x {length} tokens: "
        "which of them are padding cannot be told"
    )


def attends_by_itself(model: Any, path: str) -> Unsupported:
    return Unsupported(
        f"{type(model).__name__} does not call transformers' AttentionInterface in {path}: its "
        "attention computes by itself (use point='projection')"
    )
