"""Where a capture listens to a model: at its projections, or at its attention function."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from typing import Any, Callable, Dict, Iterator

from ._capture_layers import AttentionLayer
from ._capture_recorder import Recorder, attends_by_itself
from ._errors import Error, InvalidArgument, Unsupported, optional

_REGISTERED = "qkvsim_capture_"


@contextlib.contextmanager
def _projection_hooks(recorder: Recorder) -> Iterator[None]:
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
    recorder: Recorder, layer: AttentionLayer, name: str
) -> Callable[[Any, Any, Any], None]:
    def hook(module: Any, inputs: Any, output: Any) -> None:
        recorder.record(layer, name, output)

    return hook


_LISTENING: Dict[int, Callable[[Any, Any, Any], None]] = {}
"""By the attention module's identity: who is told of the attention function's inputs."""


@contextlib.contextmanager
def _attention_functions(recorder: Recorder) -> Iterator[None]:
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
        raise attends_by_itself(recorder.model, next(iter(modules.values())).path) from error
    finally:
        for config, implementation in before:
            config._attn_implementation_internal = implementation
        for key in modules:
            del _LISTENING[key]


def _attention_configs(model: Any) -> Iterator[Any]:
    for module in model.modules():
        config = getattr(module, "config", None)
        if hasattr(config, "_attn_implementation_internal"):
            yield config


def _attention_listener(
    recorder: Recorder, layer: AttentionLayer
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
    utils: Any = optional("transformers.modeling_utils", "a capture")
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
        utils: Any = optional("transformers.modeling_utils", "a capture")
        return utils.ALL_ATTENTION_FUNCTIONS[implementation]  # type: ignore[no-any-return]
    for kind in type(module).__mro__:
        eager = getattr(sys.modules.get(kind.__module__), "eager_attention_forward", None)
        if eager is not None:
            return eager  # type: ignore[no-any-return]
    raise Unsupported(f"{type(module).__name__} has no eager attention function to hand on to")


@contextlib.contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
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
