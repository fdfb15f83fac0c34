"""How models lay out queries, keys and values: which modules, and which of their columns.

A family is found by the names of an attention's submodules and by the model's config, never by
a class. Everything here is arithmetic on names, widths and columns: torch is not imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from ._errors import InvalidArgument

Parts = Dict[str, Any]


@dataclass(frozen=True)
class Geometry:
    """The heads of one attention.

    Attributes
    ----------
    heads, key_heads : int
        Query heads, and the key and value heads that they share.
    width : int
        Features of a query head, and of a key head.
    attention, config
        The module itself and the config nearest to it, for rules that need more.
    """

    heads: int
    key_heads: int
    width: int
    attention: Any
    config: Any

    def number(self, name: str) -> int:
        """A whole number that the attention or its config states as `name`."""
        found = stated(self.attention, self.config, (name,))
        if found is None:
            raise InvalidArgument(f"neither the attention nor its config has {name}")
        return found


@dataclass(frozen=True)
class Layout:
    """Columns of projections.

    Attributes
    ----------
    widths : callable
        Geometry to the features that each module of the family puts out.
    split : callable
        The modules' outputs, observations x features, in the family's order, to parts.
    heads : callable
        Geometry to the number of heads of each part.
    """

    widths: Callable[[Geometry], Tuple[int, ...]]
    split: Callable[[Sequence[Any], Geometry], Parts]
    heads: Callable[[Geometry], Dict[str, int]]


@dataclass(frozen=True)
class Family:
    """Models whose attention has submodules of these names, laid out alike.

    Attributes
    ----------
    name : str
    modules : tuple of str
        Names of the attention's direct submodules.
    layout : Layout
    model_types : frozenset of str or None
        `model_type` of the configs that it holds for; None for modules that hold one part each,
        where nothing can be split wrongly.
    when : callable
        Config to whether it holds.
    repeated : bool
        Whether the modules are called again in one pass on something that is no token (DeBERTa's
        relative positions): then the first call counts.
    """

    name: str
    modules: Tuple[str, ...]
    layout: Layout
    model_types: Optional[frozenset[str]] = None
    when: Callable[[Any], bool] = lambda config: True
    repeated: bool = False


def stated(attention: Any, config: Any, names: Iterable[str]) -> Optional[int]:
    """The first of `names` that the attention, else its config, states as a whole number."""
    names = tuple(names)
    for holder in (attention, config):
        for name in names:
            number = getattr(holder, name, None)
            if isinstance(number, int) and not isinstance(number, bool):
                return number
    return None


def _qkv_heads(geometry: Geometry) -> Dict[str, int]:
    return {"Q": geometry.heads, "K": geometry.key_heads, "V": geometry.key_heads}


def _ranges(output: Any, widths: Mapping[str, int]) -> Parts:
    """Blocks of neighbouring columns, in the order of `widths`."""
    parts, begin = {}, 0
    for name, width in widths.items():
        parts[name] = output[:, begin : begin + width]
        begin += width
    return parts


def _by_head(output: Any, *shape: int) -> Any:
    return output.reshape(len(output), *shape)


def _flat(output: Any) -> Any:
    """observations x heads x ... x width to observations x features."""
    features = 1
    for size in output.shape[1:]:
        features *= size
    return output.reshape(len(output), features)


def _blocked_widths(geometry: Geometry) -> Dict[str, int]:
    keys = geometry.key_heads * geometry.width
    return {"Q": geometry.heads * geometry.width, "K": keys, "V": keys}


def _fused_width(geometry: Geometry) -> Tuple[int]:
    return (sum(_blocked_widths(geometry).values()),)


def _split_parts(outputs: Sequence[Any], geometry: Geometry) -> Parts:
    return dict(zip("QKV", outputs))


def _split_blocked(outputs: Sequence[Any], geometry: Geometry) -> Parts:
    return _ranges(outputs[0], _blocked_widths(geometry))


def _split_grouped(outputs: Sequence[Any], geometry: Geometry) -> Parts:
    """For each key head its query heads, then the key, then the value."""
    queries = geometry.heads // geometry.key_heads
    shape = (geometry.key_heads, queries + 2, geometry.width)
    heads = _by_head(outputs[0], *shape)
    return {"Q": _flat(heads[:, :, :-2]), "K": _flat(heads[:, :, -2]), "V": _flat(heads[:, :, -1])}


def _split_gated(outputs: Sequence[Any], geometry: Geometry) -> Parts:
    """Each query head is followed by its gate, which goes on to the output and not to scores."""
    query, key, value = outputs
    query = _by_head(query, geometry.heads, 2, geometry.width)[:, :, 0]
    return {"Q": _flat(query), "K": key, "V": value}


CODEGEN_SHARDS = 4


def _split_shards(outputs: Sequence[Any], geometry: Geometry) -> Parts:
    """Four shards of query, value, key: those of the machines that CodeGen was trained on."""
    local = geometry.heads * geometry.width // CODEGEN_SHARDS
    shards = _by_head(outputs[0], CODEGEN_SHARDS, 3, local)
    return {"Q": _flat(shards[:, :, 0]), "K": _flat(shards[:, :, 2]), "V": _flat(shards[:, :, 1])}


def _split_cross(outputs: Sequence[Any], geometry: Geometry) -> Parts:
    width = geometry.heads * geometry.width
    return {"Q": outputs[0], **_ranges(outputs[1], {"K": width, "V": width})}


def _latent_widths(geometry: Geometry) -> Tuple[int, ...]:
    plain, rotary = geometry.number("qk_nope_head_dim"), geometry.number("qk_rope_head_dim")
    return (
        geometry.heads * (plain + rotary),
        geometry.heads * (plain + geometry.number("v_head_dim")),
        geometry.number("kv_lora_rank") + rotary,
    )


def _split_latent(outputs: Sequence[Any], geometry: Geometry) -> Parts:
    """Per head a key without rotary embedding and a value; one rotary key for all heads."""
    plain, value = geometry.number("qk_nope_head_dim"), geometry.number("v_head_dim")
    heads = _by_head(outputs[1], geometry.heads, plain + value)
    return {
        "Q": outputs[0],
        "K": _flat(heads[:, :, :plain]),
        "V": _flat(heads[:, :, plain:]),
        "K_rope": outputs[2][:, geometry.number("kv_lora_rank") :],
    }


def _latent_heads(geometry: Geometry) -> Dict[str, int]:
    return {"Q": geometry.heads, "K": geometry.heads, "V": geometry.heads, "K_rope": 1}


def _parts_widths(geometry: Geometry) -> Tuple[int, ...]:
    return tuple(_blocked_widths(geometry).values())


def _gated_widths(geometry: Geometry) -> Tuple[int, ...]:
    query, key, value = _parts_widths(geometry)
    return (2 * query, key, value)


def _cross_widths(geometry: Geometry) -> Tuple[int, ...]:
    query = geometry.heads * geometry.width
    return (query, 2 * query)


def _query_heads(geometry: Geometry) -> Dict[str, int]:
    return {"Q": geometry.heads}


LAYOUTS: Dict[str, Layout] = {
    "parts": Layout(_parts_widths, _split_parts, _qkv_heads),
    "blocked": Layout(_fused_width, _split_blocked, _qkv_heads),
    "interleaved": Layout(_fused_width, _split_grouped, _qkv_heads),
    "gated": Layout(_gated_widths, _split_gated, _qkv_heads),
    "shards": Layout(_fused_width, _split_shards, _qkv_heads),
    "cross": Layout(_cross_widths, _split_cross, _qkv_heads),
    "latent": Layout(_latent_widths, _split_latent, _latent_heads),
    "query": Layout(lambda g: (g.heads * g.width,), lambda o, g: {"Q": o[0]}, _query_heads),
}
"""`blocked` is all of Q, then K, then V; `interleaved` per key head its queries, key and value,
which without grouped queries is [head, 3, width]."""


def _family(
    name: str,
    modules: str,
    layout: str,
    types: str = "",
    when: Callable[[Any], bool] = lambda config: True,
    repeated: bool = False,
) -> Family:
    model_types = frozenset(types.split()) if types else None
    return Family(name, tuple(modules.split()), LAYOUTS[layout], model_types, when, repeated)


def _multi_query(config: Any) -> bool:
    return bool(getattr(config, "multi_query", False))


def _new_falcon(config: Any) -> bool:
    return bool(getattr(config, "new_decoder_architecture", False))


def _shares_keys(config: Any) -> bool:
    return bool(getattr(config, "num_kv_shared_layers", 0))


_GATED = "qwen3_next qwen3_5 qwen3_5_text qwen3_5_moe qwen3_5_moe_text"
_GPT2_LIKE = "gpt2 decision_transformer imagegpt"
_LATENT = "deepseek_v2 deepseek_v3"
_VISION = (
    "blip_vision_model blip_2_vision_model instructblip_vision_model sam_vision_model "
    "sam_hq_vision_model qwen2_vl qwen2_vl_vision qwen2_5_vl qwen2_5_vl_vision qwen3_vl "
    "qwen3_vl_vision"
)

_FAMILIES: List[Family] = [
    _family("GPT-2's cross-attention", "q_attn c_attn", "cross", _GPT2_LIKE),
    _family("GPT-2", "c_attn", "blocked", "openai-gpt " + _GPT2_LIKE),
    _family("GPT-BigCode, multi-query", "c_attn", "blocked", "gpt_bigcode", _multi_query),
    _family("GPT-BigCode", "c_attn", "interleaved", "gpt_bigcode"),
    _family("Bark", "att_proj", "blocked", "bark semantic coarse_acoustics fine_acoustics"),
    _family("MPT, ModernBERT, DBRX", "Wqkv", "blocked", "mpt modernbert dbrx"),
    _family("BLIP, SAM, Qwen-VL's vision tower", "qkv", "blocked", _VISION),
    _family("Phi-3", "qkv_proj", "blocked", "phi3 phi4_multimodal"),
    _family("CodeGen", "qkv_proj", "shards", "codegen"),
    _family("Falcon", "query_key_value", "interleaved", "falcon", _new_falcon),
    _family("Falcon, multi-query", "query_key_value", "blocked", "falcon", _multi_query),
    _family(
        "GPT-NeoX, BLOOM, Falcon-RW, Persimmon",
        "query_key_value",
        "interleaved",
        "gpt_neox gpt_neox_japanese bloom falcon persimmon",
    ),
    _family("InternLM2", "wqkv", "interleaved", "internlm2"),
    _family("DeepSeek", "q_b_proj kv_b_proj kv_a_proj_with_mqa", "latent", _LATENT),
    _family("DeepSeek, Lite", "q_proj kv_b_proj kv_a_proj_with_mqa", "latent", _LATENT),
    _family("Qwen3-Next", "q_proj k_proj v_proj", "gated", _GATED),
    _family("Llama, OPT, BART", "q_proj k_proj v_proj", "parts"),
    _family("BERT, ViT", "query key value", "parts"),
    _family("DistilBERT", "q_lin k_lin v_lin", "parts"),
    _family("T5", "q k v", "parts"),
    _family("DeBERTa-v2", "query_proj key_proj value_proj", "parts", repeated=True),
    _family(
        "Gemma3n, layers that share keys and values",
        "q_proj",
        "query",
        "gemma3n gemma3n_text gemma4 gemma4_text",
        _shares_keys,
    ),
]

REFUSED: Dict[str, str] = {
    "squeezebert": "its query, key and value are convolutions in groups over "
    "batch x features x tokens, which are no projections of a token",
    "xlnet": "its q, k and v are raw parameters, multiplied without a module that a hook could be on",
    "jetmoe": "its queries come from experts, chosen token by token, and share one kv_proj",
    "albert": "one set of projections serves every layer, so that a module does not tell the layer",
}
"""`model_type` to why the model's projections cannot be captured."""


