"""Queries, keys and values of a model while it reads: what `qkvsim.capture` is made of.

`capture` reads texts, `capturing` looks at any forward pass. torch and transformers are imported
where they are used and nowhere else.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import operator
import sys
from dataclasses import dataclass, field
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from ._capture_layers import (
    AttentionLayer,
    LayerChoice,
    LayerName,
    choose_layers,
    family_with,
    find_layers,
)
from ._capture_families import Family, register
from ._errors import Error, InvalidArgument, Unsupported, WrongType, optional

__all__ = ["Capture", "Layer", "Observations", "capture", "capturing", "register"]

POINTS = ("projection", "attention")
_REGISTERED = "qkvsim_capture_"


def _require(name: str) -> Any:
    return optional(name, "a capture")


@dataclass(frozen=True, eq=False)
class Observations:
    """What the rows of a part are.

    Attributes
    ----------
    segments : numpy.ndarray, int64, (observations,)
        The document of each observation, from 0.
    positions : numpy.ndarray, int64, (observations,)
        Its position in that document, padding not counted.
    token_ids : numpy.ndarray, int64, (observations,), or None
        None where they are no tokens (patches of an image) or were not given as ids.
    texts : dict of int to str, or None
        Text of each token id; None where no tokenizer was given.
    """

    segments: np.ndarray
    positions: np.ndarray
    token_ids: Optional[np.ndarray] = None
    texts: Optional[Mapping[int, str]] = None

    def __len__(self) -> int:
        return len(self.segments)

    @property
    def tokens(self) -> Optional[List[str]]:
        """Text of each observation."""
        if self.token_ids is None or self.texts is None:
            return None
        return [self.texts[int(token)] for token in self.token_ids]

    def where(self, token: Union[str, int]) -> np.ndarray:
        """Which observations are `token`, given as text or as id.

        Returns
        -------
        numpy.ndarray, bool, (observations,)

        Raises
        ------
        InvalidArgument
            Where none is; for text the message has the nearest that are.
        """
        if self.token_ids is None or (isinstance(token, str) and self.texts is None):
            raise InvalidArgument(f"there is no text of tokens to find {token!r} in")
        if not isinstance(token, str):
            found = self.token_ids == operator.index(token)
            if not found.any():
                raise InvalidArgument(f"no observation has the token id {token}")
            return np.asarray(found)
        assert self.texts is not None
        present = {self.texts[int(one)] for one in np.unique(self.token_ids)}
        if token not in present:
            raise InvalidArgument(f"no observation is the token {token!r}{_nearest(token, present)}")
        ids = [one for one, text in self.texts.items() if text == token]
        return np.isin(self.token_ids, ids)


def _nearest(token: str, present: Iterable[str]) -> str:
    near = sorted(text for text in present if text.strip().lower() == token.strip().lower())
    near += [text for text in difflib.get_close_matches(token, list(present)) if text not in near]
    return ": the nearest are " + ", ".join(map(repr, near[:5])) if near else ""


@dataclass(frozen=True, eq=False)
class Layer:
    """Queries, keys and values of one attention layer.

    Attributes
    ----------
    name : int or str
    role : str
        "self" or "cross".
    parts : dict of str to array, (observations, features)
        "Q", "K", "V", in the model's precision: NumPy arrays; of bfloat16, which NumPy does not
        have, ml_dtypes' where that is installed, else torch tensors. DeepSeek's have "K_rope"
        beside, the rotary key that all heads share.
    heads : dict of str to int
        Heads of each part; a head's features stand together.
    observations : dict of str to Observations
        Of each part: in cross-attention keys and values are of the encoder's tokens.
    """

    name: LayerName
    role: str
    parts: Mapping[str, Any]
    heads: Mapping[str, int]
    observations: Mapping[str, Observations]

    @property
    def _first(self) -> Observations:
        return next(iter(self.observations.values()))

    @property
    def tokens(self) -> Optional[List[str]]:
        """Text of each observation of Q."""
        return self._first.tokens

    @property
    def token_ids(self) -> Optional[np.ndarray]:
        """Token id of each observation of Q."""
        return self._first.token_ids

    @property
    def positions(self) -> np.ndarray:
        """Position of each observation of Q in its document."""
        return self._first.positions

    @property
    def segments(self) -> np.ndarray:
        """Document of each observation of Q."""
        return self._first.segments

    def where(self, token: Union[str, int]) -> np.ndarray:
        """Which observations of Q are `token`: see `Observations.where`."""
        return self._first.where(token)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {tuple(part.shape)}" for name, part in self.parts.items())
        return f"<Layer {self.name!r}, {self.role}-attention: {shapes}>"


@dataclass(eq=False)
class Capture:
    """Layers of a model, as captured or loaded.

    Attributes
    ----------
    layers : dict of int or str to Layer
        By index, or by a name such as "decoder.3.cross" where the model has several stacks.
    point : str
        "projection" or "attention".
    model : str
        The model's class.
    """

    point: str
    model: str
    layers: Dict[LayerName, Layer] = field(default_factory=dict)

    def save(self, path: Any) -> None:
        """Write a .safetensors file.

        Part P of layer L is its tensor "layers.L.P", so that the program reads all layers by
        `qkvsim analyze x.safetensors --tensor 'Q=layers.*.Q' --tensor 'K=layers.*.K' ...`.
        `qkvsim.load` reads it with everything else.
        """
        from ._capture_file import save_capture

        save_capture(self, path)

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.layers))
        return f"<Capture of {self.model} at the {self.point}: layers {names}>"


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
    torch = _require("torch")
    if tensor.dtype != torch.bfloat16:
        return tensor.numpy()
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return tensor
    return tensor.contiguous().view(torch.int16).numpy().view(bfloat16)


class _Recorder:
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
            raise _attends_by_itself(self.model, missing[0])
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
        torch = _require("torch")
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
    torch = _require("torch")
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


# --- the two points where a capture listens


@contextlib.contextmanager
def _projection_hooks(recorder: _Recorder) -> Iterator[None]:
    for layer in recorder.layers:
        if layer.problem:
            raise InvalidArgument(f"layer {layer.name} cannot be captured: {layer.problem}")
    with contextlib.ExitStack() as hooks:
        for layer in recorder.layers:
            for name, module in layer.projections().items():
                hook = _projection_hook(recorder, layer, name)
                hooks.callback(module.register_forward_hook(hook).remove)
        yield


def _projection_hook(
    recorder: _Recorder, layer: AttentionLayer, name: str
) -> Callable[[Any, Any, Any], None]:
    def hook(module: Any, inputs: Any, output: Any) -> None:
        recorder.record(layer, name, output)

    return hook


_LISTENING: Dict[int, Callable[[Any, Any, Any], None]] = {}
"""By the attention module's identity: who is told of the attention function's inputs."""


@contextlib.contextmanager
def _attention_functions(recorder: _Recorder) -> Iterator[None]:
    """Put a function before the attention function of each config that the model has."""
    modules = {id(layer.attention): layer for layer in recorder.layers}
    configs = {id(c): c for c in _attention_configs(recorder.model)}
    before = [(config, config._attn_implementation) for config in configs.values()]
    for key, layer in modules.items():
        _LISTENING[key] = _attention_listener(recorder, layer)
    try:
        for config, implementation in before:
            config._attn_implementation_internal = _listening_function(implementation or "eager")
        yield
    except KeyError as error:
        # Models of older transformers look the name up in a table of their own.
        if not str(error.args[0]).startswith(_REGISTERED):
            raise
        raise _attends_by_itself(recorder.model, next(iter(modules.values())).path) from error
    finally:
        for config, implementation in before:
            config._attn_implementation_internal = implementation
        for key in modules:
            del _LISTENING[key]


def _attends_by_itself(model: Any, path: str) -> Unsupported:
    return Unsupported(
        f"{type(model).__name__} does not call transformers' AttentionInterface in {path}: its "
        "attention computes by itself (use point='projection')"
    )


def _attention_configs(model: Any) -> Iterator[Any]:
    for module in model.modules():
        config = getattr(module, "config", None)
        if hasattr(config, "_attn_implementation_internal"):
            yield config


def _attention_listener(
    recorder: _Recorder, layer: AttentionLayer
) -> Callable[[Any, Any, Any], None]:
    def listen(query: Any, key: Any, value: Any) -> None:
        recorder.record(layer, "Q", query.transpose(1, 2), features=2)
        source = recorder.side(layer, "K")
        past = 0 if source is None else source.past
        if layer.role == "cross" and recorder.continuing:
            return
        for part, tensor in (("K", key), ("V", value)):
            newest = _newest(tensor, query.shape[2], past) if past else tensor
            recorder.record(layer, part, newest.transpose(1, 2), features=2)

    return listen


def _newest(tensor: Any, length: int, past: int) -> Any:
    """Of batch x heads x tokens x width those that this pass has added to a cache."""
    end = min(int(tensor.shape[2]), past + length)
    return tensor[:, :, end - length : end]


def _listening_function(implementation: str) -> str:
    """The name of an attention function that tells who listens and does as `implementation`."""
    if implementation.startswith(_REGISTERED):
        raise Error("the model's attention is being captured already")
    name = _REGISTERED + implementation
    utils = _require("transformers.modeling_utils")
    try:
        masks = importlib.import_module("transformers.masking_utils")
        functions = utils.ALL_ATTENTION_FUNCTIONS
        mask_functions = masks.ALL_MASK_ATTENTION_FUNCTIONS
    except (ImportError, AttributeError) as error:
        raise Unsupported(
            "point='attention' needs transformers with an AttentionInterface and its mask functions: "
            "pip install 'transformers>=4.53'"
        ) from error
    functions.register(name, _told(implementation))
    # Without a mask function of the same name transformers attends to padding silently.
    mask_functions.register(name, mask_functions[implementation])
    return name


def _told(implementation: str) -> Callable[..., Any]:
    def attention(module: Any, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        listen = _LISTENING.get(id(module))
        if listen is not None:
            listen(query, key, value)
        return _original(module, implementation)(module, query, key, value, *args, **kwargs)

    return attention


def _original(module: Any, implementation: str) -> Callable[..., Any]:
    """The function that the model calls without a capture: its own one if it is eager."""
    if implementation != "eager":
        utils = _require("transformers.modeling_utils")
        return utils.ALL_ATTENTION_FUNCTIONS[implementation]  # type: ignore[no-any-return]
    for kind in type(module).__mro__:
        eager = getattr(sys.modules.get(kind.__module__), "eager_attention_forward", None)
        if eager is not None:
            return eager  # type: ignore[no-any-return]
    raise Unsupported(f"{type(module).__name__} has no eager attention function to hand on to")


# --- what a user calls


@contextlib.contextmanager
def capturing(
    model: Any,
    tokenizer: Any = None,
    *,
    layers: LayerChoice = "all",
    point: str = "projection",
) -> Iterator[Capture]:
    """Capture every forward pass of `model` within a with statement.

    Parameters
    ----------
    model : torch.nn.Module
        Called as model(...): input_ids and attention_mask say which rows are observations.
        Tokens under an attention mask of 0 are none.
    tokenizer : optional
        Gives the tokens' texts.
    layers : "all", int, str or a sequence of these
        Indices or names of attention layers; the beginning of a name takes all that begin so.
    point : "projection" or "attention"
        What the projections put out, before norms and rotary embedding, or what the attention
        function gets, after them.

    Yields
    ------
    Capture
        Empty until the with statement ends. Each row of a batch is a document of its own, and
        what follows a cache goes on with its documents.

    Raises
    ------
    InvalidArgument
        Where the layers, or how they lay out Q, K and V, are not known.
    Error
        Where no pass was seen.
    Unsupported
        Where the model's attention is not transformers' AttentionInterface.

    Examples
    --------
    >>> import torch, qkvsim
    >>> with qkvsim.capturing(model, tokenizer, layers=1) as capture:
    ...     done = model(input_ids=torch.tensor([[5, 6, 7]]))
    >>> capture.layers[1].tokens
    [' w2', ' w3', ' w4']
    """
    recorder = _recorder(model, layers, point)
    capture = Capture(point, type(model).__name__)
    with _recording(recorder):
        yield capture
    recorder.check()
    if tokenizer is not None:
        recorder.texts = {token: _token_text(tokenizer, token) for token in recorder.token_ids()}
    recorder.finish(capture)


def _recorder(model: Any, layers: LayerChoice, point: str) -> _Recorder:
    if point not in POINTS:
        raise InvalidArgument(f"point is {point!r}, but must be 'projection' or 'attention'")
    _require("torch")
    return _Recorder(model, choose_layers(find_layers(model), layers), point)


@contextlib.contextmanager
def _recording(recorder: _Recorder) -> Iterator[None]:
    signature = inspect.signature(recorder.model.forward)

    def begin(module: Any, args: Any, kwargs: Any) -> None:
        given = signature.bind_partial(*args, **kwargs).arguments
        recorder.begin({**given.get("kwargs", {}), **given})

    def end(module: Any, inputs: Any, output: Any) -> None:
        recorder.end()

    listen = _projection_hooks if recorder.point == "projection" else _attention_functions
    with listen(recorder):
        before = recorder.model.register_forward_pre_hook(begin, with_kwargs=True)
        after = recorder.model.register_forward_hook(end, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()


def _token_text(tokenizer: Any, token: int) -> str:
    """A token as it stands in a text: with its space, which decoding alone may take away."""
    piece = tokenizer.convert_ids_to_tokens(token)
    if isinstance(piece, str) and piece.startswith("\u2581"):
        return piece.replace("\u2581", " ")
    return str(tokenizer.decode([token], clean_up_tokenization_spaces=False))


class _CaptureFunction:
    """Queries, keys and values of a model while it reads texts: `qkvsim.capture(model, ...)`.

    See `__call__` for the parameters; `qkvsim.capture.register` adds a family of models.
    """

    register = staticmethod(register)

    def __call__(
        self,
        model: Any,
        tokenizer: Any,
        text: Union[str, Sequence[str]],
        *,
        layers: LayerChoice = "all",
        point: str = "projection",
        window: Optional[int] = None,
        batch_size: int = 1,
        decoder_text: Optional[Union[str, Sequence[str]]] = None,
    ) -> Capture:
        """Capture what `model` computes while it reads `text`.

        Parameters
        ----------
        model : transformers.PreTrainedModel
            Put into evaluation mode while it reads.
        tokenizer : transformers tokenizer
        text : str or sequence of str
            Documents: the capture's segments.
        layers, point
            As in `capturing`.
        window : int, optional
            Tokens read at a time; longer documents are read window by window, each without what
            stands before it. None reads documents whole.
        batch_size : int
            Windows read at a time. 1 pads nothing; results of more differ in the last bits,
            since products of another shape are rounded otherwise.
        decoder_text : str or sequence of str, optional
            What an encoder-decoder model's decoder reads behind its start token, one for each
            document; the documents themselves if None.

        Returns
        -------
        Capture

        Raises
        ------
        InvalidArgument
            Also where a document is longer than the model reads at a time and no window is given.
        Missing
            Where torch is missing.

        Examples
        --------
        >>> import qkvsim
        >>> capture = qkvsim.capture(model, tokenizer, "w5 w6 w7 w5 w8", layers=[0, 1])
        >>> {name: part.shape for name, part in capture.layers[1].parts.items()}
        {'Q': (5, 32), 'K': (5, 16), 'V': (5, 16)}
        >>> capture.layers[1].where(" w5").tolist()
        [True, False, False, True, False]
        """
        torch = _require("torch")
        recorder = _recorder(model, layers, point)
        reading = _windows(model, tokenizer, _documents(text), window)
        decoding = _decoder_ids(model, tokenizer, reading, decoder_text)
        with torch.no_grad(), _evaluating(model), _recording(recorder):
            for first in range(0, len(reading), batch_size):
                batch = reading[first : first + batch_size]
                recorder.documents = [(one.document, one.begin) for one in batch]
                given = _inputs(tokenizer, [one.ids for one in batch], "")
                if decoding is not None:
                    rows = decoding[first : first + batch_size]
                    given.update(_inputs(tokenizer, rows, "decoder_"))
                _read(model, given)
        recorder.check()
        recorder.texts = {token: _token_text(tokenizer, token) for token in recorder.token_ids()}
        captured = Capture(point, type(model).__name__)
        recorder.finish(captured)
        return captured


capture = _CaptureFunction()


@dataclass(frozen=True)
class _Window:
    """Token ids that are read at a time, and where they begin in their document."""

    document: int
    begin: int
    ids: Sequence[int]


def _documents(text: Union[str, Sequence[str]]) -> List[str]:
    documents = [text] if isinstance(text, str) else list(text)
    if not documents:
        raise InvalidArgument("there is no text to read")
    for one in documents:
        if not isinstance(one, str):
            raise WrongType(f"text must be a str or several, but has a {type(one).__name__}")
    return documents


def _windows(
    model: Any, tokenizer: Any, documents: Sequence[str], window: Optional[int]
) -> List[_Window]:
    found = []
    limit = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    for document, text in enumerate(documents):
        # verbose=False: the tokenizer's own warning of long texts is this function's error.
        ids = tokenizer(text, verbose=False)["input_ids"]
        if not ids:
            raise InvalidArgument(f"text {document} has no tokens")
        size = window or len(ids)
        if isinstance(limit, int) and limit > 0 and min(size, len(ids)) > limit:
            raise InvalidArgument(
                f"text {document} has {len(ids)} tokens and the model reads {limit} at a time: "
                f"give a window, as window={limit}"
            )
        for begin in range(0, len(ids), size):
            found.append(_Window(document, begin, ids[begin : begin + size]))
    return found


def _decoder_ids(
    model: Any,
    tokenizer: Any,
    reading: Sequence[_Window],
    text: Optional[Union[str, Sequence[str]]],
) -> Optional[List[List[int]]]:
    """Start token and text of each window's decoder; None of a model without one."""
    if not getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        if text is not None:
            raise InvalidArgument("decoder_text is given, but the model has no decoder beside an encoder")
        return None
    start = getattr(getattr(model, "config", None), "decoder_start_token_id", None)
    if start is None:
        raise InvalidArgument("the model's config has no decoder_start_token_id")
    if text is None:
        return [[start] + list(window.ids)[:-1] for window in reading]
    rows = [tokenizer(one)["input_ids"] for one in _documents(text)]
    if len(rows) != len(reading):
        raise InvalidArgument(f"there are {len(rows)} decoder texts for {len(reading)} windows of text")
    return [[start] + list(row) for row in rows]


