"""Streams: what accumulators of each batch hold is what a capture of the whole corpus gives."""
import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

import qkvsim  # noqa: E402
from test_capture import T5, TEXTS, WORDS, Words, model_of  # noqa: E402
from test_capture_families import GROUPED, VISION, VOCABULARY  # noqa: E402


@pytest.fixture(scope="module")
def model():
    return model_of("LlamaModel", "LlamaConfig", GROUPED)


def corpus(batches, texts=3):
    """Batches of texts of other lengths, in which w5 occurs now and then."""
    random = np.random.default_rng(4)
    return [[" ".join(random.choice(WORDS[3:12], size=random.integers(4, 9)))
             for _ in range(texts)] for _ in range(batches)]


def accumulators(pieces, targets):
    """What a user would do by hand with the captures of the batches."""
    made = {}
    for capture in pieces:
        for name, layer in capture.layers.items():
            found = made.setdefault(name, (qkvsim.Accumulator(), qkvsim.Accumulator()))
            mask = targets(layer)
            for one, selected in zip(found, (mask, ~mask)):
                if selected.any():
                    one.update(layer, observations=selected)
    return made


def test_accumulators_are_those_of_the_batches_captures(model):
    batches = [[text] for batch in corpus(4) for text in batch]
    streamed = qkvsim.stream(model, batches, tokenizer=Words(), targets=" w5")
    expected = accumulators([qkvsim.capture(model, Words(), batch) for batch in batches],
                            lambda layer: np.array([t == " w5" for t in layer.tokens]))
    assert list(streamed.accumulators) == [0, 1]
    for name, (targets, others) in expected.items():
        assert streamed.accumulators[name] == {"targets": targets, "non-targets": others}
    assert (streamed.documents, streamed.batches) == (12, 12)
    assert streamed.observations == sum(len(t.split()) for batch in batches for t in batch)


def test_a_stream_gives_what_the_study_of_the_whole_capture_gives(model):
    batches = corpus(5)
    whole = qkvsim.capture(model, Words(), [text for batch in batches for text in batch])
    study = qkvsim.study(whole, targets=" w5", heads=True)
    streamed = qkvsim.stream(model, batches, tokenizer=Words(), targets=" w5", heads=True)
    one, other = streamed.to_frame(), study.to_frame()
    assert list(one.columns) == list(other.columns)
    assert one[["layer", "condition", "row", "metric"]].equals(
        other[["layer", "condition", "row", "metric"]])
    for name in ("mean", "variance", "offset_share", "offset_energy", "max"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-9, atol=1e-9)
    for found, expected in zip(streamed.study().layers, study.layers):
        for condition in (0, 1):
            np.testing.assert_array_equal(found.conditions[condition].analysis.histogram("pearson"),
                                          expected.conditions[condition].analysis.histogram("pearson"))
    assert streamed.to_dict()["layers"][1]["conditions"][0]["name"] == "targets"
    assert len(streamed.plot(rows=["Q-Q"]).axes) == 1