def register(
    name: str,
    modules: Union[str, Sequence[str]],
    layout: Union[str, Layout],
    model_types: Optional[Union[str, Iterable[str]]] = None,
    when: Callable[[Any], bool] = lambda config: True,
) -> Family:
    """Add a family of models, to be looked at before all that are there.

    Parameters
    ----------
    name : str
        For messages.
    modules : str or sequence of str
        Names of the attention's direct submodules: one that is fused, or those of Q, K and V.
    layout : str or Layout
        Of `LAYOUTS`: "parts" (three modules), "blocked" (all of Q, then K, then V; key heads as
        the config says), "interleaved" (per key head its queries, key and value), "gated", or
        a `Layout` of one's own.
    model_types : str or iterable of str, optional
        `config.model_type` of the models that it holds for; None for any model.
    when : callable, optional
        Config to whether it holds.

    Returns
    -------
    Family

    Examples
    --------
    >>> register("Baichuan", "W_pack", "blocked", model_types="baichuan").modules
    ('W_pack',)
    """
    if isinstance(layout, str) and layout not in LAYOUTS:
        raise InvalidArgument(f"layout is {layout!r}, but must be one of {', '.join(LAYOUTS)}")
    types = (model_types,) if isinstance(model_types, str) else model_types
    family = Family(
        name,
        (modules,) if isinstance(modules, str) else tuple(modules),
        LAYOUTS[layout] if isinstance(layout, str) else layout,
        None if types is None else frozenset(types),
        when,
    )
    _FAMILIES.insert(0, family)
    return family


def families() -> Tuple[Family, ...]:
    """All families, in the order in which they are tried."""
    return tuple(_FAMILIES)
