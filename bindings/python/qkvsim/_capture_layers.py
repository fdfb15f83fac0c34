"""Which modules of a model are its attention layers, what they are called and where Q, K, V are.

Modules are looked at by name and by the config nearest to them; torch itself is not imported.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import AbstractSet, Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ._capture_families import REFUSED, Family, Geometry, families, stated
from ._errors import InvalidArgument

LayerName = Union[int, str]
LayerChoice = Union[str, int, Iterable[LayerName]]

_HEADS = ("num_heads", "num_attention_heads", "n_heads", "n_head")
_KEY_HEADS = ("num_key_value_heads", "num_kv_heads", "kv_heads")
_WIDTH = ("head_dim", "attention_head_size", "head_size", "key_value_proj_dim", "dim_per_head")
_HIDDEN = ("hidden_size", "embed_dim", "d_model", "n_embd", "dim")
_CROSS = re.compile(r"cross|enc_?dec|encoder_attn", re.IGNORECASE)
_SHOWN = 20


@dataclass(frozen=True)
class AttentionLayer:
    """One attention of a model.

    Attributes
    ----------
    name : int or str
        The layer's index where the model has one stack of layers, else as "decoder.3.cross".
    index : int
    role : str
        "self" or "cross".
    path : str
        The attention's name among the model's modules.
    attention, config
        The module, and the config nearest to it.
    family : Family or None
        None where its projections are not known; `problem` then says why.
    geometry : Geometry or None
    problem : str
    """

    name: LayerName
    index: int
    role: str
    path: str
    attention: Any
    config: Any
    family: Optional[Family]
    geometry: Optional[Geometry]
    problem: str = ""

    def projections(self) -> Dict[str, Any]:
        """Names to modules of the projections, in the family's order."""
        assert self.family is not None
        return {name: getattr(self.attention, name) for name in self.family.modules}

    def part_of(self, name: str) -> str:
        """Q where `name`, of a module or a part, is the queries', else K."""
        first = self.family.modules[0] if self.family is not None else "Q"
        return "Q" if name in ("Q", first) else "K"


def find_layers(model: Any) -> List[AttentionLayer]:
    """All attention layers of `model`, in the order of its modules.

    Parameters
    ----------
    model : torch.nn.Module

    Returns
    -------
    list of AttentionLayer

    Raises
    ------
    InvalidArgument
        Where the model is known to be without projections to look at, or no attention of a known
        kind is in it.
    """
    configs = dict(_configs(model))
    _check_refused(model, configs.values())
    names = {name for family in families() for name in family.modules}
    found = {
        path: module
        for path, module in model.named_modules()
        if any(name in names and _width_of(child) for name, child in _children(module))
    }
    if not found:
        raise InvalidArgument(_nothing_found(model))
    named = _layer_names(tuple(found))
    return [
        _layer(named[path], path, module, _nearest(configs, path)) for path, module in found.items()
    ]


def choose_layers(layers: Sequence[AttentionLayer], choice: LayerChoice) -> List[AttentionLayer]:
    """Those of `layers` that `choice` names: "all", an index, a name or its beginning, or several.

    Raises
    ------
    InvalidArgument
        Where a choice names no layer; the message has the names that there are.
    """
    if isinstance(choice, str) and choice == "all":
        return list(layers)
    single = isinstance(choice, str) or hasattr(choice, "__index__")
    wanted = [choice] if single else list(choice)  # type: ignore[arg-type]
    chosen: Dict[str, AttentionLayer] = {}
    for one in wanted:
        matching = [layer for layer in layers if _is_named(layer, one)]
        if not matching:
            raise InvalidArgument(f"no layer {one!r}: the model has {_names_shown(layers)}")
        chosen.update((layer.path, layer) for layer in matching)
    return [layer for layer in layers if layer.path in chosen]


def _is_named(layer: AttentionLayer, choice: Any) -> bool:
    if isinstance(choice, str):
        return str(layer.name) == choice or str(layer.name).startswith(choice + ".")
    return layer.index == operator.index(choice)


