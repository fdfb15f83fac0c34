"""What examples in docstrings take for granted: a small model, and a tokenizer of words w0, w1, ..."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
OF_MODELS = ("._capture.", "._capture_file.", "._stream.")


@pytest.fixture(autouse=True)
def model_of_examples(request, doctest_namespace, tmp_path, monkeypatch):
    """Examples of models are skipped where torch is missing."""
    if not request.node.name.startswith("qkvsim.") \
            or not any(module in request.node.name for module in OF_MODELS):
        return
    for name in ("torch", "transformers"):
        pytest.importorskip(name)
    sys.path.append(os.path.join(HERE, "tests"))
    from test_capture import Words, model_of
    from test_capture_families import GROUPED
    doctest_namespace.update(
        model=model_of("LlamaModel", "LlamaConfig", {**GROUPED}), tokenizer=Words())
    monkeypatch.chdir(tmp_path)