def test_a_stream_with_blocks_has_intervals(model):
    texts = [text for batch in corpus(10) for text in batch]
    streamed = qkvsim.stream(model, texts, tokenizer=Words(), targets=" w5", blocks=16, window=3)
    whole = qkvsim.capture(model, Words(), texts, window=3)
    layer = whole.layers[1]
    mask = np.array([token == " w5" for token in layer.tokens])
    both = [qkvsim.Accumulator(blocks=16) for _ in range(2)]
    for one, selected in zip(both, (mask, ~mask)):
        one.update(layer, observations=selected, segments=layer.segments)
    found = streamed.study(level=0.9)[1]
    assert [one.blocks for one in streamed.accumulators[1].values()] == [15, 15]
    assert [a.block_observations.tolist() for a in streamed.accumulators[1].values()] == \
        [a.block_observations.tolist() for a in both]
    pairs = [(condition.intervals, one.intervals(level=0.9))
             for condition, one in zip(found.conditions, both)]
    for made, expected in (*pairs, (found.difference, both[0].intervals(both[1], level=0.9))):
        for end in ("low", "estimate", "high"):
            np.testing.assert_allclose(made.statistic("offset_share", summary=end),
                                       expected.statistic("offset_share", summary=end), atol=1e-6)
    made = streamed.to_dict()
    assert made["options"]["interval"] == "jackknife"
    assert made["layers"][1]["conditions"][0]["interval"]["method"] == "jackknife"
    assert {"offset_share_low", "offset_share_high"} <= set(streamed.to_frame().columns)
    assert qkvsim.stream(model, texts, tokenizer=Words()).study()[0].conditions[0].intervals is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_no_observation(model, side):
    longest = max(len(text.split()) for text in TEXTS)
    ids, mask = torch.zeros(3, longest, dtype=torch.long), torch.zeros(3, longest, dtype=torch.long)
    for row, text in enumerate(TEXTS):
        words = Words()(text)["input_ids"]
        at = slice(longest - len(words), None) if side == "left" else slice(len(words))
        ids[row, at], mask[row, at] = torch.tensor(words), 1
    padded = qkvsim.stream(model, [dict(input_ids=ids, attention_mask=mask)], targets=8)
    single = qkvsim.stream(model, TEXTS, tokenizer=Words(), targets=" w5")
    assert padded.documents == single.documents == 3
    for name, found in single.accumulators.items():
        for condition, one in found.items():
            other = padded.accumulators[name][condition]
            assert one.observations == other.observations
            np.testing.assert_allclose(other.similarity(), one.similarity(), atol=1e-9)


def test_documents_and_positions_go_on_over_windows_and_batches(model):
    seen = []

    def targets(observations):
        seen.append(observations)
        return observations.positions % 2 == 0

    qkvsim.stream(model, [TEXTS[:2], TEXTS[2]], tokenizer=Words(), layers=1, targets=targets,
                  window=3)
    assert np.concatenate([one.segments for one in seen]).tolist() == [0] * 5 + [1] * 2 + [2] * 7
    assert np.concatenate([one.positions for one in seen]).tolist() == [
        *range(5), *range(2), *range(7)]
    assert [t for one in seen for t in one.tokens] == [" " + w for t in TEXTS for w in t.split()]


@pytest.mark.parametrize("targets", [
    " w5", 8, [" w5"], [8, np.int64(8)], lambda of: of.token_ids == 8,
    lambda of: np.array([t == " w5" for t in of.tokens])])
def test_targets_are_text_ids_several_or_a_function(model, targets):
    streamed = qkvsim.stream(model, [TEXTS], tokenizer=Words(), layers=0, targets=targets)
    assert {name: one.observations for name, one in streamed.accumulators[0].items()} == {
        "targets": 3, "non-targets": 11}


def test_without_targets_everything_is_one_condition(model):
    streamed = qkvsim.stream(model, (torch.full((2, 4), 5) for _ in range(3)), layers=[1])
    assert {name: one.observations for name, one in streamed.accumulators[1].items()} == {"all": 24}
    assert streamed.documents == 6


def test_streams_of_two_halves_are_merged_and_kept(model):
    batches = corpus(6)
    whole = qkvsim.stream(model, batches, tokenizer=Words(), targets=" w5")
    first, second = (qkvsim.stream(model, half, tokenizer=Words(), targets=" w5")
                     for half in (batches[:3], batches[3:]))
    kept = pickle.loads(pickle.dumps(first))
    assert kept == first and copy.deepcopy(first) == first
    kept.merge(second)
    assert (kept.documents, kept.batches, kept.observations) == (
        whole.documents, whole.batches, whole.observations)
    for name, found in whole.accumulators.items():
        for condition, one in found.items():
            np.testing.assert_allclose(kept.accumulators[name][condition].similarity(),
                                       one.similarity(), atol=1e-9)
    with pytest.raises(qkvsim.InvalidArgument, match="other layers or conditions"):
        kept.merge(qkvsim.stream(model, batches, tokenizer=Words()))


