"""Texts to a model's input, and the model to reading them."""

from __future__ import annotations

import contextlib
import inspect
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Sequence, Union

from ._errors import InvalidArgument, WrongType, optional


@dataclass(frozen=True)
class Window:
    """Token ids that are read at a time, and where they begin in their document."""

    document: int
    begin: int
    ids: Sequence[int]


def documents_of(text: Union[str, Sequence[str]]) -> List[str]:
    documents = [text] if isinstance(text, str) else list(text)
    if not documents:
        raise InvalidArgument("there is no text to read")
    for one in documents:
        if not isinstance(one, str):
            raise WrongType(f"text must be a str or several, but has a {type(one).__name__}")
    return documents


def windows_of(
    model: Any, tokenizer: Any, documents: Sequence[str], window: Optional[int]
) -> List[Window]:
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
            found.append(Window(document, begin, ids[begin : begin + size]))
    return found


def decoder_ids(
    model: Any,
    tokenizer: Any,
    reading: Sequence[Window],
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
    rows = [tokenizer(one)["input_ids"] for one in documents_of(text)]
    if len(rows) != len(reading):
        raise InvalidArgument(f"there are {len(rows)} decoder texts for {len(reading)} windows of text")
    return [[start] + list(row) for row in rows]


def inputs_of(tokenizer: Any, rows: Sequence[Sequence[int]], side: str) -> Dict[str, Any]:
    """Token ids and mask of a batch, padded on the tokenizer's side."""
    torch: Any = optional("torch", "a capture")
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


def read(model: Any, given: Dict[str, Any]) -> None:
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


def _offsets_positions(model: Any) -> bool:
    """Whether positions begin behind the padding token's index, as RoBERTa counts them."""
    return any(
        getattr(module, "padding_idx", None) is not None
        for path, module in model.named_modules()
        if path.endswith("position_embeddings") or path.endswith("embed_positions")
    )


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def token_text(tokenizer: Any, token: int) -> str:
    """A token as it stands in a text: with its space, which decoding alone may take away."""
    piece = tokenizer.convert_ids_to_tokens(token)
    if isinstance(piece, str) and piece.startswith("\u2581"):
        return piece.replace("\u2581", " ")
    return str(tokenizer.decode([token], clean_up_tokenization_spaces=False))
