"""Captures as .safetensors files: an eight-byte length, a JSON header, the tensors' bytes.

Written and read without the safetensors package, so that a capture can be loaded where neither it
nor torch is installed; the arrays of a loaded capture are read-only views of the mapped file.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np

from ._captured import Capture, Layer, Observations
from ._errors import InvalidArgument, Missing, WrongType

_FORMAT = 1
_ALIGNMENT = 8
_DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}
_FIELDS = ("segments", "positions", "token_ids")


def save_capture(capture: Capture, path: Any) -> None:
    """Write `capture` to `path`: see `Capture.save`."""
    tensors: Dict[str, Tuple[str, np.ndarray]] = {}
    observations: List[Observations] = []
    described = [_describe(layer, observations) for layer in capture.layers.values()]
    for place, one in enumerate(observations):
        for name in _FIELDS:
            values = getattr(one, name)
            if values is not None:
                tensors[f"observations.{place}.{name}"] = ("I64", values)
    for layer in capture.layers.values():
        for name, part in layer.parts.items():
            tensors[f"layers.{layer.name}.{name}"] = _bits(part)
    texts: Dict[int, str] = {}
    for one in observations:
        texts.update(one.texts or {})
    about = {
        "format": _FORMAT,
        "point": capture.point,
        "model": capture.model,
        "layers": described,
        "texts": texts,
    }
    _write(path, tensors, {"qkvsim": json.dumps(about)})


def load(path: Any) -> Capture:
    """Read what `Capture.save` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Capture
        Its arrays are read-only views of the mapped file; bfloat16 as in `Layer.parts`.

    Raises
    ------
    InvalidArgument
        Where the file is no capture.

    Examples
    --------
    >>> import qkvsim
    >>> qkvsim.capture(model, tokenizer, "w5 w6 w7", layers=1).save("x.safetensors")
    >>> qkvsim.load("x.safetensors").layers[1].tokens
    [' w5', ' w6', ' w7']
    """
    header, data = _read(path)
    metadata = header.pop("__metadata__", {})
    if "qkvsim" not in metadata:
        raise InvalidArgument(f"{os.fspath(path)} is no capture (qkvsim.capture(...).save writes one)")
    about = json.loads(metadata["qkvsim"])
    if about["format"] > _FORMAT:
        raise InvalidArgument(f"{os.fspath(path)} has format {about['format']}, and {_FORMAT} is known")
    arrays = {name: _view(data, entry) for name, entry in header.items()}
    texts = {int(token): text for token, text in about["texts"].items()} or None
    captured = Capture(about["point"], about["model"])
    observations = _observations(arrays, texts)
    for described in about["layers"]:
        layer = _layer(described, arrays, observations)
        captured.layers[layer.name] = layer
    return captured


def _describe(layer: Layer, observations: List[Observations]) -> Dict[str, Any]:
    """A layer without its arrays; `observations` gets those that it has not."""
    places = {}
    for name, one in layer.observations.items():
        known = next((i for i, other in enumerate(observations) if other is one), None)
        if known is None:
            observations.append(one)
        places[name] = len(observations) - 1 if known is None else known
    return {
        "name": layer.name,
        "role": layer.role,
        "heads": dict(layer.heads),
        "observations": places,
    }


def _bits(part: Any) -> Tuple[str, np.ndarray]:
    """dtype as safetensors name it, and an array whose bytes are the part's."""
    if type(part).__module__.split(".")[0] == "torch":
        import torch

        if part.dtype == torch.bfloat16:
            return "BF16", part.contiguous().view(torch.int16).numpy()
        part = part.numpy()
    if part.dtype.name == "bfloat16":
        return "BF16", np.ascontiguousarray(part).view(np.int16)
    for name, code in _DTYPES.items():
        if part.dtype == np.dtype(code):
            return name, part
    raise WrongType(f"a part of dtype {part.dtype} cannot be saved")


def _write(path: Any, tensors: Mapping[str, Tuple[str, np.ndarray]], about: Dict[str, str]) -> None:
    """Widest elements first, so that each tensor is aligned."""
    order = sorted(tensors, key=lambda name: -tensors[name][1].dtype.itemsize)
    header: Dict[str, Any] = {"__metadata__": about}
    end = 0
    for name in order:
        dtype, values = tensors[name]
        header[name] = {
            "dtype": dtype,
            "shape": list(values.shape),
            "data_offsets": [end, end + values.nbytes],
        }
        end += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in order:
            values = tensors[name][1]
            little = values.astype(values.dtype.newbyteorder("<"), copy=False)
            file.write(np.ascontiguousarray(little).data)


def _read(path: Any) -> Tuple[Dict[str, Any], np.ndarray]:
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise InvalidArgument(f"{os.fspath(path)} is no .safetensors file")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise InvalidArgument(f"{os.fspath(path)} is no .safetensors file") from error
    if 8 + length == size:
        return header, np.empty(0, dtype=np.uint8)
    return header, np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length)


def _view(data: np.ndarray, entry: Mapping[str, Any]) -> Any:
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(data):
        raise InvalidArgument("the file is shorter than its header says")
    values, shape = data[begin:end], entry["shape"]
    if entry["dtype"] != "BF16":
        return np.asarray(values).view(_DTYPES[entry["dtype"]]).reshape(shape)
    try:
        from ml_dtypes import bfloat16
    except ImportError:
        return _torch_bfloat16(np.asarray(values).view("<i2").reshape(shape))
    return np.asarray(values).view(bfloat16).reshape(shape)


def _torch_bfloat16(bits: np.ndarray) -> Any:
    try:
        import torch
    except ImportError as error:
        raise Missing(
            "the capture is of bfloat16, which NumPy does not have: pip install ml_dtypes"
        ) from error
    return torch.from_numpy(bits.copy()).view(torch.bfloat16)


def _observations(arrays: Mapping[str, Any], texts: Any) -> List[Observations]:
    found: List[Observations] = []
    while f"observations.{len(found)}.segments" in arrays:
        place = f"observations.{len(found)}."
        ids = arrays.get(place + "token_ids")
        segments, positions = arrays[place + "segments"], arrays[place + "positions"]
        found.append(Observations(segments, positions, ids, None if ids is None else texts))
    return found


def _layer(
    described: Mapping[str, Any], arrays: Mapping[str, Any], observations: List[Observations]
) -> Layer:
    name, places = described["name"], described["observations"]
    parts = {part: arrays[f"layers.{name}.{part}"] for part in places}
    of = {part: observations[place] for part, place in places.items()}
    return Layer(name, described["role"], parts, described["heads"], of)
