"""What a capture gives: parts of layers, and which tokens their rows are."""

from __future__ import annotations

import difflib
import operator
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

import numpy as np

from ._capture_layers import LayerName
from ._errors import InvalidArgument


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
            raise InvalidArgument(f"no observation is the token {token!r}{nearest(token, present)}")
        ids = [one for one, text in self.texts.items() if text == token]
        return np.isin(self.token_ids, ids)


def nearest(token: str, present: Iterable[str]) -> str:
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
