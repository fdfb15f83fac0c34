"""Queries, keys and values of a model while it reads: what `qkvsim.capture` is made of.

`capture` reads texts, `capturing` looks at any forward pass. torch and transformers are imported
where they are used and nowhere else.
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Mapping, Optional, Sequence, Tuple, Union

from ._capture_families import register
from ._capture_hooks import recording
from ._capture_layers import LayerChoice, choose_layers, find_layers
from ._capture_recorder import Recorder
from ._capture_texts import (
    decoder_ids,
    documents_of,
    evaluating,
    inputs_of,
    read,
    token_text,
    windows_of,
)
from ._captured import Capture, Layer, Observations
from ._errors import InvalidArgument, optional

__all__ = ["Capture", "Layer", "Observations", "capture", "capturing", "register"]

POINTS = ("projection", "attention")


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
    with recording(recorder):
        yield capture
    recorder.check()
    if tokenizer is not None:
        recorder.texts = {token: token_text(tokenizer, token) for token in recorder.token_ids()}
    recorder.finish(capture)


def _recorder(model: Any, layers: LayerChoice, point: str) -> Recorder:
    if point not in POINTS:
        raise InvalidArgument(f"point is {point!r}, but must be 'projection' or 'attention'")
    optional("torch", "a capture")
    return Recorder(model, choose_layers(find_layers(model), layers), point)


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
        torch: Any = optional("torch", "a capture")
        recorder = _recorder(model, layers, point)
        reading = windows_of(model, tokenizer, documents_of(text), window)
        decoding = decoder_ids(model, tokenizer, reading, decoder_text)
        with torch.no_grad(), evaluating(model), recording(recorder):
            for first in range(0, len(reading), batch_size):
                batch = reading[first : first + batch_size]
                recorder.documents = [(one.document, one.begin) for one in batch]
                given = inputs_of(tokenizer, [one.ids for one in batch], "")
                if decoding is not None:
                    rows = decoding[first : first + batch_size]
                    given.update(inputs_of(tokenizer, rows, "decoder_"))
                read(model, given)
        recorder.check()
        recorder.texts = {token: token_text(tokenizer, token) for token in recorder.token_ids()}
        captured = Capture(point, type(model).__name__)
        recorder.finish(captured)
        return captured


capture = _CaptureFunction()


def read_once(
    model: Any,
    layers: LayerChoice,
    point: str,
    given: Mapping[str, Any],
    documents: Sequence[Tuple[int, int]],
) -> Capture:
    """The capture of one pass, whose rows are of these documents, from these positions on."""
    torch: Any = optional("torch", "a capture")
    recorder = _recorder(model, layers, point)
    recorder.documents = documents
    with torch.no_grad(), recording(recorder):
        read(model, dict(given))
    recorder.check()
    captured = Capture(point, type(model).__name__)
    recorder.finish(captured)
    return captured