def _inputs(tokenizer: Any, rows: Sequence[Sequence[int]], side: str) -> Dict[str, Any]:
    """Token ids and mask of a batch, padded on the tokenizer's side."""
    torch = _require("torch")
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), _padding(tokenizer, rows), dtype=torch.long)
    mask = torch.zeros_like(ids)
    left = getattr(tokenizer, "padding_side", "right") == "left"
    for place, row in enumerate(rows):
        begin = longest - len(row) if left else 0
        ids[place, begin : begin + len(row)] = torch.tensor(row)
        mask[place, begin : begin + len(row)] = 1
    return {side + "input_ids": ids, side + "attention_mask": mask}


def _padding(tokenizer: Any, rows: Sequence[Sequence[int]]) -> int:
    """Any token pads where the mask says that it is none."""
    padding = getattr(tokenizer, "pad_token_id", None)
    return int(rows[0][0] if padding is None else padding)


def _read(model: Any, given: Dict[str, Any]) -> None:
    accepted = inspect.signature(model.forward).parameters
    mask = given.get("attention_mask")
    if "position_ids" in accepted and "position_ids" not in given and "input_ids" in given:
        # Left padding would else move tokens to later positions.
        if mask is not None and bool((mask == 0).any()) and not _offsets_positions(model):
            given["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    if "use_cache" in accepted:
        given["use_cache"] = False
    device = next(model.parameters()).device
    model(**{n: v.to(device) if hasattr(v, "to") else v for n, v in given.items()})


def _read_once(
    model: Any,
    layers: LayerChoice,
    point: str,
    given: Mapping[str, Any],
    documents: Sequence[Tuple[int, int]],
) -> Capture:
    """The capture of one pass, whose rows are of these documents, from these positions on."""
    torch = _require("torch")
    recorder = _recorder(model, layers, point)
    recorder.documents = documents
    with torch.no_grad(), _recording(recorder):
        _read(model, dict(given))
    recorder.check()
    captured = Capture(point, type(model).__name__)
    recorder.finish(captured)
    return captured


def _offsets_positions(model: Any) -> bool:
    """Whether positions begin behind the padding token's index, as RoBERTa counts them."""
    return any(
        getattr(module, "padding_idx", None) is not None
        for path, module in model.named_modules()
        if path.endswith("position_embeddings") or path.endswith("embed_positions")
    )


@contextlib.contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