def test_of_batches_read_nothing_is_kept(model, monkeypatch):
    from qkvsim import _stream
    kept, read = [], _stream.read_once

    def watched(*arguments):
        gc.collect()
        assert [array() for array in kept[:-3]] == [None] * len(kept[:-3])
        captured = read(*arguments)
        kept.extend(weakref.ref(array) for array in captured.layers[0].parts.values())
        return captured

    monkeypatch.setattr(_stream, "read_once", watched)
    qkvsim.stream(model, (torch.full((2, 4), 5) for _ in range(5)), layers=0, targets=lambda of:
                  of.positions > 1)
    gc.collect()
    assert len(kept) == 15 and all(array() is None for array in kept)


def test_vision_and_an_encoders_layers(model):
    vision = model_of("ViTModel", "ViTConfig", VISION)
    batches = [dict(pixel_values=torch.randn(2, 3, 12, 12).double()) for _ in range(2)]
    first = qkvsim.stream(vision, batches, targets=lambda of: of.positions == 0)
    assert first.accumulators[1]["targets"].observations == 4
    with pytest.raises(qkvsim.InvalidArgument, match="are no tokens: targets must be a function"):
        qkvsim.stream(vision, batches, targets=3)
    both = model_of("T5Model", "T5Config", T5, decoder_start_token_id=0)
    encoder = qkvsim.stream(both, TEXTS, tokenizer=Words(), layers="encoder")
    assert list(encoder.accumulators) == ["encoder.0", "encoder.1"]
    given = dict(input_ids=torch.full((1, 5), 4), decoder_input_ids=torch.full((1, 3), 4))
    with pytest.raises(qkvsim.InvalidArgument, match="layer decoder.0.cross has 3 queries and 5 key"
                       "s: .* leave cross-attention out of layers"):
        qkvsim.stream(both, [given])


def test_the_model_is_left_as_it_was_and_progress_is_told(model):
    done = []
    model.train()
    try:
        qkvsim.stream(model, [TEXTS[0], TEXTS[1]], tokenizer=Words(), layers=0,
                      progress=lambda *told: done.append(told))
        assert model.training and not model._forward_hooks
    finally:
        model.eval()
    assert done == [(1, 2), (2, 2)]


@pytest.mark.parametrize("batches, options, why", [
    ([], {}, "there is no batch to read"),
    ([TEXTS], {}, "a batch is text: give the tokenizer as well"),
    ([5], {}, "a batch is a int, but must be text"),
    ([torch.full((1, 4), 5)], dict(targets=" w5"), "targets is text: give the tokenizer as well"),
    ([TEXTS], dict(tokenizer=Words(), targets="W5"), "no observation is the token 'W5': the nearest"
     " are ' w5'"),
    ([TEXTS], dict(tokenizer=Words(), targets=VOCABULARY - 1), "has the token id 49"),
    ([TEXTS], dict(tokenizer=Words(), targets=True), "targets must be"),
    ([TEXTS], dict(tokenizer=Words(), targets=[]), "targets must be"),
    ([TEXTS], dict(tokenizer=Words(), targets=lambda of: [1]), r"targets gave int64 of shape \(1,\)"
     ", but must give a bool for each of 5 observations"),
    ([torch.full((1, 4), 5)], dict(targets=5), "of 4 observations none is a non-target"),
    ([TEXTS], dict(tokenizer=Words(), layers=7), "no layer 7: the model has 0, 1")])
def test_what_cannot_be_streamed_is_refused(model, batches, options, why):
    with pytest.raises((qkvsim.InvalidArgument, qkvsim.WrongType), match=why):
        qkvsim.stream(model, batches, **options)


def test_a_stream_that_does_not_fit_changes_nothing():
    def streams(*widths):
        made = {}
        for k, width in enumerate(widths):
            made[k] = {"all": qkvsim.Accumulator()}
            made[k]["all"].update(np.random.default_rng(k).standard_normal((9, width)))
        return qkvsim.Stream(made, 1, 1)
    own = streams(6, 6)
    before = copy.deepcopy(own)
    with pytest.raises(qkvsim.InvalidArgument, match="the other has 9 features and this one 6"):
        own.merge(streams(6, 9))
    assert own == before
    with pytest.raises(qkvsim.InvalidArgument, match="merged with itself"):
        own.merge(own)
    assert own == before