def _names_shown(layers: Sequence[AttentionLayer]) -> str:
    names = [str(layer.name) for layer in layers]
    if len(names) > _SHOWN:
        names = names[: _SHOWN // 2] + ["..."] + names[-_SHOWN // 2 :]
    return ", ".join(names)


def _children(module: Any) -> Iterator[Tuple[str, Any]]:
    for name, child in module.named_children():
        yield name, child


def _width_of(module: Any) -> Optional[int]:
    """Features that a linear module puts out; None of any other module."""
    if hasattr(module, "kernel_size"):
        return None
    for name in ("out_features", "nf"):
        if isinstance(getattr(module, name, None), int):
            return int(getattr(module, name))
    inner = getattr(module, "linear", None) or getattr(module, "base_layer", None)
    return None if inner is None else _width_of(inner)


def _configs(model: Any) -> Iterator[Tuple[str, Any]]:
    """Paths of modules that have a config of their own."""
    for path, module in model.named_modules():
        config = getattr(module, "config", None)
        if config is not None:
            yield path, config


def _nearest(configs: Mapping[str, Any], path: str) -> Any:
    while path not in configs and path:
        path = path.rpartition(".")[0]
    return configs.get(path)


def _model_type(config: Any) -> str:
    return str(getattr(config, "model_type", "") or "")


def _check_refused(model: Any, configs: Iterable[Any]) -> None:
    for config in configs:
        why = REFUSED.get(_model_type(config))
        if why is not None:
            name = type(model).__name__
            raise InvalidArgument(f"{name} ({_model_type(config)}) cannot be captured: {why}")


def _linear_names(model: Any) -> List[str]:
    """Names of linear modules, with * for numbers, each once."""
    linear = (path for path, module in model.named_modules() if path and _width_of(module))
    return list(dict.fromkeys(re.sub(r"\d+", "*", path) for path in linear))


def _nothing_found(model: Any) -> str:
    names = _linear_names(model)
    seen = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    raw = [path for path, _ in model.named_parameters() if path.endswith("in_proj_weight")]
    message = f"{type(model).__name__} has no q, k and v projections of a known family: "
    if raw:
        message += f"Q, K and V are raw parameters ({raw[0]}), without a module to put a hook on; "
    return (
        message + f"linear modules seen: {seen or 'none'} (qkvsim.capture.register adds a family)"
    )


def _layer(
    named: Tuple[LayerName, int, str], path: str, attention: Any, config: Any
) -> AttentionLayer:
    name, index, role = named
    family, geometry, problem = None, None, ""
    try:
        family = _family_of(path, attention, config)
        geometry = _geometry(path, attention, config, family)
    except InvalidArgument as error:
        problem = str(error)
    return AttentionLayer(name, index, role, path, attention, config, family, geometry, problem)


def family_with(modules: AbstractSet[str], config: Any) -> Optional[Family]:
    """The first family that takes no other modules than these, and that holds for the config."""
    model_type = _model_type(config)
    for family in families():
        known = family.model_types is None or model_type in family.model_types
        if known and modules >= set(family.modules) and family.when(config):
            return family
    return None


def _family_of(path: str, attention: Any, config: Any) -> Family:
    children = [name for name, child in _children(attention) if _width_of(child)]
    family = family_with(set(children), config)
    if family is not None:
        return family
    seen = ", ".join(f"{path}.{name}" for name in children)
    raise InvalidArgument(
        f"how Q, K and V are laid out in {seen} is not known of model type "
        f"{_model_type(config)!r} (qkvsim.capture.register adds a family)"
    )


def _geometry(path: str, attention: Any, config: Any, family: Family) -> Geometry:
    """Heads as the attention and its config state them, held against the modules' widths."""
    widths = tuple(_width_of(getattr(attention, name)) or 0 for name in family.modules)
    heads = stated(attention, config, _HEADS)
    if heads is None:
        raise InvalidArgument(f"neither {path} nor its config says how many heads it has")
    width = stated(attention, config, _WIDTH) or _hidden_share(path, attention, config, heads)
    geometry = Geometry(heads, _key_heads(attention, config, heads), width, attention, config)
    expected = family.layout.widths(geometry)
    if widths != expected:
        shown = ", ".join(f"{name} {size}" for name, size in zip(family.modules, widths))
        raise InvalidArgument(
            f"{path} puts out {shown} features, but {heads} heads ({geometry.key_heads} of keys) of "
            f"{width} want {', '.join(map(str, expected))} (laid out as {family.name}; "
            "qkvsim.capture.register adds a family)"
        )
    return geometry


def _key_heads(attention: Any, config: Any, heads: int) -> int:
    found = stated(attention, config, _KEY_HEADS)
    if found is None:
        found = stated(getattr(config, "attn_config", None), None, ("kv_n_heads",))
    return heads if found is None else found


def _hidden_share(path: str, attention: Any, config: Any, heads: int) -> int:
    inner = stated(attention, None, ("internal_dim",))
    hidden = inner or stated(attention, config, _HIDDEN)
    if hidden is None:
        raise InvalidArgument(f"neither {path} nor its config says how wide its heads are")
    return hidden // heads


def _layer_names(paths: Sequence[str]) -> Dict[str, Tuple[LayerName, int, str]]:
    """Path to name, index and role.

    A stack is the paths that differ in numbers alone.
    """
    stacks: Dict[str, List[str]] = {}
    for path in paths:
        stacks.setdefault(re.sub(r"\b\d+\b", "*", path), []).append(path)
    labels = _stack_labels(tuple(stacks))
    named: Dict[str, Tuple[LayerName, int, str]] = {}
    for stack, members in stacks.items():
        prefix, role = labels[stack]
        suffix = role if sum(label[0] == prefix for label in labels.values()) > 1 else ""
        for path, index in zip(members, _indices(members)):
            parts = [part for part in (prefix, str(index), suffix) if part]
            name: LayerName = index if len(stacks) == 1 else ".".join(parts)
            named[path] = (name, index, role)
    return named


def _stack_labels(stacks: Sequence[str]) -> Dict[str, Tuple[str, str]]:
    """For each stack what stands before its number, without what all share, and its role."""
    prefixes = [stack.split(".*")[0].split(".")[:-1] for stack in stacks]
    shared = 0
    while len({tuple(prefix[: shared + 1]) for prefix in prefixes}) == 1 and shared < min(
        map(len, prefixes)
    ):
        shared += 1
    labels = {
        stack: (".".join(prefix[shared:]), "cross" if _CROSS.search(stack) else "self")
        for stack, prefix in zip(stacks, prefixes)
    }
    if len(set(labels.values())) < len(stacks):
        return {stack: (stack.replace(".*", ""), role) for stack, (_, role) in labels.items()}
    return labels


def _indices(paths: Sequence[str]) -> List[int]:
    """The number in which the paths differ, else their order."""
    numbers = [tuple(map(int, re.findall(r"\b\d+\b", path))) for path in paths]
    if not numbers[0]:
        return list(range(len(paths)))
    differing = [place for place in range(len(numbers[0])) if len({n[place] for n in numbers}) > 1]
    if len(paths) == 1:
        return [numbers[0][0]]
    return [n[differing[0]] for n in numbers] if len(differing) == 1 else list(range(len(paths)))
